"""What the values of a column could be: a flag, a count, money, an age, a date, a category, an identifier.

Hides the look at the values. A column may fit several kinds; what it cannot be is worth more than what it is. Only
shapes are looked at, never single values of a person, and at most the first `SAMPLE` of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SAMPLE", "Spread", "describe_values"]

SAMPLE: Final = 20_000
"""Values looked at, the first ones."""

_FLAGS: Final = frozenset(
    ("0", "1", "0.0", "1.0", "yes", "no", "true", "false", "oui", "non", "y", "n", "o", "vrai", "faux", "unknown")
)
_DATE: Final = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}|^\d{1,2}[/.]\d{1,2}[/.]\d{4}|^\d{4}/\d{1,2}/\d{1,2}")
_NUMBERS: Final = frozenset(("count", "money", "share", "age", "duration", "score"))


@dataclass(frozen=True)
class Spread:
    """What the values of a column could be.

    Parameters
    ----------
    fits : frozenset of str
        Every profile that the values could have; empty where nothing is known of them.
    levels : frozenset of str
        The values themselves, in lower case, where they are at most 60 words.
    said : str
        What was seen, for people.
    """

    fits: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    said: str = ""


def describe_values(values: pd.Series[Any]) -> Spread:
    """Say what the values of a column could be.

    Parameters
    ----------
    values : pandas.Series
        The column; missing values are left out.

    Returns
    -------
    Spread
        Empty for a column without values.

    Examples
    --------
    >>> import pandas as pd
    >>> sorted(describe_values(pd.Series([0, 1, 1, 0])).fits)
    ['binary', 'category', 'count', 'score', 'share']
    >>> describe_values(pd.Series(["2024-01-31", "2024-02-01"])).said
    'dates'
    """
    held = values.head(SAMPLE).dropna()
    if not len(held):
        return Spread()
    if held.dtype.kind == "M" or hasattr(held.iloc[0], "isoformat"):
        return Spread(frozenset(("date",)), said="dates")
    if held.dtype.kind in "iuf" and held.dtype.kind != "b":
        return _numbers(held.to_numpy(dtype=np.float64), frozenset())
    return _words(held.astype(str).str.strip())


def _words(held: pd.Series[str]) -> Spread:
    import pandas as pd

    unique = held.unique()
    if all(_DATE.match(text) for text in unique[:50]):
        return Spread(frozenset(("date",)), said="dates")
    levels = frozenset(text.casefold() for text in unique[:60]) if len(unique) <= 60 else frozenset()
    numbers = pd.to_numeric(held.str.removesuffix("+").str.replace(",", ".", regex=False), errors="coerce")
    if float(numbers.notna().mean()) > 0.95:
        return _numbers(numbers.dropna().to_numpy(dtype=np.float64), levels, text=True)
    fits = {"text"}
    if levels and levels <= _FLAGS:
        fits |= {"binary"}
    if len(unique) <= max(60, len(held) // 2):
        fits |= {"category"}
    if not held.str.contains(" ", regex=False).any():
        fits |= {"identifier"}
    bands = bool(levels) and float(np.mean([bool(re.search(r"\d", text)) for text in unique])) > 0.7
    said = "bands" if bands else "yes or no" if "binary" in fits else f"{len(unique)} different words"
    return Spread(frozenset(fits | (_NUMBERS if bands else set())), levels, said)


def _numbers(values: NDArray[np.float64], levels: frozenset[str], *, text: bool = False) -> Spread:
    values = values[np.isfinite(values)]
    if not len(values):
        return Spread()
    unique, low, high = np.unique(values), float(values.min()), float(values.max())
    whole = bool((values == np.round(values)).all())
    flag = len(unique) <= 2 and low in (0.0, 1.0) and high in (0.0, 1.0)
    fits = {"score"} if len(unique) <= 101 or abs(high) <= 1000 else set()
    fits |= {"binary"} if flag or (len(unique) == 2 and whole) else {"money", "duration"}
    if whole and low >= 0:
        fits |= {"count"} | ({"age"} if high <= 120 and len(unique) > 4 and not flag else set())
    if (low >= -1 and high <= 1) or (low >= -100 and high <= 100 and len(unique) > 2):
        fits |= {"share"}
    if whole and len(unique) <= max(60, len(values) // 2):
        fits |= {"category"}
    if whole and not flag and (text or low >= 0):
        fits |= {"identifier"}
    if whole and ((low >= 1900 and high <= 2100) or (low >= 19_000_101 and high <= 21_001_231)):
        fits |= {"date"}
    kind = "whole numbers" if whole else "numbers"
    said = "0 or 1" if flag else f"{kind} from {low:g} to {high:g}"
    return Spread(frozenset(fits), levels, said)
