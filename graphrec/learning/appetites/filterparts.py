"""A fitted filter as plain data and arrays, and back.

Hides how its weights are stored: a dense matrix under its own name, a sparse one as its three arrays.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import sparse

from graphrec.learning.archive import pack_sparse, unpack_sparse
from graphrec.learning.filters import FilterConfig, GraphFilter

__all__ = ["pack_filter", "unpack_filter"]

_WEIGHTS = ("walk", "ease")


def pack_filter(fitted: GraphFilter) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Plain data and arrays that rebuild a filter."""
    arrays: dict[str, np.ndarray] = {}
    for name in _WEIGHTS:
        weights = getattr(fitted, name)
        if weights is not None:
            arrays |= pack_sparse(name, weights) if sparse.issparse(weights) else {name: weights}
    return asdict(fitted.config), arrays


def unpack_filter(config: dict[str, Any], arrays: dict[str, np.ndarray], products: int) -> GraphFilter:
    """Rebuild what `pack_filter` took apart."""
    square = (products, products)
    walk, ease = (
        unpack_sparse(name, arrays, square) if f"{name}.data" in arrays else arrays.get(name) for name in _WEIGHTS
    )
    return GraphFilter(walk, ease, FilterConfig(**config))
