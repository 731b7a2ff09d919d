"""Small plans solved outright by HiGHS: the linear relaxation for its prices, the integer program for its plan.

Hides the textbook form of the program, one column for each candidate. It serves where there are few candidates: whole
small plans, the customers on the margin of large ones, and the question whether rules can hold together at all.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.problem import Problem

__all__ = ["Relaxed", "relax", "solve", "textbook_form"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NODE_ROWS = 500_000  # nodes times rows of the exact search, a few seconds at most


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Answer of the linear relaxation: shares of candidates, prices of limits, value; all zero where there is none."""

    share: Floats
    prices: Floats
    value: float
    solved: bool


def relax(problem: Problem) -> Relaxed:
    """Solve the linear relaxation."""
    from scipy.optimize import linprog

    matrix, upper = textbook_form(problem)
    unit, scale = _unit(problem), _row_scale(problem)
    found = linprog(-problem.value / unit, A_ub=matrix, b_ub=upper, bounds=(0, 1), method="highs")
    shared = len(problem.limits.amount)
    if found.x is None:
        return Relaxed(np.zeros(len(problem.value)), np.zeros(shared), 0.0, False)
    prices = np.maximum(-found.ineqlin.marginals[:shared], 0.0) * unit / scale
    return Relaxed(np.asarray(found.x), prices, -float(found.fun) * unit, True)


def solve(problem: Problem, precision: float) -> tuple[Integers, float, bool]:
    """Best rows of a small problem, the bound that HiGHS proves, and whether there is any plan at all."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    if not len(problem.value):
        return np.zeros(0, dtype=np.int64), 0.0, bool(np.all(problem.limits.amount >= -problem.limits.tolerance()))
    matrix, upper = textbook_form(problem)
    unit = _unit(problem) * 1e-4  # HiGHS stops at an absolute gap of 1e-6, here one part in 1e10 of the best row
    with _stdout_to_stderr():
        found = milp(
            -problem.value / unit,
            integrality=np.ones(len(problem.value)),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(matrix, -np.inf, upper),
            options={"mip_rel_gap": precision, "node_limit": max(1, _NODE_ROWS // len(problem.value))},
        )
    proven = -float(found.mip_dual_bound) * unit if found.mip_dual_bound is not None else np.inf
    picked = np.flatnonzero(found.x > 0.5) if found.x is not None else np.zeros(0, dtype=np.int64)
    return picked, proven, found.x is not None or found.status != 2


def _unit(problem: Problem) -> float:
    return float(np.max(np.abs(problem.value), initial=0.0)) or 1.0


def _row_scale(problem: Problem) -> Floats:
    """Money in units of the budget: amounts of ten million beside ones would spoil the solver's tolerances."""
    return np.where((problem.limits.money > 0) & (problem.limits.amount > 0), problem.limits.amount, 1.0)


def textbook_form(problem: Problem) -> tuple[Any, Floats]:
    """Sparse rows and upper limits: the shared limits first, then contacts per customer, then the local groups.

    Money is in units of the budget.
    """
    from scipy.sparse import csr_array, vstack

    n, scale = len(problem.value), _row_scale(problem)
    columns = np.arange(n)
    shared = problem.columns(columns)
    if problem.limits.money.any():
        shared = csr_array(shared.multiply((1 / scale)[:, None]))
        for row in np.flatnonzero(problem.limits.money):  # dearer than the whole budget is dear enough
            part = slice(shared.indptr[row], shared.indptr[row + 1])
            shared.data[part] = np.minimum(shared.data[part], 2.0)
    parts, upper = [shared], [problem.limits.amount / scale]
    owners = [(problem.customer, problem.most.astype(np.float64), columns)]
    for kind in range(problem.local.shape[1]):
        inside = np.flatnonzero(problem.local[:, kind] >= 0)
        groups, code = np.unique(problem.local[inside, kind], return_inverse=True)
        owners.append((code, problem.room[groups].astype(np.float64), inside))
    for label, most, rows in owners:
        binds = np.bincount(label, minlength=len(most)) > most
        place = np.cumsum(binds) - 1
        kept = binds[label]
        parts.append(
            csr_array((np.ones(int(kept.sum())), (place[label[kept]], rows[kept])), shape=(int(binds.sum()), n))
        )
        upper.append(most[binds])
    return vstack(parts, format="csr"), np.concatenate(upper)


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
