from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causal import Knowledge, discover
from causal.search.contingency import TableTest
from causal.search.moments import encode_blocks


def table_test(frame, weights=None):
    weights = np.ones(len(frame)) if weights is None else weights
    codes = encode_blocks(frame).codes
    size = np.full((frame.shape[1],) * 2, weights.sum())
    return TableTest(codes, weights, size)


def ask(test, a, b, *given):
    held = np.array([given], dtype=np.intp).reshape(1, -1)
    return float(test.p_values(np.array([a]), np.array([b]), held)[0])


def categories(n, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.integers(0, 3, n), "b": rng.integers(0, 2, n), "c": rng.integers(0, 4, n)})


def as_categories(frame):
    return frame.astype(str).astype("category")


def test_codes_keep_the_levels_apart_and_numbers_are_refused():
    frame = categories(200, 0)
    codes = encode_blocks(as_categories(frame)).codes
    for column, name in enumerate("abc"):
        assert len(set(zip(codes[:, column].tolist(), frame[name].tolist()))) == frame[name].nunique()
    assert encode_blocks(frame).codes is None
    assert encode_blocks(pd.DataFrame({"x": frame["b"] == 1, "y": frame["b"][::-1]})).codes is not None


def test_two_way_tables_agree_with_scipy():
    frame = categories(500, 1)
    table = pd.crosstab(frame["a"], frame["c"])
    expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    assert ask(table_test(as_categories(frame)), 0, 2) == pytest.approx(expected)


def test_strata_add_up():
    frame = categories(800, 2)
    parts = [
        stats.chi2_contingency(pd.crosstab(part["a"], part["c"]), correction=False, lambda_="log-likelihood")
        for _, part in frame.groupby("b")
    ]
    expected = stats.chi2.sf(sum(p.statistic for p in parts), sum(p.dof for p in parts))
    assert ask(table_test(as_categories(frame)), 0, 2, 1) == pytest.approx(expected)


def test_weights_are_the_same_as_repeating_rows():
    frame = categories(300, 3)
    counts = np.random.default_rng(4).integers(0, 4, 300)
    repeated = frame.loc[frame.index.repeat(counts)].reset_index(drop=True)
    weighted = table_test(as_categories(frame), counts.astype(float))
    assert ask(weighted, 0, 2, 1) == pytest.approx(ask(table_test(as_categories(repeated)), 0, 2, 1))


def test_only_ratios_of_weights_count():
    frame = categories(300, 3)
    weights = np.random.default_rng(5).integers(1, 4, 300) / 4.0
    one, other = (table_test(as_categories(frame), weights * scale) for scale in (1.0, 0.3))
    size = np.full((3, 3), 300.0)
    answers = [ask(replace(test, size=size), 0, 2, 1) for test in (one, other)]
    assert answers[0] == pytest.approx(answers[1])


def test_critical_values_decide_as_p_values_do():
    frame = categories(400, 7)
    frame["d"] = frame["a"].where(np.random.default_rng(8).random(400) < 0.5, frame["c"])
    test = table_test(as_categories(frame))
    strict = replace(test, alpha=0.2)
    triples = [(a, b, c) for a in range(4) for b in range(4) for c in range(4) if len({a, b, c}) == 3]
    first, second, given = (np.array(column) for column in zip(*triples))
    exact, cut = (each.p_values(first, second, given[:, None]) for each in (test, strict))
    assert np.array_equal(cut, np.where(exact > 0.2, exact, 0.0))
    assert 0 < (cut > 0).sum() < len(cut)


def test_p_values_are_uniform_under_independence():
    values = [ask(table_test(as_categories(categories(400, seed))), 0, 2, 1) for seed in range(300)]
    assert stats.kstest(values, "uniform").pvalue > 0.001


def test_sparse_tables_say_nothing_and_constants_are_independent():
    frame = as_categories(categories(40, 5)).assign(same="x")
    test = table_test(frame)
    assert ask(test, 0, 2, 1) == 0.0
    assert ask(test, 0, 3) == 1.0


def test_an_interaction_without_main_effects_is_seen_given_its_partner():
    """c is a exclusive-or b, with noise: independent of each alone, dependent given the other."""
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 2000)) < 0.5
    frame = pd.DataFrame({"a": a, "b": b, "c": (a ^ b) ^ (rng.random(2000) < 0.1)})
    test = table_test(frame)
    assert ask(test, 0, 2) > 0.001
    assert ask(test, 0, 2, 1) < 1e-6


def test_a_published_network_is_recovered_within_its_tiers(draw_network):
    frame, edges = draw_network("asia", 10_000, 0)
    tiers = {"asia": 0, "smoke": 0, "tub": 1, "lung": 1, "bronc": 1, "either": 2, "xray": 3, "dysp": 3}
    graph = discover(frame, Knowledge(tiers=tiers), bootstraps=0)
    assert len(graph.edges ^ edges) <= 2


@pytest.mark.slow
def test_alarm_is_recovered_as_well_as_by_the_best_published_search(draw_network):
    frame, edges = draw_network("alarm", 10_000, 0)
    graph = discover(frame, bootstraps=0)
    found = {frozenset(pair) for pair in graph.edges | graph.undirected_edges}
    assert len(found ^ {frozenset(pair) for pair in edges}) <= 5
