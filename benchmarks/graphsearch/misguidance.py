"""What knowledge that is partly wrong costs, and whether an order told backwards is noticed.

Hides how knowledge is spoiled. Forbidden pairs are named, a tenth of which are true edges, and the loss is the growth
of SHD against the same number of rules that are all true; an order told backwards is the true tiers with their numbers
turned round.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.graphsearch.distances import compare, graph_marks, pattern_marks
from benchmarks.graphsearch.networks import Case, draw_discrete, draw_knowledge, draw_linear, read_network, spoil
from causal import discover
from causal.knowledge import Knowledge

__all__ = ["print_wrong_knowledge"]

RULES = 40
WRONG = 0.1


def print_wrong_knowledge(seeds: Sequence[int], data: Path) -> None:
    """Print the loss of SHD and how many reversed orders were reported."""
    print(
        f"\nwrong: {RULES} forbidden pairs, {WRONG:.0%} of them true edges; SHD against the best answer without rules"
    )
    for kind in ("normal 20", "discrete alarm"):
        if kind.startswith("discrete") and not (data / "bnlearn").is_dir():
            print(f"  {kind}: skipped, there is no folder {data / 'bnlearn'}; name it with --data")
            continue
        tables = [_draw(kind, seed, data) for seed in seeds]
        right, wrong = ([_shd(case, seed, share) for seed, case in enumerate(tables)] for share in (0.0, WRONG))
        loss = np.mean(wrong) - np.mean(right)
        print(f"  {kind:<16} all true {np.mean(right):5.1f}   a tenth wrong {np.mean(wrong):5.1f}   loss {loss:+5.1f}")
        backwards = [_reported(case, seed, True) for seed, case in enumerate(tables)]
        forwards = [_reported(case, seed, False) for seed, case in enumerate(tables)]
        print(
            f"  {kind:<16} order told backwards: reported in {sum(backwards)} of {len(tables)} tables; "
            f"true order: in {sum(forwards)} of {len(tables)}",
            flush=True,
        )


def _draw(kind: str, seed: int, data: Path) -> Case:
    rng = np.random.default_rng([seed, 7])
    if kind.startswith("discrete"):
        network = read_network(data / "bnlearn" / f"{kind.split()[1]}.bif.gz")
        return Case(draw_discrete(network, 5_000, rng), network.edges, Knowledge())
    frame, edges = draw_linear(int(kind.split()[1]), 2_000, 2.0, rng)
    return Case(frame, edges, Knowledge())


def _shd(case: Case, seed: int, wrong: float) -> int:
    names = tuple(case.frame.columns)
    known = spoil(names, case.edges, np.random.default_rng([seed, 8]), RULES, wrong)
    found = graph_marks(discover(case.frame, known, bootstraps=0))
    return compare(found, pattern_marks(case.truth()), names, Knowledge()).shd


def _reported(case: Case, seed: int, backwards: bool) -> bool:
    names = tuple(case.frame.columns)
    tiers = draw_knowledge(names, case.edges, np.random.default_rng([seed, 9])).tiers
    told = {name: -tier if backwards else tier for name, tier in tiers.items()}
    notes = discover(case.frame, Knowledge(tiers=told), bootstraps=0).notes
    return any("revers" in note.kind or "revers" in note.sentence for note in notes)
