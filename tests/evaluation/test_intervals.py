import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from graphrec.evaluation import (
    EvaluationError,
    bootstrap_difference,
    bootstrap_ratio,
    bootstrap_statistic,
    mean_interval,
    rank_value,
)


def clustered(rng, clusters=60, size=5, spread=1.0):
    code = np.repeat(np.arange(clusters), size)
    return code, rng.normal(size=clusters)[code] * spread + rng.normal(size=len(code)) * 0.3


def test_without_clusters_the_interval_is_students():
    x = np.random.default_rng(0).normal(size=30)
    low, high = stats.t.interval(0.9, 29, loc=x.mean(), scale=stats.sem(x))
    interval = mean_interval(x, level=0.9)
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_equal_rows_of_a_cluster_count_once():
    x = np.random.default_rng(1).normal(size=20)
    once, thrice = mean_interval(x), mean_interval(np.repeat(x, 3), clusters=np.repeat(np.arange(20), 3))
    assert (thrice.low, thrice.high, thrice.clusters) == pytest.approx((once.low, once.high, 20))


def test_ignoring_clusters_covers_too_rarely():
    rng = np.random.default_rng(2)
    held = {"clustered": 0, "ignored": 0}
    for _ in range(400):
        code, x = clustered(rng)
        for name, clusters in (("clustered", code), ("ignored", None)):
            interval = mean_interval(x, clusters=clusters)
            held[name] += interval.low <= 0 <= interval.high
    assert 0.95 - 4 * 0.011 <= held["clustered"] / 400 <= 0.95 + 4 * 0.011
    assert held["ignored"] / 400 < 0.75


def test_bootstrap_agrees_with_the_analytic_interval_of_a_paired_difference():
    rng = np.random.default_rng(3)
    code, x = clustered(rng, clusters=300)
    other = x - 0.05 + rng.normal(size=len(x)) * 0.05
    drawn = bootstrap_difference(x, other, clusters=code, rng=0)
    exact = mean_interval(x - other, clusters=code)
    assert drawn.value == pytest.approx(exact.value)
    assert drawn.se == pytest.approx(exact.se, rel=0.1)
    assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.2 * exact.se)


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(4)
    x = rng.normal(size=200)
    paired = bootstrap_difference(x + 0.1, x + rng.normal(size=200) * 0.01, rng=0)
    assert paired.excludes_zero
    assert paired.se < mean_interval(x).se / 10


def test_the_share_of_an_oracle_gets_an_interval_as_a_ratio():
    rng = np.random.default_rng(5)
    customers, uplift = np.repeat(np.arange(200), 5), rng.normal(size=1000)
    good, poor = (rank_value(uplift + s * rng.normal(size=1000), uplift, customers, 1) for s in (0.3, 1.5))
    interval = bootstrap_ratio(good.value - poor.value, good.ideal - good.random, rng=0)
    assert interval.value == pytest.approx(good.of_oracle - poor.of_oracle)
    assert interval.low > 0


def test_a_statistic_of_weights_gets_the_interval_of_its_mean():
    code, x = clustered(np.random.default_rng(6), clusters=150)
    drawn = bootstrap_statistic(lambda w: float(w @ x / w.sum()), code, rng=0)
    exact = mean_interval(x, clusters=code)
    assert drawn.value == pytest.approx(exact.value)
    assert drawn.se == pytest.approx(exact.se, rel=0.2)


@given(seed=st.integers(0, 50))
def test_same_seed_same_interval_whatever_the_order_of_rows(seed):
    rng = np.random.default_rng(seed)
    code, x = clustered(rng, clusters=6, size=3)
    shuffle = rng.permutation(len(x))
    plain = bootstrap_difference(x, 0 * x, clusters=code, replications=50, rng=seed)
    moved = bootstrap_difference(
        x[shuffle], 0 * x, clusters=code[shuffle], replications=50, rng=np.random.default_rng(seed)
    )
    assert (moved.low, moved.high, moved.se) == pytest.approx((plain.low, plain.high, plain.se))


def test_weights_are_those_of_repeated_rows():
    x, w = np.array([1.0, 4.0, 2.0, 8.0]), np.array([1, 2, 3, 1])
    code = np.array([0, 1, 2, 3])
    weighted = mean_interval(x, weights=w, clusters=code)
    repeated = mean_interval(np.repeat(x, w), clusters=np.repeat(code, w))
    assert (weighted.value, weighted.se) == pytest.approx((repeated.value, repeated.se))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mean_interval([1.0]), "at least two clusters, there are 1"),
        (lambda: mean_interval([1.0, 2.0], level=95), "level is 95"),
        (lambda: mean_interval([1.0, 2.0], weights=[0, 0]), "all zero"),
        (lambda: bootstrap_difference([1.0, 2.0], [1.0]), "second has 1 rows"),
        (lambda: bootstrap_difference([1.0, 2.0], [1.0, 1.0], replications=1), "replications is 1"),
        (lambda: bootstrap_ratio([1.0, 2.0], [0.0, 1.0], rng=0), "add up to zero"),
        (lambda: bootstrap_statistic(lambda w: np.nan, [1, 2], rng=0), "not finite"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(EvaluationError, match=words):
        call()
