"""The order of causes from the shape of the noise: DirectLiNGAM.

Hides how columns are compared. In a linear model with non-Gaussian noise the residual of an effect on its cause is
independent of the cause, and not the other way round (Shimizu et al. 2011). For each pair the difference of the two
likelihoods is measured by an entropy approximation (Hyvärinen & Smith 2013); the column that nobody seems to cause
comes first, is taken out of all others, and so on. As in ParaLiNGAM (Shahbazinia et al. 2023) a pair is measured once
for both of its columns, and a column is given up as soon as it is worse than the best so far: the order is that of
the full comparison, in about a fifth of the measurements. ICA-LiNGAM was considered; it may stop in a local optimum
and takes no tiers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.jit import compiled

__all__ = ["exogenous_order", "shape_lead"]

CELLS = 256
FAR = 12.0
CURVATURE = 79.047
SKEWNESS = 7.4129
GAUSSIAN_LOG_COSH = 0.37457
TINY = 1e-8

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Singles = NDArray[np.float32]


def exogenous_order(columns: Floats, weights: Floats, before: Booleans) -> Integers:
    """Order columns so that causes come before effects, by the shape of their noise.

    Parameters
    ----------
    columns : ndarray of float, shape (n, d)
        Numbers of any scale; a constant column comes last of those that may.
    weights : ndarray of float, shape (n,)
        Non-negative, with a positive sum.
    before : ndarray of bool, shape (d, d)
        ``[a, b]``: a must come before b. Transitive and without cycle.

    Returns
    -------
    ndarray of int, shape (d,)

    Notes
    -----
    Assumption: linear effects, at most one Gaussian noise, no latent common cause. With Gaussian noise the order is
    arbitrary among equivalent ones.

    Examples
    --------
    >>> noise = np.random.default_rng(0).laplace(size=(2000, 2))
    >>> effect_first = np.column_stack([noise[:, 0] + noise[:, 1], noise[:, 0]])
    >>> exogenous_order(effect_first, np.ones(2000), np.zeros((2, 2), dtype=bool)).tolist()
    [1, 0]
    """
    drawn = weights > 0
    share = weights[drawn] / weights.sum()
    rows, correlation = _standardise(columns[drawn], share)
    order = np.empty(columns.shape[1], dtype=np.intp)
    _take_out(rows, (share * len(share)).astype(np.float32), correlation, before, *_tables(), order)
    return order


def shape_lead(cause: Floats, effect: Floats, weights: Floats) -> tuple[float, float]:
    """Return how much better ``cause -> effect`` fits the shape of the noise than the reverse, and the z-value of that.

    Parameters
    ----------
    cause, effect : ndarray of float, shape (n,)
        Residuals given the other causes of the two.
    weights : ndarray of float, shape (n,)

    Returns
    -------
    lead : float
        Difference of the two entropy sums, in nats for each row; positive where the given direction fits better.
    z : float
        The lead over its standard error across rows.
    """
    share = weights / weights.sum()
    pair, correlation = _standardise(np.column_stack([cause, effect]), share)
    r = correlation[0, 1]
    scale = np.sqrt(max(1.0 - r * r, TINY))
    first, second = pair.astype(np.float64)
    parts = [first, (second - r * first) / scale, second, (first - r * second) / scale]
    entropies = [_entropy_with_influence(part, share) for part in parts]
    lead = entropies[2][0] + entropies[3][0] - entropies[0][0] - entropies[1][0]
    influence = entropies[2][1] + entropies[3][1] - entropies[0][1] - entropies[1][1]
    error = float(np.sqrt((share**2 * (influence - share @ influence) ** 2).sum()))
    return float(lead), float(lead / error) if error > 0 else 0.0


def _entropy_with_influence(values: Floats, share: Floats) -> tuple[float, Floats]:
    """Return the entropy approximation of standardised values and each row's first-order part in it."""
    size = np.abs(values)
    log_cosh = size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)
    odd = values * np.exp(-(values**2) / 2.0)
    curve, skew = float(share @ log_cosh) - GAUSSIAN_LOG_COSH, float(share @ odd)
    entropy = -CURVATURE * curve**2 - SKEWNESS * skew**2
    influence: Floats = -2.0 * CURVATURE * curve * log_cosh - 2.0 * SKEWNESS * skew * odd
    return entropy, influence


def _standardise(columns: Floats, share: Floats) -> tuple[Singles, Floats]:
    centred = columns - share @ columns
    spread = np.sqrt(share @ centred**2)
    standard = centred / np.where(spread > TINY, spread, 1.0)
    correlation = (standard * share[:, None]).T @ standard
    return np.ascontiguousarray(standard.T, dtype=np.float32), correlation


