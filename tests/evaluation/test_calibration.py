import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.evaluation import (
    EvaluationError,
    ate_bias,
    calibration_by_decile,
    calibration_slope,
    interval_coverage,
    rpehe,
)


def test_error_and_bias_by_hand():
    assert rpehe([0.0, 0.3], [0.1, 0.1]) == pytest.approx(np.sqrt(0.025))
    assert ate_bias([0.0, 0.3], [0.1, 0.1]) == pytest.approx(0.05)
    assert ate_bias([0.0, 0.3], [0.1, 0.1], weights=[3, 1]) == pytest.approx(-0.025)


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0, -1.0])
def test_slope_finds_how_much_the_spread_is_exaggerated(stretch):
    truth = np.random.default_rng(0).normal(size=200)
    line = calibration_slope(0.1 + stretch * truth, truth)
    assert line.slope == pytest.approx(1 / stretch)
    assert line.intercept == pytest.approx(-0.1 / stretch)


def test_doubly_robust_scores_stand_in_for_the_truth():
    """Unbiased noise around the truth leaves the slope where it is, inside an honest interval."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        effect = rng.normal(size=400) * 0.1
        held += (
            (found := calibration_slope(effect / 0.7, effect + rng.normal(size=400)).interval).low <= 0.7 <= found.high
        )
    assert 0.95 - 4 * 0.0155 <= held / 200 <= 1


def test_slope_interval_respects_clusters():
    rng = np.random.default_rng(2)
    guess, truth = rng.normal(size=50), rng.normal(size=50)
    once = calibration_slope(guess, truth).interval
    copies = calibration_slope(np.tile(guess, 4), np.tile(truth, 4), clusters=np.tile(np.arange(50), 4)).interval
    assert (copies.low, copies.high) == pytest.approx((once.low, once.high))


def test_a_ranking_figure_cannot_see_a_bias_but_these_do():
    truth = np.linspace(-0.1, 0.3, 50)
    guess = truth - 0.5
    assert calibration_slope(guess, truth).slope == pytest.approx(1)
    assert ate_bias(guess, truth) == pytest.approx(-0.5)
    assert rpehe(guess, truth) == pytest.approx(0.5)


def test_deciles_hold_equal_shares_from_high_to_low():
    guess = np.random.default_rng(3).permutation(np.arange(1000) / 1000)
    table = calibration_by_decile(guess, guess * 0.5)
    assert table.rows.tolist() == [100] * 10
    assert np.all(np.diff(table.predicted) < 0)
    assert table.observed == pytest.approx(table.predicted / 2)
    assert np.all(table.low <= table.observed) and np.all(table.observed <= table.high)
    assert table.error == pytest.approx(guess.mean() / 2)


@given(levels=st.integers(1, 12), seed=st.integers(0, 50))
def test_tied_predictions_stay_together_whatever_the_order(levels, seed):
    rng = np.random.default_rng(seed)
    guess, truth = rng.integers(0, levels, 80) / 10, rng.normal(size=80)
    shuffle = rng.permutation(80)
    plain = calibration_by_decile(guess, truth)
    moved = calibration_by_decile(guess[shuffle], truth[shuffle])
    assert moved.rows.tolist() == plain.rows.tolist()
    assert moved.observed == pytest.approx(plain.observed)
    assert plain.rows.sum() == 80
    assert len(plain.rows) <= min(10, len(np.unique(guess)))


def test_a_bin_of_one_cluster_has_no_finite_interval():
    table = calibration_by_decile([2.0, 1.0], [0.5, 0.1], bins=2)
    assert table.low.tolist() == [-np.inf, -np.inf]


def test_coverage_counts_held_truths():
    assert interval_coverage([0, 0, 0], [1, 1, 1], [0.5, 2, 1]) == pytest.approx(2 / 3)
    assert interval_coverage([0, 0], [1, 1], [0.5, 2], weights=[3, 1]) == 0.75


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: calibration_slope([0.1, 0.1, 0.1], [0.1, 0.2, 0.3]), "constant 0.1"),
        (lambda: calibration_slope([0.1, 0.2], [0.1, 0.2]), "at least three clusters"),
        (lambda: calibration_by_decile([0.1, 0.2], [0.1, 0.2], bins=0), "bins is 0"),
        (lambda: interval_coverage([1.0], [0.0], [0.5]), "above high"),
        (lambda: rpehe([], []), "no rows"),
        (lambda: rpehe([np.inf], [0.1]), "not finite"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(EvaluationError, match=words):
        call()
