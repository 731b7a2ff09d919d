from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from graphrec.learning import filters
from graphrec.learning.filters import FilterConfig, ease_weights, fit_filter, gram_blocks, keep_largest, walk_weights


def checkerboard(n: int = 400, m: int = 20, seed: int = 0) -> tuple[sparse.csr_array, np.ndarray]:
    """Even customers buy half of the even products, odd customers half of the odd ones."""
    rng = np.random.default_rng(seed)
    same = (np.arange(n)[:, None] + np.arange(m)) % 2 == 0
    draws = np.where(same, rng.random((n, m)), 2.0)
    bought = draws <= np.sort(draws, axis=1)[:, [m // 4 - 1]]
    return sparse.csr_array(bought.astype(np.float32)), same


def random_histories(n: int, m: int, seed: int, density: float = 0.2) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    return sparse.csr_array(np.where(rng.random((n, m)) < density, rng.random((n, m)) + 0.1, 0.0).astype(np.float32))


@pytest.mark.parametrize("ease", [0.0, 0.5, 1.0])
def test_a_checkerboard_is_recovered_perfectly(ease: float) -> None:
    histories, same = checkerboard()
    shares = fit_filter(histories, FilterConfig(ease=ease, ridge=5.0)).shares(histories)
    assert shares[same].min() > shares[~same].max()


@pytest.mark.parametrize("ease", [0.0, 0.5, 1.0])
def test_a_checkerboard_is_recovered_by_pruned_sparse_weights(monkeypatch: pytest.MonkeyPatch, ease: float) -> None:
    monkeypatch.setattr(filters, "DENSE_PRODUCTS", 5)
    histories, same = checkerboard()
    fitted = fit_filter(histories, FilterConfig(neighbours=7, links=7, ease=ease))
    shares = fitted.shares(histories)
    assert fitted.walk.nnz <= 7 * 20
    assert fitted.ease is None or fitted.ease.nnz <= 7 * 20
    assert shares[~same].max() == 0.0
    assert (shares[same] > 0).mean() > 0.98


def test_walk_weights_follow_the_formula() -> None:
    x = random_histories(30, 8, 1, density=0.6).toarray().astype(np.float64)
    a, b, c, e = 0.7, 0.4, 0.2, 1.3
    gram = (x.T * x.sum(axis=1) ** -b) @ x
    expected = (x.sum(axis=0)[:, None] ** -a * gram * x.sum(axis=0) ** -c) ** e
    np.fill_diagonal(expected, 0.0)
    found = walk_weights(sparse.csr_array(x.astype(np.float32)), FilterConfig(a, b, c, e))
    assert found == pytest.approx(expected, rel=1e-4)


def test_ease_weights_solve_each_ridge_regression() -> None:
    x = random_histories(50, 6, 2).toarray().astype(np.float64)
    found = ease_weights(sparse.csr_array(x.astype(np.float32)), ridge=2.0)
    for j in range(6):
        others = np.delete(np.arange(6), j)
        gram = x[:, others].T @ x[:, others] + 2.0 * np.eye(5)
        assert found[others, j] == pytest.approx(np.linalg.solve(gram, x[:, others].T @ x[:, j]), abs=1e-5)
    assert np.diag(found).tolist() == [0.0] * 6


def test_blocks_of_any_size_give_the_same_products(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = random_histories(60, 25, 3)
    expected = filters.overlap(histories, 0.5)
    for entries in (1, 200, 10**6):
        monkeypatch.setattr(filters, "_BLOCK_ENTRIES", entries)
        blocks = list(gram_blocks(histories, 0.5))
        assert [first for first, _ in blocks] == np.cumsum([0, *(b.shape[0] for _, b in blocks[:-1])]).tolist()
        assert sparse.vstack([b for _, b in blocks]).toarray() == pytest.approx(expected, abs=1e-5)
    assert len(list(gram_blocks(histories, 0.5))) == 1


def test_sparse_and_dense_weights_give_the_same_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    histories, config = random_histories(60, 25, 4), FilterConfig(ease=0.0, neighbours=25)
    sets = sparse.csr_array((np.random.default_rng(0).random((25, 4)) < 0.4).astype(np.float32))
    dense = fit_filter(histories, config)
    monkeypatch.setattr(filters, "DENSE_PRODUCTS", 3)
    pruned = fit_filter(histories, config)
    assert sparse.issparse(pruned.walk)
    assert not sparse.issparse(dense.walk)
    assert pruned.shares(histories) == pytest.approx(dense.shares(histories), abs=1e-6)
    assert pruned.shares(histories, sets) == pytest.approx(dense.shares(histories, sets), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_keep_largest_keeps_the_largest(seed: int, k: int) -> None:
    matrix = random_histories(9, 14, seed, density=0.6)
    found, given_rows = keep_largest(matrix, k).toarray(), matrix.toarray()
    for kept, row in zip(found, given_rows):
        assert np.sort(kept[kept > 0]).tolist() == np.sort(row)[::-1][: min(k, (row > 0).sum())][::-1].tolist()
        assert ((kept == row) | (kept == 0)).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_permuting_customers_permutes_shares_and_rows_sum_to_one(seed: int) -> None:
    histories = random_histories(30, 10, seed)
    order = np.random.default_rng(seed).permutation(30)
    config = FilterConfig(sharpness=2.0)
    straight = fit_filter(histories, config).shares(histories)
    permuted = fit_filter(histories[order], config).shares(histories[order])
    assert permuted == pytest.approx(straight[order], abs=1e-5)
    total = straight.sum(axis=1)
    assert ((np.abs(total - 1) < 1e-6) | (total == 0)).all()


def test_a_customer_without_history_gets_no_share() -> None:
    histories = random_histories(30, 10, 5)
    assert fit_filter(histories).shares(sparse.csr_array((1, 10), dtype=np.float32)).sum() == 0.0


@pytest.mark.parametrize(
    "wrong",
    [{"ease": 1.5}, {"neighbours": 0}, {"links": 0}, {"power": 0.0}, {"ridge": -1.0}, {"penalty": 0.0}],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FilterConfig(**wrong)
