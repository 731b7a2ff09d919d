"""Which exponents suit this market: a small grid, judged on purchases made later.

Hides the grid and the yardstick. Every candidate ranks products for customers with later purchases; the yardstick is
NDCG@20. Where most later purchases are of products new to the customer, only new ones count and are ranked; where most
are repetitions, all count. (A filter never uses a product to explain itself, so a repetition is no free hit.) The
overlap matrix is computed once for each customer exponent: the other exponents scale its rows, columns and entries.

Alternative considered: one fixed set of exponents. On the public sets the best exponents differ by market, and they
move the result more than any choice of model does.
Considered too: a third part beside walk and ease, the strongest directions of the normalised matrix (Shen et al. 2021,
GF-CF). With walk and ease well tuned it added nothing on a public set of listeners, and about one standard error on a
set of films. Its scores take both signs, so the share of an offer and the removal of one purchase would no longer be
sums over stored weights; `graphrec.learning.appetites.mixing` has it for rankings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import sparse

from graphrec.learning.appetites.localridge import local_ease
from graphrec.learning.filters import (
    DENSE_PRODUCTS,
    FilterConfig,
    GraphFilter,
    column_sums,
    ease_weights,
    fit_filter,
    gram_blocks,
    inverse_power,
    keep_largest,
    overlap,
    walk_weights,
)

__all__ = ["MINIMUM_PURCHASES", "ndcg", "tune_filter", "tuned_filter"]

MINIMUM_PURCHASES = 30
"""With fewer later purchases than this the exponents stay as they are: the grid would be chosen by luck."""
_CUSTOMERS = 2000
_ENTRIES = 12_000_000
_CHUNK = 4_000_000
_DEPTH = 20
_OVERLAPS = 800
_ASYMMETRIES = ((0.725, 0.25), (0.5, 0.5), (0.5, 0.25), (0.725, 0.0), (1.0, 0.4))
_RIDGES = (100.0, 400.0, 1600.0)
_MIXES = (0.0, 0.3, 0.5, 0.7, 1.0)


def tune_filter(
    histories: sparse.csr_array,
    later: sparse.csr_array,
    start: FilterConfig | None = None,
    bought: sparse.csr_array | None = None,
) -> FilterConfig:
    """Exponents that rank later purchases best.

    Parameters
    ----------
    histories : scipy.sparse.csr_array, shape (n_customers, n_products)
        X before the cut.
    later : scipy.sparse.csr_array, shape (n_customers, n_products)
        Above zero where a customer bought a product after the cut.
    bought : scipy.sparse.csr_array, shape (n_customers, n_products), optional
        Above zero where a product counts as not new; ``histories`` by default.
    start : FilterConfig, optional
        Where the search begins, and what is returned when too little was bought later (`MINIMUM_PURCHASES`).

    Returns
    -------
    FilterConfig

    Notes
    -----
    Deterministic. The candidate with the largest mean is taken. Asking it to beat the start by a standard error, a
    guard against luck, cost more than it saved: judged on 50 to 400 customers and measured on the others of the same
    market, NDCG@20 was lower by .000 to .003 on two public sets and three simulated markets (higher by .001 only on
    one set with at most 100 customers). At most 2,000 customers take part (fewer where there are more than 6,000
    products), evenly spaced among those with something to rank. Memory: a few dense matrices of 12 million entries and,
    above `DENSE_PRODUCTS` products, the 800 largest overlaps of each product in the sampled histories and one fit of
    the local regressions.
    """
    return _tuned(histories, later, start or FilterConfig(), bought)[0]


def tuned_filter(
    histories: sparse.csr_array,
    later: sparse.csr_array,
    start: FilterConfig | None = None,
    bought: sparse.csr_array | None = None,
) -> GraphFilter:
    """Fit the filter with the exponents that `tune_filter` chooses, on the same histories; takes the same arguments.

    Regressions that were fitted for the choice are not fitted again.
    """
    config, ease = _tuned(histories, later, start or FilterConfig(), bought)
    histories = sparse.csr_array(histories).astype(np.float32)
    if ease is None or config.ease == 0:
        return fit_filter(histories, config)
    return GraphFilter(walk_weights(histories, config), ease, config)


def _tuned(
    histories: sparse.csr_array, later: sparse.csr_array, start: FilterConfig, bought: sparse.csr_array | None
) -> tuple[FilterConfig, sparse.csr_array | None]:
    """The chosen exponents, and the local regressions of all products where they were fitted."""
    whole = sparse.csr_array(histories).astype(np.float32)
    met = np.unique(whole.indices)  # nobody's history leads to any other product
    narrow, later = whole[:, met], sparse.csr_array(later)[:, met]
    truth, touched = _judged(narrow, later, narrow if bought is None else sparse.csr_array(bought)[:, met])
    if truth.nnz < MINIMUM_PURCHASES:
        return start, None
    customers = np.flatnonzero(np.diff(truth.indptr))
    wanted = min(_CUSTOMERS, len(customers), max(_ENTRIES // len(met), 50))
    customers = customers[np.linspace(0, len(customers) - 1, wanted).astype(np.int64)]
    sample, truth = narrow[customers], truth[customers]
    seen = touched[customers].toarray() > 0
    gains = {config: _gain(scores, seen, truth) for config, scores in _walk_scores(narrow, sample, start)}
    best = _best(gains)
    regressions: sparse.csr_array | None = None
    if whole.shape[1] > DENSE_PRODUCTS:
        regressions = local_ease(whole, best.customer, start.links, start.penalty)
        mixes = _mix_local(narrow, sparse.csr_array(regressions[met][:, met]), sample, seen, truth, best)
    else:
        mixes = _mix_ease(narrow, sample, seen, truth, best)
    return _best(mixes | {best: gains[best]}), regressions


def _gain(scores: np.ndarray, seen: np.ndarray, truth: sparse.csr_array) -> np.ndarray:
    return ndcg(np.where(seen, -np.inf, scores), truth)


def _best(gains: dict[FilterConfig, np.ndarray]) -> FilterConfig:
    return max(gains, key=lambda config: float(gains[config].mean()))


def _judged(
    histories: sparse.csr_array, later: sparse.csr_array, bought: sparse.csr_array
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Later purchases that count, for customers with a history, and the pairs left out of the ranking."""
    known = sparse.diags_array((np.diff(histories.indptr) > 0).astype(np.float32))
    truth = sparse.csr_array(known @ sparse.csr_array(later).astype(bool).astype(np.float32))
    touched = sparse.csr_array(bought).astype(bool).astype(np.float32)
    repeated = sparse.csr_array(truth.multiply(touched))
    if 2 * repeated.nnz > truth.nnz:
        return truth, sparse.csr_array(truth.shape, dtype=np.float32)
    new = sparse.csr_array(truth - repeated)
    new.eliminate_zeros()
    return new, touched


