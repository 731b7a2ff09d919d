"""Which paths are open: d-separation on directed graphs whose hidden nodes are explicit.

Hides the walk over (node, direction) states that finds a shortest open path to show to people; whether there is one is
asked much faster of a :class:`causal.graphs.bitgraph.BitGraph`. networkx has a d-separation test but no open path, and
moralises the graph anew for every question.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from causal.graph import CausalGraph

__all__ = ["DirectedView", "directed_view"]

State = tuple[str, bool]
Pair = tuple[str, str]


@dataclass(frozen=True)
class DirectedView:
    """A directed acyclic graph in which every latent common cause is a node of its own.

    Parameters
    ----------
    parents, children : dict of str to tuple of str
        Both hold every node.
    hidden : frozenset of str
        The nodes that stand for bidirected edges.
    """

    parents: dict[str, tuple[str, ...]]
    children: dict[str, tuple[str, ...]]
    hidden: frozenset[str]

    def without(self, edges: Collection[Pair]) -> DirectedView:
        """Return the graph with some directed edges removed."""
        parents = dict(self.parents)
        children = dict(self.children)
        for cause, effect in edges:
            parents[effect] = tuple(name for name in parents[effect] if name != cause)
            children[cause] = tuple(name for name in children[cause] if name != effect)
        return DirectedView(parents, children, self.hidden)

    def ancestors(self, nodes: Iterable[str]) -> set[str]:
        """Return the nodes themselves and everything with a directed path to one of them."""
        seen = set(nodes)
        pending = list(seen)
        while pending:
            for parent in self.parents[pending.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        return seen

    def separated(self, first: str, second: str, given: Collection[str]) -> bool:
        """Say whether every path between two nodes is blocked by the given ones."""
        return self.open_path(first, second, given) is None

    def open_path(self, first: str, second: str, given: Collection[str]) -> str | None:
        """Return a shortest open path in words, such as ``contact <- wealth -> purchase``, or None."""
        came_from: dict[State, State | None] = {}
        for state, before in self._walk(first, set(given)):
            came_from[state] = before
            if state[0] == second:
                return self._words(state, came_from)
        return None

    def _walk(self, start: str, held: set[str]) -> Iterator[tuple[State, State | None]]:
        """Yield states (node, arrived along an arrow into it) in breadth-first order, with the one before."""
        opened = self.ancestors(held)
        first: State = (start, False)
        seen = {first}
        pending: deque[tuple[State, State | None]] = deque([(first, None)])
        while pending:
            state, before = pending.popleft()
            yield state, before
            for following in self._steps(state, held, opened):
                if following not in seen and following[0] != start:
                    seen.add(following)
                    pending.append((following, state))

    def _steps(self, state: State, held: set[str], opened: set[str]) -> Iterator[State]:
        name, arrived_by_arrow = state
        if name not in held:
            yield from ((child, True) for child in self.children[name])
        up = name in opened if arrived_by_arrow else name not in held
        if up:
            yield from ((parent, False) for parent in self.parents[name])

    def _words(self, last: State, came_from: dict[State, State | None]) -> str:
        states: list[State] = []
        state: State | None = last
        while state is not None:
            states.append(state)
            state = came_from[state]
        states.reverse()
        words = states[0][0]
        for name, by_arrow in states[1:]:
            words += f" -> {name}" if by_arrow else f" <- {name}"
        for node in self.hidden:
            words = words.replace(f" <- {node} -> ", " <-> ")
        return words


def directed_view(graph: CausalGraph, directed: Iterable[Pair] | None = None) -> DirectedView:
    """Return the directed graph with a hidden node for every bidirected edge.

    Parameters
    ----------
    graph : CausalGraph
        Undirected edges are left out.
    directed : iterable of (str, str), optional
        Directed edges to use instead of the graph's own, for an extension of it.
    """
    parents: dict[str, list[str]] = {name: [] for name in graph.nodes}
    children: dict[str, list[str]] = {name: [] for name in graph.nodes}
    edges = graph.in_order(graph.edges if directed is None else directed)
    hidden = []
    for a, b in graph.in_order(graph.bidirected_edges):
        node = f"\N{NULL}{a}\N{NULL}{b}"
        hidden.append(node)
        parents[node], children[node] = [], []
        edges += [(node, a), (node, b)]
    for cause, effect in edges:
        parents[effect].append(cause)
        children[cause].append(effect)
    return DirectedView(
        {name: tuple(found) for name, found in parents.items()},
        {name: tuple(found) for name, found in children.items()},
        frozenset(hidden),
    )
