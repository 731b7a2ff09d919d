from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from graphrec.learning.regressions.outcome import BinaryModel, customer_folds, fit_binary
from graphrec.market.tables import DataError


def draw(seed: int, n: int = 3_000, bend: float = 0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    truth = -1.0 + x[:, 0] + bend * np.abs(x[:, 1])
    folds = customer_folds(np.arange(n) // 3, 5, rng)
    return x, truth, (rng.random(n) < expit(truth)).astype(float), folds


def loss(truth: np.ndarray, found: np.ndarray) -> float:
    """Expected log loss under the true logit."""
    return float((np.logaddexp(0, found) - expit(truth) * found).mean())


@given(st.lists(st.integers(0, 20), min_size=30, max_size=80), st.integers(0, 100))
def test_folds_never_split_a_customer(customers, seed):
    clusters = np.array([*customers, *range(100, 105)])
    folds = customer_folds(clusters, 5, np.random.default_rng(seed))
    assert set(folds) == set(range(5))
    assert all(len(set(folds[clusters == customer])) == 1 for customer in set(clusters))


def test_too_few_customers_for_the_folds_are_refused():
    with pytest.raises(DataError, match="3 customers cannot be split into 5 folds; more"):
        customer_folds(np.array(["a", "b", "c", "a"]), 5, np.random.default_rng(0))


@pytest.fixture(scope="module")
def bent():
    x, truth, y, folds = draw(0, n=6_000, bend=1.5)
    return x, truth, y, folds, fit_binary(x, y, folds, seed=1)


def test_trees_find_what_a_line_cannot(bent):
    model = bent[-1]
    new, new_truth, _, _ = draw(99, bend=1.5)
    line = model.whole.logits(new)[:, 0]
    assert loss(new_truth, model.logits(new)) < loss(new_truth, line) - 0.02
    assert model.blend[2] > model.blend[1]


def test_trees_that_do_not_help_get_little_say():
    x, _, y, folds = draw(1)
    new, new_truth, _, _ = draw(98)
    model = fit_binary(x, y, folds)
    assert loss(new_truth, model.logits(new)) < loss(new_truth, model.whole.logits(new)[:, 1]) + 1e-4
    assert loss(new_truth, model.logits(new)) < loss(new_truth, new_truth) + 0.005


def test_out_of_fold_logits_come_from_models_that_did_not_see_the_customer(bent):
    x, _, y, folds, model = bent
    np.testing.assert_allclose(model.cross_logits(x, folds), model.out_of_fold, rtol=1e-9)
    changed = fit_binary(x, np.where(folds == 2, 1 - y, y), folds, seed=1)
    part, other = model.folds[2].logits(x), changed.folds[2].logits(x)
    np.testing.assert_allclose(part[:, 0], other[:, 0])  # the boosted part is stopped early by the fold, no more


def test_rows_of_a_fold_without_training_rows_get_the_whole_model():
    x, _, y, folds = draw(2)
    seen = folds < 4
    model = fit_binary(x[seen], y[seen], folds[seen])
    found = model.cross_logits(x, folds)
    np.testing.assert_allclose(found[~seen], model.logits(x[~seen]))
    gap = fit_binary(x[folds != 1], y[folds != 1], folds[folds != 1])
    assert np.isfinite(gap.cross_logits(x, folds)).all()


def test_probabilities_are_calibrated_in_the_large(bent):
    _, _, y, _, model = bent
    assert expit(model.out_of_fold).mean() == pytest.approx(y.mean(), abs=0.003)


def test_standard_errors_match_the_spread_over_samples():
    new = draw(97, n=200)[0]
    models = [fit_binary(*(draw(seed)[i] for i in (0, 2, 3))) for seed in range(100, 112)]
    spread = np.std([model.logits(new) for model in models], axis=0).mean()
    told = np.mean([model.standard_errors(new) for model in models])
    assert 0.5 < told / spread < 1.6


def test_an_offset_is_not_learned_again():
    x, truth, _, folds = draw(3, n=8_000)
    rng = np.random.default_rng(3)
    known = rng.normal(size=len(x))
    y = (rng.random(len(x)) < expit(truth + known)).astype(float)
    model = fit_binary(x, y, folds, offset=known)
    assert np.sqrt(np.mean((model.logits(x) - truth) ** 2)) < 0.2


def test_weights_count():
    x, _, y, folds = draw(4)
    up = fit_binary(x, y, folds, weights=np.where(y > 0, 3.0, 1.0))
    odds = 3 * y.mean() / (1 - y.mean())
    assert np.average(expit(up.out_of_fold), weights=np.where(y > 0, 3.0, 1.0)) == pytest.approx(
        odds / (1 + odds), abs=0.02
    )


def test_the_same_seed_gives_the_same_bytes(bent):
    x, _, y, folds, model = bent
    again = fit_binary(x, y, folds, seed=1)
    assert again.out_of_fold.tobytes() == model.out_of_fold.tobytes()
    assert again.logits(x).tobytes() == model.logits(x).tobytes()
    assert again.to_parts()[1] == model.to_parts()[1]


def test_parts_hold_the_whole_model(bent):
    x, _, _, _, model = bent
    again = BinaryModel.from_parts(*model.to_parts())
    assert again.logits(x).tobytes() == model.logits(x).tobytes()
    assert again.standard_errors(x).tobytes() == model.standard_errors(x).tobytes()


@pytest.mark.parametrize("positives", [0, 1, 10])
def test_few_or_no_positives_give_a_finite_ridge(positives):
    x, _, _, folds = draw(5, n=300)
    y = np.zeros(300)
    y[:positives] = 1
    model = fit_binary(x, y, folds)
    assert model.whole.booster is None
    assert np.isfinite(model.logits(x)).all() and expit(model.logits(x)).max() < 0.9


def test_without_columns_it_is_the_mean():
    _, _, y, folds = draw(6)
    model = fit_binary(np.empty((len(y), 0), dtype=np.float32), y, folds)
    np.testing.assert_allclose(expit(model.logits(np.empty((2, 0)))), y.mean(), rtol=1e-3)
