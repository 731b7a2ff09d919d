r"""What each limit is worth: dual prices, with the bound that they certify.

Hides how the prices are found. Priced with :math:`\lambda \ge 0`, the program of `problem` falls apart into one small
choice for each customer, and

.. math:: D(\lambda) = \sum_i \max_{x \in X_i} \sum_j (v_j - \lambda^\top a_j) x_j + \lambda^\top b

bounds every feasible plan from above, whatever the prices (Lagrangian duality; Geoffrion 1974). `D` is convex and has a
kink wherever a customer changes their mind; with many customers the kinks lie so close that it is smooth for all
purposes, and a quasi-Newton method (L-BFGS-B; Byrd, Lu, Nocedal & Zhu 1995) descends on it directly. A tenth of the
customers gives the start. With few customers the kinks count: there the linear program is solved outright.

Alternatives measured on 100,000 customers x 20 candidates: cutting planes by blocks of customers (Kelley 1960) are fast
with five limits (39 rounds), but took 52 CPU seconds with 26, and with 161 were far from done after 50 rounds and 27
seconds, because the master program grows by 48 rows a round; L-BFGS-B comes within a millionth in about 2 seconds with
31 limits and 3 with 200. Polyak steps were .2 % away after 400 passes with five limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.problem import Limits, Problem

__all__ = ["Prices", "choose", "evaluate", "find_prices"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_SOLVED_ROWS = 6000
"""Candidates up to which the linear program is solved outright."""
_SAMPLED_FROM = 20_000
_SAMPLE = 0.1
_STEPS = 150
_RESTARTS = 6
_SMOOTH_ROWS = 500_000
"""Candidates from which kinks are too small to end a descent early."""
_PROGRESS = 1e-5
_UNIT = 1e3


@dataclass(frozen=True, eq=False)
class Prices:
    """Money for one more unit of each limit, and the bound that the prices prove."""

    limits: Limits
    rows: Floats
    bound: float

    def reduced(self, problem: Problem) -> Floats:
        """Net value of each candidate after paying the prices."""
        from graphrec.decisions.planning.choice import reduce_values

        out = np.empty(len(problem.value))
        cells, money = self.limits.cell_prices(self.rows)
        reduce_values(problem.value, problem.cost, problem.cells, cells, money, out)
        return out


def choose(problem: Problem, reduced: Floats) -> tuple[Integers, float]:
    """Best rows of every customer on its own under its local limits, and the bound of their worth.

    Ties go to the first row in canonical order; nothing worth 0 or less is chosen.
    """
    from graphrec.decisions.planning.choice import choose_best, choose_sets

    if np.all(problem.most == 1):
        best = np.empty(problem.customers, dtype=np.int64)
        total = float(choose_best(problem.start, reduced, best, np.empty(problem.customers)))
        return best[best >= 0], total
    taken = np.zeros(len(reduced), dtype=bool)
    total = float(choose_sets(problem.start, reduced, problem.most, problem.local, problem.room, taken))
    return np.flatnonzero(taken), total


def evaluate(problem: Problem, prices: Floats) -> tuple[float, Floats, Integers]:
    """Bound that some prices prove, the room that the customers' choices leave, and these choices."""
    reduced = Prices(problem.limits, prices, np.inf).reduced(problem)
    rows, total = choose(problem, reduced)
    amount = problem.limits.amount
    return total + float(prices @ amount), amount - problem.used(rows), rows


def find_prices(problem: Problem) -> Prices:
    """Prices that (nearly) minimise the bound."""
    zero = np.zeros(len(problem.limits.amount))
    if not problem.customers or not len(zero):
        return Prices(problem.limits, zero, evaluate(problem, zero)[0])
    if len(problem.value) <= _SOLVED_ROWS:
        return _better(problem, [_by_program(problem), zero])
    return _descend(problem, _start(problem))


def _better(problem: Problem, points: list[Floats]) -> Prices:
    found = [Prices(problem.limits, point, evaluate(problem, point)[0]) for point in points]
    return min(found, key=lambda prices: prices.bound)


def _by_program(problem: Problem) -> Floats:
    from graphrec.decisions.planning.exact import relax

    return np.minimum(relax(problem).prices, highest_prices(problem))


def _start(problem: Problem) -> Floats:
    """Prices of a sample; an even one, so that the same table has the same."""
    if len(problem.value) < _SAMPLED_FROM:
        return np.zeros(len(problem.limits.amount))
    customers = np.arange(0, problem.customers, round(1 / _SAMPLE), dtype=np.int64)
    sample = problem.part(customers, problem.limits.amount * (len(customers) / problem.customers))
    return find_prices(sample).rows


def _descend(problem: Problem, start: Floats) -> Prices:
    from scipy.optimize import minimize

    highest = highest_prices(problem)
    points = [start, np.zeros(len(start))]
    scale = _UNIT / max(_better(problem, points).bound, 1e-300)  # L-BFGS-B stops by absolute size, too
    best, best_point = float(np.inf), start

    def dual(point: Floats) -> tuple[float, Floats]:
        nonlocal best, best_point
        bound, room, _ = evaluate(problem, point)
        if bound < best:
            best, best_point = bound, point.copy()
        return bound * scale, room * scale

    options = {"maxcor": 30, "maxiter": _STEPS, "maxfun": 2 * _STEPS, "ftol": 1e-9, "gtol": 0.0}
    box = [(0.0, float(price)) for price in highest]
    restarts = _RESTARTS if len(problem.value) < _SMOOTH_ROWS else 1
    for _ in range(restarts):  # a kink can end a descent early; a fresh one leaves it in another direction
        before = best
        minimize(dual, np.minimum(best_point, highest), jac=True, method="L-BFGS-B", bounds=box, options=options)
        if before - best <= _PROGRESS * abs(best):
            break
    return Prices(problem.limits, best_point, best)


def highest_prices(problem: Problem) -> Floats:
    """Prices that nothing can be worth: at more, every candidate of the limit is out (or, for a minimum, in)."""
    dearest = float(np.max(problem.value, initial=0.0))
    span = dearest - float(np.min(problem.value, initial=0.0))
    highest = np.where(problem.limits.growing, dearest, span * (1 + float(np.max(problem.most, initial=1))))
    paid = problem.cost > 0
    ratio = float(np.max(problem.value[paid] / problem.cost[paid], initial=0.0))
    return np.where(problem.limits.money > 0, max(ratio, 0.0), highest)
