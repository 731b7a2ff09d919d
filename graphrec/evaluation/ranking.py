"""Figures of a ranking by appetite: recall, NDCG and the share of the catalogue that is ever shown.

Hides how hits are found and how ties are counted. Two forms are offered because two kinds of data exist: *lists*
(`recommended`: the best items of a whole catalogue, one row per customer) and *scored candidates* (one row per
customer and item, as in Coat or a panel). Sampled candidate sets were considered for the first form and rejected:
their figures do not order models as the full catalogue does (Krichene & Rendle, KDD 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.evaluation.inputs import EvaluationError, check_count, group_codes, numbers, rank_rows

__all__ = [
    "catalogue_coverage",
    "ndcg_at_k",
    "ndcg_of_scores",
    "ndcg_per_customer",
    "recall_at_k",
    "recall_of_scores",
    "recall_per_customer",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def recall_at_k(
    recommended: ArrayLike, relevant: tuple[ArrayLike, ArrayLike], k: int, *, capped: bool = False
) -> float:
    r"""Share of a customer's relevant items that are among the first `k`, averaged over customers.

    .. math:: \frac1{|U|} \sum_{u \in U} \frac{|L_u^k \cap R_u|}{|R_u|}

    Parameters
    ----------
    recommended : (customers, at least k) int
        Item codes, the best first; a negative code is an empty place.
    relevant : (rows, items)
        Two aligned int arrays: the row in `recommended` and the item, one entry for each relevant pair. Pairs
        given twice count once. Customers without a relevant item are left out of the average.
    k : int
        Length of the list that is looked at.
    capped : bool
        Divide by ``min(k, |R_u|)``, so that a perfect list of `k` items always reaches 1.

    Examples
    --------
    >>> recall_at_k([[3, 1], [0, 2]], ([0, 0, 1], [3, 4, 2]), k=2)
    0.75
    """
    return _mean(recall_per_customer(recommended, relevant, k, capped=capped))


def recall_per_customer(
    recommended: ArrayLike, relevant: tuple[ArrayLike, ArrayLike], k: int, *, capped: bool = False
) -> Floats:
    """Recall at `k` of each customer that has a relevant item, in row order; see `recall_at_k`."""
    hits, counts = _hits(recommended, relevant, k)
    wanted = np.minimum(counts, k) if capped else counts
    shares: Floats = hits.sum(axis=1)[counts > 0] / wanted[counts > 0]
    return shares


def ndcg_at_k(recommended: ArrayLike, relevant: tuple[ArrayLike, ArrayLike], k: int) -> float:
    r"""Normalised discounted cumulative gain of the first `k` items, averaged over customers.

    .. math:: \frac{\sum_{i \le k} 1[L_u(i) \in R_u] / \log_2(i + 1)}{\sum_{i \le \min(k, |R_u|)} 1 / \log_2(i + 1)}

    Parameters are those of `recall_at_k` (Järvelin & Kekäläinen, TOIS 2002; binary gains, as in LightGCN).

    Examples
    --------
    >>> round(ndcg_at_k([[7, 5]], ([0], [5]), k=2), 4)
    0.6309
    """
    return _mean(ndcg_per_customer(recommended, relevant, k))


def ndcg_per_customer(recommended: ArrayLike, relevant: tuple[ArrayLike, ArrayLike], k: int) -> Floats:
    """NDCG at `k` of each customer that has a relevant item, in row order; see `ndcg_at_k`."""
    hits, counts = _hits(recommended, relevant, k)
    discount = _discounts(k)
    ideal = np.concatenate(([0.0], np.cumsum(discount)))[np.minimum(counts, k)]
    return (hits @ discount[: hits.shape[1]])[counts > 0] / ideal[counts > 0]


def catalogue_coverage(recommended: ArrayLike, items: int, k: int) -> float:
    """Share of the `items` of the catalogue that stand among the first `k` of at least one customer.

    Examples
    --------
    >>> catalogue_coverage([[0, 1], [0, 2]], items=4, k=2)
    0.75
    """
    check_count("items", items)
    top = _lists(recommended, k)
    if top.size and top.max() >= items:
        raise EvaluationError(f"recommended holds the item {top.max()}, but items={items} allows 0 to {items - 1}")
    return len(np.unique(top[top >= 0])) / items


def recall_of_scores(
    customers: ArrayLike, scores: ArrayLike, relevant: ArrayLike, k: int, *, capped: bool = False
) -> float:
    """Recall at `k` of scored candidates, averaged over customers; tied scores count by expectation.

    Parameters
    ----------
    customers, scores, relevant : (n,)
        Customer label, score (higher = earlier) and 0/1 relevance of each candidate.
    k, capped
        As in `recall_at_k`.

    Examples
    --------
    >>> recall_of_scores(["a", "a"], [0.5, 0.5], [1, 0], k=1)
    0.5
    """
    k = check_count("k", k)
    score, gain = _scored(scores, relevant)
    code, count = group_codes("customers", customers, len(score))
    if np.any((gain != 0) & (gain != 1)):
        raise EvaluationError("relevant must hold 0 and 1 only; for graded gains use ndcg_of_scores")
    rows = rank_rows(score, code, count)
    wanted = rows.sum_by_customer(gain[rows.order])
    found = rows.expected_gain(gain, np.ones(k))
    wanted_here = np.minimum(wanted, k) if capped else wanted
    return _mean(found[wanted > 0] / wanted_here[wanted > 0])


def ndcg_of_scores(customers: ArrayLike, scores: ArrayLike, gains: ArrayLike, k: int) -> float:
    """NDCG at `k` of scored candidates with graded gains; tied scores count by expectation.

    Parameters
    ----------
    customers, scores, gains : (n,)
        Customer label, score (higher = earlier) and gain (>= 0, for example ``2**stars - 1``) of each candidate.
        Customers whose gains are all zero are left out of the average.
    k : int
        Places looked at.

    Notes
    -----
    The expectation over tied scores is that of McSherry & Najork (ECIR 2008): a constant score earns what a
    random order earns, never more.

    Examples
    --------
    >>> ndcg_of_scores([1, 1, 1], [3.0, 2.0, 1.0], [2.0, 1.0, 0.0], k=3)
    1.0
    """
    k = check_count("k", k)
    score, gain = _scored(scores, gains)
    code, count = group_codes("customers", customers, len(score))
    found = rank_rows(score, code, count).expected_gain(gain, _discounts(k))
    ideal = rank_rows(gain, code, count).expected_gain(gain, _discounts(k))
    return _mean(found[ideal > 0] / ideal[ideal > 0])


def _discounts(k: int) -> Floats:
    return 1.0 / np.log2(np.arange(2, k + 2))


def _mean(per_customer: Floats) -> float:
    if not per_customer.size:
        raise EvaluationError("no customer has a relevant item, so there is nothing to average; check `relevant`")
    return float(per_customer.mean())


def _scored(scores: ArrayLike, gains: ArrayLike) -> tuple[Floats, Floats]:
    score = numbers("scores", scores)
    gain = numbers("gains", gains, len(score))
    if np.any(gain < 0):
        raise EvaluationError(f"gains must not be negative; row {int(np.argmax(gain < 0))} has {gain.min()}")
    return score, gain


def _lists(recommended: ArrayLike, k: int) -> Integers:
    check_count("k", k)
    lists = np.asarray(recommended)
    if lists.ndim != 2 or lists.dtype.kind not in "iu":
        raise EvaluationError(
            f"recommended must be a two-dimensional array of item codes, it has shape {lists.shape} and dtype "
            f"{lists.dtype}"
        )
    if lists.shape[1] < k:
        raise EvaluationError(
            f"recommended has {lists.shape[1]} places and k={k} asks for more; recommend longer lists (a negative "
            "code marks an empty place)"
        )
    return lists[:, :k].astype(np.int64)


def _hits(recommended: ArrayLike, relevant: tuple[ArrayLike, ArrayLike], k: int) -> tuple[NDArray[np.bool_], Integers]:
    """Which places hold a relevant item, and how many relevant items each customer has."""
    top = _lists(recommended, k)
    _refuse_repeats(top)
    rows = numbers("relevant[0]", relevant[0]).astype(np.int64)
    items = numbers("relevant[1]", relevant[1], len(rows)).astype(np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= len(top) or items.min() < 0):
        raise EvaluationError(
            f"relevant names rows {rows.min()} to {rows.max()} and items from {items.min()}; recommended has rows 0 "
            f"to {len(top) - 1} and item codes are not negative"
        )
    width = 1 + max(int(top.max(initial=0)), int(items.max(initial=0)))
    pairs = np.unique(rows * width + items)
    counts = np.bincount(pairs // width, minlength=len(top))
    places = np.where(top >= 0, np.arange(len(top))[:, None] * width + top, -1)
    spots = np.minimum(np.searchsorted(pairs, places), max(len(pairs) - 1, 0))
    hits = pairs[spots] == places if len(pairs) else np.zeros(places.shape, dtype=bool)
    return hits, counts


def _refuse_repeats(top: Integers) -> None:
    """A doubled item would be counted twice and lift recall above its true value."""
    ordered = np.sort(top, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if np.any(twice):
        row, place = np.argwhere(twice)[0]
        raise EvaluationError(f"recommended lists the item {ordered[row, place]} twice in row {row}; list it once")
