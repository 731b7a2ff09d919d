"""Files of events into the event database, each exactly once.

Hides the order of things: a file is known by its bytes, so the same file changes nothing; it becomes Parquet parts,
which survive an interruption; the parts enter in one transaction, which a kill undoes whole. Events of an overlapping
export that are there already are not taken twice: of equal events the larger number of any one file counts (a union of
multisets). Events older than the watermark are merged and counted as late, with the earliest of them, so that whatever
was computed from there on can be computed again.

Alternative considered: dropping all equal events. A customer may well look twice within a second.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from graphrec.market.clickstream.database import EventDatabase, open_events
from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.clickstream.parsing import RowParser
from graphrec.market.clickstream.staging import Staged, fingerprint_file, read_columns_of, stage_file
from graphrec.market.clickstream.textblocks import BLOCK_BYTES
from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import DataError

__all__ = ["EARLIEST", "Load", "ingest_events"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_EVENT = ("event_time", "event_type", "customer", "session", "product", "category", "brand", "cents", "quantity")


@dataclass(frozen=True)
class Load:
    """What became of one file.

    Attributes
    ----------
    file : str
    events : int
        Events that entered the database.
    set_aside : int
        Lines in the quarantine.
    repeated, late, withheld : int
        Events not taken because another file had brought them; taken though older than the watermark; not taken
        because their customer was erased or their date is past the retention.
    lines : int
        Lines of the file below its header.
    known : bool
        The file had been loaded before, so nothing was done.
    kept_parts : int
        Parts that an interrupted attempt had left.
    """

    file: str
    events: int
    set_aside: int
    repeated: int
    late: int
    withheld: int
    lines: int
    known: bool = False
    kept_parts: int = 0


def ingest_events(
    files: Sequence[str | Path],
    database: str | Path,
    *,
    key: PseudonymKey,
    layout: EventFormat | None = None,
    time_zone: str | None = None,
    memory_limit: str = "1GB",
    threads: int | None = None,
    maximum_bad_share: float = 0.2,
    now: datetime | None = None,
    block_bytes: int = BLOCK_BYTES,
    progress: bool = False,
) -> tuple[Load, ...]:
    """Load files into the database, in the order given.

    Parameters
    ----------
    files : sequence of path
        CSV (plain or gzip) or Parquet files.
    database : path
        DuckDB file; made where it is missing.
    key : PseudonymKey
        Identifiers of customers and sessions are replaced by keyed pseudonyms before anything is written.
    layout : EventFormat, optional
        By default the marketplace format.
    time_zone : str, optional
        Zone in which days are cut; fixed with the first load (UTC by default).
    memory_limit : str
        For the whole process.
    threads : int, optional
    maximum_bad_share : float
        Share of a file's lines that may be set aside before the file is refused.
    now : datetime.datetime, optional
        Events a day after it are set aside; by default the time of the call.
    block_bytes : int
        Bytes of text parsed at a time.
    progress : bool
        A bar on stderr with events a second and the time left.

    Returns
    -------
    tuple of Load, one for each file

    Raises
    ------
    DataError
        A file that is empty, cut off, damaged or without a needed column, too many bad lines, another writer, a wrong
        key, a full disk. Files before it are loaded, the database holds nothing of it.

    Notes
    -----
    Assumes that a file does not change while it is read (its size and time are compared before and after).
    """
    if not 0 <= maximum_bad_share <= 1:
        raise DataError(f"maximum_bad_share is {maximum_bad_share!r}; give a share between 0 and 1")
    if not files:
        raise DataError("no file to load; name at least one")
    moment = now or datetime.now(UTC)
    way = layout or EventFormat()
    paths = [Path(file) for file in files]
    with open_events(
        database, key=key, time_zone=time_zone, memory_limit=memory_limit, threads=threads, create=True
    ) as opened:
        return tuple(
            _load_file(opened, path, way, key, moment, maximum_bad_share, block_bytes, progress) for path in paths
        )


def _load_file(
    database: EventDatabase,
    path: Path,
    layout: EventFormat,
    key: PseudonymKey,
    now: datetime,
    maximum_bad_share: float,
    block_bytes: int,
    progress: bool,
) -> Load:
    fingerprint = fingerprint_file(path)
    folder = _staging_place(database.path) / fingerprint[:16]
    if (before := _known_load(database, fingerprint, path.name)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
        return before
    header = read_columns_of(path, layout)
    parser = RowParser(layout, header, key, database.time_zone, EARLIEST, now + timedelta(days=1))
    seen = path.stat()
    with _progress(path, progress) as advance:
        with database.resting():
            staged = stage_file(path, folder, parser, advance=advance, block_bytes=block_bytes)
        after = path.stat()
        if (seen.st_size, seen.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            staged.remove()
            raise DataError(f"{path.name} changed while it was read; load it when it is complete")
        if staged.aside > maximum_bad_share * max(1, staged.lines):
            raise DataError(_too_many_bad(path, staged, maximum_bad_share))
        load = _insert(database, path, fingerprint, staged, now)
    staged.remove()
    _remove_empty(folder.parent)
    return load


def _staging_place(database: Path) -> Path:
    return database.with_name(f"{database.name}.staging")


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _known_load(database: EventDatabase, fingerprint: str, file: str) -> Load | None:
    found = database.connection.execute(
        "SELECT events, set_aside, repeated, late, withheld, lines FROM loads WHERE fingerprint = ?", [fingerprint]
    ).fetchall()
    if not found:
        return None
    events, set_aside, repeated, late, withheld, lines = found[0]
    return Load(file, events, set_aside, repeated, late, withheld, lines, known=True)


def _too_many_bad(path: Path, staged: Staged, allowed: float) -> str:
    import polars as pl

    reasons = (
        pl.scan_parquet(staged.folder / "aside-*.parquet")
        .group_by("reason", "column")
        .agg(n=pl.len(), line=pl.col("line").min())
        .sort("n", "line", descending=[True, False])
        .head(3)
        .collect()
    )
    staged.remove()
    shown = "; ".join(
        f"{row['n']:,} where {row['column'] or 'the line'} {row['reason']} (first: line {row['line']:,})"
        for row in reasons.iter_rows(named=True)
    )
    share = f"{staged.aside:,} of {staged.lines:,} lines are unusable, more than the allowed {allowed:.0%}"
    return f"{path.name}: {share}: {shown}"


def _insert(database: EventDatabase, path: Path, fingerprint: str, staged: Staged, now: datetime) -> Load:
    """Bring the parts into the database in one transaction."""
    rows, items, aside = (
        f"read_parquet('{_literal(staged.folder)}/{name}-*.parquet')" for name in ("rows", "items", "aside")
    )
    watermark = database.watermark
    with database.transaction() as connection:
        (number,) = _one(connection, "SELECT coalesce(max(load), 0) + 1 FROM loads")
        if not staged.lines:
            values = (0, 0, None, None, None)
            repeated = withheld = 0
        else:
            _add_items(connection, items)
            withheld = _stage_events(connection, rows, database.settings.get("retained_since"))
            repeated = _drop_repeated(connection)
            connection.execute(
                f"INSERT INTO events SELECT {', '.join(_COLUMNS)}, {number} FROM incoming "
                "ORDER BY customer, event_time, event_type, session, product, category, brand, cents, quantity, stock"
            )
            mark = "NULL" if watermark is None else f"TIMESTAMP '{watermark.replace(tzinfo=None)}'"
            values = _one(
                connection,
                f"SELECT count(*), count(*) FILTER (event_time < {mark}), min(event_time), max(event_time), "
                f"min(event_time) FILTER (event_time < {mark}) FROM incoming",
            )
            connection.execute(f'INSERT INTO quarantine SELECT {number}, line, reason, "column", value FROM {aside}')
            connection.execute("DROP TABLE incoming")
        events, late, first, last, earliest_late = values
        connection.execute(
            f"INSERT INTO loads VALUES ({', '.join('?' * 14)})",
            [number, fingerprint, path.name, path.stat().st_size, staged.lines, events, staged.aside, repeated, late,
             withheld, first, last, earliest_late, now.astimezone(UTC).replace(tzinfo=None)],
        )  # fmt: skip
    return Load(path.name, events, staged.aside, repeated, late, withheld, staged.lines, kept_parts=staged.kept_parts)


_COLUMNS = (
    "event_time", "utc_offset", "event_type", "customer", "session", "product", "category", "brand", "cents",
    "quantity", "stock",
)  # fmt: skip


def _add_items(connection: Any, items: str) -> None:
    """Give codes to products, categories, brands and their combinations that are new, in the order of their names."""
    connection.execute(
        f"CREATE TEMP TABLE fresh AS SELECT item, product_id, coalesce(category, category_id) AS category, brand "
        f"FROM (SELECT item, any_value(product_id) AS product_id, any_value(category_id) AS category_id, "
        f"any_value(category) AS category, any_value(brand) AS brand FROM {items} GROUP BY item) "
        "WHERE item NOT IN (SELECT item FROM items)"
    )
    for table, column, name in (
        ("products", "product_id", "product_id"), ("categories", "category", "name"), ("brands", "brand", "name")
    ):  # fmt: skip
        code = {"products": "product", "categories": "category", "brands": "brand"}[table]
        connection.execute(
            f"INSERT INTO {table} "
            f"SELECT (SELECT coalesce(max({code}), -1) FROM {table}) + row_number() OVER (ORDER BY v), v "
            f"FROM (SELECT DISTINCT {column} AS v FROM fresh WHERE {column} IS NOT NULL) "
            f"WHERE v NOT IN (SELECT {name} FROM {table}) ORDER BY v"
        )
    connection.execute(
        "INSERT INTO items SELECT item, p.product, c.category, b.brand FROM fresh "
        "LEFT JOIN products p USING (product_id) LEFT JOIN categories c ON fresh.category = c.name "
        "LEFT JOIN brands b ON fresh.brand = b.name ORDER BY item"
    )
    connection.execute("DROP TABLE fresh")


def _stage_events(connection: Any, rows: str, retained_since: str | None) -> int:
    """Join the codes; leave out erased customers and what is past its retention. Returns how many were left out."""
    kept = "TRUE" if retained_since is None else f"event_time >= TIMESTAMP '{retained_since}'"
    connection.execute(
        f"CREATE TEMP VIEW incoming_all AS SELECT r.*, i.product, i.category, i.brand "
        f"FROM {rows} r JOIN items i USING (item)"
    )
    connection.execute(
        f"CREATE TEMP TABLE incoming AS SELECT {', '.join(_COLUMNS)} FROM incoming_all "
        f"WHERE {kept} AND customer NOT IN (SELECT customer FROM tombstones)"
    )
    (before,), (after,) = (
        _one(connection, f"SELECT count(*) FROM {rows}"),
        _one(connection, "SELECT count(*) FROM incoming"),
    )
    connection.execute("DROP VIEW incoming_all")
    return int(before - after)


def _drop_repeated(connection: Any) -> int:
    """Leave out events that other files brought, as many of each as they brought."""
    first, last = _one(connection, "SELECT min(event_time), max(event_time) FROM incoming")
    (overlap,) = _one(connection, "SELECT count(*) FROM loads WHERE first_time <= ? AND last_time >= ?", [last, first])
    if first is None or not overlap:
        return 0
    same = " AND ".join(f"n.{name} IS NOT DISTINCT FROM k.{name}" for name in _EVENT)
    connection.execute(
        f"CREATE TEMP TABLE known AS SELECT {', '.join(_EVENT)}, count(*) AS times FROM events "
        "WHERE event_time BETWEEN ? AND ? AND (customer, event_time) IN (SELECT (customer, event_time) FROM incoming) "
        "GROUP BY ALL",
        [first, last],
    )
    connection.execute(
        f"CREATE TEMP TABLE fresh AS SELECT n.* EXCLUDE (nth) FROM (SELECT *, row_number() OVER "
        f"(PARTITION BY {', '.join(_EVENT)} ORDER BY stock) AS nth FROM incoming) n "
        f"LEFT JOIN known k ON {same} WHERE nth > coalesce(k.times, 0)"
    )
    (before,), (after,) = (
        _one(connection, "SELECT count(*) FROM incoming"),
        _one(connection, "SELECT count(*) FROM fresh"),
    )
    connection.execute("DROP TABLE incoming; ALTER TABLE fresh RENAME TO incoming; DROP TABLE known")
    return int(before - after)


def _one(connection: Any, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
    (found,) = connection.execute(query, list(values)).fetchall()
    return tuple(found)


def _literal(path: Path) -> str:
    return str(path).replace("'", "''")


@contextmanager
def _progress(path: Path, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar over the bytes of the file, with events a second and the time left."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"reading {path.name}", total=path.stat().st_size, rate="")

        def advance(position: int, rows: int) -> None:
            elapsed = bar.tasks[task].elapsed or 1e-9
            bar.update(task, completed=position, rate=f"{rows / elapsed:,.0f} events/s")

        yield advance
        bar.update(task, description=f"loaded {path.name}")
