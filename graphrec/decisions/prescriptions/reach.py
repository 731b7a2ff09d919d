"""Where a lever may go: values that are usual for a row like this one, inside the lever's range, step and direction.

Hides support. A number moves between conditional quantiles given its causes, a level is switched to only where it was
not rare for such rows; beyond, a model answers about customers nobody has seen. Steps of one standard deviation were
considered: they put 19-54 % of the customers out of support.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ontology.levers import Lever

__all__ = ["Equations", "Targets", "find_targets", "same_for_all"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_SAME = 1e-9


class Equations(Protocol):
    """What is asked of structural equations here; `causal.StructuralModel` has it."""

    @property
    def order(self) -> tuple[str, ...]:
        """Nodes, causes before effects."""

    @property
    def kinds(self) -> Mapping[str, Any]:
        """``number``, ``binary`` or ``category`` of each node."""

    @property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """Levels of the categories."""

    @property
    def equations(self) -> Mapping[str, Any]:
        """Equation of each node with parents."""

    @property
    def exogenous(self) -> pd.DataFrame:
        """Values of the nodes without parents."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Where one lever may go.

    Attributes
    ----------
    lever : Lever
    now : numpy.ndarray, shape (n,)
        Present value; numbers, or names of levels.
    values : numpy.ndarray, shape (n, k)
        Values to go to.
    feasible : numpy.ndarray, shape (n, k), bool
        Whether the row may go there; never to where it is already.
    """

    lever: Lever
    now: NDArray[Any]
    values: NDArray[Any]
    feasible: Bools


def find_targets(model: Equations, frame: pd.DataFrame, lever: Lever, quantiles: Floats) -> Targets:
    """Values that a lever may take in each row.

    Parameters
    ----------
    model : Equations
        Says what is usual for a row like this one.
    frame : pandas.DataFrame, n rows
        Holds every node of the model.
    lever : Lever
        Direction, range and step.
    quantiles : numpy.ndarray, shape (k,)
        Conditional quantiles to go to, increasing.
    """
    kind = model.kinds[lever.column]
    if kind == "category":
        return _level_targets(model, frame, lever, float(quantiles[0]))
    now = frame[lever.column].to_numpy(np.float64, na_value=np.nan)
    if kind == "binary":
        values = np.tile([0.0, 1.0], (len(frame), 1))
        feasible = _usual(model, frame, lever.column, 2) >= float(quantiles[0])
    else:
        values, feasible = _number_targets(_conditional_quantiles(model, frame, lever.column, quantiles), lever)
    sign = lever.direction or 0
    rise = values - now[:, None]
    return Targets(lever, now, values, feasible & (np.abs(rise) > _SAME) & (sign * rise >= 0))


def _conditional_quantiles(model: Equations, frame: pd.DataFrame, column: str, quantiles: Floats) -> Floats:
    """Quantiles of a number given its causes, shape (n, k); of its own distribution where it has none."""
    if column not in model.equations:
        known = model.exogenous[column].dropna().to_numpy(np.float64)
        return np.tile(np.quantile(known, quantiles), (len(frame), 1))
    equation = model.equations[column]
    return np.asarray(equation.mean(frame)[:, None] + np.quantile(equation.noise, quantiles)[None, :])


def _number_targets(usual: Floats, lever: Lever) -> tuple[Floats, Bools]:
    """Move quantiles onto the lever's grid and into its range; infeasible where that leaves the support."""
    low = -np.inf if lever.minimum is None else lever.minimum
    high = np.inf if lever.maximum is None else lever.maximum
    values, slack = usual, _SAME
    if lever.step is not None:
        start = 0.0 if lever.minimum is None else lever.minimum
        values = np.round(start + np.round((values - start) / lever.step) * lever.step, 12)
        slack = lever.step / 2 + _SAME
    values = np.clip(values, low, high)
    inside = (values >= usual[:, :1] - slack) & (values <= usual[:, -1:] + slack)
    repeated = np.zeros(values.shape, dtype=bool)
    repeated[:, 1:] = np.abs(np.diff(values, axis=1)) < _SAME
    return values, inside & ~repeated


def _level_targets(model: Equations, frame: pd.DataFrame, lever: Lever, tail: float) -> Targets:
    """Every level that was usual for rows like this one, other than the present one."""
    levels = np.array(model.levels[lever.column], dtype=object)
    now = frame[lever.column].astype(object).to_numpy()
    feasible = _usual(model, frame, lever.column, len(levels)) >= 2 * tail / len(levels)
    values = np.tile(levels, (len(frame), 1))
    return Targets(lever, now, values, feasible & (values != now.astype(str).astype(object)[:, None]))


def _usual(model: Equations, frame: pd.DataFrame, column: str, count: int) -> Floats:
    """Probability of each level given the causes, shape (n, count)."""
    if column in model.equations:
        mean = model.equations[column].mean(frame)
        return np.asarray(mean if mean.ndim == 2 else np.column_stack([1 - mean, mean]))
    seen = model.exogenous[column]
    if model.kinds[column] == "binary":
        share = float(seen.mean())
        return np.tile([1 - share, share], (len(frame), 1))
    share_of = seen.astype(object).map(str).value_counts(normalize=True)
    return np.tile([share_of.get(level, 0.0) for level in model.levels[column]], (len(frame), 1))


def same_for_all(model: Equations, frame: pd.DataFrame, lever: Lever, quantiles: Floats) -> list[Targets]:
    """Moves that send every row that may go there to one and the same value.

    Parameters
    ----------
    model, frame, lever, quantiles
        As in :func:`find_targets`.

    Returns
    -------
    list of Targets
        One for each level, or for each quantile of the lever's present values; ``values`` has one column.
    """
    whole = find_targets(model, frame, lever, quantiles)
    if model.kinds[lever.column] != "number":
        return [
            Targets(lever, whole.now, whole.values[:, [k]], whole.feasible[:, [k]])
            for k in range(whole.values.shape[1])
        ]
    usual = _conditional_quantiles(model, frame, lever.column, quantiles)
    known = whole.now[np.isfinite(whole.now)]
    found = []
    asked = np.quantile(known, quantiles) if len(known) else np.empty(0)
    grid = np.unique(_number_targets(asked[None, :], lever)[0]) if len(asked) else asked
    slack = (lever.step or 0.0) / 2 + _SAME
    for value in grid:
        rise = value - whole.now
        inside = (value >= usual[:, 0] - slack) & (value <= usual[:, -1] + slack)
        feasible = inside & (np.abs(rise) > _SAME) & ((lever.direction or 0) * rise >= 0)
        found.append(Targets(lever, whole.now, np.full((len(frame), 1), value), feasible[:, None]))
    return found
