"""The words of the data model: names of tables and events, what an attribute is, and the error that data cause.

Hides nothing; it is what the schema, its validation and the tables agree on, so that each imports downwards only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["EVENT_TYPES", "ON_PRODUCT", "TABLES", "DataError", "Role"]

TABLES = ("customers", "products", "solicitations", "campaigns", "events", "consents", "feedback")
EVENT_TYPES = (
    "view",
    "cart",
    "remove_from_cart",
    "purchase",
    "visit",
    "open",
    "click",
    "redeem",
    "unsubscribe",
)
ON_PRODUCT = ("view", "cart", "remove_from_cart", "purchase")
"""Event types that name a product."""


class DataError(ValueError):
    """The data cannot be used as given; the message says what was found and what to do."""


@dataclass(frozen=True)
class Role:
    """What an attribute is: its class in the ontology and how its time is known.

    Parameters
    ----------
    class_name : str, optional
        Ontology class, for example ``"Wealth"``.
    date_column : str, optional
        Column of the same table with the moment the value became known; the value is used only after it.
    immutable : bool
        The value never changes, so it was known before any decision.
    """

    class_name: str | None = None
    date_column: str | None = None
    immutable: bool = False

    @classmethod
    def parse(cls, column: str, value: object) -> Role:
        """Read a role from ``"Wealth"``, ``"immutable"`` or ``{"class": ..., "date": ..., "immutable": ...}``."""
        if isinstance(value, Role):
            return value
        if isinstance(value, str) and value:
            return cls(immutable=True) if value == "immutable" else cls(class_name=value)
        if isinstance(value, Mapping) and set(value) <= {"class", "date", "immutable"}:
            name, date, immutable = value.get("class"), value.get("date"), value.get("immutable", False)
            typed = all(isinstance(word, str | None) for word in (name, date)) and isinstance(immutable, bool)
            if typed and (name or date or immutable):
                return cls(name, date, immutable)
        raise DataError(
            f"role of {column!r} is {value!r}; write a class name such as 'Wealth', the word 'immutable', or a "
            "table with the keys class, date, immutable"
        )
