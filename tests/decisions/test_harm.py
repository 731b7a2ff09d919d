"""A contact that sells and chases the customer away is not advised, and says so."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.decisions.recommender import Recommender, RecommenderConfig, load_recommender
from graphrec.market.simulation import Simulation


@cache
def fitted() -> tuple[Simulation, Recommender]:
    sim = graphrec.simulate_market(400, 30, 8, rng=121, contact_share=0.03, annoyance=1.5, channels=("email", "call"))
    config = RecommenderConfig(controls_per_contact=3)
    return sim, Recommender(config).fit(sim.market, graph=sim.truth.graph, rng=0)


def priced(worth: float | None) -> Recommender:
    """The same fitted model with another worth of a customer who can be reached."""
    _, model = fitted()
    other = Recommender(replace(model.config, reachable_value=worth))
    other.restore(model.panel, model.graph, model.effects, model.market, model.appetite)
    return other


def test_unsubscriptions_are_learned_for_each_customer_and_channel() -> None:
    sim, model = fitted()
    effect = next(side for side in model.effects.side if side.name == "unsubscribe")
    scorer = model.scorer()
    matrix = model.effects.design.transform(scorer.frame(np.arange(400)))
    told = sim.truth.unsubscriptions().set_index(["customer_id", "product_id", "channel"])["p_unsubscribe"].unstack()
    true, found = told[list(model.effects.channels)].to_numpy(), effect.predict(matrix)
    for c in range(2):
        assert found.uplift[:, c].mean() == pytest.approx(true[:, c].mean(), rel=0.5)
    assert np.corrcoef(found.uplift.ravel(), true.ravel())[0, 1] > 0.5
    assert np.isfinite(found.se).all()


def test_net_value_pays_for_what_a_contact_breaks() -> None:
    scores = priced(100.0).recommend(n=5)
    details = priced(100.0).side_effects(scores)
    expected = scores["uplift"] * scores["value"] - scores["cost"] - details["harm"]
    np.testing.assert_allclose(scores["net_value"], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(details["harm"], 100.0 * details["unsubscribe"].clip(lower=0), rtol=1e-9)
    free = priced(0.0).recommend(n=5)
    np.testing.assert_allclose(free["net_value"], free["uplift"] * free["value"] - free["cost"], atol=1e-12)


def test_what_sells_and_chases_away_is_never_first_by_net_value_and_flagged_by_uplift() -> None:
    model = priced(300.0)
    by_uplift = model.recommend(n=30)
    details = model.side_effects(by_uplift)
    harmful = details["harmful"].to_numpy()
    assert 0.05 < harmful.mean() < 0.95
    assert (by_uplift.loc[harmful, "net_value"] <= 0).all() and set(by_uplift.loc[harmful, "grade"]) <= {"C", "X"}
    assert details.loc[harmful, "reason"].str.contains("sells and chases away").all()
    assert (details.loc[~harmful, "reason"] == "").all()
    by_value = model.recommend(n=30, by="net_value")
    assert not model.side_effects(by_value)["harmful"].any()
    assert (by_value.groupby("customer_id")["rank"].min() == 1).all()
    assert (by_uplift["rank"] == 1).sum() == 400


def test_the_worth_of_reach_is_found_in_the_data_and_can_be_said() -> None:
    sim, _ = fitted()
    found = priced(None).scorer().harm
    assert found is not None and 0 < found.prices["unsubscribe"] < 1_000
    said = priced(42.0).scorer().harm
    assert said is not None and said.prices == {"unsubscribe": 42.0, "complaint": 0.0}
    with pytest.raises(ValueError, match="reachable_value is -1"):
        RecommenderConfig(reachable_value=-1)
    assert sim.market.events["event_type"].eq("unsubscribe").sum() > 30


def test_markets_with_few_unsubscriptions_claim_nothing() -> None:
    sim = graphrec.simulate_market(120, 20, 6, rng=122)
    model = Recommender().fit(sim.market, graph=sim.truth.graph, rng=0)
    assert model.effects.side == () and model.scorer().harm is None
    scores = model.recommend(n=2)
    details = model.side_effects(scores)
    assert len(details) == len(scores) and not details["harmful"].any() and (details["harm"] == 0).all()
    np.testing.assert_allclose(scores["net_value"], scores["uplift"] * scores["value"] - scores["cost"], atol=1e-12)


def test_side_effects_survive_saving(tmp_path) -> None:
    model = priced(100.0)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load_recommender(tmp_path / "model").recommend(n=2), model.recommend(n=2))
