"""Walks through the grow-shrink trees of :mod:`causal.search.ordersearch`: where each column picks which parents.

Hides the loops over columns and places. They only read the trees: where a branch is not grown yet, a walk notes it and
stops, and the caller grows all branches that were noted at once. Growing inside the loop was considered; a score of
tables and one of correlations would then each need a loop of their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["BETTER", "NOTHING", "foresee", "rank_gains", "sweep", "walk_order"]

NOTHING = -1
WANTED = -2
BETTER = 1e-7
AHEAD = 8

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@compiled
def walk_order(order: Integers, wanted: Integers, branch: Integers, ends: Integers, room: Integers) -> int:
    """Walk every column's tree in an order; return how many branches are missing, noted in ``room``.

    Parameters
    ----------
    order : ndarray of int, shape (d,)
    wanted, branch : ndarray of int, shape (nodes, d)
        For each node the columns that would improve the score, best first, and the nodes they lead to.
    ends : ndarray of int, shape (d,)
        Filled with the node that each place of the order ends at.
    room : ndarray of int, shape (N, 2)
        Filled with (node, step) of the missing branches.
    """
    inside = np.zeros(len(order), dtype=np.bool_)
    missing = 0
    for k in range(len(order)):
        ends[k], missing = _follow(wanted, branch, order[k], inside, room, missing)
        inside[order[k]] = True
    return missing


@compiled
def foresee(
    order: Integers,
    pending: Booleans,
    before: Booleans,
    may_cause: Booleans,
    wanted: Integers,
    branch: Integers,
    room: Integers,
) -> int:
    """Walk all trees that moving any single pending column decides; return how many branches are missing.

    A column whose walks all came to their end is pending no more. See :func:`sweep` for the arguments.
    """
    ends = np.empty((3, len(order) + 1), dtype=np.intp)
    missing = 0
    for place in range(len(order)):
        column = order[place]
        if pending[column]:
            rest, low, high = _places(order, column, before)
            pending[column], missing = _walk_places(
                rest, column, low, high, may_cause, wanted, branch, ends, room, missing
            )
    return missing


@compiled
def sweep(
    order: Integers,
    turns: Integers,
    first: int,
    before: Booleans,
    may_cause: Booleans,
    wanted: Integers,
    branch: Integers,
    value: Floats,
    room: Integers,
) -> tuple[int, int, bool]:
    """Put one column after another where the order scores best, as far as the trees are grown.

    Parameters
    ----------
    order : ndarray of int, shape (d,)
        Changed in place.
    turns : ndarray of int, shape (d,)
        Whose turn it is.
    first : int
        The turn to start from.
    before, may_cause : ndarray of bool, shape (d, d)
        What must precede what, and which edges are permitted.
    wanted, branch : ndarray of int, shape (nodes, d)
    value : ndarray of float, shape (nodes,)
        Score of each node.
    room : ndarray of int, shape (N, 2)
        Filled with (node, step) of the missing branches, also of a few turns to come.

    Returns
    -------
    turn, missing : int
        The turn that found branches missing, and how many.
    moved : bool
        Whether a column moved.
    """
    ends = np.empty((3, len(order) + 1), dtype=np.intp)
    moved = False
    for turn in range(first, len(turns)):
        column = turns[turn]
        rest, low, high = _places(order, column, before)
        if low == high:
            continue
        blocked, missing = _walk_places(rest, column, low, high, may_cause, wanted, branch, ends, room, 0)
        if blocked:
            for later in turns[turn + 1 : turn + AHEAD]:
                rest, low, high = _places(order, later, before)
                blocked, missing = _walk_places(rest, later, low, high, may_cause, wanted, branch, ends, room, missing)
            return turn, missing, moved
        moved = _settle(order, column, rest, low, high, ends, value) or moved
    return len(turns), 0, moved


@compiled
def rank_gains(change: Floats, parents: Booleans, wanted: Integers, gain: Floats) -> Booleans:
    """List what would improve the score of each row, best first; return which rows hold a parent better removed.

    Parameters
    ----------
    change : ndarray of float, shape (m, d)
        Score gained by adding a column, or by removing one of the parents.
    parents : ndarray of bool, shape (m, d)
    wanted : ndarray of int, shape (m, d)
        Filled with columns, ties by number, and ``NOTHING`` behind them.
    gain : ndarray of float, shape (m, d)
        Filled with their gains.
    """
    useless = np.zeros(len(change), dtype=np.bool_)
    for row in range(len(change)):
        count = 0
        for column in range(change.shape[1]):
            value = change[row, column]
            if not value > BETTER:
                continue
            if parents[row, column]:
                useless[row] = True
                continue
            place = count
            while place > 0 and gain[row, place - 1] < value:
                gain[row, place] = gain[row, place - 1]
                wanted[row, place] = wanted[row, place - 1]
                place -= 1
            gain[row, place], wanted[row, place] = value, column
            count += 1
        wanted[row, count:] = NOTHING
        gain[row, count:] = 0.0
    return useless


@compiled
def _settle(order: Integers, column: int, rest: Integers, low: int, high: int, ends: Integers, value: Floats) -> bool:
    """Put a column where the order scores best; say whether it moved."""
    best, highest, present, steps = low, -np.inf, 0.0, 0.0
    for place in range(low, high + 1):
        if place > low:
            steps += value[ends[1, place - 1]] - value[ends[2, place - 1]]
        total = value[ends[0, place]] + steps
        if total > highest:
            best, highest = place, total
        if order[place] == column:
            present = total
    if highest <= present + BETTER:
        return False
    order[:best] = rest[:best]
    order[best] = column
    order[best + 1 :] = rest[best:]
    return True


@compiled
def _places(order: Integers, column: int, before: Booleans) -> tuple[Integers, int, int]:
    """Return the order without a column, and from which place to which of it the column may stand."""
    rest = np.empty(len(order) - 1, dtype=np.intp)
    low, high, k = 0, len(rest), 0
    for other in order:
        if other == column:
            continue
        rest[k] = other
        if before[other, column]:
            low = k + 1
        if before[column, other] and high == len(rest):
            high = k
        k += 1
    return rest, low, high


@compiled
def _walk_places(
    rest: Integers,
    column: int,
    low: int,
    high: int,
    may_cause: Booleans,
    wanted: Integers,
    branch: Integers,
    ends: Integers,
    room: Integers,
    missing: int,
) -> tuple[bool, int]:
    """Walk all trees that a column's place decides; say whether a branch is missing, and how many are by now.

    ``ends[0, i]`` is the node of the column at place i, ``ends[1, k]`` and ``ends[2, k]`` that of ``rest[k]`` with the
    column after and before it.
    """
    inside = np.zeros(len(rest) + 1, dtype=np.bool_)
    for k in range(low):
        inside[rest[k]] = True
    ends[0, low], missing = _follow(wanted, branch, column, inside, room, missing)
    blocked = ends[0, low] == NOTHING
    for k in range(low, high):
        other = rest[k]
        ends[1, k], missing = _follow(wanted, branch, other, inside, room, missing)
        ends[2, k] = ends[1, k]
        if may_cause[column, other]:
            inside[column] = True
            ends[2, k], missing = _follow(wanted, branch, other, inside, room, missing)
            inside[column] = False
        inside[other] = True
        ends[0, k + 1] = ends[0, k]
        if may_cause[other, column]:
            ends[0, k + 1], missing = _follow(wanted, branch, column, inside, room, missing)
        blocked = blocked or min(ends[0, k + 1], ends[1, k], ends[2, k]) == NOTHING
    return blocked, missing


@compiled
def _follow(
    wanted: Integers, branch: Integers, node: int, inside: Booleans, room: Integers, missing: int
) -> tuple[int, int]:
    """Walk from a node to the end; where a branch is missing, note it unless it was noted before, and give up."""
    d = wanted.shape[1]
    while True:
        step = NOTHING
        for k in range(d):
            if wanted[node, k] == NOTHING:
                break
            if inside[wanted[node, k]]:
                step = k
                break
        if step == NOTHING:
            return node, missing
        following = branch[node, step]
        if following == NOTHING:
            branch[node, step] = WANTED
            room[missing, 0] = node
            room[missing, 1] = step
            missing += 1
        if following < 0:
            return NOTHING, missing
        node = following
