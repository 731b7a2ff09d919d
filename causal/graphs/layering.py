"""Where the nodes of a drawing go: causes left, effects right, few crossings.

Hides the layered layout of Sugiyama, Tagawa & Toda (1981): each node into the column after its latest cause, long
edges through a free place in every column they cross, columns sorted by the mean place of their neighbours, and places
moved towards their neighbours as far as the order allows. Force-directed layouts were considered: they show clusters
and hide the direction of time. Graphviz does the same and must be installed beside Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from causal.formulas.criterion import to_bits
from causal.graph import CausalGraph
from causal.graphs.bitgraph import ones
from causal.graphs.edges import GraphError, Pair

__all__ = ["Layering", "layer_nodes"]

SWEEPS = 12
LANE = 0.45
Place = str | tuple[Pair, int]


@dataclass(frozen=True)
class Layering:
    """Places of nodes and bends of edges, in columns and rows.

    Parameters
    ----------
    columns : tuple of tuple of str
        The nodes of each column, from the top.
    rows : dict of str to float
        Height of each node; two nodes of a column are at least 1 apart. 0 is the middle, up is positive.
    bends : dict of (str, str) to tuple of (int, float)
        Column and height of the places that an edge passes on its way.
    """

    columns: tuple[tuple[str, ...], ...]
    rows: dict[str, float]
    bends: dict[Pair, tuple[tuple[int, float], ...]]

    @property
    def column_of(self) -> dict[str, int]:
        """Number of each node's column."""
        return {name: i for i, names in enumerate(self.columns) for name in names}


def layer_nodes(graph: CausalGraph, tiers: Mapping[str, int] | None = None) -> Layering:
    """Place the nodes of a graph.

    Parameters
    ----------
    graph : CausalGraph
        Open edges are laid out as if they pointed one way that the graph allows.
    tiers : mapping of str to int, optional
        No column mixes tiers, and earlier tiers stand further left. Nodes without a tier go where their causes put
        them.

    Raises
    ------
    GraphError
        When an edge leads from a later tier to an earlier one.
    """
    edges = _one_way(graph)
    column = _columns(graph, edges, dict(tiers or {}))
    chains = {edge: _chain(edge, column) for edge in edges}
    beside: dict[Place, list[Place]] = {}
    for chain in chains.values():
        for first, second in pairwise(chain):
            beside.setdefault(first, []).append(second)
            beside.setdefault(second, []).append(first)
    order = _sorted_columns(_filled(graph, chains, column), beside)
    rows = _heights(order, beside)
    bends = {
        edge: tuple((column[edge[0]] + i, rows[place]) for i, place in enumerate(chain) if 0 < i < len(chain) - 1)
        for edge, chain in chains.items()
    }
    named = tuple(tuple(place for place in places if isinstance(place, str)) for places in order)
    return Layering(named, {name: rows[name] for name in graph.nodes}, bends)


def _one_way(graph: CausalGraph) -> list[Pair]:
    """Return the directed edges, and the open ones in a direction that keeps the graph acyclic."""
    index = {name: i for i, name in enumerate(graph.nodes)}
    whole = to_bits(graph, index).extended()
    if whole is None:
        place = {name: i for i, name in enumerate(graph.topological_order())}
        settled = [tuple(sorted(pair, key=place.__getitem__)) for pair in graph.in_order(graph.undirected_edges)]
        return [*graph.in_order(graph.edges), *((a, b) for a, b in settled)]
    return [(graph.nodes[a], graph.nodes[b]) for a, row in enumerate(whole.out) for b in ones(row)]


def _columns(graph: CausalGraph, edges: Sequence[Pair], tiers: Mapping[str, int]) -> dict[str, int]:
    """Return the column of each node: after its causes, and after all earlier tiers."""
    for a, b in edges:
        if a in tiers and b in tiers and tiers[a] > tiers[b]:
            raise GraphError(
                f"{a} -> {b} leads from tier {tiers[a]} back to {tiers[b]}; draw without tiers or correct them"
            )
    parents: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in edges:
        parents[b].append(a)
    steps = [sorted(set(tiers.values())).index(tiers[n]) if n in tiers else 0 for n in graph.nodes]
    tier = dict(zip(graph.nodes, steps))
    order = CausalGraph(graph.nodes, edges).topological_order()
    for name in order:
        tier[name] = max([tier[name], *(tier[parent] for parent in parents[name])])
    depth: dict[str, tuple[int, int]] = {}
    for name in order:
        same = [depth[parent][1] + 1 for parent in parents[name] if tier[parent] == tier[name]]
        depth[name] = (tier[name], max(same, default=0))
    used = sorted(set(depth.values()))
    return {name: used.index(depth[name]) for name in graph.nodes}


