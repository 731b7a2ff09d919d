"""The rules of a policy that have parts of their own: windows, exclusions, quiet times, suppressions, eligibility.

Hides what each part may hold. A clause is a small value made from a table of a TOML or JSON file; a part that is
misspelt or impossible is refused with the name of the clause, its place and the value found.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, time
from typing import Any, ClassVar, TypeVar

import numpy as np

__all__ = [
    "WEEKDAYS",
    "Clause",
    "Eligibility",
    "Exclusive",
    "Infeasible",
    "PolicyError",
    "Quiet",
    "Suppression",
    "Window",
    "amount",
    "is_number",
    "names",
    "read_clauses",
    "shown",
    "whole",
]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$|^(24):(00)$")


class PolicyError(ValueError):
    """A rule or the scores it is applied to cannot be used; the message names the field and the value."""


class Infeasible(PolicyError):
    """Rules that cannot hold together.

    Attributes
    ----------
    constraints : tuple of str
        The fields in conflict.
    """

    def __init__(self, message: str, constraints: Iterable[str]) -> None:
        super().__init__(message)
        self.constraints = tuple(constraints)


@dataclass(frozen=True)
class Clause:
    """What all clauses share: being read from a table and written back."""

    rule: ClassVar[str] = ""

    @classmethod
    def read(cls, values: Any, place: str) -> Any:
        """A clause from a mapping; errors name the place, for example ``windows[0].days``."""
        if isinstance(values, cls):
            return values
        if not isinstance(values, Mapping):
            raise PolicyError(f"{place} is {values!r}; it must be a table of field and value")
        known = [f.name for f in fields(cls)]
        unknown = [str(name) for name in values if name not in known]
        if unknown:
            raise PolicyError(f"{place} has the unknown field {unknown[0]!r}; it may have {', '.join(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise PolicyError(f"{place} is incomplete: {str(error).split('__init__() ')[-1]}") from error
        except PolicyError as error:
            error.args = (f"{place}.{error}",)
            raise

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what is not set is left out."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items() if v is not None and v != ()}

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Window(Clause):
    """At most so many contacts in so many days, those already made counted.

    Parameters
    ----------
    days : int
        Length of the window that ends when the plan is made.
    max_contacts : int
        Contacts of one customer in it, past and planned.
    channel : str, optional
        Counts this channel only.
    """

    rule: ClassVar[str] = "windows"
    days: int
    max_contacts: int
    channel: str | None = None

    def __post_init__(self) -> None:
        self._set(days=whole("days", self.days, 1), max_contacts=whole("max_contacts", self.max_contacts, 0))
        _optional_name("channel", self.channel)

    @property
    def name(self) -> str:
        """How the window is called in prices and reasons."""
        return f"windows[{self.days} days{f', {self.channel}' if self.channel else ''}]"


@dataclass(frozen=True)
class Exclusive(Clause):
    """Contacts of one group exclude each other: a customer gets at most `at_most` of them.

    Parameters
    ----------
    offers, channels : tuple of str
        Who belongs to the group; where both are given, contacts that match both.
    at_most : int
        Contacts from the group.
    """

    rule: ClassVar[str] = "exclusive"
    offers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    at_most: int = 1

    def __post_init__(self) -> None:
        self._set(offers=names("offers", self.offers), channels=names("channels", self.channels))
        self._set(at_most=whole("at_most", self.at_most, 1))
        if not self.offers and not self.channels:
            raise PolicyError("offers and channels are both empty; name what excludes each other")


@dataclass(frozen=True)
class Quiet(Clause):
    """When nobody is contacted, in the market's local time. All conditions given must hold together.

    Parameters
    ----------
    first, last : str, optional
        Dates, ``2026-12-24`` to ``2026-12-26``, both included.
    weekdays : tuple of str
        From ``mon`` to ``sun``.
    start, end : str, optional
        Clock times, ``21:00`` to ``08:00``; an end before the start is on the next morning.
    channels : tuple of str
        Only these; all without.
    """

    rule: ClassVar[str] = "quiet"
    first: str | None = None
    last: str | None = None
    weekdays: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._set(weekdays=names("weekdays", self.weekdays), channels=names("channels", self.channels))
        for day in self.weekdays:
            if day not in WEEKDAYS:
                raise PolicyError(f"weekdays holds {day!r}; the weekdays are {', '.join(WEEKDAYS)}")
        self._set(first=_date("first", self.first), last=_date("last", self.last))
        self._set(start=_clock("start", self.start), end=_clock("end", self.end))
        self._check_pairs()

    def _check_pairs(self) -> None:
        for one, other in (("first", "last"), ("start", "end")):
            given = getattr(self, one), getattr(self, other)
            if (given[0] is None) != (given[1] is None):
                raise PolicyError(f"{one} is {given[0]!r} and {other} is {given[1]!r}; give both or neither")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise PolicyError(f"last is {self.last!r}, before first {self.first!r}; turn them round")
        if self.start is not None and self.start == self.end:
            raise PolicyError(f"end is {self.end!r}, the same as start; leave both out for whole days")
        if self.first is None and self.start is None and not self.weekdays:
            raise PolicyError("first, weekdays and start are all missing; name dates, weekdays or hours")

    @property
    def name(self) -> str:
        """How the quiet time is called in reasons."""
        dates = f"{self.first} to {self.last}" if self.first else ""
        hours = f"{self.start} to {self.end}" if self.start else ""
        parts = [dates, ", ".join(self.weekdays), hours, "by " + ", ".join(self.channels) if self.channels else ""]
        return f"quiet[{'; '.join(part for part in parts if part)}]"


@dataclass(frozen=True)
class Suppression(Clause):
    """Leave customers alone for a while after they were not content.

    Parameters
    ----------
    after : {"complaint", "dissatisfaction", "unhappy feedback", "unsubscribe"}
        A feedback that holds one of `words`; one with a score at or below `score_at_most`; one whose score is low for
        its time or whose text reads as negative; an unsubscription from any channel.
    days : int
        How long.
    words : tuple of str
        What makes a text a complaint; capitals do not matter.
    score_at_most : float, optional
        What makes a score a dissatisfaction.
    """

    rule: ClassVar[str] = "suppression"
    after: str
    days: int
    words: tuple[str, ...] = ()
    score_at_most: float | None = None

    def __post_init__(self) -> None:
        if self.after not in ("complaint", "dissatisfaction", "unhappy feedback", "unsubscribe"):
            raise PolicyError(
                f"after is {self.after!r}; it must be complaint, dissatisfaction, unhappy feedback or unsubscribe"
            )
        self._set(days=whole("days", self.days, 1), words=names("words", self.words))
        if self.after == "complaint" and not self.words:
            raise PolicyError("words is empty; say which words make a text a complaint")
        if self.after == "dissatisfaction" and not is_number(self.score_at_most):
            raise PolicyError(f"score_at_most is {self.score_at_most!r}; give the score that counts as dissatisfaction")

    @property
    def name(self) -> str:
        """How the rule is called in reasons."""
        return f"suppression[{self.after}, {self.days} days]"


@dataclass(frozen=True)
class Eligibility(Clause):
    """Who may be contacted, by an attribute of the customer, the product or the score row. Unknown means no.

    Parameters
    ----------
    column : str
        Looked for in the scores, then in the market's customers, then in its products.
    at_least, at_most : float, optional
        Limits of a number.
    one_of, none_of : tuple of str
        Words allowed, words excluded.
    offers, channels : tuple of str
        The rule concerns only these.
    """

    rule: ClassVar[str] = "eligibility"
    column: str
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise PolicyError(f"column is {self.column!r}; name an attribute")
        for name in ("one_of", "none_of", "offers", "channels"):
            self._set(**{name: names(name, getattr(self, name))})
        for name in ("at_least", "at_most"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and math.isfinite(value)):
                raise PolicyError(f"{name} is {value!r}; it must be a finite number")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise Infeasible(f"at_least is {self.at_least!r}, above at_most {self.at_most!r}", ("at_least", "at_most"))
        if self.at_least is None and self.at_most is None and not self.one_of and not self.none_of:
            raise PolicyError("at_least, at_most, one_of and none_of are all missing; say what is allowed")
        both = sorted(set(self.one_of) & set(self.none_of))
        if both:
            raise Infeasible(f"one_of and none_of both hold {both[0]!r}", ("one_of", "none_of"))

    @property
    def name(self) -> str:
        """How the rule is called in reasons."""
        return f"eligibility[{self.column}]"


Kind = TypeVar("Kind", bound=Clause)


def read_clauses(kind: type[Kind], given: Any) -> tuple[Kind, ...]:
    """Clauses of one kind from a list of tables."""
    if given is None:
        return ()
    if isinstance(given, Mapping | str) or not isinstance(given, Iterable):
        raise PolicyError(f"{kind.rule} is {given!r}; it must be a list of tables ([[{kind.rule}]] in TOML)")
    return tuple(kind.read(values, f"{kind.rule}[{place}]") for place, values in enumerate(given))


def is_number(value: object) -> bool:
    """Whether a value is a number and no truth value."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def whole(name: str, value: Any, least: int = 0) -> int:
    """A whole number of at least `least`, or an error with the name."""
    if not is_number(value) or not math.isfinite(value) or value < least or value != int(value):
        raise PolicyError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    return int(value)


