import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.planning.arms import draw_keys, hash_uniform, randomise, set_aside
from graphrec.decisions.planning.prices import choose
from graphrec.decisions.policy import ContactPolicy, allocate


def scores(customers=400, seed=0):
    rng = np.random.default_rng(seed)
    n = customers * 3
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(customers)], 3),
            "product_id": np.tile(["p", "q", "r"], customers),
            "channel": rng.choice(["email", "call"], n),
            "cost": 1.0,
            "net_value": rng.random(n) + 0.01,
        }
    )


def test_hashes_are_uniform_and_depend_on_the_key():
    ids = np.array([f"c{i}" for i in range(20_000)], dtype=object)
    first, second = hash_uniform(ids, 1), hash_uniform(ids, 2)
    assert abs(first.mean() - 0.5) < 4 * 0.289 / np.sqrt(20_000)
    assert np.abs(np.histogram(first, 10, (0, 1))[0] - 2000).max() < 4 * np.sqrt(1800)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(20_000)
    assert first.min() >= 0 and first.max() < 1


def test_the_hold_out_is_a_stable_random_share_of_the_customers():
    policy = ContactPolicy(holdout=0.2)
    plan = allocate(scores(4000), policy, rng=7)
    held = set(plan.contacts.loc[plan.contacts["arm"] == "holdout", "customer_id"])
    assert abs(len(held) / 4000 - 0.2) < 4 * np.sqrt(0.16 / 4000)
    fewer = allocate(scores(4000).iloc[3000:], policy, rng=7)
    kept = fewer.contacts[fewer.contacts["arm"] == "holdout"]["customer_id"]
    assert set(kept) == {c for c in held if int(c[1:]) >= 1000}
    other = allocate(scores(4000), policy, rng=8)
    assert set(other.contacts.loc[other.contacts["arm"] == "holdout", "customer_id"]) != held


def test_the_hold_out_only_withholds_and_is_not_outgoing():
    table = scores()
    full = allocate(table, ContactPolicy(channel_capacity={"call": 30}))
    plan = allocate(table, ContactPolicy(channel_capacity={"call": 30}, holdout=0.3), rng=0)
    columns = list(table.columns)
    pd.testing.assert_frame_equal(plan.contacts[columns], full.contacts[columns])
    assert plan.planned_value == pytest.approx(full.value)
    assert plan.value == pytest.approx(plan.outgoing["net_value"].sum())
    assert plan.value < full.value and plan.gap == full.gap
    assert not plan.outgoing["arm"].eq("holdout").any()


@pytest.mark.slow
def test_logged_probabilities_are_the_frequencies_over_ten_thousand_seeds(make):
    """Scarce channels, so that exploration is thinned: what is logged is still what happens."""
    customers, draws = 30, 10_000
    rng = np.random.default_rng(0)
    problem = make(
        customer=np.repeat(np.arange(customers), 3),
        offer=np.tile([0, 1, 2], customers),
        channel=rng.integers(0, 2, 3 * customers),
        value=rng.random(3 * customers),
        cost=np.ones(3 * customers),
        limit=1,
        capacity=np.array([12.0, np.inf]),
        budget=40.0,
    )
    policy, ids = ContactPolicy(holdout=0.25, exploration=0.35), np.array([f"c{i}" for i in range(customers)])
    reserve = set_aside(problem, policy)
    assert 0 < reserve.chance[problem.cells[:, 0] == 0].max() < 1 / 3  # thinned
    planned = choose(problem, problem.value)[0][:20]  # ten customers get nothing by plan
    made, withheld, propensity = np.zeros(90), np.zeros(90), np.full(90, np.nan)
    for seed in range(draws):
        found = randomise(problem, planned, ids, policy, draw_keys(policy, seed), reserve)
        out = found.arm != "holdout"
        made[found.rows[out]] += 1
        withheld[found.rows[~out]] += 1
        propensity[found.rows[out]] = found.propensity[out]
    chance = np.where(np.isin(np.arange(90), planned), 0.4, 0) + 0.35 * reserve.chance
    seen = ~np.isnan(propensity)
    assert propensity[seen] == pytest.approx(chance[seen])
    spread = np.sqrt(chance * (1 - chance) / draws)
    assert np.all(np.abs(made / draws - chance) <= 4.5 * spread + 1e-12)
    assert np.abs(withheld[planned] / draws - 0.25).max() < 4.5 * np.sqrt(0.25 * 0.75 / draws)


def test_room_is_set_aside_before_the_plan_and_never_exceeded(make):
    n = 4000
    problem = make(
        customer=np.repeat(np.arange(n), 2), offer=np.tile([0, 1], n), channel=np.tile([0, 1], n),
        value=np.ones(2 * n), cost=np.tile([3.0, 0.5], n), limit=1, capacity=np.array([200.0, 900.0]), budget=800.0,
    )  # fmt: skip
    policy, ids = ContactPolicy(exploration=0.1), np.arange(n)
    reserve = set_aside(problem, policy)
    assert np.all(reserve.amount < problem.limits.amount)
    nobody = np.zeros(0, dtype=np.int64)
    for seed in range(50):
        made = randomise(problem, nobody, ids, policy, draw_keys(policy, seed), reserve).rows
        counts = problem.counts(made)
        assert np.all(counts[:2] <= reserve.cells[:2])
        assert problem.cost[made].sum() <= reserve.money * (1 + 1e-9)


