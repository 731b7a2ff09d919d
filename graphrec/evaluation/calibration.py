"""Are predicted effects right in size: error, bias, slope, deciles and coverage.

Hides how predictions are binned and how a noisy stand-in for the truth is used. Ranking figures alone do not catch a
bad control: a collider among the covariates once had the best Qini and an average effect of the wrong sign. So every
gate joins these figures with those of `graphrec.evaluation.uplift`.

`truth` is the true effect where it is known (simulation). Elsewhere give doubly robust scores: their mean given the
covariates is the effect, so slope, deciles and bias stay unbiased, with the intervals that clusters and noise imply.
`rpehe` and `interval_coverage` need the real truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.evaluation.inputs import (
    EvaluationError,
    check_count,
    check_level,
    cluster_codes,
    numbers,
    weights_of,
)
from graphrec.evaluation.intervals import Interval, mean_interval

__all__ = [
    "CalibrationTable",
    "Slope",
    "ate_bias",
    "calibration_by_decile",
    "calibration_slope",
    "interval_coverage",
    "rpehe",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Slope:
    """Line through (predicted, true) effects; a calibrated model has slope 1 and intercept 0.

    Attributes
    ----------
    slope, intercept : float
        Weighted least squares of the truth on the prediction.
    interval : Interval
        Cluster-robust interval of the slope.
    """

    slope: float
    intercept: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class CalibrationTable:
    """Mean predicted and true effect in bins of falling prediction; the first bin holds the highest.

    Attributes
    ----------
    predicted, observed, low, high : (bins,) float
        Weighted mean of the prediction and of the truth, with the interval of the latter. An interval of a bin
        with one cluster is infinite.
    rows : (bins,) int
        Rows in each bin. Tied predictions stay in one bin, so bins may differ in size and be fewer than asked.
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    rows: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Mean absolute difference of predicted and observed means, weighted by rows."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))


def rpehe(predicted: ArrayLike, truth: ArrayLike, weights: ArrayLike | None = None) -> float:
    r"""Root of the precision in estimating heterogeneous effects (Hill 2011).

    .. math:: \sqrt{\frac{\sum w (\hat\tau - \tau)^2}{\sum w}}

    Examples
    --------
    >>> rpehe([0.1, 0.3], [0.1, 0.1]) == (0.04 / 2) ** 0.5
    True
    """
    guess, true, weight = _columns(predicted, truth, weights)
    return float(np.sqrt(np.average((guess - true) ** 2, weights=weight)))


