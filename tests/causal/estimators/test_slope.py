"""Amounts: the figure is the slope it says it is, and is refused where nothing varies."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.estimation import NoOverlap, estimate_effect

ESTIMAND = SimpleNamespace(treatment="discount", outcome="spend", adjustment_set=("wealth",), method="o-set")


def priced(n=2_000, seed=0, slope=0.5, noise=1.0):
    """Wealth drives discount and spend, both with a bend."""
    draw = np.random.default_rng(seed)
    wealth = draw.normal(size=n)
    discount = wealth + 0.5 * np.abs(wealth) + noise * draw.normal(size=n)
    spend = slope * discount + wealth**2 + draw.normal(size=n)
    return pd.DataFrame({"wealth": wealth, "discount": discount, "spend": spend})


def test_the_slope_is_per_unit_and_says_so():
    effects = [estimate_effect(priced(seed=seed), ESTIMAND, rng=seed) for seed in range(4)]
    assert all(abs(effect.value - 0.5) < 4 * effect.se for effect in effects)
    assert abs(np.mean([e.value for e in effects]) - 0.5) < 0.15 * abs(np.mean([e.naive.value for e in effects]) - 0.5)
    effect = effects[0]
    assert effect.target == "slope" and "for each unit more of discount" in effect.meaning
    assert "one more unit of discount" in str(effect) and effect.adjustment_set == ("wealth",)
    assert 0 < effect.ess < effect.n and 0.3 < effect.overlap < 0.7


def test_changing_the_unit_changes_the_figure_by_it():
    frame = priced()
    plain = estimate_effect(frame, ESTIMAND, rng=0)
    cents = estimate_effect(frame.assign(discount=100 * frame["discount"]), ESTIMAND, rng=0)
    assert cents.value == pytest.approx(plain.value / 100, rel=1e-6)
    assert cents.se == pytest.approx(plain.se / 100, rel=1e-6)


def test_a_bent_response_gives_the_stated_mean_of_slopes():
    """With Gaussian residual amounts of equal spread the weighted mean of slopes is the plain one."""
    draw = np.random.default_rng(1)
    wealth = draw.normal(size=20_000)
    discount = wealth + draw.normal(size=20_000)
    frame = pd.DataFrame({"wealth": wealth, "discount": discount})
    frame["spend"] = np.sin(discount) + wealth + 0.3 * draw.normal(size=20_000)
    effect = estimate_effect(frame, ESTIMAND, rng=0)
    assert effect.value == pytest.approx(np.cos(discount).mean(), abs=0.03)


def test_groups_of_an_amount():
    frame = priced(n=4_000)
    frame["loyal"] = np.random.default_rng(3).random(4_000) < 0.5
    frame["spend"] += frame["loyal"] * frame["discount"]
    effects = estimate_effect(frame, SimpleNamespace(**{**vars(ESTIMAND), "adjustment_set": ("wealth", "loyal")}),
                              groups="loyal", rng=0)  # fmt: skip
    assert abs(effects[False].value - 0.5) < 4 * effects[False].se
    assert abs(effects[True].value - 1.5) < 4 * effects[True].se
    assert effects[True].group is True


def test_an_amount_that_the_covariates_give_away_is_refused():
    with pytest.raises(NoOverlap, match="of the variance of discount") as refusal:
        estimate_effect(priced(noise=0.01).assign(age=1.0), ESTIMAND, rng=0)
    assert refusal.value.unsupported > 0.98


@pytest.mark.parametrize("setting", [{"contrasts": [1.0]}, {"target": "att"}, {"control": 0}, {"propensity": "wealth"}])
def test_what_an_amount_has_no_room_for_is_named(setting):
    with pytest.raises(FrameError, match=f"{next(iter(setting))} has no meaning"):
        estimate_effect(priced(n=300), ESTIMAND, rng=0, **setting)


@pytest.mark.slow
def test_intervals_of_slopes_cover_and_clusters_count():
    def covers(seed: int) -> bool:
        draw = np.random.default_rng(seed)
        who = np.repeat(np.arange(100), 5)
        wealth = draw.normal(size=100)[who]
        discount = wealth + draw.normal(size=100)[who] + draw.normal(size=500)
        spend = 0.5 * discount + wealth + draw.normal(size=100)[who] + draw.normal(size=500)
        frame = pd.DataFrame({"wealth": wealth, "discount": discount, "spend": spend})
        low, high = estimate_effect(frame, ESTIMAND, clusters=who, rng=seed).interval
        return low < 0.5 < high

    assert 0.88 <= np.mean([covers(seed) for seed in range(80)]) <= 1.0
