"""Which sets of columns are valid to adjust for, in a graph that may leave directions open.

Hides the generalised adjustment criterion (Perković, Textor, Kalisch & Maathuis 2018; with background knowledge
Perković, Kalisch & Maathuis 2017): no undirected edge at the treatment may begin a causal path, nothing that lies
after the treatment is adjusted for, and every path that is not causal is blocked. The validators of two well-known
libraries accept mediators and colliders, so the check is our own, tested against brute force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from causal.graph import CausalGraph
from causal.graphs.bitgraph import BitGraph, ones, reach

__all__ = ["Criterion", "to_bits"]


@dataclass(frozen=True)
class Criterion:
    """The criterion for one treatment and one outcome, over node numbers; sets of nodes are bits.

    Parameters
    ----------
    graph : BitGraph
        The graph asked about.
    treatment, outcome : int
        The two nodes.
    causal : int
        Nodes on possibly causal paths from treatment to outcome, the outcome included, the treatment not.
    forbidden : int
        What the treatment or the outcome may change, without the two themselves.
    unsettled : int
        Ends of undirected edges at the treatment that may begin a causal path; the effect is then not amenable.
    versions : int
        How many directed versions are asked whether a set blocks.
    """

    graph: BitGraph
    treatment: int
    outcome: int
    causal: int
    forbidden: int
    unsettled: int
    versions: int

    @classmethod
    def pose(cls, graph: BitGraph, treatment: int, outcome: int, versions: int = 2) -> Criterion:
        """Sort the nodes of a graph for an effect.

        Parameters
        ----------
        graph : BitGraph
            With undirected edges and latent common causes.
        treatment, outcome : int
            Two of its nodes.
        versions : int
            How many directed versions are asked whether a set blocks. In a class of graphs all members agree
            (Perković 2018), so one is enough; two that disagree on the open edges are a safeguard for graphs from
            data, which need not be a perfect class.
        """
        start, end = 1 << treatment, 1 << outcome
        after = graph.possible_descendants(start)
        back = [a | b for a, b in zip(graph.into, graph.beside)]
        causal = after & reach(back, end, start) & ~start
        later = graph.possible_descendants(end) & ~reach(graph.into, start)
        return cls(
            graph,
            treatment,
            outcome,
            causal,
            (after | later) & ~(start | end),
            graph.beside[treatment] & causal,
            versions,
        )

    @cached_property
    def members(self) -> tuple[BitGraph, ...]:
        """Directed versions of the graph."""
        return _members(self.graph, self.versions)

    @cached_property
    def cut(self) -> tuple[BitGraph, ...]:
        """The directed versions without the first edges of the causal paths."""
        return tuple(member.without(self.treatment, self.causal) for member in self.members)

    def blocks(self, given: int) -> bool:
        """Say whether a set blocks every path that is not causal."""
        return all(graph.separated(self.treatment, self.outcome, given) for graph in self.cut)

    def accepts(self, given: int) -> bool:
        """Say whether adjusting for a set gives the total effect in every graph that is left open."""
        ends = 1 << self.treatment | 1 << self.outcome
        return not (self.unsettled or given & (self.forbidden | ends)) and self.blocks(given)

    def optimal(self) -> int:
        """Return the parents of the causal nodes that may be adjusted for: the O-set of Henckel 2022."""
        parents = 0
        for node in ones(self.causal):
            parents |= self.graph.into[node]
        return parents & ~(self.causal | self.forbidden | 1 << self.treatment | 1 << self.outcome)


def to_bits(graph: CausalGraph, index: Mapping[str, int]) -> BitGraph:
    """Return a causal graph as bits, nodes numbered as the index says."""
    kinds = (graph.edges, graph.undirected_edges, graph.bidirected_edges)
    return BitGraph.from_edges(len(index), *([(index[a], index[b]) for a, b in pairs] for pairs in kinds))


def _members(graph: BitGraph, versions: int) -> tuple[BitGraph, ...]:
    """Return directed versions of a graph; where it has none, its open edges are directed by node number."""
    if not any(graph.beside):
        return (graph,)
    found = [graph.extended(latest) for latest in (True, False)[:versions]]
    return tuple(member for member in found if member is not None) or (_by_order(graph),)


def _by_order(graph: BitGraph) -> BitGraph:
    """Direct the open edges along one order of the nodes that the arrows allow: acyclic, colliders as they come."""
    place: dict[int, int] = {}
    waiting = dict(enumerate(graph.into))
    seen = 0
    while waiting:
        node = next(name for name, parents in waiting.items() if not parents & ~seen)
        place[node] = len(place)
        seen |= 1 << node
        del waiting[node]
    directed = [(a, b) for a, row in enumerate(graph.out) for b in ones(row)]
    settled = [(a, b) for a, row in enumerate(graph.beside) for b in ones(row) if place[a] < place[b]]
    bidirected = [(a, b) for a, row in enumerate(graph.latent) for b in ones(row)]
    return BitGraph.from_edges(len(graph.out), [*directed, *settled], (), bidirected)
