"""Checks and walks over lists of edges, before they are a graph.

Hides what makes names and pairs a causal graph: every error says which edge is wrong. networkx offers the walks; its
import would cost every user of the package a third of a second for four short loops.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from itertools import pairwise

__all__ = [
    "GraphError",
    "check_acyclic",
    "check_kinds",
    "checked_nodes",
    "checked_pairs",
    "find_cycle",
    "follow",
    "sorted_pairs",
    "topological_order",
]

Pair = tuple[str, str]
Neighbours = Mapping[str, tuple[str, ...]]


class GraphError(ValueError):
    """The nodes and edges given do not make a causal graph."""


def find_cycle(edges: Iterable[Pair]) -> list[Pair]:
    """Return the edges of one directed cycle, in order, or an empty list when there is none."""
    children: dict[str, list[str]] = {}
    for cause, effect in sorted(edges):
        children.setdefault(cause, []).append(effect)
    done: set[str] = set()
    for start in sorted(children):
        path: list[str] = [start]
        pending = [iter(children[start])] if start not in done else []
        while pending:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                done.add(path.pop())
            elif following in path:
                loop = [*path[path.index(following) :], following]
                return list(pairwise(loop))
            elif following not in done:
                path.append(following)
                pending.append(iter(children.get(following, ())))
    return []


def checked_nodes(nodes: Iterable[str]) -> tuple[str, ...]:
    """Return node names; refuse what is not a string or stands twice."""
    names = tuple(nodes)
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        raise GraphError(f"node names must be strings, found {strange[:5]}; rename the columns")
    if len(set(names)) != len(names):
        double = sorted({name for name in names if names.count(name) > 1})
        raise GraphError(f"nodes named twice: {double[:5]}; give each node its own name")
    return names


def checked_pairs(pairs: Iterable[Iterable[str]], rank: Mapping[str, int], what: str) -> list[Pair]:
    """Return pairs of two different nodes; ``what`` names the list in errors."""
    checked: list[Pair] = []
    for pair in pairs:
        ends = tuple(pair)
        if len(ends) != 2 or ends[0] == ends[1]:
            raise GraphError(f"{what} holds {ends!r}; an edge joins two different nodes")
        unknown = [end for end in ends if end not in rank]
        if unknown:
            raise GraphError(f"{what} holds {ends!r}, but {unknown} is not among the nodes {list(rank)[:8]}")
        checked.append((ends[0], ends[1]))
    return checked


def sorted_pairs(pairs: Iterable[Iterable[str]], rank: Mapping[str, int], what: str) -> list[Pair]:
    """Return checked pairs, each sorted by rank."""
    return [(a, b) if rank[a] < rank[b] else (b, a) for a, b in checked_pairs(pairs, rank, what)]


def check_kinds(directed: frozenset[Pair], undirected: frozenset[Pair], bidirected: frozenset[Pair]) -> None:
    """Refuse an undirected pair that is of another kind too."""
    either_way = directed | {(b, a) for a, b in directed}
    doubled = sorted((undirected & either_way) | (undirected & bidirected))
    if doubled:
        raise GraphError(f"{doubled[:5]} are undirected and of another kind too; keep one kind per pair")


def check_acyclic(names: tuple[str, ...], directed: frozenset[Pair]) -> None:
    """Refuse a directed cycle, naming it."""
    cycle = find_cycle(directed)
    if cycle:
        loop = " -> ".join([cycle[0][0], *(effect for _, effect in cycle)])
        raise GraphError(f"the directed edges of {len(names)} nodes hold a cycle: {loop}; drop one of them")


def follow(start: str, neighbours: Neighbours) -> frozenset[str]:
    """Return what the neighbours lead to from a start, without the start."""
    seen: set[str] = set()
    pending = [start]
    while pending:
        for following in neighbours[pending.pop()]:
            if following not in seen:
                seen.add(following)
                pending.append(following)
    return frozenset(seen - {start})


def topological_order(names: tuple[str, ...], parents: Neighbours, children: Neighbours) -> tuple[str, ...]:
    """Return the names with every parent before its children; ties keep their order."""
    rank = {name: i for i, name in enumerate(names)}
    missing = {name: len(parents[name]) for name in names}
    ready = [rank[name] for name in names if missing[name] == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for child in children[name]:
            missing[child] -= 1
            if missing[child] == 0:
                heapq.heappush(ready, rank[child])
    return tuple(order)
