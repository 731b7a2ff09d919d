from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst
from scipy.special import expit

from graphrec.learning.exposure import effective_sample_size, fit_exposure
from graphrec.learning.outcome import customer_folds


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
