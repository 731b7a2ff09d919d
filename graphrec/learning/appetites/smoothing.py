"""Shares and rates that stay sensible for customers and products with little history.

Hides how much a history is trusted against popularity, which signals count, and how both are chosen: by the mean log
share of later purchases, a proper score, on the past only.

    log share = log( (known x share + strength x popularity) / (known + strength) )

where ``known`` is the weight of the customer's history: a Dirichlet prior worth ``strength`` purchases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from graphrec.learning.appetites.exponents import MINIMUM_PURCHASES, tuned_filter
from graphrec.learning.filters import DENSE_PRODUCTS, FilterConfig, GraphFilter
from graphrec.learning.interactions import Interactions, split_time

__all__ = [
    "PURCHASES_COUNT",
    "VIEWS_COUNT",
    "ShareShape",
    "choose_shape",
    "log_shares",
    "popularity_shares",
    "purchase_rates",
]

PURCHASES_COUNT: Mapping[str, float] = {"purchase": 1.0}
VIEWS_COUNT: Mapping[str, float] = {"purchase": 1.0, "cart": 0.5, "view": 0.2}
_SIGNALS = (PURCHASES_COUNT, VIEWS_COUNT)
_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_SHARPNESS = (1.0, 1.5, 2.0, 3.0)
_JUDGED = 300
_PERIOD = 28 * 86_400_000_000


@dataclass(frozen=True)
class ShareShape:
    """What was chosen on the past.

    Attributes
    ----------
    config : FilterConfig
        Exponents of the filter.
    signals : mapping of str to float
        Weight of each type of event.
    strength : float
        Purchases by popularity added to each history.
    events : int
        Events the choice was made on.
    """

    config: FilterConfig = field(default_factory=FilterConfig)
    signals: Mapping[str, float] = field(default_factory=lambda: dict(PURCHASES_COUNT))
    strength: float = 10.0
    events: int = 0


def choose_shape(past: Interactions, as_of: int) -> ShareShape:
    """Exponents, signals and smoothing that predict the last part of the past best from what came before.

    Parameters
    ----------
    past : Interactions
        Events before ``as_of``.
    as_of : int
        Microseconds.

    Returns
    -------
    ShareShape
        The defaults where too little was bought in the last part (`MINIMUM_PURCHASES`).
    """
    cut = split_time(past.times, as_of)
    early, later = past.before(cut), past.since(cut).matrix()
    best, best_gain = ShareShape(events=len(past)), -np.inf
    bought = early.matrix()
    if later.nnz < MINIMUM_PURCHASES or not bought.nnz:
        return best
    popularity = popularity_shares(early.popularity())
    for signals in _SIGNALS if (past.kinds > 0).any() else _SIGNALS[:1]:
        histories = early.matrix(signals)
        fitted = tuned_filter(histories, later, bought=bought)
        start = ShareShape(fitted.config, signals, 1.0, len(past))
        for shape, gain in _gains(fitted, histories, later, popularity, start):
            if gain > best_gain + 1e-9:
                best, best_gain = shape, gain
    return best


def _gains(
    fitted: GraphFilter,
    histories: sparse.csr_array,
    later: sparse.csr_array,
    popularity: np.ndarray,
    shape: ShareShape,
) -> Iterator[tuple[ShareShape, float]]:
    """Mean log share of later purchases under each sharpness and strength, for customers evenly spaced."""
    buyers = np.flatnonzero(np.diff(later.indptr))
    buyers = buyers[np.linspace(0, len(buyers) - 1, min(_JUDGED, len(buyers))).astype(np.int64)]
    past, truth = histories[buyers], later[buyers]
    rows = np.repeat(np.arange(len(buyers)), np.diff(truth.indptr))
    known = past.sum(axis=1)
    for sharpness in _SHARPNESS if histories.shape[1] <= DENSE_PRODUCTS else _SHARPNESS[:1]:
        config = replace(shape.config, sharpness=sharpness)
        shares = GraphFilter(fitted.walk, fitted.ease, config).shares(past)
        linked = (shares.sum(axis=1) > 0)[rows]
        cells, prior = shares[rows, truth.indices], popularity[truth.indices]
        for strength in _STRENGTHS:
            trust = known[rows] / (known[rows] + strength) * linked
            gain = float(np.average(np.log(trust * cells + (1.0 - trust) * prior), weights=truth.data))
            yield replace(shape, config=config, strength=strength), gain


def log_shares(shares: np.ndarray, known: np.ndarray, popularity: np.ndarray, strength: float) -> np.ndarray:
    """Smoothed log shares of each offer in a customer's purchases.

    Parameters
    ----------
    shares : numpy.ndarray, shape (n, m)
        Shares of a customer's purchases; a row of zeros is a customer without a link to anything.
    known : numpy.ndarray, shape (n,)
        Weight of each customer's history; infinite where the model needs no prior.
    popularity : numpy.ndarray, shape (m,)
        Share of each offer in all purchases, above zero where something can be bought.
    strength : float
        Purchases by popularity added to each history.

    Examples
    --------
    >>> shares, popularity = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([0.5, 0.5])
    >>> log_shares(shares, np.array([3.0, 0.0]), popularity, 1.0).round(2).tolist()
    [[-2.08, -0.13], [-0.69, -0.69]]
    """
    certain = np.isinf(known)
    trust = np.where(certain, 1.0 - 1e-3, known / (np.where(certain, 0.0, known) + strength)) * (shares.sum(axis=1) > 0)
    smoothed = trust[:, None] * shares + (1.0 - trust)[:, None] * popularity
    return np.asarray(np.log(np.maximum(smoothed, 1e-12)))


def popularity_shares(counts: np.ndarray) -> np.ndarray:
    """Share of each product in all purchases, with one twentieth of the mass spread evenly; sums to one."""
    mass = (0.05 * counts.sum() + 1.0) / max(len(counts), 1)
    return np.asarray((counts + mass) / (counts.sum() + mass * len(counts)))


def purchase_rates(past: Interactions, as_of: int) -> np.ndarray:
    """Purchases of each customer expected in 28 days, shape (n_customers + 1,); the last is the mean customer's.

    Negative-binomial smoothing: a gamma prior over customers, its shape from the mean and variance of the counts. It
    assumes that everybody could buy since the first record; somebody who came later is rated too low until then.
    """
    bought = past.of_kind("purchase")
    counts = np.bincount(bought.customers, minlength=past.n_customers).astype(np.float64)
    periods = max((as_of - int(past.times[0])) / _PERIOD, 0.25) if len(past) else 1.0
    mean = max(float(counts.mean()), 1.0 / max(past.n_customers, 1))
    prior = float(np.clip(mean**2 / max(counts.var() - mean, 1e-9), 0.05, 100.0))
    rates = (counts + prior) / (periods * (1.0 + prior / mean))
    return np.append(rates, mean / periods)
