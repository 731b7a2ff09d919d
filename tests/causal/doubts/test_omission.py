"""The omitted-variable bound on worlds where the omitted variable is at hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.doubts.omission import omitted_variable_bound
from causal.encoding import FrameError
from causal.estimation import estimate_effect


def world(n=2_000, seed=0, amount=False):
    """Two causes of equal strength: leave one out, and the bound measured by the other is about the bias."""
    draw = np.random.default_rng(seed)
    first, second, weak = draw.normal(size=(3, n))
    push = 0.8 * first + 0.8 * second + 0.1 * weak
    contact = push + draw.normal(size=n) if amount else draw.random(n) < 1 / (1 + np.exp(-push))
    spend = first + second + 0.1 * weak + 1.0 * contact + draw.normal(size=n)
    return pd.DataFrame({"first": first, "second": second, "weak": weak, "contact": contact, "spend": spend})


def asked(*adjustment_set):
    return SimpleNamespace(treatment="contact", outcome="spend", adjustment_set=adjustment_set, method="o-set")


@pytest.mark.parametrize(("amount", "target"), [(False, "ate"), (False, "ato"), (False, "att"), (True, None)])
def test_the_bound_of_one_cause_tells_the_bias_of_its_twin(amount, target):
    frame = world(amount=amount)
    effect = estimate_effect(frame, asked("first", "weak"), target=target, rng=0)  # second is left out
    found = omitted_variable_bound(frame, effect, rng=0)
    bias = abs(effect.value - 1.0)
    assert found.strongest == "first" and bias > 0.3
    assert 0.7 * bias < found.bias < 2 * bias  # the two are equally strong up to chance
    assert found.interval[0] < effect.value - found.bias < 1.3 < found.interval[1]


def test_a_weak_column_gives_a_small_bound_and_a_large_effect_is_robust():
    frame = world()
    effect = estimate_effect(frame, asked("first", "second", "weak"), rng=0)
    by_weak = omitted_variable_bound(frame, effect, columns=["weak"], rng=0)
    by_all = omitted_variable_bound(frame, effect, rng=0)
    assert by_weak.bias < 0.3 * by_all.bias and by_all.strongest in ("first", "second")
    assert 0 < by_all.robustness_interval < by_all.robustness < 1
    large = estimate_effect(
        frame.assign(spend=frame["spend"] + 3.0 * frame["contact"]), asked("first", "second"), rng=0
    )
    frame = frame.assign(spend=frame["spend"] + 3.0 * frame["contact"])
    found = omitted_variable_bound(frame, large, rng=0)
    assert found.survives and found.robustness > by_all.robustness


def test_the_robustness_value_is_where_the_bound_meets_the_effect():
    """r = C_Y = C_D with bias r / sqrt(1 - r) x scale: the definition of Cinelli & Hazlett."""
    frame = world(amount=True)
    effect = estimate_effect(frame, asked("first", "second"), rng=0)
    found = omitted_variable_bound(frame, effect, rng=0)
    odds = found.share_treatment / (1 - found.share_treatment)
    scale = found.bias / np.sqrt(found.share_outcome * odds)
    r = found.robustness
    assert r / np.sqrt(1 - r) * scale == pytest.approx(abs(effect.value))


def test_without_an_effect_the_robustness_is_0_and_misuse_is_named():
    frame = world().assign(spend=lambda f: f["first"] + np.random.default_rng(1).normal(size=len(f)))
    effect = estimate_effect(frame, asked("first", "second"), rng=0)
    if effect.interval[0] <= 0 <= effect.interval[1]:
        assert omitted_variable_bound(frame, effect, rng=0).robustness_interval == 0.0
    with pytest.raises(FrameError, match="not in the adjustment set"):
        omitted_variable_bound(frame, effect, columns=["weak"])
    with pytest.raises(FrameError, match="by adjustment"):
        omitted_variable_bound(frame, effect.naive)


def test_a_category_is_left_out_as_a_whole():
    draw = np.random.default_rng(2)
    region = draw.choice(["north", "south", "east"], 1_500)
    push = pd.Series(region).map({"north": 1.0, "south": -1.0, "east": 0.0}).to_numpy()
    contact = draw.random(1_500) < 1 / (1 + np.exp(-push))
    frame = pd.DataFrame({"region": region, "age": draw.normal(size=1_500), "contact": contact})
    frame["spend"] = push + contact + draw.normal(size=1_500)
    effect = estimate_effect(frame, asked("region", "age"), rng=0)
    assert omitted_variable_bound(frame, effect, rng=0).strongest == "region"
