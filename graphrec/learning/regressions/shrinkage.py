r"""How strongly coefficients are shrunk, group by group: the ridge under which the outcomes were most likely.

Coefficients of a group are taken as drawn from a normal distribution around zero; its precision is the group's ridge.
The likelihood with the coefficients integrated out (Laplace's approximation around their mode) is largest where

.. math:: \lambda_g = \gamma_g / \lVert \beta_g \rVert^2, \qquad \gamma_g = p_g - \lambda_g \, \mathrm{tr}(H^{-1}_{gg})

(MacKay 1992, "Bayesian interpolation"), which is iterated. Alternative considered: the ridge with the least loss on
customers left out, over a grid. With ninety purchases among the contacted that loss is nearly flat, so the grid took
too little shrinkage as often as too much: on simulated markets the true effect rose by .63 to .82 for each unit of
predicted effect where it now rises by .81 to .98, and the advice found 1 to 4 % less of what was possible. A grid also
cannot afford a ridge of its own for each group.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from graphrec.learning.regressions.logistic import fit_logistic

__all__ = ["choose_ridge"]

_LEAST, _MOST = 0.1, 1e5
_START = 30.0
_MODES, _STEPS = 4, 50
_CONVERGED = 0.02
"""Largest change of a log ridge that counts as none."""


def choose_ridge(
    matrix: np.ndarray, outcome: np.ndarray, groups: np.ndarray, *, fixed: float, offset: np.ndarray
) -> np.ndarray:
    """Ridge of each coefficient of a logistic regression with an offset.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Predictors on comparable scales.
    outcome : numpy.ndarray, shape (n,)
        0 or 1.
    groups : numpy.ndarray, shape (p,), int64
        Coefficients with the same number share a ridge; group 0 keeps ``fixed``.
    fixed : float
        Ridge of group 0.
    offset : numpy.ndarray, shape (n,)
        Known part of the logit.

    Returns
    -------
    numpy.ndarray, shape (p,)
        Between 0.1 and 100,000; the largest where a group explains nothing.

    Notes
    -----
    Needs that rows are independent given the predictors. Where customers repeat and resemble themselves beyond them,
    the ridge comes out too small. Each mode costs one fit; the steps between are solves of p equations.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(4_000, 20))
    >>> y = rng.random(4_000) < expit(x[:, :10] @ rng.normal(0, 0.5, 10))
    >>> groups = np.repeat([1, 2], 10)
    >>> ridge = choose_ridge(x, y, groups, fixed=0.1, offset=np.zeros(4_000))
    >>> bool(ridge[0] < 20 < 100 < ridge[-1])
    True
    """
    x = np.asarray(matrix, dtype=np.float64)
    free = np.unique(groups[groups > 0])
    members = [np.flatnonzero(groups == group) for group in free]
    ridge = np.where(groups > 0, _START, fixed)
    for _ in range(_MODES):
        before = ridge
        beta = fit_logistic(x, outcome, penalty=ridge, offset=offset).coefficients
        mean = expit(offset + x @ beta)
        weight = mean * (1 - mean)
        gram = (x * weight[:, None]).T @ x
        moment = gram @ beta + x.T @ (outcome - mean)
        ridge = _iterate(gram, moment, ridge, members)
        if np.abs(np.log(ridge / before)).max() < _CONVERGED:
            break
    return ridge


def _iterate(gram: np.ndarray, moment: np.ndarray, ridge: np.ndarray, members: list[np.ndarray]) -> np.ndarray:
    """The fixed point for the least squares problem that Newton's method solves at the mode."""
    ridge = ridge.copy()
    for _ in range(_STEPS):
        inverse = np.linalg.inv(gram + np.diag(ridge))
        beta, spread = inverse @ moment, np.diag(inverse)
        change = 0.0
        for group in members:
            known = len(group) - ridge[group[0]] * spread[group].sum()
            fresh = float(np.clip(known / max(float(beta[group] @ beta[group]), 1e-12), _LEAST, _MOST))
            change = max(change, abs(np.log(fresh / ridge[group[0]])))
            ridge[group] = fresh
        if change < _CONVERGED:
            break
    return ridge
