"""The ways through the purchase graph that lead from a customer to a product, with their weights.

Hides the walk. The filter's score is a sum over what the customer bought, and each link from a bought product to the
candidate is a sum over the customers who have both: so a path customer -> bought product -> other customer -> candidate
has a share of the score, and the shares of all paths add up to what the walk gives. Nothing is sampled and no mask is
trained, as explainers of graph networks have to (Ying et al. 2019, GNNExplainer): a light convolution without
transformations is the sum of its paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.learning.appetite import Appetite
from graphrec.learning.filters import inverse_power
from graphrec.market.tables import DataError

__all__ = ["PurchasePaths", "find_paths"]


@dataclass(frozen=True, eq=False)
class PurchasePaths:
    """Paths from a customer to a product.

    Attributes
    ----------
    products : pandas.DataFrame
        One row for each bought product that leads there, the heaviest first: product (code), share (of the walk's
        weight on the candidate), buyers (customers who have both).
    paths : pandas.DataFrame
        The heaviest whole paths: product, through (code of the other customer), share.
    covered : float
        Part of the walk's weight that `paths` holds.
    """

    products: pd.DataFrame
    paths: pd.DataFrame
    covered: float


def find_paths(appetite: Appetite, customer: int, product: int, n: int = 10) -> PurchasePaths:
    """Find the heaviest paths.

    Parameters
    ----------
    appetite : Appetite
        With a filter.
    customer, product : int
        Codes.
    n : int
        Whole paths to list.

    Raises
    ------
    DataError
        There is no filter, a code does not exist, or n is not positive.

    Notes
    -----
    Where the walk's exponent is above one, a link counts more than the sum of its parts; its weight is divided among
    the other customers in proportion to their part.
    """
    model = appetite.filter
    if model is None:
        raise DataError(
            "the appetite comes from the trained encoder, whose last vectors do not say along which path they came; "
            "find paths with appetite='filter' or 'blend', or ask encoder_paths of the Encoder itself"
        )
    histories = sparse.csr_array(appetite.histories)
    if not 0 <= customer < histories.shape[0] or not 0 <= product < histories.shape[1]:
        raise DataError(f"customer code {customer} or product code {product} does not exist")
    if n < 1:
        raise DataError(f"n is {n}; ask for at least one path")
    own = sparse.csr_array(histories[[customer]])
    bought = np.asarray(own.indices, dtype=np.int64)
    walk: Any = model.walk
    link: Any = walk[bought][:, [product]]
    dense = np.asarray(link.toarray() if sparse.issparse(link) else link)
    weight = own.data.astype(np.float64) * dense[:, 0]
    total = float(weight.sum())
    leading = np.flatnonzero(weight > 0)
    leading = leading[np.argsort(-weight[leading], kind="stable")]
    by_product = sparse.csc_array(histories)
    pull = inverse_power(histories.sum(axis=1), model.config.customer).astype(np.float64)
    takers, taken = _column(by_product, product)
    rows, paths = [], []
    for place in leading:
        people, amount = _column(by_product, int(bought[place]))
        both, first, second = np.intersect1d(people, takers, return_indices=True)
        part = amount[first] * taken[second] * pull[both]
        rows.append((int(bought[place]), weight[place] / total, len(both)))
        share = weight[place] / total * part / part.sum()
        paths += [(int(bought[place]), int(who), float(each)) for who, each in zip(both, share)]
    paths.sort(key=lambda path: (-path[2], path[0], path[1]))
    kept = pd.DataFrame(paths[:n], columns=["product", "through", "share"])
    return PurchasePaths(
        pd.DataFrame(rows, columns=["product", "share", "buyers"]), kept, float(kept["share"].sum()) if paths else 0.0
    )


def _column(matrix: sparse.csc_array, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Customers of a product, ascending, and their weights."""
    part = slice(matrix.indptr[place], matrix.indptr[place + 1])
    return matrix.indices[part], matrix.data[part].astype(np.float64)
