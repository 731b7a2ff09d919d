"""How well and how fast causal graphs are found, beside causal-learn and pgmpy.

    OMP_NUM_THREADS=1 python -m benchmarks.discovery [--seeds 5] [--only TEXT] [--alone] [--quick] [--limit 60]

Parts: ``goal`` (one line for each stated goal, with the peers on the same tables), ``grid`` (published networks at
three sizes and random graphs of numbers, with and without knowledge), ``bootstrap`` (seconds of 100, and whether edge
probabilities are calibrated) and ``wrong`` (knowledge of which a tenth is wrong, or an order that is reversed).
``--only`` runs the settings whose name holds the text. Every search runs in this process on the same tables, compiled
before it is timed; times are CPU seconds of one thread. SHD counts pairs whose marks differ from the best possible
answer under the same knowledge; a search that takes no knowledge is held against the best answer without any. The
knowledge is a true order cut into five tiers, and a tenth of the absent pairs forbidden.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np

from benchmarks.certainty import print_bootstraps
from benchmarks.distances import ARROW, Distance, compare, pattern_marks
from benchmarks.misguidance import print_wrong_knowledge
from benchmarks.networks import (
    DATA,
    Case,
    draw_discrete,
    draw_knowledge,
    draw_linear,
    draw_mixed,
    read_network,
)
from benchmarks.searches import OURS, Search, peers_for, timed
from causal import CausalGraph, identify
from causal.knowledge import Knowledge

__all__ = ["Setting", "main", "settings"]

DEGREE = 3.0
FASTER = 10.0
PARTS = ("goal", "grid", "bootstrap", "wrong")


@dataclass(frozen=True)
class Setting:
    """One line of the table: where tables come from, what is known, and the goal where there is one.

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
    """Yield the goals, then the grid."""
    yield Setting("goal", "discrete", "alarm", 10_000, False, 0.25, 5)
    yield Setting("goal", "discrete", "alarm", 5_000, True, 0.2, 9)
    yield Setting("goal", "discrete", "child", 5_000, True, 0.15, 2)
    yield Setting("goal", "normal", "50", 5_000, True, 0.3, 3)
    yield Setting("goal", "normal", "100", 10_000, True, 0.5, 5)
    yield Setting("goal", "laplace", "50", 5_000, True, 8.0, None, ("auto", "lingam"))
    for rows in (1_000,) if quick else (1_000, 5_000, 10_000):
        for knows in (False, True):
            for network in (
                ("asia", "sachs") if quick else ("asia", "sachs", "child", "insurance", "alarm", "hailfinder")
            ):
                yield Setting("grid", "discrete", network, rows, knows)
            yield Setting("grid", "normal", "20", rows, knows)
            yield Setting("grid", "laplace", "20", rows, knows, methods=("auto", "lingam"))
            yield Setting("grid", "mixed", "20", rows, knows)


