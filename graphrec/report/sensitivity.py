"""Would an effect have been seen? What the search for planted effects says, channel by channel.

Hides how a table of planted sizes becomes an answer: the smallest size from which on every larger one was seen, and
whether the most that a contact can bring lies below it. Shares are printed as counts: "2 of 2" is not "100 %".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.report.scales import ladder_unit, outcome_unit
from graphrec.report.wording import NOTHING, Unit, count, is_number, listing, percent

if TYPE_CHECKING:
    from graphrec.report.contents import Findings

__all__ = ["build_sensitivity", "first_page_words"]

_SEEN = 0.8
"""Share of plantings that must be seen; the usual power."""


def build_sensitivity(findings: Findings) -> dict[str, Any] | None:
    """Values of the section; None where nothing was planted."""
    table = findings.planted
    if table is None or table.empty:
        return None
    return {
        "channels": [_channel(findings, str(name), part) for name, part in _by_channel(table)],
        "coverage": _coverage(table),
        "tries": count(table["repeats"].max()),
    }


def first_page_words(findings: Findings) -> str:
    """The answer for all channels in a sentence; empty where nothing was planted."""
    table = findings.planted
    if table is None or table.empty:
        return ""
    seen, unseen = [], []
    for name, part in _by_channel(table):
        smallest = _smallest_seen(part)
        if smallest is None:
            unseen.append(str(name))
        else:
            seen.append(f"{name} from {_unit(findings, str(name)).signed(smallest['effect'])} on")
    parts = [f"yes through {listing(seen)}"] if seen else []
    if unseen:
        parts.append(f"not even one that {_lift_words(table['size'].max())} through {listing(unseen)}")
    return (
        f"Would an effect of a contact have been seen in these data? By effects planted into them: {'; '.join(parts)}."
    )


def _by_channel(table: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    return [(name, part.sort_values("size", ascending=False)) for name, part in table.groupby("channel", sort=True)]


def _unit(findings: Findings, channel: str) -> Unit:
    ladder = {str(name): ladder for name, ladder in (findings.ladders or {}).items()}.get(channel)
    return outcome_unit(findings) if ladder is None else ladder_unit(findings, ladder)


def _channel(findings: Findings, channel: str, part: pd.DataFrame) -> dict[str, Any]:
    unit = _unit(findings, channel)
    return {
        "channel": channel,
        "sentence": _sentence(findings, channel, part, unit),
        "unit": unit.words,
        "rows": [_row(row, unit) for row in part.to_dict(orient="records")],
    }


def _row(row: dict[Any, Any], unit: Unit) -> dict[str, str]:
    return {
        "lift": _lift_name(row["size"]),
        "effect": unit.signed(row["effect"]),
        "detected": _of(row["detected"], row["repeats"]),
        "share": f"{100 * float(row['detected']):.0f}",
        "naive": unit.signed(row["naive_bias"]),
        "error": unit.signed(row["bias"]) if is_number(row["bias"]) else "no estimate",
        "coverage": _of(row["coverage"], row["estimated"] * row["repeats"]) if row["estimated"] > 0 else NOTHING,
    }


def _of(share: Any, total: Any) -> str:
    """A share as a count of its total."""
    return f"{round(float(share) * float(total)):,} of {round(float(total)):,}"


def _lift_name(size: float) -> str:
    return "none" if size == 0 else "doubled" if size == 1 else f"+{100 * size:g} %"


def _lift_words(size: float) -> str:
    return "doubles the purchases of its offer" if size == 1 else f"adds {100 * size:g} % to the purchases of its offer"


def _smallest_seen(part: pd.DataFrame) -> dict[Any, Any] | None:
    """The smallest size that was seen, with every larger one."""
    rows = part[part["size"] > 0].sort_values("size", ascending=False)
    kept = rows[np.cumprod((rows["detected"] >= _SEEN).to_numpy()).astype(bool)]
    return None if kept.empty else kept.iloc[-1].to_dict()


def _sentence(findings: Findings, channel: str, part: pd.DataFrame, unit: Unit) -> str:
    rows = part[part["size"] > 0]
    if rows.empty:
        return "No effect was planted."
    largest, smallest = rows.iloc[0], _smallest_seen(part)
    if smallest is None:
        return _unseen(largest, unit)
    said = f"Yes, from {unit.signed(smallest['effect'])} on: a contact that {_lift_words(smallest['size'])} was seen"
    said += f" in {_of(smallest['detected'], smallest['repeats'])} tries."
    below = rows[rows["size"] < smallest["size"]]
    if len(below):
        next_one = below.iloc[0]
        said += (
            f" One of {unit.signed(next_one['effect'])} was seen in {_of(next_one['detected'], next_one['repeats'])}."
        )
    return said + _beside_ceiling(findings, channel, smallest["effect"], unit)


def _unseen(largest: pd.Series[Any], unit: Unit) -> str:
    """Why even the largest was not seen."""
    size = f"a contact that {_lift_words(largest['size'])} ({unit.signed(largest['effect'])})"
    if largest["estimated"] == 0:
        return f"No: even with {size}, too few of the contacted buy for any estimate."
    if largest["detected"] == 0:
        return f"No: even {size} was seen in none of {count(largest['repeats'])} tries."
    return f"No: even {size} was seen in {_of(largest['detected'], largest['repeats'])} tries only."


def _beside_ceiling(findings: Findings, channel: str, seen: float, unit: Unit) -> str:
    ladder = (findings.ladders or {}).get(channel)
    if ladder is None or ladder.ceiling is None or ladder.ceiling >= seen:
        return ""
    most = unit.unsigned(ladder.ceiling)
    return f" By its redemptions a contact brings {most} at most, less than any size that was seen."


def _coverage(table: pd.DataFrame) -> str:
    """How often the intervals held the truth, over all figures."""
    figures = table["estimated"] * table["repeats"]
    if not figures.sum():
        return ""
    held = float((table["coverage"].fillna(0.0) * figures).sum())
    total = float(figures.sum())
    return f"Over all sizes, {_of(held / total, total)} intervals ({percent(held / total)}) held the planted truth."
