"""Names say what the profile says: who buys most is no cart leaver, and each name is one segment's only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.market.segmentation.segmentnames import define_segments, kind_of, name_segments, traits_of, words_of
from graphrec.market.segmentation.segmentwords import WORDS
from graphrec.market.tables import DataError
from graphrec.report.segmentlabels import LABELS

SHARES = st.floats(0.0, 1.0)


def _row(carts: float, buys: float) -> dict[str, float]:
    return {"carts_per_look": carts, "purchases_per_cart": buys, "purchases_per_look": carts * buys}


@given(st.lists(st.tuples(SHARES, SHARES, st.floats(0.05, 1.0)), min_size=2, max_size=8))
def test_who_buys_most_is_never_called_a_cart_leaver_or_a_looker(segments: list[tuple[float, float, float]]) -> None:
    size = np.array([s[2] for s in segments])
    carts = np.array([s[0] for s in segments])
    bought = np.array([s[0] * s[1] for s in segments])
    base = {"carts_per_look": float(size @ carts / size.sum()), "purchases_per_look": float(size @ bought / size.sum())}
    base["purchases_per_cart"] = base["purchases_per_look"] / base["carts_per_look"] if base["carts_per_look"] else 0.0
    kinds = [kind_of(_row(*s[:2]), base) for s in segments]
    most = int(bought.argmax())
    if bought[most] > base["purchases_per_look"] * (1 + 1e-9):
        assert kinds[most] not in ("abandoner", "looker")
    for kind, (cart, _, _), buy in zip(kinds, segments, bought):
        if kind == "abandoner":
            assert cart > base["carts_per_look"] and buy <= base["purchases_per_look"] * (1 + 1e-9)
        if kind == "buyer":
            assert buy > base["purchases_per_look"]


def test_the_planted_kinds_get_the_nouns_that_they_deserve(planted: Any) -> None:
    label = planted.found.customers["likeliest"].to_numpy(np.int64)
    noun = {}
    for kind in range(4):
        segment = int(np.bincount(label[planted.truth == kind]).argmax())
        noun[kind] = planted.found.names[segment].lower()
    assert noun[0].endswith("lookers") and noun[1].endswith("buyers") and noun[2].endswith("cart leavers")
    assert "premium" in noun[1] or "evening" in noun[1]
    assert "bargain" in noun[3] or "low-price" in noun[3] or "morning" in noun[3]


def test_every_adjective_holds_in_the_profile(planted: Any) -> None:
    rows = planted.found.profiles.set_index("segment").to_dict("index")
    base = rows.pop(0)
    for row in rows.values():
        for trait in traits_of(row, base):
            if trait[-1] in "+-":
                assert row[f"lift_{trait[:-1]}"] * (1 if trait.endswith("+") else -1) >= 0.35


@pytest.mark.parametrize("language", ["en", "fr"])
def test_names_are_different_and_definitions_have_figures(planted: Any, language: str) -> None:
    names = name_segments(planted.found.profiles, language)
    told = define_segments(planted.found.profiles, language)
    assert len(set(names.values())) == len(names) == planted.found.size
    assert all(any(letter.isdigit() for letter in text) and "{" not in text for text in told.values())


def test_languages_have_the_same_keys_and_others_are_refused() -> None:
    assert WORDS["en"].keys() == WORDS["fr"].keys()
    # Reasons are English in the table of habits, so only the French page has words for them.
    assert LABELS["en"].keys() <= LABELS["fr"].keys()
    with pytest.raises(DataError, match="language is 'de'"):
        words_of("de")


def test_equal_profiles_get_numbered_names() -> None:
    row = {"carts_per_look": 0.1, "purchases_per_look": 0.05, "purchases_per_cart": 0.5, "peak_hour": 12.0}
    profiles = pd.DataFrame([{"segment": i, **row} for i in range(3)])
    assert list(name_segments(profiles).values()) == ["Customers", "Customers 2"]


@pytest.mark.parametrize(
    ("figure", "habit", "here", "every", "said"),
    [
        ("one_category", "one_category", 0.17, 0.19, False), ("one_category", "one_category", 0.23, 0.19, True),
        ("weekend", "weekend", 0.95, 0.85, True), ("weekend", "weekend", 0.99, 0.98, False),
        ("peak_hour", "hour_sin", 8.0, 9.0, False), ("peak_hour", "hour_sin", 23.0, 1.0, True),
    ],
)  # fmt: skip
def test_a_definition_says_only_what_distinguishes(
    figure: str, habit: str, here: float, every: float, said: bool
) -> None:
    shares = {"share": 1.0, "share_of_revenue": 1.0, "revenue": 1.0}
    rows = [{"segment": 0, figure: every, f"lift_{habit}": 0.0}, {"segment": 1, figure: here, f"lift_{habit}": 0.9}]
    told = define_segments(pd.DataFrame([row | shares for row in rows]))[1]
    assert ("no habit stands out" in told) is not said
