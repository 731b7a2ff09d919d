"""The report of a clickstream: one offline HTML page of what happened and what is known about customers.

Hides the arrangement of `graphrec.market.behaviour.happenings.Happenings` into tiles, tables and two drawings. It
shows groups only; no customer, under whatever name, is on it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.market.behaviour.definitions import FEATURES
from graphrec.market.writing import write_text
from graphrec.report.document import _environment
from graphrec.report.embedding import content_policy, read_asset, script_json
from graphrec.report.wording import count, percent

if TYPE_CHECKING:
    from graphrec.market.behaviour.happenings import Happenings

__all__ = ["build_happened", "write_happened"]

_STYLES = {
    "view": "var(--accent)",
    "cart": "var(--warn)",
    "remove_from_cart": "var(--muted)",
    "purchase": "var(--good)",
}
_LABELED = 6
"""Labels of days, few enough for a telephone."""
_LETTER = 1.7
"""Width of a letter on a telephone, in per cent of the drawing."""


def write_happened(
    path: str | os.PathLike[str],
    happenings: Happenings,
    ranking: pd.DataFrame | None = None,
    title: str = "What happened",
) -> Path:
    """Write the page; the same database gives the same bytes.

    Parameters
    ----------
    path : path-like
    happenings : Happenings
    ranking : pandas.DataFrame, optional
        Of `graphrec.market.behaviour.featureranking.rank_features`.
    title : str
    """
    scripts = [read_asset("pages.js")]
    pages = [
        {"key": "happened", "title": "What happened", "values": build_happened(happenings)},
        {"key": "variables", "title": "The variables of customers", "values": _variables(ranking)},
    ]
    text = _environment().get_template("report.html").render(
        title=title, made_on=None, pages=pages, style=read_asset("report.css"), scripts=scripts,
        policy=content_policy(scripts), data=script_json({"graph": None}),
    )  # fmt: skip
    write_text(Path(path), text)
    return Path(path)


def build_happened(found: Happenings) -> dict[str, Any]:
    """Values of the page."""
    totals = found.totals
    tiles = [
        ("Events", count(totals["events"]), f"{found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"),
        ("Customers", count(totals["customers"]), "under pseudonyms"),
        ("Sessions", count(totals["sessions"]), f"{count(totals['shared_sessions'])} names shared by two customers"),
        ("Products", count(totals["products"]), f"{len(found.categories)} largest categories below"),
        (
            "Likely robots",
            count(totals["robots"]),
            f"{percent(totals['robot_events'] / totals['events'])} of the events",
        ),
        ("Odd prices", count(totals["dear_events"]), "events above 100 times the median price"),
    ]
    return {
        "tiles": [{"label": label, "value": value, "note": note} for label, value, note in tiles],
        "volume": _volume(found.days),
        "holidays": [
            {"day": str(row.day), "name": row.holiday, "events": count(row.events), "lift": f"{row.lift:.2f}"}
            for row in found.days.itertuples() if row.holiday
        ],
        "funnel": [
            {"step": row["step"], "sessions": count(row["sessions"]), "share": percent(row["share"]),
             "width": round(100 * row["share"], 1)}
            for row in found.funnel.to_dict("records")
        ],
        "categories": [
            {"name": row.category, "views": count(row.views), "purchases": count(row.purchases),
             "revenue": _money(row.revenue), "rate": percent(row.rate) if row.views else "–"}
            for row in found.categories.itertuples()
        ],
        "missing": [{"column": row.column, "share": percent(row.share)} for row in found.missing.itertuples()],
        "prices": [
            {"quantile": f"{100 * quantile:g} %", "viewed": _money(viewed), "bought": _money(bought)}
            for quantile, viewed, bought in found.prices[["quantile", "viewed", "bought"]].to_numpy().tolist()
        ],
        "history": _history(found.price_history),
        "loads": [
            {name: (count(value) if isinstance(value, int) else str(value)) for name, value in row.items()}
            for row in found.loads.to_dict("records")
        ],
        "quarantine": found.quarantine.astype(str).to_dict("records"),
    }  # fmt: skip


def _money(cents: Any) -> str:
    return "–" if pd.isna(cents) else f"{cents / 100:,.2f}"


def _volume(days: pd.DataFrame) -> dict[str, Any]:
    """Stacked bars by day, in per cent of the drawing."""
    most, width = max(1, int(days["events"].max())), 100 / len(days)
    every = max(1, -(-len(days) // _LABELED))
    bars, labels = [], []
    for i, row in enumerate(days.to_dict("records")):
        top = 100.0
        for name, style in _STYLES.items():
            height = 100 * row[name] / most
            top -= height
            hint = f"{row['day']}: {count(row[name])} {name.replace('_', ' ')}"
            place = {"x": i * width, "y": top, "w": 0.85 * width, "h": height}
            bars.append({key: round(value, 3) for key, value in place.items()} | {"style": style, "hint": hint})
        if i % every == 0:
            labels.append(_label((i + 0.4) * width, str(row["day"])[5:]))
    named = _in_two_lines([_label((i + 0.4) * width, name) for i, name in enumerate(days["holiday"]) if name])
    legend = [{"name": name.replace("_", " "), "style": style} for name, style in _STYLES.items()]
    return {"bars": bars, "labels": labels, "named": named, "legend": legend, "most": count(most)}


def _label(x: float, text: str) -> dict[str, Any]:
    """A text centred at a place, moved inwards where it would be cut off at an edge."""
    half = _LETTER * len(text) / 2
    if x < half:
        return {"x": 0, "anchor": "start", "text": text, "from": 0.0, "to": 2 * half}
    if x > 100 - half:
        return {"x": 100, "anchor": "end", "text": text, "from": 100 - 2 * half, "to": 100.0}
    return {"x": round(x, 3), "anchor": "middle", "text": text, "from": x - half, "to": x + half}


def _in_two_lines(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put a label that would touch the one before on a second line; where that is taken, too, the calendar tells."""
    ends, placed = [-1.0, -1.0], []
    for label in labels:
        free = [line for line, end in enumerate(ends) if label["from"] > end]
        if free:
            ends[free[0]] = label["to"]
            placed.append(label | {"y": 13 + 13 * free[0]})
    return placed


