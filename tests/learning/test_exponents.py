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


@pytest.mark.parametrize("good", ["walk", "ease"])
def test_the_share_of_local_regressions_is_chosen_in_large_catalogues(
    tasted, monkeypatch: pytest.MonkeyPatch, good: str
) -> None:
    early, later = _split(tasted(2, customers=300))
    for module in (filters, exponents):
        monkeypatch.setattr(module, "DENSE_PRODUCTS", 5)
    noise = sparse.csr_array(np.random.default_rng(0).random((early.shape[1],) * 2).astype(np.float32))
    if good == "walk":
        monkeypatch.setattr(exponents, "local_ease", lambda *_: noise)
        assert tune_filter(early, later).ease < 0.5
    else:
        monkeypatch.setattr(exponents, "walk_weights", lambda *_: noise)
        tuned = exponents._mix_local(*_mix_arguments(early, later))
        assert exponents._best(tuned).ease > 0.5


def _mix_arguments(early: sparse.csr_array, later: sparse.csr_array) -> tuple:
    truth, touched = exponents._judged(early, later, early)
    asked = np.flatnonzero(np.diff(truth.indptr))
    ease = exponents.local_ease(early, 0.5, 20, 8.0)
    return early, ease, early[asked], touched[asked].toarray() > 0, truth[asked], FilterConfig()


def test_the_filter_of_the_tuning_is_the_one_that_would_be_fitted(tasted, monkeypatch: pytest.MonkeyPatch) -> None:
    early, later = _split(tasted(1, customers=200))
    for module in (filters, exponents):
        monkeypatch.setattr(module, "DENSE_PRODUCTS", 5)
    monkeypatch.setattr(exponents, "_best", lambda gains: next(iter(gains)))  # the first share that is not zero
    tuned = exponents.tuned_filter(early, later)
    assert tuned.config.ease == 0.3
    assert tuned.config == tune_filter(early, later)
    assert tuned.shares(early).tobytes() == fit_filter(early, tuned.config).shares(early).tobytes()


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
