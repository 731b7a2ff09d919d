"""Trees are believed where the effect is not linear, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from graphrec.learning import response
from graphrec.learning.regressions.residual import BoostedResidual, LeftOver, fit_residual


def bent(planted, seed):
    """Rows whose contact helps those near the middle of a column and nobody else."""
    made = planted(seed, n=24_000, level=(0.0,), slope=0.0, contacted=0.3)
    x = made.rows.matrix[:, 2]
    rng = np.random.default_rng(seed)
    logit = np.log(made.organic / (1 - made.organic))
    contact = expit(logit + 2.0 * (np.abs(x) < 0.7))
    chance = np.where(made.rows.contacted, contact, made.organic)
    rows = replace(made.rows, outcome=(rng.random(len(x)) < chance).astype(np.float64))
    return rows, contact - made.organic


def error(model, rows, truth):
    return float(np.sqrt(np.mean((model.predict(rows.matrix, errors=False).uplift[:, 0] - truth) ** 2)))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_bent_effect_is_learned(planted, seed, monkeypatch):
    rows, truth = bent(planted, seed)
    whole = response.fit_structured_uplift(rows, np.random.default_rng(seed))
    monkeypatch.setattr(response, "fit_residual", lambda *ignored: None)
    linear = response.fit_structured_uplift(rows, np.random.default_rng(seed))
    assert whole.residual is not None and linear.residual is None
    assert error(whole, rows, truth) < 0.85 * error(linear, rows, truth)


def left_over(seed, n=4_000, known=True):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    logit = -1.0 + x[:, 0]
    outcome = (rng.random(n) < expit(logit)).astype(np.float64)
    channel = rng.integers(0, 2, n)
    start = logit if known else np.full(n, -1.0)
    rows = LeftOver(x.astype(np.float32), logit, channel, 2, outcome, start)
    return rows, rng.integers(0, 5, n), np.arange(n) // 4


def test_where_nothing_is_left_trees_are_not_believed():
    found = [fit_residual(*left_over(seed), seed=0) for seed in range(8)]
    assert sum(residual is not None for residual in found) <= 1


def test_what_is_left_is_found_and_survives_its_text():
    rows, folds, clusters = left_over(0, known=False)
    residual = fit_residual(rows, folds, clusters, seed=0)
    assert residual is not None and 0 < residual.share <= 1
    moved = residual.logits(rows.matrix, rows.offset, rows.channel)
    assert np.corrcoef(moved, rows.matrix[:, 0])[0, 1] > 0.9
    again = BoostedResidual.from_texts(residual.to_texts(), residual.share, 2)
    assert (again.logits(rows.matrix, rows.offset, rows.channel) == moved).all()


def test_few_events_are_left_alone():
    rows, folds, clusters = left_over(0, n=300, known=False)
    assert fit_residual(rows, folds, clusters, seed=0) is None
