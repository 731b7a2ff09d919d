"""The words of the ontology language: which annotation properties mean something, and how their values read.

Hides the spelling. Words are recognised by the last part of their IRI, so an ontology of your own may use them under
its own namespace; a misspelt word under ours is an error elsewhere, because it would say nothing in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, get_args

from ontology.axioms import RuleKind

__all__ = ["KINDS", "MARKETING_IRI", "NOTES", "READERS", "SPOKEN", "read_number", "rule_kind"]

MARKETING_IRI: Final = "urn:graphrec:marketing"
"""IRI of the packaged ontology; an ontology of your own imports it by this name."""

KINDS: Final[tuple[RuleKind, ...]] = get_args(RuleKind)
"""Annotation properties that join two classes."""

NOTES: Final = ("confidence", "source")
"""Annotation properties of a rule."""

SPOKEN: Final = ("controller",)
"""Annotation properties of a class whose value is a text in English or French."""


def rule_kind(word: str) -> RuleKind | None:
    """Return the word as a kind of rule, ``None`` when it is none."""
    return next((kind for kind in KINDS if kind == word), None)


def _whole(value: object) -> int:
    number = read_number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def read_number(value: object) -> float:
    """Return a finite number, also from a text; ``ValueError`` or ``TypeError`` when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _truth(value: object) -> bool:
    word = str(value).strip().casefold()
    if word not in ("true", "1", "false", "0"):
        raise ValueError
    return word in ("true", "1")


def _text(value: object) -> str:
    return " ".join(str(value).split())


READERS: Final[dict[str, tuple[Callable[[object], Any], str]]] = {
    "tier": (_whole, "a whole number, 0 the earliest"),
    "group": (_text, "a text"),
    "mutable": (_truth, "true or false"),
    "actionable": (_truth, "true or false"),
    "exogenous": (_truth, "true or false"),
    "sink": (_truth, "true or false"),
    "cost": (read_number, "a finite number"),
    "direction": (_whole, "1, -1 or 0"),
    "minimum": (read_number, "a finite number"),
    "maximum": (read_number, "a finite number"),
    "step": (read_number, "a finite number"),
    "unit": (_text, "a text"),
    "exclusive": (_text, "a text"),
    "delay": (read_number, "a finite number of days"),
    "channel": (_text, "a text"),
    "consent": (_truth, "true or false"),
    "profile": (_text, "a text"),
    "unique": (_truth, "true or false"),
}
"""How the value of each annotation property of a class reads, and what it may be."""
