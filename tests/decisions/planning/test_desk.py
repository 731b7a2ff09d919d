"""Customers decided one by one: fast answers may not cost a limit, and hardly any value."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.decisions.planning.desk import Desk, Offer
from graphrec.decisions.policy import ContactPolicy, PolicyError, allocate
from graphrec.market.tables import Market

COSTS = {"email": 0.1, "sms": 0.5, "call": 4.0}
RULES = {
    "channel_capacity": {"email": 300, "sms": 120, "call": 25}, "slot_capacity": {"call": {"am": 15, "pm": 15}},
    "stock": {"p0": 60, "p1": 90}, "budget": 150.0,
}  # fmt: skip


def make_scores(seed=0, customers=1000, candidates=8):
    rng = np.random.default_rng(seed)
    n = customers * candidates
    channel = rng.choice(list(COSTS), n)
    cost = np.array([COSTS[c] for c in channel])
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(customers), candidates),
            "product_id": rng.choice(["p0", "p1", "p2", "p3"], n),
            "channel": channel,
            "slot": rng.choice(["am", "pm"], n),
            "cost": cost,
            "net_value": rng.lognormal(0.5, 1, n) * (1 + cost / 2) - 1,
        }
    ).drop_duplicates(["customer_id", "product_id", "channel", "slot"])


def over(desk):
    limits = desk.tariff.limits
    use = limits.matrix @ desk.used + limits.money * desk.spent
    return float(np.max((use - limits.amount)[limits.growing]))


def serve(desk, scores):
    """Decide everybody in the order of the table; the chosen rows."""
    value = 0.0
    for customer, slate in desk.slates(scores):
        place = desk.decide(customer, slate).place
        value += slate.net_value[place] if place >= 0 else 0.0
    return value


def shuffled(scores, seed=0):
    order = np.random.default_rng(seed).permutation(scores["customer_id"].nunique())
    return scores.iloc[np.argsort(order[scores["customer_id"]], kind="stable")]


def test_deciding_one_by_one_is_nearly_as_good_as_the_whole_plan():
    """On the customers of the plan, and at the same prices on others of their kind."""
    planned, fresh = make_scores(0, 3000), make_scores(1, 3000)
    rules = {k: {n: 3 * a if isinstance(a, int) else {s: 3 * x for s, x in a.items()} for n, a in v.items()}
             if isinstance(v, dict) else 3 * v for k, v in RULES.items()}  # fmt: skip
    policy = ContactPolicy.from_dict(rules)
    plan, other = allocate(planned, policy), allocate(fresh, policy)
    for scores, best, share in ((planned, plan.value, 0.99), (fresh, other.value, 0.95)):
        desk = Desk(plan.tariff, policy)
        assert serve(desk, shuffled(scores)) >= share * best
        assert over(desk) <= 1e-9


def test_wrong_prices_are_put_right_as_capacity_is_consumed():
    """A plan made for twice the capacity: its prices are too low; pacing keeps the room for those who come late."""
    scores = make_scores(2, 3000)
    generous = allocate(scores, ContactPolicy(channel_capacity={"email": 900, "sms": 700, "call": 300}))
    tight = ContactPolicy(channel_capacity={"email": 500, "sms": 300, "call": 100})
    best = allocate(scores, tight)
    tariff = type(best.tariff)(**{**best.tariff.__dict__, "prices": generous.tariff.prices})
    paced, stuck = Desk(tariff, tight), Desk(tariff, tight, expected=1)
    stuck._refresh = lambda elapsed: None  # type: ignore[method-assign]
    with_pacing, without = serve(paced, shuffled(scores)), serve(stuck, shuffled(scores))
    assert with_pacing > 1.02 * without
    assert with_pacing > 0.93 * best.value
    assert over(paced) <= 0 and over(stuck) <= 0


@pytest.mark.parametrize("holdout", [0.0, 0.2])
def test_eight_threads_never_break_a_cap(holdout):
    """Capacities that all run out, customers who come twice, and threads that change places all the time."""
    scores = make_scores(3, 2000)
    policy = ContactPolicy.from_dict({**RULES, "holdout": holdout, "exploration": holdout})
    desk = Desk(allocate(scores, ContactPolicy.from_dict(RULES)).tariff, policy)
    day = list(desk.slates(scores))
    given, lock = [], threading.Lock()
    failures: list[BaseException] = []

    def work(part):
        try:
            mine = [(customer, desk.decide(customer, slate).place) for customer, slate in part]
            with lock:
                given.extend(mine)
        except BaseException as error:
            failures.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(day[k % 4 :: 4],)) for k in range(8)]  # everybody comes twice
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failures
    assert over(desk) <= 1e-9
    made = [customer for customer, place in given if place >= 0]
    assert len(made) == len(set(made)) > 100
    assert desk.decisions == 4000


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), email=st.integers(0, 20), budget=st.sampled_from([0.0, 1.0, 10.0]))
def test_no_cap_is_exceeded_whatever_comes(seed, email, budget):
    scores = make_scores(seed, 60, 4)
    policy = ContactPolicy(channel_capacity={"email": email, "call": 2}, budget=budget)
    desk = Desk(allocate(scores, policy).tariff, policy)
    serve(desk, scores.assign(net_value=scores["net_value"] * 3))
    assert over(desk) <= 1e-9


def test_tuples_and_slates_are_decided_alike():
    scores = make_scores(4, 300)
    policy = ContactPolicy.from_dict(RULES)
    plan = allocate(scores, policy)
    one, other = Desk(plan.tariff, policy), Desk(plan.tariff, policy)
    columns = ["product_id", "channel", "slot", "net_value", "cost"]
    tuples = {
        who: [Offer(*row) for row in part[columns].itertuples(index=False)]
        for who, part in scores.groupby("customer_id")
    }
    for customer, slate in one.slates(scores):
        assert one.decide(customer, slate) == other.decide(customer, tuples[customer])
    assert plan.decide(0, tuples[0]).place >= -1


def test_a_customer_gets_no_more_than_the_rules_allow_over_the_day():
    people = ["ann", "bob", "eve"]
    sent = {
        "solicitation_id": 1,
        "customer_id": ["ann"],
        "sent_at": "2024-03-30",
        "channel": "sms",
        "product_id": "tea",
    }
    consents = pd.DataFrame({"customer_id": ["ann", "bob", "eve"], "channel": "email", "granted": [True, True, False]})
    market = Market.from_frames(
        customers=pd.DataFrame({"customer_id": people}),
        products=pd.DataFrame({"product_id": ["tea", "cup", "pot", "pan"]}),
        solicitations=pd.DataFrame(sent), consents=consents,
        events=pd.DataFrame({"event_time": ["2024-03-31"], "event_type": ["visit"], "customer_id": ["ann"]}),
    )  # fmt: skip
    policy = ContactPolicy.from_dict(
        {
            "max_contacts_per_customer": None, "windows": [{"days": 7, "max_contacts": 2}], "require_consent": True,
            "exclusive": [{"offers": ["pot", "pan"]}],
        }
    )  # fmt: skip
    scores = pd.DataFrame(
        {"customer_id": ["ann", "bob", "eve"], "product_id": "tea", "channel": "email", "net_value": 1.0}
    )
    desk = allocate(scores, policy, market).desk
    offers = {name: [Offer(name, "email", None, 1.0)] for name in ("tea", "cup", "pot", "pan")}
    told = {
        (who, name): desk.decide(who, offer).place
        for who in ("ann", "bob", "eve", "new")
        for name, offer in offers.items()
    }
    assert told["ann", "tea"] == 0 and told["ann", "cup"] == -1  # one contact of the two was made before
    assert told["bob", "tea"] == 0 and told["bob", "cup"] == 0 and told["bob", "pot"] == -1
    assert {told[who, "tea"] for who in ("eve", "new")} == {-1}  # said no; never asked
    exclusive = ContactPolicy.from_dict({"max_contacts_per_customer": None, "exclusive": [{"offers": ["pot", "pan"]}]})
    desk = allocate(scores, exclusive).desk
    assert [desk.decide("ann", offers[name]).place for name in ("pot", "pan", "pot", "cup", "cup")] == [
        0,
        -1,
        -1,
        0,
        -1,
    ]


def test_the_log_of_the_desk_holds_the_frequencies():
    """Without limits every customer is alike: the arms come in their shares, with the probabilities logged."""
    scores = make_scores(5, 4000, 3).drop_duplicates(["customer_id", "product_id", "channel"])
    policy = ContactPolicy(holdout=0.2, exploration=0.3)
    desk = Desk(allocate(scores, policy, rng=0).tariff, policy)
    log = [desk.decide(customer, slate) for customer, slate in desk.slates(scores)]
    arms = pd.Series([decision.arm for decision in log]).value_counts(normalize=True)
    assert abs(arms["holdout"] - 0.2) < 0.03 and abs(arms["exploration"] - 0.3) < 0.03
    made = [decision for decision in log if decision.place >= 0 and decision.arm != "holdout"]
    weights = np.array([1 / decision.propensity for decision in made])
    admissible = (scores["net_value"] > 0).groupby(scores["customer_id"]).sum()
    assert abs(weights.sum() / admissible.sum() - 1) < 4 * np.sqrt((weights**2).sum()) / admissible.sum()


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([], "empty set of candidates"),
        ([("p0", "email", "am", float("nan"), 0.1)], "net_value nan"),
        ([("p0", "email", "am", 1.0, -0.1)], "cost -0.1"),
        ([("p0", "email", "am", float("inf"), 0.1)], "net_value inf"),
    ],
)
def test_impossible_candidates_are_refused_and_nothing_is_booked(candidates, words):
    desk = allocate(make_scores(6, 50), ContactPolicy.from_dict(RULES)).desk
    with pytest.raises(PolicyError, match=words):
        desk.decide(1, candidates)
    assert desk.spent == 0 and not desk.used.any()


def test_rules_that_a_desk_cannot_judge_are_refused():
    policy = ContactPolicy.from_dict({"eligibility": [{"column": "net_value", "at_least": 0}]})
    with pytest.raises(PolicyError, match="leave out candidates that are not eligible"):
        allocate(make_scores(6, 50), policy).decide(1, [("p0", "email", "am", 1.0, 0.1)])
