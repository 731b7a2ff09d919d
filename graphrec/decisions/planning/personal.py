"""What binds one customer: contacts in all and in windows, one contact for each offer, groups that exclude each other.

Hides how these rules become local limits of the program. A kind of limit that can never bind is left out, so that the
plain case of one contact for each customer stays a maximum over rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.candidates import Candidates
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.past import Past

__all__ = ["SAME_OFFER", "Personal", "bind_customers"]

SAME_OFFER = "the offer is made otherwise"

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Personal:
    """Local limits of the allowed candidates.

    Attributes
    ----------
    most : (customers,) int
        Contacts each customer with an allowed candidate may get; 0 where the policy allows none.
    windowed : (customers,) bool
        Where a window is stricter than the plan's own limit.
    local : (n, kinds) int
        Group of each candidate for each kind, -1 for none.
    room : (groups,) int
    kinds : tuple of str
        Name of each kind.
    """

    most: Integers
    windowed: NDArray[np.bool_]
    local: Integers
    room: Integers
    kinds: tuple[str, ...]


def bind_customers(
    candidates: Candidates, allowed: Integers, customer: Integers, ids: NDArray[Any], policy: ContactPolicy, past: Past
) -> Personal:
    """Local limits of the allowed candidates, whose customers are coded without gaps."""
    size = np.bincount(customer, minlength=len(ids)).astype(np.int64)
    plan_limit = policy.max_contacts_per_customer
    most = size if plan_limit is None else np.minimum(size, plan_limit)
    own = most.copy()
    for window in policy.windows:
        if window.channel is None:
            most = np.minimum(most, window.max_contacts - past.contacts(ids, window))
    kinds: list[tuple[str, Integers, Integers]] = []
    if np.max(most, initial=0) > 1:
        kinds = [
            _offers(candidates, allowed, customer),
            *_channel_windows(candidates, allowed, customer, ids, policy, past),
        ]
        kinds += _exclusive(candidates, allowed, customer, policy)
    local = np.full((len(allowed), len(kinds)), -1, dtype=np.int64)
    rooms, before = [], 0
    for place, (_, group, room) in enumerate(kinds):
        local[:, place] = np.where(group >= 0, group + before, -1)
        rooms.append(room)
        before += len(room)
    room = np.concatenate(rooms) if rooms else np.zeros(0, dtype=np.int64)
    return Personal(most, most < own, local, room, tuple(name for name, _, _ in kinds))


def _offers(candidates: Candidates, allowed: Integers, customer: Integers) -> tuple[str, Integers, Integers]:
    """One contact for each customer and offer; candidates are sorted by both."""
    offer = candidates.offer[allowed]
    new = (customer[1:] != customer[:-1]) | (offer[1:] != offer[:-1])
    group = np.concatenate(([0], np.cumsum(new)))[: len(allowed)].astype(np.int64)
    return SAME_OFFER, group, np.ones(int(group.max(initial=-1)) + 1, dtype=np.int64)


def _channel_windows(
    candidates: Candidates, allowed: Integers, customer: Integers, ids: NDArray[Any], policy: ContactPolicy, past: Past
) -> list[tuple[str, Integers, Integers]]:
    names = np.array(candidates.channels, dtype=object)[candidates.channel[allowed]]
    found = []
    for window in policy.windows:
        if window.channel is not None:
            room = np.maximum(window.max_contacts - past.contacts(ids, window), 0)
            found.append((window.name, np.where(names == window.channel, customer, -1), room))
    return found


def _exclusive(
    candidates: Candidates, allowed: Integers, customer: Integers, policy: ContactPolicy
) -> list[tuple[str, Integers, Integers]]:
    found = []
    for place, rule in enumerate(policy.exclusive):
        inside = np.ones(len(allowed), dtype=bool)
        if rule.offers:
            named = np.array([str(offer) in rule.offers for offer in candidates.offers], dtype=bool)
            inside &= named[candidates.offer[allowed]]
        if rule.channels:
            named = np.array([name in rule.channels for name in candidates.channels], dtype=bool)
            inside &= named[candidates.channel[allowed]]
        customers = int(customer.max(initial=-1)) + 1
        room = np.full(customers, rule.at_most, dtype=np.int64)
        found.append((f"exclusive[{place}]", np.where(inside, customer, -1).astype(np.int64), room))
    return found
