"""Which offers are scored, and through which channels.

Hides two economies: of a large catalogue only the offers with a past are scored, and where offer and channel were
always decided together no other pair is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphrec.market.offers import Offers
from graphrec.market.panel import Panel
from graphrec.market.tables import Market

__all__ = ["choose_offers", "possible_pairs", "tried_offers"]

_OFTEN = 20.0
"""Contacts for each offer from which a single channel is no accident."""


def choose_offers(market: Market, offers: Offers, maximum: int) -> np.ndarray:
    """Offer codes to score: all, or the most contacted and then the most popular of a large catalogue.

    Parameters
    ----------
    maximum : int
        Number of offers above which a choice is made.

    Returns
    -------
    numpy.ndarray, shape (at most maximum,), int64
        Codes in ascending order.
    """
    if len(offers) <= maximum:
        return np.arange(len(offers))
    contacted = offers.of_solicitations(market)
    contacts = np.bincount(contacted[contacted >= 0], minlength=len(offers))
    bought = market.codes("events", "product_id")[(market.events["event_type"] == "purchase").to_numpy()]
    _, popular = offers.of_products(bought)
    popularity = np.bincount(popular, minlength=len(offers))
    order = np.lexsort((-popularity, -contacts))
    return np.sort(order[:maximum])


def possible_pairs(market: Market, offers: Offers, channels: Sequence[str]) -> np.ndarray:
    """Which offers go with which channels, shape (n_offers, n_channels), bool.

    Where several channels are in use and every offer was only ever sent through one, offer and channel are one
    decision (a campaign has its type), and other pairs would be pure extrapolation.
    """
    offer = offers.of_solicitations(market)
    channel = pd.Index(channels).get_indexer(pd.Index(market.solicitations["channel"].astype(str)))
    known = (offer >= 0) & (channel >= 0)
    seen = np.zeros((len(offers), len(channels)), dtype=bool)
    seen[offer[known], channel[known]] = True
    contacted = seen.any(axis=1)
    often = np.bincount(offer[known], minlength=len(offers))[contacted].mean() if contacted.any() else 0.0
    aliased = seen.any(axis=0).sum() > 1 and often >= _OFTEN and (seen[contacted].sum(axis=1) == 1).all()
    return seen if aliased else np.ones_like(seen)


def tried_offers(offers: Offers, panel: Panel) -> np.ndarray:
    """Which offers some contact of the panel was about, shape (n_offers,), bool; known by their identifiers."""
    about = panel.frame["offer"].to_numpy(np.int64)[panel.contacted]
    if panel.offers is not None and panel.offers is not offers:
        about = offers.index.encode(panel.offers.index.ids)[about]
    return np.bincount(about[about >= 0], minlength=len(offers)) > 0
