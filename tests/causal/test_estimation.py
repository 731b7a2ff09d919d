"""Effects with a known truth, refusals, and the laws an estimate must obey."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.estimation import Effect, NoOverlap, estimate_effect
from causal.estimators import aipw, study
from causal.identification import Estimand

LALONDE = Path(__file__).parents[2].parent / "shared" / "data" / "lalonde"
HISTORY = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def estimand(*adjustment_set: str, treatment="contact", outcome="spend", method="o-set"):
    return SimpleNamespace(treatment=treatment, outcome=outcome, adjustment_set=adjustment_set, method=method)


def confounded(n=3_000, seed=0, effect=1.0, strength=1.0, bend=0.0):
    """Wealth drives contact and spend; the effect is the same for everyone."""
    draw = np.random.default_rng(seed)
    wealth, age = draw.normal(size=(2, n))
    contact = draw.random(n) < 1 / (1 + np.exp(-strength * (wealth + bend * wealth**2 - bend)))
    spend = 2 * wealth + bend * wealth**2 + 0.5 * age + effect * contact + draw.normal(size=n)
    return pd.DataFrame({"wealth": wealth, "age": age, "contact": contact, "spend": spend})


def three_arms(n=6_000, seed=0):
    draw = np.random.default_rng(seed)
    wealth = draw.normal(size=n)
    score = np.column_stack([np.full(n, 0.7), 0.8 * wealth, -0.8 * wealth])
    arm = (score + draw.gumbel(size=(n, 3))).argmax(axis=1)
    spend = wealth + np.array([0.0, 0.5, -0.3])[arm] + draw.normal(size=n)
    channel = pd.Categorical(np.array(["none", "sms", "mail"])[arm], categories=["mail", "none", "sms"])
    return pd.DataFrame({"wealth": wealth, "channel": channel, "spend": spend})


def holds(effect: Effect, truth: float) -> bool:
    return effect.interval[0] <= truth <= effect.interval[1]


@pytest.fixture(scope="module")
def fits():
    return {}


@pytest.fixture
def fitted_once(fits, monkeypatch):
    """The models behind an effect do not depend on its target: equal questions to them are answered once."""

    def keep(place, name):
        fit = getattr(place, name)

        def ask(*arrays_and_rng):
            *arrays, rng = arrays_and_rng
            key = (name, *(array.tobytes() for array in arrays))
            if key not in fits:
                fits[key] = fit(*arrays, rng)
            return fits[key].copy()

        monkeypatch.setattr(place, name, ask)

    keep(study, "propensities")
    keep(aipw, "outcome_means")


@pytest.mark.parametrize("target", ["ate", "att", "ato"])
def test_adjusting_removes_the_bias_that_the_naive_difference_has(target, fitted_once):
    effects = [
        estimate_effect(confounded(seed=seed, bend=0.3), estimand("wealth", "age"), target=target, rng=seed)
        for seed in range(3)
    ]
    bias = np.mean([effect.value - 1.0 for effect in effects])
    naive = np.mean([effect.naive.value - 1.0 for effect in effects])
    assert abs(bias) < 0.06 * abs(naive)
    assert all(abs(effect.value - 1.0) < 4 * effect.se for effect in effects)


def test_each_target_has_its_own_population(fitted_once):
    draw = np.random.default_rng(1)
    wealth = draw.normal(size=20_000)
    e = 1 / (1 + np.exp(-wealth))
    contact = draw.random(20_000) < e
    spend = wealth + contact * wealth + draw.normal(size=20_000)  # the effect is the wealth itself
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "spend": spend})
    truth = {"ate": 0.0, "att": np.average(wealth, weights=e), "ato": np.average(wealth, weights=e * (1 - e))}
    for target, value in truth.items():
        assert abs(estimate_effect(frame, estimand("wealth"), target=target, rng=0).value - value) < 0.06
    assert truth["att"] > 0.3


def test_several_arms_give_one_effect_each_and_pairs_may_be_asked_for():
    frame = three_arms()
    effects = estimate_effect(frame, estimand("wealth", treatment="channel"), target="ato", rng=0)
    assert list(effects) == ["mail", "sms"]
    assert holds(effects["sms"], 0.5) and holds(effects["mail"], -0.3)
    pair = estimate_effect(frame, estimand("wealth", treatment="channel"), [("sms", "mail")], target="ato", rng=0)
    assert holds(pair, 0.8) and pair.contrast == ("sms", "mail")
    only = estimate_effect(frame, estimand("wealth", treatment="channel"), "sms", target="ato", rng=0)
    assert only == effects["sms"]


def test_swapping_level_and_reference_flips_the_sign():
    frame = three_arms()
    spec = estimand("wealth", treatment="channel")
    there = estimate_effect(frame, spec, [("sms", "mail")], target="ato", rng=0)
    back = estimate_effect(frame, spec, [("mail", "sms")], target="ato", rng=0)
    assert there.value == pytest.approx(-back.value, abs=1e-9)
    assert there.se == pytest.approx(back.se)


def test_default_control_is_none_then_the_first_category_then_false():
    assert estimate_effect(confounded(), estimand("wealth"), rng=0).contrast == (True, False)
    frame = three_arms()
    frame["channel"] = frame["channel"].cat.rename_categories({"none": "nobody"})
    spec = estimand("wealth", treatment="channel")
    assert estimate_effect(frame, spec, "sms", target="ato", rng=0).contrast == ("sms", "mail")
    assert estimate_effect(frame, spec, "sms", target="ato", rng=0, control="nobody").contrast[1] == "nobody"


def test_a_binary_outcome_is_estimated_on_its_own_scale():
    draw = np.random.default_rng(2)
    wealth = draw.normal(size=8_000)
    contact = draw.random(8_000) < 1 / (1 + np.exp(1 - wealth))
    p0, p1 = 1 / (1 + np.exp(2 - wealth)), 1 / (1 + np.exp(1.2 - wealth))
    bought = draw.random(8_000) < np.where(contact, p1, p0)
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "spend": bought})
    effect = estimate_effect(frame, estimand("wealth"), rng=0)
    assert holds(effect, (p1 - p0).mean()) and effect.naive.value > 1.5 * (p1 - p0).mean()


def test_a_consequence_of_the_treatment_in_the_set_turns_the_sign():
    """FACTS: a collider among the covariates fits best and reverses the effect; nothing here can see it."""
    draw = np.random.default_rng(3)
    contact = draw.random(5_000) < 0.5
    latent = draw.normal(size=5_000)
    visits = 1.5 * contact + latent + 0.3 * draw.normal(size=5_000)
    spend = 0.5 * contact + latent + 0.3 * draw.normal(size=5_000)
    frame = pd.DataFrame({"contact": contact, "visits": visits, "spend": spend})
    assert estimate_effect(frame, estimand(), rng=0).value > 0.3
    assert estimate_effect(frame, estimand("visits"), target="ato", rng=0).value < -0.3


def test_without_covariates_the_estimate_is_the_difference_of_means():
    effect = estimate_effect(confounded(), estimand(), rng=0)
    assert effect.value == pytest.approx(effect.naive.value)
    assert effect.se == pytest.approx(effect.naive.se, rel=0.05)
    assert effect.ess == pytest.approx(effect.n, rel=0.01)


def test_sampled_controls_with_weights_give_the_effect_in_the_full_population():
    draw = np.random.default_rng(14)
    n = 30_000
    wealth = draw.normal(size=n)
    contact = draw.random(n) < 1 / (1 + np.exp(2 - wealth))
    spend = wealth + (1 + wealth) * contact + draw.normal(size=n)
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "spend": spend})
    keep = contact | (draw.random(n) < 0.2)
    weights = np.where(contact, 1.0, 5.0)[keep]
    weighted = estimate_effect(frame[keep], estimand("wealth"), weights=weights, rng=0)
    unweighted = estimate_effect(frame[keep], estimand("wealth"), rng=0)
    assert holds(weighted, 1.0)
    assert unweighted.value > 1.1  # about the wrong population


def test_weights_of_zero_are_rows_that_are_not_there():
    frame = confounded(n=1_000)
    weights = np.ones(1_000)
    weights[500:] = 0
    kept = estimate_effect(frame, estimand("wealth"), weights=weights, rng=0)
    alone = estimate_effect(frame.iloc[:500], estimand("wealth"), weights=np.ones(500), rng=0)
    assert kept == alone


def test_clusters_that_share_noise_and_treatment_widen_the_standard_error():
    draw = np.random.default_rng(5)
    group = np.repeat(np.arange(200), 15)
    contact = (draw.random(200) < 0.5)[group]
    spend = contact + draw.normal(size=200)[group] + 0.5 * draw.normal(size=3_000)
    frame = pd.DataFrame({"contact": contact, "spend": spend, "who": group})
    clustered = estimate_effect(frame, estimand(), clusters="who", rng=0)
    alone = estimate_effect(frame, estimand(), rng=0)
    assert clustered.se > 2.5 * alone.se
    assert clustered.clusters == 200 and holds(clustered, 1.0)


def test_logged_propensities_are_used_and_rows_that_were_not_eligible_leave():
    draw = np.random.default_rng(6)
    n = 6_000
    wealth = draw.normal(size=n)
    eligible = wealth > -0.5
    e = np.where(eligible, 1 / (1 + np.exp(-wealth)), 0.0)
    contact = draw.random(n) < e
    spend = wealth**2 + contact + draw.normal(size=n)
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "spend": spend, "p": e})
    effect = estimate_effect(frame, estimand("wealth"), propensity="p", rng=0)
    assert holds(effect, 1.0)
    assert effect.excluded == (~eligible).sum()
    assert any("could not have had" in sentence for sentence in effect.assumptions)
    table = pd.DataFrame({True: e, False: 1 - e})
    assert estimate_effect(frame, estimand("wealth"), propensity=table, rng=0) == effect


def test_categories_and_gaps_are_adjusted_for():
    draw = np.random.default_rng(7)
    n = 4_000
    region = draw.choice(["north", "south", "east"], n)
    income = draw.normal(size=n)
    push = np.where(region == "south", 1.5, -0.5) + income
    contact = draw.random(n) < 1 / (1 + np.exp(-push))
    spend = push + contact + draw.normal(size=n)
    gaps = draw.random(n) < 0.1
    spend[gaps] -= income[gaps]  # where income is unknown it plays no part
    contact[gaps] = draw.random(gaps.sum()) < 1 / (1 + np.exp(income - push))[gaps]
    frame = pd.DataFrame(
        {"region": region, "income": np.where(gaps, np.nan, income), "contact": contact, "spend": spend}
    )
    effect = estimate_effect(frame, estimand("region", "income"), rng=0)
    assert holds(effect, 1.0) and effect.naive.value > 1.8


def test_the_same_seed_gives_the_same_bytes_and_row_order_does_not_change_the_naive_figure():
    frame = confounded(n=800)
    spec = estimand("wealth", "age")
    assert estimate_effect(frame, spec, rng=3) == estimate_effect(frame, spec, rng=3)
    shuffled = frame.sample(frac=1.0, random_state=0)
    first, second = (estimate_effect(f, spec, rng=3) for f in (frame, shuffled))
    assert first.naive.value == pytest.approx(second.naive.value)
    assert abs(first.value - second.value) < first.se


def test_shifting_and_scaling_the_outcome_shifts_and_scales_nothing_else():
    frame = confounded(n=1_000)
    plain = estimate_effect(frame, estimand("wealth"), rng=0)
    moved = estimate_effect(frame.assign(spend=10 + 3 * frame["spend"]), estimand("wealth"), rng=0)
    assert moved.value == pytest.approx(3 * plain.value, rel=1e-3)
    assert moved.se == pytest.approx(3 * plain.se, rel=1e-2)


def test_an_effect_prints_itself_and_becomes_json():
    effect = estimate_effect(confounded(), estimand("wealth", "age"), target="ato", rng=0)
    text = str(effect)
    assert "overlap population" in text and "unadjusted" in text and "wealth, age" in text
    content = json.loads(json.dumps(effect.to_dict()))
    assert content["naive"]["target"] == "naive" and content["contrast"] == [True, False]
    assert effect.interval[0] < effect.value < effect.interval[1]
    assert 0 < effect.ess <= effect.n and effect.naive.naive is None


def test_no_overlap_is_refused_with_the_figures():
    draw = np.random.default_rng(8)
    wealth = draw.normal(size=2_000)
    frame = pd.DataFrame({"wealth": wealth, "contact": wealth > 0, "spend": wealth})
    for target in ("ate", "att", "ato"):
        with pytest.raises(NoOverlap, match="no overlap for contact") as refusal:
            estimate_effect(frame, estimand("wealth"), target=target, rng=0)
        assert refusal.value.ess < 2_000


def test_a_treatment_that_the_covariates_decide_is_refused_on_few_rows_too():
    wealth = np.random.default_rng(0).normal(size=300)
    frame = pd.DataFrame({"w": wealth, "c": (wealth > 0).astype(int), "y": wealth + (wealth > 0)})
    with pytest.raises(NoOverlap, match="decide the treatment"):
        estimate_effect(frame, Estimand("c", "y", ("w",)), target="ato", rng=0)


def test_a_rare_channel_is_not_taken_for_a_lack_of_overlap():
    draw = np.random.default_rng(9)
    wealth = draw.normal(size=20_000)
    contact = draw.random(20_000) < 0.006
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "spend": wealth + contact})
    effect = estimate_effect(frame, estimand("wealth"), rng=0)
    assert effect.clipped_share < 0.01 and effect.overlap > 0.99 and abs(effect.value - 1.0) < 0.1


def test_strong_but_bearable_confounding_is_clipped_by_name_and_not_refused():
    frame = confounded(n=4_000, strength=2.2)
    effect = estimate_effect(frame, estimand("wealth", "age"), rng=0)
    assert 0 < effect.clipped_share < 0.1
    assert any("raised to the clip" in sentence for sentence in effect.assumptions)


def test_groups_have_an_effect_each_and_add_up_to_the_whole():
    draw = np.random.default_rng(10)
    frame = confounded(n=6_000)
    frame["region"] = draw.choice(["east", "north", "west"], 6_000, p=[0.2, 0.3, 0.5])
    own = frame["region"].map({"east": 0.0, "north": 1.0, "west": -1.0})
    frame["spend"] += own * frame["contact"]
    effects = estimate_effect(frame, estimand("wealth", "age"), groups="region", rng=0)
    assert list(effects) == ["east", "north", "west"]
    truth = {"east": 1.0, "north": 2.0, "west": 0.0}
    assert all(abs(effects[region].value - value) < 3.5 * effects[region].se for region, value in truth.items())
    assert effects["east"].group == "east" and "group east" in str(effects["east"])
    assert effects["east"].n == (frame["region"] == "east").sum()
    whole = estimate_effect(frame, estimand("wealth", "age"), rng=0)
    shares = frame["region"].value_counts(normalize=True)
    together = sum(shares[region] * effect.value for region, effect in effects.items())
    assert together == pytest.approx(whole.value, abs=whole.se)
    assert min(effect.se for effect in effects.values()) > whole.se


def test_groups_of_several_contrasts_are_found_under_both_and_a_group_without_overlap_is_named():
    frame = three_arms()
    frame["rich"] = frame["wealth"] > 0
    effects = estimate_effect(frame, estimand("wealth", treatment="channel"), target="ato", groups="rich", rng=0)
    assert set(effects) == {(arm, rich) for arm in ("mail", "sms") for rich in (False, True)}
    assert holds(effects["sms", True], 0.5)
    frame = confounded(n=2_000).assign(region="north")
    frame.loc[frame["contact"] & (frame.index < 400), "region"] = "treated only"
    with pytest.raises(NoOverlap, match="in group 'treated only'"):
        estimate_effect(frame, estimand("wealth"), groups="region", rng=0)


def lalonde() -> pd.DataFrame:
    if not LALONDE.exists():
        pytest.skip("LaLonde data not present beside the repository")
    trial, survey = (pd.read_parquet(LALONDE / f"{name}_mixtape.parquet") for name in ("nsw", "cps"))
    return pd.concat([trial[trial["treat"] == 1], survey], ignore_index=True)


def test_lalonde_gives_the_trial_value_for_the_treated_and_refuses_everybody():
    frame = lalonde()
    spec = estimand(*HISTORY, treatment="treat", outcome="re78")
    effect = estimate_effect(frame, spec, target="att", rng=0)
    assert holds(effect, 1_794.0) and effect.interval[1] - effect.interval[0] <= 4_500
    assert effect.naive.value == pytest.approx(-8_498, abs=1)
    with pytest.raises(NoOverlap, match="all rows"):
        estimate_effect(frame, spec, target="ate", rng=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contact": False}, "one level only"),
        ({"spend": np.nan}, "missing values"),
        ({"spend": np.inf}, "infinite"),
        ({"spend": "much"}, "must be numeric"),
        ({"wealth": np.nan}, "no value at all"),
        ({"wealth": pd.Timestamp("2020-01-01")}, "is a date"),
        ({"contact": [f"store {i}" for i in range(300)]}, "category of at most"),
        ({"spend": 3.0}, "in every row"),
        ({"spend": False}, "in every row"),
        ({"contact": np.arange(300) == 4}, "at least 2 are needed"),
        ({"contact": np.where(np.arange(300) == 4, np.nan, np.arange(300))}, "missing values"),
        ({"contact": np.where(np.arange(300) == 4, np.inf, np.arange(300))}, "infinite"),
        ({"contact": [None] + [True, False] * 149 + [True]}, "missing in 1 rows"),
    ],
)
def test_a_column_that_cannot_be_used_is_named(change, message):
    frame = confounded(n=300).assign(**change)
    with pytest.raises(FrameError, match=message):
        estimate_effect(frame, estimand("wealth"), rng=0)


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (estimand("wealht"), {}, "unknown column 'wealht'"),
        (estimand("wealth", "contact"), {}, "leave it out"),
        (estimand("wealth", "spend"), {}, "leave it out"),
        (estimand("wealth", method="instrument"), {}, "names none"),
        (estimand("wealth", method="front-door"), {}, "names no mediators"),
        (estimand("wealth", method="id"), {}, "there are estimators for"),
        (estimand("wealth"), {"groups": np.ones(3)}, "one per row"),
        (estimand("wealth"), {"groups": [None] + ["a"] * 299}, "missing in 1 rows"),
        (estimand("wealth"), {"groups": np.arange(300)}, "cut it into bands"),
        (estimand("wealth"), {"groups": "region"}, "unknown column 'region'"),
        (estimand("wealth"), {"target": "atu"}, "must be 'ate'"),
        (estimand("wealth"), {"level": 95}, "between 0 and 1"),
        (estimand("wealth"), {"clip": 0.9}, "clip is"),
        (estimand("wealth"), {"folds": 1}, "at least 2"),
        (estimand("wealth"), {"weights": -np.ones(300)}, "none negative"),
        (estimand("wealth"), {"weights": np.ones(3)}, "one number per row"),
        (estimand("wealth"), {"clusters": np.ones(3)}, "one per row"),
        (estimand("wealth"), {"control": "nobody"}, "no level"),
        (estimand("wealth"), {"contrasts": "sms"}, "no level"),
        (estimand("wealth"), {"contrasts": [(True, True)]}, "with itself"),
        (estimand("wealth"), {"contrasts": []}, "no contrast"),
        (estimand("wealth"), {"propensity": np.full(300, 1.5)}, "add up to 1"),
        (estimand("wealth"), {"propensity": np.zeros(300)}, "impossible"),
        (estimand("wealth"), {"propensity": np.ones((300, 3))}, "is needed"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(spec, settings, message):
    with pytest.raises(FrameError, match=message):
        estimate_effect(confounded(n=300), spec, rng=0, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ate", "att", "ato"])
def test_95_percent_intervals_hold_the_truth_about_95_percent_of_the_time(target, fitted_once):
    effects = [
        estimate_effect(confounded(n=500, seed=seed, bend=0.2), estimand("wealth", "age"), target=target, rng=seed)
        for seed in range(2000, 2100)  # no setting was chosen on these
    ]
    covered = np.mean([holds(effect, 1.0) for effect in effects])
    assert 0.90 <= covered <= 0.985
    bias = np.mean([effect.value for effect in effects]) - 1.0
    naive = np.mean([effect.naive.value for effect in effects]) - 1.0
    assert abs(bias) < 0.1 * abs(naive)


@pytest.mark.slow
def test_clustered_intervals_cover_where_independent_ones_do_not():
    def drawn(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        draw = np.random.default_rng(seed)
        group = np.repeat(np.arange(60), 10)
        wealth = draw.normal(size=60)[group]
        contact = draw.random(60)[group] < 1 / (1 + np.exp(-0.5 * wealth))
        spend = wealth + contact + draw.normal(size=60)[group] + draw.normal(size=600)
        return pd.DataFrame({"wealth": wealth, "contact": contact, "spend": spend}), group

    def share_that_holds(seeds: int, clustered: bool) -> float:
        held = []
        for seed in range(seeds):
            frame, group = drawn(seed)
            who = group if clustered else None
            held.append(holds(estimate_effect(frame, estimand("wealth"), clusters=who, target="ato", rng=seed), 1.0))
        return float(np.mean(held))

    assert 0.90 <= share_that_holds(100, clustered=True) <= 0.99
    assert share_that_holds(40, clustered=False) < 0.75  # sound intervals would hold in some 38 of 40
