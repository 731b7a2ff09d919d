"""The page says how far a model may be trusted, in the words of the objects themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.ladder import Ladder
from graphrec.decisions.guard import Guard
from graphrec.decisions.judgement import Judgement
from graphrec.evaluation.calibration import CalibrationTable
from graphrec.learning.credibility.badcontrols import ControlAudit
from graphrec.learning.credibility.recalibration import Recalibration
from graphrec.report import Findings, render_report
from graphrec.report.contents import ReportError
from graphrec.report.trust import build_trust


@pytest.fixture
def judgement() -> Judgement:
    guard = Guard("mail", 0.30, 0.31, -0.01, (-0.02, 0.0), 0.95, 0.6)
    two = np.array([0.2, 0.1])
    table = CalibrationTable(two, two, two - 0.1, two + 0.1, np.array([1_000, 1_000]))
    return Judgement(guard, Recalibration(0.9, 0.0, (0.7, 1.1), False, 0.0, table))


def test_the_constant_is_advised_where_choosing_does_not_pay(findings: Findings, judgement: Judgement) -> None:
    page = render_report(replace(findings, judgement=judgement))
    assert judgement.guard.sentence in page and "Prefer the simple action" in page
    assert "right in size" in page
    said = build_trust(replace(findings, judgement=judgement))["judged"]
    assert said["advised"] == "mail" and said["refused"] and said["deciles"][0] == ("+0.2000", "+0.2000", "1,000")


def test_a_bad_control_is_shown_with_the_sign_it_would_have_turned(
    findings: Findings, ladders: dict[str, Ladder]
) -> None:
    adjusted = ladders["call"].adjusted
    assert adjusted is not None
    wrong = replace(adjusted, value=-0.3, interval=(-0.4, -0.2))
    audit = ControlAudit({"duration": "it comes after the contact"}, ladders["call"].naive, adjusted, wrong, {})
    page = render_report(replace(findings, audit=audit))
    assert "The sign turns with all of them: a bad control." in page and "-0.3000" in page
    assert build_trust(replace(findings, audit=audit))["audit"]["flips"]


def test_the_front_door_average_is_shown_beside_the_naive_one_with_what_it_rests_on(
    findings: Findings, ladders: dict[str, Ladder]
) -> None:
    adjusted = ladders["call"].adjusted
    assert adjusted is not None
    naive = replace(adjusted, value=0.31, naive=None)
    found = replace(adjusted, value=0.12, naive=naive, assumptions=("Visits carry all of it.",), meaning="A mean.")
    page = render_report(replace(findings, front_door=found))
    assert "front-door): +0.1200" in page and "naive difference +0.3100" in page
    assert "Visits carry all of it." in page and "nothing is ranked by it" in page
    assert "front-door" not in render_report(findings)


def test_grades_have_reasons_and_probabilities_a_table(findings: Findings) -> None:
    trust = build_trust(findings)
    assert findings.model is not None
    assert trust["compared"]["sentence"].endswith("rows.") and len(trust["compared"]["calibration"]) > 3
    doubted = {channel for channel, grade in findings.model.effects.grades.items() if grade in "CX"}
    assert {channel for channel, _, _ in trust["grades"]} == doubted


def test_what_was_not_made_is_said(findings: Findings) -> None:
    page = render_report(findings)
    assert "was not judged on customers left out" in page and "No audit of bad controls was made" in page
    with pytest.raises(ReportError, match="judgement"):
        replace(findings, judgement="yes")
