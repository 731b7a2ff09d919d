"""Which past interactions made a recommendation: what the appetite would be had one of them not happened.

Hides the algebra of taking one (customer, product) entry out of a closed-form filter, history and weights both, without
fitting it again. The random walk loses the customer's share of a few co-occurrences and one unit of the product's
degree; the ridge regression changes by rank two (Woodbury). Both are exact: the figures equal those of a refit. Held
as fitted are the exponents, the popularity that shares are smoothed towards, and the customer's rate of buying; in a
catalogue too large for one inverse, also the links of the local regressions, which one purchase hardly moves.

The trained encoder has no such form; `graphrec.decisions.explanations.trainingpairs` traces what it learned from each
purchase instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from graphrec.learning.appetite import Appetite
from graphrec.learning.appetites.smoothing import log_shares
from graphrec.learning.filters import GraphFilter, column_sums, inverse_power, keep_largest
from graphrec.market.tables import DataError

__all__ = ["appetite_without"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def appetite_without(appetite: Appetite, customer: int, offer: int) -> tuple[Ints, Floats]:
    """Change of a customer's appetite for an offer that each past product is answerable for.

    Parameters
    ----------
    appetite : Appetite
        With a filter ("filter" or "blend").
    customer, offer : int
        Codes.

    Returns
    -------
    products : numpy.ndarray, shape (h,), int
        Codes of the products in the customer's history.
    values : numpy.ndarray, shape (h,)
        Score with everything less score without all interactions with the product, in logs of expected purchases.

    Raises
    ------
    DataError
        There is no filter, or a code does not exist.

    Notes
    -----
    Values need not add up: two purchases that say the same thing are each worth little alone.
    """
    if appetite.filter is None:
        raise DataError(
            "the appetite comes from the trained encoder, from which nothing can be removed exactly; ask "
            "explain_purchases, which traces what it learned, or fit with appetite='filter' or 'blend'"
        )
    if not 0 <= customer < appetite.histories.shape[0] or not 0 <= offer < appetite.n_offers:
        raise DataError(f"customer code {customer} or offer code {offer} does not exist")
    history = sparse.csr_array(appetite.histories[[customer]])
    products = np.asarray(history.indices, dtype=np.int64)
    if not len(products):
        return products, np.empty(0)
    removal = _Removal.of(appetite.filter, appetite.histories, history)
    full = _score(appetite, removal.shares(None), float(history.sum()), offer)
    values = [
        full - _score(appetite, removal.shares(place), float(history.sum() - history.data[place]), offer)
        for place in range(len(products))
    ]
    return products, np.array(values)


def _score(appetite: Appetite, shares: Floats, known: float, offer: int) -> float:
    popularity = np.asarray(appetite.sets.T @ appetite.popularity)
    offers = np.asarray(appetite.sets.T.astype(np.float64) @ shares)
    if appetite.filter is not None and sparse.issparse(appetite.filter.walk):
        offers = np.append(offers, shares.sum() - offers.sum())  # so that a history with links keeps its mass
        popularity = np.append(popularity, 0.0)
    return float(log_shares(offers[None, :], np.array([known]), popularity, appetite.strength)[0, offer])


@dataclass(frozen=True, eq=False)
class _Removal:
    """A filter around one customer: everything a removal changes, computed once."""

    filter: GraphFilter
    products: Ints
    weights: Floats
    degree: Floats
    gram: Floats
    inverse: Floats | None

    @classmethod
    def of(cls, model: GraphFilter, histories: sparse.csr_array, history: sparse.csr_array) -> _Removal:
        products = np.asarray(history.indices, dtype=np.int64)
        scaled = sparse.diags_array(inverse_power(histories.sum(axis=1), model.config.customer)) @ histories
        gram = (sparse.csr_array(histories[:, products].T) @ scaled).toarray().astype(np.float64)
        inverse = None
        if isinstance(model.ease, np.ndarray) and model.config.ease > 0:
            square = (histories.T @ histories).toarray().astype(np.float64)
            square[np.diag_indices_from(square)] += model.config.ridge
            inverse = linalg.inv(square, overwrite_a=True, check_finite=False)
        degree = column_sums(histories).astype(np.float64)
        return cls(model, products, history.data.astype(np.float64), degree, gram, inverse)

    def shares(self, place: int | None) -> Floats:
        """Shares of products of the customer without the product at a place of the history."""
        left = np.ones(len(self.products), dtype=bool)
        if place is not None:
            left[place] = False
        if not left.any():
            return np.zeros(len(self.degree))
        walk = self.weights[left] @ self._walk_rows(place, left)
        if sparse.issparse(self.filter.ease):
            return self._local(walk, left)
        if self.inverse is None:
            return _relative(walk) ** self._sharp if self._dense else _relative(walk)
        mix = self.filter.config.ease
        ease = np.maximum(self.weights[left] @ self._ease_rows(place, left), 0.0)
        mixed = (1.0 - mix) * _relative(walk) + mix * _relative(ease)
        return _relative(mixed**self._sharp)

    def _local(self, walk: Floats, left: NDArray[np.bool_]) -> Floats:
        """Mix with the links of the local regressions, as fitted; without links of one kind the other speaks alone."""
        links: Any = self.filter.ease
        ease = np.asarray(links[self.products[left]].T @ self.weights[left], dtype=np.float64)
        if not walk.any() or not ease.any():
            return _relative(walk + ease)
        mix = self.filter.config.ease
        return (1.0 - mix) * _relative(walk) + mix * _relative(ease)

    @property
    def _dense(self) -> bool:
        return not sparse.issparse(self.filter.walk)

    @property
    def _sharp(self) -> float:
        return self.filter.config.sharpness if self._dense else 1.0

    def _walk_rows(self, place: int | None, left: NDArray[np.bool_]) -> Floats:
        """Rows of the walk's weights for the products that are left."""
        config, own = self.filter.config, self.weights
        before = float(inverse_power(np.array([own.sum()]), config.customer)[0])
        after = float(inverse_power(np.array([own[left].sum()]), config.customer)[0])
        gram = self.gram[left].copy()
        gram[:, self.products] -= before * np.outer(own[left], own)
        gram[:, self.products[left]] += after * np.outer(own[left], own[left])
        gram[np.arange(int(left.sum())), self.products[left]] = 0.0
        gram = np.where(gram > 1e-9, gram, 0.0)  # what only this customer linked leaves rounding behind
        degree = self.degree.copy()
        if place is not None:
            degree[self.products[place]] -= own[place]
        degree = np.where(degree > 1e-9, degree, 0.0)
        rows = inverse_power(degree[self.products[left]], config.source)[:, None] * gram
        found = np.asarray((rows * inverse_power(degree, config.target)) ** config.power, dtype=np.float64)
        if self._dense:
            return found
        kept: Any = keep_largest(sparse.csr_array(found), config.neighbours).toarray()
        return np.asarray(kept, dtype=np.float64)

    def _ease_rows(self, place: int | None, left: NDArray[np.bool_]) -> Floats:
        """Rows of the ridge regression's weights for the products that are left."""
        assert self.inverse is not None  # for the type checker: only asked where there is one
        inverse = self.inverse
        rows, diagonal = inverse[self.products[left]], np.diag(inverse)
        if place is not None:
            both = np.zeros((len(self.degree), 2))
            both[self.products[left], 0] = self.weights[left]
            both[self.products, 1] = self.weights
            half = inverse @ both
            small = np.linalg.inv(np.diag([1.0, -1.0]) + both.T @ half)
            rows = rows - half[self.products[left]] @ small @ half.T
            diagonal = diagonal - np.einsum("ij,jk,ik->i", half, small, half)
        found = -rows / diagonal
        found[np.arange(int(left.sum())), self.products[left]] = 0.0
        return np.asarray(found)


def _relative(scores: Floats) -> Floats:
    total = scores.sum()
    return scores / total if total > 0 else scores
