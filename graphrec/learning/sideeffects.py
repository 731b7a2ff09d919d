"""What a contact breaks: customers who unsubscribe or complain because of it.

Hides a second outcome with the structure of the first: `logit P(Z | contact) = g(x) + h_c(x)`, where g is learned on
rows without contact and h, on the contacted, is one effect with shrunken deviations by channel, whose modifiers are
chosen on customers left out. Such events are rare, so g is a ridge without trees, and h by slot is not attempted. Where
nobody does it without a contact (most companies' unsubscriptions), g is the level that half an event would give.

Alternative considered: the share of unsubscriptions by channel. A channel may please most and drive away some, and
these are often the ones whom it persuades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit

from graphrec.learning.regressions.logistic import LogisticFit, fit_logistic
from graphrec.learning.regressions.modification import effect_columns, fit_modification
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows
from graphrec.market.panel import Panel

__all__ = ["SIDE_OUTCOMES", "SideEffect", "fit_side_effects"]

SIDE_OUTCOMES: Mapping[str, str] = {"unsubscribe": "unsubscribed", "complaint": "complained"}
"""Name of a side effect and the column of the panel that holds it."""
_FEWEST_EVENTS = 30
"""Customers with the event after a contact; with fewer, nothing is claimed."""
_FOLDS = 5
_RIDGE = 5.0
_FARTHEST = 20.0


@dataclass(frozen=True, eq=False)
class SideEffect:
    """A fitted side effect; see the module's text.

    Attributes
    ----------
    name : str
        One of `SIDE_OUTCOMES`.
    organic : numpy.ndarray, shape (p + 1,)
        Coefficients of g, the intercept first.
    effect : LogisticFit
        Coefficients of the shared effect, then of each channel's deviation where there are several.
    offset_scale : tuple of float
        Mean and spread of g among the contacted.
    modifiers : numpy.ndarray of bool, shape (p,)
        Matrix columns by which the effect differs.
    channels : int
    events : int
        Customers with the event after a contact.
    """

    name: str
    organic: np.ndarray
    effect: LogisticFit
    offset_scale: tuple[float, float]
    modifiers: np.ndarray
    channels: int
    events: int

    def predict(self, matrix: np.ndarray) -> Response:
        """Probability of the event without and with a contact, by channel, and the error of the difference."""
        offset = self._offset(matrix)
        base = effect_columns(matrix[:, self.modifiers], offset, self.offset_scale)
        without = expit(offset)
        contact, se = np.empty((2, len(matrix), self.channels))
        for c in range(self.channels):
            effect = self._effect_of(c, base.shape[1])
            p = expit(np.clip(offset + effect.predict(base), -_FARTHEST, _FARTHEST))
            contact[:, c], se[:, c] = p, p * (1 - p) * np.sqrt(effect.variance(base))
        return Response(without, contact, se)

    def _offset(self, matrix: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(self.organic[0] + matrix @ self.organic[1:], -_FARTHEST, _FARTHEST))

    def _effect_of(self, channel: int, width: int) -> LogisticFit:
        if self.channels == 1:
            return self.effect
        added = np.zeros((width, len(self.effect.coefficients)))
        added[:, :width] = np.eye(width)
        added[:, width * (channel + 1) : width * (channel + 2)] = np.eye(width)
        return LogisticFit(added @ self.effect.coefficients, added @ self.effect.covariance @ added.T)

    def to_parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and plain data that hold the whole model."""
        arrays = {
            "organic": self.organic,
            "effect": self.effect.coefficients,
            "covariance": self.effect.covariance,
            "modifiers": self.modifiers.astype(np.uint8),
        }
        plain = {"name": self.name, "scale": self.offset_scale, "channels": self.channels, "events": self.events}
        return arrays, plain

    @classmethod
    def from_parts(cls, arrays: Mapping[str, np.ndarray], plain: Mapping[str, Any]) -> SideEffect:
        """Rebuild from `to_parts`."""
        mean, spread = plain["scale"]
        return cls(
            plain["name"],
            arrays["organic"],
            LogisticFit(arrays["effect"], arrays["covariance"]),
            (mean, spread),
            arrays["modifiers"].astype(bool),
            plain["channels"],
            plain["events"],
        )


def fit_side_effects(panel: Panel, rows: TrainingRows, rng: np.random.Generator) -> tuple[SideEffect, ...]:
    """Side effects of a panel's contacts that happened often enough to be learned.

    Parameters
    ----------
    panel : Panel
        Its columns ``unsubscribed`` and ``complained`` are read, where it has them.
    rows : TrainingRows
        The same rows as arrays.
    rng : numpy.random.Generator
        Draws the customer folds.

    Notes
    -----
    Needs, like the effect itself, that the contact was as good as random given the columns. The event is looked for
    within the horizon. Where it names the contact that provoked it, it belongs to that contact; else to the customer,
    and contacts about several offers on one day share it.
    """
    found = []
    for (name, column), own in zip(SIDE_OUTCOMES.items(), rng.spawn(len(SIDE_OUTCOMES))):
        if column not in panel.consequences or len(np.unique(rows.clusters)) < _FOLDS:
            continue
        outcome = (panel.frame[column].to_numpy(np.float64) > 0).astype(np.float64)
        events = len(np.unique(rows.clusters[rows.contacted & (outcome > 0)]))
        if events >= _FEWEST_EVENTS and not outcome[rows.contacted].all():
            found.append(_fit(name, replace(rows, outcome=outcome, slot=None, slots=()), events, own))
    return tuple(found)


def _fit(name: str, rows: TrainingRows, events: int, rng: np.random.Generator) -> SideEffect:
    contacted = rows.contacted
    folds = customer_folds(rows.clusters, _FOLDS, rng)
    organic = _fit_organic(rows.matrix[~contacted], rows.outcome[~contacted], rows.weights[~contacted])
    matrix = rows.matrix[contacted]
    offset = np.clip(organic[0] + matrix @ organic[1:], -_FARTHEST, _FARTHEST)
    scale = (float(offset.mean()), float(offset.std()) or 1.0)
    read = fit_modification(rows, offset, offset, scale, folds[contacted])
    return SideEffect(name, organic, read.effect, scale, read.modifiers, len(rows.channels), events)


def _fit_organic(matrix: np.ndarray, outcome: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Intercept and ridge coefficients; the level of half an event where there was none."""
    if not outcome.any():
        share = 0.5 / (len(outcome) + 1.0)
        return np.concatenate([[np.log(share) - np.log1p(-share)], np.zeros(matrix.shape[1])])
    columns = np.column_stack([np.ones(len(matrix)), matrix])
    penalty = np.full(columns.shape[1], _RIDGE)
    penalty[0] = 0.0
    return fit_logistic(columns, outcome, penalty=penalty, weights=weights / weights.mean()).coefficients
