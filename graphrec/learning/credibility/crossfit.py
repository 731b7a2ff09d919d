"""A learner judged on customers it has not seen: its predictions, and doubly robust scores of what was true.

Hides the refits. The customers are cut into folds, the learner is fitted without each fold in turn and predicts it, and
the scores correct those predictions by what was observed, weighted by the propensities. Everything that asks whether
advice is any good (calibration, the comparison with a constant action) starts here, so nothing is judged on the rows it
was learned from. Alternative considered: one split; it judges with half of the rows and depends on the draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphrec.learning.heads.registry import HeadRecipe
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.learning.rows import TrainingRows
from graphrec.market.tables import DataError

__all__ = ["LeftOut", "leave_out", "take_channels", "take_rows"]

_CLIP_QUANTILE = 0.995


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What a learner said of rows it had not seen, and scores of the truth.

    Attributes
    ----------
    uplift : numpy.ndarray, shape (n, number of channels)
        Predicted effect.
    values : numpy.ndarray, shape (n, 1 + number of channels)
        Doubly robust scores of the outcome without contact and through each channel: given the columns, their mean is
        the expected outcome.
    overlap : numpy.ndarray, shape (n, number of channels)
        Weight of each row in the population where contact and none are both likely (Li, Morgan & Zaslavsky 2018).
    weights, clusters, folds : numpy.ndarray, shape (n,)
        Sampling weight, customer and fold.
    """

    uplift: np.ndarray
    values: np.ndarray
    overlap: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
    folds: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """Doubly robust scores of each channel's effect, shape (n, number of channels)."""
        return np.asarray(self.values[:, 1:] - self.values[:, :1])


def leave_out(
    rows: TrainingRows,
    recipe: HeadRecipe,
    propensity: np.ndarray,
    rng: np.random.Generator,
    *,
    folds: int = 3,
) -> LeftOut:
    """Refit a learner without each fold of customers.

    Parameters
    ----------
    rows : TrainingRows
    recipe : HeadRecipe
    propensity : numpy.ndarray, shape (n, 1 + number of channels)
        Cross-fitted or logged probabilities of none and of each channel, from `Exposure`.
    rng : numpy.random.Generator
    folds : int

    Raises
    ------
    DataError
        Fewer customers than folds, or a fold without which nothing can be learned.
    """
    fold_rng, *fit_rngs = rng.spawn(folds + 1)
    fold = customer_folds(rows.clusters, folds, fold_rng)
    count = len(rows.channels)
    means = np.empty((len(fold), 1 + count))
    for k, fit_rng in enumerate(fit_rngs):
        test = fold == k
        learned = take_rows(rows, ~test)
        seen = np.flatnonzero(np.bincount(learned.channel, minlength=1 + count)[1:])
        model = recipe.fit(take_channels(learned, seen), fit_rng)
        found = model.predict(rows.matrix[test])
        means[test] = found.p_organic[:, None]  # through a channel that the other folds lack: no effect is claimed
        means[np.ix_(test, 1 + seen)] = found.p_contact
    inverse = _inverse(propensity, rows.channel)
    received = rows.channel[:, None] == np.arange(1 + count)
    residual = inverse * (rows.outcome - means[np.arange(len(fold)), rows.channel])
    none = propensity[:, :1]
    overlap = propensity[:, 1:] * none / np.maximum(propensity[:, 1:] + none, 1e-12)
    return LeftOut(
        uplift=means[:, 1:] - means[:, :1],
        values=means + received * residual[:, None],
        overlap=overlap * rows.weights[:, None],
        weights=rows.weights,
        clusters=rows.clusters,
        folds=fold,
    )


def take_rows(rows: TrainingRows, chosen: np.ndarray) -> TrainingRows:
    """Some of the rows (a mask or positions).

    Raises
    ------
    DataError
        None of them was contacted, or all were.
    """
    channel = rows.channel[chosen]
    if not (channel > 0).any() or (channel > 0).all():
        raise DataError("a part of the customers has only contacted rows or none; more customers are needed")
    per_row = ("matrix", "outcome", "weights", "clusters")
    parts = {name: getattr(rows, name)[chosen] for name in per_row}
    optional = {name: getattr(rows, name) for name in ("logged", "slot")}
    parts |= {name: values[chosen] for name, values in optional.items() if values is not None}
    return replace(rows, channel=channel, **parts)


def take_channels(rows: TrainingRows, kept: np.ndarray) -> TrainingRows:
    """The rows without contact and those of some channels (positions, ascending), numbered anew."""
    if len(kept) == len(rows.channels):
        return rows
    number = np.full(1 + len(rows.channels), -1)
    number[np.r_[0, 1 + kept]] = np.arange(1 + len(kept))
    some = take_rows(rows, number[rows.channel] >= 0)
    return replace(some, channel=number[some.channel], channels=tuple(rows.channels[i] for i in kept))


def _inverse(propensity: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """1 / P(arm received), clipped at a named quantile of each arm."""
    raw = 1.0 / np.maximum(propensity[np.arange(len(channel)), channel], 1e-9)
    for arm in np.unique(channel):
        own = channel == arm
        raw[own] = np.minimum(raw[own], np.quantile(raw[own], _CLIP_QUANTILE))
    return np.asarray(raw)
