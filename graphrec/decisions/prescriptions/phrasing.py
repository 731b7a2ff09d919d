"""The sentence an analyst reads, and how a value is written in it.

Hides where words come from: facts go in as plain values, and `graphrec.decisions.sentences` says them in English or
French. Nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphrec.decisions.sentences.columnnames import Names
from graphrec.decisions.sentences.telling import tell_advice

if TYPE_CHECKING:
    from graphrec.decisions.prescriptions.promises import Move, Prescription
    from graphrec.market.panel import Panel

__all__ = ["ARROW", "Wording", "figure", "plain_value", "say"]

ARROW = " -> "


def figure(value: Any) -> str:
    """A value as an analyst reads it: three significant digits, words as they are."""
    value = plain_value(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}"


def plain_value(value: Any) -> Any:
    """A value without numpy around it; None for what is not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Wording:
    """The sentence of a prescription, in English.

    Attributes
    ----------
    names : Names
        What the columns of its panel mean.
    """

    names: Names

    @classmethod
    def of(cls, panel: Panel) -> Wording:
        """Words for the columns of a panel."""
        return cls(Names.of(panel))

    def advise(self, customer: Any, offer: Any, moves: tuple[Move, ...], facts: Mapping[str, Any]) -> str:
        """The whole sentence of an advised move."""
        record = {**facts, "customer_id": plain_value(customer), "offer": plain_value(offer), "moves": _records(moves)}
        return tell_advice(record, names=self.names).text

    def refrain(self, customer: Any, reason: str) -> str:
        """The sentence of doing nothing."""
        return f"Do nothing for customer {customer}: {reason}."


def say(prescription: Prescription, names: Names, language: str = "en") -> str:
    """The sentence of a prescription in a language.

    Parameters
    ----------
    prescription : Prescription
    names : Names
        ``Names.of(model.panel, language)``.
    language : {"en", "fr"}

    Raises
    ------
    DataError
        There are no sentences in this language.
    """
    return tell_advice(prescription.to_dict(), language, names=names).text


def _records(moves: tuple[Move, ...]) -> list[dict[str, Any]]:
    return [{"lever": m.lever, "from": plain_value(m.before), "to": plain_value(m.after)} for m in moves]
