"""Who is advised, about which offer, and what is known of them at the moment of decision.

Hides the difference between a market (customers and offers) and a ready-made table (units): both end as rows of
covariates with the worth of the outcome and the channels that are possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["Subjects", "find_subjects"]

_OFFERS = 4
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Subjects:
    """Customers with the offer whose contact is worth most to each.

    Attributes
    ----------
    ids, offers : list, length n
        Identifiers; the offers of a ready-made table are None.
    rows : pandas.DataFrame, n rows
        Covariates at the moment of decision, treatment at its control level; mediators as without contact.
    value : numpy.ndarray, shape (n,)
        Money for one conversion.
    possible : numpy.ndarray, shape (n, channels), bool
        Channels that go with the offer.
    cost : mapping of str to float
        Cost of one contact by channel.
    others : list of lists of dict
        Contacts about other offers or through other channels, best first: offer, channel, uplift, net_value, grade.
    """

    ids: list[Any]
    offers: list[Any]
    rows: pd.DataFrame
    value: NDArray[np.float64]
    possible: NDArray[np.bool_]
    cost: Mapping[str, float]
    others: list[list[dict[str, Any]]]


def find_subjects(
    model: Recommender, channels: Sequence[str], customers: Sequence[Any] | None, n: int, as_of: object
) -> Subjects:
    """Subjects of a fitted model.

    Parameters
    ----------
    model : Recommender
    channels : sequence of str
        Channels whose effect is identifiable; all learned ones when there is none, to find an offer.
    customers : sequence, optional
        Identifiers, of which a second mention is ignored; a text or number alone is one customer. By default the ``n``
        with the best contact.
    n : int
        Number of customers when none are named.
    as_of : time-like, optional
        Moment of the decision, for a market.

    Raises
    ------
    DataError
        A customer is unknown, the list is empty, or a moment was given for a ready-made table.
    """
    if customers is not None and np.isscalar(customers):
        customers = [customers]
    named = None if customers is None else list(dict.fromkeys(_scalar(customer) for customer in customers))
    if named is not None and not named:
        raise DataError("customers is empty; name at least one, or leave it out for the most valuable ones")
    considered = tuple(channels) or model.effects.channels
    if model.market is None:
        if as_of is not None:
            raise DataError("as_of needs a market, whose records have dates; a ready-made table is advised as it is")
        return _of_units(model, considered, named, n)
    return _of_market(model, considered, named, n, as_of)


def _of_market(
    model: Recommender, channels: Sequence[str], customers: list[Any] | None, n: int, as_of: object
) -> Subjects:
    scorer = model.scorer(None, as_of)
    index = scorer.covariates.market.vocabulary.customers
    codes = np.arange(len(index)) if customers is None else index.encode(customers)
    if (codes < 0).any():
        unknown = [customer for customer, code in zip(customers or [], codes) if code < 0]
        raise _unknown(unknown, index.ids)
    scores = scorer.scores(np.asarray(codes, dtype=np.int64), list(channels), _OFFERS, "net_value")
    scores = scores.rename(columns={scorer.covariates.offers.id_column: "offer"})
    scores = _chosen(scores, customers, n)
    first = scores[scores["rank"] == 1]
    who = np.asarray(index.encode(first["customer_id"]), dtype=np.int64)
    what = np.asarray(scorer.covariates.offers.index.encode(first["offer"]), dtype=np.int64)
    rows = scorer.covariates.at(who, what, np.full(len(who), scorer.time, dtype=np.int64))
    if scorer.appetite is not None:
        rows["appetite"] = scorer.appetite.matrix(who)[np.arange(len(who)), what]
    place = np.searchsorted(scorer.offers, what)
    return Subjects(
        ids=first["customer_id"].tolist(),
        offers=first["offer"].tolist(),
        rows=_undecided(model, rows),
        value=first["value"].to_numpy(np.float64),
        possible=scorer.possible[place],
        cost=scorer.money.cost,
        others=_others(scores),
    )


def _of_units(model: Recommender, channels: Sequence[str], customers: list[Any] | None, n: int) -> Subjects:
    frame = model.panel.frame
    ids = frame["customer_id"].to_numpy() if "customer_id" in frame.columns else np.arange(len(frame))
    place = pd.Series(np.arange(len(ids)), index=ids)
    place = place[~place.index.duplicated()]
    if customers is not None:
        unknown = [customer for customer in customers if customer not in place.index]
        if unknown:
            raise _unknown(unknown, ids)
    scores = model.recommend(_OFFERS, channels=channels, by="net_value").rename(columns={"offer_id": "offer"})
    scores = _chosen(scores, customers, n)
    first = scores[scores["rank"] == 1]
    rows = frame.iloc[place[first["customer_id"].to_numpy()].to_numpy()].reset_index(drop=True)
    return Subjects(
        ids=first["customer_id"].tolist(),
        offers=[None] * len(first),
        rows=_undecided(model, rows[list(model.panel.covariates)]),
        value=first["value"].to_numpy(np.float64),
        possible=np.ones((len(first), len(model.effects.channels)), dtype=bool),
        cost={},
        others=[[] for _ in range(len(first))],
    )


def _chosen(scores: pd.DataFrame, customers: list[Any] | None, n: int) -> pd.DataFrame:
    """Rows of the customers named, in their order, or of the n whose best contact nets most."""
    if customers is None:
        first = scores[scores["rank"] == 1]
        order = np.argsort(-first["net_value"].to_numpy(np.float64), kind="stable")[:n]
        customers = first["customer_id"].iloc[order].tolist()
    position = pd.Series(np.arange(len(customers)), index=customers)
    kept = scores[scores["customer_id"].isin(customers)]
    place = position[kept["customer_id"].to_numpy()].to_numpy()
    return kept.iloc[np.lexsort((kept["rank"].to_numpy(), place))].reset_index(drop=True)


def _others(scores: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """Rows of rank two and later that are possible, for each customer in order."""
    found: dict[Any, list[dict[str, Any]]] = {customer: [] for customer in scores["customer_id"]}
    later = scores[(scores["rank"] > 1) & np.isfinite(scores["net_value"].to_numpy(np.float64))]
    columns = ["offer", "channel", "uplift", "net_value", "grade"]
    for customer, record in zip(later["customer_id"], later[columns].to_dict(orient="records")):
        found[customer].append({str(name): value for name, value in record.items()})
    return list(found.values())


def _undecided(model: Recommender, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows before the decision: no contact yet, nothing known of what follows."""
    panel = model.panel
    levels = panel.frame[panel.treatment].cat.categories
    after: dict[str, Any] = dict.fromkeys((*panel.mediators, *panel.consequences), np.nan)
    after[panel.treatment] = pd.Categorical([panel.control] * len(rows), categories=levels)
    return rows.assign(**after, **{panel.outcome: 0.0}).reset_index(drop=True)


def _typical(column: pd.Series) -> Any:
    """Median of numbers, most frequent word: what follows when nobody is contacted, until equations say more."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return str(column.mode().iloc[0]) if column.notna().any() else "missing"
    return float(column.median()) if column.notna().any() else 0.0


def _unknown(customers: Sequence[Any], known: Any) -> DataError:
    """The error for unknown customers; it repeats what was asked and shows none of the identifiers held."""
    asked, held = type(customers[0]).__name__, type(_scalar(known[0])).__name__ if len(known) else "nothing"
    shown = ", ".join(map(repr, customers[:_SHOWN])) + (" and more" if len(customers) > _SHOWN else "")
    typed = "" if asked == held else f" (identifiers given as {asked}, those of the data are {held})"
    return DataError(
        f"{len(customers)} customer(s) are not known: {shown}{typed}; take identifiers from the customers table"
    )


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
