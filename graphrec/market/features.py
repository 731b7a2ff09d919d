"""Behaviour of customers as of any moment: variables, weekly activity and customer-product edges.

Hides the engine: the expressions of `graphrec.market.behaviour` run in DuckDB, some customers at a time, so that
memory depends on the size of a share and not of the data. Customers' pseudonyms are evenly spread numbers, and events
lie in their order, so a share is a range that reads its own part of the file.

Alternative considered: one query over everything. DuckDB spills where it must, and then takes twice as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from graphrec.market.behaviour.definitions import FEATURE_ROLES, FEATURES, Feature
from graphrec.market.tables import DataError
from graphrec.market.writing import replacing

if TYPE_CHECKING:
    import ibis
    import pyarrow

    from graphrec.market.clickstream.database import EventDatabase

__all__ = [
    "FEATURES",
    "FEATURE_ROLES",
    "Feature",
    "compute_features",
    "weekly_activity",
    "write_edges",
    "write_features",
]

_SHARE = 600_000
_SHARED = "share_events"
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def compute_features(database: EventDatabase, *, as_of: datetime | None = None, cents: int = 100) -> pd.DataFrame:
    """Compute the variables of all customers from the events before a moment.

    Parameters
    ----------
    database : EventDatabase
    as_of : datetime.datetime, optional
        With its zone. By default the local midnight after the last event.
    cents : int
        Cents in a unit of the currency.

    Returns
    -------
    pandas.DataFrame
        customer_id (the pseudonym) and the columns of `FEATURES`, one row for each customer with an event, sorted;
        what has no value (the recency of a purchase that never was) is missing.

    Raises
    ------
    DataError
        There is no event before the moment.

    Notes
    -----
    Assumes that ``event_time`` is when the shop could know of the event. Events that arrive late are in the features
    of their own time, although nobody knew them then; `graphrec.market.clickstream.loading.Load.late` counts them.
    """
    parts = [part.to_pandas() for part in _feature_parts(database, as_of, cents)]
    return pd.DataFrame(pd.concat(parts, ignore_index=True))


def write_features(
    database: EventDatabase, path: str | Path, *, as_of: datetime | None = None, cents: int = 100
) -> int:
    """Write the same table to one Parquet file, a share of the customers at a time; return its rows."""
    return _write(path, _feature_parts(database, as_of, cents))


def write_edges(database: EventDatabase, path: str | Path, *, as_of: datetime | None = None) -> int:
    """Write customer-product edges to one Parquet file; return its rows.

    Columns customer_id, product (code), views, carts, removals, purchases, last_time.
    """
    from graphrec.market.behaviour.aggregates import edges, events_before

    query = _to_sql(edges(events_before(_moment(database, as_of), _SHARED)))
    parts = (_named(database.connection.sql(query).to_arrow_table()) for _ in _each_share(database))
    return _write(path, parts)


def weekly_activity(database: EventDatabase, *, as_of: datetime | None = None, weeks: int = 26) -> pd.DataFrame:
    """Activity of each customer in each of the last weeks, as a time series.

    Returns
    -------
    pandas.DataFrame
        customer_id, week (0 is the last), events, purchases, cents; weeks without an event have no row.
    """
    from graphrec.market.behaviour.aggregates import by_session, events_before, weekly

    if weeks < 1:
        raise DataError(f"weeks is {weeks}; give a number from 1 on")
    moment = _moment(database, as_of)
    zone = ZoneInfo(database.time_zone).utcoffset(moment.replace(tzinfo=UTC).astimezone(ZoneInfo(database.time_zone)))
    offset = int(zone.total_seconds() // 60) if zone is not None else 0
    rows = weekly(
        by_session(events_before(moment), moment.replace(tzinfo=UTC)), moment.replace(tzinfo=UTC), offset, weeks
    )
    table = database.connection.sql(_to_sql(rows.order_by("customer", "week"))).to_arrow_table()
    return pd.DataFrame(_named(table).to_pandas())


def _feature_parts(database: EventDatabase, as_of: datetime | None, cents: int) -> Iterator[pyarrow.Table]:
    """Variables of one share of the customers after the other."""
    if cents < 1:
        raise DataError(f"cents is {cents}; give a number from 1 on, such as 100")
    moment, connection = _moment(database, as_of), database.connection
    steps, last = _plan(moment, cents)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE category_means AS {_category_means(moment)}")
    try:
        for _ in _each_share(database):
            for name, query in steps.items():
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
            # Sorted here: a sort in the database carries all columns along and takes a third of the whole query.
            yield _named(connection.sql(last).to_arrow_table().sort_by("customer"))
    finally:
        for name in ("category_means", *steps):
            connection.execute(f"DROP TABLE IF EXISTS {name}")


def _plan(moment: datetime, cents: int) -> tuple[dict[str, str], str]:
    """SQL of the tables that are kept, in their order, and of the variables; the same for every share."""
    import ibis

    from graphrec.market.behaviour.aggregates import (
        Level,
        by_product,
        by_session,
        describe_customers,
        events_before,
        summaries,
    )

    steps: dict[str, str] = {}

    def keep(name: str, rows: ibis.Table) -> ibis.Table:
        steps[name] = _to_sql(rows)
        return ibis.table(rows.schema(), name=name)

    events, zoned = events_before(moment, _SHARED), moment.replace(tzinfo=UTC)
    level = Level(keep("by_session", by_session(events, zoned)), keep("by_product", by_product(events)))
    means = ibis.table({"category": "int32", "mean_cents": "int64"}, name="category_means")
    parts = {name: keep(name, part) for name, part in summaries(level, means).items()}
    return steps, _to_sql(describe_customers(parts, cents))


def _category_means(moment: datetime) -> str:
    """SQL of the mean viewed price of each category before the moment, in whole cents."""
    from graphrec.market.behaviour.aggregates import events_before

    events = events_before(moment)
    rows = events.filter((events.event_type == 0) & events.cents.notnull() & events.category.notnull())
    grouped = rows.group_by("category").agg(total=rows.cents.sum().cast("int64"), n=rows.count().cast("int64"))
    means = grouped.select(category=grouped.category, mean_cents=(grouped.total // grouped.n).cast("int64"))
    return _to_sql(means)


def _to_sql(rows: ibis.Table) -> str:
    """SQL for DuckDB, whose sums of whole numbers have 128 bits where Ibis takes them for 64 and drops the cast."""
    import ibis
    from sqlglot import exp, parse_one

    def narrow(node: exp.Expression) -> exp.Expression:
        return exp.cast(node, "BIGINT") if isinstance(node, exp.Sum) else node

    return parse_one(str(ibis.to_sql(rows, "duckdb")), read="duckdb").transform(narrow).sql("duckdb")


def _each_share(database: EventDatabase) -> Iterator[None]:
    """Make the view of shared events show one share of the customers after the other."""
    try:
        for low, high in _shares(database):
            database.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {_SHARED} AS SELECT * FROM events WHERE customer BETWEEN {low} AND {high}"
            )
            yield
    finally:
        database.connection.execute(f"DROP VIEW IF EXISTS {_SHARED}")


def _shares(database: EventDatabase) -> list[tuple[int, int]]:
    """Ranges of pseudonyms with about as many events as memory is made for."""
    ((events,),) = database.connection.execute("SELECT count(*) FROM events").fetchall()
    shares = max(1, -(-events // _SHARE))
    width = 2**64 // shares
    starts = [_LOWEST + i * width for i in range(shares)]
    return [(start, (starts[i + 1] - 1) if i + 1 < shares else _HIGHEST) for i, start in enumerate(starts)]


def _moment(database: EventDatabase, as_of: datetime | None) -> datetime:
    """The moment in UTC without a zone, as the database stores times; there must be an event before it."""
    if as_of is None:
        last = database.watermark
        if last is None:
            raise DataError(f"{database.path} holds no event; load a file first")
        local = last.astimezone(ZoneInfo(database.time_zone)) + timedelta(days=1)
        as_of = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if as_of.tzinfo is None:
        raise DataError(f"as_of is {as_of} without a zone; say which, for example with tzinfo=UTC")
    moment = as_of.astimezone(UTC).replace(tzinfo=None)
    found = database.connection.execute("SELECT 1 FROM events WHERE event_time < ? LIMIT 1", [moment]).fetchall()
    if not found:
        raise DataError(f"{database.path} holds no event before {as_of}; choose a later as_of")
    return moment


def _named(table: pyarrow.Table) -> pyarrow.Table:
    return table.rename_columns(["customer_id" if name == "customer" else name for name in table.column_names])


def _write(path: str | Path, parts: Iterator[pyarrow.Table]) -> int:
    import pyarrow.parquet

    rows = 0
    with replacing(path) as beside:
        writer = None
        try:
            for part in parts:
                writer = writer or pyarrow.parquet.ParquetWriter(
                    beside, part.schema, compression="lz4", use_dictionary=False
                )
                writer.write_table(part)
                rows += part.num_rows
        finally:
            if writer is not None:
                writer.close()
    return rows
