"""The mean effect of given moves of given rows, doubly robust: a modified treatment policy by Riesz regression.

Hides the correction. With m the mean outcome, D what is moved and X the rest, the mean of ``m(q, X) - m(D, X)`` over
the rows that are moved is a linear functional of m; its Riesz representer a says with which weight each observed
residual speaks about it, and

``value = mean of m(q, X) - m(D, X) over the moved rows + mean of a (Y - m(D, X)) over the observed ones``

has no first-order error in m (Chernozhukov, Newey & Singh 2022; for modified treatment policies Díaz & van der Laan
2012, Haneuse & Rotnitzky 2013). a is regressed on the same smooth columns as m: no density is estimated, and several
columns may move at once, each row to a target of its own. The odds of a classifier (`causal.estimators.shifts`) were
considered: towards targets of one's own they have no density to converge to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.encoding import FrameError, numeric_values
from causal.estimators.bends import Bends
from causal.estimators.influence import clustered_interval
from causal.estimators.nuisance import make_folds
from causal.estimators.surface import Surface, fit_surface

__all__ = ["MovedMean", "Residuals", "estimate_moved_mean", "fit_residuals", "unusual"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
USUAL = 0.995
"""Share of the observed rows that lie nearer to the middle than what counts as unusual."""


@dataclass(frozen=True)
class MovedMean:
    """Mean effect of moves on the rows that are moved.

    Attributes
    ----------
    value, se : float
        In units of the outcome.
    interval : tuple of float
    n : int
        Rows that are moved.
    ess : float
        Observed rows that speak about them, as so many equally weighted ones.
    """

    value: float
    se: float
    interval: tuple[float, float]
    n: int
    ess: float


@dataclass(frozen=True, eq=False)
class Residuals:
    """Observed rows with what models that did not see them leave unexplained.

    Attributes
    ----------
    bends : Bends
    values : numpy.ndarray, shape (n, 1 + p)
        A 1 and the smooth columns of each row.
    left : numpy.ndarray, shape (n,)
        Outcome less its cross-fitted mean.
    clusters, folds : numpy.ndarray of int, shape (n,)
    surfaces : tuple of Surface
        The model that left out each fold.
    """

    bends: Bends
    values: Floats
    left: Floats
    clusters: Ints
    folds: Ints
    surfaces: tuple[Surface, ...]


def fit_residuals(
    frame: pd.DataFrame,
    outcome: str,
    columns: Sequence[str],
    moved: Collection[str],
    *,
    clusters: NDArray[np.generic] | None = None,
    earlier: Surface | None = None,
    folds: int = 2,
    rng: int | np.random.Generator | None = None,
) -> Residuals:
    """Fit the cross-fitted means that any number of moves can be asked of; arguments as in :func:`fit_surface`.

    Raises
    ------
    FrameError
        With fewer independent rows than folds.
    """
    known = frame[outcome].notna().to_numpy()
    rows = frame[known]
    own = np.arange(len(rows)) if clusters is None else np.unique(np.asarray(clusters)[known], return_inverse=True)[1]
    own = own.astype(np.int64)
    count = int(own.max()) + 1 if len(own) else 0
    if count < 2 * folds:
        raise FrameError(f"there are {count} independent rows; cross-fitting in {folds} folds needs {2 * folds}")
    y = numeric_values(rows[outcome])
    one, none = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    fold = make_folds(one, none, own, folds, np.random.default_rng(rng))
    surfaces, left = [], np.empty(len(y))
    bends = None if earlier is None else earlier.bends
    for k in range(folds):
        surface = fit_surface(rows[fold != k], outcome, columns, moved, earlier=earlier)
        left[fold == k] = y[fold == k] - surface.mean(surface.bends.units(rows[fold == k]))
        surfaces.append(surface)
    bends = bends or surfaces[0].bends
    values = np.column_stack([np.ones(len(rows)), bends.values(bends.units(rows))])
    return Residuals(bends, values, left, own, fold, tuple(surfaces))


def estimate_moved_mean(
    known: Residuals, before: Floats, after: Floats, columns: Collection[str], level: float = 0.9
) -> MovedMean:
    """Estimate the mean effect of moves.

    Parameters
    ----------
    known : Residuals
        Of the observed rows.
    before, after : numpy.ndarray, shape (m, k)
        Units (`Bends.units`) of the rows to move, as they are and after the move.
    columns : collection of str
        What is moved.
    level : float
        Confidence level.

    Returns
    -------
    MovedMean

    Notes
    -----
    Assumes that among rows alike in the other columns the moved ones are as good as random, and that rows where they
    are moved to are found among the observed (see :func:`unusual`).

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"discount": draw.uniform(0, 1, 900), "wealth": draw.normal(size=900)})
    >>> frame["spend"] = 2 * frame["discount"] + frame["wealth"] + draw.normal(0, 0.5, 900)
    >>> known = fit_residuals(frame, "spend", ["discount", "wealth"], ["discount"], rng=0)
    >>> rows = frame[frame["discount"] < 0.7]
    >>> units = known.bends.units(rows), known.bends.units(rows.assign(discount=rows["discount"] + 0.3))
    >>> found = estimate_moved_mean(known, *units, ["discount"])
    >>> found.n == len(rows), bool(found.interval[0] < 0.6 < found.interval[1])
    (True, True)
    """
    n = len(known.left)
    step = np.append(0.0, (known.bends.values(after) - known.bends.values(before)).mean(axis=0))
    weight = known.values @ _representer(known, step)
    shares = np.bincount(known.folds) / n
    changes = [float(surface.change(before, after, columns)[0].mean()) for surface in known.surfaces]
    pull = weight * known.left
    value = float(shares @ changes) + float(pull.mean())
    units = int(known.clusters.max()) + 1
    se, interval = clustered_interval(value, (pull - pull.mean()) / n, known.clusters, units, level)
    size = float(np.abs(weight).sum()) ** 2 / max(float((weight**2).sum()), 1e-300)
    return MovedMean(value, se, interval, len(after), size)


def _representer(known: Residuals, step: Floats) -> Floats:
    """Coefficients of the Riesz representer; the penalty with the smallest Riesz loss on the other fold."""
    grams, counts = [], []
    for k in range(len(known.surfaces)):
        own = known.values[known.folds == k]
        grams.append(own.T @ own)
        counts.append(len(own))
    whole, n = sum(grams), sum(counts)
    ridge = np.eye(len(step))
    ridge[0, 0] = 0.0
    losses = []
    for penalty in PENALTIES:
        loss = 0.0
        for gram, count in zip(grams, counts):
            found = np.linalg.solve((whole - gram) / (n - count) + penalty * ridge, step)
            loss += float(found @ gram @ found) / n - 2 * float(step @ found) * count / n
        losses.append(loss)
    return np.asarray(np.linalg.solve(whole / n + PENALTIES[int(np.argmin(losses))] * ridge, step))


def unusual(observed: Floats, asked: Floats) -> Bools:
    """Say which rows lie farther from the middle of the observed ones than 99.5 % of these (Mahalanobis distance).

    Parameters
    ----------
    observed, asked : numpy.ndarray, shapes (n, k) and (m, k)
        Units of the rows.
    """
    middle = observed.mean(axis=0)
    spread = np.cov(observed, rowvar=False).reshape(observed.shape[1], -1)
    inverse = np.linalg.inv(spread + 1e-6 * np.eye(len(spread)))

    def distance(rows: Floats) -> Floats:
        centred = rows - middle
        return np.asarray(((centred @ inverse) * centred).sum(axis=1))

    return np.asarray(distance(asked) > np.quantile(distance(observed), USUAL) + 1e-9)
