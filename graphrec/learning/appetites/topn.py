"""The best n products of every customer, exactly, for more customers than fit in memory.

Hides blocks, thresholds and files. Vectors are multiplied a tile at a time (customers x products), so that the scores
of a tile are still in the cache when they are scanned; models without vectors give whole rows. Shards go to Parquet
files that are renamed when complete: an interrupted run goes on with the first shard that is missing.

Alternative considered: approximate search (an inverted file, a graph index). With 100,000 products and 64 numbers each
an exact scan reaches most of the speed of the matrix product alone; an index pays from millions of products on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from graphrec.learning.appetites.scorers import Scorer, Vectors
from graphrec.market.tables import DataError

__all__ = ["best_products", "write_shards"]

_ROWS, _COLUMNS = 256, 2048
"""Customers and products of a tile: 2 MB of scores."""
_ENTRIES = 8_000_000
"""Scores of whole rows computed at once: 32 MB."""


def best_products(
    scorer: Scorer, customers: NDArray[Any], n: int, seen: sparse.csr_array | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the n products with the highest scores.

    Parameters
    ----------
    scorer : Scorer
        Fitted.
    customers : numpy.ndarray, shape (c,), int
        Codes; -1 is somebody unknown, who has seen nothing.
    n : int
        Length of a list.
    seen : scipy.sparse.csr_array, shape (n_customers, n_products), optional
        Products left out, where an entry is stored.

    Returns
    -------
    codes : numpy.ndarray, shape (c, n), int32
        The best first; -1 where fewer products are left.
    scores : numpy.ndarray, shape (c, n), float32
        Minus infinity at the empty places. Equal scores are ordered by code.

    Raises
    ------
    DataError
        ``n`` is not positive, a code does not exist, or ``seen`` has another shape.
    """
    if n < 1:
        raise DataError(f"n is {n}; ask for at least one product")
    if seen is not None and seen.shape != (scorer.n_customers, scorer.n_products):
        raise DataError(f"seen has shape {seen.shape}; the model knows {(scorer.n_customers, scorer.n_products)}")
    asked = np.asarray(customers, dtype=np.int64)
    codes = np.full((len(asked), n), -1, dtype=np.int32)
    values = np.full((len(asked), n), -np.inf, dtype=np.float32)
    known = None if seen is None else sparse.csr_array(seen)
    if known is not None and not known.has_sorted_indices:
        known = known.sorted_indices()
    step = _ROWS if isinstance(scorer, Vectors) else max(_ENTRIES // max(scorer.n_products, 1), 1)
    for first in range(0, len(asked), step):
        part = slice(first, first + step)
        _rank(scorer, asked[part], known, values[part], codes[part])
    return codes, values


def _rank(scorer: Scorer, asked: NDArray[np.int64], seen: sparse.csr_array | None, values: Any, codes: Any) -> None:
    """Fill the lists of a few customers."""
    from graphrec.learning.appetites.scans import scan_block, sort_rows

    rows, columns = _pairs(asked, seen)
    for first, block in _tiles(scorer, asked):
        low, high = np.searchsorted(columns, (first, first + block.shape[1]))
        block[rows[low:high], columns[low:high] - first] = -np.inf
        scan_block(block, first, values, codes)
    sort_rows(values, codes)


def _tiles(scorer: Scorer, asked: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Scores of the customers, some products at a time."""
    whole = not isinstance(scorer, Vectors) or asked.min(initial=0) < 0 or asked.max(initial=-1) >= scorer.n_customers
    own = None if whole else scorer.customer_vectors[asked]  # type: ignore[attr-defined]
    if own is None or not own.any(axis=1).all():  # somebody gets popularity: let the scorer decide
        yield 0, scorer.scores(asked)
        return
    products = scorer.product_vectors.T  # type: ignore[attr-defined]
    tile = np.empty((len(asked), min(_COLUMNS, scorer.n_products)), dtype=np.float32)
    for first in range(0, scorer.n_products, _COLUMNS):
        part = products[:, first : first + _COLUMNS]
        # One tile is used again and again: fresh memory for each costs as much as the product.
        yield first, np.matmul(own, part, out=tile) if part.shape[1] == tile.shape[1] else own @ part


def _pairs(asked: NDArray[np.int64], seen: sparse.csr_array | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns that are left out, ordered by column."""
    if seen is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    known = np.flatnonzero(asked >= 0)
    part = seen[asked[known]]
    rows = np.repeat(known, np.diff(part.indptr))
    order = np.argsort(part.indices, kind="stable")
    return rows[order], part.indices[order].astype(np.int64)


def write_shards(
    scorer: Scorer,
    folder: str | Path,
    n: int,
    seen: sparse.csr_array | None = None,
    shard: int = 100_000,
) -> list[Path]:
    """Write the best n products of all customers, a Parquet file for each shard of customers.

    Parameters
    ----------
    scorer, n, seen
        See `best_products`.
    folder : path
        Made if absent. Shards of the same run that are complete are kept.
    shard : int
        Customers in a file.

    Returns
    -------
    list of pathlib.Path
        All shards in order, with the columns customer, rank (from 1), product and score; codes, not identifiers.

    Raises
    ------
    DataError
        The folder holds shards of another model, n or shard.
    """
    if shard < 1:
        raise DataError(f"shard is {shard}; put at least one customer into a file")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    _claim(target / "run.json", {"run": _identity(scorer, seen), "n": n, "shard": shard})
    paths = []
    for first in range(0, scorer.n_customers, shard):
        path = target / f"part-{first // shard:05d}.parquet"
        paths.append(path)
        if path.exists():
            continue
        customers = np.arange(first, min(first + shard, scorer.n_customers))
        codes, scores = best_products(scorer, customers, n, seen)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        _frame(customers, codes, scores).to_parquet(part, index=False)
        part.replace(path)
    return paths


def _frame(customers: NDArray[np.int64], codes: NDArray[np.int32], scores: NDArray[np.float32]) -> pd.DataFrame:
    rows, ranks = np.nonzero(codes >= 0)
    columns = {
        "customer": customers[rows].astype(np.int32),
        "rank": (ranks + 1).astype(np.int32),
        "product": codes[rows, ranks],
        "score": scores[rows, ranks],
    }
    return pd.DataFrame(columns)


def _claim(path: Path, run: dict[str, Any]) -> None:
    """Write down whose shards these are, or refuse a folder that holds another run's."""
    if path.exists():
        if json.loads(path.read_text()) != run:
            raise DataError(
                f"{path.parent} holds shards of another model, n or shard size; give another folder or empty this one"
            )
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(run))
    part.replace(path)


def _identity(scorer: Scorer, seen: sparse.csr_array | None) -> str:
    meta, arrays = scorer.stored()
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    for part in () if seen is None else (seen.indptr, seen.indices):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
