"""A causal graph as a picture: causes left, effects right, the line as wide as the edge is sure.

Hides colours, sizes and curves. Directed edges are solid, open ones have no head, latent common causes are dashed with
two heads. networkx can draw with matplotlib; its straight lines run through other nodes' names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from causal.graph import CausalGraph
from causal.graphs.layering import Layering, layer_nodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

INK, PALE, ACCENT, FILL = "#334155", "#94a3b8", "#c2410c", "#ffedd5"
FONT = 9.0
GAP, ROW, BOW = 46.0, 24.0, 26.0
PADDING = 5.0
WIDEST, TALLEST = 16.0, 12.0
SURE = 0.5
Point = tuple[float, float]


def draw(
    graph: CausalGraph,
    ax: Axes | None = None,
    tiers: Mapping[str, int] | None = None,
    highlight: Collection[str] = (),
) -> Axes:
    """Draw a graph on matplotlib axes; see :meth:`CausalGraph.draw`.

    Raises
    ------
    GraphError
        When an edge leads from a later tier to an earlier one.
    """
    layering = layer_nodes(graph, tiers)
    centre, half = _sizes(layering)
    width = centre[-1] + half[-1] + 14 if centre else 60.0
    top, bottom = max(layering.rows.values(), default=0.0), min(layering.rows.values(), default=0.0)
    bends = [row for bend in layering.bends.values() for _, row in bend]
    top, bottom = (max([top, *bends]) + 0.8) * ROW, (min([bottom, *bends]) - 0.8) * ROW
    bottom -= BOW * 0.6 if graph.bidirected_edges else 0.0
    column = layering.column_of
    left = -BOW * 0.6 if any(column[a] == column[b] == 0 for a, b in graph.bidirected_edges) else 0.0
    ax = ax if ax is not None else _new_axes(width - left, top - bottom)
    shrink = _fit(ax, (left, width), (bottom, top))
    _draw_edges(ax, graph, _Places(layering, centre, half), set(highlight), shrink)
    for name, row in layering.rows.items():
        known = name in highlight
        ax.text(
            centre[layering.column_of[name]],
            row * ROW,
            _label(name),
            ha="center",
            va="center",
            fontsize=max(4.0, FONT * shrink),
            color=INK,
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.3",
                "fc": FILL if known else "white",
                "ec": ACCENT if known else PALE,
                "lw": 0.9,
            },
        )
    return ax


def _fit(ax: Axes, across: Point, up: Point) -> float:
    """Show a stretch of points on the axes, never enlarged; return by how much it is made smaller."""
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi
    room = (box.width * points, box.height * points)
    needed = (across[1] - across[0], up[1] - up[0])
    spare = [max(0.0, have - need) / 2 for have, need in zip(room, needed)]
    ax.set(xlim=(across[0] - spare[0], across[1] + spare[0]), ylim=(up[0] - spare[1], up[1] + spare[1]))
    ax.axis("off")
    return min(1.0, *(have / need for have, need in zip(room, needed)))


class _Places:
    """Points of nodes and edges, in points of the drawing."""

    def __init__(self, layering: Layering, centre: Sequence[float], half: Sequence[float]) -> None:
        self.layering, self.centre, self.half = layering, centre, half
        self.column = layering.column_of

    def side(self, name: str, sign: int) -> Point:
        """Return the right (1) or left (-1) end of a node's box."""
        own = _half_width(name) + 1
        return self.centre[self.column[name]] + sign * own, self.layering.rows[name] * ROW

    def way(self, a: str, b: str) -> list[Point]:
        """Return the points that an edge passes, from box to box."""
        if self.column[a] == self.column[b]:
            return [self.side(a, 1), self.side(b, 1)]
        if self.column[a] > self.column[b]:
            return self.way(b, a)[::-1]
        found = self.layering.bends.get((a, b), self.layering.bends.get((b, a), ()))
        passed = [
            (self.centre[column] + sign * self.half[column], row * ROW) for column, row in found for sign in (-1, 1)
        ]
        return [self.side(a, 1), *passed, self.side(b, -1)]

    def bow(self, a: str, b: str):  # type: ignore[no-untyped-def]
        """Return a path beside a column, or below the boxes of two columns."""
        from matplotlib.path import Path

        if self.column[a] == self.column[b]:
            (x0, y0), (x1, y1) = self.side(a, -1), self.side(b, -1)
            middle = [(min(x0, x1) - BOW, y0), (min(x0, x1) - BOW, y1)]
        else:
            (x0, y0), (x1, y1) = ((self.centre[self.column[n]], (self.layering.rows[n] - 0.36) * ROW) for n in (a, b))
            middle = [(x0 + (x1 - x0) / 4, y0 - BOW), (x1 - (x1 - x0) / 4, y1 - BOW)]
        return Path([(x0, y0), *middle, (x1, y1)], [Path.MOVETO, *[Path.CURVE4] * 3])


def _draw_edges(ax: Axes, graph: CausalGraph, places: _Places, marked: set[str], shrink: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    kinds = (
        (graph.edges, "-|>", "-"),
        (graph.undirected_edges, "-", "-"),
        (graph.bidirected_edges, "<|-|>", (0, (4, 3))),
    )
    for pairs, heads, dashes in kinds:
        for a, b in graph.in_order(pairs):
            points = places.way(a, b)
            loop = places.column[a] == places.column[b] or heads == "<|-|>"
            accent = {a, b} <= marked
            share = graph.confidence.get((a, b), {}).get("edge", SURE)
            patch = FancyArrowPatch(
                path=places.bow(a, b) if loop else _curve(points),
                arrowstyle=heads,
                mutation_scale=10 * shrink,
                linewidth=(0.5 + 1.9 * share) * max(shrink, 0.5),
                linestyle=dashes,
                color=ACCENT if accent else INK,
                alpha=1.0 if accent else 0.35 + 0.55 * share,
                fill=heads != "-",
                zorder=2 if accent else 1,
            )
            ax.add_patch(patch)


def _curve(points: Sequence[Point]):  # type: ignore[no-untyped-def]
    """Return a path that leaves and enters every point horizontally."""
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        reach = (x1 - x0) / 2
        vertices += [(x0 + reach, y0), (x1 - reach, y1), (x1, y1)]
        codes += [Path.CURVE4] * 3
    return Path(vertices, codes)


def _sizes(layering: Layering) -> tuple[list[float], list[float]]:
    """Return the centre and the half width of each column."""
    centre, half, at = [], [], 14.0
    for names in layering.columns:
        wide = max((_half_width(name) for name in names), default=10.0)
        centre.append(at + wide)
        half.append(wide)
        at += 2 * wide + GAP
    return centre, half


def _new_axes(width: float, height: float) -> Axes:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(min(WIDEST, max(3.0, width / 72)), min(TALLEST, max(1.4, height / 72))))
    ax.set_position((0.0, 0.0, 1.0, 1.0))
    return ax


@cache
def _half_width(name: str) -> float:
    """Return half the width of a node's box, in points."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), _label(name), size=FONT).get_extents().width) / 2 + PADDING


def _label(name: str) -> str:
    return name.replace("_", " ")
