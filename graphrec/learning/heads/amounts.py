"""The mean of a count or an amount: ridge regression with a boosted residual, blended by what they predict.

Hides the twin of `graphrec.learning.regressions.outcome` for outcomes other than yes/no. Squared loss throughout: money
is mostly zero with a long tail, and what a decision needs is its mean, which medians and Huber losses miss. Poisson and
Tweedie losses were considered: they act on the logarithm, and an effect that is a sum in money is then no longer a
sum. The fold models are kept for cross-fitting and for the jackknife standard error (Kott 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.learning.regressions.parts import Parts

__all__ = ["AmountModel", "fit_amount"]

_RIDGE = 5.0
_ROUNDS = 100
_FEWEST_ROWS = 200
"""With fewer rows whose outcome differs from the most frequent one, boosting is not attempted."""


@dataclass(frozen=True, eq=False)
class _Pair:
    """The ridge and the trees on what it leaves, fitted on the same rows."""

    coefficients: np.ndarray
    booster: Any

    def linear(self, matrix: np.ndarray) -> np.ndarray:
        return np.asarray(self.coefficients[0] + matrix @ self.coefficients[1:])

    def trees(self, matrix: np.ndarray) -> np.ndarray:
        if self.booster is None:
            return np.zeros(len(matrix))
        return np.asarray(self.booster.predict(matrix, num_threads=1))


@dataclass(frozen=True, eq=False)
class AmountModel:
    """A fitted blend; see the module's text.

    Attributes
    ----------
    whole : fitted on every row
    folds : fitted without one fold each
    share : float
        Share of the trees that customers left out confirm, in [0, 1].
    """

    whole: _Pair
    folds: tuple[_Pair, ...]
    share: float

    def mean(self, matrix: np.ndarray) -> np.ndarray:
        """Expected outcome of rows that were not used for training, shape (n,)."""
        return self._blended(self.whole, matrix)

    def cross_mean(self, matrix: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Expected outcome of each row by the model fitted without the row's fold, shape (n,)."""
        found = self.mean(matrix)
        for fold, pair in enumerate(self.folds):
            rows = folds == fold
            if rows.any():
                found[rows] = self._blended(pair, matrix[rows])
        return found

    def standard_errors(self, matrix: np.ndarray) -> np.ndarray:
        """Jackknife standard error of `mean`, shape (n,)."""
        found = np.stack([self._blended(pair, matrix) for pair in self.folds])
        k = len(self.folds)
        return np.asarray(np.sqrt((k - 1) / k * ((found - found.mean(axis=0)) ** 2).sum(axis=0)))

    def _blended(self, pair: _Pair, matrix: np.ndarray) -> np.ndarray:
        return pair.linear(matrix) + self.share * pair.trees(matrix)

    def to_parts(self) -> Parts:
        """Arrays, texts and plain data that hold the whole model."""
        pairs = [self.whole, *self.folds]
        arrays = {f"coefficients{i}": pair.coefficients for i, pair in enumerate(pairs)}
        texts = {f"booster{i}": pair.booster.model_to_string() for i, pair in enumerate(pairs) if pair.booster}
        return Parts(arrays, texts, {"kind": "amount", "count": len(pairs), "share": self.share})

    @classmethod
    def from_parts(cls, parts: Parts) -> AmountModel:
        """Rebuild from `to_parts`."""
        import lightgbm

        pairs = []
        for i in range(parts.meta["count"]):
            text = parts.texts.get(f"booster{i}")
            booster = None if text is None else lightgbm.Booster(model_str=text)
            pairs.append(_Pair(parts.arrays[f"coefficients{i}"], booster))
        return cls(pairs[0], tuple(pairs[1:]), parts.meta["share"])


def fit_amount(
    matrix: np.ndarray,
    outcome: np.ndarray,
    folds: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> AmountModel:
    """Fit the blend.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Standardised predictors.
    outcome : numpy.ndarray, shape (n,)
        Any finite numbers.
    folds : numpy.ndarray, shape (n,)
        Customer fold of each row.
    weights : numpy.ndarray, shape (n,), optional
        Row weights; scaled to mean one.
    seed : int
        Seed of the boosting.
    """
    w = np.ones(len(outcome)) if weights is None else weights / weights.mean()
    _, counts = np.unique(outcome, return_counts=True)
    boosted = matrix.shape[1] > 0 and len(outcome) - counts.max(initial=0) >= _FEWEST_ROWS
    out_of_fold = np.zeros((len(outcome), 2))
    pairs = []
    for fold in range(int(folds.max(initial=0)) + 1):
        test = folds == fold
        pair = _fit_pair(matrix[~test], outcome[~test], w[~test], boosted, seed)
        out_of_fold[test] = np.column_stack([pair.linear(matrix[test]), pair.trees(matrix[test])])
        pairs.append(pair)
    whole = _fit_pair(matrix, outcome, w, boosted, seed)
    return AmountModel(whole, tuple(pairs), _share(outcome - out_of_fold[:, 0], out_of_fold[:, 1], w))


def _fit_pair(matrix: np.ndarray, outcome: np.ndarray, weights: np.ndarray, boosted: bool, seed: int) -> _Pair:
    coefficients = _ridge(matrix, outcome, weights)
    left = outcome - coefficients[0] - matrix @ coefficients[1:]
    return _Pair(coefficients, _boost(matrix, left, weights, seed) if boosted else None)


def _ridge(matrix: np.ndarray, outcome: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ridge regression whose intercept is not shrunk; the mean alone where there are no rows to speak of."""
    if not len(outcome):
        return np.zeros(matrix.shape[1] + 1)
    x = np.column_stack([np.ones(len(outcome)), matrix]).astype(np.float64)
    penalty = np.r_[1e-8, np.full(matrix.shape[1], _RIDGE)]
    return np.asarray(np.linalg.solve((x * weights[:, None]).T @ x + np.diag(penalty), x.T @ (weights * outcome)))


def _share(left: np.ndarray, trees: np.ndarray, weights: np.ndarray) -> float:
    """Least-squares share of the trees on rows they have not seen, between none and all."""
    power = float(weights @ trees**2)
    return float(np.clip(weights @ (trees * left) / power, 0.0, 1.0)) if power > 0 else 0.0


def _boost(matrix: np.ndarray, left: np.ndarray, weights: np.ndarray, seed: int) -> Any:
    import lightgbm

    settings = {
        "objective": "regression",
        "learning_rate": 0.05,
        "num_leaves": 8,
        "max_bin": 63,
        "min_child_samples": 60,
        "feature_fraction": 0.7,
        "lambda_l2": 20.0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        "seed": seed,
    }
    return lightgbm.train(settings, lightgbm.Dataset(matrix, left, weight=weights), num_boost_round=_ROUNDS)
