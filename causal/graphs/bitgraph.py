"""Graphs as one integer of bits per node, for questions that are asked of hundreds of graphs.

Hides the bits, the walk that decides separation, and the search of Dor & Tarsi (1992) for a directed version of a
partly directed graph: take away a node without outgoing arrows whose undirected neighbours are adjacent to all its
other neighbours, point those edges at it, repeat. It finds a version whenever there is one. Directing one edge at a
time and closing under Meek's rules gives the same answer and takes 20 ms at a hundred nodes, this a fraction of one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

__all__ = ["BitGraph", "ones", "reach"]


@dataclass(frozen=True)
class BitGraph:
    """A partly directed graph over the nodes 0, 1, ...; bit b of entry a says whether a and b are joined.

    Parameters
    ----------
    out, into : list of int
        Directed edges from and to each node.
    beside : list of int
        Undirected edges.
    latent : list of int
        Latent common causes.
    """

    out: list[int]
    into: list[int]
    beside: list[int]
    latent: list[int]

    @classmethod
    def from_edges(
        cls,
        size: int,
        directed: Iterable[tuple[int, int]],
        undirected: Iterable[tuple[int, int]] = (),
        bidirected: Iterable[tuple[int, int]] = (),
    ) -> BitGraph:
        """Build the graph from pairs of node numbers."""
        graph = cls([0] * size, [0] * size, [0] * size, [0] * size)
        for a, b in directed:
            graph.out[a] |= 1 << b
            graph.into[b] |= 1 << a
        for pairs, kind in ((undirected, graph.beside), (bidirected, graph.latent)):
            for a, b in pairs:
                kind[a] |= 1 << b
                kind[b] |= 1 << a
        return graph

    def without(self, node: int, children: int) -> BitGraph:
        """Return the graph without the arrows from one node to some others."""
        out, into = list(self.out), list(self.into)
        for child in ones(children & out[node]):
            into[child] &= ~(1 << node)
        out[node] &= ~children
        return replace(self, out=out, into=into)

    def possible_descendants(self, start: int) -> int:
        """Follow directed and undirected edges forward, never to an ancestor of where the walk began."""
        forward = [a | b for a, b in zip(self.out, self.beside)]
        return reach(forward, start, reach(self.into, start) & ~start)

    def connected(self, start: int, given: int) -> int:
        """Return all nodes, given ones included, that a path from the start reaches which nothing given blocks.

        The walk enters a node along an arrow into it, and then may only go on, or turn where the node is given; or from
        one of its children, and then may turn unless the node is given (Shachter 1998). Undirected edges count as
        absent.
        """
        entered, turned = 0, 1 << start
        pending = [(start, False)]
        while pending:
            node, by_arrow = pending.pop()
            held = given >> node & 1
            turns = held if by_arrow else not held
            onward = (0 if held else self.out[node]) | (self.latent[node] if turns else 0)
            back = self.into[node] & ~turned if turns else 0
            onward &= ~entered
            entered, turned = entered | onward, turned | back
            pending += [(other, True) for other in ones(onward)]
            pending += [(other, False) for other in ones(back)]
        return entered | turned

    def separated(self, first: int, second: int, given: int) -> bool:
        """Say whether every path between two nodes is blocked."""
        return not self.connected(first, given) >> second & 1

    def nearest_separator(self, near: int, far: int, separator: int) -> int:
        """Return a minimal separator inside a separator, made of the nodes closest to ``near``."""
        close = self.connected(near, separator) & separator
        return self.connected(far, close) & close

    def extended(self, latest: bool = True) -> BitGraph | None:
        """Return a graph with every edge directed, no new collider and no cycle; None where there is none.

        Parameters
        ----------
        latest : bool
            Whether an edge that may point either way points at its node of larger number, or at the other.
        """
        if not any(self.beside):
            return self
        removals = _remove_sinks(self, -1 if latest else 1)
        if removals is None:
            return None
        out, into = list(self.out), list(self.into)
        for node, parents in removals:
            into[node] |= parents
            for parent in ones(parents):
                out[parent] |= 1 << node
        return BitGraph(out, into, [0] * len(out), self.latent)


def ones(bits: int) -> Iterator[int]:
    """Yield the places of the bits that are set, lowest first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def reach(steps: Sequence[int], start: int, barred: int = 0) -> int:
    """Return the start and everything that steps lead to without entering a barred node."""
    seen = pending = start
    while pending:
        low = pending & -pending
        found = steps[low.bit_length() - 1] & ~(seen | barred)
        seen |= found
        pending = (pending ^ low) | found
    return seen


def _remove_sinks(graph: BitGraph, sign: int) -> list[tuple[int, int]] | None:
    """Return nodes in the order in which they can be sinks of what is left, with the edges to point at them."""
    left = (1 << len(graph.out)) - 1
    joined = [a | b | c for a, b, c in zip(graph.out, graph.into, graph.beside)]
    waiting = [sign * node for node, children in enumerate(graph.out) if not children]
    heapq.heapify(waiting)
    removed = []
    while waiting:
        node = sign * heapq.heappop(waiting)
        if not left >> node & 1 or not _can_be_sink(graph, node, left, joined):
            continue
        left &= ~(1 << node)
        if graph.beside[node] & left:
            removed.append((node, graph.beside[node] & left))
        for other in ones(joined[node] & left):
            if not graph.out[other] & left:
                heapq.heappush(waiting, sign * other)
    return None if left else removed


def _can_be_sink(graph: BitGraph, node: int, left: int, joined: Sequence[int]) -> bool:
    if graph.out[node] & left:
        return False
    if not graph.beside[node] & left:
        return True
    near = joined[node] & left
    return all(not near & ~(joined[other] | 1 << other) for other in ones(graph.beside[node] & left))
