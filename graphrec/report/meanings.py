"""Page: what was known before any data was read - the classes, the rules that apply here, and the levers.

Hides the choice of what to show: the columns of this report first, the rules that decide a pair of them with their
source, then the whole tree to browse. Showing every rule of the ontology was considered: most speak of columns that
these data do not have, and hide the few that made a difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.report.reasons import explain_block
from graphrec.report.still import tier_name
from graphrec.report.wording import count, plain, sentence_case
from ontology.levers import list_exclusions

if TYPE_CHECKING:
    from graphrec.report.contents import Findings
    from ontology.axioms import Rule
    from ontology.domain import Ontology

__all__ = ["build_meanings"]


def build_meanings(findings: Findings) -> dict[str, Any]:
    """Values of the page on the ontology."""
    onto = findings.known_ontology
    given = {} if findings.model is None else findings.model.panel.roles
    roles = {column: name for column, name in given.items() if name in onto.classes}
    return {
        "name": onto.name,
        "size": f"{count(len(onto.classes))} classes and {count(len(onto.rules))} rules",
        "columns": [_column(onto, column, name) for column, name in roles.items()],
        "rules": _rules(onto, roles),
        "levers": [sentence_case(lever.reason) for lever in onto.levers(roles)],
        "exclusions": [(plain(a), plain(b)) for a, b, _ in list_exclusions(onto.levers(roles))],
        "tree": _branches(onto, "", set(roles.values())),
    }


def _column(onto: Ontology, column: str, name: str) -> dict[str, str]:
    known = onto.classes[name]
    blocked = onto.blocked({column: name}).get(column, "")
    return {
        "name": plain(column),
        "class_name": known.label,
        "when": "–" if known.tier is None else tier_name(known.tier),
        "moved": explain_block(column, blocked) if blocked else f"by {known.controller or 'the company'}",
    }


def _rules(onto: Ontology, roles: dict[str, str]) -> list[dict[str, str]]:
    """Return the rules that decide a pair of columns, each once, with the number of pairs."""
    said = onto.knowledge(roles)["provenance"]
    pairs: dict[str, int] = {}
    for text in said.values():
        pairs[text] = pairs.get(text, 0) + 1
    return [
        {
            "statement": rule.statement,
            "reason": sentence_case(rule.reason) if rule.reason else "–",
            "source": rule.source or "–",
            "confidence": "–" if rule.confidence is None else f"{rule.confidence:g}",
            "pairs": count(pairs[str(rule)]),
        }
        for rule in _by_use(onto, pairs)
    ]


def _by_use(onto: Ontology, pairs: dict[str, int]) -> list[Rule]:
    used = {str(rule): rule for rule in onto.rules if str(rule) in pairs}
    return sorted(used.values(), key=lambda rule: (-pairs[str(rule)], str(rule)))


def _branches(onto: Ontology, parent: str, used: set[str]) -> list[dict[str, Any]]:
    """Return the classes directly below one, with what is below each; those in use lie open."""
    found = []
    for name, known in onto.classes.items():
        if parent in known.parents or (not parent and not known.parents):
            below = _branches(onto, name, used)
            found.append(
                {
                    "name": name,
                    "label": known.label,
                    "comment": known.comment,
                    "lever": known.actionable,
                    "used": name in used,
                    "open": not parent or any(branch["used"] or branch["open"] for branch in below),
                    "below": below,
                }
            )
    return found
