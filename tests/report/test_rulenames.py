"""Rules on the plan page: every one in plain English, with what it allows, uses and costs."""

from __future__ import annotations

from dataclasses import replace

import graphrec
from graphrec.report import Findings, render_report
from graphrec.report.outreach import build_outreach
from graphrec.report.rulenames import name_rule, why_out

RULES = {
    "channel_capacity": {"email": 20},
    "stock": {"P001": 3},
    "budget": 30.0,
    "quiet": [{"weekdays": ["sun"], "channels": ["call"]}],
    "eligibility": [{"column": "rank", "at_most": 2}],
    "do_not_contact": ["C001"],
}


def test_the_page_prices_every_rule_and_says_who_gets_nothing(findings: Findings) -> None:
    assert findings.scores is not None
    plan = graphrec.allocate(findings.scores, graphrec.ContactPolicy.from_dict(RULES), at="2024-06-02", rng=0)
    shown = build_outreach(replace(findings, plan=plan))["plan"]
    names = {row["name"] for row in shown["limits"]}
    assert names >= {'The capacity of the channel "email"', "The budget", "The number of contacts per customer"}
    told = shown["limits"] + shown["nothing"] + shown["left_out"]
    assert not any("[" in text for row in told for text in row.values())
    assert sum(int(row["customers"].replace(",", "")) for row in shown["nothing"]) == len(plan.nothing)
    used = {row["name"]: row["amount"] for row in shown["limits"]}
    assert used['The capacity of the channel "email"'] == "20"
    text = render_report(replace(findings, plan=plan))
    assert "Who gets nothing, and why" in text and "The customer is on the list" in text


def test_every_rule_of_a_policy_has_a_name_and_a_reason() -> None:
    for name in (
        "slot_capacity[call, noon]", "stock[p]", "segment_pressure[north]", "parity[north]", "windows[7 days]",
        "windows", "exclusive[0]", "quiet[sat, sun]", "suppression[complaint, 90 days]", "eligibility[age]",
        "do_not_contact",
    ):  # fmt: skip
        assert "_" not in name_rule(name) and "[" not in name_rule(name)
        assert (why_out(name) or "").endswith(".")
    assert name_rule("something else") == "something else" and why_out("no consent") is None
