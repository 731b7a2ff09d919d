r"""How wrong the form of an effect is: what residuals say in groups of customers, and how much wider intervals must be.

Hides the groups and the amount. A learner whose effect is a line through a threshold is wrong on both sides of it, and
its standard error knows nothing of that. So each modifier is cut into groups, and in each group the doubly robust
residual is taken: outcome minus prediction among the contacted, less the same among controls weighted like them. Where
these residuals vary by more than their noise (DerSimonian & Laird 1986), their shrunken square is added to the
variance of every row in the group.

A channel whose contacts all had the same outcome is a case of its own: no residual varies, so every learner is certain.
Its standard error is then at least what the exact binomial interval of so many equal outcomes allows (Clopper & Pearson
1934).

Alternatives considered: correcting the prediction by the residual (a second learner, no standard error of its own);
conformal intervals for effects (Lei & Candes 2021), which are for one person's outcome and are many times as wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, norm

from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows

__all__ = ["FormError", "fit_form_error", "unvarying_channels"]

_GROUPS = 8
_SIGNIFICANCE = 0.2
_ORGANIC, _EFFECT, _SAME, _TOGETHER = -1, -2, -3, -1
_TAIL = 0.05
_FEWEST = 15
"""Contacted rows of a group, and controls of a group, below which it is not judged."""


@dataclass(frozen=True)
class FormError:
    """Squared bias to expect of an effect in groups of customers.

    Attributes
    ----------
    findings : tuple of (channel position or -1, matrix column or -1 or -2, edges, squared bias)
        Groups whose residuals differ from zero, ``len(edges) + 1`` each. Channel -1 is all channels together; column -1
        is the organic outcome, -2 the predicted effect, -3 all rows (of a channel whose outcome does not vary).

    Examples
    --------
    >>> form = FormError(((0, 0, (0.5,), (0.0, 0.04)),))
    >>> response = Response(np.zeros(2), np.zeros((2, 1)), np.full((2, 1), 0.1))
    >>> form.squared_bias(np.array([[0.2], [0.9]]), response, 1).ravel().tolist()
    [0.0, 0.04]
    """

    findings: tuple[tuple[int, int, tuple[float, ...], tuple[float, ...]], ...] = ()

    def squared_bias(self, matrix: np.ndarray, response: Response, channels: int) -> np.ndarray:
        """Largest squared bias over the groups a row is in; the shape of the response, slots varying fastest."""
        slots = response.p_contact.shape[1] // channels
        found = np.zeros(response.p_contact.shape)
        uplift = response.uplift
        for channel, column, edges, bias in self.findings:
            own = slice(None) if channel < 0 else slice(channel * slots, (channel + 1) * slots)
            if column == _SAME:
                found[:, own] = np.maximum(found[:, own], bias[0])
                continue
            values = uplift[:, own] if column == _EFFECT else _values(matrix, response.p_organic, column)[:, None]
            found[:, own] = np.maximum(found[:, own], np.asarray(bias)[np.digitize(values, edges)])
        return found

    def widen(self, response: Response, matrix: np.ndarray, channels: int) -> Response:
        """The response with standard errors that hold the error of the form."""
        if not self.findings:
            return response
        bias = self.squared_bias(matrix, response, channels)
        return Response(response.p_organic, response.p_contact, np.sqrt(response.se**2 + bias))

    def to_list(self) -> list[list[Any]]:
        """Plain data for JSON."""
        return [[channel, column, list(edges), list(bias)] for channel, column, edges, bias in self.findings]

    @classmethod
    def from_list(cls, data: Sequence[Sequence[Any]]) -> FormError:
        """Rebuild from `to_list`."""
        return cls(tuple((c, column, tuple(edges), tuple(bias)) for c, column, edges, bias in data))

    def sentence(self, names: Sequence[str]) -> str:
        """What was found, in plain English."""
        special = {_ORGANIC: "appetite", _EFFECT: "predicted effect"}
        shown = list(dict.fromkeys(special.get(c) or names[c] for _, c, *_ in self.findings if c != _SAME))
        if not shown:
            return "In no group of customers does the effect differ from its prediction by more than chance."
        return f"The effect differs from its prediction by groups of {', '.join(shown)}; intervals there are wider."


def _values(matrix: np.ndarray, organic: np.ndarray, column: int) -> np.ndarray:
    return organic if column == _ORGANIC else matrix[:, column]


def unvarying_channels(rows: TrainingRows) -> FormError:
    """Squared doubt in channels all of whose contacts had the same outcome.

    Parameters
    ----------
    rows : TrainingRows

    Notes
    -----
    Of n equal outcomes the exact one-sided 95 % bound of the rate of the other outcome is 1 - 0.05^(1/n); it is taken
    as 1.64 standard errors. For amounts that share is of the standard deviation of all outcomes.
    """
    unit = 1.0 if np.isin(rows.outcome, (0.0, 1.0)).all() else float(rows.outcome.std())
    findings = []
    for position in range(len(rows.channels)):
        own = rows.outcome[rows.channel == position + 1]
        if len(own) and own.min() == own.max():
            least = unit * (1.0 - _TAIL ** (1.0 / len(own))) / norm.ppf(1.0 - _TAIL)
            findings.append((position, _SAME, (), (float(least**2),)))
    return FormError(tuple(findings))


def fit_form_error(
    rows: TrainingRows,
    expected: np.ndarray,
    response: Response,
    control_weights: np.ndarray,
    modifiers: np.ndarray,
) -> FormError:
    """Judge a fitted effect in groups of each modifier, of the organic outcome and of the predicted effect.

    Each channel is judged alone, and all of them together: what one channel has too few contacts to show.

    Parameters
    ----------
    rows : TrainingRows
    expected : numpy.ndarray, shape (n,)
        Expected outcome of each row as it was treated, by models that had not seen its customer.
    response : Response
        Potential outcomes of the rows.
    control_weights : numpy.ndarray, shape (number of controls,)
        Weights that make controls look like the contacted.
    modifiers : numpy.ndarray, shape (p,), bool
        Matrix columns that groups are made of.
    """
    residual = _Residuals(rows, rows.outcome - expected, control_weights)
    count = len(rows.channels)
    columns = [_EFFECT, _ORGANIC, *map(int, np.flatnonzero(modifiers))]
    findings = []
    for channel in ([_TOGETHER] if count > 1 else []) + list(range(count)):
        for column in columns:
            if column == _EFFECT:
                values = _effect_of(rows, response, channel)
            else:
                values = _values(rows.matrix, response.p_organic, column)
            edges = _edges(values[rows.contacted if channel < 0 else rows.channel == channel + 1])
            bias = residual.bias(channel, np.digitize(values, edges), len(edges) + 1, len(columns))
            if bias is not None:
                findings.append((channel, column, tuple(map(float, edges)), tuple(map(float, bias))))
    return FormError(tuple(findings))


def _effect_of(rows: TrainingRows, response: Response, channel: int) -> np.ndarray:
    """Predicted effect by which rows are grouped: of the channel, or of the one received and the mean for controls."""
    if channel >= 0:
        return np.asarray(response.uplift[:, channel])
    own = response.uplift[np.arange(len(rows.channel)), np.maximum(rows.channel - 1, 0)]
    return np.asarray(np.where(rows.contacted, own, response.uplift.mean(axis=1)))


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
        own = self._channel > 0 if channel == _TOGETHER else self._channel == channel + 1
        control = self._channel == 0
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
