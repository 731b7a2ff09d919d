"""Where the nodes of a causal graph stand: tiers from left to right, few crossings, room for every label.

Hides the layered drawing. Tiers are known before the graph is, so a general layout library (dagre) would only guess
them again; within a tier with many nodes the columns follow the arrows. Crossings are reduced by barycentres (Sugiyama
1981) with a fixed number of sweeps, so the same graph always looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["NODE_HEIGHT", "Band", "Placement", "place_nodes", "wrap_label"]

NODE_HEIGHT = 40.0
_ROW, _WIDEST_ROW = 52.0, 92.0
_ASPECT = 2.1
_GAP = 18.0
_COLUMN_GAP = 26.0
_INNER_GAP = 46.0
_LETTER = 7.2
_PADDING = 18.0
_TALLEST = 10
_SWEEPS = 8

Pair = tuple[str, str]


@dataclass(frozen=True)
class Band:
    """The strip behind one tier, in pixels."""

    tier: int
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Placement:
    """Centres and widths of nodes, and the strips of the tiers, in pixels."""

    positions: Mapping[str, tuple[float, float]]
    widths: Mapping[str, float]
    bands: tuple[Band, ...]


def wrap_label(text: str, length: int = 11) -> str:
    """Break a label at spaces into lines of at most about ``length`` letters.

    Examples
    --------
    >>> wrap_label("category purchases"), wrap_label("age")
    ('category\\npurchases', 'age')
    """
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= length:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    lines = [line if len(line) <= 22 else f"{line[:21]}…" for line in lines]
    return "\n".join(lines if len(lines) <= 3 else [*lines[:2], f"{lines[2][:12]}…"])


def place_nodes(
    labels: Mapping[str, str], tiers: Mapping[str, int], edges: Iterable[Pair], bold: Iterable[str] = ()
) -> Placement:
    """Place nodes by tier.

    Parameters
    ----------
    labels : mapping of str to str
        Node to its wrapped label, in the order of the graph.
    tiers : mapping of str to int
        Tier of every node.
    edges : iterable of (str, str)
        Any joined pairs; arrows first to second.
    bold : iterable of str
        Nodes with broader letters.
    """
    broad = set(bold)
    pairs = [(a, b) for a, b in edges if a in labels and b in labels]
    columns = _columns(list(labels), tiers, pairs)
    columns = _uncross(columns, pairs)
    widths = {
        name: max(64.0, _PADDING + (8.4 if name in broad else _LETTER) * max(map(len, label.split("\n"))))
        for name, label in labels.items()
    }
    return _measure(columns, tiers, widths)


def _columns(names: Sequence[str], tiers: Mapping[str, int], pairs: Sequence[Pair]) -> list[list[str]]:
    """One column for each tier, several along the arrows where a tier is tall."""
    columns: list[list[str]] = []
    for tier in sorted({tiers[name] for name in names}):
        members = _along_arrows([name for name in names if tiers[name] == tier], pairs)
        parts = -(-len(members) // _TALLEST)
        size = -(-len(members) // parts)
        columns += [members[start : start + size] for start in range(0, len(members), size)]
    return columns


def _along_arrows(names: list[str], pairs: Sequence[Pair]) -> list[str]:
    """Sort by the length of the longest path that leads to each node within the group (cycles are cut)."""
    inside = set(names)
    arrows = [(a, b) for a, b in pairs if a in inside and b in inside]
    depth = dict.fromkeys(names, 0)
    for _ in names:
        moved = False
        for a, b in arrows:
            if depth[b] <= depth[a] < len(names):
                depth[b], moved = depth[a] + 1, True
        if not moved:
            break
    return sorted(names, key=lambda name: (depth[name], names.index(name)))


def _uncross(columns: list[list[str]], pairs: Sequence[Pair]) -> list[list[str]]:
    """Sort each column by the mean height of its neighbours, a few times; the fewest crossings win."""
    near: dict[str, list[str]] = {name: [] for column in columns for name in column}
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    best, fewest = columns, _crossings(columns, pairs)
    current = columns
    for _ in range(_SWEEPS):
        height = _heights(current)
        current = [
            sorted(column, key=lambda n: (_mean([height[m] for m in near[n]], height[n]), n)) for column in current
        ]
        found = _crossings(current, pairs)
        if found < fewest:
            best, fewest = current, found
    return best


def _heights(columns: list[list[str]]) -> dict[str, float]:
    return {name: i - (len(column) - 1) / 2 for column in columns for i, name in enumerate(column)}


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(columns: list[list[str]], pairs: Sequence[Pair]) -> int:
    """Pairs of lines that cross between the same two columns."""
    place = {name: i for i, column in enumerate(columns) for name in column}
    height = _heights(columns)
    lines: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for a, b in pairs:
        first, second = (a, b) if place[a] <= place[b] else (b, a)
        lines.setdefault((place[first], place[second]), []).append((height[first], height[second]))
    return sum(
        (x[0] - y[0]) * (x[1] - y[1]) < 0
        for group in lines.values()
        for i, x in enumerate(group[:200])
        for y in group[i + 1 : 200]
    )


def _measure(columns: list[list[str]], tiers: Mapping[str, int], widths: Mapping[str, float]) -> Placement:
    """Coordinates of the columns, centred on one line, and the strips behind the tiers."""
    sides: list[tuple[float, float]] = []
    spans: dict[int, tuple[float, float]] = {}
    right, previous = 0.0, None
    for column in columns:
        tier = tiers[column[0]]
        left = right + (0.0 if previous is None else _INNER_GAP if tier == previous else _GAP + _COLUMN_GAP)
        right, previous = left + max(widths[name] for name in column), tier
        sides.append((left, right))
        spans[tier] = (spans.get(tier, (left, right))[0], right)
    tallest = max(3, max((len(column) for column in columns), default=0))
    row = min(_WIDEST_ROW, max(_ROW, right / _ASPECT / tallest))
    positions: dict[str, tuple[float, float]] = {}
    for (left, right), column, shift in zip(sides, columns, _shifts(columns)):
        for i, name in enumerate(column):
            positions[name] = (round((left + right) / 2, 1), round((i - (len(column) - 1) / 2 + shift) * row, 1))
    half = tallest * row / 2 + 6
    bands = tuple(Band(tier, left - 11, end + 11, -half, half) for tier, (left, end) in sorted(spans.items()))
    return Placement(positions, {name: round(width, 1) for name, width in widths.items()}, bands)


def _shifts(columns: list[list[str]]) -> list[float]:
    """Rows by which a column of one node is moved, so that three in a line do not hide the lines between the ends."""
    shifts = [0.0] * len(columns)
    side = -1.0
    for i in range(1, len(columns) - 1):
        if len(columns[i]) == 1 and len(columns[i - 1]) == 1 and len(columns[i + 1]) == 1:
            shifts[i], side = side * 0.8, -side
    return shifts
