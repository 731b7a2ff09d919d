"""The plan page: what to do, what holds it back, and the name of the figures the order rests on."""

from __future__ import annotations

from dataclasses import replace

import graphrec
from graphrec.report import Findings, render_report
from graphrec.report.outreach import TOP_ROWS, build_outreach, plan_sentences
from graphrec.report.wording import money


def test_four_sentences_say_what_how_surely_how_good_and_what_limits(findings: Findings) -> None:
    assert findings.plan is not None and findings.plan.value_range is not None
    what, sure, good, limit = plan_sentences(findings)
    low, high = (money(end, findings.currency) for end in findings.plan.value_range)
    assert f"it is {low} to {high}:" in sure
    assert what.startswith(f"Make {len(findings.plan.outgoing)} contacts")
    assert "EUR" in what
    assert good.startswith(("It is the best plan", "No plan from these scores"))
    assert 'the capacity of the channel "email"' in limit


def test_the_table_holds_the_most_valuable_contacts_first(findings: Findings) -> None:
    assert findings.plan is not None
    sent = findings.plan.outgoing
    rows = build_outreach(findings)["plan"]["rows"]
    assert len(rows) == min(TOP_ROWS, len(sent))
    assert [row["net"][1] for row in rows] == sorted((row["net"][1] for row in rows), reverse=True)
    assert rows[0]["net"][1] == sent["net_value"].max()
    assert not set(findings.plan.contacts.query("arm == 'holdout'")["customer_id"]) & {r["customer"] for r in rows}


def test_histogram_counts_every_score_and_marks_the_plan(findings: Findings) -> None:
    assert findings.plan is not None and findings.scores is not None
    drawn = build_outreach(findings)["histogram"]
    counts = [int(bar.text.split(": ")[1].split(",")[0].replace(",", "")) for bar in drawn.bars]
    assert sum(counts) == len(findings.scores)
    assert any(bar.part > 0 for bar in drawn.bars)
    assert all(bar.part <= bar.height for bar in drawn.bars)


def test_an_upper_bound_is_never_called_an_effect(findings: Findings) -> None:
    assert findings.scores is not None
    scores = findings.scores.assign(basis="ceiling", uplift_high=0.02, grade="X")
    plan = graphrec.allocate(scores, graphrec.ContactPolicy(exclude_grades=()), rng=0)
    bounded = replace(findings, scores=scores, plan=plan)
    assert bounded.basis == "ceiling" and plan.value_range is None
    assert "worth at most" in plan_sentences(bounded)[0]
    assert {row["uplift"][0] for row in build_outreach(bounded)["plan"]["rows"]} == {"+2.0 pts"}
    text = render_report(bounded)
    assert text.count("not an estimate of it") == 4  # wherever figures stand: summary, plan, prescriptions, customer
    assert ">At most</th>" in text and ">Uplift</th>" not in text


def test_an_order_without_meaning_is_called_that(findings: Findings) -> None:
    assert findings.scores is not None
    nothing = replace(findings, scores=findings.scores.assign(basis="none"))
    assert "the order of the contacts means nothing" in render_report(nothing)


def test_every_reason_of_those_left_out_is_told(findings: Findings) -> None:
    assert findings.plan is not None
    told = build_outreach(findings)["plan"]["left_out"]
    assert len(told) == len(findings.plan.left_out)
    assert not any("_" in row["reason"] or "[" in row["reason"] for row in told)


def test_an_empty_plan_is_a_sentence(findings: Findings) -> None:
    assert findings.scores is not None
    plan = graphrec.allocate(findings.scores, graphrec.ContactPolicy(minimum_net_value=1e9), rng=0)
    poor = replace(findings, plan=plan)
    assert plan_sentences(poor) == ["No contact is worth making under these rules."]
    assert "The plan holds no contact to be made." in render_report(poor)


def test_scores_of_offers_and_without_money_are_shown(findings: Findings) -> None:
    assert findings.scores is not None
    scores = findings.scores.rename(columns={"product_id": "offer_id"})
    plan = graphrec.allocate(scores[["customer_id", "offer_id", "net_value"]], rng=0)
    shown = build_outreach(replace(findings, scores=scores, plan=plan))["plan"]
    assert shown["offer"] == "offer"
    assert shown["rows"][0]["uplift"][0] == "–"