def _history(history: pd.DataFrame) -> dict[str, Any]:
    """Prices by week: a row for each product, a column for each week."""
    weeks = sorted(history["week"].astype(str).unique())
    rows = []
    for product, part in history.groupby("product_id"):
        cents = dict(zip(part["week"].astype(str), part["cents"]))
        stock = part["stock"].dropna()
        rows.append({
            "product": product, "prices": [_money(cents[week]) if week in cents else "–" for week in weeks],
            "stock": f"{stock.iloc[-1]:,.0f}" if len(stock) else "not recorded",
        })  # fmt: skip
    return {"weeks": [week[5:] for week in weeks], "rows": rows}


def _loss(value: float) -> str:
    return f"{round(value, 4) + 0.0:.4f}"  # adding zero takes the sign from what rounds to nothing


def _variables(ranking: pd.DataFrame | None) -> dict[str, Any]:
    ranked = {} if ranking is None else ranking.set_index("name").to_dict("index")
    most = max((row["importance"] for row in ranked.values()), default=0.0)
    rows = [
        {
            "name": feature.name, "group": feature.group, "unit": feature.unit, "formula": feature.formula,
            "role": feature.role, "importance": _loss(ranked[feature.name]["importance"]) if ranked else "",
            "selected": percent(ranked[feature.name]["selected"]) if ranked else "",
            "width": max(0.0, 100 * ranked[feature.name]["importance"] / most) if ranked and most > 0 else 0.0,
        }
        for feature in FEATURES
    ]  # fmt: skip
    if ranked:
        rows.sort(key=lambda row: -ranked[row["name"]]["importance"])
    auc = f"{next(iter(ranked.values()))['auc']:.3f}" if ranked else ""
    return {"rows": rows, "ranked": bool(ranked), "auc": auc}
