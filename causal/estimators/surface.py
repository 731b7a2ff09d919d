"""A mean outcome as a smooth surface, and what a move on it changes, with an interval for each row.

Hides how much to smooth and how sure the result is. The outcome (its logit where it is 0 / 1) is regressed on bends
and products of two (`causal.estimators.bends`), each group of terms shrunk by its own variance, which the data choose
(evidence, MacKay 1992). The posterior of the coefficients gives every change of the surface a mean and a standard
deviation; such intervals cover what they should on average over the rows (Wahba 1983; Nychka 1988), because the
variance of what was shrunk away is in them. Considered: bootstrapped structural equations (60 % where 90 % is claimed),
and boosted equations corrected by a surface of their residuals (68 %: a surface cannot mend what trees cut into steps).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from causal.encoding import numeric_values
from causal.estimators.bends import SHARED, Bends, fit_bends

__all__ = ["Surface", "fit_surface"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 60
SETTLED = 0.02  # of the logarithm of every variance
LEAST = 1e-9  # of the outcome's variance: a kind of term that the data do not ask for
ROUNDS = 8  # of reweighting a 0 / 1 outcome
THINNEST = 1e-3  # p (1 - p) is never taken below
CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class Surface:
    """A fitted mean outcome.

    Attributes
    ----------
    bends : Bends
    slopes : numpy.ndarray, shape (p,)
    covariance : numpy.ndarray, shape (p, p)
        Of the slopes given the data.
    level : float
        Outcome (or its logit) where every term is at its mean.
    noise : float
        Residual variance; 1 on the logit scale.
    binary : bool
        Whether the surface is of the logit of a 0 / 1 outcome.
    """

    bends: Bends
    slopes: Floats
    covariance: Floats
    level: float
    noise: float
    binary: bool

    def mean(self, units: Floats) -> Floats:
        """Mean outcome at some units, shape (n,)."""
        return self._shown(self.level + self.bends.values(units) @ self.slopes)

    def change(
        self, before: Floats, after: Floats, columns: Collection[str], rows: Ints | None = None
    ) -> tuple[Floats, Floats]:
        """What moving columns changes, and its standard deviation.

        Parameters
        ----------
        before : numpy.ndarray, shape (m, k)
            Units of the rows as they are.
        after : numpy.ndarray, shape (n, k)
            Units after the move; they differ in the columns named only.
        columns : collection of str
            What is moved.
        rows : numpy.ndarray of int, shape (n,), optional
            Row of ``before`` that each row of ``after`` starts from; the same one by default.

        Returns
        -------
        two numpy.ndarray, shape (n,)
        """
        start = np.arange(len(before)) if rows is None else rows
        which = self.bends.touching(columns)
        inner = self.covariance[np.ix_(which, which)]
        now = _Start.of(self, before, which)
        found, doubt = np.empty(len(after)), np.empty(len(after))
        for at in range(0, len(after), CHUNK):
            part = slice(at, at + CHUNK)
            own = start[part]
            steps = self.bends.change(before[own], after[part], which)
            rise = steps @ self.slopes[which]
            spread = ((steps @ inner) * steps).sum(axis=1)
            if not self.binary:
                found[part], doubt[part] = rise, np.sqrt(np.maximum(spread, 0.0))
                continue
            then, was = expit(now.score[own] + rise), expit(now.score[own])
            steep, bend = then * (1 - then), then * (1 - then) - was * (1 - was)
            mixed = (steps * now.joint[own]).sum(axis=1)
            variance = bend**2 * now.spread[own] + 2 * bend * steep * mixed + steep**2 * spread
            found[part], doubt[part] = then - was, np.sqrt(np.maximum(variance, 0.0))
        return found, doubt

    def gradient(self, before: Floats, after: Floats) -> Floats:
        """Derivative of what each move changes by the slopes, shape (n, p): means of changes have a spread, too."""
        first, last = self.bends.values(before), self.bends.values(after)
        if not self.binary:
            return np.asarray(last - first)
        was, then = (expit(self.level + part @ self.slopes) for part in (first, last))
        return np.asarray((then * (1 - then))[:, None] * last - (was * (1 - was))[:, None] * first)

    def _shown(self, score: Floats) -> Floats:
        return np.asarray(expit(score) if self.binary else score)


@dataclass(frozen=True, eq=False)
class _Start:
    """Where the rows are on the logit scale: score, its variance, and its covariance with the terms that move."""

    score: Floats
    spread: Floats
    joint: Floats

    @classmethod
    def of(cls, surface: Surface, units: Floats, which: Ints) -> _Start:
        if not surface.binary:
            return cls(np.empty(0), np.empty(0), np.empty((0, 0)))
        values = surface.bends.values(units)
        turned = values @ surface.covariance
        return cls(surface.level + values @ surface.slopes, (turned * values).sum(axis=1), turned[:, which])


def fit_surface(
    frame: pd.DataFrame,
    outcome: str,
    columns: Sequence[str],
    moved: Collection[str],
    *,
    clusters: NDArray[np.generic] | None = None,
    earlier: Surface | None = None,
) -> Surface:
    """Regress an outcome on smooth functions of some columns.

    Parameters
    ----------
    frame : DataFrame, n rows
        Holds the columns; rows whose outcome is missing are left out.
    outcome : str
        A number or 0 / 1.
    columns : sequence of str
        What the outcome may depend on; of a move, a set that makes the moved columns as good as random.
    moved : collection of str
        Columns that moves will be asked of.
    clusters : numpy.ndarray, shape (n,), optional
        Rows of one cluster may depend on each other; the intervals are widened by the design effect.
    earlier : Surface, optional
        Of the same columns, fitted on other rows. Its doubt is the prior of its errors, and what it says of each moved
        column is one more term whose slope these rows decide: 1 where they bear it out, less where it promised too
        much (Chernozhukov, Demirer, Duflo & Fernández-Val 2018 calibrate an effect in this way).

    Returns
    -------
    Surface

    Notes
    -----
    Assumes that the mean outcome is smooth: a step inside the range of a column is cut off at both sides, and intervals
    there are too narrow.

    References
    ----------
    MacKay 1992, Neural Computation 4; Nychka 1988, JASA 83; Wood 2006, Generalized additive models, ch. 4.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"discount": draw.uniform(0, 1, 900), "wealth": draw.normal(size=900)})
    >>> frame["spend"] = 2 * frame["discount"] + frame["wealth"] + draw.normal(0, 0.5, 900)
    >>> surface = fit_surface(frame, "spend", ["discount", "wealth"], ["discount"])
    >>> rows = surface.bends.units(frame.head(3)), surface.bends.units(frame.head(3).assign(discount=1.0))
    >>> change, doubt = surface.change(*rows, ["discount"])
    >>> true = 2 * (1 - frame["discount"].head(3).to_numpy())
    >>> bool((np.abs(change - true) < 3 * doubt).all()), bool((doubt < 0.3).all())
    (True, True)
    """
    known = frame[outcome].notna().to_numpy()
    rows = frame[known]
    bends = fit_bends(rows, columns, moved) if earlier is None else earlier.bends
    values = bends.values(bends.units(rows))
    y = numeric_values(rows[outcome])
    prior = _prior_of(bends, earlier, moved)
    if np.isin(y, (0.0, 1.0)).all() and np.ptp(y) > 0:
        surface, pull = _fit_chance(bends, values, y, prior)
    else:
        surface = _fit(bends, values, y, np.ones(len(y)), prior, binary=False)
        pull = y - surface.level - values @ surface.slopes
    return surface if clusters is None else _widened(surface, values, pull, np.asarray(clusters)[known])


@dataclass(frozen=True, eq=False)
class _Prior:
    """Slopes = turn @ z with independent z, and the groups whose variance the data choose (none after an earlier fit).

    Attributes
    ----------
    turn : numpy.ndarray, shape (p, q)
    groups : numpy.ndarray of int, shape (q,)
    variance : numpy.ndarray or None
        Of each group; None to be chosen.
    """

    turn: Floats
    groups: Ints
    variance: Floats | None


def _prior_of(bends: Bends, earlier: Surface | None, moved: Collection[str]) -> _Prior:
    size = len(bends.terms)
    if earlier is None:
        return _Prior(np.eye(size), bends.groups, None)
    said = _directions(earlier, moved)
    turn = np.column_stack([_root(earlier.covariance), said])
    groups = np.concatenate([np.zeros(size, dtype=np.int64), np.ones(said.shape[1], dtype=np.int64)])
    return _Prior(turn, groups, np.ones(2))


def _directions(earlier: Surface, moved: Collection[str]) -> Floats:
    """Slopes of an earlier surface, split by moved column (a product of two goes with the first) and the rest."""
    left = np.arange(len(earlier.slopes))
    found = []
    for column in [*moved, None]:
        own = left if column is None else np.intersect1d(left, earlier.bends.touching([column]))
        left = np.setdiff1d(left, own)
        part = np.zeros(len(earlier.slopes))
        part[own] = earlier.slopes[own]
        found.append(part)
    return np.column_stack(found)


def _fit_chance(bends: Bends, values: Floats, y: Floats, prior: _Prior) -> tuple[Surface, Floats]:
    """The surface of a logit by reweighted regressions, and what each row pulls at the slopes."""
    share = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    score = np.full(len(y), float(logit(share)))
    for _ in range(ROUNDS):
        chance = expit(score)
        weights = np.maximum(chance * (1 - chance), THINNEST)
        surface = _fit(bends, values, score + (y - chance) / weights, weights, prior, binary=True)
        before, score = score, np.clip(surface.level + values @ surface.slopes, -12.0, 12.0)
        if np.abs(score - before).max() < 0.01:
            break
    return surface, y - expit(score)


def _fit(bends: Bends, values: Floats, y: Floats, weights: Floats, prior: _Prior, *, binary: bool) -> Surface:
    """Slopes and covariance at the variances of the largest evidence; weights are inverse variances for a logit."""
    n, size = len(y), values.shape[1]
    middle, level = np.average(values, axis=0, weights=weights), float(np.average(y, weights=weights))
    centred, target = values - middle, y - level
    pulled = centred * weights[:, None]
    gram, cross, total = pulled.T @ centred, pulled.T @ target, float((weights * target) @ target)
    if total <= 0 or size == 0:
        return Surface(bends, np.zeros(size), np.zeros((size, size)), level, 0.0, binary)
    turn = prior.turn
    slopes, covariance, noise = _settle(turn.T @ gram @ turn, turn.T @ cross, (total, n), prior, fixed=binary)
    found = turn @ slopes
    return Surface(bends, found, turn @ covariance @ turn.T, level - float(middle @ found), noise, binary)


def _settle(
    gram: Floats, cross: Floats, size: tuple[float, int], prior: _Prior, *, fixed: bool
) -> tuple[Floats, Floats, float]:
    """Slopes, covariance and noise at the prior variances of the largest evidence (MacKay's fixed point).

    No variance is taken below its standard error, sqrt(2 / terms alike) x noise / information: where the evidence has
    its peak at 0, taking it at its word would pass off "not seen" as "not there" (intervals then covered .57, not .9).
    """
    total, n = size
    groups, noise, least = prior.groups, 1.0 if fixed else 0.7 * total / n, LEAST * total / n
    kinds = int(groups.max()) + 1 if prior.variance is None else len(prior.variance)
    variance = np.full(kinds, 0.3 * total / n / len(groups)) if prior.variance is None else prior.variance
    count = np.bincount(groups, minlength=kinds)
    like = np.where(np.arange(kinds) < SHARED, count, count[SHARED:].sum())
    information = np.maximum(np.bincount(groups, np.diag(gram), minlength=kinds) / np.maximum(count, 1), 1e-300)
    slopes, covariance = _posterior(gram, cross, noise, variance[groups])
    for _ in range(STEPS):
        used = count - np.bincount(groups, np.diag(covariance) / variance[groups], minlength=kinds)
        power = np.bincount(groups, slopes**2, minlength=kinds)
        hidden = np.sqrt(2.0 / np.maximum(like, 1)) * noise / information
        updated = np.maximum(power / np.maximum(used, 1e-6), hidden) if prior.variance is None else variance
        left = total - 2 * slopes @ cross + slopes @ gram @ slopes
        before, noise = noise, 1.0 if fixed else max(left / max(n - used.sum(), 1.0), least)
        moved = max(np.abs(np.log(updated / variance))[count > 0].max(), abs(np.log(noise / before)))
        variance = updated
        slopes, covariance = _posterior(gram, cross, noise, variance[groups])
        if moved < SETTLED:
            break
    return slopes, covariance, noise


def _posterior(gram: Floats, cross: Floats, noise: float, prior: Floats) -> tuple[Floats, Floats]:
    root = np.sqrt(prior)  # scaled so that a variance near 0 does no harm
    inner = np.eye(len(prior)) + root[:, None] * gram * root / noise
    covariance = root[:, None] * np.linalg.inv(inner) * root
    return covariance @ cross / noise, covariance


def _widened(surface: Surface, values: Floats, pull: Floats, clusters: NDArray[np.generic]) -> Surface:
    """The surface with the design effect of the clusters in its covariance."""
    codes = np.unique(clusters, return_inverse=True)[1]
    if codes.max() + 1 == len(codes):
        return surface
    alone = values * pull[:, None]
    together = np.zeros((codes.max() + 1, values.shape[1]))
    np.add.at(together, codes, alone)
    among, single = (float(np.square(part @ surface.covariance).sum()) for part in (together, alone))
    return replace(surface, covariance=max(1.0, among / max(single, 1e-300)) * surface.covariance)


def _root(covariance: Floats) -> Floats:
    jitter = 1e-10 * max(float(np.trace(covariance)) / max(len(covariance), 1), 1e-30)
    return np.asarray(np.linalg.cholesky(covariance + jitter * np.eye(len(covariance))))
