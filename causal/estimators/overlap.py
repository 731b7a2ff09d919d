"""Whom an effect is about, and whether these data can say anything about them.

Hides the weights of the three target populations, the clipping and the overlap rule. The order is: rows that
a logged propensity of 0 makes ineligible leave first, then a target population too much of which has no
comparable rows is refused, and only then are the few remaining small propensities clipped. Clipping first was
considered and is common: on LaLonde's treated against the CPS it yields a confident effect of the wrong sign.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from causal.estimators.effect import POPULATIONS
from causal.estimators.study import Contrast, Study

__all__ = [
    "CLIP",
    "NoOverlap",
    "Target",
    "Weighting",
    "effective_size",
    "eligible_rows",
    "refuse_without_overlap",
    "restrict",
    "share_of",
    "weigh",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Target = Literal["ate", "att", "ato"]

CLIP = 0.02  # an arm's propensity is never taken below this share of the arm's own share of the rows
MOST_UNSUPPORTED = 0.10  # refused when more of the target population than this lies below the clip
FEWEST_EFFECTIVE = 10.0  # refused when an arm of at least twice as many rows is worth less than this
MOST_TOLD_APART = 0.999  # refused when the propensity ranks more pairs of a row of each arm rightly than this
LEAST_VARIATION = 0.02  # refused when the covariates leave less of the treatment's variance than this


REMEDIES = {
    "ate": "Ask for target='att' or 'ato', or restrict the frame to rows that could have had either.",
    "att": "Ask for target='ato', or restrict the frame to rows that could have had either.",
    "ato": "No population of this frame could have had either; compare other levels or gather other rows.",
}


class NoOverlap(ValueError):
    """The target population holds too many rows that could only have had one of the two treatments.

    Parameters
    ----------
    message : str
        The figures and what to ask instead.
    reason : str
        The figures alone.
    unsupported : float
        Share of the target population without comparable rows in the other arm.
    ess : float
        Effective number of rows of the thinner arm.
    """

    def __init__(self, message: str, reason: str, unsupported: float, ess: float) -> None:
        super().__init__(message)
        self.reason = reason
        self.unsupported = unsupported
        self.ess = ess


@dataclass(frozen=True)
class Weighting:
    """Target weight h and arm weights of the rows, sampling weights included; all of shape (n,)."""

    target: Floats
    treated: Floats
    control: Floats
    unsupported: Bools
    clipped: Bools


def eligible_rows(study: Study, contrast: Contrast) -> Bools:
    """Return which rows could have had both treatments at all (no logged propensity of 0)."""
    return np.asarray(study.propensity[:, [contrast.arm, contrast.base]].min(axis=1) > 0)


def weigh(study: Study, contrast: Contrast, target: Target, clip: float, eligible: Bools) -> Weighting:
    """Return the target and arm weights of :mod:`causal.estimation`; propensities are clipped only here.

    Parameters
    ----------
    study : Study
    contrast : Contrast
    target : {"ate", "att", "ato"}
    clip : float
        Smallest propensity of an arm, as a share of the arm's own share of the rows.
    eligible : ndarray of bool, shape (n,)
        Rows that could have had both treatments.
    """
    treated = (study.arms == contrast.arm) & eligible
    control = (study.arms == contrast.base) & eligible
    shares = np.bincount(study.arms, study.weights) / study.weights.sum()
    e_a, e_0 = study.propensity[:, contrast.arm], study.propensity[:, contrast.base]
    share_a, share_0 = shares[contrast.arm], shares[contrast.base]
    safe_a, safe_0 = np.maximum(e_a, max(clip * share_a, 1e-12)), np.maximum(e_0, max(clip * share_0, 1e-12))
    thin_a, thin_0 = e_a < CLIP * share_a, e_0 < CLIP * share_0
    w = study.weights
    if target == "ate":
        clipped = (safe_a > e_a) | (safe_0 > e_0)
        return Weighting(w * eligible, w * treated / safe_a, w * control / safe_0, thin_a | thin_0, clipped)
    if target == "att":
        return Weighting(w * treated, w * treated, w * control * e_a / safe_0, thin_0, safe_0 > e_0)
    total = np.where(eligible, e_a + e_0, 1.0)
    pi = e_a / total
    residual = np.where(treated | control, treated - pi, 0.0)
    return Weighting(w * residual**2, w * treated * (1 - pi), w * control * pi, thin_a | thin_0, np.zeros_like(treated))


def restrict(weighting: Weighting, inside: Bools) -> Weighting:
    """Return the weights of a group: 0 outside it."""
    target, treated, control = weighting.target, weighting.treated, weighting.control
    return replace(weighting, target=target * inside, treated=treated * inside, control=control * inside)


def refuse_without_overlap(
    study: Study, contrast: Contrast, target: Target, weighting: Weighting, group: Hashable | None = None
) -> None:
    """Raise :class:`NoOverlap`, with the figures, when the target population (of a group) cannot be compared."""
    unsupported = share_of(weighting.unsupported, weighting.target)
    inside = weighting.target > 0 if group is not None else np.ones_like(weighting.unsupported)
    if group is not None and target == "att":
        inside = (weighting.treated > 0) | (weighting.control > 0)
    arms = (
        (contrast.level, int((inside & (study.arms == contrast.arm)).sum()), effective_size(weighting.treated)),
        (contrast.reference, int((inside & (study.arms == contrast.base)).sum()), effective_size(weighting.control)),
    )
    reasons = [
        f"the {rows:,} rows of {level!r} are worth {worth:.1f} once weighted "
        f"(at least {FEWEST_EFFECTIVE:.0f} are needed)"
        for level, rows, worth in arms
        if worth == 0 or (worth < FEWEST_EFFECTIVE and rows >= 2 * FEWEST_EFFECTIVE)
    ]
    left = _variation_left(study, contrast, weighting, inside) if target == "ato" else 1.0
    if left < LEAST_VARIATION:
        reasons.append(f"the covariates tell the two arms apart in all but {left:.1%} of the variance")
    told = _told_apart(study, contrast, inside) if target == "ato" else 0.5
    if told > MOST_TOLD_APART and left >= LEAST_VARIATION:
        reasons.append(f"the covariates decide the treatment: they rank {told:.2%} of the pairs of rows right")
    if target != "ato" and unsupported > MOST_UNSUPPORTED:
        reasons.append(
            f"{unsupported:.0%} of the rows it is about have almost no chance of one of the two treatments "
            f"(a propensity under {CLIP:g} of that arm's average; at most {MOST_UNSUPPORTED:.0%} may)"
        )
    if reasons:
        worths = ", ".join(f"{rows:,} rows of {level!r} worth {worth:.0f}" for level, rows, worth in arms)
        where = "" if group is None else f" in group {group!r}"
        raise NoOverlap(
            f"no overlap for {study.treatment} = {contrast.level!r} against {contrast.reference!r}{where} in "
            f"{POPULATIONS[target]}: {'; '.join(reasons)} [{worths}]. {REMEDIES[target]}",
            "; ".join(reasons),
            unsupported,
            min(worth for _, _, worth in arms),
        )


def _variation_left(study: Study, contrast: Contrast, weighting: Weighting, inside: Bools) -> float:
    """Return the share of the treatment's variance that the covariates do not explain."""
    treated = study.weights[inside & (study.arms == contrast.arm)].sum()
    control = study.weights[inside & (study.arms == contrast.base)].sum()
    between = treated * control / (treated + control) if treated and control else 0.0
    return float(weighting.target.sum() / between) if between else 0.0


def _told_apart(study: Study, contrast: Contrast, inside: Bools) -> float:
    """Return how often a treated row has the higher propensity of the two, ties half; .5 where an arm has few rows.

    The shrinkage of a propensity model on few rows leaves variance that is not there; the ranks do not shrink.
    """
    e_a, e_0 = study.propensity[:, contrast.arm], study.propensity[:, contrast.base]
    odds = e_a / np.maximum(e_a + e_0, 1e-12)
    treated, control = (odds[inside & (study.arms == arm)] for arm in (contrast.arm, contrast.base))
    if min(len(treated), len(control)) < 2 * FEWEST_EFFECTIVE:
        return 0.5
    control = np.sort(control)
    below = np.searchsorted(control, treated, "left") + np.searchsorted(control, treated, "right")
    return float(below.mean() / (2 * len(control)))


def share_of(flags: Bools, weights: Floats) -> float:
    """Return the weighted share of flagged rows; 1 when no row has any weight."""
    return float((flags * weights).sum() / weights.sum()) if weights.any() else 1.0


def effective_size(weights: Floats) -> float:
    """Return Kish's effective sample size, (sum w)^2 / sum w^2."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
