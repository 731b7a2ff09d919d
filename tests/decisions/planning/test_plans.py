"""Every rule of a plan, checked on the plan's rows by other means than those that made it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from graphrec.decisions.policy import ContactPolicy, Infeasible, PolicyError, allocate
from graphrec.market.tables import Market

COSTS = {"email": 0.1, "sms": 0.5, "call": 4.0}
SLOTS = {"dawn": "mon-fri 06:00-08:00", "noon": "mon-fri 12:00-14:00", "weekend": "sat,sun 10:00-12:00"}


def make_scores(seed, customers=12, candidates=5, offers=4):
    rng = np.random.default_rng(seed)
    n = customers * candidates
    channel = rng.choice(list(COSTS), n)
    cost = np.array([COSTS[c] for c in channel])
    uplift = rng.uniform(0.0, 0.2, n)
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i:03}" for i in range(customers)], candidates),
            "product_id": rng.choice([f"p{i}" for i in range(offers)], n),
            "channel": channel,
            "slot": rng.choice(list(SLOTS), n),
            "uplift": uplift,
            "uplift_low": uplift - rng.uniform(0.0, 0.2, n),
            "value": 40.0,
            "cost": cost,
            "net_value": 40 * uplift - cost,
            "region": np.repeat(rng.choice(["north", "south"], customers), candidates),
        }
    ).drop_duplicates(["customer_id", "product_id", "channel", "slot"])


def make_market(customers=12, sent=(), feedback=(), gone=(), people=None, consents=None):
    """Past contacts (customer, channel, day of March 2024); the record ends on 2024-03-31."""
    ids = [f"c{i:03}" for i in range(customers)]
    day = [f"2024-03-{d:02d} 09:00" for *_, d in sent]
    solicitations = pd.DataFrame(
        {"solicitation_id": range(len(sent)), "customer_id": [s[0] for s in sent], "sent_at": day,
         "channel": [s[1] for s in sent], "product_id": "p0"}
    )  # fmt: skip
    events = [("2024-03-31 10:00", "purchase", ids[0], "p0", None)]
    events += [(f"2024-03-{d:02d} 10:00", "unsubscribe", who, None, channel) for who, channel, d in gone]
    told = pd.DataFrame(feedback, columns=["customer_id", "created_at", "text", "score"])
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ids, "age": np.arange(customers) + 20.0}) if people is None else people,
        products=pd.DataFrame({"product_id": [f"p{i}" for i in range(4)], "stock": [1.0, 2.0, np.nan, 0.0]}),
        solicitations=solicitations if len(sent) else None,
        events=pd.DataFrame(events, columns=["event_time", "event_type", "customer_id", "product_id", "channel"]),
        feedback=told if len(told) else None,
        consents=consents,
        time_zone="Europe/Paris",
    )


def reasons(plan):
    return plan.left_out.set_index("reason")["candidates"].to_dict()


policies = st.fixed_dictionaries(
    {
        "max_contacts_per_customer": st.sampled_from([None, 1, 2, 3]),
        "channel_capacity": st.dictionaries(st.sampled_from(list(COSTS)), st.integers(0, 8), max_size=3),
        "slot_capacity": st.none() | st.just({"email": {"dawn": 2, "noon": 1}, "call": {"noon": 1}}),
        "stock": st.none() | st.dictionaries(st.sampled_from(["p0", "p1", "p2"]), st.integers(0, 4), min_size=1),
        "budget": st.none() | st.sampled_from([2.0, 9.5, 30.0]),
        "segment_pressure": st.none() | st.just({"north": 0.5}),
        "parity": st.none() | st.sampled_from([0.0, 0.2]),
        "exclusive": st.sampled_from([[], [{"offers": ["p0", "p1"]}], [{"channels": ["sms", "call"]}]]),
        "holdout": st.sampled_from([0.0, 0.2]),
        "exploration": st.sampled_from([0.0, 0.2]),
    }
)


def check(plan, scores, rules):
    """Every limit, on the contacts with and without the hold-out."""
    for contacts in (plan.contacts, plan.outgoing):
        assert not contacts.duplicated(["customer_id", "product_id"]).any()
        if rules["max_contacts_per_customer"] is not None and len(contacts):
            assert contacts.groupby("customer_id").size().max() <= rules["max_contacts_per_customer"]
        for channel, most in rules["channel_capacity"].items():
            assert (contacts["channel"] == channel).sum() <= most
        for channel, slots in (rules["slot_capacity"] or {}).items():
            for slot, most in slots.items():
                assert ((contacts["channel"] == channel) & (contacts["slot"] == slot)).sum() <= most
        for product, most in (rules["stock"] or {}).items():
            assert (contacts["product_id"] == product).sum() <= most
        if rules["budget"] is not None:
            assert contacts["cost"].sum() <= rules["budget"] * (1 + 1e-9)
        for rule in rules["exclusive"]:
            inside = contacts["product_id"].isin(rule.get("offers", contacts["product_id"].unique()))
            inside &= contacts["channel"].isin(rule.get("channels", contacts["channel"].unique()))
            assert contacts[inside].groupby("customer_id").size().max() <= 1 or not inside.any()
        sizes = scores.groupby("region")["customer_id"].nunique()
        for region, most in (rules["segment_pressure"] or {}).items():
            assert (contacts["region"] == region).sum() <= most * sizes.get(region, 0) + 1e-9
    planned = plan.contacts if rules["exploration"] == 0 else plan.contacts.iloc[:0]
    if rules["parity"] is not None and len(planned):
        rate = planned.groupby("region").size() / sizes
        assert rate.max() <= (1 + rules["parity"]) * len(planned) / sizes.sum() + 1e-9


def fit(rules, scores):
    """Rules for segments that exist."""
    regions = set(scores["region"])
    pressure = {name: most for name, most in (rules["segment_pressure"] or {}).items() if name in regions}
    return {**rules, "segment_pressure": pressure or None, "segments": "region"}


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), rules=policies)
def test_no_limit_is_ever_exceeded(seed, rules):
    scores = make_scores(seed)
    rules = fit(rules, scores)
    try:
        plan = allocate(scores, ContactPolicy.from_dict(rules), rng=seed)
    except Infeasible as conflict:
        assert "exploration" in conflict.constraints
        return
    check(plan, scores, rules)
    assert plan.bound >= plan.planned_value - 1e-9
    assert plan.contacts["propensity"].between(0, 1, inclusive="right").all()
    assert len(plan.contacts) + plan.left_out["candidates"].sum() == len(scores)
    assert not set(plan.nothing["customer_id"]) & set(plan.contacts["customer_id"])


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), rules=policies)
def test_permuting_the_customers_changes_nothing(seed, rules):
    scores = make_scores(seed)
    rules = ContactPolicy.from_dict(fit({**rules, "exploration": 0.0}, scores))
    first, second = (allocate(table, rules, rng=1) for table in (scores, scores.sample(frac=1, random_state=seed)))
    pd.testing.assert_frame_equal(first.contacts, second.contacts)
    pd.testing.assert_frame_equal(first.rules, second.rules)
    pd.testing.assert_frame_equal(first.nothing, second.nothing)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), rules=policies)
def test_a_larger_budget_bounds_at_least_what_a_smaller_one_is_worth(seed, rules):
    scores = make_scores(seed)
    rules = fit({**rules, "exploration": 0.0, "parity": None}, scores)
    small, large = (allocate(scores, ContactPolicy.from_dict({**rules, "budget": b})) for b in (4.0, 6.0))
    assert large.bound >= small.planned_value - 1e-9


def optimum(scores, policy):
    """The program written down again, row by row, and solved by HiGHS; minima and parity included."""
    rows, low, high = [], [], []

    def limit(mask, least, most):
        rows.append(np.asarray(mask, dtype=float))
        low.append(least)
        high.append(most)

    for _, group in scores.groupby("customer_id"):
        limit(scores.index.isin(group.index), 0, policy.max_contacts_per_customer or len(scores))
        for _, pair in group.groupby("product_id"):
            limit(scores.index.isin(pair.index), 0, 1)
    for product, least in (policy.minimum_exposure or {}).items():
        limit(scores["product_id"] == product, least, len(scores))
    for channel, most in (policy.channel_capacity or {}).items():
        limit(scores["channel"] == channel, 0, most)
    if policy.parity is not None:
        sizes = scores.groupby("region")["customer_id"].nunique()
        for region, size in sizes.items():
            share = (1 + policy.parity) * size / sizes.sum()
            limit((scores["region"] == region) - share, -np.inf, 0)
    value = scores["net_value"].to_numpy()
    must = scores["product_id"].isin(list(policy.minimum_exposure or {})).to_numpy()
    bounds = Bounds(0, ((value > 0) | must).astype(float))
    found = milp(-value, integrality=np.ones(len(value)), bounds=bounds, constraints=LinearConstraint(rows, low, high))
    return -found.fun


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limit", [1, 2])
def test_minima_and_parity_are_kept_at_the_least_cost(seed, limit):
    scores = make_scores(seed, customers=20).reset_index(drop=True)
    scores.loc[scores["product_id"] == "p3", "net_value"] -= 6.0  # nobody wants the new product
    policy = ContactPolicy(
        limit, channel_capacity={"email": 6, "sms": 7}, minimum_exposure={"p3": 4}, parity=0.1, segments="region"
    )
    plan, best = allocate(scores, policy), optimum(scores, policy)
    assert (plan.contacts["product_id"] == "p3").sum() >= 4
    rate = plan.contacts.groupby("region").size() / scores.groupby("region")["customer_id"].nunique()
    assert rate.max() <= 1.1 * len(plan.contacts) / 20 + 1e-9
    assert plan.value == pytest.approx(best, rel=1e-4)
    assert plan.shadow_prices["minimum_exposure[p3]"] < 0
    assert "must be made costs" in plan.rules.set_index("rule").loc["minimum_exposure[p3]", "sentence"]


def test_windows_count_past_contacts_overall_and_by_channel():
    sent = [
        ("c000", "email", 30),
        ("c000", "sms", 29),
        ("c001", "email", 30),
        ("c002", "call", 5),
        ("c003", "email", 2),
    ]
    market = make_market(sent=sent)
    rules = {
        "max_contacts_per_customer": None,
        "windows": [{"days": 7, "max_contacts": 2}, {"days": 28, "max_contacts": 1, "channel": "email"}],
    }
    plan = allocate(make_scores(0), ContactPolicy.from_dict(rules), market)
    made = plan.contacts.groupby("customer_id").size()
    assert "c000" not in made and made.get("c001", 0) <= 1
    assert made.max() == 2  # the others may have two
    emails = plan.contacts[plan.contacts["channel"] == "email"].groupby("customer_id").size()
    assert not {"c000", "c001"} & set(emails.index) and emails.max() == 1
    assert "c003" in set(allocate(make_scores(0), ContactPolicy.from_dict(rules), market).contacts["customer_id"])
    later = allocate(make_scores(0), ContactPolicy.from_dict(rules), market, at="2024-05-30")
    assert "c000" in set(later.contacts["customer_id"])
    prices = plan.rules.set_index("rule")["price"]
    assert prices["windows[7 days]"] > 0


def test_quiet_times_are_judged_in_the_markets_time_zone():
    market = make_market()
    table = make_scores(1)
    night = {"quiet": [{"start": "20:00", "end": "07:00"}], "slots": SLOTS}
    plan = allocate(table, ContactPolicy.from_dict(night), market, at="2024-04-01 09:00")
    assert set(plan.contacts["slot"]) <= {"noon", "weekend"}
    sunday = {"quiet": [{"weekdays": ["sat"], "channels": ["call"]}], "slots": SLOTS}
    plan = allocate(table, ContactPolicy.from_dict(sunday), market, at="2024-04-01 09:00")
    assert not ((plan.contacts["slot"] == "weekend") & (plan.contacts["channel"] == "call")).any()
    assert ((plan.contacts["slot"] == "weekend") & (plan.contacts["channel"] != "call")).any()
    # 22:30 UTC on Friday is half past midnight on Saturday in Paris
    bare = table.drop(columns="slot")
    weekend = ContactPolicy.from_dict({"quiet": [{"weekdays": ["sat"]}]})
    assert allocate(bare, weekend, market, at="2024-04-05 22:30+00:00").contacts.empty
    assert len(allocate(bare, weekend, market, at="2024-04-05 21:30+00:00").contacts)
    holidays = ContactPolicy.from_dict({"quiet": [{"first": "2024-04-01", "last": "2024-04-02"}]})
    assert allocate(bare, holidays, market, at="2024-04-02 12:00").contacts.empty
    assert len(allocate(bare, holidays, market, at="2024-04-03 12:00").contacts)


def test_complaints_bad_scores_and_farewells_buy_silence():
    feedback = [
        ("c000", "2024-03-30", "Please STOP contacting me", np.nan),
        ("c001", "2024-03-30", "Disappointed", 1.0),
        ("c002", "2024-03-30", "Lovely", 5.0),
        ("c003", "2023-03-30", "stop contacting me", 1.0),
    ]
    market = make_market(feedback=feedback, gone=[("c004", "email", 29)])
    rules = {
        "suppression": [
            {"after": "complaint", "days": 90, "words": ["stop contacting"]},
            {"after": "dissatisfaction", "days": 60, "score_at_most": 2},
            {"after": "unsubscribe", "days": 30},
        ]
    }
    plan = allocate(make_scores(2), ContactPolicy.from_dict(rules), market)
    assert not {"c000", "c001", "c004"} & set(plan.contacts["customer_id"])
    assert {"c002", "c003"} <= set(plan.contacts["customer_id"])
    assert plan.nothing.set_index("customer_id").loc["c000", "reason"] == "suppression[complaint, 90 days]"


def test_eligibility_looks_at_scores_customers_and_products_and_unknown_means_no():
    customers = pd.DataFrame({"customer_id": [f"c{i:03}" for i in range(12)], "age": [np.nan, 17.0, *range(30, 40)]})
    market = make_market(people=customers)
    rules = {
        "eligibility": [{"column": "age", "at_least": 18}, {"column": "stock", "at_least": 1, "channels": ["sms"]}]
    }
    plan = allocate(make_scores(3), ContactPolicy.from_dict(rules), market)
    assert not {"c000", "c001"} & set(plan.contacts["customer_id"])
    by_sms = plan.contacts[plan.contacts["channel"] == "sms"]
    assert set(by_sms["product_id"]) <= {"p0", "p1"}
    north = ContactPolicy.from_dict({"eligibility": [{"column": "region", "one_of": ["north"], "offers": ["p0"]}]})
    chosen = allocate(make_scores(3), north).contacts
    assert set(chosen.loc[chosen["product_id"] == "p0", "region"]) <= {"north"}


def test_stock_may_come_from_the_market():
    plan = allocate(make_scores(4), ContactPolicy(None, stock="market"), make_market())
    counts = plan.contacts["product_id"].value_counts()
    assert counts.get("p0", 0) <= 1 and counts.get("p1", 0) <= 2 and "p3" not in counts


def test_the_listed_and_the_opted_out_never_appear_whatever_is_drawn():
    consents = pd.DataFrame(
        {"customer_id": [f"c{i:03}" for i in range(0, 12, 2)], "channel": "email", "granted": [True, False] * 3}
    )
    market = make_market(consents=consents)
    policy = ContactPolicy(None, require_consent=True, exploration=0.5, do_not_contact=("c000",))
    for seed in range(8):
        plan = allocate(make_scores(5), policy, market, rng=seed)
        assert set(plan.contacts["customer_id"]) <= {"c004", "c008"}
        assert set(plan.contacts["channel"]) <= {"email"}
    with pytest.raises(PolicyError, match="customer 'c001' has no consent row"):
        allocate(make_scores(5), ContactPolicy(require_consent=True, missing_consent="refuse"), market)


def test_caution_plans_by_the_lower_bound():
    scores = make_scores(6)
    bold, careful = (allocate(scores, ContactPolicy(None, caution=caution)) for caution in (0.0, 1.0))
    assert len(careful.contacts) < len(bold.contacts)
    low = 40 * careful.contacts["uplift_low"] - careful.contacts["cost"]
    assert (low > 0).all()
    assert careful.value == pytest.approx(low.sum())


def test_segments_may_be_given_as_a_mapping():
    scores = make_scores(7).drop(columns="region")
    segments = {f"c{i:03}": "young" if i < 4 else "old" for i in range(12)}
    policy = ContactPolicy(segment_pressure={"young": 0.25})
    plan = allocate(scores, policy, segments=segments)
    assert plan.contacts["customer_id"].map(segments).eq("young").sum() == 1
    with pytest.raises(PolicyError, match="segments: customer 'c000' has none"):
        allocate(scores, policy, segments={k: v for k, v in segments.items() if k != "c000"})
    with pytest.raises(PolicyError, match="names 'yung'; the segments here are old, young"):
        allocate(scores, ContactPolicy(segment_pressure={"yung": 1.0}), segments=segments)


@pytest.mark.parametrize(
    ("rules", "constraints"),
    [
        ({"minimum_exposure": {"p9": 1}}, ("minimum_exposure[p9]", "candidates")),
        ({"minimum_exposure": {"p0": 5}, "channel_capacity": dict.fromkeys(COSTS, 1)}, None),
        ({"minimum_exposure": {"p0": 3}, "budget": 0.2}, ("minimum_exposure[p0]", "budget")),
        (
            {"minimum_exposure": {"p0": 1}, "eligibility": [{"column": "region", "one_of": ["east"]}]},
            ("minimum_exposure[p0]", "eligibility[region]"),
        ),
    ],
)
def test_a_conflict_is_named_by_the_smallest_set_found(rules, constraints):
    with pytest.raises(Infeasible) as conflict:
        allocate(make_scores(8), ContactPolicy.from_dict(rules))
    if constraints is None:  # five contacts by three channels of one each: all four are needed for the conflict
        constraints = (
            "channel_capacity[call]",
            "channel_capacity[email]",
            "channel_capacity[sms]",
            "minimum_exposure[p0]",
        )
        assert tuple(sorted(conflict.value.constraints)) == constraints
    else:
        assert conflict.value.constraints == constraints
    assert "minimum_exposure" in str(conflict.value)


def test_every_rule_has_a_price_and_a_sentence():
    market = make_market(sent=[("c000", "email", 30)])
    policy = ContactPolicy.from_dict(
        {
            "channel_capacity": {"email": 2, "sms": 100}, "budget": 10.0, "require_consent": False,
            "windows": [{"days": 7, "max_contacts": 1}], "eligibility": [{"column": "region", "one_of": ["north"]}],
        }
    )  # fmt: skip
    rules = allocate(make_scores(9, customers=40), policy, make_market(customers=40), at="2024-04-01").rules
    assert market.customers is not None
    table = rules.set_index("rule")
    assert set(table.index) >= {
        "channel_capacity[email]", "channel_capacity[sms]", "budget", "max_contacts_per_customer", "windows[7 days]",
        "eligibility[region]",
    }  # fmt: skip
    assert table.loc["channel_capacity[sms]", "sentence"].startswith("It costs nothing")
    assert table.loc["channel_capacity[email]", "price"] > 0
    assert table.loc["eligibility[region]", "price"] > 0
    assert (table["used"] <= table["amount"] + 1e-9)[table["kind"] == "shared"].all()


def test_lifting_a_rule_gains_at_most_its_price():
    scores = make_scores(10, customers=40)
    rules = {"channel_capacity": {"email": 5}, "budget": 12.0}
    closed = {**rules, "eligibility": [{"column": "region", "one_of": ["north"]}]}
    plan, free = allocate(scores, ContactPolicy.from_dict(closed)), allocate(scores, ContactPolicy.from_dict(rules))
    price = plan.rules.set_index("rule").loc["eligibility[region]", "price"]
    assert 0 < free.value - plan.value <= price + (plan.bound - plan.value) + 1e-6


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"windows": [{"days": 7, "max_contacts": 1}]}, r"windows\[7 days\] needs what happened before: pass market="),
        ({"stock": "market"}, "stock='market' needs the products"),
        ({"quiet": [{"weekdays": ["sun"]}], "slots": SLOTS}, "quiet needs the moment of the plan: pass at= or market="),
        ({"parity": 0.1}, "parity needs the segments"),
        ({"segments": "wealth"}, "segments names 'wealth'"),
        ({"eligibility": [{"column": "wealth", "at_least": 1}]}, r"eligibility\[wealth\] names a column"),
        ({"channel_capacity": {"Email": 3}}, "names 'Email', the scores call it 'email'"),
    ],
)
def test_a_rule_without_what_it_judges_by_is_refused(rules, words):
    with pytest.raises(PolicyError, match=words):
        allocate(make_scores(0), ContactPolicy.from_dict(rules))


def test_with_a_market_an_unknown_channel_is_refused():
    with pytest.raises(PolicyError, match="channel_capacity names 'fax'; the channels here are call, email, sms"):
        allocate(make_scores(0), ContactPolicy(channel_capacity={"fax": 3}), make_market())


def test_a_slot_without_a_time_is_refused_where_times_matter():
    policy = ContactPolicy.from_dict({"quiet": [{"weekdays": ["sun"]}], "slots": {"dawn": SLOTS["dawn"]}})
    with pytest.raises(PolicyError, match="quiet needs the time of slot 'noon'"):
        allocate(make_scores(0), policy, at="2024-04-01")


@pytest.mark.parametrize("limit", [1, 2])
def test_plans_too_large_for_an_exact_answer_keep_minima_and_parity_and_are_close(limit):
    scores = make_scores(11, customers=3000, candidates=8)
    scores.loc[scores["product_id"] == "p3", "net_value"] -= 5.0
    scores.loc[scores["region"] == "north", "net_value"] *= 1.5  # without parity the north would get most
    rules = {
        "max_contacts_per_customer": limit, "channel_capacity": {"email": 600, "call": 40}, "budget": 700.0,
        "minimum_exposure": {"p3": 200}, "parity": 0.1, "segments": "region",
    }  # fmt: skip
    plan = allocate(scores, ContactPolicy.from_dict(rules))
    rate = plan.contacts.groupby("region").size() / scores.groupby("region")["customer_id"].nunique()
    assert rate.max() <= 1.1 * len(plan.contacts) / 3000 + 1e-9
    assert (plan.contacts["product_id"] == "p3").sum() >= 200
    assert (plan.contacts["channel"] == "email").sum() <= 600 and plan.contacts["cost"].sum() <= 700 * (1 + 1e-9)
    assert 0 <= plan.gap <= 1e-3
    assert plan.shadow_prices["minimum_exposure[p3]"] < 0


def test_a_minimum_says_how_many_go_out_after_the_hold_out():
    table = pd.DataFrame({"customer_id": [f"c{i:02}" for i in range(20)], "product_id": "p", "net_value": -1.0})
    rules = {"minimum_exposure": {"p": 10}}
    plan = allocate(table, ContactPolicy.from_dict({**rules, "holdout": 0.5}), rng=0)
    assert 0 < len(plan.outgoing) < len(plan.contacts) == 10
    told = plan.rules.set_index("rule").loc["minimum_exposure[p]"]
    assert told["used"] == 10
    assert f"10 before hold-out and exploration; {len(plan.outgoing)} of" in told["sentence"]
    assert told["sentence"] in " ".join(plan.summary())
    assert "hold-out" not in allocate(table, ContactPolicy.from_dict(rules)).rules["sentence"].iloc[0]
