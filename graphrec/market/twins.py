"""A negative control built into every panel: purchases of offers the contact was not about.

Hides how the *twin offers* of a row are drawn: offers of the same category about which the customer was not contacted
around the decision. A contact about one offer should not move purchases of its twins, so an "effect" on them that
survives the adjustment shows that contacts followed something the adjustment set does not hold (Lipsitch 2010).

Offers that share a product with the contacted one (campaigns do) are no twins. Where an offer has no neighbour in its
category, as when offers are categories, twins come from everywhere.

A bank with six products has twins too. On such a market (1 % buy, contacts follow a propensity to buy) the check passed
where contacts follow recorded columns and failed at 6 standard errors where they follow a need nobody recorded; the
period before refused both, because who has just bought is not contacted.

Assumes no halo: a contact that also sells neighbouring offers makes the check fail although the adjustment is right,
so a failure is a reason to doubt, never a proof.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.riskset import RiskSet
from graphrec.market.tables import Market

__all__ = ["twin_outcomes"]

_TWINS = 24
_FEWEST_OFFERS = 4
"""Below it one neighbour decides, and what is sold with the contacted offer or instead of it cannot be told apart."""


def twin_outcomes(
    market: Market, offers: Offers, risk: RiskSet, times: np.ndarray, horizon: int, rng: np.random.Generator
) -> np.ndarray:
    """Share of a row's twin offers bought within the horizon.

    Parameters
    ----------
    market, offers, risk
        Records, grain of advice, and the rows.
    times : numpy.ndarray, shape (n,), int64
        Decision times in microseconds.
    horizon : int
        Outcome window in microseconds.
    rng : numpy.random.Generator
        Draws the twins.

    Returns
    -------
    numpy.ndarray, shape (n,)
        nan where a row has no twin, and everywhere in a market with fewer than four offers.
    """
    n, m = len(risk.customers), len(offers)
    if m < _FEWEST_OFFERS:
        return np.full(n, np.nan)
    purchases, contacts = _records(market, offers)
    kin = _overlapping(offers)
    hits, valid = np.zeros(n), np.zeros(n)
    for _ in range(_TWINS):
        twin = _draw(offers, risk.offers, rng)
        pairs = pair_codes(risk.customers, twin, m)
        # Contacts about the twin just before, at, or within the window would make it a contacted offer.
        clean = (twin != risk.offers) & (contacts.count(pairs, times + horizon, 2 * horizon) == 0)
        clean &= ~np.isin(pair_codes(risk.offers, twin, m), kin)
        hits += np.where(clean, purchases.count(pairs, times + horizon, horizon) > 0, 0.0)
        valid += clean
    return np.where(valid > 0, hits / np.maximum(valid, 1), np.nan)


def _records(market: Market, offers: Offers) -> tuple[History, History]:
    """Purchases and contacts by (customer, offer)."""
    bought = (market.events["event_type"] == "purchase").to_numpy()
    when = to_microseconds(market.events["event_time"])[bought]
    rows, what = offers.of_products(market.codes("events", "product_id")[bought])
    who = market.codes("events", "customer_id")[bought][rows]
    about = pair_codes(market.codes("solicitations", "customer_id"), offers.of_solicitations(market), len(offers))
    return (
        History(pair_codes(who, what, len(offers)), when[rows]),
        History(about, to_microseconds(market.solicitations["sent_at"])),
    )


def _overlapping(offers: Offers) -> np.ndarray:
    """Codes of the pairs of different offers that share a product."""
    if offers.kind != "campaign" or not len(offers.link_products):
        return np.zeros(0, dtype=np.int64)
    shape = (int(offers.link_products.max()) + 1, len(offers))
    links = sparse.csr_array((np.ones(len(offers.link_offers)), (offers.link_products, offers.link_offers)), shape)
    left, right = (links.T @ links).nonzero()
    return pair_codes(left, right, len(offers))


def _draw(offers: Offers, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random offer of the category of each offer; any offer where it is unknown or alone in its category."""
    order = np.argsort(offers.category, kind="stable")
    ordered = offers.category[order]
    category = offers.category[codes]
    start = np.searchsorted(ordered, category, side="left")
    size = np.searchsorted(ordered, category, side="right") - start
    neighbour = order[start + (rng.random(len(codes)) * size).astype(np.int64)]
    anywhere = rng.integers(0, len(offers), len(codes))
    return np.where((category >= 0) & (size > 1), neighbour, anywhere).astype(np.int32)
