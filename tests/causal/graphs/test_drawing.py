from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph
from causal.graph import GraphError
from causal.graphs.layering import LANE, layer_nodes

NAMES = tuple("abcdefgh")


@pytest.fixture(autouse=True)
def off_screen():
    import matplotlib.pyplot as plt

    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@st.composite
def mixed_graphs(draw):
    kinds = {pair: draw(st.sampled_from(("", "", "->", "--", "<->"))) for pair in combinations(NAMES, 2)}

    def of(kind):
        return [pair for pair, found in kinds.items() if found == kind]

    return CausalGraph(draw(st.permutations(NAMES)), of("->"), of("--"), of("<->"))


@settings(max_examples=100)
@given(mixed_graphs(), st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_causes_stand_left_tiers_never_mix_and_nothing_overlaps(graph, levels):
    tiers = dict(zip(NAMES, sorted(levels)))  # edges go along the alphabet, so the tiers agree with them
    layering = layer_nodes(CausalGraph(graph.nodes, graph.edges, (), graph.bidirected_edges), tiers)
    column = layering.column_of
    assert set(column) == set(NAMES)
    assert all(column[a] < column[b] for a, b in graph.edges)
    assert all(column[a] < column[b] for a in NAMES for b in NAMES if tiers[a] < tiers[b])
    for names in layering.columns:
        heights = [layering.rows[name] for name in names]
        assert all(above - below >= 1 - 1e-9 for above, below in pairwise(heights))
        assert heights == sorted(heights, reverse=True)
    for passed in layering.bends.values():
        for at, row in passed:
            gaps = [abs(row - layering.rows[name]) for name in layering.columns[at]]
            assert min(gaps, default=1.0) >= (1 + LANE) / 2 - 1e-9


@settings(max_examples=60)
@given(mixed_graphs())
def test_open_edges_never_stay_in_one_column(graph):
    column = layer_nodes(graph).column_of
    assert all(column[a] != column[b] for a, b in (*graph.edges, *graph.undirected_edges))


def test_edges_cross_only_where_they_must():
    edges = [("a", "f"), ("b", "e"), ("c", "d")]
    layering = layer_nodes(CausalGraph("abcdef", edges))
    assert all(layering.rows[a] == pytest.approx(layering.rows[b]) for a, b in edges)


def test_a_drawing_shows_every_node_edge_and_share():
    from matplotlib.colors import to_hex
    from matplotlib.patches import FancyArrowPatch

    confidence = {("a", "b"): {"edge": 1.0}, ("b", "c_d"): {"edge": 0.1}}
    graph = CausalGraph(["a", "b", "c_d", "e"], [("a", "b"), ("b", "c_d")], [("a", "e")], [("a", "c_d")], confidence)
    ax = graph.draw(highlight=("a", "b"))
    assert sorted(text.get_text() for text in ax.texts) == ["a", "b", "c d", "e"]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 4
    assert arrows[0].get_linewidth() > 2 * arrows[1].get_linewidth()
    assert to_hex(arrows[0].get_edgecolor()) != to_hex(arrows[1].get_edgecolor())
    ax.figure.canvas.draw()


def test_given_axes_are_used_and_names_stay_inside():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5, 3))
    graph = CausalGraph([f"a_rather_long_name_{i}" for i in range(12)])
    chain = CausalGraph(graph.nodes, list(pairwise(graph.nodes)))
    assert chain.draw(ax) is ax
    fig.canvas.draw()
    frame = fig.bbox
    for text in ax.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1


def test_an_empty_graph_is_drawn():
    CausalGraph([]).draw().figure.canvas.draw()
    CausalGraph(["alone"]).draw().figure.canvas.draw()


def test_tiers_against_the_edges_are_refused():
    with pytest.raises(GraphError, match="leads from tier 1 back to 0"):
        layer_nodes(CausalGraph("ab", [("a", "b")]), {"a": 1, "b": 0})
