"""Habits of customers, each measured with how much evidence there is for it.

Hides what a habit is. None is a volume: each is a share, or a mean over visits, looks or orders, so that more of the
same is the same habit. Shares of kinds of events are taken one step after the other (beyond looking, then bought, then
taken out again), which makes their errors independent, as the multinomial distribution factorises. Shares are
stabilised by the arc sine (Anscombe 1948), lengths and prices by the logarithm, so that the error of a value depends
on the number of observations behind it and not on the value.

Each habit says one thing: a second harmonic of the hour or the spread of prices is a curved function of what is there
already, and a mixture lays segments along such a curve where customers differ by degrees only (measured: one crowd
became two to eight).

Prices are taken relative to the category as well as in full: who buys the best of a cheap category is not who buys the
cheapest of a dear one. Which categories somebody likes is no habit and enters no measure, only how far the likes reach.

Alternative considered: the variables of `graphrec.market.features` as they are. Half of them are volumes and ages,
which split customers into new and old; they describe the segments instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graphrec.market.segmentation.eventtable import EventTable

__all__ = ["HABITS", "Habits", "Prices", "learn_prices", "measure_habits", "stabilise"]

_VIEW, _CART, _REMOVAL, _PURCHASE = range(4)
_DAY = 86_400

HABITS = {
    "beyond_looking": "share", "buys_of_steps": "share", "removals_of_unbought": "share", "visit_depth": "mean",
    "pace": "mean", "hour_cos": "mean", "hour_sin": "mean", "weekend": "share", "irregularity": "mean",
    "price_in_category": "mean", "price": "mean", "one_category": "share", "one_brand": "share",
    "returns_to_products": "share", "basket": "mean",
}  # fmt: skip
"""Habit to how it is stabilised."""

_SHARES = [j for j, form in enumerate(HABITS.values()) if form == "share"]


@dataclass(frozen=True, eq=False)
class Prices:
    """What a category costs: mean and standard deviation of the logarithm of prices.

    Attributes
    ----------
    names : (k,) array of object
        Categories; prices of others are relative to nothing and leave price_in_category without evidence.
    mean, spread : (k,) float64
    """

    names: NDArray[np.object_]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def codes(self, categories: NDArray[np.object_]) -> NDArray[np.int64]:
        """Row of each category, -1 for one that is not known."""
        known = self._places
        return np.array([known.get(name, -1) for name in categories], dtype=np.int64)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}


@dataclass(frozen=True, eq=False)
class Habits:
    """Measured habits.

    Attributes
    ----------
    plain : (n, f) float64
        Shares, and means of logarithms, cosines and scores, columns in the order of `HABITS`; 0 without evidence.
    evidence : (n, f) float64
        Observations behind each value.
    events : (n,) int64
    """

    plain: NDArray[np.float64]
    evidence: NDArray[np.float64]
    events: NDArray[np.int64]

    def rows(self, which: NDArray[np.generic] | slice) -> Habits:
        """Some of the customers."""
        return Habits(self.plain[which], self.evidence[which], self.events[which])


def learn_prices(table: EventTable) -> Prices:
    """Mean and spread of each category with at least two priced looks at different prices."""
    rows = (table.price > 0) & (table.category >= 0)
    code, log = table.category[rows], np.log(table.price[rows])
    k = len(table.categories)
    n = np.bincount(code, minlength=k)
    mean = np.bincount(code, log, k) / np.maximum(n, 1)
    spread = np.sqrt(np.maximum(np.bincount(code, log**2, k) / np.maximum(n, 1) - mean**2, 0.0))
    known = (n >= 2) & (spread > 0.01)
    return Prices(table.categories[known], mean[known], spread[known])


def measure_habits(table: EventTable, prices: Prices) -> Habits:
    """Measure all habits of all customers of the table.

    Parameters
    ----------
    table : EventTable
    prices : Prices
        Of the customers that the segments were found with.
    """
    found: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    looks = _looks(table)
    for part in (_funnel(table), _visits(table), _prices(table, looks, prices), _reach(table, looks)):
        found |= part
    plain, evidence = (np.zeros((len(table.customers), len(HABITS))) for _ in range(2))
    for j, name in enumerate(HABITS):
        total, n = found[name]
        evidence[:, j] = n
        plain[:, j] = total / np.maximum(n, 1e-9)
    return Habits(plain, evidence, table.counts)


def stabilise(habits: Habits, pooled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values whose error depends on the evidence only, (n, f).

    Shares become the arc sine of their root, with 3/4 of an observation of the pooled share added: with Anscombe's 3/8
    at each end, few events alone would move a rare share up, and one that is the same for all would differ by volume.
    """
    value, n = habits.plain.copy(), habits.evidence[:, _SHARES]
    moved = (habits.plain[:, _SHARES] * n + 0.75 * pooled[_SHARES]) / (n + 0.75)
    value[:, _SHARES] = np.where(n > 0, np.arcsin(np.sqrt(np.minimum(moved, 1.0))), 0.0)
    return value


_Measures = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


