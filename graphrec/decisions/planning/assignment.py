"""From prices to a plan: a feasible choice of contacts, close to the bound and never above a limit.

Hides how prices become whole contacts. They decide almost every customer; the few on the margin are settled in steps,
each skipped once the plan is within one part in a million of the bound. Overflow goes to whoever loses least by
leaving, and what is left over is filled best first. Where many candidates tie, prices decide too little: the values
are then told apart by a relative 2e-5 and priced again. Last, the customers closest to indifference are re-solved
exactly by HiGHS with all others held fixed (a core problem, Balas & Zemel 1980). Where the bound proves that every
customer outside the core is right already (fixing by reduced cost), the answer is the optimum and so is the bound.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.prices import Prices, Problem, choose, find_prices

__all__ = ["Assignment", "assign"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_CORE_ROWS = 3000
_PRECISION = 1e-6
_NODE_ROWS = 1_000_000  # nodes times rows of the exact search, a few seconds at most
_TIE_BREAK = 2e-5


@dataclass(frozen=True, eq=False)
class Assignment:
    """Chosen rows of a problem, the prices that led there and the bound that certifies them."""

    rows: Integers
    prices: Prices
    bound: float


def assign(problem: Problem) -> Assignment:
    """Choose contacts of (nearly) the largest total net value."""
    free = choose(problem, problem.value)
    if problem.fits(free):
        return Assignment(free, _free_prices(problem), _worth(problem, free))
    prices = find_prices(problem)
    rows, bound = _settle(problem, prices), prices.bound
    if not _is_close(problem, rows, bound):
        distinct = _told_apart(problem)
        rows = max(rows, _settle(distinct, find_prices(distinct)), key=lambda chosen: _worth(problem, chosen))
    if not _is_close(problem, rows, bound):
        rows, bound = _polish(problem, prices, rows)
    return Assignment(rows, prices, max(bound, _worth(problem, rows)))


def _worth(problem: Problem, rows: Integers) -> float:
    return float(problem.value[rows].sum())


def _settle(problem: Problem, prices: Prices) -> Integers:
    """The plan that follows from prices: choose, repair, fill."""
    reduced = prices.reduced(problem)
    return _fill(problem, reduced, _repair(problem, reduced, choose(problem, reduced)))


def _told_apart(problem: Problem) -> Problem:
    """The same problem with ties broken by an even sequence (multiples of the golden ratio) of relative size 2e-5."""
    even = np.arange(len(problem.value)) * 0.6180339887498949 % 1.0
    return replace(problem, value=problem.value * (1 + _TIE_BREAK * even))


def _free_prices(problem: Problem) -> Prices:
    return Prices(np.zeros(len(problem.capacity)), 0.0, np.inf)


def _is_close(problem: Problem, rows: Integers, bound: float) -> bool:
    return bound - _worth(problem, rows) <= _PRECISION * abs(bound)


def _repair(problem: Problem, reduced: Floats, rows: Integers) -> Integers:
    """Resolve overflow: customers who lose least move to their next best, until every limit holds."""
    open_to = reduced.copy()
    for _ in range(2 * len(problem.capacity) + 8):
        used, spent = problem.usage(rows)
        over = used - problem.capacity
        worst = int(np.argmax(over))
        if over[worst] > 0:
            members = rows[problem.channel[rows] == worst]
            excess, weight = over[worst], np.ones(len(members))
        elif spent > problem.budget:
            members = rows[problem.cost[rows] > 0]
            excess, weight = spent - problem.budget, problem.cost[members]
        else:
            return rows
        loss = (reduced[members] - _next_best(problem, open_to, rows, members)) / weight
        leaving = members[np.argsort(loss, kind="stable")]
        count = int(np.searchsorted(np.cumsum(_weights(problem, leaving, worst, over)), excess * (1 - 1e-12))) + 1
        open_to[leaving[:count]] = -np.inf
        rows = choose(problem, open_to)
    return _cut(problem, reduced, rows)


def _weights(problem: Problem, rows: Integers, worst: int, over: Floats) -> Floats:
    return np.ones(len(rows)) if over[worst] > 0 else problem.cost[rows]


def _next_best(problem: Problem, open_to: Floats, rows: Integers, members: Integers) -> Floats:
    """Reduced value of what would replace each member: the same offer otherwise, another offer, or nothing (0)."""
    rest = open_to.copy()
    rest[rows] = -np.inf
    same = np.full(int(problem.groups[-1]) + 1, -np.inf)
    np.maximum.at(same, problem.groups, rest)
    held = np.isin(problem.groups, problem.groups[rows])
    other = np.zeros(problem.customers)
    np.maximum.at(other, problem.customer[~held], rest[~held])
    best: Floats = np.maximum(same[problem.groups[members]], other[problem.customer[members]])
    return best


def _cut(problem: Problem, reduced: Floats, rows: Integers) -> Integers:
    """Keep the best rows that fit, in one pass; the last resort where moving does not settle."""
    order = rows[np.lexsort((rows, -problem.value[rows], -reduced[rows]))]
    place = _rank_within(problem.channel[order])
    order = order[place < problem.capacity[problem.channel[order]]]
    return np.sort(order[np.cumsum(problem.cost[order]) <= problem.budget])


def _fill(problem: Problem, reduced: Floats, rows: Integers) -> Integers:
    """Give what is left over to the best rows that fit, each customer's best first, until nothing fits."""
    for _ in range(100):
        used, spent = problem.usage(rows)
        room, money = problem.capacity - used, problem.budget - spent
        held = np.bincount(problem.customer[rows], minlength=problem.customers)
        able = (room[problem.channel] > 0) & (problem.cost <= money)
        if problem.limit is not None:
            able &= held[problem.customer] < problem.limit
        able &= ~np.isin(problem.groups, problem.groups[rows])
        spots = np.flatnonzero(able)
        if not spots.size:
            break
        best = spots[_best_of_customer(problem, reduced, spots)]
        order = best[np.lexsort((best, -problem.value[best], -reduced[best]))]
        order = order[_rank_within(problem.channel[order]) < room[problem.channel[order]]]
        taken = order[np.cumsum(problem.cost[order]) <= money]
        rows = np.sort(np.concatenate((rows, taken)))
    return rows


