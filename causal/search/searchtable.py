"""A table made ready for a search, with the weights and clusters of its rows.

Hides how a table is checked and encoded once, and what the methods then ask of it under the row weights of a
bootstrap: a test, a score, a correlation matrix, the plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, numeric_values
from causal.knowledge import Knowledge
from causal.search.contingency import TableTest
from causal.search.gaps import CompleteRowsTest
from causal.search.independence import BlockTest
from causal.search.meek import Rules, compile_rules
from causal.search.moments import Blocks, Moments, correlate, effective_sizes, encode_blocks, measure_moments
from causal.search.scores import Score, gaussian_score
from causal.search.skeleton import IndependenceTest

__all__ = ["SearchTable", "prepare_table"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Codes = NDArray[Any]


@dataclass(frozen=True)
class SearchTable:
    """n rows of d columns, encoded.

    Parameters
    ----------
    blocks : Blocks
    weights : ndarray of float, shape (n,)
        Of the whole sample.
    clusters : ndarray of int, shape (n,), optional
        Codes from 0.
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair.
    rules : Rules
        Knowledge over the columns.
    alpha : float
        Level of each test.
    numbers : ndarray of float, shape (n, d), optional
        The values as they are, gaps at the mean, when every column is a number of more than two values or constant.
    """

    blocks: Blocks
    weights: Floats
    clusters: Integers | None
    size: Floats
    rules: Rules
    alpha: float
    numbers: Floats | None = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self.blocks.names

    @property
    def codes(self) -> Codes | None:
        """Level numbers, shape (n, d), when every column is a category."""
        return self.blocks.codes

    def test(self, weights: Floats) -> IndependenceTest:
        """Return the independence test under row weights."""
        if (rows := self.blocks.distinct) is not None:
            return TableTest(rows.codes, rows.join(weights), self.size, self.alpha)
        if not self.blocks.gaps:
            return BlockTest(self.moments(weights))

        def make(complete: Floats, share: float) -> IndependenceTest:
            return BlockTest(measure_moments(self.blocks, complete, self.size * share))

        return CompleteRowsTest(make, weights, self.blocks.gaps, len(self.names))

    def score(self, weights: Floats, rules: Rules) -> Score:
        """Return the score of graphs under row weights."""
        if (rows := self.blocks.distinct) is not None:
            from causal.search.tablescore import table_score

            return table_score(rows.codes, rows.join(weights), self.size, rules)
        return gaussian_score(self.moments(weights), rules)

    def moments(self, weights: Floats, plain: bool = False) -> Moments:
        """Return the correlations under row weights, of the plain numbers on demand."""
        if weights is self.weights and not plain:
            return self._whole
        if plain and self.numbers is not None:
            values = self.numbers[:, np.diff(self.blocks.starts) > 0]
            values = (values - values.mean(axis=0)) / values.std(axis=0)
            return correlate(values, weights, self.blocks.starts, self.size)
        return measure_moments(self.blocks, weights, self.size)

    @cached_property
    def _whole(self) -> Moments:
        """The correlations of the whole sample, which more than one search asks for."""
        return measure_moments(self.blocks, self.weights, self.size)


def prepare_table(
    frame: pd.DataFrame,
    knowledge: Knowledge,
    alpha: float,
    weights: ArrayLike | None,
    clusters: Iterable[Any] | None,
) -> SearchTable:
    """Check and encode a table; see :func:`causal.discover` for the arguments and errors."""
    if isinstance(frame, pd.DataFrame):
        knowledge.check_names([str(name) for name in frame.columns])
    blocks = encode_blocks(frame)
    row_weights = _read_weights(weights, len(frame))
    codes = _read_clusters(clusters, len(frame))
    size = effective_sizes(blocks, row_weights, codes)
    rules = compile_rules(knowledge, blocks.names)
    numbers = _read_numbers(frame, blocks)
    return SearchTable(blocks, row_weights, codes, size, rules, alpha, numbers)


def _read_numbers(frame: pd.DataFrame, blocks: Blocks) -> Floats | None:
    if any(column.codes is not None for column in blocks.columns):
        return None
    columns = []
    for name, low, high in zip(blocks.names, blocks.starts[:-1], blocks.starts[1:]):
        values = numeric_values(frame[name], gaps=True)
        values = np.where(np.isnan(values), np.nanmean(values), values)
        if high > low and len(np.unique(values[:1000])) <= 2 and len(np.unique(values)) <= 2:
            return None
        columns.append(values)
    return np.column_stack(columns)


def _read_weights(weights: ArrayLike | None, n: int) -> Floats:
    if weights is None:
        return np.ones(n)
    try:
        values = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise FrameError(
            f"weights are {weights!r:.80}; give one number for each row, such as frame['weight']"
        ) from None
    if values.shape != (n,):
        raise FrameError(f"weights have shape {values.shape}, the table {n} rows; give one weight per row")
    if not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        wrong = values[~(np.isfinite(values) & (values >= 0))][:3].tolist()
        raise FrameError(f"weights must be finite, not negative and not all zero; found {wrong}")
    return values


def _read_clusters(clusters: Iterable[Any] | None, n: int) -> Integers | None:
    if clusters is None:
        return None
    if isinstance(clusters, str):
        raise FrameError(
            f"clusters are {clusters!r}; give one customer for each row, such as frame[{clusters!r}], and leave that "
            "column out of the table"
        )
    values = pd.Series(list(clusters), dtype=object)
    if len(values) != n:
        raise FrameError(f"{len(values)} clusters for {n} rows; give one cluster (customer) per row")
    codes, found = pd.factorize(values)
    if (codes < 0).any():
        raise FrameError(f"{int((codes < 0).sum())} rows have no cluster; name the customer of every row")
    if len(found) < 2:
        raise FrameError("all rows are of one cluster; nothing can be learned about other customers")
    return np.asarray(codes, dtype=np.intp)
