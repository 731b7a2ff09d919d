"""Events of one customer, taken apart without pandas: for an answer while the customer is there.

Hides the short way. A frame of forty rows costs the long way of `eventsources` three milliseconds of indexes, copies
and hash tables. Here each column is taken out once and coded with a dictionary, in half of one. Whatever is not plain
(a row that cannot be used, times or prices as text) goes the long way, which gives the same table.

Alternative considered: one way for a row and for millions. A dictionary of Python objects is slower than a hash table
in C from some thousand rows on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.eventsources import ALIASES, NEEDED, kind_codes, table_of_frame, whole_ids
from graphrec.market.segmentation.eventtable import EventTable
from graphrec.market.tables import DataError

__all__ = ["table_of_one"]

_MOST = 1_000
_READ = (*NEEDED, "product_id", "category", "category_id", "brand", "price", "session_id")
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def table_of_one(frame: pd.DataFrame, *, time_zone: str = "UTC") -> EventTable:
    """Events of one customer; see `eventsources.table_of_frame`, which gives the same table.

    Raises
    ------
    DataError
        The events are of several customers or of none, or a needed column is missing.
    """
    table = _plain(frame, time_zone) if 0 < len(frame) <= _MOST else None
    if table is None:
        table = table_of_frame(frame, time_zone=time_zone)
    if len(table.customers) != 1:
        raise DataError(f"the events are of {len(table.customers)} customers; give those of one, or use assign")
    return table


def _plain(frame: pd.DataFrame, time_zone: str) -> EventTable | None:
    """The table where every row is plain, otherwise nothing."""
    have = set(frame.columns.tolist())
    column = {name: frame[name] for name in _READ if name in have}
    column |= {new: frame[old] for old, new in ALIASES.items() if old in have and new not in have}
    if not column.keys() >= set(NEEDED):
        return None
    second, price = _seconds(column["event_time"], time_zone), _prices(column.get("price"), len(frame))
    ids = set(_values(column["customer_id"]))
    of = _kinds()
    kind = [of.get(name, 255) for name in _values(column["event_type"])]
    if second is None or price is None or len(ids) != 1 or _missing(next(iter(ids))) or max(kind) == 255:
        return None
    category, categories = _coded(_categories(column), len(frame))
    brand, brands = _coded(_values(column.get("brand")), len(frame))
    columns: dict[str, Any] = {
        "customer": np.zeros(len(frame), dtype=np.int64), "second": second, "kind": np.array(kind, dtype=np.uint8),
        "category": category, "brand": brand, "price": price,
        "product": _coded(_values(column.get("product_id")), len(frame))[0],
        "session": _coded(_values(column.get("session_id")), len(frame))[0],
    }  # fmt: skip
    who = ids.pop()
    own = whole_ids(np.array([who], dtype=object if isinstance(who, str) else None))
    return EventTable.of(own, columns, categories, brands)


@cache
def _kinds() -> dict[str, int]:
    return kind_codes()


def _seconds(column: pd.Series, time_zone: str) -> NDArray[np.int64] | None:
    """Local seconds, if these are times and none is missing."""
    times: Any = column.array
    if not isinstance(times, pd.arrays.DatetimeArray):
        return None
    if time_zone != "UTC":
        times = (times if times.tz is not None else times.tz_localize("UTC")).tz_convert(ZoneInfo(time_zone))
        times = times.tz_localize(None)
    elif times.tz is not None and str(times.tz) != "UTC":
        times = times.tz_convert("UTC")
    ticks: NDArray[np.int64] = times.asi8
    return None if ticks.min() == np.iinfo(np.int64).min else ticks // _PER_SECOND[times.unit]


def _prices(column: pd.Series | None, n: int) -> NDArray[np.float64] | None:
    """Prices above zero, if they are numbers."""
    if column is None:
        return np.full(n, np.nan)
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "fiu":
        return None
    price = column.to_numpy(np.float64)
    return np.where(price > 0, price, np.nan)


def _values(column: pd.Series | None) -> list[Any]:
    """Values as Python objects; those of a categorical column as its few names."""
    if column is None:
        return []
    values: Any = column.array
    if isinstance(values, pd.Categorical):
        names = [*values.categories.tolist(), None]
        return [names[code] for code in values.codes.tolist()]
    return list(column.tolist())


def _categories(column: Mapping[str, pd.Series]) -> list[Any]:
    """Category by name, or by number where it has no name."""
    names, numbers = _values(column.get("category")), _values(column.get("category_id"))
    if not names or not numbers:
        return names or numbers
    return [
        name if not _missing(name) else None if _missing(number) else str(number)
        for name, number in zip(names, numbers)
    ]


def _coded(values: Sequence[Any], n: int) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Codes in order of appearance, -1 where missing, and names."""
    if not values:
        return np.full(n, -1, dtype=np.int64), np.zeros(0, dtype=object)
    distinct = dict.fromkeys(values)
    names = [value for value in distinct if not _missing(value)]
    of = dict.fromkeys(distinct, -1) | {name: code for code, name in enumerate(names)}
    return np.array([of[value] for value in values], dtype=np.int64), np.array([str(name) for name in names], object)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value
