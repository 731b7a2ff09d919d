"""What a linear effect leaves: trees boosted on the contacted rows, shrunk to what they are worth.

Hides how much of the boosted part is believed. Trees are fitted on customer folds with the linear effect as their
start; a regression of the outcome on their out-of-fold logits gives the share of them that is kept, between none and
all. Where the linear effect is enough, the share is zero and there is no residual.

Alternative considered: one boosted model for each arm (a T-learner). It learns the organic outcome again from the few
contacted rows, and loses where the effect is simple.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphrec.learning.regressions.logistic import fit_logistic

__all__ = ["BoostedResidual", "LeftOver", "fit_residual"]

_ROUNDS = 60
"""Fixed: stopping early on the customers who confirm the trees would let half of all empty residuals through."""
_FEWEST_EVENTS = 100
"""With fewer rows of the rarer outcome among the contacted, trees are not tried."""
_FARTHEST = 2.0
"""Logits by which trees may move an effect."""


@dataclass(frozen=True, eq=False)
class LeftOver:
    """Contacted rows and what is known of their outcome.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Columns.
    offset : numpy.ndarray, shape (n,)
        Organic logit, one more column.
    channel : numpy.ndarray, shape (n,), int
        Channel of each row, from 0.
    channels : int
        Number of channels.
    outcome : numpy.ndarray, shape (n,)
        0 or 1.
    known : numpy.ndarray, shape (n,)
        Logit of the outcome by the linear effect.
    """

    matrix: np.ndarray
    offset: np.ndarray
    channel: np.ndarray
    channels: int
    outcome: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, eq=False)
class BoostedResidual:
    """Trees on (columns, organic logit, channel) and the share of them that is kept.

    Attributes
    ----------
    booster : lightgbm.Booster
    share : float
        In (0, 1].
    channels : int
        Number of channels.
    folds : tuple of lightgbm.Booster
        Trees fitted without one fold each.
    out_of_fold : numpy.ndarray, shape (n,)
        Addition to the effect of each training row by trees that had not seen its customer; empty after loading.
    """

    booster: Any
    share: float
    channels: int
    folds: tuple[Any, ...] = ()
    out_of_fold: np.ndarray = field(default_factory=lambda: np.empty(0))

    def logits(self, matrix: np.ndarray, offset: np.ndarray, channel: np.ndarray) -> np.ndarray:
        """Addition to the effect in logits, shape (n,); channels count from 0."""
        columns = _columns(matrix, offset, channel, self.channels)
        return self._shrunk(self.booster.predict(columns, raw_score=True, num_threads=1))

    def standard_errors(self, matrix: np.ndarray, offset: np.ndarray, channel: np.ndarray) -> np.ndarray:
        """Jackknife standard error of `logits` over the folds, shape (n,)."""
        columns = _columns(matrix, offset, channel, self.channels)
        found = np.stack([self._shrunk(one.predict(columns, raw_score=True, num_threads=1)) for one in self.folds])
        k = len(self.folds)
        return np.asarray(np.sqrt((k - 1) / k * ((found - found.mean(axis=0)) ** 2).sum(axis=0)))

    def _shrunk(self, trees: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(self.share * trees, -_FARTHEST, _FARTHEST))

    def to_texts(self) -> dict[str, str]:
        """LightGBM's own text of all trees."""
        boosters = {"residual": self.booster} | {f"residual_fold{i}": one for i, one in enumerate(self.folds)}
        return {name: booster.model_to_string() for name, booster in boosters.items()}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str], share: float, channels: int) -> BoostedResidual:
        """Rebuild from `to_texts`."""
        import lightgbm

        count = sum(name.startswith("residual_fold") for name in texts)
        folds = tuple(lightgbm.Booster(model_str=texts[f"residual_fold{i}"]) for i in range(count))
        return cls(lightgbm.Booster(model_str=texts["residual"]), share, channels, folds)


def fit_residual(rows: LeftOver, folds: np.ndarray, clusters: np.ndarray, seed: int) -> BoostedResidual | None:
    """Fit the residual, or None where it does not help left-out customers.

    Parameters
    ----------
    rows : LeftOver
    folds, clusters : numpy.ndarray, shape (n,)
        Customer fold and customer of each row.
    seed : int
        Seed of the boosting.
    """
    outcome, known = rows.outcome, rows.known
    if min(outcome.sum(), (1 - outcome).sum()) < _FEWEST_EVENTS or len(np.unique(folds)) < 2:
        return None
    columns = _columns(rows.matrix, rows.offset, rows.channel, rows.channels)
    out_of_fold = np.zeros(len(outcome))
    parts = []
    for fold in np.unique(folds):
        test = folds == fold
        booster = _boost(columns[~test], outcome[~test], known[~test], seed)
        out_of_fold[test] = booster.predict(columns[test], raw_score=True, num_threads=1)
        parts.append(booster)
    share = _share(out_of_fold, outcome, known, clusters)
    if share is None:
        return None
    unseen = np.clip(share * out_of_fold, -_FARTHEST, _FARTHEST)
    return BoostedResidual(_boost(columns, outcome, known, seed), share, rows.channels, tuple(parts), unseen)


def _columns(matrix: np.ndarray, offset: np.ndarray, channel: np.ndarray, channels: int) -> np.ndarray:
    chosen = channel[:, None] == np.arange(channels)
    return np.column_stack([matrix, offset, chosen]).astype(np.float32)


def _share(trees: np.ndarray, outcome: np.ndarray, known: np.ndarray, clusters: np.ndarray) -> float | None:
    """How much of the trees the left-out customers confirm; None where it is less than two standard errors."""
    if trees.std() == 0:
        return None
    x = np.column_stack([np.ones(len(trees)), trees])
    fit = fit_logistic(x, outcome, penalty=0.0, offset=known, clusters=clusters)
    share, error = float(fit.coefficients[1]), float(np.sqrt(fit.covariance[1, 1]))
    return min(share, 1.0) if share > 2.0 * error else None


def _boost(columns: np.ndarray, outcome: np.ndarray, known: np.ndarray, seed: int) -> Any:
    import lightgbm

    settings = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 6,
        "max_bin": 63,
        "min_child_samples": 50,
        "feature_fraction": 0.7,
        "lambda_l2": 20.0,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        "seed": seed,
    }
    data = lightgbm.Dataset(columns, outcome, init_score=known)
    return lightgbm.train(settings, data, num_boost_round=_ROUNDS)
