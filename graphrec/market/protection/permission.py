"""Who may be contacted for what: consent by channel and purpose, and no where nothing is known.

Hides which of several answers counts: the latest up to the moment; of two at the same time the refusal. A customer,
channel or purpose without an answer is a no, so is an erased customer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.market.clickstream.database import EventDatabase

__all__ = ["allowed_customers", "record_consents"]

_NEEDED = ("customer_id", "channel", "purpose", "granted", "changed_at")


def record_consents(database: EventDatabase, answers: pd.DataFrame, *, key: PseudonymKey) -> int:
    """Add answers of customers; return how many.

    Parameters
    ----------
    database : EventDatabase
    answers : pandas.DataFrame
        customer_id (raw; stored as pseudonym), channel, purpose, granted (bool), changed_at (with its zone).

    Raises
    ------
    DataError
        A column or a value is missing, an answer is no truth value, or a time has no zone. No answer is recorded then.
    """
    import polars as pl

    missing = [name for name in _NEEDED if name not in answers]
    if missing:
        raise DataError(f"consents lack {', '.join(missing)}; needed are {', '.join(_NEEDED)}")
    if answers[list(_NEEDED)].isna().any(axis=None):
        raise DataError("consents have empty cells; an answer without channel, purpose or time says nothing")
    if not pd.api.types.is_bool_dtype(answers["granted"]):
        raise DataError("granted must be true or false in every row")
    times = answers["changed_at"]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise DataError("changed_at has no zone; give times in UTC")
    customers = key.customers(pl.Series(answers["customer_id"].astype(str).tolist(), dtype=pl.String))
    utc = times.dt.tz_convert("UTC").dt.tz_localize(None)
    rows = zip(customers.tolist(), answers["channel"], answers["purpose"], answers["granted"], utc)
    values = [(c, str(channel), str(purpose), bool(g), at.to_pydatetime()) for c, channel, purpose, g, at in rows]
    with database.transaction() as connection:
        if values:
            connection.executemany("INSERT INTO consents VALUES (?, ?, ?, ?, ?)", values)
    return len(values)


def allowed_customers(
    database: EventDatabase, *, channel: str, purpose: str, at: datetime | None = None
) -> frozenset[int]:
    """Pseudonyms of the customers who may be contacted through a channel for a purpose at a moment.

    Examples
    --------
    Everybody else may not: there is no default answer.

    >>> from inspect import signature
    >>> signature(allowed_customers).parameters["purpose"].default is signature(allowed_customers).empty
    True
    """
    moment = (at or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    found = database.connection.execute(
        "SELECT customer FROM (SELECT customer, bool_and(granted) AS granted, changed_at, "
        "row_number() OVER (PARTITION BY customer ORDER BY changed_at DESC) AS nth FROM consents "
        "WHERE channel = ? AND purpose = ? AND changed_at <= ? GROUP BY customer, changed_at) "
        "WHERE nth = 1 AND granted AND customer NOT IN (SELECT customer FROM tombstones)",
        [channel, purpose, moment],
    ).fetchall()
    return frozenset(customer for (customer,) in found)
