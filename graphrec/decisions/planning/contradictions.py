"""Rules of one policy that cannot hold together, or of which one makes another pointless.

Hides which pairs are compared. What depends on customers and scores is found later, by `conflicts`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from graphrec.decisions.planning.clauses import Infeasible, PolicyError, Window

if TYPE_CHECKING:
    from graphrec.decisions.planning.contactpolicy import ContactPolicy

__all__ = ["check_together"]


def check_together(policy: ContactPolicy) -> None:
    """Refuse rules in conflict, with their names and values."""
    _check_shares(policy)
    if policy.consent_purpose is not None and not policy.require_consent:
        raise Infeasible(
            f"consent_purpose={policy.consent_purpose!r} has no effect with require_consent=False; set it to true",
            ("consent_purpose", "require_consent"),
        )
    if policy.missing_consent == "refuse" and not policy.require_consent:
        raise Infeasible(
            "missing_consent='refuse' has no effect with require_consent=False; set it to true",
            ("missing_consent", "require_consent"),
        )
    _check_exposure(policy)
    for first, second in combinations(policy.windows, 2):
        _check_windows(first, second)
    if policy.segment_pressure is not None and not policy.segment_pressure:
        raise PolicyError("segment_pressure is empty; name a segment, or leave it out")


def _check_shares(policy: ContactPolicy) -> None:
    if policy.holdout + policy.exploration > 1:
        raise Infeasible(
            f"holdout={policy.holdout} and exploration={policy.exploration} add up to more than all customers; "
            "lower one of them",
            ("holdout", "exploration"),
        )
    if policy.exploration > 0 and policy.max_contacts_per_customer == 0:
        raise Infeasible(
            f"exploration={policy.exploration} asks for contacts and max_contacts_per_customer=0 forbids them",
            ("exploration", "max_contacts_per_customer"),
        )


def _check_exposure(policy: ContactPolicy) -> None:
    for product, least in (policy.minimum_exposure or {}).items():
        most = policy.stock.get(product) if policy.stock is not None and not isinstance(policy.stock, str) else None
        if most is not None and most < least:
            names = (f"minimum_exposure[{product}]", f"stock[{product}]")
            raise Infeasible(f"{names[0]} is {least} and {names[1]} is {most}: lower the one or raise the other", names)
        if least > 0 and policy.max_contacts_per_customer == 0:
            names = (f"minimum_exposure[{product}]", "max_contacts_per_customer")
            raise Infeasible(f"{names[0]} is {least} and {names[1]} is 0: nobody may be contacted", names)


def _check_windows(first: Window, second: Window) -> None:
    """Two windows over the same contacts: the shorter must be the stricter one, or it can never bind."""
    if first.channel != second.channel:
        return
    short, long = sorted((first, second), key=lambda window: window.days)
    if short.days == long.days:
        raise Infeasible(
            f"windows overlap: {short.name} is given twice, with max_contacts={first.max_contacts} and "
            f"{second.max_contacts}; keep one",
            (short.name,),
        )
    if short.max_contacts >= long.max_contacts:
        raise Infeasible(
            f"windows overlap: {short.name} allows {short.max_contacts} and lies inside {long.name}, which allows "
            f"{long.max_contacts}, so it can never bind; lower it or leave it out",
            (short.name, long.name),
        )
