"""Events of a market, a database, files or a frame, as one table of codes.

Hides where events come from. Identifiers stay what they are at the source: a market's and a file's own, a database's
pseudonyms. Rows that cannot be used (no time, no customer, an unknown type) are counted by reason.

Alternative considered: loading every file into a database first. Its identifiers are pseudonyms, which nobody could
join with the customers of the file afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.clickstream.database import EventDatabase, open_events
from graphrec.market.segmentation.eventtable import KINDS, EventTable
from graphrec.market.tables import EVENT_TYPES, DataError, Market

if TYPE_CHECKING:
    pass

__all__ = ["ALIASES", "NEEDED", "Source", "kind_codes", "read_blocks", "read_events", "table_of_frame", "whole_ids"]

Source = Market | EventDatabase | EventTable | pd.DataFrame | str | Path | Sequence[str | Path]
"""What events are read from."""

_BLOCK = 3_000_000
_OTHER = len(KINDS) - 1
ALIASES = {"user_id": "customer_id", "category_code": "category", "user_session": "session_id"}
_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
NEEDED = ("event_time", "event_type", "customer_id")


def read_events(source: Source, *, before: datetime | None = None, time_zone: str = "UTC") -> EventTable:
    """Read all events of a source.

    Parameters
    ----------
    source : Market, EventDatabase, frame, path or paths
        A frame has event_time, event_type and customer_id (user_id in the marketplace format), and may have product_id,
        category (category_code, category_id), brand, price and session_id (user_session). A path is a database, a
        folder with a ``market.toml``, a folder of event files, or a CSV or Parquet file of events.
    before : datetime.datetime, optional
        With its zone; only events strictly before it.
    time_zone : str
        Zone in which hours and days are cut, where the source has none of its own.

    Raises
    ------
    DataError
        Not a source of events, a needed column is missing, or no event can be used.
    """
    if before is not None and before.tzinfo is None:
        raise DataError(f"before is {before} without a zone; say which, for example with tzinfo=UTC")
    table = _read(source, before, time_zone)
    if not len(table):
        told = ", ".join(f"{n:,} {reason}" for reason, n in table.set_aside.items())
        raise DataError(
            f"no event can be used{f' ({told})' if told else ''}{'' if before is None else f' before {before}'}"
        )
    return table


def read_blocks(source: Source, *, time_zone: str = "UTC") -> Iterator[EventTable]:
    """The events of a source, some customers at a time where it is a database, otherwise all at once."""
    if isinstance(source, EventDatabase):
        yield from _database_blocks(source, None)
    elif isinstance(source, str | Path) and _is_database(Path(source)):
        with open_events(source, read_only=True) as opened:
            yield from _database_blocks(opened, None)
    else:
        yield read_events(source, time_zone=time_zone)


def _read(source: Source, before: datetime | None, time_zone: str) -> EventTable:
    if isinstance(source, EventTable):
        return source if before is None else source.only(source.second < _local_second(before, time_zone))
    if isinstance(source, Market):
        return _from_market(source, before)
    if isinstance(source, EventDatabase):
        return _from_database(source, before)
    if isinstance(source, str | Path):
        return _from_path(Path(source), before, time_zone)
    if isinstance(source, pd.DataFrame) or hasattr(source, "__arrow_c_stream__") or hasattr(source, "to_pandas"):
        from graphrec.market.validation import as_pandas

        return table_of_frame(as_pandas("events", source), before=before, time_zone=time_zone)
    if isinstance(source, Sequence) and source and all(isinstance(part, str | Path) for part in source):
        return table_of_frame(_read_files([Path(part) for part in source]), before=before, time_zone=time_zone)
    raise DataError(
        f"events come from a Market, an event database, a frame or paths of files; got a {type(source).__name__}"
    )


def _local_second(moment: datetime, time_zone: str) -> int:
    """Local seconds of a moment, as a table counts them."""
    local = moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=UTC)
    return int(local.timestamp())


def _from_path(path: Path, before: datetime | None, time_zone: str) -> EventTable:
    if not path.exists():
        raise DataError(f"there is no {path}; name a folder with a market.toml, an event database or files of events")
    if path.is_dir():
        if (path / "market.toml").exists():
            from graphrec.market.ingestion import read_market

            return _from_market(read_market(path), before)
        files = sorted(file for file in path.iterdir() if file.name.lower().endswith(_SUFFIXES) and _has_events(file))
        if not files:
            raise DataError(f"{path} has neither a market.toml nor files of events ({', '.join(_SUFFIXES)})")
        return table_of_frame(_read_files(files), before=before, time_zone=time_zone)
    if _is_database(path):
        with open_events(path, read_only=True) as opened:
            return _from_database(opened, before)
    return table_of_frame(_read_files([path]), before=before, time_zone=time_zone)


def _is_database(path: Path) -> bool:
    return path.suffix.lower() in (".duckdb", ".db", ".ddb")


def _has_events(path: Path) -> bool:
    """Whether the header of a file names the columns of events; a table of truth or of products lies beside them."""
    import polars as pl

    try:
        if path.suffix.lower() == ".parquet":
            names = set(pl.read_parquet_schema(path))
        else:
            names = set(pl.read_csv(path, n_rows=1, infer_schema=False, truncate_ragged_lines=True).columns)
    except (OSError, pl.exceptions.PolarsError):
        return True  # a damaged file is not passed over: reading it says what is wrong
    return {"event_time", "event_type"} <= names


def _read_files(files: list[Path]) -> pd.DataFrame:
    """Files of events under the names of the data model; text stays text."""
    import polars as pl

    parts = []
    for file in files:
        if not file.name.lower().endswith(_SUFFIXES):
            raise DataError(f"{file.name} is of an unknown kind; give {', '.join(_SUFFIXES)}, or a .duckdb database")
        try:
            if file.suffix.lower() == ".parquet":
                part = pl.read_parquet(file)
            else:
                mark = "\t" if ".tsv" in file.name.lower() else ","
                part = pl.read_csv(file, separator=mark, infer_schema=False, truncate_ragged_lines=True)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"cannot read {file}: {str(error).splitlines()[0]}") from error
        parts.append(_named(part))
    frame = pl.concat(parts, how="diagonal_relaxed")
    if frame.schema.get("event_time") == pl.String:
        frame = frame.with_columns(_parsed_times(frame["event_time"]))
    for name in ("price", "customer_id", "product_id"):
        if frame.schema.get(name) == pl.String:
            kind = pl.Float64 if name == "price" else pl.Int64
            numbers = frame[name].cast(kind, strict=False)
            if name == "price" or numbers.null_count() == frame[name].null_count():
                frame = frame.with_columns(numbers)  # identifiers only where every one of them is a number
    read = pd.DataFrame(frame.to_pandas())
    if "customer_id" in frame.columns and frame.schema["customer_id"].is_integer():
        who = frame["customer_id"]  # beside a missing one, pandas would make numbers with a decimal point of all
        read["customer_id"] = pd.arrays.IntegerArray(
            who.fill_null(0).to_numpy().copy(), who.is_null().to_numpy().copy()
        )
    return read


def whole_ids(ids: NDArray[Any]) -> NDArray[Any]:
    """Identifiers without the decimal point that a missing value beside them gave to whole numbers.

    Examples
    --------
    >>> whole_ids(np.array([500100.0, 500200.0])).tolist(), whole_ids(np.array(["a1"])).tolist()
    ([500100, 500200], ['a1'])
    """
    if ids.dtype.kind == "f" and bool((np.abs(ids) < 2**53).all()) and bool((ids == np.floor(ids)).all()):
        return ids.astype(np.int64)
    return ids


def _check_columns(names: list[str]) -> None:
    """Name what is missing as a file of the marketplace calls it, and what is there as this one does."""
    of = {new: old for old, new in ALIASES.items()}
    missing = [name for name in NEEDED if name not in names and of.get(name) not in names]
    if missing:
        told = ", ".join(f"{of[name]} (or {name})" if name in of else name for name in missing)
        raise DataError(f"events need {told}; found: {', '.join(names)[:300]}")


def _named(part: Any) -> Any:
    """A polars frame under the names of the data model, with only the columns that are read."""
    _check_columns(list(part.columns))
    have = set(part.columns)
    names = {old: new for old, new in ALIASES.items() if old in have and new not in have}
    part = part.rename(names)
    wanted = [*NEEDED, "product_id", "category", "category_id", "brand", "price", "session_id"]
    return part.select([name for name in wanted if name in part.columns])


def _parsed_times(column: Any) -> Any:
    import polars as pl

    plain = column.str.strip_suffix(" UTC").str.strip_chars()
    times = plain.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    if times.null_count() > column.null_count():
        zoned = pd.to_datetime(pd.Series(plain.to_list()), utc=True, errors="coerce", format="ISO8601")
        times = pl.Series("event_time", zoned.dt.tz_localize(None).to_numpy("datetime64[us]"))
    return times.dt.replace_time_zone("UTC").alias("event_time")


def _from_market(market: Market, before: datetime | None) -> EventTable:
    events = market.events
    products = market.products.drop_duplicates("product_id").set_index("product_id")
    frame = events.assign(
        **{name: events["product_id"].map(products[name]) for name in ("category", "brand") if name in products}
    )
    listed = pd.to_numeric(events["product_id"].map(products["price"]), errors="coerce")
    frame["price"] = pd.to_numeric(events["price"], errors="coerce").astype(np.float64).fillna(listed)
    table = table_of_frame(frame, before=before, time_zone=market.time_zone)
    return _with_all(table, np.asarray(market.vocabulary.customers.ids))


def _with_all(table: EventTable, ids: NDArray[np.generic]) -> EventTable:
    """The same events among all customers of a market, those without an event included."""
    from dataclasses import replace

    place = pd.Index(ids).get_indexer(pd.Index(table.customers))
    columns = {
        name: getattr(table, name) for name in ("second", "kind", "product", "category", "brand", "price", "session")
    }
    moved = EventTable.of(ids, columns | {"customer": place[table.customer]}, table.categories, table.brands)
    return replace(moved, set_aside=table.set_aside)


def table_of_frame(frame: pd.DataFrame, *, before: datetime | None = None, time_zone: str = "UTC") -> EventTable:
    """Events of a frame; see `read_events` for its columns.

    Raises
    ------
    DataError
        A needed column is missing.
    """
    _check_columns([str(name) for name in frame.columns])
    frame = frame.rename(columns={old: new for old, new in ALIASES.items() if old in frame and new not in frame})
    times, zone = _utc(frame["event_time"]), ZoneInfo(time_zone)
    kind, known = _kinds(frame["event_type"])
    good = {"have no time": times.notna().to_numpy(), "have no customer": frame["customer_id"].notna().to_numpy(),
            "are of an unknown type": known}  # fmt: skip
    set_aside, keep = {}, np.ones(len(frame), dtype=bool)
    for reason, fine in good.items():
        if n := int((keep & ~fine).sum()):
            set_aside[reason] = n
        keep &= fine
    if before is not None:
        keep &= (times < pd.Timestamp(before)).to_numpy()
    if not keep.all():
        frame, times, kind = frame[keep], times[keep], kind[keep]
    local = times if time_zone == "UTC" else times.dt.tz_convert(zone)
    second = local.dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    customer, ids = pd.factorize(frame["customer_id"], sort=True)
    category, categories = _coded(_categories(frame), len(frame))
    brand, brands = _coded(frame.get("brand"), len(frame))
    price = pd.to_numeric(frame["price"], errors="coerce").to_numpy(np.float64) if "price" in frame else None
    columns: dict[str, Any] = {
        "customer": customer.astype(np.int64), "second": second, "kind": kind, "category": category, "brand": brand,
        "product": _codes(frame.get("product_id"), len(frame)), "session": _codes(frame.get("session_id"), len(frame)),
        "price": np.full(len(frame), np.nan) if price is None else np.where(price > 0, price, np.nan),
    }  # fmt: skip
    return EventTable.of(whole_ids(np.asarray(ids)), columns, categories, brands, set_aside)


def _utc(column: pd.Series) -> pd.Series:
    if not pd.api.types.is_datetime64_any_dtype(column):
        words = column.astype("string").str.removesuffix(" UTC")
        return pd.Series(pd.to_datetime(words, utc=True, errors="coerce", format="ISO8601"))
    return pd.Series(column.dt.tz_localize("UTC") if column.dt.tz is None else column.dt.tz_convert("UTC"))


def _kinds(column: pd.Series) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Codes of the types of events, and whether each is known."""
    code, names = pd.factorize(column)
    of = kind_codes()
    lookup = np.array([*(of.get(str(name).strip().lower(), 255) for name in names), 255], dtype=np.uint8)
    kind = lookup[code]
    return kind, kind < 255


