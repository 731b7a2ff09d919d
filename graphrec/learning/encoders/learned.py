"""What an encoder learned, by name and not by place, so that it can speak about another market or a later moment.

Hides how a node is recognised again: by a 64-bit hash of its name, sorted, so that the saved file holds no identifier
and looking up a million customers is one binary search. Two of a million names share a hash with a probability below
one in ten million. A hash is a pseudonym: who knows an identifier can look for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.learning.design import Design

__all__ = ["Learned", "hash_names"]

Floats = NDArray[np.float32]


def hash_names(names: np.ndarray) -> NDArray[np.uint64]:
    """Hashes of names, the same in every process.

    Examples
    --------
    >>> bool(hash_names(np.array([7]))[0] == hash_names(np.array(["7"], dtype=object))[0])
    True
    """
    words = np.asarray(pd.Index(names).astype(str), dtype=object)
    return np.asarray(pd.util.hash_array(words, categorize=False), dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Learned:
    """Learned parts of an encoder.

    Attributes
    ----------
    keys : mapping of str to numpy.ndarray, shape (n,), uint64
        Sorted hashes of the nodes of each type that have an identity.
    identities : mapping of str to numpy.ndarray, shape (n, d), float32
        Their identities, in the same order.
    biases : numpy.ndarray, shape (number of product keys,), float32
        Of the products with an identity.
    projections : mapping of str to numpy.ndarray, shape (f, d), float32
        From attributes of customers and products to vectors.
    designs : mapping of str to Design
        How attributes become numbers.
    """

    keys: Mapping[str, NDArray[np.uint64]]
    identities: Mapping[str, Floats]
    biases: Floats
    projections: Mapping[str, Floats]
    designs: Mapping[str, Design]

    def find(self, kind: str, names: np.ndarray) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which of some nodes are known, and at which place each known one lies (0 for the others)."""
        known = self.keys.get(kind, np.zeros(0, dtype=np.uint64))
        if not len(known) or not len(names):
            return np.zeros(len(names), dtype=bool), np.zeros(len(names), dtype=np.int64)
        asked = hash_names(names)
        places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        met = known[places] == asked
        return met, np.where(met, places, 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays for an archive."""
        found: dict[str, np.ndarray] = {"learned.biases": self.biases}
        for part, held in (("keys", self.keys), ("identities", self.identities), ("projections", self.projections)):
            found |= {f"learned.{part}.{kind}": array for kind, array in held.items()}
        return found

    def plain(self) -> dict[str, Any]:
        """Plain data for an archive."""
        return {kind: design.to_dict() for kind, design in self.designs.items()}

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Learned:
        """Read back `plain` and `arrays`."""

        def part(name: str) -> dict[str, np.ndarray]:
            start = f"learned.{name}."
            return {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}

        designs = {kind: Design.from_dict(columns) for kind, columns in plain.items()}
        return cls(part("keys"), part("identities"), arrays["learned.biases"], part("projections"), designs)
