"""The sentence an analyst reads, and how a value is written in it.

Hides wording. Facts come in as plain values; nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.decisions.prescriptions.promises import Move

__all__ = ["ARROW", "Wording", "figure", "plain_value"]

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
    """Names that sentences use.

    Attributes
    ----------
    treatment, control : str
        Column of the contact and its level for none.
    outcome : str
        What is to happen, as a clause: "buys" or "visit = 1".
    offer : str
        Word for the offer, such as "product"; empty where there is none.
    horizon_days : int or None
        Length of the outcome window.
    """

    treatment: str
    control: str
    outcome: str
    offer: str
    horizon_days: int | None

    def act(self, moves: tuple[Move, ...], customer: Any, offer: Any) -> str:
        """What to do, as a clause."""
        about = f" about {self.offer} {offer}" if self.offer else ""
        parts = []
        for move in moves:
            if move.lever == self.treatment:
                parts.append(f"contact customer {customer} by {move.after}{about}")
            else:
                name = move.lever.replace("_", " ")
                on = f" of {self.offer} {offer}" if self.offer and name in ("price", "discount") else ""
                parts.append(
                    f"move the {name}{on} for customer {customer} from {figure(move.before)} to {figure(move.after)}"
                )
        return " and ".join(parts)

    def advise(self, customer: Any, offer: Any, moves: tuple[Move, ...], facts: Mapping[str, Any]) -> str:
        """The whole sentence of an advised move."""
        within = f" within {self.horizon_days} days" if self.horizon_days else ""
        change = (
            f"{'raises' if facts['effect'] >= 0 else 'lowers'} the chance that the customer {self.outcome}{within} by"
        )
        size = f"{abs(facts['effect']) * 100:.1f} points"
        cost = f"costs {facts['cost']:.2f}" if facts["cost"] > 0 else "costs nothing"
        text = f"{self.act(moves, customer, offer)}: this {change} {size} ({_interval(facts)}), {cost} and nets "
        text += f"{facts['net_value']:.2f}; {_through(facts['through'])}; evidence {facts['grade']}: "
        return text[0].upper() + text[1:] + f"{facts['reason']}."

    def refrain(self, customer: Any, reason: str) -> str:
        """The sentence of doing nothing."""
        return f"Do nothing for customer {customer}: {reason}."


def _interval(facts: Mapping[str, Any]) -> str:
    if facts["low"] is None:
        return "no interval, for structural equations give none that holds"
    return f"{facts['level']:.0%} interval {facts['low'] * 100:+.1f} to {facts['high'] * 100:+.1f}"


def _through(paths: tuple[str, ...]) -> str:
    """What the move works through, in words."""
    if not paths:
        return "the graph shows no path for it"
    between = [path.split(ARROW)[1:-1] for path in paths]
    named = next((steps for steps in between if steps), None)
    direct = [] in between
    if named is None:
        return "it works directly"
    listed = ", then ".join(step.replace("_", " ") for step in named)
    return f"it works through {listed}" + (" and directly" if direct else "")
