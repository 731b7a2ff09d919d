"""The course of a simulated market, period by period.

Hides the order of things within a period: the policy looks at what is recorded, contacts go out at the first
moment, then customers look and buy. Every mechanism draws from its own generator, one uniform for each (customer,
product) pair whatever the policy does, so two markets that differ in policy only share all other chance: a purchase
happens when one and the same uniform falls below P(Y given what was done).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from graphrec.market.simulation.coefficients import STATE_SHARES
from graphrec.market.simulation.population import Floats, Ints, Population
from graphrec.market.simulation.structural import (
    Recorded,
    Setting,
    channel_shares,
    organic_logit,
    shifted_probability,
    sigmoid,
    slot_shares,
    slot_shifts,
    state_probabilities,
    strength,
    targeting_score,
    view_probability,
)

__all__ = ["Contacts", "Log", "legacy_probability", "policy_propensity", "run_market", "seen_next_door"]

Mask = npt.NDArray[np.bool_]
_BLOCK_PAIRS = 1 << 19
_FOLLOWED_BY_VIEW = 0.6
_SPAN, _BINS = 60.0, 12_000


@dataclass(frozen=True, eq=False)
class Contacts:
    """Solicitations of all periods, one element for each.

    Attributes
    ----------
    period, customer, product, channel : numpy.ndarray of int
        When, to whom, about what, how (positions).
    propensity : numpy.ndarray
        Probability of this contact through this channel.
    randomised : numpy.ndarray of bool
        Sent by the randomised slice.
    state : numpy.ndarray of int
        0 ignored, 1 opened, 2 clicked, 3 followed by a visit.
    bought : numpy.ndarray of bool
        Outcome.
    slot : numpy.ndarray of int
        When on the day (position); -1 in a market without slots.
    """

    period: Ints
    customer: Ints
    product: Ints
    channel: Ints
    propensity: Floats
    randomised: Mask
    state: Ints
    bought: Mask
    slot: Ints


@dataclass(frozen=True, eq=False)
class Log:
    """Everything that happened: (period, customer, product) of purchases and views, and the contacts."""

    purchases: Ints
    views: Ints
    contacts: Contacts
    intercept: float

    def until(self, people: Population, period: int) -> Recorded:
        """What was on record at the start of a period."""
        past = Recorded(people)
        for step in range(period):
            past.advance(self._pairs(self.purchases, step), self._pairs(self.views, step), self._contacted(step))
        return past

    @staticmethod
    def _pairs(rows: Ints, period: int) -> tuple[Ints, Ints]:
        start, end = np.searchsorted(rows[0], [period, period + 1])
        return rows[1, start:end], rows[2, start:end]

    def _contacted(self, period: int) -> Ints:
        start, end = np.searchsorted(self.contacts.period, [period, period + 1])
        return self.contacts.customer[start:end]


def legacy_probability(setting: Setting, score: Floats, intercept: float) -> Floats:
    """Contact probability of the legacy policy: floor + (ceiling - floor) / (1 + exp(-(intercept + score)))."""
    return setting.floor + (setting.ceiling - setting.floor) * sigmoid(intercept + score)


def policy_propensity(setting: Setting, legacy: Floats, shares: Floats) -> Floats:
    """Probability of a contact in each way (the last axis of ``shares``), the randomised slice included."""
    uniform = setting.contact_share / shares.shape[-1]
    return np.asarray((1 - setting.randomised) * legacy * shares + setting.randomised * uniform)


def run_market(people: Population, setting: Setting, rng: np.random.Generator) -> Log:
    """Simulate all periods.

    Time is O(periods x customers x products); memory 4 bytes for each pair, about 100 MB for the block at work, and
    24 bytes for each event.
    """
    # New streams come last: the markets of earlier versions keep their bytes.
    streams = dict(zip(("view", "buy", "follow", "contact", "slice", "channel", "answer", "slot"), rng.spawn(8)))
    past, moments = Recorded(people), slot_shifts(people, setting)
    shares = channel_shares(people, setting), slot_shares(people, setting)
    intercept = 0.0
    purchases: list[Ints] = []
    views: list[Ints] = []
    contacts: list[Contacts] = []
    for period in range(setting.periods):
        if period == setting.warmup:
            intercept = _calibrate(people, past, setting)
        sliced = streams["slice"].random(people.shape[0]) < setting.randomised
        found = [
            _run_block(people, past, setting, block, intercept, sliced, shares, moments, streams)
            for block in _blocks(people)
        ]
        bought, viewed = (np.concatenate([part[i] for part in found], axis=1) for i in (0, 1))
        sent = _join([part[2] for part in found])
        purchases.append(_with_period(period, bought))
        views.append(_with_period(period, viewed))
        contacts.append(sent)
        past.advance((bought[0], bought[1]), (viewed[0], viewed[1]), sent.customer)
    return Log(
        purchases=np.concatenate(purchases, axis=1),
        views=np.concatenate(views, axis=1),
        contacts=_join(contacts),
        intercept=intercept,
    )


def _blocks(people: Population) -> Iterator[Ints]:
    """Customers in blocks whose pairs fit in memory; uniforms are drawn by row, so the block size changes nothing."""
    n, m = people.shape
    size = max(2, _BLOCK_PAIRS // m // 2 * 2)  # even, so that neighbours are in one block
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def _run_block(
    people: Population,
    past: Recorded,
    setting: Setting,
    block: Ints,
    intercept: float,
    sliced: Mask,
    shares: tuple[Floats, Floats],
    moments: Floats,
    streams: dict[str, np.random.Generator],
) -> tuple[Ints, Ints, Contacts]:
    """One period of some customers: pairs bought, pairs viewed, contacts."""
    customers, products = block[:, None], np.arange(people.shape[1])[None, :]
    taste = people.taste(customers, products)
    organic = organic_logit(people, past, setting, customers, products, taste)
    luck = streams["buy"].random(organic.shape)
    viewed = streams["view"].random(organic.shape) < view_probability(people, setting, customers, products, taste)
    follows = streams["follow"].random(organic.shape) < _FOLLOWED_BY_VIEW
    draws = streams["contact"].random(organic.shape)
    legacy, sent = np.zeros(organic.shape), np.zeros(organic.shape, dtype=bool)
    if past.period >= setting.warmup:
        score = targeting_score(people, past, setting, customers, products, taste)
        legacy = legacy_probability(setting, score, intercept)
        sent = draws < np.where(sliced[customers], setting.contact_share, legacy)
    if setting.spillover:
        organic = organic + setting.spillover * seen_next_door(sent)
    bought = luck < sigmoid(organic)
    rows, cols = np.nonzero(sent)
    here = block[rows]
    channel = _pick(shares[0][here], sliced[here], streams["channel"])
    slot = _pick(shares[1][here], sliced[here], streams["slot"]) if setting.slots else np.full(len(here), -1)
    shift = moments[here, slot] if setting.slots else np.zeros(len(here))
    dilution = 1 / (1 + setting.crowding * (sent.sum(axis=1)[rows] - 1))
    state, chance = _answers(
        people,
        past,
        setting,
        channel,
        here,
        cols,
        organic[sent],
        taste[sent],
        shift,
        dilution,
        streams["answer"],
    )
    bought[sent] = luck[sent] < chance
    viewed[sent] |= state == len(STATE_SHARES) - 1
    viewed |= bought & follows
    contacts = Contacts(
        period=np.full(len(rows), past.period),
        customer=here,
        product=cols,
        channel=channel,
        propensity=policy_propensity(setting, legacy[sent][:, None], shares[0][here])[np.arange(len(rows)), channel],
        randomised=sliced[here],
        state=state,
        bought=bought[sent],
        slot=slot,
    )
    return _pairs(block, bought), _pairs(block, viewed), contacts


def _pairs(block: Ints, mask: Mask) -> Ints:
    rows, cols = np.nonzero(mask)
    return np.vstack([block[rows], cols])


def seen_next_door(sent: Mask) -> Mask:
    """Whether each customer's neighbour was contacted about each product, the shape of ``sent``.

    Neighbours are the first and second customer, the third and fourth, ...; a last one without neighbour sees nothing.
    """
    beside = np.arange(len(sent)) ^ 1
    return np.asarray(sent[np.minimum(beside, len(sent) - 1)] & (beside < len(sent))[:, None])


def _pick(shares: Floats, sliced: Mask, rng: np.random.Generator) -> Ints:
    """Channel or slot of each contact: the legacy shares, or all alike in the randomised slice."""
    shares = np.where(sliced[:, None], 1 / shares.shape[1], shares)
    below = rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]
    return np.asarray(below.sum(axis=1), dtype=np.int64)


def _answers(
    people: Population,
    past: Recorded,
    setting: Setting,
    channel: Ints,
    customers: Ints,
    products: Ints,
    organic: Floats,
    taste: Floats,
    shift: Floats,
    dilution: Floats,
    rng: np.random.Generator,
) -> tuple[Ints, Floats]:
    """State of each contact (0 to 3) and P(Y given contact and state)."""
    draws = rng.random((len(channel), 3))
    state, chance = np.zeros(len(channel), dtype=np.int64), np.zeros(len(channel))
    for number, how in enumerate(setting.channels.values()):
        mine = np.nonzero(channel == number)[0]
        opens, clicks, visit = state_probabilities(people, how, customers[mine], taste[mine])
        opened = draws[mine, 0] < opens
        clicked = opened & (draws[mine, 1] < clicks)
        visited = clicked & (draws[mine, 2] < visit)
        state[mine] = opened.astype(np.int64) + clicked + visited
        pressure = past.contact_pressure[customers[mine]]
        power = strength(people, how, customers[mine], products[mine], pressure, shift[mine]) * dilution[mine]
        chance[mine] = shifted_probability(organic[mine], power, np.asarray(STATE_SHARES)[state[mine]])
    return state, chance


def _calibrate(people: Population, past: Recorded, setting: Setting) -> float:
    """Intercept with which the mean contact probability at the first decision is ``contact_share``."""
    products, edges = np.arange(people.shape[1])[None, :], np.linspace(-_SPAN, _SPAN, _BINS + 1)
    counts = np.zeros(_BINS)
    for block in _blocks(people):
        customers = block[:, None]
        score = targeting_score(people, past, setting, customers, products, people.taste(customers, products))
        counts += np.histogram(np.clip(score, -_SPAN, _SPAN), edges)[0]
    middles, weights = (edges[1:] + edges[:-1]) / 2, counts / counts.sum()
    left, right = -2 * _SPAN, 2 * _SPAN
    for _ in range(80):
        centre = (left + right) / 2
        mean = float(weights @ legacy_probability(setting, middles, centre))
        left, right = (centre, right) if mean < setting.contact_share else (left, centre)
    return (left + right) / 2


def _join(parts: list[Contacts]) -> Contacts:
    names = [field.name for field in fields(Contacts)]
    return Contacts(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _with_period(period: int, pairs: Ints) -> Ints:
    return np.vstack([np.full(pairs.shape[1], period), pairs])
