"""What a step of the encoder makes smaller: the loss of a batch of purchases.

Hides the draw of products to compare with and what the closed-form filter is asked to teach.

- softmax: minus the log share of the product bought, among all products or those drawn, each drawn one standing for
  (products - 1) / drawn others (Wu et al. 2024).
- bpr: minus the log probability that the product bought scores above one drawn (Rendle et al. 2009).
- distillation: cross entropy between the filter's shares and the encoder's, among the products that the filter ranks
  best for the customer (Hinton et al. 2015; Cao et al. 2007 for lists).

Alternative considered for the draw: products by popularity, as the batch's own products are. It needs a correction
for each product, and rare ones, which only attributes can tell apart, are hardly ever drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from graphrec.learning.filters import fit_filter

if TYPE_CHECKING:
    from graphrec.learning.encoder import EncoderConfig

__all__ = ["Teacher", "batch_loss", "fit_teacher"]

_TAUGHT = 50
_WHOLE = 4096
_ENTRIES = 4_000_000


@dataclass(frozen=True, eq=False)
class Teacher:
    """The filter's best products of each customer.

    Attributes
    ----------
    codes : torch.Tensor, shape (n_customers, k), int64
        Products.
    shares : torch.Tensor, shape (n_customers, k), float32
        Rows sum to one; zeros where the filter has nothing to say.
    """

    codes: torch.Tensor
    shares: torch.Tensor


def fit_teacher(histories: sparse.csr_array, k: int = _TAUGHT) -> Teacher:
    """Fit the filter and keep its k largest shares of each customer: 12 k bytes a customer."""
    n, m = histories.shape
    k = min(k, m)
    codes, shares = np.zeros((n, k), dtype=np.int64), np.zeros((n, k), dtype=np.float32)
    fitted = fit_filter(histories)
    step = max(_ENTRIES // max(m, 1), 1)
    for first in range(0, n, step):
        rows = fitted.shares(histories[first : first + step])
        best = np.argpartition(-rows, k - 1, axis=1)[:, :k]
        kept = np.take_along_axis(rows, best, axis=1)
        total = kept.sum(axis=1, keepdims=True)
        codes[first : first + step] = best
        shares[first : first + step] = kept / np.where(total > 0, total, 1.0)
    return Teacher(torch.from_numpy(codes), torch.from_numpy(shares))


def batch_loss(
    config: EncoderConfig,
    vectors: torch.Tensor,
    by_product: torch.Tensor,
    offset: torch.Tensor,
    customers: torch.Tensor,
    products: torch.Tensor,
    generator: torch.Generator,
    teacher: Teacher | None = None,
) -> torch.Tensor:
    """Mean loss of a batch of purchases.

    Parameters
    ----------
    config : EncoderConfig
        Which loss, how many products are drawn, how much the teacher counts.
    vectors : torch.Tensor, shape (n_nodes, d)
        Of all nodes, customers first.
    by_product : torch.Tensor, shape (n_products, d)
        Of the products.
    offset : torch.Tensor, shape (n_products,)
        Bias plus log popularity.
    customers, products : torch.Tensor, shape (b,), int64
        The purchases.
    generator : torch.Generator
        Source of the draws.
    teacher : Teacher, optional
        Needed where ``config.distillation`` is above zero.
    """
    chosen = vectors[customers]
    compare = _pairwise if config.loss == "bpr" else _log_share
    loss = compare(chosen, by_product, offset, products, config.negatives, generator)
    if teacher is None or not config.distillation:
        return loss
    return (1.0 - config.distillation) * loss + config.distillation * _taught(
        chosen, by_product, offset, teacher.codes[customers], teacher.shares[customers]
    )


def _log_share(
    chosen: torch.Tensor,
    by_product: torch.Tensor,
    offset: torch.Tensor,
    products: torch.Tensor,
    negatives: int,
    generator: torch.Generator,
) -> torch.Tensor:
    n_products = len(by_product)
    if n_products <= negatives:
        return torch.nn.functional.cross_entropy(chosen @ by_product.T + offset, products)
    drawn = torch.randint(n_products, (negatives,), generator=generator)
    # Each drawn product stands for (n_products - 1) / negatives others.
    logits = chosen @ by_product[drawn].T + offset[drawn] + math.log((n_products - 1) / negatives)
    logits = logits.masked_fill(drawn == products[:, None], -torch.inf)
    together = torch.cat([_own(chosen, by_product, offset, products)[:, None], logits], dim=1)
    return torch.nn.functional.cross_entropy(together, torch.zeros(len(products), dtype=torch.int64))


def _pairwise(
    chosen: torch.Tensor,
    by_product: torch.Tensor,
    offset: torch.Tensor,
    products: torch.Tensor,
    negatives: int,
    generator: torch.Generator,
) -> torch.Tensor:
    del negatives  # one for each purchase, as published
    drawn = torch.randint(len(by_product), (len(products),), generator=generator)
    gap = _own(chosen, by_product, offset, products) - _own(chosen, by_product, offset, drawn)
    return -torch.nn.functional.logsigmoid(gap).mean()


def _own(chosen: torch.Tensor, by_product: torch.Tensor, offset: torch.Tensor, products: torch.Tensor) -> torch.Tensor:
    return (chosen * by_product[products]).sum(dim=1) + offset[products]


def _taught(
    chosen: torch.Tensor, by_product: torch.Tensor, offset: torch.Tensor, codes: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """Cross entropy among the teacher's products; customers of whom it knows nothing add nothing."""
    if len(by_product) <= _WHOLE:  # all scores and a gather: cheaper than copying k vectors for each purchase
        logits = (chosen @ by_product.T + offset).gather(1, codes)
    else:
        near = by_product.index_select(0, codes.ravel()).view(*codes.shape, -1)
        logits = torch.einsum("bd,bkd->bk", chosen, near) + offset[codes]
    return -(shares * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
