"""Inner loops over a customer x product matrix, as machine code.

Hides the order of memory access that makes the two costly steps of a filter fast on one core: rows of a Gram matrix,
summed into one dense row and pruned at once, so that the whole matrix never exists; and one small ridge regression
for each product, whose Gram matrix is looked up in pruned rows and solved by a Cholesky factorisation that updates
whole rows (the compiler vectorises that; sums of products it may not reorder).

Alternative considered: sparse products of scipy in blocks, pruned afterwards. They take twice the time for the Gram
matrix, and assembling the regressions from them was ten times slower than the look-ups.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["overlap_rows", "ridge_links"]

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


@compiled
def overlap_rows(
    customers: tuple[Ints, Ints, Floats],
    products: tuple[Ints, Ints, Floats],
    wanted: NDArray[np.int64],
    left: Floats,
    right: Floats,
    power: float,
    k: int,
) -> tuple[Ints, Floats, NDArray[np.int64]]:
    """The k largest of ``(left_i g_ij right_j)^power`` in each wanted row i of a Gram matrix, without its diagonal.

    Parameters
    ----------
    customers : tuple of arrays
        Row pointers, product codes and weights of ``D_c^-b X`` by customer.
    products : tuple of arrays
        The same of X by product.
    wanted : numpy.ndarray, shape (n,), int64
        Rows to compute.
    left, right : numpy.ndarray, shape (n_products,), float32
        Scales of rows and columns.
    power, k
        Exponent of each entry; entries kept of a row.

    Returns
    -------
    indices, values : numpy.ndarray, shape (n, k)
        Ascending product codes and their weights; only the first ``counts`` of a row are filled.
    counts : numpy.ndarray, shape (n,), int64
        Entries above zero that were kept. Among equal values the lowest codes are kept.
    """
    pointers, bought, weights = customers
    starts, buyers, amounts = products
    m = len(starts) - 1
    indices = np.zeros((len(wanted), k), np.int32)
    values = np.zeros((len(wanted), k), np.float32)
    counts = np.zeros(len(wanted), np.int64)
    row = np.zeros(m, np.float32)
    touched = np.empty(m, np.int32)
    met = np.zeros(m, np.bool_)
    for number in range(len(wanted)):
        i = wanted[number]
        found = 0
        for place in range(starts[i], starts[i + 1]):
            who, amount = buyers[place], amounts[place]
            for entry in range(pointers[who], pointers[who + 1]):
                j = bought[entry]
                if not met[j]:
                    met[j] = True
                    touched[found] = j
                    found += 1
                row[j] += amount * weights[entry]
        codes = np.sort(touched[:found])
        scaled = np.empty(found, np.float32)
        for place in range(found):
            j = codes[place]
            scaled[place] = 0.0 if j == i else row[j] * right[j]
            row[j] = 0.0
            met[j] = False
        level, ties = np.float32(0.0), 0
        if found > k:
            level = max(np.partition(scaled, found - k)[found - k], np.float32(0.0))
            ties = k - int(np.sum(scaled > level))
        kept = 0
        for place in range(found):
            value = scaled[place]
            equal = value == level and ties > 0 and value > 0.0
            if value > level or equal:
                ties -= 1 if equal else 0
                indices[number, kept] = codes[place]
                values[number, kept] = (left[i] * value) ** np.float32(power)
                kept += 1
        counts[number] = kept
    return indices, values, counts


@compiled
def _place(indices: Ints, low: int, high: int, column: int) -> int:
    """First place in a sorted stretch whose column is not below the one looked for."""
    while low < high:
        middle = (low + high) >> 1
        if indices[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _overlaps(
    pointers: NDArray[np.int64], indices: Ints, values: Floats, row: int, columns: Ints, longest: int, found: Floats
) -> None:
    """Entries of a symmetric matrix in one row and ascending columns; a pruned row is completed from the columns'."""
    low, end = pointers[row], pointers[row + 1]
    pruned = end - low >= longest
    for number in range(len(columns)):
        column = columns[number]
        low = _place(indices, low, end, column)
        found[number] = 0.0
        if low < end and indices[low] == column:
            found[number] = values[low]
        elif pruned:
            last = pointers[column + 1]
            other = _place(indices, pointers[column], last, row)
            if other < last and indices[other] == row:
                found[number] = values[other]


@compiled
def _solve(square: Floats, target: Floats, n: int) -> None:
    """Solve ``square x = target`` for a positive definite matrix (lower half given), in place of the target."""
    column = np.empty(n, np.float32)
    for q in range(n):
        root = np.sqrt(square[q, q])
        square[q, q] = root
        for a in range(q + 1, n):
            square[a, q] /= root
            column[a] = square[a, q]
        for a in range(q + 1, n):
            factor = square[a, q]
            for b in range(q + 1, a + 1):
                square[a, b] -= factor * column[b]
        target[q] /= root
        for a in range(q + 1, n):
            target[a] -= column[a] * target[q]
    for a in range(n - 1, -1, -1):
        target[a] /= square[a, a]
        for q in range(a):
            target[q] -= square[a, q] * target[a]


@compiled
def ridge_links(
    pointers: NDArray[np.int64],
    indices: Ints,
    values: Floats,
    diagonal: Floats,
    wanted: NDArray[np.int64],
    neighbours: Ints,
    counts: NDArray[np.int64],
) -> Floats:
    """Weights of the ridge regression of each wanted product on its neighbours.

    Parameters
    ----------
    pointers, indices, values : numpy.ndarray
        Pruned rows of a symmetric Gram matrix without its diagonal, columns ascending.
    diagonal : numpy.ndarray, shape (n_products,), float32
        Diagonal of the Gram matrix plus the penalty of each product.
    wanted : numpy.ndarray, shape (n,), int64
        Products to predict.
    neighbours : numpy.ndarray, shape (n, k), int32
        Products that may predict them.
    counts : numpy.ndarray, shape (n,), int64
        How many of a row of `neighbours` are filled.

    Returns
    -------
    numpy.ndarray, shape (n, k), float32
        Weight of each neighbour.
    """
    k = neighbours.shape[1]
    longest = np.max(np.diff(pointers))
    links = np.zeros(neighbours.shape, np.float32)
    square, target = np.zeros((k, k), np.float32), np.zeros(k, np.float32)
    for number in range(len(wanted)):
        n = counts[number]
        near = neighbours[number, :n]
        _overlaps(pointers, indices, values, wanted[number], near, longest, target)
        for a in range(n):
            _overlaps(pointers, indices, values, near[a], near[:a], longest, square[a])
            square[a, a] = diagonal[near[a]]
        _solve(square, target, n)
        links[number, :n] = target[:n]
    return links
