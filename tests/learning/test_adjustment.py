from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal import CausalGraph
from graphrec.learning.adjustment import choose_columns
from graphrec.market.panel import Panel

ROLES = {"wealth": "Wealth", "age": "Age", "survey": "SurveyAnswer", "past_purchases": "PastPurchase"}
NODES = [*ROLES, "treatment", "outcome"]


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(0)
    n = 60
    table = pd.DataFrame({name: rng.normal(size=n) for name in ROLES})
    table["treatment"] = np.where(rng.random(n) < 0.5, "mail", "none")
    table["outcome"] = (rng.random(n) < 0.5).astype(float)
    return Panel.from_frame(table, treatment="treatment", outcome="outcome", control="none", roles=ROLES)


BACKDOOR = [("wealth", "treatment"), ("wealth", "outcome"), ("treatment", "outcome")]


def test_without_a_graph_every_covariate_is_used_and_nothing_is_promised(panel):
    found = choose_columns(panel, None)
    assert found.columns == found.adjustment_set == panel.covariates
    assert found.estimand is None and found.identified


def test_a_graph_that_does_not_know_the_contact_decides_nothing(panel):
    found = choose_columns(panel, CausalGraph(["wealth", "outcome"], [("wealth", "outcome")]))
    assert found.columns == panel.covariates and found.estimand is None


def test_valid_columns_beyond_the_adjustment_set_stay_for_whom(panel):
    found = choose_columns(panel, CausalGraph(NODES, [*BACKDOOR, ("age", "outcome")]))
    assert set(found.columns) == set(panel.covariates)
    assert "wealth" in found.adjustment_set and not found.excluded


def test_descendants_of_the_contact_are_excluded_with_the_reason(panel):
    graph = CausalGraph(NODES, [*BACKDOOR, ("treatment", "survey"), ("survey", "past_purchases")])
    found = choose_columns(panel, graph)
    assert set(found.columns) == {"wealth", "age"}
    assert found.excluded == dict.fromkeys(("survey", "past_purchases"), "it is a consequence of the contact")


def test_descendants_of_the_outcome_are_excluded_too(panel):
    found = choose_columns(panel, CausalGraph(NODES, [*BACKDOOR, ("outcome", "survey")]))
    assert "survey" not in found.columns and "survey" in found.excluded


def test_a_collider_between_hidden_causes_is_excluded_with_the_reason(panel):
    graph = CausalGraph(NODES, BACKDOOR, bidirected_edges=[("survey", "treatment"), ("survey", "outcome")])
    found = choose_columns(panel, graph)
    assert set(found.columns) == {"wealth", "age", "past_purchases"}
    assert "hidden causes" in found.excluded["survey"]
    assert found.identified


def test_columns_that_the_graph_does_not_know_are_judged_by_time_alone(panel):
    nodes = [name for name in NODES if name != "age"]
    found = choose_columns(panel, CausalGraph(nodes, [*BACKDOOR, ("treatment", "survey")]))
    assert set(found.columns) == {"wealth", "age", "past_purchases"}


def test_columns_keep_the_panel_s_order(panel):
    graph = CausalGraph(NODES[::-1], BACKDOOR, bidirected_edges=[("survey", "treatment"), ("survey", "outcome")])
    assert choose_columns(panel, graph).columns == tuple(c for c in panel.covariates if c != "survey")


def test_a_hidden_common_cause_is_refused_with_the_witness(panel):
    graph = CausalGraph(NODES, BACKDOOR, bidirected_edges=[("treatment", "outcome")])
    found = choose_columns(panel, graph)
    assert not found.identified
    assert "treatment <-> outcome" in found.refusal and "randomise" in found.refusal
    assert found.columns == panel.covariates


def test_an_edge_without_direction_at_the_contact_is_refused(panel):
    found = choose_columns(panel, CausalGraph(NODES, [("wealth", "outcome")], [("treatment", "outcome")]))
    assert not found.identified and "no direction" in found.refusal


def test_an_effect_known_through_mediators_only_is_not_claimed(panel):
    """Front-door: identifiable, yet not by the adjustment that the effect model makes."""
    edges = [("treatment", "survey"), ("survey", "outcome")]
    found = choose_columns(panel, CausalGraph(NODES, edges, bidirected_edges=[("treatment", "outcome")]))
    assert found.estimand is not None and found.estimand.method == "front-door"
    assert not found.identified and "front-door" in found.refusal and "survey" in found.refusal


def test_an_effect_known_by_an_instrument_only_is_not_claimed(panel):
    edges = [("age", "treatment"), ("treatment", "outcome")]
    found = choose_columns(panel, CausalGraph(NODES, edges, bidirected_edges=[("treatment", "outcome")]))
    assert found.estimand is not None and found.estimand.method == "instrument"
    assert not found.identified and "instrument" in found.refusal and "age" in found.refusal


def test_an_effect_known_by_a_formula_only_is_not_claimed(panel):
    edges = [("wealth", "age"), ("age", "treatment"), ("treatment", "outcome")]
    hidden = [("wealth", "treatment"), ("wealth", "outcome")]
    found = choose_columns(panel, CausalGraph(NODES, edges, bidirected_edges=hidden))
    assert found.estimand is not None and found.estimand.method == "id"
    assert not found.identified and "P(outcome | age, treatment, wealth)" in found.refusal


def test_an_adjustment_set_outside_the_panel_is_refused_by_name(panel):
    graph = CausalGraph([*NODES, "income"], [("income", "treatment"), ("income", "outcome"), ("treatment", "outcome")])
    found = choose_columns(panel, graph)
    assert not found.identified and "income" in found.refusal
