"""The expected outcome of one arm, by our own models or by a plugged-in scikit-learn estimator.

Hides which model it is. Every learner asks for the mean of new rows, for the mean of each training row by a model that
has not seen its customer, and for a standard error. A yes/no outcome is learned by the blend of
`graphrec.learning.regressions.outcome`, an amount by that of `graphrec.learning.heads.amounts`; an estimator is cloned
for each fold and never changed itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from graphrec.learning.heads.amounts import AmountModel, fit_amount
from graphrec.learning.regressions.estimators import check_estimator, fit_clone, predict_mean
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.regressions.outcome import BinaryModel, fit_binary
from graphrec.learning.regressions.parts import NotStorable, Parts

__all__ = ["BinaryMean", "EstimatorMean", "MeanFitter", "MeanModel", "mean_fitter", "read_mean"]


class MeanModel(Protocol):
    """Expected outcome of rows of one arm."""

    def mean(self, matrix: np.ndarray) -> np.ndarray:
        """Mean of new rows, shape (n,)."""

    def cross_mean(self, matrix: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Mean of each row by the model fitted without its fold, shape (n,)."""

    def standard_errors(self, matrix: np.ndarray) -> np.ndarray:
        """Standard error of `mean`, shape (n,)."""

    def to_parts(self) -> Parts:
        """The storable form; raises `NotStorable` where there is none."""


MeanFitter = Callable[[np.ndarray, np.ndarray, np.ndarray, "np.ndarray | None", int], MeanModel]
"""Fits a mean to (matrix, outcome, folds, weights, seed)."""


@dataclass(frozen=True, eq=False)
class BinaryMean:
    """The probability of a yes/no outcome."""

    model: BinaryModel

    def mean(self, matrix: np.ndarray) -> np.ndarray:
        """Probability, shape (n,)."""
        return np.asarray(expit(self.model.logits(matrix)))

    def cross_mean(self, matrix: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Probability by the model fitted without the row's fold, shape (n,)."""
        return np.asarray(expit(self.model.cross_logits(matrix, folds)))

    def standard_errors(self, matrix: np.ndarray) -> np.ndarray:
        """Jackknife standard error by the delta method, shape (n,)."""
        p = self.mean(matrix)
        return np.asarray(p * (1 - p) * self.model.standard_errors(matrix))

    def to_parts(self) -> Parts:
        """Arrays, texts and plain data that hold the whole model."""
        return self.model.stored()


@dataclass(frozen=True, eq=False)
class EstimatorMean:
    """Clones of a scikit-learn estimator: one fitted on all rows, one without each fold.

    The delete-a-group jackknife over the folds gives the standard error of any estimator, roughly.
    """

    whole: Any
    folds: tuple[Any, ...]
    binary: bool

    def mean(self, matrix: np.ndarray) -> np.ndarray:
        """Mean of new rows, shape (n,); inside [0, 1] for a yes/no outcome."""
        return predict_mean(self.whole, matrix, self.binary)

    def cross_mean(self, matrix: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Mean by the clone fitted without the row's fold, shape (n,)."""
        found = self.mean(matrix)
        for fold, estimator in enumerate(self.folds):
            rows = folds == fold
            if rows.any():
                found[rows] = predict_mean(estimator, matrix[rows], self.binary)
        return found

    def standard_errors(self, matrix: np.ndarray) -> np.ndarray:
        """Jackknife standard error over the folds, shape (n,)."""
        found = np.stack([predict_mean(estimator, matrix, self.binary) for estimator in self.folds])
        k = len(self.folds)
        return np.asarray(np.sqrt((k - 1) / k * ((found - found.mean(axis=0)) ** 2).sum(axis=0)))

    def to_parts(self) -> Parts:
        """Refuse: an estimator of another library has no form without pickle."""
        raise NotStorable(
            f"the outcome model {type(self.whole).__name__} has no form that can be stored without pickle, so this "
            "recommender cannot be saved; refit with the built-in models, or store the scores"
        )


def mean_fitter(estimator: Any, binary: bool, settings: LearnerSettings | None = None) -> MeanFitter:
    """Fitter of an arm's mean.

    Parameters
    ----------
    estimator : scikit-learn estimator or None
        A classifier with ``predict_proba`` or a regressor; our own blend when None.
    binary : bool
        Whether the outcome is 0/1.
    settings : LearnerSettings, optional
        Of our own blend for a yes/no outcome.

    Raises
    ------
    DataError
        The estimator cannot serve: no ``fit``, no probabilities, or a classifier for an amount.
    """
    if estimator is None:
        return _binary_fitter(settings or LearnerSettings()) if binary else _fit_amount
    check_estimator(estimator, "outcome_model", binary=binary)

    def fit(
        matrix: np.ndarray, outcome: np.ndarray, folds: np.ndarray, weights: np.ndarray | None, seed: int
    ) -> MeanModel:
        count = int(folds.max(initial=0)) + 1
        parts = [
            fit_clone(estimator, matrix, outcome, weights, folds != fold, seed, "outcome_model")
            for fold in range(count)
        ]
        everything = np.ones(len(outcome), dtype=bool)
        whole = fit_clone(estimator, matrix, outcome, weights, everything, seed, "outcome_model")
        return EstimatorMean(whole, tuple(parts), binary)

    return fit


def _binary_fitter(settings: LearnerSettings) -> MeanFitter:
    def fit(
        matrix: np.ndarray, outcome: np.ndarray, folds: np.ndarray, weights: np.ndarray | None, seed: int
    ) -> MeanModel:
        return BinaryMean(fit_binary(matrix, outcome, folds, weights=weights, seed=seed, settings=settings))

    return fit


def _fit_amount(
    matrix: np.ndarray, outcome: np.ndarray, folds: np.ndarray, weights: np.ndarray | None, seed: int
) -> MeanModel:
    return fit_amount(matrix, outcome, folds, weights=weights, seed=seed)


def read_mean(parts: Parts) -> MeanModel:
    """Rebuild a stored mean."""
    if parts.meta["kind"] == "amount":
        return AmountModel.from_parts(parts)
    return BinaryMean(BinaryModel.from_stored(parts))
