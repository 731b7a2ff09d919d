"""Units of measure: which go together, and by which factor.

Hides the table of units. A general library of units was considered and rejected: a few dozen words of time, money,
shares and counts are all that columns of customers use, and a word that is not known must stay a word, not an error.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from ontology.axioms import OntologyError, VariableClass

__all__ = ["check_unit", "compare_units", "unit_of_word"]

_DAY: Final = 1.0
_TIME: Final = {
    "second": _DAY / 86_400, "minute": _DAY / 1_440, "hour": _DAY / 24, "day": _DAY, "week": 7.0, "month": 365.25 / 12,
    "quarter": 365.25 / 4, "year": 365.25,
}  # fmt: skip
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "second": ("second", "seconds", "sec", "secs", "secondes"),
    "minute": ("minute", "minutes", "mins"),
    "hour": ("hour", "hours", "hrs", "heures"),
    "day": ("day", "days", "jour", "jours", "jrs"),
    "week": ("week", "weeks", "wk", "wks", "semaine", "semaines"),
    "month": ("month", "months", "mth", "mths", "mois"),
    "quarter": ("quarter", "quarters", "trimestre", "trimestres"),
    "year": ("year", "years", "yr", "yrs", "an", "ans", "annee", "annees"),
    "currency": ("currency", "eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "chf", "keur", "€", "$"),
    "share": ("share", "percent", "per cent", "pct", "percentage", "pourcentage", "%", "ratio", "share of the price"),
}  # fmt: skip
_UNITS: Final = {word: unit for unit, words in _WORDS.items() for word in words}
_MONEY: Final = {"currency": 1.0}


def unit_of_word(word: str) -> str:
    """Return the unit that a word stands for, the empty text for a word that is none.

    Examples
    --------
    >>> unit_of_word("mois"), unit_of_word("Années"), unit_of_word("EUR"), unit_of_word("blue")
    ('month', 'year', 'currency', '')
    """
    bare = unicodedata.normalize("NFKD", word.casefold()).encode("ascii", "ignore").decode().strip() or word.strip()
    return _UNITS.get(bare, "")


def compare_units(stated: str, expected: str) -> float | None:
    """Return the factor that turns one unit into another, ``None`` where they measure different things.

    Parameters
    ----------
    stated, expected : str
        Units as people write them. Words that are not known go only with themselves. An amount "per" something is
        of the same kind as the amount, at an unknown factor, which is given as 1.

    Examples
    --------
    >>> compare_units("weeks", "days"), compare_units("euros", "currency per year"), compare_units("euros", "days")
    (7.0, 1.0, None)
    """
    one, two = (_first_unit(text) for text in (stated, expected))
    if one in _TIME and two in _TIME:
        return _TIME[one] / _TIME[two]
    return 1.0 if one == two else None


def check_unit(column: str, unit: str, known: VariableClass) -> str:
    """Return a sentence on how a column is to be read, empty where its unit is the one of its class.

    Parameters
    ----------
    column, unit : str
        The column and the unit that its owner states.
    known : VariableClass
        Its class.

    Raises
    ------
    OntologyError
        When the two units measure different things.
    """
    if not unit or not known.unit:
        return ""
    factor = compare_units(unit, known.unit)
    if factor is None:
        raise OntologyError(
            f"column {column!r} is stated in {unit}, but its class {known.name} is measured in {known.unit} "
            f"({known.where}). Correct the unit or the class."
        )
    return "" if factor == 1.0 else f"{column} is in {unit}; multiply by {factor:g} for {known.unit}"


def _first_unit(text: str) -> str:
    words = " ".join(text.split()).split(" per ")[0]
    return unit_of_word(text) or unit_of_word(words) or words.casefold()
