import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc

from graphrec.evaluation import EvaluationError, auuc, qini_observed, qini_true, uplift_observed


def published_curve(outcome, score, treatment, kind):
    """The qini and uplift curves as scikit-uplift documents them, over the counts of contacted rows."""
    order = np.argsort(score, kind="mergesort")[::-1]
    y, s, t = outcome[order], score[order], treatment[order]
    ends = np.r_[np.where(np.diff(s))[0], s.size - 1]
    n_t, y_t, y_c = (np.cumsum(column)[ends].astype(float) for column in (t, y * t, y * (1 - t)))
    n_all = ends + 1.0
    n_c = n_all - n_t
    if kind == "qini":
        value = y_t - y_c * np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c != 0)
    else:
        rates = [np.divide(y, n, out=np.zeros_like(y), where=n != 0) for y, n in ((y_t, n_t), (y_c, n_c))]
        value = (rates[0] - rates[1]) * n_all
    return np.r_[0, n_all], np.r_[0, value]


def published_coefficient(outcome, score, treatment, kind):
    """scikit-uplift's qini_auc_score and uplift_auc_score: areas above the diagonal, ours over the perfect one's."""
    if kind == "qini":
        perfect = outcome * treatment - outcome * (1 - treatment)
    else:
        control_responders = np.sum((outcome == 1) & (treatment == 0))
        treated_silent = np.sum((outcome == 0) & (treatment == 1))
        perfect = 2 * (outcome == treatment) + (outcome if control_responders > treated_silent else treatment)
    actual, best = (published_curve(outcome, s, treatment, kind) for s in (score, perfect))
    base = auc([0, best[0][-1]], [0, best[1][-1]])
    return (auc(*actual) - base) / (auc(*best) - base)


def trial(seed, n=400, levels=None):
    rng = np.random.default_rng(seed)
    score, treatment = rng.normal(size=n), rng.integers(0, 2, n)
    outcome = (rng.random(n) < 0.3 + 0.2 * treatment * (score > 0)).astype(int)
    return (score if levels is None else np.round(score * levels)), outcome, treatment


@pytest.mark.parametrize("levels", [None, 2])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("kind", "curve"), [("qini", qini_observed), ("uplift", uplift_observed)])
def test_coefficients_equal_the_published_formulas(seed, levels, kind, curve):
    score, outcome, treatment = trial(seed, levels=levels)
    expected = published_coefficient(outcome, score, treatment, kind)
    assert curve(score, outcome, treatment).coefficient == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_the_points_of_the_curves_equal_the_published_ones(seed):
    score, outcome, treatment = trial(seed, levels=3)
    x, y = published_curve(outcome, score, treatment, "qini")
    ours = qini_observed(score, outcome, treatment)
    assert ours.share == pytest.approx(x / 400)
    assert ours.gain == pytest.approx(y / treatment.sum())
    x, y = published_curve(outcome, score, treatment, "uplift")
    assert uplift_observed(score, outcome, treatment).gain == pytest.approx(y / 400)
    assert auuc(score, outcome, treatment) == pytest.approx(auc(x, y) / 400**2)


def test_qini_true_by_hand():
    curve = qini_true([3, 2, 1], [0.0, 0.3, -0.3])
    assert curve.gain == pytest.approx([0, 0, 0.1, 0])
    assert curve.area == pytest.approx(0.1 / 3)
    assert curve.oracle_area == pytest.approx((0.05 + 0.1 + 0.05) / 3)
    assert curve.coefficient == pytest.approx(0.5)
    assert curve.at(0.5) == pytest.approx(0.05)


def test_a_row_of_weight_two_counts_as_two_rows():
    score, outcome, treatment = trial(3, levels=4)
    weights = np.random.default_rng(0).integers(1, 4, len(score))
    repeated = [np.repeat(column, weights) for column in (score, outcome, treatment)]
    for curve in (qini_observed, uplift_observed):
        assert curve(score, outcome, treatment, weights).area == pytest.approx(curve(*repeated).area)
    assert qini_true(score, outcome - 0.4, weights).coefficient == pytest.approx(
        qini_true(repeated[0], repeated[1] - 0.4).coefficient
    )


