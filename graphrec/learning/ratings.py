r"""What a customer would say of a product, learned from the products they chose to rate.

    r(u, i) = m + x_u a + z_i b + x_u B z_i + b_u + c_i + p_u q_i

Hides how the parts are fitted (ridge, block by block, until the residuals stand still), how strongly each is shrunk,
and what is done about the choice: people rate what they like, so the ratings that exist are too good.

Two jobs are kept apart. *Who prefers what* is learned from the ratings as they are, given the attributes that drive the
choice: weights would only add noise to it. *How good ratings are* is then corrected on ratings that the model has not
seen: level and slope, two figures, are fitted again under self-normalised inverse propensity weights. Weighting the
whole fit (Schnabel 2016) and imputing the unrated (Wang 2019) stand beside it by name, as does doing nothing.

Needs propensities that are right up to a factor given what is known, and above zero for every pair; where liking itself
drives the choice beyond them the level stays too high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from graphrec.market.tables import DataError

__all__ = ["WEIGHTINGS", "RatingConfig", "RatingModel", "Ratings", "fit_ratings"]

WEIGHTINGS = ("none", "ips", "snips", "dr", "recalibrated")
_FOLDS = 5
_SWEEPS = 40
_STILL = 1e-4
"""A sweep that moves no prediction by more than this share of the ratings' spread is the last."""
_CLIP_QUANTILE = 0.99
_INTERACTIONS = 1_000
"""More columns of customer attributes x product attributes than this are left out."""
_UNRATED = 30_000
"""Pairs for which a doubly robust fit imputes a rating, at most."""


@dataclass(frozen=True)
class Ratings:
    """Ratings as arrays.

    Attributes
    ----------
    customer, product : numpy.ndarray, shape (n,), int64
        Codes that count from 0.
    rating : numpy.ndarray, shape (n,)
        Any finite scale.
    customers, products : numpy.ndarray, shapes (C, p) and (P, q)
        Attributes, one row for each code; p or q may be 0. Standardise them.
    propensity : numpy.ndarray, shape (C, P), optional
        Probability that the customer rates the product; only its proportions matter except for ``ips`` and ``dr``.
    """

    customer: np.ndarray
    product: np.ndarray
    rating: np.ndarray
    customers: np.ndarray
    products: np.ndarray
    propensity: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.rating) < 2 * _FOLDS:
            raise DataError(f"{len(self.rating)} ratings are too few to learn from; at least {2 * _FOLDS} are needed")
        for name in ("rating", "customers", "products"):
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(f"{name} holds values that are not finite; fill or leave out those rows")
        if self.propensity is not None:
            own = self.propensity[self.customer, self.product]
            if not ((own > 0) & (own <= 1)).all():
                raise DataError("a pair that was rated has a propensity outside (0, 1]; give the chance of being rated")

    def only(self, rows: np.ndarray) -> Ratings:
        """The ratings at some positions."""
        return replace(self, customer=self.customer[rows], product=self.product[rows], rating=self.rating[rows])


@dataclass(frozen=True)
class RatingConfig:
    """How strongly each part is shrunk: ratings' worth of doubt.

    Attributes
    ----------
    effects : float
        Of the level of each customer and each product.
    main : float
        Of the attributes.
    interaction : float
        Of customer attributes x product attributes.
    factors : int
        Latent dimensions; 0 for none.
    factor_penalty : float
    """

    effects: float = 5.0
    main: float = 20.0
    interaction: float = 300.0
    factors: int = 0
    factor_penalty: float = 10.0


