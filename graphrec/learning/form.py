r"""How wrong the form of an effect is: what residuals say in groups of customers, and how much wider intervals must be.

Hides the groups and the amount. A learner whose effect is a line through a threshold is wrong on both sides of it, and
its standard error knows nothing of that. So each modifier is cut into groups, and in each group the doubly robust
residual is taken: outcome minus prediction among the contacted, less the same among controls weighted like them. Where
these residuals vary by more than their noise (DerSimonian & Laird 1986), their shrunken square is added to the
variance of every row in the group.

Alternatives considered: correcting the prediction by the residual (a second learner, no standard error of its own);
conformal intervals for effects (Lei & Candes 2021), which are for one person's outcome and are many times as wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from graphrec.learning.response import Response, TrainingRows

__all__ = ["FormError", "fit_form_error"]

_GROUPS = 8
_SIGNIFICANCE = 0.2
_FEWEST = 15
"""Contacted rows of a group, and controls of a group, below which it is not judged."""


@dataclass(frozen=True)
class FormError:
    """Squared bias to expect of an effect in groups of customers.

    Attributes
    ----------
    findings : tuple of (channel position, matrix column or -1, edges, squared bias)
        Groups whose residuals differ from zero; column -1 is the organic outcome. ``len(edges) + 1`` groups each.

    Examples
    --------
    >>> form = FormError(((0, 0, (0.5,), (0.0, 0.04)),))
    >>> form.squared_bias(np.array([[0.2], [0.9]]), np.zeros(2), 1).ravel().tolist()
    [0.0, 0.04]
    """

    findings: tuple[tuple[int, int, tuple[float, ...], tuple[float, ...]], ...] = ()

    def squared_bias(self, matrix: np.ndarray, organic: np.ndarray, channels: int) -> np.ndarray:
        """Largest squared bias of each row over the modifiers, shape (n, channels)."""
        found = np.zeros((len(matrix), channels))
        for channel, column, edges, bias in self.findings:
            values = organic if column < 0 else matrix[:, column]
            own = np.asarray(bias)[np.digitize(values, edges)]
            found[:, channel] = np.maximum(found[:, channel], own)
        return found

    def widen(self, response: Response, matrix: np.ndarray, channels: int) -> Response:
        """The response with standard errors that hold the error of the form; slots of a channel share it."""
        if not self.findings:
            return response
        bias = self.squared_bias(matrix, response.p_organic, channels)
        each = np.repeat(bias, response.se.shape[1] // channels, axis=1)
        return Response(response.p_organic, response.p_contact, np.sqrt(response.se**2 + each))

    def to_list(self) -> list[list[Any]]:
        """Plain data for JSON."""
        return [[channel, column, list(edges), list(bias)] for channel, column, edges, bias in self.findings]

    @classmethod
    def from_list(cls, data: Sequence[Sequence[Any]]) -> FormError:
        """Rebuild from `to_list`."""
        return cls(tuple((c, column, tuple(edges), tuple(bias)) for c, column, edges, bias in data))

    def sentence(self, names: Sequence[str]) -> str:
        """What was found, in plain English."""
        shown = list(dict.fromkeys("appetite" if c < 0 else names[c] for _, c, *_ in self.findings))
        if not shown:
            return "In no group of customers does the effect differ from its prediction by more than chance."
        return f"The effect differs from its prediction by groups of {', '.join(shown)}; intervals there are wider."


def fit_form_error(
    rows: TrainingRows,
    expected: np.ndarray,
    organic: np.ndarray,
    control_weights: np.ndarray,
    modifiers: np.ndarray,
) -> FormError:
    """Judge a fitted effect in groups of each modifier and of the organic outcome.

    Parameters
    ----------
    rows : TrainingRows
    expected : numpy.ndarray, shape (n,)
        Expected outcome of each row as it was treated, by models that had not seen its customer.
    organic : numpy.ndarray, shape (n,)
        Expected outcome of each row without contact.
    control_weights : numpy.ndarray, shape (number of controls,)
        Weights that make controls look like the contacted.
    modifiers : numpy.ndarray, shape (p,), bool
        Matrix columns that groups are made of.
    """
    residual = _Residuals(rows, rows.outcome - expected, control_weights)
    columns = {-1: organic} | {int(j): rows.matrix[:, j] for j in np.flatnonzero(modifiers)}
    findings = []
    for channel in range(len(rows.channels)):
        for column, values in columns.items():
            edges = _edges(values[rows.channel == channel + 1])
            bias = residual.bias(channel, np.digitize(values, edges), len(edges) + 1, len(columns))
            if bias is not None:
                findings.append((channel, column, tuple(map(float, edges)), tuple(map(float, bias))))
    return FormError(tuple(findings))


def _edges(values: np.ndarray) -> np.ndarray:
    """Inner borders of groups of about equal size; between the levels where there are few."""
    if not len(values):
        return np.zeros(0)
    levels = np.unique(values)
    if len(levels) <= _GROUPS:
        return np.asarray((levels[1:] + levels[:-1]) / 2, dtype=np.float64)
    return np.unique(np.quantile(values, np.arange(1, _GROUPS) / _GROUPS).astype(np.float64))


class _Residuals:
    """Doubly robust residuals of the contacted and of controls, by group."""

    def __init__(self, rows: TrainingRows, left: np.ndarray, control_weights: np.ndarray) -> None:
        self._channel = rows.channel
        self._weights = control_weights
        self._left = left

    def bias(self, channel: int, group: np.ndarray, groups: int, tests: int) -> np.ndarray | None:
        """Squared bias to expect in each group; None where the residuals do not vary by more than chance."""
        own, control = self._channel == channel + 1, self._channel == 0
        first, first_variance, first_count = _means(self._left[own], np.ones(int(own.sum())), group[own], groups)
        weights, inside = self._weights, group[control]
        second, second_variance, second_count = _means(self._left[control], weights, inside, groups)
        gap, variance = first - second, first_variance + second_variance
        known = (first_count >= _FEWEST) & (second_count >= _FEWEST) & (variance > 0)
        if known.sum() < 2:
            return None
        precision = 1.0 / variance[known]
        excess = float((gap[known] ** 2 * precision).sum())
        if excess <= chi2.ppf(1.0 - _SIGNIFICANCE / tests, int(known.sum())):
            return None
        between = (excess - known.sum()) / precision.sum()
        share = np.where(known, between / (between + variance), 0.0)
        expected = (share * np.where(known, gap, 0.0)) ** 2 + np.where(known, share * variance, between)
        return np.asarray(expected)


def _means(
    values: np.ndarray, weights: np.ndarray, group: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted mean, its variance and the number of rows of each group."""
    count = np.bincount(group, minlength=groups)
    total = np.maximum(np.bincount(group, weights, groups), 1e-30)
    mean = np.bincount(group, weights * values, groups) / total
    squares = np.bincount(group, (weights * (values - mean[group])) ** 2, groups)
    return mean, squares / total**2, count
