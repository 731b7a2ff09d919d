"""Neighbours drawn from a typed graph too large to propagate whole, none from after the decision.

Hides the layout (edges grouped by the node that receives the message, in ascending time) and the draw: without
replacement, from a counter-based generator, so that what a seed draws depends on nothing but the seed, the node's place
and the hop. A graph may lie in memory-mapped arrays: only the rows asked for are read.

With moments given, every hop sees only edges strictly before the moment of the seed it started from; trees of
different seeds share no node, so nothing of a late seed reaches an early one. Alternative considered: NeighborLoader of
torch_geometric, which needs pyg-lib, and that is not on the package index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causal.search.jit import compiled
from graphrec.learning.hetero import EdgeType
from graphrec.market.tables import DataError

__all__ = ["Hop", "Neighbours", "draw_hops", "draw_neighbours", "index_neighbours"]

Longs = NDArray[np.int64]
_FOREVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Edges of one type, grouped by target and sorted by time within a group.

    Attributes
    ----------
    pointers : numpy.ndarray, shape (n_targets + 1,), int64
        Where the edges of each target begin.
    sources : numpy.ndarray, shape (e,), int32
        Codes of the neighbours.
    times : numpy.ndarray, shape (e,), int64
        Moments of the edges, ascending for each target.
    """

    pointers: Longs
    sources: NDArray[np.int32]
    times: Longs


@dataclass(frozen=True, eq=False)
class Hop:
    """Edges drawn in one step.

    Attributes
    ----------
    edge_type : tuple of str
        (source, relation, target): messages flow from the drawn neighbour to its parent.
    parents : numpy.ndarray, shape (s,), int64
        Positions of the targets among the nodes of the step before (the seeds, at first).
    neighbours : numpy.ndarray, shape (s,), int32
        Codes of the drawn nodes.
    times, moments : numpy.ndarray, shape (s,), int64
        When the edge arose, and the moment of the seed that the tree started from.
    """

    edge_type: EdgeType
    parents: Longs
    neighbours: NDArray[np.int32]
    times: Longs
    moments: Longs


def index_neighbours(
    source: ArrayLike, target: ArrayLike, n_targets: int, times: ArrayLike | None = None
) -> Neighbours:
    """Group edges by target.

    Parameters
    ----------
    source, target : array_like, shape (e,), int
        Codes of the nodes of each edge.
    n_targets : int
        Targets have codes below this.
    times : array_like, shape (e,), int64, optional
        Moments of the edges; without them every edge has always been there.

    Raises
    ------
    DataError
        The arrays differ in length, or a target does not exist.
    """
    sources, targets = np.asarray(source), np.asarray(target)
    when = np.full(len(sources), np.iinfo(np.int64).min) if times is None else np.asarray(times, dtype=np.int64)
    if not len(sources) == len(targets) == len(when):
        raise DataError(f"source, target and times have {len(sources)}, {len(targets)} and {len(when)} entries")
    if len(targets) and (targets.min() < 0 or targets.max() >= n_targets):
        raise DataError(f"targets run from {targets.min()} to {targets.max()}; codes must be from 0 to {n_targets - 1}")
    order = np.lexsort((sources, when, targets))
    pointers = np.searchsorted(targets[order], np.arange(n_targets + 1)).astype(np.int64)
    return Neighbours(pointers, sources[order].astype(np.int32), when[order])


def draw_neighbours(
    graph: Neighbours,
    nodes: ArrayLike,
    n: int,
    *,
    before: ArrayLike | None = None,
    latest: bool = False,
    rng: int | np.random.Generator | None = None,
) -> tuple[Longs, Longs]:
    """Draw at most n edges of each node, without replacement.

    Parameters
    ----------
    graph : Neighbours
        From `index_neighbours`.
    nodes : array_like, shape (s,), int
        Targets; one may be asked several times.
    n : int
        Most edges of a node; all of them where it has no more.
    before : array_like, shape (s,), int64, optional
        Only edges strictly earlier than this count for the node at the same place.
    latest : bool
        The n most recent ones instead of a draw.
    rng : int, Generator or None
        Seed.

    Returns
    -------
    places : numpy.ndarray, shape (drawn,), int64
        Positions in ``nodes``, ascending.
    edges : numpy.ndarray, shape (drawn,), int64
        Positions in the arrays of the graph.

    Raises
    ------
    DataError
        A node does not exist, n is not positive, or ``before`` has another length.

    Examples
    --------
    >>> graph = index_neighbours([4, 5, 6], [0, 0, 1], 2, times=[10, 20, 30])
    >>> places, edges = draw_neighbours(graph, [0, 1], 5, before=[20, 30], rng=0)
    >>> graph.sources[edges].tolist()
    [4]
    """
    asked = np.asarray(nodes, dtype=np.int64)
    limit = np.full(len(asked), _FOREVER) if before is None else np.asarray(before, dtype=np.int64)
    if n < 1:
        raise DataError(f"n is {n}; draw at least one neighbour")
    if len(limit) != len(asked):
        raise DataError(f"before has {len(limit)} moments for {len(asked)} nodes; give one for each")
    if len(asked) and (asked.min() < 0 or asked.max() >= len(graph.pointers) - 1):
        raise DataError(f"nodes run from {asked.min()} to {asked.max()}; codes end at {len(graph.pointers) - 2}")
    seed = np.random.default_rng(rng).integers(2**63, dtype=np.int64)
    return _draw(graph.pointers, graph.times, asked, limit, n, latest, before is None, np.uint64(seed))


