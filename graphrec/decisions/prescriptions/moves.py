"""Which levers to move, how far, for each row: an exhaustive search on structural equations.

Hides the grid: where a lever may go for a row like this one (conditional quantiles, inside the lever's range, on its
step, in its direction), every combination of at most two levers, and what each would change by do() on equations
fitted along the causal graph. "Do nothing" is always a candidate. A lever without a directed path to the outcome, such
as a consequence of it, is never moved.

Alternatives considered: the lever with the largest Shapley value (it is often a consequence of the outcome: 0 % of the
attainable value), maximising a predictive model (it moves consequences and cannot see a mediated lever), moves of one
standard deviation (19-54 % of the rows leave the support). No interval is given here: bootstrapped structural models
cover 60 % where 90 % is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from graphrec.decisions.prescriptions.reach import Equations, Targets, find_targets
from ontology.levers import Lever

__all__ = ["Cost", "MoveError", "Moves", "Option", "Responder", "search_moves"]

Floats = NDArray[np.float64]
_Spending = Callable[[NDArray[np.int64], NDArray[Any], NDArray[Any], Floats], Floats]
Cost = float | _Spending
"""Money for one step, or a function of (row, value before, value after, outcome after), arrays, giving money."""

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_CHUNK_ROWS = 100_000
_NOTHING = 1e-12


class Responder(Equations, Protocol):
    """What the search asks of structural equations; `causal.StructuralModel` has it."""

    def descendants(self, columns: Any) -> tuple[str, ...]:
        """What moving columns changes."""

    def do(self, frame: pd.DataFrame, moves: Mapping[str, Any]) -> pd.DataFrame:
        """Every node after the moves."""


class MoveError(ValueError):
    """A search for moves cannot be made as asked; the message says what to change."""


@dataclass(frozen=True, eq=False)
class Option:
    """One combination of levers, with the best target of every row.

    Attributes
    ----------
    columns : tuple of str
        The levers, one or two.
    before, after : tuple of numpy.ndarray, shape (n,)
        Value of each lever now and at the target.
    change : numpy.ndarray, shape (n,)
        Expected change of the outcome, in its unit.
    cost : numpy.ndarray, shape (n,)
        Money spent on the move.
    net_gain : numpy.ndarray, shape (n,)
        value x change - cost; -inf where the row has no feasible target.
    """

    columns: tuple[str, ...]
    before: tuple[NDArray[Any], ...]
    after: tuple[NDArray[Any], ...]
    change: Floats
    cost: Floats
    net_gain: Floats


@dataclass(frozen=True, eq=False)
class Moves:
    """The best feasible move of every row, and the other combinations.

    Attributes
    ----------
    options : tuple of Option
        Combinations in the order of the levers, single levers first.
    chosen : numpy.ndarray, shape (n,), int
        Position of the option taken; -1 for doing nothing.
    confirmed : numpy.ndarray, shape (n, options), bool
        Options that both models see a gain in, where one chooses and another promises.
    blocked : mapping of str to str
        Lever to the reason why nobody can gain by it.
    """

    options: tuple[Option, ...]
    chosen: NDArray[np.int64]
    confirmed: NDArray[np.bool_]
    blocked: Mapping[str, str]

    def ranked(self) -> NDArray[np.int64]:
        """Options of each row from the largest net gain to the smallest, shape (n, options)."""
        if not self.options:
            return np.empty((len(self.chosen), 0), dtype=np.int64)
        return np.argsort(-np.column_stack([option.net_gain for option in self.options]), axis=1, kind="stable")

    def to_frame(self) -> pd.DataFrame:
        """One row for each row searched.

        Returns
        -------
        pandas.DataFrame
            Columns lever, from, to, second_lever, second_from, second_to (None where nothing is moved), change, cost,
            net_gain.
        """
        n = len(self.chosen)
        words = {name: np.full(n, None, dtype=object) for name in _WORDS}
        figures = {name: np.zeros(n) for name in ("change", "cost", "net_gain")}
        for position, option in enumerate(self.options):
            rows = self.chosen == position
            for name, column, before, after in zip(_PREFIXES, option.columns, option.before, option.after):
                words[f"{name}lever"][rows] = column
                words[f"{name}from"][rows], words[f"{name}to"][rows] = before[rows], after[rows]
            for name, values in figures.items():
                values[rows] = getattr(option, name)[rows]
        return pd.DataFrame({**words, **figures})


_PREFIXES = ("", "second_")
_WORDS = tuple(prefix + word for prefix in _PREFIXES for word in ("lever", "from", "to"))


@dataclass(frozen=True, eq=False)
class _Question:
    """What is asked of every combination."""

    frame: pd.DataFrame
    outcome: str
    value: Floats
    costs: Mapping[str, _Spending]
    held: Mapping[str, NDArray[Any]]


def search_moves(
    structural_model: Responder,
    frame: pd.DataFrame,
    levers: Sequence[Lever],
    outcome: str,
    value: float | ArrayLike = 1.0,
    costs: Mapping[str, Cost] | None = None,
    maximum_moves: int = 2,
    quantiles: Sequence[float] = QUANTILES,
    *,
    held: Mapping[str, Any] | None = None,
    promise: Responder | None = None,
) -> Moves:
    """Find the best feasible combination of lever moves of every row.

    Parameters
    ----------
    structural_model : StructuralModel or Responder
        Equations along the causal graph, from `causal.scm.fit_scm`.
    frame : pandas.DataFrame, n rows
        Holds every node of the model.
    levers : sequence of Lever
        What may be moved, with direction, range, step and cost; from `Ontology.levers`.
    outcome : str
        Number or 0 / 1 node to raise.
    value : float or array of shape (n,)
        Money for one unit of the outcome.
    costs : mapping of str to Cost, optional
        Overrides `Lever.cost`. A plain number is money for one step (one unit where the lever has no step, one switch
        for a category); a lever without any cost is free.
    maximum_moves : {1, 2}
        Levers moved together at most; levers with the same `exclusive` word never are.
    quantiles : sequence of float
        Conditional quantiles to go to, increasing, in (0, 1). The outer two bound the support: no number leaves them,
        and a level is switched to only where it was at least that usual.
    held : mapping of str to value or array of shape (n,), optional
        Columns set to a value with and without the move.
    promise : StructuralModel or Responder, optional
        Fitted on other rows. Moves are chosen with the first model and promised with this one, for the largest of many
        estimates is too large on average (the winner's curse). A move that it does not confirm is not made, a
        second lever only where this model, too, sees it add to either lever alone.

    Returns
    -------
    Moves

    Raises
    ------
    MoveError
        An argument cannot be used.

    Notes
    -----
    Assumes the graph. Rows x candidates are evaluated in chunks; nothing loops over rows. Memory is about 8 bytes x
    rows x targets of a combination (49 for two levers and seven quantiles).

    Examples
    --------
    >>> from causal import CausalGraph, fit_scm
    >>> draw = np.random.default_rng(0)
    >>> discount = draw.uniform(0, 0.5, 500)
    >>> visits = 4 * discount + draw.normal(size=500)
    >>> table = pd.DataFrame({"discount": discount, "visits": visits, "spend": visits + draw.normal(size=500)})
    >>> graph = CausalGraph(["discount", "visits", "spend"], [("discount", "visits"), ("visits", "spend")])
    >>> lever = Lever("discount", "Discount", direction=1, maximum=0.5, step=0.1)
    >>> moves = search_moves(fit_scm(table, graph, rng=0), table.head(1), [lever], "spend")
    >>> moves.to_frame()[["lever", "to"]].values.tolist()
    [['discount', 0.5]]
    """
    question = _pose(structural_model, frame, outcome, value, held or {})
    limits = _checked_quantiles(quantiles)
    if maximum_moves not in (1, 2):
        raise MoveError(f"maximum_moves is {maximum_moves}; use 1 or 2")
    usable, blocked = _usable(structural_model, levers, outcome)
    kinds = structural_model.kinds
    spending = {lever.column: _cost_function(lever, costs or {}, kinds[lever.column]) for lever in usable}
    question = replace(question, costs=spending)
    found = [find_targets(structural_model, question.frame, lever, limits) for lever in usable]
    for targets in found:
        if not targets.feasible.any():
            blocked[targets.lever.column] = (
                "no row has a feasible value to go to: range, direction or support forbid it"
            )
    found = [targets for targets in found if targets.feasible.any()]
    sets = [chosen for size in range(1, maximum_moves + 1) for chosen in combinations(found, size)]
    options = [_evaluate(structural_model, question, chosen) for chosen in sets if _together(chosen)]
    judged = options if promise is None else [_promised(promise, question, option) for option in options]
    confirmed = _confirm(options, judged, len(frame))
    return Moves(tuple(judged), _choose(options, confirmed), confirmed, blocked)


def _pose(
    model: Responder,
    frame: pd.DataFrame,
    outcome: str,
    value: float | ArrayLike,
    held: Mapping[str, Any],
) -> _Question:
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
    return _Question(part, outcome, np.broadcast_to(worth, (n,)), {}, fixed)


def _checked_quantiles(quantiles: Sequence[float]) -> Floats:
    values = np.asarray(quantiles, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or (np.diff(values) <= 0).any() or values[0] <= 0 or values[-1] >= 1:
        raise MoveError(f"quantiles are {list(quantiles)}; give at least two increasing numbers between 0 and 1")
    return values


def _usable(model: Responder, levers: Sequence[Lever], outcome: str) -> tuple[list[Lever], dict[str, str]]:
    """Levers that can change the outcome, and why the others cannot."""
    unknown = [lever.column for lever in levers if lever.column not in model.kinds]
    if unknown:
        raise MoveError(f"lever {unknown[0]!r} is no node of the structural model; it has {list(model.order)[:12]}")
    kept, blocked = [], {}
    for lever in levers:
        if lever.column == outcome:
            blocked[lever.column] = "it is the outcome itself"
        elif outcome not in model.descendants(lever.column):
            blocked[lever.column] = f"the graph holds no directed path from {lever.column} to {outcome}"
        else:
            kept.append(lever)
    return kept, blocked


def _together(chosen: Sequence[Targets]) -> bool:
    words = [targets.lever.exclusive for targets in chosen if targets.lever.exclusive]
    return len(set(words)) == len(words)


def _evaluate(model: Responder, question: _Question, chosen: Sequence[Targets]) -> Option:
    """Try every feasible joint target of some levers and keep each row's best."""
    grid = np.array(list(product(*(range(targets.values.shape[1]) for targets in chosen))))
    feasible = np.ones((len(question.frame), len(grid)), dtype=bool)
    for j, targets in enumerate(chosen):
        feasible &= targets.feasible[:, grid[:, j]]
    rows, cells = np.nonzero(feasible)
    columns = tuple(targets.lever.column for targets in chosen)
    before = tuple(targets.now for targets in chosen)
    after = tuple(targets.values[rows, grid[cells, j]] for j, targets in enumerate(chosen))
    change, cost = _consequences(model, question, columns, before, after, rows)
    position = np.full(feasible.shape, -1)
    position[rows, cells] = np.arange(len(rows))
    net = np.full(feasible.shape, -np.inf)
    net[rows, cells] = question.value[rows] * change - cost
    everyone, best = np.arange(len(net)), net.argmax(axis=1)
    at = position[everyone, best]
    return Option(
        columns,
        before,
        tuple(_pick(values, at, now) for values, now in zip(after, before)),
        _pick(change, at, np.zeros(len(at))),
        _pick(cost, at, np.zeros(len(at))),
        net[everyone, best],
    )


def _pick(values: NDArray[Any], at: NDArray[np.int64], otherwise: NDArray[Any]) -> NDArray[Any]:
    """values[at], with another value where at is -1."""
    return np.where(at >= 0, values[np.maximum(at, 0)], otherwise) if len(values) else otherwise


def _consequences(
    model: Responder,
    question: _Question,
    columns: Sequence[str],
    before: Sequence[NDArray[Any]],
    after: Sequence[NDArray[Any]],
    rows: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Change of the outcome and money spent when rows go from one joint value to another, each shape (len(rows),)."""
    used, back = np.unique(rows, return_inverse=True)  # a row that cannot move may lack the lever's value
    now = {column: values[used] for column, values in zip(columns, before)}
    start = _outcome_under(model, question, now, used)
    end = _outcome_under(model, question, dict(zip(columns, after)), rows)
    spent = np.zeros(len(rows))
    for column, values, then in zip(columns, before, after):
        spent += question.costs[column](rows, values[rows], then, end)
    return end - start[back], spent


def _outcome_under(
    model: Responder, question: _Question, moves: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]
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


def _cost_function(lever: Lever, costs: Mapping[str, Cost], kind: str) -> _Spending:
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


def _choose(options: Sequence[Option], confirmed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Best option of each row; where it is not confirmed, the best confirmed single lever; else -1.

    Ties go to fewer levers. Going down the whole ranking until something is confirmed would bring the winner's curse
    back.
    """
    n = len(confirmed)
    net = np.column_stack([np.full(n, _NOTHING), *(option.net_gain for option in options)])
    best = net.argmax(axis=1) - 1
    alone = np.array([len(option.columns) == 1 for option in options], dtype=bool)
    simple = np.column_stack([net[:, :1], np.where(confirmed & alone, net[:, 1:], -np.inf)]).argmax(axis=1) - 1
    kept = np.column_stack([confirmed, np.ones(n, dtype=bool)])[np.arange(n), best]  # -1 is the last: do nothing
    return np.asarray(np.where(kept, best, simple), dtype=np.int64)


def _promised(model: Responder, question: _Question, option: Option) -> Option:
    """The same targets, judged by another model."""
    possible = np.isfinite(option.net_gain)
    rows = np.flatnonzero(possible)
    change, cost = np.zeros(len(possible)), np.zeros(len(possible))
    after = [values[rows] for values in option.after]
    change[rows], cost[rows] = _consequences(model, question, option.columns, option.before, after, rows)
    net = np.where(possible, question.value * change - cost, -np.inf)
    return replace(option, change=change, cost=cost, net_gain=net)


def _confirm(options: Sequence[Option], judged: Sequence[Option], n: int) -> NDArray[np.bool_]:
    """Options with a gain that both models see, a second lever adding to either alone; shape (n, options)."""
    confirmed = np.zeros((n, len(options)), dtype=bool)
    alone = {option.columns[0]: option.net_gain for option in judged if len(option.columns) == 1}
    for k, (option, again) in enumerate(zip(options, judged)):
        confirmed[:, k] = (option.net_gain > _NOTHING) & (again.net_gain > _NOTHING)
        if len(option.columns) > 1:
            for column in option.columns:
                confirmed[:, k] &= again.net_gain > alone[column]
    return confirmed
