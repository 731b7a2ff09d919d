"""The ridge regression of each product on its nearest neighbours: EASE for catalogues too large to invert.

Hides how a regression that would need a product x product inverse is cut into one of a few dozen unknowns for each
product. The neighbours are the products with the largest cosine of their buyers; the Gram matrix is that of
``D_c^-b X``, so long histories weigh less, and each neighbour's penalty grows slowly with its own size:

    w_j = argmin sum_c d_c^-b (x_cj - sum_n w_n x_cn)^2 + penalty sum_n g_nn^.35 w_n^2,   n in neighbours of j

Alternatives considered: EASE whole (Steck 2019; 6.7 GB and 750 s on 41,000 products), its approximation by blocks of
the Gram matrix (Steck & Liang 2021), and SLIM (Ning & Karypis 2011), whose coordinate descent finds the same kind of
weights in minutes. A penalty in proportion to the size of the neighbour, or the same for all, ranked left-out
purchases of a public check-in set worse (NDCG@20 .144 and .153 against .155).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

__all__ = ["GramRows", "compress_rows", "local_ease"]

_OVERLAPS = 500
"""Entries kept of a row of the Gram matrix: 8 bytes each. A pair is missed only if both its rows are longer."""
_ROWS = 1024
_SIZE_EXPONENT = 0.35
_BUYERS = 3
"""With fewer buyers a regression follows single customers; the walk speaks for such products."""


@dataclass(frozen=True, eq=False)
class GramRows:
    """Rows of ``X' D_c^-b X``, computed on demand and pruned at once.

    Attributes
    ----------
    by_customer, by_product : scipy.sparse.csr_array
        ``D_c^-b X`` by customer and ``X`` by product.
    """

    by_customer: sparse.csr_array
    by_product: sparse.csr_array

    @classmethod
    def of(cls, histories: sparse.csr_array, customer: float) -> GramRows:
        """Rows of a customer x product matrix X with customer exponent b."""
        lengths = np.asarray(histories.sum(axis=1), dtype=np.float64)
        pull = np.where(lengths > 0, np.where(lengths > 0, lengths, 1.0) ** -customer, 0.0).astype(np.float32)
        scaled = sparse.csr_array(sparse.diags_array(pull) @ histories)
        return cls(scaled, sparse.csr_array(histories.T))

    @property
    def n(self) -> int:
        """Number of products."""
        return int(self.by_product.shape[0])

    def diagonal(self) -> np.ndarray:
        """Diagonal of the Gram matrix, float32."""
        squares = self.by_customer.multiply(sparse.csr_array(self.by_product.T))
        return np.asarray(squares.sum(axis=0), dtype=np.float32).ravel()

    def largest(
        self,
        k: int,
        left: np.ndarray | None = None,
        right: np.ndarray | None = None,
        power: float = 1.0,
        wanted: np.ndarray | None = None,
    ) -> sparse.csr_array:
        """The k largest entries of the wanted rows, scaled: ``(left_i g_ij right_j)^power``; no diagonal."""
        from graphrec.learning.appetites.loops import overlap_rows

        ones = np.ones(self.n, dtype=np.float32)
        rows = np.arange(self.n) if wanted is None else np.asarray(wanted, dtype=np.int64)
        parts = [
            compress_rows(
                *overlap_rows(
                    _arrays(self.by_customer),
                    _arrays(self.by_product),
                    rows[first : first + _ROWS],
                    ones if left is None else left,
                    ones if right is None else right,
                    float(power),
                    min(k, max(self.n, 1)),
                ),
                self.n,
            )
            for first in range(0, len(rows), _ROWS)
        ]
        return sparse.csr_array(sparse.vstack(parts, format="csr")) if parts else sparse.csr_array((0, self.n))


def _arrays(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32, copy=False),
        matrix.data.astype(np.float32, copy=False),
    )


def compress_rows(indices: np.ndarray, values: np.ndarray, counts: np.ndarray, width: int) -> sparse.csr_array:
    """Rows of which the first `counts` entries are filled, as a sparse matrix with `width` columns."""
    filled = np.arange(indices.shape[1]) < counts[:, None]
    pointers = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return sparse.csr_array((values[filled], indices[filled], pointers), shape=(len(counts), width))


def local_ease(
    histories: sparse.csr_array,
    customer: float = 0.5,
    links: int = 60,
    penalty: float = 8.0,
    products: np.ndarray | None = None,
) -> sparse.csr_array:
    """Weights of every product's regression on its nearest neighbours.

    Parameters
    ----------
    histories : scipy.sparse.csr_array, shape (n_customers, n_products)
        X, entries at least zero.
    customer : float
        Exponent b: how much customers with long histories are discounted.
    links : int
        Neighbours of each product.
    penalty : float
        Ridge penalty of a neighbour with one buyer.
    products : numpy.ndarray, optional
        Products to predict; all by default. The others get no links, nor do products with fewer than three buyers.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_products, n_products), float32
        Weight of a bought product (row) on a candidate (column), at least zero: the few negative weights (four in a
        thousand on public data) are left out, so that sums of weights are sums of scores.

    Notes
    -----
    Time: the Gram rows (sum of squared history lengths) and ``links^3 / 6`` operations for each product. Memory: at
    most 4 kB for each product.

    Examples
    --------
    >>> X = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 1, 1]], dtype=np.float32))
    >>> local_ease(X, customer=0.0, links=1, penalty=0.5).toarray().astype(float).round(2).tolist()
    [[0.0, 0.8, 0.0], [0.8, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    from graphrec.learning.appetites.loops import ridge_links

    rows = GramRows.of(sparse.csr_array(histories), customer)
    size = rows.diagonal()
    cosine = np.where(size > 0, np.where(size > 0, size, 1.0) ** -0.5, 0.0).astype(np.float32)
    wanted = np.arange(rows.n) if products is None else np.asarray(products, dtype=np.int64)
    wanted = wanted[np.diff(rows.by_product.indptr)[wanted] >= _BUYERS]
    diagonal = (size + penalty * size.astype(np.float64) ** _SIZE_EXPONENT).astype(np.float32)
    near = rows.largest(links, right=cosine, wanted=wanted)
    needed = np.zeros(rows.n, dtype=bool)
    needed[wanted] = needed[near.indices] = True
    square = _spread(rows, np.flatnonzero(needed))
    counts = np.diff(near.indptr).astype(np.int64)
    padded = np.zeros((len(wanted), links), dtype=np.int32)
    padded[np.arange(links) < counts[:, None]] = near.indices
    weights = ridge_links(
        square.indptr.astype(np.int64), square.indices.astype(np.int32), square.data, diagonal, wanted, padded, counts
    )
    return _by_source(wanted, near, np.maximum(weights[np.arange(links) < counts[:, None]], 0.0), rows.n)


def _spread(rows: GramRows, needed: np.ndarray) -> sparse.csr_array:
    """Pruned rows of the Gram matrix at their places, the ones that are not needed left empty."""
    found = rows.largest(_OVERLAPS, wanted=needed)
    lengths = np.zeros(rows.n + 1, dtype=np.int64)
    lengths[needed + 1] = np.diff(found.indptr)
    return sparse.csr_array((found.data, found.indices, np.cumsum(lengths)), shape=(rows.n, rows.n))


def _by_source(wanted: np.ndarray, near: sparse.csr_array, weights: np.ndarray, n: int) -> sparse.csr_array:
    """Turn rows of weights by candidate into rows by bought product."""
    columns = np.repeat(wanted, np.diff(near.indptr))
    found = sparse.csr_array(sparse.coo_array((weights, (near.indices, columns)), shape=(n, n)))
    found.eliminate_zeros()
    return found
