"""Identification: milliseconds an answer, beside a library's, and who accepts what must not be adjusted for.

    python -m benchmarks.identification
    python -m benchmarks.identification --nodes 25 50 100 --graphs 20 --peer-graphs 3

Two tables. *time*: random graphs of average degree 3 (directed, as an equivalence class, with latent common causes, and
with 100 bootstrap graphs), one thread, median and worst CPU milliseconds of `identify` and of all minimal sets; beside
them pgmpy's one smallest set on the same directed graphs. The bootstraps are those of a table of 1,000 rows, one table
of each size; and, as the worst that can be, of 100 graphs that have nothing to do with each other. *validity*: random
directed graphs of six nodes in which the treatment acts on the outcome, every subset of the other columns; how many
verdicts differ from brute force (descendants by definition, d-separation by networkx).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np

from benchmarks.graphsearch.networks import draw_knowledge, draw_linear
from causal import CausalGraph, NotIdentifiable, discover, identify, minimal_adjustment_sets
from causal.formulas.criterion import to_bits
from causal.graphs.bitgraph import ones
from causal.graphs.resamples import pack_resamples
from causal.identification import is_valid_adjustment

__all__ = ["main"]

DEGREE = 3.0
BOOTSTRAPS = 100
Question = tuple[CausalGraph, str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[25, 50, 100])
    parser.add_argument("--graphs", type=int, default=20, help="graphs of each kind and size")
    parser.add_argument("--peer-graphs", type=int, default=2, help="graphs of each size for pgmpy; 0 leaves it out")
    parser.add_argument("--small-graphs", type=int, default=60, help="graphs of the validity table")
    options = parser.parse_args(arguments)
    _warm_up(bool(options.peer_graphs))
    print(f"{'':44}{'nodes':>6}{'median ms':>11}{'worst ms':>10}")
    for size in options.nodes:
        for name, make, ask in _ROWS:
            _show(name, size, [_milliseconds(ask, case) for case in _cases(make, size, options.graphs)])
        if options.peer_graphs:
            peers = [_milliseconds(_ask_pgmpy, case) for case in _cases(_directed, size, options.peer_graphs)]
            _show("pgmpy, a smallest set, directed", size, peers)
    _show_validity(options.small_graphs, bool(options.peer_graphs))


def _warm_up(peer: bool) -> None:
    """Import everything, and let first calls be over."""
    bow = CausalGraph(["a", "b"], [("a", "b")], bidirected_edges=[("a", "b")])
    _ask((bow, "a", "b"))
    if peer:
        _ask_pgmpy((CausalGraph(["a", "b"], [("a", "b")]), "a", "b"))


def _show(name: str, size: int, found: Sequence[float]) -> None:
    print(f"{name:44}{size:>6}{np.median(found):>11.2f}{max(found):>10.2f}", flush=True)


def _cases(make: Callable[[int, np.random.Generator], CausalGraph], size: int, count: int) -> Iterator[Question]:
    for stream in np.random.default_rng(0).spawn(count):
        graph = make(size, stream)
        first, second = sorted(stream.choice(size, 2, replace=False))
        yield graph, graph.nodes[first], graph.nodes[second]


def _directed(size: int, rng: np.random.Generator) -> CausalGraph:
    names = [f"v{i}" for i in range(size)]
    drawn = np.argwhere(np.triu(rng.random((size, size)) < DEGREE / (size - 1), 1))
    return CausalGraph(names, [(names[a], names[b]) for a, b in drawn])


def _latent(size: int, rng: np.random.Generator) -> CausalGraph:
    graph = _directed(size, rng)
    drawn = np.argwhere(np.triu(rng.random((size, size)) < 1 / (size - 1), 1))
    pairs = [(graph.nodes[a], graph.nodes[b]) for a, b in drawn]
    return CausalGraph(graph.nodes, graph.edges, bidirected_edges=pairs)


def _class(size: int, rng: np.random.Generator) -> CausalGraph:
    """Return the class of a random directed graph: arrows that are in every graph with its independences."""
    graph = _directed(size, rng)
    return CausalGraph(graph.nodes, *_compelled(graph))


@cache
def _searched(size: int) -> CausalGraph:
    frame, edges = draw_linear(size, 1_000, DEGREE, np.random.default_rng(size))
    known = draw_knowledge(tuple(frame.columns), edges, np.random.default_rng(size))
    return discover(frame, known, bootstraps=BOOTSTRAPS, rng=0)


def _bootstrapped(size: int, _rng: np.random.Generator) -> CausalGraph:
    return _searched(size)


def _unrelated(size: int, rng: np.random.Generator) -> CausalGraph:
    graph = _class(size, rng)
    drawn = pack_resamples(_matrices(_class(size, rng)) for _ in range(BOOTSTRAPS))
    return CausalGraph(graph.nodes, graph.edges, graph.undirected_edges, bootstraps=drawn)


def _compelled(graph: CausalGraph) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Sort edges into compelled and reversible (Chickering 1995, algorithm label-edges)."""
    place = {name: i for i, name in enumerate(graph.topological_order())}
    order = sorted(graph.edges, key=lambda edge: (place[edge[1]], -place[edge[0]]))
    label: dict[tuple[str, str], bool] = {}
    for x, y in order:
        if (x, y) in label:
            continue
        above = [w for w in graph.parents(x) if label.get((w, x))]
        stray = next((w for w in above if w not in graph.parents(y)), None)
        if stray is None:
            label.update({(w, y): True for w in above})
        collider = stray is not None or any(z != x and z not in graph.parents(x) for z in graph.parents(y))
        label.update({(z, y): collider for z in graph.parents(y) if (z, y) not in label})
    return [e for e in order if label[e]], [e for e in order if not label[e]]


