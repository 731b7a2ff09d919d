"""The uplift benchmark on a tiny market: the shape of its table, its two fixed points and its traps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import graphrec

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks import cells, rivals, uplift, yardsticks

SIZE = {"customers": 200, "products": 20, "periods": 6}


@pytest.fixture(scope="module")
def stage() -> rivals.Stage:
    return rivals.set_stage(cells.make_cell("bad-control", **SIZE, rng=3), seed=5)


@pytest.fixture(scope="module")
def result() -> uplift.Result:
    return uplift.compare("undated", [0], **SIZE)


def test_one_row_for_each_arm_and_one_column_for_each_figure(result: uplift.Result) -> None:
    table = uplift.table(result)
    assert list(table.columns) == [*yardsticks.FIGURES, "CPU s"]
    assert {*rivals.OURS, *rivals.REFERENCES, rivals.ALL_COLUMNS} <= set(table.index)
    assert len(table) == 15
    assert np.isfinite(table.drop(columns=["rPEHE", "ATE bias", "slope"])).all(axis=None)


def test_the_oracle_scores_one_and_chance_nothing(result: uplift.Result) -> None:
    table = uplift.table(result)
    assert table.loc["oracle", ["share", "CP@3", "CDCG", "Qini", "best 10%", "slope"]].to_numpy() == pytest.approx(1)
    assert table.loc["oracle", ["rPEHE", "ATE bias"]].to_numpy() == pytest.approx(0)
    assert table.loc["random", ["share", "Qini", "Qini obs"]].to_numpy() == pytest.approx(0)
    assert (table["share"] <= 1).all()


def test_the_tables_are_printed(result: uplift.Result, capsys: pytest.CaptureFixture[str]) -> None:
    uplift.show(result)
    printed = capsys.readouterr().out
    assert all(arm in printed for arm in result.judged)
    assert "=> ours, true graph: share" in printed


def test_undated_totals_are_in_no_panel(result: uplift.Result) -> None:
    assert "no date" in result.left_out["lifetime_spend"]
    assert "lifetime_spend" in result.notes[rivals.ALL_COLUMNS]


def test_only_the_careless_rival_sees_the_bad_control(stage: rivals.Stage) -> None:
    assert "engagement_score" in stage.careless.covariates
    assert "engagement_score" not in stage.panel.covariates
    customers = stage.sim.market.customers["engagement_score"].to_numpy()
    seen = stage.careless.frame["engagement_score"].to_numpy()
    assert np.array_equal(seen, customers[stage.careless.frame["customer"]])


def test_rows_to_score_and_rows_of_the_truth_are_the_same(stage: rivals.Stage) -> None:
    market = stage.sim.market
    first = stage.truth.iloc[:: len(stage.channels)].reset_index(drop=True)
    wealth = market.customers.set_index("customer_id")["wealth"]
    price = market.products.set_index("product_id")["price"]
    assert np.array_equal(wealth[first["customer_id"]].to_numpy(), stage.frame["wealth"].to_numpy())
    assert np.array_equal(price[first["product_id"]].to_numpy(), stage.frame["price"].to_numpy())
    assert tuple(stage.truth["channel"][: len(stage.channels)]) == stage.channels


def test_ours_is_what_the_recommender_advises(stage: rivals.Stage) -> None:
    ours = {advice.arm: advice.scores for advice in rivals.advise(stage) if advice.arm in rivals.OURS}
    graph = stage.sim.truth.graph
    model = graphrec.Recommender().fit(stage.sim.market, graph=graph, rng=stage.seed)
    advised = model.recommend(n=1)["uplift"].to_numpy()
    best = ours["ours, true graph"].reshape(len(advised), -1).max(axis=1)
    assert best == pytest.approx(advised)


def test_several_markets_are_compared_in_pairs(result: uplift.Result) -> None:
    one = result.judged["oracle"][0], result.judged["random"][0]
    found = yardsticks.difference("share", [one[0]] * 3, [one[1]] * 3)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    assert yardsticks.difference("Qini", [one[0]], [one[1]]) is None
