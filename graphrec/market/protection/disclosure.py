"""What may leave the house: a person's own data to that person, groups of at least k, and the record for the DPO.

Hides the forms. A subject's copy is JSON, a structured and machine-readable format (GDPR, articles 15 and 20). Groups
of fewer than k customers are left out, and one more with them where a single one could be found by subtraction
(complementary suppression, Cox 1980). The record of processing follows article 30.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import EVENT_TYPES, DataError
from graphrec.market.writing import write_text

if TYPE_CHECKING:
    from graphrec.market.clickstream.database import EventDatabase

__all__ = ["export_customer", "keep_large_groups", "processing_record"]

_RECORD = {
    "purpose": "recommendations and contact plans for customers of the shop",
    "categories of persons": "customers and visitors, under pseudonyms",
    "categories of data": "events of the clickstream (what, when, which product, price), answers on consent",
    "special categories": "none; products can hint at some, so categories of that kind should not be loaded",
    "recipients": "none outside the controller; exports hold groups of a minimum size",
    "transfers to third countries": "none",
    "security": "keyed pseudonyms (SipHash-2-4, 128-bit key derived from a 256-bit secret kept apart from the data), "
    "key file readable by its owner only, one writer, transactions, no identifier in logs",
    "not covered": "backups and copies handed on have to be erased where they lie",
}


def export_customer(database: EventDatabase, customer_id: str, path: str | Path, *, key: PseudonymKey) -> int:
    """Write everything held about one customer as JSON; return the number of events.

    Raises
    ------
    DataError
        Nothing is held about the customer, or the file cannot be written.
    """
    pseudonym = key.customer(customer_id)
    events = _rows(
        database,
        "SELECT event_time, event_type, session, product_id, c.name AS category, b.name AS brand, cents, quantity "
        "FROM events LEFT JOIN products USING (product) LEFT JOIN categories c USING (category) "
        "LEFT JOIN brands b USING (brand) WHERE customer = ? "
        "ORDER BY event_time, event_type, session, product_id, cents",
        pseudonym,
    )
    for event in events:
        event["event_type"] = EVENT_TYPES[event["event_type"]]
    consents = _rows(
        database,
        "SELECT channel, purpose, granted, changed_at FROM consents WHERE customer = ? ORDER BY ALL",
        pseudonym,
    )
    erased = _rows(database, "SELECT erased_at FROM tombstones WHERE customer = ?", pseudonym)
    if not events and not consents and not erased:
        raise DataError(f"{database.path} holds nothing about this customer")
    held = {
        "pseudonym": pseudonym, "times": "UTC", "events": events, "consents": consents, "erased": erased,
        "processing": _RECORD,
    }  # fmt: skip
    write_text(path, json.dumps(held, indent=1, default=str, ensure_ascii=False) + "\n")
    Path(path).chmod(0o600)
    return len(events)


def _rows(database: EventDatabase, query: str, customer: int) -> list[dict[str, Any]]:
    found = database.connection.execute(query, [customer])
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row)) for row in found.fetchall()]


def keep_large_groups(
    table: pd.DataFrame, by: Sequence[str], *, customer: str = "customer_id", k: int = 10
) -> tuple[pd.DataFrame, int]:
    """Customers of each group, without groups of fewer than ``k``.

    Parameters
    ----------
    table : pandas.DataFrame
        One row or more for each customer.
    by : sequence of str
        Columns that make the groups.
    customer : str
        Column of customers; distinct ones are counted.
    k : int, at least 2

    Returns
    -------
    (pandas.DataFrame, int)
        The columns of ``by`` and customers; how many groups were left out. Where only one is too small, the next
        larger one goes with it: a total would give it away.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": range(25), "town": ["A"] * 12 + ["B"] * 10 + ["C"] * 3})
    >>> keep_large_groups(table, ["town"])
    (  town  customers
    0    A         12, 2)
    """
    if k < 2:
        raise DataError(f"k is {k}; a group of one is a person, so give at least 2")
    groups = table.groupby(list(by), dropna=False, observed=True)[customer].nunique().rename("customers").reset_index()
    small = groups["customers"] < k
    if small.sum() == 1 and not small.all():
        others = groups.loc[~small, "customers"]
        small = small | (groups.index == others.idxmin())
    return groups[~small].reset_index(drop=True), int(small.sum())


def processing_record(database: EventDatabase) -> dict[str, Any]:
    """Return the record of processing activities: what is held, since when, under which key, and what was erased."""
    connection = database.connection
    ((events, customers, first, last),) = connection.execute(
        "SELECT count(*), count(DISTINCT customer), min(event_time), max(event_time) FROM events"
    ).fetchall()
    ((erased,),) = connection.execute("SELECT count(*) FROM tombstones").fetchall()
    loads = connection.execute(
        "SELECT file, loaded_at, events, set_aside, withheld FROM loads ORDER BY load"
    ).fetchall()
    journal = connection.execute("SELECT noted_at, action, detail FROM journal ORDER BY noted_at, action").fetchall()
    settings = database.settings
    return _RECORD | {
        "events": events,
        "customers": customers,
        "first event": None if first is None else str(first),
        "last event": None if last is None else str(last),
        "retained since": settings.get("retained_since", "no end of retention was set"),
        "key": settings["key_check"],
        "erased customers": erased,
        "loads": [dict(zip(("file", "loaded at", "events", "set aside", "withheld"), map(str, row))) for row in loads],
        "journal": [{"at": str(at), "action": action, "detail": json.loads(detail)} for at, action, detail in journal],
    }