def _matrices(graph: CausalGraph) -> Any:
    bits = to_bits(graph, {name: i for i, name in enumerate(graph.nodes)})
    size = len(graph.nodes)
    made = {name: np.zeros((size, size), dtype=bool) for name in ("directed", "undirected", "bidirected")}
    for name, rows in (("directed", bits.out), ("undirected", bits.beside)):
        for a, row in enumerate(rows):
            made[name][a, list(ones(row))] = True
    return SimpleNamespace(**made)


def _milliseconds(ask: Callable[[Question], object], case: Question) -> float:
    start = time.process_time()
    ask(case)
    return 1e3 * (time.process_time() - start)


def _ask(case: Question) -> None:
    try:
        identify(*case)
    except NotIdentifiable:
        return


def _ask_minimal(case: Question) -> None:
    minimal_adjustment_sets(*case)


def _ask_pgmpy(case: Question) -> None:
    from pgmpy.identification import Adjustment

    graph, treatment, outcome = case
    asked = graph.to_pgmpy().with_role("exposures", {treatment}).with_role("outcomes", {outcome})
    Adjustment(variant="minimal").identify(asked)


_ROWS = (
    ("identify, directed", _directed, _ask),
    ("identify, equivalence class", _class, _ask),
    ("identify, latent common causes", _latent, _ask),
    (f"identify and ask {BOOTSTRAPS} bootstraps of a table", _bootstrapped, _ask),
    (f"identify and ask {BOOTSTRAPS} unrelated graphs", _unrelated, _ask),
    ("all minimal sets (at most 1,000), directed", _directed, _ask_minimal),
)


def _show_validity(count: int, peer: bool) -> None:
    acting = [case for case in _cases(_directed, 6, count) if case[2] in case[0].descendants(case[1])]
    asked = [(case, chosen) for case in acting for chosen in _subsets(case)]
    truth = [_by_definition(case, chosen) for case, chosen in asked]
    judges: dict[str, Callable[[Question, tuple[str, ...]], bool]] = {"is_valid_adjustment": _ours}
    if peer:
        judges["pgmpy Adjustment.validate"] = _validated_by_pgmpy
    print(f"\n{'':32}{'asked':>8}{'wrongly valid':>15}{'wrongly invalid':>17}")
    for name, judge in judges.items():
        said = [judge(case, chosen) for case, chosen in asked]
        loose = sum(answer and not true for answer, true in zip(said, truth))
        strict = sum(true and not answer for answer, true in zip(said, truth))
        print(f"{name:32}{len(asked):>8}{loose:>15}{strict:>17}", flush=True)


def _subsets(case: Question) -> Iterator[tuple[str, ...]]:
    rest = [name for name in case[0].nodes if name not in case[1:]]
    for size in range(len(rest) + 1):
        yield from combinations(rest, size)


def _by_definition(case: Question, chosen: tuple[str, ...]) -> bool:
    """No descendant of the treatment, nor of an outcome that does not cause it, and no open path that is not causal."""
    graph, treatment, outcome = case
    dag = graph.to_networkx()
    later = nx.descendants(dag, treatment) | (nx.descendants(dag, outcome) - nx.ancestors(dag, treatment))
    if set(chosen) & later:
        return False
    towards = nx.ancestors(dag, outcome) | {outcome}
    dag.remove_edges_from([(treatment, child) for child in list(dag.successors(treatment)) if child in towards])
    return bool(nx.is_d_separator(dag, {treatment}, {outcome}, set(chosen)))


def _ours(case: Question, chosen: tuple[str, ...]) -> bool:
    return is_valid_adjustment(*case, chosen)


def _validated_by_pgmpy(case: Question, chosen: tuple[str, ...]) -> bool:
    from pgmpy.identification import Adjustment

    graph, treatment, outcome = case
    asked = graph.to_pgmpy().with_role("exposures", {treatment}).with_role("outcomes", {outcome})
    return bool(Adjustment().validate(asked.with_role("adjustment", set(chosen)) if chosen else asked))


if __name__ == "__main__":
    main()
