"""How much each model of a mixture counts: weights that rank later purchases best.

Hides the search. Each model names its best products for a sample of customers; among those the weights are moved one at
a time along short lists, as long as NDCG grows. Whatever stands on no model's list is no candidate of the mixture
either, so a few hundred scores for a customer are enough to judge a set of weights. Two things are chosen for each
model (see `Weight`): its share, and whether the share grows or falls with the length of a customer's history
(regressions know more of somebody with many purchases, directions of the whole market more of somebody with few). The
second stays at zero unless a change is better by more than its standard error, for it is chosen by the same purchases.

Alternatives considered: a boosted reranker on the same scores (trees overfitted to the left-out purchases and lost on
others: NDCG@20 .132 against .138), sums of logarithms, which rank by the most pessimistic model (.134), and weights of
their own for five bands of history lengths, no better than one exponent for the regression (.190 against .190 on the
validation part of a public check-in set, .187 without either). Lifting popular products by an exponent for each model
gained where the validation part was drawn to be popular and lost on the test part: it reads back the draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec.learning.appetites.scorers import Scorer, Weight, relative_lengths
from graphrec.learning.appetites.topn import best_products
from graphrec.market.tables import DataError

__all__ = ["mixture_weights"]

_SHARES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_GROWTHS = (0.0, 0.5, 1.0, -0.5, -1.0)
_FEWEST = 30
"""With fewer judged customers than this no weight follows the length of a history: its gain would be luck."""
_DEPTH = 20
_CHUNK = 200


def mixture_weights(
    parts: Sequence[Scorer],
    later: sparse.csr_array,
    seen: sparse.csr_array,
    *,
    customers: int = 4000,
    candidates: int = 60,
    rounds: int = 3,
) -> tuple[Weight, ...]:
    """Weights under which the mixture ranks later purchases best.

    Parameters
    ----------
    parts : sequence of Scorer
        Fitted without the later purchases.
    later, seen : scipy.sparse.csr_array, shape (n_customers, n_products)
        What was bought later, and what is left out of the lists.
    customers : int
        How many customers, evenly spaced among those with later purchases, are judged.
    candidates : int
        Products that each part names for a customer.
    rounds : int
        Passes over the weights; the search ends earlier when none moves.

    Returns
    -------
    tuple of Weight
        For `Mixture`; the search starts with the same for all.

    Raises
    ------
    DataError
        Nothing was bought later.
    """
    buyers = np.flatnonzero(np.diff(later.indptr))
    if not len(buyers):
        raise DataError("nobody bought anything later, so no weights can be chosen; cut the past earlier")
    asked = buyers[np.linspace(0, len(buyers) - 1, min(customers, len(buyers))).astype(np.int64)]
    chunks = [asked[first : first + _CHUNK] for first in range(0, len(asked), _CHUNK)]
    gathered = [_candidates(parts, chunk, later, seen, candidates) for chunk in chunks]
    scores, hits = (np.concatenate([pair[k] for pair in gathered]) for k in (0, 1))
    ideal = np.cumsum(_discounts())[np.minimum(np.diff(later.indptr)[asked], _DEPTH) - 1]
    return _Search(scores, hits, ideal, relative_lengths(seen)[asked][:, None]).run(rounds)


def _candidates(
    parts: Sequence[Scorer], asked: NDArray[np.int64], later: sparse.csr_array, seen: sparse.csr_array, n: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores (customers, candidates, parts) and which candidates were bought; repeated ones score nothing."""
    codes = np.sort(np.concatenate([best_products(part, asked, n, seen)[0] for part in parts], axis=1), axis=1)
    empty = codes < 0
    empty[:, 1:] |= codes[:, 1:] == codes[:, :-1]
    safe = np.maximum(codes, 0)
    scores = np.empty((*codes.shape, len(parts)), np.float32)
    for place, part in enumerate(parts):
        whole = part.scores(asked)
        largest = whole.max(axis=1, keepdims=True)
        scores[:, :, place] = np.take_along_axis(whole, safe, axis=1) / np.where(largest > 0, largest, 1.0)
    bought = later[asked].toarray() > 0
    scores[empty] = -1e6
    return scores, np.take_along_axis(bought, safe, axis=1) & ~empty


@dataclass(frozen=True, eq=False)
class _Search:
    """Candidates of the judged customers, and a walk through the weights one part at a time."""

    scores: NDArray[np.float32]
    hits: NDArray[np.bool_]
    ideal: NDArray[np.float64]
    lengths: NDArray[np.float32]

    def run(self, rounds: int) -> tuple[Weight, ...]:
        weights = [Weight(1.0)] * self.scores.shape[2]
        for _ in range(rounds):
            before = list(weights)
            for place in range(len(weights)):
                weights[place] = self._best(weights, place)
            if weights == before:
                break
        return tuple(weights)

    def _best(self, weights: list[Weight], place: int) -> Weight:
        """The best weight of one part beside the others as they are."""
        kept = [(k, weight) for k, weight in enumerate(weights) if k != place]
        others = sum((self._term(k, weight) for k, weight in kept), np.zeros(self.hits.shape, np.float32))
        shares = _SHARES if any(weight.share for _, weight in kept) else _SHARES[1:]
        own = weights[place]
        plain = self._climb(others, place, own, [replace(own, share=share) for share in shares])
        if len(self.hits) < _FEWEST:
            return plain
        shaped = [Weight(*tried) for tried in itertools.product(shares[shares[0] == 0.0 :], _GROWTHS)]
        bent = self._climb(others, place, plain, shaped)
        difference = self._gains(others + self._term(place, bent)) - self._gains(others + self._term(place, plain))
        return bent if difference.mean() > difference.std() / np.sqrt(len(difference)) else plain

    def _climb(self, others: NDArray[np.float32], place: int, start: Weight, tried: list[Weight]) -> Weight:
        """The weight with the largest mean gain; the start unless another is better."""
        best, top = start, self._gains(others + self._term(place, start)).mean() + 1e-6
        for weight in tried:
            gain = self._gains(others + self._term(place, weight)).mean()
            if gain > top:
                best, top = weight, gain
        return best

    def _term(self, place: int, weight: Weight) -> NDArray[np.float32]:
        """What a part adds to the scores of the candidates."""
        share = np.float32(weight.share) * self.lengths ** np.float32(weight.growth)
        return np.asarray(share * self.scores[:, :, place], np.float32)

    def _gains(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """NDCG of each customer's candidates in the order of their scores; ties count against what was bought."""
        rows, columns = self.bought
        rank = np.count_nonzero(scores[rows] >= scores[rows, columns][:, None], axis=1) - 1
        found = np.bincount(rows, _discounts()[np.minimum(rank, _DEPTH)], minlength=len(scores))
        return np.asarray(found / self.ideal)

    @cached_property
    def bought(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Customers and places of the candidates that were bought."""
        rows, columns = np.nonzero(self.hits)
        return rows, columns


def _discounts() -> NDArray[np.float64]:
    """Worth of each rank from the first, and nothing below the depth."""
    return np.append(1.0 / np.log2(np.arange(2, _DEPTH + 2)), 0.0)
