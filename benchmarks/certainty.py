"""How long bootstraps take, and whether the probabilities that come of them are true.

Hides how calibration is measured: over many random graphs, of the pairs that got a probability within a bin, how many
are adjacent in the graph that made the data? Only probabilities between .05 and .95 are judged; pairs that every
bootstrap agrees on say nothing about calibration.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.networks import draw_knowledge, draw_linear, draw_mixed
from causal import discover
from causal.knowledge import Knowledge

__all__ = ["print_bootstraps", "reliability"]

BINS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
ALLOWED = 0.05
GOAL_SECONDS = 3.0


def print_bootstraps(seeds: Sequence[int], graphs: int) -> None:
    """Print seconds of 100 bootstraps, and a reliability table for numbers and for mixed columns."""
    for knows in (True, False):
        taken = [_seconds(seed, knows) for seed in seeds]
        words = "meets" if np.mean(taken) <= GOAL_SECONDS else "MISSES"
        print(
            f"\nbootstrap: 100 of 50 nodes, 10000 rows, {'with' if knows else 'without'} knowledge: "
            f"{np.mean(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f}), {words} {GOAL_SECONDS:.0f} s",
            flush=True,
        )
    for kind in ("normal", "mixed"):
        shares, truth = _probabilities(kind, graphs)
        print(f"\nbootstrap: edge probabilities, {kind} columns, {graphs} graphs of 15 nodes")
        print(reliability(shares, truth), flush=True)


def reliability(shares: np.ndarray, truth: np.ndarray) -> str:
    """Return a table of bins: stated probability, share of true edges with its standard error, and the verdict."""
    lines = [f"  {'bin':<12} {'pairs':>6} {'stated':>8} {'true':>8} {'error':>8}"]
    worst = 0.0
    for low, high in pairwise(BINS):
        inside = (shares >= low) & (shares < high)
        if not inside.any():
            continue
        stated, real = float(shares[inside].mean()), float(truth[inside].mean())
        error = np.sqrt(max(real * (1.0 - real), 1e-9) / inside.sum())
        worst = max(worst, abs(stated - real))
        lines.append(
            f"  {low:.2f} - {high:.2f} {inside.sum():7d} {stated:8.3f} {real:8.3f} {stated - real:+8.3f} +- {error:.3f}"
        )
    return "\n".join([*lines, f"  largest error {worst:.3f}, {'meets' if worst <= ALLOWED else 'MISSES'} {ALLOWED}"])


def _seconds(seed: int, knows: bool) -> float:
    rng = np.random.default_rng([seed, 1])
    frame, edges = draw_linear(50, 10_000, 3.0, rng)
    known = draw_knowledge(tuple(frame.columns), edges, rng) if knows else Knowledge()
    discover(frame.iloc[:500], known, bootstraps=1, rng=0)
    start = time.process_time()
    discover(frame, known, bootstraps=100, rng=0)
    return time.process_time() - start


def _probabilities(kind: str, graphs: int) -> tuple[np.ndarray, np.ndarray]:
    shares, truth = [], []
    for seed in range(graphs):
        rng = np.random.default_rng([seed, 2])
        rows = int(rng.choice([200, 500, 1000]))
        frame, edges = (draw_linear if kind == "normal" else draw_mixed)(15, rows, 2.0, rng)
        graph = discover(frame, bootstraps=100, rng=seed)
        names = list(frame.columns)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                shares.append(graph.confidence.get((a, b), {"edge": 0.0})["edge"])
                truth.append((a, b) in edges or (b, a) in edges)
    return np.array(shares), np.array(truth)
