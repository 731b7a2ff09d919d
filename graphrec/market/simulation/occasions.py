"""When a real company contacted whom about what, and what was bought: the frame in which effects are planted.

Hides the bookkeeping: an *occasion* is one offer at one moment; the ledger counts purchase lines of an offer by
customer in any window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.simulation.population import Floats, Ints
from graphrec.market.tables import DataError, Market

__all__ = ["Ledger", "Occasion", "find_occasions"]


@dataclass(frozen=True, eq=False)
class Occasion:
    """One offer at one moment.

    Attributes
    ----------
    offer : int
        Offer code.
    time : int
        Microseconds since 1970.
    contacts : int
        Customers really contacted.
    channels, shares : numpy.ndarray
        Channel codes used and the share of contacts through each.
    """

    offer: int
    time: int
    contacts: int
    channels: Ints
    shares: Floats


def find_occasions(
    market: Market, offers: Offers, horizon: int, history: int, channels: Sequence[str] | None
) -> list[Occasion]:
    """Occasions of a market with ``history`` microseconds before and ``horizon`` after them, in order of time.

    Raises
    ------
    DataError
        There is none, with the reason.
    """
    if market.solicitations.empty:
        raise DataError("the market has no solicitations, so there is no moment and no offer to plant contacts at")
    known = market.vocabulary.channels
    wanted = np.arange(len(known)) if channels is None else known.encode(list(channels))
    if (wanted < 0).any() or not len(wanted):
        raise DataError(f"channels are {channels!r}; this market has {', '.join(map(str, known.ids))}")
    start, end = to_microseconds([market.time_span[0], market.observed_until])
    rows = pd.DataFrame(
        {
            "time": to_microseconds(market.solicitations["sent_at"]),
            "offer": offers.of_solicitations(market).astype(np.int64),
            "channel": market.codes("solicitations", "channel"),
        }
    )
    inside = (rows["time"] >= start + history) & (rows["time"] + horizon <= end)
    kept = rows[inside & (rows["offer"] >= 0) & rows["channel"].isin(wanted)]
    if kept.empty:
        raise DataError(
            f"no solicitation through {', '.join(map(str, known.decode(wanted)))} has an offer, the wanted history "
            f"before and the horizon after it ({int((~inside).sum()):,} of {len(rows):,} lie outside); shorten "
            "horizon_days or minimum_history_days"
        )
    counts = kept.value_counts(sort=False).rename("contacts").reset_index().sort_values(["time", "offer", "channel"])
    return [
        Occasion(
            offer=int(offer),
            time=int(time),
            contacts=int(group["contacts"].sum()),
            channels=group["channel"].to_numpy(np.int64),
            shares=group["contacts"].to_numpy(np.float64) / group["contacts"].sum(),
        )
        for (time, offer), group in counts.groupby(["time", "offer"], sort=True)
    ]


class Ledger:
    """Purchase lines by offer, time and customer; 24 bytes for each (line, offer) pair.

    Parameters
    ----------
    offers, times, customers, products : numpy.ndarray of int, shape (m,)
        One element for each line and offer that it belongs to.
    size : tuple of int
        Number of customers and of products.
    """

    def __init__(self, offers: Ints, times: Ints, customers: Ints, products: Ints, size: tuple[int, int]) -> None:
        order = np.lexsort((times, offers))
        self._offers, self._times = offers[order], times[order]
        self._customers, self._products = customers[order], products[order]
        self._size = size

    @classmethod
    def of_market(cls, market: Market, offers: Offers) -> Ledger:
        """All purchases of a market."""
        bought = (market.events["event_type"] == "purchase").to_numpy()
        times = to_microseconds(market.events["event_time"])[bought]
        customers = market.codes("events", "customer_id")[bought].astype(np.int64)
        products = market.codes("events", "product_id")[bought].astype(np.int64)
        rows, what = offers.of_products(products)
        size = len(market.vocabulary.customers), len(market.vocabulary.products)
        return cls(what.astype(np.int64), times[rows], customers[rows], products[rows], size)

    def by_customer(self, offer: int, start: int, end: int) -> Ints:
        """Lines of each customer in ``[start, end)``."""
        return np.bincount(self._customers[self._window(offer, start, end)], minlength=self._size[0])

    def by_product(self, offer: int, start: int, end: int) -> Ints:
        """Lines of each product in ``[start, end)``."""
        return np.bincount(self._products[self._window(offer, start, end)], minlength=self._size[1])

    def _window(self, offer: int, start: int, end: int) -> slice:
        first, last = np.searchsorted(self._offers, [offer, offer + 1])
        low, high = np.searchsorted(self._times[first:last], [start, end])
        return slice(int(first + low), int(first + high))
