"""The event database: one DuckDB file with events, products, loads, quarantine, consents and what was erased.

Hides DuckDB and the tables. Events hold small codes only: customers and sessions are keyed pseudonyms, products,
categories and brands are numbers of their own tables, money is whole cents. Within each load events lie in the order
of customers, so that questions by customer read a part of the file, compress well and meet each customer's rows
together.

Only one process may write. Alternative considered: a folder of Parquet files. It has no transactions: a reader could
see half a load, and erasing one person rewrites every file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    import duckdb

__all__ = ["EventDatabase", "open_events", "parse_size"]

_FORMAT = "1"
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_OUTSIDE = 390 * 10**6
_LEAST = 100 * 10**6
_RESTING = "30MB"
_TABLES = """
CREATE TABLE settings (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE categories (category INTEGER PRIMARY KEY, name VARCHAR NOT NULL);
CREATE TABLE brands (brand INTEGER PRIMARY KEY, name VARCHAR NOT NULL);
CREATE TABLE products (product INTEGER PRIMARY KEY, product_id VARCHAR NOT NULL);
CREATE TABLE items (item BIGINT, product INTEGER, category INTEGER, brand INTEGER);
CREATE TABLE events (
    event_time TIMESTAMP NOT NULL, utc_offset SMALLINT NOT NULL, event_type UTINYINT NOT NULL, customer BIGINT NOT NULL,
    session BIGINT, product INTEGER, category INTEGER, brand INTEGER, cents BIGINT, quantity INTEGER NOT NULL,
    stock INTEGER, load INTEGER NOT NULL);
CREATE TABLE loads (
    load INTEGER PRIMARY KEY, fingerprint VARCHAR UNIQUE NOT NULL, file VARCHAR NOT NULL, bytes BIGINT NOT NULL,
    lines BIGINT NOT NULL, events BIGINT NOT NULL, set_aside BIGINT NOT NULL, repeated BIGINT NOT NULL,
    late BIGINT NOT NULL, withheld BIGINT NOT NULL, first_time TIMESTAMP, last_time TIMESTAMP, earliest_late TIMESTAMP,
    loaded_at TIMESTAMP NOT NULL);
CREATE TABLE quarantine (load INTEGER NOT NULL, line BIGINT NOT NULL, reason VARCHAR NOT NULL, column_name VARCHAR,
    value VARCHAR);
CREATE TABLE consents (customer BIGINT NOT NULL, channel VARCHAR NOT NULL, purpose VARCHAR NOT NULL,
    granted BOOLEAN NOT NULL, changed_at TIMESTAMP NOT NULL);
CREATE TABLE tombstones (customer BIGINT PRIMARY KEY, erased_at TIMESTAMP NOT NULL);
CREATE TABLE journal (noted_at TIMESTAMP NOT NULL, action VARCHAR NOT NULL, detail VARCHAR NOT NULL);
"""


@dataclass(frozen=True)
class EventDatabase:
    """An open event database.

    Attributes
    ----------
    path : pathlib.Path
    connection : duckdb.DuckDBPyConnection
    """

    path: Path
    connection: duckdb.DuckDBPyConnection

    @property
    def settings(self) -> Mapping[str, str]:
        """Name to value: format, key_check, time_zone, and retained_since where events were let go."""
        return dict(self.connection.execute("SELECT name, value FROM settings ORDER BY name").fetchall())

    @property
    def time_zone(self) -> str:
        """Zone in which days are cut."""
        return self.settings["time_zone"]

    @property
    def watermark(self) -> datetime | None:
        """Latest event time loaded, UTC; older events that come now are late."""
        ((latest,),) = self.connection.execute("SELECT max(last_time) FROM loads").fetchall()
        return None if latest is None else latest.replace(tzinfo=UTC)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All or nothing, also when the process is killed.

        Raises
        ------
        DataError
            The disk is full or the memory limit too small; the database is as it was.
        """
        import duckdb

        self.connection.execute("BEGIN TRANSACTION")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            with suppress(duckdb.Error):  # a full disk ends the transaction, and maybe the connection, before we can
                self.connection.execute("ROLLBACK")
            if isinstance(error, duckdb.OperationalError | duckdb.FatalException):
                raise DataError(f"{_reason(error)}; the database {self.path} is as it was") from error
            raise

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Give the memory of cached tables back for as long as something else needs it."""
        ((limit,),) = self.connection.execute("SELECT current_setting('memory_limit')").fetchall()
        self.connection.execute(f"SET memory_limit = '{_RESTING}'")
        try:
            yield
        finally:
            self.connection.execute(f"SET memory_limit = '{limit}'")

    def note(self, action: str, detail: str) -> None:
        """Write a line of the journal: what was done to personal data, never whose."""
        self.connection.execute("INSERT INTO journal VALUES (?, ?, ?)", [_now(), action, detail])


@contextmanager
def open_events(
    path: str | Path,
    *,
    key: PseudonymKey | None = None,
    time_zone: str | None = None,
    memory_limit: str = "1GB",
    threads: int | None = None,
    create: bool = False,
    read_only: bool = False,
) -> Iterator[EventDatabase]:
    """Open a database, or make one with ``create``.

    Parameters
    ----------
    path : path
    key : PseudonymKey, optional
        Checked against the key that the database was made with.
    time_zone : str, optional
        Zone in which days are cut, fixed when the database is made.
    memory_limit : str
        For the whole process, such as ``"512MB"``; what does not fit is spilled to a folder beside the database.
    threads : int, optional
        All cores by default.
    create, read_only : bool

    Raises
    ------
    DataError
        No such database, not a database, another process writes, another key or zone, or a folder without rights.
    """
    import duckdb

    place = Path(path)
    if not place.exists() and not create:
        raise DataError(f"there is no database {place}; `graphrec ingest` makes one")
    if create and not place.parent.is_dir():
        raise DataError(f"there is no folder {place.parent} for the database; make it first")
    spill = place.with_name(f"{place.name}.spill")
    config: dict[str, Any] = {
        "memory_limit": f"{max(_LEAST, parse_size(memory_limit) - _OUTSIDE)}B",
        "threads": threads or os.cpu_count() or 1,
        "temp_directory": str(spill),
    }
    try:
        connection = duckdb.connect(str(place), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise DataError(_why_not(place, error)) from error
    try:
        with suppress(duckdb.Error):  # inside a notebook without widgets there is no bar to switch off
            connection.execute("SET enable_progress_bar = false")
        connection.execute("SET TimeZone = 'UTC'")
        database = EventDatabase(place, connection)
        _prepare(database, key, time_zone, create and not read_only)
        yield database
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def parse_size(text: str) -> int:
    """Bytes of a size such as ``512MB`` or ``4GiB``.

    Examples
    --------
    >>> parse_size("512MB"), parse_size("4 GiB")
    (512000000, 4294967296)
    """
    words = text.strip().upper()
    for unit, factor in sorted(_UNITS.items(), key=lambda pair: -len(pair[0])):
        number = words.removesuffix(unit).strip()
        if words.endswith(unit) and number.replace(".", "", 1).isdigit():
            return int(float(number) * factor)
    raise DataError(f"memory limit {text!r} is no size; write for example 512MB or 4GB")


def _prepare(database: EventDatabase, key: PseudonymKey | None, time_zone: str | None, create: bool) -> None:
    """Make the tables in a new file; check key, format and zone of an old one."""
    connection = database.connection
    found = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not found and create and key is not None:
        with database.transaction():
            connection.execute(_TABLES)
            values = {"format": _FORMAT, "key_check": key.check, "time_zone": time_zone or "UTC"}
            connection.executemany("INSERT INTO settings VALUES (?, ?)", list(values.items()))
        return
    if not {"settings", "events", "loads"} <= found:
        raise DataError(
            f"{database.path} is no database of events; load the files with `graphrec ingest` and name what it wrote"
        )
    settings = database.settings
    if settings["format"] != _FORMAT:
        raise DataError(f"{database.path} has the format {settings['format']}; this version reads {_FORMAT}")
    if key is not None and key.check != settings["key_check"]:
        raise DataError(
            f"the key is not the one that {database.path} was made with: the same customer would get a second "
            "pseudonym and an erased one could come back. Give the first key"
        )
    if time_zone is not None and time_zone != settings["time_zone"]:
        raise DataError(
            f"{database.path} cuts days in {settings['time_zone']}, not in {time_zone}; its zone cannot change"
        )


def _why_not(path: Path, error: Exception) -> str:
    words = str(error)
    if "lock" in words.lower():
        return f"another process has {path} open for writing; wait until it has ended, then run the command again"
    if path.exists() and not os.access(path, os.W_OK):
        return f"cannot write to {path}: it is read-only for this user"
    return f"cannot open {path} as a database: {_reason(error)}"


def _reason(error: Exception) -> str:
    """First line of DuckDB's message."""
    words = str(error).split("\n")[0]
    if "No space left" in words or "File too large" in words:
        return f"the disk is full ({words[:120]}); make room and run the command again"
    if "Out of Memory" in words:
        return f"the memory limit is too small ({words[:120]}); give a larger --memory-limit"
    return words


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
