"""The leaderboard page: whole, self-contained, honest about what failed and what does not hold."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.outcomes import Tuning
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.winners import compare_last
from graphrec.report.leaderboard import render_leaderboard


def row(name: str, kind: str, value: float, **other: object) -> dict[str, object]:
    plain = {
        "name": name, "family": name, "settings": "", "kind": kind, "state": "complete", "value": value, "se": 1.0,
        "low": value - 2, "high": value + 2, "within_one_se": False, "winner": False, "seconds": 75.0,
        "cpu_seconds": 1.0, "peak_mb": 300.0, "reason": "", "trial": 1,
    }  # fmt: skip
    return {**plain, **other}


@pytest.fixture
def tuning() -> Tuning:
    nan = float("nan")
    rows = [
        row("X-learner", "drawn", 5.0, within_one_se=True, settings="clip 0.9"),
        row("DR-learner", "drawn", 4.5, winner=True, within_one_se=True),
        row("structured uplift", "default", 1.0),
        row("contact nobody", "reference", 0.0, trial=-1, seconds=nan, peak_mb=nan, family=""),
        row("EASE", "baseline", nan, state="failed", reason="DataError: <b>no</b> room", low=nan, high=nan),
    ]
    noise = np.random.default_rng(0).normal(size=40)
    scores = {"structured uplift": Score(noise + 1.0, np.ones(40)), "DR-learner": Score(noise, np.ones(40))}
    last = compare_last(scores, "DR-learner", ("structured uplift", "the default"), {}, 1)
    periods = {name: ["2024-01-01", "2024-03-01"] for name in ("train", "validation", "last")}
    config = RecommenderConfig(head="dr", clip=0.9, filter_settings={"ease": 1.0})
    return Tuning(
        "policy", config, pd.DataFrame(rows), "The sentence.", last, {**periods, "purge_days": 28}, "unit", 1.0
    )


def test_the_page_needs_nothing_else_and_runs_one_script(tuning: Tuning) -> None:
    page = render_leaderboard(tuning)
    assert page == render_leaderboard(tuning)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert page.count("<script>") == 1


def test_every_candidate_is_there_with_its_marks_and_reasons(tuning: Tuning) -> None:
    page = render_leaderboard(tuning)
    assert "The sentence." in page
    assert "&lt;b&gt;no&lt;/b&gt; room" in page and "<b>no</b> room" not in page
    for word in ("chosen", "default", "baseline", "reference", "failed", "within one standard error"):
        assert f">{word}</span>" in page
    assert "clip 0.9" in page and "ease 1" in page and "1.2 min" in page
    assert page.count('<tr class="winner">') == 1


def test_a_winner_that_does_not_hold_is_said_to(tuning: Tuning) -> None:
    page = render_leaderboard(tuning)
    assert "do not hold there" in page and ">worse<" in page
    assert "too little happened" in render_leaderboard(dataclasses.replace(tuning, last=None))
    assert tuning.last is not None
    again = dataclasses.replace(tuning, last=dataclasses.replace(tuning.last, looks=3))
    assert "looked at 3 times" in render_leaderboard(again)
