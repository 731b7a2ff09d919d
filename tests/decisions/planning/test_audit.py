"""Pressure, fairness, the value of plans never sent, and trials whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.audit import fairness_table, logged_value, pressure_table, simulated_trial
from graphrec.decisions.policy import ContactPolicy, PolicyError, allocate
from graphrec.evaluation.offpolicy import Unreliable
from graphrec.market.tables import Market


def make_market(counts):
    """Customers with so many contacts each in the last days of March 2024."""
    rows = [(f"c{i}", f"2024-03-{20 + k:02d}") for i, n in enumerate(counts) for k in range(n)]
    sent = pd.DataFrame(rows, columns=["customer_id", "sent_at"]).assign(channel="email", product_id="tea")
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(counts))], "age": "old"}),
        products=pd.DataFrame({"product_id": ["tea"]}),
        solicitations=sent.assign(solicitation_id=range(len(sent))),
        events=pd.DataFrame({"event_time": ["2024-03-31"], "event_type": ["visit"], "customer_id": ["c0"]}),
    )


def test_over_solicitation_is_counted_before_and_with_the_plan():
    market = make_market([4, 3, 0, 0])
    scores = pd.DataFrame({"customer_id": ["c1", "c2"], "product_id": "tea", "channel": "email", "net_value": 1.0})
    segments = {"c0": "north", "c1": "north", "c2": "south", "c3": "south"}
    table = pressure_table(allocate(scores), market, segments, days=28, most=3).set_index("segment")
    assert table.index.tolist() == ["north", "south", "all"]
    assert table["over_before"].tolist() == [0.5, 0.0, 0.25]
    assert table["over_after"].tolist() == [1.0, 0.0, 0.5]
    assert table["contacts_after"].tolist() == [4.0, 0.5, 2.25]
    capped = ContactPolicy.from_dict({"windows": [{"days": 28, "max_contacts": 3}]})
    relieved = pressure_table(allocate(scores, capped, market), market, "age", days=28, most=3).set_index("segment")
    assert relieved.loc["all", "over_after"] == 0.25


def test_fairness_says_who_gets_more():
    scores = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(8)], "product_id": "tea", "net_value": np.arange(8.0) + 1,
         "side": list("aaaabbbb"), "channel": "email"}
    )  # fmt: skip
    free = ContactPolicy(channel_capacity={"email": 4})
    table = fairness_table(allocate(scores, free), scores, "side").set_index("segment")
    assert table["ratio"].tolist() == [0.0, 2.0, 1.0]
    assert table.loc["all", "contacted"] == 0.5
    even = ContactPolicy(channel_capacity={"email": 4}, parity=0.0, segments="side")
    segments = {f"c{i}": "ab"[i // 4] for i in range(8)}
    table = fairness_table(allocate(scores, even), scores, segments).set_index("segment")
    assert table["ratio"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(PolicyError, match="customers lacks 'c6'"):
        fairness_table(allocate(scores, free), scores.iloc[:6], "side")


def draw_log(seed, n=6000, rate=0.5):
    """A log that contacted by lot, half of the customers by one of two channels; letters work, calls do harm."""
    rng = np.random.default_rng(seed)
    wealth = rng.normal(size=n)
    organic = 1 / (1 + np.exp(1.5 - 0.5 * wealth))
    up = {"letter": 0.25 * (wealth > 0), "call": np.full(n, -0.1)}
    ids = np.arange(n)
    scores = pd.concat(
        [
            pd.DataFrame({"customer_id": ids, "product_id": "tea", "channel": channel, "p_organic": organic,
                          "p_contact": np.clip(organic + change, 0.01, 1), "net_value": 100 * change})
            for channel, change in up.items()
        ]
    )  # fmt: skip
    action = rng.choice(["letter", "call", "none"], n, p=[rate / 2, rate / 2, 1 - rate])
    chance = np.select([action == "none"], [1 - rate], rate / 2)
    expected = {c: np.clip(organic + change, 0.01, 1) for c, change in up.items()} | {"none": organic}
    probability = np.select([action == c for c in expected], list(expected.values()))
    log = pd.DataFrame(
        {
            "customer_id": ids, "product_id": np.where(action == "none", None, "tea"),
            "channel": np.where(action == "none", None, action), "propensity": chance,
            "outcome": (rng.random(n) < probability).astype(float),
        }
    )  # fmt: skip
    return scores, log, expected


@pytest.mark.parametrize("seed", range(3))
def test_the_value_of_a_constrained_plan_is_estimated_from_the_log_of_another(seed):
    scores, log, expected = draw_log(seed)
    plan = allocate(scores, ContactPolicy(channel_capacity={"letter": 1500}, holdout=0.1, exploration=0.1), rng=seed)
    table = plan.probabilities.pivot(index="customer_id", columns="channel", values="probability").fillna(0.0)
    table = table.reindex(log["customer_id"]).fillna(0.0)
    parts = sum(table[c].to_numpy() * expected[c] for c in table.columns)
    truth = float(np.mean(parts + (1 - table.sum(axis=1).to_numpy()) * expected["none"]))
    found = logged_value(plan, log)
    assert found.dr is not None
    for value in (found.ips, found.snips, found.dr):
        assert abs(value.value - truth) < 4 * (value.interval.high - value.interval.low) / 3.92
    width = [v.interval.high - v.interval.low for v in (found.ips, found.dr)]
    assert width[1] < width[0]
    assert truth > found.logged + 0.01


def test_too_few_events_are_refused():
    scores, log, _ = draw_log(0, n=120)
    plan = allocate(scores, ContactPolicy(channel_capacity={"letter": 20}))
    with pytest.raises(Unreliable, match="effective positive events"):
        logged_value(plan, log.assign(outcome=(np.arange(120) < 10).astype(float)))


def test_logs_that_cannot_be_judged_are_refused():
    scores, log, _ = draw_log(0, n=200)
    plan = allocate(scores)
    with pytest.raises(PolicyError, match="no column propensity"):
        logged_value(plan, log.drop(columns="propensity"))
    with pytest.raises(PolicyError, match="several rows of customer 0"):
        logged_value(plan, pd.concat([log, log.iloc[:1]]))


@pytest.mark.slow
def test_a_trial_finds_the_better_policy_and_its_regret(simulation):
    truth = simulation.truth
    real = truth.potential_outcomes()
    costs = {"email": 0.05, "call": 4.0, "mailing": 0.9}
    cost = real["channel"].map(costs).to_numpy()
    noise = np.random.default_rng(0).normal(0, 0.03, len(real))
    scores = real.assign(value=40.0, cost=cost, uplift=real["uplift"] + noise)
    scores["net_value"] = scores["value"] * scores["uplift"] - cost
    scores = scores[scores["product_id"].isin(sorted(scores["product_id"].unique())[:4])]
    policies = {"few": ContactPolicy(channel_capacity={"email": 10}, budget=20), "many": ContactPolicy(3, budget=900)}
    trials = [simulated_trial(scores, truth, policies, rng=seed) for seed in range(5)]
    covered = [trial.interval[0] <= trial.true_difference <= trial.interval[1] for trial in trials]
    assert np.mean(covered) >= 0.6
    for trial in trials:
        assert trial.true_difference > 0
        assert ((trial.table["regret"] >= -1e-9) & (trial.table["regret"] < 1)).all()
        assert (trial.table["expected"] > trial.table["true"]).all()  # the winner's curse of noisy scores
    known = real.assign(value=40.0, cost=cost, net_value=40 * real["uplift"] - cost)
    honest = simulated_trial(known[known["product_id"].isin(set(scores["product_id"]))], truth, policies, rng=0)
    assert (honest.table["regret"].abs() < 1e-3).all()
