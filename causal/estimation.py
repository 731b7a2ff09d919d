"""The size of an effect: cross-fitted, doubly robust, with an interval that holds, or a refusal.

Hides the augmented inverse-propensity estimator (AIPW): target populations, clipping, the overlap rule and
the clustered influence-function variance. With ``m_k`` the outcome means and ``e_k`` the propensities of
:mod:`causal.nuisance`, every target is one formula,

``value = sum h (m_a - m_0) / sum h + mean_{a, w_a}(Y - m_a) - mean_{0, w_0}(Y - m_0)``

with the target weight h and the arm weights w_a, w_0 of the table (pi = e_a / (e_a + e_0), T = 1 in arm a):

======  =========================  ===========  ===========  ======================================
target  population                 h            w_a, w_0     source
======  =========================  ===========  ===========  ======================================
ate     all rows                   1            1/e_a, 1/e_0  Robins, Rotnitzky & Zhao 1994
att     rows of arm a              T            1, e_a/e_0   Hahn 1998
ato     overlap population         (T - pi)^2   1-pi, pi     Li, Morgan & Zaslavsky 2018
======  =========================  ===========  ===========  ======================================

The means are self-normalised (Hájek). For ``ato`` the weight (T - pi)^2, of mean pi (1 - pi), makes the score
Neyman orthogonal although the population itself is estimated; it is then the residual-on-residual estimate of
Robinson 1988. Matching, plain inverse propensities and regression alone were considered: none survives one of
its two models being wrong (Chernozhukov et al. 2018).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from causal.effect import POPULATIONS, Effect
from causal.encoding import FrameError, numeric_values
from causal.nuisance import outcome_means
from causal.overlap import (
    CLIP,
    NoOverlap,
    Target,
    Weighting,
    effective_size,
    eligible_rows,
    refuse_without_overlap,
    share_of,
    weigh,
)
from causal.study import Contrast, Study, prepare_study, read_contrasts

__all__ = ["Effect", "NoOverlap", "contrast_effects", "estimate_effect", "naive_effect"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class AdjustmentEstimand(Protocol):
    """What is needed of an estimand: :class:`causal.Estimand` has it."""

    @property
    def treatment(self) -> str:
        """Name of the treatment column."""

    @property
    def outcome(self) -> str:
        """Name of the outcome column."""

    @property
    def adjustment_set(self) -> tuple[str, ...]:
        """Columns to adjust for."""

    @property
    def method(self) -> str:
        """How the effect was identified."""


def estimate_effect(
    frame: pd.DataFrame,
    estimand: AdjustmentEstimand,
    contrasts: object = None,
    target: Target = "ate",
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    control: Hashable | None = None,
    propensity: str | ArrayLike | pd.DataFrame | None = None,
    *,
    folds: int = 5,
    clip: float = CLIP,
) -> Effect | dict[Hashable, Effect]:
    """Estimate the effect of a treatment by cross-fitted, doubly robust adjustment.

    Parameters
    ----------
    frame : DataFrame, n rows
        Missing covariates become the median and a flag, categories one column per level.
    estimand : Estimand
        Anything with ``treatment, outcome, adjustment_set, method``. The treatment is two-valued or a
        category, the outcome a number or a boolean without gaps.
    contrasts : level, list of levels or of (level, reference) pairs, optional
        What to compare; every level with the control when None.
    target : {"ate", "att", "ato"}
        Whose mean effect: everyone's, the treated ones', or the overlap population's (rows weighted by
        ``pi (1 - pi)``: those who could have had either).
    weights : column name or array of shape (n,), optional
        Sampling weights (1 / probability of being drawn). Rows of weight 0 are left out.
    clusters : column name or array of shape (n,), optional
        Rows that may depend on each other, such as those of one customer. Folds and standard errors respect
        them.
    level : float
        Confidence level, in (0, 1).
    rng : int or numpy.random.Generator, optional
        Draws the folds.
    control : level, optional
        Default ``"none"`` if it is a level, else the first category (False, the smaller number).
    propensity : column name, array or DataFrame, optional
        Logged probabilities: of the level that is not the control (two arms, shape (n,)), or a DataFrame with
        a column per level. Preferred to estimated ones. Rows where either arm has probability 0 were not
        eligible: they are left out of the contrast and counted in ``excluded``.
    folds : int
        Number of cross-fitting folds.
    clip : float
        Propensities of an arm below ``clip`` times its share of the rows are raised to it (0.02 of one half
        is the usual 0.01). Relative, so that a rare channel is not clipped for being rare.

    Returns
    -------
    Effect, or dict of level (or pair) to Effect
        One Effect when there is one contrast.

    Raises
    ------
    NoOverlap
        When over 10 % of the target population is below the clip in either arm, an arm is worth under 10
        rows, or (``ato``) the covariates leave under 2 % of the variance of the treatment.
    FrameError
        When the frame or an argument cannot be used.

    Notes
    -----
    Assumes that nothing outside the adjustment set drives both treatment and outcome; no interval covers a
    violation of that. A consequence of the treatment in the set reverses signs and improves fit: take the set
    from :func:`causal.identify`.

    References
    ----------
    Chernozhukov et al. 2018, Econometrics J. 21; Li, Morgan & Zaslavsky 2018, JASA 113; Hahn 1998,
    Econometrica 66; Liang & Zeger 1986, Biometrika 73 (clusters).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> draw = np.random.default_rng(0)
    >>> wealth = draw.normal(size=4_000)
    >>> contact = draw.random(4_000) < 1 / (1 + np.exp(-wealth))
    >>> spend = 2.0 * wealth + 1.0 * contact + draw.normal(size=4_000)
    >>> frame = pd.DataFrame({"wealth": wealth, "contact": contact, "spend": spend})
    >>> estimand = SimpleNamespace(
    ...     treatment="contact", outcome="spend", adjustment_set=("wealth",), method="o-set")
    >>> effect = estimate_effect(frame, estimand, rng=0)
    >>> bool(effect.interval[0] < 1.0 < effect.interval[1]), bool(effect.naive.value > 2.0)
    (True, True)
    """
    if estimand.method in ("front-door", "instrument"):
        raise FrameError(
            f"the estimand was identified by {estimand.method!r}; this estimator adjusts for covariates only"
        )
    generator = np.random.default_rng(rng)
    study = prepare_study(
        frame, estimand.treatment, estimand.outcome, estimand.adjustment_set, control=control,
        weights=weights, clusters=clusters, propensity=propensity, folds=folds, rng=generator,
    )  # fmt: skip
    chosen = read_contrasts(study, contrasts)
    outcome = numeric_values(frame[estimand.outcome].iloc[study.rows])
    effects = contrast_effects(study, estimand.outcome, outcome, chosen, target, level=level, clip=clip, rng=generator)
    return next(iter(effects.values())) if len(effects) == 1 else effects


def contrast_effects(
    study: Study,
    name: str,
    outcome: Floats,
    contrasts: tuple[Contrast, ...],
    target: Target = "ate",
    *,
    level: float = 0.95,
    clip: float = CLIP,
    rng: np.random.Generator,
) -> dict[Hashable, Effect]:
    """Estimate contrasts of one outcome in a prepared study.

    Parameters
    ----------
    study : Study
        From :func:`causal.study.prepare_study`.
    name : str
        What the outcome is called in the results.
    outcome : ndarray of float, shape (n,)
        Outcome of the study's rows.
    contrasts : tuple of Contrast
    target, level, clip, rng
        As in :func:`estimate_effect`.

    Returns
    -------
    dict of contrast key to Effect
    """
    if target not in ("ate", "att", "ato"):
        raise FrameError(f"target is {target!r}; it must be 'ate', 'att' or 'ato'")
    if not 0 < level < 1:
        raise FrameError(f"level is {level}; it must lie between 0 and 1 (0.95 is usual)")
    if not 0 <= clip < 0.5:
        raise FrameError(f"clip is {clip}; it must lie in [0, 0.5)")
    if not contrasts:
        return {}
    means = outcome_means(study.x, study.arms, outcome, study.weights, study.folds, rng)
    return {
        contrast.key: _one_effect(study, name, outcome, means, contrast, target, level, clip) for contrast in contrasts
    }


def _one_effect(
    study: Study,
    name: str,
    outcome: Floats,
    means: Floats,
    contrast: Contrast,
    target: Target,
    level: float,
    clip: float,
) -> Effect:
    eligible = eligible_rows(study, contrast)
    weighting = weigh(study, contrast, target, clip, eligible)
    refuse_without_overlap(study, contrast, target, weighting)
    gain = means[:, contrast.arm] - means[:, contrast.base]
    parts = _doubly_robust(outcome - means[:, contrast.arm], outcome - means[:, contrast.base], gain, weighting)
    effect = _summarise(study, name, parts, contrast, target, level, weighting)
    naive = naive_effect(study, name, outcome, contrast, level, eligible)
    excluded = int((~eligible).sum())
    return replace(
        effect,
        naive=naive,
        adjustment_set=study.adjustment_set,
        excluded=excluded,
        assumptions=_assumptions(study, contrast, target, excluded, effect.clipped_share),
    )


def _doubly_robust(
    treated_residual: Floats, control_residual: Floats, gain: Floats, weighting: Weighting
) -> tuple[float, Floats]:
    """Return the estimate and every row's influence on it (their sum is 0)."""
    plain = _mean(gain, weighting.target)
    treated = _mean(treated_residual, weighting.treated)
    control = _mean(control_residual, weighting.control)
    influence = (
        _pull(gain - plain, weighting.target)
        + _pull(treated_residual - treated, weighting.treated)
        - _pull(control_residual - control, weighting.control)
    )
    return plain + treated - control, influence


