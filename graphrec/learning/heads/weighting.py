r"""Two learners by inverse propensity: the transformed outcome, and weighted outcome models.

Hides how weights enter. *ips* regresses the transformed outcome
:math:`Y (1[T=c] / e_c - 1[T=0] / e_0)`, whose mean given the columns is the effect (Athey & Imbens 2016): unbiased and
very noisy. *snips* fits one outcome model for each arm with stabilised weights :math:`P(T=c) / e_c`, normalised within
the arm (Swaminathan & Joachims 2015; Robins, Hernan & Brumback 2000): a little biased, far steadier.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphrec.learning.heads.means import MeanModel, mean_fitter
from graphrec.learning.heads.nuisances import Nuisances
from graphrec.learning.heads.projected import ProjectedUplift, fit_projected
from graphrec.learning.heads.tlearner import TLearner
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.rows import TrainingRows

__all__ = ["fit_ips", "fit_snips"]


def fit_ips(rows: TrainingRows, shared: Nuisances) -> ProjectedUplift:
    """Regression of the transformed outcome; needs right propensities and nothing else."""
    received = rows.channel[:, None] == np.arange(len(rows.channels) + 1)
    weighted = (shared.inverse(rows.channel) * rows.outcome)[:, None]
    transformed = weighted * (received[:, 1:] - 1.0 * received[:, :1])
    return fit_projected(rows, shared, transformed, shared.control.cross_mean(rows.matrix, shared.folds))


def fit_snips(
    rows: TrainingRows,
    shared: Nuisances,
    outcome_model: Any = None,
    seed: int = 0,
    settings: LearnerSettings | None = None,
) -> TLearner:
    """Outcome models under stabilised, self-normalised weights; unbiased where the means' form is wrong."""
    fit = mean_fitter(outcome_model, shared.binary, settings)
    inverse = shared.inverse(rows.channel) * rows.weights

    def mean(arm: int) -> MeanModel:
        own = rows.channel == arm
        return fit(rows.matrix[own], rows.outcome[own], shared.folds[own], inverse[own] / inverse[own].mean(), seed)

    return TLearner(mean(0), tuple(mean(arm) for arm in range(1, len(rows.channels) + 1)))