@dataclass(frozen=True, eq=False)
class RatingModel:
    """Fitted parts; see the module's text.

    Attributes
    ----------
    config : RatingConfig
        Given, or chosen on ratings left out.
    level, slope : float
        ``level + slope x fitted`` is predicted.
    left_out_loss : float
        Squared error on ratings left out, under the weights of the weighting.
    """

    config: RatingConfig
    ratings: Ratings
    centre: float
    linear: np.ndarray
    customer_effect: np.ndarray
    product_effect: np.ndarray
    customer_factors: np.ndarray
    product_factors: np.ndarray
    level: float = 0.0
    slope: float = 1.0
    left_out_loss: float = field(default=float("nan"))

    def predict(self, customer: np.ndarray, product: np.ndarray) -> np.ndarray:
        """Expected rating of pairs, on the scale of the ratings; shape (n,)."""
        fitted = self.centre + self.customer_effect[customer] + self.product_effect[product]
        fitted = fitted + np.einsum("nk,nk->n", self.customer_factors[customer], self.product_factors[product])
        if len(self.linear):
            fitted = fitted + _columns(self.ratings, customer, product) @ self.linear
        return np.asarray(self.level + self.slope * fitted)


def fit_ratings(
    ratings: Ratings,
    config: RatingConfig | None = None,
    *,
    weighting: str = "recalibrated",
    rng: int | np.random.Generator | None = None,
) -> RatingModel:
    """Learn expected ratings of all pairs.

    Parameters
    ----------
    ratings : Ratings
        What was rated.
    config : RatingConfig, optional
        Shrinkage; chosen on left-out ratings when omitted.
    weighting : {"recalibrated", "snips", "ips", "dr", "none"}
        What is done about the choice of what to rate.
    rng : int, Generator or None
        Draws the folds and the start of the factors.

    Raises
    ------
    DataError
        Too few ratings, values that are not finite, an unknown weighting, or one that needs propensities without them.

    Examples
    --------
    >>> import numpy as np
    >>> customer, product = np.divmod(np.arange(40), 4)
    >>> known = Ratings(customer, product, 1.0 + product, np.empty((10, 0)), np.empty((4, 0)))
    >>> model = fit_ratings(known, RatingConfig(effects=0.01), weighting="none", rng=0)
    >>> model.predict(np.array([0, 0]), np.array([0, 3])).round(1).tolist()
    [1.0, 4.0]
    """
    if weighting not in WEIGHTINGS:
        raise DataError(f"weighting is {weighting!r}; choose one of {', '.join(WEIGHTINGS)}")
    if weighting != "none" and ratings.propensity is None:
        raise DataError(f"weighting {weighting!r} needs the propensity of each pair; give it, or use weighting='none'")
    generator = np.random.default_rng(rng)
    folds = generator.permutation(len(ratings.rating)) % _FOLDS
    seed = int(generator.integers(2**31))
    tried = [config] if config is not None else _search(ratings, folds, weighting, seed)
    chosen = tried[-1]
    left_out = _left_out(ratings, folds, chosen, weighting, seed)
    level, slope = _recalibrated(ratings, left_out) if weighting == "recalibrated" else (0.0, 1.0)
    model = _fit(ratings, chosen, weighting, seed)
    loss = _loss(ratings, level + slope * left_out, weighting)
    return replace(model, level=level, slope=slope, left_out_loss=loss)


def _search(ratings: Ratings, folds: np.ndarray, weighting: str, seed: int) -> list[RatingConfig]:
    """One setting after the other, each at its best for the ratings left out; the last is the best found."""
    path = [RatingConfig()]
    best = np.inf
    for change in _changes(ratings):
        config = change(path[-1])
        fitted = _left_out(ratings, folds, config, weighting, seed)
        if weighting == "recalibrated":
            level, slope = _recalibrated(ratings, fitted)
            fitted = level + slope * fitted
        loss = _loss(ratings, fitted, weighting)
        if loss < best:
            best = loss
            path.append(config)
    return path


def _changes(ratings: Ratings) -> Iterator[Callable[[RatingConfig], RatingConfig]]:
    """One setting after the other; each is tried on the best configuration so far."""
    for effects in (5.0, 2.0, 12.0, 30.0):
        yield partial(replace, effects=effects)
    if ratings.customers.shape[1] + ratings.products.shape[1]:
        for main in (5.0, 60.0):
            yield partial(replace, main=main)
        for interaction in (100.0, 1_000.0, 3_000.0):
            yield partial(replace, interaction=interaction)
    for penalty in (3.0, 10.0, 30.0):
        yield partial(replace, factors=8, factor_penalty=penalty)


