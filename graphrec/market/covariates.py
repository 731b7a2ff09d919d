"""What is known about a customer and an offer at a moment, each value with its class in the ontology.

Hides which columns describe the past and proves none of them sees the future: every behavioural value is an as-of
question to a `History`, and attributes follow the rule of evidence of `graphrec.market.attributes`. The columns are
the same for every market of one grain and the same roles; what a market never recorded is zero or missing.

Alternative considered: a feature table by period. It is cheaper to join but blurs "before" to the period's edge,
which is where purchases and contacts sit closest together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from graphrec.market.attributes import DAY, Attributes, AttributeTable, sort_attributes
from graphrec.market.behaviour.panelcolumns import BehaviourColumns
from graphrec.market.complaints import Complaints, sentiments
from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.journey import JOURNEY_CLASSES, Journey
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["DAY", "Attributes", "Covariates", "purchase_values", "sort_attributes"]

_RECENT = 28 * DAY
_SEASONAL = 84 * DAY
_PAST = {"purchase": "PastPurchase", "view": "PastView", "cart": "PastCart", "visit": "PastVisit"}
_RESPONSES = {"open": "past_opens", "click": "past_clicks", "redeem": "past_redemptions"}

_Compute = Callable[[np.ndarray, np.ndarray, np.ndarray], "np.ndarray | pd.Categorical[Any]"]


@dataclass(frozen=True)
class _Behaviour:
    """One behavioural column: its class, what it varies with, and how it comes from (customers, offers, times)."""

    class_name: str
    varies_with: Literal["customer", "offer", "pair"]
    compute: _Compute


@dataclass
class Covariates:
    """Answers "what was known about this customer and this offer at this time?".

    Parameters
    ----------
    market : Market
        Where the records come from.
    offers : Offers
        The grain of advice.
    behaviour : tuple of str
        Further variables, of `graphrec.market.features.FEATURES`.

    Notes
    -----
    Counts are plain numbers of records, money is in the market's currency, recency in days. A value that cannot be
    known (a birth date nobody gave) is missing, never guessed here.
    """

    market: Market
    offers: Offers
    behaviour: tuple[str, ...] = ()
    _histories: dict[str, History] = field(default_factory=dict, repr=False)

    @cached_property
    def roles(self) -> dict[str, str]:
        """Column name to ontology class, in column order."""
        roles = {column: self.market.roles[column].class_name or "immutable" for column in self._attribute_columns}
        return roles | {name: behaviour.class_name for name, behaviour in self._behaviours.items()}

    @cached_property
    def attributes(self) -> Attributes:
        """How the attribute columns were sorted."""
        return sort_attributes(self.market)

    @cached_property
    def _attribute_columns(self) -> tuple[str, ...]:
        """Attributes that are known before and vary with the rows of this grain."""
        if self.offers.kind == "product":
            # The offer's own price is among the behaviours.
            before = tuple(c for c in self.attributes.before if c != "price" or c in self.market.customers.columns)
        else:
            before = tuple(c for c in self.attributes.before if c in self.market.customers.columns)
        taken = sorted(set(before) & set(self._behaviours))
        if taken:
            raise DataError(f"the attribute {', '.join(taken)} has the name of a column made from events; rename it")
        return before

    def at(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> pd.DataFrame:
        """Covariates of rows (customer, offer, time).

        Parameters
        ----------
        customers, offers : numpy.ndarray, shape (n,), int
            Codes.
        times : numpy.ndarray, shape (n,), int64
            Decision times in microseconds; only records strictly before them are used.

        Returns
        -------
        pandas.DataFrame, shape (n, number of covariates)
            Columns in the order of `roles`; numbers as float64, words as categories.
        """
        columns: dict[str, object] = {}
        for name in self._attribute_columns:
            table, of_customers = self._table_of(name)
            columns[name] = table.at(name, customers if of_customers else offers, times)
        for name, behaviour in self._behaviours.items():
            columns[name] = behaviour.compute(customers, offers, times)
        return pd.DataFrame(columns)

    def grid(self, customers: np.ndarray, offers: np.ndarray, time: int) -> pd.DataFrame:
        """Covariates of every (customer, offer) pair at one time, customers varying slowest.

        The same values as `at`, but what does not depend on the pair is computed once.
        """
        n, m = len(customers), len(offers)
        who, what = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
        when_n, when_m = np.full(n, time), np.full(m, time)
        columns: dict[str, object] = {}
        for name in self._attribute_columns:
            table, of_customers = self._table_of(name)
            values = table.at(name, customers, when_n) if of_customers else table.at(name, offers, when_m)
            columns[name] = values[who if of_customers else what]
        any_customer, any_offer = np.zeros(m, dtype=np.int64), np.zeros(n, dtype=np.int64)
        for name, behaviour in self._behaviours.items():
            if behaviour.varies_with == "customer":
                columns[name] = behaviour.compute(customers, any_offer, when_n)[who]
            elif behaviour.varies_with == "offer":
                columns[name] = behaviour.compute(any_customer, offers, when_m)[what]
            else:
                columns[name] = behaviour.compute(customers[who], offers[what], np.full(n * m, time))
        return pd.DataFrame(columns)

    def _table_of(self, name: str) -> tuple[AttributeTable, bool]:
        """Table of an attribute, and whether it is the customers' one."""
        of_customers = name in self._customers.dates
        return (self._customers if of_customers else self._products), of_customers

    @cached_property
    def _customers(self) -> AttributeTable:
        return AttributeTable.of(self.market, self.market.customers, self._attribute_columns)

    @cached_property
    def _products(self) -> AttributeTable:
        return AttributeTable.of(self.market, self.market.products, self._attribute_columns)

    @cached_property
    def _behaviours(self) -> Mapping[str, _Behaviour]:
        """Behavioural columns by name."""
        table: dict[str, _Behaviour] = {}
        for event_type, class_name in _PAST.items():
            table |= self._counts(event_type, class_name)
        table["past_spend"] = _Behaviour("PastSpend", "customer", lambda c, o, t: self._spend.total(c, t))
        table["recency_days"] = _Behaviour("Recency", "customer", self._recency)
        table["popularity"] = _Behaviour(
            "Popularity", "offer", lambda c, o, t: self._by_offer("purchase").count(o, t, _SEASONAL)
        )
        table["price"] = _Behaviour("Price", "offer", self._price)
        table["season"] = _Behaviour("Season", "customer", lambda c, o, t: np.cos(_year_angle(t)))
        table["season_shift"] = _Behaviour("Season", "customer", lambda c, o, t: np.sin(_year_angle(t)))
        contacts = self._contact_count
        table["contact_pressure"] = _Behaviour("ContactPressure", "customer", lambda c, o, t: contacts(c, t, _RECENT))
        table["past_contacts"] = _Behaviour("ContactPressure", "customer", lambda c, o, t: contacts(c, t, None))
        table["offer_contacts"] = _Behaviour("ContactPressure", "pair", self._offer_contacts)
        for event_type, name in _RESPONSES.items():
            table[name] = _Behaviour("PastResponse", "customer", self._customer_count(event_type, None))
        table["past_satisfaction"] = _Behaviour("PastSatisfaction", "customer", self._satisfaction)
        table["past_sentiment"] = _Behaviour("PastSatisfaction", "customer", self._past_sentiment)
        said = Complaints(self.market)
        table["last_satisfaction"] = _Behaviour("PastSatisfaction", "customer", lambda c, o, t: said.last_score(c, t))
        table["past_complaints"] = _Behaviour("PastComplaint", "customer", lambda c, o, t: said.count(c, t))
        for name, compute in Journey(self.market, self.offers).columns.items():
            class_name, of_offer = JOURNEY_CLASSES[name]
            table[name] = _Behaviour(class_name, "pair" if of_offer else "customer", compute)
        for name, (class_name, compute) in BehaviourColumns(self.market, self.behaviour).columns.items():
            table[name] = _Behaviour(class_name, "customer", compute)
        return table

    def _counts(self, event_type: str, class_name: str) -> dict[str, _Behaviour]:
        """Counts by customer (all, recent, of a quarter), by (customer, offer) and by (customer, category)."""
        name = event_type + "s"
        found = {
            f"past_{name}": _Behaviour(class_name, "customer", self._customer_count(event_type, None)),
            f"recent_{name}": _Behaviour(class_name, "customer", self._customer_count(event_type, _RECENT)),
        }
        if event_type != "visit":
            found[f"offer_{name}"] = _Behaviour(class_name, "pair", lambda c, o, t: self._on_offer(event_type, c, o, t))
        if event_type == "purchase":
            found["quarter_purchases"] = _Behaviour(class_name, "customer", self._customer_count(event_type, _SEASONAL))
        if event_type == "purchase" and self.offers.kind == "product":
            found["category_purchases"] = _Behaviour(class_name, "pair", self._category_purchases)
        return found

    @cached_property
    def _event_times(self) -> np.ndarray:
        return to_microseconds(self.market.events["event_time"])

    @cached_property
    def _rows_of_type(self) -> dict[str, np.ndarray]:
        """Positions of the events of each type."""
        codes, types = pd.factorize(self.market.events["event_type"])
        return {str(name): np.flatnonzero(codes == code) for code, name in enumerate(types)}

    def _events(self, event_type: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Positions, customer codes, product codes and times of the events of one type."""
        rows = self._rows_of_type.get(event_type, np.zeros(0, dtype=np.int64))
        customers = self.market.codes("events", "customer_id")[rows]
        return rows, customers, self.market.codes("events", "product_id")[rows], self._event_times[rows]

    def _history(self, key: str, make: Callable[[], History]) -> History:
        if key not in self._histories:
            self._histories[key] = make()
        return self._histories[key]

    def _by_customer(self, event_type: str) -> History:
        def make() -> History:
            _, customers, _, times = self._events(event_type)
            return History(customers, times)

        return self._history(f"customer {event_type}", make)

    def _customer_count(self, event_type: str, window: int | None) -> _Compute:
        return lambda c, o, t: self._by_customer(event_type).count(c, t, window)

    @cached_property
    def _spend(self) -> History:
        rows, customers, _, times = self._events("purchase")
        return History(customers, times, purchase_values(self.market)[rows])

    def _recency(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Days since the last purchase; without one, days since the market's first record."""
        last = self._by_customer("purchase").last_time(customers, times)
        start = to_microseconds([self.market.time_span[0]])[0]
        return np.asarray(np.maximum(times - np.maximum(last, start), 0) / DAY)

    def _by_offer(self, event_type: str) -> History:
        def make() -> History:
            _, _, products, times = self._events(event_type)
            rows, offers = self.offers.of_products(products)
            return History(offers.astype(np.int64), times[rows])

        return self._history(f"offer {event_type}", make)

    def _price(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Listed price of the offer, or the mean price seen in events so far where none is listed."""
        if self.offers.listed:
            return np.asarray(self.offers.price[offers])

        def make() -> History:
            rows, what = self.offers.of_products(self.market.codes("events", "product_id"))
            price = self.market.events["price"].to_numpy(np.float64)[rows]
            seen = np.isfinite(price)
            return History(what[seen].astype(np.int64), self._event_times[rows][seen], price[seen])

        prices = self._history("offer price", make)
        count, total = prices.count(offers, times), prices.total(offers, times)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _on_offer(self, event_type: str, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        def make() -> History:
            _, who, products, when = self._events(event_type)
            rows, what = self.offers.of_products(products)
            return History(pair_codes(who[rows], what, len(self.offers)), when[rows])

        pairs = pair_codes(customers, offers, len(self.offers))
        return self._history(f"pair {event_type}", make).count(pairs, times)

    def _category_purchases(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        size = int(self.offers.category.max()) + 1

        def make() -> History:
            _, who, products, when = self._events("purchase")
            return History(pair_codes(who, self.offers.category[products], size), when)

        pairs = pair_codes(customers, self.offers.category[offers], size)
        return self._history("category", make).count(pairs, times)

    def _contact_count(self, customers: np.ndarray, times: np.ndarray, window: int | None) -> np.ndarray:
        """Contacts of a customer so far."""

        def make() -> History:
            return History(self.market.codes("solicitations", "customer_id"), self._sent)

        return self._history("contacts", make).count(customers, times, window)

    @cached_property
    def _sent(self) -> np.ndarray:
        return to_microseconds(self.market.solicitations["sent_at"])

    def _offer_contacts(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Contacts of a customer about the offer so far."""

        def make() -> History:
            who, what = self.market.codes("solicitations", "customer_id"), self.offers.of_solicitations(self.market)
            return History(pair_codes(who, what, len(self.offers)), self._sent)

        pairs = pair_codes(customers, offers, len(self.offers))
        return self._history("pair contacts", make).count(pairs, times)

    def _past_sentiment(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Mean sentiment of the texts written before; missing without any, or where texts were not read."""

        def make() -> History:
            values = sentiments(self.market)
            read = np.isfinite(values)
            when = to_microseconds(self.market.feedback["created_at"])
            return History(self.market.codes("feedback", "customer_id")[read], when[read], values[read])

        return _mean_before(self._history("sentiment", make), customers, times)

    def _satisfaction(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Mean score given before; missing for customers who never gave one."""

        def make() -> History:
            scored = self.market.feedback["score"].notna().to_numpy()
            return History(
                self.market.codes("feedback", "customer_id")[scored],
                to_microseconds(self.market.feedback["created_at"])[scored],
                self.market.feedback["score"].to_numpy(np.float64)[scored],
            )

        return _mean_before(self._history("satisfaction", make), customers, times)


def purchase_values(market: Market) -> np.ndarray:
    """Money of each event: price x quantity; a missing price is the product's, a missing quantity is one."""
    price = market.events["price"].to_numpy(np.float64)
    listed = market.products["price"].to_numpy(np.float64)
    product = market.codes("events", "product_id")
    price = np.where(np.isfinite(price) | (product < 0), price, listed[product])
    quantity = market.events["quantity"].fillna(1.0).to_numpy(np.float64)
    return np.asarray(np.nan_to_num(price, nan=0.0) * quantity)


def _mean_before(history: History, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean value of each customer's records before each time; missing where there is none."""
    count, total = history.count(customers, times), history.total(customers, times)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _year_angle(times: np.ndarray) -> np.ndarray:
    """Position in the year as an angle; zero in mid-January."""
    days = times / DAY
    return np.asarray(2 * np.pi * ((days - 15.0) % 365.2425) / 365.2425)
