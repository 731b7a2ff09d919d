"""Why every candidate that is not a contact is out, and which customers get nothing.

Hides which of several limits is named: the customer's own first, then the shared limit that takes most of the
candidate's value at the prices of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.arms import Randomised
from graphrec.decisions.planning.assignment import Assignment
from graphrec.decisions.planning.candidates import Candidates
from graphrec.decisions.planning.contactplan import CUSTOMER_LIMIT
from graphrec.decisions.planning.personal import SAME_OFFER, Personal
from graphrec.decisions.planning.problem import Problem
from graphrec.decisions.planning.sifting import Sifted

__all__ = ["Exclusions", "explain_exclusions"]

Integers = NDArray[np.int64]
_EXPLORES = "the customer explores"
_WINDOW = "windows"


@dataclass(frozen=True, eq=False)
class Exclusions:
    """Tables of what is left out; `customer_limits` are the limits of customers that keep a candidate out."""

    left_out: pd.DataFrame
    nothing: pd.DataFrame
    customer_limits: tuple[str, ...]


def explain_exclusions(
    candidates: Candidates,
    sifted: Sifted,
    problem: Problem,
    personal: Personal,
    found: Assignment,
    drawn: Randomised,
    allowed: Integers,
) -> Exclusions:
    """Name the reason of every candidate that is no contact."""
    own, names = _outbid(problem, personal, found, drawn, candidates.offer[allowed])
    code = sifted.code.copy()
    code[allowed] = own + len(sifted.reasons)
    reasons = [*sifted.reasons, *names]
    out = np.ones(len(code), dtype=bool)
    out[allowed[drawn.rows]] = False
    counts = np.bincount(code[out], minlength=len(reasons))
    money = np.bincount(code[out], candidates.net_value[out], minlength=len(reasons))
    told = pd.DataFrame({"reason": pd.Series(reasons, dtype="str"), "candidates": counts, "net_value": money})
    told = told[told["candidates"] > 0].groupby("reason", sort=True, as_index=False).sum()
    told = told.sort_values("candidates", ascending=False, kind="stable").reset_index(drop=True)
    limits = [name for name in names if name == CUSTOMER_LIMIT or name.startswith((_WINDOW, "exclusive"))]
    used = {reasons[place] for place in np.flatnonzero(counts)}
    return Exclusions(told, _nothing(candidates, code, reasons, out), tuple(n for n in limits if n in used))


def _outbid(
    problem: Problem, personal: Personal, found: Assignment, drawn: Randomised, offer: Integers
) -> tuple[Integers, list[str]]:
    """Code of what keeps each admissible candidate out, supposing that it is out, and the names of the codes."""
    limits = problem.limits
    names = [*limits.names, CUSTOMER_LIMIT, _WINDOW, *(personal.kinds or (SAME_OFFER,)), _EXPLORES]
    first = len(limits.names)
    code = _dearest(problem, found)
    held = np.bincount(problem.customer[found.rows], minlength=problem.customers)
    full = held >= problem.most
    code[full[problem.customer]] = first
    code[(full & personal.windowed)[problem.customer]] = first + 1
    if problem.local.shape[1]:
        groups = problem.local[found.rows]
        used = np.bincount(groups[groups >= 0], minlength=len(problem.room)) >= problem.room
        for kind in range(problem.local.shape[1] - 1, -1, -1):
            group = problem.local[:, kind]
            code[(group >= 0) & used[group]] = first + 2 + kind
    else:  # one contact each: what is left of the same offer is made otherwise
        made = np.full(problem.customers, -1)
        made[problem.customer[found.rows]] = offer[found.rows]
        code[made[problem.customer] == offer] = len(names) - 2
    code[drawn.explores[problem.customer]] = len(names) - 1
    return code, names


def _dearest(problem: Problem, found: Assignment) -> Integers:
    """The limit that takes most of each candidate's value; the customer's own where none takes any."""
    limits = problem.limits
    n, customer_limit = len(problem.value), len(limits.names)
    best, price = np.full(n, customer_limit, dtype=np.int64), np.zeros(n)
    cells, money = limits.cell_prices(found.prices.rows)
    owner = np.full(limits.cells, customer_limit, dtype=np.int64)
    for row in range(customer_limit - 1, -1, -1):
        place = slice(limits.matrix.indptr[row], limits.matrix.indptr[row + 1])
        own, weight = limits.matrix.indices[place], limits.matrix.data[place]
        if len(own) and weight.max() > 0:
            owner[own[weight == weight.max()]] = row
    for family in problem.cells.T:
        better = (cells[family] > price) | ((best == customer_limit) & (owner[family] < customer_limit))
        best, price = np.where(better, owner[family], best), np.where(better, cells[family], price)
    if np.isfinite(limits.purse):
        budget = int(np.flatnonzero(limits.money)[0])
        spent = money * problem.cost
        best = np.where((spent > price) | (best == customer_limit), budget, best)
    return best


def _nothing(candidates: Candidates, code: Integers, reasons: list[str], out: NDArray[np.bool_]) -> pd.DataFrame:
    """Customers without a contact, with the reason of the candidate that is worth most."""
    served = np.zeros(len(candidates.customers), dtype=bool)
    served[candidates.customer[~out]] = True
    rows = np.flatnonzero(~served[candidates.customer])
    order = rows[np.lexsort((-candidates.net_value[rows], candidates.customer[rows]))]
    owner = candidates.customer[order]
    best = order[np.concatenate(([True], owner[1:] != owner[:-1]))] if len(order) else order
    return pd.DataFrame(
        {
            "customer_id": candidates.customers[candidates.customer[best]],
            "reason": pd.Series([reasons[place] for place in code[best]], dtype="str"),
            "net_value": candidates.net_value[best],
        }
    )
