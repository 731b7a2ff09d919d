from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import CausalGraph, discover
from causal.search.edgeprobability import CURVES, edge_probability


def table(*shares):
    """The symmetric shares of as many pairs as are given, each between two columns of its own."""
    found = np.zeros((2 * len(shares), 2 * len(shares)))
    for place, share in enumerate(shares):
        found[2 * place, 2 * place + 1] = found[2 * place + 1, 2 * place] = share
    return found


def of_pairs(found):
    return np.array([found[place, place + 1] for place in range(0, len(found), 2)])


@given(st.sampled_from(sorted(CURVES)), st.integers(1, 60))
def test_more_votes_are_never_less_probable_and_no_share_is_certain(method, runs):
    found = of_pairs(edge_probability(table(*np.arange(runs + 1) / runs), runs, method))
    assert (np.diff(found) > 0).all()
    assert 0.0 < found[0] < 0.5 < found[-1] < 1.0


def test_fewer_runs_are_believed_less():
    few, many = (edge_probability(table(1.0), runs, "boss")[0, 1] for runs in (5, 100))
    assert few < many


def test_where_many_pairs_are_in_doubt_each_is_more_probable():
    lonely = edge_probability(table(0.4, *[0.0] * 9), 100, "boss")[0, 1]
    crowded = edge_probability(table(*[0.4] * 10), 100, "boss")[0, 1]
    assert lonely < crowded


def test_a_search_without_a_curve_keeps_its_shares():
    shares = table(0.0, 0.3, 1.0)
    assert edge_probability(shares, 100, "fci") == pytest.approx(shares)


@pytest.fixture(scope="module")
def graph():
    rng = np.random.default_rng(3)
    draw = rng.normal(size=(4, 300))
    frame = pd.DataFrame({"a": draw[0], "b": draw[1], "c": 0.17 * draw[0] + draw[1] + draw[2], "d": draw[3]})
    return discover(frame, method="boss", bootstraps=40, rng=0)


def test_discovery_gives_both_and_files_keep_them(graph):
    runs = len(graph.bootstraps)
    assert any(0.05 < said["share"] < 0.95 for said in graph.confidence.values())
    shares = np.zeros((4, 4))
    for (a, b), said in graph.confidence.items():
        shares["abcd".index(a), "abcd".index(b)] = said["share"]
    expected = edge_probability(shares, runs, "boss")
    for (a, b), said in graph.confidence.items():
        assert said["edge"] == pytest.approx(expected["abcd".index(a), "abcd".index(b)], abs=1e-5)
    assert CausalGraph.from_json(graph.to_json()).confidence == graph.confidence
