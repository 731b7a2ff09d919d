"""Which levers to move, how far, for each row: an exhaustive search on structural equations.

Hides the grid: where a lever may go for a row like this one (conditional quantiles, inside the lever's range, on its
step, in its direction), every combination of at most two levers, and what each would change by do() on equations
fitted along the causal graph. "Do nothing" is always a candidate. A lever without a directed path to the outcome, such
as a consequence of it, is never moved.

Where a model can say how sure it is of a change, a move is chosen by the lower end of its net gain, and promised by a
model of other customers.

Alternatives considered: the lever with the largest Shapley value (it is often a consequence of the outcome: 0 % of the
attainable value), maximising a predictive model (it moves consequences and cannot see a mediated lever), moves of one
standard deviation (19-54 % of the rows leave the support).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from graphrec.decisions.prescriptions.movechoice import Moves, choose_options, confirm_options
from graphrec.decisions.prescriptions.reach import Targets, find_targets
from graphrec.decisions.prescriptions.tryout import Cost, MoveError, Question, Responder, cost_function, pose
from ontology.levers import Lever

__all__ = ["CAUTION", "QUANTILES", "MoveError", "ask", "search_moves"]

Floats = NDArray[np.float64]

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
CAUTION = 1.0
"""Standard deviations below its estimate at which a move is valued when moves are chosen."""


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
    caution: float = CAUTION,
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
    caution : float
        Moves are chosen by net gain less so many standard deviations, where the model gives any.

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
    limits = _checked_quantiles(quantiles)
    if maximum_moves not in (1, 2):
        raise MoveError(f"maximum_moves is {maximum_moves}; use 1 or 2")
    usable, question = ask(structural_model, frame, levers, outcome, value, costs, held, caution)
    blocked = _usable(structural_model, levers, outcome)[1]
    found = [find_targets(structural_model, question.frame, lever, limits) for lever in usable]
    for targets in found:
        if not targets.feasible.any():
            blocked[targets.lever.column] = (
                "no row has a feasible value to go to: range, direction or support forbid it"
            )
    found = [targets for targets in found if targets.feasible.any()]
    sets = [chosen for size in range(1, maximum_moves + 1) for chosen in combinations(found, size)]
    options = [question.evaluate(structural_model, chosen) for chosen in sets if _together(chosen)]
    judged = options if promise is None else [question.promise(promise, option) for option in options]
    confirmed = confirm_options(options, judged, question.value)
    scores = np.column_stack([np.empty((len(frame), 0)), *(option.careful for option in options)])
    return Moves(tuple(judged), choose_options(options, confirmed), confirmed, scores, blocked)


def ask(
    structural_model: Responder,
    frame: pd.DataFrame,
    levers: Sequence[Lever],
    outcome: str,
    value: float | ArrayLike = 1.0,
    costs: Mapping[str, Cost] | None = None,
    held: Mapping[str, Any] | None = None,
    caution: float = CAUTION,
) -> tuple[list[Lever], Question]:
    """Levers that can change the outcome, and the question that moves of them are asked by; see `search_moves`."""
    question = pose(structural_model, frame, outcome, value, held or {}, caution)
    usable, _ = _usable(structural_model, levers, outcome)
    kinds = structural_model.kinds
    spending = {lever.column: cost_function(lever, costs or {}, kinds[lever.column]) for lever in usable}
    return usable, replace(question, costs=spending)


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
