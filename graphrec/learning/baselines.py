"""The rivals: every learner a data scientist would try first, behind the same two methods.

Hides nothing but their recipes. All see the same rows; they differ in the columns they are given and in what they do
with them. "All pre-decision columns" is the honest rival: no graph, but every column that looks known before the
contact - which is where an undated bad control gets in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from graphrec.learning.outcome import BinaryModel, customer_folds, fit_binary
from graphrec.learning.response import Response, TrainingRows

__all__ = ["BASELINES", "fit_appetite_rank", "fit_best_constant", "fit_response_rank", "fit_t_learner"]

_FOLDS = 3


@dataclass(frozen=True, eq=False)
class TLearner:
    """One outcome model for no contact and one for each channel (Kuenzel et al. 2019).

    ``rank_by`` says what a ranking sees as uplift: the difference, the response alone, or the appetite alone.
    """

    control: BinaryModel
    arms: tuple[BinaryModel, ...]
    rank_by: str

    def predict(self, matrix: np.ndarray) -> Response:
        """Potential outcomes; for the response and appetite ranks "uplift" is that probability."""
        organic = expit(self.control.logits(matrix))
        contact = np.column_stack([expit(arm.logits(matrix)) for arm in self.arms])
        unknown = np.full(contact.shape, np.nan)
        if self.rank_by == "response":
            return Response(np.zeros(len(matrix)), contact, unknown)
        if self.rank_by == "appetite":
            return Response(np.zeros(len(matrix)), np.repeat(organic[:, None], contact.shape[1], axis=1), unknown)
        return Response(organic, contact, unknown)


@dataclass(frozen=True, eq=False)
class BestConstant:
    """The same uplift for everybody: the plain difference in means of each channel."""

    organic: float
    uplift: np.ndarray

    def predict(self, matrix: np.ndarray) -> Response:
        """The same numbers in every row."""
        n, k = len(matrix), len(self.uplift)
        contact = np.broadcast_to(np.clip(self.organic + self.uplift, 0.0, 1.0), (n, k)).copy()
        return Response(np.full(n, self.organic), contact, np.full((n, k), np.nan))


def fit_t_learner(rows: TrainingRows, rng: np.random.Generator, rank_by: str = "uplift") -> TLearner:
    """Fit one outcome model for each arm."""
    folds = customer_folds(rows.clusters, _FOLDS, rng)
    seed = int(rng.integers(2**31))

    def fit(arm: int) -> BinaryModel:
        own = rows.channel == arm
        return fit_binary(rows.matrix[own], rows.outcome[own], folds[own], seed=seed)

    return TLearner(fit(0), tuple(fit(arm) for arm in range(1, len(rows.channels) + 1)), rank_by)


def fit_response_rank(rows: TrainingRows, rng: np.random.Generator) -> TLearner:
    """Rank by P(Y given contact)."""
    return fit_t_learner(rows, rng, "response")


def fit_appetite_rank(rows: TrainingRows, rng: np.random.Generator) -> TLearner:
    """Rank by P(Y given no contact)."""
    return fit_t_learner(rows, rng, "appetite")


def fit_best_constant(rows: TrainingRows, rng: np.random.Generator) -> BestConstant:
    """One number for each channel: contacted minus not contacted, naive."""
    del rng
    organic = float(np.average(rows.outcome[~rows.contacted], weights=rows.weights[~rows.contacted]))
    means = [float(rows.outcome[rows.channel == arm + 1].mean()) for arm in range(len(rows.channels))]
    return BestConstant(organic, np.array(means) - organic)


BASELINES: Mapping[str, Callable[[TrainingRows, np.random.Generator], TLearner | BestConstant]] = {
    "appetite": fit_appetite_rank,
    "response": fit_response_rank,
    "best constant action": fit_best_constant,
    "T-learner": fit_t_learner,
}
"""Heads that `graphrec.Recommender(head=...)` takes."""
