"""Charts as plain geometry in per cent of the width; the templates draw them as inline SVG.

Hides scales and ticks. Positions in per cent make one drawing fit a phone and a wide screen with letters of the same
size. Matplotlib was considered: its files are ten times larger, know no dark mode and shrink their letters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.report.wording import Unit, is_number

__all__ = [
    "Axis",
    "Bar",
    "Chart",
    "Histogram",
    "Mark",
    "Row",
    "dot_chart",
    "histogram",
    "interval_chart",
    "waterfall",
]


@dataclass(frozen=True)
class Axis:
    """A scale from numbers to per cent of the width.

    Parameters
    ----------
    low, high : float
        Ends of the scale, ``low < high``.
    """

    low: float
    high: float

    @classmethod
    def around(cls, values: Iterable[Any], *, margin: float = 0.06, zero: bool = True) -> Axis:
        """Axis that holds all finite values, and zero, with a margin."""
        found = [float(value) for value in values if is_number(value)]
        if zero or not found:
            found.append(0.0)
        low, high = min(found), max(found)
        if high - low < 1e-12:
            reach = max(abs(low), 1e-9) if abs(low) > 1e-12 else 1.0
            return cls(low - 0.5 * reach, high + 0.5 * reach)
        room = margin * (high - low)
        return cls(low - room, high + room)

    def at(self, value: float) -> float:
        """Position in per cent, cut at the ends."""
        return round(100 * min(1.0, max(0.0, (float(value) - self.low) / (self.high - self.low))), 2)

    def ticks(self, count: int = 4) -> list[float]:
        """Round numbers on the axis, about ``count`` of them.

        Examples
        --------
        >>> Axis(-0.03, 0.11).ticks()
        [0.0, 0.05, 0.1]
        """
        raw = (self.high - self.low) / max(count, 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if raw <= factor * power * 1.0001)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]


@dataclass(frozen=True)
class Mark:
    """A vertical line or a tick: position in per cent, text, and the style of the line."""

    at: float
    text: str = ""
    style: str = ""

    @property
    def anchor(self) -> str:
        """Where the text is held, so that it stays inside the drawing."""
        return "start" if self.at < 2 else "end" if self.at > 98 else "middle"


@dataclass(frozen=True)
class Row:
    """A line of a chart: a label, dots or a bar between two positions, and the figure in words."""

    label: str
    text: str = ""
    hint: str = ""
    note: str = ""
    style: str = ""
    centre: float | None = None
    left: float | None = None
    right: float | None = None
    hollow: float | None = None


@dataclass(frozen=True)
class Chart:
    """Rows over one axis."""

    rows: tuple[Row, ...]
    ticks: tuple[Mark, ...]
    marks: tuple[Mark, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram, in per cent of the drawing."""

    left: float
    width: float
    height: float
    text: str
    part: float = 0.0


@dataclass(frozen=True)
class Histogram:
    """Bars over one axis; ``part`` of each bar is drawn in the accent colour."""

    bars: tuple[Bar, ...]
    ticks: tuple[Mark, ...]
    marks: tuple[Mark, ...]


def interval_chart(
    rows: Sequence[Mapping[str, Any]], unit: Unit, marks: Iterable[tuple[float | None, str, str]] = ()
) -> Chart:
    """Dots with intervals.

    Parameters
    ----------
    rows : sequence of mapping
        Keys label, hint, style, value, low, high; without a number in ``value`` the row says ``text``.
    unit : Unit
        How figures are printed.
    marks : iterable of (position, text, style)
        Vertical lines; those without a number are left out.
    """
    shown = [(float(value), text, style) for value, text, style in marks if value is not None and is_number(value)]
    numbers = [row.get(key) for row in rows for key in ("value", "low", "high")]
    axis = Axis.around([*numbers, *(value for value, _, _ in shown)])
    return Chart(
        rows=tuple(_interval_row(row, axis, unit) for row in rows),
        ticks=_ticks(axis, unit),
        marks=(Mark(axis.at(0.0), "", "zero"), *(Mark(axis.at(value), text, style) for value, text, style in shown)),
    )


def _interval_row(row: Mapping[str, Any], axis: Axis, unit: Unit) -> Row:
    value, low, high = (row.get(key) for key in ("value", "low", "high"))
    label, hint, style = (str(row.get(key, "")) for key in ("label", "hint", "style"))
    if not is_number(value):
        return Row(label, "", hint, str(row.get("text", "")) or "not estimated", style)
    place = axis.at(row["value"])
    if not (is_number(low) and is_number(high)):
        return Row(label, unit.signed(value), hint, "", style, place)
    ends = axis.at(row["low"]), axis.at(row["high"])
    text, interval = unit.estimate(value, low, high)
    return Row(label, text, hint, interval, style, place, *ends)


