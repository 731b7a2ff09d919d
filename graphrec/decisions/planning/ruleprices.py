"""What every rule costs, in money and in a sentence.

Hides where the price of each kind of rule comes from. A shared limit has its dual price. A limit of each customer is
priced by raising it by one for everybody, a rule about candidates by admitting what it keeps out, both at the prices
found: an upper bound of the gain, since prices could rise with the new demand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.prices import Prices, choose
from graphrec.decisions.planning.problem import Limits, Problem

__all__ = ["candidate_rows", "customer_rows", "rules_frame", "shared_rows"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


_UNITS = {
    "channel_capacity": "One more contact by {name} is worth {price}.",
    "slot_capacity": "One more contact by {name} is worth {price}.",
    "stock": "One more contact about {name} is worth {price}.",
    "minimum_exposure": "Each further contact about {name} that must be made costs {price}.",
    "segment_pressure": "One more contact with the segment {name} is worth {price}.",
    "parity": "One contact more with the segment {name} than parity allows is worth {price}.",
    "budget": "One more unit of budget is worth {price}.",
}
_MORE = "One more for every customer would add at most {:,.4g}."
_ENOUGH = "It costs nothing: the plan makes as many anyway."
_GOES_OUT = " The plan has {:,.0f} before hold-out and exploration; {:,.0f} of all contacts about it are to be made."
_FREE = "It costs nothing: there is room left, or nothing worth filling it with."


def shared_rows(
    limits: Limits, full: Floats, prices: Floats, used: Floats, sent: Floats | None = None
) -> list[dict[str, Any]]:
    """Rows of the shared limits.

    Parameters
    ----------
    limits : Limits
    full : (limits,) float
        Their amounts before room was set aside.
    prices : (limits,) float
    used : (limits,) float
        By the plan.
    sent : (limits,) float, optional
        By what goes out of it after hold-out and exploration: of a minimum the reader must know both.
    """
    rows = []
    for place, name in enumerate(limits.names):
        rule, _, inside = name.partition("[")
        sign = -1.0 if limits.falling[place] else 1.0
        price = sign * float(prices[place])
        words = _UNITS[rule].format(name=inside.removesuffix("]").replace(", ", " in "), price=f"{abs(price):,.4g}")
        sentence = words if price else _ENOUGH if limits.falling[place] else _FREE
        if limits.falling[place] and sent is not None:
            sentence += _GOES_OUT.format(sign * float(used[place]), sign * float(sent[place]))
        rows.append(
            {
                "rule": name,
                "kind": "shared",
                "amount": sign * float(full[place]),
                "used": sign * float(used[place]),
                "price": price,
                "sentence": sentence,
            }
        )
    return rows


def customer_rows(
    problem: Problem, wider: dict[str, Problem], prices: Prices, times: float = 1.0
) -> list[dict[str, Any]]:
    """Rows of the customers' limits: what one more for every customer adds at most; `times` scales up a sample."""
    _, now = choose(problem, prices.reduced(problem))
    rows = []
    for name, other in wider.items():
        gain = times * max(choose(other, prices.reduced(other))[1] - now, 0.0)
        words = _MORE.format(gain) if gain > 0 else "Nobody is held back by it."
        rows.append(
            {"rule": name, "kind": "customer", "amount": np.nan, "used": np.nan, "price": gain, "sentence": words}
        )
    return rows


def candidate_rows(
    code: Integers, reasons: tuple[str, ...], customer: Integers, reduced: Floats, floor: Floats
) -> list[dict[str, Any]]:
    """Rows of the rules about candidates: what each customer could gain at most by the best one it keeps out.

    Parameters
    ----------
    code : (n,) int
        Reason of each candidate, 0 for none.
    customer : (n,) int
        Customer codes.
    reduced : (n,) float
        Net value at the prices of the plan.
    floor : (customers,) float
        What a further contact would displace.
    """
    rows = []
    for place, name in enumerate(reasons):
        out = np.flatnonzero(code == place)
        if place == 0 or not len(out):
            continue
        best = np.full(len(floor), -np.inf)
        np.maximum.at(best, customer[out], reduced[out])
        gain = float(np.maximum(best - floor, 0.0).sum())
        more = f"Without it the plan could gain at most {gain:,.4g}."
        words = more if gain > 0 else "Nothing of value is lost by it."
        rows.append(
            {
                "rule": name,
                "kind": "candidate",
                "amount": np.nan,
                "used": float(len(out)),
                "price": gain,
                "sentence": words,
            }
        )
    return rows


def rules_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The table of `Plan.rules`; a window that keeps candidates out and binds others as well is one rule."""
    merged: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = merged.get(row["rule"])
        if known is None:
            merged[row["rule"]] = row
        elif row["price"] > 0:
            price = known["price"] + row["price"]
            merged[row["rule"]] = {**known, "price": price, "sentence": _MORE.format(price)}
    return pd.DataFrame(list(merged.values()), columns=["rule", "kind", "amount", "used", "price", "sentence"])
