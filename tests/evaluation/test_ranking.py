import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import ndcg_score

from graphrec.evaluation import (
    EvaluationError,
    catalogue_coverage,
    ndcg_at_k,
    ndcg_of_scores,
    ndcg_per_customer,
    recall_at_k,
    recall_of_scores,
    recall_per_customer,
)

LISTS = np.array([[3, 1, 7], [0, 2, 5], [4, 6, -1]])
RELEVANT = (np.array([0, 0, 0, 1, 1]), np.array([1, 7, 9, 0, 8]))


def test_recall_counts_hits_over_relevant_items_of_customers_that_have_any():
    assert recall_per_customer(LISTS, RELEVANT, k=2).tolist() == [1 / 3, 1 / 2]
    assert recall_at_k(LISTS, RELEVANT, k=3) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert recall_per_customer(LISTS, RELEVANT, k=2, capped=True).tolist() == [1 / 2, 1 / 2]


def test_ndcg_by_hand():
    first = (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3) + 1 / np.log2(4))
    second = 1 / (1 + 1 / np.log2(3))
    assert ndcg_per_customer(LISTS, RELEVANT, k=3) == pytest.approx([first, second])
    assert ndcg_at_k(LISTS, RELEVANT, k=3) == pytest.approx((first + second) / 2)


def test_an_empty_place_never_hits_and_a_pair_given_twice_counts_once():
    twice = (np.array([2, 2, 2]), np.array([6, 6, 9]))
    assert recall_at_k(LISTS, twice, k=3) == 1 / 2


def test_coverage_counts_distinct_items():
    assert catalogue_coverage(LISTS, items=10, k=1) == 0.3
    assert catalogue_coverage(LISTS, items=10, k=3) == 0.8


@pytest.mark.parametrize(
    ("lists", "relevant", "k", "words"),
    [
        ([[1, 1]], ([0], [1]), 2, "twice in row 0"),
        ([[1, 2]], ([0], [1]), 3, "k=3"),
        ([[1, 2]], ([1], [1]), 2, "rows 1 to 1"),
        ([[1, 2]], ([], []), 2, "no customer has a relevant item"),
        ([[1.5, 2.0]], ([0], [1]), 2, "item codes"),
        ([[1, 2]], ([0], [1]), 0, "k is 0"),
    ],
)
def test_bad_lists_are_refused_with_the_reason(lists, relevant, k, words):
    with pytest.raises(EvaluationError, match=words):
        recall_at_k(lists, relevant, k)


def test_coverage_refuses_an_item_outside_the_catalogue():
    with pytest.raises(EvaluationError, match="allows 0 to 6"):
        catalogue_coverage(LISTS, items=7, k=3)


small_scores = arrays(np.float64, (3, 6), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
gains = arrays(np.float64, (3, 6), elements=st.sampled_from([0.0, 1.0, 3.0]))


@given(scores=small_scores, gain=gains, k=st.integers(1, 6))
def test_ndcg_of_scores_equals_scikit_learn_with_ties(scores, gain, k):
    if not np.any(gain.sum(axis=1) > 0):
        return
    keep = gain.sum(axis=1) > 0
    customers = np.repeat(np.arange(3), 6)
    ours = ndcg_of_scores(customers, scores.ravel(), gain.ravel(), k)
    assert ours == pytest.approx(ndcg_score(gain[keep], scores[keep], k=k))


@given(scores=small_scores, gain=gains, k=st.integers(1, 6), seed=st.integers(0, 99))
def test_scored_figures_ignore_the_order_of_rows_and_monotone_transforms(scores, gain, k, seed):
    relevant = (gain.ravel() > 0).astype(float)
    if relevant.sum() == 0:
        return
    customers = np.repeat(["b", "a", "c"], 6)
    shuffle = np.random.default_rng(seed).permutation(18)
    for figure in (ndcg_of_scores, recall_of_scores):
        plain = figure(customers, scores.ravel(), relevant, k)
        moved = figure(customers[shuffle], np.exp(3 * scores.ravel()[shuffle]), relevant[shuffle], k)
        assert moved == pytest.approx(plain)


@given(gain=gains, k=st.integers(1, 6))
def test_a_perfect_score_earns_one(gain, k):
    relevant = (gain.ravel() > 0).astype(float)
    if relevant.sum() == 0:
        return
    customers = np.repeat([0, 1, 2], 6)
    assert ndcg_of_scores(customers, gain.ravel(), gain.ravel(), k) == pytest.approx(1)
    assert recall_of_scores(customers, relevant, relevant, k, capped=True) == pytest.approx(1)


def test_a_constant_score_earns_what_a_random_order_earns():
    rng = np.random.default_rng(0)
    customers, relevant = np.repeat(np.arange(40), 8), (rng.random(320) < 0.3).astype(float)
    constant = recall_of_scores(customers, np.zeros(320), relevant, 3)
    drawn = [recall_of_scores(customers, rng.random(320), relevant, 3) for _ in range(300)]
    assert constant == pytest.approx(3 / 8)
    assert abs(np.mean(drawn) - constant) < 4 * np.std(drawn) / np.sqrt(300)


def test_lists_and_scores_agree_without_ties():
    rng = np.random.default_rng(1)
    scores, hits = rng.random((20, 30)), rng.random((20, 30)) < 0.2
    lists = np.argsort(-scores, axis=1)
    customers = np.repeat(np.arange(20), 30)
    assert recall_at_k(lists, np.nonzero(hits), k=5) == pytest.approx(
        recall_of_scores(customers, scores.ravel(), hits.ravel(), 5)
    )
    assert ndcg_at_k(lists, np.nonzero(hits), k=5) == pytest.approx(
        ndcg_of_scores(customers, scores.ravel(), hits.ravel(), 5)
    )


def test_graded_relevance_is_refused_by_recall():
    with pytest.raises(EvaluationError, match="0 and 1 only"):
        recall_of_scores([1, 1], [0.1, 0.2], [2, 0], k=1)
