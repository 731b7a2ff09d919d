"""How a language writes numbers, plurals and marks, and where its sentences stand.

Hides typography. English and French differ in the decimal mark, in the thousands, in the space before a colon or a per
cent sign, and in what counts as one (French: everything below two). The sentences themselves are data, one module for
each language with the same keys; nothing is translated by a program, and a missing key is an error in the tests.

gettext was considered: its files are compiled, and a sentence would be spread over two places. Babel was considered:
right about numbers, and a dependency of ten megabytes for two of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from graphrec.market.tables import DataError

__all__ = ["LANGUAGES", "Language", "language_of"]

LANGUAGES = {"en": "english", "fr": "french"}
"""Code of each language to the module of its sentences."""

_MINUS = "−"
_WIDE, _NARROW = "\u00a0", "\u202f"


@dataclass(frozen=True)
class Language:
    """Numbers and sentences of one language.

    Attributes
    ----------
    code : str
        "en" or "fr".
    decimal, thousands : str
        Marks in numbers.
    singular_below : float
        A quantity below it is singular; exactly one is singular everywhere.
    texts : mapping of str to str
        Sentences and words; ``{name}`` is replaced.
    counted : mapping of str to (str, str)
        Singular and plural of what is counted; ``{n}`` is the number.
    spaced : bool
        Whether colons, semicolons, per cent signs and quotation marks have a space that does not break.
    names : mapping of str to str
        Words for columns, states and channels that every market has.
    """

    code: str
    decimal: str
    thousands: str
    singular_below: float
    texts: Mapping[str, str]
    counted: Mapping[str, tuple[str, str]]
    spaced: bool = False
    names: Mapping[str, str] | None = None

    def number(self, value: float, decimals: int = 2, *, signed: bool = False) -> str:
        """A number with the marks of the language.

        Examples
        --------
        >>> language_of("en").number(-1234.5), language_of("fr").number(1234.5) == "1\u202f234,50"
        ('−1,234.50', True)
        """
        text = f"{abs(float(value)):,.{decimals}f}"
        nil = not text.strip("0.,")
        text = text.replace(",", "|").replace(".", self.decimal).replace("|", self.thousands)
        sign = "" if nil else _MINUS if value < 0 else "+" if signed else ""
        return sign + text

    def figure(self, value: Any) -> str:
        """A value of a lever: three significant digits at least, words as they are.

        Examples
        --------
        >>> language_of("fr").figure(0.125), language_of("en").figure(12345), language_of("en").figure("email")
        ('0,125', '12,345', 'email')
        """
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if not isinstance(value, (int, float)):
            return self.name(value)
        number = float(value)
        decimals = 0 if number == round(number) else max(0, 2 - _magnitude(number))
        text = self.number(number, min(decimals, 6))
        return text.rstrip("0").rstrip(self.decimal) if self.decimal in text else text

    def percent(self, share: float, decimals: int = 0) -> str:
        """A share as a percentage."""
        return self.typeset(f"{self.number(100 * share, decimals)} %")

    def money(self, value: float, currency: str = "", *, signed: bool = False) -> str:
        """An amount; two decimals under 1,000, none above."""
        text = self.number(value, 2 if abs(value) < 1_000 else 0, signed=signed)
        return f"{text}{_WIDE if self.spaced else ' '}{currency}" if currency else text

    def count(self, key: str, n: float, decimals: int = 0, *, signed: bool = False) -> str:
        """A number with its noun, singular or plural.

        Examples
        --------
        >>> english, french = language_of("en"), language_of("fr")
        >>> english.count("points", 0, 1), french.count("points", 1.5, 1).replace("\u00a0", " ")
        ('0.0 points', '1,5 point')
        """
        shown = round(abs(n), decimals)
        one = shown == 1 or shown < self.singular_below
        text = self.counted[key][0 if one else 1]
        told = text.format(n=self.number(n, decimals, signed=signed))
        return told.replace(" ", _WIDE, 1) if self.spaced else told

    def say(self, key: str, **parts: Any) -> str:
        """A sentence of the language with its parts in place."""
        return self.typeset(self.texts[key].format(**parts))

    def name(self, word: Any) -> str:
        """A column, state or channel as people call it."""
        plain = str(word)
        known = (self.names or {}).get(plain)
        return plain.replace("_", " ") if known is None else known

    def day(self, date: str) -> str:
        """A date such as 2025-01-31 as the language writes it."""
        year, _, rest = str(date)[:10].partition("-")
        month, _, day = rest.partition("-")
        return f"{day}/{month}/{year}" if self.code == "fr" and day else str(date)[:10]

    def listing(self, words: Iterable[str], key: str = "and") -> str:
        """Words as a list: "a, b and c"."""
        found = list(words)
        if len(found) < 2:
            return "".join(found)
        return f"{', '.join(found[:-1])} {self.texts[key]} {found[-1]}"

    def typeset(self, text: str) -> str:
        """The spaces before and after marks as the language wants them."""
        if not self.spaced:
            return text
        text = re.sub(r" (?=:(?:\s|$))|(?<=«) | (?=»)", _WIDE, text)
        return re.sub(r" (?=[;!?%])", _NARROW, text)


def language_of(code: str) -> Language:
    """The language of a code.

    Raises
    ------
    DataError
        There are no sentences in this language.

    Examples
    --------
    >>> language_of("fr").code
    'fr'
    """
    if code not in LANGUAGES:
        raise DataError(f"language is {code!r}; choose one of {', '.join(map(repr, LANGUAGES))}")
    found: Language = import_module(f"graphrec.decisions.sentences.{LANGUAGES[code]}").LANGUAGE
    return found


def _magnitude(number: float) -> int:
    """Power of ten of the first digit."""
    return int(f"{abs(number):e}".rsplit("e", 1)[1])
