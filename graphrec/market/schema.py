"""The columns of each table of the data model, and what their values must be.

Hides the schema that `graphrec.market.validation` applies. A change of the data model is a change of this file only.

Alternative considered: one class for each table. Seven classes with nothing but fields say less than one mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandera.pandas as pa

from graphrec.market.datamodel import EVENT_TYPES, ON_PRODUCT

__all__ = ["NUMBERS", "ON_PRODUCT", "SCHEMA", "TableSchema"]

NUMBERS = ("price", "margin", "stock", "cost", "propensity", "quantity", "score")
"""Columns read as numbers wherever a table of the data model has them."""


@dataclass(frozen=True)
class TableSchema:
    """The columns of one table.

    Attributes
    ----------
    required, optional : tuple of str
        Columns that must be there; columns that are added empty where they are not.
    times, truths : tuple of str
        Columns read as times and as truth values.
    identity : str or None
        Column whose values are distinct.
    must_have_rows : bool
        A market without any is refused.
    checks : mapping of str to pandera.Check
        Column to the check of its values; the check's message is the reason a row is set aside.
    sort_by : str or None
        Column the rows are sorted by.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()
    identity: str | None = None
    must_have_rows: bool = False
    checks: Mapping[str, pa.Check] | None = None
    sort_by: str | None = None


_POSITIVE = pa.Check.gt(0, error="is not above zero")
_NOT_NEGATIVE = pa.Check.ge(0, error="is negative")

SCHEMA = {
    "customers": TableSchema(("customer_id",), identity="customer_id", must_have_rows=True),
    "products": TableSchema(
        ("product_id",),
        ("category", "brand", "price", "margin", "stock"),
        identity="product_id",
        must_have_rows=True,
        checks={"price": _NOT_NEGATIVE, "stock": _NOT_NEGATIVE},
    ),
    "campaigns": TableSchema(
        ("campaign_id", "product_id"), ("coupon_id", "starts_at", "ends_at"), times=("starts_at", "ends_at")
    ),
    "solicitations": TableSchema(
        ("solicitation_id", "customer_id", "sent_at", "channel"),
        ("product_id", "campaign_id", "slot", "cost", "propensity", "randomised"),
        times=("sent_at",),
        truths=("randomised",),
        identity="solicitation_id",
        checks={
            "channel": pa.Check.ne("none", error="'none' means no contact, so this is no solicitation"),
            "cost": _NOT_NEGATIVE,
            "propensity": pa.Check.in_range(0, 1, include_min=False, error="is not a probability in (0, 1]"),
        },
        sort_by="sent_at",
    ),
    "events": TableSchema(
        ("event_time", "event_type", "customer_id"),
        (
            "product_id",
            "price",
            "quantity",
            "session_id",
            "solicitation_id",
            "campaign_id",
            "coupon_id",
            "channel",
        ),
        times=("event_time",),
        checks={
            "event_type": pa.Check.isin(EVENT_TYPES, error=f"is not one of {', '.join(EVENT_TYPES)}"),
            "price": _NOT_NEGATIVE,
            "quantity": _POSITIVE,
        },
        sort_by="event_time",
    ),
    "consents": TableSchema(
        ("customer_id", "channel", "granted"), ("purpose", "changed_at"), times=("changed_at",), truths=("granted",)
    ),
    "feedback": TableSchema(("customer_id", "created_at", "text"), ("score",), times=("created_at",)),
}
