"""What the customers of each segment do, in figures that a person can read.

Hides the counting. Rates are sums over sums, so that a customer of three events does not weigh as much as one of three
hundred; lifts are differences from the base in units of how much customers truly differ.

Alternative considered: medians of customers' rates. Half of all customers never bought anything, so theirs are zero.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.eventtable import EventTable
from graphrec.market.segmentation.habitmeasures import HABITS, Habits
from graphrec.market.segmentation.trustworthiness import Yardstick

__all__ = ["PLAIN", "describe_segments"]

PLAIN = (
    "carts_per_look", "purchases_per_look", "purchases_per_cart", "removals_per_cart", "looks_per_visit", "peak_hour",
    "weekend", "night", "median_price", "average_order", "basket", "one_category", "returns_to_products",
    "visits_per_month", "days_between_visits",
)  # fmt: skip
"""Figures of a profile beside its lifts."""

_DAY = 86_400
_TOP = 5
_VISITS = 6


def describe_segments(table: EventTable, habits: Habits, by: Yardstick, assigned: pd.DataFrame) -> pd.DataFrame:
    """Describe all segments, and all assigned customers as segment 0.

    Returns
    -------
    pandas.DataFrame
        segment, customers, share, share_of_events, revenue, share_of_revenue, purchases, events_per_customer,
        visits_per_customer, the figures of `PLAIN`, ``lift_<habit>`` (in units of how much customers truly differ),
        ``typical_<habit>`` (mean over the segment on the plain scale), top_categories, hours, weekdays, funnel
        and journey (JSON texts).
    """
    size = by.mixture.size
    label = np.where(assigned["abstained"].to_numpy(), -1, assigned["likeliest"].to_numpy(np.int64) - 1)
    if (label >= 0).sum() == 0:  # everybody below the threshold: the best guess describes, nobody is assigned
        label = np.where(table.counts > 0, assigned["likeliest"].to_numpy(np.int64) - 1, -1)
    rows = [_describe(table, habits, label >= 0, 0)]
    for k in range(size):
        lifts = {f"lift_{name}": float(by.mixture.mean[k, j]) for j, name in enumerate(by.scale.names)}
        journey = {"journey": json.dumps(_journey(table, label == k, assigned["probability"].to_numpy(np.float64)))}
        rows.append(_describe(table, habits, label == k, k + 1) | lifts | journey)
    found = pd.DataFrame(rows)
    found["journey"] = found["journey"].fillna("[]") if "journey" in found else "[]"
    base = by.mixture.share @ by.mixture.mean
    for j, name in enumerate(by.scale.names):
        found[f"lift_{name}"] = found[f"lift_{name}"].fillna(base[j]) - base[j]
    whole = found.iloc[0]
    for share, column in (("share", "customers"), ("share_of_events", "events"), ("share_of_revenue", "revenue")):
        found[share] = found[column] / max(float(whole[column]), 1e-9)
    return found


def _describe(table: EventTable, habits: Habits, who: NDArray[np.bool_], segment: int) -> dict[str, object]:
    rows = who[table.customer]
    kind, price = table.kind[rows], table.price[rows]
    looks, carts, removals, bought = (float((kind == i).sum()) for i in range(4))
    starts = table.visit_starts[who[table.customer[table.visit_starts]]]
    second, visits = table.second[starts], float(len(starts))
    revenue = float(np.nansum(price[kind == 3]))
    orders = float(_distinct(table.visit[rows & (table.kind == 3)]))
    n = int(who.sum())
    hours = np.bincount(second % _DAY // 3600, minlength=24)
    days = np.bincount((second // _DAY + 3) % 7, minlength=7)
    priced = price[(price > 0) & (kind == 0)] if looks else price[price > 0]
    pooled = _pooled(habits, who)
    months = max((int(table.second.max()) - int(table.second.min())) / _DAY / 30, 1 / 30) if len(table) else 1.0
    after = _ratio(float(_waits(table, who).sum()), float(len(_waits(table, who))))
    return {
        "segment": segment, "customers": n, "events": float(rows.sum()), "revenue": revenue, "purchases": bought,
        "events_per_customer": _ratio(float(rows.sum()), n), "visits_per_customer": _ratio(visits, n),
        "carts_per_look": _ratio(carts, looks), "purchases_per_look": _ratio(bought, looks),
        "purchases_per_cart": _ratio(bought, carts), "removals_per_cart": _ratio(removals, carts),
        "looks_per_visit": _ratio(looks, visits), "peak_hour": float(_smooth(hours).argmax()) if visits else np.nan,
        "weekend": _ratio(float(days[5:].sum()), visits), "night": _ratio(float(hours[:6].sum()), visits),
        "median_price": float(np.median(priced)) if len(priced) else np.nan,
        "average_order": _ratio(revenue, orders), "basket": _ratio(bought, orders),
        "one_category": pooled["one_category"], "returns_to_products": pooled["returns_to_products"],
        "visits_per_month": _ratio(visits, n * months), "days_between_visits": after,
        "top_categories": json.dumps(_top_categories(table, rows)),
        "hours": json.dumps((hours / max(visits, 1)).round(5).tolist()),
        "weekdays": json.dumps((days / max(visits, 1)).round(5).tolist()),
        "funnel": json.dumps(_funnel(table, rows, starts)),
    } | {f"typical_{name}": value for name, value in pooled.items()}  # fmt: skip


def _pooled(habits: Habits, who: NDArray[np.bool_]) -> dict[str, float]:
    """Plain habits of a group: sums over sums."""
    n = habits.evidence[who]
    total = (habits.plain[who] * n).sum(0)
    return {name: _ratio(float(total[j]), float(n[:, j].sum())) for j, name in enumerate(HABITS)}


def _waits(table: EventTable, who: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Days from each visit to the next one of the same customer."""
    starts = table.visit_starts
    owner = table.customer[starts]
    later = np.flatnonzero((np.diff(owner) == 0) & who[owner[:-1]]) if len(owner) > 1 else np.zeros(0, dtype=np.int64)
    return np.asarray((table.second[starts[later + 1]] - table.second[starts[later]]) / _DAY)


