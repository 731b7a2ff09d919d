"""How much one block of columns tells of another beside a set of parents: the loops behind the score of normal models.

Hides the linear algebra. Given the parents, what is left of all columns comes from a pivoted Cholesky elimination, once
for all candidates; what each parent adds beside the others comes from the inverse covariance. Parents that determine a
column, and columns that others determine, count as telling nothing more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["toggle_blocks"]

DETERMINED = 1e-8
RIDGE = 1e-9
LIMIT = float(np.log(DETERMINED))

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@compiled
def toggle_blocks(
    correlation: Floats,
    starts: Integers,
    n: float,
    price: Floats,
    banned: Booleans,
    held: Booleans,
    children: Integers,
    parents: Booleans,
    removals: bool,
    change: Floats,
) -> None:
    """Fill ``change`` row by row; every row is one column with its parents."""
    for row in range(len(children)):
        child = children[row]
        if starts[child] == starts[child + 1]:
            continue
        given = _members(starts, parents[row])
        _remove(correlation, given, starts, child, n, price, held, parents[row], change[row])
        if not removals:
            _add(correlation, given, starts, child, n, price, banned, parents[row], change[row])


@compiled
def _remove(
    correlation: Floats,
    given: Integers,
    starts: Integers,
    child: int,
    n: float,
    price: Floats,
    held: Booleans,
    parents: Booleans,
    change: Floats,
) -> None:
    """Fill in what removing each parent changes; a required one stays."""
    m = starts[child + 1] - starts[child]
    precision = _precision(correlation, given, starts[child], m)
    place = 0
    for x in range(len(parents)):
        if parents[x]:
            k = starts[x + 1] - starts[x]
            if not held[x, child]:
                change[x] = price[x, child] - n * _shared_with_parent(precision, place, k, m)
            place += k


@compiled
def _add(
    correlation: Floats,
    given: Integers,
    starts: Integers,
    child: int,
    n: float,
    price: Floats,
    banned: Booleans,
    parents: Booleans,
    change: Floats,
) -> None:
    """Fill in what adding each other column changes; one that the parents determine adds nothing."""
    first, m = starts[child], starts[child + 1] - starts[child]
    loading, variance = _explain(correlation, given)
    own = _log_determinant(_left(correlation, loading, first, m, 0, 0))
    if not own > LIMIT:
        return
    across = correlation[first].copy()
    for j in range(len(loading)):
        across -= loading[j, first] * loading[j]
    for x in range(len(parents)):
        low, k = starts[x], starts[x + 1] - starts[x]
        if parents[x] or k == 0 or banned[x, child] or not variance[low] > DETERMINED:
            continue
        if m == 1 and k == 1:
            rest = 1.0 - across[low] * across[low] / (variance[first] * variance[low])
            shared = -0.5 * np.log(max(rest, DETERMINED))
        else:
            shared = _shared(correlation, loading, own, first, m, low, k)
        change[x] = n * shared - price[x, child]


@compiled
def _members(starts: Integers, inside: Booleans) -> Integers:
    """Return the matrix columns of the blocks inside."""
    found = np.empty(starts[-1], dtype=np.intp)
    count = 0
    for x in range(len(inside)):
        if inside[x]:
            for column in range(starts[x], starts[x + 1]):
                found[count] = column
                count += 1
    return found[:count]


@compiled
def _explain(correlation: Floats, given: Integers) -> tuple[Floats, Floats]:
    """Return loadings L, shape (s, q), so that L'L is what the given columns explain, and the variance left of all."""
    s, q = len(given), len(correlation)
    loading = np.zeros((s, q))
    variance = np.ones(q)
    for k in range(s):
        pivot = given[k]
        if variance[pivot] <= DETERMINED:
            continue
        for column in range(q):
            loading[k, column] = correlation[pivot, column]
        for j in range(k):
            factor = loading[j, pivot]
            for column in range(q):
                loading[k, column] -= factor * loading[j, column]
        scale = 1.0 / np.sqrt(loading[k, pivot])
        for column in range(q):
            loading[k, column] *= scale
            variance[column] -= loading[k, column] ** 2
    return loading, variance