def _left_out(ratings: Ratings, folds: np.ndarray, config: RatingConfig, weighting: str, seed: int) -> np.ndarray:
    """Prediction of each rating by the model that has not seen it."""
    found = np.empty(len(ratings.rating))
    for fold in range(_FOLDS):
        test = folds == fold
        model = _fit(ratings.only(~test), config, weighting, seed)
        found[test] = model.predict(ratings.customer[test], ratings.product[test])
    return found


def _weights(ratings: Ratings, weighting: str) -> np.ndarray:
    """Weight of each rating in the fit: mean one, but for plain inverse propensities."""
    if weighting in ("none", "recalibrated", "dr"):
        return np.ones(len(ratings.rating))
    raw = _inverse(ratings)
    if weighting == "snips":
        return np.asarray(raw / raw.mean())
    assert ratings.propensity is not None
    return np.asarray(raw * len(raw) / ratings.propensity.size)


def _inverse(ratings: Ratings) -> np.ndarray:
    """1 / propensity, clipped from above at a quantile of its own."""
    assert ratings.propensity is not None
    raw = 1.0 / ratings.propensity[ratings.customer, ratings.product]
    return np.asarray(np.minimum(raw, np.quantile(raw, _CLIP_QUANTILE)))


def _loss(ratings: Ratings, predicted: np.ndarray, weighting: str) -> float:
    weights = np.ones(len(predicted)) if weighting == "none" else _inverse(ratings)
    return float(np.average((ratings.rating - predicted) ** 2, weights=weights))


def _recalibrated(ratings: Ratings, predicted: np.ndarray) -> tuple[float, float]:
    """Level and slope of the ratings on predictions made without them, in the population of all pairs."""
    weights = _inverse(ratings)
    centre = np.average(predicted, weights=weights)
    mean = np.average(ratings.rating, weights=weights)
    spread = np.average((predicted - centre) ** 2, weights=weights)
    along = np.average((predicted - centre) * (ratings.rating - mean), weights=weights)
    slope = float(along / spread) if spread > 1e-12 else 1.0
    return float(mean - slope * centre), slope


def _fit(ratings: Ratings, config: RatingConfig, weighting: str, seed: int) -> RatingModel:
    model = _backfit(ratings, _weights(ratings, weighting), config, seed)
    if weighting != "dr":
        return model
    return _backfit(_imputed(ratings, model, seed), None, config, seed)


def _imputed(ratings: Ratings, model: RatingModel, seed: int) -> Ratings:
    """Every pair with its doubly robust rating.

    Where there are many pairs a share of them is drawn besides those rated, whose part shrinks by that share.
    """
    assert ratings.propensity is not None
    shape = ratings.propensity.shape
    pairs = shape[0] * shape[1]
    own = ratings.customer * shape[1] + ratings.product
    drawn, share = np.arange(pairs), min(1.0, _UNRATED / pairs)
    if share < 1:
        drawn = np.union1d(np.random.default_rng(seed).choice(pairs, _UNRATED, replace=False), own)
    customer, product = np.divmod(drawn, shape[1])
    rating = model.predict(customer, product)
    spot = np.searchsorted(drawn, own)
    rating[spot] += share * _inverse(ratings) * (ratings.rating - rating[spot])
    return replace(ratings, customer=customer, product=product, rating=rating)