def kind_codes() -> dict[str, int]:
    """Type of event to its position in `KINDS`."""
    return {name: KINDS.index(name) if name in KINDS else _OTHER for name in EVENT_TYPES}


def _categories(frame: pd.DataFrame) -> pd.Series | None:
    """Category by name, or by number where it has no name."""
    if "category" not in frame:
        return frame.get("category_id")
    if "category_id" not in frame:
        return frame["category"]
    names = frame["category"]
    if isinstance(names.dtype, pd.CategoricalDtype):
        names = names.astype(object)  # a categorical column takes no name that is new to it
    return names.where(names.notna(), frame["category_id"].astype("string"))


def _coded(column: pd.Series | None, n: int) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    if column is None:
        return np.full(n, -1, dtype=np.int64), np.zeros(0, dtype=object)
    code, names = pd.factorize(column)
    return code.astype(np.int64), np.array([str(name) for name in names], dtype=object)


def _codes(column: pd.Series | None, n: int) -> NDArray[np.int64]:
    """Codes of what is never called by name."""
    return np.full(n, -1, dtype=np.int64) if column is None else pd.factorize(column)[0].astype(np.int64)


def _from_database(database: EventDatabase, before: datetime | None) -> EventTable:
    blocks = list(_database_blocks(database, before, size=2**62))
    if not blocks:
        raise DataError(f"{database.path} holds no event{'' if before is None else f' before {before}'}")
    return blocks[0]


