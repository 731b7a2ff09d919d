"""One structural equation: how a node follows from its parents, a line first and trees for what it leaves.

Hides the learners and the choice of how much to boost. The line is fitted without shrinkage and boosting
only sees its residual, because boosting alone shrinks every effect by a fifth (ITE RMSE 0.125 for line and
trees, 0.309 for trees alone on the same market); held-out rows decide how many trees, often none. Numbers get
squared error and an additive noise that can be recovered, 0 / 1 nodes a logit link and counts a log link with the line
as offset of the trees, categories a multinomial line. A parent whose sign is known is monotone in the line and in the
trees, so in their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from causal.encoding import Encoding, FrameError, fit_encoding, is_discrete, level_names, numeric_values
from causal.structural.lines import Link, constant_score, fit_line, fit_logistic, link_loss, link_mean

__all__ = ["Equation", "Kind", "fit_equation", "kind_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["number", "binary", "count", "category"]

LINKS: Mapping[Kind, Link] = {"number": "identity", "binary": "logit", "count": "log"}
OBJECTIVES = {"number": "regression", "binary": "binary", "count": "poisson"}

ROWS_FOR_TREES = 200
HELD_OUT = 0.25
LEAST_GAIN = 0.002  # share of the line's held-out loss that trees must save to be kept
PATIENCE = 20
MOST_TREES = 300
TREES = {
    "learning_rate": 0.08,
    "num_leaves": 12,
    "min_data_in_leaf": 30,
    "boost_from_average": False,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Equation:
    """A fitted structural equation ``node = f(parents) + noise``, or the probabilities of its levels.

    Parameters
    ----------
    node : str
    kind : {"number", "binary", "count", "category"}
    parents : tuple of str
    encoding : Encoding
        Of the parents.
    slopes : ndarray of float, shape (p, K)
        Of the encoded parents, on the scale of the link; K = 1, or the number of levels.
    intercept : ndarray of float, shape (K,)
    trees : lightgbm.Booster or None
        What the line leaves, on the scale of the link.
    levels : tuple of str
        Of a category, else empty.
    noise : ndarray of float, shape (m,)
        Residuals of a number at fitting, to draw from; empty otherwise.
    explained : float
        Share of the loss of a constant saved on held-out rows; NaN where there were too few rows.
    """

    node: str
    kind: Kind
    parents: tuple[str, ...]
    encoding: Encoding
    slopes: Floats
    intercept: Floats
    trees: lightgbm.Booster | None
    levels: tuple[str, ...]
    noise: Floats
    explained: float

    @property
    def additive(self) -> bool:
        """Whether the noise of a row can be recovered from its values."""
        return self.kind == "number"

    def mean(self, frame: pd.DataFrame) -> Floats:
        """Return the conditional mean given the parents.

        Parameters
        ----------
        frame : DataFrame, n rows
            Holds the parents.

        Returns
        -------
        ndarray of float, shape (n,), or (n, K) for a category
            Units of the node; probabilities for a 0 / 1 node or a category.
        """
        x = self.encoding.transform(frame)
        score = x @ self.slopes + self.intercept
        if self.kind == "category":
            return np.asarray(softmax(score, axis=1))
        flat = score[:, 0]
        if self.trees is not None:
            flat = flat + np.asarray(self.trees.predict(x, raw_score=True, num_threads=1))
        return link_mean(LINKS[self.kind], flat)


def kind_of(series: pd.Series[Any]) -> Kind:
    """Say how a column is modelled: booleans and 0 / 1 are binary, strings and categoricals categories."""
    if is_discrete(series):
        return "category"
    values = numeric_values(series, gaps=True)
    return "binary" if np.isin(values[~np.isnan(values)], (0.0, 1.0)).all() else "number"


def fit_equation(
    frame: pd.DataFrame,
    node: str,
    parents: tuple[str, ...],
    weights: Floats | None = None,
    rng: np.random.Generator | None = None,
    *,
    signs: Mapping[str, int] | None = None,
    count: bool = False,
) -> Equation:
    """Fit the equation of a node; rows in which the node is missing are left out.

    Parameters
    ----------
    frame : DataFrame, n rows
    node : str
    parents : tuple of str
        At least one.
    weights : ndarray of float, shape (n,), optional
    rng : numpy.random.Generator, optional
        Draws the held-out rows.
    signs : mapping of parent to {+1, -1}, optional
        Parents that can only raise (+1) or only lower (-1) the node.
    count : bool
        Whether the node counts events: a log link, so that its mean is never negative and causes multiply.

    Returns
    -------
    Equation

    Raises
    ------
    FrameError
        When the node or a parent cannot be used.

    Examples
    --------
    >>> price = np.linspace(1.0, 3.0, 100)
    >>> frame = pd.DataFrame({"price": price, "sales": 10.0 - 2.0 * price})
    >>> equation = fit_equation(frame, "sales", ("price",))
    >>> equation.mean(pd.DataFrame({"price": [2.0, 5.0]})).round(6).tolist()
    [6.0, 0.0]
    """
    rng = np.random.default_rng(rng)
    known = frame[node].notna().to_numpy()
    if known.sum() < 2:
        raise FrameError(f"node {node!r} has {int(known.sum())} known values; drop it from the graph")
    encoding = fit_encoding(frame, parents)
    x = encoding.transform(frame)[known]
    w = np.ones(len(x)) if weights is None else weights[known] / weights[known].mean()
    kind: Kind = "count" if count else kind_of(frame[node])
    directions = _directions(encoding, node, kind, signs or {})
    if kind == "category":
        return _category(frame[node][known], node, parents, encoding, x, w)
    y = numeric_values(frame[node][known])
    if count and ((y < 0).any() or (y != np.round(y)).any()):
        wrong = y[(y < 0) | (y != np.round(y))][:3].tolist()
        raise FrameError(f"node {node!r} is fitted as a count but holds {wrong}; leave it out of counts")
    sample = _Rows(kind, x, y, w, directions)
    columns, rounds, explained = _choose_shape(sample, rng)
    slopes, intercept = fit_line(LINKS[kind], x * columns, y, w, directions)
    score = x @ slopes + intercept
    trees = _boost(sample, score, rounds) if rounds else None
    fitted = Equation(
        node,
        kind,
        parents,
        encoding,
        slopes[:, None],
        np.array([intercept]),
        trees,
        (),
        np.empty(0),
        explained,
    )
    if kind != "number":
        return fitted
    noise = y - (score + (0.0 if trees is None else np.asarray(trees.predict(x, num_threads=1))))
    return Equation(**{**fitted.__dict__, "noise": _representatives(noise, w)})


@dataclass(frozen=True)
class _Rows:
    """Rows to fit a node of one kind on."""

    kind: Kind
    x: Floats
    y: Floats
    weights: Floats
    signs: Ints


def _directions(encoding: Encoding, node: str, kind: Kind, signs: Mapping[str, int]) -> Ints:
    """Return the known sign of each encoded column, 0 where there is none."""
    found = []
    for code in encoding.codes:
        sign = signs.get(code.column, 0)
        if sign not in (-1, 0, 1):
            raise FrameError(f"the sign of {code.column!r} -> {node!r} is {sign!r}; it must be +1 or -1")
        if sign and (code.levels is not None or kind == "category"):
            held = code.column if code.levels is not None else node
            raise FrameError(f"{held!r} is a category, which has no order for a sign; leave it out of signs")
        found += [sign, *([0] * (len(code.names) - 1))] if code.names else []
    return np.array(found, dtype=np.int64)


def _choose_shape(rows: _Rows, rng: np.random.Generator) -> tuple[Floats, int, float]:
    """Choose on held-out rows which columns the line has, and how many trees follow it.

    A line and trees that are both monotone can add up to a bend that is steeper than the line but to none that is
    flatter. Where signs are known, leaving the signed columns to the trees alone is therefore tried as well.

    Returns
    -------
    columns of the line as 0 / 1, number of trees, share of the loss of a constant saved on held-out rows
    """
    y, weights, link = rows.y, rows.weights, LINKS[rows.kind]
    every = np.ones(rows.x.shape[1])
    if len(y) < ROWS_FOR_TREES or np.ptp(y) == 0.0:
        return every, 0, float("nan")
    held = rng.permutation(len(y)) < HELD_OUT * len(y)
    if np.ptp(y[~held]) == 0.0 or np.ptp(y[held]) == 0.0:
        return every, 0, float("nan")

    def loss(at: Floats) -> float:
        return float(np.average(link_loss(link, y[held], at), weights=weights[held]))

    constant = loss(np.full(held.sum(), constant_score(link, float(np.average(y[~held], weights=weights[~held])))))
    found: list[tuple[float, Floats, int]] = []
    for columns in [every, (rows.signs == 0).astype(np.float64)] if rows.signs.any() else [every]:
        slopes, intercept = fit_line(link, (rows.x * columns)[~held], y[~held], weights[~held], rows.signs)
        score = rows.x @ slopes + intercept
        trees = _boost(rows, score, MOST_TREES, held)
        if not found:
            found.append((loss(score[held]), every, 0))
        boosted = loss(score[held] + np.asarray(trees.predict(rows.x[held], raw_score=True, num_threads=1)))
        found.append((boosted, columns, int(trees.best_iteration)))
    best = min(found, key=lambda shape: shape[0])
    if found[0][0] - best[0] <= LEAST_GAIN * abs(found[0][0]):
        best = found[0]
    return best[1], best[2], 1 - best[0] / constant


def _boost(rows: _Rows, score: Floats, rounds: int, held: NDArray[np.bool_] | None = None) -> lightgbm.Booster:
    """Boost what the line leaves; with held-out rows, stop when they stop gaining."""
    settings: dict[str, Any] = {**TREES, "objective": OBJECTIVES[rows.kind], "seed": 0}
    if rows.signs.any():
        settings["monotone_constraints"] = rows.signs.tolist()
    x, y, weights = rows.x, rows.y, rows.weights
    train = slice(None) if held is None else ~held
    data = lightgbm.Dataset(x[train], y[train], weight=weights[train], init_score=score[train], params=settings)
    if held is None:
        return lightgbm.train(settings, data, rounds)
    check = lightgbm.Dataset(
        x[held], y[held], weight=weights[held], init_score=score[held], reference=data, params=settings
    )
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    return lightgbm.train(settings, data, rounds, valid_sets=[check], callbacks=[stop])


def _category(
    series: pd.Series[Any],
    node: str,
    parents: tuple[str, ...],
    encoding: Encoding,
    x: Floats,
    weights: Floats,
) -> Equation:
    text = level_names(series).to_numpy()
    levels, codes = np.unique(text.astype(str), return_inverse=True)
    if len(levels) == 1:
        slopes, intercept = np.zeros((x.shape[1], 1)), np.zeros(1)
    else:
        mean, spread = x.mean(axis=0), x.std(axis=0)
        spread[spread < 1e-9 * np.maximum(1.0, np.abs(mean))] = np.inf
        model = fit_logistic((x - mean) / spread, codes, weights)
        slopes, intercept = model.coef_.T / spread[:, None], model.intercept_
        if len(levels) == 2:  # scikit-learn keeps one column for two classes
            slopes, intercept = np.column_stack([0 * slopes, slopes]), np.array([0.0, intercept[0]])
        intercept = intercept - mean @ slopes
    return Equation(
        node, "category", parents, encoding, slopes, intercept, None, tuple(levels.tolist()), np.empty(0),
        float("nan"),
    )  # fmt: skip


def _representatives(noise: Floats, weights: Floats, most: int = 10_000) -> Floats:
    """Return equally likely residuals that stand for the weighted ones, centred."""
    order = np.argsort(noise, kind="stable")
    position = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
    wanted = (np.arange(min(len(noise), most)) + 0.5) / min(len(noise), most)
    drawn = np.interp(wanted, position, noise[order])
    return np.asarray(drawn - drawn.mean())
