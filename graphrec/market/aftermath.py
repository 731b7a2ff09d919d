"""What followed a decision: purchases of the offer, answers to the contact, and what came later still.

Hides how events become the outcome, the mediators and the consequences of a panel's rows. Nothing here may ever be a
covariate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.attributes import Attributes, attribute_values
from graphrec.market.complaints import Complaints
from graphrec.market.covariates import purchase_values
from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.riskset import RiskSet
from graphrec.market.tables import Market

__all__ = ["AFTER", "MEDIATORS", "find_aftermath", "find_outcomes"]

AFTER: Mapping[str, tuple[tuple[str, ...], str]] = {
    "opened": (("open",), "Open"),
    "clicked": (("click",), "Click"),
    "visited": (("visit", "view"), "Visit"),
    "redeemed": (("redeem",), "Redemption"),
    "unsubscribed": (("unsubscribe",), "Unsubscription"),
    "complained": ((), "Complaint"),
}
"""Column to the event types behind it and its class; a complaint is a low score, not an event."""
_ANSWERS = ("opened", "clicked", "redeemed", "unsubscribed")
"""Where all such events name the contact they answer, they belong to the row of that contact and to no other."""
MEDIATORS = ("opened", "clicked", "visited")
"""Columns between contact and outcome; the others of `AFTER` follow the outcome."""


def find_outcomes(market: Market, offers: Offers, risk: RiskSet, times: np.ndarray, horizon: int) -> pd.DataFrame:
    """Whether, how often and for how much the offer was bought within the horizon.

    Parameters
    ----------
    market, offers, risk
        Records, grain of advice, and the rows.
    times : numpy.ndarray, shape (n,), int64
        Decision times in microseconds.
    horizon : int
        Outcome window in microseconds; it starts with the decision and ends just before time + horizon.

    Returns
    -------
    pandas.DataFrame, shape (n, 3)
        outcome (0/1), lines (number of purchases), value (money).
    """
    bought = (market.events["event_type"] == "purchase").to_numpy()
    when = to_microseconds(market.events["event_time"])[bought]
    who = market.codes("events", "customer_id")[bought]
    rows, what = offers.of_products(market.codes("events", "product_id")[bought])
    money = purchase_values(market)[bought]
    purchases = History(pair_codes(who[rows], what, len(offers)), when[rows], money[rows])
    pairs = pair_codes(risk.customers, risk.offers, len(offers))
    # Asking as of the end of the window makes the window [decision, decision + horizon).
    count = purchases.count(pairs, times + horizon, horizon)
    return pd.DataFrame(
        {
            "outcome": (count > 0).astype(np.float64),
            "lines": count,
            "value": purchases.total(pairs, times + horizon, horizon),
        }
    )


def find_aftermath(
    market: Market, attributes: Attributes, risk: RiskSet, times: np.ndarray, horizon: int
) -> pd.DataFrame:
    """Mediators and consequences within the horizon, to look at and never to adjust for.

    Parameters are those of `find_outcomes`; ``attributes`` says which columns of customers belong here.

    Returns
    -------
    pandas.DataFrame, shape (n, columns)
        The columns of `AFTER` as 0/1, then ``complained`` (a low score was given), then the attributes.
    """
    columns: dict[str, Any] = {}
    kinds = market.events["event_type"]
    when = to_microseconds(market.events["event_time"])
    who = market.codes("events", "customer_id").astype(np.int64)
    tied = market.events["solicitation_id"].notna().to_numpy()
    for name, (types, _) in AFTER.items():
        if not types:
            continue
        rows = kinds.isin(types).to_numpy()
        if name in _ANSWERS and rows.any() and tied[rows].all():
            columns[name] = _answered(market, risk, rows, when, horizon)
        else:
            columns[name] = History(who[rows], when[rows]).count(risk.customers, times + horizon, horizon) > 0
    columns["complained"] = Complaints(market).count(risk.customers, times + horizon, horizon) > 0
    frame = pd.DataFrame(columns).astype(np.float64)
    for name in (*attributes.mediators, *attributes.consequences):
        if name in market.customers.columns:
            frame[name] = attribute_values(market.customers[name])[risk.customers]
    return frame


def _answered(market: Market, risk: RiskSet, rows: np.ndarray, when: np.ndarray, horizon: int) -> np.ndarray:
    """Whether an event within the horizon names the row's own solicitation."""
    contacts = pd.Index(market.solicitations["solicitation_id"])
    answered = contacts.get_indexer(pd.Index(market.events["solicitation_id"][rows]))
    sent = to_microseconds(market.solicitations["sent_at"])
    in_time = (answered >= 0) & (when[rows] < sent[answered] + horizon)
    return np.isin(risk.solicitations, answered[in_time])
