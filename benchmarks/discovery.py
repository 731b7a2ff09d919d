"""How well and how fast causal graphs are found, beside causal-learn and pgmpy.

    OMP_NUM_THREADS=1 python -m benchmarks.discovery [--seeds 5] [--peer-seeds 2] [--only TEXT] [--alone] [--quick]
        [--limit 120] [--log FILE]

Parts: ``goal`` (one block for each stated goal, with the peers on the same tables), ``grid`` (published networks at
three sizes and random graphs of numbers, with and without knowledge), ``bootstrap`` (seconds of 100, and whether edge
probabilities are calibrated) and ``wrong`` (knowledge of which a tenth is wrong, or an order that is reversed).
``--only`` runs the settings whose name holds the text. Every search runs in this process on the same tables, compiled
before it is timed; times are CPU seconds of one thread. SHD counts pairs whose marks differ from the best possible
answer under the same knowledge; a search that takes no knowledge is held against the best answer without any. The
knowledge is a true order cut into five tiers, and a tenth of the absent pairs forbidden.

The peers see the first ``--peer-seeds`` tables; one that needs more than ``--limit`` CPU seconds is shown as such and
tried no further on that source. ``--log`` names a file to which every run is added, and from which a later call takes
what is there already.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import networkx as nx
import numpy as np

from benchmarks.graphsearch.certainty import print_bootstraps
from benchmarks.graphsearch.grid import Setting, settings
from benchmarks.graphsearch.misguidance import print_wrong_knowledge
from benchmarks.graphsearch.networks import DATA
from benchmarks.graphsearch.runs import Runner, Runs
from benchmarks.graphsearch.searches import OURS, peers_for
from causal import CausalGraph, identify

__all__ = ["main"]

DEGREE = 3.0
FASTER = 10.0
NEAR = 1.0
PARTS = ("goal", "grid", "bootstrap", "wrong")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the parts that were asked for."""
    options = _parse(arguments)
    seeds = range(1 if options.quick else options.seeds)
    runner = Runner(options.data, options.limit, options.log)
    summary = []
    for setting in settings(options.quick):
        if options.only not in setting.name:
            continue
        if setting.kind == "discrete" and not (options.data / "bnlearn").is_dir():
            print(f"{setting.name}: skipped, there is no folder {options.data / 'bnlearn'}; name it with --data")
            continue
        summary.append(_print_setting(setting, runner, seeds, 0 if options.alone else options.peer_seeds))
    if summary and not options.alone:
        _print_summary(summary)
    if options.only in "goal: identification at 100 nodes":
        _print_identification(seeds)
    if options.only in "bootstrap":
        print_bootstraps(seeds, graphs=10 if options.quick else 60)
    if options.only in "wrong":
        print_wrong_knowledge(seeds, options.data)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well and how fast causal graphs are found, beside two libraries.")
    parser.add_argument("--seeds", type=int, default=5, help="tables of each setting")
    parser.add_argument("--peer-seeds", type=int, default=2, help="tables of each setting that the peers see too")
    parser.add_argument("--only", default="", help=f"settings whose name holds this text, such as {', '.join(PARTS)}")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds bnlearn/*.bif.gz")
    parser.add_argument("--limit", type=float, default=120.0, help="CPU seconds that a search may take for one table")
    parser.add_argument("--log", type=Path, help="file of runs: added to, and taken from where a run is there")
    parser.add_argument("--alone", action="store_true", help="leave the peers out")
    parser.add_argument("--quick", action="store_true", help="one seed and the smallest grid")
    return parser.parse_args(arguments)


def _print_setting(setting: Setting, runner: Runner, seeds: range, peer_seeds: int) -> tuple[Setting, Runs, list[Runs]]:
    """Print the runs of a setting as they come; return ours by "auto" and those of the peers."""
    print(f"\n{setting.name}", flush=True)
    print(
        f"  {'':<26} {'tables':>6} {'seconds':>8} {'SHD':>7} {'skeleton':>8} {'arrows':>8} {'broken':>6} {'cycles':>6}"
    )
    own = []
    for method in setting.methods:
        own.append(runner.run(setting, OURS[method], seeds, ours=True))
        print(_line(own[-1], runner.limit), flush=True)
    peers = []
    for search in peers_for(setting.kind) if peer_seeds else []:
        if setting.part == "grid" and setting.knows and not search.takes_knowledge:
            continue  # the same run as without knowledge
        peers.append(runner.run(setting, search, seeds[:peer_seeds], ours=False))
        print(_line(peers[-1], runner.limit), flush=True)
    for runs in own:
        print(_verdict(setting, runs, peers, runner.limit), flush=True)
    return setting, own[0], peers


def _line(runs: Runs, limit: float) -> str:
    late = f"> {limit:.0f} s" if runs.late else ""
    failed = next((run.said for run in runs.done if run.said), "")
    if not runs.seeds:
        return f"  {runs.search.name:<26} {0:6d} {late:>8}  {failed}"
    return (
        f"  {runs.search.name:<26} {len(runs.seeds):6d} {runs.seconds:8.3f} {runs.figure('shd'):7.1f} "
        f"{runs.figure('skeleton'):8.3f} {runs.figure('orientation'):8.3f} "
        f"{runs.total('violations'):6d} {runs.total('cycles'):6d}  {late} {failed}"
    ).rstrip()


def _fastest(setting: Setting, peers: Sequence[Runs]) -> Runs | None:
    """Return the fastest peer that honours the same knowledge; one given up only where none came to its end."""
    fair = [
        runs for runs in peers if not runs.total("violations") and (runs.search.takes_knowledge or not setting.knows)
    ]
    finished = [runs for runs in fair if runs.seeds]
    return min(finished, key=lambda runs: runs.seconds) if finished else next(iter(fair), None)


def _against(runs: Runs, peer: Runs, limit: float) -> tuple[float, float, float, bool]:
    """Return how many times faster, both SHD on the tables that both saw, and whether that is good."""
    factor = (peer.seconds if peer.seeds else limit) / runs.seconds
    own, theirs = runs.figure("shd", peer.seeds), peer.figure("shd")
    return factor, own, theirs, factor >= FASTER and not own > theirs + NEAR


def _verdict(setting: Setting, runs: Runs, peers: Sequence[Runs], limit: float) -> str:
    if not runs.seeds:
        return f"  -> {runs.search.name}: no answer"
    shd = runs.figure("shd")
    words = []
    if setting.seconds is not None:
        words.append(f"{'meets' if runs.seconds <= setting.seconds else 'MISSES'} {setting.seconds} s")
    if setting.shd is not None:
        words.append(f"{'meets' if shd <= setting.shd else 'MISSES'} SHD {setting.shd:g}")
    peer = _fastest(setting, peers)
    if peer is not None:
        factor, own, theirs, good = _against(runs, peer, limit)
        more = "" if peer.seeds else "more than "
        words.append(
            f"{more}{factor:.1f} x {peer.search.name} at SHD {own:.1f} to {theirs:.1f} "
            f"({'meets' if good else 'MISSES'} 10 x at SHD + 1)"
        )
    return f"  -> {runs.search.name}: " + ", ".join(words)


def _print_summary(found: Sequence[tuple[Setting, Runs, list[Runs]]]) -> None:
    """Print one line for each setting: ours by "auto" beside the fastest peer that honours the same knowledge."""
    # The limit is that of the runs themselves; a late peer's ratio is a lower bound.
    print(
        f"\nsummary: times faster than the fastest peer that honours the same knowledge (goal {FASTER:.0f} x), and SHD"
    )
    print("of both on the tables that both saw (goal: at most 1 more)")
    print(f"  {'setting':<52} {'ours s':>8} {'peer s':>8} {'times':>8} {'SHD':>6} {'peer':>6}  verdict")
    met = judged = 0
    for setting, runs, peers in found:
        peer = _fastest(setting, peers)
        if peer is None or not runs.seeds:
            continue
        limit = max((run.seconds for run in peer.done), default=float("nan"))
        factor, own, theirs, good = _against(runs, peer, limit)
        judged, met = judged + 1, met + good
        seconds = f"{peer.seconds:8.2f}" if peer.seeds else f"{'late':>8}"
        print(
            f"  {setting.name:<52} {runs.seconds:8.3f} {seconds} {factor:8.1f} {own:6.1f} {theirs:6.1f}  "
            f"{'met' if good else 'MISSED'}: {peer.search.name}"
        )
    broken, cycles = (sum(runs.total(name) for _, runs, _ in found) for name in ("violations", "cycles"))
    print(f"  met {met} of {judged}; ours: {broken} violations and {cycles} cycles in all runs", flush=True)


def _print_identification(seeds: Sequence[int]) -> None:
    """Time the adjustment set between the two ends of long graphs of 100 nodes."""
    taken = [_best_of_three(_identification(seed)) for seed in seeds]
    verdict = "meets" if max(taken) <= 0.01 else "MISSES"
    print(
        f"\ngoal: identification, 100 nodes: {max(taken) * 1000:.2f} ms at most, {len(taken)} graphs, {verdict} 10 ms"
    )


def _identification(seed: int) -> Callable[[], object]:
    names = tuple(f"x{number}" for number in range(100))
    present = np.triu(np.random.default_rng(seed).random((100, 100)) < DEGREE / 99, 1)
    edges = {(names[a], names[b]) for a, b in np.argwhere(present)} | {(names[49], names[99])}
    dag = nx.DiGraph(list(edges))
    assert nx.is_directed_acyclic_graph(dag)
    graph = CausalGraph(names, edges)
    return lambda: identify(graph, treatment=names[49], outcome=names[99])


def _best_of_three(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
