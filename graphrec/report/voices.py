"""What customers say, as one offline HTML page: moods over time, sentiment by topic, themes, masked examples.

Hides how feedback becomes tiles, bars and tables. Sentences are shown after personal data was masked, shortened, and
only for topics that enough texts name; no customer is named.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.complaints import NEGATIVE
from graphrec.market.tables import DataError, Market
from graphrec.market.texts.themes import find_themes
from graphrec.market.writing import write_text
from graphrec.report.document import page_template
from graphrec.report.embedding import content_policy, read_asset, script_json
from graphrec.report.wording import count, percent

__all__ = ["build_voices", "write_voices"]

_STYLES = {"negative": "var(--bad)", "neutral": "var(--none-soft)", "positive": "var(--good)"}
_LEAST = 5
"""Texts that must name a topic before its row, and examples of it, are shown."""
_LONGEST = 220
_PERIODS = 14
"""Most columns of a history."""
_LABELED = 7
"""Most labels below the bars: more would touch on a telephone."""


def write_voices(path: str | os.PathLike[str], market: Market, title: str = "What customers say") -> Path:
    """Write the page; the same market gives the same bytes.

    Parameters
    ----------
    path : path-like
    market : Market
        Of `graphrec.read_feedback`.
    title : str

    Raises
    ------
    DataError
        The feedback was not read, or there is none.
    """
    scripts = [read_asset("pages.js")]
    pages = [{"key": "voices", "title": "What customers say", "values": build_voices(market)}]
    text = page_template("report.html").render(
        title=title, language="en", made_on=None, pages=pages, style=read_asset("report.css"), scripts=scripts,
        policy=content_policy(scripts), data=script_json({"graph": None}),
    )  # fmt: skip
    write_text(Path(path), text)
    return Path(path)


def build_voices(market: Market) -> dict[str, Any]:
    """Values of the page."""
    told = _told(market)
    heard = told[told["sentiment"].notna()]
    unhappy = (heard["mood"] == "negative").mean() if len(heard) else 0.0
    span = f"{told['created_at'].min():%Y-%m-%d} to {told['created_at'].max():%Y-%m-%d}"
    tiles = [
        ("Texts", count(len(told)), span),
        ("Customers", count(told["customer_id"].nunique()), f"of {count(len(market.customers))}"),
        ("Unhappy", percent(unhappy), "of the texts that could be read"),
        ("Mean sentiment", f"{heard['sentiment'].mean():+.2f}" if len(heard) else "–", "from -1 to 1"),
        ("Not read", count(int((told["language"] == "unknown").sum())), "other languages, or no words"),
    ]
    periods = _periods(told)
    return {
        "tiles": [{"label": label, "value": value, "note": note} for label, value, note in tiles],
        "moods": _moods(heard, periods),
        "topics": _topics(heard, periods),
        "periods": [name for name, _ in periods],
        "examples": _examples(heard),
        "themes": _themes(heard),
        "languages": [
            {"name": name, "texts": count(n), "share": percent(n / len(told))}
            for name, n in told["language"].value_counts().items()
        ],
        "least": _LEAST,
    }


def _told(market: Market) -> pd.DataFrame:
    """The feedback with its mood and local times."""
    feedback = market.feedback
    if feedback.empty:
        raise DataError("the market has no feedback; there is nothing to show")
    if "sentiment" not in feedback or "topics" not in feedback:
        raise DataError("the feedback of this market was not read; pass it through graphrec.read_feedback first")
    sentiment = feedback["sentiment"].to_numpy(np.float64)
    mood = np.where(sentiment < NEGATIVE, "negative", np.where(sentiment > -NEGATIVE, "positive", "neutral"))
    local = feedback["created_at"].dt.tz_convert(market.time_zone).dt.tz_localize(None)
    return feedback.assign(mood=mood, created_at=local, topics=feedback["topics"].fillna("").astype(str))


def _periods(told: pd.DataFrame) -> list[tuple[str, pd.Period]]:
    """Weeks of the feedback (named by their first day), or longer spans where those are too many."""
    for unit in ("W", "M", "Q", "Y"):
        found = pd.period_range(told["created_at"].min(), told["created_at"].max(), freq=unit)
        if len(found) <= _PERIODS:
            break
    if unit == "W":
        return [(f"{period.start_time:%m-%d}", period) for period in found]
    return [(str(period)[2:].replace("Q", " Q") if unit != "Y" else str(period), period) for period in found]


def _moods(heard: pd.DataFrame, periods: list[tuple[str, pd.Period]]) -> dict[str, Any]:
    """Stacked bars by period, in per cent of the drawing."""
    counts = [heard.loc[_within(heard, period), "mood"].value_counts() for _, period in periods]
    most, width = max([1, *(int(each.sum()) for each in counts)]), 100 / len(periods)
    bars, labels = [], []
    for i, ((name, _), each) in enumerate(zip(periods, counts)):
        top = 100.0
        for mood, style in _STYLES.items():
            n = int(each.get(mood, 0))
            height = 100 * n / most
            top -= height
            place = {"x": i * width, "y": top, "w": 0.85 * width, "h": height}
            hint = f"{name}: {count(n)} {mood}"
            bars.append({key: round(value, 3) for key, value in place.items()} | {"style": style, "hint": hint})
        if i % -(-len(periods) // _LABELED) == 0:
            labels.append({"x": round((i + 0.42) * width, 3), "text": name})
    legend = [{"name": name, "style": style} for name, style in _STYLES.items()]
    return {"bars": bars, "labels": labels, "legend": legend, "most": count(most)}


def _topics(heard: pd.DataFrame, periods: list[tuple[str, pd.Period]]) -> list[dict[str, Any]]:
    """A row for each topic, the one with most unhappy texts first."""
    rows = []
    by_topic = heard.assign(topic=heard["topics"].str.split()).explode("topic").dropna(subset=["topic"])
    for topic, part in by_topic.groupby("topic"):
        if len(part) < _LEAST:
            continue
        shares = part["mood"].value_counts(normalize=True).reindex(list(_STYLES), fill_value=0.0)
        ends = np.concatenate([[0.0], 100 * shares.cumsum().to_numpy()])
        rows.append(
            {
                "name": topic,
                "texts": count(len(part)),
                "unhappy": percent(float(shares["negative"])),
                "sentiment": f"{part['sentiment'].mean():+.2f}",
                "parts": [
                    {"x": round(start, 2), "w": round(end - start, 2), "style": style}
                    for start, end, style in zip(ends, ends[1:], _STYLES.values())
                ],
                "history": [_cell(part[_within(part, period)], name) for name, period in periods],
                "order": -float((part["mood"] == "negative").sum()),
            }
        )
    return sorted(rows, key=lambda row: (row["order"], row["name"]))


def _cell(part: pd.DataFrame, name: str) -> dict[str, Any]:
    """Mean sentiment of one period as a colour; empty where too few spoke."""
    if len(part) < 2:
        return {"style": "transparent", "strength": 0, "hint": f"{name}: {len(part)} texts", "text": ""}
    mean = float(part["sentiment"].mean())
    style = _STYLES["negative"] if mean < 0 else _STYLES["positive"]
    return {
        "style": style,
        "strength": round(0.12 + 0.7 * abs(mean), 2),
        "hint": f"{name}: {mean:+.2f} of {len(part)} texts",
        "text": f"{round(mean, 1) + 0.0:+.1f}".replace("+0.0", "0.0"),
    }


def _examples(heard: pd.DataFrame) -> list[dict[str, Any]]:
    """One sentence of each mood for the topics that enough texts name."""
    rows = []
    by_topic = heard.assign(topic=heard["topics"].str.split()).explode("topic").dropna(subset=["topic"])
    for topic, part in by_topic.groupby("topic"):
        if len(part) < _LEAST:
            continue
        ordered = part.sort_values(["sentiment", "text"], kind="stable")
        worst, best = ordered.iloc[0], ordered.iloc[-1]
        rows.append(
            {
                "topic": topic,
                "unhappy": _short(worst["text"]) if worst["mood"] == "negative" else "",
                "happy": _short(best["text"]) if best["mood"] == "positive" else "",
            }
        )
    return rows


def _themes(heard: pd.DataFrame) -> list[dict[str, Any]]:
    """Themes by their words; none where too few words are shared."""
    try:
        found = find_themes(heard["text"].tolist(), number=8, rng=0)
    except DataError:
        return []
    sentiment = heard["sentiment"].to_numpy()
    return [
        {
            "words": row["words"],
            "texts": count(row["texts"]),
            "share": percent(row["share"]),
            "sentiment": f"{sentiment[found.of_texts == row['theme']].mean():+.2f}",
        }
        for row in found.table.to_dict("records")
        if row["texts"] >= _LEAST
    ]


def _within(part: pd.DataFrame, period: pd.Period) -> np.ndarray:
    return np.asarray(part["created_at"].between(period.start_time, period.end_time))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " ..."
