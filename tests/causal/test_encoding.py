"""Columns of every kind as numbers, and the errors that name what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal.encoding import FrameError, fit_encoding


def test_the_most_frequent_level_is_the_reference_and_gaps_are_a_level():
    frame = pd.DataFrame({"shop": ["b", "a", "b", None]})
    encoding = fit_encoding(frame, ["shop"])
    assert encoding.names == ("shop=(missing)", "shop=a")
    assert encoding.transform(frame).tolist() == [[0, 0], [0, 1], [0, 0], [1, 0]]


def test_a_level_unseen_at_fitting_is_an_error_and_not_a_zero():
    encoding = fit_encoding(pd.DataFrame({"shop": ["a", "b"]}), ["shop"])
    with pytest.raises(FrameError, match="unseen at fitting: \\['c'\\]"):
        encoding.transform(pd.DataFrame({"shop": ["c"]}))


def test_many_levels_are_merged_and_said():
    frame = pd.DataFrame({"postcode": [f"p{i % 80}" for i in range(400)] + ["p0"] * 10})
    encoding = fit_encoding(frame, ["postcode"])
    assert len(encoding.names) == 49 and encoding.codes[0].levels[0] == "p0"
    assert "'postcode' has many levels" in encoding.notes[0]
    assert encoding.transform(pd.DataFrame({"postcode": ["never seen"]})).sum() == 1


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([True, None, False], dtype="boolean"),
        np.array([1.0, np.nan, 3.0]),
    ],
)
def test_gaps_of_numbers_become_the_median_and_a_flag(values):
    x = fit_encoding(pd.DataFrame({"x": values}), ["x"]).transform(pd.DataFrame({"x": values}))
    assert np.isfinite(x).all() and x[:, 1].tolist() == [0, 1, 0]
    assert x[1, 0] == np.median(x[[0, 2], 0])


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=30).filter(any), st.randoms())
def test_permuting_rows_permutes_the_matrix(levels, random):
    frame = pd.DataFrame({"x": pd.Series(levels, dtype=object)})
    order = list(range(len(frame)))
    random.shuffle(order)
    encoding = fit_encoding(frame, ["x"])
    np.testing.assert_array_equal(encoding.transform(frame.iloc[order]), encoding.transform(frame)[order])
    assert encoding == fit_encoding(frame.iloc[order], ["x"])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"y": [1.0]}), "unknown column 'x'"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "twice"),
        (pd.DataFrame({"x": [np.inf, 1.0]}), "infinite"),
        (pd.DataFrame({"x": [np.nan, np.nan]}), "no value at all"),
        (pd.DataFrame({"x": pd.to_datetime(["2020-01-01"])}), "is a date"),
        ([1, 2], "DataFrame is needed"),
    ],
)
def test_a_column_that_cannot_be_encoded_is_named(frame, message):
    with pytest.raises(FrameError, match=message):
        fit_encoding(frame, ["x"])
