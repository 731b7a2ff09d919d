"""Channels with a handful of contacts: no grade, no narrow interval, no part in the guard."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphrec
from causal import CausalGraph


def panel_of(calls: int, *, money: bool = False, same: bool = True) -> graphrec.Panel:
    """Six hundred customers drawn by lot for a mail or nothing, and so many calls that all ended well."""
    rng = np.random.default_rng(0)
    arm = np.where(rng.random(600) < 0.4, "mail", "none").astype(object)
    bought = (rng.random(600) < 0.3).astype(float)
    arm[:calls] = "call"
    bought[:calls] = 1.0 if same else np.arange(calls) % 2
    outcome = 30.0 * bought + rng.normal(size=600) if money else bought
    table = pd.DataFrame({"age": rng.normal(size=600), "arm": arm, "y": outcome})
    return graphrec.Panel.from_frame(
        table, treatment="arm", outcome="y", control="none", roles={"age": "Age"}, randomised=True
    )


def fitted(panel: graphrec.Panel, head: str) -> graphrec.Recommender:
    graph = CausalGraph(["age", "arm", "y"], [("arm", "y"), ("age", "y")])
    return graphrec.Recommender(head=head).fit(panel, graph=graph, rng=0)


@pytest.mark.parametrize("head", ["structured", "t", "x", "dr", "snips"])
def test_a_handful_of_contacts_drawn_by_lot_claims_nothing(head):
    model = fitted(panel_of(3), head)
    calls = model.recommend(channels="call")
    assert set(calls["grade"]) == {"X"} and "only 3 contacts went through call" in model.effects.reasons["call"]
    np.testing.assert_allclose(calls["uplift_high"] - calls["uplift_low"], 1.0)
    assert set(model.recommend(channels="mail")["grade"]) == {"A"}
    guard = model.guard
    assert guard.unjudged == ("call",) and guard.constant != "call" and "call" in guard.sentence
    assert abs(guard.difference) < 0.2


@pytest.mark.parametrize("head", ["structured", "t", "x"])
def test_money_from_a_single_contact_crashes_nothing(head):
    guard = fitted(panel_of(1, money=True), head).guard
    assert guard.unjudged == ("call",) and np.isfinite(guard.difference)


@pytest.mark.parametrize("head", ["structured", "t", "dr"])
def test_equal_outcomes_are_as_uncertain_as_the_exact_binomial_says(head):
    model = fitted(panel_of(12), head)
    calls = model.recommend(channels="call")
    assert set(calls["grade"]) == {"C"}
    lowest = 0.05 ** (1 / 12)  # Clopper & Pearson for twelve of twelve
    assert (calls["uplift"] - calls["uplift_low"] >= 1 - lowest - 1e-6).all()


def test_thirty_contacts_whose_outcomes_differ_are_graded_and_valued():
    model = fitted(panel_of(30, same=False), "t")
    assert model.effects.grades["call"] == "A" and model.guard.unjudged == ()


def test_a_panel_of_rare_channels_only_is_not_judged():
    panel = panel_of(12)
    guard = fitted(panel.take((panel.frame["arm"] != "mail").to_numpy()), "t").guard
    assert not guard.claimed and guard.unjudged == ("call",)


@pytest.mark.parametrize("head", ["t", "x"])
def test_a_channel_that_a_fold_lacks_does_not_stop_the_guard(head):
    """Forty calls to one customer: whoever leaves that customer out has never seen a call."""
    rng = np.random.default_rng(0)
    arm = np.where(rng.random(300) < 0.4, "mail", "none").astype(object)
    arm[:40] = "call"
    table = pd.DataFrame({"age": rng.normal(size=300), "arm": arm, "y": (rng.random(300) < 0.3).astype(float)})
    panel = graphrec.Panel.from_frame(
        table.assign(who=np.maximum(np.arange(300), 39)),
        treatment="arm",
        outcome="y",
        control="none",
        roles={"age": "Age"},
        cluster="who",
    )
    guard = fitted(panel, head).guard
    assert guard.unjudged == () and np.isfinite(guard.difference)