def _top_categories(table: EventTable, rows: NDArray[np.bool_]) -> list[list[object]]:
    """Most looked at categories: name, share of the group's events, lift over everybody."""
    known = table.category >= 0
    k = len(table.categories)
    if not k:
        return []
    here = np.bincount(table.category[rows & known], minlength=k)
    share = here / max(here.sum(), 1)
    every = np.bincount(table.category[known], minlength=k) / max(known.sum(), 1)
    order = np.argsort(-here, kind="stable")[:_TOP]
    return [[str(table.categories[i]), round(float(share[i]), 5), round(float(share[i] / max(every[i], 1e-12)), 3)]
            for i in order if here[i]]  # fmt: skip


def _funnel(table: EventTable, rows: NDArray[np.bool_], starts: NDArray[np.int64]) -> list[float]:
    """Shares of visits with a look, a cart, a purchase."""
    visits = max(len(starts), 1)
    return [round(_distinct(table.visit[rows & (table.kind == kind)]) / visits, 5) for kind in (0, 1, 3)]


def _distinct(ascending: NDArray[np.int64]) -> int:
    return int((np.diff(ascending) != 0).sum()) + 1 if len(ascending) else 0


def _journey(table: EventTable, who: NDArray[np.bool_], probability: NDArray[np.float64]) -> list[list[object]]:
    """First visits of the clearest customer of ordinary length: days since the first, part of the day (0 to 3), looks,
    carts, removals, purchases and the category looked at most. No identifier, no date and no product.
    """
    ordinary = who & (table.counts >= 6) & (table.counts <= 40)
    if not ordinary.any():
        return []
    clearest = np.flatnonzero(ordinary)[int(probability[ordinary].argmax())]
    rows = table.customer == clearest
    second, visit, kind, category = (values[rows] for values in (table.second, table.visit, table.kind, table.category))
    found: list[list[object]] = []
    for number in np.unique(visit)[:_VISITS]:
        here = visit == number
        days = int(second[here][0] // _DAY - second[0] // _DAY)
        named = category[here][category[here] >= 0]
        top = str(table.categories[np.bincount(named).argmax()]) if len(named) else ""
        found.append(
            [days, int(second[here][0] % _DAY // 21_600), *(int((kind[here] == i).sum()) for i in range(4)), top]
        )
    return found


def _smooth(hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums over three neighbouring hours, around the clock."""
    return np.asarray(np.roll(hours, 1) + hours + np.roll(hours, -1), dtype=np.float64)


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")
