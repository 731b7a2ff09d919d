"""The front-door estimate on a market whose confounder is hidden."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.estimation import NoOverlap, estimate_effect


def spec(*mediators, **changes):
    named = {"treatment": "contact", "outcome": "spend", "adjustment_set": ("wealth",), "method": "front-door"}
    return SimpleNamespace(**{**named, "mediators": mediators, **changes})


def clicked(n=2_000, seed=0, sharp=1.0):
    """Contact acts through the click only; a hidden taste drives contact and spend."""
    draw = np.random.default_rng(seed)
    taste, wealth = draw.normal(size=(2, n))
    contact = draw.random(n) < 1 / (1 + np.exp(-taste - 0.3 * wealth))

    def chance(t):
        return 1 / (1 + np.exp(-sharp * (2 * t - 1) - 0.4 * wealth))

    click = draw.random(n) < chance(contact)
    spend = click + 1.5 * taste + 0.5 * wealth + draw.normal(size=n)
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "click": click, "spend": spend})
    return frame, float((chance(1) - chance(0)).mean())


def test_the_mediator_removes_the_bias_of_a_hidden_cause():
    errors, naive = [], []
    for seed in range(4):
        frame, truth = clicked(seed=seed)
        effect = estimate_effect(frame, spec("click"), rng=seed)
        assert abs(effect.value - truth) < 4 * effect.se
        errors.append(effect.value - truth)
        naive.append(effect.naive.value - truth)
    assert abs(np.mean(errors)) < 0.1 * abs(np.mean(naive))
    assert "as far as click carries it" in effect.meaning and effect.target == "ate"


def test_a_numeric_mediator_and_no_covariates():
    draw = np.random.default_rng(1)
    taste = draw.normal(size=4_000)
    contact = draw.random(4_000) < 1 / (1 + np.exp(-taste))
    visits = 0.8 * contact + draw.normal(size=4_000)
    spend = 0.5 * visits + taste + draw.normal(size=4_000)
    frame = pd.DataFrame({"contact": contact, "visits": visits, "spend": spend})
    effect = estimate_effect(frame, spec("visits", adjustment_set=()), rng=0)
    assert abs(effect.value - 0.4) < 4 * effect.se and effect.naive.value > 1.0


def test_a_mediator_that_is_the_treatment_is_refused_and_wrong_questions_are_named():
    frame, _ = clicked(n=1_000)
    with pytest.raises(NoOverlap, match="through its mediators"):
        estimate_effect(frame.assign(click=frame["contact"]), spec("click"), rng=0)
    with pytest.raises(FrameError, match="all rows"):
        estimate_effect(frame, spec("click"), target="att", rng=0)
    with pytest.raises(FrameError, match="unknown column 'opened'"):
        estimate_effect(frame, spec("opened"), rng=0)
