"""The sets that may separate two columns, listed for many pairs at once.

Hides the order of the sets: those of the first column's neighbours come first, then those of the second's that are
new, each in lexicographical order, so that a search may ask for some of them and come back for more. Listing them with
``itertools`` was considered: it took two thirds of the time of a search on numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["best_of_each", "list_sets"]

Arrays = NDArray[Any]


@compiled
def list_sets(first: Arrays, second: Arrays, depth: int, start: int, room: int) -> tuple[Arrays, Arrays]:
    """List sets of one size from either of two neighbourhoods, for P pairs.

    Parameters
    ----------
    first, second : ndarray of bool, shape (P, d)
        The neighbours of either end that may be in a set.
    depth : int
        Size of the sets; 0 gives the empty set for each pair.
    start, room : int
        How many sets of each pair to pass over, and how many to list at most.

    Returns
    -------
    sets : ndarray of int, shape (N, depth)
        Column numbers, pair after pair.
    counts : ndarray of int, shape (P,)
        Sets listed for each pair; fewer than ``room`` when there are no more.
    """
    counts = np.empty(len(first), dtype=np.intp)
    for pair in range(len(first)):
        counts[pair] = min(max(_how_many(first[pair], second[pair], depth) - start, 0), room)
    sets = np.empty((counts.sum(), depth), dtype=np.intp)
    low = 0
    for pair in range(len(first)):
        _list_pair(first[pair], second[pair], depth, start, sets[low : low + counts[pair]])
        low += counts[pair]
    return sets, counts


@compiled
def best_of_each(values: Arrays, counts: Arrays) -> tuple[Arrays, Arrays]:
    """Return the largest of the values of each pair and its place, the first of equals; -1 and 0 without a value.

    Parameters
    ----------
    values : ndarray of float, shape (N,)
        Not negative, pair after pair.
    counts : ndarray of int, shape (P,)
        How many belong to each pair.
    """
    best, winner = np.full(len(counts), -1.0), np.zeros(len(counts), dtype=np.intp)
    low = 0
    for pair in range(len(counts)):
        for place in range(low, low + counts[pair]):
            if values[place] > best[pair]:
                best[pair], winner[pair] = values[place], place
        low += counts[pair]
    return best, winner


@compiled
def _how_many(first: Arrays, second: Arrays, depth: int) -> int:
    if depth == 0:
        return 1
    both = (first & second).sum()
    return _choose(first.sum(), depth) + _choose(second.sum(), depth) - _choose(both, depth)


@compiled
def _choose(n: int, k: int) -> int:
    result = 1
    for i in range(k):
        result = result * (n - i) // (i + 1)
    return result if n >= k else 0


@compiled
def _list_pair(first: Arrays, second: Arrays, depth: int, start: int, sets: Arrays) -> None:
    """Fill the rows of ``sets`` with the sets of one pair from number ``start`` on."""
    passed, listed = 0, 0
    for side in range(2):
        pool = np.flatnonzero(second if side else first)
        place = np.arange(depth)
        more = len(pool) >= depth
        while more and listed < len(sets):
            new = side == 0
            for i in range(depth):
                new = new or not first[pool[place[i]]]
            if new and passed >= start:
                for i in range(depth):
                    sets[listed, i] = pool[place[i]]
                listed += 1
            passed += int(new)
            more = _advance(place, len(pool))


@compiled
def _advance(place: Arrays, n: int) -> bool:
    """Move to the next combination of places below n; say whether there was one."""
    depth = len(place)
    for i in range(depth - 1, -1, -1):
        if place[i] < n - depth + i:
            place[i] += 1
            for j in range(i + 1, depth):
                place[j] = place[j - 1] + 1
            return True
    return False
