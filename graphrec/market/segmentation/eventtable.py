"""Events as columns of codes, in the order of customers and time.

Hides the order, and what a visit is: events of one session name, or, where no name is known, events less than half an
hour apart. Everything else in this room may trust both.

Alternative considered: one SQL query for each habit. A new customer of twenty events would then wait for a database to
wake up; the same arrays serve one customer in a fraction of a millisecond and a million in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "EventTable"]

KINDS = ("view", "cart", "remove_from_cart", "purchase", "other")
"""What an event is; the code is the position. Visits, openings and clicks are other: they tell when, not what."""

_PAUSE = 1_800
_OVERNIGHT = 6 * 3_600


@dataclass(frozen=True, eq=False)
class EventTable:
    """Events of some customers, sorted by customer and time. Build one with `EventTable.of`.

    Attributes
    ----------
    customers : (c,) array
        Identifiers; the position is the code. A customer may be without an event.
    customer : (n,) int64
        Codes.
    second : (n,) int64
        Local seconds since 1970.
    kind : (n,) uint8
        Position in `KINDS`.
    product, category, brand : (n,) int64
        Codes, -1 where missing.
    price : (n,) float64
        NaN where missing.
    session : (n,) int64
        Code of the session, -1 where it has no name.
    categories, brands : array of object
        Names by code.
    set_aside : mapping of str to int
        Events that could not be read, by reason.
    """

    customers: NDArray[np.generic]
    customer: NDArray[np.int64]
    second: NDArray[np.int64]
    kind: NDArray[np.uint8]
    product: NDArray[np.int64]
    category: NDArray[np.int64]
    brand: NDArray[np.int64]
    price: NDArray[np.float64]
    session: NDArray[np.int64]
    categories: NDArray[np.object_]
    brands: NDArray[np.object_]
    set_aside: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        customers: NDArray[np.generic],
        columns: Mapping[str, NDArray[np.generic]],
        categories: NDArray[np.object_],
        brands: NDArray[np.object_],
        set_aside: Mapping[str, int] | None = None,
    ) -> EventTable:
        """Sort columns by customer, time and kind; events in the order already are not moved."""
        order = _order(columns["customer"], columns["second"], columns["kind"])
        kept = dict(columns) if order is None else {name: values[order] for name, values in columns.items()}
        return cls(customers=customers, categories=categories, brands=brands, set_aside=set_aside or {}, **kept)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.customer)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of events of each customer."""
        return np.bincount(self.customer, minlength=len(self.customers))

    @cached_property
    def visit_starts(self) -> NDArray[np.int64]:
        """Row of the first event of each visit."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        gap, same = self.second[1:] - self.second[:-1], self.customer[1:] == self.customer[:-1]
        named = (self.session[1:] >= 0) & (self.session[:-1] >= 0)
        apart = np.where(named, (self.session[1:] != self.session[:-1]) | (gap > _OVERNIGHT), gap > _PAUSE)
        return np.append(0, np.flatnonzero(~same | apart) + 1)

    @cached_property
    def visit(self) -> NDArray[np.int64]:
        """Number of the visit of each event."""
        mark = np.zeros(len(self), dtype=np.int64)
        mark[self.visit_starts] = 1
        return np.cumsum(mark) - 1

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """How many earlier events the customer of each event has."""
        return np.arange(len(self)) - (np.cumsum(self.counts) - self.counts)[self.customer]

    def only(self, rows: NDArray[np.bool_]) -> EventTable:
        """Some of the events, of the same customers."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    def of_customers(self, codes: NDArray[np.int64]) -> EventTable:
        """Events of some customers, whose codes become 0, 1, ... in the order given (ascending)."""
        new = np.full(len(self.customers), -1, dtype=np.int64)
        new[codes] = np.arange(len(codes))
        kept = self.only(new[self.customer] >= 0)
        return replace(kept, customers=self.customers[codes], customer=new[kept.customer])

    def first(self, n: int) -> EventTable:
        """The first ``n`` events of each customer."""
        return self.only(self.place < n)

    def split(self, part: NDArray[np.int64], parts: int) -> EventTable:
        """Each customer as ``parts`` ones, numbered customer * parts + part."""
        columns = {name: getattr(self, name) for name in _COLUMNS} | {"customer": self.customer * parts + part}
        return EventTable.of(np.arange(len(self.customers) * parts), columns, self.categories, self.brands)

    def halves(self) -> EventTable:
        """Each customer's visits by turns as two customers, numbered 2c and 2c + 1."""
        return self.split(self.visit & 1, 2)


def _order(
    customer: NDArray[np.generic], second: NDArray[np.generic], kind: NDArray[np.generic]
) -> NDArray[np.int64] | None:
    """Rows by customer, time and kind, or nothing where they are so already."""
    who, key = customer.astype(np.int64), second.astype(np.int64) * 8 + kind.astype(np.int64)
    if len(who) < 2:
        return None
    low, span = int(key.min()), int(key.max()) - int(key.min()) + 1
    if (int(who.max()) + 1) * span < 2**62:  # one number for both keys: one sort instead of two
        whole = who * span + (key - low)
        return None if bool((whole[1:] >= whole[:-1]).all()) else np.argsort(whole, kind="stable")
    return np.lexsort((key, who))


_COLUMNS = ("customer", "second", "kind", "product", "category", "brand", "price", "session")
