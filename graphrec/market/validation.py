"""Which rows of the raw tables can be used, and why the others cannot.

Hides how raw columns are read and how rows are judged, alone (`graphrec.market.schema`) and against other tables.
A row fails for the first reason that applies; it is set aside, counted, and the rest goes on. A table with too large
a share of bad rows is refused, for then the columns are probably mixed up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import pandera.pandas as pa

from graphrec.market.datamodel import TABLES, DataError, Role
from graphrec.market.schema import NUMBERS, ON_PRODUCT, SCHEMA, TableSchema

__all__ = ["as_pandas", "check_roles", "validate_tables"]

_EARLIEST = pd.Timestamp("1970-01-02", tz="UTC")
_WORDS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}


class _Rejections:
    """Collects the rows set aside from one table, each with its first reason."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.parts: list[pd.DataFrame] = []

    def drop(self, frame: pd.DataFrame, bad: pd.Series, reason: str, column: str | None) -> pd.DataFrame:
        """Return the frame without the bad rows and remember them."""
        if not bool(bad.any()):
            return frame
        rows = frame.index[bad]
        # Identifiers of people never reach a log or an artefact, so only their column is named.
        shown = column is not None and not column.endswith("_id")
        values = frame.loc[bad, column].astype(str) if shown else pd.Series("", index=rows)
        self.parts.append(
            pd.DataFrame({"table": self.table, "row": rows.to_numpy(), "reason": reason, "value": values.to_numpy()})
        )
        return frame.loc[~bad]

    def to_frame(self) -> pd.DataFrame:
        """All rows set aside: table, row, reason, value."""
        empty = pd.DataFrame({"table": [], "row": [], "reason": [], "value": []}).astype(
            {"table": str, "row": "int64", "reason": str, "value": str}
        )
        return pd.concat([empty, *self.parts], ignore_index=True) if self.parts else empty


def validate_tables(
    given: Mapping[str, Any], time_zone: str, maximum_bad_share: float
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, dict[str, int]]:
    """Check every table on its own, then against each other.

    Returns
    -------
    tables : dict of str to pandas.DataFrame
        Clean tables, all of them present.
    rejected : pandas.DataFrame
        Columns table, row, reason, value.
    received : dict of str to int
        Rows given for each table.

    Raises
    ------
    DataError
        Missing column, empty table, unknown time zone, or more than ``maximum_bad_share`` bad rows in a table.
    """
    _check_zone(time_zone)
    if not 0 <= maximum_bad_share <= 1:
        raise DataError(f"maximum_bad_share is {maximum_bad_share!r}; give a share between 0 and 1")
    tables: dict[str, pd.DataFrame] = {}
    rejected: list[pd.DataFrame] = []
    received: dict[str, int] = {}
    for name in ("customers", "products", "campaigns", "solicitations", "events", "consents", "feedback"):
        table = given.get(name)
        frame = pd.DataFrame(columns=list(SCHEMA[name].required)) if table is None else as_pandas(name, table)
        received[name] = len(frame)
        rejections = _Rejections(name)
        clean = _check_alone(name, frame, rejections)
        clean = _check_references(name, clean, tables, rejections)
        aside = rejections.to_frame()
        _check_share(name, frame, aside, maximum_bad_share, tables)
        if clean.empty and SCHEMA[name].must_have_rows:
            raise DataError(f"table {name}: no row is usable; first reason: {aside['reason'].iloc[0]}")
        sort_by = SCHEMA[name].sort_by
        if sort_by is not None:
            clean = clean.sort_values(sort_by, kind="stable")
        tables[name] = clean.reset_index(drop=True)
        rejected.append(aside)
    return (
        {name: tables[name] for name in TABLES},
        pd.concat(rejected, ignore_index=True),
        {name: received[name] for name in TABLES},
    )


def as_pandas(name: str, table: Any) -> pd.DataFrame:
    """Any dataframe as pandas, with positions as index.

    Parameters
    ----------
    name : str
        Name of the table, for messages.
    table : dataframe
        pandas, or anything with ``to_pandas`` (polars, Arrow, Ibis) or ``df`` (DuckDB).

    Raises
    ------
    DataError
        It is none of these, or has a column twice.
    """
    if isinstance(table, pd.DataFrame):
        frame = table
    elif hasattr(table, "to_pandas"):
        frame = table.to_pandas()
    elif hasattr(table, "df"):
        frame = table.df()
    else:
        raise DataError(f"table {name} is a {type(table).__name__}; give a pandas, polars, Arrow or DuckDB table")
    required = SCHEMA[name].required if name in SCHEMA else ()
    hidden = [str(level) for level in frame.index.names if level in required and level not in frame.columns]
    if hidden:
        raise DataError(f"table {name}: the index is called {', '.join(hidden)}; use reset_index() to make it a column")
    if frame.columns.has_duplicates:
        twice = sorted(set(frame.columns[frame.columns.duplicated()].astype(str)))
        raise DataError(f"table {name} has the column {', '.join(twice)} twice; rename one of them")
    return frame.reset_index(drop=True)


