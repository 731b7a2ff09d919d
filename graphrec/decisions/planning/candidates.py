"""Scores at the door of the plan: checked, put in one canonical order, and sifted by rule.

Hides how score tables of different shapes (products or offers, with or without slots and grades) become aligned
arrays, and why each candidate that may not be contacted is out. Rows are sorted by what they say, never by where
they stand, so a permuted table gives the same plan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.consents import consenting
from graphrec.decisions.planning.contactpolicy import ContactPolicy, PolicyError

if TYPE_CHECKING:
    from graphrec.market.tables import Market

__all__ = ["ALLOWED", "Candidates", "read_candidates"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALLOWED = ""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Score rows in canonical order (customer, offer, channel, slot), as arrays.

    Attributes
    ----------
    frame : pandas.DataFrame
        The score rows in canonical order.
    customer, offer, channel : (n,) int
        Codes; `channel` is all 0 where the scores have none.
    customers : (customers,) object
        Identifier of each customer code.
    channels : tuple of str
        Name of each channel code.
    net_value, cost : (n,) float
        Money gained and spent by the contact; cost is 0 where neither column nor budget exists.
    reason : (n,) str
        Why a candidate may not be contacted; `ALLOWED` where it may.
    """

    frame: pd.DataFrame
    customer: Integers
    offer: Integers
    channel: Integers
    customers: NDArray[Any]
    channels: tuple[str, ...]
    net_value: Floats
    cost: Floats
    reason: NDArray[Any]

    @property
    def allowed(self) -> Integers:
        """Positions of the candidates that may be contacted."""
        return np.flatnonzero(self.reason == ALLOWED)


def read_candidates(scores: pd.DataFrame, policy: ContactPolicy, market: Market | None) -> Candidates:
    """Check the scores, sort them and find which may be contacted."""
    if policy.require_consent and market is None:
        raise PolicyError("require_consent=True needs the consents: pass market= (nobody is contacted on a guess)")
    _check_columns(scores, policy)
    offer_column = "offer_id" if "offer_id" in scores.columns else "product_id"
    customer, customers = _codes(scores, "customer_id")
    offer, _ = _codes(scores, offer_column)
    channel, channels = _channel_codes(scores)
    _check_spelling(policy, channels)
    judged = ~_excluded(scores, policy.exclude_grades)
    net_value, cost = _net_value(scores, judged), _cost(scores, policy, judged)
    order = _canonical_order(scores, customer, offer, channel, net_value, cost)
    frame = scores.iloc[order].reset_index(drop=True)
    customer, channel, net_value = customer[order], channel[order], net_value[order]
    return Candidates(
        frame=frame,
        customer=customer,
        offer=offer[order],
        channel=channel,
        customers=customers,
        channels=channels,
        net_value=net_value,
        cost=cost[order],
        reason=_reasons(frame, customer, channel, customers, channels, net_value, policy, market),
    )


def _check_columns(scores: object, policy: ContactPolicy) -> None:
    if not isinstance(scores, pd.DataFrame):
        raise PolicyError(f"scores must be a pandas DataFrame of candidates, not {type(scores).__name__}")
    have = ", ".join(map(str, scores.columns))
    if "customer_id" not in scores:
        raise PolicyError(f"scores has no column customer_id; it has {have}")
    if "offer_id" not in scores and "product_id" not in scores:
        raise PolicyError(f"scores has neither product_id nor offer_id; it has {have}")
    if "net_value" not in scores and not {"value", "uplift", "cost"} <= set(scores.columns):
        raise PolicyError(f"scores needs net_value, or value, uplift and cost to compute it; it has {have}")
    wanted = {
        "channel": policy.channel_capacity is not None or policy.require_consent,
        "cost": policy.budget is not None,
    }
    for column, needed in wanted.items():
        if needed and column not in scores:
            raise PolicyError(f"the policy limits by {column}, but scores has no column {column}; it has {have}")


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


def _check_spelling(policy: ContactPolicy, channels: tuple[str, ...]) -> None:
    """A capacity for ``Email`` beside candidates by ``email`` would leave the channel without a limit."""

    def plain(name: str) -> str:
        return re.sub(r"[\W_]", "", name).casefold()

    capped = policy.channel_capacity or {}
    loose = {plain(name): name for name in channels if name not in capped}
    for name in capped:
        if name not in channels and plain(name) in loose:
            raise PolicyError(
                f"channel_capacity names {name!r}, the scores call it {loose[plain(name)]!r}; spell it the same way, "
                "or the channel would have no limit"
            )


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


def _net_value(scores: pd.DataFrame, judged: NDArray[np.bool_]) -> Floats:
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
    scores: pd.DataFrame, customer: Integers, offer: Integers, channel: Integers, net_value: Floats, cost: Floats
) -> Integers:
    """Order by customer, offer, channel and slot; rows equal in these by value, cost and every other column."""
    slot, slots = np.zeros(len(scores), dtype=np.int64), 1
    if "slot" in scores:
        slot = pd.factorize(scores["slot"].astype(str), sort=True)[0]
        slots = int(slot.max(initial=0)) + 1
    key = (customer * (int(offer.max(initial=0)) + 1) + offer) * (int(channel.max(initial=0)) + 1) + channel
    key = key * slots + slot
    order: Integers = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    if same.any():
        spots = np.flatnonzero(np.concatenate(([False], same)) | np.concatenate((same, [False])))
        rows = order[spots]
        texts = [scores[c].iloc[rows].astype(str) for c in sorted(scores.columns, key=str)]
        keys = [key[rows], -net_value[rows], cost[rows], *[pd.factorize(text, sort=True)[0] for text in texts]]
        order[spots] = rows[np.lexsort(keys[::-1])]
    return order


def _reasons(
    frame: pd.DataFrame,
    customer: Integers,
    channel: Integers,
    customers: NDArray[Any],
    channels: tuple[str, ...],
    net_value: Floats,
    policy: ContactPolicy,
    market: Market | None,
) -> NDArray[Any]:
    """First rule that keeps each candidate out: grade, consent, value."""
    floor = policy.minimum_net_value
    reason = np.full(len(frame), ALLOWED, dtype=object)
    reason[net_value <= floor] = f"net value not above {floor:g}"
    if policy.require_consent and market is not None:
        granted = consenting(market, customers, channels, policy.consent_purpose)
        reason[~granted[customer, channel]] = "no consent"
    if "grade" in frame:
        for excluded in policy.exclude_grades:
            reason[frame["grade"].isin([excluded]).to_numpy()] = f"grade {excluded}"
    return reason
