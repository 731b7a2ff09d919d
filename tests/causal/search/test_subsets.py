from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causal.search.partial import partial_correlations
from causal.search.subsets import list_sets


def by_hand(first, second, depth):
    one = list(combinations(np.flatnonzero(first).tolist(), depth))
    return one + [s for s in combinations(np.flatnonzero(second).tolist(), depth) if s not in one]


@pytest.mark.parametrize("depth", range(5))
def test_sets_are_those_of_either_side_without_repetition(depth):
    rng = np.random.default_rng(depth)
    first, second = rng.random((2, 30, 9)) < 0.5
    sets, counts = list_sets(first, second, depth, 0, 10_000)
    expected = [by_hand(a, b, depth) for a, b in zip(first, second)]
    assert counts.tolist() == [len(found) for found in expected]
    assert [tuple(row) for row in sets.tolist()] == [s for found in expected for s in found]


def test_a_search_may_come_back_for_more():
    first, second = np.random.default_rng(0).random((2, 1, 12)) < 0.6
    pieces = [list_sets(first, second, 3, start, 10)[0] for start in range(0, 250, 10)]
    assert np.array_equal(np.concatenate(pieces), list_sets(first, second, 3, 0, 10_000)[0])
    assert len(pieces[-1]) == 0


def test_partial_correlations_are_those_of_the_inverse():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6))
    correlation = np.corrcoef(values.T)
    given = np.array([[2, 3, 4]])
    r, fixed = partial_correlations(correlation, np.array([0]), np.array([5]), given, 1e-8)
    inverse = np.linalg.inv(correlation[np.ix_([0, 5, 2, 3, 4], [0, 5, 2, 3, 4])])
    assert r[0] == pytest.approx(-inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]))
    assert not fixed[0]


def test_a_repeated_column_adds_nothing_and_a_sum_is_determined():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(50, 3))
    correlation = np.corrcoef(np.column_stack([values, values[:, 2], values[:, 1] + values[:, 2]]).T)
    ends = np.array([0, 0]), np.array([1, 4])
    r, fixed = partial_correlations(correlation, *ends, np.array([[2, 3], [1, 2]]), 1e-8)
    once, _ = partial_correlations(correlation, np.array([0]), np.array([1]), np.array([[2]]), 1e-8)
    assert r[0] == pytest.approx(once[0])
    assert fixed.tolist() == [False, True]
