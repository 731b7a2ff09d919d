"""Many graphs over the same nodes, asked the same question at once.

Hides the layout: for each ordered pair of nodes one integer whose bit g says whether graph g has the edge, so that a
step of a walk is taken in all graphs by one ``&``. Bootstraps share most of their edges, which makes a hundred graphs
hardly dearer than one; graph by graph (:class:`causal.graphs.bitgraph.BitGraph`) costs half a millisecond each at a
hundred nodes. A compiled loop over the graphs was considered: it would load a compiler to read a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causal.graphs.resamples import Resamples

__all__ = ["Ensemble"]

Steps = list[dict[int, int]]


@dataclass(frozen=True)
class Ensemble:
    """Partly directed graphs over the nodes 0, 1, ...; entry ``[a][b]`` holds the graphs with an edge from a to b.

    Parameters
    ----------
    everyone : int
        One bit for each graph.
    out, into : list of dict of int to int
        Directed edges from and to each node.
    beside, latent : list of dict of int to int
        Undirected edges and latent common causes.
    """

    everyone: int
    out: Steps
    into: Steps
    beside: Steps
    latent: Steps

    @classmethod
    def unpack(cls, resamples: Resamples) -> Ensemble:
        """Read the graphs of all bootstraps."""
        width = resamples.width
        steps, latent = _planes(resamples, 0), _planes(resamples, 1)
        directed: Steps = [{} for _ in range(width)]
        undirected: Steps = [{} for _ in range(width)]
        for a, row in enumerate(steps):
            for b, has in row.items():
                both = has & steps[b].get(a, 0)
                if both:
                    undirected[a][b] = both
                if has & ~both:
                    directed[a][b] = has & ~both
        return cls((1 << resamples.runs) - 1, directed, _turned(directed), undirected, latent)

    def reach(self, steps: Steps, start: int, barred: Mapping[int, int] | None = None) -> list[int]:
        """Return for each node the graphs in which steps lead there from the start without entering a barred node."""
        barred = barred or {}
        seen = [0] * len(steps)
        seen[start] = self.everyone
        fresh = {start: self.everyone}
        while fresh:
            node, graphs = fresh.popitem()
            for other, has in steps[node].items():
                found = graphs & has & ~seen[other] & ~barred.get(other, 0)
                if found:
                    seen[other] |= found
                    fresh[other] = fresh.get(other, 0) | found
        return seen

    def possible_descendants(self, start: int) -> list[int]:
        """Follow directed and undirected edges forward, never to an ancestor of where the walk began."""
        forward = [_joined(a, b) for a, b in zip(self.out, self.beside)]
        above = self.reach(self.into, start)
        return self.reach(forward, start, {node: graphs for node, graphs in enumerate(above) if node != start})

    def possible_ancestors(self, end: int, barred: int) -> list[int]:
        """Follow directed and undirected edges backward without entering a barred node."""
        back = [_joined(a, b) for a, b in zip(self.into, self.beside)]
        return self.reach(back, end, {barred: self.everyone})

    def separated(self, first: int, second: int, given: Iterable[int]) -> int:
        """Return the graphs in which every path between two nodes is blocked; undirected edges count as absent.

        The walk of :meth:`causal.graphs.bitgraph.BitGraph.connected`, in all graphs at once.
        """
        held = set(given)
        entered, turned = [0] * len(self.out), [0] * len(self.out)
        turned[first] = self.everyone
        pending: dict[tuple[int, bool], int] = {(first, False): self.everyone}
        while pending:
            (node, by_arrow), graphs = pending.popitem()
            turns = (node in held) == by_arrow
            ways = [] if node in held else [(self.out[node], entered, True)]
            ways += [(self.latent[node], entered, True), (self.into[node], turned, False)] if turns else []
            for steps, seen, arrow in ways:
                for other, has in steps.items():
                    found = graphs & has & ~seen[other]
                    if found:
                        seen[other] |= found
                        pending[(other, arrow)] = pending.get((other, arrow), 0) | found
        return self.everyone & ~(entered[second] | turned[second])

    def without(self, node: int, children: Mapping[int, int]) -> Ensemble:
        """Return the graphs without the arrows from one node to some others, each in the graphs given."""
        out, into = list(self.out), list(self.into)
        out[node] = dict(out[node])
        for child, graphs in children.items():
            kept = out[node].get(child, 0) & ~graphs
            out[node][child] = kept
            into[child] = {**into[child], node: kept}
        return Ensemble(self.everyone, out, into, self.beside, self.latent)

    def extended(self) -> tuple[Ensemble, int]:
        """Direct every edge without a new collider or cycle: the result, and the graphs for which there is none.

        Dor & Tarsi (1992) in all graphs at once: a node without outgoing arrows whose undirected neighbours are
        adjacent to all its other neighbours is taken away, and those edges point at it; until nothing is left.
        """
        joined = [_joined(_joined(a, b), c) for a, b, c in zip(self.out, self.into, self.beside)]
        left = [self.everyone] * len(self.out)
        directed = [dict(row) for row in self.out]
        waiting = dict.fromkeys(range(len(left)))
        while waiting:
            node, _ = waiting.popitem()
            sinks = self._sinks(node, left, joined)
            if not sinks:
                continue
            left[node] &= ~sinks
            for other, has in self.beside[node].items():
                pointed = has & left[other] & sinks
                if pointed:
                    directed[other][node] = directed[other].get(node, 0) | pointed
            waiting.update(dict.fromkeys(other for other in joined[node] if left[other]))
        stuck = 0
        for graphs in left:
            stuck |= graphs
        none: Steps = [{} for _ in left]
        return Ensemble(self.everyone, directed, _turned(directed), none, self.latent), stuck

    def _sinks(self, node: int, left: list[int], joined: Steps) -> int:
        """Return the graphs in which a node can be taken away next."""
        able = left[node]
        for other, has in self.out[node].items():
            able &= ~(has & left[other])
        for other, has in self.beside[node].items():
            tied = able & has & left[other]
            if not tied:
                continue
            for third, near in joined[node].items():
                if third != other:
                    able &= ~(tied & near & left[third] & ~joined[other].get(third, 0))
        return able


def _joined(first: Mapping[int, int], second: Mapping[int, int]) -> dict[int, int]:
    """Return the edges of either kind."""
    found = dict(first)
    for other, graphs in second.items():
        found[other] = found.get(other, 0) | graphs
    return found


def _planes(resamples: Resamples, plane: int) -> Steps:
    """Return one matrix of every graph as one integer for each pair that any graph joins."""
    import numpy as np

    size = resamples.width**2
    packed = np.frombuffer(resamples.bits, dtype=np.uint8).reshape(resamples.runs, -1)
    used = np.unpackbits(np.bitwise_or.reduce(packed, axis=0), count=2 * size)
    places = np.flatnonzero(used[plane * size : (plane + 1) * size])
    at = places + plane * size
    marks = packed[:, at >> 3] >> (7 - (at & 7)).astype(np.uint8) & 1
    bits = np.packbits(marks, axis=0, bitorder="little").T
    rows: Steps = [{} for _ in range(resamples.width)]
    for place, column in zip(places.tolist(), bits):
        a, b = divmod(place, resamples.width)
        rows[a][b] = int.from_bytes(column.tobytes(), "little")
    return rows


def _turned(steps: Steps) -> Steps:
    back: Steps = [{} for _ in steps]
    for a, row in enumerate(steps):
        for b, graphs in row.items():
            back[b][a] = graphs
    return back
