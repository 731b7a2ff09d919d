"""The causal graph as a still picture, for print and for readers without scripts.

Hides the geometry of boxes and lines; positions come from `graphrec.report.layout`, so both pictures are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphrec.report.layout import NODE_HEIGHT, Placement

if TYPE_CHECKING:
    from causal.graph import CausalGraph

__all__ = ["band_boxes", "draw_still", "tier_name"]

_TIER_NAMES = {
    0: "Traits",
    1: "History and context",
    2: "Contact",
    3: "Open",
    4: "Click",
    5: "Visit",
    6: "Outcome",
    7: "Afterwards",
}


def tier_name(tier: int) -> str:
    """Heading of a tier."""
    return _TIER_NAMES.get(tier, f"Tier {tier}")


def band_boxes(placement: Placement) -> list[dict[str, Any]]:
    """Heading and corners (left, top, right, bottom) of each tier."""
    return [{"label": tier_name(b.tier), "box": [b.left, b.top, b.right, b.bottom]} for b in placement.bands]


def draw_still(
    graph: CausalGraph, placement: Placement, parts: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """Geometry of the whole picture: box, bands, nodes with their lines of text, and edges."""
    half = NODE_HEIGHT / 2
    left, right = placement.bands[0].left, placement.bands[-1].right
    top, bottom = placement.bands[0].top - 26, placement.bands[0].bottom
    return {
        "box": f"{left:g} {top:g} {right - left:g} {bottom - top:g}",
        "bands": band_boxes(placement),
        "nodes": [
            {
                "part": parts[name],
                "x": x - placement.widths[name] / 2,
                "y": y - half,
                "width": placement.widths[name],
                "height": NODE_HEIGHT,
                "lines": _lines(labels[name], x, y),
            }
            for name, (x, y) in placement.positions.items()
        ],
        "edges": [
            {**_line(placement, a, b), "kind": kind}
            for kind, pairs in (
                ("directed", graph.edges),
                ("undirected", graph.undirected_edges),
                ("bidirected", graph.bidirected_edges),
            )
            for a, b in graph.in_order(pairs)
        ],
    }


def _lines(label: str, x: float, y: float) -> list[tuple[float, float, str]]:
    lines = label.split("\n")
    return [(x, round(y + 4 + 12 * (i - (len(lines) - 1) / 2), 1), line) for i, line in enumerate(lines)]


def _line(placement: Placement, a: str, b: str) -> dict[str, float]:
    """Ends of a line between the borders of two nodes."""
    (x1, y1), (x2, y2) = placement.positions[a], placement.positions[b]
    start = _border(x2 - x1, y2 - y1, placement.widths[a])
    end = _border(x1 - x2, y1 - y2, placement.widths[b])
    return {
        "x1": round(x1 + start[0], 1),
        "y1": round(y1 + start[1], 1),
        "x2": round(x2 + end[0], 1),
        "y2": round(y2 + end[1], 1),
    }


def _border(dx: float, dy: float, width: float) -> tuple[float, float]:
    """Where the line in a direction leaves the box of a node."""
    shrink = min(width / 2 / abs(dx) if dx else 1e9, NODE_HEIGHT / 2 / abs(dy) if dy else 1e9)
    return dx * shrink, dy * shrink
