"""Closed-form graph filters: who buys this also buys that, without a training loop.

Hides how a customer x product matrix X becomes product-to-product weights W, so that the scores of a customer are
one row of X times W. Two filters are fitted and mixed, each with scores that sum to one for a customer:

- walk: ``W = (D_p^-a X' D_c^-b X D_p^-c)^e``, element by element, a random walk of three steps whose exponents matter
  more than the class of model (Paudel et al. 2017, RP3-beta; Cooper et al. 2014, P3-alpha).
- ease: the ridge regression of each product on all others in closed form (Steck 2019). Inverting a product x product
  matrix suits few products only; beyond, each product is regressed on its nearest neighbours (`local_ease`).

The weight of a product on itself is zero: a purchase never explains itself. Alternatives considered: LightGCN
(He et al. 2020), ten and more times slower and no better on the public sets tried, and alternating least squares: level
on ml-100k, a little ahead on Last.fm, far behind on Gowalla (docs/appetite.md), and without weights to explain a score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from graphrec.learning.appetites.localridge import GramRows, local_ease

__all__ = [
    "DENSE_PRODUCTS",
    "FilterConfig",
    "GraphFilter",
    "column_sums",
    "ease_weights",
    "fit_filter",
    "gram_blocks",
    "inverse_power",
    "keep_largest",
    "overlap",
    "walk_weights",
]

DENSE_PRODUCTS = 3000
"""Up to this many products the weights are one dense matrix (36 MB) and ease is the whole regression."""
_BLOCK_ENTRIES = 1 << 23
"""Entries of one block of a sparse product before pruning: 64 MB, and about three times that while it is pruned."""


@dataclass(frozen=True)
class FilterConfig:
    """Shape of the filter.

    Attributes
    ----------
    source : float
        Exponent a: how much a popular product in the history is discounted.
    customer : float
        Exponent b: how much customers with long histories are discounted.
    target : float
        Exponent c: how much popular products are discounted as answers.
    power : float
        Exponent e: above one, strong links count more than many weak ones.
    neighbours : int
        Largest weights kept for each product where there are more than `DENSE_PRODUCTS`.
    ridge : float
        Penalty of the whole regression, in customers; ignored above `DENSE_PRODUCTS` products.
    ease : float
        Share of ease in the mix, 0 to 1.
    links : int
        Neighbours in the regression of each product where there are more than `DENSE_PRODUCTS`.
    penalty : float
        Penalty of those regressions; see `graphrec.learning.appetites.localridge.local_ease`.
    sharpness : float
        Exponent on the shares of a customer: above one, high shares gain and low ones lose; ignored above
        `DENSE_PRODUCTS` products.
    """

    source: float = 0.725
    customer: float = 0.5
    target: float = 0.25
    power: float = 1.45
    neighbours: int = 200
    ridge: float = 400.0
    ease: float = 0.5
    links: int = 60
    penalty: float = 8.0
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.ease <= 1.0:
            raise ValueError(f"ease is {self.ease}; it is a share, give a number from 0 to 1")
        for name in ("neighbours", "links"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; keep at least 1")
        for name in ("power", "ridge", "penalty", "sharpness"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")


@dataclass(frozen=True, eq=False)
class GraphFilter:
    """Fitted product-to-product weights.

    Attributes
    ----------
    walk : scipy.sparse.csr_array or numpy.ndarray, shape (n_products, n_products), float32
        Weights from a bought product (row) to a candidate (column), at least zero.
    ease : numpy.ndarray, scipy.sparse.csr_array or None, shape (n_products, n_products), float32
        Weights of the ridge regression; may be negative where they are dense.
    config : FilterConfig
        Exponents and mix it was fitted with.
    """

    walk: sparse.csr_array | np.ndarray
    ease: sparse.csr_array | np.ndarray | None
    config: FilterConfig

    def shares(self, histories: sparse.csr_array, sets: sparse.csr_array | None = None) -> np.ndarray:
        """Share of the filter's mass on each product, or on each set of products.

        Parameters
        ----------
        histories : scipy.sparse.csr_array, shape (n, n_products)
            Rows of X.
        sets : scipy.sparse.csr_array, shape (n_products, n_sets), optional
            One where a product belongs to a set.

        Returns
        -------
        numpy.ndarray, shape (n, n_products or n_sets), float64
            Rows sum to one over products; to zero where a history has no link to any product.
        """
        if sparse.issparse(self.walk):
            return _mixed(histories, self.walk, self.ease, self.config.ease, sets)
        shares = _dense_shares(histories, self.walk, self.ease, self.config.ease)
        if self.config.sharpness != 1.0:
            shares = _relative(shares**self.config.sharpness)
        return shares if sets is None else np.asarray((sets.T.astype(np.float64) @ shares.T).T)


def _mixed(
    histories: sparse.csr_array,
    walk: sparse.csr_array,
    ease: sparse.csr_array | np.ndarray | None,
    mix: float,
    sets: sparse.csr_array | None,
) -> np.ndarray:
    """Shares of walk and ease in their mix; who has links in one of them only gets that one's shares."""
    if ease is None or mix == 0.0:
        return _sparse_shares(histories, walk, sets)
    if mix == 1.0:
        return _sparse_shares(histories, ease, sets)
    reach = [np.asarray(histories @ part.sum(axis=1, dtype=np.float64)) > 0 for part in (walk, ease)]
    share = np.where(reach[0] & reach[1], mix, reach[1].astype(np.float64))[:, None]
    return np.asarray(
        (1.0 - share) * _sparse_shares(histories, walk, sets) + share * _sparse_shares(histories, ease, sets)
    )