def _backfit(ratings: Ratings, weights: np.ndarray | None, config: RatingConfig, seed: int) -> RatingModel:
    """Fit block after block on what the others leave, until the predictions stand still."""
    w = np.ones(len(ratings.rating)) if weights is None else weights
    sides = (_Side.of(ratings.customer, len(ratings.customers)), _Side.of(ratings.product, len(ratings.products)))
    columns = _columns(ratings, ratings.customer, ratings.product)
    ridge = _Ridge.of(columns, w, _penalties(ratings, config))
    draws = np.random.default_rng(seed)
    effects = [np.zeros(side.count) for side in sides]
    factors = [draws.normal(0.0, 0.1, (side.count, config.factors)) for side in sides]
    linear = np.zeros(columns.shape[1])
    centre, fitted = float(np.average(ratings.rating, weights=w)), np.full(len(w), np.inf)
    spread = max(float(ratings.rating.std()), 1e-12)
    for _ in range(_SWEEPS):
        product = np.einsum("nk,nk->n", *(f[side.code] for f, side in zip(factors, sides)))
        rest = ratings.rating - product - sum(e[side.code] for e, side in zip(effects, sides))
        linear = ridge.solve(rest - centre)
        rest = rest - columns @ linear
        centre = float(np.average(rest, weights=w))
        rest = rest - centre
        for k, (side, other) in enumerate((sides, sides[::-1])):
            rest = rest + effects[k][side.code]
            effects[k] = side.means(rest, w, config.effects)
            rest = rest - effects[k][side.code]
            if config.factors:
                rest = rest + product
                factors[k] = side.factors(rest, w, factors[1 - k][other.code], config.factor_penalty)
                product = np.einsum("nk,nk->n", *(f[s.code] for f, s in zip(factors, sides)))
                rest = rest - product
        now = ratings.rating - rest
        if np.abs(now - fitted).max() <= _STILL * spread:
            break
        fitted = now
    return RatingModel(config, ratings, centre, linear, effects[0], effects[1], factors[0], factors[1])


def _columns(ratings: Ratings, customer: np.ndarray, product: np.ndarray) -> np.ndarray:
    """Attributes of customer and product, and their products where these are not too many; shape (n, columns)."""
    x, z = ratings.customers[customer], ratings.products[product]
    if not 0 < x.shape[1] * z.shape[1] <= _INTERACTIONS:
        return np.concatenate([x, z], axis=1)
    return np.concatenate([x, z, (x[:, :, None] * z[:, None, :]).reshape(len(x), -1)], axis=1)


def _penalties(ratings: Ratings, config: RatingConfig) -> np.ndarray:
    p, q = ratings.customers.shape[1], ratings.products.shape[1]
    crossed = p * q if p * q <= _INTERACTIONS else 0
    return np.concatenate([np.full(p + q, config.main), np.full(crossed, config.interaction)])


@dataclass(frozen=True)
class _Ridge:
    """A ridge regression that is solved for one outcome after another."""

    weighted: np.ndarray
    factor: tuple[np.ndarray, bool] | None

    @classmethod
    def of(cls, columns: np.ndarray, weights: np.ndarray, penalties: np.ndarray) -> _Ridge:
        weighted = columns * weights[:, None]
        if not len(penalties):
            return cls(weighted, None)
        return cls(weighted, cho_factor(columns.T @ weighted + np.diag(penalties)))

    def solve(self, outcome: np.ndarray) -> np.ndarray:
        if self.factor is None:
            return np.zeros(0)
        return np.asarray(cho_solve(self.factor, self.weighted.T @ outcome))


@dataclass(frozen=True)
class _Side:
    """Customers or products: the code of each rating, and sums over it."""

    code: np.ndarray
    count: int
    indicator: csr_array

    @classmethod
    def of(cls, code: np.ndarray, count: int) -> _Side:
        ones = np.ones(len(code))
        return cls(code, count, csr_array((ones, (code, np.arange(len(code)))), shape=(count, len(code))))

    def means(self, rest: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
        """Shrunken mean of what is left, for each code."""
        return np.asarray((self.indicator @ (weights * rest)) / (self.indicator @ weights + penalty))

    def factors(self, rest: np.ndarray, weights: np.ndarray, other: np.ndarray, penalty: float) -> np.ndarray:
        """Ridge regression of what is left on the other side's factors, for each code."""
        d = other.shape[1]
        outer = (weights[:, None, None] * other[:, :, None] * other[:, None, :]).reshape(len(rest), -1)
        gram = (self.indicator @ outer).reshape(self.count, d, d) + penalty * np.eye(d)
        right = self.indicator @ ((weights * rest)[:, None] * other)
        return np.asarray(np.linalg.solve(gram, right[:, :, None])[:, :, 0])
