import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.evaluation import (
    EvaluationError,
    cdcg_at_k,
    cp_at_k,
    rank_value,
    share_of_oracle,
    value_of_best,
)

CUSTOMERS = np.array(["a", "a", "a", "b", "b"])
UPLIFT = np.array([0.1, 0.3, -0.1, 0.0, 0.2])


def test_figures_by_hand():
    scores = np.array([3, 2, 1, 2, 1])  # picks .1 for a and 0 for b
    assert cp_at_k(scores, UPLIFT, CUSTOMERS, k=1) == pytest.approx(0.1 / 0.5)
    assert share_of_oracle(scores, UPLIFT, CUSTOMERS) == pytest.approx((0.1 - 0.2) / (0.5 - 0.2))
    second = 1 / np.log2(3)
    ideal = 0.3 + 0.1 * second + 0.2
    assert cdcg_at_k(scores, UPLIFT, CUSTOMERS, k=2) == pytest.approx((0.1 + 0.5 * second) / ideal)
    assert value_of_best([5, 4, 3, 2, 1], UPLIFT, share=0.4) == pytest.approx(0.4 / 0.5)


def test_an_advice_is_judged_as_a_score_of_zeros_and_ones():
    advised = np.array([0, 1, 0, 0, 1])
    assert share_of_oracle(advised, UPLIFT, CUSTOMERS) == pytest.approx(1)


def test_a_boundary_row_counts_in_part():
    assert value_of_best([3, 2, 1], [0.2, 0.4, 0.1], share=0.5) == pytest.approx((0.2 + 0.2) / (0.4 + 0.1))


def brute_force(scores, uplift, customers, discount):
    """Mean over every order of the tied rows."""
    total = 0.0
    for customer in np.unique(customers):
        rows = np.flatnonzero(customers == customer)
        orders = [order for order in itertools.permutations(rows) if all(np.diff(scores[list(order)]) <= 0)]
        total += np.mean([sum(d * uplift[row] for d, row in zip(discount, order)) for order in orders])
    return total


tables = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from([1.0, 2.0]), st.sampled_from([-0.2, 0.0, 0.1, 0.3])),
    min_size=1,
    max_size=6,
)


@given(table=tables, k=st.integers(1, 5), discounted=st.booleans())
def test_values_are_the_mean_over_the_orders_of_ties(table, k, discounted):
    customers, scores, uplift = (np.array(column) for column in zip(*table))
    discount = 1 / np.log2(np.arange(2, k + 2)) if discounted else np.ones(k)
    worth = rank_value(scores, uplift, customers, k, discounted=discounted)
    assert worth.value.sum() == pytest.approx(brute_force(scores, uplift, customers, discount))
    assert worth.random.sum() == pytest.approx(brute_force(0 * scores, uplift, customers, discount))
    assert worth.ideal.sum() == pytest.approx(brute_force(uplift, uplift, customers, discount))


@given(table=tables, k=st.integers(1, 5), seed=st.integers(0, 99))
def test_laws(table, k, seed):
    customers, scores, uplift = (np.array(column) for column in zip(*table))
    shuffle = np.random.default_rng(seed).permutation(len(scores))
    worth = rank_value(scores, uplift, customers, k)
    moved = rank_value(np.exp(scores[shuffle]), uplift[shuffle], customers[shuffle], k)
    assert moved.value == pytest.approx(worth.value)
    assert np.all(worth.ideal >= worth.value - 1e-12)
    if worth.ideal.sum() > worth.random.sum() + 1e-9:
        assert share_of_oracle(uplift, uplift, customers, k) == pytest.approx(1)
        assert share_of_oracle(np.zeros(len(scores)), uplift, customers, k) == pytest.approx(0, abs=1e-12)
    if worth.ideal.sum() > 1e-9:
        assert cp_at_k(uplift, uplift, customers, k) == pytest.approx(1)


def test_random_scores_earn_no_share_in_expectation():
    rng = np.random.default_rng(0)
    customers, uplift = np.repeat(np.arange(50), 6), rng.normal(size=300)
    shares = [share_of_oracle(rng.random(300), uplift, customers, 2) for _ in range(400)]
    assert abs(np.mean(shares)) < 4 * np.std(shares) / 20


def test_more_customers_than_sixteen_bits_hold_their_own_rows():
    n = 70_000
    customers = np.random.default_rng(0).permutation(np.repeat(np.arange(n), 2))
    uplift = customers * 1e-6
    assert rank_value(uplift, uplift, customers, 1).value == pytest.approx(np.arange(n) * 1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: share_of_oracle([1, 2], [0.1, 0.1], [1, 1]), "does not beat chance"),
        (lambda: cp_at_k([1, 2], [-0.1, -0.2], [1, 1], 1), "no contact here does good"),
        (lambda: cp_at_k([1, 2], [0.1, 0.2], [1, 1], 0), "k is 0"),
        (lambda: cp_at_k([1, 2], [0.1, 0.2], ["a", None], 1), "missing value at row 1"),
        (lambda: cp_at_k([1, 2], [0.1, 0.2], [[1], [1]], 1), "one-dimensional"),
        (lambda: cp_at_k([], [], [], 1), "no rows"),
        (lambda: value_of_best([1, 2], [-0.1, -0.2], 0.5), "no meaning"),
        (lambda: cp_at_k(["x", "y"], [0.1, 0.2], [1, 1], 1), "scores must be numbers"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(EvaluationError, match=words):
        call()
