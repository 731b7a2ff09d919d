"""From the share of bootstraps that have an edge to the probability that the edge is there.

Hides the correction. A share is a vote of searches, not a probability: an edge that half the bootstraps of an order
search draw is there more often than not. For each family of searches a line on the log-odds scale (Platt 1999), two
numbers, was learned on random graphs of several sizes, densities and strengths with known edges; the same script draws
other ones and prints how far the result is off (``python -m benchmarks.calibration``). Isotonic regression was
considered: it has as many numbers as steps and is no better on fresh graphs. Corrections for the number of rows or the
density of the graph moved the errors by less than their standard error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LINES", "edge_probability"]

Floats = NDArray[np.float64]

LINES = {"boss": (0.30, 1.16), "pc": (0.22, 0.97)}
"""Intercept and slope for each method; a method that is not listed keeps the share."""


def edge_probability(share: Floats, runs: int, method: str) -> Floats:
    """Return the probability of edges from the share of bootstraps that have them.

    ``logit p = a + b logit((k + 1/2) / (runs + 1))`` for an edge that k of the runs have.

    Parameters
    ----------
    share : ndarray of float
        In [0, 1].
    runs : int
        Number of bootstraps.
    method : str
        The search; one without a line keeps its shares.

    Returns
    -------
    ndarray of float
        Of the same shape, growing with the share.

    Examples
    --------
    >>> edge_probability(np.array([0.1, 0.5, 0.9]), 100, "fci").tolist()
    [0.1, 0.5, 0.9]
    """
    if method not in LINES:
        return np.asarray(share, dtype=np.float64)
    intercept, slope = LINES[method]
    had = runs * share
    odds = np.log((had + 0.5) / (runs - had + 0.5))
    return np.asarray(1.0 / (1.0 + np.exp(-(intercept + slope * odds))))
