"""What a graph implies, against d-separation and against data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal.doubts.implications import check_implications, implied_independences
from causal.encoding import FrameError
from causal.graph import CausalGraph


def chain(n=1_000, seed=0, extra=0.0):
    draw = np.random.default_rng(seed)
    a = draw.normal(size=n)
    b = a + draw.normal(size=n)
    c = b + extra * a + draw.normal(size=n)
    d = c + draw.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "c": c, "d": d})


CHAIN = CausalGraph("abcd", [("a", "b"), ("b", "c"), ("c", "d")])


def test_one_independence_for_each_missing_edge():
    assert implied_independences(CHAIN) == [("a", "c", ("b",)), ("a", "d", ("c",)), ("b", "d", ("c",))]
    full = CausalGraph("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    assert implied_independences(full) == []
    assert check_implications(chain(), full).empty


def test_a_latent_common_cause_implies_nothing_about_its_ends():
    hidden = CausalGraph("abc", [("a", "b")], bidirected_edges=[("b", "c")])
    assert implied_independences(hidden) == [("a", "c", ())]


def test_the_right_graph_is_rarely_contradicted_and_a_missing_edge_is_found():
    right = [check_implications(chain(seed=seed), CHAIN)["adjusted"].min() < 0.01 for seed in range(40)]
    assert np.mean(right) <= 0.1
    table = check_implications(chain(extra=0.5), CHAIN)
    assert table.loc[0, ["first", "second", "given"]].tolist() == ["a", "c", ("b",)]
    assert table["adjusted"][0] < 1e-6 and (table["adjusted"] >= table["p_value"]).all()


def test_clusters_are_worth_less_than_rows():
    frame = pd.concat([chain(n=60, extra=0.3)] * 10, ignore_index=True)
    who = np.tile(np.arange(60), 10)
    alone, together = (check_implications(frame, CHAIN, clusters=c)["p_value"].min() for c in (None, who))
    assert together > 100 * alone


def test_open_directions_and_missing_columns_are_named():
    with pytest.raises(FrameError, match="open"):
        implied_independences(CausalGraph("ab", [], [("a", "b")]))
    with pytest.raises(FrameError, match="unknown column 'd'"):
        check_implications(chain().drop(columns="d"), CHAIN)
