"""What the business allows: the rules of a contact plan, checked field by field.

Hides how rules are read and validated. Rules say nothing about customers or scores, so one file of rules serves every
plan; it is JSON or TOML because people who do not write Python must be able to change a budget.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["ContactPolicy", "Infeasible", "PolicyError"]


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
class ContactPolicy:
    """Rules of a contact plan. The default allows one contact per customer and nothing else.

    Parameters
    ----------
    max_contacts_per_customer : int or None
        Contacts one customer may get in this plan; None for no limit.
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
        Contacts with a net value at or below it are never made; not negative.
    holdout : float
        Share of the customers in [0, 1) whose contacts are withheld, to measure what the plan changes.
    exploration : float
        Share of the customers in [0, 1] that get one random admissible contact instead of the planned ones, so that
        later models learn from unbiased data.
    exclude_grades : tuple of str
        Evidence grades that are never contacted (``"X"``: the effect is not identifiable).

    Examples
    --------
    >>> policy = ContactPolicy(channel_capacity={"call": 100}, budget=500)
    >>> ContactPolicy.from_dict(policy.to_dict()) == policy
    True
    >>> ContactPolicy(budget=-1)
    Traceback (most recent call last):
    ...
    graphrec.decisions.planning.contactpolicy.PolicyError: budget is -1; it must be a finite number of at least 0
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

    def __post_init__(self) -> None:
        if self.max_contacts_per_customer is not None:
            self._set("max_contacts_per_customer", _whole("max_contacts_per_customer", self.max_contacts_per_customer))
        if self.channel_capacity is not None:
            self._set("channel_capacity", _capacities(self.channel_capacity))
        if self.budget is not None:
            self._set("budget", _amount("budget", self.budget))
        if not isinstance(self.require_consent, bool):
            raise PolicyError(f"require_consent is {self.require_consent!r}; it must be true or false")
        if self.consent_purpose is not None and not isinstance(self.consent_purpose, str):
            raise PolicyError(f"consent_purpose is {self.consent_purpose!r}; it must be the name of a purpose")
        self._set("minimum_net_value", _amount("minimum_net_value", self.minimum_net_value))
        self._set("holdout", _share("holdout", self.holdout))
        self._set("exploration", _share("exploration", self.exploration))
        self._set("exclude_grades", _grades(self.exclude_grades))
        self._check_together()

    def __hash__(self) -> int:
        capacity = None if self.channel_capacity is None else frozenset(self.channel_capacity.items())
        return hash((capacity, *(getattr(self, f.name) for f in fields(self) if f.name != "channel_capacity")))

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
        """Plain values for JSON, the inverse of `from_dict`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.channel_capacity is not None:
            values["channel_capacity"] = dict(self.channel_capacity)
        values["exclude_grades"] = list(self.exclude_grades)
        return values

    @classmethod
    def from_file(cls, path: str | Path) -> ContactPolicy:
        """Rules from a ``.toml`` or ``.json`` file whose top level holds the fields.

        Raises
        ------
        PolicyError
            The file cannot be read as TOML or JSON, or a field is not valid.
        """
        path = Path(path)
        readers: dict[str, Any] = {".toml": tomllib.loads, ".json": json.loads}
        if path.suffix.lower() not in readers:
            raise PolicyError(f"{path.name} is neither a .toml nor a .json file; rename it or convert it")
        try:
            return cls.from_dict(readers[path.suffix.lower()](path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path.name} cannot be read: {error}") from error
        except PolicyError as error:
            error.args = (f"{path.name}: {error}",)
            raise

    def check_channels(self, known: Iterable[str]) -> None:
        """Refuse a capacity for a channel that the business does not have: a limit on a misspelt name limits nothing.

        `allocate` cannot know; channels without a candidate in the scores are none of its business.
        """
        names = sorted(set(known))
        unknown = [name for name in self.channel_capacity or {} if name not in names]
        if unknown:
            raise PolicyError(f"channel_capacity names {unknown[0]!r}; the channels here are {', '.join(names)}")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_together(self) -> None:
        if self.holdout + self.exploration > 1:
            raise Infeasible(
                f"holdout={self.holdout} and exploration={self.exploration} add up to more than all customers; "
                "lower one of them",
                ("holdout", "exploration"),
            )
        if self.exploration > 0 and self.max_contacts_per_customer == 0:
            raise Infeasible(
                f"exploration={self.exploration} asks for contacts and max_contacts_per_customer=0 forbids them",
                ("exploration", "max_contacts_per_customer"),
            )
        if self.consent_purpose is not None and not self.require_consent:
            raise Infeasible(
                f"consent_purpose={self.consent_purpose!r} has no effect with require_consent=False; set it to true",
                ("consent_purpose", "require_consent"),
            )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _whole(name: str, value: Any) -> int:
    if not _is_number(value) or not math.isfinite(value) or value < 0 or value != int(value):
        raise PolicyError(f"{name} is {value!r}; it must be a whole number of at least 0")
    return int(value)


def _amount(name: str, value: Any) -> float:
    if not _is_number(value) or not math.isfinite(value) or value < 0:
        raise PolicyError(f"{name} is {value!r}; it must be a finite number of at least 0")
    return float(value)


def _share(name: str, value: Any) -> float:
    highest = "below 1" if name == "holdout" else "at most 1"
    if not _is_number(value) or not 0 <= value <= 1 or (name == "holdout" and value == 1):
        raise PolicyError(f"{name} is {value!r}; it must be a share of the customers of at least 0 and {highest}")
    return float(value)


def _capacities(capacity: Any) -> Mapping[str, int]:
    if not isinstance(capacity, Mapping):
        raise PolicyError(f"channel_capacity is {capacity!r}; it must map each channel to a number of contacts")
    for channel in capacity:
        if not isinstance(channel, str) or not channel:
            raise PolicyError(f"channel_capacity names the channel {channel!r}; a channel is a non-empty text")
    return MappingProxyType({name: _whole(f"channel_capacity[{name!r}]", n) for name, n in capacity.items()})


_GRADES = ("A", "B", "C", "X")


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
