"""The report says which effect would have been seen, and softens nothing."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from causal.ladder import Ladder
from graphrec.report import Findings, ReportError
from graphrec.report.sensitivity import build_sensitivity, first_page_words
from graphrec.report.summary import build_summary


def sentences(findings: Findings) -> dict[str, str]:
    found = build_sensitivity(findings)
    assert found is not None
    return {part["channel"]: part["sentence"] for part in found["channels"]}


def table(findings: Findings) -> pd.DataFrame:
    assert findings.planted is not None
    return findings.planted


def test_the_smallest_size_that_was_seen_is_the_answer(findings: Findings) -> None:
    said = sentences(findings)["email"]
    assert said.startswith("Yes, from +4.0 pts on: a contact that adds 50 % to the purchases of its offer was seen")
    assert "in 4 of 4 tries. One of +0.80 pts was seen in 1 of 4." in said


def test_a_channel_without_an_estimate_says_why(findings: Findings) -> None:
    said = sentences(findings)["letter"]
    assert said.startswith("No: even with a contact that doubles the purchases") and "too few" in said


def test_a_larger_size_that_was_missed_is_not_passed_over(findings: Findings) -> None:
    """A small size seen by luck does not make up for a larger one that was not."""
    lucky = table(findings).replace({"detected": {1.0: 0.5, 0.25: 1.0}})
    assert sentences(replace(findings, planted=lucky))["email"].startswith(
        "No: even a contact that doubles the purchases of its offer (+8.0 pts) was seen in 2 of 4 tries only."
    )


def test_a_size_that_was_never_seen_is_said_so(findings: Findings) -> None:
    missed = table(findings).assign(detected=0.0)
    assert "was seen in none of 4 tries" in sentences(replace(findings, planted=missed))["email"]


def test_false_alarms_are_shown_and_are_no_effect_that_was_seen(findings: Findings) -> None:
    alarmed = table(findings).assign(detected=1.0)
    part = next(p for p in build_sensitivity(replace(findings, planted=alarmed))["channels"] if p["channel"] == "email")  # type: ignore[index]
    assert part["rows"][-1]["lift"] == "none" and part["rows"][-1]["detected"] == "4 of 4"
    assert part["sentence"].startswith("Yes, from +0.80 pts on")


def test_an_effect_that_the_ceiling_rules_out_is_named(findings: Findings, ladders: dict[str, Ladder]) -> None:
    low = replace(ladders["email"], ceiling=0.01)
    said = sentences(replace(findings, ladders={"email": low}))["email"]
    assert said.endswith("By its redemptions a contact brings 1.0 pts at most, less than any size that was seen.")
    assert "redemptions" not in sentences(replace(findings, ladders={"email": replace(low, ceiling=0.5)}))["email"]


def test_shares_are_printed_as_counts(findings: Findings) -> None:
    found = build_sensitivity(findings)
    assert found is not None and found["tries"] == "4"
    assert found["coverage"] == "Over all sizes, 15 of 16 intervals (93.8 %) held the planted truth."
    (email, letter) = (part["rows"] for part in found["channels"])
    assert [row["lift"] for row in email] == ["doubled", "+50 %", "+10 %", "none"]
    assert email[1] | {"share": ""} == {
        "lift": "+50 %", "effect": "+4.0 pts", "detected": "4 of 4", "share": "", "naive": "+5.0 pts",
        "error": "+0.20 pts", "coverage": "3 of 4",
    }  # fmt: skip
    assert letter[0]["error"] == "no estimate" and letter[0]["detected"] == "0 of 4"


def test_the_first_page_answers_for_every_channel(findings: Findings) -> None:
    words = first_page_words(findings)
    assert "yes through email from +4.0 pts on" in words
    assert "not even one that doubles the purchases of its offer through letter" in words
    assert words in [claim["text"] for claim in build_summary(findings)["claims"]]


def test_nothing_planted_is_nothing_said(findings: Findings) -> None:
    for planted in (None, table(findings).head(0)):
        bare = replace(findings, planted=planted)
        assert build_sensitivity(bare) is None and first_page_words(bare) == ""


def test_another_table_is_refused() -> None:
    with pytest.raises(ReportError, match="planted lacks the columns channel, effect"):
        Findings(planted=pd.DataFrame({"size": [1.0]}))
