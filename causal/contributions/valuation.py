"""The mean outcome of a row when some of its causes are set and everything else takes its course.

Hides the draws. ``v(S) = E[Y | do(X_S = x_S)]`` is a mean over worlds: the causes nobody set are drawn anew, from the
same noise for every coalition and every row (common random numbers), so that the differences between coalitions are
far less noisy than the values. Each node is computed only from the set causes that reach it, and kept: most coalitions
share most of their inner nodes. Noise is stratified (a Latin hypercube), which takes the noise of everything additive
out of the mean.

``StructuralModel.do`` was considered: it keeps each row's own noise, which answers "what if this row had been moved"
and not "what do rows so set look like"; do-Shapley values need the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import poisson

from causal.encoding import GAP, REST, ColumnCode, FrameError
from causal.scm import StructuralModel
from causal.structural.equations import LINKS, Equation
from causal.structural.lines import link_mean
from causal.structural.worlds import category_values

__all__ = ["Draws", "Valuation", "draw_worlds", "row_values"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Values = Mapping[str, Floats]


@dataclass(frozen=True)
class Draws:
    """Worlds drawn from a model, not yet followed: exogenous values, and the noise of everything else.

    Parameters
    ----------
    noise : mapping of str to ndarray of float, shape (m,)
        Of a node without parents its value (a level number for a category); of a number its additive noise; of all
        other nodes a uniform number.
    """

    noise: Values

    def __len__(self) -> int:
        return len(next(iter(self.noise.values())))


def draw_worlds(model: StructuralModel, nodes: Sequence[str], m: int, rng: np.random.Generator) -> Draws:
    """Draw ``m`` worlds: exogenous rows kept together, noise stratified node by node."""
    whole, rest = divmod(m, len(model.exogenous))
    every = np.tile(np.arange(len(model.exogenous)), whole)
    rows = rng.permutation(np.concatenate([every, rng.choice(len(model.exogenous), size=rest, replace=False)]))
    noise: dict[str, Floats] = {}
    for node in nodes:
        equation = model.equations.get(node)
        if equation is None:
            noise[node] = row_values(model, model.exogenous.iloc[rows], [node], gaps=True)[node]
            continue
        even = (rng.permutation(m) + rng.random(m)) / max(m, 1)
        if equation.kind == "number":
            even = equation.noise[np.minimum((even * len(equation.noise)).astype(np.int64), len(equation.noise) - 1)]
        noise[node] = even
    return Draws(noise)


def row_values(model: StructuralModel, frame: pd.DataFrame, nodes: Sequence[str], gaps: bool = False) -> Values:
    """Return columns as numbers, a category as the number of its level.

    Raises
    ------
    FrameError
        A value is missing (unless gaps may pass) or a level is unknown.
    """
    found = {}
    for node in nodes:
        if model.kinds[node] == "category":
            text = frame[node].astype(object).map(str, na_action="ignore")
            levels = model.levels[node]
            text = text.where(text.notna(), GAP) if GAP in levels else text
            values = pd.Index(levels).get_indexer(pd.Index(text)).astype(np.float64)
            values[values < 0] = np.nan
        else:
            values = np.asarray(frame[node].to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
        if not gaps and not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise FrameError(
                f"column {node!r} has a missing or unknown value (first at row {row}: {frame[node].iloc[row]!r}); what "
                "was never observed cannot be set: fill it, or leave the row out"
            )
        found[node] = values
    return found


@dataclass
class Valuation:
    """Values of coalitions for a block of rows.

    Parameters
    ----------
    model : StructuralModel
    outcome : str
    rows : mapping of str to ndarray of float, shape (n,)
        Of every cause of the outcome.
    draws : Draws
    link : bool
        Value the outcome on the scale of its link (log-odds, log of a count) instead of its own.
    """

    model: StructuralModel
    outcome: str
    rows: Values
    draws: Draws
    link: bool = False
    _kept: dict[tuple[Any, ...], Floats] = field(default_factory=dict)
    _causes: dict[str, frozenset[str]] = field(default_factory=dict)

    def value(
        self,
        coalition: frozenset[str],
        worlds: Ints | None = None,
        replaced: tuple[str, str] | None = None,
    ) -> Floats:
        """Return the mean outcome given the parents in each world, shape (n or 1, m or 1).

        Parameters
        ----------
        coalition : frozenset of str
            The causes that are set to the row's values.
        worlds : ndarray of int, optional
            Which of the draws; all by default.
        replaced : (cause, effect), optional
            One arrow that carries the row's value of its cause although the cause itself is not set.
        """
        parents = self._parents(self.outcome, coalition, worlds, replaced)
        return self._mean(self.model.equations[self.outcome], parents, self.link)

    def _parents(
        self,
        node: str,
        coalition: frozenset[str],
        worlds: Ints | None,
        replaced: tuple[str, str] | None,
    ) -> dict[str, Floats]:
        found = {}
        for parent in self.model.equations[node].parents:
            if replaced == (parent, node):
                found[parent] = self.rows[parent][:, None]
            else:
                found[parent] = self._world(parent, coalition, worlds, replaced)
        return found

    def _world(
        self,
        node: str,
        coalition: frozenset[str],
        worlds: Ints | None,
        replaced: tuple[str, str] | None,
    ) -> Floats:
        """Values of a node in the worlds where the coalition is set."""
        if node in coalition:
            return self.rows[node][:, None]
        equation = self.model.equations.get(node)
        noise = self.draws.noise[node] if worlds is None else self.draws.noise[node][worlds]
        if equation is None:
            return noise[None, :]
        reaching = coalition & self._causes_of(node)
        key = (node, reaching, replaced if replaced and replaced[1] in {node, *self._causes_of(node)} else None)
        if worlds is None and key in self._kept:
            return self._kept[key]
        mean = self._mean(equation, self._parents(node, reaching, worlds, replaced), link=False)
        values = _realise(equation, mean, noise[None, :])
        if worlds is None:  # some of the worlds: seldom asked for twice
            self._kept[key] = values
        return values

    def _causes_of(self, node: str) -> frozenset[str]:
        if node not in self._causes:
            parents = self.model.equations[node].parents if node in self.model.equations else ()
            self._causes[node] = frozenset(parents).union(*(self._causes_of(parent) for parent in parents))
        return self._causes[node]

    def _mean(self, equation: Any, parents: dict[str, Floats], link: bool) -> Floats:
        if not isinstance(equation, Equation):
            return _foreign_mean(equation, parents, self.model)
        score: Any = equation.intercept[0] if equation.kind != "category" else equation.intercept
        place, columns = 0, []
        for code in equation.encoding.codes:
            for block in _matrix_columns(code, parents[code.column], self.model):
                slope = equation.slopes[place]
                place += 1
                columns.append(block)
                score = score + (block[..., None] * slope if equation.kind == "category" else block * slope[0])
        if equation.kind == "category":
            return np.asarray(softmax(score, axis=-1))
        if equation.trees is not None:
            shape = np.broadcast_shapes(*(block.shape for block in columns))
            x = np.stack([np.broadcast_to(block, shape).ravel() for block in columns], axis=1)
            score = score + np.asarray(equation.trees.predict(x, raw_score=True, num_threads=1)).reshape(shape)
        score = np.asarray(score, dtype=np.float64)
        return score if link else link_mean(LINKS[equation.kind], score)


def _matrix_columns(code: ColumnCode, values: Floats, model: StructuralModel) -> list[Floats]:
    """Encode one parent as its equation's encoding would, in any shape."""
    if code.levels is None:
        gaps = np.isnan(values)
        filled = np.where(gaps, code.fill, values)
        return [filled, gaps.astype(np.float64)] if code.flag else [filled]
    place = {name: number for number, name in enumerate(code.levels)}
    rest = place.get(REST, -1)
    position = np.array([place.get(name, rest) for name in model.levels[code.column]])[values.astype(np.int64)]
    return [(position == level).astype(np.float64) for level in range(1, len(code.levels))]


def _foreign_mean(equation: Any, parents: dict[str, Floats], model: StructuralModel) -> Floats:
    """Mean of an equation that somebody brought along, which only knows frames."""
    shape = np.broadcast_shapes(*(values.shape for values in parents.values()))
    columns: dict[str, Any] = {}
    for name, values in parents.items():
        flat = np.broadcast_to(values, shape).ravel()
        levels = model.levels.get(name)
        columns[name] = flat if levels is None else category_values(flat.astype(np.int64), levels)
    mean = np.asarray(equation.mean(pd.DataFrame(columns)), dtype=np.float64)
    return mean.reshape(*shape, *mean.shape[1:])


def _realise(equation: Any, mean: Floats, noise: Floats) -> Floats:
    """Values of a node from its mean (probabilities) and its noise."""
    if equation.kind == "number":
        return mean + noise
    if equation.kind == "count":
        return np.asarray(poisson.ppf(noise, mean), dtype=np.float64)
    if equation.kind == "binary":
        return (noise >= 1.0 - mean).astype(np.float64)
    steps = mean.cumsum(axis=-1)[..., :-1]
    return np.asarray((noise[..., None] > steps).sum(axis=-1), dtype=np.float64)
