"""How much better a category is explained with one parent more or less, by counting.

Hides the tables. The score is BDeu (Heckerman, Geiger & Chickering 1995): the probability of the data when every
conditional distribution is unknown and each is equally likely beforehand, which is equal for equivalent graphs. BIC
was considered: it charges every cell of the full table, also those that never occur, and so misses the edges of
categories with many levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import lgamma
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled
from causal.search.meek import Rules
from causal.search.scores import log_odds

__all__ = ["TableScore", "table_score"]

PRIOR_ROWS = 1.0
NOTHING = -1

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Codes = NDArray[Any]


@dataclass(frozen=True)
class TableScore:
    """BDeu over columns of level numbers.

    Parameters
    ----------
    codes : ndarray of int, shape (n, d), Fortran order
        Level numbers from 0.
    levels : ndarray of int, shape (d,)
    counts : ndarray of float, shape (n,)
        How many effective rows each row is worth.
    price : ndarray of float, shape (d, d)
        ``[x, w]``: extra cost of the edge ``x -> w`` per free parameter of the pair, less its prior log-odds.
    rules : Rules

    Notes
    -----
    The prior of each table is worth one row, and each number of parents is equally likely beforehand. Under clusters
    the counts are those of the best pair, and an edge between columns whose rows repeat each other pays extra, what
    the BIC would charge for as many parameters at its design effect.
    """

    codes: Codes
    levels: Integers
    counts: Floats
    price: Floats
    rules: Rules

    @property
    def width(self) -> int:
        """Number of columns d."""
        return len(self.levels)

    @cached_property
    def _banned(self) -> Booleans:
        banned: Booleans = self.rules.forbidden | np.eye(self.width, dtype=bool)
        return banned

    def under(self, rules: Rules) -> Self:
        """See :meth:`causal.search.scores.Score.under`."""
        return replace(self, rules=rules)

    def toggle(self, children: Integers, parents: Booleans, removals: bool = False) -> Floats:
        """See :meth:`causal.search.scores.Score.toggle`."""
        change = np.full(parents.shape, -np.inf)
        _toggle_tables(
            self.codes,
            self.levels,
            self.counts,
            self.price,
            self._banned,
            self.rules.required,
            children,
            parents,
            removals,
            change,
        )
        return change


def table_score(codes: Codes, weights: Floats, size: Floats, rules: Rules) -> TableScore:
    """Return the score of tables for weighted rows of d categories.

    Parameters
    ----------
    codes : ndarray of int, shape (n, d)
    weights : ndarray of float, shape (n,)
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair.
    rules : Rules
    """
    drawn = weights > 0
    kept = np.asfortranarray(codes[drawn].astype(np.int32))
    counts = weights[drawn] * (size.max() / weights.sum())
    levels = codes.max(axis=0, initial=0).astype(np.intp) + 1
    parameters = np.outer(levels - 1, levels - 1)
    extra = 0.5 * np.log(np.maximum(size, 2.0)) * (size.max() / np.maximum(size, 2.0) - 1.0) * parameters
    price = extra + np.log(codes.shape[1]) - log_odds(rules)
    return TableScore(kept, levels, counts, price, rules)


@compiled
def _toggle_tables(
    codes: Codes,
    levels: Integers,
    counts: Floats,
    price: Floats,
    banned: Booleans,
    held: Booleans,
    children: Integers,
    parents: Booleans,
    removals: bool,
    change: Floats,
) -> None:
    """Fill ``change`` row by row; every row is one column with its parents."""
    d = len(levels)
    index, other = np.empty(len(codes), dtype=np.int32), np.empty(len(codes), dtype=np.int32)
    for row in range(len(children)):
        child = children[row]
        if levels[child] < 2:
            continue
        inside = parents[row].copy()
        cells, total = _stratify(codes, levels, inside, index)
        now = _evidence(index, cells, total, codes[:, child], levels[child], counts)
        for x in range(d):
            if inside[x]:
                if not held[x, child]:
                    inside[x] = False
                    fewer, part = _stratify(codes, levels, inside, other)
                    inside[x] = True
                    then = _evidence(other, fewer, part, codes[:, child], levels[child], counts)
                    change[row, x] = then - now + price[x, child]
            elif not removals and levels[x] > 1 and not banned[x, child] and cells * levels[x] <= len(codes):
                for i in range(len(codes)):
                    other[i] = index[i] * levels[x] + codes[i, x]
                finer = total * levels[x]
                then = _evidence(other, cells * levels[x], finer, codes[:, child], levels[child], counts)
                change[row, x] = then - now - price[x, child]


@compiled
def _stratify(codes: Codes, levels: Integers, inside: Booleans, index: Codes) -> tuple[int, float]:
    """Number the strata that occur, into ``index``; return how many, and how many there could be."""
    index[:] = 0
    cells, total = 1, 1.0
    for x in range(len(levels)):
        if not inside[x]:
            continue
        total *= levels[x]
        label = np.full(cells * levels[x], NOTHING, dtype=np.int32)
        found = 0
        for i in range(len(codes)):
            cell = index[i] * levels[x] + codes[i, x]
            if label[cell] == NOTHING:
                label[cell] = found
                found += 1
            index[i] = label[cell]
        cells = found
    return cells, total


@compiled
def _evidence(index: Codes, cells: int, total: float, child: Codes, levels: int, counts: Floats) -> float:
    """Return the log probability of the child's levels within strata, ``total`` of which were possible."""
    table = np.zeros((cells, levels))
    for i in range(len(index)):
        table[index[i], child[i]] += counts[i]
    stratum, cell = PRIOR_ROWS / total, PRIOR_ROWS / (total * levels)
    value, of_stratum, of_cell = 0.0, lgamma(stratum), lgamma(cell)
    for j in range(cells):
        rows = 0.0
        for k in range(levels):
            if table[j, k] > 0.0:
                rows += table[j, k]
                value += lgamma(cell + table[j, k]) - of_cell
        if rows > 0.0:
            value -= lgamma(stratum + rows) - of_stratum
    return value
