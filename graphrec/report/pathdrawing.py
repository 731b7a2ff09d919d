"""The way from a lever to the outcome as a small picture: boxes, arrows, and in grey what is taken out of it.

Hides which columns a reader needs: the steps of the paths, the common causes that the comparison takes out, and the
columns that tempt and only follow. The whole graph has a page of its own. An arrow over several columns of boxes keeps
a row free in each of them (the dummy nodes of Sugiyama 1981) and bends only between columns, so that it never runs
behind a box and reads as an arrow of that box; straight lines were tried and did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

from causal.graph import CausalGraph
from graphrec.report.layout import Placement, place_nodes, wrap_label
from graphrec.report.still import draw_still

__all__ = ["draw_path"]

_ARROW = " -> "
_COMMON = 3

Pair = tuple[str, str]


def draw_path(
    graph: CausalGraph, through: Sequence[str], tempting: Mapping[str, str], label: Callable[[str], str]
) -> dict[str, Any] | None:
    """Geometry of the picture; None where there is no path.

    Parameters
    ----------
    graph : CausalGraph
        Its consensus is drawn.
    through : sequence of str
        Paths, columns joined by arrows.
    tempting : mapping of str to str
        Columns that an explanation of the model points at, and what the graph makes of them; a consequence stands
        after the outcome.
    label : callable
        Column to what people call it.
    """
    paths = [path.split(_ARROW) for path in through]
    if not paths:
        return None
    directed = graph.consensus or graph
    outcome = paths[0][-1]
    levers = list(dict.fromkeys(path[0] for path in paths))
    steps = _steps(paths)
    common = _common(directed, levers, outcome)
    last = max(steps.values())
    tiers = {**dict.fromkeys(common, 0), **{node: 1 + step for node, step in steps.items()}, outcome: 1 + last}
    follows = [name for name, role in tempting.items() if role == "consequence" and name not in tiers]
    beside = [name for name in tempting if name not in tiers and name not in follows]
    tiers |= dict.fromkeys(follows, 2 + last) | dict.fromkeys(beside, 0)
    pairs = _pairs(directed, paths, tiers, {*common, *beside}) + [(outcome, name) for name in follows]
    parts = {name: _part(name, levers, outcome, steps) for name in tiers}
    labels = {name: wrap_label(label(name), 14) for name in tiers}
    placement, ways = _routed(labels, tiers, pairs)
    drawn = draw_still(CausalGraph(list(tiers)), placement, parts, labels)
    return {**drawn, "bands": [], "edges": [{"kind": "directed", "way": ways[pair]} for pair in pairs]}


def _steps(paths: Sequence[Sequence[str]]) -> dict[str, int]:
    """Column of each node: one after all that leads to it."""
    pairs = {pair for path in paths for pair in pairwise(path)}
    step = dict.fromkeys((node for path in paths for node in path), 0)
    for _ in step:
        for a, b in pairs:
            step[b] = min(max(step[b], step[a] + 1), len(step))
    return step


def _routed(
    labels: Mapping[str, str], tiers: Mapping[str, int], pairs: Sequence[Pair]
) -> tuple[Placement, dict[Pair, str]]:
    """Where the boxes stand, and the way of each arrow through free rows, as an SVG path."""
    columns = sorted(set(tiers.values()))
    stops = {
        (a, b): [a, *((f"{a}{_ARROW}{b} in {tier}") for tier in columns if tiers[a] < tier < tiers[b]), b]
        for a, b in pairs
    }
    between = {stop: (pair, place) for pair, found in stops.items() for place, stop in enumerate(found[1:-1], 1)}
    passed = {
        stop: [tier for tier in columns if tiers[pair[0]] < tier][place - 1] for stop, (pair, place) in between.items()
    }
    links = [link for found in stops.values() for link in pairwise(found)]
    placed = place_nodes({**labels, **dict.fromkeys(between, "")}, {**tiers, **passed}, links)
    placed = replace(placed, positions=_uncrossed(placed.positions, {**tiers, **passed}, links))
    sides = {band.tier: (band.left, band.right) for band in placed.bands}
    every = {**tiers, **passed}
    ways = {
        pair: _way([(*sides[every[stop]], placed.positions[stop][1]) for stop in found], _ends(placed, pair))
        for pair, found in stops.items()
    }
    kept = {name: placed.positions[name] for name in labels}
    return Placement(kept, {name: placed.widths[name] for name in labels}, placed.bands), ways


def _uncrossed(
    positions: Mapping[str, tuple[float, float]], tiers: Mapping[str, int], links: Sequence[Pair]
) -> dict[str, tuple[float, float]]:
    """Swap two of a column wherever that leaves fewer crossings, or as many and shorter bends."""
    best = dict(positions)
    least = _tangle(best, links)
    for a, b in [pair for pair in combinations(positions, 2) if tiers[pair[0]] == tiers[pair[1]]] * 2:
        tried = {**best, a: (best[a][0], best[b][1]), b: (best[b][0], best[a][1])}
        found = _tangle(tried, links)
        if found < least:
            best, least = tried, found
    return best


def _tangle(positions: Mapping[str, tuple[float, float]], links: Sequence[Pair]) -> tuple[int, float]:
    """Crossings of links between the same two columns, and the height that all links climb."""
    ends = [(*positions[a], *positions[b]) for a, b in links]
    crossed = sum(
        (x1, x2) == (z1, z2) and (y1 - w1) * (y2 - w2) < 0
        for (x1, y1, x2, y2), (z1, w1, z2, w2) in combinations(ends, 2)
    )
    return crossed, round(sum(abs(y1 - y2) for _, y1, _, y2 in ends), 1)


def _ends(placed: Placement, pair: Pair) -> tuple[float, float]:
    """Right side of the first box and left side of the second."""
    (a, b), x = pair, placed.positions
    return x[a][0] + placed.widths[a] / 2, x[b][0] - placed.widths[b] / 2


def _way(stops: Sequence[tuple[float, float, float]], ends: tuple[float, float]) -> str:
    """Level inside columns (left, right, height), bent between them."""
    said = [f"M{ends[0]:.1f} {stops[0][2]:.1f} H{stops[0][1]:.1f}"]
    for (_, right, before), (left, beyond, after) in pairwise(stops):
        middle = (right + left) / 2
        said.append(f"C{middle:.1f} {before:.1f} {middle:.1f} {after:.1f} {left:.1f} {after:.1f}")
        said.append(f"H{beyond:.1f}")
    return " ".join([*said[:-1], f"H{ends[1]:.1f}"])


def _common(directed: CausalGraph, levers: Sequence[str], outcome: str) -> list[str]:
    """What drives lever and outcome both."""
    if outcome not in directed.nodes:
        return []
    parents = {node for lever in levers if lever in directed.nodes for node in directed.parents(lever)}
    return [node for node in directed.parents(outcome) if node in parents and node not in levers][:_COMMON]


def _pairs(
    directed: CausalGraph, paths: Sequence[Sequence[str]], tiers: dict[str, int], beside: set[str]
) -> list[tuple[str, str]]:
    """Arrows of the paths, and those that join the grey boxes to them."""
    own = {pair for path in paths for pair in pairwise(path)}
    more = {
        (a, b)
        for a, b in directed.edges
        if a in tiers and b in tiers and (a in beside or b in beside) and tiers[a] < tiers[b]
    }
    return sorted(own | more)


def _part(name: str, levers: Sequence[str], outcome: str, steps: dict[str, int]) -> str:
    if name == outcome:
        return "outcome"
    if name in levers:
        return "treatment"
    return "mediator" if name in steps else "other"
