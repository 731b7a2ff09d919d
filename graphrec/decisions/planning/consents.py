"""Who may be contacted by which channel, from dated answers and unsubscriptions.

Hides which of several answers counts. Silence, doubt and conflict all mean no: a contact without consent cannot be
taken back, a contact not made can be made later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import PolicyError

if TYPE_CHECKING:
    from graphrec.market.tables import Market

__all__ = ["consenting", "unanswered"]


def consenting(
    market: Market,
    customers: NDArray[Any],
    channels: Sequence[str],
    purpose: str | None = None,
    at: pd.Timestamp | None = None,
) -> NDArray[np.bool_]:
    """Whether each customer agreed to each channel.

    Parameters
    ----------
    market : Market
        Its `consents` (customer_id, channel, granted, changed_at, purpose) and its unsubscribe `events`.
    customers, channels
        Identifiers and names of the rows and columns of the answer.
    purpose : str, optional
        Answers for another named purpose do not count. When omitted, every purpose answered must be granted.
    at : pandas.Timestamp, optional
        Moment of the contact, UTC; answers and unsubscriptions after it are not known yet. Without it all count.

    Returns
    -------
    (customers, channels) bool

    Notes
    -----
    For each customer, channel and purpose the latest dated answer counts; an undated answer counts only where there
    is no dated one. Answers of the same moment that contradict each other are a no, as is a missing answer. An
    unsubscription revokes all earlier answers, for its channel or, when it names none, for all.
    """
    if len(customers) and not pd.Index(customers).isin(market.customers["customer_id"]).any():
        raise PolicyError(
            f"none of the customers of the scores (first {customers[0]!r}) is in the market; their consents cannot be "
            "known. Pass the market that was scored"
        )
    answers = _answers(market.consents, purpose, at)
    latest = _latest(answers, ["customer_id", "channel", "purpose"])
    latest = latest.groupby(["customer_id", "channel"], sort=False, as_index=False).agg(
        granted=("granted", "all"), changed_at=("changed_at", "min")
    )
    allowed = np.zeros((len(customers), len(channels)), dtype=bool)
    since = np.full(allowed.shape, np.iinfo(np.int64).min)  # an undated yes is older than every unsubscription
    row, column = _places(latest, customers, channels)
    known = (row >= 0) & (column >= 0)
    row, column = row[known], column[known]
    allowed[row, column] = latest["granted"].to_numpy(dtype=bool)[known]
    since[row, column] = _moments(latest["changed_at"])[known]
    return allowed & (_unsubscribed(market.events, customers, channels, at) < since)


def unanswered(market: Market, customers: NDArray[Any], at: pd.Timestamp | None = None) -> NDArray[np.bool_]:
    """Whether each customer has no row in the consents at all, up to a moment."""
    answered = _answers(market.consents, None, at)["customer_id"]
    return np.asarray(~pd.Index(customers).isin(answered))


def _answers(consents: pd.DataFrame, purpose: str | None, at: pd.Timestamp | None) -> pd.DataFrame:
    """Answers for a purpose, or for all, that were known at a moment; undated ones always are."""
    granted = consents["granted"].astype("boolean").fillna(False).to_numpy(dtype=bool)
    told = _texts(consents, "purpose")
    frame = pd.DataFrame(
        {
            "customer_id": consents["customer_id"].to_numpy(),
            "channel": consents["channel"].astype(str).to_numpy(),
            "purpose": np.where(told.isna(), "", told.astype(str)),
            "granted": granted,
            "changed_at": _times(consents, "changed_at"),
        }
    )
    counts = np.ones(len(frame), dtype=bool) if purpose is None else frame["purpose"].isin(["", purpose]).to_numpy()
    late = np.zeros(len(frame), dtype=bool) if at is None else (frame["changed_at"] > at).to_numpy(dtype=bool)
    return frame[counts & ~late]


def _latest(answers: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The last dated answer of each key (undated where none is dated); a yes only if all of that moment say yes."""
    last = answers.groupby(keys, sort=False)["changed_at"].transform("max")
    current = answers[(answers["changed_at"] == last) | last.isna()]
    return current.groupby(keys, sort=False, as_index=False).agg(
        granted=("granted", "all"), changed_at=("changed_at", "max")
    )


def _unsubscribed(
    events: pd.DataFrame, customers: NDArray[Any], channels: Sequence[str], at: pd.Timestamp | None
) -> NDArray[np.int64]:
    """Moment of the last unsubscription of each customer from each channel; the earliest integer where none."""
    never = np.iinfo(np.int64).min
    last = np.full((len(customers), len(channels)), never)
    gone = events[events["event_type"].to_numpy() == "unsubscribe"] if "event_type" in events else events.iloc[:0]
    if at is not None:
        gone = gone[~(_times(gone, "event_time") > at).to_numpy(dtype=bool)]
    if gone.empty:
        return last
    moment = _moments(_times(gone, "event_time"))
    told = _texts(gone, "channel")
    for index, channel in enumerate(channels):
        rows = (told.isna() | (told.astype(str) == channel)).to_numpy(dtype=bool)
        who = pd.Index(customers).get_indexer(pd.Index(gone["customer_id"].to_numpy()[rows]))
        np.maximum.at(last[:, index], who[who >= 0], moment[rows][who >= 0])
    return last


def _places(
    answers: pd.DataFrame, customers: NDArray[Any], channels: Sequence[str]
) -> tuple[NDArray[Any], NDArray[Any]]:
    row = pd.Index(customers).get_indexer(pd.Index(answers["customer_id"].to_numpy()))
    column = pd.Index(list(channels), dtype=object).get_indexer(pd.Index(answers["channel"].to_numpy(), dtype=object))
    return row, column


def _texts(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(None, index=frame.index, dtype=object)
    return frame[column].astype(object)


def _times(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(pd.NaT, index=range(len(frame)), dtype="datetime64[ns, UTC]")
    return pd.to_datetime(frame[column], utc=True).astype("datetime64[ns, UTC]").reset_index(drop=True)


def _moments(times: pd.Series) -> NDArray[np.int64]:
    """Nanoseconds; just after the beginning of time where the moment is not known."""
    moments = times.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return np.maximum(moments, np.iinfo(np.int64).min + 1)
