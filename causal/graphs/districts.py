"""Directed graphs with bidirected edges: ancestors, districts and the projection of what is not observed.

Hides the graph that the ID algorithm works on. A district (c-component) is a set of nodes joined by bidirected edges;
a latent node is projected away by giving its children to its parents and joining the children with each other (Verma
& Pearl 1990). Names are kept instead of numbers, because every step of a derivation is read by people.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations

from causal.graph import CausalGraph

__all__ = ["MixedGraph", "project"]

Pair = tuple[str, str]


@dataclass(frozen=True)
class MixedGraph:
    """Observed nodes in an order with causes first, their parents, and pairs with a latent common cause.

    Parameters
    ----------
    nodes : tuple of str
        In topological order.
    parents : dict of str to frozenset of str
        Direct causes of each node.
    spouses : dict of str to frozenset of str
        Nodes that share a latent common cause with each node.
    """

    nodes: tuple[str, ...]
    parents: dict[str, frozenset[str]]
    spouses: dict[str, frozenset[str]]

    def within(self, kept: Collection[str]) -> MixedGraph:
        """Return the graph over some of the nodes."""
        held = frozenset(kept)
        nodes = tuple(name for name in self.nodes if name in held)
        return MixedGraph(nodes, {n: self.parents[n] & held for n in nodes}, {n: self.spouses[n] & held for n in nodes})

    def ancestors(self, ends: Iterable[str], set_nodes: Collection[str] = ()) -> frozenset[str]:
        """Return the ends and all their causes, without passing arrows into the nodes that are set."""
        seen = set(ends)
        pending = list(seen)
        while pending:
            name = pending.pop()
            for parent in () if name in set_nodes else self.parents[name]:
                if parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        return frozenset(seen)

    def districts(self) -> list[frozenset[str]]:
        """Return the sets of nodes that bidirected edges join, in the order of their first nodes."""
        found: list[frozenset[str]] = []
        left = dict.fromkeys(self.nodes)
        while left:
            start = next(iter(left))
            seen, pending = {start}, [start]
            while pending:
                more = self.spouses[pending.pop()] - seen
                seen |= more
                pending += sorted(more)
            found.append(frozenset(seen))
            left = {name: None for name in left if name not in seen}
        return found


def project(graph: CausalGraph, latent: Collection[str] = ()) -> MixedGraph:
    """Return a graph without undirected edges as a mixed graph over its observed nodes.

    Parameters
    ----------
    graph : CausalGraph
        Its undirected edges, if any, are left out.
    latent : collection of str
        Nodes to project away.
    """
    parents = {name: set(graph.parents(name)) for name in graph.nodes}
    spouses: dict[str, set[str]] = {name: set() for name in graph.nodes}
    for a, b in graph.bidirected_edges:
        spouses[a].add(b)
        spouses[b].add(a)
    for name in graph.nodes:
        if name in latent:
            _drop(name, parents, spouses)
    order = tuple(name for name in graph.topological_order() if name in parents)
    return MixedGraph(order, {n: frozenset(parents[n]) for n in order}, {n: frozenset(spouses[n] - {n}) for n in order})


def _drop(name: str, parents: dict[str, set[str]], spouses: dict[str, set[str]]) -> None:
    """Take one latent node out: its parents act on its children, and everything it drives shares a latent cause."""
    children = sorted(other for other, held in parents.items() if name in held)
    beside = sorted(spouses[name])
    joined = {*combinations(children, 2), *((child, other) for child in children for other in beside)}
    for a, b in joined:
        if a != b:
            spouses[a].add(b)
            spouses[b].add(a)
    for child in children:
        parents[child] = (parents[child] - {name}) | parents[name]
    for other in beside:
        spouses[other].discard(name)
    del parents[name], spouses[name]
