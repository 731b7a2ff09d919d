"""How much better a category is explained with one parent more or less, by counting.

Hides the tables. The score is BDeu (Heckerman, Geiger & Chickering 1995): the probability of the data when every
conditional distribution is unknown and each is equally likely beforehand, which is equal for equivalent graphs. BIC
was considered: it charges every cell of the full table, also those that never occur, and so misses the edges of
categories with many levels.
"""

from __future__ import annotations

from functools import partial
from math import lgamma, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from causal.search.contingency import join_rows
from causal.search.counting import desk, likelihood_ratios, stratify, tabulate
from causal.search.jit import compiled
from causal.search.meek import Rules
from causal.search.scores import Score, log_odds

__all__ = ["table_score"]

PRIOR_ROWS = 1.0
UNRELATED = 0.05
SERIES = 8.0
HALF_LOG_TWO_PI = 0.5 * log(2.0 * pi)

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Codes = NDArray[Any]


def table_score(codes: Codes, weights: Floats, size: Floats, rules: Rules) -> Score:
    """Return the BDeu score for weighted rows of d categories.

    Parameters
    ----------
    codes : ndarray of int, shape (n, d)
        Level numbers from 0.
    weights : ndarray of float, shape (n,)
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair.
    rules : Rules

    Notes
    -----
    The prior of each table is worth one row, and each number of parents is equally likely beforehand. Under clusters
    the counts are those of the best pair, and an edge between columns whose rows repeat each other pays extra, what
    the BIC would charge for as many parameters at its design effect.

    A column that is related neither to the child nor to any of its parents is not asked about, which saves a third to
    a half of the counting among many columns. What is lost is a parent that only moderates: independent of the child
    and of its other parents, without a main effect of its own. PC does not find such a parent either.
    """
    columns, counts = join_rows(codes, weights)
    worth = float(size.max() / counts.sum())
    levels = codes.max(axis=0, initial=0).astype(np.intp) + 1
    parameters = np.outer(levels - 1, levels - 1)
    extra = 0.5 * np.log(np.maximum(size, 2.0)) * (size.max() / np.maximum(size, 2.0) - 1.0) * parameters
    odds = log_odds(rules)
    related = _related(columns, levels, counts, size) | (odds > 0.0) | (odds.T > 0.0)
    price = extra + np.log(codes.shape[1]) - odds
    return Score(partial(_toggle_tables, columns, levels, counts, worth, related), price, rules)


def _related(columns: Codes, levels: Integers, counts: Codes, size: Floats) -> Booleans:
    """Return which pairs depend on each other by G², without conditioning; (d, d), symmetric."""
    pairs = np.argwhere(np.triu(np.ones(size.shape, dtype=bool), 1))
    first, second = pairs.T
    statistic, degrees = likelihood_ratios(
        columns, counts, levels, pairs, np.empty((len(pairs), 0), dtype=np.intp), np.full(len(pairs), np.inf)
    )
    rows = size[first, second] / counts.sum()
    related = np.zeros(size.shape, dtype=bool)
    related[first, second] = (degrees > 0) & (statistic * rows > chdtri(np.maximum(degrees, 1.0), UNRELATED))
    return related | related.T


@compiled
def _toggle_tables(
    codes: Codes,
    levels: Integers,
    counts: Codes,
    worth: float,
    related: Booleans,
    price: Floats,
    banned: Booleans,
    held: Booleans,
    children: Integers,
    parents: Booleans,
    removals: bool,
    change: Floats,
) -> None:
    """Fill ``change`` row by row; every row is one column with its parents.

    ``codes`` are level numbers of shape (d, n), ``counts`` the weights of the rows, ``worth`` the effective rows of a
    weight of one, and ``related`` says which pairs depend on each other or are joined by soft confidence.
    """
    places, table = desk(codes, counts)
    nothing, rows = np.zeros(codes.shape[1], dtype=np.uint8), counts.sum() * worth
    for row in range(len(children)):
        child, inside = children[row], parents[row].copy()
        if levels[child] < 2:
            continue
        strata, cells = stratify(codes, levels, np.flatnonzero(inside))
        table = tabulate(strata, codes[child], nothing, counts, (cells, levels[child], 1), places, table)
        possible = _possible(levels, inside)
        now = _evidence(table, (cells, levels[child], 1), worth, possible)
        skipped = removals | banned[:, child] | (levels < 2) | (cells * levels > rows)
        skipped |= ~_any_of(related, inside, child)
        for x in range(len(levels)):
            if inside[x] and not held[x, child]:
                inside[x] = False
                fewer, left = stratify(codes, levels, np.flatnonzero(inside))
                inside[x] = True
                table = tabulate(fewer, codes[child], nothing, counts, (left, levels[child], 1), places, table)
                then = _evidence(table, (left, levels[child], 1), worth, possible / levels[x])
                change[row, x] = then - now + price[x, child]
            elif not (inside[x] or skipped[x]):
                shape = (cells, levels[child], levels[x])
                table = tabulate(strata, codes[child], codes[x], counts, shape, places, table)
                change[row, x] = _evidence(table, shape, worth, possible) - now - price[x, child]


@compiled
def _any_of(related: Booleans, inside: Booleans, child: int) -> Booleans:
    """Return which columns are related to the child or to any of its parents."""
    found: Booleans = related[child].copy()
    for x in range(len(inside)):
        if inside[x]:
            found |= related[x]
    return found


@compiled
def _possible(levels: Integers, inside: Booleans) -> float:
    """Return how many strata some columns could have."""
    possible = 1.0
    for x in range(len(levels)):
        if inside[x]:
            possible *= levels[x]
    return possible


@compiled
def _evidence(table: Codes, shape: tuple[int, int, int], worth: float, possible: float) -> float:
    """Return the log probability of the child's levels, the middle ones, within strata crossed with another column.

    ``possible`` is the number of strata there could be before they are crossed.
    """
    cells, levels, across = shape
    stratum = PRIOR_ROWS / (possible * across)
    cell = stratum / levels
    value, of_stratum, of_cell = 0.0, lgamma(stratum), lgamma(cell)
    for j in range(cells):
        for x in range(across):
            rows = 0.0
            for k in range(levels):
                count = worth * table[(j * levels + k) * across + x]
                if count > 0.0:
                    rows += count
                    value += _log_gamma(cell + count) - of_cell
            if rows > 0.0:
                value -= _log_gamma(stratum + rows) - of_stratum
    return value


@compiled
def _log_gamma(x: float) -> float:
    """Return the logarithm of the gamma function at x > 0 by Stirling's series, to ten digits."""
    shift = 1.0
    while x < SERIES:
        shift *= x
        x += 1.0
    inverse = 1.0 / x
    square = inverse * inverse
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)))
    return float((x - 0.5) * np.log(x) - x + HALF_LOG_TWO_PI + series - np.log(shift))
