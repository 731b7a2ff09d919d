"""How many segments there are, and whether they come back.

Hides the choice. For each number of segments the mixture gives the BIC, and the BIC plus the entropy of the assignment
(the integrated complete likelihood, ICL; Biernacki, Celeux and Govaert 2000), which counts what can be told apart and
not how many bells it takes to draw a crooked crowd. The best ICL is taken if

1. it also beats one segment on the principal components of the customers, where habits that rise and fall together no
   longer look like two groups; otherwise there is one segment, and the reason is said;
2. every segment comes back in bootstraps of the customers: the mean over bootstraps of the largest Jaccard overlap
   with a new segment is at least 0.6 (Hennig 2007: below it is no pattern, 0.75 and more is a stable one). Otherwise
   the next best ICL is tried.

Alternatives considered: the BIC alone, which chose 5 to 9 segments where 3 or 4 were planted; the silhouette, which
knows no single segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.habitscale import Scaled
from graphrec.market.segmentation.mixture import Mixture, fit_mixture

__all__ = ["ClusterCount", "choose_count", "jaccard_of_bootstraps", "rotate"]

_STABLE = 0.6
_MOST_TRIED = 6
_PATIENCE = 3


@dataclass(frozen=True, eq=False)
class ClusterCount:
    """The chosen mixture and what spoke for it.

    Attributes
    ----------
    mixture : Mixture
    table : pandas.DataFrame
        segments, bic, icl, gain (ICL of one segment less this one, by customer; larger is better), stability (least
        mean Jaccard where it was tried), chosen.
    jaccard : (k,) float64
        Mean Jaccard of each segment over the bootstraps.
    reason : str
        Key of the sentence: found, smooth (customers differ by degrees only), unstable or alone (too few customers).
    """

    mixture: Mixture
    table: pd.DataFrame
    jaccard: NDArray[np.float64]
    reason: str


def choose_count(
    scaled: Scaled, *, most: int = 10, bootstraps: int = 12, segments: int | None = None, rng: np.random.Generator
) -> ClusterCount:
    """Choose the number of segments.

    Parameters
    ----------
    scaled : Scaled of n customers
    most : int
        Largest number that is tried; a segment has ten customers at least on average.
    bootstraps : int
    segments : int, optional
        A number wished for; then only its stability is measured.
    rng : numpy.random.Generator
    """
    n = len(scaled.z)
    sizes = [segments] if segments else list(range(1, max(1, min(most, n // 10)) + 1))
    fit_rng, flat_rng, boot_rng = rng.spawn(3)
    fitted, icl = _sweep(scaled, sizes, fit_rng)
    sizes = list(fitted)
    tried: dict[int, NDArray[np.float64]] = {}
    chosen, reason = (segments or 1), ("found" if segments else "alone" if len(sizes) == 1 else "smooth")
    best = min(icl, key=lambda k: icl[k])
    if segments:
        tried[segments] = jaccard_of_bootstraps(scaled, fitted[segments], bootstraps, boot_rng)
    elif best > 1 and _apart(scaled, best, flat_rng):
        reason = "unstable"
        for k in [k for k in sorted(icl, key=lambda k: icl[k]) if k > 1 and icl[k] < icl[1]][:_MOST_TRIED]:
            tried[k] = jaccard_of_bootstraps(scaled, fitted[k], bootstraps, boot_rng)
            if tried[k].min() >= _STABLE:
                chosen, reason = k, "found"
                break
    table = pd.DataFrame({
        "segments": sizes, "bic": [_bic(fitted[k], n) for k in sizes], "icl": [icl[k] for k in sizes],
        "gain": [(icl[sizes[0]] - icl[k]) / (2 * n) for k in sizes],
        "stability": [float(tried[k].min()) if k in tried else np.nan for k in sizes],
        "chosen": [k == chosen for k in sizes],
    })  # fmt: skip
    return ClusterCount(fitted[chosen], table, tried.get(chosen, np.ones(1)), reason)


def _sweep(scaled: Scaled, sizes: list[int], rng: np.random.Generator) -> tuple[dict[int, Mixture], dict[int, float]]:
    """Mixtures and ICL of the numbers; it ends when the ICL has become worse three times in a row."""
    fitted: dict[int, Mixture] = {}
    icl: dict[int, float] = {}
    for k, child in zip(sizes, rng.spawn(len(sizes))):
        fitted[k] = fit_mixture(scaled, k, rng=child)
        icl[k] = _icl(fitted[k], scaled)
        best = min(icl, key=lambda size: icl[size])
        if k - best >= _PATIENCE and k > _PATIENCE + 1:
            break
    return fitted, icl


def jaccard_of_bootstraps(
    scaled: Scaled, model: Mixture, bootstraps: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mean over bootstraps of the largest Jaccard overlap of each segment with a newly found one (Hennig 2007)."""
    label = model.posterior(scaled).argmax(1)
    found = np.zeros((bootstraps, model.size))
    for i, child in enumerate(rng.spawn(bootstraps)):
        drawn = np.unique(child.integers(len(label), size=len(label)))
        again = fit_mixture(scaled.rows(drawn), model.size, starts=1, rounds=60, rng=child)
        found[i] = _best_jaccard(label[drawn], again.posterior(scaled.rows(drawn)).argmax(1), model.size)
    return np.asarray(found.mean(0))


def _best_jaccard(a: NDArray[np.int64], b: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    both = np.bincount(a * k + b, minlength=k * k).reshape(k, k).astype(np.float64)
    either = both.sum(1)[:, None] + both.sum(0)[None] - both
    return np.asarray((both / np.maximum(either, 1)).max(1))


def rotate(scaled: Scaled) -> Scaled:
    """Habits on the principal components of the customers' true differences.

    The covariance of true habits is that of the values, because errors of different habits are independent, with ones
    on the diagonal. What a component is known by follows from what its habits are known by.
    """
    weight = 1 / (1 + scaled.noise)
    seen = scaled.z * weight
    covariance = (seen.T @ seen) / np.maximum(weight.T @ weight, 1e-9)
    np.fill_diagonal(covariance, 1.0)
    size, axes = np.linalg.eigh(covariance)
    size = np.maximum(size, 0.05)
    left = np.minimum((scaled.noise * weight) @ axes**2, 1 - 1e-9)
    noise = left / (1 - left)
    value = (seen @ axes) * (1 + noise) / np.sqrt(size)
    return Scaled(np.clip(value, -8, 8), np.minimum(noise / size, 1e6))


def _apart(scaled: Scaled, best: int, rng: np.random.Generator) -> bool:
    """Whether some number of segments beats one on the principal components too."""
    turned = rotate(scaled)
    one, *others = (_icl(fit_mixture(turned, k, rng=rng), turned) for k in sorted({1, 2, 3, best, max(2, best - 1)}))
    return min(others) < one


def _bic(model: Mixture, n: int) -> float:
    return float(-2 * model.loglik + model.parameters * np.log(max(n, 2)))


def _icl(model: Mixture, scaled: Scaled) -> float:
    posterior = model.posterior(scaled)
    entropy = -float((posterior * np.log(np.maximum(posterior, 1e-300))).sum())
    return _bic(model, len(scaled.z)) + 2 * entropy
