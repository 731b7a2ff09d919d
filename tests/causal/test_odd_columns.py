"""Columns that no model likes: each is refused by name or handled and named."""

from __future__ import annotations

from decimal import Decimal

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from causal import discover
from causal.encoding import FrameError, fit_encoding, is_discrete, level_codes, numeric_values


def numbers(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(n, d)), columns=[f"x{i}" for i in range(d)])


def found(frame, **options):
    graph = discover(frame, method="pc", bootstraps=2, rng=0, **options)
    return graph, {note.kind: note for note in graph.notes}


def test_more_columns_than_rows_are_said_to_prove_little():
    frame = numbers(30, 40)
    graph, notes = found(frame)
    assert "30 effective rows for 40 columns" in notes["sample"].sentence
    assert "determined" not in notes
    assert nx.is_directed_acyclic_graph(nx.DiGraph(list(graph.edges)))
    categories = pd.DataFrame(np.where(frame > 0, "high", "low"), columns=frame.columns)
    assert "sample" in found(categories)[1]


def test_a_column_of_ids_is_merged_and_named():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"id": [f"c{i}" for i in range(600)], "a": rng.random(600) < 0.5})
    frame["b"] = frame["a"] ^ (rng.random(600) < 0.1)
    graph, notes = found(frame)
    assert notes["levels"].columns == ("id",)
    assert {frozenset(pair) for pair in graph.undirected_edges} == {frozenset("ab")}


def test_columns_of_any_dtype_say_the_same():
    rng = np.random.default_rng(2)
    level = rng.integers(0, 3, 500)
    other = np.where(rng.random(500) < 0.7, level, rng.integers(0, 3, 500))
    text = pd.Series(level).map({0: "a", 1: "b", 2: "c"})
    columns = [
        text,
        text.astype("category"),
        text.astype("string"),
        pd.Series(pd.Categorical(text, categories=["unused", "c", "b", "a"])),
        pd.Series(list(level), dtype=object),
    ]
    graphs = [found(pd.DataFrame({"x": x, "y": pd.Series(other).astype(str)}))[0] for x in columns]
    assert all(graph.undirected_edges == {("x", "y")} for graph in graphs)
    assert len({graph.confidence[("x", "y")]["edge"] for graph in graphs}) == 1


def test_gaps_in_a_category_are_a_level_and_those_of_nullable_numbers_are_gaps():
    codes, levels = level_codes(pd.Series(["b", None, "a", np.nan, "b"], dtype=object))
    assert levels == ["(missing)", "a", "b"]
    assert codes.tolist() == [2, 0, 1, 0, 2]
    frame = numbers(200, 2)
    frame["x2"] = pd.array([None, 1, 2, 3] * 50, dtype="Int64")
    assert found(frame)[1]["missing"].columns == ("x2",)


def test_a_column_with_one_level_or_one_number_and_gaps_stays_alone():
    frame = numbers(200, 2).assign(same=["x"] * 200, once=[1.0, np.nan] * 100)
    graph, notes = found(frame)
    assert [note.columns for note in graph.notes if note.kind == "constant"] == [("same",), ("once",)]
    assert not graph.edges | graph.undirected_edges
    assert "missing" not in notes


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([[1], [2]] * 50, "'bad' holds values that cannot be told apart"),
        (np.full(100, None), "'bad' has no value"),
        (np.r_[-np.inf, np.arange(99.0)], "'bad' holds infinite"),
        (pd.timedelta_range("1D", periods=100), "'bad' is a date"),
        (np.arange(100) * 1j, "'bad' is complex"),
    ],
)
def test_columns_that_cannot_be_read_are_refused_by_name(column, message):
    frame = numbers(100, 2)
    frame["bad"] = pd.Series(list(column) if isinstance(column, list) else column)
    with pytest.raises(FrameError, match=message):
        discover(frame, bootstraps=0)


def test_decimals_of_a_database_are_numbers():
    frame = numbers(400, 2)
    frame["x2"] = frame["x0"] + 0.5 * frame["x1"]
    gap = np.arange(400) % 40 == 0
    objects = frame.assign(x0=[None if none else Decimal(repr(float(x))) for none, x in zip(gap, frame["x0"])])
    plain = frame.assign(x0=frame["x0"].where(~gap))
    assert objects["x0"].dtype == object
    np.testing.assert_array_equal(numeric_values(objects["x0"], gaps=True), plain["x0"])
    assert not is_discrete(objects["x0"])
    assert is_discrete(pd.Series([1, "one", None], dtype=object))
    assert is_discrete(pd.Series([True, False, None], dtype=object))
    one, other = found(objects)[0], found(plain)[0]
    assert (one.edges, one.undirected_edges) == (other.edges, other.undirected_edges)
    x = fit_encoding(objects, ["x0"])
    np.testing.assert_array_equal(x.transform(objects), fit_encoding(plain, ["x0"]).transform(plain))


def test_gaps_of_any_kind_among_numbers_of_dtype_object_are_gaps():
    for gap in (None, np.nan, pd.NA):
        encoding = fit_encoding(pd.DataFrame({"c": pd.Series([1, 2, gap], dtype=object)}), ["c"])
        assert encoding.codes[0].levels is None and encoding.codes[0].fill == 1.5
    assert np.isnan(numeric_values(pd.Series([None, None], dtype=object, name="c"), gaps=True)).all()
    with pytest.raises(FrameError, match="cannot be read"):
        numeric_values(pd.Series([10**400, 1], dtype=object, name="c"))
