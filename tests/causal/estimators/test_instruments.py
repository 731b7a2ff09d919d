"""Local effects: right where adjustment cannot be, refused where the instrument moves nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.estimation import WeakInstrument, estimate_effect
from causal.graph import CausalGraph
from causal.identification import identify


def encouraged(n=3_000, seed=0, strength=1.5, amount=False):
    """A hidden taste drives contact and spend; a lottery moves the contact only."""
    draw = np.random.default_rng(seed)
    wealth, taste = draw.normal(size=(2, n))
    lottery = draw.random(n) < 1 / (1 + np.exp(-0.5 * wealth))
    push = strength * lottery - 1 + taste + 0.3 * wealth
    contact = push + draw.normal(size=n) if amount else draw.random(n) < 1 / (1 + np.exp(-push))
    spend = wealth + 1.0 * contact + 1.5 * taste + draw.normal(size=n)
    return pd.DataFrame({"wealth": wealth, "lottery": lottery, "contact": contact, "spend": spend})


def spec(**changes):
    named = {"treatment": "contact", "outcome": "spend", "adjustment_set": ("wealth",), "method": "instrument"}
    return SimpleNamespace(**{**named, "instruments": ("lottery",), **changes})


@pytest.mark.parametrize("amount", [False, True])
def test_the_instrument_removes_the_bias_of_a_hidden_cause(amount):
    effects = [estimate_effect(encouraged(seed=seed, amount=amount), spec(), rng=seed) for seed in range(5)]
    assert all(abs(effect.value - 1.0) < 3.5 * effect.se for effect in effects)
    naive = np.mean([effect.naive.value for effect in effects]) - 1.0
    assert naive > 0.5 and abs(np.mean([effect.value for effect in effects]) - 1.0) < 0.5 * naive
    low, high = effects[0].interval
    assert low < effects[0].value < high and effects[0].target == "local"
    assert "local" in effects[0].meaning and any("first-stage F" in said for said in effects[0].assumptions)


def test_without_covariates_it_is_the_ratio_of_two_differences():
    frame = encouraged()
    effect = estimate_effect(frame, spec(adjustment_set=()), rng=0)
    means = frame.groupby("lottery")[["spend", "contact"]].mean()
    assert effect.value == pytest.approx((means.loc[True] - means.loc[False]).pipe(lambda d: d["spend"] / d["contact"]))
    assert effect.contrast == (True, False)


def test_identified_by_the_graph_and_estimated_as_told():
    graph = CausalGraph(
        ["lottery", "contact", "spend"], [("lottery", "contact"), ("contact", "spend")],
        bidirected_edges=[("contact", "spend")],
    )  # fmt: skip
    found = identify(graph, "contact", "spend")
    assert found.method == "instrument"
    effect = estimate_effect(encouraged().drop(columns="wealth"), found, rng=0)
    assert effect.target == "local"


def test_two_instruments_say_more_than_one():
    frame = encouraged(n=4_000)
    draw = np.random.default_rng(9)
    frame["discount"] = draw.normal(size=4_000)
    push = frame["discount"] + draw.logistic(size=4_000)
    frame["contact"] = (frame["contact"] & (push > -1)) | (push > 1.5)
    frame["spend"] += frame["contact"].astype(float) - encouraged(n=4_000)["contact"]
    one = estimate_effect(frame, spec(), rng=0)
    both = estimate_effect(frame, spec(instruments=("lottery", "discount")), rng=0)
    assert both.se < one.se and "lottery and discount" in both.meaning


def test_a_weak_instrument_is_refused_with_its_strength():
    with pytest.raises(WeakInstrument, match="first-stage F") as refusal:
        estimate_effect(encouraged(n=400, strength=0.0), spec(adjustment_set=()), rng=0)
    assert refusal.value.strength < 4


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"lottery": "a"}, {}, "must be a number or two-valued"),
        ({"lottery": 1.0}, {}, "one value only"),
        ({}, {"groups": "lottery"}, "estimate each group's rows alone"),
        ({}, {"target": "att"}, "target has no meaning"),
        ({"lottery": np.nan}, {}, "missing values"),
    ],
)
def test_what_cannot_be_used_is_named(change, settings, message):
    with pytest.raises(FrameError, match=message):
        estimate_effect(encouraged(n=300).assign(**change), spec(), rng=0, **settings)


@pytest.mark.slow
def test_the_interval_covers_with_an_instrument_of_moderate_strength():
    covered, found = [], 0
    for seed in range(80):
        try:
            low, high = estimate_effect(encouraged(n=400, seed=seed, strength=1.0), spec(), rng=seed).interval
        except WeakInstrument:
            covered.append(True)  # an unbounded interval holds everything
            continue
        found += 1
        covered.append(low < 1.0 < high)
    assert np.mean(covered) >= 0.88 and found > 40
