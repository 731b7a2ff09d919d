"""Ridges by marginal likelihood: they find the spread that coefficients were drawn with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from graphrec.learning.regressions.logistic import fit_logistic
from graphrec.learning.regressions.shrinkage import choose_ridge


def _draw(spread: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(spread)))
    beta = rng.normal(size=len(spread)) * spread
    offset = rng.normal(-1.0, 1.0, n)
    return x, beta, offset, (rng.random(n) < expit(offset + x @ beta)).astype(np.float64)


def test_each_group_gets_the_precision_its_coefficients_were_drawn_with():
    spread = np.repeat([0.5, 0.15, 0.0], 40)
    groups = np.repeat([1, 2, 3], 40)
    x, _, offset, y = _draw(spread, 12_000, seed=0)
    ridge = choose_ridge(x, y, groups, fixed=0.1, offset=offset)[[0, 40, 80]]
    assert 1 / 0.5**2 / 1.7 < ridge[0] < 1.7 / 0.5**2
    assert 1 / 0.15**2 / 2 < ridge[1] < 2 / 0.15**2
    assert ridge[2] > 1_000


def test_a_fixed_group_keeps_its_ridge_and_the_order_of_rows_does_not_matter():
    x, _, offset, y = _draw(np.full(6, 0.3), 2_000, seed=1)
    groups = np.array([0, 0, 1, 1, 2, 2])
    ridge = choose_ridge(x, y, groups, fixed=0.7, offset=offset)
    assert (ridge[:2] == 0.7).all()
    order = np.random.default_rng(2).permutation(2_000)
    again = choose_ridge(x[order], y[order], groups, fixed=0.7, offset=offset[order])
    assert again == pytest.approx(ridge, rel=1e-6)


def test_predictions_are_right_in_size_where_outcomes_are_few():
    """The slope of the truth on the prediction is one; with a ridge ten times smaller it is far below."""
    slopes, loose = [], []
    for seed in range(8):
        x, beta, offset, y = _draw(np.full(30, 0.15), 700, seed=10 + seed)
        ridge = choose_ridge(x, y, np.ones(30, dtype=np.int64), fixed=0.1, offset=offset)
        for found, penalty in ((slopes, ridge), (loose, ridge / 10)):
            guess = x @ fit_logistic(x, y, penalty=penalty, offset=offset).coefficients
            found.append(float(guess @ (x @ beta) / (guess @ guess)))
    assert np.mean(slopes) == pytest.approx(1.0, abs=0.15)
    assert np.mean(loose) < np.mean(slopes) - 0.2
