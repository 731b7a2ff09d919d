"""How much better a column is explained with one parent more or less, under a joint normal model.

Hides the model: a score is a price for each edge and a compiled loop. That of normal models reads the correlation
matrix of whitened blocks (numbers and categories alike, the degenerate Gaussian score of Andrews, Ramsey & Cooper 2019)
and charges each parameter by the extended BIC (Foygel & Drton 2010): ``-2 log L + k log n + 2 k log d`` keeps the
number of false edges near zero as columns are added, where BIC alone draws about one false edge in 400 pairs. A
cross-validated kernel score was considered (Huang 2018): it costs a thousand times more. Tables of categories have a
loop of their own in :mod:`causal.search.tablescore`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from causal.search.meek import Rules
from causal.search.moments import Moments
from causal.search.regressions import toggle_blocks

__all__ = ["Score", "edge_price", "gaussian_score", "log_odds", "total_score"]

SUREST = 1e-6
RICHNESS = 0.5

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Score:
    """A decomposable score of directed acyclic graphs: a sum over columns of a function of the column's parents.

    Parameters
    ----------
    fill : callable
        The loop of one model; it fills in :meth:`toggle`, given the price of each edge, which edges are banned and
        which are held, and the rows asked about.
    price : ndarray of float, shape (d, d)
        ``[x, w]``: cost in nats of the edge ``x -> w``, less its prior log-odds.
    rules : Rules
        Which edges may be added and which may not be removed.
    """

    fill: Callable[[Floats, Booleans, Booleans, Integers, Booleans, bool, Floats], None]
    price: Floats
    rules: Rules

    @property
    def width(self) -> int:
        """Number of columns d."""
        return len(self.price)

    @cached_property
    def _banned(self) -> Booleans:
        banned: Booleans = self.rules.forbidden | np.eye(self.width, dtype=bool)
        return banned

    def under(self, rules: Rules) -> Score:
        """Return the same score under other knowledge of what must and may not be."""
        return replace(self, rules=rules)

    def toggle(self, children: Integers, parents: Booleans, removals: bool = False) -> Floats:
        """Return what adding or removing each single parent changes, in nats.

        Parameters
        ----------
        children : ndarray of int, shape (N,)
            Column numbers.
        parents : ndarray of bool, shape (N, d)
            Parents of each.
        removals : bool
            Whether to look at removals only, which is much faster.

        Returns
        -------
        ndarray of float, shape (N, d)
            ``[i, x]``: change of the score of ``children[i]`` when x joins its parents, or leaves them when it is
            one; ``-inf`` where knowledge rules that out, and where it was not looked at.
        """
        change = np.full(parents.shape, -np.inf)
        self.fill(self.price, self._banned, self.rules.required, children, parents, removals, change)
        return change


def gaussian_score(moments: Moments, rules: Rules) -> Score:
    """Return the extended BIC of linear Gaussian models over whitened blocks.

    Under clusters the likelihood counts the rows of the best pair, and the price of each edge is multiplied by how
    many rows of its pair are worth one (the design effect). Scaling the price and not the likelihood keeps the score
    equal for equivalent graphs.
    """
    width = np.diff(moments.starts)
    price = edge_price(moments.size) * np.outer(width, width) - log_odds(rules)
    return Score(partial(toggle_blocks, moments.correlation, moments.starts, float(moments.size.max())), price, rules)


def edge_price(size: Floats) -> Floats:
    """Return the cost of one parameter for each pair of columns, in nats.

    Parameters
    ----------
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair.
    """
    size = np.maximum(size, 2.0)
    price: Floats = 0.5 * (np.log(size) + 4.0 * RICHNESS * np.log(len(size))) * (size.max() / size)
    return price


def log_odds(rules: Rules) -> Floats:
    """Return the prior log-odds of each edge, shape (d, d): 0 where nothing was said, at most 13.8 either way.

    On required and forbidden pairs the confidence is that of the rule, which the search keeps anyhow.
    """
    prior = np.clip(rules.prior, SUREST, 1.0 - SUREST)
    settled = rules.required | rules.required.T | rules.forbidden
    odds: Floats = np.where(settled, 0.0, np.log(prior / (1.0 - prior)))
    return odds


def total_score(score: Score, directed: Booleans) -> float:
    """Return the score of a graph in nats, against the graph without edges.

    Parameters
    ----------
    score : Score
        Under rules that permit every edge of the graph.
    directed : ndarray of bool, shape (d, d)
        Acyclic.
    """
    total = 0.0
    parents = np.zeros_like(directed)
    columns = np.arange(len(directed))
    while (left := directed.T & ~parents).any():
        rows = columns[left.any(axis=1)]
        added = left[rows].argmax(axis=1)
        total += float(score.toggle(rows, parents[rows])[np.arange(len(rows)), added].sum())
        parents[rows, added] = True
    return total
