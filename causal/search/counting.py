"""The inner loop of the G² test: contingency tables of many tests in one compiled pass.

Hides how rows are counted. Tests come sorted by their conditioning set, so that the stratum of every row is numbered
once for each set; a table is then one addition for each row into a few cells that stay in the first cache. Joint
counts by products of indicator matrices and by bit masks were considered: both touch every cell of every table, which
costs more from three levels and one conditioning column on. Importing this module imports the compiler, so it is
imported where a table is counted and not before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["desk", "fixed_levels", "likelihood_ratios", "number_rows", "stratify", "tabulate"]

Arrays = NDArray[Any]

# Cells of a table that two copies of stay in the first cache, and strata that need no renumbering.
SMALL = 2048
ROOM = 64


@compiled
def likelihood_ratios(
    codes: Arrays, weights: Arrays, levels: Arrays, tests: Arrays, given: Arrays, limits: Arrays
) -> tuple[Arrays, Arrays]:
    """Return G² and the degrees of freedom of N tests.

    Parameters
    ----------
    codes : ndarray of uint8, shape (d, n)
        Level numbers from 0, a column of the table in each row.
    weights : ndarray, shape (n,)
        Weight of each row.
    levels : ndarray of int, shape (d,)
        Number of levels of each column.
    tests : ndarray of int, shape (N, 2)
        The two columns compared.
    given : ndarray of int, shape (N, k)
        The columns conditioned on; equal rows stand together.
    limits : ndarray of float, shape (N,)
        Largest number of degrees of freedom of a test that says anything.

    Returns
    -------
    statistic, degrees : ndarray of float, shape (N,)
        Degrees count the levels that occur in each stratum. A test beyond its limit is not counted to the end.
    """
    count, held = given.shape
    statistic, degrees = np.zeros(count), np.zeros(count)
    strata, cells = np.zeros(codes.shape[1], dtype=np.int32), 1
    places, table = desk(codes, weights)
    for t in range(count):
        if held and (t == 0 or not np.array_equal(given[t], given[t - 1])):
            strata, cells = stratify(codes, levels, given[t])
        a, b = tests[t]
        wide, narrow = levels[a], levels[b]
        if cells * wide * narrow > SMALL:
            degrees[t] = _margin_degrees(strata, codes[a], codes[b], cells, wide, narrow)
            if degrees[t] > limits[t]:
                continue
        table = tabulate(strata, codes[a], codes[b], weights, (cells, wide, narrow), places, table)
        statistic[t], degrees[t] = _summarise(table, cells, wide, narrow)
    return statistic, degrees


@compiled
def number_rows(codes: Arrays, levels: Arrays) -> tuple[Arrays, int]:
    """Number the distinct rows of a table: (number of each row, how many there are).

    ``codes`` is of shape (d, n) with the columns of the table in its rows.
    """
    index, cells = np.zeros(codes.shape[1], dtype=np.int32), 1
    for column in range(codes.shape[0]):
        index, cells = _refine(index, cells, codes[column], levels[column], 0)
    return index, cells


@compiled
def fixed_levels(codes: Arrays, levels: Arrays) -> Arrays:
    """Return which column c fixes the level of column a, as ``[c, a]``; most pairs are refuted by the first rows."""
    width = codes.shape[0]
    result = np.ones((width, width), dtype=np.bool_)
    for c in range(width):
        for a in range(width):
            level = np.full(levels[c], -1, dtype=np.int64)
            for row in range(codes.shape[1]):
                if level[codes[c, row]] < 0:
                    level[codes[c, row]] = codes[a, row]
                elif level[codes[c, row]] != codes[a, row]:
                    result[c, a] = False
                    break
    return result


@compiled
def desk(codes: Arrays, weights: Arrays) -> tuple[Arrays, Arrays]:
    """Return room for the work of :func:`tabulate`: the cell of each row, and a table."""
    return np.empty(codes.shape[1], dtype=np.uint16), np.zeros(2 * SMALL, dtype=weights.dtype)


@compiled
def stratify(codes: Arrays, levels: Arrays, given: Arrays) -> tuple[Arrays, int]:
    """Number the strata of some columns: (number of each row, upper limit of the numbers)."""
    strata, cells = np.zeros(codes.shape[1], dtype=np.int32), 1
    for column in given:
        strata, cells = _refine(strata, cells, codes[column], levels[column], ROOM)
    return strata, cells


@compiled
def tabulate(
    strata: Arrays,
    first: Arrays,
    second: Arrays,
    weights: Arrays,
    shape: tuple[int, int, int],
    places: Arrays,
    table: Arrays,
) -> Arrays:
    """Return the weights summed by stratum, level of one column and level of another; the first entries are filled.

    ``places`` and ``table`` are work space of :func:`desk`; a larger table is returned where they are too small.
    """
    cells, wide, narrow = shape
    size = cells * wide * narrow
    if size <= SMALL:
        _count_small(strata, first, second, weights, wide, narrow, size, places, table)
        return table
    if size > len(table):
        table = np.zeros(size, dtype=weights.dtype)
    _count(strata, first, second, weights, wide, narrow, size, table)
    return table


@compiled
def _refine(index: Arrays, cells: int, codes: Arrays, levels: int, room: int) -> tuple[Arrays, int]:
    """Cross a numbering of the rows with one more column; renumber beyond some room so that no number is unused."""
    result = np.empty_like(index)
    if cells * levels <= room:
        for row in range(len(index)):
            result[row] = index[row] * levels + codes[row]
        return result, cells * levels
    number = np.full(cells * levels, -1, dtype=np.int32)
    found = 0
    for row in range(len(index)):
        cell = index[row] * levels + codes[row]
        if number[cell] < 0:
            number[cell] = found
            found += 1
        result[row] = number[cell]
    return result, found


@compiled
def _count_small(
    strata: Arrays,
    first: Arrays,
    second: Arrays,
    weights: Arrays,
    wide: int,
    narrow: int,
    size: int,
    places: Arrays,
    table: Arrays,
) -> None:
    """Count into two tables in turn: an addition need not wait for the one before it to reach the same cell."""
    width, step = np.uint32(wide), np.uint32(narrow)
    for row in range(len(strata)):
        cell = np.uint32(np.uint32(strata[row]) * width + np.uint32(first[row]))
        places[row] = np.uint16(np.uint32(cell * step) + np.uint32(second[row]))
    table[: 2 * size] = 0
    half, beside = len(strata) // 2, np.uint32(size)
    for row in range(half):
        table[np.uintp(places[row])] += weights[row]
        table[np.uintp(np.uint32(places[row + half]) + beside)] += weights[row + half]
    if len(strata) % 2:
        table[np.uintp(places[-1])] += weights[-1]
    for place in range(size):
        table[place] += table[size + place]


@compiled
def _count(
    strata: Arrays, first: Arrays, second: Arrays, weights: Arrays, wide: int, narrow: int, size: int, table: Arrays
) -> None:
    table[:size] = 0
    for row in range(len(strata)):
        table[(strata[row] * wide + first[row]) * narrow + second[row]] += weights[row]


@compiled
def _margin_degrees(strata: Arrays, first: Arrays, second: Arrays, cells: int, wide: int, narrow: int) -> float:
    """Return the degrees of freedom of a large table from its margins alone."""
    one, two = np.zeros((cells, wide), dtype=np.bool_), np.zeros((cells, narrow), dtype=np.bool_)
    for row in range(len(strata)):
        one[strata[row], first[row]] = True
        two[strata[row], second[row]] = True
    degrees = 0.0
    for stratum in range(cells):
        degrees += max(one[stratum].sum() - 1, 0) * max(two[stratum].sum() - 1, 0)
    return degrees


@compiled
def _summarise(table: Arrays, cells: int, wide: int, narrow: int) -> tuple[float, float]:
    """Return G² and its degrees of freedom from the counts, by strata."""
    total, degrees = 0.0, 0.0
    beside = np.empty(narrow)
    for stratum in range(cells):
        beside[:] = 0.0
        everything, used = 0.0, 0
        part = 0.0
        for i in range(wide):
            across = 0.0
            low = (stratum * wide + i) * narrow
            for j in range(narrow):
                value = float(table[low + j])
                if value > 0.0:
                    part += value * np.log(value)
                    across += value
                    beside[j] += value
            if across > 0.0:
                part -= across * np.log(across)
                everything += across
                used += 1
        if used < 2:
            continue
        occurring = 0
        for j in range(narrow):
            if beside[j] > 0.0:
                part -= beside[j] * np.log(beside[j])
                occurring += 1
        total += part + everything * np.log(everything)
        degrees += (used - 1) * (occurring - 1)
    return 2.0 * total, degrees
