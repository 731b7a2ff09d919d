"""Sums over each customer's events before a moment, for millions of (customer, moment) questions.

Hides that nothing is computed again for another moment. Every sum is a running value along the customer's line of
events, read off at the last event strictly before the moment: a distinct count counts first occurrences, the sum of
n ln n grows by the difference of two terms, a window is the difference of two readings. So all questions together cost
one pass over the events and a binary search each, whatever the number of distinct moments; nothing later can touch a
reading.

Alternative considered: the queries of `graphrec.market.behaviour.aggregates` once for each moment. Daily decisions
over two years would read the events seven hundred times. Both give the same sums (tested).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from graphrec.market.behaviour.eventline import (
    EventLine,
    expand,
    first_of,
    n_log_n,
    nth_of,
    nth_so_far,
    size_of,
    steps_of,
)
from graphrec.market.history import History
from graphrec.market.tables import Market

__all__ = ["SUMS", "RunningSums"]

_SECOND = 1_000_000
_WEEK, _WINDOW = 7 * 86_400 * _SECOND, 28 * 86_400 * _SECOND
_NEVER = np.iinfo(np.int64).min
_KINDS = {"views": "view", "carts": "cart", "removals": "remove_from_cart", "purchases": "purchase"}
_LAST = {"last_view": "view", "last_cart": "cart", "last_removal": "remove_from_cart", "last_purchase": "purchase"}
_PARTS = ("night", "morning", "afternoon", "evening")
_SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8)}
_BREADTH = ("categories", "category_events", "category_log", "brands", "brand_events", "brand_log")
_OTHERS = (
    "events", "weekend", "units", "cents", "active_days", "sessions", "orders", "with_cart", "abandoned", "seconds",
    "bounces", "products_viewed", "products_bought", "priced_views", "viewed_cents", "unbought",
)  # fmt: skip
_LARGEST = ("longest", "deepest", "category_top", "brand_top")
_MOMENTS = ("newest", "oldest", "first_start", "last_start", *_LAST)
_WINDOWS = {
    "recent": ("events", 0), "before": ("events", 1), "recent_purchases": ("purchases", 0), "recent_cents": ("cents", 0)
}  # fmt: skip
"""Sum, and how many windows of 28 days ago the one ends that is looked at."""
_AT_THE_MOMENT = ("active_weeks", "expected_viewed", "expected_bought", "dearest")
SUMS = (*_OTHERS, *_KINDS, *_PARTS, *_SEASONS, *_BREADTH, *_LARGEST, *_MOMENTS, *_WINDOWS, *_AT_THE_MOMENT)
"""Names of all sums, those of `graphrec.market.behaviour.aggregates.summaries`."""


@dataclass
class RunningSums:
    """Running sums of a market's customers.

    Parameters
    ----------
    market : Market
    """

    market: Market
    _kept: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def _line(self) -> EventLine:
        return EventLine.of(self.market)

    def before(self, name: str, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """One sum over the events strictly before each time.

        Parameters
        ----------
        name : str
            Of `SUMS`.
        customers : (n,) int
            Codes.
        times : (n,) int64
            Microseconds.

        Returns
        -------
        (n,) float64
            Ages in seconds; missing where there is no event, or none of the kind.
        """
        if name in _WINDOWS:
            of, ago = _WINDOWS[name]
            found = self._read(of, customers, times - ago * _WINDOW, 0.0)
            found = found - self._read(of, customers, times - (ago + 1) * _WINDOW, 0.0)
        elif name in _AT_THE_MOMENT:
            found = getattr(self, f"_{name}")(customers, times)
        else:
            found = self._read(name, customers, times, np.nan)
            found = times // _SECOND - found if name in _MOMENTS else found
        return np.where(self._line.places.last_position(customers, times) >= 0, found, np.nan)

    def _read(self, name: str, customers: np.ndarray, times: np.ndarray, otherwise: float) -> np.ndarray:
        if not len(self._line):
            return np.full(len(customers), otherwise)
        place, values = self._line.places.last_position(customers, times), self._running(name)
        return np.where((place >= 0) & (values[place] != _NEVER), values[place].astype(np.float64), otherwise)

    def _running(self, name: str) -> np.ndarray:
        """Value after each event: the sum so far, or the largest so far."""
        if name not in self._kept:
            largest = name in (*_LARGEST, *_MOMENTS)
            values = self._candidates(name) if largest else self._additions(name)
            along = pd.Series(values.astype(np.int64)).groupby(self._line.customer)
            self._kept[name] = (along.cummax() if largest else along.cumsum()).to_numpy(np.int64)
        return self._kept[name]

    def _additions(self, name: str) -> np.ndarray:
        """What each event adds to a sum."""
        line = self._line
        if name in _KINDS:
            return line.is_kind(_KINDS[name])
        if name in _PARTS:
            return np.asarray(line.hour // 6 == _PARTS.index(name))
        if name in _SEASONS:
            return np.isin(line.month, _SEASONS[name])
        if name in _BREADTH:
            nth = nth_of(line.pairs(line.category if name.startswith("cat") else line.brand))
            if name.endswith("_log"):
                return np.asarray(n_log_n(nth) - n_log_n(nth - 1))
            return nth > 0 if name.endswith("_events") else nth == 1
        return np.asarray(getattr(self, f"_{name}")())

    def _candidates(self, name: str) -> np.ndarray:
        """Value of each event, of which the largest so far counts."""
        line = self._line
        second = line.time // _SECOND
        if name in _LAST:
            return np.where(line.is_kind(_LAST[name]), second, _NEVER)
        if name in ("category_top", "brand_top"):
            return nth_of(line.pairs(line.category if name == "category_top" else line.brand))
        if name == "deepest":
            return nth_of(line.session)
        if name in ("oldest", "first_start"):
            return first_of(line.customer, second)
        starts = first_of(line.session, second)
        return np.asarray({"newest": second, "last_start": starts, "longest": second - starts}[name])

    def _events(self) -> np.ndarray:
        return np.ones(len(self._line))

    def _weekend(self) -> np.ndarray:
        return np.asarray((self._line.day + 3) % 7 >= 5)

    def _units(self) -> np.ndarray:
        return np.where(self._line.is_kind("purchase"), self._line.units, 0)

    def _cents(self) -> np.ndarray:
        return np.asarray(self._units() * np.maximum(self._line.cents, 0))

    def _active_days(self) -> np.ndarray:
        return np.asarray(nth_of(self._line.pairs(self._line.day)) == 1)

    def _sessions(self) -> np.ndarray:
        return np.asarray(nth_of(self._line.session) == 1)

    def _orders(self) -> np.ndarray:
        return np.asarray(nth_of(np.where(self._line.is_kind("purchase"), self._line.session, -1)) == 1)

    def _with_cart(self) -> np.ndarray:
        return np.asarray(nth_of(np.where(self._line.is_kind("cart"), self._line.session, -1)) == 1)

    def _abandoned(self) -> np.ndarray:
        return self._left_open(self._line.session)

    def _unbought(self) -> np.ndarray:
        return self._left_open(self._line.pairs(self._line.product))

    def _left_open(self, groups: np.ndarray) -> np.ndarray:
        """+1 where a group gets its first cart before any purchase, -1 where its first purchase comes after a cart."""
        cart, bought = self._line.is_kind("cart"), self._line.is_kind("purchase")
        carts, purchases = nth_so_far(groups, cart), nth_so_far(groups, bought)
        opened = cart & (carts == 1) & (purchases == 0)
        return np.asarray(opened.astype(np.int64) - (bought & (purchases == 1) & (carts > 0)))

    def _seconds(self) -> np.ndarray:
        return steps_of(self._line.session, self._line.time // _SECOND)

    def _bounces(self) -> np.ndarray:
        nth = nth_of(self._line.session)
        return np.asarray((nth == 1).astype(np.int64) - (nth == 2))

    def _products_viewed(self) -> np.ndarray:
        return np.asarray(nth_of(self._line.pairs(self._line.product, self._line.is_kind("view"))) == 1)

    def _products_bought(self) -> np.ndarray:
        return np.asarray(nth_of(self._line.pairs(self._line.product, self._line.is_kind("purchase"))) == 1)

    def _priced_views(self) -> np.ndarray:
        return self._line.is_kind("view") & (self._line.cents >= 0)

    def _viewed_cents(self) -> np.ndarray:
        return np.where(self._priced_views(), self._line.cents, 0)

    def _active_weeks(self, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Weeks, counted back from each time, with an event: from one such week to the next older one."""
        weeks, left, until = np.zeros(len(customers)), np.arange(len(customers)), times.astype(np.int64)
        while len(left):
            place = self._line.places.last_position(customers[left], until[left])
            left, place = left[place >= 0], place[place >= 0]
            if len(left):
                week = (times[left] - self._line.time[place]) // _WEEK
                weeks[left] += 1
                until[left] = times[left] - (week + 1) * _WEEK + 1
        return weeks

    def _expected_viewed(self, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return self._expected(self._priced_views(), np.ones(len(self._line)), customers, times)

    def _expected_bought(self, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return self._expected(self._line.is_kind("purchase"), self._line.units, customers, times)

    def _expected(self, where: np.ndarray, weights: np.ndarray, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Sum of weights times the mean viewed price of the category as known at each time, in whole cents."""
        line, seen = self._line, self._priced_views()
        prices = History(np.where(seen, line.category, -1), line.time, line.cents)
        codes, size = line.pairs(line.category, where), size_of(line.category)
        held, sums = History(codes, line.time, weights), np.zeros(len(customers))
        for rows, pairs, starts in expand(codes, size, customers):
            when, category = times[rows], pairs % size
            mean = prices.total(category, when) // np.maximum(prices.count(category, when), 1)
            sums[rows[starts]] = np.add.reduceat(held.total(pairs, when) * mean, starts)
        return sums

    def _dearest(self, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Largest mean price of a product viewed."""
        line = self._line
        codes, size = line.pairs(line.product, self._priced_views()), size_of(line.product)
        history, largest = History(codes, line.time, line.cents), np.full(len(customers), np.nan)
        for rows, pairs, starts in expand(codes, size, customers):
            count, total = history.count(pairs, times[rows]), history.total(pairs, times[rows])
            mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
            largest[rows[starts]] = np.fmax.reduceat(mean, starts)
        return largest
