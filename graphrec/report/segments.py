"""The report of segments: an overview, and a page for each segment, offline, in English or French.

Hides the arrangement of a `Segmentation` into tiles, tables and drawings. It shows groups only; the journey is of one
customer, without identifier, date or product.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.market.segmentation.segmentnames import (
    advise_segment,
    define_segments,
    show_share,
    tell_fleeting,
    tell_reason,
    words_of,
)
from graphrec.market.segmentation.solicitedsegments import solicitation_pressure
from graphrec.market.writing import write_text
from graphrec.report.document import _environment
from graphrec.report.embedding import content_policy, read_asset, script_json
from graphrec.report.segmentlabels import LABELS

if TYPE_CHECKING:
    from graphrec.market.segmentation.customersegments import Segmentation
    from graphrec.market.tables import Market

__all__ = ["segment_pages", "write_segments"]

_REACH = 3.0
_DID = ("n looks", "n carts", "n removals", "n purchases")
_BESIDE = (
    ("visits a month", "visits_per_month", 1), ("typical price", "median_price", 2), ("order", "average_order", 2),
    ("days between", "days_between_visits", 1),
)  # fmt: skip


def write_segments(
    path: str | os.PathLike[str],
    found: Segmentation,
    *,
    market: Market | None = None,
    language: str = "en",
    title: str | None = None,
) -> Path:
    """Write the pages; the same segmentation gives the same bytes.

    Parameters
    ----------
    path : path-like
    found : Segmentation
    market : Market, optional
        Its solicitations give the pressure on each segment.
    language : str
        "en" or "fr".
    title : str, optional
    """
    scripts = [read_asset("pages.js")]
    label = LABELS[language]
    text = _environment().get_template("report.html").render(
        title=title or label["title"], made_on=None, pages=segment_pages(found, market=market, language=language),
        style=read_asset("report.css"), scripts=scripts, policy=content_policy(scripts),
        data=script_json({"graph": None}), language=language,
    )  # fmt: skip
    write_text(Path(path), text)
    return Path(path)


def segment_pages(found: Segmentation, *, market: Market | None = None, language: str = "en") -> list[dict[str, Any]]:
    """Pages for the template: the overview, and one for each segment."""
    words_of(language)
    label, names, told = LABELS[language], found.names_in(language), define_segments(found.profiles, language)
    rows = {int(row["segment"]): row for row in found.profiles.to_dict("records")}
    pressure = None if market is None else solicitation_pressure(found, market)
    overview = _overview(found, rows, names, told, language)
    pages: list[dict[str, Any]] = [{"key": "segments", "title": label["overview"], "number": "", "values": overview}]
    for segment, name in names.items():
        values = _segment(found, rows, segment, told[segment], pressure, language)
        place = {"key": f"segment-{segment}", "number": segment, "template": "segment"}
        pages.append(place | {"title": name, "values": values})
    return pages


def _overview(
    found: Segmentation, rows: Mapping[int, Mapping[Any, Any]], names: Mapping[int, str], told: Mapping[int, str],
    language: str,
) -> dict[str, Any]:  # fmt: skip
    show = _Shown(language)
    label = LABELS[language]
    left = float(found.customers["abstained"].mean()) if len(found.customers) else 0.0
    tiles = [
        (label["segments"], show.number(found.size), label["by habits"]),
        (label["customers"], show.number(len(found.customers)), f"{show.percent(1 - left)} {label['assigned']}"),
        (label["minimum"], show.number(found.minimum_events), label["events each"]),
        (label["rules right"], show.percent(found.rule_card.fidelity), label["held out"]),
    ]
    fleeting = tell_fleeting(found.migration, names, language)
    jaccard = found.stability.set_index("segment")["jaccard"]
    return {
        "l": label,
        "tiles": [{"label": a, "value": b, "note": c} for a, b, c in tiles],
        "reason": tell_reason(found.found, found.size, found.stability, language),
        "curve_told": found.tell(language),
        "segments": [
            {"key": f"segment-{k}", "number": k, "name": names[k], "told": told[k], "fleeting": fleeting.get(k, ""),
              "customers": show.number(rows[k]["customers"]),
             "share": show.percent(rows[k]["share"]), "width": round(100 * float(rows[k]["share"]), 2),
             "revenue": show.percent(rows[k]["share_of_revenue"]),
             "revenue_width": round(100 * float(rows[k]["share_of_revenue"]), 2),
             "jaccard": show.number(jaccard[k], 2)}
            for k in names
        ],
        "curve": _curve(found, show),
        "migration": _migration(found, names, show),
        "months": [{"month": show.number(row["month"]), "customers": show.number(row["customers"]),
                    "agreement": show.percent(row["agreement"]), "chance": show.percent(row["chance"])}
                   for row in found.months.to_dict("records")],
        "rules": _rules(found, names, label, show),
        "card": label["card"].format(
            f=show.percent(found.rule_card.fidelity), m=show.percent(found.rule_card.majority)
        ),
        "assigners": [{"method": label.get(row["method"], row["method"]), "agreement": show.percent(row["agreement"]),
                       "width": round(100 * float(row["agreement"]), 2)} for row in found.assigners.to_dict("records")],
        "habits": [{"name": label[f"habit.{row['habit']}"], "reliability": show.percent(row["reliability"]),
                    "width": round(100 * float(row["reliability"]), 1),
                    "reason": _left_out(str(row["reason"]), label)}
                   for row in found.habits.to_dict("records")],
    }  # fmt: skip


def _segment(
    found: Segmentation, rows: Mapping[int, Mapping[Any, Any]], segment: int, told: str, pressure: pd.DataFrame | None,
    language: str,
) -> dict[str, Any]:  # fmt: skip
    show, label, row, base = _Shown(language), LABELS[language], rows[segment], rows[0]
    do, dont = advise_segment(row, base, language)
    tiles = [
        (label["customers"], show.number(row["customers"]), f"{show.percent(row['share'])} {label['of assigned']}"),
        (label["revenue"], show.percent(row["share_of_revenue"]), label["of assigned revenue"]),
        *((label[name], show.number(row[column], digits), label["all"].format(x=show.number(base[column], digits)))
          for name, column, digits in _BESIDE),
    ]  # fmt: skip
    own = None if pressure is None else pressure[pressure["segment"] == segment]
    return {
        "l": label, "told": told, "do": do, "dont": dont,
        "tiles": [{"label": a, "value": b, "note": c} for a, b, c in tiles if b != "–"],
        "lifts": _lifts(found, row, label, show),
        "funnel": _funnel(row, base, label, show),
        "hours": _bars(json.loads(row["hours"]), json.loads(base["hours"]), [f"{h} h" for h in range(24)], 3, show),
        "days": _bars(json.loads(row["weekdays"]), json.loads(base["weekdays"]), label["days"].split(), 1, show),
        "categories": [{"name": _category(name), "share": show.percent(share), "lift": show.number(lift, 1)}
                       for name, share, lift in json.loads(row["top_categories"])],
        "pressure": None if own is None or own.empty else _pressure(own, show),
        "journey": [_step(visit, label, show) for visit in json.loads(row["journey"])],
    }  # fmt: skip


class _Shown:
    """Numbers of a language."""

    def __init__(self, language: str) -> None:
        self._words = words_of(language)

    def number(self, value: Any, decimals: int = 0) -> str:
        """A number, or a dash where there is none."""
        if value is None or not np.isfinite(float(value)):
            return "–"
        text = f"{float(value):,.{decimals}f}".replace(",", "|").replace(".", self._words["decimal"])
        return text.replace("|", self._words["thousands"]).replace("-", "−")

    def percent(self, share: Any) -> str:
        """A share as a percentage, or a dash."""
        if share is None or not np.isfinite(float(share)):
            return "–"
        return show_share(share, self._words, 1 if 0 < float(share) < 0.1 else 0)


def _left_out(reason: str, label: Mapping[str, str]) -> str:
    """Why a habit is not used, with the other habit by its label."""
    same = "says the same as "
    if reason.startswith(same):
        return label[same.strip()].format(habit=label[f"habit.{reason.removeprefix(same)}"])
    return label.get(reason, reason)


def _rules(
    found: Segmentation, names: Mapping[int, str], label: Mapping[str, str], show: _Shown
) -> list[dict[str, str]]:
    told = f" {label['and']} "
    return [
        {"when": told.join(_condition(c, show, label) for c in rule.conditions) or label["always"],
         "name": names[rule.segment], "customers": show.number(rule.customers), "right": show.percent(rule.right)}
        for rule in found.rule_card.rules
    ]  # fmt: skip


def _curve(found: Segmentation, show: _Shown) -> list[dict[str, Any]]:
    """Bars of the reliability curve, in per cent of the drawing."""
    return [
        {"n": show.number(row["events"]), "width": round(100 * row["agreement"], 2),
         "shown": show.percent(row["agreement"]), "enough": row["events"] >= found.minimum_events}
        for row in found.reliability.to_dict("records")
    ]  # fmt: skip


def _migration(found: Segmentation, names: Mapping[int, str], show: _Shown) -> list[dict[str, Any]]:
    counts = found.migration.to_numpy(np.float64)
    if not counts.sum():
        return []
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    cells = [[{"shown": show.percent(x), "tint": round(100 * float(x))} for x in row] for row in share]
    return [{"name": names[i + 1], "cells": row} for i, row in enumerate(cells)]


def _condition(condition: tuple[str, str, float], show: _Shown, label: Mapping[str, str]) -> str:
    name, sign, cut = condition
    return f"{label[f'habit.{name}']} {'≤' if sign == '<=' else '>'} {show.number(_plain(name, cut), 2)}"


def _plain(habit: str, value: float) -> float:
    """Logarithms back as what they are of."""
    return float(np.exp(value)) if habit in ("pace", "price", "irregularity", "visit_depth", "basket") else value


def _lifts(found: Segmentation, row: Mapping[Any, Any], label: Mapping[str, str], show: _Shown) -> list[dict[str, Any]]:
    """Diverging bars, the largest first."""
    values = {name: float(row[f"lift_{name}"]) for name in found.yardstick.scale.names}
    bars = []
    for name, value in sorted(values.items(), key=lambda pair: -abs(pair[1])):
        size = 50 * min(abs(value), _REACH) / _REACH
        left = round(50 - size if value < 0 else 50, 2)
        bars.append({"name": label[f"habit.{name}"], "shown": show.number(value, 1), "x": left, "w": round(size, 2),
                     "up": value >= 0})  # fmt: skip
    return bars


def _funnel(
    row: Mapping[Any, Any], base: Mapping[Any, Any], label: Mapping[str, str], show: _Shown
) -> list[dict[str, Any]]:
    steps = zip(("with look", "with cart", "with purchase"), json.loads(row["funnel"]), json.loads(base["funnel"]))
    return [{"step": label[key], "share": show.percent(here), "all": show.percent(every), "width": round(100 * here, 2)}
            for key, here, every in steps]  # fmt: skip


def _bars(here: list[float], every: list[float], names: list[str], step: int, show: _Shown) -> dict[str, Any]:
    """Upright bars of a segment, with a line at the height of everybody."""
    most, width = max([*here, *every, 1e-9]), 100 / len(here)
    bars = [
        {"x": round(i * width + 0.1 * width, 3), "w": round(0.8 * width, 3), "y": round(100 - 100 * v / most, 2),
         "h": round(100 * v / most, 2), "line": round(100 - 100 * e / most, 2),
         "hint": f"{names[i]}: {show.percent(v)}"}
        for i, (v, e) in enumerate(zip(here, every))
    ]  # fmt: skip
    marks = [{"x": round((i + 0.5) * width, 3), "text": names[i]} for i in range(0, len(here), step)]
    return {"bars": bars, "marks": marks}


def _pressure(own: pd.DataFrame, show: _Shown) -> dict[str, str]:
    row = own.iloc[0]
    return {
        "contacts": show.number(row["contacts"], 2), "all": show.number(row["contacts_all"], 2),
        "over": show.percent(row["over"]), "days": show.number(row["days"]), "answered": show.percent(row["answered"]),
    }  # fmt: skip


def _category(name: str) -> str:
    """A category as people read it: of a long number only the end, which tells it apart."""
    return f"… {name[-6:]}" if name.isdigit() and len(name) > 8 else name.replace("_", " ")


def _step(visit: list[Any], label: Mapping[str, str], show: _Shown) -> dict[str, str]:
    """One visit of the example journey in words."""
    days, part, *counts, category = visit
    did = [
        label[key].format(n=show.number(n))
        for key, n in zip(("n looks", "n carts", "n removals", "n purchases"), counts)
        if n
    ]
    when = label["day n"].format(n=show.number(days + 1))
    return {
        "when": f"{when}, {label[f'part {part}']}",
        "did": ", ".join(did) or label["n nothing"],
        "category": category,
    }
