"""The plan of a problem: prices, a choice that follows them, and the bound that certifies it.

Hides the order of the attempts, each skipped once the plan is close enough to the bound: what everybody wants, where it
fits; the greedy choice at the dual prices; the linear program of the customers closest to indifference, which sharpens
prices and choice; the greedy choice with ties told apart, for where many candidates are alike prices decide too little;
and the same customers re-solved exactly by HiGHS with all others held fixed (a core problem, Balas & Zemel 1980). Where
the bound proves that every customer outside the core is right already (fixing by reduced cost), the answer is the
optimum and so is the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.exact import relax, solve
from graphrec.decisions.planning.prices import Prices, choose, evaluate, find_prices
from graphrec.decisions.planning.problem import Problem
from graphrec.decisions.planning.settling import settle

__all__ = ["Assignment", "assign"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_CORE_ROWS = 3000
_MARGIN_ROWS = 30_000
_PRECISION = 1e-6
_LARGE_PRECISION = 3e-5
"""Enough for plans that are too large for an exact answer."""
_LARGE_ROWS = 300_000
_WORTH_A_SEARCH = 8e-5
"""Gap from which an exact search of the margin of a larger plan pays."""
_SHARPENINGS = 4
_TIE_BREAK = 2e-5


@dataclass(frozen=True, eq=False)
class Assignment:
    """Chosen rows of a problem, the prices that led there and the bound that certifies them.

    ``feasible`` is False where no plan was found that keeps every minimum; the rows then keep all other limits.
    """

    rows: Integers
    prices: Prices
    bound: float
    feasible: bool = True


def assign(problem: Problem) -> Assignment:
    """Choose contacts of (nearly) the largest total net value."""
    free, total = choose(problem, problem.value)
    if problem.fits(free):
        zero = Prices(problem.limits, np.zeros(len(problem.limits.amount)), total)
        return Assignment(free, zero, max(total, problem.worth(free)))
    prices = find_prices(problem)
    rows, bound = settle(problem, prices), prices.bound
    small = len(problem.value) <= _CORE_ROWS
    if small and not _is_close(problem, rows, bound):
        rows, bound = _polish(problem, prices, rows)
    if not _is_close(problem, rows, bound):
        prices, rows = _sharpened(problem, prices, rows)
        bound = min(bound, prices.bound)
    if not _is_close(problem, rows, bound):
        distinct = _told_apart(problem)
        rows = _better(problem, rows, settle(distinct, find_prices(distinct)))
    if not small and not _is_close(problem, rows, bound, _WORTH_A_SEARCH):
        rows, bound = _polish(problem, prices, rows)
    return Assignment(rows, prices, max(bound, problem.worth(rows)), problem.fits(rows))


def _sharpened(problem: Problem, prices: Prices, rows: Integers) -> tuple[Prices, Integers]:
    """Prices and plan after linear programs of the margin, until they gain no more."""
    for _ in range(_SHARPENINGS):
        before, (prices, sharper) = prices, _sharpen(problem, prices)
        rows = _better(problem, rows, sharper)
        gained = before.bound - prices.bound
        if _is_close(problem, rows, prices.bound) or gained <= 0.5 * _precision(problem) * abs(prices.bound):
            break
    return prices, rows


def _sharpen(problem: Problem, prices: Prices) -> tuple[Prices, Integers]:
    """Prices from the linear program of the customers on the margin, the others fixed, and the plan that follows."""
    reduced = prices.reduced(problem)
    base, _ = choose(problem, reduced)
    margin, _ = _reach(problem, reduced, base, np.inf)
    size = np.diff(problem.start)
    order = np.argsort(margin, kind="stable")
    inside = np.sort(order[np.cumsum(size[order]) <= _MARGIN_ROWS])
    if not len(inside):
        return prices, settle(problem, prices)
    core = np.zeros(problem.customers, dtype=bool)
    core[inside] = True
    kept = base[~core[problem.customer[base]]]
    found = relax(problem.part(inside, problem.limits.amount - problem.used(kept)))
    if not found.solved:
        return prices, settle(problem, prices)
    spots = np.flatnonzero(core[problem.customer])
    best = prices
    for step in (1.0, 0.5):
        point = np.maximum(prices.rows + step * (found.prices - prices.rows), 0.0)
        bound, _, _ = evaluate(problem, point)
        if bound < best.bound:
            best = Prices(problem.limits, point, bound)
    whole = np.sort(np.concatenate((kept, spots[found.share > 1 - 1e-6])))
    fits = np.all((problem.used(whole) <= problem.limits.amount + problem.limits.tolerance())[~problem.limits.falling])
    rows = settle(problem, best, whole) if fits else settle(problem, best)
    return best, rows


def _better(problem: Problem, first: Integers, second: Integers) -> Integers:
    """The plan that keeps every limit; of two such, the one worth more."""
    return max(first, second, key=lambda rows: (problem.fits(rows), problem.worth(rows)))


def _told_apart(problem: Problem) -> Problem:
    """The same problem with ties broken by an even sequence (multiples of the golden ratio) of relative size 2e-5."""
    even = np.arange(len(problem.value)) * 0.6180339887498949 % 1.0
    return replace(problem, value=problem.value * (1 + _TIE_BREAK * even))


def _is_close(problem: Problem, rows: Integers, bound: float, precision: float | None = None) -> bool:
    wanted = _precision(problem) if precision is None else precision
    return problem.fits(rows) and bound - problem.worth(rows) <= wanted * abs(bound)


def _precision(problem: Problem) -> float:
    return _PRECISION if len(problem.value) < _LARGE_ROWS else _LARGE_PRECISION


def _polish(problem: Problem, prices: Prices, rows: Integers) -> tuple[Integers, float]:
    """Re-solve the customers closest to indifference; returns the better plan and the bound it proves."""
    reduced = prices.reduced(problem)
    feasible = problem.fits(rows)
    slack = prices.bound - problem.worth(rows) + 1e-9 * abs(prices.bound) if feasible else np.inf
    margin, reachable = _reach(problem, reduced, choose(problem, reduced)[0], slack)
    reachable[rows] = True
    size = np.bincount(problem.customer[reachable], minlength=problem.customers)
    order = np.argsort(margin, kind="stable")
    inside = order[np.cumsum(size[order]) <= _CORE_ROWS]
    proves = len(inside) == problem.customers or bool(margin[order[len(inside)]] > slack)
    core = np.zeros(problem.customers, dtype=bool)
    core[inside] = True
    kept = rows[~core[problem.customer[rows]]]
    spots = np.flatnonzero(core[problem.customer] & reachable)
    if not spots.size:
        return rows, prices.bound
    part = problem.part(inside, problem.limits.amount - problem.used(kept), reachable)
    share = max(problem.worth(rows) - problem.worth(kept), 0.0) / max(abs(prices.bound), 1e-300)
    precision = 0.0 if len(kept) == 0 else min(0.5 * _PRECISION / max(share, 1e-9), 1e-4)
    picked, proven, possible = solve(part, precision)
    better = np.sort(np.concatenate((kept, spots[picked])))
    if possible and problem.fits(better) and (not feasible or problem.worth(better) > problem.worth(rows)):
        rows = better
    bound = min(prices.bound, problem.worth(kept) + proven) if proves else prices.bound
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
    full = held >= problem.most
    margin = np.where(full, worst - np.maximum(other, 0), np.minimum(worst, -other))
    displaced = np.where(full, worst, 0.0)
    return margin, taken | (displaced[problem.customer] - reduced <= slack)
