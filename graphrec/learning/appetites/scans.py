"""The loop that finds the largest scores of each row, as machine code.

Hides the threshold: a block of scores is first compared with the row's n-th best so far, sixty-four at a time and
without branches, and only a block with something better is looked at one by one. Kept apart from `loops`, so that
scoring a saved model compiles nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["scan_block", "sort_rows"]

_GROUP = 64


@compiled
def _sift(values: NDArray[np.float32], codes: NDArray[np.int32], score: float, code: int) -> None:
    """Replace the smallest of a heap (the root) and restore its order; among equals a higher code is smaller."""
    n, place = len(values), 0
    while True:
        child = 2 * place + 1
        if child >= n:
            break
        right = child + 1
        if right < n and (
            values[right] < values[child] or (values[right] == values[child] and codes[right] > codes[child])
        ):
            child = right
        if values[child] > score or (values[child] == score and codes[child] <= code):
            break
        values[place], codes[place] = values[child], codes[child]
        place = child
    values[place], codes[place] = score, code


@compiled
def scan_block(scores: NDArray[np.float32], first: int, values: NDArray[np.float32], codes: NDArray[np.int32]) -> None:
    """Push the scores of the columns from ``first`` on into each row's heap of its largest.

    Parameters
    ----------
    scores : numpy.ndarray, shape (rows, columns), float32
        Minus infinity leaves a column out.
    first : int
        Product code of the first column; blocks come in ascending order.
    values, codes : numpy.ndarray, shape (rows, n)
        Heaps, changed in place; start with minus infinity and -1.
    """
    rows, columns = scores.shape
    for row in range(rows):
        line, heap, names = scores[row], values[row], codes[row]
        level = heap[0]
        for start in range(0, columns, _GROUP):
            stop = min(start + _GROUP, columns)
            better = 0
            for column in range(start, stop):
                better += line[column] > level
            if better:
                for column in range(start, stop):
                    if line[column] > level:
                        _sift(heap, names, line[column], first + column)
                        level = heap[0]


@compiled
def sort_rows(values: NDArray[np.float32], codes: NDArray[np.int32]) -> None:
    """Order each row from the largest, in place; equal scores by ascending code."""
    for row in range(len(values)):
        by_code = np.argsort(codes[row], kind="mergesort")
        order = by_code[np.argsort(-values[row][by_code], kind="mergesort")]
        values[row] = values[row][order]
        codes[row] = codes[row][order]
