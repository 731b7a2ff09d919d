"""A mixture of segments for habits that are known with error.

Each customer i has true habits drawn from a normal distribution of its segment, z*_i ~ N(mean_k, spread_k), and is seen
as z_i ~ N(z*_i, s_i) with the known variance s_i of few or many events. EM gives (Bovy, Hogg and Roweis 2011,
"Extreme deconvolution", here with diagonal matrices)

    r_ik  proportional to  share_k N(z_i; mean_k, spread_k + s_i)
    b_ik = mean_k + spread_k / (spread_k + s_i) (z_i - mean_k),   B_ik = spread_k s_i / (spread_k + s_i)
    mean_k = sum_i r_ik b_ik / sum_i r_ik,    spread_k = sum_i r_ik ((b_ik - mean_k)^2 + B_ik) / sum_i r_ik

Hides the fit. A customer with little evidence pulls the segments little and gets a posterior near their shares, which
is what abstention needs. Starts are k-means on the principal components of the shrunken habits.

Alternatives considered: k-means and a plain mixture on the components. Both take a customer of five events as seriously
as one of five hundred; they are measured beside this one in ``benchmarks.segmentation``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphrec.market.segmentation.habitscale import Scaled

__all__ = ["Mixture", "fit_mixture", "principal_components"]

_LEAST_SPREAD = 0.02
_PRIOR = 2.0
_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Mixture:
    """Segments as normal distributions.

    Attributes
    ----------
    share : (k,) float64
    mean, spread : (k, f) float64
        Mean and variance of the true habits.
    loglik : float
        Log likelihood of the customers it was fitted on.
    """

    share: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    loglik: float = float("nan")

    @property
    def size(self) -> int:
        """Number of segments."""
        return len(self.share)

    @property
    def parameters(self) -> int:
        """Free numbers, for the BIC."""
        return self.size - 1 + 2 * self.mean.size

    def posterior(self, scaled: Scaled) -> NDArray[np.float64]:
        """Probability of each segment, (n, k)."""
        return np.asarray(_normalise(self.joint(scaled))[0])

    def joint(self, scaled: Scaled) -> NDArray[np.float64]:
        """Log of share times density, (n, k)."""
        found = np.empty((len(scaled.z), self.size))
        for k in range(self.size):
            total = self.spread[k] + scaled.noise
            found[:, k] = -0.5 * ((scaled.z - self.mean[k]) ** 2 / total + np.log(total)).sum(1)
        return np.asarray(found + np.log(self.share) - 0.5 * self.mean.shape[1] * np.log(2 * np.pi))

    def climb(self, scaled: Scaled, rounds: int = 120) -> Mixture:
        """The same segments, improved on (other) customers."""
        return _climb(scaled, self, rounds)

    def with_shares(self, scaled: Scaled, rounds: int = 10) -> Mixture:
        """The same segments with the shares that they have among these customers."""
        joint, share = self.joint(scaled) - np.log(self.share), self.share
        for _ in range(rounds):
            share = np.maximum(_normalise(joint + np.log(share))[0].mean(0), 1e-6)
        return Mixture(share / share.sum(), self.mean, self.spread, self.loglik)

    def ordered(self, order: NDArray[np.int64]) -> Mixture:
        """The same segments in another order."""
        return Mixture(self.share[order], self.mean[order], self.spread[order], self.loglik)


def fit_mixture(scaled: Scaled, k: int, *, starts: int = 5, rounds: int = 120, rng: np.random.Generator) -> Mixture:
    """Fit ``k`` segments; the best of some starts.

    Parameters
    ----------
    scaled : Scaled of n customers, n >= k
    k : int
    starts, rounds : int
        Starts by k-means, and most rounds of EM of each.
    rng : numpy.random.Generator
    """
    tries = [
        _climb(scaled, _first(scaled, _start(scaled, k, child)), rounds) for child in rng.spawn(starts if k > 1 else 1)
    ]
    return max(tries, key=lambda fitted: fitted.loglik)


def principal_components(shrunken: NDArray[np.float64], share: float = 0.9) -> NDArray[np.float64]:
    """Scores on the first components that hold ``share`` of the variance, (n, p)."""
    centred = shrunken - shrunken.mean(0)
    _, size, axes = np.linalg.svd(centred, full_matrices=False)
    part = np.cumsum(size**2) / max(float((size**2).sum()), 1e-300)
    return np.asarray(centred @ axes[: int(np.searchsorted(part, share)) + 1].T)


def _start(scaled: Scaled, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels of k-means on the components of the shrunken habits."""
    if k == 1:
        return np.zeros(len(scaled.z), dtype=np.int64)
    scores = principal_components(scaled.shrunken)
    centre = _spread_out(scores, k, rng)
    label = np.zeros(len(scores), dtype=np.int64)
    for _ in range(25):
        distance = (centre**2).sum(1) - 2 * scores @ centre.T
        before, label = label, distance.argmin(1)
        if np.array_equal(before, label):
            break
        for j in np.unique(label):
            centre[j] = scores[label == j].mean(0)
    return np.asarray(label)


def _spread_out(points: NDArray[np.float64], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Centres far from one another (k-means++, Arthur and Vassilvitskii 2007)."""
    chosen = [points[rng.integers(len(points))]]
    far = ((points - chosen[0]) ** 2).sum(1)
    for _ in range(k - 1):
        weight = np.cumsum(far)
        chosen.append(points[min(int(np.searchsorted(weight, rng.random() * weight[-1])), len(points) - 1)])
        far = np.minimum(far, ((points - chosen[-1]) ** 2).sum(1))
    return np.array(chosen)


def _first(scaled: Scaled, label: NDArray[np.int64]) -> Mixture:
    """Segments of hard labels."""
    k = int(label.max()) + 1
    weight = np.eye(k)[label]
    pooled = scaled.shrunken.var(0) + 0.1
    mean = (weight.T @ scaled.shrunken) / np.maximum(weight.sum(0), 1e-9)[:, None]
    return Mixture(np.maximum(weight.mean(0), 1e-6), mean, np.tile(pooled, (k, 1)))


def _climb(scaled: Scaled, model: Mixture, rounds: int) -> Mixture:
    """EM from given segments."""
    from graphrec.market.segmentation.expectation import em_round

    z, noise = np.ascontiguousarray(scaled.z), np.ascontiguousarray(scaled.noise)
    before, loglik = -np.inf, -np.inf
    for _ in range(rounds):
        loglik, total, first, second = em_round(z, noise, np.log(model.share), model.mean, model.spread)
        if loglik - before < _TOLERANCE * abs(loglik):
            break
        before = loglik
        model = _improve(total, first, second)
    return Mixture(model.share, model.mean, model.spread, loglik)


def _improve(total: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]) -> Mixture:
    """Segments of the sums over customers of r, r b and r (b^2 + B)."""
    weight = np.maximum(total, 1e-9)[:, None]
    mean = first / weight
    # A little of the overall spread keeps a segment of few customers from closing on itself.
    within = np.maximum(second - weight * mean**2, 0.0)
    spread = np.maximum((within + _PRIOR * 0.5) / (weight + _PRIOR), _LEAST_SPREAD)
    share = np.maximum(total / total.sum(), 1e-6)
    return Mixture(share / share.sum(), mean, spread)


def _normalise(joint: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Posterior and log likelihood of the joint."""
    top = joint.max(1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(1, keepdims=True)
    return weight / total, float((top + np.log(total)).sum())
