"""What a plan is asked with: arguments of the right kind, and names of things that exist.

Hides where the known names of each kind are: in the scores, in the policy's own list of slots, in the market. A rule
about a name that nothing has limits nothing, and a limit that is silently off is the worst mistake a policy can make;
so a name is refused wherever scores and market show that it cannot be right. What they cannot show is left: without a
market nobody knows the channels, products and customers that have no candidate today.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.decisions.planning.clauses import PolicyError
from graphrec.decisions.planning.contactpolicy import ContactPolicy

if TYPE_CHECKING:
    from graphrec.decisions.planning.candidates import Candidates
    from graphrec.market.tables import Market

__all__ = ["check_kinds", "check_names", "check_spelling"]

_LISTED = 8
"""Known names that a refusal shows."""


def check_kinds(policy: object, market: object, segments: object) -> None:
    """Refuse arguments of the wrong type, with what to pass instead.

    Raises
    ------
    PolicyError
    """
    if policy is not None and not isinstance(policy, ContactPolicy):
        remedy = "ContactPolicy.from_dict(...)" if isinstance(policy, Mapping) else "ContactPolicy.from_file(...)"
        raise PolicyError(f"policy is a {type(policy).__name__}, not a ContactPolicy; make it with {remedy}")
    if market is not None and not (hasattr(market, "customers") and hasattr(market, "consents")):
        raise PolicyError(f"market is a {type(market).__name__}, not a Market; read it with graphrec.read_market(...)")
    if segments is not None and not isinstance(segments, Mapping | pd.Series):
        raise PolicyError(
            f"segments is a {type(segments).__name__}; give a mapping of customer to segment, such as {{'c1': 'north'}}"
        )


def check_names(policy: ContactPolicy, candidates: Candidates, market: Market | None) -> None:
    """Refuse rules for channels, slots, offers, customers and purposes that do not exist.

    Raises
    ------
    PolicyError
        Names the rule, the name and those there are.
    """
    _check_channels(policy, candidates, market)
    _check_slots(policy, candidates, market)
    _check_offers(policy, candidates, market)
    _check_customers(policy, candidates, market)
    if policy.consent_purpose is not None and market is not None:
        _check_purpose(policy.consent_purpose, market)


def check_spelling(rules: Mapping[str, str], names: Iterable[str], kind: str = "", exact: bool = False) -> None:
    """A capacity for ``Email`` beside candidates by ``email`` would leave the channel without a limit.

    Parameters
    ----------
    rules : mapping of str to str
        Each name that a rule has, and the rule.
    names : iterable of str
        Names of the scores.
    kind : str
        What is named, for the message.
    exact : bool
        Identifiers: A-11 and A1-1 are two products, only capitals and blanks at the ends are a slip.
    """
    known = set(names)

    def plain(name: str) -> str:
        return (name.strip() if exact else re.sub(r"[\W_]", "", name)).casefold()

    alike = {plain(name): name for name in known if name not in rules}
    for name, rule in rules.items():
        if name not in known and plain(name) in alike:
            raise PolicyError(
                f"{rule} names {kind}{name!r}, the scores call it {alike[plain(name)]!r}; spell it the same way, "
                "or the rule would have no effect"
            )


def _check_channels(policy: ContactPolicy, candidates: Candidates, market: Market | None) -> None:
    """With a market the channels of the business are known, and a rule for another is a mistake."""
    if market is not None and policy.channels:
        answered, contacted = _distinct(market.consents, "channel"), _distinct(market.solicitations, "channel")
        policy.check_channels([*candidates.channels, *answered, *contacted])


def _check_slots(policy: ContactPolicy, candidates: Candidates, market: Market | None) -> None:
    rules = {
        slot: f"slot_capacity[{channel!r}]" for channel, slots in (policy.slot_capacity or {}).items() for slot in slots
    }
    if not rules:
        return
    check_spelling(rules, candidates.slots, "the slot ")
    past = set() if market is None else _distinct(market.solicitations, "slot")
    known = {*candidates.slots, *(policy.slots or {}), *past}
    for slot, rule in rules.items():
        if slot not in known:
            there = _listed(known) or "none: fill the column slot of the scores"
            raise PolicyError(f"{rule} names the slot {slot!r}; the slots here are {there}")


def _check_offers(policy: ContactPolicy, candidates: Candidates, market: Market | None) -> None:
    stock = {} if policy.stock is None or isinstance(policy.stock, str) else policy.stock
    rules = {offer: rule.name for rule in policy.eligibility for offer in rule.offers}
    rules |= {offer: f"exclusive[{place}]" for place, rule in enumerate(policy.exclusive) for offer in rule.offers}
    rules |= dict.fromkeys(stock, "stock") | dict.fromkeys(policy.minimum_exposure or {}, "minimum_exposure")
    if not rules:
        return
    offers = {str(offer) for offer in candidates.offers}
    known = offers if market is None else offers | _distinct(market.products, "product_id")
    check_spelling({offer: rule for offer, rule in rules.items() if offer not in known}, offers, "the product ", True)
    if market is None or "offer_id" in candidates.frame:  # an offer may be anything: a category, a bundle
        return
    for offer, rule in rules.items():
        if offer not in known:
            raise PolicyError(f"{rule} names {offer!r}, which is no product; products are such as {_listed(known)}")


def _check_customers(policy: ContactPolicy, candidates: Candidates, market: Market | None) -> None:
    """Customers who have left may stay on the list; a list that nobody is on is of other identifiers."""
    if not policy.do_not_contact:
        return
    scored = {str(who) for who in candidates.customers}
    known = scored if market is None else scored | _distinct(market.customers, "customer_id")
    strange = [who for who in policy.do_not_contact if who not in known]
    check_spelling(dict.fromkeys(strange, "do_not_contact"), scored, "the customer ", True)
    if market is not None and len(strange) == len(policy.do_not_contact):
        raise PolicyError(
            f"do_not_contact names {policy.do_not_contact[0]!r} and others ({len(policy.do_not_contact)} in all), none "
            "of them a customer of the market; write the identifiers as in its customers table"
        )


def _check_purpose(purpose: str, market: Market) -> None:
    known = _distinct(market.consents, "purpose")
    if purpose not in known:
        there = f"the purposes here are {_listed(known)}" if known else "no consent here names one, so leave it out"
        raise PolicyError(f"consent_purpose is {purpose!r}, for which nobody was asked; {there}")


def _distinct(table: pd.DataFrame, column: str) -> set[str]:
    return set() if column not in table else {str(value) for value in table[column].dropna().unique()}


def _listed(names: Iterable[Any]) -> str:
    known = sorted(names)
    return ", ".join(known[:_LISTED]) + (f" and {len(known) - _LISTED} others" if len(known) > _LISTED else "")
