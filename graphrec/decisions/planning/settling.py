"""From prices to whole contacts: a greedy choice in the order that the prices give.

Hides how a feasible plan is made of prices. Prices decide almost every customer; the few on the margin want more than
there is. Candidates are taken customer by customer, those first who would lose most by another choice, each if it still
fits, so no limit is ever above its amount. What a minimum needs is taken before all else, from whoever loses least.
Parity between segments is no amount that fills up: it is kept by guessing the mean pressure from the prices, and
by taking contacts back where the guess was too high.

Alternatives: repairing the priced choice limit by limit moves customers back and forth between limits, and with 200 of
them does not settle; rounding the linear program needs its solution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.prices import Prices, choose
from graphrec.decisions.planning.problem import Problem

__all__ = ["settle"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_TRIMS = 50


def settle(problem: Problem, prices: Prices, base: Integers | None = None) -> Integers:
    """A plan that keeps every growing limit, and minima and parity where they can be kept greedily.

    Parameters
    ----------
    problem : Problem
    prices : Prices
    base : (k,) int, optional
        Rows to keep and to add to.
    """
    reduced = prices.reduced(problem)
    wanted, _ = choose(problem, reduced)
    taken = np.zeros(len(reduced), dtype=bool)
    if base is not None:
        taken[base] = True
    else:
        _fill(problem, _needed(problem, reduced), taken, problem.counts(wanted), minima_only=True)
    _fill(problem, _invited(problem, reduced, wanted), taken, problem.counts(wanted))
    _trim(problem, reduced, taken)
    _fill(problem, _uninvited(problem, reduced, taken), taken, problem.counts(np.flatnonzero(taken)))
    return np.flatnonzero(taken)


def _invited(problem: Problem, reduced: Floats, wanted: Integers) -> Integers:
    """Candidates worth more than their price, by what their customer would lose without them."""
    invited = np.flatnonzero(reduced > 0)
    owner, gain = problem.customer[invited], reduced[invited]
    asked = np.isin(invited, wanted, assume_unique=True)
    other = np.zeros(problem.customers)
    np.maximum.at(other, owner[~asked], gain[~asked])
    regret = np.full(problem.customers, -np.inf)
    np.maximum.at(regret, owner[asked], gain[asked])
    place = np.empty(problem.customers, dtype=np.int64)
    place[np.argsort(other - regret, kind="stable")] = np.arange(problem.customers)
    return invited[np.lexsort((-gain, place[owner]))]


def _uninvited(problem: Problem, reduced: Floats, taken: Flags) -> Integers:
    """Candidates that still fit although no price invites them, the nearest first."""
    rows = np.flatnonzero(taken)
    counts = problem.counts(rows)
    open_cells = _cell_room(problem, counts, minima_only=False) - counts >= 1
    free = problem.most > np.bincount(problem.customer[rows], minlength=problem.customers)
    able = (problem.value > 0) & ~taken & free[problem.customer]
    for family in problem.cells.T:
        able &= open_cells[family]
    rest = np.flatnonzero(able)
    return rest[np.lexsort((rest, -problem.value[rest], -reduced[rest]))]


def _needed(problem: Problem, reduced: Floats) -> Integers:
    """Candidates of the minima, those first that cost their customer least."""
    minima = np.flatnonzero(problem.limits.falling)
    if not len(minima):
        return np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(np.isfinite(problem.limits.floors)[problem.cells].any(axis=1))
    other = np.zeros(problem.customers)
    outside = np.ones(len(reduced), dtype=bool)
    outside[rows] = False
    np.maximum.at(other, problem.customer[outside], reduced[outside])
    loss = other[problem.customer[rows]] - reduced[rows]
    return rows[np.lexsort((rows, loss))]


def _cell_room(problem: Problem, counts: Floats, minima_only: bool) -> Floats:
    """What each cell may hold: its own limits, and its share of `counts` where parity binds it."""
    limits = problem.limits
    room = limits.ceilings.copy()
    if minima_only:
        return np.minimum(room, limits.floors)
    for row in np.flatnonzero(~limits.growing & ~limits.falling):
        cells, share, own = _parity_row(problem, int(row))
        others = float(share @ counts[cells]) - share[own] * counts[cells[own]]
        most = np.floor((limits.amount[row] - others) / share[own] + 1e-9)
        room[cells[own]] = min(room[cells[own]], most)
    return room


def _parity_row(problem: Problem, row: int) -> tuple[Integers, Floats, int]:
    """Cells of a row of parity, their weights, and the place of the cell that it holds down."""
    matrix = problem.limits.matrix
    place = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[place], matrix.data[place], int(np.argmax(matrix.data[place]))


def _fill(problem: Problem, order: Integers, taken: Flags, counts: Floats, minima_only: bool = False) -> None:
    """Take the candidates in order, each if it fits beside what is taken already."""
    from graphrec.decisions.planning.choice import fill_greedily

    if not len(order):
        return
    rows = np.flatnonzero(taken)
    free = problem.most - np.bincount(problem.customer[rows], minlength=problem.customers)
    room = problem.room - _held(problem, rows)
    cell_room = _cell_room(problem, counts, minima_only) - problem.counts(rows)
    left = problem.limits.purse * (1 + 1e-12) - float(problem.cost[rows].sum())
    fill_greedily(
        order, problem.customer, problem.cost, problem.cells, problem.local, free, room, cell_room, left, taken
    )


def _held(problem: Problem, rows: Integers) -> Integers:
    """Chosen rows of each local group."""
    groups = problem.local[rows].ravel()
    return np.bincount(groups[groups >= 0], minlength=len(problem.room))


def _trim(problem: Problem, reduced: Floats, taken: Flags) -> None:
    """Take contacts back where parity does not hold, and give room that others have left; a few rounds settle it."""
    limits = problem.limits
    mixed = np.flatnonzero(~limits.growing & ~limits.falling)
    if not len(mixed):
        return
    kept = np.asarray(
        np.isin(problem.cells, np.unique(limits.matrix[np.flatnonzero(limits.falling)].indices)).any(axis=1)
    )
    for _ in range(_TRIMS):
        rows = np.flatnonzero(taken)
        over = (problem.used(rows) - limits.amount - limits.tolerance())[mixed]
        if np.all(over <= 0):
            break
        row = mixed[int(np.argmax(over))]
        cells, share, own = _parity_row(problem, int(row))
        cell = cells[own]
        inside = rows[(problem.cells[rows] == cell).any(axis=1)]
        inside = inside[np.lexsort((inside, reduced[inside], kept[inside]))]
        taken[inside[: max(1, int(np.ceil(over.max() / share.max())))]] = False
