"""Ridge logistic regression with an offset, row weights and a cluster-robust covariance.

Hides Newton's method. scikit-learn's logistic regression takes no offset, and an offset is what ties the effect of
a contact to the organic outcome; statsmodels takes one but no ridge with weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

__all__ = ["LogisticFit", "fit_logistic", "left_out_losses", "logit"]

_ITERATIONS = 40


def logit(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), with p kept inside (1e-6, 1 - 1e-6)."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class LogisticFit:
    """Coefficients and their covariance.

    Attributes
    ----------
    coefficients : numpy.ndarray, shape (p,)
    covariance : numpy.ndarray, shape (p, p)
        Sandwich H^-1 S H^-1, with S summed over clusters.
    """

    coefficients: np.ndarray
    covariance: np.ndarray

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Linear predictor without the offset."""
        return np.asarray(matrix @ self.coefficients)

    def variance(self, matrix: np.ndarray) -> np.ndarray:
        """Variance of the linear predictor of each row."""
        return np.asarray(np.einsum("ij,ij->i", matrix @ self.covariance, matrix))


def fit_logistic(
    matrix: np.ndarray,
    outcome: np.ndarray,
    *,
    penalty: np.ndarray | float = 1.0,
    offset: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
) -> LogisticFit:
    """Maximise sum w [y eta - log(1 + exp(eta))] - 1/2 sum penalty_j beta_j^2, with eta = offset + X beta.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Predictors, with a column of ones where an intercept is wanted (penalty 0 there).
    outcome : numpy.ndarray, shape (n,)
        Values in [0, 1].
    penalty : float or numpy.ndarray, shape (p,)
        Ridge strength of each coefficient, in the units of summed weights.
    offset, weights : numpy.ndarray, shape (n,), optional
        Known part of the linear predictor; row weights.
    clusters : numpy.ndarray, shape (n,), optional
        Units that repeat; the covariance sums scores within them.
    """
    x = np.asarray(matrix, dtype=np.float64)
    n, p = x.shape
    fixed = np.zeros(n) if offset is None else np.asarray(offset, dtype=np.float64)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    ridge = np.broadcast_to(np.asarray(penalty, dtype=np.float64), (p,)) + 1e-8
    beta = np.zeros(p)
    value = _objective(x, outcome, fixed, w, ridge, beta)
    for _ in range(_ITERATIONS):
        mean = expit(fixed + x @ beta)
        gradient = x.T @ (w * (outcome - mean)) - ridge * beta
        hessian = (x * (w * mean * (1 - mean))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while scale > 1e-4:
            candidate = _objective(x, outcome, fixed, w, ridge, beta + scale * step)
            if candidate >= value - 1e-12 * abs(value):
                break
            scale /= 2
        beta, gain, value = beta + scale * step, candidate - value, candidate
        if abs(gain) < 1e-9 * (abs(value) + 1.0):
            break
    return LogisticFit(beta, _sandwich(x, outcome, fixed, w, ridge, beta, clusters))


def left_out_losses(
    matrix: np.ndarray, outcome: np.ndarray, offset: np.ndarray, folds: np.ndarray, penalties: Sequence[np.ndarray]
) -> np.ndarray:
    """Log loss on left-out folds for several ridges, at the price of one fit.

    One pilot fit gives the working response and weights of Newton's method; without a fold, the coefficients under
    each ridge are then one linear solve (a one-step estimate, first order in the distance from the pilot).

    Returns
    -------
    numpy.ndarray, shape (n, len(penalties))
        Negative log likelihood of each row.
    """
    pilot = fit_logistic(matrix, outcome, penalty=penalties[len(penalties) // 2], offset=offset)
    mean = expit(offset + pilot.predict(matrix))
    weight = mean * (1 - mean)
    target = weight * pilot.predict(matrix) + outcome - mean
    parts = []
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        x = np.asarray(matrix[rows], dtype=np.float64)
        parts.append((rows, x, (x * weight[rows, None]).T @ x, x.T @ target[rows]))
    gram, moment = sum(part[2] for part in parts), sum(part[3] for part in parts)
    losses = np.empty((len(outcome), len(penalties)))
    for rows, x, own_gram, own_moment in parts:
        solved = np.stack(
            [np.linalg.solve(gram - own_gram + np.diag(p + 1e-8), moment - own_moment) for p in penalties], axis=1
        )
        eta = offset[rows, None] + x @ solved
        losses[rows] = np.logaddexp(0, eta) - outcome[rows, None] * eta
    return losses


def _objective(
    x: np.ndarray, y: np.ndarray, fixed: np.ndarray, w: np.ndarray, ridge: np.ndarray, beta: np.ndarray
) -> float:
    eta = fixed + x @ beta
    return float(w @ (y * eta - np.logaddexp(0, eta)) - 0.5 * ridge @ beta**2)


def _sandwich(
    x: np.ndarray,
    y: np.ndarray,
    fixed: np.ndarray,
    w: np.ndarray,
    ridge: np.ndarray,
    beta: np.ndarray,
    clusters: np.ndarray | None,
) -> np.ndarray:
    mean = expit(fixed + x @ beta)
    bread = np.linalg.inv((x * (w * mean * (1 - mean))[:, None]).T @ x + np.diag(ridge))
    scores = x * (w * (y - mean))[:, None]
    if clusters is not None:
        _, position = np.unique(clusters, return_inverse=True)
        summed = np.zeros((position.max() + 1, x.shape[1]))
        np.add.at(summed, position, scores)
        scores = summed
    return np.asarray(bread @ (scores.T @ scores) @ bread)
