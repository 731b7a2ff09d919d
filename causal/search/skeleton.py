"""Which columns are adjacent: the first half of PC, order-independent and aware of tiers.

Hides the order in which separating sets are tried. Follows PC-stable (Colombo & Maathuis 2014): neighbourhoods
are frozen at each depth; among the sets of one depth the one with the largest p-value is kept (the max rule of
Ramsey 2016). Only columns that may be ancestors of the pair are conditioned on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from causal.search.meek import Rules

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
    for depth in range(max_depth + 1):
        sides = _Sides.of(np.argwhere(np.triu(skeleton.adjacent & ~required)), skeleton.adjacent, rules)
        if not _separate(skeleton, test, sides, alpha, depth):
            break
    _settle(skeleton, test, rules, max_depth)
    return skeleton


@dataclass(frozen=True)
class _Sides:
    """P pairs of columns, shape (P, 2), and the neighbours of either end that may separate them, shape (P, d)."""

    pairs: Integers
    first: Booleans
    second: Booleans

    @classmethod
    def of(cls, pairs: Integers, adjacent: Booleans, rules: Rules) -> _Sides:
        allowed = rules.may_separate[pairs[:, 0], pairs[:, 1]]
        return cls(pairs, adjacent[pairs[:, 0]] & allowed, adjacent[pairs[:, 1]] & allowed)

    def only(self, kept: Booleans) -> _Sides:
        return _Sides(self.pairs[kept], self.first[kept], self.second[kept])


def _separate(skeleton: Skeleton, test: IndependenceTest, sides: _Sides, alpha: float, depth: int) -> bool:
    """Remove the edges that a set of one size separates, in growing rounds; say whether there was any set."""
    start, room, asked = 0, FIRST_ROUND, False
    while len(sides.pairs):
        counts, best, sets = _best_sets(test, sides, depth, start, room)
        asked |= bool(counts.any())
        separated = best > alpha
        ends = sides.pairs[separated]
        skeleton.adjacent[ends[:, 0], ends[:, 1]] = skeleton.adjacent[ends[:, 1], ends[:, 0]] = False
        gone = list(zip(*ends.T.tolist()))
        skeleton.separators.update(zip(gone, map(tuple, sets[separated].tolist())))
        skeleton.strength.update(zip(gone, best[separated].tolist()))
        sides = sides.only((counts == room) & ~separated)
        start, room = start + room, 4 * room
    return asked


def _settle(skeleton: Skeleton, test: IndependenceTest, rules: Rules, max_depth: int) -> None:
    """Look again for the best separator of every pair that has common neighbours, among sets of all sizes.

    The search above stops at the first size that separates. With few rows the empty set does so where the dependence
    through a common neighbour is weak, and the neighbour, not being in the set, would be taken for a collider.
    """
    adjacent = skeleton.adjacent
    common = (adjacent.astype(np.float32) @ adjacent.astype(np.float32)) > 0
    pairs = np.array(list(skeleton.separators), dtype=np.intp).reshape(-1, 2)
    pairs = pairs[common[pairs[:, 0], pairs[:, 1]]]
    sides = _Sides.of(pairs, adjacent, rules)
    for depth in range(min(max_depth, SETTLING_DEPTH) + 1):
        counts, best, sets = _best_sets(test, sides, depth, 0, MOST_SETS)
        if not counts.any():
            break
        for (a, b), p, separator in zip(pairs.tolist(), best.tolist(), sets.tolist()):
            if p > skeleton.strength[(a, b)]:
                skeleton.separators[(a, b)], skeleton.strength[(a, b)] = tuple(separator), p


def _best_sets(
    test: IndependenceTest, sides: _Sides, depth: int, start: int, room: int
) -> tuple[Integers, Floats, Integers]:
    """Test up to ``room`` sets of each pair: how many there were, the largest p-value (-1 without a set), its set."""
    from causal.search.subsets import best_of_each, list_sets

    sets, counts = list_sets(sides.first, sides.second, depth, start, room)
    if not len(sets):
        return counts, np.full(len(counts), -1.0), np.empty((len(counts), depth), dtype=np.intp)
    asked = np.repeat(sides.pairs, counts, axis=0)
    best, winner = best_of_each(test.p_values(asked[:, 0], asked[:, 1], sets), counts)
    return counts, best, sets[winner]
