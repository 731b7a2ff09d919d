from __future__ import annotations

import sys
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.knowledge import Knowledge
from causal.search.meek import compile_rules
from causal.search.orientation import Pattern
from causal.search.stability import Frequencies, agree, count_edges

NAMES = tuple("abcde")


@st.composite
def frequencies(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pointing = np.triu(rng.random((5, 5)), 1)
    pointing = pointing + np.triu(1 - pointing, 1).T
    return Frequencies(1.0 - np.eye(5), pointing * (1 - np.eye(5)), 10)


@settings(max_examples=100, deadline=None)
@given(frequencies())
def test_the_consensus_is_nearly_the_heaviest_order(found):
    rules = compile_rules(Knowledge(), NAMES)
    start = Pattern.from_adjacency(np.zeros((5, 5), dtype=bool))
    agreed = agree(found, start, rules)
    weight = (agreed.directed * found.pointing).sum()
    best = max(
        sum(found.pointing[a, b] for i, a in enumerate(order) for b in order[i + 1 :])
        for order in permutations(range(5))
    )
    assert not agreed.undirected.any()
    assert not np.diag(agreed.paths).any()
    assert weight >= 0.9 * best


def test_knowledge_outweighs_any_frequency_and_rare_edges_are_left_out():
    adjacent = np.zeros((5, 5))
    pointing = np.zeros((5, 5))
    for a, b, share in ((0, 1, 1.0), (1, 2, 0.4), (3, 4, 0.8)):
        adjacent[a, b] = adjacent[b, a] = pointing[a, b] = share
    known = Knowledge(forbidden={("a", "b"), ("d", "e"), ("e", "d")}, required={("c", "e")})
    start = Pattern.from_adjacency(np.zeros((5, 5), dtype=bool))
    agreed = agree(Frequencies(adjacent, pointing, 10), start, compile_rules(known, NAMES))
    assert [(NAMES[a], NAMES[b]) for a, b in np.argwhere(agreed.directed)] == [("b", "a"), ("c", "e")]
    assert np.argwhere(np.triu(agreed.bidirected)).tolist() == [[3, 4]]


def test_a_cycle_forced_by_knowledge_ends_as_a_latent_cause():
    adjacent = np.zeros((5, 5))
    for a, b, share in ((0, 1, 1.0), (1, 2, 0.9), (0, 2, 0.6)):
        adjacent[a, b] = adjacent[b, a] = share
    known = Knowledge(forbidden={("b", "a"), ("c", "b"), ("a", "c")})
    start = Pattern.from_adjacency(np.zeros((5, 5), dtype=bool))
    agreed = agree(Frequencies(adjacent, adjacent, 10), start, compile_rules(known, NAMES))
    assert np.argwhere(agreed.directed).tolist() == [[0, 1], [1, 2]]
    assert agreed.conflicts == [(2, 0)]


def test_bootstraps_draw_whole_clusters_and_keep_the_weights():
    clusters = np.array([0, 0, 1, 2, 2, 2])
    weights = np.arange(1.0, 7.0)
    seen = []

    def search(drawn):
        seen.append(drawn / weights)
        return Pattern.from_adjacency(np.zeros((5, 5), dtype=bool))

    count_edges(search, weights, clusters, 50, np.random.default_rng(0))
    counts = np.array(seen)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 3] == counts[:, 5]).all()
    assert counts[:, [0, 2, 3]].sum(axis=1) == pytest.approx(np.full(50, 3.0))
    assert len(np.unique(counts, axis=0)) > 5


def drawn_graph(drawn):
    """A graph that depends on the weights drawn."""
    present = np.outer(drawn[:5], drawn[:5]) > 1.0
    return Pattern.from_adjacency(present & ~np.eye(5, dtype=bool))


def test_threads_change_nothing():
    runs = [
        count_edges(drawn_graph, np.ones(50), None, 30, np.random.default_rng(1), workers=workers) for workers in (1, 2)
    ]
    assert np.array_equal(runs[0].adjacent, runs[1].adjacent)
    assert 0.0 < runs[0].adjacent.mean() < 1.0


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(capsys, monkeypatch):
    count_edges(drawn_graph, np.ones(50), None, 20, np.random.default_rng(1), progress=True)
    assert capsys.readouterr().err.splitlines() == ["discover: 10 of 20 bootstraps", "discover: 20 of 20 bootstraps"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    count_edges(drawn_graph, np.ones(50), None, 2, np.random.default_rng(1), progress=True)
    said = capsys.readouterr().err
    assert said.count("\r") == 2
    assert said.endswith("[##############################] 2 of 2 bootstraps\n")
