from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphrec.learning.baselines import (
    BASELINES,
    fit_appetite_rank,
    fit_best_constant,
    fit_response_rank,
    fit_t_learner,
)


@pytest.fixture(scope="module")
def randomised(planted):
    return planted(0, n=9_000, confounding=0.0, contacted=0.5)


def rng():
    return np.random.default_rng(0)


def test_every_rival_answers_in_the_same_shape(planted):
    rows = planted(1, n=1_200).rows
    for name, head in BASELINES.items():
        found = head(rows, rng()).predict(rows.matrix[:50])
        assert found.p_contact.shape == found.uplift.shape == found.se.shape == (50, 2), name
        assert (found.p_contact >= 0).all() and (found.p_contact <= 1).all(), name
        assert np.isfinite(found.se).all() if name == "T-learner" else np.isnan(found.se).all(), name


def test_on_randomised_data_the_t_learner_finds_the_effect(randomised):
    found = fit_t_learner(randomised.rows, rng()).predict(randomised.rows.matrix)
    assert np.corrcoef(found.uplift[:, 0], randomised.uplift[:, 0])[0, 1] > 0.5
    np.testing.assert_allclose(found.uplift.mean(axis=0), randomised.uplift.mean(axis=0), atol=0.03)


def test_response_and_appetite_rank_by_one_probability_each(randomised):
    matrix = randomised.rows.matrix[:100]
    t_learner = fit_t_learner(randomised.rows, rng()).predict(matrix)
    response = fit_response_rank(randomised.rows, rng()).predict(matrix)
    appetite = fit_appetite_rank(randomised.rows, rng()).predict(matrix)
    np.testing.assert_allclose(response.uplift, t_learner.p_contact)
    np.testing.assert_allclose(appetite.uplift, np.column_stack([t_learner.p_organic] * 2))


def test_the_best_constant_is_the_naive_difference(randomised):
    rows = randomised.rows
    found = fit_best_constant(rows, rng()).predict(rows.matrix[:3])
    gap = rows.outcome[rows.channel == 2].mean() - rows.outcome[rows.channel == 0].mean()
    np.testing.assert_allclose(found.uplift[:, 1], gap)
    np.testing.assert_allclose(found.uplift.mean(axis=0), randomised.uplift.mean(axis=0), atol=0.03)


def test_the_best_constant_weights_the_controls(randomised):
    rows = randomised.rows
    weights = np.where(rows.outcome > 0, 3.0, 1.0)
    found = fit_best_constant(replace(rows, weights=weights), rng()).predict(rows.matrix[:1])
    control = rows.channel == 0
    assert found.p_organic[0] == pytest.approx(np.average(rows.outcome[control], weights=weights[control]))


def test_an_arm_of_ten_rows_is_fitted_all_the_same(planted):
    rows = planted(2, n=2_000).rows
    few = np.flatnonzero(rows.channel == 2)[10:]
    keep = np.setdiff1d(np.arange(2_000), few)
    parts = {name: getattr(rows, name)[keep] for name in ("matrix", "channel", "outcome", "weights", "clusters")}
    found = fit_t_learner(replace(rows, **parts), rng()).predict(rows.matrix)
    assert np.isfinite(found.uplift).all()


def test_the_same_seed_gives_the_same_bytes(randomised):
    first, again = (fit_t_learner(randomised.rows, rng()).predict(randomised.rows.matrix) for _ in range(2))
    assert first.p_contact.tobytes() == again.p_contact.tobytes()
