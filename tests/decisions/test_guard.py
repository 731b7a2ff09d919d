from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import graphrec
from causal import CausalGraph
from graphrec.decisions.guard import compare_with_constant
from graphrec.learning.credibility.crossfit import LeftOut

ROLES = {"wealth": "Wealth", "age": "Age"}
GRAPH = CausalGraph(["wealth", "age", "arm", "bought"], [("arm", "bought"), ("wealth", "bought"), ("age", "bought")])


def left_out(uplift, truth, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    n = len(uplift)
    values = 0.3 + np.column_stack([np.zeros(n), truth]) + noise * rng.normal(size=(n, 1 + truth.shape[1]))
    return LeftOut(uplift, values, np.ones_like(uplift), np.ones(n), np.arange(n) // 2, np.arange(n) // 2 % 3)


def experiment(seed: int, slope: float, level: float, n: int = 3_000) -> graphrec.Panel:
    rng = np.random.default_rng(seed)
    wealth, age = rng.normal(size=(2, n))
    arm = rng.choice(["mail", "none"], n)
    chance = expit(-0.5 + 0.3 * age + (level + slope * wealth) * (arm == "mail"))
    table = pd.DataFrame({"wealth": wealth, "age": age, "arm": arm, "bought": (rng.random(n) < chance).astype(float)})
    return graphrec.Panel.from_frame(
        table, treatment="arm", outcome="bought", control="none", roles=ROLES, randomised=True
    )


def test_a_policy_that_knows_whom_to_leave_alone_beats_every_constant():
    truth = np.where(np.arange(2_000) % 2, 0.3, -0.3)[:, None]
    found = compare_with_constant(left_out(truth, truth), ("mail",))
    assert found.passed and found.advised == "model" and "beats" in found.sentence
    assert found.difference == pytest.approx(0.15, abs=0.03) and found.contacted == pytest.approx(0.5)


def test_noise_for_a_policy_loses_to_the_constant():
    truth = np.full((2_000, 2), 0.2) * [1.0, 0.5]
    guess = np.random.default_rng(1).normal(size=truth.shape)
    found = compare_with_constant(left_out(guess, truth), ("mail", "call"))
    assert not found.passed and found.advised == "mail" and found.difference < 0
    assert "everybody through mail" in found.sentence


def test_a_contact_that_costs_more_than_it_brings_is_not_made():
    truth = np.full((900, 1), 0.1)
    assert compare_with_constant(left_out(truth, truth), ("mail",)).constant == "mail"
    dear = compare_with_constant(left_out(truth, truth), ("mail",), cost={"mail": 0.5})
    assert dear.constant == "nobody" and dear.contacted == 0 and dear.difference == 0
    assert dear.advised == "nobody" and "comes to the same as contacting nobody" in dear.sentence


def test_the_constant_is_chosen_on_other_customers():
    """Chosen on the rows it is valued on, the best of many channels of no effect looks better than nobody."""
    gains = []
    for seed in range(20):
        none = np.zeros((300, 8))
        left = left_out(none - 1.0, none, seed)
        gains.append(compare_with_constant(left, tuple("abcdefgh")).constant_value - left.values[:, 0].mean())
    assert abs(np.mean(gains)) < 0.02


def test_a_recommender_is_guarded_by_what_its_customers_show():
    crossing = graphrec.Recommender(head="t").fit(experiment(0, slope=1.5, level=0.0), graph=GRAPH, rng=0)
    assert crossing.guard.passed and crossing.guard is crossing.guard
    assert crossing.judgement.calibration.slope == pytest.approx(1.0, abs=0.4)
    flat = graphrec.Recommender(head="t").fit(experiment(1, slope=0.0, level=0.8), graph=GRAPH, rng=0)
    assert flat.guard.advised == "mail"


def test_where_nothing_is_identifiable_nothing_is_judged():
    model = graphrec.Recommender(head="appetite").fit(experiment(2, slope=0.0, level=0.8, n=600), graph=GRAPH, rng=0)
    assert (
        not model.guard.claimed
        and model.guard.advised == "nobody"
        and "No effect can be learned" in model.guard.sentence
    )


def test_a_recalibrated_model_is_saved_with_its_line(tmp_path):
    panel = experiment(3, slope=1.0, level=0.2, n=1_500)
    config = graphrec.RecommenderConfig(head="t", recalibrate=True)
    model = graphrec.Recommender(config).fit(panel, graph=GRAPH, rng=0)
    line = model.effects.recalibration
    assert line is not None and np.isfinite(line.slope)
    moved = replace(line, applies=True, slope=0.5, intercept=0.01)
    model.restore(panel, model.graph, replace(model.effects, recalibration=moved), None, None)
    scores = model.recommend()
    plain = model.effects.model.predict(model.effects.design.transform(panel.frame)).uplift[:, 0]
    inside = (scores["p_contact"] > 0) & (scores["p_contact"] < 1)
    np.testing.assert_allclose(scores["uplift"][inside], (0.01 + 0.5 * plain)[inside])
    pd.testing.assert_frame_equal(graphrec.load_recommender(model.save(tmp_path / "m")).recommend(), scores)
