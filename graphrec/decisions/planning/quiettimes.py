"""When a contact would happen, and whether that is a quiet time.

Hides dates, weekdays and clock times. A slot is a text such as ``mon-fri 08:00-12:00``, ``2026-12-21 18:00-20:00`` or
``18:00-20:00``; a contact in it happens at the slot's first occurrence that has not ended when the plan is made, in the
market's time zone. A slot that touches a quiet time at any minute is quiet: what may go wrong is not done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from graphrec.decisions.planning.clauses import WEEKDAYS, PolicyError, Quiet

__all__ = ["Occasion", "SlotTime", "check_slots", "is_quiet", "next_occasion", "read_slot"]

_TEXT = re.compile(r"^(?:(?P<day>\d{4}-\d\d-\d\d|[a-z,-]+)\s+)?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)$")
_DAY = 24 * 60


@dataclass(frozen=True)
class SlotTime:
    """What a slot's text says: a date or weekdays (0 is Monday), and minutes since midnight."""

    text: str
    day: date | None
    weekdays: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True)
class Occasion:
    """Minutes of one local day in which a contact happens."""

    day: date
    start: int
    end: int


def read_slot(name: str, text: object) -> SlotTime:
    """Read a slot's time, or refuse it with the slot's name.

    Examples
    --------
    >>> read_slot("dawn", "mon-wed,sun 06:00-08:30").end
    510
    """
    found = _TEXT.match(text) if isinstance(text, str) else None
    try:
        if found is None:
            raise ValueError
        day, weekdays = _days(found["day"])
        start, end = _minutes(found["start"]), _minutes(found["end"])
        if start >= end:
            raise ValueError
    except ValueError:
        raise PolicyError(
            f"slots[{name!r}] is {text!r}; write a time as 'mon-fri 08:00-12:00', '2026-12-21 18:00-20:00' or "
            "'18:00-20:00'"
        ) from None
    return SlotTime(str(text), day, weekdays, start, end)


def check_slots(slots: dict[str, SlotTime]) -> None:
    """Refuse slots that overlap: a contact would be counted in one and happen in the other."""
    items = sorted(slots.items())
    for place, (name, one) in enumerate(items):
        for other_name, other in items[place + 1 :]:
            same_day = bool(_weekdays(one) & _weekdays(other)) and (
                not one.day or not other.day or one.day == other.day
            )
            if same_day and one.start < other.end and other.start < one.end:
                raise PolicyError(
                    f"slots {name!r} ({one.text}) and {other_name!r} ({other.text}) overlap; give each moment one slot"
                )


def next_occasion(slot: SlotTime | None, at: datetime) -> Occasion:
    """The first occurrence of a slot that has not ended at a local moment; the moment itself without a slot."""
    now = at.hour * 60 + at.minute
    if slot is None:
        return Occasion(at.date(), now, now + 1)
    if slot.day is not None:
        return Occasion(slot.day, slot.start, slot.end)
    days = (at.date() + timedelta(days=ahead) for ahead in range(8))
    day = next(d for d in days if d.weekday() in slot.weekdays and (d > at.date() or slot.end > now))
    return Occasion(day, slot.start, slot.end)


def is_quiet(rule: Quiet, occasion: Occasion) -> bool:
    """Whether any minute of an occasion is quiet under a rule.

    Examples
    --------
    >>> night = Quiet(start="21:00", end="08:00")
    >>> is_quiet(night, Occasion(date(2026, 12, 21), 7 * 60, 9 * 60))
    True
    """
    if rule.start is None or rule.end is None:
        return _named_day(rule, occasion.day)
    start, end = _minutes(rule.start), _minutes(rule.end)
    spans = [(0, start, end)] if start < end else [(0, start, _DAY), (1, 0, end)]
    return any(
        _named_day(rule, occasion.day - timedelta(days=late)) and occasion.start < until and since < occasion.end
        for late, since, until in spans
    )


def _named_day(rule: Quiet, day: date) -> bool:
    inside = rule.first is None or rule.last is None or rule.first <= day.isoformat() <= rule.last
    return inside and (not rule.weekdays or WEEKDAYS[day.weekday()] in rule.weekdays)


def _minutes(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if hour * 60 + minute > _DAY or minute > 59:
        raise ValueError(text)
    return hour * 60 + minute


def _days(text: str | None) -> tuple[date | None, frozenset[int]]:
    if text is None:
        return None, frozenset(range(7))
    if text[0].isdigit():
        return date.fromisoformat(text), frozenset()
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found |= set(range(start, end + 1)) if start <= end else {*range(start, 7), *range(end + 1)}
    return None, frozenset(found)


def _weekdays(slot: SlotTime) -> frozenset[int]:
    return slot.weekdays if slot.day is None else frozenset({slot.day.weekday()})