def check_roles(roles: Mapping[str, Role], tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Check that roles name attributes that exist, and read their date columns as times.

    Returns
    -------
    dict of str to pandas.DataFrame
        The tables; date columns of attributes are UTC times.

    Raises
    ------
    DataError
        A role names no attribute, an identifier, or a date column that is absent or holds no dates.
    """
    read = dict(tables)
    for column, role in roles.items():
        table = next((name for name in ("customers", "products") if column in read[name].columns), None)
        attributes = [*read["customers"].columns, *read["products"].columns]
        if table is None:
            raise DataError(
                f"roles name the column {column!r}, which neither customers nor products have; "
                f"they have {', '.join(map(str, attributes))}"
            )
        if column.endswith("_id"):
            raise DataError(f"roles name {column!r}; an identifier is no attribute, take it out of roles")
        if role.date_column is not None:
            read[table] = _with_dates(table, read[table], column, role.date_column)
    return read


def _with_dates(table: str, frame: pd.DataFrame, column: str, date_column: str) -> pd.DataFrame:
    """The table with the date column of an attribute as UTC times."""
    if date_column not in frame.columns:
        raise DataError(
            f"the role of {column!r} names the date column {date_column!r}, which {table} does not have; "
            f"it has {', '.join(map(str, frame.columns))}"
        )
    parsed = _parse_times(frame[date_column])
    unread = frame[date_column][parsed.isna() & frame[date_column].notna()]
    if len(unread):
        shown = ", ".join(map(repr, unread.astype(str).unique()[:3]))
        raise DataError(f"column {date_column!r} of {table} cannot be read as dates (first values: {shown})")
    return frame.assign(**{date_column: parsed})


def _check_zone(time_zone: str) -> None:
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError) as error:
        raise DataError(f"time zone {time_zone!r} is unknown; use a name such as 'Europe/Paris'") from error


def _check_alone(name: str, frame: pd.DataFrame, rejections: _Rejections) -> pd.DataFrame:
    """Columns, types, times, ranges and duplicates of one table."""
    table = SCHEMA[name]
    _check_columns(name, frame, table)
    if frame.empty and table.must_have_rows:
        raise DataError(f"table {name} is empty; a market needs at least one row there")
    frame = frame.assign(**{column: None for column in table.optional if column not in frame.columns})
    for column in table.times:
        frame = _read_times(frame, column, column in table.required, rejections)
    for column in NUMBERS:
        if column in (*table.required, *table.optional):
            frame = _read_numbers(frame, column, rejections)
    for column in table.required:
        if column not in table.times:
            frame = rejections.drop(frame, frame[column].isna(), f"{column} is missing", None)
    for column in table.truths:
        frame = _read_truths(frame, column, rejections)
    if "channel" in frame.columns:
        frame = frame.assign(channel=frame["channel"].astype("str"))
    frame = _check_values(frame, table, rejections)
    if table.identity is not None:
        twice = frame[table.identity].duplicated(keep="first")
        frame = rejections.drop(frame, twice, f"{table.identity} occurs twice (the first row is kept)", table.identity)
    return frame


def _check_columns(name: str, frame: pd.DataFrame, table: TableSchema) -> None:
    missing = [column for column in table.required if column not in frame.columns]
    if missing:
        raise DataError(
            f"table {name} lacks the required column {', '.join(missing)}; "
            f"found {', '.join(map(str, frame.columns)) or 'no column'}. Rename the column or map it in market.toml"
        )


def _parse_times(raw: pd.Series) -> pd.Series:
    """Times as UTC, microseconds; missing where a value cannot be read."""
    if pd.api.types.is_datetime64_any_dtype(raw):
        return pd.to_datetime(raw, utc=True).astype("datetime64[us, UTC]")
    if pd.api.types.is_numeric_dtype(raw) and not raw.isna().all():
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")  # seconds, days? nobody can know
    parsed = pd.to_datetime(raw.astype("str"), utc=True, errors="coerce", format="ISO8601")
    parsed = parsed.astype("datetime64[us, UTC]")
    unread = parsed.isna() & raw.notna()
    if bool(unread.any()):
        # REES46 writes "2019-10-01 00:00:00 UTC", which is not ISO 8601.
        text = raw[unread].astype("str").str.removesuffix(" UTC")
        again = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601").astype("datetime64[us, UTC]")
        parsed = parsed.where(~unread, again.reindex(parsed.index))
    return parsed


def _read_times(frame: pd.DataFrame, column: str, required: bool, rejections: _Rejections) -> pd.DataFrame:
    """Times as UTC; unparsable, ancient and future ones are set aside."""
    parsed = _parse_times(frame[column])
    unread = parsed.isna() & frame[column].notna()
    frame = rejections.drop(frame, unread, f"{column} cannot be read as a time", column)
    frame = frame.assign(**{column: parsed.loc[frame.index]})
    if required:
        frame = rejections.drop(frame, frame[column].isna(), f"{column} is missing", None)
        now = pd.Timestamp.now(tz="UTC") + pd.Timedelta(days=1)
        frame = rejections.drop(frame, frame[column] > now, f"{column} lies in the future", column)
        frame = rejections.drop(frame, frame[column] < _EARLIEST, f"{column} lies before 1970-01-02", column)
    return frame


def _read_numbers(frame: pd.DataFrame, column: str, rejections: _Rejections) -> pd.DataFrame:
    number = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    bad = (number.isna() & frame[column].notna()) | number.abs().eq(float("inf"))
    frame = rejections.drop(frame, bad, f"{column} is not a finite number", column)
    return frame.assign(**{column: number.loc[frame.index]})


def _read_truths(frame: pd.DataFrame, column: str, rejections: _Rejections) -> pd.DataFrame:
    """Truth values out of booleans, 0/1 and words; a missing one is false."""
    raw = frame[column]
    if not pd.api.types.is_bool_dtype(raw):
        read = raw.astype("str").str.strip().str.lower().map(_WORDS).astype("boolean")
        unread = read.isna() & raw.notna()
        frame = rejections.drop(frame, unread, f"{column} is neither true nor false", column)
        raw = read.loc[frame.index]
    return frame.assign(**{column: raw.astype("boolean").fillna(False).astype(bool)})


def _check_values(frame: pd.DataFrame, table: TableSchema, rejections: _Rejections) -> pd.DataFrame:
    """Range checks by pandera; one failing row is set aside under its message."""
    if not table.checks or frame.empty:
        return frame
    schema = pa.DataFrameSchema(
        {column: pa.Column(checks=check, nullable=True, required=False) for column, check in table.checks.items()}
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        failures = errors.failure_cases.dropna(subset=["index"])
        for (column, check), cases in failures.groupby(["column", "check"], sort=True):
            bad = pd.Series(frame.index.isin(cases["index"].astype("int64")), index=frame.index)
            frame = rejections.drop(frame, bad, f"{column} {check}", str(column))
    return frame


def _check_references(
    name: str, frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame], rejections: _Rejections
) -> pd.DataFrame:
    """Rows must point at customers and products that exist."""
    if name in ("customers", "products") or frame.empty:
        return frame
    if "customer_id" in frame.columns and name != "campaigns":
        unknown = ~_among(frame["customer_id"], tables["customers"]["customer_id"])
        frame = rejections.drop(frame, unknown, "customer_id is not in customers", "customer_id")
    if "product_id" in SCHEMA[name].required + SCHEMA[name].optional:
        if name == "events":
            missing = frame["product_id"].isna() & frame["event_type"].isin(ON_PRODUCT)
            frame = rejections.drop(frame, missing, "product_id is missing", "event_type")
        unknown = frame["product_id"].notna() & ~_among(frame["product_id"], tables["products"]["product_id"])
        frame = rejections.drop(frame, unknown, "product_id is not in products", "product_id")
    if name == "solicitations" and not tables["campaigns"].empty:
        known = tables["campaigns"]["campaign_id"]
        unknown = frame["campaign_id"].notna() & ~_among(frame["campaign_id"], known)
        frame = rejections.drop(frame, unknown, "campaign_id is not in campaigns", "campaign_id")
    return frame


def _among(column: pd.Series, known: pd.Series) -> pd.Series:
    """Whether each value is one of the known; `Series.isin` takes ten times as long on texts."""
    places = pd.Index(known.unique()).get_indexer(pd.Index(column))
    return pd.Series(places >= 0, index=column.index)


def _check_share(
    name: str, given: pd.DataFrame, aside: pd.DataFrame, maximum: float, tables: Mapping[str, pd.DataFrame]
) -> None:
    """Refuse a table whose bad rows are more than an accident."""
    if len(aside) <= maximum * len(given):
        return
    reasons = aside["reason"].value_counts()
    reason = str(reasons.index[0])
    values = [value for value in aside.loc[aside["reason"] == reason, "value"].head(3) if value]
    shown = f" (first values: {', '.join(values)})" if values else ""
    raise DataError(
        f"table {name}: {len(aside):,} of {len(given):,} rows are unusable, more than the allowed {maximum:.0%}. "
        f"Most often: {reason}, {int(reasons.iloc[0]):,} rows{shown}{_hint(name, reason, given, tables)}"
    )


def _hint(name: str, reason: str, given: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> str:
    """What to do about the most frequent reason."""
    column, _, target = reason.partition(" is not in ")
    if target in tables:
        here, there = given[column].dtype, tables[target][column].dtype
        if here == there:
            return "; compare the spelling of the identifiers in both tables"
        return (
            f"; {column} is {here} in {name} and {there} in {target}: give both the same type "
            "(pandas.read_csv(..., dtype=str) keeps identifiers such as 001 as they are written)"
        )
    if reason.endswith("cannot be read as a time"):
        return "; write 2024-03-31T18:00:00Z, or convert numbers with pandas.to_datetime(..., unit='s')"
    return ""