def _sparse_shares(histories: sparse.csr_array, weights: sparse.csr_array, sets: sparse.csr_array | None) -> np.ndarray:
    """Shares from weights that are at least zero: sums over sets are taken on the weights, once for all customers."""
    total = np.asarray(histories @ weights.sum(axis=1, dtype=np.float64))
    scores = (histories @ (weights if sets is None else weights @ sets.astype(weights.dtype))).toarray()
    return np.asarray(scores / np.where(total > 0, total, 1.0)[:, None], dtype=np.float64)


def _dense_shares(histories: sparse.csr_array, walk: np.ndarray, ease: np.ndarray | None, mix: float) -> np.ndarray:
    if ease is None or mix == 0.0:
        return _relative(histories @ walk)
    regression = _relative(np.maximum(histories @ ease, 0.0))
    return regression if mix == 1.0 else (1.0 - mix) * _relative(histories @ walk) + mix * regression


def _relative(scores: np.ndarray) -> np.ndarray:
    """Rows divided by their sums, float64; a row of zeros stays."""
    total = scores.sum(axis=1, dtype=np.float64, keepdims=True)
    return np.asarray(scores / np.where(total > 0, total, 1.0), dtype=np.float64)


def fit_filter(histories: sparse.csr_array, config: FilterConfig | None = None) -> GraphFilter:
    """Weights of the filter for a customer x product matrix.

    Parameters
    ----------
    histories : scipy.sparse.csr_array, shape (n_customers, n_products)
        X: weight of each pair, at least zero.
    config : FilterConfig, optional
        Exponents; see `graphrec.learning.appetites.exponents.tune_filter` for choosing them on later purchases.

    Notes
    -----
    Memory: up to `DENSE_PRODUCTS` products two dense matrices and three more while inverting; beyond, 8 bytes x
    neighbours x products for the weights and 4 kB a product of work space, whatever the number of customers. Time grows
    with the sum of squared history lengths, which `Interactions.matrix` bounds.

    Examples
    --------
    >>> X = sparse.csr_array(np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]], dtype=np.float32))
    >>> fit_filter(X).shares(X)[1].round(2).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    config = config or FilterConfig()
    histories = sparse.csr_array(histories).astype(np.float32)
    dense = histories.shape[1] <= DENSE_PRODUCTS
    ease: sparse.csr_array | np.ndarray | None = None
    if config.ease > 0:
        links = config.links
        ease = (
            ease_weights(histories, config.ridge)
            if dense
            else local_ease(histories, config.customer, links, config.penalty)
        )
    return GraphFilter(walk_weights(histories, config), ease, config)


def walk_weights(histories: sparse.csr_array, config: FilterConfig) -> sparse.csr_array | np.ndarray:
    """Random-walk weights ``(D_p^-a X' D_c^-b X D_p^-c)^e`` with a zero diagonal (see `FilterConfig`)."""
    degree = column_sums(histories)
    left, right = inverse_power(degree, config.source), inverse_power(degree, config.target)
    if histories.shape[1] <= DENSE_PRODUCTS:
        gram = overlap(histories, config.customer)
        return np.asarray((left[:, None] * gram * right) ** np.float32(config.power), dtype=np.float32)
    return GramRows.of(histories, config.customer).largest(config.neighbours, left, right, config.power)


def overlap(histories: sparse.csr_array, customer: float) -> np.ndarray:
    """Dense ``X' D_c^-b X`` with a zero diagonal, float32."""
    scaled = sparse.diags_array(inverse_power(histories.sum(axis=1), customer)) @ histories
    gram = np.asarray((histories.T @ scaled).toarray(), dtype=np.float32)
    np.fill_diagonal(gram, 0.0)
    return gram


def gram_blocks(
    histories: sparse.csr_array, customer: float, products: np.ndarray | None = None
) -> Iterator[tuple[int, sparse.csr_array]]:
    """Rows of ``X' D_c^-b X`` without its diagonal, in blocks of bounded size.

    Parameters
    ----------
    histories : scipy.sparse.csr_array, shape (n_customers, n_products)
        X.
    customer : float
        Exponent b.
    products : numpy.ndarray, optional
        Rows wanted; all by default.

    Yields
    ------
    first : int
        Position of the block's first row among the wanted rows.
    block : scipy.sparse.csr_array, shape (rows, n_products)
        Work and memory are bounded by `_BLOCK_ENTRIES`, except that one product is never split.
    """
    wanted = np.arange(histories.shape[1]) if products is None else products
    by_product = sparse.csr_array(histories.T.tocsr())[wanted]
    scaled = sparse.csr_array(sparse.diags_array(inverse_power(histories.sum(axis=1), customer)) @ histories)
    lengths = np.diff(histories.indptr).astype(np.int64)
    cost = np.concatenate([[0], np.cumsum(lengths[by_product.indices])])[by_product.indptr]
    first = 0
    while first < len(wanted):
        last = int(np.searchsorted(cost, cost[first] + _BLOCK_ENTRIES, side="right")) - 1
        last = min(max(last, first + 1), len(wanted))
        yield first, _without_own(sparse.csr_array(by_product[first:last] @ scaled), wanted[first:last])
        first = last


def _without_own(block: sparse.csr_array, products: np.ndarray) -> sparse.csr_array:
    """Set each product's weight on itself to zero, in place of the fresh block."""
    own = block.indices == np.repeat(products, np.diff(block.indptr))
    block.data[own] = 0.0
    return block


def keep_largest(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """The k largest entries of each row, zeros dropped.

    Examples
    --------
    >>> keep_largest(sparse.csr_array(np.array([[3.0, 1.0, 2.0], [0.0, 0.0, 5.0]])), 2).toarray().tolist()
    [[3.0, 0.0, 2.0], [0.0, 0.0, 5.0]]
    """
    matrix = sparse.csr_array(matrix)
    lengths = np.diff(matrix.indptr)
    keep = np.ones(matrix.nnz, dtype=bool)
    long = np.flatnonzero(lengths > k)
    long = long[np.argsort(lengths[long], kind="stable")]
    group = max(_BLOCK_ENTRIES // (4 * matrix.shape[1]), 16)
    for start in range(0, len(long), group):  # rows of similar length together: one rectangular partition
        rows = long[start : start + group]
        width = int(lengths[rows[-1]])
        inside = np.arange(width) < lengths[rows][:, None]
        positions = np.where(inside, matrix.indptr[rows][:, None] + np.arange(width), 0)
        values = np.where(inside, matrix.data[positions], -np.inf)
        dropped = np.argpartition(values, width - k, axis=1)[:, : width - k]
        keep[np.take_along_axis(positions, dropped, axis=1)[np.take_along_axis(inside, dropped, axis=1)]] = False
    keep &= matrix.data != 0
    indptr = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr].astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)


def ease_weights(histories: sparse.csr_array, ridge: float) -> np.ndarray:
    """Ridge regression of each product on all others.

    ``B = I - P / diag(P)`` with ``P = (X'X + ridge I)^-1`` (Steck 2019, eq. 8); the diagonal of B is zero.

    Parameters
    ----------
    histories : scipy.sparse.csr_array, shape (n_customers, n_products)
        X; keep n_products at a few thousand: the inverse needs 8 n^2 bytes and n^3 operations.
    ridge : float
        Penalty, in customers; larger values trust only products with many buyers.

    Returns
    -------
    numpy.ndarray, shape (n_products, n_products), float32
        Weight of a bought product (row) on a candidate (column).
    """
    gram = (histories.T @ histories).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, dtype=np.float32)


def column_sums(histories: sparse.csr_array) -> np.ndarray:
    """Weighted number of customers of each product, float32."""
    return np.bincount(histories.indices, weights=histories.data, minlength=histories.shape[1]).astype(np.float32)


def inverse_power(degree: np.ndarray, exponent: float) -> np.ndarray:
    """``degree ** -exponent`` as float32, zero where the degree is zero."""
    safe = np.where(degree > 0, degree, 1.0)
    return np.asarray(np.where(degree > 0, safe ** np.float64(-exponent), 0.0), dtype=np.float32)
