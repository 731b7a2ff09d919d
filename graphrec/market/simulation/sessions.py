"""When things happen in a simulated market: sessions, views, carts, purchases and the answers to contacts.

Hides clock times. All are seconds since the first period. A period's contacts go out at its first moment; opens,
clicks and the visits they lead to follow on the same day between 08:00 and 23:00, every other event from the second
day on and before the period ends. In a market with slots a contact is answered after the hour of its slot, and
customers visit at the hours that suit them. So whatever is on record strictly before a decision belongs to earlier
periods, and the 28 days after it hold exactly that period's outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.simulation.population import Floats, Ints, Population
from graphrec.market.simulation.process import Log
from graphrec.market.simulation.structural import (
    PERIOD_DAYS,
    Setting,
    leaving_probability,
    slot_shifts,
    strength,
)

__all__ = ["DAY_SECONDS", "PERIOD_SECONDS", "Journeys", "draw_journeys", "pressure_of_contacts"]

DAY_SECONDS = 86_400
PERIOD_SECONDS = PERIOD_DAYS * DAY_SECONDS
_HOUR, _MINUTE = 3_600.0, 60.0
_FIRST_HOUR, _LAST_HOUR = 8.0, 21.0
_USUAL_HOUR, _HOURS_LATER, _HOURS_APART = 14.0, 3.5, 3.0
"""Hour of a visit of the average customer, how much later for one unit of chronotype, and its spread."""
_CART_IF_BOUGHT, _CART_ELSE, _REMOVED = 0.85, 0.12, 0.25


@dataclass(frozen=True, eq=False)
class Journeys:
    """Events with positions instead of identifiers, and two moments that other tables need.

    Attributes
    ----------
    events : pandas.DataFrame
        Columns seconds, kind, customer, product, session, solicitation, quantity; -1 where there is none.
    bought_at : numpy.ndarray
        Moment of each purchase of the log.
    left_at : numpy.ndarray
        Moment of unsubscription for each contact; nan for those that led to none.
    """

    events: pd.DataFrame
    bought_at: Floats
    left_at: Floats


def draw_journeys(people: Population, setting: Setting, log: Log, rng: np.random.Generator) -> Journeys:
    """Place everything that happened in time."""
    answering, visiting, placing, carting = rng.spawn(4)
    parts, arrived_at, left_at = _answers(people, setting, log, answering)
    sessions = _Sessions(people, setting, log, arrived_at, visiting)
    parts.append(sessions.visits())
    seen, bought_at = _look_and_buy(people, log, sessions, placing, carting)
    return Journeys(pd.concat([*parts, *seen], ignore_index=True), bought_at, left_at)


def pressure_of_contacts(people: Population, setting: Setting, log: Log) -> Ints:
    """Contacts of the same customer in the 28 days before each contact."""
    sent, n = log.contacts, people.shape[0]
    counts = np.bincount(sent.period * n + sent.customer, minlength=setting.periods * n).reshape(-1, n)
    before = np.vstack([np.zeros((1, n), dtype=np.int64), counts[:-1]])
    return np.asarray(before[sent.period, sent.customer])


def _part(
    kind: str,
    seconds: Floats,
    customer: Ints,
    product: Ints | int = -1,
    session: Ints | int = -1,
    solicitation: Ints | int = -1,
    quantity: Ints | int = -1,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seconds": seconds,
            "kind": pd.Series([kind]).repeat(len(seconds)).array,
            "customer": customer,
            "product": product,
            "session": session,
            "solicitation": solicitation,
            "quantity": quantity,
        }
    )


def _answers(
    people: Population, setting: Setting, log: Log, rng: np.random.Generator
) -> tuple[list[pd.DataFrame], Floats, Floats]:
    """Opens, clicks and unsubscriptions, the moment of each visit (nan: none) and of each unsubscription."""
    sent = log.contacts
    number = np.arange(len(sent.period))
    start = sent.period * float(PERIOD_SECONDS)
    hours = np.array([*(slot.hour for slot in setting.slots.values()), _FIRST_HOUR])[sent.slot]
    opened_at = start + hours * _HOUR + np.minimum(rng.exponential(2.0, len(number)), _LAST_HOUR - hours) * _HOUR
    clicked_at = opened_at + rng.uniform(0.5, 5.0, len(number)) * _MINUTE
    pressure = pressure_of_contacts(people, setting, log)
    moments = slot_shifts(people, setting)
    shift = moments[sent.customer, sent.slot] if setting.slots else np.zeros(len(number))
    leaving = np.zeros(len(number))
    for code, channel in enumerate(setting.channels.values()):
        mine = sent.channel == code
        who = sent.customer[mine]
        power = strength(people, channel, who, sent.product[mine], pressure[mine], shift[mine])
        leaving[mine] = leaving_probability(people, setting, channel, who, power, pressure[mine])
    leaves = rng.random(len(number)) < leaving
    left_at = np.where(leaves, clicked_at + 2 * _MINUTE, np.nan)

    def tied(kind: str, rows: npt.NDArray[np.bool_], seconds: Floats) -> pd.DataFrame:
        return _part(kind, seconds[rows], sent.customer[rows], sent.product[rows], solicitation=number[rows])

    parts = [
        tied("open", sent.state >= 1, opened_at),
        tied("click", sent.state >= 2, clicked_at),
        tied("unsubscribe", leaves, left_at),
    ]
    return parts, np.where(sent.state == 3, clicked_at + _MINUTE, np.nan), left_at


class _Sessions:
    """Visits of customers: those they make on their own and those that follow a contact."""

    def __init__(
        self, people: Population, setting: Setting, log: Log, arrived_at: Floats, rng: np.random.Generator
    ) -> None:
        n, self._m = people.shape
        periods = int(max(log.views[0].max(initial=0), log.purchases[0].max(initial=0))) + 1
        rate = np.exp(0.2 + 0.4 * people.z["digital_affinity"] + 0.3 * people.activity)
        counts = rng.poisson(np.tile(rate, periods))
        self._n = n
        needed = np.bincount(log.views[0] * n + log.views[1], minlength=len(counts)) > 0
        self._counts = np.maximum(counts, needed)
        self._first = np.cumsum(self._counts) - self._counts
        key = np.repeat(np.arange(len(counts)), self._counts)
        earliest, latest = DAY_SECONDS + _HOUR, PERIOD_SECONDS - 3 * _HOUR
        own = (key // n) * float(PERIOD_SECONDS) + rng.uniform(earliest, latest, len(key))
        if setting.slots:
            usual = _USUAL_HOUR + _HOURS_LATER * people.chronotype[key % n]
            hour = np.clip(rng.normal(usual, _HOURS_APART), 5.0, 20.9)
            own = own // DAY_SECONDS * DAY_SECONDS + hour * _HOUR
        self._contacts = np.nonzero(~np.isnan(arrived_at))[0]
        sent = log.contacts
        self._contact_keys = self.keys(sent.period, sent.customer, sent.product)[self._contacts]
        self._customer = np.concatenate([key % n, sent.customer[self._contacts]])
        self.start = np.concatenate([own, arrived_at[self._contacts]])

    def keys(self, period: Ints, customer: Ints, product: Ints) -> Ints:
        """One number for each (period, customer, product)."""
        return (period * self._n + customer) * self._m + product

    def pick(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """Session of each (period, customer, product) seen: that of the contact, or one of the customer's own."""
        key = rows[0] * self._n + rows[1]
        lot = np.floor(rng.random(len(key)) * self._counts[key]).astype(np.int64)
        order = np.argsort(self._contact_keys, kind="stable")
        place, found = _find(self._contact_keys[order], self.keys(*rows))
        after = len(self.start) - len(self._contacts) + order[place] if len(order) else place
        return np.where(found, after, self._first[key] + lot)

    def visits(self) -> pd.DataFrame:
        """A visit event opens each session."""
        tie = np.full(len(self.start), -1)
        if len(self._contacts):
            tie[-len(self._contacts) :] = self._contacts
        return _part("visit", self.start, self._customer, session=np.arange(len(tie)), solicitation=tie)


