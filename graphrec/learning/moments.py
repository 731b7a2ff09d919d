"""What the moment of a contact adds to its effect: a shrunken deviation of each slot.

Hides how slots share one effect. Every slot has an intercept of its own and, by the few columns that customers left out
confirm, a slope of its own; both are shrunk to no difference, so a slot with ten contacts leans on the others. Which
columns (who is an evening person?) and how strongly is chosen by the loss on customers left out. Where slots as such do
not lower that loss by more than its standard error, all slots are alike and the most used one is advised.

Alternative considered: slots crossed with channels, each pair a channel of its own. A pair then leans on the shared
effect only: what evenings do by e-mail says nothing about evenings by telephone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from graphrec.learning.logistic import LogisticFit, fit_logistic, left_out_losses
from graphrec.learning.modification import Modification, clearly_less

if TYPE_CHECKING:
    from graphrec.learning.response import TrainingRows

__all__ = ["SlotEffects", "fit_slots"]

_LEVEL_RIDGES = (1.0, 10.0, 100.0)
_SLOPE_RIDGES = (3.0, 10.0, 30.0, 100.0)
_SLOPES = (1, 2, 3, 5, 8)
"""Numbers of columns tried as modifiers of the slots' effects, the most telling first."""


@dataclass(frozen=True, eq=False)
class SlotEffects:
    """The slots of a model and which columns their effects differ by.

    Attributes
    ----------
    slots : tuple of str
        Names, the most used first.
    shares : numpy.ndarray, shape (number of slots,)
        Share of each slot among the contacts whose slot is known.
    modifiers : numpy.ndarray of int or None
        Matrix columns by which the slots' effects differ; None where slots make no difference.
    """

    slots: tuple[str, ...]
    shares: np.ndarray
    modifiers: np.ndarray | None

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """What a slot's coefficients multiply: one and the modifiers, shape (n, width); no column without effect."""
        if self.modifiers is None:
            return np.empty((len(matrix), 0))
        return _slot_columns(matrix, self.modifiers)

    def effect_of(self, effect: LogisticFit, width: int, channels: int, channel: int, slot: int | None) -> LogisticFit:
        """Coefficients of the shared columns followed by `columns`, for a channel and a slot (None: the usual mix)."""
        total = len(effect.coefficients)
        own = 0 if self.modifiers is None else 1 + len(self.modifiers)
        added = np.zeros((width + own, total))
        added[:width, :width] = np.eye(width)
        if channels > 1:
            added[:width, width * (channel + 1) : width * (channel + 2)] = np.eye(width)
        first = total - own * len(self.slots)
        weights = self.shares if slot is None else np.arange(len(self.slots)) == slot
        added[width:, first:] = np.kron(weights, np.eye(own))
        return LogisticFit(added @ effect.coefficients, added @ effect.covariance @ added.T)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        chosen = None if self.modifiers is None else self.modifiers.tolist()
        return {"slots": self.slots, "shares": self.shares.tolist(), "modifiers": chosen}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SlotEffects:
        """Rebuild from `to_dict`."""
        chosen = None if data["modifiers"] is None else np.array(data["modifiers"], dtype=np.int64)
        return cls(tuple(data["slots"]), np.array(data["shares"], dtype=np.float64), chosen)


