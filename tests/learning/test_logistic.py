from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from graphrec.learning.regressions.logistic import fit_logistic, left_out_losses, logit


def draw(seed: int, n: int = 400, p: int = 3, offset: float = 0.0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    known = offset * rng.normal(size=n)
    beta = rng.normal(size=p)
    return x, (rng.random(n) < expit(x @ beta + known)).astype(float), known, rng


def gradient(x, y, beta, penalty, offset, weights):
    return x.T @ (weights * (y - expit(offset + x @ beta))) - penalty * beta


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(0.0, 3.0))
def test_the_gradient_is_zero_at_the_optimum(seed, ridge, offset):
    x, y, known, rng = draw(seed, offset=offset)
    weights = rng.uniform(0.1, 3.0, len(y))
    fit = fit_logistic(x, y, penalty=ridge, offset=known, weights=weights)
    assert np.abs(gradient(x, y, fit.coefficients, ridge, known, weights)).max() < 1e-4


def test_without_offset_it_is_the_library_s_ridge():
    from sklearn.linear_model import LogisticRegression

    x, y, _, rng = draw(1)
    weights = rng.uniform(0.5, 2.0, len(y))
    ours = fit_logistic(x, y, penalty=2.0, weights=weights)
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=1_000)
    theirs.fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(ours.coefficients, theirs.coef_[0], atol=1e-5)


def test_an_offset_is_taken_as_known():
    x, y, known, _ = draw(2, n=60_000, offset=2.0)
    rng = np.random.default_rng(2)
    rng.normal(size=(60_000, 2)), rng.normal(size=60_000)
    beta = rng.normal(size=3)
    with_offset = fit_logistic(x, y, penalty=1e-6, offset=known).coefficients
    without = fit_logistic(x, y, penalty=1e-6).coefficients
    assert np.abs(with_offset - beta).max() < 0.06
    assert np.abs(without - beta).max() > 0.1


def test_a_weight_is_a_number_of_copies():
    x, y, known, rng = draw(3, n=100, offset=1.0)
    copies = rng.integers(1, 4, len(y))
    weighted = fit_logistic(x, y, offset=known, weights=copies.astype(float))
    repeated = fit_logistic(np.repeat(x, copies, axis=0), np.repeat(y, copies), offset=np.repeat(known, copies))
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, atol=1e-6)


def test_the_covariance_is_honest_about_clusters():
    """Each row four times over: clustered standard errors stay, naive ones halve."""
    x, y, _, _ = draw(4, n=2_000)
    single = fit_logistic(x, y, penalty=0.0)
    four = np.repeat(np.arange(len(y)), 4)
    clustered = fit_logistic(x[four], y[four], penalty=0.0, clusters=four)
    naive = fit_logistic(x[four], y[four], penalty=0.0)
    np.testing.assert_allclose(clustered.covariance, single.covariance, rtol=1e-3)
    np.testing.assert_allclose(naive.covariance, single.covariance / 4, rtol=1e-3)


def test_standard_errors_match_the_spread_over_samples():
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(500), rng.normal(size=500)])
    p = expit(x @ np.array([-0.5, 0.8]))
    fits = [fit_logistic(x, (rng.random(500) < p).astype(float), penalty=0.0) for _ in range(300)]
    spread = np.std([fit.coefficients for fit in fits], axis=0)
    told = np.sqrt(np.mean([np.diag(fit.covariance) for fit in fits], axis=0))
    np.testing.assert_allclose(told, spread, rtol=0.2)


def test_the_variance_of_a_row_is_its_quadratic_form():
    x, y, _, _ = draw(6)
    fit = fit_logistic(x, y)
    assert fit.variance(x[:5])[2] == pytest.approx(x[2] @ fit.covariance @ x[2])
    assert fit.predict(x[:5])[2] == pytest.approx(x[2] @ fit.coefficients)


def test_separated_data_stay_finite():
    x = np.column_stack([np.ones(40), np.r_[-np.ones(20), np.ones(20)]])
    fit = fit_logistic(x, (x[:, 1] > 0).astype(float), penalty=np.array([0.0, 1.0]))
    assert np.isfinite(fit.coefficients).all() and fit.coefficients[1] > 1
    never = fit_logistic(np.ones((40, 1)), np.zeros(40), penalty=0.0)
    assert expit(never.coefficients[0]) < 1e-3 and np.isfinite(never.covariance).all()


def test_left_out_losses_are_close_to_refits_and_choose_the_same_ridge():
    x, y, known, rng = draw(7, n=1_500, p=12, offset=0.5)
    folds = rng.integers(0, 5, len(y))
    penalties = [np.r_[0.1, np.full(11, strength)] for strength in (1.0, 10.0, 100.0, 1_000.0)]
    quick = left_out_losses(x, y, known, folds, penalties).sum(axis=0)
    exact = np.zeros(len(penalties))
    for number, penalty in enumerate(penalties):
        for fold in range(5):
            train, test = folds != fold, folds == fold
            fit = fit_logistic(x[train], y[train], penalty=penalty, offset=known[train])
            eta = known[test] + fit.predict(x[test])
            exact[number] += (np.logaddexp(0, eta) - y[test] * eta).sum()
    np.testing.assert_allclose(quick, exact, rtol=0.02)
    assert exact[np.argmin(quick)] <= exact.min() * 1.002


@given(st.floats(0.0, 1.0))
def test_the_logit_is_finite_and_turns_back(p):
    found = float(logit(np.array([p]))[0])
    assert np.isfinite(found)
    assert expit(found) == pytest.approx(np.clip(p, 1e-6, 1 - 1e-6), rel=1e-6)
