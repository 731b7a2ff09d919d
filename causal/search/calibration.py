"""From the share of bootstraps that have an edge to the probability that the edge is there.

Hides the correction. A share is a vote of searches, not a probability: of edges that three quarters of the bootstraps
draw, nine in ten are there. For each family of searches a curve of four numbers, straight between them on the scale of
log odds, was learned on random graphs of several sizes, densities and strengths; ``python -m benchmarks.calibration``
learns it and judges it on other graphs. One straight line (Platt 1999) was considered and is worse: low shares are true
as they stand, high ones are too modest. Isotonic regression has as many numbers as steps. The density of the graph and
the number of rows would each add a number for less than what chance leaves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CURVES", "KNOTS", "edge_probability", "log_odds_of_share"]

Floats = NDArray[np.float64]

KNOTS = (0.1, 0.5, 0.8, 0.97)
"""Shares of bootstraps at which the curves are given."""
_BOSS = (0.088, 0.575, 0.915, 0.953)
CURVES = {"boss": _BOSS, "lingam": _BOSS, "pc": (0.131, 0.502, 0.907, 0.967)}
"""Probability of an edge at the knots, by method; a method that is not listed keeps the share. LiNGAM picks parents by
the score of BOSS and has its curve: 90 tables of its own were too few to tell the two apart."""


def edge_probability(share: Floats, runs: int, method: str) -> Floats:
    """Return the probability of edges from the share of bootstraps that have them.

    The log odds ``log((k + 1/2) / (runs - k + 1/2))`` of an edge that k of the runs have, moved along the curve of the
    method: straight lines between the knots, parallel to the share beyond them.

    Parameters
    ----------
    share : ndarray of float
        In [0, 1].
    runs : int
        Number of bootstraps.
    method : str
        The search; one without a curve keeps its shares.

    Returns
    -------
    ndarray of float
        Of the same shape, growing with the share.

    Examples
    --------
    >>> edge_probability(np.array([0.1, 0.5, 0.8]), 10_000, "boss").round(2).tolist()
    [0.09, 0.57, 0.91]
    >>> edge_probability(np.array([0.1, 0.5, 0.8]), 100, "fci").tolist()
    [0.1, 0.5, 0.8]
    """
    given = np.asarray(share, dtype=np.float64)
    if method not in CURVES:
        return given.copy()
    knots, values = (np.log(np.array(p) / (1.0 - np.array(p))) for p in (KNOTS, CURVES[method]))
    odds = log_odds_of_share(given, runs)
    moved = np.interp(odds, knots, values) + np.minimum(odds - knots[0], 0.0) + np.maximum(odds - knots[-1], 0.0)
    return np.asarray(1.0 / (1.0 + np.exp(-moved)))


def log_odds_of_share(share: Floats, runs: int) -> Floats:
    """Return ``log((k + 1/2) / (runs - k + 1/2))``, which is finite for shares of 0 and 1 too."""
    had = runs * share
    return np.asarray(np.log((had + 0.5) / (runs - had + 0.5)))
