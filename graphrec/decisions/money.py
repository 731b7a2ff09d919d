"""What a conversion is worth and what a contact costs.

Hides where money comes from: the margin of an offer's products where the business gives one, the price otherwise, times
the quantity that buyers of contacted offers took; the mean recorded cost of a channel's contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.market.offers import Offers
from graphrec.market.panel import Panel
from graphrec.market.tables import Market

__all__ = ["Money", "price_tags"]

_PRIOR_BUYERS = 10.0
"""Weight of what is expected of an offer beside what its own buyers spent."""


@dataclass(frozen=True, eq=False)
class Money:
    """What a conversion is worth and what a contact costs, in the market's currency.

    Attributes
    ----------
    value : numpy.ndarray, shape (n_offers,)
        Money gained when the offer is bought.
    cost : dict of str to float
        Cost of one contact by channel.
    """

    value: np.ndarray
    cost: dict[str, float]


def price_tags(market: Market, offers: Offers, panel: Panel, trained_on: Market | None = None) -> Money:
    """Value of each offer (money for one conversion) and cost of each channel (money for one contact).

    A margin is money for one unit. Where a campaign or category spans many products, the value is what buyers of that
    offer spent within the horizon, pulled towards the mean of all offers by ten buyers' weight.

    Parameters
    ----------
    market, offers
        The market to score and its offers.
    panel : Panel
        The rows the model was fitted on; its offers are recognised by their identifiers.
    trained_on : Market, optional
        Gives the cost of channels that ``market`` has no cost of.
    """
    value = _spent_by_buyers(offers, panel)
    margin = market.products["margin"].to_numpy(np.float64)
    if np.isfinite(margin).any():
        value = value * _margin_share(market, margin)
    known = {} if trained_on is None or trained_on is market else _mean_costs(trained_on)
    free = {str(channel): 0.0 for channel in market.vocabulary.channels.ids}
    return Money(value=value, cost=free | known | _mean_costs(market))


def _mean_costs(market: Market) -> dict[str, float]:
    """Mean cost of a contact through each channel whose cost was ever recorded."""
    cost = market.solicitations.groupby("channel")["cost"].mean().dropna()
    return {str(channel): float(money) for channel, money in cost.items()}


def _spent_by_buyers(offers: Offers, panel: Panel) -> np.ndarray:
    """Mean money of a buyer within the horizon, for each offer."""
    offer, money = _purchases(offers, panel)
    n = len(offers)
    price = np.where(np.isfinite(offers.price), offers.price, money.mean() if len(money) else 0.0)
    if offers.kind == "product":
        paid = price[offer] > 0
        ratio = float(money[paid].sum() / price[offer][paid].sum()) if paid.any() else 1.0
        expected = price * ratio
    else:
        expected = np.full(n, float(money.mean()) if len(money) else 0.0)
    total, count = np.bincount(offer, weights=money, minlength=n), np.bincount(offer, minlength=n)
    return np.asarray((total + _PRIOR_BUYERS * expected) / (count + _PRIOR_BUYERS))


def _purchases(offers: Offers, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Offer code and money of each row of the panel that bought an offer that still exists.

    A purchase without a price is no purchase for nothing: it is left out, unless the offer is known to cost nothing.
    """
    frame = panel.frame[(panel.frame[panel.outcome] > 0).to_numpy()]
    offer, money = frame["offer"].to_numpy(np.int64), frame["value"].to_numpy(np.float64)
    if panel.offers is not None and panel.offers is not offers:
        offer = offers.index.encode(panel.offers.index.ids)[offer]
    known = offer >= 0
    known[known] = (money[known] > 0) | (offers.price[offer[known]] == 0)
    return offer[known], money[known]


def _margin_share(market: Market, margin: np.ndarray) -> float:
    """Margin as a share of the price, over the products that have both."""
    price = market.products["price"].to_numpy(np.float64)
    known = np.isfinite(margin) & np.isfinite(price) & (price > 0)
    return float(np.clip(margin[known].sum() / price[known].sum(), 0.0, 1.0)) if known.any() else 1.0
