from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from graphrec.learning.response import Response, StructuredUplift, fit_structured_uplift
from graphrec.market.tables import DataError


def fit(rows, seed=0):
    return fit_structured_uplift(rows, np.random.default_rng(seed))


def reordered(rows, order):
    parts = {name: getattr(rows, name)[order] for name in ("matrix", "channel", "outcome", "weights", "clusters")}
    return replace(rows, **parts)


@pytest.fixture(scope="module")
def case(planted):
    made = planted(0, n=16_000)
    return made, fit(made.rows)


@pytest.fixture(scope="module")
def response(case):
    made, model = case
    return model.predict(made.rows.matrix)


def test_the_uplift_is_a_difference():
    found = Response(np.array([0.1, 0.2]), np.array([[0.3], [0.1]]), np.zeros((2, 1)))
    np.testing.assert_allclose(found.uplift, [[0.2], [-0.1]])


def test_a_planted_effect_is_found_for_each_person_and_channel(case, response):
    made, _ = case
    for channel in (0, 1):
        assert response.uplift[:, channel].mean() == pytest.approx(made.uplift[:, channel].mean(), abs=0.025)
        assert np.corrcoef(response.uplift[:, channel], made.uplift[:, channel])[0, 1] > 0.8
    assert (response.uplift[:, 1] - response.uplift[:, 0]).mean() > 0.03
    assert np.abs(response.p_organic - made.organic).mean() < 0.02


def test_a_confounded_contact_without_effect_has_none(planted):
    made = planted(1, n=16_000, level=(0.0,), slope=0.0, confounding=1.5)
    outcome, contacted = made.rows.outcome, made.rows.contacted
    assert outcome[contacted].mean() - outcome[~contacted].mean() > 0.1
    assert abs(fit(made.rows).predict(made.rows.matrix).uplift.mean()) < 0.03


def test_probabilities_are_inside_zero_and_one_far_outside_the_data(case):
    made, model = case
    far = model.predict(made.rows.matrix[:200] * 20)
    assert (far.p_organic > 0).all() and (far.p_organic < 1).all()
    assert (far.p_contact > 0).all() and (far.p_contact < 1).all()
    assert np.isfinite(far.se).all() and (far.se >= 0).all()


@pytest.mark.slow
def test_intervals_hold_the_conditional_mean_about_as_often_as_they_say(planted):
    covered = []
    for seed in range(8):
        made = planted(seed, n=8_000, level=(0.8,), slope=0.4)
        found = fit(made.rows, seed).predict(made.rows.matrix)
        covered.append((np.abs(found.uplift - made.uplift) <= 1.645 * found.se).mean())
    assert 0.75 < np.mean(covered) <= 1.0


def test_the_order_of_the_rows_changes_nothing_but_their_order(case):
    """The same customers fall in the same folds; boosting sums in another order, so equal to rounding."""
    made, model = case
    order = np.random.default_rng(5).permutation(len(made.rows.outcome))
    found, again = model.predict(made.rows.matrix), fit(reordered(made.rows, order)).predict(made.rows.matrix)
    assert np.abs(found.uplift - again.uplift).max() < 0.02
    assert np.corrcoef(found.uplift[:, 0], again.uplift[:, 0])[0, 1] > 0.99
    np.testing.assert_array_equal(model.predict(made.rows.matrix[order]).uplift, found.uplift[order])


def test_one_row_alone_is_scored_as_in_a_batch(case, response):
    made, model = case
    alone = model.predict(made.rows.matrix[7:8])
    np.testing.assert_allclose(alone.uplift[0], response.uplift[7], rtol=1e-9)
    small = model.predict(made.rows.matrix[:100], batch=7)
    np.testing.assert_allclose(small.p_contact, response.p_contact[:100], rtol=1e-9)
    np.testing.assert_allclose(small.se, response.se[:100], rtol=1e-9)
    assert model.predict(made.rows.matrix[:0]).p_contact.shape == (0, 2)


def test_without_errors_the_rest_is_the_same(case, response):
    made, model = case
    quick = model.predict(made.rows.matrix, errors=False)
    assert quick.p_contact.tobytes() == response.p_contact.tobytes()
    assert quick.p_organic.tobytes() == response.p_organic.tobytes() and np.isnan(quick.se).all()


def test_the_order_of_channels_is_a_name_only(planted):
    made = planted(2, n=6_000)
    rows = made.rows
    swapped = replace(rows, channel=np.array([0, 2, 1])[rows.channel], channels=rows.channels[::-1])
    np.testing.assert_allclose(
        fit(rows).predict(rows.matrix).uplift, fit(swapped).predict(rows.matrix).uplift[:, ::-1], atol=1e-6
    )


