"""The probability of a yes/no outcome: ridge logistic regression with a boosted residual, blended by what they predict.

Hides two models and how much to trust each: a ridge, and the same ridge with trees boosted on what it leaves. Both are
fitted on customer folds; a logistic regression of the outcome on their out-of-fold logits gives the blend, so trees
that do not help get no say. The fold models are kept: they predict training rows of customers they have not seen
(cross-fitting) and their spread gives the standard error of the logit (delete-a-group jackknife, Kott 2001).

Alternative considered: boosting alone. On a few hundred positive rows it shrinks the tails and loses to the ridge.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.regressions.logistic import fit_logistic
from graphrec.learning.regressions.parts import Parts
from graphrec.market.tables import DataError

__all__ = ["BinaryModel", "customer_folds", "fit_binary"]

_ROUNDS = 150
_WORKERS = 2
_MINIMUM_MINORITY = 40
"""With fewer rows of the rarer outcome, boosting is not attempted."""


@dataclass(frozen=True, eq=False)
class _Part:
    """Both families fitted on the same rows."""

    coefficients: np.ndarray
    booster: Any

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Logit of each family, shape (n, 2)."""
        linear = _with_ones(matrix) @ self.coefficients
        if self.booster is None:
            return np.column_stack([linear, linear])
        return np.column_stack([linear, linear + self.booster.predict(matrix, raw_score=True, num_threads=1)])


@dataclass(frozen=True, eq=False)
class BinaryModel:
    """A fitted blend (see the module's text).

    Attributes
    ----------
    whole : fitted on every row
    folds : fitted without one fold each
    blend : numpy.ndarray, shape (3,)
        Intercept and weight of the ridge and of the boosted logit.
    out_of_fold : numpy.ndarray, shape (n,)
        Logit of each training row by the model that did not see its customer; empty after loading.
    """

    whole: _Part
    folds: tuple[_Part, ...]
    blend: np.ndarray
    out_of_fold: np.ndarray

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Logit of rows that were not used for training, shape (n,)."""
        return self._blended(self.whole, matrix)

    def cross_logits(self, matrix: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Logit of each row by the model fitted without the row's fold, shape (n,).

        Rows of a fold that had no training row get the model of all rows, which has not seen them either.
        """
        result = np.empty(len(matrix))
        unseen = folds >= len(self.folds)
        if unseen.any():
            result[unseen] = self.logits(matrix[unseen])
        for fold, part in enumerate(self.folds):
            rows = folds == fold
            if rows.any():
                result[rows] = self._blended(part, matrix[rows])
        return result

    def standard_errors(self, matrix: np.ndarray) -> np.ndarray:
        """Jackknife standard error of `logits`, shape (n,)."""
        predictions = np.stack([self._blended(part, matrix) for part in self.folds])
        k = len(self.folds)
        return np.asarray(np.sqrt((k - 1) / k * ((predictions - predictions.mean(axis=0)) ** 2).sum(axis=0)))

    def _blended(self, part: _Part, matrix: np.ndarray) -> np.ndarray:
        return np.asarray(self.blend[0] + part.logits(matrix) @ self.blend[1:])

    def to_parts(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and texts that hold the whole model (no pickle)."""
        parts = [self.whole, *self.folds]
        arrays = {f"coefficients{i}": part.coefficients for i, part in enumerate(parts)} | {"blend": self.blend}
        texts = {f"booster{i}": part.booster.model_to_string() for i, part in enumerate(parts) if part.booster}
        return arrays, {**texts, "count": json.dumps(len(parts))}

    @classmethod
    def from_parts(cls, arrays: dict[str, np.ndarray], texts: dict[str, str]) -> BinaryModel:
        """Rebuild from `to_parts`."""
        import lightgbm

        parts = []
        for i in range(json.loads(texts["count"])):
            text = texts.get(f"booster{i}")
            booster = None if text is None else lightgbm.Booster(model_str=text)
            parts.append(_Part(arrays[f"coefficients{i}"], booster))
        return cls(parts[0], tuple(parts[1:]), arrays["blend"], np.empty(0))

    def stored(self) -> Parts:
        """The same as `Parts`."""
        arrays, texts = self.to_parts()
        return Parts(arrays, texts, {"kind": "binary", "count": texts.pop("count")})

    @classmethod
    def from_stored(cls, parts: Parts) -> BinaryModel:
        """Rebuild from `stored`."""
        return cls.from_parts(dict(parts.arrays), {**parts.texts, "count": parts.meta["count"]})


def customer_folds(clusters: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Fold of each row, such that a customer is in one fold; shape (n,), int64.

    Raises
    ------
    DataError
        Fewer customers than folds.
    """
    customers, position = np.unique(clusters, return_inverse=True)
    if len(customers) < count:
        raise DataError(f"{len(customers)} customers cannot be split into {count} folds; more customers are needed")
    return (rng.permutation(len(customers)) % count)[position]


def fit_binary(
    matrix: np.ndarray,
    outcome: np.ndarray,
    folds: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    seed: int = 0,
    settings: LearnerSettings | None = None,
) -> BinaryModel:
    """Fit the blend.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Standardised predictors.
    outcome : numpy.ndarray, shape (n,)
        0 or 1.
    folds : numpy.ndarray, shape (n,)
        Fold of each row, from `customer_folds`.
    weights : numpy.ndarray, shape (n,), optional
        Row weights; scaled to mean one.
    offset : numpy.ndarray, shape (n,), optional
        Part of the logit that is known and not to be learned; the fitted model predicts without it.
    seed : int
        Seed of the boosting.
    settings : LearnerSettings, optional
        Penalty of the coefficients and leaves of the trees.
    """
    given = settings or LearnerSettings()
    ridge, leaves = given.ridge, int(given.leaves)
    w = np.ones(len(outcome)) if weights is None else weights / weights.mean()
    known = np.zeros(len(outcome)) if offset is None else offset
    boosted = leaves > 1 and matrix.shape[1] > 0 and min(outcome.sum(), (1 - outcome).sum()) >= _MINIMUM_MINORITY
    out_of_fold = np.empty((len(outcome), 2))

    def fit_without(fold: int) -> tuple[_Part, int]:
        test = folds == fold
        train = ~test
        linear = _ridge(matrix[train], outcome[train], w[train], known[train], ridge)
        start = known + _with_ones(matrix) @ linear
        booster = _boost(matrix, outcome, w, start, train, test, _ROUNDS, seed, leaves) if boosted else None
        part = _Part(linear, booster)
        out_of_fold[test] = part.logits(matrix[test])
        return part, booster.best_iteration if booster else 0

    # One thread for each fold: threads inside a booster wait for each other at every split.
    # The same holds for the linear algebra of each fold.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_WORKERS) as pool:
        fitted = list(pool.map(fit_without, range(int(folds.max()) + 1)))
    rounds = max(int(np.mean([count for _, count in fitted])), 5)
    everything = np.ones(len(outcome), dtype=bool)
    linear = _ridge(matrix, outcome, w, known, ridge)
    start = known + _with_ones(matrix) @ linear
    final = _boost(matrix, outcome, w, start, everything, None, rounds, seed, leaves) if boosted else None
    whole = _Part(linear, final)
    blend = _blend(out_of_fold, outcome, w, known)
    return BinaryModel(whole, tuple(part for part, _ in fitted), blend, blend[0] + out_of_fold @ blend[1:])


def _with_ones(matrix: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(matrix)), matrix])


