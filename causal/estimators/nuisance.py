"""The two regressions an effect estimate leans on, cross-fitted: who is treated, and what happens then.

Hides the learners. Each regression is the convex combination of four members that predicts held-out rows
best (stacking, Wolpert 1992; van der Laan 2007): a linear model (ridge or logistic), the same with bends (restricted
cubic splines, and products of columns where the residuals call for them), and two small gradient boostings, one of
which starts from the bends (LightGBM: 8 times faster here than the histogram boosting of scikit-learn). Lines win on
small or randomised data, bends on smooth curves and interactions, trees on steps. No row is predicted by a model that
saw its cluster (cross-fitting, Chernozhukov et al. 2018), and the shares of the members in a fold are chosen on the
other folds. One learner was considered: boosting with lines left 7 % of a smooth confounder's bias in place where
the mixture leaves 1.5 %.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from causal.estimators.learners import MEMBERS, Floats, Ints, predict_classes, predict_means

__all__ = ["make_folds", "outcome_means", "propensities"]

STEPS = 6
SHARES = np.array([parts for parts in product(range(STEPS + 1), repeat=len(MEMBERS)) if sum(parts) == STEPS]) / STEPS
TINY = 1e-6


def make_folds(arms: Ints, events: NDArray[np.bool_], clusters: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Spread clusters over folds so that every arm, and its events, is in every fold.

    Clusters are put in order of their rarest arm and of whether that arm has an event there, in random order
    within, and dealt out one by one.

    Parameters
    ----------
    arms : ndarray of int, shape (n,)
        Arm of each row, 0 .. K - 1.
    events : ndarray of bool, shape (n,)
        Rows with a rare outcome; all False when there is none.
    clusters : ndarray of int, shape (n,)
        Cluster of each row, 0 .. G - 1.
    folds : int
        Number of folds wanted, at most G.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n,)
        Fold of each row; rows of a cluster share it.
    """
    rarity = np.argsort(np.argsort(-np.bincount(arms), kind="stable"))  # 0 = most frequent arm
    strata = rarity[arms] * 2 + events
    n_clusters = int(clusters.max()) + 1
    label = np.zeros(n_clusters, dtype=np.int64)
    np.maximum.at(label, clusters, strata)
    order = np.lexsort((rng.permutation(n_clusters), label))
    fold_of = np.empty(n_clusters, dtype=np.int64)
    fold_of[order] = np.arange(n_clusters) % folds
    return fold_of[clusters]


def propensities(x: Floats, arms: Ints, weights: Floats, folds: Ints, rng: np.random.Generator) -> Floats:
    """Estimate the probability of every arm given the covariates, cross-fitted.

    ``e_k(x) = P(arm = k | x)`` in the population that the weights stand for.

    Parameters
    ----------
    x : ndarray of float, shape (n, p)
    arms : ndarray of int, shape (n,)
        Arm of each row, 0 .. K - 1.
    weights : ndarray of float, shape (n,)
        Sampling weights (1 / probability that the row was drawn).
    folds : ndarray of int, shape (n,)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (n, K)
        Rows sum to 1; every entry is at least 1e-6.
    """
    n_arms = int(arms.max()) + 1
    if x.shape[1] == 0:
        return np.tile(np.bincount(arms, weights, n_arms) / weights.sum(), (len(x), 1))
    seed = _seed(rng)
    members = np.empty((len(MEMBERS), len(x), n_arms))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        members[:, test] = predict_classes(x[train], arms[train], weights[train], x[test], n_arms, seed)
    own = members[:, np.arange(len(x)), arms]  # what each member gave to what happened
    losses = [-np.log(np.clip(share @ own, TINY, None)) for share in SHARES]
    mixed = np.einsum("nm,mnk->nk", _best_shares(np.stack(losses), weights, folds), members)
    mixed = np.clip(mixed, TINY, None)
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def outcome_means(
    x: Floats, arms: Ints, outcome: Floats, weights: Floats, folds: Ints, rng: np.random.Generator
) -> Floats:
    """Estimate the mean outcome under every arm given the covariates, cross-fitted.

    ``m_k(x) = E[Y | arm = k, x]``, one model per arm. Predictions stay within the range of the outcome seen
    in the arm, so that a linear model cannot extrapolate out of it.

    Parameters
    ----------
    x : ndarray of float, shape (n, p)
    arms : ndarray of int, shape (n,)
    outcome : ndarray of float, shape (n,)
        A 0 / 1 outcome gets logistic models, any other squared-error ones.
    weights : ndarray of float, shape (n,)
    folds : ndarray of int, shape (n,)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (n, K)
        In units of the outcome.
    """
    n_arms = int(arms.max()) + 1
    seed = _seed(rng)
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    means = np.empty((len(x), n_arms))
    for arm in range(n_arms):
        members = _arm_members(x, arms == arm, outcome, weights, folds, binary, seed)
        losses = np.stack([(outcome - share @ members) ** 2 for share in SHARES])
        shares = _best_shares(losses, weights * (arms == arm), folds)
        means[:, arm] = np.einsum("nm,mn->n", shares, members)
    return means


def _arm_members(
    x: Floats, own: NDArray[np.bool_], y: Floats, weights: Floats, folds: Ints, binary: bool, seed: int
) -> Floats:
    """Predict every row by the members, each fitted on the arm's rows in the other folds."""
    members = np.empty((len(MEMBERS), len(x)))
    for fold in np.unique(folds):
        test = folds == fold
        train = ~test & own if (~test & own).any() else own  # an arm whose clusters all fell into one fold
        target, w = y[train], weights[train]
        if x.shape[1] == 0 or np.ptp(target) == 0.0:
            members[:, test] = np.average(target, weights=w)
        elif binary:
            members[:, test] = predict_classes(x[train], target.astype(np.int64), w, x[test], 2, seed)[:, :, 1]
        else:
            predicted = predict_means(x[train], target, w, x[test], seed)
            members[:, test] = np.clip(predicted, target.min(), target.max())
    return members


def _best_shares(losses: Floats, weights: Floats, folds: Ints) -> Floats:
    """Return each row's shares of the members: those that lose least on the other folds."""
    by_fold = np.stack([np.bincount(folds, weights * loss) for loss in losses])
    others = by_fold.sum(axis=1, keepdims=True) - by_fold
    return np.asarray(SHARES[others.argmin(axis=0)][folds])


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 1))