def _best_of_customer(problem: Problem, reduced: Floats, spots: Integers) -> Integers:
    owner = problem.customer[spots]
    order = np.lexsort((spots, -problem.value[spots], -reduced[spots], owner))
    first = np.concatenate(([True], owner[order][1:] != owner[order][:-1]))
    return order[first]


def _rank_within(labels: Integers) -> Integers:
    """0, 1, ... for each label in the order of appearance."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    starts = np.searchsorted(ordered, ordered)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels)) - starts
    return rank


def _polish(problem: Problem, prices: Prices, rows: Integers) -> tuple[Integers, float]:
    """Re-solve the customers closest to indifference; returns the better plan and the bound it proves."""
    reduced = prices.reduced(problem)
    slack = prices.bound - _worth(problem, rows) + 1e-9 * abs(prices.bound)
    margin, reachable = _reach(problem, reduced, choose(problem, reduced), slack)
    reachable[rows] = True
    size = np.bincount(problem.customer[reachable], minlength=problem.customers)
    order = np.argsort(margin, kind="stable")
    inside = order[np.cumsum(size[order]) <= _CORE_ROWS]
    proves = len(inside) == problem.customers or bool(margin[order[len(inside)]] > slack)
    core = np.isin(problem.customer, inside)
    kept = rows[~core[rows]]
    used, spent = problem.usage(kept)
    spots = np.flatnonzero(core & reachable)
    if not spots.size:
        return rows, prices.bound
    share = _worth(problem, rows[core[rows]]) / prices.bound
    precision = 0.0 if len(kept) == 0 else min(0.5 * _PRECISION / max(share, 1e-9), 1e-4)
    picked, proven = _solve_exactly(problem, spots, problem.capacity - used, problem.budget - spent, precision)
    better = np.sort(np.concatenate((kept, spots[picked])))
    if picked.size and problem.fits(better) and _worth(problem, better) > _worth(problem, rows):
        rows = better
    bound = min(prices.bound, _worth(problem, kept) + proven) if proves else prices.bound
    return rows, bound


def _reach(problem: Problem, reduced: Floats, base: Integers, slack: float) -> tuple[Floats, NDArray[np.bool_]]:
    """What each customer loses at least by any other choice than `base`, and the rows a better plan could hold.

    A plan that beats the current one loses less than `slack` against the bound. Taking row `j` loses at least the
    worst row it displaces (nothing, where there is room) less its own reduced value.
    """
    taken = np.zeros(len(reduced), dtype=bool)
    taken[base] = True
    worst = np.full(problem.customers, np.inf)
    np.minimum.at(worst, problem.customer[base], reduced[base])
    other = np.full(problem.customers, -np.inf)
    np.maximum.at(other, problem.customer[~taken], reduced[~taken])
    held = np.bincount(problem.customer[base], minlength=problem.customers)
    full = held >= (problem.limit if problem.limit is not None else np.inf)
    margin = np.where(full, worst - np.maximum(other, 0), np.minimum(worst, -other))
    displaced = np.where(full, worst, 0.0)
    return margin, taken | (displaced[problem.customer] - reduced <= slack)


def _solve_exactly(
    problem: Problem, spots: Integers, capacity: Floats, budget: float, precision: float
) -> tuple[Integers, float]:
    """Best choice among some rows under the limits that are left, and the bound HiGHS proves for it."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    matrix, upper = _constraints(problem, spots, capacity, budget)
    value = problem.value[spots]
    unit = float(value.max()) * 1e-4  # HiGHS stops at an absolute gap of 1e-6, here one part in 1e10 of the best row
    with _stdout_to_stderr():
        found = milp(
            -value / unit,
            integrality=np.ones(len(spots)),
            bounds=Bounds(0, (problem.cost[spots] <= budget).astype(np.float64)),
            constraints=LinearConstraint(matrix, -np.inf, upper),
            options={"mip_rel_gap": precision, "node_limit": _NODE_ROWS // len(spots)},
        )
    proven = -float(found.mip_dual_bound) * unit if found.mip_dual_bound is not None else np.inf
    picked = np.flatnonzero(found.x > 0.5) if found.x is not None else np.zeros(0, dtype=np.int64)
    return picked, proven


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Keep the standard output clean: the HiGHS inside scipy 1.17 prints a stray line whatever its settings say.

    Reported as issue 312 of jump-dev/HiGHS.jl; gone in HiGHS 1.15. Nothing is lost, it goes to the standard error.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # a process without these files has nothing to keep clean
        yield
        return
    try:
        yield
    finally:
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)  # what C has buffered must leave before the way is restored
        os.dup2(kept, 1)
        os.close(kept)


def _constraints(problem: Problem, spots: Integers, capacity: Floats, budget: float) -> tuple[Any, Floats]:
    """Sparse rows and upper limits: customers, offers of a customer, channels, budget."""
    from scipy.sparse import csr_array, vstack

    columns, ones = np.arange(len(spots)), np.ones(len(spots))
    parts, upper = [], []

    def add(labels: Integers, limit: Floats) -> None:
        parts.append(csr_array((ones, (labels, columns)), shape=(len(limit), len(spots))))
        upper.append(limit)

    if problem.limit is not None:
        _, owner = np.unique(problem.customer[spots], return_inverse=True)
        add(owner, np.full(owner.max() + 1, float(problem.limit)))
    _, pair = np.unique(problem.groups[spots], return_inverse=True)
    add(pair, np.ones(pair.max() + 1))
    finite = np.isfinite(capacity)
    add(problem.channel[spots], np.where(finite, capacity, len(spots)))
    if np.isfinite(budget):
        unit = budget if budget > 0 else 1.0
        parts.append(csr_array(np.minimum(problem.cost[spots], 2 * unit)[None, :] / unit))
        upper.append(np.array([budget / unit]))
    return vstack(parts, format="csr"), np.concatenate(upper)
