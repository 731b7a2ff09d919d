"""The structural equations of a simulated market.

Hides who buys, who is contacted and whom a contact persuades. The equations read recorded history through `Recorded`,
whose numbers mean the same as the panel's covariates of the same name, so that the backdoor path of the default
market is closed by columns the panel has.

A contact works through what it sets off: it is ignored, opened, clicked or followed by a visit, and each state adds
its share of the contact's strength to the logit of buying. The strength differs by channel and trait, falls with
contact pressure and fades where the customer would buy anyway; it may be negative. P(Y given contact) is the exact
sum over the four states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphrec.market.simulation.coefficients import (
    ANNOYANCE,
    CLICK_TASTE,
    FADE_MIDDLE,
    FADE_WIDTH,
    LEAVING,
    ORGANIC,
    STATE_SHARES,
    TARGETING,
    VIEWING,
    Channel,
    Slot,
)
from graphrec.market.simulation.population import CATEGORIES, Floats, Ints, Population

__all__ = [
    "PERIOD_DAYS",
    "Recorded",
    "Setting",
    "channel_shares",
    "contact_probability",
    "leaving_probability",
    "organic_logit",
    "season_of",
    "shifted_probability",
    "sigmoid",
    "slot_shares",
    "slot_shifts",
    "state_probabilities",
    "strength",
    "targeting_score",
    "view_probability",
]

PERIOD_DAYS = 28
_POPULAR_PERIODS = 3


@dataclass(frozen=True)
class Setting:
    """What kind of market is simulated; see `simulate_market` for each field."""

    periods: int
    warmup: int
    channels: Mapping[str, Channel]
    confounding: float
    overlap: float
    popularity: float
    randomised: float
    latent_targeting: float
    bad_control: bool
    collider: bool
    contact_share: float
    log_propensity: bool
    seasons: Floats = field(repr=False)
    slots: Mapping[str, Slot] = field(default_factory=dict)
    slot_effect: float = 1.0
    annoyance: float = 0.0
    spillover: float = 0.0
    crowding: float = 0.0

    @property
    def floor(self) -> float:
        """Smallest contact probability of the legacy policy."""
        return 0.2 * self.contact_share * min(self.overlap, 1.0)

    @property
    def ceiling(self) -> float:
        """Largest contact probability of the legacy policy."""
        return max(0.5, 2 * self.contact_share)


class Recorded:
    """What the company has on record at the start of a period; `advance` moves it by one period.

    Memory is 4 bytes for each (customer, product) pair.
    """

    def __init__(self, population: Population) -> None:
        n, m = population.shape
        self.period = 0
        self.offer_purchases = np.zeros((n, m), dtype=np.int16)
        self.offer_views = np.zeros((n, m), dtype=np.int16)
        self.category_purchases = np.zeros((n, len(CATEGORIES)), dtype=np.int32)
        self.past_purchases = np.zeros(n, dtype=np.int64)
        self.last_purchase = np.zeros(n, dtype=np.int64)
        self.contact_pressure = np.zeros(n, dtype=np.int64)
        self._sold: list[Ints] = []
        self._category = population.category

    @property
    def popularity(self) -> Ints:
        """Purchases of each product in the 84 days before."""
        zero = np.zeros(self.offer_purchases.shape[1], dtype=np.int64)
        return sum(self._sold[-_POPULAR_PERIODS:], start=zero)

    def advance(self, bought: tuple[Ints, Ints], viewed: tuple[Ints, Ints], contacted: Ints) -> None:
        """Add one period: distinct (customer, product) pairs bought and viewed, and the customers contacted."""
        n, m = self.offer_purchases.shape
        self.offer_purchases[bought] += 1
        self.offer_views[viewed] += 1
        np.add.at(self.category_purchases, (bought[0], self._category[bought[1]]), 1)
        self.past_purchases += np.bincount(bought[0], minlength=n)
        self.last_purchase[bought[0]] = self.period
        self._sold.append(np.bincount(bought[1], minlength=m))
        self.contact_pressure = np.bincount(contacted, minlength=n)
        self.period += 1


def season_of(times: pd.DatetimeIndex) -> Floats:
    """Cosine of the position in the year: 1 in mid-January, -1 in mid-July."""
    days = (times - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
    return np.cos(2 * np.pi * ((np.asarray(days, dtype=np.float64) - 15.0) % 365.2425) / 365.2425)


def sigmoid(x: Floats) -> Floats:
    """Logistic function 1 / (1 + exp(-x))."""
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)


def organic_logit(
    people: Population, past: Recorded, setting: Setting, customers: Ints, products: Ints, taste: Floats
) -> Floats:
    """Logit of buying in the coming 28 days without contact; ``customers`` and ``products`` broadcast."""
    b, z = ORGANIC, people.z
    idle = np.maximum(past.period - 1 - past.last_purchase, 0)
    by_customer = (
        b["intercept"]
        + b["season"] * setting.seasons[past.period]
        + b["activity"] * people.activity
        + b["wealth"] * z["wealth"]
        + b["household_size"] * z["household_size"]
        + b["floor(recency_days / 28)"] * idle
        + (b["opinion"] * people.opinion if setting.collider else 0.0)
    )
    by_product = b["appeal"] * setting.popularity * people.appeal + b["price"] * people.z_price
    logit = b["taste"] * taste + by_customer[customers] + by_product[products]
    logit += b["wealth:price"] * z["wealth"][customers] * people.z_price[products]
    logit += b["log1p(offer_purchases)"] * np.log1p(past.offer_purchases[customers, products])
    logit += b["log1p(offer_views)"] * np.log1p(past.offer_views[customers, products])
    habit = b["log1p(category_purchases)"] * np.log1p(past.category_purchases)
    logit += habit[customers, people.category[products]]
    return np.asarray(logit, dtype=np.float64)


def targeting_score(
    people: Population, past: Recorded, setting: Setting, customers: Ints, products: Ints, taste: Floats
) -> Floats:
    """Score of the legacy policy, on the logit scale and without its intercept."""
    b, z = TARGETING, people.z
    by_customer = b["wealth"] * z["wealth"] + b["log1p(past_purchases)"] * np.log1p(past.past_purchases)
    by_product = b["log1p(popularity)"] * np.log1p(past.popularity) * setting.popularity
    score = by_customer[customers] + by_product[products]
    score = score + b["log1p(offer_purchases)"] * np.log1p(past.offer_purchases[customers, products])
    score += b["log1p(offer_views)"] * np.log1p(past.offer_views[customers, products])
    score *= setting.confounding
    score += b["tenure"] * z["tenure"][customers]
    if setting.latent_targeting:
        score += b["taste"] * setting.latent_targeting * taste
    if setting.collider:
        score += b["zeal"] * people.zeal[past.period][customers]
    return np.asarray(score / setting.overlap, dtype=np.float64)


def channel_shares(people: Population, setting: Setting) -> Floats:
    """Probability of each channel given a contact of the legacy policy, shape (customers, channels)."""
    return _shares(people, setting, list(setting.channels.values()))


def slot_shares(people: Population, setting: Setting) -> Floats:
    """Probability of each slot given a contact of the legacy policy, shape (customers, slots)."""
    return _shares(people, setting, list(setting.slots.values()))


def slot_shifts(people: Population, setting: Setting) -> Floats:
    """Strength that each slot adds for each customer, shape (customers, slots)."""
    known = {**people.z, "chronotype": people.chronotype}
    n = people.shape[0]
    columns = [
        slot.base + sum((value * known[trait] for trait, value in slot.traits.items()), np.zeros(n))
        for slot in setting.slots.values()
    ]
    return setting.slot_effect * np.column_stack(columns) if columns else np.zeros((n, 0))


def _shares(people: Population, setting: Setting, choices: Sequence[Channel | Slot]) -> Floats:
    """Softmax of what the legacy policy thinks of each choice for each customer."""
    n = people.shape[0]
    logits = np.zeros((n, len(choices)))
    for column, choice in enumerate(choices):
        tilt = sum((value * people.z[trait] for trait, value in choice.share_traits.items()), np.zeros(n))
        logits[:, column] = choice.share + setting.confounding * tilt
    weights = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def view_probability(people: Population, setting: Setting, customers: Ints, products: Ints, taste: Floats) -> Floats:
    """Probability of looking at a product in a period."""
    b = VIEWING
    by_customer = (
        b["intercept"] + b["activity"] * people.activity + b["digital_affinity"] * people.z["digital_affinity"]
    )
    by_product = b["appeal"] * setting.popularity * people.appeal
    return sigmoid(b["taste"] * taste + by_customer[customers] + by_product[products])


def strength(
    people: Population,
    channel: Channel,
    customers: Ints,
    products: Ints,
    pressure: Ints,
    shift: Floats | float = 0.0,
) -> Floats:
    """Strength of a contact (logit) before it fades; negative for customers whom contacts put off.

    ``pressure`` is the number of contacts of each of ``customers`` in the 28 days before, ``shift`` what the slot
    adds; all four broadcast.
    """
    by_customer = np.full(people.shape[0], channel.base)
    for trait, value in channel.traits.items():
        if trait != "price":
            by_customer += value * people.z[trait]
    by_product = channel.traits.get("price", 0.0) * people.z_price
    return np.asarray(by_customer[customers] + by_product[products] - channel.fatigue * np.log1p(pressure) + shift)


def leaving_probability(
    people: Population, setting: Setting, channel: Channel, customers: Ints, power: Floats, pressure: Ints
) -> Floats:
    """Probability that a contact of this strength makes the customer unsubscribe; the arrays broadcast."""
    b = LEAVING
    logit = b["intercept"] + b["strength"] * power + b["log1p(contact_pressure)"] * np.log1p(pressure)
    if setting.annoyance:
        annoyed = np.full(people.shape[0], b["annoyance"] + channel.annoys.get("all", 0.0))
        for trait, value in channel.annoys.items():
            if trait != "all":
                annoyed += value * people.z[trait]
        logit = logit + setting.annoyance * annoyed[customers]
    return sigmoid(logit)


def state_probabilities(
    people: Population, channel: Channel, customers: Ints, taste: Floats
) -> tuple[Floats, Floats, float]:
    """Probability of opening, of clicking once opened, of visiting once clicked."""
    logit = np.full(people.shape[0], channel.opens["intercept"])
    for trait, value in channel.opens.items():
        if trait != "intercept":
            logit += value * people.z[trait]
    return sigmoid(logit)[customers], sigmoid(channel.click + CLICK_TASTE * taste), channel.visit


def shifted_probability(organic: Floats, power: Floats, share: Floats | float) -> Floats:
    """P(buys) in one state: the power fades, and turns, where the customer would buy anyway."""
    fade = (1 + ANNOYANCE) * sigmoid((FADE_MIDDLE - organic) / FADE_WIDTH) - ANNOYANCE
    return sigmoid(organic + power * np.where(power > 0, fade, 1.0) * share)


def contact_probability(
    people: Population,
    past: Recorded,
    channel: Channel,
    customers: Ints,
    products: Ints,
    organic: Floats,
    taste: Floats,
    shift: Floats | float = 0.0,
    dilution: Floats | float = 1.0,
) -> Floats:
    """P(buys within 28 days given contact through the channel now): the sum over ignored, opened, clicked, visited.

    ``shift`` is the strength that the slot adds, ``dilution`` the share of the strength that other contacts leave.
    """
    power = strength(people, channel, customers, products, past.contact_pressure[customers], shift) * dilution
    opens, clicks, visit = state_probabilities(people, channel, customers, taste)
    weights = (1 - opens, opens * (1 - clicks), opens * clicks * (1 - visit), opens * clicks * visit)
    total = np.zeros(np.broadcast_shapes(organic.shape, power.shape))
    for weight, share in zip(weights, STATE_SHARES):
        total += weight * shifted_probability(organic, power, share)
    return total