def _summarise(
    study: Study,
    name: str,
    parts: tuple[float, Floats],
    contrast: Contrast,
    target: str,
    level: float,
    weighting: Weighting,
) -> Effect:
    """Turn an estimate and its influence function into an effect."""
    value, influence = parts
    treated, control = weighting.treated > 0, weighting.control > 0
    thinner = min(len(np.unique(study.clusters[treated])), len(np.unique(study.clusters[control])))
    per_cluster = np.bincount(study.clusters, influence)
    se = float(np.sqrt((per_cluster**2).sum() * thinner / (thinner - 1)))
    reach = float(stats.t.ppf(0.5 + level / 2, thinner - 1)) * se
    return Effect(
        value=value,
        se=se,
        interval=(value - reach, value + reach),
        n=int((treated | control).sum()),
        ess=effective_size(weighting.treated) + effective_size(weighting.control),
        overlap=1.0 - share_of(weighting.unsupported, weighting.target),
        target=target,
        adjustment_set=(),
        naive=None,
        clipped_share=share_of(weighting.clipped, weighting.target),
        assumptions=(),
        treatment=study.treatment,
        outcome=name,
        contrast=(contrast.level, contrast.reference),
        level=level,
        treated=int(treated.sum()),
        clusters=len(np.unique(study.clusters[treated | control])),
    )


