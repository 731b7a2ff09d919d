import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from graphrec.decisions.policy import ContactPolicy, Infeasible, PolicyError, allocate

COSTS = {"email": 0.1, "sms": 0.5, "call": 4.0}


def market_of_scores(seed, customers=8, candidates=4, levels=None, offers=3):
    """Random candidates; with `levels` the values are rounded, so that many tie."""
    rng = np.random.default_rng(seed)
    n = customers * candidates
    channel = rng.choice(list(COSTS), n)
    cost = np.array([COSTS[c] for c in channel])
    value = rng.lognormal(0.5, 1, n) * (1 + cost / 2) - 1
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(customers)], candidates),
            "product_id": rng.choice([f"p{i}" for i in range(offers)], n),
            "channel": channel,
            "cost": cost,
            "net_value": value if levels is None else np.round(value * levels) / levels,
        }
    )


def optimum(scores, policy):
    """The same program written down again, row by row, and solved by HiGHS."""
    rows, limits = [], []

    def limit(mask, most):
        rows.append(np.asarray(mask, dtype=float))
        limits.append(most)

    for _, group in scores.groupby("customer_id"):
        if policy.max_contacts_per_customer is not None:
            limit(scores.index.isin(group.index), policy.max_contacts_per_customer)
        for _, pair in group.groupby("product_id"):
            limit(scores.index.isin(pair.index), 1)
    for channel, capacity in (policy.channel_capacity or {}).items():
        limit(scores["channel"] == channel, capacity)
    if policy.budget is not None:
        limit(scores["cost"], policy.budget)
    value = scores["net_value"].to_numpy()
    found = milp(
        -value,
        integrality=np.ones(len(value)),
        bounds=Bounds(0, (value > policy.minimum_net_value).astype(float)),
        constraints=LinearConstraint(np.array(rows), -np.inf, limits) if rows else None,
        options={"mip_rel_gap": 0},
    )
    return -found.fun


def check_limits(contacts, policy):
    if policy.max_contacts_per_customer is not None and len(contacts):
        assert contacts.groupby("customer_id").size().max() <= policy.max_contacts_per_customer
    assert not contacts.duplicated(["customer_id", "product_id"]).any()
    for channel, capacity in (policy.channel_capacity or {}).items():
        assert (contacts["channel"] == channel).sum() <= capacity
    if policy.budget is not None:
        assert contacts["cost"].sum() <= policy.budget * (1 + 1e-9)
    assert (contacts["net_value"] > policy.minimum_net_value).all()


policies = st.builds(
    ContactPolicy,
    max_contacts_per_customer=st.sampled_from([None, 0, 1, 2, 3]),
    channel_capacity=st.none() | st.dictionaries(st.sampled_from(list(COSTS)), st.integers(0, 6)),
    budget=st.none() | st.sampled_from([0.0, 0.3, 1.0, 5.0, 12.5, 40.0]),
    minimum_net_value=st.sampled_from([0.0, 0.5]),
)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), policy=policies, levels=st.sampled_from([None, 1, 2]))
def test_small_plans_are_optimal_bounded_and_within_every_limit(seed, policy, levels):
    scores = market_of_scores(seed, levels=levels)
    plan, best = allocate(scores, policy), optimum(scores, policy)
    check_limits(plan.contacts, policy)
    assert plan.value == pytest.approx(plan.contacts["net_value"].sum())
    assert plan.value >= best - 1e-5 * abs(best) - 1e-9
    assert plan.bound >= best * (1 - 1e-9) - 1e-9
    assert 0 <= plan.gap <= 1e-4
    assert all(price >= 0 for price in plan.shadow_prices.values())


def test_the_value_of_a_plan_comes_with_what_it_is_at_the_ends_of_the_intervals():
    scores = market_of_scores(0).assign(uplift=0.2, uplift_low=0.19, uplift_high=0.23, value=10.0)
    plan = allocate(scores, ContactPolicy(max_contacts_per_customer=1))
    worth = plan.outgoing["value"].sum()
    assert worth > 0 and plan.value_range == pytest.approx((plan.value - 0.01 * worth, plan.value + 0.03 * worth))
    assert f"{plan.value_range[0]:,.2f} to {plan.value_range[1]:,.2f}" in " ".join(plan.summary())
    assert plan.to_dict()["value_range"] == list(plan.value_range)
    assert allocate(scores.drop(columns="uplift_low"), ContactPolicy()).value_range is None
    assert allocate(scores.assign(basis="ceiling"), ContactPolicy()).value_range is None


