"""Moves of an amount: the truth is simulated by moving it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.estimation import NoOverlap
from causal.estimators.shifts import QuantileMove, Shift, estimate_move
from causal.graph import CausalGraph
from causal.scm import fit_scm

ESTIMAND = SimpleNamespace(treatment="discount", outcome="spend", adjustment_set=("wealth",), method="o-set")


def respond(discount, wealth):
    return np.tanh(discount) + wealth * discount / 3 + wealth


def priced(n=2_500, seed=0):
    draw = np.random.default_rng(seed)
    wealth = draw.normal(size=n)
    discount = 0.7 * wealth + draw.normal(size=n)
    spend = respond(discount, wealth) + 0.5 * draw.normal(size=n)
    return pd.DataFrame({"wealth": wealth, "discount": discount, "spend": spend})


@pytest.mark.parametrize("by", [0.3, -0.3])
def test_a_shift_is_measured_on_a_bent_response(by):
    errors = []
    for seed in range(3):
        frame = priced(seed=seed)
        effect = estimate_move(frame, ESTIMAND, Shift(by), rng=seed)
        discount, wealth = frame["discount"], frame["wealth"]
        truth = (respond(discount + by, wealth) - respond(discount, wealth)).mean()
        assert abs(effect.value - truth) < 4 * effect.se
        errors.append(effect.value - truth)
    assert abs(np.mean(errors)) < 0.15 * abs(truth)
    assert effect.target == "move" and ("0.3 more" in effect.meaning) == (by > 0)
    assert "of discount on spend" in str(effect)


def test_a_move_by_ranks_stays_in_the_support_and_is_measured():
    frame = priced(n=4_000)
    move = QuantileMove(0.1)
    effect = estimate_move(frame, ESTIMAND, move, rng=0)
    wealth, discount = frame["wealth"].to_numpy(), frame["discount"].to_numpy()
    to = move.moved(discount, 0.7 * wealth, np.ones(4_000))
    assert (to - 0.7 * wealth).max() <= (discount - 0.7 * wealth).max() and (to >= discount - 1e-9).all()
    truth = (respond(to, wealth) - respond(discount, wealth)).mean()
    assert abs(effect.value - truth) < 4 * effect.se and effect.overlap > 0.95


def test_limits_leave_those_alone_who_would_cross_them():
    frame = priced()
    free = estimate_move(frame, ESTIMAND, Shift(0.3), rng=0)
    held = estimate_move(frame, ESTIMAND, Shift(0.3, highest=0.5), rng=0)
    assert held.treated < free.treated and 0 < held.value < free.value


def test_the_structural_model_moves_the_same_way():
    frame = priced(n=4_000)
    graph = CausalGraph(frame.columns, [("wealth", "discount"), ("wealth", "spend"), ("discount", "spend")])
    model = fit_scm(frame, graph, rng=0)
    by_model = model.outcome_effect(frame, {"discount": frame["discount"] + 0.3}, "spend").mean()
    effect = estimate_move(frame, ESTIMAND, Shift(0.3), rng=0)
    assert by_model == pytest.approx(effect.value, abs=4 * effect.se)


def test_a_move_out_of_the_support_is_refused():
    with pytest.raises(NoOverlap, match="Move less far"):
        estimate_move(priced(n=1_000), ESTIMAND, Shift(6.0), rng=0)


@pytest.mark.parametrize(
    ("move", "change", "message"),
    [
        (Shift(0.0), {}, "not 0"),
        (Shift(np.nan), {}, "finite"),
        (QuantileMove(1.5), {}, "between -1 and 1"),
        (Shift(1.0), {"discount": True}, "is no amount"),
        (Shift(1.0), {"spend": np.nan}, "missing values"),
    ],
)
def test_what_cannot_be_moved_is_named(move, change, message):
    with pytest.raises(FrameError, match=message):
        estimate_move(priced(n=200).assign(**change), ESTIMAND, move, rng=0)
    with pytest.raises(FrameError, match="by adjustment only"):
        estimate_move(priced(n=200), SimpleNamespace(**{**vars(ESTIMAND), "method": "instrument"}), Shift(1.0))


@pytest.mark.slow
def test_intervals_of_moves_cover():
    wealth, noise = np.random.default_rng(99).normal(size=(2, 200_000))
    discount = 0.7 * wealth + noise
    truth = (respond(discount + 0.3, wealth) - respond(discount, wealth)).mean()
    covered = []
    for seed in range(60):
        low, high = estimate_move(priced(n=500, seed=seed), ESTIMAND, Shift(0.3), rng=seed).interval
        covered.append(low < truth < high)
    assert np.mean(covered) >= 0.86
