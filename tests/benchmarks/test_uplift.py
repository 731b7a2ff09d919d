"""The uplift benchmark on a tiny market: the shape of its table, its two fixed points and its traps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import graphrec

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks import uplift
from benchmarks.targeting import cells, rivals, tally, yardsticks

SIZE = {"customers": 200, "products": 20, "periods": 6}


@pytest.fixture(scope="module")
def stage() -> rivals.Stage:
    return rivals.set_stage(cells.make_cell("bad-control-high", **SIZE, rng=3), seed=5)


@pytest.fixture(scope="module")
def measured() -> tally.Measured:
    return uplift.measure("undated-high", 100, **SIZE)


def test_the_grid_crosses_strength_and_overlap_and_adds_the_traps() -> None:
    assert len(cells.CELLS) == 14
    assert {"plain-0-low", "plain-1-high", "bad-control-low", "latent-high"} <= set(cells.CELLS)
    assert not cells.CELLS["plain-0-low"].confounded and not cells.CELLS["latent-low"].identified


def test_one_row_for_each_arm_and_one_column_for_each_figure(measured: tally.Measured) -> None:
    table = tally.table([measured])
    assert list(table.columns) == [*yardsticks.FIGURES, *yardsticks.DECILES, "CPU s"]
    assert {*rivals.OURS, *rivals.REFERENCES, rivals.ALL_COLUMNS, rivals.NAIVE} <= set(table.index)
    assert {"X-learner", "DR-learner", "IPS", "SNIPS", "response", "appetite"} <= set(table.index)
    assert np.isfinite(table[["share", "CP@3", "Qini", "best 10%"]]).all(axis=None)
    assert table.loc[[*rivals.OURS], list(yardsticks.DECILES)].mean(axis=1).to_numpy() == pytest.approx(
        table.loc[[*rivals.OURS], "cover"].to_numpy(), abs=1e-3
    )


def test_the_oracle_scores_one_and_chance_nothing(measured: tally.Measured) -> None:
    table = tally.table([measured])
    assert table.loc["oracle", ["share", "CP@3", "Qini", "best 10%", "slope"]].to_numpy() == pytest.approx(1)
    assert table.loc["oracle", ["rPEHE", "ATE bias"]].to_numpy() == pytest.approx(0)
    assert table.loc["random", ["share", "Qini"]].to_numpy() == pytest.approx(0)
    assert (table["share"] <= 1).all()


def test_tables_and_verdicts_are_printed(measured: tally.Measured, capsys: pytest.CaptureFixture[str]) -> None:
    tally.show([measured, measured])
    printed = capsys.readouterr().out
    assert all(arm in printed for arm in measured.figures)
    assert "ours, true graph" in printed.split("## Targets")[1] and ".8-1.2" in printed


def test_a_run_goes_on_from_its_file(measured: tally.Measured, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "results.jsonl"
    tally.append(path, measured)
    path.write_text(path.read_text() + '{"cell": "cut o')
    size = tuple(SIZE.values())
    assert [(one.cell, one.seed) for one in tally.load(path, size)] == [("undated-high", 100)]
    with pytest.raises(ValueError, match="name another file"):
        tally.load(path, (1, 1, 1))
    flags = [f"--{name}={value}" for name, value in SIZE.items()]
    uplift.main(["--seeds=1", "--first-seed=100", "--cells", "undated-high", f"--results={path}", *flags])
    assert "(1 markets)" in capsys.readouterr().out
    assert path.read_text().count("\n") == 1


def test_undated_totals_are_in_no_panel(measured: tally.Measured) -> None:
    assert "no date" in measured.left_out["lifetime_spend"]
    assert "lifetime_spend" in measured.notes[rivals.ALL_COLUMNS]


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
    ours = {advice.arm: advice.scores for advice in rivals._ours(stage)}
    graph = stage.sim.truth.graph
    model = graphrec.Recommender().fit(stage.sim.market, graph=graph, rng=stage.seed)
    advised = model.recommend(n=1)["uplift"].to_numpy()
    best = ours["ours, true graph"].reshape(len(advised), -1).max(axis=1)
    assert best == pytest.approx(advised)


def test_several_markets_are_compared_in_pairs(measured: tally.Measured) -> None:
    one = yardsticks.Judged(measured.figures["oracle"]), yardsticks.Judged(measured.figures["random"])
    found = yardsticks.difference("share", [one[0]] * 3, [one[1]] * 3)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    assert yardsticks.difference("Qini", [one[0]], [one[1]]) is None
