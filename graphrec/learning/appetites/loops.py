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
def _sum_row(
    customers: tuple[Ints, Ints, Floats],
    products: tuple[Ints, Ints, Floats],
    i: int,
    row: Floats,
    met: NDArray[np.bool_],
    touched: Ints,
) -> int:
    """Row i of the Gram matrix into a dense row of zeros; says how many columns were touched, in order of meeting."""
    pointers, bought, weights = customers
    starts, buyers, amounts = products
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
    return found


@compiled
def _largest(codes: Ints, values: Floats, k: int) -> Ints:
    """Ascending codes of the k largest values above zero; among equal values the lowest codes."""
    level, wanted = np.float32(0.0), 0
    if len(codes) > k:
        level = max(np.partition(values, len(codes) - k)[len(codes) - k], np.float32(0.0))
    kept, equal = np.empty(min(k, len(codes)), np.int32), np.empty(len(codes), np.int32)
    above, ties = 0, 0
    for place in range(len(codes)):
        if values[place] > level:
            kept[above] = codes[place]
            above += 1
        elif values[place] == level and level > 0.0:
            equal[ties] = codes[place]
            ties += 1
    wanted = min(ties, len(kept) - above)
    if wanted:
        kept[above : above + wanted] = np.sort(equal[:ties])[:wanted]
    return np.sort(kept[: above + wanted])


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
    m = len(products[0]) - 1
    indices = np.zeros((len(wanted), k), np.int32)
    values = np.zeros((len(wanted), k), np.float32)
    counts = np.zeros(len(wanted), np.int64)
    row = np.zeros(m, np.float32)
    touched = np.empty(m, np.int32)
    met = np.zeros(m, np.bool_)
    for number in range(len(wanted)):
        i = wanted[number]
        found = _sum_row(customers, products, i, row, met, touched)
        scaled = np.empty(found, np.float32)
        for place in range(found):
            j = touched[place]
            row[j] = 0.0 if j == i else row[j] * right[j]
            scaled[place] = row[j]
        codes = _largest(touched[:found], scaled, k)
        for place in range(len(codes)):
            indices[number, place] = codes[place]
            values[number, place] = (left[i] * row[codes[place]]) ** np.float32(power)
        counts[number] = len(codes)
        for place in range(found):
            row[touched[place]] = 0.0
            met[touched[place]] = False
    return indices, values, counts


@compiled
def _fill_square(
    pointers: NDArray[np.int64], indices: Ints, values: Floats, rows: Ints, place: Ints, square: Floats
) -> None:
    """Lower half of a symmetric matrix among some rows; an entry that one row lost to pruning comes from the other."""
    n = len(rows)
    square[:n, :n] = 0.0
    for a in range(n):
        place[rows[a]] = a
    for a in range(n):
        for entry in range(pointers[rows[a]], pointers[rows[a] + 1]):
            b = place[indices[entry]]
            if b >= 0:
                square[max(a, b), min(a, b)] = values[entry]
    for a in range(n):
        place[rows[a]] = -1


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
    links = np.zeros(neighbours.shape, np.float32)
    square, place = np.zeros((k + 1, k + 1), np.float32), np.full(len(diagonal), -1, np.int32)
    rows = np.empty(k + 1, np.int32)
    for number in range(len(wanted)):
        n = counts[number]
        rows[:n] = neighbours[number, :n]
        rows[n] = wanted[number]  # the last row of the square is what the regression aims at
        _fill_square(pointers, indices, values, rows[: n + 1], place, square)
        for a in range(n):
            square[a, a] = diagonal[rows[a]]
        target = square[n, :n].copy()
        _solve(square, target, n)
        links[number, :n] = target
    return links
