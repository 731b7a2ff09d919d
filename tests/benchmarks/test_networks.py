from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from causal.knowledge import Knowledge

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.calibration import reliability
from benchmarks.graphsearch.distances import ARROW, LINE, compare, pattern_marks
from benchmarks.graphsearch.networks import draw_knowledge, draw_linear, draw_mixed, spoil, true_pattern

NAMES = tuple("abcde")


def colliders(edges):
    into = {(a, b, c) for (a, c), (b, d) in product(edges, edges) if c == d and a < b}
    return {(a, b, c) for a, b, c in into if (a, b) not in edges and (b, a) not in edges}


def members(edges, knowledge):
    """Every DAG with the same adjacencies and colliders that keeps the knowledge."""
    pairs = sorted(edges)
    for turned in product([False, True], repeat=len(pairs)):
        found = {pair[::-1] if turn else pair for pair, turn in zip(pairs, turned)}
        keeps = not any(knowledge.forbids(*pair) for pair in found)
        if keeps and colliders(found) == colliders(edges) and nx.is_directed_acyclic_graph(nx.DiGraph(list(found))):
            yield found


@pytest.mark.parametrize("seed", range(20))
def test_the_best_answer_is_what_all_members_of_the_class_share(seed):
    rng = np.random.default_rng(seed)
    present = np.triu(rng.random((5, 5)) < 0.6, 1)
    edges = {(NAMES[a], NAMES[b]) for a, b in np.argwhere(present)}
    known = draw_knowledge(NAMES, edges, rng, tiers=2, share=0.2) if seed % 2 else Knowledge()
    shared = set.intersection(*members(edges, known))
    pattern = true_pattern(NAMES, edges, known)
    assert {(NAMES[a], NAMES[b]) for a, b in np.argwhere(pattern.directed)} == shared
    assert int(np.triu(pattern.undirected).sum()) == len(edges) - len(shared)


def test_drawn_knowledge_is_true_and_spoiled_knowledge_is_not():
    rng = np.random.default_rng(0)
    frame, edges = draw_linear(20, 10, 3.0, rng)
    names = tuple(frame.columns)
    known = draw_knowledge(names, edges, rng)
    assert not [pair for pair in edges if known.forbids(*pair)]
    assert len(set(known.tiers.values())) == 5
    assert len(spoil(names, edges, rng, 40, 0.1).forbidden & edges) == 4


def test_every_second_column_of_a_mixed_table_is_a_category():
    frame, edges = draw_mixed(6, 300, 2.0, np.random.default_rng(1))
    assert [str(kind) for kind in frame.dtypes] == ["float64", "category"] * 3
    assert all(a in frame and b in frame for a, b in edges)


def test_a_pair_counts_once_and_broken_rules_are_counted():
    true = np.array([[0, ARROW, 0], [0, 0, LINE], [0, LINE, 0]])
    assert compare(true, true, ("a", "b", "c"), Knowledge()).shd == 0
    found = np.array([[0, 0, ARROW], [ARROW, 0, 0], [0, ARROW, 0]])
    far = compare(found, true, ("a", "b", "c"), Knowledge(tiers={"a": 0, "b": 1}))
    assert (far.shd, far.violations, far.cycles) == (3, 1, 1)
    assert far.skeleton == pytest.approx(0.8)
    assert far.orientation == 0.0


def test_marks_tell_the_kinds_of_edges_apart():
    pattern = true_pattern(("a", "b", "c"), {("a", "c"), ("b", "c")}, Knowledge())
    assert pattern_marks(pattern).tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_probabilities_that_are_true_meet_the_goal_and_others_miss_it():
    rng = np.random.default_rng(2)
    shares = rng.random(20_000)
    assert "meets" in reliability(shares, rng.random(20_000) < shares)
    assert "MISSES" in reliability(shares, rng.random(20_000) < shares**2)
