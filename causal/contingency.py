"""The G² test for tables in which every column is a category.

Hides how contingency tables are counted. The statistic is built from terms of the kind ``sum N log N`` over the
joint table and its margins, and the margins are shared between the tests that condition on the same columns. The
degenerate Gaussian would serve here too, but it sees only how means move with the conditioning columns; G² sees
every interaction and loses only where the tables become sparse.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, xlogy

from causal.moments import Blocks

__all__ = ["TableTest", "category_codes"]

ROWS_PER_CELL = 5.0
MAX_CODES = 128

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


def category_codes(blocks: Blocks) -> Integers | None:
    """Return level numbers from 0, shape (n, d), or None when some column is a number of many values."""
    columns = []
    for low, high in zip(blocks.starts[:-1], blocks.starts[1:]):
        block = blocks.matrix[:, low:high]
        if block.shape[1] == 1 and not _is_two_valued(block[:, 0]):
            return None
        inside = block > 0.0
        columns.append(np.where(inside.any(axis=1), inside.argmax(axis=1) + 1, 0) if high > low else 0)
    codes = np.zeros((len(blocks.matrix), len(columns)), dtype=np.intp, order="F")
    for number, column in enumerate(columns):
        codes[:, number] = column
    return codes


@dataclass(frozen=True)
class TableTest:
    """Conditional independence of categories by the likelihood ratio G².

    Parameters
    ----------
    codes : ndarray of int, shape (n, d)
        Level numbers from 0.
    weights : ndarray of float, shape (n,)
        Row weights.
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair; the counts are scaled to it.

    Notes
    -----
    Degrees of freedom count only the rows and columns that occur in a stratum. A test with fewer than five
    effective rows per degree of freedom, or none, says nothing and returns 0 (not independent).
    """

    codes: Integers
    weights: Floats
    size: Floats
    _levels: list[int] = field(init=False, repr=False)
    _counts: Floats | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        drawn = self.weights > 0
        kept, counts = self.codes, self.weights
        if not drawn.all():
            kept, counts = kept[drawn], counts[drawn]
        object.__setattr__(self, "codes", np.asfortranarray(kept))
        object.__setattr__(self, "_counts", None if (counts == counts[0]).all() else counts)
        object.__setattr__(self, "_levels", (kept.max(axis=0, initial=0) + 1).tolist())

    def p_values(self, first: Integers, second: Integers, given: Integers) -> Floats:
        """Return the p-value of N tests, as :meth:`causal.independence.BlockTest.p_values` does."""
        sets = [tuple(sorted(row)) for row in given.reshape(len(first), -1).tolist()]
        order = sorted(range(len(sets)), key=sets.__getitem__)
        result = np.ones(len(first))
        strata: _Strata | None = None
        for number in order:
            a, b = int(first[number]), int(second[number])
            if self._levels[a] < 2 or self._levels[b] < 2:
                continue
            if strata is None or strata.given != sets[number]:
                strata = _Strata(self, sets[number])
            result[number] = self._one(strata, a, b)
        return result

    def count(self, index: Integers, cells: int) -> Floats:
        """Return the weight of the rows in each cell, up to one factor for all cells."""
        counts: Floats = np.bincount(index, self._counts, minlength=cells).astype(np.float64, copy=False)
        return counts

    def levels(self, column: int) -> int:
        """Return the number of levels of a column."""
        return self._levels[column]

    def _one(self, strata: _Strata, a: int, b: int) -> float:
        one, two = strata.margin(a), strata.margin(b)
        degrees = float(((one.width - 1) * (two.width - 1)).sum())
        size = float(self.size[a, b])
        if size < ROWS_PER_CELL * degrees or degrees <= 0:
            return 0.0
        levels = self.levels(b)
        joint = self.count(one.index * levels + self.codes[:, b], strata.cells * self.levels(a) * levels)
        statistic = 2.0 * (xlogy(joint, joint).sum() + strata.total - one.total - two.total)
        return float(chdtrc(degrees, max(statistic, 0.0) * size / strata.rows))


@dataclass(frozen=True)
class _Margin:
    """One column within the strata: cell of each row, sum of N log N, levels present per stratum (at least 1)."""

    index: Integers
    total: float
    width: Integers


class _Strata:
    """The strata of one conditioning set, with the margins asked for so far."""

    def __init__(self, test: TableTest, given: tuple[int, ...]) -> None:
        self.given = given
        self._test = test
        self._index, self.cells = _stratify(test, given)
        counts = test.count(self._index, self.cells)
        self.rows = float(counts.sum())
        self.total = float(xlogy(counts, counts).sum())
        self._margins: dict[int, _Margin] = {}

    def margin(self, column: int) -> _Margin:
        """Return a column's margin, counted once."""
        if column not in self._margins:
            levels = self._test.levels(column)
            index = self._index * levels + self._test.codes[:, column]
            counts = self._test.count(index, self.cells * levels)
            width = np.maximum((counts.reshape(self.cells, levels) > 0).sum(axis=1), 1)
            self._margins[column] = _Margin(index, float(xlogy(counts, counts).sum()), width)
        return self._margins[column]


def _stratify(test: TableTest, given: tuple[int, ...]) -> tuple[Integers, int]:
    index = np.zeros(len(test.codes), dtype=np.intp)
    cells = 1
    for column in given:
        index = index * test.levels(column) + test.codes[:, column]
        cells *= test.levels(column)
        if cells > MAX_CODES:
            found, index = np.unique(index, return_inverse=True)
            cells = len(found)
    return index, cells


def _is_two_valued(column: Floats) -> bool:
    return bool(((column == column.min()) | (column == column.max())).all())
