"""Outcomes that are no yes or no: counts and money, in a table of an experiment and in a market."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphrec
from causal import CausalGraph
from graphrec.learning.heads.additive import AdditiveUplift


def spending(seed: int, n: int = 6_000) -> tuple[pd.DataFrame, np.ndarray]:
    """An experiment by lot: most spend nothing, mail adds 3 to the wealthy half's mean and nothing to the other's."""
    rng = np.random.default_rng(seed)
    wealth, age = rng.normal(size=(2, n))
    arm = rng.choice(["mail", "none"], n)
    chance = 0.1 + 0.05 * (wealth > 0) + 0.05 * ((arm == "mail") & (wealth > 0))
    spend = np.where(rng.random(n) < chance, rng.gamma(4.0, 15.0, n), 0.0) - 5.0 * (rng.random(n) < 0.01)
    truth = np.where(wealth > 0, 0.05 * 60.0, 0.0)
    return pd.DataFrame({"wealth": wealth, "age": age, "arm": arm, "spend": spend}), truth


@pytest.fixture(scope="module")
def fitted() -> tuple[graphrec.Recommender, np.ndarray]:
    table, truth = spending(0)
    roles = {"wealth": "Wealth", "age": "Age"}
    panel = graphrec.Panel.from_frame(
        table, treatment="arm", outcome="spend", control="none", roles=roles, randomised=True
    )
    graph = CausalGraph(["wealth", "age", "arm", "spend"], [("arm", "spend"), ("wealth", "spend")])
    return graphrec.Recommender().fit(panel, graph=graph, rng=0), truth


def test_money_is_scored_in_money(fitted) -> None:
    model, truth = fitted
    assert isinstance(model.effects.model, AdditiveUplift) and not model.effects.binary
    assert model.panel.counts["outcome below zero"] > 0
    scores = model.recommend()
    assert scores["p_organic"].mean() == pytest.approx(7.5, abs=1.5)
    assert scores["uplift"].mean() == pytest.approx(truth.mean(), abs=1.5)
    assert (scores["uplift_high"] > 1.0).all() and (scores["uplift_low"] < scores["uplift"]).all()
    np.testing.assert_allclose(scores["net_value"], scores["uplift"])
    assert set(scores["grade"]) == {"A"}


def test_the_wealthy_come_first_and_the_interval_holds_the_average(fitted) -> None:
    model, truth = fitted
    scores = model.recommend()
    best = np.argsort(-scores["uplift"].to_numpy())[: len(truth) // 4]
    assert truth[best].mean() > 1.2 * truth.mean()
    inside = (scores["uplift_low"] <= truth) & (truth <= scores["uplift_high"])
    assert inside.mean() > 0.5  # the effect jumps at a threshold, and the noise hides the jump from the line


def test_a_model_of_money_is_saved_and_guarded(fitted, tmp_path) -> None:
    model, _ = fitted
    loaded = graphrec.load_recommender(model.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(loaded.recommend(), model.recommend(), check_exact=True)
    assert model.guard.constant in ("mail", "nobody") and np.isfinite(model.guard.difference)


@pytest.mark.parametrize("outcome", ["lines", "money"])
def test_a_market_is_scored_in_lines_and_in_money(outcome: str) -> None:
    sim = graphrec.simulate_market(customers=150, products=20, periods=6, channels=["call"], rng=1)
    config = graphrec.RecommenderConfig(outcome=outcome)
    model = graphrec.Recommender(config).fit(sim.market, graph=sim.truth.graph, rng=0)
    scores = model.recommend(n=2, by="net_value")
    assert np.isfinite(scores[["p_organic", "p_contact", "uplift_low", "net_value"]]).all(axis=None)
    if outcome == "money":
        np.testing.assert_allclose(scores["net_value"], scores["uplift"] - scores["cost"])
        assert scores["p_contact"].max() > 1.0
    with pytest.raises(ValueError, match="choose 'bought', 'lines', 'money'"):
        graphrec.RecommenderConfig(outcome="visits")