def _ridge(
    matrix: np.ndarray, outcome: np.ndarray, weights: np.ndarray, offset: np.ndarray, ridge: float
) -> np.ndarray:
    penalty = np.full(matrix.shape[1] + 1, ridge)
    penalty[0] = 0.0
    return fit_logistic(_with_ones(matrix), outcome, penalty=penalty, offset=offset, weights=weights).coefficients


def _boost(
    matrix: np.ndarray,
    outcome: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray,
    train: np.ndarray,
    test: np.ndarray | None,
    rounds: int,
    seed: int,
    leaves: int,
) -> Any:
    import lightgbm

    settings = {
        "objective": "binary",
        "learning_rate": 0.1,
        "num_leaves": leaves,
        "max_bin": 63,
        "min_child_samples": 40,
        "feature_fraction": 0.7,
        "lambda_l2": 5.0,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        "seed": seed,
    }
    data = lightgbm.Dataset(matrix[train], outcome[train], weight=weights[train], init_score=offset[train])
    if test is None or not test.any():
        return lightgbm.train(settings, data, num_boost_round=rounds)
    held = lightgbm.Dataset(matrix[test], outcome[test], weight=weights[test], init_score=offset[test], reference=data)
    stop = lightgbm.early_stopping(15, verbose=False)
    return lightgbm.train(settings, data, num_boost_round=rounds, valid_sets=[held], callbacks=[stop])


def _blend(logits: np.ndarray, outcome: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Intercept and non-negative weights of the two families, pulled towards one half each."""
    centre = logits.mean(axis=1)
    half_difference = (logits[:, 1] - logits[:, 0]) / 2
    x = np.column_stack([np.ones(len(outcome)), half_difference, centre])
    fit = fit_logistic(x, outcome, penalty=np.array([0.0, 1.0, 10.0]), offset=offset + centre, weights=weights)
    lean = float(np.clip(fit.coefficients[1], -1.0, 1.0))
    slope = float(np.clip(1.0 + fit.coefficients[2], 0.5, 1.5))
    mixed = centre + lean * half_difference
    shift = fit_logistic(
        np.ones((len(outcome), 1)), outcome, penalty=0.0, offset=offset + slope * mixed, weights=weights
    )
    return np.array([shift.coefficients[0], slope * (1 - lean) / 2, slope * (1 + lean) / 2])