def draw_hops(
    graph: Mapping[EdgeType, Neighbours],
    node_type: str,
    seeds: ArrayLike,
    sizes: tuple[int, ...],
    *,
    before: ArrayLike | None = None,
    latest: bool = False,
    rng: int | np.random.Generator | None = None,
) -> list[list[Hop]]:
    """Draw a tree of typed neighbours around each seed.

    Parameters
    ----------
    graph : mapping from (source, relation, target) to Neighbours
        Edge types by which messages flow.
    node_type : str
        Type of the seeds.
    seeds : array_like, shape (s,), int
        Codes.
    sizes : tuple of int
        Most neighbours of each edge type in each step.
    before, latest, rng
        See `draw_neighbours`; moments are those of the seeds.

    Returns
    -------
    list of list of Hop
        For each step one hop of each edge type that ends at a type drawn in the step before. The nodes of a step are
        those of its hops, one hop after the other; `Hop.parents` are positions among the nodes of their type.
    """
    generator = np.random.default_rng(rng)
    codes = np.asarray(seeds, dtype=np.int64)
    moments = np.full(len(codes), _FOREVER) if before is None else np.asarray(before, dtype=np.int64)
    frontier = {node_type: (codes, moments)}
    steps = []
    for size in sizes:
        hops = []
        for edge_type, edges in graph.items():
            if edge_type[2] not in frontier:
                continue
            nodes, when = frontier[edge_type[2]]
            places, drawn = draw_neighbours(
                edges, nodes, size, before=None if before is None else when, latest=latest, rng=generator
            )
            hops.append(Hop(edge_type, places, edges.sources[drawn], edges.times[drawn], when[places]))
        steps.append(hops)
        kinds = dict.fromkeys(hop.edge_type[0] for hop in hops)
        frontier = {kind: _frontier([hop for hop in hops if hop.edge_type[0] == kind]) for kind in kinds}
    return steps


def _frontier(hops: list[Hop]) -> tuple[Longs, Longs]:
    nodes = np.concatenate([hop.neighbours for hop in hops]).astype(np.int64)
    return nodes, np.concatenate([hop.moments for hop in hops])


@compiled
def _draw(
    pointers: Longs, times: Longs, nodes: Longs, limit: Longs, n: int, latest: bool, always: bool, seed: np.uint64
) -> tuple[Longs, Longs]:
    """Floyd's algorithm for each node over the edges before its limit (Bentley & Floyd 1987)."""
    places = np.empty(len(nodes) * n, np.int64)
    edges = np.empty(len(nodes) * n, np.int64)
    filled = 0
    for place in range(len(nodes)):
        low, end = pointers[nodes[place]], pointers[nodes[place] + 1]
        first, high = low, end
        while not always and low < high:  # the first edge that is not earlier
            middle = (low + high) >> 1
            if times[middle] < limit[place]:
                low = middle + 1
            else:
                high = middle
        last = end if always else low
        size = last - first
        begin = filled
        if size <= n or latest:
            for edge in range(max(first, last - n), last):
                places[filled], edges[filled] = place, edge
                filled += 1
            continue
        state = seed ^ (np.uint64(place) * np.uint64(0x9E3779B97F4A7C15))
        for top in range(size - n, size):
            state += np.uint64(0x9E3779B97F4A7C15)
            mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
            choice = first + np.int64((mixed >> np.uint64(11)) % np.uint64(top + 1))
            for earlier in range(begin, filled):
                if edges[earlier] == choice:
                    choice = first + top
                    break
            places[filled], edges[filled] = place, choice
            filled += 1
    return places[:filled], edges[:filled]
