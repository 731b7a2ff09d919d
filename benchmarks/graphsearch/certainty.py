"""How long bootstraps take, and whether the probabilities that come of them are true.

Hides which tables are timed. The probabilities are judged by :mod:`benchmarks.calibration`, here on fewer graphs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from benchmarks import calibration
from benchmarks.graphsearch.networks import draw_knowledge, draw_linear
from causal import discover
from causal.knowledge import Knowledge

__all__ = ["print_bootstraps"]

GOAL_SECONDS = 3.0


def print_bootstraps(seeds: Sequence[int], graphs: int) -> None:
    """Print seconds of 100 bootstraps, and reliability tables."""
    for knows in (True, False):
        taken = [_seconds(seed, knows) for seed in seeds]
        words = "meets" if np.mean(taken) <= GOAL_SECONDS else "MISSES"
        print(
            f"\nbootstrap: 100 of 50 nodes, 10000 rows, {'with' if knows else 'without'} knowledge: "
            f"{np.mean(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f}), {words} {GOAL_SECONDS:.0f} s",
            flush=True,
        )
    calibration.main(["--graphs", str(graphs)])


def _seconds(seed: int, knows: bool) -> float:
    """CPU seconds of all threads."""
    rng = np.random.default_rng([seed, 1])
    frame, edges = draw_linear(50, 10_000, 3.0, rng)
    known = draw_knowledge(tuple(frame.columns), edges, rng) if knows else Knowledge()
    discover(frame.iloc[:500], known, bootstraps=1, rng=0)
    start = time.process_time()
    discover(frame, known, bootstraps=100, rng=0)
    return time.process_time() - start
