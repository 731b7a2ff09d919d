from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.learning.hetero import typed_edges
from graphrec.learning.sampling import draw_hops, draw_neighbours, index_neighbours
from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError


def _edges(seed: int, n: int = 12, m: int = 20, e: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, m, e), rng.integers(0, n, e), rng.integers(0, 60, e)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 30), st.booleans())
def test_draws_are_edges_of_the_node_before_its_moment_each_at_most_once(seed: int, n: int, latest: bool) -> None:
    source, target, times = _edges(seed)
    graph = index_neighbours(source, target, 12, times)
    rng = np.random.default_rng(seed)
    nodes, before = rng.integers(0, 12, 9), rng.integers(0, 70, 9)
    places, edges = draw_neighbours(graph, nodes, n, before=before, latest=latest, rng=seed)
    assert (np.diff(places) >= 0).all()
    for place in range(9):
        drawn = edges[places == place]
        allowed = np.sort(times[(target == nodes[place]) & (times < before[place])])
        assert len(set(drawn.tolist())) == len(drawn) == min(n, len(allowed))
        assert (graph.times[drawn] < before[place]).all()
        assert ((graph.pointers[nodes[place]] <= drawn) & (drawn < graph.pointers[nodes[place] + 1])).all()
        if latest:
            assert np.array_equal(np.sort(graph.times[drawn]), allowed[len(allowed) - len(drawn) :])


def test_every_edge_is_drawn_equally_often() -> None:
    graph = index_neighbours(np.arange(10), np.zeros(10, int), 1)
    _, edges = draw_neighbours(graph, np.zeros(20_000, int), 3, rng=1)
    counts = np.bincount(edges, minlength=10)
    assert np.abs(counts - 6_000).max() < 4.5 * np.sqrt(20_000 * 0.3 * 0.7)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    source, target, times = _edges(0, e=2_000)
    graph = index_neighbours(source, target, 12, times)
    first, second, third = (draw_neighbours(graph, np.arange(12), 4, rng=seed)[1] for seed in (0, 0, 1))
    assert first.tobytes() == second.tobytes()
    assert not np.array_equal(first, third)


def test_trees_of_a_market_hold_nothing_from_after_the_seeds_moment(tasted) -> None:
    market = tasted(0, views=True).market
    end = int(to_microseconds(market.events["event_time"]).max()) + 1
    found = typed_edges(market, make_offers(market), end)
    graph = {}
    for (left, relation, right), edges in found.items():
        if {left, right} == {"customer", "product"} and len(edges.time):
            sizes = {"customer": 150, "product": 30}
            graph[left, relation, right] = index_neighbours(edges.source, edges.target, sizes[right], edges.time)
            graph[right, f"rev_{relation}", left] = index_neighbours(
                edges.target, edges.source, sizes[left], edges.time
            )
    moments = np.linspace(end - 150 * 86_400_000_000, end, 40).astype(np.int64)
    steps = draw_hops(graph, "customer", np.arange(40), (5, 4, 3), before=moments, rng=0)
    assert [len(hops) > 0 for hops in steps] == [True] * 3
    above = np.arange(40), moments
    for depth, hops in enumerate(steps):
        for hop in hops:
            assert len(hop.neighbours) > 0
            assert (hop.times < hop.moments).all()
            assert np.array_equal(hop.moments, above[1][hop.parents])
            assert hop.edge_type[2] == ("customer", "product")[depth % 2]
        above = tuple(np.concatenate([getattr(hop, name) for hop in hops]) for name in ("neighbours", "moments"))


def test_isolated_nodes_and_empty_relations_draw_nothing() -> None:
    empty = index_neighbours([], [], 3)
    places, edges = draw_neighbours(empty, [0, 2, 2], 4, rng=0)
    assert len(places) == len(edges) == 0
    lonely = index_neighbours([1], [0], 3)
    assert draw_neighbours(lonely, [2, 0], 4, rng=0)[0].tolist() == [1]
    (hops,) = draw_hops({("product", "rev_purchase", "customer"): empty}, "customer", [0], (2,), rng=0)
    assert len(hops[0].neighbours) == 0


def test_impossible_requests_are_refused() -> None:
    graph = index_neighbours([0, 1], [0, 1], 2)
    with pytest.raises(DataError, match="at least one"):
        draw_neighbours(graph, [0], 0)
    with pytest.raises(DataError, match="codes end at 1"):
        draw_neighbours(graph, [2], 1)
    with pytest.raises(DataError, match="one for each"):
        draw_neighbours(graph, [0, 1], 1, before=[3])
    with pytest.raises(DataError, match="codes must be"):
        index_neighbours([0], [5], 2)
    with pytest.raises(DataError, match="entries"):
        index_neighbours([0], [0, 1], 2)
