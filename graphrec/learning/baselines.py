"""The rivals: every learner a data scientist would try first, as functions that `graphrec.Recommender(head=...)` takes.

Hides nothing but their recipes, which are the named heads of `graphrec.learning.heads.registry`. All see the same
rows; they differ in the columns they are given and in what they do with them. "All pre-decision columns" is the honest
rival: no graph, but every column that looks known before the contact - which is where an undated bad control gets in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphrec.learning.heads.nuisances import fit_nuisances, is_binary
from graphrec.learning.heads.tlearner import TLearner
from graphrec.learning.heads.tlearner import fit_t_learner as _finish
from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows

__all__ = ["BASELINES", "fit_appetite_rank", "fit_best_constant", "fit_response_rank", "fit_t_learner"]


@dataclass(frozen=True, eq=False)
class BestConstant:
    """The same uplift for everybody: the plain difference in means of each channel."""

    organic: float
    uplift: np.ndarray
    binary: bool = True

    def predict(self, matrix: np.ndarray, *, errors: bool = True) -> Response:
        """The same numbers in every row; no standard errors."""
        del errors
        n, k = len(matrix), len(self.uplift)
        level = self.organic + self.uplift
        level = np.clip(level, 0.0, 1.0) if self.binary else level
        return Response(np.full(n, self.organic), np.broadcast_to(level, (n, k)).copy(), np.full((n, k), np.nan))


def fit_t_learner(rows: TrainingRows, rng: np.random.Generator, rank_by: str = "uplift") -> TLearner:
    """Fit one outcome model for each arm."""
    return _finish(rows, fit_nuisances(rows, rng, exposure=False), rank_by)


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
    return BestConstant(organic, np.array(means) - organic, is_binary(rows.outcome))


BASELINES: Mapping[str, Callable[[TrainingRows, np.random.Generator], TLearner | BestConstant]] = {
    "appetite": fit_appetite_rank,
    "response": fit_response_rank,
    "best constant action": fit_best_constant,
    "T-learner": fit_t_learner,
}
"""Heads that `graphrec.Recommender(head=...)` takes."""
