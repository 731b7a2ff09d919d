"""What candidate moves would change and cost, asked of a model for many rows at once.

Hides how a model is asked: candidates are evaluated in chunks, nothing loops over rows, and a model that can say how
sure it is of a change is asked for that too. What is left is the best target of each row for one combination of levers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from graphrec.decisions.prescriptions.movechoice import Option
from graphrec.decisions.prescriptions.reach import Equations, Targets
from graphrec.decisions.prescriptions.weighing import Weighed
from ontology.levers import Lever

__all__ = ["Cost", "MoveError", "Question", "Responder", "Weigher", "cost_function", "pose"]

Floats = NDArray[np.float64]
Spending = Callable[[NDArray[np.int64], NDArray[Any], NDArray[Any], Floats], Floats]
Cost = float | Spending
"""Money for one step, or a function of (row, value before, value after, outcome after), arrays, giving money."""

_CHUNK_ROWS = 100_000


class Responder(Equations, Protocol):
    """What the search asks of structural equations; `causal.StructuralModel` has it."""

    def descendants(self, columns: Any) -> tuple[str, ...]:
        """What moving columns changes."""

    def do(self, frame: pd.DataFrame, moves: Mapping[str, Any]) -> pd.DataFrame:
        """Every node after the moves."""


@runtime_checkable
class Weigher(Protocol):
    """A responder that can say how sure it is of a change."""

    def weigh(
        self,
        frame: pd.DataFrame,
        moves: Mapping[str, NDArray[Any]],
        rows: NDArray[np.int64],
        held: Mapping[str, NDArray[Any]],
    ) -> Weighed:
        """Outcome before, change and its standard deviation, for rows that may repeat."""


class MoveError(ValueError):
    """A search for moves cannot be made as asked; the message says what to change."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of every combination of levers.

    Attributes
    ----------
    frame : pandas.DataFrame, n rows
    outcome : str
    value : numpy.ndarray, shape (n,)
        Money for one unit of the outcome.
    costs : mapping of str to function
        Money that a move of each lever costs.
    held : mapping of str to numpy.ndarray, shape (n,)
        Columns set to a value with and without the move.
    caution : float
        Standard deviations taken off when moves are chosen.
    """

    frame: pd.DataFrame
    outcome: str
    value: Floats
    costs: Mapping[str, Spending]
    held: Mapping[str, NDArray[Any]]
    caution: float

    @property
    def lower(self) -> Floats:
        """Money taken off for each standard deviation of a change."""
        return np.asarray(self.caution * np.abs(self.value))

    def evaluate(self, model: Responder, chosen: Sequence[Targets]) -> Option:
        """Try every feasible joint target of some levers and keep each row's best."""
        grid = np.array(list(product(*(range(targets.values.shape[1]) for targets in chosen))))
        feasible = np.ones((len(self.frame), len(grid)), dtype=bool)
        for j, targets in enumerate(chosen):
            feasible &= targets.feasible[:, grid[:, j]]
        rows, cells = np.nonzero(feasible)
        columns = tuple(targets.lever.column for targets in chosen)
        before = tuple(targets.now for targets in chosen)
        after = tuple(targets.values[rows, grid[cells, j]] for j, targets in enumerate(chosen))
        change, doubt, cost = _consequences(model, self, columns, before, after, rows)
        position = np.full(feasible.shape, -1)
        position[rows, cells] = np.arange(len(rows))
        careful = np.full(feasible.shape, -np.inf)
        careful[rows, cells] = self.value[rows] * change - cost - self.lower[rows] * doubt
        everyone, best = np.arange(len(careful)), careful.argmax(axis=1)
        at = position[everyone, best]
        none = np.zeros(len(at))
        kept = {name: _pick(v, at, none) for name, v in (("change", change), ("doubt", doubt), ("cost", cost))}
        net = np.where(at >= 0, self.value * kept["change"] - kept["cost"], -np.inf)
        targets_of = tuple(_pick(values, at, now) for values, now in zip(after, before))
        return Option(columns, before, targets_of, **kept, net_gain=net, careful=careful[everyone, best])

    def promise(self, model: Responder, option: Option) -> Option:
        """The same targets, judged by another model."""
        possible = np.isfinite(option.net_gain)
        rows = np.flatnonzero(possible)
        after = [values[rows] for values in option.after]
        parts = _consequences(model, self, option.columns, option.before, after, rows)
        change, doubt, cost = (_spread(values, rows, len(possible)) for values in parts)
        net = np.where(possible, self.value * change - cost, -np.inf)
        careful = net - self.lower * doubt
        return replace(option, change=change, doubt=doubt, cost=cost, net_gain=net, careful=careful)


