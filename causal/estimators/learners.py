"""The kinds of model that every regression of an effect estimate is mixed from.

Hides the libraries, their settings and the scaling. All three take row weights and predict held-out rows; one
that the rows are too few for repeats the one before it, and every mixture can fall back on the line.

Lines have no bends. Bends are splines and, where the residuals call for them, products of two columns: one matrix
product asks all pairs at once (a score test; Rao 1948), so that data without interactions pay nothing for it. Trees
are boosted twice: from what the bends predict, where they only have to find steps, and from nothing, which is better
where all is steps. Trees from nothing alone were not enough: a product without main effects, such as "young and rich,
or old and poor", leaves no first split to find, and an effect of 1 on 3,000 rows was estimated as 1.6 with an interval
of +-.17. Products of all pairs were considered: their number grows with the square of the columns, and few are there.
"""

from __future__ import annotations

import warnings
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

__all__ = ["MEMBERS", "Floats", "Ints", "predict_classes", "predict_means"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEMBERS = ("lines", "bends", "bends and trees", "trees")
KNOTS = (0.05, 0.35, 0.65, 0.95)  # Harrell 2015, table 2.3
ROWS_PER_COLUMN = 10  # of a spline model; fewer only add noise
ROWS_FOR_TREES = 300
ROWS_FOR_BOTH = 1_000  # trees of both kinds; on fewer rows one more member only adds noise
EVENTS_FOR_TREES = 20
RIDGE_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
MOST_PRODUCTS = 12
CLEARLY = 2.0  # standard errors beyond the largest that chance gives; weak products cost more than they mend
CLAMP = 3.0  # standard deviations from the mean at which a factor of a product stays: its tails are long
SCREENING_WORK = 2e8  # rows x columns^2; beyond, every second, third, ... row is asked for products
NEWTON_WORK = 3e6  # rows x columns^2; beyond, the limited-memory solver of scikit-learn is faster
NEWTON_STEPS = 30
NEWTON_GAIN = 1e-9
TINY = 1e-9
LEAST_CHANCE = 1e-4  # that trees start from
SAME = 1e-12  # of the largest value: what rounding leaves of a column with one value
TREES = {
    "learning_rate": 0.12,
    "num_leaves": 8,
    "min_data_in_leaf": 20,
    "lambda_l2": 1.0,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}


def predict_means(x: Floats, y: Floats, weights: Floats, x_test: Floats, seed: int) -> Floats:
    """Predict the mean of a number by the four members.

    Parameters
    ----------
    x, x_test : ndarray of float, shapes (n, p) and (m, p)
    y : ndarray of float, shape (n,)
    weights : ndarray of float, shape (n,)
    seed : int
        For the trees.

    Returns
    -------
    ndarray of float, shape (4, m)
    """
    weights = weights / weights.mean()
    lines = _ridge(x, y, weights, x_test)[1]
    curves = _curves(x, x_test)
    if curves is None and len(y) < ROWS_FOR_TREES:
        return np.stack([lines] * len(MEMBERS))
    design, design_test = (x, x_test) if curves is None else curves
    start, bends = _ridge(design, y, weights, design_test)
    if products := _find_products(x, (y - start)[:, None], weights, design.shape[1]):
        design, design_test = _with_products(x, x_test, design, design_test, products)
        start, bends = _ridge(design, y, weights, design_test)
    if len(y) < ROWS_FOR_TREES:
        return np.stack([lines, bends, bends, bends])
    trees = _trees(x, y, weights, x_test, seed, None, objective="regression")
    if len(y) < ROWS_FOR_BOTH:
        return np.stack([lines, bends, bends, trees])
    return np.stack([lines, bends, bends + _trees(x, y, weights, x_test, seed, start, objective="regression"), trees])


def predict_classes(x: Floats, y: Ints, weights: Floats, x_test: Floats, n_classes: int, seed: int) -> Floats:
    """Predict the probability of every class by the four members.

    Parameters
    ----------
    x, x_test : ndarray of float, shapes (n, p) and (m, p)
    y : ndarray of int, shape (n,)
        Class of each row, 0 .. n_classes - 1.
    weights : ndarray of float, shape (n,)
    n_classes : int
    seed : int
        For the trees.

    Returns
    -------
    ndarray of float, shape (4, m, n_classes)
    """
    weights = weights / weights.mean()
    rarest = int(np.bincount(y, minlength=n_classes).min())
    lines = _logistic(x, y, weights, x_test, n_classes)[1]
    if rarest < EVENTS_FOR_TREES:
        return np.stack([lines] * len(MEMBERS))
    curves = _curves(x, x_test)
    if curves is None and len(y) < ROWS_FOR_TREES:
        return np.stack([lines] * len(MEMBERS))
    design, design_test = (x, x_test) if curves is None else curves
    start, bends = _logistic(design, y, weights, design_test, n_classes)
    left = (np.arange(n_classes) == y[:, None]) - start
    if products := _find_products(x, left[:, 1:], weights, design.shape[1]):
        design, design_test = _with_products(x, x_test, design, design_test, products)
        start, bends = _logistic(design, y, weights, design_test, n_classes)
    if len(y) < ROWS_FOR_TREES:
        return np.stack([lines, bends, bends, bends])
    trees = _boosted_classes(x, y, weights, x_test, seed, None, np.full((1, n_classes), 1.0 / n_classes))
    if len(y) < ROWS_FOR_BOTH:
        return np.stack([lines, bends, bends, trees])
    return np.stack([lines, bends, _boosted_classes(x, y, weights, x_test, seed, start, bends), trees])


def _boosted_classes(
    x: Floats, y: Ints, weights: Floats, x_test: Floats, seed: int, start: Floats | None, before: Floats
) -> Floats:
    """Return probabilities of every class after boosting from a start, which is ``before`` in the test rows."""
    odds = np.log(np.clip(before, LEAST_CHANCE, 1.0))
    begin = None if start is None else np.log(np.clip(start, LEAST_CHANCE, 1.0))
    if before.shape[1] == 2:
        begin = None if begin is None else begin[:, 1] - begin[:, 0]
        chance = expit(odds[:, 1] - odds[:, 0] + _trees(x, y, weights, x_test, seed, begin, objective="binary"))
        return np.column_stack([1.0 - chance, chance])
    objective: dict[str, str | int] = {"objective": "multiclass", "num_class": before.shape[1]}
    begin = None if begin is None else begin.ravel(order="F")
    return np.asarray(softmax(odds + _trees(x, y, weights, x_test, seed, begin, **objective), axis=1))


def _find_products(x: Floats, left: Floats, weights: Floats, width: int) -> list[tuple[int, int]]:
    """Return the pairs of columns whose product, or square, goes with what a model left, the strongest first.

    The statistic of a pair is that of a score test, robust to residuals of unequal size. Of m pairs without any
    effect the largest is near ``sqrt(2 log m)``.
    """
    rows, p = x.shape
    room = min(MOST_PRODUCTS, rows // ROWS_PER_COLUMN - width)
    if room < 1 or p == 0:
        return []
    step = int(np.ceil(rows * p * p / SCREENING_WORK))
    z = _clamped(x, x[::step])
    squares = z * z
    strength = np.zeros((p, p))
    for column in (left * weights[:, None])[::step].T:
        along = (z * column[:, None]).T @ z
        spread = np.sqrt((squares * (column**2)[:, None]).T @ squares)
        strength = np.maximum(strength, np.abs(np.divide(along, spread, out=np.zeros((p, p)), where=spread > TINY)))
    first, second = np.triu_indices(p)
    found = strength[first, second]
    least = np.sqrt(2.0 * np.log(len(found) * left.shape[1] + 1.0)) + CLEARLY
    order = np.argsort(-found, kind="stable")[:room]
    return [(int(first[k]), int(second[k])) for k in order if found[k] > least]


def _with_products(
    x: Floats, x_test: Floats, design: Floats, design_test: Floats, products: list[tuple[int, int]]
) -> tuple[Floats, Floats]:
    used, place = np.unique(products, return_inverse=True)
    first, second = place.reshape(-1, 2).T
    z, z_test = _clamped(x[:, used], x[:, used]), _clamped(x[:, used], x_test[:, used])
    return (
        np.column_stack([design, z[:, first] * z[:, second]]),
        np.column_stack([design_test, z_test[:, first] * z_test[:, second]]),
    )


def _clamped(x: Floats, rows: Floats) -> Floats:
    """Standardise rows by the columns of x, and keep them within the clamp."""
    mean, spread = _location(x, np.ones(len(x)))
    return np.clip((rows - mean) / spread, -CLAMP, CLAMP)


def _ridge(x: Floats, y: Floats, weights: Floats, x_test: Floats) -> tuple[Floats, Floats]:
    """Means of both sets of rows by ridge with the penalty that errs least on left-out rows.

    All penalties come from one eigendecomposition.

    The same as ``RidgeCV`` of scikit-learn, which decomposes the rows and not the columns: 5 times slower on
    20,000 x 50. Left-out residuals are residuals / (1 - leverage) (Golub, Heath & Wahba 1979).
    """
    scaled, scaled_test = _standardised(x, x_test, weights)  # centred: the intercept is the mean of y
    mean, root = np.average(y, weights=weights), np.sqrt(weights)
    rows, target = scaled * root[:, None], (y - mean) * root
    spectrum, axes = np.linalg.eigh(rows.T @ rows)
    turned = rows @ axes
    shrunk = 1.0 / (np.maximum(spectrum, 0.0)[:, None] + np.array(RIDGE_PENALTIES))
    weighed = (target @ turned)[:, None] * shrunk
    leverage = (turned**2) @ shrunk + (weights / weights.sum())[:, None]
    errors = (target[:, None] - turned @ weighed) / np.maximum(1.0 - leverage, 1e-12)
    best = int((errors**2).sum(axis=0).argmin())
    slopes = axes @ weighed[:, best]
    return np.asarray(mean + scaled @ slopes), np.asarray(mean + scaled_test @ slopes)


def _logistic(x: Floats, y: Ints, weights: Floats, x_test: Floats, n_classes: int) -> tuple[Floats, Floats]:
    """Probabilities of both sets of rows."""
    scaled, scaled_test = _standardised(x, x_test, weights)
    if n_classes == 2 and len(x) * x.shape[1] ** 2 <= NEWTON_WORK:
        slopes = _newton(scaled, y, weights)
        chance, chance_test = (expit(part @ slopes[:-1] + slopes[-1]) for part in (scaled, scaled_test))
        return np.column_stack([1.0 - chance, chance]), np.column_stack([1.0 - chance_test, chance_test])
    model = LogisticRegression(C=1.0, max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an early stop of the solver only regularises
        model.fit(scaled, y, sample_weight=weights)
    found, found_test = np.zeros((len(x), n_classes)), np.zeros((len(x_test), n_classes))
    found[:, model.classes_] = model.predict_proba(scaled)
    found_test[:, model.classes_] = model.predict_proba(scaled_test)
    return found, found_test


def _newton(z: Floats, y: Ints, weights: Floats) -> Floats:
    """Fit the ridge logistic line (penalty 1/2 |slopes|^2) by Newton's steps; the last entry is the intercept.

    The minimum that scikit-learn finds, in a tenth of the time where columns are few: its solver and its checks take
    longer than six solutions of a small system.
    """
    design = np.column_stack([z, np.ones(len(z))])
    penalty = np.append(np.ones(z.shape[1]), 0.0)
    mean = float(np.clip(np.average(y, weights=weights), TINY, 1 - TINY))
    found = np.append(np.zeros(z.shape[1]), np.log(mean / (1 - mean)))

    def loss(at: Floats) -> float:
        score = design @ at
        return float(weights @ (np.logaddexp(0.0, score) - y * score) + 0.5 * (penalty * at) @ at)

    now = loss(found)
    for _ in range(NEWTON_STEPS):
        chance = expit(design @ found)
        slope = design.T @ (weights * (chance - y)) + penalty * found
        bend = (design * (weights * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty + TINY)
        step = np.linalg.solve(bend, slope)
        reach = 1.0
        while (then := loss(found - reach * step)) > now and reach > TINY:
            reach /= 2
        found, gained = found - reach * step, now - then
        now = then
        if gained < NEWTON_GAIN * abs(now):
            break
    return np.asarray(found)


def _trees(
    x: Floats,
    y: Floats | Ints,
    weights: Floats,
    x_test: Floats,
    seed: int,
    start: Floats | None,
    **objective: str | int,
) -> Floats:
    """Return what trees add to a start, in its units (of the logit for classes)."""
    settings: dict[str, Any] = {**TREES, **objective, "seed": seed}
    data = lightgbm.Dataset(x, y, weight=weights, init_score=start, params=settings)
    rounds = (40 if len(y) < 2_000 else 60) // (1 if start is None else 2)  # less is left to find
    # without the flag the model is written out as text and read back, a fifth of the time of a small one
    model = lightgbm.train(settings, data, rounds, keep_training_booster=True)
    return np.asarray(model.predict(x_test, num_threads=1, raw_score=True))


def _curves(x: Floats, x_test: Floats) -> tuple[Floats, Floats] | None:
    """Add splines of the columns with many values; None when there is no such column or too few rows."""
    knots = [_knots(column) for column in x.T]
    width = x.shape[1] + sum(max(len(points) - 2, 0) for points in knots)
    if width == x.shape[1] or len(x) < ROWS_PER_COLUMN * width:
        return None
    both = [
        np.column_stack([rows, *(_spline(rows[:, i], points) for i, points in enumerate(knots) if len(points) > 2)])
        for rows in (x, x_test)
    ]
    return both[0], both[1]


def _knots(column: Floats) -> Floats:
    return np.unique(np.quantile(column, KNOTS)) if len(np.unique(column[:200])) > 10 else np.empty(0)


def _spline(values: Floats, knots: Floats) -> Floats:
    """Return the bends of a restricted cubic spline (linear at the ends; Harrell 2015, eq. 2.25)."""
    above = np.maximum(values[:, None] - knots[None, :], 0.0)
    cubes = above * above * above
    last, before = knots[-1], knots[-2]
    tail = ((last - knots[:-2]) * cubes[:, [-2]] - (before - knots[:-2]) * cubes[:, [-1]]) / (last - before)
    return np.asarray((cubes[:, :-2] - tail) / (last - knots[0]) ** 2)


def _standardised(x: Floats, x_test: Floats, weights: Floats) -> tuple[Floats, Floats]:
    mean, spread = _location(x, weights)
    return (x - mean) / spread, (x_test - mean) / spread


def _location(x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and standard deviation of each column; infinite where a constant column says nothing."""
    mean = np.average(x, axis=0, weights=weights)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
    spread[spread <= SAME * np.abs(x).max(axis=0, initial=0.0)] = np.inf
    return mean, spread