def test_columns_that_nobody_named_modify_the_effect_where_customers_left_out_gain(planted):
    made = planted(3, n=12_000, slope=0.8)
    unnamed = fit(replace(made.rows, modifiers=np.zeros(4, dtype=bool)))
    assert unnamed.modifiers.all()
    assert np.allclose(unnamed.effect.coefficients, fit(made.rows).effect.coefficients)


def test_columns_that_nobody_named_stay_out_where_they_say_nothing(planted):
    chosen = []
    for seed in range(5):
        made = planted(seed, n=4_000, slope=0.0)
        chosen.append(fit(replace(made.rows, modifiers=np.array([True, False, False, False]))).modifiers.tolist())
    assert chosen.count([True, False, False, False]) >= 4


def test_the_same_seed_gives_the_same_bytes_and_the_seed_matters(case, response):
    made, _ = case
    again = fit(made.rows).predict(made.rows.matrix)
    assert again.p_contact.tobytes() == response.p_contact.tobytes()
    assert again.se.tobytes() == response.se.tobytes()
    assert fit(made.rows, 1).predict(made.rows.matrix).p_contact.tobytes() != response.p_contact.tobytes()


def test_parts_hold_the_whole_model(case, response):
    made, model = case
    arrays, texts, meta = model.to_parts()
    meta = json.loads(json.dumps(meta))
    again = StructuredUplift.from_parts(arrays, texts, meta, model.exposure.control_weights, model.exposure.balance)
    found = again.predict(made.rows.matrix)
    assert found.p_contact.tobytes() == response.p_contact.tobytes()
    assert found.se.tobytes() == response.se.tobytes()
    assert (again.channels, again.names) == (model.channels, model.names)
    assert (again.exposure.supported(made.rows.matrix) == model.exposure.supported(made.rows.matrix)).all()


def test_one_channel_alone(planted):
    made = planted(4, n=6_000, level=(1.0,))
    found = fit(made.rows).predict(made.rows.matrix)
    assert found.uplift.shape == (6_000, 1)
    assert found.uplift.mean() == pytest.approx(made.uplift.mean(), abs=0.04)


def test_a_channel_with_ten_contacts_leans_on_the_others_and_says_how_little_it_knows(planted):
    made = planted(5, n=12_000, level=(0.8, 0.8))
    rows = made.rows
    few = np.flatnonzero(rows.channel == 2)[10:]
    keep = np.setdiff1d(np.arange(len(rows.outcome)), few)
    found = fit(reordered(rows, keep)).predict(rows.matrix)
    assert np.isfinite(found.uplift).all()
    assert np.abs(found.uplift[:, 1] - found.uplift[:, 0]).mean() < 0.25
    assert found.se[:, 1].mean() > 1.5 * found.se[:, 0].mean()


def test_without_columns_the_effect_is_the_difference_of_means(planted):
    made = planted(6, n=6_000, confounding=0.0, level=(0.8,))
    rows = replace(made.rows, matrix=made.rows.matrix[:, :0], names=(), modifiers=np.zeros(0, dtype=bool))
    found = fit(rows).predict(rows.matrix)
    gap = rows.outcome[rows.contacted].mean() - rows.outcome[~rows.contacted].mean()
    assert found.uplift == pytest.approx(gap, abs=0.01)


def test_few_customers_and_an_outcome_that_contact_makes_certain(planted):
    made = planted(7, n=300, level=(1.0,))
    rows = replace(made.rows, outcome=np.where(made.rows.contacted, 1.0, made.rows.outcome))
    found = fit(rows).predict(rows.matrix)
    assert np.isfinite(found.p_contact).all() and found.p_contact.mean() > 0.8


def test_contacts_to_three_customers_only_do_not_break_the_folds(planted):
    made = planted(8, n=4_000, level=(1.0,))
    three = np.isin(made.rows.clusters, (0, 1, 2))
    rows = replace(made.rows, channel=np.where(three, 1, 0))
    assert np.isfinite(fit(rows).predict(rows.matrix).uplift).all()


def test_what_cannot_be_learned_is_refused_with_the_remedy(planted):
    rows = planted(9, n=400).rows
    n = len(rows.outcome)
    with pytest.raises(DataError, match=r"no row was contacted.*give contacted rows"):
        fit(replace(rows, channel=np.zeros(n, dtype=np.int64)))
    with pytest.raises(DataError, match=r"every row was contacted.*add rows not contacted"):
        fit(replace(rows, channel=np.ones(n, dtype=np.int64)))
    for certain in (0.0, 1.0):
        with pytest.raises(DataError, match=f"outcome is {certain:.0f} for every row without contact; lengthen"):
            fit(replace(rows, outcome=np.where(rows.contacted, rows.outcome, certain)))
    with pytest.raises(DataError, match="2 customers cannot be split into 5 folds"):
        fit(replace(rows, clusters=np.arange(n) % 2))
