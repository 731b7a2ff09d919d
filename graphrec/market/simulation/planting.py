"""Known effects planted into a real market: would we have seen an effect of this size here?

Hides how contacts and purchases are planted. Real customers, products and purchases stay; the real solicitations, and
the events that only they can cause, are replaced by planted ones at the same moments about the same offers. Whom they
reach depends on recorded activity by a known probability; what they add is known for every customer. Real purchases
play the part of the outcome without contact.

Alternative considered: outcomes drawn from a fitted model (Neal et al. 2020, "RealCause"). The test then inherits the
model's idea of the market; adding purchases needs no model of the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.market.covariates import DAY
from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers, make_offers
from graphrec.market.simulation.dosage import Activity, contact_probabilities, expected_lines, shape_effect
from graphrec.market.simulation.occasions import Ledger, Occasion, find_occasions
from graphrec.market.simulation.planted import PlantedMarket, PlantedTruth
from graphrec.market.simulation.population import Floats, Ints
from graphrec.market.tables import DataError, Market

__all__ = ["plant_effects"]

_TIED = ("open", "click", "redeem", "unsubscribe")
_HOUR = DAY // 24


@dataclass(frozen=True)
class _Plan:
    """The parameters of `plant_effects`, checked."""

    lift: Mapping[str, float]
    propensity: float | None
    selectivity: float
    heterogeneity: float
    horizon_days: int

    @property
    def horizon(self) -> int:
        return self.horizon_days * DAY


@dataclass(frozen=True, eq=False)
class _Planted:
    """What was planted on one occasion.

    ``propensity`` (customers,), ``lines`` (channels of the occasion, customers) expected to be added, ``added``
    (customers,) lines added in fact; ``customers`` and ``channels`` (positions in the occasion's) for each contact.
    """

    occasion: Occasion
    propensity: Floats
    lines: Floats
    added: Ints
    customers: Ints
    channels: Ints


def plant_effects(
    market: Market,
    lift: float | Mapping[str, float] = 1.0,
    channels: Sequence[str] | None = None,
    *,
    propensity: float | None = None,
    selectivity: float = 1.0,
    heterogeneity: float = 1.0,
    horizon_days: int = 28,
    minimum_history_days: int = 28,
    log_propensity: bool = False,
    rng: int | np.random.Generator | None = None,
) -> PlantedMarket:
    r"""Replace a market's contacts by planted ones whose effect is known.

    At each real occasion (a campaign or product, and a moment) every customer is contacted with probability
    ``sigmoid(a + selectivity z)``, where z is the standardised log of the customer's purchase lines in the 84 days
    before. A contact of customer i adds a Poisson number of purchase lines of the offer's products within the
    horizon, with mean

    .. math:: e_i = lift \; \lambda_i h_i, \qquad \sum_i e_i = lift \sum_i \lambda_i

    where :math:`\lambda_i` is the lines expected without contact, from recorded purchases before the occasion
    (shrunk to the mean, gamma-Poisson), and h falls where a customer buys much anyway and rises with thrift (low
    spend per line) and time since the last purchase, all of it recorded. So the best customers to contact are not
    the best customers.

    Parameters
    ----------
    market : Market
        With solicitations and purchases.
    lift : float or mapping of str to float
        Relative lift of the offer's expected lines over all customers, 1.0 doubles them, 0 plants nothing; one number
        or one for each channel.
    channels : sequence of str, optional
        Channels to plant; the contacts of others are removed. By default all.
    propensity : float, optional
        Mean contact probability at each occasion; by default as many contacts as in reality.
    selectivity : float
        Log-odds of contact for one standard deviation of activity; 0 randomises.
    heterogeneity : float
        Exponent of h; 0 multiplies every customer's expected lines alike.
    horizon_days : int
        Days after the contact in which added purchases fall.
    minimum_history_days : int
        Occasions with less history before them are left out.
    log_propensity : bool
        Record the probability of each contact, through the channel used, in ``solicitations.propensity``.
    rng : int, Generator or None
        Seed: the same seed gives the same bytes.

    Returns
    -------
    PlantedMarket

    Raises
    ------
    DataError
        No usable occasion, no purchase, an unknown channel.
    ValueError
        A parameter is out of range.

    Notes
    -----
    Assumes the real contacts' own effects are small, or at least no larger for those whom the planted policy prefers
    given recorded history; they stay in the purchases and count as outcome without contact. Time is O(occasions x
    (customers + lines of the offer)), memory 12 bytes for each (occasion, customer).
    """
    names = [str(name) for name in (market.vocabulary.channels.ids if channels is None else channels)]
    plan = _Plan(_checked_lift(lift, names), propensity, selectivity, heterogeneity, horizon_days)
    _check(plan)
    if not (market.events["event_type"] == "purchase").any():
        raise DataError("the market has no purchases, so there is no rate to lift")
    offers = make_offers(market, "auto")
    occasions = find_occasions(market, offers, plan.horizon, minimum_history_days * DAY, channels)
    ledger, activity = Ledger.of_market(market, offers), Activity.of_market(market)
    streams = dict(zip(("contact", "channel", "lines", "product", "time"), np.random.default_rng(rng).spawn(5)))
    planted = [_plant(occasion, activity, ledger, plan, market, streams) for occasion in occasions]
    contacts = _contacts(market, offers, planted)
    added = _added_purchases(market, offers, planted, contacts, ledger, plan, streams)
    changed = _with_contacts(market, offers, contacts, added, log_propensity)
    return PlantedMarket(changed, _truth(changed, offers, planted, contacts, plan))


def _checked_lift(lift: float | Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    given = dict(lift) if isinstance(lift, Mapping) else dict.fromkeys(names, float(lift))
    if set(given) - set(names) or any(not 0 <= value < np.inf for value in given.values()):
        raise ValueError(f"lift is {lift!r}; give a number of at least 0, or one for each of {', '.join(names)}")
    return dict.fromkeys(names, 0.0) | given


def _check(plan: _Plan) -> None:
    if plan.propensity is not None and not 0 < plan.propensity < 1:
        raise ValueError(f"propensity is {plan.propensity!r}; use a mean probability between 0 and 1, or None")
    for name in ("selectivity", "heterogeneity"):
        if not np.isfinite(getattr(plan, name)):
            raise ValueError(f"{name} is {getattr(plan, name)!r}; use a finite number")
    if plan.horizon_days < 1:
        raise ValueError(f"horizon_days is {plan.horizon_days}; use at least one day")


def _plant(
    occasion: Occasion,
    activity: Activity,
    ledger: Ledger,
    plan: _Plan,
    market: Market,
    streams: Mapping[str, np.random.Generator],
) -> _Planted:
    """Draw who is contacted, how, and how many lines that adds; one draw for each customer whatever the policy."""
    n = len(market.vocabulary.customers)
    share = occasion.contacts / n if plan.propensity is None else plan.propensity
    recent, thrift, idle = activity.at(occasion.time)
    chance = contact_probabilities(recent, share, plan.selectivity)
    before = ledger.by_customer(occasion.offer, 0, occasion.time)
    base = expected_lines(before, activity.days(occasion.time), plan.horizon_days)
    lifts = np.array([plan.lift[str(name)] for name in market.vocabulary.channels.decode(occasion.channels)])
    lines = np.outer(lifts, shape_effect(base, thrift, idle, plan.heterogeneity))
    contacted = streams["contact"].random(n) < chance
    lot = np.searchsorted(np.cumsum(occasion.shares)[:-1], streams["channel"].random(n), side="right")
    drawn = streams["lines"].poisson(lines[lot, np.arange(n)])
    return _Planted(
        occasion=occasion,
        propensity=chance,
        lines=lines,
        added=np.where(contacted, drawn, 0),
        customers=np.nonzero(contacted)[0],
        channels=lot[contacted],
    )


def _contacts(market: Market, offers: Offers, planted: Sequence[_Planted]) -> pd.DataFrame:
    """One row for each planted contact, in order of time, offer and customer."""
    sizes = [len(part.customers) for part in planted]
    offer = np.repeat([part.occasion.offer for part in planted], sizes)
    time = np.repeat(np.array([part.occasion.time for part in planted], dtype=np.int64), sizes)
    channel = np.concatenate([part.occasion.channels[part.channels] for part in planted])
    customer = np.concatenate([part.customers for part in planted])
    width = len(str(len(customer)))
    return pd.DataFrame(
        {
            "solicitation_id": [f"planted-{number:0{width}d}" for number in range(1, len(customer) + 1)],
            "customer_id": market.vocabulary.customers.decode(customer),
            "offer_id": offers.index.decode(offer),
            "channel": market.vocabulary.channels.decode(channel),
            "sent_at": pd.DatetimeIndex(time.astype("datetime64[us]")).tz_localize("UTC"),
            "propensity": np.concatenate([part.propensity[part.customers] for part in planted]),
            "channel_propensity": np.concatenate(
                [part.propensity[part.customers] * part.occasion.shares[part.channels] for part in planted]
            ),
            "effect_lines": np.concatenate([part.lines[part.channels, part.customers] for part in planted]),
            "added_lines": np.concatenate([part.added[part.customers] for part in planted]),
        }
    )


def _added_purchases(
    market: Market,
    offers: Offers,
    planted: Sequence[_Planted],
    contacts: pd.DataFrame,
    ledger: Ledger,
    plan: _Plan,
    streams: Mapping[str, np.random.Generator],
) -> pd.DataFrame:
    """One purchase event for each added line: products as they sold before, moments spread over the horizon."""
    products = [_pick_products(offers, part, ledger, streams["product"]) for part in planted]
    picked = np.concatenate([np.zeros(0, dtype=np.int64), *products])
    row = np.repeat(np.arange(len(contacts)), contacts["added_lines"])
    delay = streams["time"].uniform(_HOUR, plan.horizon - _HOUR, len(row)).astype(np.int64)
    when = to_microseconds(contacts["sent_at"])[row] + delay
    return pd.DataFrame(
        {
            "event_time": pd.DatetimeIndex(when.astype("datetime64[us]")).tz_localize("UTC"),
            "event_type": "purchase",
            "customer_id": contacts["customer_id"].to_numpy()[row],
            "product_id": market.vocabulary.products.decode(picked),
            "price": _usual_prices(market)[picked],
            "quantity": 1.0,
        }
    )


def _pick_products(offers: Offers, part: _Planted, ledger: Ledger, rng: np.random.Generator) -> Ints:
    """Products of the added lines, drawn as the offer's products sold before (all alike where none sold)."""
    total = int(part.added.sum())
    sold = ledger.by_product(part.occasion.offer, 0, part.occasion.time).astype(np.float64)
    if not sold.any():
        sold[offers.link_products[offers.link_offers == part.occasion.offer]] = 1.0
    return np.searchsorted(np.cumsum(sold) / sold.sum(), rng.random(total), side="right").astype(np.int64)


def _usual_prices(market: Market) -> Floats:
    """Listed price of each product, else the mean price of its purchases; nan where neither is known."""
    listed = market.products["price"].to_numpy(np.float64)
    bought = (market.events["event_type"] == "purchase").to_numpy()
    paid = market.events["price"].to_numpy(np.float64)[bought]
    product = market.codes("events", "product_id")[bought]
    known = np.isfinite(paid)
    count = np.bincount(product[known], minlength=len(listed))
    total = np.bincount(product[known], weights=paid[known], minlength=len(listed))
    return np.where(np.isfinite(listed), listed, np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _with_contacts(
    market: Market, offers: Offers, contacts: pd.DataFrame, added: pd.DataFrame, log_propensity: bool
) -> Market:
    """The market with planted solicitations and purchases, without what only the real contacts can have caused."""
    events = market.events[~market.events["event_type"].isin(_TIED)].assign(solicitation_id=None)
    named = "campaign_id" if offers.kind == "campaign" else "product_id"
    solicitations = contacts[["solicitation_id", "customer_id", "sent_at", "channel"]].assign(
        **{named: contacts["offer_id"]},
        propensity=contacts["channel_propensity"] if log_propensity else np.nan,
    )
    return Market.from_frames(
        customers=market.customers,
        products=market.products,
        solicitations=solicitations,
        events=pd.concat([events, added], ignore_index=True) if len(added) else events,
        campaigns=market.campaigns,
        consents=market.consents,
        feedback=market.feedback,
        roles=market.roles,
        time_zone=market.time_zone,
    )


def _truth(
    changed: Market, offers: Offers, planted: Sequence[_Planted], contacts: pd.DataFrame, plan: _Plan
) -> PlantedTruth:
    """Effects on buying at all, given everything else that happened."""
    ledger = Ledger.of_market(changed, offers)
    lines, effects, told = [], [], []
    for part in planted:
        start = part.occasion.time
        others = ledger.by_customer(part.occasion.offer, start, start + plan.horizon) - part.added
        change = np.where(others > 0, 0.0, -np.expm1(-part.lines))
        told.append(change[part.channels, part.customers])
        lines.append(part.occasion.shares @ part.lines)
        effects.append(part.occasion.shares @ change)
    return PlantedTruth(
        contacts=contacts.assign(effect=np.concatenate(told)),
        lift=plan.lift,
        horizon_days=plan.horizon_days,
        _customers=changed.vocabulary.customers,
        _offers=offers.index,
        _occasions=tuple(part.occasion for part in planted),
        _propensity=np.array([part.propensity for part in planted], dtype=np.float32),
        _lines=np.array(lines, dtype=np.float32),
        _effect=np.array(effects, dtype=np.float32),
    )