def amount(name: str, value: Any) -> float:
    """A finite number of at least 0, or an error with the name."""
    if not is_number(value) or not math.isfinite(value) or value < 0:
        raise PolicyError(f"{name} is {value!r}; it must be a finite number of at least 0")
    return float(value)


def names(name: str, values: Any) -> tuple[str, ...]:
    """Distinct non-empty texts, or an error with the name. Whole numbers are identifiers, too."""
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise PolicyError(f"{name} is {values!r}; it must be a list of names")
    found = []
    for value in values:
        if not (isinstance(value, str) and value) and not (is_number(value) and value == int(value)):
            raise PolicyError(f"{name} holds {value!r}; a name is a non-empty text")
        found.append(value if isinstance(value, str) else str(int(value)))
    return tuple(dict.fromkeys(found))


def shown(identifier: Any) -> str:
    """An identifier as a person wrote it: ``'c1'`` or ``7``, never ``np.int64(7)``."""
    return repr(identifier.item() if hasattr(identifier, "item") else identifier)


def _optional_name(name: str, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise PolicyError(f"{name} is {value!r}; it must be a non-empty text")


def _date(name: str, value: Any) -> str | None:
    if value is None:
        return None
    try:
        return (value if isinstance(value, date) else date.fromisoformat(value)).isoformat()
    except (TypeError, ValueError) as error:
        raise PolicyError(f"{name} is {value!r}; write a date as 2026-12-24") from error


def _clock(name: str, value: Any) -> str | None:
    if value is None:
        return None
    text = value.strftime("%H:%M") if isinstance(value, time) else value
    if not isinstance(text, str) or not _CLOCK.match(text):
        raise PolicyError(f"{name} is {value!r}; write a time of day as 21:00")
    return text