def _chain(edge: Pair, column: Mapping[str, int]) -> list[Place]:
    first, last = column[edge[0]], column[edge[1]]
    return [edge[0], *((edge, at) for at in range(first + 1, last)), edge[1]]


def _filled(graph: CausalGraph, chains: Mapping[Pair, Sequence[Place]], column: Mapping[str, int]) -> list[list[Place]]:
    filled: list[list[Place]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for name in graph.nodes:
        filled[column[name]].append(name)
    for chain in chains.values():
        for place in chain[1:-1]:
            filled[place[1] if isinstance(place, tuple) else column[place]].append(place)
    return filled


def _sorted_columns(filled: list[list[Place]], beside: Mapping[Place, Sequence[Place]]) -> list[list[Place]]:
    """Sort each column by the mean place of its neighbours, to and fro; keep the order of fewest crossings."""
    order = [list(places) for places in filled]
    best, fewest = order, _crossings(order, beside)
    for sweep in range(SWEEPS):
        order = [list(places) for places in order]
        numbers = range(1, len(order)) if sweep % 2 == 0 else range(len(order) - 2, -1, -1)
        for i in numbers:
            fixed = order[i - 1] if sweep % 2 == 0 else order[i + 1]
            at = {place: k for k, place in enumerate(fixed)}
            wanted = {p: _mean([at[n] for n in beside.get(p, ()) if n in at], k) for k, p in enumerate(order[i])}
            order[i].sort(key=wanted.__getitem__)
        found = _crossings(order, beside)
        if found < fewest:
            best, fewest = order, found
    return best


def _crossings(order: Sequence[Sequence[Place]], beside: Mapping[Place, Sequence[Place]]) -> int:
    total = 0
    for left, right in pairwise(order):
        at = {place: k for k, place in enumerate(right)}
        ends = [k for place in left for k in sorted(at[n] for n in beside.get(place, ()) if n in at)]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _heights(order: Sequence[Sequence[Place]], beside: Mapping[Place, Sequence[Place]]) -> dict[Place, float]:
    """Move every place towards its neighbours, keeping the order and the distances within its column."""
    rows: dict[Place, float] = {}
    offsets = [_offsets(places) for places in order]
    for places, least in zip(order, offsets):
        rows.update({place: least[k] - least[-1] / 2 for k, place in enumerate(places)})
    for sweep in range(2 * SWEEPS):
        columns = range(len(order)) if sweep % 2 == 0 else range(len(order) - 1, -1, -1)
        for i in columns:
            wanted = [_mean([rows[n] for n in beside.get(place, ())], rows[place]) for place in order[i]]
            rows.update(zip(order[i], _spread(wanted, offsets[i])))
    middle = (max(rows.values(), default=0.0) + min(rows.values(), default=0.0)) / 2
    return {place: middle - row for place, row in rows.items()}


def _offsets(places: Sequence[Place]) -> list[float]:
    """Return the least distance of each place from the first: nodes need a row, edges a lane."""
    room = [0.5 if isinstance(place, str) else LANE / 2 for place in places]
    offsets = [0.0]
    for before, after in pairwise(room):
        offsets.append(offsets[-1] + before + after)
    return offsets


def _spread(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return the closest heights to the wanted ones that keep the distances (pooling adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value, offset in zip(wanted, offsets):
        mean, count = value - offset, 1
        while pools and pools[-1][0] >= mean:
            before, n = pools.pop()
            mean, count = (before * n + mean * count) / (n + count), n + count
        pools.append((mean, count))
    level = [mean for mean, count in pools for _ in range(count)]
    return [base + offset for base, offset in zip(level, offsets)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
