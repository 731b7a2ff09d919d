from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph
from causal.formulas.criterion import Criterion, to_bits
from causal.graphs.bitgraph import BitGraph, ones, reach
from causal.graphs.separation import directed_view

NAMES = tuple("abcdef")
INDEX = {name: i for i, name in enumerate(NAMES)}
PAIRS = list(combinations(NAMES, 2))


@st.composite
def mixed_graphs(draw):
    names = draw(st.permutations(NAMES))
    edges = [pair for pair in combinations(names, 2) if draw(st.booleans())]
    return CausalGraph(NAMES, edges, bidirected_edges=draw(st.sets(st.sampled_from(PAIRS), max_size=3)))


@settings(max_examples=200)
@given(mixed_graphs(), st.sets(st.sampled_from(NAMES), max_size=4), st.permutations(NAMES))
def test_separation_in_bits_is_d_separation(graph, given_, order):
    a, b = order[:2]
    held = set(given_) - {a, b}
    view = directed_view(graph)
    dag = nx.DiGraph([(cause, effect) for effect, parents in view.parents.items() for cause in parents])
    dag.add_nodes_from(view.parents)
    expected = nx.is_d_separator(dag, {a}, {b}, held)
    assert view.separated(a, b, held) == expected
    bits = sum(1 << INDEX[name] for name in held)
    assert to_bits(graph, INDEX).separated(INDEX[a], INDEX[b], bits) == expected


def skeleton_and_colliders(edges):
    joined = {frozenset(edge) for edge in edges}
    found = {
        (frozenset((a, b)), c)
        for (a, c), (b, d) in combinations(sorted(edges), 2)
        if c == d and frozenset((a, b)) not in joined
    }
    return joined, found


@settings(max_examples=200)
@given(mixed_graphs(), st.booleans(), st.randoms(use_true_random=False))
def test_an_extension_exists_wherever_one_does_and_keeps_the_class(graph, latest, random):
    """Open some edges of a directed graph, never one that makes a collider: the graph itself is an extension."""
    edges = [(INDEX[a], INDEX[b]) for a, b in graph.edges]
    closed = {(a, c) for (a, c), (b, d) in combinations(edges, 2) if c == d} | {
        (b, c) for (a, c), (b, d) in combinations(edges, 2) if c == d
    }
    opened = [edge for edge in sorted(set(edges) - closed) if random.random() < 0.7]
    partly = BitGraph.from_edges(6, set(edges) - set(opened), opened)
    found = partly.extended(latest)
    assert found is not None
    directed = [(a, b) for a in range(6) for b in ones(found.out[a])]
    assert nx.is_directed_acyclic_graph(nx.DiGraph(directed))
    assert skeleton_and_colliders(directed) == skeleton_and_colliders(edges)
    assert set(edges) - set(opened) <= set(directed)
    assert not any(found.beside)


def test_a_square_without_arrows_has_no_extension_and_is_still_answered():
    square = BitGraph.from_edges(4, [], [(0, 1), (1, 2), (2, 3), (3, 0)])
    assert square.extended() is None
    assert not Criterion.pose(square, 0, 2).accepts(0)
    beside = BitGraph.from_edges(6, [(4, 5)], [(0, 1), (1, 2), (2, 3), (3, 0)])
    assert Criterion.pose(beside, 4, 5).accepts(0)


def test_the_two_versions_disagree_on_an_open_edge():
    pair = BitGraph.from_edges(2, [], [(0, 1)])
    assert pair.extended(True).out == [2, 0]
    assert pair.extended(False).out == [0, 1]


@given(st.integers(0, 2**40))
def test_ones_are_the_places_of_the_bits(bits):
    assert sum(1 << place for place in ones(bits)) == bits


def test_reach_stops_at_what_is_barred():
    steps = [0b010, 0b100, 0]
    assert reach(steps, 1) == 0b111
    assert reach(steps, 1, 0b010) == 1


def test_a_hundred_nodes_are_no_burden():
    """Not a timing: a criterion that copied the class of graphs would not end."""
    order = np.random.default_rng(0).permutation(100)
    edges = [(int(order[i]), int(order[i + 1])) for i in range(99)]
    posed = Criterion.pose(BitGraph.from_edges(100, edges[50:], edges[:50]), *edges[60])
    assert posed.accepts(0)
