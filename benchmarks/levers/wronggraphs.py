"""Graphs that are not the true one: discovered, with one edge reversed, with a confounder that nobody recorded.

Hides how a graph is spoiled, and how much each wrong edge of a discovered graph costs: it is mended alone and the
advice is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from benchmarks.levers.advisers import LEVERS
from benchmarks.levers.shop import CONSEQUENCES
from benchmarks.levers.structures import Structure
from causal import CausalGraph, Knowledge, discover
from ontology import load_ontology

__all__ = ["WrongGraph", "discover_graph", "mend_edges", "wrong_graphs"]

BOOTSTRAPS = 20
HIDDEN = "income"
"""Drives discount, price and the outcome."""


@dataclass(frozen=True, eq=False)
class WrongGraph:
    """A graph, the roles that go with it where they differ, and whether its advice is graded."""

    graph: CausalGraph
    roles: Mapping[str, str] | None = None
    appraise: bool = False


def discover_graph(structure: Structure, train: pd.DataFrame, seed: int) -> CausalGraph:
    """The graph that discovery finds with the ontology's knowledge."""
    knowledge = Knowledge(**load_ontology().knowledge(structure.roles))
    return discover(train, knowledge=knowledge, bootstraps=BOOTSTRAPS, rng=np.random.default_rng([seed, 6]))


def wrong_graphs(structure: Structure) -> dict[str, WrongGraph]:
    """The spoiled graphs by the name of their rule."""
    true, outcome = structure.graph(), structure.outcome
    push = CONSEQUENCES[0]
    backwards = _turned(true, (outcome, push))
    misled = {**structure.roles, push: "Category"}
    return {
        "ours, consequence -> outcome": WrongGraph(backwards),
        "ours, the same, ontology wrong too": WrongGraph(backwards, misled),
        "ours, outcome -> discount": WrongGraph(_turned(true, ("discount", outcome))),
        "ours, hidden confounder, not told": WrongGraph(_without(true, HIDDEN, told=False), appraise=True),
        "ours, hidden confounder, told": WrongGraph(_without(true, HIDDEN, told=True)),
    }


def mend_edges(
    structure: Structure, graph: CausalGraph, value: Callable[[CausalGraph], float], most: int = 4
) -> list[tuple[str, float]]:
    """What the advice gains by mending each edge that leads from a lever towards the outcome, alone."""
    found = graph.consensus or graph
    after = ("visits", structure.outcome)
    wanted = [edge for edge in sorted(structure.graph().edges) if edge[1] in after and edge[0] in (*LEVERS, "visits")]
    missing = [edge for edge in wanted if edge not in found.edges][:most]
    spare = [
        edge
        for edge in sorted(found.edges)
        if edge[1] in after and edge[0] in LEVERS and edge not in structure.graph().edges
    ][: most - len(missing)]
    start = value(found) if missing or spare else 0.0
    mended = [(f"missing {a} -> {b}", _with(found, (a, b))) for a, b in missing]
    mended += [(f"spare {a} -> {b}", CausalGraph(found.nodes, found.edges - {(a, b)})) for a, b in spare]
    return [(name, value(each) - start) for name, each in mended]


def _with(graph: CausalGraph, edge: tuple[str, str]) -> CausalGraph:
    return CausalGraph(graph.nodes, {*(e for e in graph.edges if e != edge[::-1]), edge})


def _turned(graph: CausalGraph, edge: tuple[str, str]) -> CausalGraph:
    """One edge reversed; other arrows into its new end's cause that would close a cycle go."""
    turned = {*(e for e in graph.edges if e != edge), edge[::-1]}
    while True:
        try:
            found = CausalGraph(graph.nodes, turned)
            found.topological_order()
        except ValueError:
            cycle = next(e for e in sorted(turned) if e[1] == edge[1] and e != edge[::-1])
            turned.remove(cycle)
        else:
            return found


def _without(graph: CausalGraph, hidden: str, *, told: bool) -> CausalGraph:
    """The graph of the other columns; what the hidden one joins is bidirected where that is told."""
    children, parents = graph.children(hidden), graph.parents(hidden)
    nodes = [node for node in graph.nodes if node != hidden]
    edges = {edge for edge in graph.edges if hidden not in edge} | {(a, b) for a in parents for b in children}
    pairs = list(combinations(sorted(children), 2)) if told else []
    return CausalGraph(nodes, edges, bidirected_edges=pairs)
