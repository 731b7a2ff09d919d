"""A table as blocks of standardised numbers, one block for each column.

Hides how columns of any kind become comparable: a number is one column, a category a block of indicators, which are
kept once for each level and not for each row. Level numbers are kept where every column is a category, so that tables
are counted on one byte for each entry and equal rows are joined. Binning the numbers for a G² test was considered: it
loses power and its tables empty out beyond two conditioning columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.graph import Note

__all__ = ["Blocks", "Column", "Distinct", "find_distinct", "whiten"]

TINY = 1e-9

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Booleans = NDArray[np.bool_]
Codes = NDArray[Any]


@dataclass(frozen=True)
class Column:
    """One encoded column.

    Parameters
    ----------
    values : ndarray of float
        Standardised: the block of each level, shape (levels, k), where there are level numbers, else that of each row.
    codes : ndarray of uint8, shape (n,), optional
        Level numbers of a category, or of a number of two values.
    gaps : ndarray of bool, shape (n,), optional
        Where a number is missing.
    """

    values: Floats
    codes: Codes | None = None
    gaps: Booleans | None = None

    @property
    def width(self) -> int:
        """Columns of the block; 0 for a constant."""
        return int(self.values.shape[1])

    @property
    def block(self) -> Floats:
        """The block of every row, shape (n, k)."""
        return self.values if self.codes is None else self.values[self.codes]

    def __len__(self) -> int:
        return len(self.values if self.codes is None else self.codes)


@dataclass(frozen=True)
class Distinct:
    """The m distinct rows of a table of categories.

    Parameters
    ----------
    codes : ndarray of uint8, shape (m, d)
    place : ndarray of int, shape (n,)
        Which of them each row of the table is.
    """

    codes: Codes
    place: Integers

    def join(self, weights: Floats) -> Floats:
        """Return the weight of each distinct row, shape (m,), from those of the rows, shape (n,)."""
        return np.bincount(self.place, weights, minlength=len(self.codes)).astype(np.float64)


@dataclass(frozen=True)
class Blocks:
    """The columns of a table as adjacent blocks of one matrix.

    Parameters
    ----------
    names : tuple of str
        The d columns of the table.
    columns : tuple of Column
    notes : tuple of Note
        Columns that are constant, duplicated, determined by others, incomplete or replaced by normal scores.
    distinct : Distinct, optional
        The distinct rows, when every column is a category, has two values or is constant.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    notes: tuple[Note, ...] = ()
    distinct: Distinct | None = None

    @cached_property
    def starts(self) -> Integers:
        """Block i is ``matrix[:, starts[i]:starts[i + 1]]``; shape (d + 1,)."""
        return np.cumsum([0, *(column.width for column in self.columns)]).astype(np.intp)

    @cached_property
    def matrix(self) -> Floats:
        """Standardised columns, shape (n, p): a category of k levels holds k - 1 of them, a constant none.

        Gaps hold the mean.
        """
        return np.concatenate([column.block for column in self.columns], axis=1)

    @property
    def codes(self) -> Codes | None:
        """Level numbers of every row, shape (n, d), where there are distinct rows."""
        return None if self.distinct is None else self.distinct.codes[self.distinct.place]

    @cached_property
    def gaps(self) -> dict[int, Booleans]:
        """Where the numbers of a column are missing, shape (n,); columns without gaps are not listed."""
        return {i: column.gaps for i, column in enumerate(self.columns) if column.gaps is not None}

    @cached_property
    def _distinct_matrix(self) -> Floats:
        """The rows of the matrix, those of a table of categories once each."""
        if self.distinct is None:
            return self.matrix
        parts = zip(self.columns, self.distinct.codes.T)
        blocks = [c.values[: len(level)] if c.codes is None else c.values[level] for c, level in parts]
        return np.concatenate(blocks, axis=1)

    def join(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the rows of the matrix and their weights, equal rows of a table of categories joined into one."""
        return self._distinct_matrix, weights if self.distinct is None else self.distinct.join(weights)


def find_distinct(columns: Sequence[Column]) -> Distinct | None:
    """Return the distinct rows of a table, or None where a column is a number of more than two values."""
    if any(column.codes is None and column.width for column in columns):
        return None
    from causal.search.counting import number_rows

    nothing = np.zeros(len(columns[0]), dtype=np.uint8)
    codes = np.stack([nothing if column.codes is None else column.codes for column in columns])
    place, count = number_rows(codes, codes.max(axis=1, initial=0).astype(np.intp) + 1)
    example = np.empty(count, dtype=np.intp)
    example[place] = np.arange(len(place))
    return Distinct(np.ascontiguousarray(codes[:, example].T), place.astype(np.intp))


def whiten(covariance: Floats, starts: Integers) -> tuple[Floats, Integers]:
    """Return W, block-diagonal, with W' C W the identity within each block, and the new starts."""
    spread = np.diag(covariance)
    if len(spread) == len(starts) - 1 and bool((spread > TINY).all()):
        return np.diag(1.0 / np.sqrt(spread)), starts  # one number in each block, as in most tables of numbers
    pieces: list[tuple[int, int, Floats]] = []
    sizes = []
    for low, high in pairwise(starts):
        values, vectors = np.linalg.eigh(covariance[low:high, low:high])
        keep = values > TINY
        pieces.append((low, high, vectors[:, keep] / np.sqrt(values[keep])))
        sizes.append(int(keep.sum()))
    new = np.cumsum([0, *sizes]).astype(np.intp)
    whitener = np.zeros((len(covariance), int(new[-1])))
    for (low, high, piece), left, right in zip(pieces, new[:-1], new[1:]):
        whitener[low:high, left:right] = piece
    return whitener, new
