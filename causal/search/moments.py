"""The one weighted correlation matrix that every test reads, and how many rows it is worth.

Hides how weights and clusters enter. Every block is whitened, so that the coding of a category does not matter (the
degenerate Gaussian of Andrews, Ramsey & Cooper 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from causal.search.blockencoding import encode_blocks
from causal.search.blocks import Blocks, whiten

__all__ = ["Blocks", "Moments", "correlate", "effective_sizes", "encode_blocks", "measure_moments"]

TINY = 1e-9

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Moments:
    """What the independence tests need to know of the data.

    Parameters
    ----------
    correlation : ndarray of float, shape (q, q)
        Of the whitened blocks: the identity within a block.
    starts : ndarray of int, shape (d + 1,)
        Where each block starts; constant columns have none.
    size : ndarray of float, shape (d, d)
        Effective number of rows for each pair of columns.
    """

    correlation: Floats
    starts: Integers
    size: Floats


def measure_moments(blocks: Blocks, weights: Floats, size: Floats) -> Moments:
    """Weigh the rows into one correlation matrix of whitened blocks.

    Parameters
    ----------
    blocks : Blocks
        The n rows of d columns.
    weights : ndarray of float, shape (n,)
        Non-negative, with a positive sum.
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair, of :func:`effective_sizes`.
    """
    return correlate(*blocks.join(weights), blocks.starts, size)


def correlate(matrix: Floats, weights: Floats, starts: Integers, size: Floats) -> Moments:
    """Weigh the rows of any matrix of blocks; see :func:`measure_moments`."""
    share = weights / weights.sum()
    mean = share @ matrix
    # One factor on both sides: the product of a matrix with its own transpose costs half.
    scaled = matrix * np.sqrt(share)[:, None]
    covariance = scaled.T @ scaled - np.outer(mean, mean)
    whitener, white = whiten(covariance, starts)
    return Moments(whitener.T @ covariance @ whitener, white, size)


def effective_sizes(blocks: Blocks, weights: Floats, clusters: Integers | None = None) -> Floats:
    """Return how many independent rows each pair of columns is worth, under weights and clusters.

    With ``r_a`` the intra-cluster correlation of column a it is
    ``(sum w)^2 / (sum_i w_i^2 + r_a r_b sum_{i != j in one cluster} w_i w_j)``: Kish's size when there are no
    clusters, the number of clusters when both columns are constant within clusters of equal size. It follows
    from the variance of the sum of products of two independent columns under random-intercept models, where the
    design effect of a pair is ``1 + (m - 1) r_a r_b``.

    Parameters
    ----------
    blocks : Blocks
        The n rows of d columns.
    weights : ndarray of float, shape (n,)
        Non-negative, with a positive sum.
    clusters : ndarray of int, shape (n,), optional
        Codes from 0.

    Returns
    -------
    ndarray of float, shape (d, d)
    """
    d = len(blocks.names)
    total, squares = weights.sum(), (weights**2).sum()
    if clusters is None:
        return np.full((d, d), total**2 / squares)
    within = (np.bincount(clusters, weights) ** 2).sum() - squares
    intra = _intra_correlations(blocks, weights, clusters, within)
    sizes: Floats = total**2 / (squares + np.outer(intra, intra) * within)
    return sizes


def _intra_correlations(blocks: Blocks, weights: Floats, clusters: Integers, within: float) -> Floats:
    """Return per column the mean product of two rows of one cluster over the variance, within [0, 1]."""
    if within <= TINY * weights.sum():
        return np.zeros(len(blocks.names))
    mean = weights @ blocks.matrix / weights.sum()
    weighted = (blocks.matrix - mean) * weights[:, None]
    variance = ((blocks.matrix - mean) * weighted).sum(axis=0) / weights.sum()
    sums = np.empty((int(clusters.max()) + 1, blocks.matrix.shape[1]))
    for column in range(blocks.matrix.shape[1]):
        sums[:, column] = np.bincount(clusters, weighted[:, column], minlength=len(sums))
    products = ((sums**2).sum(axis=0) - (weighted**2).sum(axis=0)) / within
    ratio = np.clip(products / np.maximum(variance, TINY), 0.0, 1.0)
    return np.array([ratio[low:high].mean() if high > low else 0.0 for low, high in pairwise(blocks.starts)])
