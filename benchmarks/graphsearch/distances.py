"""How far a found graph is from the best possible one.

Hides how the marks of an edge are compared. A pair counts once however many of its marks are wrong (structural Hamming
distance between partially directed graphs, Tsamardinos 2006); comparing members of the two classes instead was
considered: the distance would depend on the members.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from causal.graph import CausalGraph
from causal.knowledge import Knowledge
from causal.search.orientation import Pattern

__all__ = ["ARROW", "LATENT", "LINE", "Distance", "compare", "graph_marks", "pattern_marks"]

ARROW, LINE, LATENT = 1, 2, 3


@dataclass(frozen=True)
class Distance:
    """One found graph against the best possible one.

    ``shd``: pairs whose marks differ; ``skeleton``, ``orientation``: F1 of the adjacencies and of the arrows;
    ``violations``: arrows against the knowledge and required ones that are missing; ``cycles``: 1 when the arrows close
    one.
    """

    shd: int
    skeleton: float
    orientation: float
    violations: int
    cycles: int


def pattern_marks(pattern: Pattern) -> np.ndarray:
    """Return 1 for an arrow from row to column, 2 for a line, 3 for a latent common cause, 0 for nothing."""
    marks = np.where(pattern.directed, ARROW, 0)
    marks[pattern.undirected] = LINE
    marks[pattern.bidirected] = LATENT
    return marks


def graph_marks(graph: CausalGraph) -> np.ndarray:
    """Return the marks of a graph, its nodes in their order."""
    place = {name: number for number, name in enumerate(graph.nodes)}
    marks = np.zeros((len(place), len(place)), dtype=int)
    for a, b in graph.edges:
        marks[place[a], place[b]] = ARROW
    for kind, pairs in ((LINE, graph.undirected_edges), (LATENT, graph.bidirected_edges)):
        for a, b in pairs:
            marks[place[a], place[b]] = marks[place[b], place[a]] = kind
    return marks


def compare(found: np.ndarray, true: np.ndarray, names: tuple[str, ...], knowledge: Knowledge) -> Distance:
    """Hold found marks against true ones, both of shape (d, d)."""
    wrong = (found != true) | (found.T != true.T)
    joined, truly = (np.triu((marks > 0) | (marks.T > 0), 1) for marks in (found, true))
    arrows = found == ARROW
    against = sum(knowledge.forbids(names[a], names[b]) for a, b in np.argwhere(arrows))
    missing = sum(not arrows[names.index(a), names.index(b)] for a, b in knowledge.required)
    graph = nx.DiGraph([(int(a), int(b)) for a, b in np.argwhere(arrows)])
    return Distance(
        int(np.triu(wrong, 1).sum()),
        _f1(joined, truly),
        _f1(arrows, true == ARROW),
        against + missing,
        int(not nx.is_directed_acyclic_graph(graph)),
    )


def _f1(found: np.ndarray, true: np.ndarray) -> float:
    both, either = int((found & true).sum()), int(found.sum() + true.sum())
    return 2.0 * both / either if either else 1.0
