"""Contact pressure by segment: how often customers hear from us, and whether segments are treated alike.

Hides which contacts count: those of the last days on record, and those that the plan sends (the hold-out is not sent).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import PolicyError, Window, shown, whole
from graphrec.decisions.planning.past import read_past

if TYPE_CHECKING:
    from graphrec.decisions.planning.contactplan import Plan
    from graphrec.market.tables import Market

__all__ = ["fairness_table", "pressure_table"]


def pressure_table(
    plan: Plan, market: Market, segments: Mapping[Any, Any] | str, *, days: int = 28, most: int = 3, at: Any = None
) -> pd.DataFrame:
    """Over-solicitation by segment before the plan and with it.

    Parameters
    ----------
    plan : Plan
    market : Market
        Its customers are the population, its solicitations the past.
    segments : mapping of customer to segment, or str
        Or a column of the market's customers. A customer without one is in the segment ``unknown``.
    days : int
        Length of the window before `at` (by default the end of the record).
    most : int
        Contacts in the window above which a customer is over-solicited.

    Returns
    -------
    pandas.DataFrame
        One row for each segment and one for ``all``: segment, customers, contacts_before and contacts_after (per
        customer), over_before and over_after (shares of the customers).
    """
    days, most = whole("days", days, 1), whole("most", most, 0)
    ids = market.vocabulary.customers.ids
    before = read_past(market, at).contacts(ids, Window(days, most))
    place = pd.Index(ids).get_indexer(pd.Index(plan.outgoing["customer_id"]))
    after = before + np.bincount(place[place >= 0], minlength=len(ids))
    table = pd.DataFrame({"segment": _segment_of(ids, segments, market), "before": before, "after": after})
    table["over_before"], table["over_after"] = table["before"] > most, table["after"] > most
    whole_table = pd.concat([table, table.assign(segment="all")])
    found = whole_table.groupby("segment", sort=False).agg(
        customers=("before", "size"),
        contacts_before=("before", "mean"),
        contacts_after=("after", "mean"),
        over_before=("over_before", "mean"),
        over_after=("over_after", "mean"),
    )
    return _sorted(found)


def fairness_table(plan: Plan, customers: pd.DataFrame | Market, segments: Mapping[Any, Any] | str) -> pd.DataFrame:
    """How a plan treats segments.

    Parameters
    ----------
    plan : Plan
    customers : pandas.DataFrame or Market
        The population: a table with customer_id (the scores will do), or a market.
    segments : mapping of customer to segment, or str
        Or a column of that table.

    Returns
    -------
    pandas.DataFrame
        One row for each segment and one for ``all``: segment, customers, contacted (share of the customers), contacts
        (per customer), ratio (contacts per customer over those of all: 1 is parity), value (net value per customer),
        value_per_contact.
    """
    frame = customers if isinstance(customers, pd.DataFrame) else customers.customers
    people = frame.drop_duplicates("customer_id")
    ids = people["customer_id"].to_numpy()
    sent = plan.outgoing
    place = pd.Index(ids).get_indexer(pd.Index(sent["customer_id"]))
    if np.any(place < 0):
        who = sent["customer_id"].iloc[int(np.argmax(place < 0))]
        raise PolicyError(f"customers lacks {shown(who)}, who is in the plan")
    money = sent["cautious_net_value"] if "cautious_net_value" in sent else sent.get("net_value")
    worth = np.full(len(sent), np.nan) if money is None else money.to_numpy(np.float64)
    contacts = np.bincount(place, minlength=len(ids))
    value = np.bincount(place, worth, minlength=len(ids))
    table = pd.DataFrame({"segment": _labels(people, ids, segments), "contacts": contacts, "value": value})
    table["contacted"] = contacts > 0
    both = pd.concat([table, table.assign(segment="all")])
    found = both.groupby("segment", sort=False).agg(
        customers=("contacts", "size"),
        contacted=("contacted", "mean"),
        contacts=("contacts", "mean"),
        value=("value", "mean"),
    )
    overall = found["contacts"].to_numpy(np.float64)[-1]
    found["ratio"] = found["contacts"].to_numpy(np.float64) / overall
    found["value_per_contact"] = found["value"] / found["contacts"]
    return _sorted(found)[["segment", "customers", "contacted", "contacts", "ratio", "value", "value_per_contact"]]


def _segment_of(ids: NDArray[Any], segments: Mapping[Any, Any] | str, market: Market) -> NDArray[Any]:
    people = (
        market.customers.drop_duplicates("customer_id").set_index("customer_id").reindex(pd.Index(ids)).reset_index()
    )
    return _labels(people, ids, segments)


def _labels(people: pd.DataFrame, ids: NDArray[Any], segments: Mapping[Any, Any] | str) -> NDArray[Any]:
    if isinstance(segments, str):
        if segments not in people:
            raise PolicyError(f"segments names {segments!r}; the customers have {', '.join(map(str, people.columns))}")
        known = people[segments].reset_index(drop=True)
    else:
        known = pd.Series(dict(segments), dtype=object).reindex(pd.Index(ids, dtype=object)).reset_index(drop=True)
    return np.where(known.isna(), "unknown", known.astype(str))


def _sorted(found: pd.DataFrame) -> pd.DataFrame:
    """Segments by name, all of them last."""
    order = [*sorted(name for name in found.index if name != "all"), "all"]
    return found.loc[order].reset_index()
