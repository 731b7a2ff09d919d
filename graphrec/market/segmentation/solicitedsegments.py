"""How often each segment is contacted, and what its customers answer.

Hides the window: the last days on record of the market.

Alternative considered: contacts over all time. Pressure is what somebody feels now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.market.tables import DataError, Market

if TYPE_CHECKING:
    from graphrec.market.segmentation.customersegments import Segmentation

__all__ = ["solicitation_pressure"]


def solicitation_pressure(found: Segmentation, market: Market, *, days: int = 28, most: int = 3) -> pd.DataFrame:
    """Contacts of each segment in the last days.

    Returns
    -------
    pandas.DataFrame
        segment, customers, contacts (per customer), contacts_all (per assigned customer of any segment), over (share
        with more than ``most``), answered (share of the contacts opened or clicked, missing where responses name no
        solicitation), days; without a row where the market has no solicitation.
    """
    if days < 1 or most < 0:
        raise DataError(f"days is {days} and most is {most}; give at least 1 and 0")
    sent = market.solicitations
    people = found.customers[~found.customers["abstained"]]
    if sent.empty or people.empty:
        return pd.DataFrame(columns=["segment", "customers", "contacts", "contacts_all", "over", "answered", "days"])
    recent = sent[sent["sent_at"] >= market.observed_until - pd.Timedelta(days=days)]
    index = pd.Index(people["customer_id"])
    place = index.get_indexer(pd.Index(recent["customer_id"]))
    recent, place = recent[place >= 0], place[place >= 0]
    contacts = np.bincount(place, minlength=len(index))
    events = market.events
    answers = events[events["event_type"].isin(["open", "click"])]["solicitation_id"].dropna().unique()
    answered = recent["solicitation_id"].isin(answers).to_numpy(np.float64)
    table = pd.DataFrame({
        "segment": people["segment"].to_numpy(np.int64), "contacts": contacts, "over": contacts > most,
        "answers": np.bincount(place, answered, len(index)),
    })  # fmt: skip
    grouped = table.groupby("segment").agg(
        customers=("contacts", "size"), contacts=("contacts", "mean"), over=("over", "mean"),
        total=("contacts", "sum"), answers=("answers", "sum"),
    )  # fmt: skip
    known = len(answers) > 0
    grouped["answered"] = grouped["answers"] / grouped["total"].where(grouped["total"] > 0) if known else np.nan
    return grouped.assign(contacts_all=contacts.mean(), days=days).drop(columns=["total", "answers"]).reset_index()