def ate_bias(predicted: ArrayLike, truth: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean predicted minus mean true effect.

    Examples
    --------
    >>> round(ate_bias([0.1, 0.3], [0.1, 0.1]), 12)
    0.1
    """
    guess, true, weight = _columns(predicted, truth, weights)
    return float(np.average(guess - true, weights=weight))


def calibration_slope(
    predicted: ArrayLike,
    truth: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Slope:
    r"""Slope of the true on the predicted effect, the best linear predictor of Chernozhukov et al. (2018).

    .. math:: \tau = \alpha + \beta \hat\tau

    A slope under 1 means that the spread of the predictions is exaggerated, 0 that they order nothing, a negative one
    that they order backwards.

    Parameters
    ----------
    predicted, truth : (n,) float
        Predicted effect and true effect (or doubly robust score).
    weights, clusters : (n,), optional
        Row weights and labels of the independent units.
    level : float
        Confidence level.

    Examples
    --------
    >>> line = calibration_slope([0.0, 0.2, 0.4], [0.1, 0.2, 0.3])
    >>> round(line.slope, 12), round(line.intercept, 12)
    (0.5, 0.1)
    """
    from scipy.special import stdtrit

    level = check_level(level)
    guess, true, weight = _columns(predicted, truth, weights)
    code, count = cluster_codes(clusters, len(guess))
    if count < 3:
        raise EvaluationError(f"a slope needs at least three clusters, there are {count}")
    centred = guess - np.average(guess, weights=weight)
    spread = float(weight @ centred**2)
    if spread <= 1e-24 * max(1.0, float(weight @ guess**2)):
        raise EvaluationError(
            f"predicted is the constant {guess[0]:.6g}, so it has no slope; judge it by ate_bias and rpehe"
        )
    slope = float((weight * centred) @ true) / spread
    intercept = float(np.average(true, weights=weight) - slope * np.average(guess, weights=weight))
    residual = true - intercept - slope * guess
    scores = np.bincount(code, weights=weight * centred * residual, minlength=count)
    se = float(np.sqrt(count / (count - 2) * (scores @ scores))) / spread
    reach = float(stdtrit(count - 2, 0.5 + level / 2)) * se
    return Slope(slope, intercept, Interval(slope, slope - reach, slope + reach, se, level, count))


def calibration_by_decile(
    predicted: ArrayLike,
    truth: ArrayLike,
    *,
    bins: int = 10,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> CalibrationTable:
    """Compare mean prediction and mean truth in bins of equal weight.

    A block of tied predictions goes whole into the bin of its middle rank, so the order of the rows is irrelevant.

    Parameters
    ----------
    predicted, truth, weights, clusters, level
        As in `calibration_slope`. Probabilities against 0/1 outcomes are judged the same way.
    bins : int
        Number of bins.

    Examples
    --------
    >>> table = calibration_by_decile([0.4, 0.3, 0.2, 0.1], [0.5, 0.3, 0.2, 0.0], bins=2)
    >>> table.predicted.round(3).tolist(), table.observed.round(3).tolist(), table.rows.tolist()
    ([0.35, 0.15], [0.4, 0.1], [2, 2])
    """
    bins = check_count("bins", bins)
    level = check_level(level)
    guess, true, weight = _columns(predicted, truth, weights)
    code, _ = cluster_codes(clusters, len(guess))
    bin_of = _bins(guess, weight, bins)
    table = [_bin(guess[rows], true[rows], weight[rows], code[rows], level) for rows in _members(bin_of, bins)]
    predicted_mean, observed, low, high = (np.array(column) for column in zip(*table))
    rows = np.bincount(bin_of, minlength=bins)
    return CalibrationTable(predicted_mean, observed, low, high, rows[rows > 0])


def interval_coverage(low: ArrayLike, high: ArrayLike, truth: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Share of the rows whose interval holds the truth.

    Examples
    --------
    >>> interval_coverage([0.0, 0.0], [1.0, 1.0], [0.5, 1.5])
    0.5
    """
    lower, true, weight = _columns(low, truth, weights)
    upper = numbers("high", high, len(lower))
    if np.any(lower > upper):
        row = int(np.argmax(lower > upper))
        raise EvaluationError(f"row {row} has low {lower[row]} above high {upper[row]}; swap the two columns")
    return float(np.average((lower <= true) & (true <= upper), weights=weight))


def _columns(predicted: ArrayLike, truth: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    guess = numbers("predicted", predicted)
    if not len(guess):
        raise EvaluationError("predicted has no rows, so there is nothing to judge")
    return guess, numbers("truth", truth, len(guess)), weights_of(weights, len(guess))


def _bins(guess: Floats, weight: Floats, bins: int) -> NDArray[np.int64]:
    """Bin of each row by falling prediction, from the middle rank of its block of ties."""
    levels, block = np.unique(-guess, return_inverse=True)
    mass = np.bincount(block, weights=weight, minlength=len(levels))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of: NDArray[np.int64] = np.minimum((middle * bins).astype(np.int64), bins - 1)[block]
    return bin_of


def _members(bin_of: NDArray[np.int64], bins: int) -> list[NDArray[np.int64]]:
    order = np.argsort(bin_of, kind="stable")
    parts = np.split(order, np.searchsorted(bin_of[order], np.arange(1, bins)))
    return [part for part in parts if part.size]


def _bin(
    guess: Floats, true: Floats, weight: Floats, code: NDArray[np.int64], level: float
) -> tuple[float, float, float, float]:
    if weight.sum() <= 0:
        return float(guess.mean()), float(true.mean()), -np.inf, np.inf
    predicted = float(np.average(guess, weights=weight))
    if code.min() == code.max():
        return predicted, float(np.average(true, weights=weight)), -np.inf, np.inf
    found = mean_interval(true, clusters=code, weights=weight, level=level)
    return predicted, found.value, found.low, found.high
