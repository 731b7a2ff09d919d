"""Fitted models of taste behind one method: scores of all products for some customers.

Hides what a model is made of. However they were fitted, all models of taste that this project knows keep one of three
things: links from product to product, vectors of customers and products, or links from customer to customer; a mixture
holds several. So one class for each, not one for each paper, is saved, loaded, checked and scored.

Scores order products; they are no probabilities (`graphrec.learning.appetites.smoothing` makes shares of them). Code -1
is a customer nobody has seen: like anyone without a history it gets products in the order of their popularity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec.learning.archive import pack_sparse, read_archive, unpack_sparse, write_archive
from graphrec.market.tables import DataError

__all__ = [
    "Likeness",
    "Links",
    "Mixture",
    "Scorer",
    "Vectors",
    "Weight",
    "load_scorer",
    "relative_lengths",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Arrays = dict[str, np.ndarray]
_NAME = "scorer"


@dataclass(frozen=True, eq=False)
class Scorer(ABC):
    """A fitted model of taste.

    Attributes
    ----------
    popularity : numpy.ndarray, shape (n_products,), float32
        What somebody unknown gets, at least zero.
    n_customers : int
        Codes of known customers run from 0 to here.
    """

    popularity: Floats
    n_customers: int

    @property
    def n_products(self) -> int:
        """Number of products."""
        return len(self.popularity)

    def scores(self, customers: NDArray[Any]) -> Floats:
        """Scores of all products, higher is better.

        Parameters
        ----------
        customers : numpy.ndarray, shape (n,), int
            Codes; -1 is somebody unknown.

        Returns
        -------
        numpy.ndarray, shape (n, n_products), float32
            Finite. Choose n so that 4 n n_products bytes fit in memory.

        Raises
        ------
        DataError
            A code does not exist.
        """
        codes = np.asarray(customers, dtype=np.int64)
        if len(codes) and (codes.min() < -1 or codes.max() >= self.n_customers):
            bad = int(codes[(codes < -1) | (codes >= self.n_customers)][0])
            raise DataError(
                f"customer code {bad} does not exist; codes run from -1 (unknown) to {self.n_customers - 1}"
            )
        if not self.n_customers:
            return np.tile(self.popularity, (len(codes), 1))
        found = self._known(np.maximum(codes, 0))
        silent = (codes < 0) | ~found.any(axis=1)
        found[silent] = self.popularity
        return found

    @abstractmethod
    def _known(self, codes: Ints) -> Floats:
        """Fresh scores of known customers; a row of zeros where the model cannot say anything."""

    @abstractmethod
    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Plain data and arrays that rebuild the model."""

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, atomically and without pickle."""
        meta, arrays = self.stored()
        write_archive(folder, _NAME, {"scorer": meta}, arrays)


def load_scorer(folder: str | Path) -> Scorer:
    """Read what `Scorer.save` wrote.

    Raises
    ------
    DataError
        Nothing is saved there, it is damaged, or another version wrote it.
    """
    meta, arrays = read_archive(folder, _NAME)
    return _rebuild(meta["scorer"], arrays, "")


def _rebuild(meta: dict[str, Any], arrays: Arrays, at: str) -> Scorer:
    kinds: dict[str, Any] = {"links": Links, "vectors": Vectors, "likeness": Likeness, "mixture": Mixture}
    if meta.get("kind") not in kinds:
        raise DataError(f"the saved scorer is a {meta.get('kind')!r}; this version knows {', '.join(kinds)}")
    if meta["kind"] == "mixture":
        parts = tuple(_rebuild(part, arrays, f"{at}{number}.") for number, part in enumerate(meta["parts"]))
        if f"{at}lengths" not in arrays:
            raise DataError(
                "the saved mixture is of an earlier version, without lengths of histories; fit and save again"
            )
        weights = tuple(Weight(**weight) for weight in meta["weights"])
        return Mixture(parts[0].popularity, meta["n_customers"], parts, weights, arrays[f"{at}lengths"])
    given: dict[str, Any] = {name: _read(f"{at}{name}", arrays, shape) for name, shape in meta["shapes"].items()}
    made: Scorer = kinds[meta["kind"]](n_customers=meta["n_customers"], **given)
    return made


def _read(name: str, arrays: Arrays, shape: list[int] | None) -> Any:
    return arrays[name] if shape is None else unpack_sparse(name, arrays, shape)


def _store(kind: str, n_customers: int, given: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    meta: dict[str, Any] = {"kind": kind, "n_customers": n_customers, "shapes": {}}
    arrays: Arrays = {}
    for name, value in given.items():
        meta["shapes"][name] = list(value.shape) if sparse.issparse(value) else None
        arrays |= pack_sparse(name, value) if sparse.issparse(value) else {name: value}
    return meta, arrays


@dataclass(frozen=True, eq=False)
class Links(Scorer):
    """Histories times links from bought products (rows) to candidates (columns), dense or sparse."""

    histories: sparse.csr_array
    links: sparse.csr_array | Floats

    def _known(self, codes: Ints) -> Floats:
        found: Any = self.histories[codes] @ self.links
        return np.asarray(found.toarray() if sparse.issparse(found) else found, dtype=np.float32)

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Plain data and arrays that rebuild the model."""
        given = {"popularity": self.popularity, "histories": self.histories, "links": self.links}
        return _store("links", self.n_customers, given)