def dear_and_cheap(customers=20):
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(customers)] * 2,
            "product_id": ["p"] * customers + ["q"] * customers,
            "channel": ["email"] * customers + ["call"] * customers,
            "net_value": [3.0] * customers + [4.0] * customers,
            "cost": [0.1] * customers + [4.0] * customers,
        }
    )


def rising(plans):
    worth = np.array([[plan.planned_value, plan.bound] for plan in plans])
    return np.all(np.diff(worth, axis=0) >= -1e-6 * worth[1:])


@pytest.mark.parametrize("exploration", [0.001, 0.1, 0.4])
@pytest.mark.parametrize("table", [dear_and_cheap(), scores(40, 5)], ids=["two prices", "one price"])
def test_a_larger_budget_never_lowers_the_plan_or_its_bound(table, exploration):
    budgets = [1, 2, 3, 3.9, 4, 5, 8, 11, 20, 39, 40, 41, 60, 90, 200]
    assert rising([allocate(table, ContactPolicy(budget=b, exploration=exploration), rng=0) for b in budgets])


@pytest.mark.parametrize("exploration", [0.001, 0.1, 0.4])
def test_a_larger_capacity_never_lowers_the_plan_or_its_bound(exploration):
    capacities = [*range(1, 13), 20, 30, 50, 100, 300]
    policies = [ContactPolicy(channel_capacity={"call": c}, exploration=exploration) for c in capacities]
    assert rising([allocate(scores(60, 2), policy, rng=0) for policy in policies])


@pytest.mark.parametrize("exploration", [0.001, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("capacity", [1, 10, 25, 300])
def test_the_plan_keeps_all_but_the_explorers_share_of_a_limit(exploration, capacity):
    table = dear_and_cheap(300).query("channel == 'call'")
    room = capacity - int(exploration * capacity + 1e-9)
    plan = allocate(table, ContactPolicy(channel_capacity={"call": capacity}, exploration=exploration), rng=0)
    assert plan.planned_value == pytest.approx(4.0 * room)
    money = allocate(table, ContactPolicy(budget=4.0 * capacity, exploration=exploration), rng=0)
    assert money.planned_value >= 4.0 * np.floor((1 - exploration) * capacity - 1e-9)


def test_explorers_draw_nothing_that_their_share_of_the_budget_cannot_pay():
    plan = allocate(dear_and_cheap(), ContactPolicy(budget=30.0, exploration=0.1), rng=0)
    chance = plan.probabilities.groupby("channel")["probability"].min()
    assert chance["call"] == pytest.approx(0.9) and chance["email"] < 0.9


def test_a_plan_says_that_exploration_found_no_room():
    policy = ContactPolicy(channel_capacity={"call": 1}, exploration=0.001)
    plan = allocate(dear_and_cheap().query("channel == 'call'"), policy, rng=0)
    assert len(plan.contacts) == 1 and set(plan.contacts["arm"]) == {"plan"}
    assert any(line.startswith("No contact is random") for line in plan.summary())


def test_logged_propensities_recover_the_value_of_every_action():
    """Inverse propensity weights on the log of one randomised plan estimate the mean value of contacting by email."""
    table = scores(20_000, seed=3).assign(channel="email")
    plan = allocate(table, ContactPolicy(exploration=0.5), rng=0)
    made = plan.contacts
    estimate = (made["net_value"] / made["propensity"]).sum() / 20_000
    truth = table["net_value"].sum() / 20_000
    spread = np.sqrt(((made["net_value"] / made["propensity"]) ** 2).sum()) / 20_000
    assert abs(estimate - truth) < 4 * spread


@pytest.mark.parametrize("budget", [None, 120.0])
@pytest.mark.parametrize("seed", range(5))
def test_randomising_never_breaks_a_limit(budget, seed):
    policy = ContactPolicy(2, channel_capacity={"call": 20, "email": 150}, budget=budget, holdout=0.2, exploration=0.5)
    plan = allocate(scores(), policy, rng=seed)
    for contacts in (plan.contacts, plan.outgoing):
        assert contacts.groupby("customer_id").size().max() <= 2
        assert (contacts["channel"] == "call").sum() <= 20
        assert (contacts["channel"] == "email").sum() <= 150
        assert budget is None or contacts["cost"].sum() <= budget + 1e-9
    assert plan.contacts["propensity"].between(0, 1, inclusive="right").all()
    arms = plan.contacts.groupby("customer_id")["arm"].nunique()
    assert arms.max() == 1


def test_the_same_seed_gives_the_same_plan_and_a_generator_moves_on():
    policy = ContactPolicy(holdout=0.2, exploration=0.2)
    first, again = (allocate(scores(), policy, rng=5).contacts for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    generator = np.random.default_rng(5)
    pd.testing.assert_frame_equal(allocate(scores(), policy, rng=generator).contacts, first)
    assert not allocate(scores(), policy, rng=generator).contacts.equals(first)
