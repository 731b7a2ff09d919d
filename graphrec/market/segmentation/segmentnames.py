"""Names, one-line definitions and reasons of segments, made from their profiles.

Hides the rules. The noun says what the segment does in the end and must agree with its figures: buyers buy at least a
fifth more for each look than the base, lookers at most three fifths of it, cart leavers fill carts more than the base,
buy less of them and buy no more for each look. So the segment that buys most is never called an abandoner. The
adjectives are the largest lifts, in units of how much customers truly differ.

Alternative considered: a name for each combination of quantiles. Nobody remembers "high-low-high".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from graphrec.market.segmentation.segmentwords import LANGUAGES, WORDS
from graphrec.market.segmentation.trustworthiness import Curve, who_stays
from graphrec.market.tables import DataError

__all__ = [
    "advise_segment", "define_segments", "kind_of", "name_segments", "show_share", "tell_fleeting", "tell_reason",
    "tell_reliability", "traits_of", "words_of",
]  # fmt: skip

_CLEAR = 0.35
_MOST_TRAITS = 4
_REAL, _HOURS, _POINTS = 0.2, 1.5, 0.05
_SAYS = {"price": "price", "price_in_category": "price", "one_brand": "reach", "one_category": "reach"}
_FIGURES = {
    "beyond_looking": "carts_per_look", "buys_of_steps": "purchases_per_cart",
    "removals_of_unbought": "removals_per_cart",
    "visit_depth": "looks_per_visit", "weekend": "weekend", "one_category": "one_category",
    "returns_to_products": "returns_to_products", "basket": "basket", "hour_cos": "peak_hour", "hour_sin": "peak_hour",
}  # fmt: skip
_OF_HUNDRED = ("carts_per_look", "purchases_per_look", "purchases_per_cart", "removals_per_cart", "weekend",
               "one_category", "one_brand", "returns_to_products")  # fmt: skip


def words_of(language: str) -> Mapping[str, str]:
    """Words of a language."""
    if language not in LANGUAGES:
        raise DataError(f"language is {language!r}; choose one of {', '.join(map(repr, LANGUAGES))}")
    return WORDS[language]


def kind_of(row: Mapping[str, float], base: Mapping[str, float]) -> str:
    """What a segment does in the end: abandoner, buyer, looker or customer.

    Examples
    --------
    >>> base = {"carts_per_look": 0.1, "purchases_per_look": 0.04, "purchases_per_cart": 0.4}
    >>> kind_of({"carts_per_look": 0.3, "purchases_per_look": 0.03, "purchases_per_cart": 0.1}, base)
    'abandoner'
    >>> kind_of({"carts_per_look": 0.3, "purchases_per_look": 0.15, "purchases_per_cart": 0.5}, base)
    'buyer'
    """
    carts, bought, kept = (
        _lift(row, base, name) for name in ("carts_per_look", "purchases_per_look", "purchases_per_cart")
    )
    if carts >= 1.2 and kept <= 0.7 and bought <= 1.0:
        return "abandoner"
    if bought >= 1.2:
        return "buyer"
    return "looker" if bought <= 0.6 else "customer"


def _lift(row: Mapping[str, float], base: Mapping[str, float], name: str) -> float:
    """Ratio to the base; one where there is no base to compare with."""
    value, usual = float(row.get(name, np.nan)), float(base.get(name, np.nan))
    if not np.isfinite(value) or not np.isfinite(usual) or usual <= 0:
        return 1.0
    return value / usual


def traits_of(row: Mapping[str, float], base: Mapping[str, float]) -> list[str]:
    """Keys of the adjectives that hold, the largest lift first."""
    lifts = {str(name)[5:]: float(value) for name, value in row.items() if str(name).startswith("lift_")}
    clock = float(np.hypot(lifts.pop("hour_cos", 0.0), lifts.pop("hour_sin", 0.0)))
    implied = {"abandoner": ("beyond_looking", "buys_of_steps"), "buyer": ("beyond_looking", "buys_of_steps"),
               "looker": ("beyond_looking", "buys_of_steps"), "customer": ()}[kind_of(row, base)]  # fmt: skip
    found = [(abs(v), f"{name}{'+' if v > 0 else '-'}") for name, v in lifts.items() if name not in implied]
    hour = float(row.get("peak_hour", np.nan))
    if np.isfinite(hour) and _hours_apart(hour, float(base.get("peak_hour", hour))) >= _HOURS:
        found.append((clock, ("night", "morning", "afternoon", "evening")[int(hour // 6) % 4]))
    kept: dict[str, str] = {}
    for size, key in sorted(found, reverse=True):
        if size >= _CLEAR:
            kept.setdefault(_SAYS.get(key.rstrip("+-"), key), key)
    return list(kept.values())


def _hours_apart(a: float, b: float) -> float:
    return abs((a - b + 12) % 24 - 12)


def name_segments(profiles: pd.DataFrame, language: str = "en") -> dict[int, str]:
    """A name for each segment, all different; segment 0 (everybody) has none."""
    words, rows = words_of(language), _rows(profiles)
    base = rows.pop(0)
    if len(rows) == 1:
        return dict.fromkeys(rows, words["everyone"])
    names: dict[int, str] = {}
    for many in range(2, _MOST_TRAITS + 1):
        for segment, row in rows.items():
            if many == 2 or list(names.values()).count(names[segment]) > 1:
                names[segment] = _name(kind_of(row, base), traits_of(row, base)[:many], words)
    seen: dict[str, int] = {}
    for segment, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        names[segment] = name if seen[name] == 1 else f"{name} {seen[name]}"
    return names


def _name(kind: str, traits: list[str], words: Mapping[str, str]) -> str:
    noun = words[f"noun.{kind}"]
    told = words["comma"].join(words[f"trait.{key}"] for key in traits)
    text = words["name"].format(noun=noun, traits=told).strip() if told else noun
    return text[0].upper() + text[1:]


def define_segments(profiles: pd.DataFrame, language: str = "en") -> dict[int, str]:
    """One line on each segment: its size, its revenue and its three largest lifts in plain figures."""
    words, rows = words_of(language), _rows(profiles)
    base = rows.pop(0)
    found = {}
    for segment, row in rows.items():
        facts = _facts(row, base, words) or [words["definition.usual"]]
        key = "definition" if row["revenue"] > 0 or base["revenue"] > 0 else "definition.plain"
        found[segment] = words[key].format(
            share=_percent(row["share"], words),
            revenue=_percent(row["share_of_revenue"], words),
            facts=words["semicolon"].join(facts),
        )
    return found


def _facts(row: Mapping[str, float], base: Mapping[str, float], words: Mapping[str, str]) -> list[str]:
    lifts = sorted(
        ((abs(float(v)), str(name)[5:]) for name, v in row.items() if str(name).startswith("lift_")), reverse=True
    )
    told: dict[str, str] = {}
    for size, habit in lifts:
        figure = _FIGURES.get(habit, habit)
        x, b = _plain_figure(row, habit, figure), _plain_figure(base, habit, figure)
        if size >= _CLEAR and figure not in told and _differs(x, b, figure):
            told[figure] = words[f"say.{figure}"].format(x=_shown(x, figure, words), b=_shown(b, figure, words))
        if len(told) == 3:
            break
    return list(told.values())


def _differs(x: float, base: float, figure: str) -> bool:
    """Whether a reader would call the figures different: by a fifth, and of a large share by a fifth of the rest."""
    if not np.isfinite(x) or not np.isfinite(base):
        return False
    if figure == "peak_hour":
        return _hours_apart(x, base) >= _HOURS
    apart = abs(x - base)
    if figure == "price_in_category":  # counted in spreads already, and the base is about zero
        return apart >= _REAL
    rest = figure in _OF_HUNDRED and apart >= _POINTS and apart >= _REAL * (1 - base)
    return apart > 0 and (apart >= _REAL * abs(base) or (base > 0.5 and rest))


def _plain_figure(row: Mapping[str, float], habit: str, figure: str) -> float:
    if figure in row:
        return float(row[figure])
    value = float(row[f"typical_{habit}"])
    return float(np.exp(value)) if habit in ("pace", "price", "irregularity") else value


def _shown(value: float, figure: str, words: Mapping[str, str]) -> str:
    if figure in _OF_HUNDRED:
        return _of_hundred(value, 1 if abs(value) < 0.1 else 0, words)
    return _number(value, 0 if figure == "peak_hour" or abs(value) >= 100 else 1, words)


def _number(value: float, decimals: int, words: Mapping[str, str]) -> str:
    text = f"{value:,.{decimals}f}".replace("-", "−")
    return text.replace(",", "|").replace(".", words["decimal"]).replace("|", words["thousands"])


def _percent(share: float, words: Mapping[str, str]) -> str:
    return show_share(share, words, 0)


def show_share(share: float, words: Mapping[str, str], decimals: int = 0) -> str:
    """A share as a percentage that is 0 % only of nobody and 100 % only of everybody.

    Examples
    --------
    >>> [show_share(x, words_of("en")) for x in (0.0, 0.00001, 0.004, 0.34, 599 / 600, 0.99999, 1.0)]
    ['0 %', '< 0.1 %', '0.4 %', '34 %', '99.8 %', '> 99.9 %', '100 %']
    """
    return words["percent"].format(n=_of_hundred(float(share), decimals, words))


def _of_hundred(share: float, decimals: int, words: Mapping[str, str]) -> str:
    """Of a hundred, with a decimal more where rounding would say none or all."""
    if 0 < share < 1 and round(100 * share, decimals) in (0.0, 100.0):
        if not 0.0005 <= share < 0.9995:
            return f"{'<' if share < 0.5 else '>'} {_number(0.1 if share < 0.5 else 99.9, 1, words)}"
        decimals = 1
    return _number(100 * share, decimals, words)


def advise_segment(row: Mapping[str, float], base: Mapping[str, float], language: str = "en") -> tuple[str, str]:
    """What to do and what not to do for a segment, by what its customers do in the end."""
    words, kind = words_of(language), kind_of(row, base)
    return words[f"do.{kind}"], words[f"dont.{kind}"]


def tell_reliability(curve: Curve, wished: float, segments: int, language: str = "en") -> str:
    """Why this minimum number of events, in a sentence."""
    words = words_of(language)
    if segments == 1:
        return words["curve.one"]
    rows = {int(row["events"]): row for row in curve.table.to_dict("records")}
    if not rows:
        return words["curve.few"].format(n=curve.minimum_events)
    at = max((n for n in rows if n <= curve.minimum_events), default=min(rows))
    row, less = rows[at], [n for n in rows if n < at]
    parts = {name: _percent(row[column], words) for name, column in (("a", "agreement"), ("l", "low"), ("h", "high"))}
    told = words["curve.less"].format(m=max(less), b=_percent(rows[max(less)]["agreement"], words)) if less else ""
    key = "curve.reached" if curve.reached else "curve.short"
    count = _number(float(row["customers"]), 0, words)
    return words[key].format(n=at, c=count, p=_percent(wished, words), less=told, **parts)


def tell_fleeting(migration: pd.DataFrame, names: Mapping[int, str], language: str = "en") -> dict[int, str]:
    """A warning for each segment that most of its customers have left 30 days later; see `who_stays`."""
    words, told = words_of(language), {}
    for row in who_stays(migration).query("fleeting").to_dict("records"):
        to = int(row["goes_to"])
        told[int(row["segment"])] = words["fleeting"].format(
            x=_percent(row["stays"], words), y=_percent(row["goes"], words), n=_number(row["seen"], 0, words),
            to=f"{to} ({names[to]})",
        )  # fmt: skip
    return told


def tell_reason(found: str, segments: int, stability: pd.DataFrame, language: str = "en") -> str:
    """Why this number of segments, in a sentence."""
    words = words_of(language)
    low, high = (_number(float(value), 2, words) for value in (stability["jaccard"].min(), stability["jaccard"].max()))
    return words[f"reason.{found}"].format(k=segments, low=low, high=high)


def _rows(profiles: pd.DataFrame) -> dict[int, dict[str, float]]:
    return {int(row["segment"]): {str(k): v for k, v in row.items()} for row in profiles.to_dict("records")}