@pytest.mark.parametrize("limit", [1, 3, None])
@pytest.mark.parametrize("seed", range(2))
def test_plans_too_large_for_an_exact_answer_are_proven_within_a_ten_thousandth(seed, limit):
    scores = market_of_scores(seed, customers=3000, candidates=8, levels=4 if seed else None)
    policy = ContactPolicy(max_contacts_per_customer=limit, channel_capacity={"email": 700, "call": 50}, budget=900)
    plan = allocate(scores, policy)
    check_limits(plan.contacts, policy)
    assert 0 <= plan.gap <= 1e-4
    naive = scores.sort_values("net_value", ascending=False).drop_duplicates(["customer_id", "product_id"])
    if limit is not None:
        naive = naive[naive.groupby("customer_id").cumcount() < limit]
    naive = naive[naive["net_value"] > 0]
    naive = naive[naive.groupby("channel").cumcount() < naive["channel"].map({"email": 700, "call": 50}).fillna(1e9)]
    naive = naive[naive["cost"].cumsum() <= 900]
    assert plan.value > naive["net_value"].sum()


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), step=st.sampled_from([0.1, 1.0, 4.0, 10.0]))
def test_more_room_never_lowers_the_bound(seed, step):
    scores = market_of_scores(seed)
    for small, large in (
        (ContactPolicy(budget=step), ContactPolicy(budget=2 * step)),
        (
            ContactPolicy(channel_capacity={"sms": 1}, budget=step),
            ContactPolicy(channel_capacity={"sms": 3}, budget=step),
        ),
        (ContactPolicy(1, budget=step), ContactPolicy(2, budget=step)),
    ):
        less, more = allocate(scores, small), allocate(scores, large)
        assert more.bound >= less.bound * (1 - 1e-6)


def test_a_larger_budget_never_lowers_the_bound_of_a_large_plan():
    scores = market_of_scores(0, customers=800, candidates=5)
    bounds = [allocate(scores, ContactPolicy(budget=budget)).bound for budget in (50, 51, 100, 400, 1000, 1e6)]
    assert all(more >= less * (1 - 1e-7) for less, more in itertools.pairwise(bounds))


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([None, 1]), policy=policies)
def test_permuting_the_rows_changes_nothing(seed, levels, policy):
    scores = market_of_scores(seed, levels=levels)
    policy = ContactPolicy.from_dict({**policy.to_dict(), "holdout": 0.3})
    shuffled = scores.sample(frac=1, random_state=seed)
    first, second = allocate(scores, policy, rng=1), allocate(shuffled, policy, rng=1)
    pd.testing.assert_frame_equal(first.contacts, second.contacts)
    pd.testing.assert_frame_equal(first.left_out, second.left_out)
    assert first.to_dict() == second.to_dict()


def test_rows_that_differ_in_the_slot_alone_are_told_apart_by_it():
    scores = pd.DataFrame(
        {"customer_id": 1, "product_id": 7, "channel": "email", "slot": ["noon", None, "dawn"], "net_value": 2.0}
    )
    first = allocate(scores, ContactPolicy(None)).contacts
    second = allocate(scores.iloc[::-1], ContactPolicy(None)).contacts
    assert len(first) == 1
    pd.testing.assert_frame_equal(first, second)


def test_nothing_scarce_means_everyone_gets_the_best_and_prices_are_zero():
    scores = market_of_scores(3, customers=50)
    plan = allocate(scores, ContactPolicy(channel_capacity={"email": 500}, budget=1e6))
    best = scores[scores["net_value"] > 0].groupby("customer_id")["net_value"].max()
    assert plan.value == pytest.approx(best.sum())
    assert plan.gap == 0
    assert dict(plan.shadow_prices) == {"channel_capacity[email]": 0.0, "budget": 0.0}
    assert plan.binding == ("max_contacts_per_customer",)


