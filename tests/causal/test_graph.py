from __future__ import annotations

import copy
import json
import subprocess
import sys

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import causal
from causal.graph import CausalGraph, GraphError, Note, find_cycle

NAMES = tuple("abcde")
KINDS = ("none", "->", "--", "<->")


@st.composite
def mixed_graphs(draw):
    kinds = {(a, b): draw(st.sampled_from(KINDS)) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]}

    def of(kind):
        return [pair for pair, found in kinds.items() if found == kind]

    share = st.floats(0, 1)
    confidence = {pair: {"edge": draw(share), "orientation": draw(share)} for pair in of("->")}
    consensus = CausalGraph(NAMES, of("->") + of("--"), (), of("<->"))
    reasons = {pair: draw(st.text()) for pair in of("->")}
    notes = [Note("rank", ("a",), "said")]
    return CausalGraph(NAMES, of("->"), of("--"), of("<->"), confidence, consensus, reasons, notes)


@given(mixed_graphs())
def test_json_keeps_everything(graph):
    again = CausalGraph.from_json(graph.to_json())
    assert again == graph
    assert again.consensus == graph.consensus
    assert again.to_json() == graph.to_json()
    assert copy.deepcopy(graph) == graph


@given(mixed_graphs())
def test_networkx_keeps_the_edges_and_is_always_acyclic(graph):
    exported = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(exported)
    again = CausalGraph.from_networkx(exported)
    assert (again.nodes, again.edges) == (graph.nodes, graph.edges)
    assert again.undirected_edges == graph.undirected_edges
    assert again.bidirected_edges == graph.bidirected_edges


@given(mixed_graphs())
def test_relations_agree_with_networkx(graph):
    exported = graph.to_networkx()
    place = {name: i for i, name in enumerate(graph.topological_order())}
    assert all(place[a] < place[b] for a, b in graph.edges)
    for name in graph.nodes:
        assert set(graph.parents(name)) == set(exported.predecessors(name))
        assert set(graph.children(name)) == set(exported.successors(name))
        assert graph.ancestors(name) == nx.ancestors(exported, name)
        assert graph.descendants(name) == nx.descendants(exported, name)


@given(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda p: p[0] != p[1])))
def test_a_cycle_is_found_exactly_when_there_is_one(edges):
    cycle = find_cycle(edges)
    assert bool(cycle) != nx.is_directed_acyclic_graph(nx.DiGraph(list(edges)))
    assert set(cycle) <= edges
    assert all(b == c for (_, b), (c, _) in zip(cycle, [*cycle[1:], *cycle[:1]]))


def test_pairs_without_direction_are_sorted_by_node_order():
    graph = CausalGraph(["z", "a", "m"], [], [("a", "z")], [{"m", "a"}])
    assert graph.undirected_edges == {("z", "a")}
    assert graph.bidirected_edges == {("a", "m")}
    assert graph.adjacent("z", "a")
    assert not graph.adjacent("z", "m")


def test_a_graph_is_its_own_consensus_only_when_nothing_is_open():
    directed = CausalGraph(["a", "b"], [("a", "b")])
    assert directed.consensus is directed
    assert CausalGraph(["a", "b"], [], [("a", "b")]).consensus is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", "a"],), "named twice"),
        ((["a", 1],), "must be strings"),
        ((["a", "b"], [("a", "c")]), "'c'"),
        ((["a"], [("a", "a")]), "two different nodes"),
        ((["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")]), "a -> b -> c -> a"),
        ((["a", "b"], [("a", "b")], [("a", "b")]), "one kind per pair"),
    ],
)
def test_wrong_graphs_are_refused_by_name(arguments, message):
    with pytest.raises(GraphError, match=message):
        CausalGraph(*arguments)


def test_a_graph_cannot_be_changed():
    graph = CausalGraph(["a", "b"], [("a", "b")], confidence={("a", "b"): {"edge": 1.0}})
    with pytest.raises(AttributeError):
        graph.nodes = ()
    with pytest.raises(TypeError):
        graph.confidence[("a", "b")]["edge"] = 0.5


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other/1"}', '{"format": "causal-graph/1"}'])
def test_other_json_is_refused(text):
    with pytest.raises(GraphError, match="to_json"):
        CausalGraph.from_json(text)


def test_drawings_name_the_kind_and_the_place():
    graph = CausalGraph(['a "x"', "b", "c"], [('a "x"', "b")], [("b", "c")], confidence={('a "x"', "b"): {"edge": 0.9}})
    elements = graph.to_cytoscape({"b": (1, 2)})
    assert json.dumps(elements)
    assert [e["position"] for e in elements if "position" in e] == [{"x": 1.0, "y": 2.0}]
    edges = [e["data"] for e in elements if e["group"] == "edges"]
    assert [(e["source"], e["target"], e["kind"]) for e in edges] == [
        ('a "x"', "b", "directed"),
        ("b", "c", "undirected"),
    ]
    assert edges[0]["edge"] == 0.9
    assert "n0 --> n1" in graph.to_mermaid()


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, causal; print([m for m in ('numpy', 'pandas', 'torch', 'sklearn') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_discovery_and_identification_need_no_sibling_package():
    code = (
        "import sys, causal; causal.discover, causal.identify;"
        "print([m for m in ('torch', 'ontology', 'graphrec', 'sklearn', 'causallearn') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_every_public_name_resolves():
    for name in ("CausalGraph", "Knowledge", "KnowledgeError", "discover", "identify", "Estimand"):
        assert getattr(causal, name).__name__ == name
    assert set(causal.__all__) == set(dir(causal))
    with pytest.raises(AttributeError):
        causal.nothing  # noqa: B018
