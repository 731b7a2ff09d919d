"""Raw columns get their final types before the rows are judged.

Hides the rules of one column: identifiers stay text or whole numbers, days become local midnight, clocks become
UTC, and text out of CSV files becomes numbers or truth values where all of it can be read so.

Alternative considered: leaving types to pandas. A missing value then turns whole-number identifiers into floats,
``DECIMAL`` into Python objects and days into midnight UTC, which is the evening before in New York.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.market.tables import DataError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_columns", "read_text_columns", "unify_identifiers"]

_IDS = ("customer_id", "product_id", "solicitation_id", "campaign_id", "coupon_id", "session_id")
_TIMES = ("sent_at", "starts_at", "ends_at", "event_time", "changed_at", "created_at")
_TRUTHS = ("granted", "randomised")
_TEXTS = ("channel", "event_type", "category", "brand", "slot", "purpose", "text")
_NUMBERS = ("price", "margin", "stock", "cost", "propensity", "quantity", "score")
_WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "oui", "vrai", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "non", "faux", "0"), False),
}
_DAY = r"\d{4}-\d{2}-\d{2}"
_ZONED = r".*(?:Z|UTC|[+-]\d{2}:?\d{2})"
_NUMBER = r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"  # 007 is a name, not a number


def read_columns(
    rows: pyarrow.Table, table: str, *, time_zone: str, naive_times: str = "UTC", dates: Collection[str] = ()
) -> pd.DataFrame:
    """Give the columns of one table their types.

    Parameters
    ----------
    rows : pyarrow.Table
        The rows as read.
    table : str
        Name of the table, for messages.
    time_zone : str
        Zone whose midnight a day stands for.
    naive_times : {"UTC", "local"}
        How clocks without a zone are read.
    dates : collection of str
        Attributes that say when another attribute became known.

    Returns
    -------
    pandas.DataFrame
        Times aware and UTC; identifiers ``str`` or whole numbers; nothing nested.

    Raises
    ------
    DataError
        Identifiers that are fractions, nested or binary columns, truth values or dates that cannot be read.
    """
    clock = time_zone if naive_times == "local" else "UTC"
    frame = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        series = _to_series(column, f"column {name} of table {table}", name in _IDS)
        if _is_day(column.type):
            series = _to_utc(pd.to_datetime(series, errors="coerce"), time_zone)
        elif pd.api.types.is_datetime64_any_dtype(series):
            series = _to_utc(series, clock)
        elif name in _TIMES or name in dates:
            series = _localise_text(series, time_zone, clock)
        if name in _TRUTHS:
            series = _read_truths(series, f"column {name} of table {table}")
        if name in dates:
            series = _read_dates(series, f"column {name} of table {table}")
        frame[name] = series
    return pd.DataFrame(frame, index=pd.RangeIndex(rows.num_rows))


def read_text_columns(frame: pd.DataFrame, *, decimal: str = ".", dates: Collection[str] = ()) -> pd.DataFrame:
    """Turn the text of a CSV file into numbers, column by column, where the whole column can be read so.

    Identifiers (every column ending in ``_id``), times, channels and other words of the data model stay text, and
    ``007`` is never a number.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns of text.
    decimal : str
        Decimal mark of the file.
    dates : collection of str
        Attributes that hold dates.

    Examples
    --------
    >>> read = read_text_columns(pd.DataFrame({"wealth": ["1,5", "2"], "zip": ["01000", "75001"]}), decimal=",")
    >>> read["wealth"].tolist(), read["zip"].tolist()
    ([1.5, 2.0], ['01000', '75001'])
    """
    fixed = {*_IDS, *_TIMES, *_TRUTHS, *_TEXTS, *dates}
    result = {}
    for name in frame.columns:
        column = frame[name]
        if name not in fixed and not name.endswith("_id") and pd.api.types.is_string_dtype(column):
            text = column.str.strip().str.replace(decimal, ".", regex=False) if decimal != "." else column.str.strip()
            if name in _NUMBERS:
                column = text  # judged row by row at the door
            elif bool(text.notna().any()) and bool(text.dropna().str.fullmatch(_NUMBER).all()):
                column = pd.to_numeric(text)
        result[name] = column
    return pd.DataFrame(result, index=frame.index)


def unify_identifiers(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Turn an identifier into text everywhere if one table has it as text and another as a whole number."""
    result = dict(tables)
    for name in _IDS:
        holders = [table for table, frame in tables.items() if name in frame and bool(frame[name].notna().any())]
        numeric = {table for table in holders if pd.api.types.is_integer_dtype(tables[table][name])}
        if numeric and len(numeric) < len(holders):
            for table in numeric:
                result[table] = result[table].assign(**{name: result[table][name].astype("Int64").astype("str")})
    return result