def dot_chart(labels: Sequence[str], before: Sequence[float], after: Sequence[float], threshold: float) -> Chart:
    """Absolute values before (hollow) and after (filled), largest first, with a threshold line."""
    pairs = [
        (label, abs(float(old)), abs(float(new)))
        for label, old, new in zip(labels, before, after)
        if is_number(old) and is_number(new)
    ]
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    axis = Axis(0.0, 1.06 * max([threshold, *(max(old, new) for _, old, new in pairs)]))
    rows = [
        Row(
            label=label,
            text=f"{old:.2f} → {new:.2f}",
            style="over" if new > threshold else "adjusted",
            centre=axis.at(new),
            left=axis.at(min(old, new)),
            right=axis.at(max(old, new)),
            hollow=axis.at(old),
        )
        for label, old, new in pairs
    ]
    ticks = tuple(Mark(axis.at(tick), f"{tick:g}") for tick in axis.ticks())
    return Chart(tuple(rows), ticks, (Mark(axis.at(threshold), f"{threshold:g}", "ceiling"),))


def waterfall(
    base: float,
    parts: Sequence[tuple[str, float]],
    unit: Unit,
    limit: int = 10,
    words: tuple[str, str] = ("average customer", "this customer"),
    rest_of: Callable[[int], str] = lambda n: "1 other column" if n == 1 else f"{n} other columns",
) -> Chart:
    """Contributions one after the other from a base to the prediction; the small ones are summed in one row.

    ``words`` name the first row and the last one, ``rest_of`` the sum of so many small ones.
    """
    ordered = sorted(parts, key=lambda part: (-abs(part[1]), part[0]))
    shown, rest = ordered[:limit], ordered[limit:]
    if rest:
        shown = [*shown, (rest_of(len(rest)), sum(value for _, value in rest))]
    ends = np.cumsum([base, *(value for _, value in shown)])
    axis = Axis.around(ends.tolist(), zero=False)
    rows = [Row(words[0], unit.bare(base), style="total", centre=axis.at(base))]
    for (label, value), start, end in zip(shown, ends[:-1], ends[1:]):
        style = "up" if value > 0 else "down"
        left, right = axis.at(min(start, end)), axis.at(max(start, end))
        rows.append(Row(label, unit.bare(value), style=style, left=left, right=right))
    last = float(ends[-1])
    rows.append(Row(words[1], unit.bare(last), style="total", centre=axis.at(last)))
    return Chart(tuple(rows), _ticks(axis, unit))


def histogram(values: Sequence[float], chosen: Sequence[bool] | None, unit: Unit, bins: int = 28) -> Histogram:
    """Histogram of finite values; ``chosen`` marks those drawn in the accent colour. The ends hold the outliers."""
    numbers = np.asarray(values, dtype=np.float64)
    picked = np.zeros(len(numbers), dtype=bool) if chosen is None else np.asarray(chosen, dtype=bool)
    kept = np.isfinite(numbers)
    numbers, picked = numbers[kept], picked[kept]
    if not len(numbers):
        return Histogram((), (), ())
    low, high = (float(end) for end in np.quantile(numbers, [0.002, 0.998]))
    axis = Axis.around([low, high], margin=0.02)
    edges = np.linspace(axis.low, axis.high, bins + 1)
    inside = np.clip(numbers, axis.low, axis.high)
    total, part = np.histogram(inside, edges)[0], np.histogram(inside[picked], edges)[0]
    top = max(int(total.max()), 1)
    bars = tuple(
        Bar(
            left=axis.at(float(edges[i])),
            width=round(100 / bins - 0.25, 2),
            height=round(100 * int(total[i]) / top, 2),
            part=round(100 * int(part[i]) / top, 2),
            text=f"{unit.interval(edges[i], edges[i + 1])}: {int(total[i]):,}" + f", {int(part[i]):,} in the plan",
        )
        for i in range(bins)
        if total[i]
    )
    return Histogram(bars, _ticks(axis, unit, 6), (Mark(axis.at(0.0), "", "zero"),))


def _ticks(axis: Axis, unit: Unit, count: int = 4) -> tuple[Mark, ...]:
    scaled = Axis(axis.low * unit.factor, axis.high * unit.factor)
    return tuple(Mark(scaled.at(tick), unit.tick(tick)) for tick in scaled.ticks(count))
