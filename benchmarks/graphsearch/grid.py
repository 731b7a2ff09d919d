"""The settings of the discovery benchmark: where each table comes from, what is known of it, and the goals.

Hides which networks, sizes and random graphs are looked at. Small tables of a source come before its large ones, so
that a search that runs out of time on a small one need not be tried on a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.graphsearch.distances import ARROW, pattern_marks
from benchmarks.graphsearch.networks import (
    Case,
    draw_discrete,
    draw_knowledge,
    draw_linear,
    draw_mixed,
    read_network,
)
from causal.knowledge import Knowledge

__all__ = ["Setting", "best_marks", "settings"]

DEGREE = 3.0
NETWORKS = (
    "cancer", "earthquake", "survey", "asia", "sachs", "child", "insurance", "alarm", "water", "hailfinder", "mildew",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One block of the table: where tables come from, what is known, and the goal where there is one.

    ``kind`` is discrete, normal, laplace or mixed; ``source`` a network's name or a number of nodes.
    """

    part: str
    kind: str
    source: str
    rows: int
    knows: bool
    seconds: float | None = None
    shd: float | None = None
    methods: tuple[str, ...] = ("auto", "pc")

    @property
    def name(self) -> str:
        """What ``--only`` looks at."""
        known = "with knowledge" if self.knows else "without knowledge"
        return f"{self.part}: {self.kind} {self.source}, {self.rows} rows, {known}"

    @property
    def family(self) -> tuple[str, str, bool]:
        """Settings that differ in the number of rows only."""
        return self.kind, self.source, self.knows

    def draw(self, seed: int, data: Path) -> Case:
        """Draw the table of one seed, with its knowledge."""
        rng = np.random.default_rng([seed, self.rows])
        if self.kind == "discrete":
            network = read_network(data / "bnlearn" / f"{self.source}.bif.gz")
            frame, edges = draw_discrete(network, self.rows, rng), network.edges
        elif self.kind == "mixed":
            frame, edges = draw_mixed(int(self.source), self.rows, DEGREE, rng)
        else:
            frame, edges = draw_linear(int(self.source), self.rows, DEGREE, rng, self.kind)
        names = tuple(frame.columns)
        return Case(frame, edges, draw_knowledge(names, edges, rng) if self.knows else Knowledge())


def settings(quick: bool) -> Iterator[Setting]:
    """Yield the goals, then the grid: networks without knowledge and with it, then random graphs."""
    yield Setting("goal", "discrete", "alarm", 10_000, False, 0.25, 5)
    yield Setting("goal", "discrete", "alarm", 5_000, True, 0.2, 9)
    yield Setting("goal", "discrete", "child", 5_000, True, 0.15, 2)
    yield Setting("goal", "normal", "50", 5_000, True, 0.3, 3)
    yield Setting("goal", "normal", "100", 10_000, True, 0.5, 5)
    yield Setting("goal", "laplace", "50", 5_000, True, 8.0, None, ("auto", "lingam"))
    sizes = (1_000,) if quick else (1_000, 5_000, 10_000)
    for knows in (False, True):
        for rows in sizes:
            for network in ("asia", "sachs") if quick else NETWORKS:
                yield Setting("grid", "discrete", network, rows, knows, methods=("auto",))
    numbers = (("normal", "20"), ("normal", "50"), ("normal", "100"), ("mixed", "20"), ("laplace", "20"))
    for knows in (False, True):
        for rows in sizes:
            for kind, nodes in numbers:
                if not quick or nodes == "20":
                    yield Setting("grid", kind, nodes, rows, knows, methods=("auto",))


def best_marks(setting: Setting, case: Case) -> np.ndarray:
    """Return the best possible answer: the graph itself where the noise decides every direction."""
    if setting.kind != "laplace":
        return pattern_marks(case.truth())
    names = list(case.frame.columns)
    marks = np.zeros((len(names), len(names)), dtype=int)
    for a, b in case.edges:
        marks[names.index(a), names.index(b)] = ARROW
    return marks