def test_inverse_propensity_weights_undo_targeting():
    """Contacts follow appetite, which has no effect: the naive curve rises, the weighted one does not."""
    rng = np.random.default_rng(0)
    n = 200_000
    appetite = rng.random(n)
    propensity = 0.1 + 0.8 * appetite
    treatment = (rng.random(n) < propensity).astype(float)
    outcome = (rng.random(n) < 0.1 + 0.6 * appetite).astype(float)
    weights = np.where(treatment == 1, 1 / propensity, 1 / (1 - propensity))
    naive, weighted = (qini_observed(appetite, outcome, treatment, w) for w in (None, weights))
    assert naive.gain[-1] > 0.1
    assert abs(weighted.gain[-1]) < 0.02
    assert abs(weighted.lift) < abs(naive.lift) / 3 or abs(weighted.lift) < 0.01


uplifts = st.lists(st.sampled_from([-0.2, -0.1, 0.0, 0.1, 0.3]), min_size=2, max_size=12)


@given(uplift=uplifts, seed=st.integers(0, 99))
def test_laws_of_the_true_curve(uplift, seed):
    effect = np.array(uplift)
    if len(set(uplift)) < 2:
        return
    rng = np.random.default_rng(seed)
    score, shuffle = rng.choice([1.0, 2.0, 3.0], len(effect)), rng.permutation(len(effect))
    plain = qini_true(score, effect)
    assert qini_true(effect, effect).coefficient == pytest.approx(1)
    assert qini_true(-effect, effect).coefficient == pytest.approx(-1)
    assert qini_true(np.zeros(len(effect)), effect).lift == pytest.approx(0, abs=1e-12)
    assert qini_true(score[shuffle], effect[shuffle]).coefficient == pytest.approx(plain.coefficient)
    assert qini_true(np.expm1(score), effect).coefficient == pytest.approx(plain.coefficient)
    assert plain.coefficient <= 1 + 1e-12
    assert plain.gain[-1] == pytest.approx(effect.mean())


def test_ties_are_the_mean_over_their_orders():
    rng = np.random.default_rng(2)
    effect, tied = rng.normal(size=30), np.repeat([3.0, 2.0, 1.0], 10)
    drawn = [qini_true(tied + rng.random(30) / 2, effect).area for _ in range(2000)]
    assert abs(np.mean(drawn) - qini_true(tied, effect).area) < 4 * np.std(drawn) / np.sqrt(2000)


def test_a_random_score_has_no_lift_in_expectation():
    _, outcome, treatment = trial(0, n=2000)
    rng = np.random.default_rng(5)
    lifts = [qini_observed(rng.random(2000), outcome, treatment).lift for _ in range(300)]
    assert abs(np.mean(lifts)) < 4 * np.std(lifts) / np.sqrt(300)


@given(seed=st.integers(0, 200), levels=st.sampled_from([1, 2, 5]))
def test_observed_curves_ignore_the_order_of_rows(seed, levels):
    score, outcome, treatment = trial(seed, n=60, levels=levels)
    shuffle = np.random.default_rng(seed).permutation(60)
    for curve in (qini_observed, uplift_observed):
        plain, moved = curve(score, outcome, treatment), curve(score[shuffle], outcome[shuffle], treatment[shuffle])
        assert moved.gain == pytest.approx(plain.gain)
        assert curve(score**3, outcome, treatment).gain == pytest.approx(plain.gain)


def test_amounts_have_a_curve_but_no_coefficient():
    score, outcome, treatment = trial(1)
    curve = qini_observed(score, outcome * 12.5, treatment)
    assert curve.lift == pytest.approx(12.5 * qini_observed(score, outcome, treatment).lift)
    with pytest.raises(EvaluationError, match="0/1 outcomes only"):
        _ = curve.coefficient


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: qini_true([1, 2], [0.1, np.nan]), "uplift has 1 values that are not finite"),
        (lambda: qini_true([], []), "no rows"),
        (lambda: qini_true([1, 2], [0.1]), "uplift has 1 rows where the other columns have 2"),
        (lambda: qini_true([1, 2], [0.1, 0.2], [-1, 1]), "must not be negative"),
        (lambda: qini_true([1, 2], [0.1, 0.1]).coefficient, "no order of these rows beats a random one"),
        (lambda: qini_true([1, 2], [0.1, 0.2]).at(1.5), "between 0 and 1"),
        (lambda: qini_observed([1, 2], [0, 1], [1, 1]), "no control row"),
        (lambda: qini_observed([1, 2], [0, 1], [0, 2]), "0 and 1 only"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(EvaluationError, match=words):
        call()
