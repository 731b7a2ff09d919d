"""Surfaces of an outcome and the means of moves on them: coverage, calibration, laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.encoding import FrameError
from causal.estimators.riesz import estimate_moved_mean, fit_residuals, unusual
from causal.estimators.surface import fit_surface

COLUMNS = ["wealth", "age", "discount"]


def draw_rows(n: int, seed: int, binary: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    """Wealth drives discount and outcome; a discount of .2 more changes the outcome by what is returned."""
    rng = np.random.default_rng(seed)
    wealth, age = rng.normal(size=n), rng.uniform(-1, 1, n)
    discount = 0.5 + 0.15 * wealth + rng.normal(0, 0.2, n)

    def score(d: np.ndarray) -> np.ndarray:
        return wealth + 2.5 * np.tanh(d) * (1 - 0.5 * age) - 1.0

    if binary:
        chance = lambda d: 1 / (1 + np.exp(-score(d)))  # noqa: E731
        outcome, effect = (rng.random(n) < chance(discount)).astype(float), chance(discount + 0.2) - chance(discount)
    else:
        outcome, effect = score(discount) + rng.normal(size=n), score(discount + 0.2) - score(discount)
    return pd.DataFrame({"wealth": wealth, "age": age, "discount": discount, "outcome": outcome}), effect


def ask(surface, frame):
    before, after = surface.bends.units(frame), surface.bends.units(frame.assign(discount=frame["discount"] + 0.2))
    return surface.change(before, after, ["discount"])


@pytest.mark.parametrize("binary", [False, True])
def test_intervals_of_single_rows_cover_on_average(binary: bool) -> None:
    covered, errors = [], []
    for seed in range(10):
        frame, _ = draw_rows(1_200, seed, binary)
        new, effect = draw_rows(300, 100 + seed, binary)
        change, doubt = ask(fit_surface(frame, "outcome", COLUMNS, ["discount"]), new)
        covered.append((np.abs(change - effect) < 1.645 * doubt).mean())
        errors.append(change.mean() - effect.mean())
    assert 0.75 < np.mean(covered) < 0.98
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(10) + 0.02


def test_an_earlier_surface_makes_the_promise_surer_and_stays_honest() -> None:
    covered, wider = [], []
    for seed in range(6):
        first, second = draw_rows(1_200, seed)[0], draw_rows(800, 50 + seed)[0]
        new, effect = draw_rows(300, 100 + seed)
        alone = fit_surface(second, "outcome", COLUMNS, ["discount"])
        both = fit_surface(
            second, "outcome", COLUMNS, ["discount"], earlier=fit_surface(first, "outcome", COLUMNS, ["discount"])
        )
        change, doubt = ask(both, new)
        covered.append((np.abs(change - effect) < 1.645 * doubt).mean())
        wider.append(doubt.mean() / ask(alone, new)[1].mean())
    assert 0.75 < np.mean(covered) < 0.99 and np.mean(wider) < 1.0


def test_an_earlier_surface_that_promised_too_much_is_corrected() -> None:
    first, _ = draw_rows(1_000, 0)
    lucky = first.assign(outcome=first["outcome"] + 2.0 * first["discount"])
    new, effect = draw_rows(400, 7)
    earlier = fit_surface(lucky, "outcome", COLUMNS, ["discount"])
    fresh = fit_surface(draw_rows(2_000, 1)[0], "outcome", COLUMNS, ["discount"], earlier=earlier)
    said, kept = ask(earlier, new)[0].mean(), ask(fresh, new)[0].mean()
    assert said - effect.mean() > 0.3
    assert abs(kept - effect.mean()) < 0.25 * (said - effect.mean())


def test_rows_of_one_customer_count_as_one() -> None:
    frame, _ = draw_rows(400, 0)
    rng = np.random.default_rng(1)
    twice = pd.concat([frame.assign(outcome=frame["outcome"] + rng.normal(0, 0.01, 400))] * 3, ignore_index=True)
    naive, honest = (
        ask(fit_surface(twice, "outcome", COLUMNS, ["discount"], clusters=clusters), frame)[1].mean()
        for clusters in (None, np.tile(np.arange(400), 3))
    )
    assert honest > 1.4 * naive


@pytest.mark.parametrize("binary", [False, True])
def test_gradients_give_the_doubt_of_a_single_move(binary: bool) -> None:
    frame, _ = draw_rows(900, 3, binary)
    surface = fit_surface(frame, "outcome", COLUMNS, ["discount"])
    rows = frame.head(20)
    before, after = surface.bends.units(rows), surface.bends.units(rows.assign(discount=rows["discount"] + 0.2))
    slope = surface.gradient(before, after)
    spread = np.sqrt(((slope @ surface.covariance) * slope).sum(axis=1))
    np.testing.assert_allclose(surface.change(before, after, ["discount"])[1], spread, rtol=1e-6)
    change = surface.mean(after) - surface.mean(before)
    np.testing.assert_allclose(surface.change(before, after, ["discount"])[0], change, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(12)))
def test_rows_do_not_matter_to_each_other(order: list[int]) -> None:
    surface = fit_surface(_FITTED, "outcome", COLUMNS, ["discount"])
    rows = _FITTED.head(12)
    change, doubt = ask(surface, rows)
    turned = ask(surface, rows.iloc[order])
    np.testing.assert_allclose(turned[0], change[order], atol=1e-12)
    np.testing.assert_allclose(turned[1], doubt[order], atol=1e-12)


_FITTED = draw_rows(300, 5)[0]


def test_an_outcome_that_never_varies_has_no_effect() -> None:
    frame = draw_rows(200, 0)[0].assign(outcome=1.0)
    change, doubt = ask(fit_surface(frame, "outcome", COLUMNS, ["discount"]), frame)
    assert not change.any() and not doubt.any()


def test_the_mean_of_moves_is_covered_and_corrects_a_wrong_mean_outcome() -> None:
    covered, plain, corrected = [], [], []
    for seed in range(20):
        frame, effect = draw_rows(900, seed)
        known = fit_residuals(frame, "outcome", COLUMNS, ["discount"], rng=0)
        rows = frame["discount"].to_numpy() < 0.7
        before = known.bends.units(frame[rows])
        after = known.bends.units(frame[rows].assign(discount=frame["discount"][rows] + 0.2))
        found = estimate_moved_mean(known, before, after, ["discount"], level=0.9)
        covered.append(found.interval[0] < effect[rows].mean() < found.interval[1])
        plain.append(np.mean([s.change(before, after, ["discount"])[0].mean() for s in known.surfaces]))
        corrected.append(found.value)
        assert found.n == rows.sum() and 10 < found.ess <= len(frame)
    assert 14 <= sum(covered) <= 20
    assert np.std(corrected) < 0.2


def test_too_few_rows_are_refused_with_their_number() -> None:
    with pytest.raises(FrameError, match="3 independent rows"):
        fit_residuals(draw_rows(3, 0)[0], "outcome", COLUMNS, ["discount"], rng=0)


def test_far_away_is_unusual() -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(2_000, 3))
    assert unusual(seen, seen).mean() == pytest.approx(0.005, abs=0.002)
    assert unusual(seen, np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0]])).tolist() == [False, True]
