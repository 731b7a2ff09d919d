"""Causal graphs as objects of pgmpy and causal-learn, and back.

Hides the two libraries' ways to say a latent common cause and an open direction. Both are imported on first use: pgmpy
brings torch, causal-learn half of scipy.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from causal.graph import CausalGraph
from causal.graphs.edges import GraphError, Pair

__all__ = ["from_causal_learn", "from_pgmpy", "to_causal_learn", "to_pgmpy"]


def to_pgmpy(graph: CausalGraph) -> Any:
    """Return a pgmpy ``DAG``, or a ``PDAG`` when directions are open.

    A latent common cause of ``a`` and ``b`` becomes a latent node ``a<->b``.
    """
    from pgmpy.base import DAG, PDAG

    hidden = [(f"{a}<->{b}", (a, b)) for a, b in graph.in_order(graph.bidirected_edges)]
    clash = [name for name, _ in hidden if name in graph.nodes]
    if clash:
        raise GraphError(f"{clash} are nodes already, so latent causes cannot be given these names; rename the nodes")
    latents = {name for name, _ in hidden}
    edges = [*graph.in_order(graph.edges), *((name, end) for name, ends in hidden for end in ends)]
    if graph.undirected_edges:
        made = PDAG(directed_ebunch=edges, undirected_ebunch=graph.in_order(graph.undirected_edges), latents=latents)
    else:
        made = DAG(edges, latents=latents)
    made.add_nodes_from([name for name in graph.nodes if name not in made.nodes])
    return made


def from_pgmpy(graph: Any) -> CausalGraph:
    """Read a pgmpy ``DAG`` or ``PDAG``; a latent root with two children or more becomes bidirected edges.

    Nodes are sorted by name, because the library keeps them in the order of its edges, or of a hash.
    """
    undirected = [(str(a), str(b)) for a, b in getattr(graph, "undirected_edges", ())]
    directed = [(str(a), str(b)) for a, b in getattr(graph, "directed_edges", graph.edges())]
    effects = {end for _, end in directed}
    roots = sorted(str(name) for name in graph.latents if str(name) not in effects)
    bidirected: set[Pair] = set()
    for root in roots:
        children = sorted(end for start, end in directed if start == root)
        bidirected |= set(combinations(children, 2))
    nodes = sorted(str(name) for name in graph.nodes if str(name) not in roots)
    return CausalGraph(nodes, [pair for pair in directed if pair[0] not in roots], undirected, bidirected)


def to_causal_learn(graph: CausalGraph) -> Any:
    """Return a causal-learn ``GeneralGraph``.

    Raises
    ------
    GraphError
        When a pair is joined by two edges: the library's matrix reads them back as one.
    """
    from causallearn.graph.Edge import Edge
    from causallearn.graph.Endpoint import Endpoint
    from causallearn.graph.GeneralGraph import GeneralGraph
    from causallearn.graph.GraphNode import GraphNode

    either_way = graph.edges | {(b, a) for a, b in graph.edges}
    double = sorted(either_way & graph.bidirected_edges)
    if double:
        raise GraphError(
            f"{double[0]} is a cause and has a latent common cause too; causal-learn keeps one edge a pair"
        )
    nodes = {name: GraphNode(name) for name in graph.nodes}
    made = GeneralGraph(list(nodes.values()))
    tail, arrow = Endpoint.TAIL, Endpoint.ARROW
    kinds = ((graph.edges, tail, arrow), (graph.undirected_edges, tail, tail), (graph.bidirected_edges, arrow, arrow))
    for pairs, first, second in kinds:
        for a, b in graph.in_order(pairs):
            made.add_edge(Edge(nodes[a], nodes[b], first, second))
    return made


def from_causal_learn(graph: Any) -> CausalGraph:
    """Read a causal-learn graph.

    Raises
    ------
    GraphError
        When an edge has a circle (a PAG of FCI): it leaves open whether there is a latent cause.
    """
    marks = {("TAIL", "ARROW"): "->", ("ARROW", "TAIL"): "<-", ("TAIL", "TAIL"): "--", ("ARROW", "ARROW"): "<->"}
    kinds: dict[str, list[Pair]] = {mark: [] for mark in ("->", "<-", "--", "<->")}
    for edge in graph.get_graph_edges():
        pair = (edge.get_node1().get_name(), edge.get_node2().get_name())
        mark = marks.get((edge.get_endpoint1().name, edge.get_endpoint2().name))
        if mark is None:
            raise GraphError(f"{edge} has a circle: it may be a cause or a latent cause; orient it first")
        kinds[mark].append(pair)
    directed = [*kinds["->"], *((b, a) for a, b in kinds["<-"])]
    return CausalGraph(graph.get_node_names(), directed, kinds["--"], kinds["<->"])
