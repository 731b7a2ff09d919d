from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causal.search.independence import BlockTest
from causal.search.moments import effective_sizes, encode_blocks, measure_moments


def block_test(frame):
    blocks = encode_blocks(frame)
    weights = np.ones(len(frame))
    return BlockTest(measure_moments(blocks, weights, effective_sizes(blocks, weights)))


def ask(test, a, b, *given):
    held = np.array([given], dtype=np.intp).reshape(1, -1)
    return float(test.p_values(np.array([a]), np.array([b]), held)[0])


def chain(n, seed):
    """cause -> middle (category) -> effect, with another number beside."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=n)
    middle = np.digitize(cause + rng.normal(size=n), [-1, 1])
    effect = np.array([0.0, 2.0, -1.0])[middle] + rng.normal(size=n)
    frame = pd.DataFrame({"cause": cause, "middle": pd.Categorical(middle), "effect": effect})
    return frame.assign(beside=rng.normal(size=n))


def test_numbers_give_the_partial_correlation_by_regression():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4))
    test = block_test(pd.DataFrame(values, columns=list("abcd")))
    held = np.column_stack([np.ones(500), values[:, 2:]])
    rest = values[:, :2] - held @ np.linalg.lstsq(held, values[:, :2], rcond=None)[0]
    z = np.arctanh(np.corrcoef(rest.T)[0, 1]) * np.sqrt(500 - 2 - 3)
    assert ask(test, 0, 1, 2, 3) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)


def test_a_chain_through_a_category_is_separated_by_it():
    test = block_test(chain(3000, 1))
    assert ask(test, 0, 2) < 1e-6
    assert ask(test, 0, 2, 1) > 0.01
    assert ask(test, 0, 1, 2) < 1e-6
    assert ask(test, 0, 3) > 0.01


@pytest.mark.parametrize("held", [(), (1,)])
def test_p_values_are_uniform_under_independence(held):
    values = [ask(block_test(chain(300, seed)), 3, 2 if not held else 0, *held) for seed in range(300)]
    assert stats.kstest(values, "uniform").pvalue > 0.001
    assert 0.0 < np.mean(np.array(values) < 0.05) < 0.1


def test_blocks_are_uniform_too():
    values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({name: pd.Categorical(rng.integers(0, 4, 200)) for name in "ab"})
        values.append(ask(block_test(frame), 0, 1))
    assert stats.kstest(values, "uniform").pvalue > 0.001


def test_many_at_once_are_the_same_as_one_by_one():
    test = block_test(chain(200, 2))
    triples = [(0, 1, 2), (0, 2, 1), (1, 2, 3), (0, 3, 1), (2, 3, 0)]
    first, second, given = (np.array(column) for column in zip(*triples))
    together = test.p_values(first, second, given[:, None])
    assert together == pytest.approx([ask(test, *triple) for triple in triples])
    assert test.p_values(second, first, given[:, None]) == pytest.approx(together)


def test_a_set_that_determines_an_end_says_nothing():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    frame["sum"] = frame["a"] + frame["b"]
    test = block_test(frame)
    assert ask(test, 3, 2, 0, 1) == 0.0
    assert ask(test, 3, 2) > 0.001


def test_a_constant_column_is_independent_of_everything():
    frame = chain(100, 4).assign(same=1.0)
    assert ask(block_test(frame), 0, 4) == 1.0
