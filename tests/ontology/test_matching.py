"""Columns of unknown tables: what is proposed is right, and what says nothing stays without a class."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.columns import FRENCH, TRUTH, french_table, public_tables
from ontology import Ontology, OntologyError, load_ontology
from ontology.axioms import Declaration

KNOWN = load_ontology()
SHIPPED = Path(__file__).parents[2] / "data"


def test_the_columns_of_the_shipped_tables_are_matched() -> None:
    right = asked = 0
    for name, table, frame in public_tables(SHIPPED, Path("nowhere"), rows=2_000):
        for column, match in KNOWN.match(frame).items():
            asked += 1
            right += match.class_name == TRUTH[name][column]
            assert match.class_name in ("", TRUTH[name][column]), (table, column, match)
    assert asked > 30 and right >= 0.85 * asked


@pytest.mark.parametrize("values", [True, False])
def test_a_french_table_is_matched_without_a_wrong_class(values: bool) -> None:
    frame = french_table() if values else french_table().iloc[:0]
    found = KNOWN.match(frame)
    assert all(m.class_name in ("", FRENCH[c]) for c, m in found.items())
    named = [column for column, name in FRENCH.items() if name]
    assert sum(bool(found[column].class_name) for column in named) >= 0.8 * len(named)
    assert {column for column, name in FRENCH.items() if not name} <= set(found.unmatched)


@given(st.from_regex(r"\A(x|v|var|col|feature|f|PC|q|attr)_?[0-9]{1,4}\Z"))
def test_an_opaque_name_stays_unmatched_and_says_so(name: str) -> None:
    match = KNOWN.match([name])[name]
    assert match.class_name == "" and match.score == 0.0 and "no word of the name is known" in match.reasons[0]


def test_an_opaque_name_with_typical_values_is_a_candidate_only() -> None:
    frame = pd.DataFrame({"x1": ["married", "single", "divorced"] * 20})
    match = KNOWN.match(frame)["x1"]
    assert match.class_name == "" and match.candidates[0].class_name == "MaritalStatus"


def test_each_proposal_has_its_reasons_and_every_column_is_listed() -> None:
    frame = pd.DataFrame({"tenure_months": [3, 60, 12], "zz": [1, 2, 3]})
    found = KNOWN.match(frame)
    assert list(found) == ["tenure_months", "zz"] and found.roles == {"tenure_months": "Tenure"}
    assert any("in months, where the class is in days" in reason for reason in found["tenure_months"].reasons)
    assert found.unmatched == ["zz"]
    assert list(found.to_frame().columns) == ["column", "class_name", "score", "candidates", "reasons"]
    assert (
        found.to_toml().startswith('[roles]\ntenure_months = "Tenure"  # ')
        and "# zz: no class is near" in found.to_toml()
    )


def test_values_speak_against_a_name() -> None:
    assert KNOWN.match(pd.DataFrame({"age": [25, 60, 71, 18, 33, 44]})).roles == {"age": "Age"}
    told = KNOWN.match(pd.DataFrame({"age": ["no idea", "whatever you like", "blue"] * 9}))["age"]
    assert told.class_name == "" and told.reasons[0] == "the name says Age, which the values contradict"


def test_the_values_decide_between_two_meanings_of_a_name() -> None:
    bought = pd.DataFrame({"channel": ["Web", "Phone", "Multichannel"] * 9})
    sent = pd.DataFrame({"channel": ["e-mail", "sms", "telephone"] * 9})
    assert KNOWN.match(bought).roles == {"channel": "PreferredChannel"}
    assert KNOWN.match(sent).roles == {"channel": "Channel"}
    assert KNOWN.match(["channel"]).unmatched == ["channel"]


def test_two_columns_that_want_one_class_are_told_apart_or_asked_about() -> None:
    found = KNOWN.match(["income", "income_of_household", "revenu"])
    assert "income" not in found.roles or "revenu" not in found.roles
    assert any("a table has one Income" in reason for reason in found["revenu"].reasons)
    assert KNOWN.match(["price", "unit_price"]).roles == {"price": "Price", "unit_price": "Price"}


def test_the_threshold_is_kept_and_checked() -> None:
    sure = KNOWN.match(list(FRENCH), threshold=0.95).roles
    assert set(sure) < set(KNOWN.match(list(FRENCH)).roles)
    for wrong in (0.0, 1.5):
        with pytest.raises(OntologyError, match="threshold"):
            KNOWN.match(["age"], threshold=wrong)


def test_bad_tables_are_refused() -> None:
    with pytest.raises(OntologyError, match="two columns are called 'age'"):
        KNOWN.match(pd.DataFrame(np.zeros((2, 2)), columns=["age", "age"]))
    with pytest.raises(OntologyError, match="give a table or a list"):
        KNOWN.match("age")
    assert len(KNOWN.match([])) == 0
    empty = pd.DataFrame({"age": pd.Series([None, None], dtype=object)})
    assert KNOWN.match(empty).roles == {"age": "Age"}


@settings(max_examples=20)
@given(st.permutations(list(FRENCH)[:12]))
def test_the_order_of_columns_does_not_matter(names: list[str]) -> None:
    assert KNOWN.match(names).roles == KNOWN.match(sorted(names)).roles


def test_the_names_of_an_ontology_of_your_own_are_found() -> None:
    own = Ontology([Declaration("Zorglub", (), {"label": "Zorglub", "synonyms": ("nb de bulgroz",)})])
    assert own.match(["bulgroz_nb", "other"]).roles == {"bulgroz_nb": "Zorglub"}