@compiled
def _shared(correlation: Floats, loading: Floats, own: float, first: int, m: int, low: int, k: int) -> float:
    """Return the mutual information of the child and another block given the parents, in nats for each row."""
    alone = _log_determinant(_left(correlation, loading, low, k, 0, 0))
    if alone <= LIMIT:
        return 0.0
    return 0.5 * (own + alone - _log_determinant(_left(correlation, loading, first, m, low, k)))


@compiled
def _left(correlation: Floats, loading: Floats, first: int, m: int, second: int, k: int) -> Floats:
    """Return the covariance, given the parents, of m columns from one place on and k from another."""
    left = np.empty((m + k, m + k))
    for i in range(m + k):
        a = first + i if i < m else second + i - m
        for j in range(i + 1):
            b = first + j if j < m else second + j - m
            value = correlation[a, b]
            for row in range(len(loading)):
                value -= loading[row, a] * loading[row, b]
            left[i, j] = value
            left[j, i] = value
    return left


@compiled
def _log_determinant(matrix: Floats) -> float:
    """Return the log determinant by elimination, in place; a pivot below the limit counts as the limit."""
    size = len(matrix)
    total = 0.0
    for k in range(size):
        pivot = max(matrix[k, k], DETERMINED)
        total += np.log(pivot)
        for i in range(k + 1, size):
            factor = matrix[i, k] / pivot
            for j in range(k + 1, size):
                matrix[i, j] -= factor * matrix[k, j]
    return total


@compiled
def _precision(correlation: Floats, given: Integers, first: int, m: int) -> Floats:
    """Return the inverse covariance of the parents' columns followed by the child's (Gauss-Jordan, in place)."""
    s = len(given)
    if s == 0:
        return np.empty((0, 0))
    matrix = np.empty((s + m, s + m))
    for i in range(s + m):
        a = given[i] if i < s else first + i - s
        for j in range(s + m):
            matrix[i, j] = correlation[a, given[j] if j < s else first + j - s]
        matrix[i, i] += RIDGE
    for k in range(s + m):
        pivot = matrix[k, k]
        matrix[k, k] = 1.0
        for j in range(s + m):
            matrix[k, j] /= pivot
        for i in range(s + m):
            if i != k:
                factor = matrix[i, k]
                matrix[i, k] = 0.0
                for j in range(s + m):
                    matrix[i, j] -= factor * matrix[k, j]
    return matrix


@compiled
def _shared_with_parent(precision: Floats, place: int, k: int, m: int) -> float:
    """Return the mutual information of one parent and the child given the other parents, in nats for each row."""
    s = len(precision) - m
    if m == 1 and k == 1:
        across = precision[place, s]
        return float(
            -0.5 * np.log(max(1.0 - across * across / (precision[place, place] * precision[s, s]), DETERMINED))
        )
    parent = _part(precision, place, k, s, 0)
    child = _part(precision, s, m, 0, 0)
    both = _part(precision, place, k, s, m)
    return 0.5 * (_scaled_log_determinant(parent) + _scaled_log_determinant(child) - _scaled_log_determinant(both))


@compiled
def _part(matrix: Floats, first: int, k: int, second: int, m: int) -> Floats:
    """Return the rows and columns of two ranges of a symmetric matrix."""
    part = np.empty((k + m, k + m))
    for i in range(k + m):
        for j in range(k + m):
            part[i, j] = matrix[first + i if i < k else second + i - k, first + j if j < k else second + j - k]
    return part


@compiled
def _scaled_log_determinant(matrix: Floats) -> float:
    """Return the log determinant of a matrix of any scale, in place."""
    total = 0.0
    scale = np.empty(len(matrix))
    for i in range(len(matrix)):
        scale[i] = np.sqrt(matrix[i, i])
        total += 2.0 * np.log(scale[i])
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            matrix[i, j] /= scale[i] * scale[j]
    return total + _log_determinant(matrix)
