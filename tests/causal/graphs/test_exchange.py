from __future__ import annotations

import gzip
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph
from causal.graph import GraphError

NAMES = ("a", "b 1", 'say "c"', "d\\e", "édition", "f->g", "node")


@st.composite
def mixed_graphs(draw, names=NAMES):
    order = draw(st.permutations(names))
    kinds = {
        pair: draw(st.sampled_from(("none", "none", "->", "--", "<->", "both"))) for pair in combinations(order, 2)
    }

    def of(*kind):
        return [pair for pair, found in kinds.items() if found in kind]

    confidence = {pair: {"edge": 0.5, "orientation": 1.0} for pair in of("->")}
    return CausalGraph(draw(st.permutations(names)), of("->", "both"), of("--"), of("<->", "both"), confidence)


def same_edges(first, second):
    """Equal but for the order of nodes, which also decides how an undirected pair is stored."""
    return (
        set(first.nodes) == set(second.nodes)
        and first.edges == second.edges
        and set(map(frozenset, first.undirected_edges)) == set(map(frozenset, second.undirected_edges))
        and set(map(frozenset, first.bidirected_edges)) == set(map(frozenset, second.bidirected_edges))
    )


@given(mixed_graphs())
def test_dot_keeps_names_and_edges(graph):
    again = CausalGraph.from_dot(graph.to_dot())
    assert again.nodes == graph.nodes
    assert same_edges(again, graph)
    assert again.to_dot() == CausalGraph.from_dot(again.to_dot()).to_dot()


def test_dot_as_others_write_it_is_read():
    text = """
    strict digraph "market" { // a comment
        graph [rankdir=LR]; node [shape=box]
        label = "what causes what"
        age [pos="1,2"] ; 7 -> buys /* numbers are names */
        age -> contact -> buys [penwidth=2, dir=forward]
        buys -> wealth [dir=back]
        past-spend -> contact
    }"""
    graph = CausalGraph.from_dot(text)
    assert graph.nodes == ("age", "7", "buys", "contact", "wealth", "past-spend")
    wanted = {("7", "buys"), ("age", "contact"), ("contact", "buys"), ("wealth", "buys"), ("past-spend", "contact")}
    assert graph.edges == wanted


def test_dagitty_text_is_read():
    text = 'dag { bb="0,0,1,1"\nX [exposure,pos="0,0"]\nY [outcome]\nX -> Y\nX <-> Y\nZ -> X }'
    graph = CausalGraph.from_dot(text)
    assert graph.edges == {("X", "Y"), ("Z", "X")}
    assert graph.bidirected_edges == {("X", "Y")}


def test_an_undirected_graph_is_read():
    assert CausalGraph.from_dot("graph { a -- b -- c }").undirected_edges == {("a", "b"), ("b", "c")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1"),
        ("a -> b", "begins with"),
        ("digraph { a -> b", "ends before"),
        ("digraph {\n a -> ;\n}", "line 2"),
        ("digraph { subgraph x { a -> b } }", "subgraphs"),
        ("digraph { a:port -> b }", "cannot read"),
        ("digraph { a -> b -> a }", "cycle"),
    ],
)
def test_dot_that_is_no_graph_is_refused_by_line(text, message):
    with pytest.raises(GraphError, match=message):
        CausalGraph.from_dot(text)


@given(mixed_graphs(names=("a", "b_1", "c-2", "D.3")))
def test_bif_keeps_the_structure_of_directed_graphs(graph):
    if graph.undirected_edges or graph.bidirected_edges:
        with pytest.raises(GraphError, match="consensus"):
            graph.to_bif()
        graph = CausalGraph(graph.nodes, graph.edges)
    states = {"a": ["low", "mid", "high"]}
    again = CausalGraph.from_bif(graph.to_bif(states))
    assert again.nodes == graph.nodes and same_edges(again, graph)


def test_bif_refuses_what_it_cannot_hold():
    with pytest.raises(GraphError, match="letters"):
        CausalGraph(["a b"]).to_bif()
    parents = [f"p{i}" for i in range(13)]
    with pytest.raises(GraphError, match="8192 rows"):
        CausalGraph([*parents, "y"], [(p, "y") for p in parents]).to_bif()
    with pytest.raises(GraphError, match="variable"):
        CausalGraph.from_bif("network x {}")


@pytest.mark.parametrize(("name", "nodes", "edges"), [("asia", 8, 8), ("sachs", 11, 17), ("alarm", 37, 46)])
def test_published_networks_are_read(name, nodes, edges):
    path = Path(__file__).parents[4] / "shared" / "data" / "bnlearn" / f"{name}.bif.gz"
    if not path.exists():
        pytest.skip(f"{name}.bif.gz is not beside the repository")
    graph = CausalGraph.from_bif(gzip.decompress(path.read_bytes()).decode())
    assert (len(graph.nodes), len(graph.edges)) == (nodes, edges)


@settings(max_examples=60)
@given(mixed_graphs(names=("a", "b", "c", "d")))
def test_causal_learn_objects_keep_the_edges(graph):
    pytest.importorskip("causallearn")
    double = {frozenset(pair) for pair in graph.edges} & {frozenset(pair) for pair in graph.bidirected_edges}
    if double:
        with pytest.raises(GraphError, match="one edge a pair"):
            graph.to_causal_learn()
        return
    assert CausalGraph.from_causal_learn(graph.to_causal_learn()).nodes == graph.nodes
    assert same_edges(CausalGraph.from_causal_learn(graph.to_causal_learn()), graph)


def test_a_circle_is_refused():
    pytest.importorskip("causallearn")
    from causallearn.graph.Edge import Edge
    from causallearn.graph.Endpoint import Endpoint

    made = CausalGraph("ab").to_causal_learn()
    first, second = made.get_nodes()
    made.add_edge(Edge(first, second, Endpoint.CIRCLE, Endpoint.ARROW))
    with pytest.raises(GraphError, match="circle"):
        CausalGraph.from_causal_learn(made)
