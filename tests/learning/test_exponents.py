from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from graphrec.learning import filters
from graphrec.learning.appetites import exponents
from graphrec.learning.appetites.exponents import ndcg, tune_filter
from graphrec.learning.filters import FilterConfig, fit_filter
from graphrec.learning.interactions import read_interactions, split_time


def test_ndcg_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    scores, relevant = rng.random((30, 12)), rng.random((30, 12)) < 0.3
    scores[rng.random((30, 12)) < 0.2] = -np.inf
    found = ndcg(scores, sparse.csr_array(relevant.astype(float)), depth=5)
    for row in range(30):
        order = [j for j in np.argsort(-scores[row]) if np.isfinite(scores[row, j])][:5]
        gain = sum(1 / np.log2(place + 2) for place, j in enumerate(order) if relevant[row, j])
        ideal = sum(1 / np.log2(place + 2) for place in range(min(5, relevant[row].sum())))
        assert np.isnan(found[row]) if ideal == 0 else found[row] == pytest.approx(gain / ideal)


def test_ties_never_help() -> None:
    assert ndcg(np.zeros((1, 50)), sparse.csr_array(np.eye(1, 50)), depth=20).tolist() == [0.0]


def test_too_few_later_purchases_leave_the_exponents_alone() -> None:
    histories = sparse.csr_array(np.eye(20, dtype=np.float32))
    start = FilterConfig(power=1.2)
    assert tune_filter(histories, sparse.csr_array(np.eye(20)[::-1]), start) == start


def _split(made):
    events = read_interactions(made.market)
    cut = split_time(events.times, int(events.times[-1]) + 1, 50)
    return events.before(cut).matrix(), events.since(cut).matrix()


def test_tuning_is_deterministic_and_does_not_lose_on_its_own_yardstick(tasted) -> None:
    early, later = _split(tasted(1, customers=400))
    tuned = tune_filter(early, later)
    assert tuned == tune_filter(early, later)
    truth, touched = exponents._judged(early, later, early)

    def gain(config: FilterConfig) -> float:
        scores = np.where(touched.toarray() > 0, -np.inf, fit_filter(early, config).shares(early))
        return float(np.nanmean(ndcg(scores, truth)))

    assert gain(tuned) >= gain(FilterConfig()) - 1e-9


def test_tuning_works_on_sparse_weights(tasted, monkeypatch: pytest.MonkeyPatch) -> None:
    early, later = _split(tasted(1, customers=300))
    for module in (filters, exponents):
        monkeypatch.setattr(module, "DENSE_PRODUCTS", 5)
    tuned = tune_filter(early, later)
    shares = fit_filter(early, tuned).shares(early)
    assert shares.sum(axis=1).max() == pytest.approx(1.0, abs=1e-5)


def test_tuned_filters_beat_popularity_at_what_is_bought_later(tasted) -> None:
    margins = []
    for seed in range(4):
        early, later = _split(tasted(seed, customers=400))
        truth, touched = exponents._judged(early, later, early)
        seen = touched.toarray() > 0
        popular = np.broadcast_to(filters.column_sums(early), early.shape)
        ours = fit_filter(early, tune_filter(early, later)).shares(early)
        gains = [np.nanmean(ndcg(np.where(seen, -np.inf, scores), truth)) for scores in (ours, popular)]
        margins.append(gains[0] - gains[1])
    assert min(margins) > 0.05