def _database_blocks(database: EventDatabase, before: datetime | None, size: int = _BLOCK) -> Iterator[EventTable]:
    """Ranges of the pseudonyms, which are evenly spread numbers, with about ``size`` events each."""
    limit = "" if before is None else f" AND event_time < TIMESTAMP '{before.astimezone(UTC).replace(tzinfo=None)}'"
    ((events,),) = database.connection.execute("SELECT count(*) FROM events").fetchall()
    shares = max(1, -(-events // size))
    bounds = [-(2**63) + i * (2**64 // shares) for i in range(shares)] + [2**63]
    categories, brands = (_names(database, table) for table in ("categories", "brands"))
    for low, high in pairwise(bounds):
        rows = database.connection.execute(
            "SELECT customer, floor(epoch(event_time))::BIGINT + utc_offset::BIGINT * 60 AS second, event_type, "
            f"product, category, brand, cents, session FROM events WHERE customer BETWEEN {low} AND {high - 1}{limit} "
            "ORDER BY customer"
        ).fetchnumpy()
        if len(rows["customer"]):
            yield _of_rows(rows, categories, brands)


def _names(database: EventDatabase, table: str) -> NDArray[np.object_]:
    column = {"categories": "category", "brands": "brand"}[table]
    found = database.connection.execute(f"SELECT name FROM {table} ORDER BY {column}").fetchall()
    return np.array([name for (name,) in found], dtype=object)


def _of_rows(rows: Mapping[str, Any], categories: NDArray[np.object_], brands: NDArray[np.object_]) -> EventTable:
    def codes(name: str) -> NDArray[np.int64]:
        return np.asarray(np.ma.filled(np.ma.asarray(rows[name]).astype(np.int64), -1))

    who = codes("customer")
    ids, customer = np.unique(who, return_inverse=True)
    named = ~np.ma.getmaskarray(rows["session"])
    session = np.where(named, pd.factorize(np.ma.getdata(rows["session"]))[0], -1)
    cents = np.ma.filled(np.ma.asarray(rows["cents"]).astype(np.float64), np.nan)
    kind = np.minimum(codes("event_type"), _OTHER).astype(np.uint8)
    columns: dict[str, Any] = {
        "customer": customer.astype(np.int64), "second": codes("second"), "kind": kind, "product": codes("product"),
        "category": codes("category"), "brand": codes("brand"), "session": session,
        "price": np.where(cents > 0, cents / 100, np.nan),
    }  # fmt: skip
    return EventTable.of(ids, columns, categories, brands)
