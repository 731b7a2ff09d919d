"""Texts as weighted counts of words, pairs of words and pieces of words.

Hides which pieces count and how they are weighted: TF-IDF with logarithmic counts and rows of length one (Salton &
Buckley 1988). Pieces of 3 to 5 letters let "remboursés" profit from "remboursement" and forgive typing slips. Counting
is a look-up in a dictionary, because reading must not wait for scikit-learn to be imported.

Alternative considered: hashed features. They need no vocabulary but eight times the weights for as few collisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrec.market.texts.tokens import NEGATED

__all__ = ["NgramVectors", "ngrams"]

_PIECES = (3, 4, 5)
_NEGATED_PIECE = "!"
_REMEMBERED = 200_000
"""Words whose places are kept; text typed by robots must not fill the memory."""


@dataclass(frozen=True, eq=False)
class NgramVectors:
    """A vocabulary with the weight of each feature.

    Attributes
    ----------
    features : tuple of str
    idf : numpy.ndarray of float32, shape (number of features,)
        Logarithm of how rare a feature is, plus one.
    """

    features: tuple[str, ...]
    idf: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[Sequence[str]], least: int = 2) -> NgramVectors:
        """Keep the features of at least so many texts, each given as its list of words."""
        counts: dict[str, int] = {}
        for words in texts:
            for feature in set(ngrams(words)):
                counts[feature] = counts.get(feature, 0) + 1
        features = tuple(sorted(name for name, count in counts.items() if count >= least))
        seen = np.array([counts[name] for name in features], dtype=np.float64)
        return cls(features, (np.log((1 + len(texts)) / (1 + seen)) + 1).astype(np.float32))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.features)}

    @cached_property
    def _of_words(self) -> dict[str, tuple[int, ...]]:
        """Places of each word met so far and of its pieces: the same words come again and again."""
        return {}

    def _learn(self, word: str) -> None:
        if len(self._of_words) >= _REMEMBERED:
            self._of_words.clear()
        self._of_words[word] = tuple(self._places[name] for name in (word, *_pieces(word)) if name in self._places)

    def transform(self, texts: Iterable[Sequence[str]]) -> Any:
        """Rows of length one, as a scipy CSR matrix of shape (number of texts, number of features)."""
        from scipy.sparse import csr_matrix

        places, of_words = self._places, self._of_words
        columns: list[int] = []
        ends = [0]
        for words in texts:
            for word in words:
                if word not in of_words:
                    self._learn(word)
                columns.extend(of_words[word])
            pairs = (f"{first} {second}" for first, second in pairwise(words))
            columns.extend([places[pair] for pair in pairs if pair in places])
            ends.append(len(columns))
        shape = (len(ends) - 1, len(self.features))
        counts = csr_matrix((np.ones(len(columns), dtype=np.float32), np.array(columns, dtype=np.int32), ends), shape)
        counts.sum_duplicates()
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        owner = np.repeat(np.arange(shape[0]), np.diff(counts.indptr))
        length = np.sqrt(np.bincount(owner, np.square(counts.data), shape[0]))
        counts.data = (counts.data / np.maximum(length, 1e-12)[owner]).astype(np.float32)
        return counts


def ngrams(words: Sequence[str]) -> list[str]:
    """Words, pairs and pieces.

    Examples
    --------
    >>> ngrams(["bon", "prix"])
    ['bon', 'prix', 'bon prix', '#<pr', '#pri', '#rix', '#ix>', '#<pri', '#prix', '#rix>', '#<prix', '#prix>']
    """
    found = [*words, *(f"{first} {second}" for first, second in pairwise(words))]
    for word in words:
        found.extend(_pieces(word))
    return found


def _pieces(word: str) -> tuple[str, ...]:
    mark, plain = (_NEGATED_PIECE, word[len(NEGATED) :]) if word.startswith(NEGATED) else ("#", word)
    if len(plain) < 4 or len(plain) > 40:
        return ()
    whole = f"<{plain}>"
    return tuple(mark + whole[at : at + size] for size in _PIECES for at in range(len(whole) - size + 1))
