"""The effect through mediators that carry all of it, where treatment and outcome share a hidden cause.

Hides the one-step estimator of the front-door formula of Pearl 1995,

``psi(a) = E[ sum over m of P(m | a, X) sum over a' of E[Y | a', m, X] P(a' | X) ]``,

by its efficient influence function (Fulcher, Shpitser, Marealle & Tchetgen Tchetgen 2020, theorem 1). The density of
the mediators never has to be estimated: by Bayes' rule the ratio of two of its values is a ratio of propensities with
and without the mediators, and sums over m are regressions of predictions. Plugging models into the formula was
considered: its interval does not hold the error of the models.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.encoding import fit_encoding
from causal.estimators.effect import Effect
from causal.estimators.influence import clustered_interval, weighted_mean
from causal.estimators.nuisance import outcome_means, propensities
from causal.estimators.overlap import CLIP, MOST_UNSUPPORTED, NoOverlap, effective_size
from causal.estimators.study import Contrast, Study

__all__ = ["front_door_effects"]

Floats = NDArray[np.float64]


def front_door_effects(
    frame: pd.DataFrame,
    study: Study,
    name: str,
    outcome: Floats,
    mediators: tuple[str, ...],
    contrasts: tuple[Contrast, ...],
    *,
    level: float,
    rng: np.random.Generator,
) -> dict[Hashable, Effect]:
    """Estimate the mean effect over all rows of one arm against another, through the mediators.

    Parameters
    ----------
    frame : DataFrame
    study : Study
        With the covariates to condition on, often none.
    name : str
    outcome : ndarray of float, shape (n,)
    mediators : tuple of str
        Columns that carry the whole effect.
    contrasts : tuple of Contrast
    level : float
    rng : numpy.random.Generator

    Raises
    ------
    NoOverlap
        When the mediators nearly reveal the treatment: then no row shows the mediator of one arm in the other.
    """
    used = frame.iloc[study.rows]
    both = np.column_stack([study.x, fit_encoding(used, mediators).transform(used)])
    fits = _Fits(
        study,
        outcome,
        propensities(both, study.arms, study.weights, study.folds, rng),
        outcome_means(both, study.arms, outcome, study.weights, study.folds, rng),
    )
    arms = sorted({arm for contrast in contrasts for arm in (contrast.arm, contrast.base)})
    scores = {arm: fits.score(arm, rng) for arm in arms}
    for contrast in contrasts:
        fits.refuse(contrast)
    return {
        contrast.key: _effect(study, name, outcome, mediators, contrast, scores, fits, level) for contrast in contrasts
    }


class _Fits:
    """Models of the treatment and the outcome that see the mediators."""

    def __init__(self, study: Study, outcome: Floats, chance: Floats, means: Floats) -> None:
        self.study, self.outcome, self.means = study, outcome, means
        shares = np.bincount(study.arms, study.weights) / study.weights.sum()
        self.thin = chance < CLIP * shares
        self.chance = np.maximum(chance, CLIP * shares)
        self.plain = np.maximum(study.propensity, CLIP * shares)

    def score(self, arm: int, rng: np.random.Generator) -> Floats:
        """Return the uncentred influence of each row on psi(arm)."""
        study, rows = self.study, np.arange(len(self.outcome))
        own = study.arms
        ratio = (self.chance[:, arm] / self.plain[:, arm]) / (self.chance[rows, own] / self.plain[rows, own])
        through = np.stack([self._regress(column, rng) for column in self.means.T], axis=2)  # (n, given arm, a')
        mixed = (self.means * study.propensity).sum(axis=1)
        expected = (through[:, arm] * study.propensity).sum(axis=1)
        here = (own == arm) / self.plain[:, arm]
        return np.asarray(
            ratio * (self.outcome - self.means[rows, own]) + here * (mixed - expected) + through[rows, arm, own]
        )

    def _regress(self, predicted: Floats, rng: np.random.Generator) -> Floats:
        study = self.study
        return outcome_means(study.x, study.arms, predicted, study.weights, study.folds, rng)

    def refuse(self, contrast: Contrast) -> None:
        unseen = self.thin[:, [contrast.arm, contrast.base]].any(axis=1)
        share = weighted_mean(unseen.astype(np.float64), self.study.weights)
        if share > MOST_UNSUPPORTED:
            reason = f"the mediators tell the two treatments apart in {share:.0%} of the rows"
            raise NoOverlap(
                f"no overlap for {self.study.treatment} through its mediators: {reason} (at most "
                f"{MOST_UNSUPPORTED:.0%} may), so what a mediator does cannot be told from what the treatment does",
                reason,
                share,
                float((~unseen).sum()),
            )


def _effect(
    study: Study,
    name: str,
    outcome: Floats,
    mediators: tuple[str, ...],
    contrast: Contrast,
    scores: dict[int, Floats],
    fits: _Fits,
    level: float,
) -> Effect:
    from causal.estimators.aipw import naive_effect

    difference = scores[contrast.arm] - scores[contrast.base]
    value = weighted_mean(difference, study.weights)
    influence = study.weights * (difference - value) / study.weights.sum()
    treated, control = study.arms == contrast.arm, study.arms == contrast.base
    units = min(len(np.unique(study.clusters[arm])) for arm in (treated, control))
    se, interval = clustered_interval(value, influence, study.clusters, units, level)
    thin = fits.thin[:, [contrast.arm, contrast.base]].any(axis=1)
    share = weighted_mean(thin.astype(np.float64), study.weights)
    carried = ", ".join(mediators)
    return Effect(
        value=value,
        se=se,
        interval=interval,
        n=len(outcome),
        ess=effective_size(study.weights),
        overlap=1.0 - share,
        target="ate",
        adjustment_set=study.adjustment_set,
        naive=naive_effect(study, name, outcome, contrast, level),
        clipped_share=share,
        assumptions=(
            f"{study.treatment} acts on {name} through {carried} only.",
            f"Nothing unlisted drives both {study.treatment} and {carried}, or both {carried} and {name}.",
            "One row's treatment does not change another row's outcome.",
            *study.notes,
        ),
        treatment=study.treatment,
        outcome=name,
        contrast=(contrast.level, contrast.reference),
        level=level,
        treated=int(treated.sum()),
        clusters=len(np.unique(study.clusters)),
        meaning=f"Change of the mean of {name}, in its unit, when {study.treatment} is '{contrast.level}' rather than "
        f"'{contrast.reference}', as far as {carried} carries it; mean over all rows.",
    )
