from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from graphrec.learning.appetites import localridge
from graphrec.learning.appetites.localridge import GramRows, local_ease
from graphrec.learning.filters import ease_weights


def _histories(seed: int, n: int = 60, m: int = 18, density: float = 0.3) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    return sparse.csr_array(np.where(rng.random((n, m)) < density, rng.random((n, m)) + 0.1, 0.0).astype(np.float32))


def _gram(histories: sparse.csr_array, customer: float) -> np.ndarray:
    dense = histories.toarray().astype(np.float64)
    size = dense.sum(axis=1)
    return (dense.T * np.where(size > 0, np.maximum(size, 1e-9) ** -customer, 0.0)) @ dense


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 20), st.sampled_from([1.0, 1.5]))
def test_rows_of_the_gram_matrix_are_scaled_and_pruned(seed: int, k: int, power: float) -> None:
    histories = _histories(seed, density=0.15)
    rng = np.random.default_rng(seed)
    left, right = (rng.random((2, 18)) + 0.5).astype(np.float32)
    whole = (left[:, None] * _gram(histories, 0.5) * right) ** power
    np.fill_diagonal(whole, 0.0)
    wanted = rng.permutation(18)[:7]
    found = GramRows.of(histories, 0.5).largest(k, left, right, power, wanted)
    assert found.shape == (7, 18)
    for row, expected in zip(found.toarray(), whole[wanted]):
        best = np.sort(expected)[::-1][:k]
        assert np.sort(row)[::-1][:k] == pytest.approx(best, rel=1e-4, abs=1e-6)
        assert row[row > 0] == pytest.approx(expected[row > 0], rel=1e-4)


def test_equal_weights_keep_exactly_k_and_the_lowest_codes() -> None:
    histories = sparse.csr_array(np.ones((3, 8), dtype=np.float32))
    found = GramRows.of(histories, 0.0).largest(3)
    assert np.diff(found.indptr).tolist() == [3] * 8
    assert found.indices[:3].tolist() == [1, 2, 3]


@pytest.mark.parametrize("kept", [500, 9])
def test_links_solve_the_regression_on_the_nearest_products(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localridge, "_OVERLAPS", kept)
    histories = _histories(3)
    gram = _gram(histories, 0.5)
    size = np.diag(gram)
    found = local_ease(histories, 0.5, links=5, penalty=2.0).toarray()
    cosine = gram / np.sqrt(size)
    np.fill_diagonal(cosine, -1.0)
    largest = np.argsort(np.argsort(-(gram - np.diag(size)), axis=1), axis=1) < kept
    gram = np.where(largest | largest.T | np.eye(18, dtype=bool), gram, 0.0)  # a pair is missed only if both prune it
    for j in range(18):
        near = np.sort(np.argsort(-cosine[j])[:5])
        square = gram[np.ix_(near, near)] + np.diag(2.0 * size[near] ** 0.35)
        expected = np.zeros(18)
        expected[near] = np.maximum(np.linalg.solve(square, gram[near, j]), 0.0)
        assert found[:, j] == pytest.approx(expected, abs=1e-4)


def test_with_all_products_as_neighbours_it_is_the_whole_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localridge, "_SIZE_EXPONENT", 0.0)
    histories = _histories(4)
    whole = np.maximum(ease_weights(histories, 3.0), 0.0)
    assert local_ease(histories, 0.0, links=17, penalty=3.0).toarray() == pytest.approx(whole, abs=1e-4)


def test_products_nobody_bought_and_single_customers_do_no_harm() -> None:
    few = np.zeros((6, 5), dtype=np.float32)
    few[:3, [0, 2]] = 1.0  # two products with three buyers, one with two, two with none
    few[:2, 1] = 1.0
    found = local_ease(sparse.csr_array(few), links=3)
    assert np.isfinite(found.data).all()
    assert set(found.indices.tolist()) == {0, 2}
    assert found[[1]].nnz == 2  # it predicts, but nothing predicts it
    assert local_ease(sparse.csr_array(few[:1]), links=3).nnz == 0
    assert local_ease(sparse.csr_array((5, 4), dtype=np.float32)).nnz == 0


def test_only_wanted_products_are_predicted() -> None:
    histories = _histories(5)
    whole, part = local_ease(histories, links=4), local_ease(histories, links=4, products=np.array([2, 11]))
    assert part[:, [2, 11]].toarray() == pytest.approx(whole[:, [2, 11]].toarray(), abs=1e-6)
    assert part.nnz == part[:, [2, 11]].nnz
