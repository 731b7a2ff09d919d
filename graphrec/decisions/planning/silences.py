"""Who is left alone after an unhappy word, until when, and about what.

Hides how a suppression finds its customers: by words in a text, by a score, by what the text says as a whole (its
sentiment, read by `graphrec.market.feedback`), or by an unsubscription. Only what was said up to the moment of the plan
counts, and only within the days of the rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import PolicyError, Suppression
from graphrec.decisions.planning.past import Past, read_past

if TYPE_CHECKING:
    from graphrec.decisions.planning.contactpolicy import ContactPolicy
    from graphrec.market.tables import Market

__all__ = ["SILENCE_COLUMNS", "silence_table", "silenced"]

SILENCE_COLUMNS = ("customer_id", "rule", "since", "until", "topics", "sentence")


def silenced(rule: Suppression, market: Market, past: Past) -> pd.Series[Any]:
    """Customers that a suppression concerns."""
    table, _ = _source(rule)
    frame: pd.DataFrame = getattr(market, table)
    return frame.loc[_hits(rule, market, past), "customer_id"]


def silence_table(policy: ContactPolicy, market: Market, *, at: Any = None) -> pd.DataFrame:
    """Customers whom a policy leaves alone after what they said or did.

    Parameters
    ----------
    policy : ContactPolicy
    market : Market
        With its feedback and events; topics are told where the feedback was read (`graphrec.read_feedback`).
    at : ISO text or datetime, optional
        Moment of the plan; by default the end of the market's record.

    Returns
    -------
    pandas.DataFrame
        One row for each customer and rule: customer_id, rule (as in ``plan.nothing``), since and until (UTC), topics,
        sentence.
    """
    past = read_past(market, at)
    parts = [_rows(rule, market, past) for rule in policy.silences]
    found = [part for part in parts if len(part)]
    if not found:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in SILENCE_COLUMNS})
    table = pd.concat(found, ignore_index=True)
    return table.sort_values(["until", "customer_id"], kind="stable", ignore_index=True)


def _rows(rule: Suppression, market: Market, past: Past) -> pd.DataFrame:
    """The last occasion of each customer under one rule."""
    name, moment = _source(rule)
    told = getattr(market, name)[_hits(rule, market, past)].sort_values(moment, kind="stable")
    last = told.drop_duplicates("customer_id", keep="last")
    topics = last["topics"].fillna("").astype(str) if "topics" in last else pd.Series("", index=last.index)
    until = last[moment] + pd.Timedelta(days=rule.days)
    zone = market.time_zone
    sentences = [
        f"Left alone until {end.tz_convert(zone):%Y-%m-%d}: {_WHY[rule.after]} on {start.tz_convert(zone):%Y-%m-%d}"
        + (f", about {about.replace(' ', ', ')}." if about else ".")
        for start, end, about in zip(last[moment], until, topics)
    ]
    return pd.DataFrame(
        {
            "customer_id": last["customer_id"],
            "rule": rule.name,
            "since": last[moment],
            "until": until,
            "topics": topics,
            "sentence": pd.Series(sentences, index=last.index, dtype="str"),
        }
    )


_WHY = {
    "complaint": "a complaint",
    "dissatisfaction": "a low score",
    "unhappy feedback": "unhappy feedback",
    "unsubscribe": "an unsubscription",
}


def _source(rule: Suppression) -> tuple[str, str]:
    """Table and time column that a rule looks at."""
    return ("events", "event_time") if rule.after == "unsubscribe" else ("feedback", "created_at")


def _hits(rule: Suppression, market: Market, past: Past) -> NDArray[np.bool_]:
    """Rows of the rule's table that call for silence."""
    table, moment = _source(rule)
    frame: pd.DataFrame = getattr(market, table)
    recent = past.recent(frame[moment], rule.days)
    if rule.after == "unsubscribe":
        return recent & (frame["event_type"] == "unsubscribe").to_numpy(dtype=bool)
    if rule.after == "dissatisfaction":
        score = frame["score"].to_numpy(dtype=np.float64, na_value=np.nan)
        return recent & (score <= (rule.score_at_most or 0.0))
    if rule.after == "unhappy feedback":
        from graphrec.market.feedback import unhappy_feedback

        _check_words(rule, frame, needed="sentiment" not in frame)
        return unhappy_feedback(market, recent)
    _check_words(rule, frame)
    texts = frame["text"].astype(str).str.casefold()
    hit = np.zeros(len(frame), dtype=bool)
    for word in rule.words:
        hit = hit | texts.str.contains(word.casefold(), regex=False).to_numpy(dtype=bool)
    return recent & hit


def _check_words(rule: Suppression, feedback: pd.DataFrame, needed: bool = True) -> None:
    """The market of a saved recommender keeps no words, and then the rule would silence nobody."""
    if needed and len(feedback) and not feedback["text"].fillna("").astype(str).str.strip().any():
        raise PolicyError(
            f"{rule.name} needs the words of the feedback, and all {len(feedback)} texts are empty (a saved "
            "recommender keeps none); pass the market with its texts"
        )
