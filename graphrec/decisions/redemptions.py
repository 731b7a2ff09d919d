"""The most a contact can have sold: an upper limit of its effect, counted from coupons and not estimated.

Hides how redemptions become a ceiling in the unit of the outcome, recorded purchase lines. A redemption is at most one
purchase more. Where the events hold a sample of the purchases only, a redemption stands for less than one *recorded*
line; how much less is measured: the share of redemptions that have a purchase line of the coupon's products on their
day. Coupons for many products are matched by chance, so only the half with the fewest products is used.

The plain number of redemptions was considered: on a sample of 5 % of the receipts it is a ceiling twenty times too
high, under which every study looks large enough.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from graphrec.market.attributes import DAY
from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.tables import Market

__all__ = ["Redemptions", "recorded_share"]

_FEWEST_MATCHES = 5
_CONFIDENCE = 0.95


class Redemptions:
    """Redemptions of a market by customer and offer.

    Parameters
    ----------
    market : Market
        Events of type ``redeem`` that name a solicitation, a campaign or a product.
    offers : Offers
        The grain of advice.
    """

    def __init__(self, market: Market, offers: Offers) -> None:
        redeemed = market.events[(market.events["event_type"] == "redeem").to_numpy()]
        rows, codes = _offers_of(market, offers, redeemed)
        customers = market.vocabulary.customers.encode(redeemed["customer_id"]).astype(np.int64)
        pairs = pair_codes(customers[rows], codes, len(offers))
        self._history = History(pairs, to_microseconds(redeemed["event_time"])[rows])
        self._size = len(offers)
        self._recorded = recorded_share(market) if len(self._history) else 1.0

    def ceiling(self, customers: np.ndarray, offers: np.ndarray, times: np.ndarray, horizon_days: int) -> float | None:
        """Recorded lines that one contact can have added at most, on average.

        Parameters
        ----------
        customers, offers : numpy.ndarray, shape (n,), int
            Codes of the contacts.
        times : numpy.ndarray, shape (n,), int64
            Their times in microseconds.
        horizon_days : int
            Days after a contact in which a redemption counts.

        Returns
        -------
        float or None
            Redemptions for each contact, times `recorded_share`; None where the market has no redemption.

        Notes
        -----
        Assumes that a contact sells through its coupon only. A reminder that sells without one is not bounded.
        """
        if not len(self._history):
            return None
        horizon = horizon_days * DAY
        count = self._history.count(pair_codes(customers, offers, self._size), times + horizon, horizon)
        return float(count.mean()) * self._recorded


def recorded_share(market: Market) -> float:
    """Recorded purchase lines for each redemption, at most: the upper 95 % bound of the share that have one.

    Returns
    -------
    float
        In (0, 1]; 1 where redemptions cannot be matched with purchases (no coupon links, or under 5 matches).

    Notes
    -----
    Assumes that a coupon is redeemed on the local day of the purchase it is for, and that a purchase is recorded or not
    whatever was redeemed. Redemptions recorded days later make the share, and the ceiling, too small.
    """
    coupon = ["campaign_id", "coupon_id"]
    linked = market.campaigns[[*coupon, "product_id"]].dropna().drop_duplicates()
    redeemed = _dated(market, "redeem")[["customer_id", "day", *coupon]].dropna()
    redeemed = redeemed.join(linked.groupby(coupon).size().rename("products"), on=coupon, how="inner")
    narrow = redeemed[redeemed["products"] <= redeemed["products"].median()].assign(row=lambda part: range(len(part)))
    bought = _dated(market, "purchase")[["customer_id", "day", "product_id"]]
    found = narrow.merge(bought, on=["customer_id", "day"]).merge(linked, on=[*coupon, "product_id"])
    matches = int(found["row"].nunique())
    if matches < _FEWEST_MATCHES:
        return 1.0
    return float(stats.binomtest(matches, len(narrow)).proportion_ci(_CONFIDENCE, method="wilson").high)


def _offers_of(market: Market, offers: Offers, redeemed: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Positions of redemptions and the offers they are about, by solicitation, else by campaign, else by product."""
    contacts = pd.Index(market.solicitations["solicitation_id"])
    tied = contacts.get_indexer(pd.Index(redeemed["solicitation_id"]))
    about = np.append(offers.of_solicitations(market).astype(np.int64), -1)[tied]
    if offers.kind == "campaign":
        about = np.where(about >= 0, about, offers.index.encode(redeemed["campaign_id"]))
        named = np.flatnonzero(about >= 0)
        return named, about[named]
    named = np.flatnonzero(about >= 0)
    products = market.vocabulary.products.encode(redeemed["product_id"])
    rows, codes = offers.of_products(np.where(about >= 0, -1, products))
    return np.concatenate([named, rows]), np.concatenate([about[named], codes])


def _dated(market: Market, event_type: str) -> pd.DataFrame:
    """Events of a type with their local day."""
    events = market.events[(market.events["event_type"] == event_type).to_numpy()]
    return events.assign(day=market.local_days(events["event_time"]))