def naive_effect(
    study: Study, name: str, outcome: Floats, contrast: Contrast, level: float, eligible: Bools | None = None
) -> Effect:
    """Return the unadjusted difference of the two means, with its clustered interval.

    Parameters
    ----------
    study, name, outcome, contrast, level
        As in :func:`contrast_effects`.
    eligible : ndarray of bool, shape (n,), optional
        Rows to use; all when None.
    """
    used = np.ones(len(outcome), dtype=bool) if eligible is None else eligible
    treated = study.weights * ((study.arms == contrast.arm) & used)
    control = study.weights * ((study.arms == contrast.base) & used)
    none = np.zeros(len(outcome), dtype=bool)
    weighting = Weighting(treated + control, treated, control, none, none)
    parts = _doubly_robust(outcome, outcome, np.zeros_like(outcome), weighting)
    effect = _summarise(study, name, parts, contrast, "naive", level, weighting)
    said = f"Nothing drives both {study.treatment} and {name}: true of a randomised treatment only."
    return replace(effect, assumptions=(said,))


def _assumptions(study: Study, contrast: Contrast, target: Target, excluded: int, clipped: float) -> tuple[str, ...]:
    named = ", ".join(study.adjustment_set[:8])
    if len(study.adjustment_set) > 8:
        named += f" and {len(study.adjustment_set) - 8} more"
    versus = f"'{contrast.level}' rather than '{contrast.reference}'"
    said = [
        f"Among rows alike in {named}, who got {versus} is as good as random."
        if named
        else f"Who got {versus} is as good as random: nothing was adjusted for.",
        f"The figure is the mean over {POPULATIONS[target]}.",
        "One row's treatment does not change another row's outcome.",
        "No column adjusted for is a consequence of the treatment.",
    ]
    if study.logged:
        said.append("The logged propensities are those that the treatment was drawn with.")
    if excluded:
        said.append(f"{excluded:,} rows could not have had one of the two treatments and are left out.")
    if clipped:
        said.append(f"For {clipped:.1%} of the population a propensity was raised to the clip.")
    return (*said, *study.notes)


def _mean(values: Floats, weights: Floats) -> float:
    return float((values * weights).sum() / weights.sum())


def _pull(values: Floats, weights: Floats) -> Floats:
    return np.asarray(values * weights / weights.sum())
