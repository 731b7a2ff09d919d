"""How a move travels down a graph whose nodes are partly uncertain.

Hides the worlds: where a 0 / 1 node, a count or a category below a move may take several values, each (of a count,
five typical ones) is followed in a world of its own with its probability, and the worlds are averaged at the end.
Passing the probability on as if it were a value was considered: it is wrong wherever a child bends, and for two
uncertain parents that depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import poisson

from causal.encoding import numeric_values
from causal.structural.equations import Equation

__all__ = ["category_values", "propagate", "typical_counts"]

Floats = NDArray[np.float64]

MOST_WORLDS = 64
TYPICAL = 5


@dataclass(frozen=True)
class World:
    """Values of the changed columns, and each row's probability of them."""

    chance: Floats
    columns: dict[str, Any]


def propagate(
    frame: pd.DataFrame,
    steps: Sequence[str],
    equations: Mapping[str, Equation],
    moved: Mapping[str, Any],
    uncertain: Mapping[str, Floats],
) -> dict[str, Any]:
    """Recompute columns in order and return their expectation.

    Parameters
    ----------
    frame : DataFrame, n rows
        The rows as observed.
    steps : sequence of str
        Moved columns and their descendants, causes before effects.
    equations : mapping of str to Equation
    moved : mapping of str to column values
    uncertain : mapping of str to ndarray of float, shape (n, 2)
        Probabilities of 0 and 1 of the moved columns that are to be drawn.

    Returns
    -------
    dict of str to column values
        A number's mean (with its own noise), a count's mean, a 0 / 1 node's probability, a category's likeliest level.
    """
    worlds = [World(np.ones(len(frame)), {})]
    result: dict[str, Any] = {}
    for place, node in enumerate(steps):
        later = [step for step in steps[place + 1 :] if step not in moved]
        passes_on = any(node in equations[step].parents for step in later)
        if node in moved:
            result[node] = moved[node]
            chances, levels = [uncertain.get(node)] * len(worlds), (0.0, 1.0)
        elif equations[node].additive:
            result[node], worlds = _follow_number(frame, equations[node], worlds)
            continue
        elif equations[node].kind == "count":
            result[node], worlds = _follow_count(frame, equations[node], worlds, passes_on)
            continue
        else:
            result[node], chances, levels = _follow_levels(frame, equations[node], worlds)
        worlds = _branch(worlds, node, chances, levels) if passes_on else worlds
        if passes_on and node not in worlds[0].columns:
            worlds = [World(world.chance, {**world.columns, node: result[node]}) for world in worlds]
    return result


def category_values(codes: NDArray[Any], levels: tuple[str, ...]) -> pd.Categorical[str]:
    """Return level numbers as the values of a categorical column."""
    return pd.Categorical.from_codes(codes.astype(np.int64), categories=pd.Index(list(levels)))


def _follow_number(frame: pd.DataFrame, equation: Equation, worlds: list[World]) -> tuple[Floats, list[World]]:
    """Move a number in every world, each row keeping its noise."""
    noise = np.nan_to_num(numeric_values(frame[equation.node], gaps=True) - equation.mean(frame), nan=0.0)
    means = [equation.mean(_parents(frame, equation, world)) for world in worlds]
    after = [World(world.chance, {**world.columns, equation.node: mean + noise}) for world, mean in zip(worlds, means)]
    return _average(worlds, means) + noise, after


def _follow_count(
    frame: pd.DataFrame, equation: Equation, worlds: list[World], passes_on: bool
) -> tuple[Floats, list[World]]:
    """Return the mean of a count, and worlds in which it takes each of its typical values."""
    means = [equation.mean(_parents(frame, equation, world)) for world in worlds]
    average = _average(worlds, means)
    if not passes_on:
        return average, worlds
    if len(worlds) * TYPICAL > MOST_WORLDS:
        return average, [
            World(world.chance, {**world.columns, equation.node: mean}) for world, mean in zip(worlds, means)
        ]
    return average, [
        World(world.chance / TYPICAL, {**world.columns, equation.node: value})
        for world, mean in zip(worlds, means)
        for value in typical_counts(mean)
    ]


def typical_counts(mean: Floats) -> list[Floats]:
    """Return equally likely values that stand for a Poisson count of each mean and keep the mean."""
    values = np.stack([poisson.ppf((k + 0.5) / TYPICAL, mean) for k in range(TYPICAL)])
    level = values.mean(axis=0)
    scale = np.divide(mean, level, out=np.zeros_like(mean), where=level > 0)
    values = np.where(level > 0, values * scale, mean)
    return list(values)


def _follow_levels(
    frame: pd.DataFrame, equation: Equation, worlds: list[World]
) -> tuple[Any, list[Floats | None], tuple[Any, ...]]:
    """Return what to show of a 0 / 1 node or a category, its probabilities per world, and its levels."""
    means = [equation.mean(_parents(frame, equation, world)) for world in worlds]
    average = _average(worlds, means)
    if equation.kind == "category":
        return category_values(average.argmax(axis=1), equation.levels), list(means), equation.levels
    return average, [np.column_stack([1 - mean, mean]) for mean in means], (0.0, 1.0)


def _branch(worlds: list[World], node: str, chances: list[Floats | None], levels: Sequence[Any]) -> list[World]:
    """Follow every level of a node in a world of its own; leave the worlds as they are when too many."""
    if len(worlds) * len(levels) > MOST_WORLDS:
        return worlds
    return [
        World(world.chance * chance[:, k], {**world.columns, node: _constant(levels, k, len(chance))})
        for world, chance in zip(worlds, chances)
        if chance is not None
        for k in range(len(levels))
    ] or worlds


def _constant(levels: Sequence[Any], k: int, n: int) -> Any:
    if isinstance(levels[k], str):
        return category_values(np.full(n, k), tuple(levels))
    return np.full(n, float(levels[k]))


def _parents(frame: pd.DataFrame, equation: Equation, world: World) -> pd.DataFrame:
    columns = {parent: world.columns.get(parent, frame[parent].array) for parent in equation.parents}
    return pd.DataFrame(columns, index=frame.index)


def _average(worlds: list[World], means: list[Floats]) -> Floats:
    total = np.zeros_like(means[0])
    for world, mean in zip(worlds, means):
        total += mean * (world.chance if mean.ndim == 1 else world.chance[:, None])
    return total
