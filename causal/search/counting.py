"""The inner loop of the G² test: contingency tables of many tests in one compiled pass.

Hides how rows are counted. Tests come sorted by their conditioning set, so that the stratum of every row is numbered
once for each set, from where it differs from the set before; a table is then one addition for each row into a few cells
that stay in the first cache, or, where it would have more cells than there are rows, a walk through the strata
(`causal.search.thinstrata`). Joint counts by products of indicator matrices and by bit masks were considered: both
touch every cell of every table, which costs more from three levels and one conditioning column on. Importing this
module imports the compiler, so it is imported where a table is counted and not before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled
from causal.search.thinstrata import degrees_by_stratum, group_rows, ratio_by_stratum, ratio_terms, term

__all__ = ["desk", "fixed_levels", "likelihood_ratios", "number_rows", "stratify", "tabulate"]

Arrays = NDArray[Any]

# Cells of a table that two copies of stay in the first cache, and strata that need no renumbering.
SMALL = 2048
ROOM = 64
# Cells for each row from which on a table is not laid out but walked through by stratum.
THIN = 1.0


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
    rows = codes.shape[1]
    statistic, degrees = np.zeros(count), np.zeros(count)
    depths, cells = np.zeros((held + 1, rows), dtype=np.int32), np.ones(held + 1, dtype=np.int64)
    places, table = desk(codes, weights)
    terms = ratio_terms()
    order, starts = group_rows(depths[0], 1)
    grouped = held == 0
    for t in range(count):
        kept = _shared(given[t], given[t - 1]) if t else 0
        for depth in range(kept, held):
            column = given[t, depth]
            cells[depth + 1] = _refine(
                depths[depth], cells[depth], codes[column], levels[column], ROOM, depths[depth + 1]
            )
            grouped = False
        a, b = tests[t]
        strata, shape = depths[held], (int(cells[held]), int(levels[a]), int(levels[b]))
        first, second = codes[a], codes[b]
        size = shape[0] * shape[1] * shape[2]
        if size > max(SMALL, THIN * rows):
            if not grouped:
                order, starts = group_rows(strata, shape[0])
                grouped = True
            degrees[t], useful = degrees_by_stratum(order, starts, first, second, shape, limits[t])
            if degrees[t] <= limits[t]:
                statistic[t] = ratio_by_stratum(order, starts, useful, first, second, weights, shape, terms)
            continue
        table = tabulate(strata, first, second, weights, shape, places, table)
        statistic[t], degrees[t] = _summarise(table, shape, terms)
    return statistic, degrees


@compiled
def _shared(one: Arrays, other: Arrays) -> int:
    """Return how many leading entries two sets have in common."""
    for place in range(len(one)):
        if one[place] != other[place]:
            return place
    return len(one)


@compiled
def number_rows(codes: Arrays, levels: Arrays) -> tuple[Arrays, int]:
    """Number the distinct rows of a table: (number of each row, how many there are).

    ``codes`` is of shape (d, n) with the columns of the table in its rows.
    """
    index, cells = np.zeros(codes.shape[1], dtype=np.int32), 1
    for column in range(codes.shape[0]):
        cells = _refine(index, cells, codes[column], levels[column], 0, index)
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
        cells = _refine(strata, cells, codes[column], levels[column], ROOM, strata)
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
def _refine(index: Arrays, cells: int, codes: Arrays, levels: int, room: int, result: Arrays) -> int:
    """Cross a numbering of the rows with one more column; renumber beyond some room so that no number is unused.

    ``result``, which may be ``index`` itself, is filled; the upper limit of its numbers is returned.
    """
    if cells * levels <= room:
        for row in range(len(index)):
            result[row] = index[row] * levels + codes[row]
        return cells * levels
    number = np.full(cells * levels, -1, dtype=np.int32)
    found = 0
    for row in range(len(index)):
        cell = index[row] * levels + codes[row]
        if number[cell] < 0:
            number[cell] = found
            found += 1
        result[row] = number[cell]
    return found


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
def _summarise(table: Arrays, shape: tuple[int, int, int], terms: Arrays) -> tuple[float, float]:
    """Return G² and its degrees of freedom from the counts, by strata."""
    cells, wide, narrow = shape
    total, degrees = 0.0, 0.0
    beside = np.empty(narrow, dtype=table.dtype)
    for stratum in range(cells):
        beside[:] = 0
        everything, used = table.dtype.type(0), 0
        part = 0.0
        for i in range(wide):
            across = table.dtype.type(0)
            low = (stratum * wide + i) * narrow
            for j in range(narrow):
                value = table[low + j]
                if value > 0:
                    part += term(value, terms)
                    across += value
                    beside[j] += value
            if across > 0:
                part -= term(across, terms)
                everything += across
                used += 1
        if used < 2:
            continue
        occurring = 0
        for j in range(narrow):
            if beside[j] > 0:
                part -= term(beside[j], terms)
                occurring += 1
        total += part + term(everything, terms)
        degrees += (used - 1) * (occurring - 1)
    return 2.0 * total, degrees
