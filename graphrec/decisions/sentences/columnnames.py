"""What the columns of a table are called in a sentence.

Hides where names come from: the panel says which column is the contact and which the outcome, the ontology what a class
is called in French. In English the columns speak for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Names"]


@dataclass(frozen=True)
class Names:
    """What the names in a record mean.

    Attributes
    ----------
    treatment, control : str
        Column of the contact, and its level for none.
    outcome : str
        Column of the outcome; empty for a purchase.
    offer : str
        Kind of offer: "product", "category", "campaign", or empty.
    horizon_days : int or None
        Outcome window.
    labels : mapping of str to str
        Column to what people call it, in the language asked for.
    binary : bool
        Whether the outcome is 0 or 1; else effects are in its unit.
    currency : str
    """

    treatment: str = "treatment"
    control: str = "none"
    outcome: str = ""
    offer: str = ""
    horizon_days: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    binary: bool = True
    currency: str = ""

    @classmethod
    def of(cls, panel: Any, language: str = "en", currency: str = "") -> Names:
        """Names of a panel's columns; French labels come from the ontology's classes."""
        market = panel.offers is not None
        return cls(
            treatment=panel.treatment,
            control=panel.control,
            outcome="" if market else panel.outcome,
            offer=panel.offers.kind if market else "",
            horizon_days=panel.horizon_days,
            labels=_labels({name: role for name, role in panel.roles.items() if name != panel.outcome}, language),
            binary=bool(panel.frame[panel.outcome].isin([0, 1]).all()),
            currency=currency,
        )


def _labels(roles: Mapping[str, str], language: str) -> dict[str, str]:
    """What the ontology calls the columns; in English the columns speak for themselves."""
    if language == "en":
        return {}
    from ontology import load_ontology

    classes = load_ontology().classes
    return {
        column: _lowered(classes[name].label_fr)
        for column, name in roles.items()
        if name in classes and classes[name].label_fr
    }


def _lowered(label: str) -> str:
    """A label inside a sentence; acronyms stay."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
