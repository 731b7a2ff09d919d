from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst
from scipy.special import expit

from graphrec.learning.exposure import effective_sample_size, fit_exposure
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.market.tables import DataError


def draw(strength: float, n: int = 6_000, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    propensity = expit(-1.5 + strength * x[:, 0])
    return x, propensity, rng.random(n) < propensity, customer_folds(np.arange(n) // 2, 5, rng)


def expose(x, contacted, folds, weights=None):
    weights = np.ones(len(x)) if weights is None else weights
    return fit_exposure(x, contacted, folds, ("a", "b", "c"), weights=weights)


@pytest.fixture(scope="module")
def targeted():
    x, propensity, contacted, folds = draw(1.0)
    return x, propensity, contacted, folds, expose(x, contacted, folds)


@given(nst.arrays(np.float64, st.integers(1, 40), elements=st.floats(0.01, 100)))
def test_the_effective_size_is_at_most_the_number_and_equal_for_equal_weights(weights):
    assert 1 - 1e-9 <= effective_sample_size(weights) <= len(weights) + 1e-9
    assert effective_sample_size(np.full(len(weights), weights[0])) == pytest.approx(len(weights))
    assert effective_sample_size(5 * weights) == pytest.approx(effective_sample_size(weights))


def test_no_weight_at_all_is_an_effective_size_of_zero():
    assert effective_sample_size(np.zeros(3)) == 0.0


def test_the_propensity_is_recovered(targeted):
    x, propensity, _, _, exposure = targeted
    assert np.abs(expit(exposure.model.logits(x)) - propensity).mean() < 0.02


def test_weighting_balances_what_drove_the_contacts(targeted):
    exposure = targeted[-1]
    before, after = exposure.balance["before"], exposure.balance["after"]
    assert exposure.balance["column"].tolist() == ["a", "b", "c"]
    assert before[0] > 0.8
    assert after.abs().max() < 0.1


def test_weights_of_a_random_contact_are_nearly_equal_and_those_of_a_targeted_one_are_not(targeted):
    x, _, contacted, folds = draw(0.0)
    random, aimed = expose(x, contacted, folds), targeted[-1]
    assert random.ess > 0.95 * (~contacted).sum()
    assert aimed.ess < 0.7 * (~targeted[2]).sum()
    assert random.balance["after"].abs().max() < 0.1


def test_the_clip_is_named_and_its_share_told(targeted):
    exposure = targeted[-1]
    assert (exposure.control_weights == exposure.control_weights.max()).mean() == pytest.approx(
        exposure.clipped_share, abs=1e-3
    )
    assert 0.004 < exposure.clipped_share < 0.006


def test_sampling_weights_undo_the_sampling_of_controls():
    """A tenth of the controls with weight ten gives the propensity of the whole population."""
    x, propensity, contacted, _ = draw(1.0, n=20_000, seed=3)
    rng = np.random.default_rng(1)
    kept = contacted | (rng.random(len(x)) < 0.1)
    folds = customer_folds(np.arange(kept.sum()), 5, rng)
    weights = np.where(contacted[kept], 1.0, 10.0)
    exposure = expose(x[kept], contacted[kept], folds, weights)
    assert np.abs(expit(exposure.model.logits(x)) - propensity).mean() < 0.03


def test_support_is_where_contacts_were(targeted):
    x, _, contacted, _, exposure = targeted
    assert 0.97 < exposure.supported(x[contacted]).mean() <= 1.0
    far = np.zeros((2, 3), dtype=np.float32)
    far[:, 0] = (-8.0, 8.0)
    assert not exposure.supported(far).any()


def test_a_handful_of_contacts_gives_finite_answers():
    x, _, _, folds = draw(1.0, n=400)
    contacted = np.zeros(400, dtype=bool)
    contacted[:10] = True
    exposure = expose(x, contacted, folds)
    assert np.isfinite(exposure.control_weights).all() and np.isfinite(exposure.balance[["before", "after"]]).all(
        axis=None
    )


# --- what the policy logged -----------------------------------------------------------------------------------------

LIFT = 0.15


def hidden_reasons(n: int = 8_000, seed: int = 0):
    """Two channels chosen by something that is in no column and also drives the outcome; what was done is logged."""
    rng = np.random.default_rng(seed)
    x, hidden = rng.normal(size=(n, 3)).astype(np.float32), rng.uniform(-1, 1, size=n)
    contact = expit(-0.8 + 0.5 * np.tanh(x[:, 0]) + 1.5 * hidden)
    table = np.column_stack([1 - contact, 0.7 * contact, 0.3 * contact])
    channel = (rng.random(n)[:, None] > np.cumsum(table, axis=1)[:, :-1]).sum(axis=1)
    outcome = (rng.random(n) < 0.3 + 0.2 * hidden + 0.05 * np.tanh(x[:, 0]) + LIFT * (channel > 0)) * 1.0
    return x, channel, table[np.arange(n), channel], outcome, customer_folds(np.arange(n), 5, rng)


def expose_logged(x, channel, folds, logged):
    return fit_exposure(x, channel > 0, folds, ("a", "b", "c"), weights=np.ones(len(x)), channel=channel, logged=logged)


def average_effects(exposure, channel, outcome):
    """Difference of each channel's weighted mean from that of no contact."""
    weights = exposure.inverse_weights(channel, np.ones(len(channel)))
    mean = [np.average(outcome[channel == arm], weights=weights[channel == arm]) for arm in range(3)]
    return np.array(mean[1:]) - mean[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_log_restores_the_effect_that_the_learned_probability_misses(seed):
    x, channel, logged, outcome, folds = hidden_reasons(seed=seed)
    learned = average_effects(expose_logged(x, channel, folds, None), channel, outcome)
    restored = average_effects(expose_logged(x, channel, folds, logged), channel, outcome)
    assert (learned > LIFT + 0.06).all()
    assert restored == pytest.approx([LIFT, LIFT], abs=0.04)


def test_a_log_of_both_arms_weights_the_controls_by_what_drove_the_contacts():
    x, channel, logged, outcome, folds = hidden_reasons()
    gap = {}
    for name, log in (("learned", None), ("logged", logged)):
        exposure = expose_logged(x, channel, folds, log)
        control = np.average(outcome[channel == 0], weights=exposure.control_weights)
        gap[name] = outcome[channel > 0].mean() - control
    assert gap["learned"] > LIFT + 0.06
    assert gap["logged"] == pytest.approx(LIFT, abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_rows_with_a_log_use_it_and_the_others_the_learned_probability(share):
    x, channel, logged, _, folds = hidden_reasons(n=2_000)
    known = np.random.default_rng(1).random(len(x)) < share
    plain = expose_logged(x, channel, folds, None)
    mixed = expose_logged(x, channel, folds, np.where(known, logged, np.nan))
    own = mixed.propensity[np.arange(len(x)), channel]
    assert own[known] == pytest.approx(logged[known])
    np.testing.assert_array_equal(mixed.propensity[~known], plain.propensity[~known])
    assert mixed.propensity.shape == (2_000, 3) and (mixed.propensity >= 0).all()
    assert mixed.propensity.sum(axis=1) == pytest.approx(np.ones(2_000))
    assert mixed.logged_share == known[channel > 0].mean()
    assert plain.logged_share == 0


def test_without_a_log_the_weights_are_the_odds_of_the_model(targeted):
    _, _, contacted, _, exposure = targeted
    odds = np.exp(exposure.model.out_of_fold[~contacted])
    assert exposure.control_weights == pytest.approx(np.minimum(odds, np.quantile(odds, 0.995)))
    assert exposure.propensity[:, 1] == pytest.approx(expit(exposure.model.out_of_fold))


def test_the_channels_share_what_was_learned_of_any_contact():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6_000, 3)).astype(np.float32)
    second = rng.random(6_000) < expit(2 * x[:, 1])
    channel = np.where(rng.random(6_000) < 0.3, 1 + second, 0)
    propensity = expose_logged(x, channel, customer_folds(np.arange(6_000), 5, rng), None).propensity
    assert np.abs(propensity[:, 2] / propensity[:, 1:].sum(axis=1) - expit(2 * x[:, 1])).mean() < 0.03


def test_a_log_that_is_no_probability_is_refused():
    x, channel, logged, _, folds = hidden_reasons(n=400)
    for wrong in (0.0, 1.2, -0.1):
        with pytest.raises(DataError, match=r"is a probability in \(0, 1\]"):
            expose_logged(x, channel, folds, np.where(np.arange(400) == 7, wrong, logged))


@pytest.mark.parametrize("certain", [1.0, 1e-300])
def test_a_log_without_chance_leaves_no_comparison(certain):
    x, channel, logged, _, folds = hidden_reasons(n=400)
    with pytest.raises(DataError, match="no comparison is left"):
        expose_logged(x, channel, folds, np.full(400, certain))
    with pytest.raises(DataError, match="no comparison is left"):
        expose_logged(x, channel, folds, np.where(channel > 0, certain, 1.0))
    with pytest.raises(DataError, match="every row without contact"):
        expose_logged(x, channel, folds, np.where(channel == 0, 1.0, logged))
