"""Linear regression of noisy effects on columns: ridge chosen on customers left out, cluster-robust covariance.

Hides the choice of the ridge. Pseudo-outcomes of meta-learners are far noisier than outcomes, so what matters is how
strongly they are shrunk. Alternative considered: boosting them; trees find patterns in single heavy rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphrec.learning.regressions.parts import Parts

__all__ = ["PENALTIES", "Projection", "fit_projection"]

_UNDERSMOOTHING = 10.0
"""The covariance is that of coefficients shrunk so much less: shrinkage passes off bias as certainty."""
PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)


@dataclass(frozen=True, eq=False)
class Projection:
    """Coefficients and their covariance.

    Attributes
    ----------
    coefficients : numpy.ndarray, shape (p,)
    covariance : numpy.ndarray, shape (p, p)
        Sandwich with scores summed over clusters, of a less shrunken fit.
    """

    coefficients: np.ndarray
    covariance: np.ndarray

    def predict(self, columns: np.ndarray) -> np.ndarray:
        """Fitted values, shape (n,)."""
        return np.asarray(columns @ self.coefficients)

    def standard_errors(self, columns: np.ndarray) -> np.ndarray:
        """Standard error of `predict`, shape (n,)."""
        variance = np.einsum("ij,ij->i", columns @ self.covariance, columns)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def to_parts(self) -> Parts:
        """Both arrays."""
        return Parts({"coefficients": self.coefficients, "covariance": self.covariance})

    @classmethod
    def from_parts(cls, parts: Parts) -> Projection:
        """Rebuild from `to_parts`."""
        return cls(parts.arrays["coefficients"], parts.arrays["covariance"])


def fit_projection(
    columns: np.ndarray,
    target: np.ndarray,
    *,
    weights: np.ndarray,
    clusters: np.ndarray,
    folds: np.ndarray,
    penalties: Sequence[np.ndarray] | None = None,
) -> Projection:
    """Weighted ridge regression.

    Parameters
    ----------
    columns : numpy.ndarray, shape (n, p)
        The first is 1 and is not shrunk.
    target : numpy.ndarray, shape (n,)
        Values whose conditional mean is wanted.
    weights, clusters, folds : numpy.ndarray, shape (n,)
        Row weights (scaled to mean one); customers; customer folds, on which the ridge is chosen.
    penalties : sequence of numpy.ndarray, shape (p,), optional
        Ridges to choose from; by default `PENALTIES` for every column but the first.
    """
    x = np.asarray(columns, dtype=np.float64)
    w = weights / weights.mean()
    choices = _default_penalties(x.shape[1]) if penalties is None else penalties
    parts = [_moments(x, target, w, folds == fold) for fold in np.unique(folds)]
    gram, moment = sum(part[0] for part in parts), sum(part[1] for part in parts)
    losses = np.zeros(len(choices))
    for (own_gram, own_moment), fold in zip(parts, np.unique(folds)):
        rows = folds == fold
        solved = np.stack([np.linalg.solve(gram - own_gram + np.diag(p), moment - own_moment) for p in choices], 1)
        losses += (w[rows, None] * (target[rows, None] - x[rows] @ solved) ** 2).sum(axis=0)
    ridge = choices[int(np.argmin(losses))]
    coefficients = np.linalg.solve(gram + np.diag(ridge), moment)
    bread = np.linalg.inv(gram + np.diag(ridge / _UNDERSMOOTHING))
    return Projection(coefficients, _sandwich(bread, x, w * (target - x @ (bread @ moment)), clusters))


def _default_penalties(width: int) -> list[np.ndarray]:
    return [np.r_[1e-6, np.full(width - 1, size)] for size in PENALTIES]


def _moments(x: np.ndarray, target: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weighted = x[rows] * weights[rows, None]
    return weighted.T @ x[rows], weighted.T @ target[rows]


def _sandwich(bread: np.ndarray, x: np.ndarray, residual: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    _, position = np.unique(clusters, return_inverse=True)
    summed = np.zeros((int(position.max()) + 1, x.shape[1]))
    np.add.at(summed, position, x * residual[:, None])
    return np.asarray(bread @ (summed.T @ summed) @ bread)
