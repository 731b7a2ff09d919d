"""The score of tables against sums over cells written out, and what it may leave out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

from causal.knowledge import Knowledge
from causal.search.meek import compile_rules
from causal.search.searches import search_boss
from causal.search.searchtable import prepare_table
from causal.search.tablescore import table_score

FREE = compile_rules(Knowledge(), list("abcd"))


def draw(n, seed):
    """Four categories: c follows a and b, d follows c."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 3, n), rng.integers(0, 2, n)
    c = np.where(rng.random(n) < 0.7, np.minimum(a + b, 2), rng.integers(0, 3, n))
    d = np.where(rng.random(n) < 0.6, c, rng.integers(0, 4, n))
    return np.stack([a, b, c, d], axis=1).astype(np.uint8)


def bdeu(codes, counts, levels, child, parents):
    """The log probability of one column given its parents, cell by cell, with a prior worth one row."""
    strata = int(np.prod(levels[parents]))
    total = 0.0
    for level in np.unique(codes[:, parents], axis=0):
        inside = (codes[:, parents] == level).all(axis=1)
        table = np.bincount(codes[inside, child], counts[inside], minlength=levels[child])
        prior = 1.0 / strata
        total += gammaln(prior) - gammaln(prior + table.sum())
        total += (gammaln(prior / levels[child] + table) - gammaln(prior / levels[child])).sum()
    return total


@pytest.mark.parametrize("whole", [True, False])
def test_each_change_is_the_difference_of_two_sums_over_cells(whole):
    codes = draw(400, 1)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, 400).astype(float) if whole else rng.random(400)
    size = np.full((4, 4), 300.0)
    score = table_score(codes, weights, size, FREE)
    counts, levels = weights * 300.0 / weights.sum(), codes.max(axis=0).astype(int) + 1
    for child, parents in ((2, [0]), (2, [0, 1]), (3, []), (3, [0, 2])):
        inside = np.zeros((1, 4), dtype=bool)
        inside[0, parents] = True
        change = score.toggle(np.array([child]), inside)[0]
        now = bdeu(codes, counts, levels, child, parents)
        for x in np.flatnonzero(np.isfinite(change)):
            other = sorted(set(parents) ^ {int(x)})
            price = np.log(4) if x in parents else -np.log(4)
            assert change[x] == pytest.approx(bdeu(codes, counts, levels, child, other) - now + price, abs=1e-7)
        assert np.isfinite(change[parents]).all()


def test_equal_rows_may_be_written_once_with_their_weight():
    codes = draw(600, 2)
    once, counts = np.unique(codes, axis=0, return_counts=True)
    size = np.full((4, 4), 600.0)
    long, short = (
        table_score(rows, weights, size, FREE)
        for rows, weights in ((codes, np.ones(600)), (once, counts.astype(float)))
    )
    parents = np.zeros((4, 4), dtype=bool)
    assert np.allclose(long.toggle(np.arange(4), parents), short.toggle(np.arange(4), parents), atol=1e-9)


def test_a_column_unrelated_to_a_child_and_its_parents_is_not_asked_about():
    codes = draw(3000, 3)
    score = table_score(codes, np.ones(3000), np.full((4, 4), 3000.0), FREE)
    parents = np.zeros((2, 4), dtype=bool)
    parents[1, 2] = True
    change = score.toggle(np.array([0, 0]), parents)
    assert np.isneginf(change[0, 1]) and change[1, 1] > 0  # b matters to a only beside what both lead to


@pytest.mark.parametrize("seed", range(5))
def test_order_search_of_categories_finds_the_collider_and_what_follows(seed):
    frame = pd.DataFrame(draw(3000, 10 + seed), columns=list("abcd")).astype(str).astype("category")
    table = prepare_table(frame, Knowledge(), 0.01, None, None)
    assert np.argwhere(search_boss(table).pattern.directed).tolist() == [[0, 2], [1, 2], [2, 3]]
