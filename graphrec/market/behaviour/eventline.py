"""The events of a market as one line for each customer, in whole numbers.

Hides the order of events, local clocks, what an event without a session belongs to, and the counting of occurrences.
Everything is an array over the events in the order of customer, time, kind and product, so a running value is a
cumulative sum.

Alternative considered: a state for each customer, carried from event to event in a loop. It reads like the definitions
but needs compiled code, and each new variable makes the state wider for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.tables import EVENT_TYPES, Market

__all__ = ["EventLine", "expand", "first_of", "n_log_n", "nth_of", "nth_so_far", "steps_of"]

_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000
_SILENCE = 30 * _MINUTE
_CHUNK = 1_000_000
_MILLION = 1_000_000


@dataclass(frozen=True, eq=False)
class EventLine:
    """Events in the order of customer, time, kind and product; -1 where something is missing.

    Attributes
    ----------
    customer, product, category, brand, session : (n,) int64
        Codes. An event without a session belongs to one that thirty minutes of silence end.
    time : (n,) int64
        Microseconds, UTC.
    kind : (n,) int64
        Position in `EVENT_TYPES`.
    cents, units : (n,) int64
        Price of one unit (the event's, else the product's) and quantity (one where none is given).
    hour, day, month : (n,) int64
        By the local clock: hour of the day, days since 1970, month of the year.
    places : History
        Answers where a customer's events before a moment end.
    """

    customer: np.ndarray
    product: np.ndarray
    category: np.ndarray
    brand: np.ndarray
    session: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    cents: np.ndarray
    units: np.ndarray
    hour: np.ndarray
    day: np.ndarray
    month: np.ndarray
    places: History

    @classmethod
    def of(cls, market: Market) -> EventLine:
        """Line of a market's events; those without a customer are passed over."""
        events = market.events
        customer = market.codes("events", "customer_id").astype(np.int64)
        product = market.codes("events", "product_id").astype(np.int64)
        time = to_microseconds(events["event_time"])
        kind = np.asarray(pd.Index(EVENT_TYPES).get_indexer(pd.Index(events["event_type"])), dtype=np.int64)
        kept = np.flatnonzero(customer >= 0)
        order = kept[np.lexsort([column[kept] for column in (product, kind, time, customer)])]
        customer, product, time, kind = customer[order], product[order], time[order], kind[order]
        zoned = pd.DatetimeIndex(time.astype("datetime64[us]")).tz_localize("UTC").tz_convert(market.time_zone)
        wall = zoned.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
        named = np.asarray(pd.factorize(events["session_id"])[0], dtype=np.int64)[order]
        return cls(
            customer=customer,
            product=product,
            category=_attribute(market, "category", product),
            brand=_attribute(market, "brand", product),
            session=_sessions(customer, time, named),
            time=time,
            kind=kind,
            cents=_cents(market, product, events["price"].to_numpy(np.float64)[order]),
            units=events["quantity"].fillna(1.0).to_numpy(np.float64)[order].astype(np.int64),
            hour=wall // _HOUR % 24,
            day=wall // _DAY,
            month=np.asarray(zoned.month, dtype=np.int64),
            places=History(customer, time),
        )

    def __len__(self) -> int:
        return len(self.time)

    def is_kind(self, kind: str) -> np.ndarray:
        """Which events are of a type."""
        return np.asarray(self.kind == EVENT_TYPES.index(kind))

    def pairs(self, column: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Code of (customer, value of the column) of each event; -1 where it is missing or not asked for."""
        codes = pair_codes(self.customer, column, size_of(column))
        return codes if where is None else np.where(where, codes, -1)


def size_of(column: np.ndarray) -> int:
    """One more than the largest code."""
    return int(column.max(initial=0)) + 1


def _attribute(market: Market, name: str, product: np.ndarray) -> np.ndarray:
    """Code of the product's category or brand."""
    codes = np.append(np.asarray(pd.factorize(market.products[name])[0], dtype=np.int64), -1)
    return np.asarray(codes[product])  # an event without a product takes the last one, which is missing


def _cents(market: Market, product: np.ndarray, price: np.ndarray) -> np.ndarray:
    listed = np.append(market.products["price"].to_numpy(np.float64), np.nan)[product]
    price = np.where(np.isfinite(price), price, listed)
    known = np.isfinite(price)
    return np.where(known, np.rint(np.where(known, price, 0.0) * 100), -1).astype(np.int64)


def _sessions(customer: np.ndarray, time: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Code of each event's session: its name and customer, or the stretch without silence."""
    unnamed = np.flatnonzero(named < 0)
    begins = np.ones(len(unnamed), dtype=bool)
    begins[1:] = (np.diff(customer[unnamed]) != 0) | (np.diff(time[unnamed]) > _SILENCE)
    codes = named.copy()
    codes[unnamed] = named.max(initial=-1) + np.cumsum(begins)
    return pair_codes(customer, codes, size_of(codes))


def nth_of(groups: np.ndarray) -> np.ndarray:
    """How often each event's group has occurred, this one included; 0 where the group is negative.

    Examples
    --------
    >>> nth_of(np.array([4, 7, 4, -1, 4])).tolist()
    [1, 1, 2, 0, 3]
    """
    return nth_so_far(groups, groups >= 0)


def nth_so_far(groups: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """How many counted events each event's group has had, this one included; 0 where the group is negative."""
    sums = pd.Series(counted.astype(np.int64)).groupby(groups).cumsum().to_numpy(np.int64)
    return np.where(groups >= 0, sums, 0)


def first_of(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Value of each group's first event."""
    return pd.Series(values).groupby(groups).transform("first").to_numpy(np.int64)


def steps_of(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Difference to the value of the group's event before; 0 at its first."""
    return pd.Series(values).groupby(groups).diff().fillna(0).to_numpy(np.int64)


def n_log_n(n: np.ndarray) -> np.ndarray:
    """Whole millionths of n ln n."""
    return np.asarray(np.rint(n * np.log(np.maximum(n, 1)) * _MILLION).astype(np.int64))


def expand(codes: np.ndarray, size: int, customers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each question, all pairs (customer, value) that its customer ever has: some questions at a time.

    Parameters
    ----------
    codes : (m,) int64
        Of `EventLine.pairs`; negative ones are passed over.
    size : int
        Number of values.
    customers : (n,) int
        Customer of each question.

    Yields
    ------
    rows, pairs, starts : arrays of int
        Question and pair of each combination, and where each question's combinations begin; questions of customers
        without any pair do not occur.
    """
    distinct = np.unique(codes[codes >= 0])
    first = np.searchsorted(distinct, customers.astype(np.int64) * size)
    count = np.searchsorted(distinct, (customers.astype(np.int64) + 1) * size) - first
    some = np.flatnonzero(count)
    cuts = np.unique(np.searchsorted(np.cumsum(count[some]), np.arange(_CHUNK, count.sum(), _CHUNK)))
    for part in np.split(some, cuts):
        if len(part):
            starts = np.cumsum(count[part]) - count[part]
            rows = np.repeat(part, count[part])
            within = np.arange(len(rows)) - np.repeat(starts, count[part])
            yield rows, distinct[first[rows] + within], starts