def _tables() -> tuple[Singles, Singles]:
    """Return log cosh u and u exp(-u²/2) on a grid of u, as value and step to the next."""
    u = np.arange(int(FAR * CELLS) + 2) / CELLS
    log_cosh = u + np.log1p(np.exp(-2.0 * u)) - np.log(2.0)
    return log_cosh.astype(np.float32), (u * np.exp(-(u**2) / 2.0)).astype(np.float32)


@compiled
def _take_out(
    rows: Singles,
    weights: Singles,
    correlation: Floats,
    before: Booleans,
    log_cosh: Singles,
    odd: Singles,
    order: Integers,
) -> None:
    """Fill the order: the most exogenous column first, then of what is left of the others."""
    d, n = rows.shape
    left = np.ones(d, dtype=np.bool_)
    lead = np.zeros((d, d))
    penalty = np.zeros(d)
    alone = np.empty(d)
    for place in range(d):
        for i in range(d):
            if left[i]:
                alone[i] = _entropy(rows[i], rows[i], 0.0, 1.0, weights, log_cosh, odd)
        best = _most_exogenous(rows, weights, correlation, before, left, lead, penalty, alone, log_cosh, odd)
        order[place] = best
        left[best] = False
        for i in range(d):
            if left[i]:
                r = np.float32(correlation[i, best])
                scale = np.float32(1.0 / np.sqrt(max(1.0 - correlation[i, best] ** 2, TINY)))
                for k in range(n):
                    rows[i, k] = (rows[i, k] - r * rows[best, k]) * scale
        _partial_out(correlation, left, best)


@compiled
def _most_exogenous(
    rows: Singles,
    weights: Singles,
    correlation: Floats,
    before: Booleans,
    left: Booleans,
    lead: Floats,
    penalty: Floats,
    alone: Floats,
    log_cosh: Singles,
    odd: Singles,
) -> int:
    """Return the column that the others seem to cause least; ``lead`` and ``penalty`` guide the next call."""
    d = len(left)
    known = np.zeros((d, d), dtype=np.bool_)
    best, least = -1, np.inf
    for i in np.argsort(penalty, kind="mergesort"):
        if not left[i] or (left & before[:, i]).any():
            continue
        total = 0.0
        for j in np.argsort(lead[i], kind="mergesort"):
            if j == i or not left[j] or before[i, j]:
                continue
            if not known[i, j]:
                r = correlation[i, j]
                scale = 1.0 / np.sqrt(max(1.0 - r * r, TINY))
                forth = _entropy(rows[j], rows[i], r, scale, weights, log_cosh, odd)
                back = _entropy(rows[i], rows[j], r, scale, weights, log_cosh, odd)
                lead[i, j] = alone[j] + back - alone[i] - forth
                lead[j, i] = -lead[i, j]
                known[i, j] = known[j, i] = True
            total += min(0.0, lead[i, j]) ** 2
            if total > least:
                break
        penalty[i] = total
        if total < least:
            best, least = i, total
    return best


@compiled
def _entropy(
    values: Singles, taken: Singles, r: float, scale: float, weights: Singles, log_cosh: Singles, odd: Singles
) -> float:
    """Return the entropy approximation of ``(values - r taken) scale``, less that of a normal variable."""
    curve, skew = 0.0, 0.0
    slope, factor, cells = np.float32(r), np.float32(scale), np.float32(CELLS)
    last = np.float32(len(log_cosh) - 2)
    for k in range(len(values)):
        u = (values[k] - slope * taken[k]) * factor
        t = abs(u) * cells
        if t < last:
            cell = int(t)
            part = t - np.float32(cell)
            value = odd[cell] + part * (odd[cell + 1] - odd[cell])
            skew += weights[k] * (value if u > 0 else -value)
            curve += weights[k] * (log_cosh[cell] + part * (log_cosh[cell + 1] - log_cosh[cell]))
        else:
            curve += weights[k] * (abs(u) - np.float32(0.6931472))
    curve = curve / len(values) - GAUSSIAN_LOG_COSH
    skew = skew / len(values)
    return -CURVATURE * curve * curve - SKEWNESS * skew * skew


@compiled
def _partial_out(correlation: Floats, left: Booleans, taken: int) -> None:
    """Replace the correlations of what is left by those given one column."""
    d = len(left)
    scale = np.empty(d)
    for i in range(d):
        scale[i] = np.sqrt(max(1.0 - correlation[i, taken] ** 2, TINY))
    for i in range(d):
        for j in range(d):
            if left[i] and left[j] and i != j:
                across = correlation[i, j] - correlation[i, taken] * correlation[j, taken]
                correlation[i, j] = across / (scale[i] * scale[j])
