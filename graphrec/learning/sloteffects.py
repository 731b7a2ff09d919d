"""What the moment of a contact adds to its effect: a shrunken deviation of each slot.

Hides how slots share one effect. Every slot has an intercept of its own and, by the few columns that customers left out
confirm, a slope of its own; both are shrunk to no difference, so a slot with ten contacts leans on the others. Which
columns (who is an evening person?) and how strongly is chosen by the loss on customers left out. Where slots as such do
not lower that loss by two standard errors, all slots are alike and the most used one is advised.

Alternative considered: slots crossed with channels, each pair a channel of its own. A pair then leans on the shared
effect only: what evenings do by e-mail says nothing about evenings by telephone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from graphrec.learning.regressions.logistic import LogisticFit, fit_logistic, left_out_losses
from graphrec.learning.regressions.modification import Modification, clearly_less

if TYPE_CHECKING:
    from graphrec.learning.rows import TrainingRows

__all__ = ["SlotEffects", "fit_slots"]

_LEVEL_RIDGES = (1.0, 10.0, 100.0)
_SLOPE_RIDGES = (3.0, 10.0, 30.0, 100.0)
_ERRORS = 2.0
"""Standard errors by which slots must lower the loss: the best of some twenty attempts is compared with none."""
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
    contacts = _Contacts(matrix, slot, outcome, aimed, folds, shares)
    plain = left_out_losses(read.columns, outcome, aimed, folds, [read.ridge])[:, 0]
    best = _try_levels(read, contacts)
    tried = _try_slopes(read, contacts, best)
    best = tried if tried.losses.sum() < best.losses.sum() else best
    if not clearly_less(best.losses, plain, clusters, _ERRORS):
        return found, read
    columns, ridge = _beside(read, contacts, best.modifiers, best.level, best.slope)
    effect = fit_logistic(columns, outcome, penalty=ridge, offset=aimed, clusters=clusters)
    richer = replace(read, effect=effect, logits=effect.predict(columns), columns=columns, ridge=ridge)
    return replace(found, modifiers=best.modifiers), richer


_NO_COLUMN = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Contacts:
    """The contacted rows: columns, slot, outcome, organic logit after targeting, fold; and the share of each slot."""

    matrix: np.ndarray
    slot: np.ndarray
    outcome: np.ndarray
    aimed: np.ndarray
    folds: np.ndarray
    shares: np.ndarray

    def by_slot(self, modifiers: np.ndarray) -> np.ndarray:
        """One copy of the slots' columns for each slot, zero except in the row's own; the usual mix where unknown."""
        columns = _slot_columns(self.matrix, modifiers)
        own = np.where((self.slot < 0)[:, None], self.shares, self.slot[:, None] == np.arange(len(self.shares)))
        return np.asarray((own[:, :, None] * columns[:, None, :]).reshape(len(columns), -1))


@dataclass(frozen=True, eq=False)
class _Attempt:
    """Columns and ridges of the slots' effects, and the loss of each row by a fit that did not see its customer."""

    modifiers: np.ndarray
    level: float
    slope: float
    losses: np.ndarray


def _slot_columns(matrix: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(matrix)), np.clip(matrix[:, chosen], -3.0, 3.0)])


def _beside(
    read: Modification, contacts: _Contacts, modifiers: np.ndarray, level: float, slope: float
) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the effect without slots and, beside them, of the slots; and the ridge of each."""
    own = contacts.by_slot(modifiers)
    ridge = np.full(own.shape[1], slope)
    ridge[:: 1 + len(modifiers)] = level
    return np.column_stack([read.columns, own]), np.concatenate([read.ridge, ridge])


def _try_levels(read: Modification, contacts: _Contacts) -> _Attempt:
    """The best ridge of slots that differ by their intercepts only."""
    tried = [_beside(read, contacts, _NO_COLUMN, level, level) for level in _LEVEL_RIDGES]
    losses = left_out_losses(
        tried[0][0], contacts.outcome, contacts.aimed, contacts.folds, [ridge for _, ridge in tried]
    )
    best = int(np.argmin(losses.sum(axis=0)))
    return _Attempt(_NO_COLUMN, _LEVEL_RIDGES[best], _LEVEL_RIDGES[best], losses[:, best])


def _try_slopes(read: Modification, contacts: _Contacts, levels: _Attempt) -> _Attempt:
    """The best number of modifiers and ridge; each fold's modifiers are chosen without it.

    One Newton step from the fit with intercepts only, so that a fold costs one matrix product whatever is tried.
    """
    columns, ridge = _beside(read, contacts, _NO_COLUMN, levels.level, levels.level)
    pilot = fit_logistic(columns, contacts.outcome, penalty=ridge, offset=contacts.aimed)
    eta = pilot.predict(columns)
    mean = expit(contacts.aimed + eta)
    weight = mean * (1 - mean)
    target = weight * eta + contacts.outcome - mean
    grid = [(n, slope) for n in _SLOPES if n <= contacts.matrix.shape[1] for slope in _SLOPE_RIDGES]
    losses = np.zeros((len(eta), len(grid)))
    for fold in np.unique(contacts.folds):
        train, test = contacts.folds != fold, contacts.folds == fold
        ranked = _most_telling(contacts, mean, train)
        whole, _ = _beside(read, contacts, ranked, levels.level, 1.0)
        x = np.asarray(whole[train], dtype=np.float64)
        gram, moment = (x * weight[train, None]).T @ x, x.T @ target[train]
        for place, (number, slope) in enumerate(grid):
            kept, penalty = _part(read, len(contacts.shares), len(ranked), number, levels.level, slope)
            beta = np.linalg.solve(gram[np.ix_(kept, kept)] + np.diag(penalty + 1e-8), moment[kept])
            logits = contacts.aimed[test] + whole[test][:, kept] @ beta
            losses[test, place] = np.logaddexp(0, logits) - contacts.outcome[test] * logits
    if not grid:
        return levels
    best = int(np.argmin(losses.sum(axis=0)))
    number, slope = grid[best]
    everything = np.ones(len(eta), dtype=bool)
    return _Attempt(_most_telling(contacts, mean, everything)[:number], levels.level, slope, losses[:, best])


def _part(
    read: Modification, slots: int, width: int, number: int, level: float, slope: float
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and ridge of the columns that remain when each slot keeps its first ``number`` modifiers."""
    first = read.columns.shape[1]
    own = np.arange(slots)[:, None] * (1 + width) + np.arange(1 + number)
    ridge = np.tile(np.concatenate([[level], np.full(number, slope)]), slots)
    return np.concatenate([np.arange(first), first + own.ravel()]), np.concatenate([read.ridge, ridge])


def _most_telling(contacts: _Contacts, mean: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Matrix columns in the order of a score test on some rows: how differently the slots' residuals go with them.

    What they have in common in all slots belongs to the shared effect, and is taken out.
    """
    columns = np.clip(np.asarray(contacts.matrix[rows], dtype=np.float64), -3.0, 3.0)
    columns = columns - columns.mean(axis=0)
    residual, weight = (contacts.outcome - mean)[rows], (mean * (1 - mean))[rows]
    slots = [contacts.slot[rows] == position for position in range(len(contacts.shares))]
    score = np.array([residual[own] @ columns[own] for own in slots])
    spread = np.array([weight[own] @ np.square(columns[own]) for own in slots])
    shared = np.square(score.sum(axis=0)) / np.maximum(spread.sum(axis=0), 1e-9)
    statistic = (np.square(score) / np.maximum(spread, 1e-9)).sum(axis=0) - shared
    return np.argsort(-statistic, kind="stable")[: max(_SLOPES)]