@dataclass(frozen=True)
class _Line:
    """The runs of one search: distances and seconds, nothing where it ran out of time."""

    search: Search
    distances: list[Distance]
    seconds: list[float]
    missed: int

    def mean(self, figure: str) -> float:
        return float(np.mean([getattr(found, figure) for found in self.distances])) if self.distances else float("nan")

    def total(self, figure: str) -> int:
        return sum(getattr(found, figure) for found in self.distances)

    def text(self) -> str:
        if not self.distances:
            return f"  {self.search.name:<24} {'-':>8}  more than the limit in every run"
        late = f"  ({self.missed} runs beyond the limit)" if self.missed else ""
        return (
            f"  {self.search.name:<24} {np.mean(self.seconds):8.3f} {self.mean('shd'):7.1f} "
            f"{self.mean('skeleton'):8.3f} {self.mean('orientation'):8.3f} "
            f"{self.total('violations'):6d} {self.total('cycles'):6d}{late}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the parts that were asked for."""
    options = _parse(arguments)
    seeds = range(1 if options.quick else options.seeds)
    wanted = [setting for setting in settings(options.quick) if options.only in setting.name]
    for setting in wanted:
        if setting.kind == "discrete" and not (options.data / "bnlearn").is_dir():
            print(f"{setting.name}: skipped, there is no folder {options.data / 'bnlearn'}; name it with --data")
            continue
        peers = [] if options.alone else peers_for(setting.kind)
        _print_setting(setting, peers, seeds, options.data, options.limit)
    if options.only in "goal: identification at 100 nodes":
        _print_identification(seeds)
    if options.only in "bootstrap":
        print_bootstraps(seeds, graphs=10 if options.quick else 60)
    if options.only in "wrong":
        print_wrong_knowledge(seeds, options.data)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well and how fast causal graphs are found, beside two libraries.")
    parser.add_argument("--seeds", type=int, default=5, help="tables of each setting")
    parser.add_argument("--only", default="", help=f"settings whose name holds this text, such as {', '.join(PARTS)}")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds bnlearn/*.bif.gz")
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds that a peer may take for one table")
    parser.add_argument("--alone", action="store_true", help="leave the peers out")
    parser.add_argument("--quick", action="store_true", help="one seed and the smallest grid")
    return parser.parse_args(arguments)


def _print_setting(setting: Setting, peers: Sequence[Search], seeds: Sequence[int], data: Path, limit: float) -> None:
    print(f"\n{setting.name}", flush=True)
    print(f"  {'':<24} {'seconds':>8} {'SHD':>7} {'skeleton':>8} {'arrows':>8} {'broken':>6} {'cycles':>6}")
    cases = [setting.draw(seed, data) for seed in seeds]
    small = [Case(case.frame.iloc[:300], case.edges, case.knowledge) for case in cases[:1]]
    own_searches = [OURS[method] for method in setting.methods]
    lines = []
    for search in [*own_searches, *peers]:
        _run(setting, search, cases[:1] if search in own_searches else small, limit)  # compiles and imports
        lines.append(_run(setting, search, cases, limit))
        print(lines[-1].text(), flush=True)
    print(_verdict(setting, lines[: len(own_searches)], lines[len(own_searches) :]), flush=True)


def _run(setting: Setting, search: Search, cases: Sequence[Case], limit: float) -> _Line:
    line = _Line(search, [], [], 0)
    for case in cases:
        given = case if search.takes_knowledge else Case(case.frame, case.edges, Knowledge())
        try:
            marks, seconds = timed(search, given, limit)
        except Exception as error:  # a peer that fails on a table is a result, not the end of the run
            print(f"  {search.name}: {type(error).__name__}: {str(error)[:80]}")
            marks, seconds = None, limit
        if marks is None:
            line = _Line(search, line.distances, line.seconds, line.missed + 1)
            if line.missed > 1:
                break  # it will not get better
            continue
        line.distances.append(compare(marks, _best(setting, given), tuple(case.frame.columns), given.knowledge))
        line.seconds.append(seconds)
    return line


def _best(setting: Setting, case: Case) -> np.ndarray:
    """Return the best possible answer: the graph itself where the noise decides every direction."""
    if setting.kind != "laplace":
        return pattern_marks(case.truth())
    names = list(case.frame.columns)
    marks = np.zeros((len(names), len(names)), dtype=int)
    for a, b in case.edges:
        marks[names.index(a), names.index(b)] = ARROW
    return marks


def _verdict(setting: Setting, own: Sequence[_Line], peers: Sequence[_Line]) -> str:
    fair = [
        line
        for line in peers
        if line.distances and not line.total("violations") and (line.search.takes_knowledge or not setting.knows)
    ]
    said = []
    for line in own:
        if not line.distances:
            continue
        seconds, shd = float(np.mean(line.seconds)), line.mean("shd")
        words = []
        if setting.seconds is not None:
            words.append(f"{'meets' if seconds <= setting.seconds else 'MISSES'} {setting.seconds} s")
        if setting.shd is not None:
            words.append(f"{'meets' if shd <= setting.shd else 'MISSES'} SHD {setting.shd:g}")
        if fair:
            fastest = min(fair, key=lambda peer: float(np.mean(peer.seconds)))
            factor = float(np.mean(fastest.seconds)) / seconds
            good = factor >= FASTER and shd <= fastest.mean("shd") + 1.0
            words.append(f"{factor:.1f} x {fastest.search.name} ({'meets' if good else 'MISSES'} 10 x at SHD + 1)")
        said.append(f"  -> {line.search.name}: " + ", ".join(words))
    return "\n".join(said)


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
