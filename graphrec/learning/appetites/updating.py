"""New events into a fitted filter, without fitting all of it again.

Hides which weights an event can reach. The overlap of two products changes only where a customer who bought something
new has both; so only the products in the histories of those customers need new rows, and the rest of the walk is
rescaled by the new size of its answers. Regressions are solved again for those products and for the ones they predict.

What differs from fitting again: an entry that pruning dropped before stays dropped in a row that is only rescaled.
Without pruning the two are equal. Alternative considered: adding to a stored Gram matrix, which would have to be kept
whole (gigabytes) beside the few hundred weights of each product that scoring needs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from graphrec.learning.appetites.localridge import GramRows, local_ease
from graphrec.learning.filters import GraphFilter, column_sums, fit_filter, inverse_power
from graphrec.market.tables import DataError

__all__ = ["update_filter"]


def update_filter(fitted: GraphFilter, before: sparse.csr_array, after: sparse.csr_array) -> GraphFilter:
    """Bring a filter up to date with histories that have grown.

    Parameters
    ----------
    fitted : GraphFilter
        Fitted on ``before``.
    before, after : scipy.sparse.csr_array, shape (n_customers, n_products)
        Histories; ``after`` may have more customers at the end.

    Returns
    -------
    GraphFilter
        With dense weights (few products) the same bytes as fitting again, which takes a second; beyond, the same
        weights as fitting again but for entries at the edge of the pruning.

    Raises
    ------
    DataError
        The number of products differs, or customers are missing: fit again.
    """
    old, new = (sparse.csr_array(part).astype(np.float32) for part in (before, after))
    if old.shape[1] != new.shape[1] or new.shape[0] < old.shape[0] or fitted.walk.shape[0] != new.shape[1]:
        raise DataError(
            f"histories went from {old.shape} to {new.shape}; products and old customers must stay: fit again"
        )
    if not sparse.issparse(fitted.walk):
        return fit_filter(new, fitted.config)
    old = sparse.csr_array((old.data, old.indices, _longer(old.indptr, new.shape[0])), shape=new.shape)
    reached = _reached(old, new)
    if not len(reached):
        return fitted
    walk = _walk(fitted, old, new, reached)
    return replace(fitted, walk=walk, ease=None if fitted.ease is None else _ease(fitted, new, reached))


def _longer(pointers: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([pointers, np.full(rows + 1 - len(pointers), pointers[-1])])


def _reached(old: sparse.csr_array, new: sparse.csr_array) -> np.ndarray:
    """Products in the old or new histories of customers whose histories changed."""
    change = sparse.csr_array(new - old)
    change.eliminate_zeros()
    customers = np.flatnonzero(np.diff(change.indptr))
    return np.union1d(old[customers].indices, new[customers].indices).astype(np.int64)


def _walk(fitted: GraphFilter, old: sparse.csr_array, new: sparse.csr_array, reached: np.ndarray) -> sparse.csr_array:
    config = fitted.config
    degree = column_sums(new)
    left, right = inverse_power(degree, config.source), inverse_power(degree, config.target)
    rows = GramRows.of(new, config.customer).largest(config.neighbours, left, right, config.power, reached)
    was = inverse_power(column_sums(old), config.target)
    factor = (np.where(was > 0, right / np.where(was > 0, was, 1.0), 0.0) ** config.power).astype(np.float32)
    kept = np.ones(len(degree), dtype=np.float32)
    kept[reached] = 0.0
    others: Any = sparse.diags_array(kept) @ fitted.walk @ sparse.diags_array(factor)
    return _joined(sparse.csr_array(others), _placed(rows, reached, len(degree)))


def _placed(rows: sparse.csr_array, at: np.ndarray, n: int) -> sparse.csr_array:
    entries = sparse.coo_array(rows)
    return sparse.csr_array(sparse.coo_array((entries.data, (at[entries.row], entries.col)), shape=(n, n)))


def _joined(first: sparse.csr_array, second: sparse.csr_array) -> sparse.csr_array:
    """Sum of two matrices that have no entry in common, without the zeros of either."""
    total = sparse.csr_array(first + second)
    total.eliminate_zeros()
    return total


def _ease(fitted: GraphFilter, new: sparse.csr_array, reached: np.ndarray) -> sparse.csr_array:
    config, links = fitted.config, sparse.csr_array(fitted.ease)
    predicted = np.union1d(reached, links[reached].indices).astype(np.int64)
    solved = local_ease(new, config.customer, config.links, config.penalty, predicted)
    kept = np.ones(links.shape[0], dtype=np.float32)
    kept[predicted] = 0.0
    return _joined(sparse.csr_array(links @ sparse.diags_array(kept)), solved)
