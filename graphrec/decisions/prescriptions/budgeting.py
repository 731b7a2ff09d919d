"""Who gets the move where money is short: the contact plan's own allocation, over moves instead of contacts.

Hides the translation. Every confirmed move is a candidate with its cost and the lower end of its net value; a customer
gets one at most. Ranking customers by net value and stopping where the money ends was considered: it forgets that a
cheaper move may do for some customers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from graphrec.decisions.policy import ContactPolicy, allocate
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.decisions.prescriptions.collection import Prescriptions

__all__ = ["Budgeted", "check_budget", "spend_within"]


@dataclass(frozen=True, eq=False)
class Budgeted:
    """Prescriptions that fit into a budget.

    Attributes
    ----------
    prescriptions : Prescriptions
        In the same order; who is left out does nothing, and is told why.
    budget, spent : float
        Money.
    value : float
        Sum of the promised net values.
    planned, bound : float
        Sum of what the moves were chosen by (the lower end of their net value), and the most that any choice could
        have; both of the customers who choose.
    gap : float
        (bound - planned) / bound.
    shadow_price : float
        What one more unit of money would add to `planned`.
    """

    prescriptions: Prescriptions
    budget: float
    spent: float
    value: float
    planned: float
    bound: float
    gap: float
    shadow_price: float


def check_budget(budget: object) -> None:
    """Refuse what is no amount of money.

    Raises
    ------
    DataError
        The budget is negative or no number.
    """
    number = isinstance(budget, Real) and not isinstance(budget, bool)
    if not number or not 0 <= float(cast(float, budget)) < float("inf"):
        raise DataError(f"budget is {budget!r}; give a finite amount of money, at least 0, as a number")


def spend_within(advice: Prescriptions, budget: float) -> Budgeted:
    """Choose the moves of the largest total value that cost no more than a budget.

    Raises
    ------
    DataError
        The budget is negative or no number, or the prescriptions have no options.
    """
    check_budget(budget)
    ledger, redraw = advice.ledger, advice.redraw
    if ledger is None or redraw is None:
        raise DataError("these prescriptions hold no options to choose from; take them from graphrec.prescribe")
    advised = np.array([bool(item.moves) for item in advice.items], dtype=bool)
    options = advice.options
    worth = options[options["confirmed"].astype(bool) & (options["score"] > 0)]
    worth = worth[advised[worth["row"].to_numpy(np.int64)]]
    if worth.empty:
        return Budgeted(advice, budget, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    candidates = pd.DataFrame(
        {
            "customer_id": worth["row"].to_numpy(np.int64),
            "product_id": worth["option"].to_numpy(np.int64),
            "channel": "move",
            "cost": worth["cost"].to_numpy(np.float64),
            "net_value": worth["score"].to_numpy(np.float64),
        }
    )
    plan = allocate(candidates, ContactPolicy(max_contacts_per_customer=1, budget=float(budget)))
    chosen = np.full(len(advice.items), -1)
    chosen[plan.contacts["customer_id"].to_numpy(np.int64)] = plan.contacts["product_id"].to_numpy(np.int64)
    items = redraw(chosen, f"the budget of {budget:,.2f} does more for other customers")
    kept = replace(advice, items=items, ledger=replace(ledger, moves=replace(ledger.moves, chosen=chosen)))
    return Budgeted(
        kept,
        float(budget),
        float(plan.contacts["cost"].sum()),
        float(sum(item.net_value for item in items)),
        plan.planned_value,
        plan.bound,
        plan.gap,
        float(plan.shadow_prices.get("budget", 0.0)),
    )
