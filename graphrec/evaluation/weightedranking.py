r"""NDCG whose gains are not all alike: purchases of what everybody is shown count less.

Hides the weighting. A held-out purchase was possible only where the customer met the product, and popular products are
met more often; weighting each purchase by its inverse exposure undoes that on average (Yang et al., RecSys 2018;
Schnabel et al., ICML 2016). Each customer's figure is divided by that of the best list, so nobody counts more than
another. Alternative considered: the plain NDCG of `graphrec.evaluation.ranking`, which is the case of equal weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.evaluation.inputs import EvaluationError, check_count, numbers

__all__ = ["weighted_ndcg_per_customer"]

Floats = NDArray[np.float64]


def weighted_ndcg_per_customer(
    recommended: ArrayLike, relevant: tuple[ArrayLike, ArrayLike], gains: ArrayLike, k: int
) -> Floats:
    r"""NDCG at `k` of each customer with a relevant item, in row order.

    .. math:: \frac{\sum_{i \le k} g_{u, L_u(i)} / \log_2(i + 1)}{\max_L \sum_{i \le k} g_{u, L(i)} / \log_2(i + 1)}

    Parameters
    ----------
    recommended : (customers, at least k) int
        Item codes, the best first, none twice; a negative code is an empty place.
    relevant : (rows, items)
        Two aligned int arrays: the row in `recommended` and the item, each pair once.
    gains : (pairs,) float
        Weight of each relevant pair, above zero; equal gains give `ndcg_per_customer`.
    k : int
        Length of the list that is looked at.

    Examples
    --------
    >>> weighted_ndcg_per_customer([[7, 5]], ([0, 0], [5, 7]), [2.0, 1.0], k=2).round(3).tolist()
    [0.86]
    """
    k = check_count("k", k)
    lists = np.asarray(recommended)
    if lists.ndim != 2 or lists.shape[1] < k:
        raise EvaluationError(f"recommended has shape {lists.shape}; give a row of at least k={k} codes per customer")
    rows = numbers("relevant[0]", relevant[0]).astype(np.int64)
    items = numbers("relevant[1]", relevant[1], len(rows)).astype(np.int64)
    gain = numbers("gains", gains, len(rows))
    if np.any(gain <= 0):
        raise EvaluationError(f"gains must be above zero; pair {int(np.argmax(gain <= 0))} has {gain.min()}")
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    found = _placed(lists[:, :k], rows, items, gain) @ discount
    ideal = _best(len(lists), rows, gain, k, discount)
    return np.asarray(found[ideal > 0] / ideal[ideal > 0])


def _placed(top: NDArray[np.int64], rows: NDArray[np.int64], items: NDArray[np.int64], gain: Floats) -> Floats:
    """Gain at each place of the lists."""
    width = 1 + max(int(top.max(initial=0)), int(items.max(initial=0)))
    keys = rows * width + items
    order = np.argsort(keys)
    keys, gain = keys[order], gain[order]
    if not len(keys):
        return np.zeros(top.shape)
    wanted = np.where(top >= 0, np.arange(len(top))[:, None] * width + top, -1)
    spots = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[spots] == wanted, gain[spots], 0.0)


def _best(n: int, rows: NDArray[np.int64], gain: Floats, k: int, discount: Floats) -> Floats:
    """Gain of each customer's best list."""
    order = np.lexsort((-gain, rows))
    rows, gain = rows[order], gain[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows, side="left")
    near = place < k
    ideal: Floats = np.bincount(rows[near], weights=gain[near] * discount[place[near]], minlength=n).astype(np.float64)
    return ideal
