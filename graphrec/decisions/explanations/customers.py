"""Customers of a recommender as rows to explain, and what their past purchases did to a recommendation.

Hides the way from an identifier to the covariates at the moment of decision, and from a purchase through the appetite
to the uplift. Only the appetite is taken back: counts of past purchases among the covariates stay as recorded.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.decisions.explanations.account import Explanation
from graphrec.decisions.explanations.predictors import contact_predictor
from graphrec.decisions.explanations.purchasepaths import PurchasePaths, find_paths
from graphrec.decisions.explanations.removals import appetite_without
from graphrec.decisions.subjects import find_subjects
from graphrec.learning.appetite import Appetite
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

if TYPE_CHECKING:
    from graphrec.decisions.explanations.encoderpaths import EncoderPaths
    from graphrec.decisions.recommender import Recommender

__all__ = ["PastPurchases", "customer_rows", "explain_purchases"]


@dataclass(frozen=True, eq=False)
class PastPurchases:
    """What a customer's past did to one recommendation.

    Attributes
    ----------
    customer, offer : Any
        What is explained.
    channel : str
    appetite : Explanation
        Value of each past product. Method "removal": log of expected purchases with everything less that without the
        product, exact. Method "tracin", where the appetite is the encoder alone: what learning from the product's
        purchase did to the log share of the offer, a ranking.
    uplift : Explanation or None
        The same for the uplift; None where nothing is removed.
    paths : PurchasePaths or None
        Ways through the purchase graph, for an offer that is a product; products as identifiers, other customers as
        codes, for no other customer's identifier belongs into an explanation.
    edges : EncoderPaths or None
        The encoder's score split over the customer's edges, where there is an encoder and the offer is a product.
    """

    customer: Any
    offer: Any
    channel: str
    appetite: Explanation
    uplift: Explanation | None
    paths: PurchasePaths | None
    edges: EncoderPaths | None = None


def customer_rows(
    model: Recommender, customers: Sequence[Any] | None = None, *, n: int = 100, as_of: object = None
) -> pd.DataFrame:
    """Covariates of customers at the moment of decision, each about the offer whose contact is worth most.

    Parameters
    ----------
    model : Recommender
        Fitted.
    customers : sequence, optional
        Identifiers; by default the ``n`` whose best contact is worth most.
    n : int
    as_of : time-like, optional
        Moment of the decision, for a recommender fitted on a market.

    Returns
    -------
    pandas.DataFrame
        Index: (customer, offer). Explain it with `contact_predictor`.

    Raises
    ------
    DataError
        A customer is unknown.
    """
    subjects = find_subjects(model, model.effects.channels, customers, n, as_of)
    index = pd.MultiIndex.from_arrays([subjects.ids, subjects.offers], names=["customer", "offer"])
    return subjects.rows[list(model.panel.covariates)].set_axis(index)


def explain_purchases(
    model: Recommender, customer: Any, offer: Any = None, *, channel: str | None = None
) -> PastPurchases:
    """Which past interactions made this recommendation.

    With a filter each is taken back, exactly, and the score told again; with the encoder alone what was learned from
    each is traced (`graphrec.decisions.explanations.trainingpairs`).

    Parameters
    ----------
    model : Recommender
        Fitted on a market.
    customer, offer : Any
        Identifiers; the offer whose contact is worth most by default.
    channel : str, optional
        The first one by default.

    Raises
    ------
    DataError
        The customer or the offer is unknown, there is no market, or the appetite is an encoder alone and the offers
        are no products.
    """
    market, appetite = model.market, model.appetite
    if market is None or appetite is None or model.panel.offers is None:
        raise DataError("past purchases are known of customers of a market; this recommender was fitted on a table")
    rows = customer_rows(model, [customer])
    who = int(market.vocabulary.customers.encode([customer])[0])
    offers = model.panel.offers
    about = rows.index[0][1] if offer is None else offer
    what = int(offers.index.encode([about])[0])
    if what < 0:
        raise DataError(f"the offer {about!r} is not known; offers are, for example, {list(offers.index.ids[:3])}")
    edges = _edges(model, appetite, customer, about)
    if appetite.filter is None:
        traced = _traced(model, appetite, customer, about)
        return PastPurchases(customer, about, channel or model.effects.channels[0], traced, None, None, edges)
    row = _row_of(model, who, what, rows.reset_index(drop=True))
    start = time.process_time()
    products, values = appetite_without(appetite, who, what)
    blend = appetite.encoder is not None
    values = values / 2 if blend else values  # a blend is the mean of two scores
    seconds = time.process_time() - start
    names = tuple(str(name) for name in market.vocabulary.products.decode(products))
    predictor = contact_predictor(model, channel)
    told = {
        "features": names,
        "index": pd.Index([customer]),
        "notes": ("half of the appetite is the encoder's, which stays",) if blend else (),
    }
    question = "how much larger is this because of the past interactions with this product?"
    uplift = np.zeros(len(values))
    if "appetite" in predictor.columns and len(values):
        without = pd.concat([row] * len(values), ignore_index=True)
        without["appetite"] = float(row["appetite"].iloc[0]) - values
        uplift = float(predictor.of(row)[0]) - predictor.of(without)
    now = predictor.of(row)
    return PastPurchases(
        customer,
        about,
        channel or model.effects.channels[0],
        Explanation("removal", question, values=values[None, :], scale="log purchases", seconds=seconds, **told),
        Explanation(
            "removal", question, values=uplift[None, :], scale="probability", prediction=now, seconds=seconds, **told
        ),
        _named_paths(market, offers, appetite, who, what),
        edges,
    )


def _edges(model: Recommender, appetite: Appetite, customer: Any, offer: Any) -> EncoderPaths | None:
    """The encoder's score over the customer's edges."""
    market, offers = model.market, model.panel.offers
    if appetite.encoder is None or market is None or offers is None or offers.kind != "product":
        return None
    from graphrec.decisions.explanations.encoderpaths import encoder_paths  # loads torch

    return encoder_paths(appetite.encoder, market, offers, customer, offer)


def _traced(model: Recommender, appetite: Appetite, customer: Any, offer: Any) -> Explanation:
    """What the encoder learned from each of the customer's purchases, for this offer."""
    market, offers = model.market, model.panel.offers
    if market is None or offers is None or offers.kind != "product":
        raise DataError(
            "the appetite comes from the trained encoder, which knows products only; explain with appetite='filter' or "
            "'blend', or with offer='product'"
        )
    from graphrec.decisions.explanations.trainingpairs import training_influence  # loads torch

    start = time.process_time()
    found = training_influence(appetite.encoder, market, offers, customer, offer)
    own = found.by_product()
    return Explanation(
        "tracin",
        "how much did learning from the purchase of this product raise the share of the offer?",
        tuple(map(str, own.index)),
        own.to_numpy(np.float64)[None, :],
        scale="log share, for a unit step",
        prediction=np.array([found.log_share]),
        index=pd.Index([customer]),
        seconds=time.process_time() - start,
        notes=("a ranking of the purchases, not what training without one would give",),
    )


def _row_of(model: Recommender, who: int, what: int, row: pd.DataFrame) -> pd.DataFrame:
    """The customer's covariates about this offer."""
    scorer = model.scorer()
    found = scorer.covariates.at(np.array([who]), np.array([what]), np.array([scorer.time], dtype=np.int64))
    if scorer.appetite is not None:
        found["appetite"] = scorer.appetite.score(np.array([who]), np.array([what]))
    return found.reset_index(drop=True)[list(row.columns)]


def _named_paths(market: Market, offers: Offers, appetite: Appetite, who: int, what: int) -> PurchasePaths | None:
    if offers.kind != "product":
        return None
    found = find_paths(appetite, who, what)

    def named(table: pd.DataFrame) -> pd.DataFrame:
        codes = table["product"].to_numpy(np.int64)
        return table.assign(product=market.vocabulary.products.decode(codes))

    return PurchasePaths(named(found.products), named(found.paths), found.covered)
