"""How good a model's lists are on later pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from graphrec.evaluation.ranking import ndcg_per_customer, recall_per_customer
from graphrec.learning.appetites.scorers import Scorer
from graphrec.learning.appetites.topn import best_products

__all__ = ["Figures", "judge"]


@dataclass(frozen=True)
class Figures:
    """Mean recall and NDCG over customers, and the standard error of the NDCG."""

    recall: float
    ndcg: float
    error: float


def judge(scorer: Scorer, later: sparse.csr_array, seen: sparse.csr_array, depth: int, most: int = 0) -> Figures:
    """Figures of a model on later pairs, for all customers that have some, or for at most so many of them."""
    customers = np.flatnonzero(np.diff(later.indptr))
    if most and len(customers) > most:
        customers = customers[np.linspace(0, len(customers) - 1, most).astype(np.int64)]
    lists, _ = best_products(scorer, customers, depth, seen)
    truth = sparse.coo_array(later[customers])
    gains = ndcg_per_customer(lists, (truth.row, truth.col), depth)
    found = recall_per_customer(lists, (truth.row, truth.col), depth)
    return Figures(float(found.mean()), float(gains.mean()), float(gains.std() / np.sqrt(len(gains))))
