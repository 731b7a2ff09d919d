"""Silence after an unhappy word: whom, until when, in a sentence, and never by what was said later."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec import Market, read_feedback
from graphrec.decisions.audit import silence_table
from graphrec.decisions.policy import ContactPolicy, PolicyError, allocate
from graphrec.report.rulenames import why_out

CUSTOMERS = [f"c00{i}" for i in range(5)]


def make_scores(seed):
    uplift = np.random.default_rng(seed).uniform(0.1, 0.2, len(CUSTOMERS))
    return pd.DataFrame(
        {
            "customer_id": CUSTOMERS,
            "product_id": "p0",
            "channel": "email",
            "uplift": uplift,
            "value": 40.0,
            "cost": 0.1,
            "net_value": 40 * uplift - 0.1,
        }
    )


def make_market(feedback):
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": CUSTOMERS}),
        products=pd.DataFrame({"product_id": ["p0"]}),
        solicitations=None,
        events=pd.DataFrame({"event_time": ["2024-03-31 10:00"], "event_type": ["visit"], "customer_id": ["c000"]}),
        feedback=pd.DataFrame(feedback, columns=["customer_id", "created_at", "text", "score"]),
        time_zone="Europe/Paris",
    )


def test_unhappy_texts_buy_silence_until_a_day_and_in_a_sentence():
    feedback = [
        ("c000", "2024-03-30", "Livraison en retard, je suis très déçu", np.nan),
        ("c001", "2024-03-30", "The app is great, thank you", np.nan),
        ("c002", "2023-03-30", "Terrible service, never again", np.nan),
        ("c003", "2024-04-30", "Terrible service, never again", np.nan),
    ]
    market = make_market(feedback=feedback)
    policy = ContactPolicy.from_dict({"quiet_after_complaint_days": 30})
    assert ContactPolicy.from_dict(policy.to_dict()) == policy
    plan = allocate(make_scores(2), policy, market, at="2024-04-01 09:00")
    contacted = set(plan.contacts["customer_id"])
    assert "c000" not in contacted and {"c001", "c002"} <= contacted
    assert "c003" in contacted  # what is said after the moment of the plan is not known yet
    reason = plan.nothing.set_index("customer_id").loc["c000", "reason"]
    assert reason == "suppression[unhappy feedback, 30 days]"
    assert why_out(reason) == "The customer is left alone: silence after unhappy feedback for 30 days."
    told = silence_table(policy, read_feedback(market), at="2024-04-01 09:00")
    assert told["customer_id"].tolist() == ["c000"] and told["rule"].tolist() == [reason]
    assert told["sentence"][0] == "Left alone until 2024-04-29: unhappy feedback on 2024-03-30, about delivery."
    assert silence_table(ContactPolicy(), market).empty


def test_a_rule_on_words_is_refused_where_no_words_were_kept():
    market = make_market(feedback=[("c000", "2024-03-30", "", 1.0)])
    for rules in (
        {"quiet_after_complaint_days": 9},
        {"suppression": [{"after": "complaint", "days": 9, "words": ["x"]}]},
    ):
        with pytest.raises(PolicyError, match="needs the words of the feedback"):
            allocate(make_scores(2), ContactPolicy.from_dict(rules), market)
    with pytest.raises(PolicyError, match="quiet_after_complaint_days is 0; it must be a whole number of at least 1"):
        ContactPolicy(quiet_after_complaint_days=0)
    with pytest.raises(PolicyError, match=r"suppression\[unhappy feedback, 9 days\] needs what happened before"):
        allocate(make_scores(2), ContactPolicy(quiet_after_complaint_days=9))
