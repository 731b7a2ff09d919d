from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import graphrec
from causal import CausalGraph
from graphrec.learning.adjustment import choose_columns
from graphrec.learning.credibility.badcontrols import audit_controls
from graphrec.learning.credibility.hidden import HiddenCause, bound_hidden_cause, front_door_average
from graphrec.market.panel import Panel


def table(seed: int = 0, n: int = 2_000, hidden: float = 0.0) -> pd.DataFrame:
    """Wealth drives contact and buying; how long a call lasted follows from both contact and purchase."""
    rng = np.random.default_rng(seed)
    wealth, age, taste = rng.normal(size=(3, n))
    contact = rng.random(n) < expit(wealth + hidden * taste)
    bought = rng.random(n) < expit(-1.0 + 0.6 * wealth + 0.1 * age + hidden * taste + 0.8 * contact)
    lasted = 2.0 * contact + 2.0 * bought + 0.7 * rng.normal(size=n)
    arm = np.where(contact, "mail", "none")
    return pd.DataFrame({"wealth": wealth, "age": age, "arm": arm, "bought": bought * 1.0, "lasted": lasted})


def panel_of(frame: pd.DataFrame, **roles: str) -> Panel:
    known = {"wealth": "Wealth", "age": "Age", **roles}
    return Panel.from_frame(frame, treatment="arm", outcome="bought", control="none", roles=known)


def test_a_consequence_is_rejected_and_the_sign_it_would_have_turned_is_shown():
    panel = panel_of(table(), lasted="Satisfaction")
    assert "lasted" in panel.consequences
    found = audit_controls(panel, choose_columns(panel, None))
    assert found.rejected == {"lasted": "it comes after the contact"}
    assert found.adjusted.interval[0] > 0 > found.careless.interval[1]
    assert found.flips == ("all of them",)
    assert "The sign turns with all of them: a bad control." in found.sentence
    assert found.naive.value > found.adjusted.value
    assert found.table["estimate"].tolist() == ["naive", "adjusted", "with all rejected columns"]


def test_a_descendant_by_the_graph_and_an_undated_attribute_are_audited_too():
    frame = table()
    panel = panel_of(frame, lasted="Income")
    nodes = ["wealth", "age", "lasted", "arm", "bought"]
    edges = [("wealth", "arm"), ("wealth", "bought"), ("arm", "bought"), ("arm", "lasted"), ("bought", "lasted")]
    chosen = choose_columns(panel, CausalGraph(nodes, edges))
    assert audit_controls(panel, chosen).flips
    undated = panel_of(frame)
    assert "lasted" in undated.left_out
    found = audit_controls(undated, choose_columns(undated, None), extra=frame[["lasted"]])
    assert found.flips and "no role" in found.rejected["lasted"]


def test_nothing_rejected_is_said():
    panel = panel_of(table().drop(columns="lasted"))
    found = audit_controls(panel, choose_columns(panel, None))
    assert not found.rejected and found.careless is None and found.sentence == "No column had to be kept out."


def test_a_hidden_cause_as_strong_as_wealth_widens_every_row():
    panel = panel_of(table(1).drop(columns="lasted"))
    chosen = choose_columns(panel, None)
    one, two = (bound_hidden_cause(panel, chosen, strength) for strength in (1.0, 2.0))
    assert one.strongest == "wealth" and one.bias > 0
    assert two.interval[0] < one.interval[0] < one.average < one.interval[1] < two.interval[1]
    organic, contact = np.array([0.01, 0.5]), np.array([0.02, 0.5])
    assert one.margin(organic, contact)[0] < one.margin(organic, contact)[1]
    assert two.margin(organic, contact) == pytest.approx(2 * one.margin(organic, contact))
    assert HiddenCause.from_dict(one.to_dict()) == one and "as strong as wealth" in one.sentence


def test_a_ranking_by_the_lower_end_heeds_the_hidden_cause(tmp_path):
    panel = panel_of(table(2, n=800).drop(columns="lasted"))
    plain = graphrec.Recommender(graphrec.RecommenderConfig(head="t")).fit(panel, rng=0)
    wary = graphrec.Recommender(graphrec.RecommenderConfig(head="t", sensitivity=1.0)).fit(panel, rng=0)
    first, second = plain.recommend(by="uplift_low"), wary.recommend(by="uplift_low")
    assert (second["uplift_low"] <= first["uplift_low"] + 1e-12).all()
    assert (second["uplift_low"] < first["uplift_low"]).mean() > 0.5
    assert np.array_equal(first["uplift"], second["uplift"])
    pd.testing.assert_frame_equal(graphrec.load_recommender(wary.save(tmp_path / "m")).recommend(), wary.recommend())


def test_the_front_door_gives_an_average_and_no_advice():
    rng = np.random.default_rng(3)
    n = 6_000
    taste = rng.normal(size=n)
    contact = rng.random(n) < expit(1.5 * taste)
    visit = rng.random(n) < np.where(contact, 0.7, 0.2)
    bought = rng.random(n) < expit(-1.0 + 1.2 * visit + 1.5 * taste)
    frame = pd.DataFrame({"arm": np.where(contact, "mail", "none"), "visit": visit * 1.0, "bought": bought * 1.0})
    frame["age"] = rng.normal(size=n)
    panel = Panel.from_frame(
        frame, treatment="arm", outcome="bought", control="none", roles={"visit": "Visit", "age": "Age"}
    )
    graph = CausalGraph(
        ["age", "arm", "visit", "bought"], [("arm", "visit"), ("visit", "bought")], bidirected_edges=[("arm", "bought")]
    )
    chosen = choose_columns(panel, graph)
    assert not chosen.identified
    found = front_door_average(panel, graph)
    draws = np.random.default_rng(4).normal(size=200_000)
    truth = 0.5 * (expit(0.2 + 1.5 * draws) - expit(-1.0 + 1.5 * draws)).mean()
    assert abs(found.value - truth) < 3 * found.se
    naive = bought[contact].mean() - bought[~contact].mean()
    assert abs(found.value - truth) < 0.3 * abs(naive - truth)
    closed = CausalGraph(["wealth", "arm", "bought"], [("wealth", "arm"), ("wealth", "bought"), ("arm", "bought")])
    assert front_door_average(panel_of(table(n=200)), closed) is None
