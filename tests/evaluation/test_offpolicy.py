from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.evaluation import (
    EvaluationError,
    Unreliable,
    doubly_robust,
    inverse_propensity,
    self_normalised,
)


def log(seed, n=4000, actions=3):
    """A log with known propensities; the new policy prefers action 2; its true value is returned."""
    rng = np.random.default_rng(seed)
    context = rng.random(n)
    means = np.clip(0.1 + 0.2 * np.arange(actions) * context[:, None], 0, 1)
    behaviour = np.tile([0.5, 0.3, 0.2], (n, 1))
    action = (rng.random(n)[:, None] > behaviour.cumsum(axis=1)).sum(axis=1)
    outcome = (rng.random(n) < means[np.arange(n), action]).astype(float)
    new = np.tile([0.1, 0.1, 0.8], (n, 1))
    rows = np.arange(n)
    truth = 0.8 * (0.1 + 0.4 * 0.5) + 0.1 * 0.1 + 0.1 * (0.1 + 0.2 * 0.5)
    return outcome, behaviour[rows, action], new[rows, action], means[rows, action], (new * means).sum(axis=1), truth


@pytest.mark.parametrize("method", ["IPW", "SNIPS", "DR", "DR, wrong model", "DR, wrong propensity"])
def test_estimators_are_unbiased_and_their_intervals_honest(method):
    values, held = [], 0
    for seed in range(120):
        outcome, propensity, target, logged, aimed, truth = log(seed, n=2000)
        if method == "IPW":
            found = inverse_propensity(outcome, propensity, target)
        elif method == "SNIPS":
            found = self_normalised(outcome, propensity, target)
        elif method == "DR, wrong model":
            found = doubly_robust(outcome, propensity, target, 0 * logged + 0.3, 0 * aimed + 0.3)
        elif method == "DR, wrong propensity":
            found = doubly_robust(outcome, np.full_like(propensity, 1 / 3), target, logged, aimed)
        else:
            found = doubly_robust(outcome, propensity, target, logged, aimed)
        values.append(found.value)
        held += found.interval.low <= truth <= found.interval.high
    assert abs(np.mean(values) - truth) < 4 * np.std(values) / np.sqrt(120)
    assert held / 120 >= 0.95 - 4 * 0.02


def test_doubly_robust_is_sharper_than_weighting_alone():
    outcome, propensity, target, logged, aimed, _ = log(0)
    plain = inverse_propensity(outcome, propensity, target).interval.se
    assert doubly_robust(outcome, propensity, target, logged, aimed).interval.se < plain


def test_self_normalising_ignores_a_constant_added_to_the_outcome():
    outcome, propensity, target, *_ = log(1)
    base = self_normalised(outcome, propensity, target).value
    assert self_normalised(outcome + 5, propensity, target).value == pytest.approx(base + 5)


def test_too_few_positive_events_are_refused_with_the_figure():
    rng = np.random.default_rng(0)
    outcome = (rng.random(10_000) < 0.001).astype(float)
    with pytest.raises(Unreliable, match=r"effective positive events \(effective sample size") as refusal:
        inverse_propensity(outcome, np.full(10_000, 0.5), np.ones(10_000))
    assert refusal.value.positive_events == pytest.approx(outcome.sum())
    assert refusal.value.ess == pytest.approx(10_000)


def test_many_events_under_uneven_weights_are_still_too_few():
    outcome = np.ones(1000)
    propensity = np.where(np.arange(1000) < 2, 1e-4, 0.9)
    for method in (inverse_propensity, self_normalised):
        with pytest.raises(Unreliable, match=r"2\.2 effective positive events"):
            method(outcome, propensity, np.ones(1000))


def test_a_policy_the_log_never_followed_is_refused():
    with pytest.raises(Unreliable, match=r"0\.0 effective positive events"):
        doubly_robust(np.ones(100), np.full(100, 0.5), np.zeros(100), np.ones(100), np.ones(100))


def test_clipping_is_reported():
    outcome, propensity, target, *_ = log(2)
    free, cut = (inverse_propensity(outcome, propensity, target, clip=clip) for clip in (None, 2.0))
    assert free.clipped_share == 0
    assert cut.clipped_share == pytest.approx(np.mean(target / propensity > 2))
    assert cut.largest_weight == 2 and free.largest_weight == pytest.approx(4)
    assert cut.ess > free.ess and cut.value < free.value


def test_clusters_widen_the_interval_of_repeated_rows():
    outcome, propensity, target, *_ = log(3, n=500)
    once = inverse_propensity(outcome, propensity, target).interval
    copied = [np.tile(column, 4) for column in (outcome, propensity, target)]
    again = inverse_propensity(*copied, clusters=np.tile(np.arange(500), 4)).interval
    assert (again.low, again.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize(
    ("propensity", "target", "clip", "words"),
    [
        ([0.0, 0.5], [1, 1], None, "propensity must be above 0 and at most 1; row 0 has 0.0"),
        ([1.5, 0.5], [1, 1], None, "row 0 has 1.5"),
        ([0.5, 0.5], [1, 2], None, "target must be between 0 and 1; row 1 has 2"),
        ([0.5, np.nan], [1, 1], None, "propensity has 1 values that are not finite"),
        ([0.5, 0.5], [1, 1], 0.0, "clip is 0.0"),
    ],
)
def test_impossible_probabilities_are_refused(propensity, target, clip, words):
    with pytest.raises(EvaluationError, match=words):
        inverse_propensity([1.0, 0.0], propensity, target, clip=clip)


def test_the_open_bandit_sample_is_too_thin_for_another_policy():
    """10,000 logged rows hold some dozens of clicks: judging a policy far from the log must be refused."""
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "obd"
    file = folder / "random_all.parquet"
    if not file.exists():
        pytest.skip("the Open Bandit sample is not here")
    log = pd.read_parquet(file)
    first = log[log["position"] == log["position"].min()]
    favourite = first["item_id"] == first["item_id"].mode()[0]
    with pytest.raises(Unreliable, match="effective positive events"):
        self_normalised(first["click"], first["propensity_score"], favourite)
