from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal import discover
from causal.search.blockencoding import encode_blocks
from causal.search.gaps import CompleteRowsTest
from causal.search.independence import BlockTest
from causal.search.moments import effective_sizes, measure_moments


def plain_test(frame):
    blocks, weights = encode_blocks(frame), np.ones(len(frame))
    return BlockTest(measure_moments(blocks, weights, effective_sizes(blocks, weights)))


def gap_test(frame, weights=None):
    blocks = encode_blocks(frame)
    weights = np.ones(len(frame)) if weights is None else weights
    size = effective_sizes(blocks, weights)
    return CompleteRowsTest(
        lambda kept, share: BlockTest(measure_moments(blocks, kept, size * share)), weights, blocks.gaps, frame.shape[1]
    )


def ask(test, a, b, *given):
    held = np.array([given], dtype=np.intp).reshape(1, -1)
    return float(test.p_values(np.array([a]), np.array([b]), held)[0])


def holed_chain(n, seed, share=0.3):
    """first -> middle -> last -> end, with gaps in middle and last."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(4, n))
    columns = np.cumsum(noise * [[1.0], [0.8], [0.8], [0.8]], axis=0)
    frame = pd.DataFrame(columns.T, columns=["first", "middle", "last", "end"])
    return frame.mask(rng.random(frame.shape) < np.array([0.0, share, share, 0.0]))


@pytest.mark.parametrize("triple", [(0, 1), (0, 2, 1), (0, 3, 1, 2), (0, 3)])
def test_each_test_is_that_of_its_complete_rows(triple):
    frame = holed_chain(400, 0)
    names = [frame.columns[i] for i in triple]
    complete = frame.dropna(subset=names)[names].reset_index(drop=True)
    assert ask(gap_test(frame), *triple) == pytest.approx(ask(plain_test(complete), *range(len(names))), rel=1e-6)


def test_many_at_once_are_the_same_as_one_by_one():
    test = gap_test(holed_chain(300, 1))
    triples = [(0, 1, 2), (0, 2, 1), (1, 2, 3), (0, 3, 1), (2, 3, 0), (0, 3, 2)]
    first, second, given = (np.array(column) for column in zip(*triples))
    assert test.p_values(first, second, given[:, None]) == pytest.approx([ask(test, *triple) for triple in triples])


def test_a_chain_is_found_in_spite_of_its_gaps():
    """With gaps set to the mean, first and last stay dependent given what remains of middle."""
    wanted = {frozenset(pair) for pair in (("first", "middle"), ("middle", "last"), ("last", "end"))}
    for seed in range(3):
        graph = discover(holed_chain(4000, seed), method="pc", bootstraps=2, rng=0)
        assert {frozenset(pair) for pair in (*graph.edges, *graph.undirected_edges)} == wanted
        assert [note.columns for note in graph.notes if note.kind == "missing"] == [("middle",), ("last",)]


def test_columns_never_seen_together_are_independent_and_separate_nothing():
    frame = holed_chain(200, 2, share=0.0)
    frame.loc[:99, "middle"] = np.nan
    frame.loc[100:, "last"] = np.nan
    test = gap_test(frame)
    assert ask(test, 1, 2) == 1.0
    assert ask(test, 0, 1, 2) == 0.0
    assert ask(test, 0, 3, 1, 2) == 0.0
    assert ask(test, 0, 1) < 1e-6