def _find(ordered: Ints, wanted: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Position of each wanted value in a sorted array and whether it is there."""
    if not len(ordered):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return place, ordered[place] == wanted


def _look_and_buy(
    people: Population, log: Log, sessions: _Sessions, placing: np.random.Generator, carting: np.random.Generator
) -> tuple[list[pd.DataFrame], Floats]:
    """Views, carts, removals and purchases; a purchase comes after the view and the cart of its session."""
    period, customer, product = log.purchases
    _, bought = _find(sessions.keys(*log.purchases), sessions.keys(*log.views))
    session = sessions.pick(log.views, placing)
    start = sessions.start[session]
    viewed_at = start + placing.uniform(1, 15, len(start)) * _MINUTE
    carted_at = start + placing.uniform(15, 25, len(start)) * _MINUTE
    in_cart = carting.random(len(start)) < np.where(bought, _CART_IF_BOUGHT, _CART_ELSE)
    removed = in_cart & ~bought & (carting.random(len(start)) < _REMOVED)
    place, online = _find(sessions.keys(*log.views), sessions.keys(*log.purchases))
    in_shop = period * float(PERIOD_SECONDS) + placing.uniform(
        DAY_SECONDS + _HOUR, PERIOD_SECONDS - 2 * _HOUR, len(period)
    )
    paid = placing.uniform(28, 50, len(period)) * _MINUTE
    bought_at = np.where(online, start[place] + paid, in_shop) if len(start) else in_shop
    bought_in = np.where(online, session[place], -1) if len(start) else np.full(len(period), -1)
    solicited = _solicitation_of(log, sessions)

    def seen(kind: str, rows: npt.NDArray[np.bool_], seconds: Floats) -> pd.DataFrame:
        return _part(kind, seconds[rows], log.views[1][rows], log.views[2][rows], session[rows])

    parts = [
        seen("view", np.ones(len(start), dtype=bool), viewed_at),
        seen("cart", in_cart, carted_at),
        seen("remove_from_cart", removed, carted_at + 2 * _MINUTE),
        _part(
            "purchase", bought_at, customer, product, bought_in, solicited, 1 + carting.binomial(2, 0.1, len(period))
        ),
    ]
    return parts, bought_at


def _solicitation_of(log: Log, sessions: _Sessions) -> Ints:
    """The contact whose visit ended in each purchase; -1 where none did."""
    sent = log.contacts
    visits = np.nonzero(sent.state == 3)[0]
    keys = sessions.keys(sent.period, sent.customer, sent.product)[visits]
    order = np.argsort(keys, kind="stable")
    place, found = _find(keys[order], sessions.keys(*log.purchases))
    return np.where(found, visits[order][place], -1) if len(visits) else place - 1
