"""Hidden causes are found out, sound effects are left alone, and the verdict rests on what it says it rests on."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.estimation import estimate_effect
from causal.graph import CausalGraph
from causal.refutation import refute


def spec(*adjustment_set, **changes):
    named = {"treatment": "contact", "outcome": "spend", "adjustment_set": adjustment_set, "method": "o-set"}
    return SimpleNamespace(**{**named, **changes})


def targeted(n=800, seed=0, hidden=0.0, effect=1.0):
    """A hidden taste drives contact and spend; it drove earlier spend and drives a later call too."""
    draw = np.random.default_rng(seed)
    wealth, age, taste = draw.normal(size=(3, n))
    contact = draw.random(n) < 1 / (1 + np.exp(-0.6 * wealth - hidden * taste))
    later_call = draw.random(n) < 1 / (1 + np.exp(-0.4 * wealth - hidden * taste))
    lasting = wealth + 0.3 * age + hidden * taste
    frame = pd.DataFrame({"wealth": wealth, "age": age, "contact": contact, "later_call": later_call})
    frame["earlier"] = lasting + draw.normal(size=n)
    frame["spend"] = lasting + effect * contact + draw.normal(size=n)
    return frame


def judged(frame, *adjustment_set, **settings):
    asked = spec(*(adjustment_set or ("wealth", "age")))
    effect = estimate_effect(frame, asked, target="ato", rng=0)
    return refute(frame, asked, effect, rng=0, **{"beside": False, **settings})


def status(result, name):
    return next(check.status for check in result.checks if check.name == name)


def test_a_sound_effect_is_supported_and_a_confounded_one_refuted_by_either_control():
    sound, biased = targeted(), targeted(hidden=1.0)
    for control in ({"control_outcome": "earlier"}, {"control_exposure": "later_call"}):
        assert judged(sound, **control).verdict == "supported"
        result = judged(biased, **control)
        assert result.verdict == "refuted" and "outside the columns" in result.sentence
    both = judged(biased, control_outcome="earlier", control_exposure="later_call")
    assert [check.status for check in both.checks[:2]] == ["failed", "failed"]


def test_without_a_control_nothing_is_supported():
    result = judged(targeted())
    assert result.verdict == "unchecked" and status(result, "negative control") == "informative"


def test_an_effect_smaller_than_what_the_strongest_column_does_is_fragile():
    frame = targeted(n=1_500, effect=0.3)
    result = judged(frame, control_outcome="earlier")
    assert result.verdict == "fragile" and "wealth" in result.sentence
    assert judged(targeted(n=1_500, effect=3.0), control_outcome="earlier").verdict == "supported"


def test_no_effect_has_nothing_to_explain_away():
    result = judged(targeted(effect=0.0, seed=3), control_outcome="earlier")
    assert status(result, "omitted-variable bound") == "informative" and result.verdict == "supported"


def test_the_side_checks_pass_on_confounded_data_and_so_do_not_decide():
    """They are shown because people ask for them; a hidden cause moves none of them."""
    graph = CausalGraph(
        ["wealth", "age", "contact", "spend"],
        [("wealth", "contact"), ("wealth", "spend"), ("age", "spend"), ("contact", "spend")],
    )
    result = judged(targeted(hidden=1.0), control_outcome="earlier", beside=True, graph=graph)
    beside = {check.name: check for check in result.checks if not check.decisive}
    assert list(beside) == [
        "placebo treatment", "random common cause", "subset", "e-value", "implied independences"
    ]  # fmt: skip
    assert {check.status for name, check in beside.items() if name != "e-value"} == {"passed"}
    assert beside["e-value"].figure > 2 and result.verdict == "refuted"


def test_a_wrong_graph_is_contradicted_by_the_data():
    graph = CausalGraph(["wealth", "contact", "spend"], [("contact", "spend")])
    result = judged(targeted(), control_outcome="earlier", beside=True, graph=graph)
    check = next(check for check in result.checks if check.name == "implied independences")
    assert check.status == "failed" and "wealth" in check.sentence


def test_an_amount_an_instrument_and_groups_of_customers_can_be_refuted_too():
    draw = np.random.default_rng(4)
    wealth, taste = draw.normal(size=(2, 1_500))
    lottery = draw.random(1_500) < 0.5
    discount = wealth + taste + 1.0 * lottery + draw.normal(size=1_500)
    frame = pd.DataFrame({"wealth": wealth, "lottery": lottery, "discount": discount})
    frame["earlier"] = taste + draw.normal(size=1_500)
    frame["spend"] = discount + taste + draw.normal(size=1_500)
    slope = spec("wealth", treatment="discount")
    effect = estimate_effect(frame, slope, clusters=np.arange(1_500) // 2, rng=0)
    result = refute(
        frame, slope, effect, control_outcome="earlier", clusters=np.arange(1_500) // 2, beside=False, rng=0
    )
    assert result.verdict == "refuted"
    moved = spec("wealth", treatment="discount", method="instrument", instruments=("lottery",))
    local = estimate_effect(frame, moved, rng=0)
    result = refute(frame, moved, local, control_outcome="earlier", rng=0)
    assert result.verdict == "supported" and status(result, "omitted-variable bound") == "informative"


def test_a_refutation_prints_itself_and_becomes_json():
    result = judged(targeted(n=600), control_outcome=targeted(n=600)["earlier"].to_numpy())
    assert result.sentence in str(result) and "overlap: passed" in str(result)
    assert list(result.table["name"]) == ["negative control outcome", "overlap", "omitted-variable bound"]
    content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert content["verdict"] == "supported"
    unchecked = json.loads(json.dumps(judged(targeted(n=600)).to_dict(), allow_nan=False))
    assert unchecked["checks"][0]["figure"] is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"control_outcome": "wealth"}, "could show nothing"),
        ({"control_outcome": "earlyer"}, "unknown column"),
        ({"control_outcome": np.ones(3)}, "one per row"),
        ({"control_outcome": np.full(400, np.nan)}, "missing or infinite in 400 rows"),
        ({"control_exposure": "contact"}, "name another"),
        ({"alpha": 0.9}, "share of false alarms"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(settings, message):
    with pytest.raises(FrameError, match=message):
        judged(targeted(n=400), **settings)


def test_a_constant_control_and_an_effect_of_something_else_are_named():
    frame = targeted(n=400)
    result = judged(frame, control_outcome=np.ones(400))
    assert result.verdict == "unchecked" and "same in every row" in result.checks[0].sentence
    effect = estimate_effect(frame, spec("wealth"), rng=0)
    with pytest.raises(FrameError, match="belong together"):
        refute(frame, spec("wealth", outcome="earlier"), effect)


@pytest.mark.slow
def test_false_alarms_are_rare_and_a_hidden_cause_is_usually_found():
    alarms = [judged(targeted(n=500, seed=s), control_outcome="earlier").verdict == "refuted" for s in range(60)]
    found = [judged(targeted(n=500, seed=s, hidden=0.9), control_outcome="earlier").verdict for s in range(20)]
    assert np.mean(alarms) <= 0.1
    assert np.mean([verdict == "refuted" for verdict in found]) >= 0.8
