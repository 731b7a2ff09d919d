"""Which rules cannot hold together, given these customers and scores.

Hides the search for a small set of rules that no plan can keep. Only minima can be in conflict: without them the empty
plan keeps every rule. A minimum alone is held against the customers who may be contacted at all, then against every
other limit in turn, and where no pair is in conflict, rules are left out one after the other as long as a conflict
remains (the deletion filter of Chinneck & Dravnieks 1991); what is left cannot be made smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import Infeasible
from graphrec.decisions.planning.exact import relax
from graphrec.decisions.planning.problem import Problem

__all__ = ["refuse_conflict", "refuse_unreachable"]

Integers = NDArray[np.int64]


def refuse_unreachable(problem: Problem, reasons: Sequence[str]) -> None:
    """Refuse a minimum that more contacts are asked for than customers may get.

    `reasons` says for each limit which rule has left out most candidates of its product; empty where none has.
    """
    floors = problem.limits.floors
    for row in np.flatnonzero(problem.limits.falling):
        cell = int(problem.limits.matrix.indices[problem.limits.matrix.indptr[row]])
        rows = np.flatnonzero(np.any(problem.cells == cell, axis=1))
        able = len(np.unique(problem.customer[rows]))
        if able < floors[cell]:
            name, why = problem.limits.names[int(row)], reasons[int(row)]
            told = f"; most others are out by {why}" if why else ""
            raise Infeasible(
                f"{name} is {floors[cell]:g}, but only {able} customers may be contacted about it{told}. Lower the "
                "minimum, or score more customers for it",
                (name, why) if why else (name, "candidates"),
            )


def refuse_conflict(problem: Problem) -> None:
    """Name the smallest set of limits found that no plan can keep; always raises `Infeasible`."""
    limits = problem.limits
    minima = [int(row) for row in np.flatnonzero(limits.falling)]
    others = [int(row) for row in np.flatnonzero(~limits.falling)]
    found = _conflict(problem, minima, others)
    if found is None:
        raise Infeasible(
            "no plan of whole contacts was found that keeps all of "
            f"{', '.join(limits.names[row] for row in minima)}, although one of fractions exists; lower one by 1",
            tuple(limits.names[row] for row in minima),
        )
    names = [limits.names[row] for row in found]
    names += ["max_contacts_per_customer"] if len(found) == len([r for r in found if r in minima]) else []
    amounts = [f"{limits.names[row]} = {abs(limits.amount[row]):g}" for row in found]
    raise Infeasible(
        f"these rules cannot hold together: {'; '.join(amounts)}"
        f"{' with the limits of each customer' if len(names) > len(found) else ''}. Lower a minimum or raise a limit",
        names,
    )


def _conflict(problem: Problem, minima: list[int], others: list[int]) -> list[int] | None:
    if not _impossible(problem, [*minima, *others]):
        return None
    for least in minima:
        for pair in ([least], *([least, other] for other in others)):
            if _impossible(problem, pair):
                return pair
    kept = [*others, *minima]
    for row in list(kept):
        fewer = [other for other in kept if other != row]
        if any(other in minima for other in fewer) and _impossible(problem, fewer):
            kept = fewer
    return sorted(kept)


def _impossible(problem: Problem, rows: list[int]) -> bool:
    """Whether not even fractions of contacts keep some of the limits."""
    limits = problem.limits
    part = replace(
        limits,
        names=tuple(limits.names[row] for row in rows),
        matrix=limits.matrix[rows],
        money=limits.money[rows],
        amount=limits.amount[rows],
    )
    cells = np.unique(part.matrix[np.flatnonzero(part.falling)].indices)
    useful = np.asarray(np.isin(problem.cells, cells).any(axis=1))
    if np.any(~part.growing & ~part.falling):
        useful[:] = True  # other contacts make room where parity binds
    customers = np.unique(problem.customer[useful])
    small = replace(problem, limits=part).part(customers, part.amount, useful)
    if not len(small.value):
        return bool(np.any(part.amount[part.falling] < 0))
    return not relax(replace(small, value=-np.ones(len(small.value)))).solved
