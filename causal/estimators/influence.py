"""From influences of single rows to a standard error that respects clusters.

Hides the finite-sample correction and the reference distribution. Every estimator here is asymptotically a mean of
influences, so one function gives all their intervals. A cluster bootstrap was considered: hundreds of refits for the
same interval, and it undercovers when the nuisances are not refitted (Chernozhukov et al. 2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from causal.encoding import FrameError

__all__ = ["check_level", "clustered_interval", "pull", "weighted_mean"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def clustered_interval(
    value: float, influence: Floats, clusters: Ints, units: int, level: float
) -> tuple[float, tuple[float, float]]:
    """Return the standard error of an estimate and its confidence interval.

    ``se^2 = G / (G - 1) * sum over clusters (sum of influences)^2`` with Student's t on G - 1 degrees of freedom
    (Liang & Zeger 1986; Cameron & Miller 2015).

    Parameters
    ----------
    value : float
    influence : ndarray of float, shape (n,)
        Influence of each row on the estimate; they add up to 0.
    clusters : ndarray of int, shape (n,)
        0 .. G - 1.
    units : int
        Independent units that decide the degrees of freedom: those of the thinner arm.
    level : float
        Confidence level, in (0, 1).

    Examples
    --------
    >>> spend = np.array([1.0, 2.0, 3.0, 6.0])
    >>> se, (low, high) = clustered_interval(3.0, (spend - 3.0) / 4, np.arange(4), 4, 0.95)
    >>> round(se, 3), round(low, 2), round(high, 2)  # the classical interval of a mean
    (1.08, -0.44, 6.44)
    """
    units = max(units, 2)
    per_cluster = np.bincount(clusters, influence)
    se = float(np.sqrt((per_cluster**2).sum() * units / (units - 1)))
    reach = float(stats.t.ppf(0.5 + level / 2, units - 1)) * se
    return se, (value - reach, value + reach)


def weighted_mean(values: Floats, weights: Floats) -> float:
    """Return the weighted mean."""
    return float((values * weights).sum() / weights.sum())


def pull(values: Floats, weights: Floats) -> Floats:
    """Return the influence of each row on a weighted mean, given its deviation from it."""
    return np.asarray(values * weights / weights.sum())


def check_level(level: float) -> None:
    """Raise :class:`FrameError` when a confidence level is none."""
    if not 0 < level < 1:
        raise FrameError(f"level is {level}; it must lie between 0 and 1 (0.95 is usual)")
