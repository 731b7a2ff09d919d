"""Fast tests of conditional independence between columns of any kind.

Hides the statistic. From one correlation matrix of whitened blocks, ``a`` and ``b`` given ``S`` are compared by
the likelihood ratio of Wilks, ``-m log(det M / (det M_aa det M_bb))`` with M the covariance of the two blocks
given S, which is chi-squared with ``|a| |b|`` degrees of freedom; for two numbers it is the test of a partial
correlation (Fisher's z). Kernel and nearest-neighbour tests were considered: they cost thousands of times more
per test and discovery makes thousands of tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr

from causal.search.determinism import ask_the_other_way
from causal.search.moments import Moments

__all__ = ["BlockTest"]

DETERMINED = 1e-8
CHUNK_ENTRIES = 4_000_000

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class BlockTest:
    """Conditional independence of blocks under a joint normal model.

    Parameters
    ----------
    moments : Moments
        Correlations of d whitened blocks and effective sample sizes.

    Notes
    -----
    Assumption: dependence shows in linear correlations of the (scored, dummy-coded) columns. A dependence that is
    uncorrelated, such as a symmetric U shape, is not seen. A set that determines one of the two columns says
    nothing about them: such a test returns 0 (not independent), but for a single column that determines an end, where
    :mod:`causal.search.determinism` decides.
    """

    moments: Moments

    @cached_property
    def _determines(self) -> Booleans:
        """Which column holds all of another's block in the span of its own, without the opposite."""
        starts, width = self.moments.starts, self.width
        filled = np.flatnonzero(width)
        explained = np.zeros((len(width), len(width)))
        if len(filled):
            across = np.add.reduceat(self.moments.correlation**2, starts[filled], axis=0)
            explained[np.ix_(filled, filled)] = np.add.reduceat(across, starts[filled], axis=1)
        within = (explained > width[None, :] - DETERMINED) & (width > 0)[:, None] & (width > 0)[None, :]
        one_way: Booleans = within & ~within.T
        return one_way

    @cached_property
    def _numbers_only(self) -> bool:
        return bool((self.width == 1).all())

    @cached_property
    def width(self) -> Integers:
        """Size of each block; 0 for a constant column."""
        width: Integers = np.diff(self.moments.starts)
        return width

    def p_values(self, first: Integers, second: Integers, given: Integers) -> Floats:
        """Return the p-value of N tests of independence.

        Parameters
        ----------
        first, second : ndarray of int, shape (N,)
            Column numbers.
        given : ndarray of int, shape (N, k)
            Column numbers conditioned on.

        Returns
        -------
        ndarray of float, shape (N,)
            1 when a column is constant.
        """
        given = given.reshape(len(first), -1)
        values = self._measure(first, second, given)
        if given.shape[1] == 1 and self._determines.any():
            for end, other in ((first, second), (second, first)):
                finer = np.flatnonzero(self._determines[end, given[:, 0]])
                values[finer] = self._measure_beyond(end[finer], other[finer], given[finer])
        return ask_the_other_way(self._measure_beyond, self._determines, (first, second, given), values)

    def _measure(self, first: Integers, second: Integers, given: Integers) -> Floats:
        width = self.width
        if self._numbers_only:
            return self._same_shape(first, second, given, (1, 1))
        held = width[given].sum(axis=1)
        span = int(width.max(initial=0)) + 1
        result = np.ones(len(first))
        kinds, kind = np.unique((held * span + width[first]) * span + width[second], return_inverse=True)
        for number, code in enumerate(kinds):
            (s, a), b = divmod(code // span, span), code % span
            if a == 0 or b == 0:
                continue
            rows = np.flatnonzero(kind == number)
            step = max(1, CHUNK_ENTRIES // int((a + b + s) ** 2))
            for low in range(0, len(rows), step):
                part = rows[low : low + step]
                result[part] = self._same_shape(first[part], second[part], given[part], (int(a), int(b)))
        return result

    def _measure_beyond(self, finer: Integers, other: Integers, coarser: Integers) -> Floats:
        """Return the p-value of other and the finer column given the coarser one, which the finer determines.

        Given the coarser, the finer block has fewer dimensions than columns; what it adds is read from the other end.
        """
        result = np.ones(len(finer))
        for number, (c, b, e) in enumerate(zip(finer, other, coarser[:, 0])):
            added = int(self.width[c] - self.width[e])
            ends = self._columns(np.array([[b]]))
            left = [self._conditional(ends, self._columns(np.array([[column]])))[0] for column in (c, e)]
            after, before = (np.linalg.slogdet(within).logabsdet for within in left)
            factor = max(float(self.moments.size[c, b]) - self.width[c] - (ends.shape[1] + 3.0) / 2.0, 0.0)
            statistic = factor * max(float(before - after), 0.0)
            result[number] = float(chdtrc(float(added * ends.shape[1]), statistic)) if added and ends.size else 1.0
        return result

    def _same_shape(self, first: Integers, second: Integers, given: Integers, shape: tuple[int, int]) -> Floats:
        size = self.moments.size[first, second]
        ends, held = (self._columns(first[:, None]), self._columns(second[:, None])), self._columns(given)
        if shape == (1, 1):
            from causal.search.partial import partial_correlations

            r, fixed = partial_correlations(self.moments.correlation, ends[0][:, 0], ends[1][:, 0], held, DETERMINED)
            return np.where(fixed, 0.0, _fisher_p(r, size, held.shape[1]))
        within = self._conditional(np.concatenate(ends, axis=1), held)
        return _wilks_p(within, shape, size, self.width[given].sum(axis=1))

    def _columns(self, variables: Integers) -> Integers:
        """Return the matrix columns of the blocks in each row; all rows must have equally many."""
        starts, width = self.moments.starts, self.width
        if self._numbers_only:
            return variables
        if variables.shape[1] == 0:
            return np.empty((len(variables), 0), dtype=np.intp)
        sizes = width[variables].ravel()
        ends = np.cumsum(sizes)
        offset = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
        flat = np.repeat(starts[variables].ravel(), sizes) + offset
        columns: Integers = flat.reshape(len(variables), -1)
        return columns

    def _conditional(self, target: Integers, given: Integers) -> Floats:
        """Return the covariance of the target columns given others, shape (N, t, t)."""
        matrix = self.moments.correlation
        within: Floats = matrix[target[:, :, None], target[:, None, :]]
        if given.shape[1] == 0:
            return within
        across: Floats = matrix[given[:, :, None], target[:, None, :]]
        inner: Floats = matrix[given[:, :, None], given[:, None, :]]
        if given.shape[1] == 1:
            explained = across[:, 0, :, None] * across[:, 0, None, :] / inner
        else:
            ridge = 1e-10 * np.eye(given.shape[1])
            explained = np.swapaxes(across, 1, 2) @ np.linalg.solve(inner + ridge, across)
        return within - explained


def _fisher_p(r: Floats, size: Floats, k: int) -> Floats:
    z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)) * np.sqrt(np.maximum(size - k - 3.0, 0.0))
    p: Floats = 2.0 * ndtr(-np.abs(z))
    return p


