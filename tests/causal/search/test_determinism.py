from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal import Knowledge, discover


def places(n, seed, by):
    """Six cities in two regions; buying depends on the city or, where ``by`` says so, on the region alone."""
    rng = np.random.default_rng(seed)
    city = rng.integers(0, 6, n)
    region = city // 3
    share = np.array([0.1, 0.5, 0.9, 0.2, 0.6, 0.8])[city] if by == "city" else np.array([0.25, 0.75])[region]
    buys = rng.random(n) < share
    visits = rng.random(n) < np.where(buys, 0.8, 0.2)
    frame = pd.DataFrame({"city": city, "region": region, "buys": buys, "visits": visits})
    return frame.astype(str).astype("category"), rng


def found_edges(frame, **options):
    graph = discover(frame, method="pc", bootstraps=0, **options)
    return {frozenset(pair) for pair in (*graph.edges, *graph.undirected_edges)}


@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("by", ["city", "region"])
def test_the_one_that_carries_the_dependence_keeps_the_edge(by, extra):
    """With a number beside the categories the joint normal test answers, without it the table does."""
    other = "region" if by == "city" else "city"
    for seed in range(3):
        frame, rng = places(4000, seed, by)
        if extra:
            frame["noise"] = rng.normal(size=len(frame))
        edges = found_edges(frame)
        assert frozenset((by, "buys")) in edges
        assert frozenset((other, "buys")) not in edges
        assert frozenset(("city", "region")) in edges
        assert frozenset(("buys", "visits")) in edges


def test_a_nested_chain_keeps_its_neighbours_only():
    rng = np.random.default_rng(0)
    street = rng.integers(0, 8, 3000)
    frame = pd.DataFrame({"street": street, "city": street // 2, "region": street // 4}).astype(str).astype("category")
    assert found_edges(frame) == {frozenset(("street", "city")), frozenset(("city", "region"))}


def test_two_columns_that_determine_their_effect_keep_its_other_edges():
    """either = tub or lung, as in the published network: its effect must not be lost given both."""
    rng = np.random.default_rng(1)
    tub, lung = rng.random((2, 4000)) < 0.3
    either = tub | lung
    xray = rng.random(4000) < np.where(either, 0.9, 0.1)
    frame = pd.DataFrame({"tub": tub, "lung": lung, "either": either, "xray": xray})
    graph = discover(frame, Knowledge(tiers={"tub": 0, "lung": 0, "either": 1, "xray": 2}), bootstraps=0, method="pc")
    assert graph.edges == {("tub", "either"), ("lung", "either"), ("either", "xray")}
    assert "determined" not in {note.kind for note in graph.notes}


def test_determined_columns_are_named():
    frame, _ = places(300, 2, "city")
    rng = np.random.default_rng(3)
    numbers = pd.DataFrame(rng.normal(size=(300, 2)), columns=["in_shop", "online"])
    numbers["total"] = numbers["in_shop"] + numbers["online"]
    graph = discover(frame.join(numbers), bootstraps=0, method="pc")
    (note,) = [note for note in graph.notes if note.kind == "determined"]
    assert note.columns == ("city", "region", "in_shop", "online", "total")
