"""Partial correlations of many triples, by elimination from one correlation matrix.

Hides the elimination. The stacked linear algebra of numpy gives the same numbers; it spends most of its time on
arranging matrices of three to seven rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["partial_correlations"]

Arrays = NDArray[Any]

REPEATED = 1e-10


@compiled
def partial_correlations(
    correlation: Arrays, first: Arrays, second: Arrays, given: Arrays, determined: float
) -> tuple[Arrays, Arrays]:
    """Return N partial correlations, and where an end is determined by what is given.

    Parameters
    ----------
    correlation : ndarray of float, shape (q, q)
    first, second : ndarray of int, shape (N,)
    given : ndarray of int, shape (N, k)
        Rows and columns of the matrix. A given column that the others before it determine is passed over.
    determined : float
        Share of the variance below which an end counts as determined; its correlation is 0.
    """
    count, held = given.shape
    values, fixed = np.zeros(count), np.zeros(count, dtype=np.bool_)
    left, place = np.empty((held + 2, held + 2)), np.empty(held + 2, dtype=np.intp)
    for t in range(count):
        place[:held] = given[t]
        place[held], place[held + 1] = first[t], second[t]
        for i in range(held + 2):
            for j in range(i, held + 2):
                left[i, j] = correlation[place[i], place[j]]
        for k in range(held):
            if left[k, k] < REPEATED:
                continue
            for i in range(k + 1, held + 2):
                factor = left[k, i] / left[k, k]
                for j in range(i, held + 2):
                    left[i, j] -= factor * left[k, j]
        one, two = left[held, held], left[held + 1, held + 1]
        fixed[t] = one < determined or two < determined
        if not fixed[t]:
            values[t] = left[held, held + 1] / np.sqrt(one * two)
    return values, fixed
