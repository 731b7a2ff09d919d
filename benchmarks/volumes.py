"""The jobs that `benchmarks.ingestion` runs, each in a process of its own: ours, DuckDB by hand and polars by hand.

Hides how a job is measured: it prints one line of JSON with seconds, CPU seconds, peak memory and rows. A process of
its own is the only way to a true peak of memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["JOBS", "main"]

KEY = bytes(range(32))
_FIELDS = [
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id",
    "user_session",
]  # fmt: skip
_BY_HAND = """
    SELECT customer, count(*) FILTER (event_type = 0) AS views, count(*) FILTER (event_type = 1) AS carts,
    count(*) FILTER (event_type = 2) AS removals, count(*) FILTER (event_type = 3) AS purchases, count(*) AS events,
    sum(cents * quantity) FILTER (event_type = 3) AS spend, max(event_time) AS last,
    max(event_time) FILTER (event_type = 0) AS last_view, max(event_time) FILTER (event_type = 1) AS last_cart,
    max(event_time) FILTER (event_type = 2) AS last_removal, max(event_time) FILTER (event_type = 3) AS last_purchase,
    min(event_time) AS first, count(DISTINCT session) AS sessions, count(DISTINCT product) AS products,
    count(DISTINCT category) AS categories, count(DISTINCT brand) AS brands, count(DISTINCT event_time::DATE) AS days,
    count(DISTINCT session) FILTER (event_type = 3) AS orders,
    count(DISTINCT session) FILTER (event_type = 1) AS with_cart,
    count(DISTINCT product) FILTER (event_type = 3) AS bought, entropy(category) AS category_entropy,
    entropy(brand) AS brand_entropy, avg(cents) FILTER (event_type = 0) AS viewed_price, max(cents) AS dearest,
    avg((hour(event_time) < 6)::INT) AS night, avg((hour(event_time) BETWEEN 6 AND 11)::INT) AS morning,
    avg((hour(event_time) BETWEEN 12 AND 17)::INT) AS afternoon, avg((hour(event_time) > 17)::INT) AS evening,
    avg((isodow(event_time) > 5)::INT) AS weekend, avg((month(event_time) IN (12, 1, 2))::INT) AS winter,
    count(*) FILTER (event_time > '2019-11-03') AS recent, count(*) FILTER (event_time <= '2019-11-03') AS before,
    count(*) FILTER (event_type = 3 AND event_time > '2019-11-03') AS recent_purchases
    FROM events GROUP BY customer"""


def polars_parquet(files: list[Path], out: Path, limit: str) -> int:
    """The file as typed columns, as polars streams it."""
    import polars as pl

    kinds = dict.fromkeys(("product_id", "category_id", "user_id"), pl.Int64) | {"price": pl.Float64}
    schema = {name: kinds.get(name, pl.String) for name in _FIELDS}
    for i, file in enumerate(files):
        rows = pl.scan_csv(file, schema=schema).with_columns(
            pl.col("event_time").str.to_datetime("%Y-%m-%d %H:%M:%S UTC", time_unit="us")
        )
        rows.sink_parquet(out / f"{i}.parquet", compression="lz4")
    return int(pl.scan_parquet(out / "*.parquet").select(pl.len()).collect().item())


def duckdb_parquet(files: list[Path], out: Path, limit: str) -> int:
    """The same by DuckDB."""
    import duckdb

    connection = duckdb.connect(config={"memory_limit": limit, "threads": 2})
    kinds = dict.fromkeys(("product_id", "category_id", "user_id"), "BIGINT") | {"price": "DOUBLE"}
    columns = ", ".join(f"'{name}': '{kinds.get(name, 'VARCHAR')}'" for name in _FIELDS)
    rows = 0
    for i, file in enumerate(files):
        query = (
            "SELECT * REPLACE (strptime(event_time, '%Y-%m-%d %H:%M:%S UTC') AS event_time) FROM "
            f"read_csv('{file}', header = true, auto_detect = false, columns = {{{columns}}})"
        )
        connection.execute(f"COPY ({query}) TO '{out / f'{i}.parquet'}' (FORMAT parquet, COMPRESSION lz4)")
        ((found,),) = connection.execute(f"SELECT count(*) FROM '{out / f'{i}.parquet'}'").fetchall()
        rows += found
    return rows


def our_parquet(files: list[Path], out: Path, limit: str) -> int:
    """Checked, pseudonymised, in cents, with a quarantine, resumable."""
    from graphrec.market.clickstream.eventformat import EventFormat
    from graphrec.market.clickstream.loading import EARLIEST
    from graphrec.market.clickstream.parsing import RowParser
    from graphrec.market.clickstream.staging import read_columns_of, stage_file
    from graphrec.market.protection.keys import PseudonymKey

    layout, rows = EventFormat(), 0
    for i, file in enumerate(files):
        header = read_columns_of(file, layout)
        parser = RowParser(layout, header, PseudonymKey(KEY), "UTC", EARLIEST, datetime(2030, 1, 1, tzinfo=UTC))
        rows += stage_file(file, out / str(i), parser).rows
    return rows


def our_database(files: list[Path], out: Path, limit: str) -> int:
    """The whole way into the database; files that are there already cost their fingerprint."""
    from graphrec.market.clickstream.loading import ingest_events
    from graphrec.market.protection.keys import PseudonymKey

    loads = ingest_events(files, out / "events.duckdb", key=PseudonymKey(KEY), memory_limit=limit, threads=2)
    return sum(load.events for load in loads)


def our_features(files: list[Path], out: Path, limit: str) -> int:
    """All variables of all customers, one thread."""
    from graphrec.market.clickstream.database import open_events
    from graphrec.market.features import write_features

    with open_events(files[0], memory_limit=limit, threads=1) as opened:
        return write_features(opened, out / "features.parquet")


def our_edges(files: list[Path], out: Path, limit: str) -> int:
    """Customer-product edges, one thread."""
    from graphrec.market.clickstream.database import open_events
    from graphrec.market.features import write_edges

    with open_events(files[0], memory_limit=limit, threads=1) as opened:
        return write_edges(opened, out / "edges.parquet")


def duckdb_features(files: list[Path], out: Path, limit: str) -> int:
    """33 aggregates in one statement over the same table, one thread."""
    import duckdb

    config = {"memory_limit": limit, "threads": 1, "temp_directory": str(out / "spill")}
    connection = duckdb.connect(str(files[0]), read_only=True, config=config)
    connection.execute(f"COPY ({_BY_HAND}) TO '{out / 'by_hand.parquet'}' (FORMAT parquet)")
    ((rows,),) = connection.execute(f"SELECT count(*) FROM '{out / 'by_hand.parquet'}'").fetchall()
    return int(rows)


def duckdb_edges(files: list[Path], out: Path, limit: str) -> int:
    """The same edges in one statement, one thread."""
    import duckdb

    config = {"memory_limit": limit, "threads": 1, "temp_directory": str(out / "spill")}
    connection = duckdb.connect(str(files[0]), read_only=True, config=config)
    query = (
        "SELECT customer, product, count(*) FILTER (event_type = 0) AS views, "
        "count(*) FILTER (event_type = 1) AS carts, "
        "count(*) FILTER (event_type = 2) AS removals, count(*) FILTER (event_type = 3) AS purchases, "
        "max(event_time) AS last_time FROM events WHERE product IS NOT NULL GROUP BY customer, product"
    )
    connection.execute(f"COPY ({query}) TO '{out / 'edges_by_hand.parquet'}' (FORMAT parquet)")
    ((rows,),) = connection.execute(f"SELECT count(*) FROM '{out / 'edges_by_hand.parquet'}'").fetchall()
    return int(rows)


def copy_table(files: list[Path], out: Path, limit: str) -> int:
    """The table of events as one Parquet file, for polars."""
    import duckdb

    with duckdb.connect(str(files[0]), read_only=True) as connection:
        connection.execute(f"COPY events TO '{out / 'table.parquet'}' (FORMAT parquet)")
        ((rows,),) = connection.execute("SELECT count(*) FROM events").fetchall()
    return int(rows)


def polars_features(files: list[Path], out: Path, limit: str) -> int:
    """25 aggregates in one expression over a Parquet copy of the table (set POLARS_MAX_THREADS=1)."""
    import polars as pl

    kind, time_of = pl.col("event_type"), pl.col("event_time")
    kinds = ("views", "carts", "removals", "purchases")
    rows = pl.scan_parquet(out / "table.parquet").group_by("customer").agg(
        *((kind == i).sum().alias(name) for i, name in enumerate(kinds)),
        pl.len(), pl.col("cents").filter(kind == 3).sum().alias("spend"), time_of.max().alias("last"),
        time_of.min().alias("first"),
        *(time_of.filter(kind == i).max().alias(f"last_{n}") for i, n in enumerate(kinds)),
        *(pl.col(name).n_unique().alias(f"n_{name}") for name in ("session", "product", "category", "brand")),
        time_of.dt.date().n_unique().alias("days"), pl.col("session").filter(kind == 3).n_unique().alias("orders"),
        pl.col("cents").filter(kind == 0).mean().alias("viewed_price"), pl.col("cents").max().alias("dearest"),
        *((time_of.dt.hour() // 6 == i).mean().alias(f"part_{i}") for i in range(4)),
        (time_of.dt.weekday() > 5).mean().alias("weekend"),
    )  # fmt: skip
    return len(rows.collect())


JOBS: dict[str, Callable[[list[Path], Path, str], int]] = {
    job.__name__: job
    for job in (
        polars_parquet, duckdb_parquet, our_parquet, our_database, our_features, our_edges, duckdb_features,
        duckdb_edges, polars_features, copy_table,
    )
}  # fmt: skip


def main() -> None:
    """Run one job and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("out", type=Path)
    parser.add_argument("limit")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    rows = JOBS[options.job](options.files, options.out, options.limit)
    done = {"rows": rows, "seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(done | {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
