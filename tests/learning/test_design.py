from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from graphrec.learning.design import Design, fit_design
from graphrec.market.tables import DataError


def words(*counted: tuple[str | None, int]) -> pd.DataFrame:
    return pd.DataFrame({"word": pd.Categorical([word for word, count in counted for _ in range(count)])})


@given(nst.arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e6, 1e6).map(lambda x: round(x, 3))))
def test_numbers_are_standardised_whatever_they_are(values):
    frame = pd.DataFrame({"x": values})
    matrix = fit_design(frame, ["x"]).transform(frame).astype(np.float64)
    assert np.isfinite(matrix).all()
    if matrix.shape[1]:
        assert abs(matrix.mean()) < 1e-3 and matrix.std() == pytest.approx(1.0, abs=1e-3)


def test_a_missing_number_becomes_the_median_and_is_flagged():
    frame = pd.DataFrame({"x": [1.0, 2.0, 30.0, np.nan]})
    design = fit_design(frame, ["x"])
    assert design.names == ("x", "x missing") and design.sources == ("x", "x")
    matrix = design.transform(frame)
    assert matrix[:, 1].tolist() == [0, 0, 0, 1]
    assert matrix[3, 0] == matrix[1, 0]
    endless = pd.DataFrame({"x": [np.inf, -np.inf]})
    assert (design.transform(endless) == design.transform(pd.DataFrame({"x": [np.nan, np.nan]}))).all()


def test_a_gap_seen_only_at_scoring_is_the_median_and_finite():
    design = fit_design(pd.DataFrame({"x": [1.0, 2.0, 9.0]}), ["x"])
    assert design.names == ("x",)
    assert design.transform(pd.DataFrame({"x": [np.nan]})) == design.transform(pd.DataFrame({"x": [2.0]}))


def test_heavy_tails_are_taken_as_logarithms_and_debts_never_break_them():
    frame = pd.DataFrame({"money": np.r_[np.zeros(99), 1e6], "score": np.linspace(-1, 1, 100)})
    money, score = fit_design(frame, ["money", "score"]).columns
    assert money.logarithm and not score.logarithm
    below = fit_design(frame, ["money"]).transform(pd.DataFrame({"money": [-5.0, 0.0]}))
    assert below[0] == below[1]


def test_rare_words_share_the_zero_row_and_frequent_ones_have_their_own():
    design = fit_design(words(("a", 40), ("b", 40), ("rare", 3), ("once", 1)), ["word"])
    assert design.names == ("word=a", "word=b")
    found = design.transform(pd.DataFrame({"word": ["a", "b", "rare", "once", "never seen"]}))
    assert found.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0]]


def test_without_rare_words_the_first_one_is_the_reference():
    assert fit_design(words(("a", 40), ("b", 40), ("c", 40)), ["word"]).names == ("word=b", "word=c")


def test_a_missing_word_is_a_word():
    design = fit_design(words(("a", 40), (None, 40)), ["word"])
    assert design.names == ("word=missing",)
    assert design.transform(pd.DataFrame({"word": [None, "a"]})).ravel().tolist() == [1, 0]


@pytest.mark.parametrize("values", [[1.0] * 50, ["same"] * 50, [True] * 50, [np.nan] * 50, [None] * 50])
def test_constant_columns_are_skipped(values):
    frame = pd.DataFrame({"x": values, "y": np.arange(50.0)})
    assert fit_design(frame, ["x", "y"]).names == ("y",)


def test_identifiers_taken_for_words_are_skipped():
    assert fit_design(pd.DataFrame({"id": [f"c{i}" for i in range(500)]}), ["id"]).columns == ()


def test_truth_values_are_numbers():
    frame = pd.DataFrame({"x": [True, False, True, False]})
    assert fit_design(frame, ["x"]).transform(frame).ravel().tolist() == [1, -1, 1, -1]


def test_the_design_survives_json_and_gives_the_same_bytes():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "count": rng.poisson(0.2, 200) ** 6.0,
            "gap": np.where(rng.random(200) < 0.2, np.nan, rng.normal(size=200)),
            "word": pd.Categorical(rng.choice(["a", "b", "c"], 200)),
        }
    )
    design = fit_design(frame, ["count", "gap", "word"])
    again = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    assert again == design
    assert again.transform(frame).tobytes() == design.transform(frame).tobytes()


@given(st.permutations(range(12)))
def test_rows_are_transformed_one_by_one(order):
    frame = pd.DataFrame({"x": np.arange(12.0) ** 3, "w": list("aabbccddeeff")})
    design = fit_design(frame, ["x", "w"])
    whole = design.transform(frame)
    assert (design.transform(frame.iloc[list(order)]) == whole[list(order)]).all()


def test_a_missing_column_is_named_with_what_to_do():
    design = fit_design(pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]}), ["x", "y"])
    with pytest.raises(DataError, match=r"lacks the column 'y'.*add it"):
        design.transform(pd.DataFrame({"x": [1.0]}))
    with pytest.raises(DataError, match="lacks the column 'z'"):
        fit_design(pd.DataFrame({"x": [1.0]}), ["x", "z"])


def test_words_where_numbers_were_are_refused_without_repeating_them():
    design = fit_design(pd.DataFrame({"x": [1.0, 2.0]}), ["x"])
    with pytest.raises(DataError, match="'x' held numbers") as caught:
        design.transform(pd.DataFrame({"x": ["Mrs Smith"]}))
    assert "Smith" not in str(caught.value)


def test_no_columns_and_no_rows_keep_their_shape():
    design = fit_design(pd.DataFrame({"x": [1.0, 2.0]}), ["x"])
    assert design.transform(pd.DataFrame({"x": np.zeros(0)})).shape == (0, 1)
    assert Design(()).transform(pd.DataFrame({"x": [1.0]})).shape == (1, 0)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_number_beyond_those_seen_counts_as_the_nearest_of_them(low, high):
    design = fit_design(pd.DataFrame({"x": [1.0, 2.0, 4.0]}), ["x"])
    ends = design.transform(pd.DataFrame({"x": [1.0, 4.0]}))[:, 0]
    found = design.transform(pd.DataFrame({"x": [low, high]}))[:, 0]
    assert (found >= ends[0]).all() and (found <= ends[1]).all()
    assert design.transform(pd.DataFrame({"x": [99.0, -99.0]}))[:, 0].tolist() == [ends[1], ends[0]]
