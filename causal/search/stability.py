"""How sure the edges are: the same search on bootstraps of the customers, and the graph they agree on.

Hides the resampling. A bootstrap draws clusters (customers) with replacement as counts that multiply the row weights
(Friedman, Goldszmidt & Wyner 1999), so no row is copied and every run costs one correlation matrix. The effective
sample size stays that of the whole sample.

Twice as many clusters are drawn as there are. Drawing as many as there are gives a test statistic twice its variance,
and the share of graphs with an edge is then no probability: one absent edge in ten is drawn in 5 to 30 % of the graphs.
A statistic z against a threshold c is exceeded in a share Phi((z - c) / s) of the runs, where s^2 is the clusters for
each draw, while the posterior odds behind such a threshold are about exp(c (z - c)); the two agree for s = 1.6 / c,
between .5 and .6. Of one, two and four times, twice gave the best Brier score and log loss over tests and order search
together. What is left between shares and probabilities is mended by :mod:`causal.search.edgeprobability`.

The runs go side by side in threads: the compiled loops let go of the interpreter, and a thread needs no copy of the
table. Processes were considered: each would import and compile for half a second and be sent the rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causal.graphs.resamples import Resamples, pack_resamples
from causal.search.meek import Rules
from causal.search.orientation import Pattern

__all__ = ["Frequencies", "agree", "count_edges"]

HALF = 0.5
FORCED = 1e6
BAR = 30
PATIENCE = 1.0  # seconds
DRAWS = 2

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Frequencies:
    """Shares of bootstrap graphs, each of shape (d, d).

    Parameters
    ----------
    adjacent : ndarray of float
        ``[a, b]``: the two are joined by any edge. Symmetric.
    pointing : ndarray of float
        ``[a, b]``: ``a -> b``; an undirected edge counts half for each direction.
    runs : int
        Number of bootstraps.
    graphs : Resamples, optional
        The graph of every bootstrap.
    """

    adjacent: Floats
    pointing: Floats
    runs: int
    graphs: Resamples | None = None


def count_edges(
    search: Callable[[Floats], Pattern],
    weights: Floats,
    clusters: Integers | None,
    bootstraps: int,
    rng: np.random.Generator,
    progress: bool | None = False,
    workers: int = 1,
) -> Frequencies:
    """Repeat a search under bootstrap weights and count what it finds.

    Parameters
    ----------
    search : callable
        From row weights, shape (n,), to a pattern over d columns.
    weights : ndarray of float, shape (n,)
        Weights of the whole sample.
    clusters : ndarray of int, shape (n,), optional
        Codes from 0; rows are their own clusters when omitted.
    bootstraps : int
        Number of runs, at least 1.
    rng : Generator
        One child per run is spawned from it.
    progress : bool, optional
        Whether to draw a bar on stderr; None draws it on a terminal once a second has passed.
    workers : int
        Threads; the result does not depend on them. The compiled loops run side by side, the rest in turn.
    """
    streams = rng.spawn(bootstraps)

    def run(stream: np.random.Generator) -> Pattern:
        return search(weights * _draw_counts(len(weights), clusters, stream))

    with ThreadPoolExecutor(workers) as pool:
        found = map(run, streams) if workers == 1 else pool.map(run, streams)
        graphs = list(found if progress is False else _report(found, bootstraps, patient=progress is None))
    adjacent = np.mean([pattern.adjacent for pattern in graphs], axis=0)
    pointing = np.mean([pattern.directed + HALF * pattern.undirected for pattern in graphs], axis=0)
    return Frequencies(adjacent, pointing, bootstraps, pack_resamples(graphs))


def _report(found: Iterable[Pattern], bootstraps: int, patient: bool) -> Iterator[Pattern]:
    """Pass the graphs on and draw a bar on stderr: one line that grows on a terminal, every tenth run elsewhere.

    A patient one waits a second, and says nothing where there is no terminal.
    """
    terminal, start, drawn = sys.stderr.isatty(), time.monotonic(), False
    for number, pattern in enumerate(found, start=1):
        last = number == bootstraps
        if terminal and (drawn or not patient or time.monotonic() - start > PATIENCE):
            drawn = True
            bar = "#" * (BAR * number // bootstraps)
            sys.stderr.write(f"\rdiscover: [{bar:<{BAR}}] {number} of {bootstraps} bootstraps" + "\n" * last)
        elif not terminal and not patient and (number % 10 == 0 or last):
            sys.stderr.write(f"discover: {number} of {bootstraps} bootstraps\n")
        yield pattern


def agree(frequencies: Frequencies, pattern: Pattern, rules: Rules) -> Pattern:
    """Return the acyclic graph of largest weight over the edges that at least half the bootstraps have.

    The weight of ``a -> b`` is the share of bootstraps that say so (ties: the pattern of the whole sample, then
    the soft confidence). Required edges are in; what knowledge forces to point one way does; an adjacency that
    may point neither way is a latent common cause. The order of the columns is found by moving one column at a
    time while that helps (the maximum acyclic subgraph is NP-hard; a local optimum is returned).
    """
    kept = (frequencies.adjacent >= HALF) | rules.required | rules.required.T
    result = Pattern.from_adjacency(kept)
    for a, b in np.argwhere(np.triu(kept & rules.forbidden & rules.forbidden.T)):
        result.confound(int(a), int(b))
    forced = _draw_forced(result, frequencies, rules)
    ties = 0.01 * (pattern.directed + HALF * pattern.undirected) + 0.001 * rules.prior
    gain = np.where(result.undirected | forced, frequencies.pointing + ties, 0.0) + FORCED * forced
    order = _order_columns(gain, result.paths)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    for a, b in np.argwhere(result.undirected):
        if place[a] < place[b]:
            share = frequencies.pointing[a, b] / max(frequencies.adjacent[a, b], 1e-9)
            result.point(int(a), int(b), f"so in {share:.0%} of the bootstraps that have the edge")
    return result


def _draw_counts(n: int, clusters: Integers | None, stream: np.random.Generator) -> Floats:
    groups = n if clusters is None else int(clusters.max()) + 1
    drawn = np.bincount(stream.integers(groups, size=DRAWS * groups), minlength=groups) / DRAWS
    return drawn if clusters is None else drawn[clusters]


def _draw_forced(result: Pattern, frequencies: Frequencies, rules: Rules) -> Booleans:
    """Draw what knowledge forces, the most frequent first; return it as a matrix."""
    for a, b in np.argwhere(rules.required):
        result.point(int(a), int(b), "required")
    pairs = np.argwhere(result.undirected & rules.forbidden.T & ~rules.forbidden)
    ranked = np.argsort(-frequencies.adjacent[pairs[:, 0], pairs[:, 1]], kind="stable")
    for a, b in pairs[ranked]:
        if result.can_point(int(a), int(b), rules):
            result.point(int(a), int(b), "the other direction is forbidden")
        else:
            result.confound(int(a), int(b))
            result.conflicts.append((int(a), int(b)))
    return result.directed.copy()


def _order_columns(gain: Floats, paths: Booleans) -> Integers:
    """Return an order with a large sum of gains from earlier to later columns."""
    net = gain.sum(axis=1) - gain.sum(axis=0)
    order = list(np.lexsort((-net, paths.sum(axis=0))))
    for _ in range(len(order)):
        if not _improve(order, gain - gain.T):
            break
    return np.array(order, dtype=np.intp)


def _improve(order: list[int], lead: Floats) -> bool:
    """Move each column once to its best place; say whether anything moved."""
    moved = False
    for column in list(order):
        place = order.index(column)
        rest = order[:place] + order[place + 1 :]
        before = np.concatenate([[0.0], np.cumsum(-lead[column, rest])])
        value = before + np.concatenate([np.cumsum(lead[column, rest][::-1])[::-1], [0.0]])
        best = int(np.argmax(value))
        if value[best] > value[place] + 1e-9:
            order[:] = [*rest[:best], column, *rest[best:]]
            moved = True
    return moved
