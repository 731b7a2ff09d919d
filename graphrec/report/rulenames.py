"""What the rules of a plan are called in a report.

Hides the form in which a plan names its rules, ``rule[details]``. A rule that is not known is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from graphrec.report.wording import plain

__all__ = ["name_rule", "why_out"]

_FORM = re.compile(r"^(?P<rule>\w+)(?:\[(?P<inside>.*)\])?$", re.S)


def _slot(inside: str) -> str:
    channel, _, slot = inside.partition(", ")
    return f'the capacity of the channel "{channel}" in the slot "{slot}"'


def _window(inside: str) -> str:
    days, _, channel = inside.partition(", ")
    return f"the contacts of a customer within {days}" + (f' by "{channel}"' if channel else "")


_NAMES: Mapping[str, Callable[[str], str]] = {
    "max_contacts_per_customer": lambda _: "the number of contacts per customer",
    "budget": lambda _: "the budget",
    "channel_capacity": lambda inside: f'the capacity of the channel "{inside}"',
    "slot_capacity": _slot,
    "stock": lambda inside: f'the stock of "{inside}"',
    "minimum_exposure": lambda inside: f'the contacts that must be made about "{inside}"',
    "segment_pressure": lambda inside: f'the pressure on the segment "{inside}"',
    "parity": lambda inside: f'parity of pressure for the segment "{inside}"',
    "windows": lambda inside: _window(inside) if inside else "the contacts of a customer within a window",
    "exclusive": lambda _: "offers or channels that exclude each other",
    "quiet": lambda inside: f"quiet times ({inside})",
    "suppression": lambda inside: f"silence after {inside.replace(', ', ' for ')}",
    "eligibility": lambda inside: f'eligibility by "{plain(inside)}"',
    "do_not_contact": lambda _: "the list of customers who are never contacted",
}
_OUT: Mapping[str, str] = {
    "slot_capacity": "Full with contacts worth more: {}.",
    "stock": "Taken by contacts worth more: {}.",
    "segment_pressure": "The segment gets no more contacts: {}.",
    "parity": "The segment gets no more contacts: {}.",
    "windows": "The customer has had enough: {}.",
    "exclusive": "The customer gets another of these: {}.",
    "quiet": "The contact would fall into {}.",
    "suppression": "The customer is left alone: {}.",
    "eligibility": "The rule is not met, or what it asks for is not known: {}.",
    "do_not_contact": "The customer is on {}.",
    "minimum_exposure": "Other contacts cost less: {}.",
}


def name_rule(name: str) -> str:
    """The name of a rule in plain English.

    Examples
    --------
    >>> name_rule("windows[7 days, call]"), name_rule("slot_capacity[call, noon]")
    ('the contacts of a customer within 7 days by "call"', 'the capacity of the channel "call" in the slot "noon"')
    """
    form = _FORM.match(name)
    if form is None or form["rule"] not in _NAMES:
        return plain(name)
    return _NAMES[form["rule"]](form["inside"] or "")


def why_out(reason: str) -> str | None:
    """Why a rule keeps candidates out, in a sentence; None for a reason that is no rule of this form.

    Examples
    --------
    >>> why_out("suppression[complaint, 90 days]")
    'The customer is left alone: silence after complaint for 90 days.'
    """
    form = _FORM.match(reason)
    if form is None or form["rule"] not in _OUT:
        return None
    return _OUT[form["rule"]].format(name_rule(reason))
