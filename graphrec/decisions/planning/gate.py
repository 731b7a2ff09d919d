"""What one customer may still get today: consents, past contacts and what was just given, looked up in a moment.

Hides how the rules about a customer are judged for one customer at a time. Past contacts and refusals are gathered
once, when the desk opens; a customer with neither costs one look-up. A customer whose consent is not known gets
nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphrec.decisions.planning.clauses import PolicyError
from graphrec.decisions.planning.consents import consenting
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.past import Past
from graphrec.decisions.planning.quiettimes import is_quiet, next_occasion
from graphrec.decisions.planning.silences import silenced

__all__ = ["Gate", "State"]


class State:
    """What is known of a customer: whom to ask before every contact."""

    __slots__ = ("allowed", "channels", "closed", "gate", "groups", "offers", "past")

    def __init__(self, gate: Gate, allowed: frozenset[str] | None, closed: bool, past: tuple[int, ...]) -> None:
        self.gate, self.allowed, self.closed, self.past = gate, allowed, closed, past
        self.offers: list[str] = []
        self.channels: list[str] = []
        self.groups: list[int] = []

    def admits(self, offer: Any, channel: str) -> bool:
        """Whether one more contact of this kind keeps the customer's limits."""
        if self.closed or (self.allowed is not None and channel not in self.allowed):
            return False
        policy = self.gate.policy
        if not self.offers and not policy.windows:
            return policy.max_contacts_per_customer != 0
        made, limit = len(self.offers), policy.max_contacts_per_customer
        if (limit is not None and made >= limit) or str(offer) in self.offers:
            return False
        for before, window in zip(self.past, policy.windows):
            counted = window.channel is None or window.channel == channel
            now = made if window.channel is None else self.channels.count(channel)
            if counted and before + now >= window.max_contacts:
                return False
        return not policy.exclusive or not any(
            self.groups.count(place) >= policy.exclusive[place].at_most for place in self.gate.groups(offer, channel)
        )


class Gate:
    """The rules about single customers, ready to be asked."""

    def __init__(self, policy: ContactPolicy, past: Past) -> None:
        self.policy, self.past = policy, past
        self._states: dict[Any, State] = {}
        self._listed = frozenset(policy.do_not_contact)
        self._history = [_counts(past, window) for window in policy.windows]
        self._silent = _silenced(policy, past)
        self._consents = _consents(policy, past)
        self._quiet: dict[tuple[str, str | None], bool] = {}
        if policy.eligibility:
            raise PolicyError(
                f"{policy.eligibility[0].name} is judged by attributes, which a desk does not see: leave out "
                "candidates that are not eligible, and make the plan of the desk with a policy without the rule"
            )

    def state(self, customer: Any) -> State:
        """What is known of a customer."""
        found = self._states.get(customer)
        if found is None:
            allowed = None if self._consents is None else self._consents.get(customer, frozenset())
            closed = str(customer) in self._listed or customer in self._silent
            past = tuple(counts.get(customer, 0) for counts in self._history)
            found = self._states.setdefault(customer, State(self, allowed, closed, past))
        return found

    def take(self, customer: Any, offer: Any, channel: str) -> bool:
        """Book a contact with a customer, unless another thread has used up what they may get."""
        state = self.state(customer)
        if not state.admits(offer, channel):
            return False
        state.offers.append(str(offer))
        state.channels.append(channel)
        if self.policy.exclusive:
            state.groups.extend(self.groups(offer, channel))
        return True

    def groups(self, offer: Any, channel: str) -> list[int]:
        """Exclusive groups that a contact belongs to."""
        return [
            place
            for place, rule in enumerate(self.policy.exclusive)
            if (not rule.offers or str(offer) in rule.offers) and (not rule.channels or channel in rule.channels)
        ]

    def is_quiet(self, channel: str, slot: str | None) -> bool:
        """Whether a contact would fall into a quiet time."""
        if not self.policy.quiet:
            return False
        key = (channel, slot)
        if key not in self._quiet:
            self._quiet[key] = self._judge(channel, slot)
        return self._quiet[key]

    def _judge(self, channel: str, slot: str | None) -> bool:
        times = self.policy.slot_times
        if slot is not None and slot not in times:
            raise PolicyError(f"quiet needs the time of slot {slot!r}; say it in slots, as 'mon-fri 08:00-12:00'")
        occasion = next_occasion(None if slot is None else times[slot], self.past.local_moment("quiet"))
        rules = [rule for rule in self.policy.quiet if not rule.channels or channel in rule.channels]
        return any(is_quiet(rule, occasion) for rule in rules)


def _counts(past: Past, window: Any) -> dict[Any, int]:
    if past.market is None:
        raise PolicyError(f"{window.name} needs what happened before: make the plan with market=")
    ids = past.market.vocabulary.customers.ids
    counts = past.contacts(ids, window)
    return {ids[place]: int(counts[place]) for place in np.flatnonzero(counts)}


def _silenced(policy: ContactPolicy, past: Past) -> frozenset[Any]:
    found: set[Any] = set()
    for rule in policy.silences:
        if past.market is not None:
            found |= set(silenced(rule, past.market, past))
    return frozenset(found)


def _consents(policy: ContactPolicy, past: Past) -> dict[Any, frozenset[str]] | None:
    """Channels that each customer agreed to; None where no consent is asked for."""
    if not policy.require_consent or past.market is None:
        return None
    ids = past.market.vocabulary.customers.ids
    channels = sorted(set(past.market.consents["channel"].dropna().astype(str)))
    granted = consenting(past.market, ids, channels, policy.consent_purpose, past.given)
    agreed = np.flatnonzero(granted.any(axis=1))
    return {ids[i]: frozenset(c for c, yes in zip(channels, granted[i]) if yes) for i in agreed}