def _funnel(table: EventTable) -> _Measures:
    size = len(table.customers)
    n = _sums(table.customer * 5 + table.kind, 5 * size).reshape(size, 5)
    views, carts, removals, purchases = n[:, _VIEW], n[:, _CART], n[:, _REMOVAL], n[:, _PURCHASE]
    steps = carts + purchases
    return {
        "beyond_looking": (steps, views + steps),
        "buys_of_steps": (purchases, steps),
        "removals_of_unbought": (np.minimum(removals, carts), carts),
    }


def _visits(table: EventTable) -> _Measures:
    """Depth, pace, hour, weekend, irregularity of visits, products in an order; the unit is the visit."""
    size, starts = len(table.customers), table.visit_starts
    who, second = table.customer[starts], table.second[starts]
    length = _lengths(starts, len(table))
    visits = _sums(who, size)

    def over(values: NDArray[np.generic]) -> NDArray[np.float64]:
        return _sums(who, size, values)

    angle = 2 * np.pi * (second % _DAY) / _DAY
    weekend = (second // _DAY + 3) % 7 >= 5
    gap = table.second[1:] - table.second[:-1]
    within = (table.visit[1:] == table.visit[:-1]) & (gap > 0)
    inside, pace = np.flatnonzero(within) + 1, np.log(gap[within])
    owner, change = _irregularity(who, second)
    bought = np.bincount(table.visit[table.kind == _PURCHASE], minlength=len(starts))
    order = bought > 0
    return {
        "visit_depth": (over(np.log(length)), visits),
        "pace": (_sums(table.customer[inside], size, pace), _sums(table.customer[inside], size)),
        "hour_cos": (over(np.cos(angle)), visits),
        "hour_sin": (over(np.sin(angle)), visits),
        "weekend": (over(weekend), visits),
        "irregularity": (_sums(owner, size, change), _sums(owner, size)),
        "basket": (
            _sums(who[order], size, np.log(bought[order])),
            _sums(who[order], size),
        ),
    }


def _irregularity(who: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Customer and size of each change of the logarithm of the wait from one visit to the next."""
    wait = np.log(np.maximum(second[1:] - second[:-1], 0) / _DAY + 0.02)
    inside = who[1:] == who[:-1]
    both = np.flatnonzero(inside[1:] & inside[:-1])
    return who[both], np.abs(wait[both + 1] - wait[both])


def _prices(table: EventTable, looks: NDArray[np.bool_], prices: Prices) -> _Measures:
    """Price of looks (of purchases where there is no look at all), in full and within the category."""
    size = len(table.customers)
    look = looks & (table.price > 0)
    who, log = table.customer[look], np.log(table.price[look])
    known = np.append(prices.codes(table.categories), -1)
    row = known[table.category[look]]
    inside = row >= 0
    score = np.maximum(np.minimum((log[inside] - prices.mean[row[inside]]) / prices.spread[row[inside]], 4), -4)
    n = _sums(who[inside], size)
    return {
        "price": (_sums(who, size, log), _sums(who, size)),
        "price_in_category": (_sums(who[inside], size, score), n),
    }


def _looks(table: EventTable) -> NDArray[np.bool_]:
    """Views; of customers without one, everything that names a product."""
    seen = np.bincount(table.customer[table.kind == _VIEW], minlength=len(table.customers)) > 0
    return np.asarray(np.where(seen[table.customer], table.kind == _VIEW, table.kind <= _PURCHASE))


def _reach(table: EventTable, looks: NDArray[np.bool_]) -> _Measures:
    """How likely two looks are of one category or brand, and how often a look returns to a product."""
    product = looks & (table.product >= 0)
    n = _sums(table.customer[product], len(table.customers))
    distinct, _ = _pairs(table.customer[product], table.product[product], len(table.customers))
    return {
        "one_category": _same(table.customer[looks], table.category[looks], len(table.customers)),
        "one_brand": _same(table.customer[looks], table.brand[looks], len(table.customers)),
        "returns_to_products": (n - distinct, np.maximum(n - 1, 0)),
    }


def _sums(who: NDArray[np.int64], size: int, values: NDArray[np.generic] | None = None) -> NDArray[np.float64]:
    """Sum of the values, or number of rows, of each customer."""
    return np.bincount(who, values, size).astype(np.float64)


def _lengths(starts: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Length of each run from where it starts; the last one ends at ``end``."""
    return np.append(starts[1:], end) - starts


def _same(
    who: NDArray[np.int64], what: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Simpson's probability that two looks agree, without bias for few; the evidence is the number of looks - 1."""
    known = what >= 0
    _, squares = _pairs(who[known], what[known], size)
    n = _sums(who[known], size)
    share = np.divide(squares - n, n * (n - 1), out=np.zeros(size), where=n > 1)
    return share * np.maximum(n - 1, 0), np.maximum(n - 1, 0)


def _pairs(
    who: NDArray[np.int64], what: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each customer the number of distinct partners, and the sum of squares of how often each occurs."""
    if not len(who):
        return np.zeros(size), np.zeros(size)
    width = int(what.max()) + 1
    key = np.sort(who * width + what)
    first = np.append(0, np.flatnonzero(key[1:] != key[:-1]) + 1)
    count = _lengths(first, len(key))
    owner = key[first] // width
    return _sums(owner, size), _sums(owner, size, count.astype(np.float64) ** 2)
