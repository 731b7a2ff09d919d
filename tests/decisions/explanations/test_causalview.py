"""What buying without a contact owes to its causes, along a recommender's graph."""

from __future__ import annotations

import numpy as np

from causal import CausalGraph
from graphrec.decisions.explanation import customer_rows
from graphrec.decisions.explanations.causalview import attribute_appetite, organic_graph
from graphrec.decisions.explanations.twoviews import explain_customer


def test_the_contact_is_cut_and_what_lies_between_is_projected(model):
    panel = model.panel
    mediator, consequence = panel.mediators[0], panel.consequences[0]
    outcome, contact = panel.outcome, panel.treatment
    nodes = ["age", "wealth", "hidden", contact, mediator, outcome, consequence]
    edges = [
        ("wealth", contact), (contact, mediator), (contact, outcome), ("age", mediator), (mediator, outcome),
        (outcome, consequence), ("hidden", "wealth"), ("hidden", outcome),
    ]  # fmt: skip
    found = organic_graph(panel, CausalGraph(nodes, edges))
    assert set(found.nodes) == {"age", outcome}  # wealth works through the contact alone
    assert found.edges == {("age", outcome)}
    found = organic_graph(panel, CausalGraph(nodes, [*edges, ("wealth", outcome)]))
    assert found.bidirected_edges == {("wealth", outcome)}
    assert organic_graph(panel, CausalGraph(["age"])) is None


def test_the_wealthy_owe_their_chance_to_their_wealth(unit_model):
    """bought ~ expit(-1 + .7 wealth) without a contact, by construction."""
    rows = customer_rows(unit_model, [f"u{i}" for i in range(40)])
    found = attribute_appetite(unit_model, rows, rng=0)
    assert found.refusal == ""
    values = found.attribution.to_frame()["wealth"].to_numpy()
    slope = np.polyfit(rows["wealth"].to_numpy(), values, 1)[0]
    assert 0.5 < slope < 0.9
    assert found.attribution.features == ("wealth",)


def test_gaps_count_as_typical(unit_model):
    rows = customer_rows(unit_model, ["u0", "u1"])
    typical = rows.assign(wealth=float(unit_model.panel.variables["wealth"][~unit_model.panel.contacted].median()))
    first, second = (
        attribute_appetite(unit_model, each, rng=0).attribution.values for each in (rows.assign(wealth=np.nan), typical)
    )
    np.testing.assert_allclose(first, second)


def test_a_hidden_taste_is_refused_with_the_pair(model):
    """In the simulated market a latent taste drives the history and the purchase: the true graph says so."""
    found = attribute_appetite(model, customer_rows(model, n=1), rng=0)
    assert found.attribution is None
    assert "<->" in found.refusal
    scores = model.recommend(n=1)
    told = explain_customer(model, scores["customer_id"].iloc[0], scores, rng=0).to_dict()
    assert told["causes"] == {}
    assert told["refusal"] == found.refusal
