"""Scores at the door of the plan: checked and put in one canonical order.

Hides how score tables of different shapes (products or offers, with or without slots and grades) become aligned
arrays. Rows are sorted by what they say, never by where they stand, so a permuted table gives the same plan. Which of
them may be contacted is decided in `sifting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import PolicyError
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.naming import check_spelling

__all__ = ["Candidates", "read_candidates"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Score rows in canonical order (customer, offer, channel, slot), as arrays.

    Attributes
    ----------
    frame : pandas.DataFrame
        The score rows in canonical order.
    customer, offer, channel, slot : (n,) int
        Codes; `channel` is all 0 where the scores have none, `slot` is -1 where a row has none.
    customers, offers : object arrays
        Identifier of each code.
    channels, slots : tuple of str
        Name of each code.
    net_value, cost : (n,) float
        Money gained and spent by the contact; cost is 0 where neither column nor budget exists.
    """

    frame: pd.DataFrame
    customer: Integers
    offer: Integers
    channel: Integers
    slot: Integers
    customers: NDArray[Any]
    offers: NDArray[Any]
    channels: tuple[str, ...]
    slots: tuple[str, ...]
    net_value: Floats
    cost: Floats


def read_candidates(scores: pd.DataFrame, policy: ContactPolicy) -> Candidates:
    """Check the scores and sort them."""
    _check_columns(scores, policy)
    offer_column = "offer_id" if "offer_id" in scores.columns else "product_id"
    customer, customers = _codes(scores, "customer_id")
    offer, offers = _codes(scores, offer_column)
    channel, channels = _channel_codes(scores)
    slot, slots = _slot_codes(scores)
    check_spelling(policy.channels, channels)
    judged = ~_excluded(scores, policy.exclude_grades)
    net_value, cost = _net_value(scores, judged, policy.caution), _cost(scores, policy, judged)
    order = _canonical_order(scores, customer, offer, channel, slot, net_value, cost)
    sorted_already = bool(np.all(order[1:] > order[:-1]))
    frame = (scores if sorted_already else scores.iloc[order]).reset_index(drop=True)
    if policy.caution > 0:
        frame = frame.assign(cautious_net_value=net_value[order])
    return Candidates(
        frame=frame,
        customer=customer[order],
        offer=offer[order],
        channel=channel[order],
        slot=slot[order],
        customers=customers,
        offers=offers,
        channels=channels,
        slots=slots,
        net_value=net_value[order],
        cost=cost[order],
    )


def _check_columns(scores: object, policy: ContactPolicy) -> None:
    if not isinstance(scores, pd.DataFrame):
        raise PolicyError(f"scores must be a pandas DataFrame of candidates, not {type(scores).__name__}")
    if scores.empty and not len(scores.columns):
        raise PolicyError("scores is an empty table: there is no candidate to choose from")
    have = ", ".join(map(str, scores.columns))
    if not scores.columns.is_unique:
        twice = scores.columns[scores.columns.duplicated()][0]
        raise PolicyError(f"scores has the column {twice} twice; it has {have}. Keep one of each name")
    if "customer_id" not in scores:
        raise PolicyError(f"scores has no column customer_id; it has {have}")
    if "offer_id" not in scores and "product_id" not in scores:
        raise PolicyError(f"scores has neither product_id nor offer_id; it has {have}")
    if "net_value" not in scores and not {"value", "uplift", "cost"} <= set(scores.columns):
        raise PolicyError(f"scores needs net_value, or value, uplift and cost to compute it; it has {have}")
    wanted = {
        "channel": bool(policy.channels) or policy.require_consent,
        "slot": policy.slot_capacity is not None,
        "cost": policy.budget is not None,
    }
    wanted |= dict.fromkeys(("uplift", "uplift_low", "value", "cost"), True) if policy.caution > 0 else {}
    for column, needed in wanted.items():
        if needed and column not in scores:
            raise PolicyError(f"the policy limits by {column}, but scores has no column {column}; it has {have}")
    if scores.empty:
        raise PolicyError("scores has 0 rows: there is no candidate to choose from; score customers first")