def _walk_scores(
    histories: sparse.csr_array, sample: sparse.csr_array, start: FilterConfig
) -> Iterator[tuple[FilterConfig, np.ndarray]]:
    """Scores of the sampled customers under every candidate walk."""
    degree = column_sums(histories)
    products = np.unique(sample.indices)
    narrow = sample[:, products]
    for customer in (0.5, 1.0):
        gram = _overlap_rows(histories, customer, products)
        for power in (1.0, 1.45):
            # Scaling rows and columns commutes with the entry-wise power, so it is done on the small side.
            powered = gram**power if isinstance(gram, np.ndarray) else gram.power(power)
            for source, target in _ASYMMETRIES:
                config = replace(start, source=source, customer=customer, target=target, power=power, ease=0.0)
                left = narrow @ sparse.diags_array(inverse_power(degree, source * power)[products])
                scores = left @ powered
                scores = scores.toarray() if sparse.issparse(scores) else scores
                yield config, np.asarray(scores * inverse_power(degree, target * power), dtype=np.float32)


def _overlap_rows(histories: sparse.csr_array, customer: float, products: np.ndarray) -> sparse.csr_array | np.ndarray:
    if histories.shape[1] <= DENSE_PRODUCTS:
        return overlap(histories, customer)[products]
    return sparse.csr_array(
        sparse.vstack(
            [keep_largest(block, _OVERLAPS) for _, block in gram_blocks(histories, customer, products)], format="csr"
        )
    )


def _mix_ease(
    histories: sparse.csr_array,
    sample: sparse.csr_array,
    seen: np.ndarray,
    truth: sparse.csr_array,
    config: FilterConfig,
) -> dict[FilterConfig, np.ndarray]:
    """Gain of each ridge and share of ease beside the chosen walk."""
    gains: dict[FilterConfig, np.ndarray] = {}
    weights = walk_weights(histories, config)
    for ridge in _RIDGES:
        ease = ease_weights(histories, ridge)
        for mix in _MIXES:
            candidate = replace(config, ridge=ridge, ease=mix)
            gains[candidate] = _gain(GraphFilter(weights, ease, candidate).shares(sample), seen, truth)
    return gains


def _mix_local(
    histories: sparse.csr_array,
    ease: sparse.csr_array,
    sample: sparse.csr_array,
    seen: np.ndarray,
    truth: sparse.csr_array,
    config: FilterConfig,
) -> dict[FilterConfig, np.ndarray]:
    """Gain of each share of the local regressions beside the chosen walk."""
    walk = walk_weights(histories, config)
    if not sparse.issparse(walk):  # few products were met, of many
        walk = sparse.csr_array(walk)
    candidates = [replace(config, ease=mix) for mix in _MIXES[1:]]
    parts = np.array_split(np.arange(sample.shape[0]), sample.shape[0] * sample.shape[1] // _CHUNK + 1)
    return {
        candidate: np.concatenate(
            [_gain(GraphFilter(walk, ease, candidate).shares(sample[k]), seen[k], truth[k]) for k in parts if len(k)]
        )
        for candidate in candidates
    }


def ndcg(scores: np.ndarray, truth: sparse.csr_array, depth: int = _DEPTH) -> np.ndarray:
    """Normalised discounted cumulative gain of each row at a depth; nan for a row with nothing relevant.

    Parameters
    ----------
    scores : numpy.ndarray, shape (n, m)
        Higher is better; minus infinity leaves a column out.
    truth : scipy.sparse.csr_array, shape (n, m)
        Non-zero where relevant.
    depth : int
        Columns taken from each row.

    Examples
    --------
    >>> ndcg(np.array([[0.1, 0.9], [0.9, 0.1]]), sparse.csr_array([[0, 1], [0, 1]])).round(3).tolist()
    [1.0, 0.631]
    """
    wanted = np.diff(truth.indptr)
    rows = np.repeat(np.arange(truth.shape[0]), wanted)
    own = scores[rows, truth.indices]
    rank = np.empty(len(rows), dtype=np.int64)
    for part in np.array_split(np.arange(len(rows)), max(len(rows) * scores.shape[1] // _CHUNK, 1)):
        # Ties count against: a product that a model cannot reach must not gain by its position.
        rank[part] = (scores[rows[part]] >= own[part, None]).sum(axis=1) - 1
    discount = 1.0 / np.log2(np.arange(2, depth + 2))
    found = np.isfinite(own) & (rank < depth)
    gains = np.bincount(rows[found], weights=discount[rank[found]], minlength=len(wanted))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])[np.minimum(wanted, depth)]
    return np.asarray(gains / ideal)
