"""Who touched which product when: the events of a market as sorted integer arrays, cut at any moment.

Hides how views, carts and purchases become one customer x product matrix: a purchase weighs one and weaker signals
less, repetitions count by their logarithm, and a customer with an extreme history (a robot, a reseller) keeps only the
most recent products. A cut at time t is a prefix of the arrays, so nothing at or after t can be in it.

Alternative considered: each pair once, however often it was repeated. Where people buy again (a simulated market of 200
products) the filters predicted later purchases clearly worse from it; where nobody does, both are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from graphrec.market.history import to_microseconds
from graphrec.market.tables import Market

__all__ = ["MAXIMUM_HISTORY", "SIGNALS", "Interactions", "read_interactions", "split_time"]

SIGNALS = ("purchase", "cart", "view")
"""Event types that say something about taste, strongest first; the position is the code in `Interactions.kinds`."""
MAXIMUM_HISTORY = 500
"""Most recent distinct products kept of one customer."""
_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Interactions:
    """Events of customers on products, sorted by time.

    Attributes
    ----------
    customers, products : numpy.ndarray, shape (m,), int32
        Codes.
    times : numpy.ndarray, shape (m,), int64
        Microseconds since 1970 (UTC), ascending.
    kinds : numpy.ndarray, shape (m,), int8
        Position in `SIGNALS`.
    n_customers, n_products : int
        Size of the code ranges.
    """

    customers: np.ndarray
    products: np.ndarray
    times: np.ndarray
    kinds: np.ndarray
    n_customers: int
    n_products: int

    def __len__(self) -> int:
        return len(self.times)

    def before(self, time: int) -> Interactions:
        """The events strictly before a moment (microseconds)."""
        return self._rows(slice(0, int(np.searchsorted(self.times, time, side="left"))))

    def since(self, time: int) -> Interactions:
        """The events at or after a moment (microseconds)."""
        return self._rows(slice(int(np.searchsorted(self.times, time, side="left")), None))

    def of_kind(self, kind: str) -> Interactions:
        """The events of one type of `SIGNALS`."""
        return self._rows(self.kinds == SIGNALS.index(kind))

    def _rows(self, rows: slice | np.ndarray) -> Interactions:
        return Interactions(
            self.customers[rows],
            self.products[rows],
            self.times[rows],
            self.kinds[rows],
            self.n_customers,
            self.n_products,
        )

    def matrix(self, weights: Mapping[str, float] | None = None, history: int = MAXIMUM_HISTORY) -> sparse.csr_array:
        """Customer x product matrix of ``log2(1 + sum of the signals' weights)``.

        Parameters
        ----------
        weights : mapping of str to float, optional
            Weight of each signal; by default purchases only, with weight one. Signals with weight zero are left out.
        history : int
            Distinct products kept of one customer, the most recent ones.

        Returns
        -------
        scipy.sparse.csr_array, shape (n_customers, n_products), float32
            One for a single purchase. Sorted column indices, no explicit zeros; 8 bytes for each distinct pair.
        """
        by_kind = np.array([(weights or {"purchase": 1.0}).get(kind, 0.0) for kind in SIGNALS])
        rows = np.flatnonzero(by_kind[self.kinds] > 0)
        pairs = self.customers[rows].astype(np.int64) * self.n_products + self.products[rows]
        keys, place = np.unique(pairs, return_inverse=True)
        amount = np.bincount(place, weights=by_kind[self.kinds[rows]], minlength=len(keys))
        newest = np.zeros(len(keys), dtype=np.int64)
        newest[place] = rows  # rows ascend in time, so the last one written is the newest
        customers, products = np.divmod(keys, self.n_products)
        recent = _recency_rank(customers, newest) < history
        customers, products, amount = customers[recent], products[recent], amount[recent]
        indptr = np.searchsorted(customers, np.arange(self.n_customers + 1)).astype(np.int32)
        values = np.log2(1.0 + amount).astype(np.float32)
        return sparse.csr_array((values, products.astype(np.int32), indptr), shape=(self.n_customers, self.n_products))

    def popularity(self) -> np.ndarray:
        """Purchases of each product, shape (n_products,), float64."""
        bought = self.products[self.kinds == 0]
        return np.bincount(bought, minlength=self.n_products).astype(np.float64)


def _recency_rank(rows: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Rank (0 = newest) of each entry within its row; rows are sorted."""
    order = np.lexsort((-last, rows))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[order] = np.arange(len(rows)) - np.searchsorted(rows, rows, side="left")
    return rank


def read_interactions(market: Market) -> Interactions:
    """Views, carts and purchases of a market as `Interactions`."""
    events = market.events
    kinds = np.full(len(events), -1, dtype=np.int8)
    for code, kind in enumerate(SIGNALS):
        kinds[(events["event_type"] == kind).to_numpy()] = code
    customers, products = market.codes("events", "customer_id"), market.codes("events", "product_id")
    rows = np.flatnonzero((kinds >= 0) & (customers >= 0) & (products >= 0))
    times = to_microseconds(events["event_time"])
    # Ties in time are broken by content, so that the order of equal times in a file changes nothing.
    rows = rows[np.lexsort((kinds[rows], products[rows], customers[rows], times[rows]))]
    return Interactions(
        customers[rows].astype(np.int32),
        products[rows].astype(np.int32),
        times[rows],
        kinds[rows],
        len(market.vocabulary.customers),
        len(market.vocabulary.products),
    )


def split_time(times: np.ndarray, as_of: int, days: int = 28) -> int:
    """Moment that cuts the past into training and validation.

    The last ``days`` before ``as_of``; the last tenth of the records where those days hold more than a third or less
    than a hundredth of them.

    Parameters
    ----------
    times : numpy.ndarray, shape (m,), int64
        Ascending times before ``as_of``, microseconds.
    as_of : int
        End of the past, microseconds.
    days : int
        Length of the validation window.
    """
    cut = as_of - days * _DAY
    late = len(times) - int(np.searchsorted(times, cut, side="left"))
    if len(times) and not len(times) / 100 <= late <= len(times) / 3:
        cut = int(times[int(len(times) * 0.9)])
    return cut