def test_shadow_prices_say_what_one_more_unit_brings():
    scores = market_of_scores(5, customers=400, candidates=6)
    base = {"channel_capacity": {"email": 60}, "budget": 120.0}
    plan = allocate(scores, ContactPolicy(**base))
    more_mail = allocate(scores, ContactPolicy(channel_capacity={"email": 70}, budget=120.0))
    more_money = allocate(scores, ContactPolicy(channel_capacity={"email": 60}, budget=130.0))
    assert set(plan.binding) >= {"channel_capacity[email]", "budget"}
    for name, richer in (("channel_capacity[email]", more_mail), ("budget", more_money)):
        gain = (richer.bound - plan.bound) / 10
        assert richer.shadow_prices[name] - 1e-6 <= gain <= plan.shadow_prices[name] + 1e-6


def test_a_trap_for_greedy_is_solved():
    """Greedy gives the only call to ann (10); the best plan calls bob (9) and mails ann (8)."""
    scores = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bob", "bob"],
            "offer_id": "tea",
            "channel": ["call", "email", "call", "email"],
            "net_value": [10.0, 8.0, 9.0, 1.0],
        }
    )
    plan = allocate(scores, ContactPolicy(channel_capacity={"call": 1}))
    assert plan.value == pytest.approx(17)


def test_a_customer_never_hears_twice_of_one_offer():
    scores = pd.DataFrame(
        {
            "customer_id": 1,
            "product_id": [1, 1, 2],
            "channel": ["email", "call", "email"],
            "net_value": [5.0, 6.0, 1.0],
        }
    )
    plan = allocate(scores, ContactPolicy(max_contacts_per_customer=None))
    assert plan.contacts["net_value"].tolist() == [6.0, 1.0]
    assert plan.left_out.values.tolist() == [["the offer is made otherwise", 1, 5.0]]


def test_contacts_keep_the_columns_of_the_scores():
    scores = market_of_scores(0).assign(rank=1, slot="noon", grade="A", note="x")
    plan = allocate(scores)
    assert list(plan.contacts.columns) == [*scores.columns, "propensity", "arm"]
    assert plan.contacts["propensity"].eq(1).all() and plan.contacts["arm"].eq("plan").all()
    merged = plan.contacts.merge(scores, on=list(scores.columns), how="left", indicator=True)
    assert merged["_merge"].eq("both").all()


def test_net_value_is_made_from_its_parts_where_it_is_missing():
    scores = pd.DataFrame(
        {"customer_id": [1, 2], "product_id": [1, 1], "value": [10.0, 10.0], "uplift": [0.5, 0.01], "cost": [1.0, 1.0]}
    )
    plan = allocate(scores)
    assert plan.value == pytest.approx(4.0)
    assert plan.contacts["customer_id"].tolist() == [1]


def test_every_candidate_is_a_contact_or_left_out_for_a_reason():
    scores = market_of_scores(2, customers=60, candidates=6)
    scores["grade"] = np.random.default_rng(0).choice(["A", "B", "X"], len(scores))
    policy = ContactPolicy(
        2, channel_capacity={"email": 20}, budget=30, holdout=0.2, exploration=0.2, exclude_grades=("X", "B")
    )
    plan = allocate(scores, policy, rng=0)
    assert plan.left_out["candidates"].sum() + len(plan.contacts) == len(scores)
    reasons = plan.left_out.set_index("reason")["candidates"]
    assert reasons["grade X"] == (scores["grade"] == "X").sum()
    assert reasons["grade B"] == (scores["grade"] == "B").sum()
    assert reasons["net value not above 0"] == ((scores["grade"] == "A") & (scores["net_value"] <= 0)).sum()
    assert plan.contacts["grade"].eq("A").all()


def test_a_row_without_an_estimate_is_left_out_by_its_grade():
    scores = market_of_scores(6).assign(grade="A")
    scores.loc[3, ["net_value", "cost", "grade"]] = [np.nan, np.nan, "X"]
    plan = allocate(scores, ContactPolicy(budget=5))
    assert plan.left_out.set_index("reason").loc["grade X", "candidates"] == 1
    with pytest.raises(PolicyError, match="nan at row 3"):
        allocate(scores, ContactPolicy(budget=5, exclude_grades=()))


