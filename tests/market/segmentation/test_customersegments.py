"""Planted segments are found, counted, trusted as far as they deserve, and assigned without fitting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import graphrec
from graphrec.market.tables import DataError


def test_planted_segments_are_found_and_counted(planted: Any) -> None:
    found, customers = planted.found, planted.found.customers
    assert found.size == 4
    sure = ~customers["abstained"].to_numpy()
    assert adjusted_rand_score(planted.truth[sure], customers["likeliest"].to_numpy(np.int64)[sure]) > 0.9
    assert adjusted_rand_score(planted.truth, customers["likeliest"].to_numpy(np.int64)) > 0.85


def test_one_crowd_is_one_segment_and_the_reason_is_said(plant: Any, kinds: Any) -> None:
    events, _ = plant(300, kinds[:1], seed=3)
    found = graphrec.segment_customers(events, rng=0, bootstraps=4)
    assert found.size == 1
    assert found.reason.startswith("One segment")
    assert found.names == {1: "All customers"}


def test_the_minimum_comes_from_the_curve_and_below_it_nobody_is_assigned(planted: Any) -> None:
    found = planted.found
    curve = found.reliability.set_index("events")["agreement"]
    assert curve.loc[found.minimum_events] >= 0.8
    assert (curve[curve.index < found.minimum_events] < 0.8).all()
    assert f"From {found.minimum_events} events on" in found.reliability_sentence
    few = found.customers["events"] < found.minimum_events
    assert found.customers.loc[few, "segment"].isna().all()
    assert found.customers.loc[~found.customers["abstained"], "segment"].notna().all()


def test_assigning_again_gives_the_same_and_one_by_one_too(planted: Any) -> None:
    again = planted.found.assign(planted.events)
    pd.testing.assert_frame_equal(again[planted.found.customers.columns], planted.found.customers)
    probabilities = again[[f"p{k + 1}" for k in range(planted.found.size)]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    for customer in (3, 77):
        alone = planted.found.assign_one(planted.events[planted.events["user_id"] == customer])
        np.testing.assert_allclose(alone, probabilities[customer], atol=1e-9)


def test_new_customers_are_assigned_to_the_planted_segments(planted: Any, plant: Any) -> None:
    events, truth = plant(300, seed=8)
    new = planted.found.assign(events)
    assert adjusted_rand_score(truth, new["likeliest"].to_numpy(np.int64)) > 0.8


def test_same_seed_same_segments_and_the_order_of_rows_does_not_matter(plant: Any) -> None:
    events, _ = plant(100, seed=5)
    shuffled = events.sample(frac=1, random_state=1, ignore_index=True)
    first, second = (graphrec.segment_customers(rows, rng=4, bootstraps=2) for rows in (events, shuffled))
    pd.testing.assert_frame_equal(first.customers, second.customers)


def test_what_is_saved_is_loaded(planted: Any, tmp_path: Path) -> None:
    planted.found.save(tmp_path / "kept")
    back = graphrec.Segmentation.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(back.assign(planted.events), planted.found.assign(planted.events))
    assert back.names == planted.found.names
    assert back.reliability_sentence == planted.found.reliability_sentence
    assert back.rule_card == planted.found.rule_card
    assert not list((tmp_path / "kept").glob("*.pkl"))


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder of a saved segmentation"):
        graphrec.Segmentation.load(tmp_path)
