"""What each customer would choose at given prices: the loops that run over every candidate.

Hides how a customer's best set is found. One contact at most is a maximum. Several contacts under local limits that
cross (an offer once, two calls at most, one of these three) are a small integer program; it is solved by depth-first
search over the candidates in descending order, which meets the greedy answer first and can seldom improve on it, so
that it ends after a few steps. A search that does not end in time leaves its best set and the bound of the relaxed one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["best_offer", "choose_best", "choose_sets", "fill_greedily", "reduce_values"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Cells = NDArray[np.int32]
_MOST_STEPS = 4000


@compiled
def reduce_values(value: Floats, cost: Floats, cells: Cells, price: Floats, money: float, out: Floats) -> None:
    """Net value of each candidate after paying the prices of its cells and of money, into `out`."""
    for j in range(len(value)):
        reduced = value[j] - money * cost[j]
        for k in range(cells.shape[1]):
            reduced -= price[cells[j, k]]
        out[j] = reduced


@compiled
def choose_best(start: Integers, reduced: Floats, chosen: Integers, second: Floats) -> float:
    """The best candidate of every customer above 0 (-1: none) into `chosen`, the runner-up's worth into `second`.

    Returns the sum of the best. Ties go to the first candidate.
    """
    total = 0.0
    for i in range(len(start) - 1):
        best, place, other = 0.0, -1, 0.0
        for j in range(start[i], start[i + 1]):
            if reduced[j] > best:
                if place >= 0:
                    other = best
                best, place = reduced[j], j
            elif reduced[j] > other:
                other = reduced[j]
        chosen[i], second[i] = place, other
        total += best
    return total


@compiled
def choose_sets(
    start: Integers, reduced: Floats, most: Integers, local: Integers, room: Integers, taken: NDArray[np.bool_]
) -> float:
    """The best set of every customer under its local limits into `taken`; returns the sum of the bounds."""
    total = 0.0
    left = room.copy()
    kinds = local.shape[1]
    widest = 0
    for i in range(len(start) - 1):
        widest = max(widest, start[i + 1] - start[i])
    order, ahead = np.empty(widest, dtype=np.int64), np.empty(widest + 1)
    stack, best_set = np.empty(widest, dtype=np.int64), np.empty(widest, dtype=np.int64)
    for i in range(len(start) - 1):
        n = 0
        for j in range(start[i], start[i + 1]):
            taken[j] = False
            if reduced[j] > 0.0:
                k = n
                while k > 0 and reduced[order[k - 1]] < reduced[j]:
                    order[k] = order[k - 1]
                    k -= 1
                order[k] = j
                n += 1
        ahead[0] = 0.0
        for k in range(n):
            ahead[k + 1] = ahead[k] + reduced[order[k]]
        depth, k, worth, best, found, steps = 0, 0, 0.0, 0.0, 0, 0
        greedy_bound = 0.0
        ended = False
        while not ended:
            while True:  # walk down: take what fits, as long as the rest could still beat the best
                free = most[i] - depth
                if k >= n or free <= 0 or worth + ahead[min(n, k + free)] - ahead[k] <= best * (1 + 1e-15):
                    break
                j = order[k]
                fits = True
                for c in range(kinds):
                    if local[j, c] >= 0 and left[local[j, c]] <= 0:
                        fits = False
                if fits:
                    for c in range(kinds):
                        if local[j, c] >= 0:
                            left[local[j, c]] -= 1
                    stack[depth] = k
                    depth += 1
                    worth += reduced[j]
                k += 1
                steps += 1
            if worth > best:
                best, found = worth, depth
                for d in range(depth):
                    best_set[d] = order[stack[d]]
            if steps > _MOST_STEPS:
                greedy_bound = ahead[min(n, most[i])]
                ended = True
            if depth == 0:
                ended = True
            else:  # walk up: give back the last one taken and go on after it
                depth -= 1
                k = stack[depth] + 1
                j = order[stack[depth]]
                worth -= reduced[j]
                for c in range(kinds):
                    if local[j, c] >= 0:
                        left[local[j, c]] += 1
        while depth > 0:
            depth -= 1
            j = order[stack[depth]]
            for c in range(kinds):
                if local[j, c] >= 0:
                    left[local[j, c]] += 1
        for d in range(found):
            taken[best_set[d]] = True
        total += max(best, greedy_bound)
    return total


@compiled
def fill_greedily(
    order: Integers,
    customer: Integers,
    cost: Floats,
    cells: Cells,
    local: Integers,
    free: Integers,
    room: Integers,
    cell_room: Floats,
    money: float,
    taken: NDArray[np.bool_],
) -> float:
    """Take the candidates in the order given, each if it fits; all the room is used up in place.

    `free` is what each customer may still get, `cell_room` what each cell may still hold. Returns the money left.
    """
    for j in order:
        i = customer[j]
        if free[i] <= 0 or cost[j] > money or taken[j]:
            continue
        fits = True
        for k in range(cells.shape[1]):
            if cell_room[cells[j, k]] < 1.0:
                fits = False
        for c in range(local.shape[1]):
            if local[j, c] >= 0 and room[local[j, c]] <= 0:
                fits = False
        if not fits:
            continue
        taken[j] = True
        free[i] -= 1
        money -= cost[j]
        for k in range(cells.shape[1]):
            cell_room[cells[j, k]] -= 1.0
        for c in range(local.shape[1]):
            if local[j, c] >= 0:
                room[local[j, c]] -= 1
    return money


@compiled
def best_offer(
    keys: Integers, value: Floats, cost: Floats, price: Floats, floor: Floats, money: float, shift: float
) -> tuple[int, float]:
    """Place and worth of one customer's best candidate above 0; -1 for none, -2 where one is no finite money."""
    top, best = 0.0, -1
    for place in range(len(keys)):
        own, paid = value[place], cost[place]
        if not (-np.inf < own < np.inf and 0.0 <= paid < np.inf):
            return -2, 0.0
        worth = own - price[keys[place]] - money * paid - shift
        if worth > top and own > floor[keys[place]]:
            top, best = worth, place
    return best, top