def _wilks_p(within: Floats, shape: tuple[int, int], size: Floats, k: Integers) -> Floats:
    a, b = shape
    ratio, determined = _log_ratio(within, a)
    factor = np.maximum(size - k - (a + b + 3.0) / 2.0, 0.0)
    statistic = -factor * np.minimum(ratio, 0.0)
    return np.where(determined, 0.0, chdtrc(float(a * b), statistic))


def _log_ratio(within: Floats, a: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return log(det M / (det M_aa det M_bb)), and where one of the two is determined by what is given."""
    first, second, across = within[:, :a, :a], within[:, a:, a:], within[:, :a, a:]
    if a > second.shape[1]:
        first, second, across = second, first, np.swapaxes(across, 1, 2)
    size_one, size_two = np.linalg.slogdet(first), np.linalg.slogdet(second)
    limit = np.log(DETERMINED)
    determined = (size_one.logabsdet < limit) | (size_two.logabsdet < limit)
    determined |= (size_one.sign <= 0) | (size_two.sign <= 0)
    ridge = 1e-10 * np.eye(second.shape[1])
    explained = across @ np.linalg.solve(second + ridge, np.swapaxes(across, 1, 2))
    unexplained = np.linalg.slogdet(first - explained)
    positive = unexplained.sign > 0
    left = np.where(positive, unexplained.logabsdet, 10.0 * limit) - size_one.logabsdet
    return np.where(determined, 0.0, left), determined
