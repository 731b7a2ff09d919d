"""Which columns are adjacent: the first half of PC, order-independent and aware of tiers.

Hides the order in which separating sets are tried. Follows PC-stable (Colombo & Maathuis 2014): neighbourhoods
are frozen at each depth; among the sets of one depth the one with the largest p-value is kept (the max rule of
Ramsey 2016). Only columns that may be ancestors of the pair are conditioned on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from causal.meek import Rules

__all__ = ["IndependenceTest", "Skeleton", "find_skeleton"]

FIRST_ROUND = 64
SETTLING_DEPTH = 3
MOST_SETS = 64

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Pair = tuple[int, int]


class IndependenceTest(Protocol):
    """Anything that returns p-values of conditional independence for many triples at once."""

    def p_values(self, first: Integers, second: Integers, given: Integers) -> Floats:
        """Return N p-values for column numbers of shapes (N,), (N,) and (N, k)."""
        ...


@dataclass(frozen=True)
class Skeleton:
    """Adjacencies and the sets that separate the rest.

    Parameters
    ----------
    adjacent : ndarray of bool, shape (d, d)
        Symmetric.
    separators : dict of (int, int) to tuple of int
        For each pair a < b that is not adjacent, a set that separates it.
    strength : dict of (int, int) to float
        The p-value of that separation.
    """

    adjacent: Booleans
    separators: dict[Pair, tuple[int, ...]]
    strength: dict[Pair, float]


def find_skeleton(test: IndependenceTest, rules: Rules, alpha: float, max_depth: int) -> Skeleton:
    """Remove the edge of every pair that some allowed set separates.

    Parameters
    ----------
    test : IndependenceTest
        Over d columns.
    rules : Rules
        Required edges are never removed; separating sets respect the tiers.
    alpha : float
        Level of each test: a p-value above it counts as independence.
    max_depth : int
        Largest separating set.
    """
    width = len(rules.tiers)
    skeleton = Skeleton(~np.eye(width, dtype=bool), {}, {})
    required = rules.required | rules.required.T
    pairs = np.argwhere(np.triu(skeleton.adjacent & ~required))
    values = test.p_values(pairs[:, 0], pairs[:, 1], np.empty((len(pairs), 0), dtype=np.intp))
    for (a, b), p in zip(pairs[values > alpha].tolist(), values[values > alpha].tolist()):
        _remove(skeleton, (a, b), (), p)
    for depth in range(1, max_depth + 1):
        near = skeleton.adjacent.copy()
        open_pairs = np.argwhere(np.triu(skeleton.adjacent & ~required)).tolist()
        sets = {(a, b): _candidate_sets(near, rules, (a, b), depth) for a, b in open_pairs}
        if not _separate(skeleton, test, sets, alpha, depth):
            break
    _settle(skeleton, test, rules, max_depth)
    return skeleton


def _settle(skeleton: Skeleton, test: IndependenceTest, rules: Rules, max_depth: int) -> None:
    """Look again for the best separator of every pair that has common neighbours, among sets of all sizes.

    The search above stops at the first size that separates. With few rows the empty set does so where the dependence
    through a common neighbour is weak, and the neighbour, not being in the set, would be taken for a collider.
    """
    adjacent = skeleton.adjacent
    common = (adjacent.astype(np.float32) @ adjacent.astype(np.float32)) > 0
    pairs = [pair for pair in skeleton.separators if common[pair]]
    for depth in range(min(max_depth, SETTLING_DEPTH) + 1):
        found = ((pair, _candidate_sets(adjacent, rules, pair, depth)) for pair in pairs)
        batches = {pair: list(islice(sets, MOST_SETS)) for pair, sets in found}
        batches = {pair: batch for pair, batch in batches.items() if batch}
        if not batches:
            continue
        for pair, separator, p in _best_sets(test, batches, depth):
            if p > skeleton.strength[pair]:
                skeleton.separators[pair], skeleton.strength[pair] = separator, p


def _remove(skeleton: Skeleton, pair: Pair, separator: tuple[int, ...], p: float) -> None:
    skeleton.adjacent[pair] = skeleton.adjacent[pair[::-1]] = False
    skeleton.separators[pair] = separator
    skeleton.strength[pair] = p


def _candidate_sets(near: Booleans, rules: Rules, pair: Pair, depth: int) -> Iterator[tuple[int, ...]]:
    """Yield the subsets of one size of either neighbourhood, without repetition."""
    allowed = rules.may_separate[pair]
    first, second = ((near[end] & allowed).nonzero()[0].tolist() for end in pair)
    if len(first) < depth:
        return combinations(second, depth)
    inside = set(first)
    if len(second) < depth or inside.issuperset(second):
        return combinations(first, depth)
    fresh = (subset for subset in combinations(second, depth) if not inside.issuperset(subset))
    return chain(combinations(first, depth), fresh)


def _separate(
    skeleton: Skeleton,
    test: IndependenceTest,
    sets: dict[Pair, Iterator[tuple[int, ...]]],
    alpha: float,
    depth: int,
) -> bool:
    """Try the candidate sets in growing rounds; say whether there were any."""
    any_left = False
    room = FIRST_ROUND
    while sets:
        batches = {pair: list(islice(found, room)) for pair, found in sets.items()}
        batches = {pair: batch for pair, batch in batches.items() if batch}
        if not batches:
            break
        any_left = True
        separated = _test_round(skeleton, test, batches, alpha, depth)
        sets = {pair: sets[pair] for pair in batches if pair not in separated}
        room *= 4
    return any_left


def _test_round(
    skeleton: Skeleton,
    test: IndependenceTest,
    batches: dict[Pair, list[tuple[int, ...]]],
    alpha: float,
    depth: int,
) -> set[Pair]:
    """Test a batch of sets for every pair at once; remove the edges that the best set separates."""
    separated = [found for found in _best_sets(test, batches, depth) if found[2] > alpha]
    for pair, separator, p in separated:
        _remove(skeleton, pair, separator, p)
    return {pair for pair, _, _ in separated}


def _best_sets(
    test: IndependenceTest, batches: dict[Pair, list[tuple[int, ...]]], depth: int
) -> Iterator[tuple[Pair, tuple[int, ...], float]]:
    """Yield for every pair the set of largest p-value, the earliest of them."""
    pairs = list(batches)
    counts = np.array([len(batches[pair]) for pair in pairs])
    ends = np.repeat(np.array(pairs, dtype=np.intp), counts, axis=0)
    given = np.array(list(chain.from_iterable(batches.values())), dtype=np.intp).reshape(len(ends), depth)
    values = test.p_values(ends[:, 0], ends[:, 1], given)
    lows = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for pair, low, count in zip(pairs, lows.tolist(), counts.tolist()):
        place = int(np.argmax(values[low : low + count]))
        yield pair, batches[pair][place], float(values[low + place])
