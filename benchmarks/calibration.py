"""Whether the probability of an edge is true, and what learned the numbers of :mod:`causal.search.edgeprobability`.

    OMP_NUM_THREADS=1 python -m benchmarks.calibration [--graphs 300] [--only boss pc] [--networks child insurance]
    OMP_NUM_THREADS=1 python -m benchmarks.calibration --learn

Of the pairs of columns that got a probability within a bin, how many are joined in the graph that made the data? Only
probabilities between .05 and .95 are judged. Without ``--learn`` fresh tables are drawn
(``benchmarks.graphsearch.worlds.JUDGE``: other sizes, densities, effects and shapes of noise than those learned on) and
published networks are sampled at 500 to 2,000 rows; the share of bootstraps is shown beside the
probability. With ``--learn`` the curves are fitted on ``LEARN``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.graphsearch.networks import DATA, Case, draw_discrete, read_network
from benchmarks.graphsearch.worlds import JUDGE, LEARN, Family, draw_world
from causal import discover
from causal.knowledge import Knowledge
from causal.search.edgeprobability import KNOTS, OF_CATEGORIES, doubt, log_odds_of_share

__all__ = ["main", "reliability"]

Floats = NDArray[np.float64]

BINS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
ALLOWED = 0.05
BOOTSTRAPS = 100
LEARNED = (0.02, 0.995)
"""Shares that a curve is fitted on; the many edges that all bootstraps agree on would decide its upper end."""
SPREAD = 2.0
"""Standard deviation of the log odds at a knot about those of its share, before anything is seen."""
KINDS = {
    "boss": ("normal",),
    f"boss{OF_CATEGORIES}": ("discrete",),
    "pc": ("normal", "mixed", "discrete"),
    "lingam": ("skewed",),
}
ROWS = (500, 1_000, 2_000)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn the curves, or judge them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learn", action="store_true", help="fit the curves and print them")
    parser.add_argument("--graphs", type=int, default=300, help="random graphs of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first graph, for graphs nobody looked at")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--networks", nargs="*", default=["child", "insurance"], help="published networks to judge on")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds bnlearn/*.bif.gz")
    options = parser.parse_args(arguments)
    for method in options.only:
        if options.learn:
            _print_curve(method, options.graphs)
        else:
            for kind in KINDS[method]:
                _print_judgement(
                    f"{method}, {kind} columns", method, _worlds(kind, JUDGE, options.graphs, options.first)
                )
    on_networks = [] if options.learn else [method for method in options.only if "discrete" in KINDS[method]]
    if on_networks and not (options.data / "bnlearn").is_dir():
        print(f"networks skipped: there is no folder {options.data / 'bnlearn'}; name it with --data")
        return
    for method in on_networks:
        for name in options.networks:
            cases = _samples(name, options.data, max(options.graphs // 5, 3))
            _print_judgement(f"{method}, network {name}", method, cases)


def reliability(stated: Floats, truth: NDArray[np.bool_]) -> str:
    """Return a table of bins: stated probability, share of true edges with its standard error, and the verdict."""
    lines = [f"  {'bin':<12} {'pairs':>6} {'stated':>8} {'true':>8} {'error':>8}"]
    worst = 0.0
    for low, high in pairwise(BINS):
        inside = (stated >= low) & (stated < high)
        if not inside.any():
            continue
        mean, real = float(stated[inside].mean()), float(truth[inside].mean())
        error = np.sqrt(max(real * (1.0 - real), 1e-9) / inside.sum())
        worst = max(worst, abs(mean - real))
        lines.append(
            f"  {low:.2f} - {high:.2f} {inside.sum():7d} {mean:8.3f} {real:8.3f} {mean - real:+8.3f} +- {error:.3f}"
        )
    return "\n".join([*lines, f"  largest error {worst:.3f}, {'meets' if worst <= ALLOWED else 'MISSES'} {ALLOWED}"])


def _worlds(kind: str, family: Family, count: int, first: int = 0) -> Iterator[Case]:
    code = ("normal", "skewed", "mixed", "discrete").index(kind)
    for seed in range(first, first + count):
        yield draw_world(kind, family, np.random.default_rng([seed, code, family is JUDGE]))


def _samples(name: str, data: Path, count: int) -> Iterator[Case]:
    network = read_network(data / "bnlearn" / f"{name}.bif.gz")
    for seed in range(count):
        rng = np.random.default_rng([seed, 5])
        yield Case(draw_discrete(network, int(rng.choice(ROWS)), rng), network.edges, Knowledge())


@dataclass(frozen=True)
class _Pairs:
    """Share, probability, truth and the doubt in its table, for every pair of columns."""

    share: Floats
    stated: Floats
    truth: NDArray[np.bool_]
    doubt: Floats


def _search(method: str, cases: Iterator[Case]) -> _Pairs:
    found: list[tuple[float, float, bool, float]] = []
    for number, case in enumerate(cases):
        search = method.removesuffix(OF_CATEGORIES)
        graph = discover(case.frame, case.knowledge, method=search, bootstraps=BOOTSTRAPS, rng=number, progress=False)
        names = list(case.frame.columns)
        shares = np.zeros((len(names), len(names)))
        for (a, b), said in graph.confidence.items():
            shares[names.index(a), names.index(b)] = said["share"]
        for i, a in enumerate(names):
            for j, b in enumerate(names[i + 1 :], i + 1):
                stated = graph.confidence.get((a, b), {"edge": 0.0})["edge"]
                true = (a, b) in case.edges or (b, a) in case.edges
                found.append((float(shares[i, j]), stated, true, doubt(shares)))
    share, stated_all, truth, unclear = (np.array(column) for column in zip(*found))
    return _Pairs(share, stated_all, truth.astype(bool), unclear)


def _print_judgement(title: str, method: str, cases: Iterator[Case]) -> None:
    pairs = _search(method, cases)
    print(f"\n{title}: share of bootstraps")
    print(reliability(pairs.share, pairs.truth))
    print(f"{title}: probability")
    print(reliability(pairs.stated, pairs.truth), flush=True)


def _print_curve(method: str, count: int) -> None:
    parts = [_search(method, _worlds(kind, LEARN, count)) for kind in KINDS[method]]
    pairs = _Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Pairs.__annotations__))
    found, errors = _fit(pairs)
    values = 1.0 / (1.0 + np.exp(-found[:-1]))
    print(f"{method}: probability {values.round(3).tolist()} at shares {list(KNOTS)}, lean {found[-1]:.2f}")
    print(f"  {len(pairs.truth):,} pairs; standard errors of the log odds {errors.round(2).tolist()}", flush=True)


def _fit(pairs: _Pairs) -> tuple[Floats, Floats]:
    """Fit log odds at the knots and the lean by the most probable values; return them and their errors."""
    used = (pairs.share >= LEARNED[0]) & (pairs.share <= LEARNED[1])
    odds, real = log_odds_of_share(pairs.share[used], BOOTSTRAPS), pairs.truth[used]
    knots = np.log(np.array(KNOTS) / (1.0 - np.array(KNOTS)))
    hats = [np.interp(odds, knots, hat) for hat in np.eye(len(knots))]
    weights = np.stack([*hats, pairs.doubt[used]], axis=1)
    beyond = np.minimum(odds - knots[0], 0.0) + np.maximum(odds - knots[-1], 0.0)

    def loss(values: Floats) -> float:
        score = weights @ values + beyond
        prior = 0.5 * (((values[:-1] - knots) / SPREAD) ** 2).sum()
        return float((np.logaddexp(0.0, score) - real * score).sum() + prior)

    best = minimize(loss, np.append(knots, 0.0))
    return best.x, np.sqrt(np.diag(best.hess_inv))


if __name__ == "__main__":
    main()
