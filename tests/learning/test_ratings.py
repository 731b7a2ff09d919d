"""Ratings that were chosen: truth is simulated, so that the level of all pairs is known."""

import numpy as np
import pytest

from graphrec.learning.ratings import WEIGHTINGS, RatingConfig, Ratings, fit_ratings
from graphrec.market.tables import DataError

CONFIG = RatingConfig(effects=2.0, main=2.0, interaction=20.0)


def simulated(seed: int, customers: int = 150, products: int = 60) -> tuple[Ratings, np.ndarray]:
    """Customers rate what they like, with a known chance. Returns ratings and the expected rating of all pairs."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(customers, 3)), rng.normal(size=(products, 2))
    truth = 3.0 + 0.5 * x[:, :1] + 0.5 * z[:, 0] + 0.6 * x[:, 1:2] * z[:, 1] + 0.4 * rng.normal(size=products)
    chance = np.clip(0.12 * np.exp(0.9 * (truth - 3.0)), 0.01, 0.9)
    customer, product = np.nonzero(rng.random(truth.shape) < chance)
    rating = truth[customer, product] + 0.7 * rng.normal(size=len(customer))
    return Ratings(customer, product, rating, x, z, chance), truth


def predict_all(model, truth: np.ndarray) -> np.ndarray:
    customer, product = np.divmod(np.arange(truth.size), truth.shape[1])
    return model.predict(customer, product).reshape(truth.shape)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_same_seed_same_figures_and_every_pair_has_one(weighting):
    ratings, truth = simulated(0, 60, 30)
    first, second = (fit_ratings(ratings, CONFIG, weighting=weighting, rng=3) for _ in range(2))
    np.testing.assert_array_equal(predict_all(first, truth), predict_all(second, truth))
    assert np.isfinite(predict_all(first, truth)).all()


def test_recalibration_halves_the_excess_of_chosen_ratings():
    """Without attributes the choice is not explained, and the naive level is far too high."""
    for seed in range(3):
        ratings, truth = simulated(seed)
        bare = Ratings(
            ratings.customer, ratings.product, ratings.rating, np.empty((150, 0)), np.empty((60, 0)), ratings.propensity
        )
        naive = predict_all(fit_ratings(bare, CONFIG, weighting="none", rng=0), truth).mean() - truth.mean()
        ours = predict_all(fit_ratings(bare, CONFIG, rng=0), truth).mean() - truth.mean()
        assert naive > 0.2
        assert abs(ours) < 0.5 * naive


def test_attributes_beat_codes_alone_on_all_pairs():
    for seed in range(3):
        ratings, truth = simulated(seed)
        bare = Ratings(
            ratings.customer, ratings.product, ratings.rating, np.empty((150, 0)), np.empty((60, 0)), ratings.propensity
        )
        errors = [np.mean((predict_all(fit_ratings(r, CONFIG, rng=0), truth) - truth) ** 2) for r in (ratings, bare)]
        assert errors[0] < 0.6 * errors[1]


def test_factors_find_what_attributes_do_not_say():
    rng = np.random.default_rng(5)
    taste, kind = rng.normal(size=(80, 1)), rng.normal(size=(40, 1))
    truth = 3.0 + taste * kind.T
    customer, product = np.nonzero(rng.random(truth.shape) < 0.5)
    known = Ratings(customer, product, truth[customer, product], np.empty((80, 0)), np.empty((40, 0)))
    model = fit_ratings(known, RatingConfig(effects=1.0, factors=2, factor_penalty=0.5), weighting="none", rng=0)
    assert np.mean((predict_all(model, truth) - truth) ** 2) < 0.1 * truth.var()


def test_chosen_shrinkage_is_no_worse_on_left_out_ratings_than_the_default():
    ratings, _ = simulated(1, 60, 30)
    default = fit_ratings(ratings, RatingConfig(), rng=0)
    assert fit_ratings(ratings, rng=0).left_out_loss <= default.left_out_loss


def test_a_sample_of_the_unrated_leaves_the_doubly_robust_level(monkeypatch):
    ratings, truth = simulated(2)
    whole = predict_all(fit_ratings(ratings, CONFIG, weighting="dr", rng=0), truth).mean()
    monkeypatch.setattr("graphrec.learning.ratings._UNRATED", 3_000)
    part = predict_all(fit_ratings(ratings, CONFIG, weighting="dr", rng=0), truth).mean()
    assert part == pytest.approx(whole, abs=0.05)


def test_refusals_say_what_to_do():
    ratings, _ = simulated(0, 60, 30)
    bare = Ratings(ratings.customer, ratings.product, ratings.rating, ratings.customers, ratings.products)
    with pytest.raises(DataError, match="weighting='none'"):
        fit_ratings(bare)
    with pytest.raises(DataError, match="choose one of none, ips"):
        fit_ratings(ratings, weighting="magic")
    with pytest.raises(DataError, match="too few"):
        ratings.only(np.arange(4))
    with pytest.raises(DataError, match="not finite"):
        Ratings(ratings.customer, ratings.product, ratings.rating * np.nan, ratings.customers, ratings.products)
    with pytest.raises(DataError, match="outside"):
        Ratings(
            ratings.customer, ratings.product, ratings.rating, ratings.customers, ratings.products,
            0.0 * ratings.propensity,
        )  # fmt: skip
