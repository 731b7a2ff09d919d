"""What customers say, read and joined to them as of a date: the door of `graphrec.market.texts`.

Hides the reader of texts and the rule of time: an answer counts from the moment after it was given, never before.
`read_feedback` adds columns to the feedback of a market, and every later step (the covariates of the panel, complaints,
the silence after them in a plan, the page of the report) takes them from there; the texts it keeps are masked.

Alternative considered: reading texts whenever a covariate is asked for. A saved recommender keeps no words, so its
covariates would change with the first save.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.complaints import Complaints, sentiments
from graphrec.market.tables import DataError, Market
from graphrec.market.texts.textreader import TextReader, load_reader

__all__ = ["customer_satisfaction", "read_feedback", "read_texts", "unhappy_feedback"]


def read_texts(texts: Sequence[object], *, reader: TextReader | None = None) -> pd.DataFrame:
    """Read sentiment and topics from texts, such as verbatims or what was typed into a search box.

    Parameters
    ----------
    texts : sequence of str
        French, English or both in one text. A pandas Series keeps its index.
    reader : TextReader, optional
        By default the packaged one; `graphrec.market.texts.textreader.fit_reader` makes others.

    Returns
    -------
    pandas.DataFrame, one row for each text
        text (personal data masked), language, sentiment (-1 to 1), mood, topics, topic_sentiment, note.

    Raises
    ------
    DataError
        ``texts`` is no sequence of texts: a single text, a table, a number, nothing.

    Notes
    -----
    Assumes that words mean what they say: irony is read as praise. Other languages are ``unknown`` and neutral.

    Examples
    --------
    >>> told = read_texts(["Livraison en retard, très déçu", "The app is great, call me at 06 12 34 56 78"])
    >>> told[["language", "mood", "topics"]].to_dict("list")
    {'language': ['fr', 'en'], 'mood': ['negative', 'positive'], 'topics': [('delivery',), ('app',)]}
    >>> told["text"][1]
    'The app is great, call me at <phone>'
    """
    return (load_reader() if reader is None else reader).read(texts)


def read_feedback(market: Market, *, reader: TextReader | None = None) -> Market:
    """The same market with its feedback read: columns language, sentiment and topics, and texts masked.

    Panels of the market then have the covariate ``past_sentiment``, and a text that reads as negative counts as a
    complaint where it came without a score.

    Parameters
    ----------
    market : Market
    reader : TextReader, optional

    Returns
    -------
    Market
        ``topics`` is a text with the names of the topics, separated by blanks; a text without words has no sentiment.

    Examples
    --------
    >>> import graphrec
    >>> market = graphrec.simulate_market(customers=200, products=20, periods=6, rng=0).market
    >>> graphrec.read_feedback(market).feedback.columns.tolist()
    ['customer_id', 'created_at', 'text', 'score', 'language', 'sentiment', 'topics']
    """
    texts, place = _distinct(market.feedback["text"])
    told = read_texts(texts, reader=reader)
    silent = told["note"].isin(["empty", "not a text", "no words"]) & (told["sentiment"] == 0)
    columns = {
        "text": told["text"],
        "language": told["language"],
        "sentiment": told["sentiment"].where(~silent),
        "topics": told["topics"].map(" ".join).astype("str"),
    }
    return replace(
        market, feedback=market.feedback.assign(**{name: column.to_numpy()[place] for name, column in columns.items()})
    )


def unhappy_feedback(market: Market, rows: np.ndarray | None = None) -> np.ndarray:
    """Which feedback is unhappy: its score was low for its time, or its text reads as negative.

    Parameters
    ----------
    market : Market
        Texts that were not read yet are read now.
    rows : numpy.ndarray of bool, optional
        Feedback to judge; the rest is not unhappy.

    Returns
    -------
    numpy.ndarray of bool, one for each row of the feedback
    """
    judged = np.ones(len(market.feedback), dtype=bool) if rows is None else np.asarray(rows, dtype=bool)
    if "sentiment" not in market.feedback:
        texts, place = _distinct(market.feedback["text"][judged])
        sentiment = np.full(len(judged), np.nan)
        sentiment[judged] = read_texts(texts)["sentiment"].to_numpy()[place]
        market = replace(market, feedback=market.feedback.assign(sentiment=sentiment))
    return np.asarray(judged & Complaints(market).unhappy)


def customer_satisfaction(market: Market, *, as_of: datetime | str | None = None) -> pd.DataFrame:
    """What each customer had said before a moment.

    Parameters
    ----------
    market : Market
        Of `read_feedback`.
    as_of : datetime or ISO text, optional
        Only feedback strictly before it counts; UTC where it has no zone. By default all feedback counts.

    Returns
    -------
    pandas.DataFrame, one row for each customer with feedback before the moment
        customer_id, texts, sentiment (mean), last_sentiment, days_since_last, complaints, topic (the one that most of
        the unhappy feedback names, or empty).

    Raises
    ------
    DataError
        The feedback was not read, or the moment is none.
    """
    feedback = market.feedback
    if "sentiment" not in feedback:
        raise DataError("the feedback of this market was not read; pass it through graphrec.read_feedback first")
    moment = _moment(as_of, feedback)
    past = (feedback["created_at"] < moment).to_numpy()
    told = feedback.assign(unhappy=Complaints(market).unhappy, sentiment=sentiments(market))[past]
    told = told.sort_values("created_at", kind="stable")
    grouped = told.groupby("customer_id", sort=True)
    found = pd.DataFrame(
        {
            "texts": grouped.size(),
            "sentiment": grouped["sentiment"].mean(),
            "last_sentiment": grouped["sentiment"].last(),
            "days_since_last": (moment - grouped["created_at"].max()).dt.total_seconds() / 86_400,
            "complaints": grouped["unhappy"].sum(),
        }
    )
    return found.assign(topic=_complained_about(told).reindex(found.index).fillna("")).reset_index()


def _complained_about(told: pd.DataFrame) -> pd.Series[Any]:
    """The topic that most of each customer's unhappy feedback names; the first in the alphabet where several do."""
    unhappy = told[told["unhappy"]].assign(topic=told["topics"].str.split()).explode("topic").dropna(subset=["topic"])
    counts = unhappy.groupby(["customer_id", "topic"], as_index=False).size()
    first = counts.sort_values(["size", "topic"], ascending=[False, True], kind="stable").drop_duplicates("customer_id")
    return first.set_index("customer_id")["topic"].astype(object)


def _moment(as_of: datetime | str | None, feedback: pd.DataFrame) -> pd.Timestamp:
    if as_of is None:
        latest = pd.Timestamp(0, tz="UTC") if feedback.empty else feedback["created_at"].max()
        return latest + pd.Timedelta(microseconds=1)
    try:
        moment = pd.Timestamp(as_of)
    except (TypeError, ValueError) as error:
        raise DataError(f"as_of is {as_of!r}; give a moment such as '2026-12-21 09:00'") from error
    if pd.isna(moment):
        raise DataError(f"as_of is {as_of!r}; give a moment such as '2026-12-21 09:00'")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _distinct(texts: pd.Series[Any]) -> tuple[list[object], np.ndarray]:
    """Distinct texts and the place of each row among them: search text repeats itself."""
    codes, distinct = pd.factorize(texts.astype(object).where(texts.notna(), ""))
    return list(distinct), codes
