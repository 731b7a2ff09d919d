"""The line of a structural equation: unshrunk, on the scale of its link, with the signs that are known.

Hides the solvers. Least squares for numbers, a logistic line for 0 / 1 nodes and a Poisson line for counts; slopes
whose sign is known are held on their side of 0 (a constrained optimum, not a clipped one, so that the other slopes take
up what the held one cannot say). A penalty was considered: it shrinks every effect that is read off the model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear, minimize
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

__all__ = ["Link", "constant_score", "fit_line", "fit_logistic", "link_loss", "link_mean"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Link = Literal["identity", "logit", "log"]

NO_PENALTY = 1e4  # inverse penalty of the logistic line: only keeps separable data finite
STEEPEST = 30.0  # scores beyond this are 0 or 1 anyway, and exp of it is a count nobody has


def fit_line(link: Link, x: Floats, y: Floats, weights: Floats, signs: Ints) -> tuple[Floats, float]:
    """Return slopes and intercept of ``link(E[y]) = x @ slopes + intercept``.

    Parameters
    ----------
    link : {"identity", "logit", "log"}
    x : ndarray of float, shape (n, p)
    y : ndarray of float, shape (n,)
    weights : ndarray of float, shape (n,)
    signs : ndarray of int, shape (p,)
        +1 or -1 where the sign of a slope is known, else 0.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> slopes, intercept = fit_line("log", x, np.exp(0.5 * x[:, 0] - 1.0), np.ones(4), np.zeros(1, dtype=np.int64))
    >>> round(float(slopes[0]), 4), round(intercept, 4)
    (0.5, -1.0)
    """
    mean = np.average(x, axis=0, weights=weights)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
    spread[spread < 1e-9 * np.maximum(1.0, np.abs(mean))] = np.inf
    z = (x - mean) / spread
    if link == "identity":
        slopes, intercept = _least_squares(z, y, weights, signs)
    elif np.ptp(y) == 0.0:
        slopes, intercept = np.zeros(x.shape[1]), constant_score(link, float(y[0]))
    elif link == "logit" and not signs.any():
        model = fit_logistic(z, y.astype(np.int64), weights)
        slopes, intercept = model.coef_[0], float(model.intercept_[0])
    else:
        slopes, intercept = _bounded(link, z, y, weights, signs)
    return slopes / spread, intercept - float(mean @ (slopes / spread))


def fit_logistic(z: Floats, y: NDArray[Any], weights: Floats) -> LogisticRegression:
    """Fit an unshrunk logistic line, two classes or more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # separable: the line is as steep as it gets
        return LogisticRegression(C=NO_PENALTY, max_iter=500).fit(z, y, sample_weight=weights)


def link_mean(link: Link, score: Floats) -> Floats:
    """Return the mean that a score on the scale of the link stands for."""
    if link == "identity":
        return score
    return np.asarray(expit(score) if link == "logit" else np.exp(np.minimum(score, STEEPEST)))


def link_loss(link: Link, y: Floats, score: Floats) -> Floats:
    """Return the loss of each row: squared error, or minus the log likelihood up to a constant."""
    if link == "identity":
        return np.asarray((y - score) ** 2)
    top = np.logaddexp(0.0, score) if link == "logit" else np.exp(np.minimum(score, STEEPEST))
    return np.asarray(top - y * score)


def _least_squares(z: Floats, y: Floats, weights: Floats, signs: Ints) -> tuple[Floats, float]:
    root = np.sqrt(weights)[:, None]
    design = np.column_stack([z, np.ones(len(z))])
    if not signs.any():
        solution = np.linalg.lstsq(design * root, y * root[:, 0], rcond=1e-8)[0]
    else:
        low, high = _bounds(signs)
        solution = lsq_linear(design * root, y * root[:, 0], bounds=(low, high), tol=1e-12).x
    return solution[:-1], float(solution[-1])


def _bounded(link: Link, z: Floats, y: Floats, weights: Floats, signs: Ints) -> tuple[Floats, float]:
    design = np.column_stack([z, np.ones(len(z))])
    scaled = weights / weights.sum()
    penalty = np.append(np.full(z.shape[1], 1.0 / (NO_PENALTY * len(z))), 0.0)

    def loss(at: Floats) -> tuple[float, Floats]:
        score = design @ at
        slope = design.T @ (scaled * (link_mean(link, score) - y)) + penalty * at
        return float(scaled @ link_loss(link, y, score) + 0.5 * (penalty * at) @ at), slope

    start = np.append(np.zeros(z.shape[1]), constant_score(link, float(np.average(y, weights=weights))))
    solve: Callable[..., Any] = minimize
    limits = list(zip(*_bounds(signs)))
    found = solve(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 1_000, "ftol": 1e-14})
    return np.asarray(found.x[:-1]), float(found.x[-1])


def _bounds(signs: Ints) -> tuple[Floats, Floats]:
    """Return the lowest and highest slopes; the intercept, last, is free."""
    free = np.append(signs, 0)
    return np.where(free > 0, 0.0, -np.inf), np.where(free < 0, 0.0, np.inf)


def constant_score(link: Link, mean: float) -> float:
    """Return the score that stands for a mean."""
    if link == "identity":
        return mean
    if link == "log":
        return float(np.log(max(mean, 1e-9)))
    inside = float(np.clip(mean, 2e-9, 1 - 2e-9))
    return float(np.log(inside / (1 - inside)))