def fit_slots(
    rows: TrainingRows, read: Modification, aimed: np.ndarray, folds: np.ndarray
) -> tuple[SlotEffects | None, Modification]:
    """Slots of the rows, and the effect fitted again with their deviations where these help.

    Parameters
    ----------
    rows : TrainingRows
        Contacted rows and controls.
    read : Modification
        The effect without slots.
    aimed, folds : numpy.ndarray, shape (number of contacted rows,)
        Organic logit after targeting; customer fold.

    Returns
    -------
    SlotEffects or None
        None where fewer than two slots are known.
    Modification
        With the coefficients of each slot at the end; as it was where slots make no difference.
    """
    if rows.slot is None or len(rows.slots) < 2:
        return None, read
    contacted = rows.contacted
    slot, outcome = rows.slot[contacted], rows.outcome[contacted]
    matrix, clusters = rows.matrix[contacted], rows.clusters[contacted]
    counts = np.bincount(slot[slot >= 0], minlength=len(rows.slots))
    shares = counts / counts.sum()
    found = SlotEffects(rows.slots, shares, None)
    if np.count_nonzero(counts) < 2:
        return found, read
    plain = left_out_losses(read.columns, outcome, aimed, folds, [read.ridge])[:, 0]
    levels = _try(read, outcome, aimed, folds, _by_slot(_slot_columns(matrix, _NO_COLUMN), slot, shares), _LEVEL_RIDGES)
    best = levels, _NO_COLUMN
    ranked = _most_telling(read, matrix, slot, outcome, aimed, levels, shares)
    for number in _SLOPES:
        if number > len(ranked):
            break
        chosen = ranked[:number]
        tried = _try(
            read,
            outcome,
            aimed,
            folds,
            _by_slot(_slot_columns(matrix, chosen), slot, shares),
            _SLOPE_RIDGES,
            levels.level,
        )
        if tried.losses.sum() < best[0].losses.sum():
            best = tried, chosen
    if not clearly_less(best[0].losses, plain, clusters):
        return found, read
    winner, chosen = best
    effect = fit_logistic(winner.columns, outcome, penalty=winner.ridge, offset=aimed, clusters=clusters)
    richer = replace(
        read, effect=effect, logits=effect.predict(winner.columns), columns=winner.columns, ridge=winner.ridge
    )
    return replace(found, modifiers=chosen), richer


_NO_COLUMN = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """Columns and ridge of an effect with slots, its left-out loss, and the ridge of the slots' intercepts."""

    columns: np.ndarray
    ridge: np.ndarray
    losses: np.ndarray
    level: float


def _try(
    read: Modification,
    outcome: np.ndarray,
    aimed: np.ndarray,
    folds: np.ndarray,
    own: tuple[np.ndarray, int],
    ridges: tuple[float, ...],
    level: float | None = None,
) -> _Attempt:
    """The best of several ridges on the slots' columns beside the effect without slots."""
    columns, width = own
    whole = np.column_stack([read.columns, columns])
    penalties = []
    for ridge in ridges:
        slopes = np.full(columns.shape[1], ridge)
        slopes[::width] = ridge if level is None else level
        penalties.append(np.concatenate([read.ridge, slopes]))
    losses = left_out_losses(whole, outcome, aimed, folds, penalties)
    chosen = int(np.argmin(losses.sum(axis=0)))
    return _Attempt(whole, penalties[chosen], losses[:, chosen], ridges[chosen] if level is None else level)


def _slot_columns(matrix: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(matrix)), np.clip(matrix[:, chosen], -3.0, 3.0)])


def _by_slot(columns: np.ndarray, slot: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, int]:
    """One copy of the columns for each slot, zero except in the row's own; a row of unknown slot has the usual mix."""
    weights = np.where((slot < 0)[:, None], shares, slot[:, None] == np.arange(len(shares)))
    return (weights[:, :, None] * columns[:, None, :]).reshape(len(columns), -1), columns.shape[1]


def _most_telling(
    read: Modification,
    matrix: np.ndarray,
    slot: np.ndarray,
    outcome: np.ndarray,
    aimed: np.ndarray,
    levels: _Attempt,
    shares: np.ndarray,
) -> np.ndarray:
    """Matrix columns in the order of a score test: how much the slots' residuals go with the column."""
    fitted = fit_logistic(levels.columns, outcome, penalty=levels.ridge, offset=aimed)
    mean = expit(aimed + fitted.predict(levels.columns))
    columns = np.clip(np.asarray(matrix, dtype=np.float64), -3.0, 3.0)
    columns = columns - columns.mean(axis=0)
    statistic = np.zeros(matrix.shape[1])
    for position in range(len(shares)):
        own = slot == position
        score = (outcome - mean)[own] @ columns[own]
        spread = (mean * (1 - mean))[own] @ np.square(columns[own])
        statistic += np.square(score) / np.maximum(spread, 1e-9)
    return np.argsort(-statistic, kind="stable")[: max(_SLOPES)]
