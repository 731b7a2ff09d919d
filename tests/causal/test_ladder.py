"""Verdicts on panels whose truth is planted."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.ladder import evidence_ladder


def panel(n=6_000, seed=0, effect=0.3, hidden=0.0, reach=0.0, rate=1.0):
    """Households whose activity drives targeting and purchases; ``hidden`` adds a taste nobody recorded."""
    draw = np.random.default_rng(seed)
    activity = draw.gamma(3.0, 1 / 3, size=n)
    taste = draw.gamma(3.0, 1 / 3, size=n)
    score = reach + 2 * (activity - 1) + 2 * hidden * (taste - 1)
    mailed = draw.random(n) < 1 / (1 + np.exp(-score))
    mean = rate * (activity + hidden * taste)
    return pd.DataFrame(
        {
            "activity": activity,
            "mailed": mailed,
            "before": draw.poisson(mean),
            "after": draw.poisson(mean + effect * mailed),
        }
    )


def climb(frame, ceiling=None, **settings):
    settings.setdefault("placebo", "before")
    return evidence_ladder(frame, "mailed", "after", ["activity"], ceiling=ceiling, rng=0, **settings)[True]


def holds(effect, truth):
    return effect.interval[0] <= truth <= effect.interval[1]


def test_an_effect_that_is_there_and_identified_is_supported():
    ladder = climb(panel(), ceiling=1.0)
    assert ladder.verdict == "supported"
    assert holds(ladder.adjusted, 0.3) and holds(ladder.placebo, 0.0)
    assert holds(ladder.difference_in_differences, 0.3)
    assert ladder.naive.value > 2 * 0.3
    assert ladder.adjusted.target == "ato"
    assert ladder.minimum_detectable_effect == pytest.approx(2.8 * ladder.adjusted.se)
    assert "changes after by +0." in ladder.sentence


def test_selection_on_what_nobody_recorded_fails_the_placebo_and_differences_remove_it():
    ladder = climb(panel(hidden=1.0), ceiling=1.0)
    assert ladder.verdict == "not identified"
    assert ladder.placebo.interval[0] > 0 and ladder.adjusted.interval[0] > 0.3
    assert holds(ladder.difference_in_differences, 0.3)
    assert "period before" in ladder.sentence


def test_a_ceiling_below_what_could_be_seen_is_underpowered():
    ladder = climb(panel(effect=0.0), ceiling=0.01)
    assert ladder.verdict == "underpowered"
    assert ladder.minimum_detectable_effect > 0.01 and "0.01" in ladder.sentence


def test_no_effect_is_said_to_be_none():
    ladder = climb(panel(effect=0.0), ceiling=1.0)
    assert ladder.verdict == "supported" and "no effect is shown" in ladder.sentence


def test_under_fifty_events_there_is_no_estimate():
    ladder = climb(panel(n=4_000, reach=-3.0, rate=0.02, effect=0.0))
    assert ladder.verdict == "no estimate" and ladder.treated_events < 50
    assert [name for name, effect in ladder.rungs.items() if effect is not None] == ["naive"]
    assert np.isnan(ladder.minimum_detectable_effect)
    assert f"{ladder.treated_events} of the {ladder.treated:,} treated rows" in ladder.sentence


def test_arms_that_cannot_be_compared_are_not_identified():
    frame = panel().assign(mailed=lambda f: f["activity"] > 1)
    ladder = climb(frame)
    assert ladder.verdict == "not identified" and "no overlap" in ladder.sentence
    assert ladder.adjusted is None and ladder.naive.value > 0


def test_a_missing_placebo_or_ceiling_is_said():
    ladder = climb(panel(), placebo=None)
    assert ladder.placebo is None and ladder.difference_in_differences is None
    assert "no placebo was given" in ladder.sentence and "no ceiling was given" in ladder.sentence


def test_history_that_reaches_into_the_placebo_period_blunts_it():
    frame = panel(hidden=1.0).assign(recent=lambda f: f["before"])  # last month's purchases, adjusted for
    frame["earlier"] = np.random.default_rng(1).poisson(frame["activity"])

    def placebo(**settings):
        columns = ["activity", "recent"]
        return evidence_ladder(frame, "mailed", "after", columns, placebo="before", rng=0, **settings)[True]

    blunt, sharp = placebo(), placebo(placebo_adjustment_set=["activity", "earlier"])
    assert abs(blunt.placebo.value) < 0.01
    assert sharp.placebo.interval[0] > 0 and sharp.verdict == "not identified"
    assert sharp.adjusted == blunt.adjusted
    assert sharp.placebo.adjustment_set == ("activity", "earlier")


def test_a_placebo_may_be_an_array():
    frame = panel(n=2_000)
    named = climb(frame)
    given = climb(frame.drop(columns="before"), placebo=frame["before"].to_numpy())
    assert given == named


def test_every_channel_has_its_own_ladder():
    draw = np.random.default_rng(1)
    frame = panel(n=6_000, effect=0.0)
    channel = np.where(frame["mailed"], np.where(draw.random(6_000) < 0.5, "A", "B"), "none")
    rare = draw.choice(6_000, 30, replace=False)
    channel[rare] = "C"
    frame["mailed"] = pd.Categorical(channel)
    frame["after"] += draw.poisson(0.4, 6_000) * (channel == "A")
    ladders = evidence_ladder(
        frame, "mailed", "after", ["activity"], placebo="before", ceiling={"A": 1.0, "B": 0.01}, rng=0
    )
    assert {key: ladder.verdict for key, ladder in ladders.items()} == {
        "A": "supported",
        "B": "underpowered",
        "C": "no estimate",
    }
    assert holds(ladders["A"].adjusted, 0.4) and ladders["C"].ceiling is None
    assert list(evidence_ladder(frame, "mailed", "after", ["activity"], contrasts="A", rng=0)) == ["A"]


def test_clusters_widen_every_rung():
    frame = panel(n=1_500)
    wide = pd.concat([frame] * 4, ignore_index=True).assign(who=np.tile(np.arange(1_500), 4))
    alone, together = climb(wide), climb(wide, clusters="who")
    for name in ("naive", "adjusted", "placebo", "difference_in_differences"):
        assert together.rungs[name].se > 1.5 * alone.rungs[name].se


def test_a_ladder_prints_itself_and_becomes_json():
    ladder = climb(panel(n=1_500))
    assert "difference in differences" in str(ladder) and ladder.sentence in str(ladder)
    content = json.loads(json.dumps(ladder.to_dict()))
    assert content["verdict"] == ladder.verdict and content["placebo"]["outcome"] == "after before"
    nothing = climb(panel(n=2_000, reach=-4.0, rate=0.01))
    assert json.loads(json.dumps(nothing.to_dict(), allow_nan=False))["minimum_detectable_effect"] is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"placebo": "activity"}, "could show nothing"),
        ({"placebo": "befor"}, "unknown column"),
        ({"placebo": np.ones(3)}, "one per row"),
        ({"ceiling": -1.0}, "0 or more"),
        ({"ceiling": {"sms": 1.0}}, "no contrasts"),
        ({"contrasts": "sms"}, "no level"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(settings, message):
    with pytest.raises(FrameError, match=message):
        climb(panel(n=400), **settings)


@pytest.mark.slow
def test_a_clean_panel_rarely_fails_the_placebo_and_the_detectable_effect_is_usually_found():
    detectable = climb(panel(n=800)).minimum_detectable_effect
    ladders = [climb(panel(n=800, seed=seed, effect=detectable)) for seed in range(60)]
    failed = np.mean([ladder.verdict == "not identified" for ladder in ladders])
    found = np.mean([ladder.adjusted.interval[0] > 0 for ladder in ladders])
    assert failed <= 0.15
    assert 0.62 <= found <= 0.95
    covered = np.mean([holds(ladder.difference_in_differences, detectable) for ladder in ladders])
    assert covered >= 0.85