def pose(
    model: Responder,
    frame: pd.DataFrame,
    outcome: str,
    value: float | ArrayLike,
    held: Mapping[str, Any],
    caution: float,
) -> Question:
    """A question without costs yet; what cannot be asked is refused."""
    missing = [node for node in model.order if node not in frame.columns]
    if missing:
        raise MoveError(f"the frame lacks {', '.join(map(repr, missing[:5]))}, which the structural model needs")
    if model.kinds.get(outcome) not in ("number", "binary"):
        measures = [node for node in model.order if model.kinds[node] != "category"]
        raise MoveError(f"outcome {outcome!r} must be a number or 0 / 1 node; there are {measures[:12]}")
    n = len(frame)
    worth = np.asarray(value, dtype=np.float64)
    if worth.shape not in ((), (n,)) or not np.isfinite(worth).all():
        raise MoveError(f"value must be one finite number or {n} of them; its shape is {worth.shape}")
    fixed = {name: np.broadcast_to(np.asarray(values), (n,)) for name, values in held.items()}
    part = frame[list(model.order)].reset_index(drop=True)
    return Question(part, outcome, np.broadcast_to(worth, (n,)), {}, fixed, caution)


def _pick(values: NDArray[Any], at: NDArray[np.int64], otherwise: NDArray[Any]) -> NDArray[Any]:
    """values[at], with another value where at is -1."""
    return np.where(at >= 0, values[np.maximum(at, 0)], otherwise) if len(values) else otherwise


def _spread(values: Floats, rows: NDArray[np.int64], n: int) -> Floats:
    """Values at some rows, 0 elsewhere."""
    found = np.zeros(n)
    found[rows] = values
    return found


def _consequences(
    model: Responder,
    question: Question,
    columns: Sequence[str],
    before: Sequence[NDArray[Any]],
    after: Sequence[NDArray[Any]],
    rows: NDArray[np.int64],
) -> tuple[Floats, Floats, Floats]:
    """Change of the outcome, its standard deviation and money spent when rows move, each shape (len(rows),)."""
    if isinstance(model, Weigher):
        found = model.weigh(question.frame, dict(zip(columns, after)), rows, question.held)
    else:
        used, back = np.unique(rows, return_inverse=True)  # a row that cannot move may lack the lever's value
        now = {column: values[used] for column, values in zip(columns, before)}
        start = _outcome_under(model, question, now, used)[back]
        end = _outcome_under(model, question, dict(zip(columns, after)), rows)
        found = Weighed(start, end - start, np.zeros(len(rows)))
    spent = np.zeros(len(rows))
    for column, values, then in zip(columns, before, after):
        spent += question.costs[column](rows, values[rows], then, found.before + found.change)
    return found.change, found.doubt, spent


def _outcome_under(
    model: Responder, question: Question, moves: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]
) -> Floats:
    """Expected outcome of rows (which may repeat) when columns are set; ``moves`` hold one value for each of them."""
    result = np.empty(len(rows))
    for at in range(0, len(rows), _CHUNK_ROWS):
        part = rows[at : at + _CHUNK_ROWS]
        set_to = {name: values[part] for name, values in question.held.items()}
        set_to |= {name: values[at : at + _CHUNK_ROWS] for name, values in moves.items()}
        after = model.do(question.frame.iloc[part], set_to)[question.outcome]
        result[at : at + _CHUNK_ROWS] = after.to_numpy(np.float64)
    return result


def cost_function(lever: Lever, costs: Mapping[str, Cost], kind: str) -> Spending:
    """What a move of the lever costs each row."""
    cost = costs.get(lever.column, lever.cost if lever.cost is not None else 0.0)
    if callable(cost):
        return cost
    if not np.isfinite(cost):
        raise MoveError(f"the cost of {lever.column!r} is {cost}; give a finite number of money for one step")
    each = float(cost)
    if kind == "category":
        return lambda rows, before, after, outcome: np.full(len(after), each)
    step = 1.0 if lever.step is None else lever.step
    return lambda rows, before, after, outcome: np.abs(after - before) / step * each
