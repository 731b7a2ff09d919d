"""The leaderboard of a tuning as one page: what was tried, what won and why, and whether it holds later.

Hides the drawing. Every figure stands beside its interval and the baselines, the failed trials stay in the table with
their reason, and the check of the last period has its own chart, because a figure that was searched for flatters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.market.writing import write_text
from graphrec.report.document import page_template
from graphrec.report.embedding import content_policy, read_asset
from graphrec.report.figures import Chart, interval_chart
from graphrec.report.wording import Unit, is_number

if TYPE_CHECKING:
    from graphrec.decisions.tuning.outcomes import Tuning

__all__ = ["render_leaderboard", "write_leaderboard"]

_TITLES = {"policy": "Which settings choose contacts best", "appetite": "Which model of appetite ranks best"}
_TUNED = ("head", "clip", "ridge", "leaves", "appetite", "filter_settings")
_SHORT = {
    "policy": "more outcomes for 1,000 opportunities than by contacting nobody",
    "appetite": "exposure-weighted NDCG, in hundredths",
}


def write_leaderboard(path: str | Path, tuning: Tuning, *, made_on: str = "") -> Path:
    """Write the page to one HTML file that needs no network.

    Parameters
    ----------
    path : path
    tuning : Tuning
        From `graphrec.tune`.
    made_on : str
        Date printed on the page; not read from the clock, so that the same study gives the same bytes.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    write_text(path, render_leaderboard(tuning, made_on=made_on))
    return Path(path)


def render_leaderboard(tuning: Tuning, *, made_on: str = "") -> str:
    """The page as HTML; the same tuning gives the same text."""
    scripts = [read_asset("pages.js")]
    unit = Unit(1.0, "", _SHORT[tuning.goal])
    return page_template("leaderboard.html").render(
        title=_TITLES[tuning.goal],
        made_on=made_on,
        sentence=tuning.sentence,
        unit=_SHORT[tuning.goal],
        tiles=_tiles(tuning, unit),
        chart=_candidates_chart(tuning.table, unit),
        rows=_rows(tuning.table, unit),
        failed=int((tuning.table["state"] == "failed").sum()),
        last=_last(tuning),
        periods=_periods(tuning.periods),
        purge=tuning.periods["purge_days"],
        settings=_settings(tuning),
        goal=tuning.goal,
        style=read_asset("report.css") + "\n" + read_asset("leaderboard.css"),
        scripts=scripts,
        policy=content_policy(scripts),
    )


def _tiles(tuning: Tuning, unit: Unit) -> list[dict[str, str]]:
    """The figures on top."""
    table = tuning.table
    tried = table[table["kind"] != "reference"]
    winner, default = table[table["winner"]].iloc[0], table[table["kind"] == "default"]
    told = [_tile("Chosen", winner, unit)]
    if len(default) and not default["winner"].iloc[0]:
        told.append(_tile("The default", default.iloc[0], unit))
    counts = tried["state"].value_counts()
    left = ", ".join(f"{counts[state]} {state}" for state in ("pruned", "failed") if state in counts)
    told.append({"label": "Candidates tried", "value": str(len(tried)), "note": left or "none failed"})
    seconds = float(tried["seconds"].sum())
    peak = tried["peak_mb"].max()
    told.append({"label": "Time of all trials", "value": _time(seconds), "note": f"{peak:,.0f} MB at most"})
    return told


def _tile(label: str, row: pd.Series, unit: Unit) -> dict[str, str]:
    value, between = _estimate(row, unit)
    return {"label": label, "value": value, "note": f"{_label(row)}; {between}"}


def _estimate(row: pd.Series, unit: Unit) -> tuple[str, str]:
    """Value and interval of a candidate; a gain has a sign, the figure of a ranking has none."""
    value, between = unit.estimate(row["value"], row["low"], row["high"])
    return (value, between) if unit.words == _SHORT["policy"] else (value.lstrip("+"), between.replace("+", ""))


def _candidates_chart(table: pd.DataFrame, unit: Unit) -> Chart:
    """An interval for each row of the table; the rows lend their tracks to it."""
    return interval_chart([_drawn(row) for _, row in table.iterrows()], unit)


