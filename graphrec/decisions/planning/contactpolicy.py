"""What the business allows: the rules of a contact plan, checked field by field.

Hides how rules are read and validated. Rules say nothing about customers or scores, so one file of rules serves every
plan; it is JSON or TOML because people who do not write Python must be able to change a budget. Rules that have parts
of their own are in `clauses`, what contradicts each other is found in `contradictions`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graphrec.decisions.planning.clauses import (
    Clause,
    Eligibility,
    Exclusive,
    Infeasible,
    PolicyError,
    Quiet,
    Suppression,
    Window,
    amount,
    is_number,
    names,
    read_clauses,
    whole,
)
from graphrec.decisions.planning.contradictions import check_together
from graphrec.decisions.planning.quiettimes import SlotTime, check_slots, read_slot

__all__ = ["ContactPolicy", "Infeasible", "PolicyError"]

_FIRST = 9
"""Fields that every written policy shows; the others only where they are set."""
_UNLIMITED = "unlimited"


@dataclass(frozen=True)
class ContactPolicy:
    """Rules of a contact plan. The default allows one contact per customer and nothing else.

    Parameters
    ----------
    max_contacts_per_customer : int or None
        Contacts one customer may get in this plan; None (``"unlimited"`` in a file) for no limit.
    channel_capacity : mapping of str to int, optional
        Contacts that each channel can carry; a channel not named is unlimited.
    budget : float, optional
        Largest sum of the contacts' costs, in the currency of the scores.
    require_consent : bool
        Contact only where the customer's latest answer for the channel is a yes, and no unsubscription came after it.
        No answer means no contact.
    consent_purpose : str, optional
        Purpose the consent must cover. When omitted, every purpose the customer answered for must be granted.
    minimum_net_value : float
        Contacts with a net value at or below it are never made; not negative. Products of `minimum_exposure` are
        exempt: their price says what that costs.
    holdout : float
        Share of the customers in [0, 1) whose contacts are withheld, to measure what the plan changes.
    exploration : float
        Share of the customers in [0, 1] that get one random admissible contact instead of the planned ones, so that
        later models learn from unbiased data. Room for them is set aside before the plan is made.
    exclude_grades : tuple of str
        Evidence grades that are never contacted (``"X"``: the effect is not identifiable).
    slot_capacity : mapping of channel to mapping of slot to int
        Contacts that a channel can carry in a slot.
    stock : mapping of product to int, or "market"
        Contacts about a product: each may sell one unit. ``"market"`` reads the market's products.
    minimum_exposure : mapping of product to int
        Contacts about a (new) product that must be made, at a loss if need be. The plan meets it before customers are
        held out or explore; divide by ``1 - holdout - exploration`` to have as many go out on average.
    windows : tuple of Window
        Contacts of one customer in so many days, past ones counted. The name `Window` and those below are in
        `graphrec.decisions.planning.clauses`; plain mappings do as well.
    exclusive : tuple of Exclusive
        Groups of offers or channels of which a customer gets one.
    quiet : tuple of Quiet
        Dates, weekdays and hours in which nobody is contacted, in the market's time zone.
    slots : mapping of slot to str
        When each slot is: ``"mon-fri 08:00-12:00"``. Needed for quiet times where the scores have slots.
    suppression : tuple of Suppression
        Silence after a complaint, a bad score, unhappy feedback or an unsubscription.
    eligibility : tuple of Eligibility
        Who may be contacted about what; unknown means no.
    segments : str, optional
        Column of the scores or of the market's customers by which pressure is watched.
    segment_pressure : mapping of segment to float
        Contacts per customer of the segment, on average.
    parity : float, optional
        No segment gets more than ``1 + parity`` times the contacts per customer of all.
    do_not_contact : tuple of str
        Identifiers of customers who are never contacted, whatever the consents say.
    caution : float
        From 0 (the estimated uplift counts) to 1 (its lower bound counts).
    missing_consent : {"leave out", "refuse"}
        Whether a customer without a row in the consents is left out, or the whole plan is refused.
    quiet_after_complaint_days : int, optional
        Days of silence after feedback that is unhappy by its score or by its text: a suppression after "unhappy
        feedback" in short.

    Examples
    --------
    >>> policy = ContactPolicy(channel_capacity={"call": 100}, budget=500, windows=[{"days": 7, "max_contacts": 2}])
    >>> ContactPolicy.from_dict(policy.to_dict()) == policy
    True
    >>> ContactPolicy(budget=-1)
    Traceback (most recent call last):
    ...
    graphrec.decisions.planning.clauses.PolicyError: budget is -1; it must be a finite number of at least 0
    """

    max_contacts_per_customer: int | None = 1
    channel_capacity: Mapping[str, int] | None = None
    budget: float | None = None
    require_consent: bool = False
    consent_purpose: str | None = None
    minimum_net_value: float = 0.0
    holdout: float = 0.0
    exploration: float = 0.0
    exclude_grades: tuple[str, ...] = field(default=("X",))
    slot_capacity: Mapping[str, Mapping[str, int]] | None = None
    stock: Mapping[str, int] | str | None = None
    minimum_exposure: Mapping[str, int] | None = None
    windows: tuple[Window, ...] = ()
    exclusive: tuple[Exclusive, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    slots: Mapping[str, str] | None = None
    suppression: tuple[Suppression, ...] = ()
    eligibility: tuple[Eligibility, ...] = ()
    segments: str | None = None
    segment_pressure: Mapping[str, float] | None = None
    parity: float | None = None
    do_not_contact: tuple[str, ...] = ()
    caution: float = 0.0
    missing_consent: str = "leave out"
    quiet_after_complaint_days: int | None = None

    def __post_init__(self) -> None:
        self._check_first_rules()
        self._check_shared_rules()
        self._check_personal_rules()
        check_together(self)

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict(), sort_keys=True, default=str))

    def __reduce__(self) -> tuple[Any, ...]:
        return ContactPolicy.from_dict, (self.to_dict(),)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ContactPolicy:
        """Rules from a mapping of field to value; an unknown field is refused."""
        if not isinstance(values, Mapping):
            raise PolicyError(f"rules must be a table of field and value, not {type(values).__name__}")
        known = [f.name for f in fields(cls)]
        unknown = [str(name) for name in values if name not in known]
        if unknown:
            raise PolicyError(f"unknown rule {unknown[0]!r}; a contact policy has {', '.join(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the inverse of `from_dict`; later rules only where they are set."""
        found = {}
        for place, rule in enumerate(fields(self)):
            value = getattr(self, rule.name)
            if place < _FIRST or value != rule.default:
                found[rule.name] = _plain(value)
        return found

    @classmethod
    def from_file(cls, path: str | Path) -> ContactPolicy:
        """Rules from a ``.toml`` or ``.json`` file whose top level holds the fields.

        Raises
        ------
        PolicyError
            There is no such file, it cannot be read as TOML or JSON, or a field is not valid.
        """
        path = Path(path)
        readers: dict[str, Any] = {".toml": tomllib.loads, ".json": json.loads}
        if path.suffix.lower() not in readers:
            raise PolicyError(f"{path.name} is neither a .toml nor a .json file; rename it or convert it")
        try:
            return cls.from_dict(readers[path.suffix.lower()](path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path.name} cannot be read: {error}") from error
        except FileNotFoundError as error:
            raise PolicyError(
                f"there is no file {path}; write the rules there, or name the file that has them"
            ) from error
        except OSError as error:
            raise PolicyError(f"{path} cannot be read: {error.strerror or error}") from error
        except PolicyError as error:
            error.args = (f"{path.name}: {error}",)
            raise

    def to_toml(self) -> str:
        """The rules as the text of a TOML file that `from_file` reads."""
        from graphrec.decisions.planning.tomltext import write_toml

        values = self.to_dict()
        if self.max_contacts_per_customer is None:
            values["max_contacts_per_customer"] = _UNLIMITED  # TOML has no word for none
        return write_toml(values)

    @property
    def silences(self) -> tuple[Suppression, ...]:
        """Every suppression, that of `quiet_after_complaint_days` among them."""
        if self.quiet_after_complaint_days is None:
            return self.suppression
        return (*self.suppression, Suppression("unhappy feedback", self.quiet_after_complaint_days))

    @property
    def slot_times(self) -> dict[str, SlotTime]:
        """When each slot is."""
        return {name: read_slot(name, text) for name, text in (self.slots or {}).items()}

    @property
    def channels(self) -> dict[str, str]:
        """Every channel that a rule names, and the rule."""
        found = dict.fromkeys(self.channel_capacity or {}, "channel_capacity")
        found |= dict.fromkeys(self.slot_capacity or {}, "slot_capacity")
        found |= {window.channel: window.name for window in self.windows if window.channel}
        found |= {channel: "exclusive" for rule in self.exclusive for channel in rule.channels}
        found |= {channel: "quiet" for rule in self.quiet for channel in rule.channels}
        found |= {channel: "eligibility" for rule in self.eligibility for channel in rule.channels}
        return found

    def check_channels(self, known: Iterable[str]) -> None:
        """Refuse a rule for a channel that the business does not have: a limit on a misspelt name limits nothing.

        Without a market `allocate` cannot know; channels without a candidate in the scores are none of its business.
        """
        business = sorted(set(known))
        for name, rule in self.channels.items():
            if name not in business:
                raise PolicyError(f"{rule} names {name!r}; the channels here are {', '.join(business)}")

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_first_rules(self) -> None:
        given: Any = self.max_contacts_per_customer
        if given == _UNLIMITED:
            self._set(max_contacts_per_customer=None)
        if self.max_contacts_per_customer is not None:
            self._set(max_contacts_per_customer=whole("max_contacts_per_customer", self.max_contacts_per_customer))
        if self.channel_capacity is not None:
            self._set(channel_capacity=_amounts("channel_capacity", self.channel_capacity, "channel"))
        if self.budget is not None:
            self._set(budget=amount("budget", self.budget))
        if not isinstance(self.require_consent, bool):
            raise PolicyError(f"require_consent is {self.require_consent!r}; it must be true or false")
        if self.consent_purpose is not None and not isinstance(self.consent_purpose, str):
            raise PolicyError(f"consent_purpose is {self.consent_purpose!r}; it must be the name of a purpose")
        self._set(minimum_net_value=amount("minimum_net_value", self.minimum_net_value))
        self._set(holdout=_share("holdout", self.holdout), exploration=_share("exploration", self.exploration))
        self._set(exclude_grades=_grades(self.exclude_grades))

    def _check_shared_rules(self) -> None:
        if self.slot_capacity is not None:
            self._set(slot_capacity=_slot_capacities(self.slot_capacity))
        if isinstance(self.stock, str) and self.stock != "market":
            raise PolicyError(f"stock is {self.stock!r}; write a number for each product, or 'market'")
        if self.stock is not None and not isinstance(self.stock, str):
            self._set(stock=_amounts("stock", self.stock, "product"))
        if self.minimum_exposure is not None:
            self._set(minimum_exposure=_amounts("minimum_exposure", self.minimum_exposure, "product"))
        if self.segments is not None and (not isinstance(self.segments, str) or not self.segments):
            raise PolicyError(f"segments is {self.segments!r}; it must name a column")
        if self.segment_pressure is not None:
            self._set(segment_pressure=_amounts("segment_pressure", self.segment_pressure, "segment", amount))
        if self.parity is not None:
            self._set(parity=amount("parity", self.parity))

    def _check_personal_rules(self) -> None:
        for name, kind in _CLAUSES.items():
            self._set(**{name: read_clauses(kind, getattr(self, name))})
        if self.slots is not None:
            if not isinstance(self.slots, Mapping):
                raise PolicyError(f"slots is {self.slots!r}; it must map each slot to its time")
            self._set(slots=MappingProxyType(dict(self.slots)))
            check_slots(self.slot_times)
        if self.quiet_after_complaint_days is not None:
            days = whole("quiet_after_complaint_days", self.quiet_after_complaint_days, 1)
            self._set(quiet_after_complaint_days=days)
        self._set(do_not_contact=names("do_not_contact", self.do_not_contact))
        self._set(caution=_share("caution", self.caution, "a number"))
        if self.missing_consent not in ("leave out", "refuse"):
            raise PolicyError(f"missing_consent is {self.missing_consent!r}; it must be 'leave out' or 'refuse'")


_CLAUSES: Mapping[str, type[Clause]] = MappingProxyType(
    {
        "windows": Window,
        "exclusive": Exclusive,
        "quiet": Quiet,
        "suppression": Suppression,
        "eligibility": Eligibility,
    }
)
_GRADES = ("A", "B", "C", "X")


def _plain(value: Any) -> Any:
    if isinstance(value, Clause):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _share(name: str, value: Any, of: str = "a share of the customers") -> float:
    highest = "below 1" if name == "holdout" else "at most 1"
    if not is_number(value) or not 0 <= value <= 1 or (name == "holdout" and value == 1):
        raise PolicyError(f"{name} is {value!r}; it must be {of} of at least 0 and {highest}")
    return float(value)


def _amounts(rule: str, given: Any, what: str, check: Any = whole) -> Mapping[str, Any]:
    """An amount for each name; names that are whole numbers are identifiers and become texts."""
    if not isinstance(given, Mapping):
        unit = "contacts per customer" if check is amount else "a number of contacts"
        raise PolicyError(f"{rule} is {given!r}; it must map each {what} to {unit}")
    found = {}
    for name, value in given.items():
        if what == "product" and is_number(name) and name == int(name):
            name = str(int(name))
        if not isinstance(name, str) or not name:
            raise PolicyError(f"{rule} names the {what} {name!r}; a {what} is a non-empty text")
        found[name] = check(f"{rule}[{name!r}]", value)
    return MappingProxyType(found)


def _slot_capacities(given: Any) -> Mapping[str, Mapping[str, int]]:
    if not isinstance(given, Mapping):
        raise PolicyError(f"slot_capacity is {given!r}; it must map each channel to its slots")
    for channel in given:
        if not isinstance(channel, str) or not channel:
            raise PolicyError(f"slot_capacity names the channel {channel!r}; a channel is a non-empty text")
    return MappingProxyType({name: _amounts(f"slot_capacity[{name!r}]", v, "slot") for name, v in given.items()})


def _grades(grades: Any) -> tuple[str, ...]:
    if isinstance(grades, str) or not isinstance(grades, Iterable):
        raise PolicyError(f"exclude_grades is {grades!r}; it must be a list of grades, for example ['X']")
    named = list(grades)
    for grade in named:
        if not isinstance(grade, str):
            raise PolicyError(f"exclude_grades holds {grade!r}; a grade is a text such as 'X'")
        if grade not in _GRADES:
            raise PolicyError(f"exclude_grades holds {grade!r}; the grades are {', '.join(_GRADES)}")
    return tuple(named)
