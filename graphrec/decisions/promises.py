"""Prescriptions as objects: the move, what it changes, how sure that is, and the sentence an analyst reads.

Hides wording and the forms a prescription is written in. A promise without an honest interval has none: the fields
are empty rather than filled from a bootstrap that covers 60 % where 90 % is claimed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["ARROW", "DO_NOTHING", "GRADE_WORDS", "Move", "Prescription", "Prescriptions", "Wording", "figure"]

DO_NOTHING = "do nothing"
ARROW = " -> "
GRADE_WORDS = {
    "A": "past contacts were randomised",
    "B": "adjusted for what drove past contacts, supported by them, negative control passed",
    "C": "by the model only",
    "X": "not identifiable",
}


@dataclass(frozen=True)
class Move:
    """One lever moved from one value to another."""

    lever: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Prescription:
    """What to do for one customer.

    Attributes
    ----------
    customer_id, offer : object
        Identifiers; the offer is None for a ready-made table.
    moves : tuple of Move
        At most two; empty for doing nothing.
    effect : float
        Expected change of the outcome; for a 0 / 1 outcome a difference of probabilities.
    low, high : float or None
        Interval of the conditional mean, where the effect model gives one; None where only structural equations speak.
    level : float
        Confidence level of the interval.
    cost, net_value : float
        Money spent, and value x effect - cost, in the market's currency.
    through : tuple of str
        Directed paths of the graph from lever to outcome, shortest first.
    grade : str
        A randomised, B adjusted and not refuted, C by the model only; empty for doing nothing.
    alternatives : tuple of dict
        Other moves with lever, from, to, effect, net_value, grade, the best first; doing nothing among them.
    blocked : mapping of str to str
        Levers and tempting columns that were not moved, with the reason.
    sentence : str
        All of it in plain English.
    """

    customer_id: Any
    offer: Any
    moves: tuple[Move, ...]
    effect: float
    low: float | None
    high: float | None
    level: float
    cost: float
    net_value: float
    through: tuple[str, ...]
    grade: str
    alternatives: tuple[Mapping[str, Any], ...]
    blocked: Mapping[str, str]
    sentence: str

    @property
    def lever(self) -> str:
        """The lever moved, two joined by "+", or "do nothing"."""
        return " + ".join(move.lever for move in self.moves) or DO_NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "customer_id": _plain(self.customer_id),
            "offer": _plain(self.offer),
            "lever": self.lever,
            "from": _joined(self.moves, "before"),
            "to": _joined(self.moves, "after"),
            "moves": [{"lever": m.lever, "from": _plain(m.before), "to": _plain(m.after)} for m in self.moves],
            "effect": _plain(self.effect),
            "low": _plain(self.low),
            "high": _plain(self.high),
            "level": self.level,
            "cost": _plain(self.cost),
            "net_value": _plain(self.net_value),
            "through": list(self.through),
            "grade": self.grade,
            "alternatives": [{key: _plain(value) for key, value in other.items()} for other in self.alternatives],
            "blocked": dict(self.blocked),
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Prescriptions:
    """Prescriptions of some customers.

    Attributes
    ----------
    items : tuple of Prescription
        In the order of the customers asked for.
    blocked : mapping of str to str
        Every column that is no lever, with the reason.
    """

    items: tuple[Prescription, ...]
    blocked: Mapping[str, str]

    def to_records(self) -> list[dict[str, Any]]:
        """One dictionary of plain values for each prescription."""
        return [item.to_dict() for item in self.items]

    def to_frame(self) -> pd.DataFrame:
        """One row for each prescription.

        Returns
        -------
        pandas.DataFrame
            Columns customer_id, offer, lever, from, to, second_lever, second_from, second_to, effect, low, high, level,
            cost, net_value, through, grade, sentence. Numbers and words of different levers share the columns ``from``
            and ``to``, which therefore hold text.
        """
        return pd.DataFrame([_row(item) for item in self.items], columns=list(_COLUMNS))

    def to_jsonl(self, path: str | Path) -> Path:
        """Write one JSON object a line; beside its place and then renamed, so that no half file is ever seen."""
        target = Path(path)
        beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        lines = [json.dumps(record, ensure_ascii=False, allow_nan=False) for record in self.to_records()]
        try:
            beside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        return target

    def __len__(self) -> int:
        return len(self.items)


_MOVE_COLUMNS = ("lever", "from", "to", "second_lever", "second_from", "second_to")
_FIGURES = ("effect", "low", "high", "level", "cost", "net_value")
_COLUMNS = ("customer_id", "offer", *_MOVE_COLUMNS, *_FIGURES, "through", "grade", "sentence")


def _row(item: Prescription) -> dict[str, Any]:
    record = item.to_dict()
    record["through"] = "; ".join(item.through)
    for prefix, place in (("", 0), ("second_", 1)):
        move = item.moves[place] if place < len(item.moves) else None
        record[f"{prefix}lever"] = move.lever if move else (DO_NOTHING if not prefix else None)
        record[f"{prefix}from"] = figure(move.before) if move else None
        record[f"{prefix}to"] = figure(move.after) if move else None
    return {name: record[name] for name in _COLUMNS}


def _joined(moves: tuple[Move, ...], side: str) -> Any:
    """The value of one move, or the text of two."""
    values = [getattr(move, side) for move in moves]
    if not values:
        return None
    return _plain(values[0]) if len(values) == 1 else " + ".join(figure(value) for value in values)


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def figure(value: Any) -> str:
    """A value as an analyst reads it: three significant digits, words as they are."""
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}"


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
