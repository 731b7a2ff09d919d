"""The way from a lever to the outcome as a small picture: boxes, arrows, and in grey what is taken out of it.

Hides which columns a reader needs: the steps of the paths, the common causes that the comparison takes out, and the
columns that tempt and only follow. The whole graph has a page of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from causal.graph import CausalGraph
from graphrec.report.layout import place_nodes, wrap_label
from graphrec.report.still import draw_still

__all__ = ["draw_path"]

_ARROW = " -> "
_COMMON = 3


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
    steps = {node: max(path.index(node) for path in paths if node in path) for path in paths for node in path}
    common = _common(directed, levers, outcome)
    last = max(len(path) for path in paths) - 1
    tiers = {**dict.fromkeys(common, 0), **{node: 1 + step for node, step in steps.items()}, outcome: 1 + last}
    follows = [name for name, role in tempting.items() if role == "consequence" and name not in tiers]
    beside = [name for name in tempting if name not in tiers and name not in follows]
    tiers |= dict.fromkeys(follows, 2 + last) | dict.fromkeys(beside, 0)
    pairs = _pairs(directed, paths, tiers, {*common, *beside}) + [(outcome, name) for name in follows]
    parts = {name: _part(name, levers, outcome, steps) for name in tiers}
    labels = {name: wrap_label(label(name), 14) for name in tiers}
    placement = place_nodes(labels, tiers, pairs)
    drawn = draw_still(CausalGraph(list(tiers), pairs), placement, parts, labels)
    return {**drawn, "bands": []}


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
