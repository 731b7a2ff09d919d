"""Why an arrow is there, points as it does, or cannot be, in plain English.

Hides the forms in which the ontology and the discovery state their reasons. Texts that are not recognised are passed
on as they are, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from graphrec.report.rulenames import why_out
from graphrec.report.wording import plain, sentence_case

__all__ = ["explain_block", "explain_left_out", "explain_reason", "explain_rule"]

_DISCOVERED: Mapping[str, str] = {
    "collider": (
        "Read from the data: two columns that are otherwise independent become dependent once their common effect is "
        "known, so both arrows must point to it."
    ),
    "Meek rule 1 or 2": "Follows from the other arrows: turned round, it would create a pattern the data do not show.",
    "Meek rule 3 or 4": "Follows from the other arrows: turned round, it would contradict them.",
    "the data leave the direction open": "The data leave the direction open; the more plausible one is drawn.",
    "the other direction would close a cycle": "The other direction would close a circle of causes.",
    "given": "The direction was given with the graph.",
    "required": "Known beforehand: the business says that this arrow must be there.",
}
_RULE = re.compile(r"(?P<cause>\w+) (?P<kind>mayCause|cannotCause|mustCause) (?P<effect>\w+)(?:: (?P<why>.*))?", re.S)
_VERBS = {"mayCause": "may cause", "cannotCause": "cannot cause", "mustCause": "must cause"}
_NOTES = re.compile(r"^(?P<text>.*?)\s*\((?P<notes>[^()]*(?:line \d+|source:|confidence)[^()]*)\)\s*$", re.S)
_TIERS = re.compile(r"^(?P<late>.+) \(tier \d+\) comes after (?P<early>.+) \(tier \d+\)$")
_RULED_OUT = re.compile(r"^.+? -> .+? is ruled out: (?P<why>.*)$", re.S)
_BY = re.compile(r"^(?P<kind>required|forbidden) \(by: (?P<why>.*)\)$", re.S)

_LEFT_OUT: Mapping[str, str] = {
    "max_contacts_per_customer": "The customer already gets all the contacts the rules allow, for offers worth more.",
    "budget": "The budget is spent on contacts that bring more for the money.",
    "no consent": "The customer has not agreed to this channel.",
    "the offer is made otherwise": "The same offer reaches the customer through another channel.",
    "the customer explores": "The customer got a random contact instead, so that later models learn.",
}


def explain_reason(text: str) -> str:
    """Say in plain English what provenance states about an arrow that is drawn.

    Examples
    --------
    >>> explain_reason("bought -> age is ruled out: forbidden (by: Age is exogenous: nothing recorded causes it)")
    'Only this direction is possible. Age is exogenous: nothing recorded causes it.'
    """
    if text in _DISCOVERED:
        return _DISCOVERED[text]
    ruled_out = _RULED_OUT.match(text)
    if ruled_out:
        return f"Only this direction is possible. {explain_rule(ruled_out['why'])}"
    by = _BY.match(text)
    if by and by["kind"] == "required":
        return f"Known beforehand: this arrow must be there. {explain_rule(by['why'])}"
    return explain_rule(text)


def explain_rule(text: str) -> str:
    """Say in plain English what the ontology states about a pair.

    Examples
    --------
    >>> explain_rule("Outcome cannotCause History: A purchase comes later (source: time; m.owl, line 1)")
    'A purchase comes later. (Rule: Outcome cannot cause History; source: time; m.owl, line 1)'
    >>> explain_rule("clicked (tier 4) comes after opened (tier 3)")
    'clicked comes after opened in time, and nothing later causes anything earlier.'
    """
    by = _BY.match(text)
    if by:
        text = by["why"]
    tiers = _TIERS.match(text)
    if tiers:
        return f"{tiers['late']} comes after {tiers['early']} in time, and nothing later causes anything earlier."
    noted = _NOTES.match(text)
    text, notes = (noted["text"], noted["notes"]) if noted else (text, "")
    rule = _RULE.match(text)
    if not rule:
        return " ".join(part for part in (sentence_case(text), f"({notes})" if notes else "") if part)
    statement = f"{rule['cause']} {_VERBS[rule['kind']]} {rule['effect']}"
    source = "; ".join(part for part in (f"Rule: {statement}", notes) if part)
    return f"{sentence_case(rule['why'] or statement)} ({source})"


def explain_block(column: str, why: str) -> str:
    """Say in plain English why a column is not moved; the column stands beside it.

    Examples
    --------
    >>> explain_block("age", "age (Age) is an immutable trait: no decision changes it")
    'It is an immutable trait: no decision changes it.'
    """
    text = re.sub(rf"^{re.escape(column)}(?: \(\w+\))? (?=is |has |may |was |counts )", "It ", why)
    return sentence_case(text.replace(column, plain(column)) if "_" in column else text)


def explain_left_out(reason: str) -> str:
    """Say in plain English why candidates are not in the plan.

    Examples
    --------
    >>> explain_left_out("channel_capacity[call]")
    'The channel "call" is full with contacts worth more.'
    """
    if reason in _LEFT_OUT:
        return _LEFT_OUT[reason]
    channel = re.match(r"^channel_capacity\[(.*)\]$", reason, re.S)
    if channel:
        return f'The channel "{channel[1]}" is full with contacts worth more.'
    if reason.startswith("net value not above"):
        floor = reason.rsplit(" ", 1)[-1]
        known = "does not pay for its cost" if floor == "0" else f"is not worth more than {floor}"
        return f"The contact {known}: too small a change, or too dear a channel."
    if reason.startswith("grade "):
        return f"The evidence has grade {reason[6:]}, which the rules exclude."
    return why_out(reason) or sentence_case(reason)