def _drawn(row: pd.Series) -> dict[str, Any]:
    style = "" if row["winner"] else "naive"
    figures = {key: row[key] if is_number(row[key]) else None for key in ("value", "low", "high")}
    return {"label": _label(row), "hint": "", "style": style, "text": row["state"], **figures}


def _rows(table: pd.DataFrame, unit: Unit) -> list[dict[str, Any]]:
    """Cells of the table."""
    told = []
    for place, (_, row) in enumerate(table.iterrows()):
        value, between = _estimate(row, unit)
        told.append(
            {
                "place": place,
                "name": _label(row),
                "marks": _marks(row),
                "settings": row["settings"],
                "value": value if is_number(row["value"]) else "",
                "number": row["value"],
                "between": between if is_number(row["value"]) else "",
                "seconds": _time(row["seconds"]) if is_number(row["seconds"]) else "",
                "took": row["seconds"],
                "memory": f"{row['peak_mb']:,.0f}" if is_number(row["peak_mb"]) else "",
                "peak": row["peak_mb"],
                "reason": row["reason"],
                "winner": bool(row["winner"]),
                "trial": "" if row["trial"] < 0 else int(row["trial"]),
            }
        )
    return told


def _label(row: pd.Series) -> str:
    """Family of a candidate, or name of a reference."""
    return str(row["family"] or row["name"])


def _marks(row: pd.Series) -> list[tuple[str, str]]:
    """Badges of a row: text and style."""
    marks = [("chosen", "supported")] if row["winner"] else []
    if row["kind"] in ("default", "baseline", "reference"):
        marks.append((str(row["kind"]), "none"))
    if row["within_one_se"] and not row["winner"]:
        marks.append(("within one standard error", "near"))
    if row["state"] in ("failed", "pruned"):
        marks.append((str(row["state"]), "not-identified" if row["state"] == "failed" else "underpowered"))
    return marks


def _last(tuning: Tuning) -> dict[str, Any] | None:
    """The check of the last period."""
    last = tuning.last
    if last is None:
        return None
    unit, scale = Unit(1.0, "", _SHORT[tuning.goal]), tuning.scale
    values = sorted(last.values.items(), key=lambda item: -item[1].value)
    return {
        "verdict": last.verdict,
        "winner": last.winner,
        "looks": last.looks,
        "values": _values_chart([_scaled(name, found, scale, last.winner) for name, found in values], unit),
        "gaps": [_gap(name, found, scale, unit) for name, found in _sorted_gaps(last.differences)],
        "failures": sorted(last.failures.items()),
    }


def _values_chart(rows: list[dict[str, Any]], unit: Unit) -> Chart:
    chart = interval_chart(rows, unit)
    told = [_estimate(pd.Series(row), unit) for row in rows]
    return replace(chart, rows=tuple(replace(row, text=v, note=b) for row, (v, b) in zip(chart.rows, told)))


def _scaled(name: str, found: Any, scale: float, winner: str) -> dict[str, Any]:
    figures = {key: getattr(found, key) * scale for key in ("value", "low", "high")}
    return {
        "label": name,
        "hint": "chosen" if name == winner else "",
        "style": "" if name == winner else "naive",
        **figures,
    }


def _sorted_gaps(gaps: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(gaps.items(), key=lambda item: item[1].value)


def _gap(name: str, found: Any, scale: float, unit: Unit) -> dict[str, Any]:
    value, between = unit.estimate(found.value * scale, found.low * scale, found.high * scale)
    word = "better" if found.low > 0 else "worse" if found.high < 0 else "not told apart"
    return {"name": name, "value": value, "number": found.value, "between": between, "word": word}


def _periods(periods: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {"train": "Learned from", "validation": "Chosen on", "last": "Checked on, once"}
    return [(word, " to ".join(periods[name])) for name, word in names.items()]


def _settings(tuning: Tuning) -> list[tuple[str, str]]:
    """Settings of the winner that differ from the defaults."""
    default, own = type(tuning.config)().to_dict(), tuning.config.to_dict()
    return [(name, _setting(own[name])) for name in _TUNED if own[name] != default[name]]


def _setting(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_setting(number)}" for name, number in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
