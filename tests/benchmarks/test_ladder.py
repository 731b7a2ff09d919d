"""The benchmark's own arithmetic: a perfect ranking captures everything, chance nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causal.ladder import evidence_ladder

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.ladder import _captured, ladder_table


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Two campaigns of two channels, and how large each customer's effect is."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"offer": np.repeat([1, 2], 2_000), "channel": np.repeat(["mail", "phone"], 2_000)})
    return frame.assign(
        effect=draw.exponential(0.1, 4_000), luck=draw.random(4_000), worst=lambda table: -table["effect"]
    )


def test_the_ranking_by_the_truth_captures_everything_and_chance_nothing(rows: pd.DataFrame) -> None:
    assert set(_captured(rows, "effect")) == {"mail", "phone", "all"}
    assert list(_captured(rows, "effect").values()) == pytest.approx([1.0, 1.0, 1.0])
    assert _captured(rows, "luck")["all"] == pytest.approx(0.0, abs=0.1)
    assert _captured(rows, "worst")["all"] < -0.3


def test_a_rung_that_was_not_climbed_is_a_dash() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"mailed": draw.random(400) < 0.5, "lines": draw.random(400) < 0.05})
    table = ladder_table({"mail": evidence_ladder(frame.astype(int), "mailed", "lines", [], rng=0)[1]})
    assert table.loc["adjusted", "mail"] == table.loc["placebo", "mail"] == "-"
    assert table.loc["verdict", "mail"] == "no estimate"
