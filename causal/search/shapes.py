"""What the shape of the noise says about the direction of single edges of a graph.

Hides which two columns are compared for an edge: the noise of the cause, and of the effect what its other parents
leave of it. The comparison itself is that of :mod:`causal.search.nongaussian`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.searchtable import SearchTable

__all__ = ["column_noise", "shape_leads", "share_normal"]

NORMAL_LIMIT = 20.0

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


def shape_leads(
    table: SearchTable, weights: Floats, directed: Booleans, asked: Booleans
) -> dict[tuple[int, int], float]:
    """Return how surely the shape of the noise says that edges point as they do in a graph.

    Parameters
    ----------
    table : SearchTable
        Of numbers.
    weights : ndarray of float, shape (n,)
    directed, asked : ndarray of bool, shape (d, d)
        An acyclic graph, and the edges of it that are asked about.

    Returns
    -------
    dict of (int, int) to float
        z-value, negative where the noise says the opposite. Clusters enter by the effective size of the pair.
    """
    from causal.search.nongaussian import shape_lead

    assert table.numbers is not None
    drawn = weights > 0
    share = weights[drawn] / weights.sum()
    values = table.numbers[drawn] - share @ table.numbers[drawn]
    rows = 1.0 / (share**2).sum()
    noise, slopes = column_noise(values, share, directed)
    leads = {}
    for a, b in np.argwhere(asked & directed).tolist():
        effect = noise[:, b] + slopes[a, b] * noise[:, a]
        z = shape_lead(noise[:, a], effect, share)[1]
        leads[(a, b)] = z * float(np.sqrt(min(table.size[a, b] / rows, 1.0)))
    return leads


def column_noise(values: Floats, share: Floats, directed: Booleans) -> tuple[Floats, Floats]:
    """Return what the parents leave of each column by least squares, and the slopes.

    Parameters
    ----------
    values : ndarray of float, shape (n, d)
        Centred under the weights.
    share : ndarray of float, shape (n,)
        Row weights that sum to 1.
    directed : ndarray of bool, shape (d, d)

    Returns
    -------
    noise : ndarray of float, shape (n, d)
    slopes : ndarray of float, shape (d, d)
        ``[a, b]`` of ``a -> b``.
    """
    noise, slopes = values.copy(), np.zeros(directed.shape)
    for column in range(len(directed)):
        parents = np.flatnonzero(directed[:, column])
        if len(parents):
            root = np.sqrt(share)[:, None]
            found = np.linalg.lstsq(root * values[:, parents], root[:, 0] * values[:, column], rcond=None)[0]
            slopes[parents, column] = found
            noise[:, column] -= values[:, parents] @ found
    return noise, slopes


def share_normal(columns: Floats) -> float:
    """Return the share of columns that pass for normal by skewness and kurtosis (Jarque & Bera 1980)."""
    spread = columns.std(axis=0)
    standard = (columns - columns.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    square = standard * standard  # a power of 3 or 4 costs ten times a product
    skew = np.einsum("ij,ij->j", square, standard) / len(columns)
    kurtosis = np.einsum("ij,ij->j", square, square) / len(columns) - 3.0
    statistic = len(columns) * (skew**2 / 6.0 + kurtosis**2 / 24.0)
    return float((statistic < NORMAL_LIMIT).mean()) if standard.shape[1] else 1.0