@dataclass(frozen=True, eq=False)
class Vectors(Scorer):
    """Inner products of customers' and products' vectors, shape (n, d) each."""

    customer_vectors: Floats
    product_vectors: Floats

    def _known(self, codes: Ints) -> Floats:
        return np.asarray(self.customer_vectors[codes] @ self.product_vectors.T, dtype=np.float32)

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Plain data and arrays that rebuild the model."""
        given = {
            "popularity": self.popularity,
            "customer_vectors": self.customer_vectors,
            "product_vectors": self.product_vectors,
        }
        return _store("vectors", self.n_customers, given)


@dataclass(frozen=True, eq=False)
class Likeness(Scorer):
    """What similar customers bought: links from customer (row) to customer, times scaled histories."""

    likeness: sparse.csr_array
    histories: sparse.csr_array

    def _known(self, codes: Ints) -> Floats:
        return np.asarray((self.likeness[codes] @ self.histories).toarray(), dtype=np.float32)

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Plain data and arrays that rebuild the model."""
        given = {"popularity": self.popularity, "likeness": self.likeness, "histories": self.histories}
        return _store("likeness", self.n_customers, given)


@dataclass(frozen=True)
class Weight:
    """How much a part of a mixture counts, and for whom.

    Attributes
    ----------
    share : float
        Weight for a customer with a history of mean length, at least zero.
    growth : float
        The share is multiplied by ``(products in the history / their mean number) ** growth``.
    """

    share: float
    growth: float = 0.0


@dataclass(frozen=True, eq=False)
class Mixture(Scorer):
    """Weighted sum of models, each divided by a customer's largest score, so that no scale wins by itself.

    Attributes
    ----------
    parts, weights
        Models and how much each counts.
    lengths : numpy.ndarray, shape (n_customers,), float32
        Products in each customer's history divided by their mean number.
    """

    parts: tuple[Scorer, ...]
    weights: tuple[Weight, ...]
    lengths: Floats

    def __post_init__(self) -> None:
        shares = [weight.share for weight in self.weights]
        if not self.parts or len(self.parts) != len(shares) or not min(shares, default=-1.0) >= 0:
            raise DataError(
                f"a mixture of {len(self.parts)} parts has the weights {tuple(shares)}; give one weight of at least "
                "zero to each part"
            )

    @classmethod
    def of(cls, parts: Sequence[Scorer], weights: Sequence[Weight], histories: sparse.csr_array) -> Mixture:
        """Mix models that were fitted on some histories; parts without weight are left out."""
        if len(parts) != len(weights):
            raise DataError(f"{len(parts)} parts have {len(weights)} weights; give one weight of at least zero to each")
        used = [pair for pair in zip(parts, weights) if pair[1].share != 0] or list(zip(parts, weights))
        mixed, shares = tuple(part for part, _ in used), tuple(weight for _, weight in used)
        popularity = parts[0].popularity if parts else np.zeros(0, np.float32)
        return cls(popularity, histories.shape[0], mixed, shares, relative_lengths(histories))

    def _known(self, codes: Ints) -> Floats:
        total = np.zeros((len(codes), self.n_products), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights):
            if weight.share > 0:
                scores = part._known(codes)
                largest = scores.max(axis=1)
                share = weight.share * self.lengths[codes] ** np.float32(weight.growth)
                total += scores * np.asarray(share / np.where(largest > 0, largest, 1.0), np.float32)[:, None]
        return total

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Plain data and arrays that rebuild the model."""
        arrays: Arrays = {"lengths": self.lengths}
        metas = []
        for number, part in enumerate(self.parts):
            meta, own = part.stored()
            metas.append(meta)
            arrays |= {f"{number}.{name}": array for name, array in own.items()}
        weights = [asdict(weight) for weight in self.weights]
        plain = {"kind": "mixture", "n_customers": self.n_customers, "weights": weights, "parts": metas}
        return plain, arrays


def relative_lengths(histories: sparse.csr_array) -> Floats:
    """Products in each history divided by their mean number; an empty history counts as one product."""
    lengths = np.maximum(np.diff(histories.indptr), 1).astype(np.float32)
    return np.asarray(lengths / (lengths.mean() if len(lengths) else 1.0), np.float32)
