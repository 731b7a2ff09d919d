from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import CausalGraph, discover
from causal.graph import GraphError
from causal.graphs.resamples import Resamples, pack_resamples


def marks(width, seed):
    """Directed, undirected and bidirected matrices that share no pair."""
    kind = np.triu(np.random.default_rng(seed).integers(0, 5, (width, width)), 1)
    undirected, bidirected = kind == 3, kind == 4
    directed = (kind == 1) | (kind == 2).T
    return SimpleNamespace(
        directed=directed, undirected=undirected | undirected.T, bidirected=bidirected | bidirected.T
    )


@given(st.integers(1, 9), st.integers(0, 6), st.integers(0, 2**31))
def test_packing_loses_nothing(width, runs, seed):
    patterns = [marks(width, seed + i) for i in range(runs)]
    packed = pack_resamples(patterns)
    assert len(packed) == runs
    for pattern, (steps, latent) in zip(patterns, packed.matrices(), strict=True):
        assert (steps & ~steps.T == pattern.directed).all()
        assert (steps & steps.T == pattern.undirected).all()
        assert (latent == pattern.bidirected).all()
    assert Resamples.from_text(packed.width, packed.runs, packed.to_text()) == packed


@pytest.mark.parametrize("text", ["?", "AAAA", ""])
def test_damage_is_named(text):
    with pytest.raises(ValueError, match=r"damaged|need"):
        Resamples.from_text(3, 2, text)


@pytest.fixture(scope="module")
def found():
    draw = np.random.default_rng(0).normal(size=(3, 400))
    frame = pd.DataFrame({"a": draw[0], "b": draw[0] + draw[1], "c": draw[0] + draw[1] + 0.1 * draw[2]})
    return discover(frame, bootstraps=7, rng=0)


def test_discovery_keeps_the_graphs_that_its_shares_count(found):
    assert len(found.bootstraps) == 7
    adjacent = [steps | steps.T | latent for steps, latent in found.bootstraps.matrices()]
    share = np.mean(adjacent, axis=0)
    for (a, b), said in found.confidence.items():
        assert said["share"] == pytest.approx(share[found.nodes.index(a), found.nodes.index(b)], abs=1e-6)


def test_json_and_copies_carry_them_unless_told_not_to(found):
    assert CausalGraph.from_json(found.to_json()).bootstraps == found.bootstraps
    assert copy.deepcopy(found).bootstraps == found.bootstraps
    bare = CausalGraph.from_json(found.to_json(bootstraps=False))
    assert bare.bootstraps is None and bare.edges == found.edges


def test_a_graph_refuses_bootstraps_of_other_nodes_and_a_damaged_file(found):
    with pytest.raises(GraphError, match="bootstrap graphs have 3"):
        CausalGraph(["a", "b"], bootstraps=found.bootstraps)
    wrong = replace(found.bootstraps, width=0, runs=0, bits=b"")
    text = found.to_json().replace(found.bootstraps.to_text(), wrong.to_text())
    with pytest.raises(GraphError, match="damaged"):
        CausalGraph.from_json(text)
