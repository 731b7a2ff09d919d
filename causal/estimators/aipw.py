"""Augmented inverse-propensity weighting (AIPW): the effect of one arm against another from two cross-fitted models.

Hides the doubly robust formula and how targets and groups enter it. With ``m_k`` the outcome means and ``e_k`` the
propensities of :mod:`causal.estimators.nuisance`, every target is one formula,

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
Robinson 1988. A group of rows is the same formula with h, w_a and w_0 set to 0 outside the group: its models are
learned on all rows. Matching, plain inverse propensities and regression alone were considered: none survives
one of its two models being wrong (Chernozhukov et al. 2018).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causal.encoding import FrameError
from causal.estimators.effect import POPULATIONS, Effect
from causal.estimators.influence import check_level, clustered_interval, pull, weighted_mean
from causal.estimators.nuisance import outcome_means
from causal.estimators.overlap import (
    CLIP,
    Target,
    Weighting,
    effective_size,
    eligible_rows,
    refuse_without_overlap,
    restrict,
    share_of,
    weigh,
)
from causal.estimators.study import Contrast, Study

__all__ = ["contrast_effects", "naive_effect"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def contrast_effects(
    study: Study,
    name: str,
    outcome: Floats,
    contrasts: tuple[Contrast, ...],
    target: Target = "ate",
    *,
    level: float = 0.95,
    clip: float = CLIP,
    groups: Mapping[Hashable, Bools] | None = None,
    rng: np.random.Generator,
) -> dict[Hashable, Effect]:
    """Estimate contrasts of one outcome in a prepared study.

    Parameters
    ----------
    study : Study
        From :func:`causal.estimators.study.prepare_study`.
    name : str
        What the outcome is called in the results.
    outcome : ndarray of float, shape (n,)
        Outcome of the study's rows.
    contrasts : tuple of Contrast
    target, level, clip, rng
        As in :func:`causal.estimate_effect`.
    groups : mapping of group to ndarray of bool, shape (n,), optional
        Rows of each group, known before the treatment. The outcome models see the group too: without it they would
        blur the effects that are to be told apart.

    Returns
    -------
    dict of contrast key to Effect
        With groups: of group where there is one contrast, of (contrast key, group) where there are several.
    """
    if target not in ("ate", "att", "ato"):
        raise FrameError(f"target is {target!r}; it must be 'ate', 'att' or 'ato'")
    check_level(level)
    if not 0 <= clip < 0.5:
        raise FrameError(f"clip is {clip}; it must lie in [0, 0.5)")
    if not contrasts:
        return {}
    x = study.x if groups is None else np.column_stack([study.x, *list(groups.values())[1:]])
    means = outcome_means(x, study.arms, outcome, study.weights, study.folds, rng)
    question = _Question(study, name, outcome, means, target, level, clip)
    if groups is None:
        return {contrast.key: question.answer(contrast) for contrast in contrasts}
    return {
        group if len(contrasts) == 1 else (contrast.key, group): question.answer(contrast, (group, inside))
        for contrast in contrasts
        for group, inside in groups.items()
    }


@dataclass(frozen=True)
class _Question:
    """What is the same for every contrast and group."""

    study: Study
    name: str
    outcome: Floats
    means: Floats
    target: Target
    level: float
    clip: float

    def answer(self, contrast: Contrast, group: tuple[Hashable, Bools] | None = None) -> Effect:
        study = self.study
        eligible = eligible_rows(study, contrast)
        label, inside = (None, np.ones_like(eligible)) if group is None else group
        weighting = restrict(weigh(study, contrast, self.target, self.clip, eligible), inside)
        refuse_without_overlap(study, contrast, self.target, weighting, label)
        treated, control = self.means[:, contrast.arm], self.means[:, contrast.base]
        parts = _doubly_robust(self.outcome - treated, self.outcome - control, treated - control, weighting)
        effect = _summarise(study, self.name, parts, contrast, self.target, self.level, weighting)
        excluded = int((~eligible & inside).sum())
        return replace(
            effect,
            naive=naive_effect(study, self.name, self.outcome, contrast, self.level, eligible & inside),
            adjustment_set=study.adjustment_set,
            excluded=excluded,
            assumptions=_assumptions(study, contrast, self.target, excluded, effect.clipped_share),
            group=label,
        )


def _doubly_robust(
    treated_residual: Floats, control_residual: Floats, gain: Floats, weighting: Weighting
) -> tuple[float, Floats]:
    """Return the estimate and every row's influence on it (their sum is 0)."""
    plain = weighted_mean(gain, weighting.target)
    treated = weighted_mean(treated_residual, weighting.treated)
    control = weighted_mean(control_residual, weighting.control)
    influence = (
        pull(gain - plain, weighting.target)
        + pull(treated_residual - treated, weighting.treated)
        - pull(control_residual - control, weighting.control)
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
    se, interval = clustered_interval(value, influence, study.clusters, thinner, level)
    return Effect(
        value=value,
        se=se,
        interval=interval,
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
        meaning=f"Change of the mean of {name}, in its unit, when {study.treatment} is '{contrast.level}' rather than "
        f"'{contrast.reference}'; mean over {POPULATIONS[target]}.",
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
