"""The page on claims softens no verdict and hides no doubt."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from causal.ladder import Ladder
from graphrec.decisions.comparison import ON_TWINS
from graphrec.learning.adjustment import Adjustment
from graphrec.report import Findings, render_report
from graphrec.report.claims import build_claims, channel_grades
from graphrec.report.scales import outcome_unit
from graphrec.report.summary import build_summary
from graphrec.report.wording import POINTS, RAW


def test_each_verdict_is_said_with_its_figure(findings: Findings) -> None:
    said = {part["channel"]: part["sentence"] for part in build_claims(findings)["ladders"]}
    assert said["call"] == "A contact changes the outcome by +4.0 pts (+2.0 to +6.0 pts)."
    assert "+5.0 pts" in said["email"] and "cannot have caused" in said["email"]
    assert "9.0 pts" in said["mailing"] and "6.0 pts" in said["mailing"]
    assert said["letter"] == "No estimate: 12 events."


def test_a_supported_effect_without_placebo_or_ceiling_says_so(ladders: dict[str, Ladder]) -> None:
    bare = replace(ladders["call"], placebo=None, ceiling=None)
    (part,) = build_claims(Findings(ladders={"call": bare}))["ladders"]
    assert "No placebo was given" in part["sentence"]
    assert "no ceiling was given" in part["sentence"]
    assert [row.text or row.note for row in part["chart"].rows][2] == "not made"


def test_a_supported_interval_around_zero_is_no_effect(findings: Findings, ladders: dict[str, Ladder]) -> None:
    call = ladders["call"]
    assert call.adjusted is not None
    nil = replace(call, adjusted=replace(call.adjusted, value=0.004, interval=(-0.01, 0.018)))
    (part,) = build_claims(replace(findings, ladders={"call": nil}))["ladders"]
    assert part["sentence"].startswith("No effect is shown: +0.4 pts (−1.0 to +1.8 pts).")


def test_the_chart_puts_every_rung_on_one_scale(ladders: dict[str, Ladder]) -> None:
    (part,) = build_claims(Findings(ladders={"call": ladders["call"]}))["ladders"]
    rows, marks = part["chart"].rows, {mark.style: mark.at for mark in part["chart"].marks}
    naive, adjusted, placebo, _ = rows
    assert naive.centre > adjusted.left > placebo.centre > 0
    assert adjusted.left < adjusted.centre < adjusted.right
    assert marks["zero"] < marks["detectable"] < marks["ceiling"]


def test_the_first_page_names_every_channel_under_its_verdict(ladders: dict[str, Ladder]) -> None:
    text = " ".join(claim["text"] for claim in build_summary(Findings(ladders=ladders))["claims"])
    for channel, verdict in (("call", "supported"), ("email", "not identified"), ("letter", "no estimate")):
        assert f"Channel {channel}: {verdict}." in text


def test_a_refusal_is_the_first_thing_claimed(findings: Findings) -> None:
    assert findings.model is not None
    effects = findings.model.effects
    refused = Adjustment(("wealth",), ("wealth",), refusal="a hidden cause joins contact and purchase")
    model = SimpleNamespace(
        panel=findings.model.panel, graph=findings.model.graph, effects=replace(effects, adjustment=refused)
    )
    first = build_summary(replace(findings, model=model))["claims"][0]
    assert first["mark"] == "bad"
    assert "A hidden cause joins contact and purchase." in first["text"]
    assert "cannot be learned" in render_report(replace(findings, model=model))


def test_grades_of_the_scores_overrule_those_of_the_fit(findings: Findings) -> None:
    assert findings.scores is not None
    worse = findings.scores.assign(grade="X")
    assert set(channel_grades(replace(findings, scores=worse)).values()) == {"X"}


def test_figures_are_points_only_where_the_outcome_is_yes_or_no(findings: Findings) -> None:
    assert findings.model is not None
    panel = findings.model.panel
    assert outcome_unit(findings) == POINTS
    spent = replace(panel, frame=panel.frame.assign(outcome=panel.frame["outcome"] * 12.5))
    model = SimpleNamespace(panel=spent, graph=findings.model.graph, effects=findings.model.effects)
    assert outcome_unit(replace(findings, model=model)) == RAW


def test_columns_beyond_the_limit_after_weighting_are_counted(findings: Findings) -> None:
    assert findings.model is not None
    balance = findings.model.effects.exposure.balance
    shown = build_claims(findings)["balance"]
    over = sum(row.style == "over" for row in shown["chart"].rows)
    assert over == int((balance["after"].abs() > 0.1).sum())
    assert len(shown["chart"].rows) == len(balance)


def test_a_placebo_on_other_offers_is_not_called_the_period_before(ladders: dict[str, Ladder]) -> None:
    (before,) = build_claims(Findings(ladders={"email": ladders["email"]}))["ladders"]
    assert "in the period before" in before["sentence"] and "period before" in before["table"][2]["note"]
    twins = replace(ladders["email"], placebo_where=ON_TWINS)
    (part,) = build_claims(Findings(ladders={"email": twins}))["ladders"]
    assert "on offers that the contact was not about" in part["sentence"]
    assert "period before" not in str(part["table"]) + part["sentence"] + str(part["chart"])


def test_a_ladder_of_purchase_lines_is_not_read_as_a_chance(findings: Findings, ladders: dict[str, Ladder]) -> None:
    call = ladders["call"]
    lines = replace(call, naive=replace(call.naive, outcome="lines"))
    (part,) = build_claims(replace(findings, ladders={"call": lines}))["ladders"]
    assert part["unit"].startswith("purchase lines")
    assert "+0.040 lines" in part["sentence"] and "pts" not in part["sentence"]
    (row,) = (r for r in build_summary(replace(findings, ladders={"call": lines}))["channels"] if r["verdict"])
    assert row["naive"] == "+0.12 lines"


def test_a_supported_channel_without_a_placebo_is_a_warning(ladders: dict[str, Ladder]) -> None:
    bare = replace(ladders["call"], placebo=None)
    (claim,) = (c for c in build_summary(Findings(ladders={"call": bare}))["claims"] if "supported" in c["text"])
    assert claim["mark"] == "warn" and "unchecked" in claim["text"]


def test_where_the_probabilities_come_from_is_said(findings: Findings) -> None:
    assert findings.model is not None
    effects = findings.model.effects
    assert "logged the probability of 100 % of its contacts" in build_claims(findings)["balance"]["logged"]
    silent = replace(effects, exposure=replace(effects.exposure, logged_share=0.0))
    model = SimpleNamespace(panel=findings.model.panel, graph=findings.model.graph, effects=silent)
    assert "log it with every contact" in build_claims(replace(findings, model=model))["balance"]["logged"]


def test_a_page_of_a_plan_alone_sends_to_the_evidence_and_does_not_deny_it(findings: Findings) -> None:
    (claim,) = build_summary(Findings(plan=findings.plan, scores=findings.scores))["claims"]
    assert claim["mark"] == "note" and "report of the model" in claim["text"]
    (claim,) = build_summary(Findings())["claims"]
    assert claim["mark"] == "warn" and "nothing may be claimed" in claim["text"]
