"""The G² test for tables in which every column is a category.

Hides how contingency tables are kept: one byte for each entry, equal rows joined into one with their weights, so that
a bootstrap is a new vector of weights. The degenerate Gaussian would serve here too, but it sees only how means move
with the conditioning columns; G² sees every interaction and loses only where the tables become sparse. Pearson's
chi-squared was considered; the two agree where the counts are large, and G² adds up over strata.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri

from causal.search.determinism import ask_the_other_way

__all__ = ["TableTest", "join_rows"]

ROWS_PER_CELL = 5.0
LARGEST_COUNT = 2**31

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Booleans = NDArray[np.bool_]
Codes = NDArray[Any]


@dataclass(frozen=True)
class TableTest:
    """Conditional independence of categories by the likelihood ratio G².

    Parameters
    ----------
    codes : ndarray of int, shape (n, d)
        Level numbers from 0, at most 255.
    weights : ndarray of float, shape (n,)
        Row weights.
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair; the counts are scaled to it.
    alpha : float
        P-values up to this one are returned as 0: a table of critical values decides, and only what passes it is
        evaluated.

    Notes
    -----
    Degrees of freedom count only the rows and columns that occur in a stratum. A test with fewer than five
    effective rows per degree of freedom, or none, says nothing and returns 0 (not independent). Where the one column
    conditioned on determines an end, :mod:`causal.search.determinism` decides.
    """

    codes: Codes
    weights: Floats
    size: Floats
    alpha: float = 0.0
    _columns: Codes = field(init=False, repr=False)
    _counts: Codes = field(init=False, repr=False)
    _levels: Integers = field(init=False, repr=False)
    _determines: Booleans = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns, counts = join_rows(self.codes, self.weights)
        object.__setattr__(self, "_columns", columns)
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_levels", columns.max(axis=1, initial=0).astype(np.intp) + 1)
        object.__setattr__(self, "_determines", _determining(columns, self._levels))

    def p_values(self, first: Integers, second: Integers, given: Integers) -> Floats:
        """Return the p-value of N tests, as :meth:`causal.search.independence.BlockTest.p_values` does."""
        given = given.reshape(len(first), -1)
        values = self._count(first, second, given)
        return ask_the_other_way(self._count, self._determines, (first, second, given), values)

    def _count(self, first: Integers, second: Integers, given: Integers) -> Floats:
        from causal.search.counting import likelihood_ratios

        held = np.sort(given, axis=1)
        order = np.lexsort(held.T[::-1]) if held.shape[1] else np.arange(len(first))
        tests = np.stack([first, second], axis=1)[order]
        size = self.size[tests[:, 0], tests[:, 1]]
        limits = size / ROWS_PER_CELL
        statistic, degrees = likelihood_ratios(self._columns, self._counts, self._levels, tests, held[order], limits)
        scaled = np.maximum(statistic, 0.0) * (size / self._counts.sum())
        values = _upper_tail(np.where(degrees <= limits, degrees, 0.0), scaled, self.alpha)
        values[(self._levels[tests] < 2).any(axis=1)] = 1.0
        result = np.empty(len(first))
        result[order] = values
        return result


def join_rows(codes: Codes, weights: Floats) -> tuple[Codes, Codes]:
    """Return the distinct rows, shape (d, m), and their weights: whole numbers where they are, for speed."""
    from causal.search.counting import number_rows

    drawn = weights > 0
    if not drawn.all():
        codes, weights = codes[drawn], weights[drawn]
    columns = np.ascontiguousarray(codes.T, dtype=np.uint8)
    index, rows = number_rows(columns, columns.max(axis=1, initial=0).astype(np.intp) + 1)
    counts = np.bincount(index, weights, minlength=rows)
    example = np.empty(rows, dtype=np.intp)
    example[index] = np.arange(len(index))
    counts = counts / counts.min()  # only their ratios count
    whole = counts.sum() < LARGEST_COUNT and bool((counts == np.rint(counts)).all())
    return np.ascontiguousarray(columns[:, example]), counts.astype(np.int32) if whole else counts


def _determining(columns: Codes, levels: Integers) -> Booleans:
    """Return which column fixes the level of another without being fixed by it, constants aside."""
    from causal.search.counting import fixed_levels

    fixes = fixed_levels(columns, levels) & (levels > 1)[:, None] & (levels > 1)[None, :]
    one_way: Booleans = fixes & ~fixes.T
    return one_way


def _upper_tail(degrees: Floats, statistic: Floats, alpha: float) -> Floats:
    """Return P(chi-squared > statistic), 0 where it is at most ``alpha``."""
    result = np.zeros(len(degrees))
    near = (statistic < _critical_values(alpha, int(degrees.max(initial=0)))[degrees.astype(np.intp)]) & (degrees > 0)
    result[near] = chdtrc(degrees[near], statistic[near])
    return result


@cache
def _critical_values(alpha: float, most: int) -> Floats:
    """Return the critical value of each number of degrees of freedom up to ``most``."""
    found: Floats = chdtri(np.arange(most + 1.0), alpha) if alpha > 0.0 else np.full(most + 1, np.inf)
    return found
