"""The right moment: advice names a slot, and only where slots matter does it differ."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.decisions.recommender import Recommender, RecommenderConfig, load_recommender
from graphrec.evaluation import share_of_oracle
from graphrec.market.panel import Panel
from graphrec.market.simulation import Simulation
from graphrec.market.tables import DataError, Market

SLOTS = ("weekday_morning", "weekday_afternoon", "weekday_evening")


@cache
def fitted(seed: int, slot_effect: float, slots: str = "recorded") -> tuple[Simulation, Recommender]:
    sim = graphrec.simulate_market(240, 20, 8, rng=seed, slots=SLOTS, slot_effect=slot_effect, contact_share=0.04)
    config = RecommenderConfig(slots=slots, controls_per_contact=3)
    return sim, Recommender(config).fit(sim.market, graph=sim.truth.graph, rng=seed)


def test_scores_name_a_learned_slot_and_can_be_narrowed() -> None:
    _, model = fitted(201, 1.0)
    scores = model.recommend(n=4)
    assert set(scores["slot"]) <= set(SLOTS) and scores["slot"].nunique() > 1
    assert not scores.duplicated(["customer_id", "product_id", "channel", "slot"]).any()
    narrow = model.recommend(n=4, slots=["weekday_evening"], channels=["email"])
    assert set(narrow["slot"]) == {"weekday_evening"} and set(narrow["channel"]) == {"email"}
    everything = model.recommend(n=10_000, customers=["C001"])
    assert len(everything) == 20 * 3 * 3
    one = everything.merge(narrow, on=["customer_id", "product_id", "channel", "slot"])
    np.testing.assert_allclose(one["uplift_x"], one["uplift_y"], rtol=1e-9)
    np.testing.assert_allclose(one["uplift_low_x"], one["uplift_low_y"], rtol=1e-9)


def test_unknown_slots_are_refused_with_the_remedy() -> None:
    _, model = fitted(201, 1.0)
    with pytest.raises(DataError, match=r"slot 'dawn' was not learned; choose one or more of weekday_"):
        model.recommend(slots=["dawn"])
    with pytest.raises(DataError, match="channel 'fax' was not learned"):
        model.recommend(channels=["fax"], slots=["weekday_evening"])
    _, plain = fitted(201, 1.0, "none")
    assert plain.recommend(n=1)["slot"].isna().all()
    with pytest.raises(DataError, match=r"no slot was learned.*slots='derived'"):
        plain.recommend(slots=["weekday_evening"])
    with pytest.raises(ValueError, match="choose 'recorded', 'derived', 'none'"):
        RecommenderConfig(slots="guess")


def test_a_model_with_slots_is_saved_and_read_back(tmp_path) -> None:
    _, model = fitted(201, 1.0)
    model.save(tmp_path / "model")
    again = load_recommender(tmp_path / "model")
    pd.testing.assert_frame_equal(again.recommend(n=2), model.recommend(n=2))


@pytest.mark.parametrize("offer", ["category", "campaign"])
def test_slots_go_with_coarser_offers(offer: str) -> None:
    sim, _ = fitted(201, 1.0)
    market = sim.market
    tables = {name: getattr(market, name) for name in ("customers", "products", "events")}
    sent = market.solicitations.merge(market.products[["product_id", "category"]], on="product_id")
    links = market.products.rename(columns={"category": "campaign_id"})[["campaign_id", "product_id"]]
    if offer == "campaign":
        sent = sent.assign(campaign_id=sent["category"], product_id=None)
    other = Market.from_frames(
        **tables, solicitations=sent.drop(columns="category"), campaigns=links, roles={"age": "Age", "wealth": "Wealth"}
    )
    model = Recommender(RecommenderConfig(offer=offer, controls_per_contact=2)).fit(other, graph=sim.truth.graph, rng=0)
    scores = model.recommend(n=2, customers=["C001", "C002"])
    assert set(scores["slot"]) <= set(SLOTS) and "offer_id" in scores


def test_a_table_of_units_has_slots_too() -> None:
    rng = np.random.default_rng(5)
    n = 6_000
    late, slot, arm = rng.normal(size=n), rng.choice(["am", "pm"], n), rng.choice(["none", "mail"], n)
    helps = np.where(slot == "pm", late, -late) * 1.2 * (arm == "mail")
    table = pd.DataFrame(
        {
            "arm": arm,
            "slot": np.where(arm == "none", None, slot),
            "late": late,
            "visit": rng.random(n) < 1 / (1 + np.exp(1 - helps)),
        }
    )
    panel = Panel.from_frame(
        table, treatment="arm", control="none", outcome="visit", roles={"late": "Age"}, slot="slot", randomised=True
    )
    model = Recommender().fit(panel, graph=None, rng=0)
    best = model.recommend(n=1)
    assert (best["slot"].to_numpy() == np.where(late > 0, "pm", "am")).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("slot_effect", "margin"), [(1.0, 0.05), (0.0, -0.02)])
def test_advice_with_slots_is_worth_more_where_they_matter_and_not_less_where_they_do_not(
    slot_effect: float, margin: float
) -> None:
    gains = []
    for seed in (201, 202):
        sim, model = fitted(seed, slot_effect)
        matrix = model.effects.design.transform(model.scorer().frame(np.arange(240)))
        told = sim.truth.potential_outcomes()
        order = pd.Index(model.effects.model.slots).get_indexer(pd.Index(SLOTS))
        with_slots = model.effects.model.predict(matrix, errors=False, slots=order).uplift
        at_any_time = np.repeat(model.effects.model.predict(matrix, errors=False).uplift, len(SLOTS), axis=1)
        assert list(model.effects.channels) == sorted(sim.truth.channels)
        true = told.sort_values(["customer_id", "product_id", "channel"], kind="stable")["uplift"].to_numpy()
        who = np.arange(240).repeat(len(true) // 240)
        found = [share_of_oracle(values.ravel(), true, who) for values in (with_slots, at_any_time)]
        gains.append(found[0] - found[1])
    assert np.mean(gains) > margin
