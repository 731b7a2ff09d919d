"""From the share of bootstraps that have an edge to the probability that the edge is there.

Hides the correction. A share is a vote of searches, not a probability: of edges that three quarters of the bootstraps
draw, nine in ten are there. Two things decide beside the share. The search: each family has a curve of four numbers,
straight between them on the scale of log odds. And the table: chance alone leaves few pairs in doubt, so many of them
mean that many weak edges are at work, and each is the more probable (the idea of empirical Bayes, Efron 2010). Both
were learned on random graphs of several sizes, densities and strengths; ``python -m benchmarks.calibration`` learns
them and judges them on other graphs. One straight line (Platt 1999) and the density of the graph were considered: both
are worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CURVES", "KNOTS", "OF_CATEGORIES", "Curve", "doubt", "edge_probability", "log_odds_of_share"]

Floats = NDArray[np.float64]

KNOTS = (0.1, 0.5, 0.8, 0.97)
"""Shares of bootstraps at which the curves are given."""
UNCLEAR = (0.2, 0.9)
"""Shares that leave a pair in doubt; lower ones speak against an edge."""
OF_CATEGORIES = ", categories"
"""What the name of a search ends with where every column is a category."""
RARE = 0.05
"""Share of edges among pairs before anything is seen; it is worth one run."""
USUAL = float(np.log(RARE))
FEW = 10.0


@dataclass(frozen=True)
class Curve:
    """Probability of an edge at the knots in a table with one pair in twenty in doubt, and what more doubt adds.

    ``lean`` is the change of the log odds when the pairs in doubt grow by the factor e.
    """

    values: tuple[float, float, float, float]
    lean: float


CURVES = {
    "boss": Curve((0.170, 0.603, 0.943, 0.998), 0.68),
    f"boss{OF_CATEGORIES}": Curve((0.645, 0.913, 0.969, 0.978), 0.13),
}
"""By method; one that is not listed keeps the share. PC and LiNGAM have none: a curve learned on 115 tables for PC, and
that of BOSS on 40 tables for LiNGAM, were no better than the share.

Learned on 300 random tables of numbers and 250 of categories. On tables of the same families that were left out, the
errors by bin are at most .025 and .032 (the share: .16 and .53), but for a bin of 11 pairs. Elsewhere they do not reach
the aim of .05: up to .18 +- .05 on numbers of another family (share .22), .12 +- .06 on categories (.50), and on
samples of two published networks .31 +- .19 (.59) and .47 +- .08 (.31): where causes nearly fix their effects, wrong
edges are as sure as right ones. The Bayes factor of the edge, the number of rows and of columns as further inputs were
tried: no better on other families.
"""


def edge_probability(shares: Floats, runs: int, method: str) -> Floats:
    """Return the probability of edges from the shares of bootstraps that have them.

    The log odds ``log((k + r) / (runs - k + 1 - r))`` of an edge that k of the runs have, moved along the curve of the
    method (straight lines between the knots, parallel to the share beyond them) and by the doubt in the table.

    Parameters
    ----------
    shares : ndarray of float, shape (d, d)
        Symmetric, in [0, 1].
    runs : int
        Number of bootstraps.
    method : str
        The search; one without a curve keeps its shares.

    Returns
    -------
    ndarray of float, shape (d, d)
        Within a table it grows with the share.

    Notes
    -----
    Learned on linear effects and random tables, at the default level of the tests. How strong effects are in a field
    decides how many of the doubtful edges are there, and no table shows all of that.

    Examples
    --------
    >>> shares = np.array([[0.0, 0.8], [0.8, 0.0]])
    >>> float(edge_probability(shares, 100, "pc")[0, 1])
    0.8
    >>> bool(edge_probability(shares, 100, "boss")[0, 1] > 0.9)
    True
    """
    given = np.asarray(shares, dtype=np.float64)
    if method not in CURVES:
        return given.copy()
    curve = CURVES[method]
    knots, values = (np.log(np.array(p) / (1.0 - np.array(p))) for p in (KNOTS, curve.values))
    odds = log_odds_of_share(given, runs)
    moved = np.interp(odds, knots, values) + np.minimum(odds - knots[0], 0.0) + np.maximum(odds - knots[-1], 0.0)
    return np.asarray(1.0 / (1.0 + np.exp(-moved - curve.lean * doubt(given))))


def log_odds_of_share(share: Floats, runs: int) -> Floats:
    """Return ``log((k + r) / (runs - k + 1 - r))``, which is finite for shares of 0 and 1 too."""
    had = runs * share
    return np.asarray(np.log((had + RARE) / (runs - had + 1.0 - RARE)))


def doubt(shares: Floats) -> float:
    """Return the log of the pairs in doubt over those that are not edges, against one in twenty; shape (d, d)."""
    pairs = shares[np.triu_indices(len(shares), 1)]
    unclear = int(((pairs >= UNCLEAR[0]) & (pairs <= UNCLEAR[1])).sum())
    return float(np.log((unclear + 0.5) / ((pairs < UNCLEAR[0]).sum() + FEW))) - USUAL