def _to_series(column: pyarrow.ChunkedArray, where: str, is_identifier: bool) -> pd.Series:
    """Arrow to pandas without floats for whole numbers, nor Python objects."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    if is_identifier and (types.is_floating(kind) or (types.is_decimal(kind) and kind.scale > 0)):
        raise DataError(
            f"{where} holds fractions ({kind}); identifiers are text or whole numbers. Read the table in a query "
            "with CAST(... AS BIGINT)"
        )
    if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind) or types.is_interval(kind):
        raise DataError(f"{where} is of type {kind}; a column holds plain values. Take it apart in a query")
    if types.is_dictionary(kind) or types.is_null(kind) or types.is_time(kind):
        column = column.cast(pyarrow.string())
    elif types.is_decimal(kind):
        column = column.cast(pyarrow.int64() if is_identifier else pyarrow.float64())
    elif types.is_boolean(kind) and column.null_count:
        return pd.Series(column.to_pandas(types_mapper={kind: pd.BooleanDtype()}.get))
    elif types.is_integer(kind) and is_identifier and column.null_count:
        return pd.Series(column.cast(pyarrow.int64()).to_pandas(types_mapper={pyarrow.int64(): pd.Int64Dtype()}.get))
    return pd.Series(column.to_pandas())


def _is_day(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_date(kind))


def _to_utc(series: pd.Series, zone: str) -> pd.Series:
    """Aware times converted, naive ones read in the zone: the first of two equal clocks, the end of a gap."""
    if series.dt.tz is None:
        first = np.ones(len(series), dtype=bool)
        series = series.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    return pd.Series(series.dt.tz_convert("UTC").astype("datetime64[us, UTC]"))


def _localise_text(series: pd.Series, time_zone: str, clock: str) -> pd.Series:
    """Write days and local clocks in text as UTC; leave the rest for the door to judge."""
    if not pd.api.types.is_string_dtype(series):
        return series
    text = series.str.strip()
    days = text.str.fullmatch(_DAY).fillna(False).astype(bool)
    parts = [(days, time_zone)]
    if clock != "UTC":
        parts.append((~days & text.notna() & ~text.str.fullmatch(_ZONED).fillna(False).astype(bool), clock))
    for mask, zone in parts:
        naive = pd.to_datetime(text[mask], errors="coerce", format="ISO8601").dropna()
        if len(naive):
            text = text.copy()
            text.loc[naive.index] = _to_utc(naive, zone).dt.strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    return text


def _read_truths(series: pd.Series, where: str) -> pd.Series:
    """Truth values out of words and numbers."""
    if pd.api.types.is_bool_dtype(series):
        return series
    words = series.astype("str").str.strip().str.lower().str.removesuffix(".0")
    read = words.map(_WORDS)
    unread = read.isna() & series.notna()
    if bool(unread.any()):
        shown = ", ".join(map(repr, words[unread].unique()[:3]))
        raise DataError(f"{where} holds {shown}; write true or false")
    return read.astype("boolean")


def _read_dates(series: pd.Series, where: str) -> pd.Series:
    """The moments at which an attribute became known."""
    if pd.api.types.is_datetime64_any_dtype(series):
        return series
    read = pd.to_datetime(series, errors="coerce", utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    unread = read.isna() & series.notna()
    if bool(unread.any()):
        shown = ", ".join(map(repr, series[unread].unique()[:3]))
        raise DataError(f"{where} cannot be read as dates (first values: {shown}); write 2024-03-31")
    return read
