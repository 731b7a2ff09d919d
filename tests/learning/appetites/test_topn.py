from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from graphrec.learning.appetites import topn
from graphrec.learning.appetites.scorers import Links, Vectors
from graphrec.learning.appetites.topn import best_products, write_shards
from graphrec.market.tables import DataError


def _vectors(seed: int, n: int = 30, m: int = 200, levels: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    left, right = (rng.normal(size=(k, 6)).astype(np.float32) for k in (n, m))
    if levels:  # few different values, so that scores tie
        left, right = np.round(left * levels).astype(np.float32) + 1, np.round(right * levels).astype(np.float32)
        left[~left.any(axis=1)] = 1.0
    return Vectors(rng.random(m).astype(np.float32), n, left, right)


def _seen(seed: int, n: int = 30, m: int = 200) -> sparse.csr_array:
    return sparse.csr_array((np.random.default_rng(seed).random((n, m)) < 0.1).astype(np.float32))


def _brute(scores: np.ndarray, n: int) -> np.ndarray:
    order = np.lexsort((np.tile(np.arange(scores.shape[1]), (len(scores), 1)), -scores))[:, :n]
    return np.where(np.isneginf(np.take_along_axis(scores, order, 1)), -1, order)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 230), st.integers(0, 2), st.booleans())
def test_lists_are_those_of_a_full_sort(seed: int, n: int, levels: int, by_links: bool) -> None:
    scorer: Vectors | Links = _vectors(seed, levels=levels)
    if by_links:
        histories, links = _seen(seed + 1), np.maximum(_vectors(seed, 200, 200, levels).scores(np.arange(200)), 0.0)
        scorer = Links(scorer.popularity, 30, histories, links)
    seen, asked = _seen(seed), np.random.default_rng(seed).integers(-1, 30, 11)
    scores = scorer.scores(asked)
    scores[(asked >= 0)[:, None] & (seen.toarray()[asked] > 0)] = -np.inf
    codes, values = best_products(scorer, asked, n, seen)
    expected = np.full((11, n), -1)
    expected[:, : min(n, 200)] = _brute(scores, n)
    assert np.array_equal(codes, expected)
    filled = codes >= 0
    assert values[filled] == pytest.approx(np.take_along_axis(scores, np.maximum(codes, 0), 1)[filled], abs=1e-5)


def test_tiles_of_any_size_give_the_same_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, seen = _vectors(3), _seen(4)
    whole = best_products(scorer, np.arange(30), 9, seen)[0]
    monkeypatch.setattr(topn, "_ROWS", 7)
    monkeypatch.setattr(topn, "_COLUMNS", 13)
    assert np.array_equal(best_products(scorer, np.arange(30), 9, seen)[0], whole)


def test_shards_go_on_where_they_were_cut_off(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, seen = _vectors(5), _seen(6)
    ranked, asked = topn.best_products, []

    def stop_at_third(scorer, customers, n, seen):
        asked.append(int(customers[0]))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return ranked(scorer, customers, n, seen)

    monkeypatch.setattr(topn, "best_products", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        write_shards(scorer, tmp_path, 4, seen, shard=8)
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    paths = write_shards(scorer, tmp_path, 4, seen, shard=8)
    assert asked == [0, 8, 16, 16, 24]
    frame = pd.concat([pd.read_parquet(path) for path in paths])
    codes, _ = ranked(scorer, np.arange(30), 4, seen)
    assert np.array_equal(frame["product"].to_numpy().reshape(30, 4), codes)
    assert frame["rank"].to_numpy()[:4].tolist() == [1, 2, 3, 4]
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(DataError, match="another model"):
        write_shards(_vectors(6), tmp_path, 4, seen, shard=8)


def test_impossible_requests_are_refused(tmp_path) -> None:
    scorer = _vectors(0)
    with pytest.raises(DataError, match="at least one product"):
        best_products(scorer, np.arange(3), 0)
    with pytest.raises(DataError, match="shape"):
        best_products(scorer, np.arange(3), 2, sparse.csr_array((3, 3)))
    with pytest.raises(DataError, match="does not exist"):
        best_products(scorer, np.array([30]), 2)
    with pytest.raises(DataError, match="at least one customer"):
        write_shards(scorer, tmp_path, 3, shard=0)
