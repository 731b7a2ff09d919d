from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import CausalGraph, discover
from causal.search.calibration import CURVES, edge_probability


@given(st.sampled_from(sorted(CURVES)), st.integers(1, 200))
def test_more_votes_are_never_less_probable_and_no_share_is_certain(method, runs):
    found = edge_probability(np.arange(runs + 1) / runs, runs, method)
    assert (np.diff(found) > 0).all()
    assert 0.0 < found[0] < 0.5 < found[-1] < 1.0


def test_fewer_runs_are_believed_less():
    few, many = (float(edge_probability(np.array([1.0]), runs, "boss")[0]) for runs in (5, 100))
    assert few < many


def test_a_search_without_a_curve_keeps_its_shares():
    shares = np.array([0.0, 0.3, 1.0])
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
    for said in graph.confidence.values():
        assert said["edge"] == pytest.approx(
            float(edge_probability(np.array([said["share"]]), runs, "boss")[0]), abs=1e-6
        )
    assert CausalGraph.from_json(graph.to_json()).confidence == graph.confidence