def test_an_empty_plan_is_a_plan():
    scores = market_of_scores(0).assign(net_value=-1.0)
    plan = allocate(scores, ContactPolicy(budget=10, channel_capacity={"email": 3}))
    assert plan.contacts.empty and plan.value == plan.bound == plan.gap == 0
    assert plan.summary()[0] == "No contact is worth making under these rules."


def test_a_table_without_candidates_is_refused():
    with pytest.raises(PolicyError, match="scores has 0 rows"):
        allocate(market_of_scores(0).iloc[:0])


def test_no_budget_leaves_free_contacts():
    scores = market_of_scores(1)
    scores.loc[scores["channel"] == "email", "cost"] = 0.0
    plan = allocate(scores, ContactPolicy(budget=0))
    assert set(plan.contacts["channel"]) == {"email"}


def test_identifiers_of_any_kind_are_kept():
    for ids in ([3, 1, 2], ["x", 1, 2.5], pd.Categorical(["b", "a", "b"])):
        scores = pd.DataFrame({"customer_id": ids, "product_id": [1, 2, 3], "net_value": [1.0, 2.0, 3.0]})
        assert set(allocate(scores).contacts["customer_id"]) == set(ids)


def test_the_summary_and_the_record_tell_the_plan():
    scores = market_of_scores(4, customers=40)
    plan = allocate(scores, ContactPolicy(channel_capacity={"call": 2}, holdout=0.3), rng=0)
    text = " ".join(plan.summary())
    assert f"{len(plan.outgoing)} contacts" in text
    assert "channel_capacity[call]" in text and "held out" in text
    record = json.loads(json.dumps(plan.to_dict()))
    assert record["contacts"] == len(plan.outgoing)
    assert record["policy"]["channel_capacity"] == {"call": 2}


@pytest.mark.parametrize(
    ("change", "policy", "words"),
    [
        ({"net_value": np.nan}, {}, "net_value is nan at row 0"),
        ({"net_value": np.inf}, {}, "net_value is inf at row 0"),
        ({"net_value": "much"}, {}, "net_value must hold numbers"),
        ({"cost": -1.0}, {}, "cost is -1.0 at row 0"),
        ({"cost": np.nan}, {"budget": 5}, "cost is nan at row 0"),
        ({"customer_id": None}, {}, "missing customer_id at row 0"),
        ({"channel": "EMail"}, {"channel_capacity": {"e-mail": 5}}, "names 'e-mail', the scores call it 'EMail'"),
    ],
)
def test_impossible_scores_are_refused(change, policy, words):
    with pytest.raises(PolicyError, match=words):
        allocate(market_of_scores(0).assign(**change), ContactPolicy(**policy))


@pytest.mark.parametrize(
    ("missing", "policy", "words"),
    [
        (["customer_id"], {}, "no column customer_id; it has product_id"),
        (["product_id"], {}, "neither product_id nor offer_id"),
        (["net_value"], {}, "net_value, or value, uplift and cost"),
        (["channel"], {"channel_capacity": {"email": 1}}, "limits by channel"),
        (["cost"], {"budget": 1}, "limits by cost"),
    ],
)
def test_missing_columns_are_named(missing, policy, words):
    with pytest.raises(PolicyError, match=words):
        allocate(market_of_scores(0).drop(columns=missing), ContactPolicy(**policy))


def test_other_than_a_frame_is_refused():
    with pytest.raises(PolicyError, match="not dict"):
        allocate({"customer_id": [1]})  # type: ignore[arg-type]


def test_exploration_without_room_names_the_conflict():
    scores = market_of_scores(0)
    policy = ContactPolicy(channel_capacity=dict.fromkeys(COSTS, 0), exploration=0.5)
    with pytest.raises(Infeasible) as conflict:
        allocate(scores, policy, rng=0)
    assert conflict.value.constraints == ("exploration", "channel_capacity")
