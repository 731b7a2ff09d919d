from __future__ import annotations

import numpy as np
import pytest

from causal.search.counting import SMALL, THIN, likelihood_ratios
from causal.search.thinstrata import WORD, group_rows


def ratio_by_hand(first, second, strata, weights):
    """G² and degrees of freedom from one table for each stratum."""
    statistic, degrees = 0.0, 0
    for stratum in np.unique(strata, axis=0):
        inside = (strata == stratum).all(axis=1)
        table = np.zeros((first.max() + 1, second.max() + 1))
        np.add.at(table, (first[inside], second[inside]), weights[inside])
        table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
        seen = table > 0
        statistic += 2.0 * (table[seen] * np.log(table[seen] / expected[seen])).sum()
        degrees += (table.shape[0] - 1) * (table.shape[1] - 1)
    return statistic, degrees


@pytest.mark.parametrize("widest", [4, 11, WORD + 30])
@pytest.mark.parametrize("whole", [True, False])
def test_tables_with_more_cells_than_rows_have_the_ratio_of_their_strata(widest, whole):
    rng = np.random.default_rng(widest)
    rows = 700
    levels = np.array([widest, 3, 9, 10, 11])
    codes = np.stack([rng.integers(0, size, rows) for size in levels]).astype(np.uint8)
    codes[1] = (codes[0] + codes[1]) % 3
    codes[:, :2] = (levels - 1)[:, None]  # every level number exists, in a stratum of two rows
    weights = rng.integers(1, 4, rows).astype(np.int32) if whole else rng.random(rows)
    tests = np.array([(0, 1), (0, 2), (1, 2), (0, 4)])
    given = np.array([(2, 3, 4), (3, 4, 4), (3, 4, 4), (1, 2, 3)])
    assert np.prod(levels[[0, 1, 2, 3]]) > max(SMALL, THIN * rows) or widest == 4
    found = likelihood_ratios(codes, weights, levels, tests, given, np.full(4, np.inf))
    for place, ((a, b), columns) in enumerate(zip(tests, given)):
        by_hand = ratio_by_hand(codes[a].astype(int), codes[b].astype(int), codes[columns].T, weights)
        assert found[0][place] == pytest.approx(by_hand[0], abs=1e-8)
        assert found[1][place] == by_hand[1]


def test_a_table_beyond_its_limit_is_said_to_be_and_not_counted():
    rng = np.random.default_rng(0)
    levels = np.array([10, 10, 12, 12])
    codes = np.stack([rng.integers(0, size, 3000) for size in levels]).astype(np.uint8)
    weights = np.ones(3000, dtype=np.int32)
    everything = likelihood_ratios(codes, weights, levels, np.array([(0, 1)]), np.array([(2, 3)]), np.array([np.inf]))
    limited = likelihood_ratios(codes, weights, levels, np.array([(0, 1)]), np.array([(2, 3)]), np.array([100.0]))
    assert everything[1][0] > 100.0 and everything[0][0] > 0.0
    assert limited[1][0] > 100.0 and limited[0][0] == 0.0


def test_rows_alone_in_their_stratum_are_left_out():
    order, starts = group_rows(np.array([3, 1, 3, 0, 1, 3], dtype=np.int32), 5)
    assert order.tolist() == [1, 4, 0, 2, 5]
    assert starts.tolist() == [0, 2, 5]
