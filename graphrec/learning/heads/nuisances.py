"""What several learners need before they differ: the mean of each arm, cross-fitted, and the propensities.

Hides the folds and who is fitted on what. The classical learners (T, X, DR, inverse propensity) share these parts, so
they can be compared without paying for them again, and a difference between two learners is one of the learners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.learning.exposure import Exposure, fit_rows_exposure
from graphrec.learning.heads.means import MeanModel, mean_fitter
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.learning.rows import TrainingRows
from graphrec.market.tables import DataError

__all__ = ["MINIMUM_PROPENSITY", "Nuisances", "fit_nuisances", "is_binary"]

_FOLDS = 3
MINIMUM_PROPENSITY = 1e-3
"""Least share of an arm's mean propensity that a row's is taken to be; see `Nuisances.inverse`."""


def is_binary(outcome: np.ndarray) -> bool:
    """Whether an outcome is 0 or 1 everywhere."""
    return bool(np.isin(outcome, (0.0, 1.0)).all())


@dataclass(frozen=True, eq=False)
class Nuisances:
    """Parts shared by the classical learners.

    Attributes
    ----------
    control : MeanModel
        Mean outcome without contact, fitted on the rows without.
    arms : tuple of MeanModel
        Mean outcome given each channel, fitted on its rows.
    fitted_exposure : Exposure or None
        Propensities of the training rows, where they were asked for.
    folds : numpy.ndarray, shape (n,)
        Customer fold of each training row.
    binary : bool
        Whether the outcome is 0/1.
    clip : float
        Quantile of each arm at which inverse propensities are cut.
    """

    control: MeanModel
    arms: tuple[MeanModel, ...]
    fitted_exposure: Exposure | None
    folds: np.ndarray
    binary: bool
    clip: float = LearnerSettings.clip

    @property
    def exposure(self) -> Exposure:
        """Propensities of the training rows."""
        if self.fitted_exposure is None:
            raise ValueError("the propensities were not fitted; use fit_nuisances(exposure=True)")
        return self.fitted_exposure

    def means(self, matrix: np.ndarray) -> np.ndarray:
        """Cross-fitted mean of each training row in each arm, shape (n, 1 + number of channels)."""
        models = (self.control, *self.arms)
        return np.column_stack([model.cross_mean(matrix, self.folds) for model in models])

    def inverse(self, channel: np.ndarray) -> np.ndarray:
        """1 / P(arm received) of each training row, clipped from above at a named quantile of each arm, shape (n,).

        One-sided: a small weight harms nobody, a large one is a single row that speaks for thousands.
        """
        table = self.exposure.propensity
        raw = 1.0 / np.maximum(table[np.arange(len(channel)), channel], _least(table)[channel])
        for arm in np.unique(channel):
            own = channel == arm
            raw[own] = np.minimum(raw[own], np.quantile(raw[own], self.clip))
        return np.asarray(raw)


def _least(table: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(MINIMUM_PROPENSITY * table.mean(axis=0), 1e-9))


def fit_nuisances(
    rows: TrainingRows,
    rng: np.random.Generator,
    *,
    outcome_model: Any = None,
    propensity_model: Any = None,
    arms: bool = True,
    exposure: bool = True,
    settings: LearnerSettings | None = None,
) -> Nuisances:
    """Fit the parts.

    Parameters
    ----------
    rows : TrainingRows
    rng : numpy.random.Generator
        Draws the customer folds and the seed of the boosting.
    outcome_model : scikit-learn estimator, optional
        Model of each arm's mean; our own blend by default.
    propensity_model : scikit-learn classifier, optional
        Model of the contact; our own blend by default.
    arms : bool
        Whether the means given contact are wanted.
    exposure : bool
        Whether the propensities are.
    settings : LearnerSettings, optional
        Clipping and the shape of our own blend.

    Raises
    ------
    DataError
        No contacted row or no control, or a plugged-in estimator that cannot serve.
    """
    if not rows.contacted.any() or rows.contacted.all():
        raise DataError("an effect needs rows with a contact and rows without; the table has one kind only")
    folds = customer_folds(rows.clusters, _FOLDS, rng)
    seed = int(rng.integers(2**31))
    binary = is_binary(rows.outcome)
    settings = settings or LearnerSettings()
    fit = mean_fitter(outcome_model, binary, settings)
    fitted = fit_rows_exposure(rows, folds, seed, propensity_model, settings.clip) if exposure else None

    def mean(arm: int) -> MeanModel:
        own = rows.channel == arm
        return fit(rows.matrix[own], rows.outcome[own], folds[own], rows.weights[own], seed)

    count = len(rows.channels) if arms else 0
    return Nuisances(mean(0), tuple(mean(arm) for arm in range(1, count + 1)), fitted, folds, binary, settings.clip)
