from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.planning.consents import consenting
from graphrec.decisions.policy import ContactPolicy, PolicyError, allocate


def market(rows, unsubscribed=(), customers=("ann", "bob")):
    """Consents (customer, channel, granted, changed_at, purpose) and unsubscriptions (customer, channel, time)."""
    consents = pd.DataFrame(rows, columns=["customer_id", "channel", "granted", "changed_at", "purpose"])
    consents["changed_at"] = pd.to_datetime(consents["changed_at"], utc=True)
    events = pd.DataFrame(unsubscribed, columns=["customer_id", "channel", "event_time"])
    events["event_time"] = pd.to_datetime(events["event_time"], utc=True)
    return SimpleNamespace(
        customers=pd.DataFrame({"customer_id": list(customers)}),
        consents=consents,
        events=events.assign(event_type="unsubscribe"),
    )


def allowed(where, purpose=None):
    found = consenting(where, np.array(["ann", "bob"], dtype=object), ["email", "call"], purpose)
    names = ["ann email", "ann call", "bob email", "bob call"]
    return [name for name, yes in zip(names, found.ravel()) if yes]


def yes(customer, channel, when, purpose=None):
    return (customer, channel, True, when, purpose)


def no(customer, channel, when, purpose=None):
    return (customer, channel, False, when, purpose)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([yes("ann", "email", "2024-01-01")], ["ann email"]),
        ([yes("ann", "email", "2024-01-01"), no("ann", "email", "2024-02-01")], []),
        ([no("ann", "email", "2024-01-01"), yes("ann", "email", "2024-02-01")], ["ann email"]),
        ([yes("ann", "email", None)], ["ann email"]),
        ([no("ann", "email", None), yes("ann", "email", "2024-02-01")], ["ann email"]),
        ([yes("ann", "email", None), no("ann", "email", "2024-02-01")], []),
        ([yes("ann", "email", None), no("ann", "email", None)], []),
        ([yes("ann", "email", "2024-01-01"), no("ann", "email", "2024-01-01")], []),
        ([yes("ann", "email", "2024-01-01", "ads"), no("ann", "email", "2023-01-01", "profiling")], []),
        ([("ann", "email", None, "2024-01-01", None), yes("bob", "call", "2024-01-01")], ["bob call"]),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_latest_dated_answer_counts_and_doubt_means_no(rows, expected, reverse):
    assert allowed(market(rows[::-1] if reverse else rows)) == expected


def test_a_purpose_looks_at_its_own_answers_and_at_general_ones():
    rows = [
        yes("ann", "email", "2024-01-01", "ads"),
        no("ann", "email", "2024-01-01", "profiling"),
        yes("bob", "email", "2024-01-01"),
        yes("bob", "call", "2024-01-01", "profiling"),
    ]
    assert allowed(market(rows), "ads") == ["ann email", "bob email"]


def test_an_unsubscription_revokes_what_came_before_it():
    rows = [yes("ann", "email", "2024-01-01"), yes("ann", "call", None), yes("bob", "email", "2024-03-01")]
    assert allowed(market(rows, [("ann", "email", "2024-02-01")])) == ["ann call", "bob email"]
    assert allowed(market(rows, [("ann", None, "2024-02-01")])) == ["bob email"]
    assert allowed(market(rows, [("bob", None, "2024-02-01")])) == ["ann email", "ann call", "bob email"]
    assert allowed(market(rows, [("eve", None, "2025-02-01")])) == ["ann email", "ann call", "bob email"]


def test_answers_and_unsubscriptions_after_the_moment_do_not_count():
    rows = [
        yes("ann", "email", "2024-03-01"),
        yes("ann", "call", "2024-01-01"),
        yes("bob", "call", "2024-01-01"),
        no("bob", "call", "2024-03-01"),
    ]
    where = market(rows, [("ann", "call", "2024-03-01")])
    scores = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "bob"],
            "product_id": "p",
            "channel": ["email", "call", "call"],
            "net_value": 1.0,
        }
    )
    policy = ContactPolicy(None, require_consent=True)

    def contacted(at):
        made = allocate(scores.assign(product_id=["p", "q", "p"]), policy, where, at=at).contacts
        return sorted(made["customer_id"] + " " + made["channel"])

    where.time_zone = "UTC"
    assert contacted("2024-02-01") == ["ann call", "bob call"]
    assert contacted("2024-03-01") == contacted(None) == ["ann email"]
    assert contacted("2023-12-31") == []
    strict = ContactPolicy(require_consent=True, missing_consent="refuse")
    with pytest.raises(PolicyError, match="has no consent row"):
        allocate(scores, strict, where, at="2023-12-31")
    assert len(allocate(scores, strict, where, at="2024-02-01").contacts) == 2


def test_the_opted_out_never_appear_in_a_plan():
    rng = np.random.default_rng(0)
    ids = [f"c{i}" for i in range(60)]
    rows = [
        (customer, channel, bool(rng.random() < 0.5), f"2024-01-{rng.integers(1, 28):02d}", None)
        for customer in ids
        for channel in ("email", "call")
        for _ in range(rng.integers(0, 3))
    ]
    where = market(rows, customers=ids)
    n = 60 * 4
    scores = pd.DataFrame(
        {
            "customer_id": np.repeat(ids, 4),
            "product_id": np.tile(["p", "q", "p", "q"], 60),
            "channel": np.tile(["email", "email", "call", "call"], 60),
            "net_value": rng.random(n),
        }
    )
    policy = ContactPolicy(None, require_consent=True, exploration=0.3)
    plan = allocate(scores, policy, where, rng=0)
    granted = consenting(where, np.array(ids, dtype=object), ["email", "call"])
    may = {
        (customer, channel)
        for i, customer in enumerate(ids)
        for j, channel in enumerate(("email", "call"))
        if granted[i, j]
    }
    assert 0 < len(may) < 120
    assert set(zip(plan.contacts["customer_id"], plan.contacts["channel"])) <= may
    assert plan.left_out.set_index("reason").loc["no consent", "candidates"] == 2 * (120 - len(may))


def test_a_consent_rule_without_a_market_is_refused():
    scores = pd.DataFrame({"customer_id": [1], "product_id": [1], "channel": ["email"], "net_value": [1.0]})
    with pytest.raises(PolicyError, match="pass market="):
        allocate(scores, ContactPolicy(require_consent=True))


def test_a_market_of_other_customers_is_refused():
    scores = pd.DataFrame({"customer_id": [1], "product_id": [1], "channel": ["email"], "net_value": [1.0]})
    with pytest.raises(PolicyError, match="none of the customers"):
        allocate(scores, ContactPolicy(require_consent=True), market([]))
