"""Figures and names as people read them.

Hides rounding, units and the plain form of column names. Locale-aware formatting was considered: the same report must
read the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "NOTHING",
    "POINTS",
    "RAW",
    "Unit",
    "amount",
    "count",
    "day",
    "figure",
    "is_number",
    "listing",
    "money",
    "percent",
    "plain",
    "sentence_case",
]

NOTHING = "–"
_MINUS = "−"


@dataclass(frozen=True)
class Unit:
    """How an effect is printed.

    Parameters
    ----------
    factor : float
        Multiplies the figure before it is printed.
    suffix : str
        Printed after it.
    words : str
        The unit in words, for captions.
    significant, fewest : int
        Significant digits, and the fewest decimals.
    decimal, thousands, between : str
        Marks in numbers, and what stands between the ends of an interval.

    Examples
    --------
    >>> POINTS.signed(0.0312), POINTS.interval(0.004, 0.1058), POINTS.signed(None)
    ('+3.1 pts', '+0.4 to +10.6 pts', '–')
    """

    factor: float
    suffix: str
    words: str
    significant: int = 3
    fewest: int = 0
    decimal: str = "."
    thousands: str = ","
    between: str = " to "

    def signed(self, value: Any) -> str:
        """With its sign and unit: ``+3.2 pts``."""
        return _with_suffix(self.bare(value), self.suffix)

    def bare(self, value: Any) -> str:
        """With its sign, without the unit."""
        return self._print(value, self._places(value), signed=True)

    def unsigned(self, value: Any) -> str:
        """With its unit, without a plus sign."""
        return _with_suffix(self._print(value, self._places(value), signed=False), self.suffix)

    def interval(self, low: Any, high: Any) -> str:
        """Both ends with decimals that fit their distance, and the unit: ``+1.0 to +5.4 pts``."""
        return self.estimate(low, low, high)[1]

    def estimate(self, value: Any, low: Any, high: Any) -> tuple[str, str]:
        """A figure and its interval, with as many decimals as half the interval has significant ones.

        Examples
        --------
        >>> RAW.estimate(-0.00691, -0.0942, 0.0804)
        ('−0.0069', '−0.0942 to +0.0804')
        """
        if not (is_number(low) and is_number(high)):
            return self.signed(value), NOTHING
        places = self._places((float(high) - float(low)) / 2 or high)
        texts = [self._print(number, places, signed=True) for number in (value, low, high)]
        return _with_suffix(texts[0], self.suffix), _with_suffix(self.between.join(texts[1:]), self.suffix)

    def _places(self, value: Any) -> int:
        """Decimals that show the significant digits, four at most."""
        size = abs(float(value)) * self.factor if is_number(value) else 0.0
        if size < 1e-6:
            return 4
        return max(self.fewest, min(4, self.significant - 1 - math.floor(math.log10(size))))

    def _print(self, value: Any, places: int, *, signed: bool) -> str:
        if not is_number(value):
            return NOTHING
        number = float(value) * self.factor
        text = f"{abs(number):,.{places}f}"
        nil = not text.strip("0.,")
        text = text.replace(",", "|").replace(".", self.decimal).replace("|", self.thousands)
        return "0" if nil else _sign(number, signed) + text

    def tick(self, value: float) -> str:
        """A round number on an axis."""
        return f"{value:g}".replace("-", _MINUS).replace(".", self.decimal)


POINTS = Unit(100.0, "pts", "percentage points of the chance to buy", significant=2, fewest=1)
RAW = Unit(1.0, "", "units of the outcome")


def is_number(value: Any) -> bool:
    """Say whether a value is a finite number."""
    try:
        return value is not None and not isinstance(value, str) and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def figure(value: Any, *, signed: bool = False) -> str:
    """Three significant digits, without an exponent where possible.

    Examples
    --------
    >>> figure(0.123456), figure(1234.5), figure(-2.0, signed=True), figure(float("nan"))
    ('0.123', '1,234', '−2.00', '–')
    """
    if not is_number(value):
        return NOTHING
    number = float(value)
    size = abs(number)
    if size == 0 or size < 5e-5:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(size))) if size < 1_000 else 0
    text = f"{size:,.{min(decimals, 4)}f}"
    return _sign(number, signed) + text


def amount(value: Any, decimals: int = 2) -> str:
    """Print a number with thousands separators and a fixed number of decimals."""
    if not is_number(value):
        return NOTHING
    text = f"{abs(float(value)):,.{decimals}f}"
    nil = not text.strip("0.,")
    return text if nil else _sign(float(value), signed=False) + text


def money(value: Any, currency: str = "") -> str:
    """Two decimals under 1,000, none above, and the currency."""
    if not is_number(value):
        return NOTHING
    text = amount(value, 2 if abs(float(value)) < 1_000 else 0)
    return f"{text} {currency}".strip()


def count(value: Any) -> str:
    """Print a whole number with thousands separators."""
    return amount(value, 0)


def percent(value: Any) -> str:
    """Print a share as a percentage.

    Examples
    --------
    >>> percent(0.0312), percent(1.0), percent(0.0004), percent(None)
    ('3.1 %', '100 %', '< 0.1 %', '–')
    """
    if not is_number(value):
        return NOTHING
    share = 100 * float(value)
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{amount(share, 0 if share in (0, 100) else 1)} %"


def plain(name: Any) -> str:
    """Name of a column in words.

    Examples
    --------
    >>> plain("offer_purchases"), plain("channel_capacity[call]")
    ('offer purchases', 'channel capacity[call]')
    """
    return str(name).replace("_", " ").strip()


def listing(words: Iterable[Any], limit: int = 0) -> str:
    """Words as a list in a sentence; beyond ``limit`` they are counted.

    Examples
    --------
    >>> listing(["a", "b", "c"]), listing("abcde", limit=3)
    ('a, b and c', 'a, b and 3 more')
    """
    found = [str(word) for word in words]
    if limit and len(found) > limit:
        found = [*found[: limit - 1], f"{len(found) - limit + 1:,} more"]
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} and {found[-1]}"


def day(moment: Any) -> str:
    """Date of an ISO 8601 moment."""
    return str(moment)[:10] if moment else NOTHING


def sentence_case(text: Any) -> str:
    """First letter large, the rest as it is; ends in a full stop."""
    words = str(text).strip()
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?" else ".")


def _with_suffix(text: str, suffix: str) -> str:
    return text if text == NOTHING or not suffix else f"{text} {suffix}"


def _sign(number: float, signed: bool) -> str:
    if number < 0:
        return _MINUS
    return "+" if signed and number > 0 else ""
