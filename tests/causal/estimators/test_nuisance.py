"""The cross-fitted regressions: folds, calibration, and that no row meets itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.estimation import estimate_effect
from causal.estimators.learners import _find_products
from causal.estimators.nuisance import make_folds, outcome_means, propensities


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 60), st.integers(2, 5), st.integers(0, 10_000))
def test_folds_keep_clusters_whole_and_spread_them_evenly(n_clusters, folds, seed):
    draw = np.random.default_rng(seed)
    clusters = np.concatenate([np.arange(n_clusters), draw.integers(0, n_clusters, 3 * n_clusters)])
    arms = (draw.random(n_clusters) < 0.4).astype(np.int64)[clusters]
    fold = make_folds(arms, np.zeros(len(arms), dtype=bool), clusters, folds, draw)
    assert all(len(np.unique(fold[clusters == cluster])) == 1 for cluster in range(n_clusters))
    _, first = np.unique(clusters, return_index=True)
    for arm in (0, 1):
        sizes = np.bincount(fold[first][arms[first] == arm], minlength=folds)
        assert sizes.max() - sizes.min() <= 1


def market(n, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 3))
    score = np.column_stack([np.zeros(n), x[:, 0], np.abs(x[:, 1]) - 1])
    e = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    arms = (draw.random((n, 1)) > e.cumsum(axis=1)).sum(axis=1)
    folds = make_folds(arms, np.zeros(n, dtype=bool), np.arange(n), 5, draw)
    return x, e, arms, folds, draw


def test_propensities_find_lines_and_bends_and_add_up():
    x, e, arms, folds, draw = market(8_000)
    found = propensities(x, arms, np.ones(8_000), folds, draw)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert np.sqrt(np.mean((found - e) ** 2)) < 0.03
    constant = np.sqrt(np.mean((e.mean(axis=0) - e) ** 2))
    assert np.sqrt(np.mean((found - e) ** 2)) < 0.3 * constant


def test_propensities_of_sampled_controls_are_those_of_the_population():
    x, e, arms, _, draw = market(20_000)
    keep = (arms != 0) | (draw.random(20_000) < 0.25)
    weights = np.where(arms == 0, 4.0, 1.0)[keep]
    folds = make_folds(arms[keep], np.zeros(keep.sum(), dtype=bool), np.arange(keep.sum()), 5, draw)
    weighted = propensities(x[keep], arms[keep], weights, folds, draw)
    plain = propensities(x[keep], arms[keep], np.ones(keep.sum()), folds, draw)
    assert np.abs(weighted - e[keep]).mean() < 0.25 * np.abs(plain - e[keep]).mean()


def test_outcome_means_follow_each_arm_and_stay_in_its_range():
    x, _, arms, folds, draw = market(8_000)
    truth = np.column_stack([x[:, 0], x[:, 0] ** 2, np.where(x[:, 2] > 0, 2.0, -1.0)])
    y = truth[np.arange(8_000), arms] + 0.5 * draw.normal(size=8_000)
    found = outcome_means(x, arms, y, np.ones(8_000), folds, draw)
    for arm in range(3):
        own = arms == arm
        error = np.sqrt(np.mean((found - truth)[own, arm] ** 2))
        assert error < 0.2 * truth[own, arm].std()
        assert y[own].min() <= found[:, arm].min() and found[:, arm].max() <= y[own].max()


def test_no_row_is_predicted_by_a_model_that_saw_its_cluster():
    """Outcomes that are pure noise shared within clusters cannot be predicted unless a cluster leaks."""
    draw = np.random.default_rng(0)
    clusters = np.repeat(np.arange(400), 5)
    x = draw.normal(size=(400, 2))[clusters]  # identifies the cluster
    y = draw.normal(size=400)[clusters]
    arms = np.tile([0, 1, 0, 1, 0], 400)
    none = np.zeros(2_000, dtype=bool)
    kept = outcome_means(x, arms, y, np.ones(2_000), make_folds(arms, none, clusters, 5, draw), draw)
    leaked = outcome_means(x, arms, y, np.ones(2_000), draw.integers(0, 5, 2_000), draw)
    assert abs(np.corrcoef(kept[:, 0], y)[0, 1]) < 0.1
    assert np.corrcoef(leaked[:, 0], y)[0, 1] > 0.3


def crossed(n, seed):
    """Two columns that matter only as a product, for who is treated and for what follows; the effect is 1."""
    draw = np.random.default_rng(seed)
    x = draw.uniform(-2, 2, size=(n, 4))
    both = x[:, 0] * x[:, 1]
    treated = draw.random(n) < 1 / (1 + np.exp(-1.2 * both))
    y = 2 * both + x[:, 2] ** 2 + treated + draw.normal(size=n)
    return pd.DataFrame(x, columns=list("abcd")).assign(t=treated, y=y)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_confounder_that_is_a_product_without_main_effects_is_adjusted_for(seed):
    spec = SimpleNamespace(treatment="t", outcome="y", adjustment_set=tuple("abcd"), method="o-set")
    effect = estimate_effect(crossed(2_500, seed), spec, rng=seed)
    assert effect.naive.value > 2.5  # most of it from the product
    assert abs(effect.value - 1.0) < 0.25  # without products: 1.39, 1.38, 1.47


def test_no_product_is_found_where_chance_alone_would_offer_one():
    draw = np.random.default_rng(3)
    found = sum(
        len(_find_products(x, draw.standard_t(5, size=(400, 1)), np.ones(400), 12))
        for x in draw.normal(size=(60, 400, 8))
    )
    assert found == 0
    x = draw.normal(size=(400, 8))
    left = x[:, [2]] * x[:, [5]] + draw.normal(size=(400, 1))
    assert _find_products(x, left, np.ones(400), 12)[0] == (2, 5)
