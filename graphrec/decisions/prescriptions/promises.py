"""A prescription as an object: the move, what it changes, how sure that is, and why it should work.

Hides the forms a prescription is written in. A promise without an interval that holds has none: the fields are empty
rather than filled from a bootstrap that covers 60 % where 90 % is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from graphrec.decisions.prescriptions.phrasing import figure, plain_value

__all__ = ["DO_NOTHING", "GRADE_WORDS", "Average", "Control", "Link", "Move", "Prescription"]

DO_NOTHING = "do nothing"
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
class Link:
    """One step of the reason chain, from what the business knows to what the move changes.

    Attributes
    ----------
    kind : {"axiom", "edge", "effect"}
        A statement of the ontology; an arrow of the causal graph; the figure that follows.
    cause, effect : str
        Columns that it joins; for an axiom that permits a move, the lever and its class.
    statement : str
        It in plain English, with its source.
    confidence : float or None
        Of an axiom, as declared; of an edge, the share of resampled data sets that hold it; None where nobody said.
    """

    kind: Literal["axiom", "edge", "effect"]
    cause: str
    effect: str
    statement: str
    confidence: float | None = None


@dataclass(frozen=True)
class Average:
    """Mean effect of moving the same lever(s) by the same rule, on customers that the rule was not chosen with.

    A modified treatment policy, estimated doubly robustly.

    Attributes
    ----------
    effect, low, high : float
        Mean change of the outcome among those whom the rule moves, with its interval.
    net_value : float
        Mean money after costs.
    n : int
        Customers that the rule moves.
    ess : float
        What the observed customers that stand for moved ones are worth.
    overlap : float
        Share of the moved customers that observed ones can stand for.
    """

    effect: float
    low: float
    high: float
    net_value: float
    n: int
    ess: float
    overlap: float


@dataclass(frozen=True)
class Control:
    """Negative control of a lever: the same move, asked of something that it cannot have changed.

    Attributes
    ----------
    status : {"passed", "failed", "not possible"}
    column : str
        What was looked at; empty where nothing could be.
    estimate, low, high : float or None
        Apparent effect, in standard deviations of the column, with its interval.
    sentence : str
        What it means, in plain English.
    """

    status: Literal["passed", "failed", "not possible"]
    column: str
    estimate: float | None
    low: float | None
    high: float | None
    sentence: str


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
        Expected change of the outcome; for a 0 / 1 outcome a difference of probabilities. Of a lever other than the
        contact: what the equations say, corrected on customers that the move was not chosen with.
    low, high : float or None
        Interval of the conditional mean; None where nothing supports one.
    level : float
        Confidence level of every interval.
    cost, net_value : float
        Money spent, and value x effect - cost, in the market's currency.
    through : tuple of str
        Directed paths of the graph from lever to outcome, shortest first.
    grade : str
        A randomised, B adjusted and not refuted, C by the model only; empty for doing nothing.
    alternatives : tuple of dict
        Other moves with lever, from, to, effect, low, high, net_value, grade, the best first; doing nothing among them.
    blocked : mapping of str to str
        Levers and tempting columns that were not moved, with the reason.
    sentence : str
        All of it in plain English.
    reason : str
        Why the grade is what it is, as a clause; for doing nothing, why nothing is done.
    equation_effect : float or None
        The same change by the structural equations alone; None for a contact.
    net_low : float or None
        Money after costs at the lower end of the interval.
    average : Average or None
        The mean over customers with the same lever.
    control : Control or None
        Negative control of the lever.
    extrapolation : str
        Why the move leaves what was observed, as a clause; empty where it does not.
    delay_days : float or None
        Days until the move shows in the outcome.
    consent : bool
        Whether the customer must have agreed to the move.
    constant : mapping or None
        The best action that is the same for everybody, for this customer: lever, to, effect, net_value.
    chain : tuple of Link
        Ontology axiom, then edges of the graph, then the effect.
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
    reason: str = ""
    equation_effect: float | None = None
    net_low: float | None = None
    average: Average | None = None
    control: Control | None = None
    extrapolation: str = ""
    delay_days: float | None = None
    consent: bool = False
    constant: Mapping[str, Any] | None = None
    chain: tuple[Link, ...] = ()

    @property
    def lever(self) -> str:
        """The lever moved, two joined by "+", or "do nothing"."""
        return " + ".join(move.lever for move in self.moves) or DO_NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "customer_id": plain_value(self.customer_id),
            "offer": plain_value(self.offer),
            "lever": self.lever,
            "from": _joined(self.moves, "before"),
            "to": _joined(self.moves, "after"),
            "moves": [
                {"lever": m.lever, "from": plain_value(m.before), "to": plain_value(m.after)} for m in self.moves
            ],
            "effect": plain_value(self.effect),
            "low": plain_value(self.low),
            "high": plain_value(self.high),
            "level": self.level,
            "cost": plain_value(self.cost),
            "net_value": plain_value(self.net_value),
            "net_low": plain_value(self.net_low),
            "equation_effect": plain_value(self.equation_effect),
            "average": _figures(self.average),
            "through": list(self.through),
            "grade": self.grade,
            "reason": self.reason,
            "control": _figures(self.control),
            "extrapolation": self.extrapolation,
            "delay_days": plain_value(self.delay_days),
            "consent": self.consent,
            "constant": None if self.constant is None else _plain(self.constant),
            "alternatives": [_plain(other) for other in self.alternatives],
            "blocked": dict(self.blocked),
            "chain": [_figures(link) for link in self.chain],
            "sentence": self.sentence,
        }


def _figures(part: Average | Control | Link | None) -> dict[str, Any] | None:
    return None if part is None else _plain(asdict(part))


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain_value(value) for key, value in record.items()}


def _joined(moves: tuple[Move, ...], side: str) -> Any:
    """The value of one move, or the text of two."""
    values = [getattr(move, side) for move in moves]
    if not values:
        return None
    return plain_value(values[0]) if len(values) == 1 else " + ".join(figure(value) for value in values)
