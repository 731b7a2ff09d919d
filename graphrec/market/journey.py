"""How a customer moved through the site before a moment: sessions, carts left open, what came last.

Hides the order of events. Views, carts, removals, purchases and visits of a customer form one line of time; thirty
minutes of silence end a session. Every column is a running value of that line, read off at the last event strictly
before the moment, so nothing later can touch it, and no row costs more than a binary search.

Alternative considered: a recurrent network over the line (Hidasi et al. 2016). Its state is a function of the same
events, needs training on purchases after them, and would have to be fitted again for every block of time to be as-of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.tables import Market

__all__ = ["JOURNEY_CLASSES", "Journey"]

_KINDS = ("visit", "view", "cart", "remove_from_cart", "purchase")
"""Events of a journey; those of the same moment are taken in this order, whatever the order of the file."""
_VIEW, _CART, _REMOVED, _BOUGHT = 1, 2, 3, 4
_SILENCE = 30 * 60 * 1_000_000
"""Microseconds without an event that end a session."""
_DAY = 86_400_000_000
_DAWN, _MIDDAY, _VISITS = 4.0, 14.0, 3.0
"""A day of visits starts at 4 in the morning; who is not known yet counts as three visits at 14 hours."""
_BELIEF = 5.0
"""Weight of the share that is expected of somebody who has done nothing yet."""
_EXPECTED_CARTS, _EXPECTED_BUYERS = 0.1, 0.3

JOURNEY_CLASSES: dict[str, tuple[str, bool]] = {
    "past_sessions": ("PastVisit", False),
    "session_depth": ("SessionDuration", False),
    "usual_hour": ("PastVisit", False),
    "last_event": ("PastVisit", False),
    "views_since_purchase": ("PastView", False),
    "open_carts": ("PastCart", False),
    "cart_recency": ("PastCart", False),
    "view_to_cart": ("PastCart", False),
    "cart_to_purchase": ("PastCart", False),
    "offer_in_cart": ("PastCart", True),
    "session_interest": ("PastView", True),
}
"""Column to its class and whether it varies with the offer."""


@dataclass
class Journey:
    """Journeys of a market's customers, ready for questions as of a time.

    Parameters
    ----------
    market : Market
    offers : Offers
        The grain of advice.

    Notes
    -----
    past_sessions: number of sessions; session_depth: events of a session, on average; usual_hour: mean local hour of
    the sessions' first events, counted from 4 in the morning and pulled to 14 hours; last_event: type of the last one;
    views_since_purchase: views after the last purchase; open_carts: products put into a cart and neither bought nor
    removed; cart_recency: days since the last cart (since the first record without one); view_to_cart and
    cart_to_purchase: shares of views that ended in a cart and of carts that were bought, pulled to what is usual;
    offer_in_cart: the offer's products in an open cart; session_interest: events of the last session in the offer's
    category (of the offer itself where offers are no products).
    """

    market: Market
    offers: Offers

    @property
    def columns(self) -> dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray | pd.Categorical[Any]]]:
        """Each column of `JOURNEY_CLASSES` as a function of (customers, offers, times)."""
        return {name: getattr(self, f"_{name}") for name in JOURNEY_CLASSES}

    @cached_property
    def _line(self) -> dict[str, np.ndarray]:
        """Events in the order of customer, time and kind, with codes."""
        events = self.market.events
        kind = np.asarray(pd.Index(_KINDS).get_indexer(pd.Index(events["event_type"])))
        kept = np.flatnonzero((kind >= 0) & (self.market.codes("events", "customer_id") >= 0))
        line = {
            "customer": self.market.codes("events", "customer_id")[kept].astype(np.int64),
            "product": self.market.codes("events", "product_id")[kept].astype(np.int64),
            "time": to_microseconds(events["event_time"])[kept],
            "kind": kind[kept],
        }
        order = np.lexsort((line["product"], line["kind"], line["time"], line["customer"]))
        return {name: values[order] for name, values in line.items()}

    @cached_property
    def _places(self) -> History:
        return History(self._line["customer"], self._line["time"])

    @cached_property
    def _starts_session(self) -> np.ndarray:
        customer, time = self._line["customer"], self._line["time"]
        first = np.ones(len(customer), dtype=bool)
        first[1:] = (customer[1:] != customer[:-1]) | (time[1:] - time[:-1] > _SILENCE)
        return first

    @cached_property
    def _cart_steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each event: how the number of its customer's open carts changes, and whether it is a cart bought."""
        line = self._line
        moves = np.flatnonzero((line["kind"] >= _CART) & (line["product"] >= 0))
        pairs = pair_codes(line["customer"][moves], line["product"][moves], len(self.market.vocabulary.products))
        ordered = moves[np.argsort(pairs, kind="stable")]
        pairs = np.sort(pairs, kind="stable")
        after = line["kind"][ordered] == _CART
        before = np.zeros(len(ordered), dtype=bool)
        before[1:] = after[:-1] & (pairs[1:] == pairs[:-1])
        change, bought = np.zeros(len(line["kind"])), np.zeros(len(line["kind"]))
        change[ordered] = after.astype(np.float64) - before
        bought[ordered] = before & (line["kind"][ordered] == _BOUGHT)
        return change, bought

    def _running(self, values: np.ndarray) -> np.ndarray:
        """Sum of each event's value and the earlier ones of its customer."""
        return np.asarray(pd.Series(values).groupby(self._line["customer"]).cumsum().to_numpy(np.float64))

    @cached_property
    def _state(self) -> dict[str, np.ndarray]:
        """Running values after each event."""
        line, kind = self._line, self._line["kind"]
        change, bought = self._cart_steps
        views = self._running(kind == _VIEW)
        since = views - _carried(np.where(kind == _BOUGHT, views, np.nan), line["customer"], 0.0)
        hours = (self._local_hours - _DAWN) % 24 * self._starts_session
        return {
            "events": self._running(np.ones(len(kind))),
            "sessions": self._running(self._starts_session),
            "hours": self._running(hours),
            "views": views,
            "since": since,
            "open": self._running(change),
            "carts": self._running(kind == _CART),
            "bought": self._running(bought),
            "cart_time": _carried(np.where(kind == _CART, line["time"], np.nan), line["customer"], np.nan),
            "session_time": _carried(np.where(self._starts_session, line["time"], np.nan), line["customer"], np.nan),
        }

    @cached_property
    def _local_hours(self) -> np.ndarray:
        stamps = pd.DatetimeIndex(self._line["time"].astype("datetime64[us]")).tz_localize("UTC")
        local = stamps.tz_convert(self.market.time_zone)
        return np.asarray(local.hour + local.minute / 60.0, dtype=np.float64)

    def _read(self, name: str, customers: np.ndarray, times: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
        """A running value as of each row's time."""
        place = self._places.last_position(customers, times)
        state = self._state[name]
        return np.where(place >= 0, state[place], otherwise) if len(state) else np.full(len(customers), otherwise)

    def _past_sessions(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return self._read("sessions", customers, times)

    def _session_depth(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        sessions = np.maximum(self._read("sessions", customers, times), 1.0)
        return np.asarray(self._read("events", customers, times) / sessions)

    def _usual_hour(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        hours, sessions = self._read("hours", customers, times), self._read("sessions", customers, times)
        return np.asarray((hours + _VISITS * (_MIDDAY - _DAWN)) / (sessions + _VISITS) + _DAWN)

    def _last_event(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> pd.Categorical[str]:
        place = self._places.last_position(customers, times)
        kind = self._line["kind"]
        codes = np.where(place >= 0, kind[place], len(_KINDS)) if len(kind) else np.full(len(place), len(_KINDS))
        return pd.Categorical.from_codes(np.asarray(codes, dtype=np.int64), categories=pd.Index([*_KINDS, "none"]))

    def _views_since_purchase(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return self._read("since", customers, times)

    def _open_carts(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return self._read("open", customers, times)

    def _cart_recency(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        start = float(to_microseconds([self.market.time_span[0]])[0])
        last = self._read("cart_time", customers, times, start)
        return np.asarray(np.maximum(times - np.where(np.isfinite(last), last, start), 0.0) / _DAY)

    def _view_to_cart(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return _share(self._read("carts", customers, times), self._read("views", customers, times), _EXPECTED_CARTS)

    def _cart_to_purchase(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return _share(self._read("bought", customers, times), self._read("carts", customers, times), _EXPECTED_BUYERS)

    @cached_property
    def _open_by_offer(self) -> History:
        change, _ = self._cart_steps
        moved = np.flatnonzero(change != 0)
        rows, what = self.offers.of_products(self._line["product"][moved])
        pairs = pair_codes(self._line["customer"][moved][rows], what, len(self.offers))
        return History(pairs, self._line["time"][moved][rows], change[moved][rows])

    def _offer_in_cart(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        return self._open_by_offer.total(pair_codes(customers, offers, len(self.offers)), times)

    @cached_property
    def _themes(self) -> tuple[History, int]:
        """Events on each theme (category, or offer), and the number of themes."""
        product = self._line["product"]
        if self.offers.kind == "product":
            size = int(self.offers.category.max(initial=0)) + 1
            theme = np.where(product >= 0, self.offers.category[product], -1)
            return History(pair_codes(self._line["customer"], theme, size), self._line["time"]), size
        rows, what = self.offers.of_products(product)
        pairs = pair_codes(self._line["customer"][rows], what, len(self.offers))
        return History(pairs, self._line["time"][rows]), len(self.offers)

    def _session_interest(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        history, size = self._themes
        theme = self.offers.category[offers] if self.offers.kind == "product" else offers
        began = self._read("session_time", customers, times, np.nan)
        known = np.isfinite(began)
        window = np.where(known, times - np.where(known, began, 0.0), 0.0).astype(np.int64)
        return np.asarray(history.count(pair_codes(customers, theme, size), times, window))


def _carried(values: np.ndarray, customers: np.ndarray, otherwise: float) -> np.ndarray:
    """The last known value of each customer so far."""
    return np.asarray(pd.Series(values).groupby(customers).ffill().fillna(otherwise).to_numpy(np.float64))


def _share(part: np.ndarray, whole: np.ndarray, expected: float) -> np.ndarray:
    """Part of the whole, pulled to what is expected."""
    return np.asarray((part + _BELIEF * expected) / (whole + _BELIEF))
