from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from graphrec.learning.appetites.mixing import mixture_weights
from graphrec.learning.appetites.scorers import Mixture, Vectors, Weight
from graphrec.learning.appetites.topn import best_products
from graphrec.market.tables import DataError


def _market(seed: int, n: int = 200, m: int = 150) -> tuple[list[Vectors], sparse.csr_array, sparse.csr_array]:
    """Two models that each see half of the taste, one that sees noise, and purchases that follow the whole."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, 6)), rng.normal(size=(m, 6))
    taste = left @ right.T + rng.gumbel(size=(n, m))
    later = sparse.csr_array((taste >= np.sort(taste, axis=1)[:, [-6]]).astype(np.float32))
    columns = (slice(0, 3), slice(3, 6))
    parts = [
        Vectors(np.ones(m, np.float32), n, left[:, c].astype(np.float32), right[:, c].astype(np.float32))
        for c in columns
    ]
    noise = [rng.normal(size=(k, 3)).astype(np.float32) for k in (n, m)]
    return [*parts, Vectors(np.ones(m, np.float32), n, *noise)], later, sparse.csr_array((n, m), dtype=np.float32)


def _recall(scorer, later) -> float:
    codes, _ = best_products(scorer, np.arange(later.shape[0]), 20)
    return float(np.take_along_axis(later.toarray(), codes, 1).sum() / later.nnz)


@pytest.mark.parametrize("seed", [0, 1])
def test_halves_of_a_taste_are_joined_and_noise_is_left_out(seed: int) -> None:
    parts, later, seen = _market(seed)
    weights = mixture_weights(parts, later, seen, customers=100)
    assert weights == mixture_weights(parts, later, seen, customers=100)
    shares = [weight.share for weight in weights]
    assert min(shares[:2]) > 0.3 * max(shares)
    assert shares[2] < 0.35 * max(shares)
    mixture = Mixture.of(parts, weights, seen)
    assert _recall(mixture, later) > 0.05 + max(_recall(part, later) for part in parts)


def _two_kinds(seed: int, m: int = 80) -> tuple[list[Vectors], sparse.csr_array, sparse.csr_array]:
    """Customers with short histories follow the first model, those with long ones the second."""
    rng = np.random.default_rng(seed)
    models = [(rng.normal(size=(300, 4)), rng.normal(size=(m, 4))) for _ in range(2)]
    long = np.arange(300) % 2 == 1
    tastes = [left @ right.T for left, right in models]
    taste = np.where(long[:, None], tastes[1], tastes[0]) + 0.5 * rng.gumbel(size=(300, m))
    later = sparse.csr_array((taste >= np.sort(taste, axis=1)[:, [-5]]).astype(np.float32))
    seen = np.where(np.arange(m) < np.where(long, 20, 2)[:, None], later.toarray() == 0, False)
    parts = [Vectors(np.ones(m, np.float32), 300, *(x.astype(np.float32) for x in pair)) for pair in models]
    return parts, later, sparse.csr_array(seen.astype(np.float32))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_model_of_long_histories_counts_more_where_there_is_much(seed: int) -> None:
    parts, later, seen = _two_kinds(seed)
    weights = mixture_weights(parts, later, seen, customers=300)
    assert weights[1].growth > weights[0].growth
    alike = [Weight(1.0), Weight(1.0)]
    gained = _recall(Mixture.of(parts, weights, seen), later) - _recall(Mixture.of(parts, alike, seen), later)
    assert gained > 0.03


def test_without_later_purchases_there_is_nothing_to_choose_by() -> None:
    parts, _, seen = _market(0)
    with pytest.raises(DataError, match="nobody bought"):
        mixture_weights(parts, seen, seen)