def _codes(scores: pd.DataFrame, column: str) -> tuple[Integers, NDArray[Any]]:
    """Codes in sorted order of the identifiers, and the identifiers."""
    codes, found = pd.factorize(scores[column])
    if np.any(codes < 0):
        raise PolicyError(
            f"scores has a missing {column} at row {int(np.argmax(codes < 0))}; every candidate needs one"
        )
    ids = np.asarray(found)
    try:
        rank = np.argsort(ids, kind="stable")
    except TypeError:  # identifiers of several types do not compare
        rank = np.argsort([f"{type(i).__name__}:{i}" for i in ids], kind="stable")
    place = np.empty(len(ids), dtype=np.int64)
    place[rank] = np.arange(len(ids))
    return place[codes], ids[rank]


def _channel_codes(scores: pd.DataFrame) -> tuple[Integers, tuple[str, ...]]:
    if "channel" not in scores:
        return np.zeros(len(scores), dtype=np.int64), ("",)
    codes, names = _codes(scores, "channel")
    return codes, tuple(str(name) for name in names)


def _slot_codes(scores: pd.DataFrame) -> tuple[Integers, tuple[str, ...]]:
    if "slot" not in scores:
        return np.full(len(scores), -1), ()
    codes, names = pd.factorize(scores["slot"].astype(object), sort=False)
    order = np.argsort([str(name) for name in names], kind="stable")
    place = np.empty(len(names) + 1, dtype=np.int64)
    place[order], place[-1] = np.arange(len(names)), -1
    return place[codes], tuple(str(names[i]) for i in order)


def _excluded(scores: pd.DataFrame, grades: tuple[str, ...]) -> NDArray[np.bool_]:
    if "grade" not in scores:
        return np.zeros(len(scores), dtype=bool)
    return scores["grade"].isin(list(grades)).to_numpy(dtype=bool)


def _numbers(scores: pd.DataFrame, column: str, judged: NDArray[np.bool_]) -> Floats:
    """Finite floats; rows that their grade excludes may be missing (no estimate) and count as 0."""
    try:
        values = scores[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"scores column {column} must hold numbers ({error})") from error
    known = np.isfinite(values)
    bad = np.flatnonzero(judged & ~known)
    if bad.size:
        raise PolicyError(
            f"scores column {column} is {values[bad[0]]} at row {bad[0]} ({bad.size} such rows); a plan needs finite "
            "money. Leave these candidates out, or give them an excluded grade"
        )
    return np.where(known, values, 0.0)


def _net_value(scores: pd.DataFrame, judged: NDArray[np.bool_], caution: float) -> Floats:
    if caution > 0:
        names = ("value", "uplift", "uplift_low", "cost")
        value, uplift, low, cost = (_numbers(scores, column, judged) for column in names)
        return value * (uplift - caution * (uplift - low)) - cost
    if "net_value" in scores:
        return _numbers(scores, "net_value", judged)
    value, uplift, cost = (_numbers(scores, column, judged) for column in ("value", "uplift", "cost"))
    return value * uplift - cost


def _cost(scores: pd.DataFrame, policy: ContactPolicy, judged: NDArray[np.bool_]) -> Floats:
    if "cost" not in scores or (policy.budget is None and scores["cost"].isna().all()):
        return np.zeros(len(scores))
    cost = _numbers(scores, "cost", judged)
    if np.any(cost < 0):
        row = int(np.argmax(cost < 0))
        raise PolicyError(f"scores column cost is {cost[row]} at row {row}; a cost must not be negative")
    return cost


def _canonical_order(
    scores: pd.DataFrame,
    customer: Integers,
    offer: Integers,
    channel: Integers,
    slot: Integers,
    net_value: Floats,
    cost: Floats,
) -> Integers:
    """Order by customer, offer, channel and slot; rows equal in these by value, cost and every other column."""
    key = customer
    for part in (offer, channel, slot + 1):
        key = key * (int(part.max(initial=0)) + 1) + part
    order: Integers = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    if same.any():
        spots = np.flatnonzero(np.concatenate(([False], same)) | np.concatenate((same, [False])))
        rows = order[spots]
        texts = [scores[c].iloc[rows].astype(str) for c in sorted(scores.columns, key=str)]
        keys = [key[rows], -net_value[rows], cost[rows], *[pd.factorize(text, sort=True)[0] for text in texts]]
        order[spots] = rows[np.lexsort(keys[::-1])]
    return order
