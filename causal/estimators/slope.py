"""The effect of an amount: what one more unit of a treatment that is a number changes.

Hides the residual-on-residual estimate of the partially linear model ``Y = theta D + g(X) + e`` (Robinson 1988;
double machine learning, Chernozhukov et al. 2018):

``theta = sum w (D - m(X)) (Y - l(X)) / sum w (D - m(X))^2`` with ``m = E[D | X]`` and ``l = E[Y | X]`` cross-fitted.

Where the outcome bends in the amount the figure is still a mean of slopes, over rows and along the amount, in which
rows count more the harder their amount is to foresee (Yitzhaki 1996; the overlap population of an amount). A curve
of the mean outcome over the amount was considered: it needs a bandwidth and a density, and has no root-n interval.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from causal.encoding import FrameError
from causal.estimators.effect import AS_OBSERVED, ONE_UNIT, POPULATIONS, Effect
from causal.estimators.influence import clustered_interval, weighted_mean
from causal.estimators.nuisance import outcome_means
from causal.estimators.overlap import LEAST_VARIATION, NoOverlap, effective_size
from causal.estimators.sample import Sample

__all__ = ["naive_slope", "residuals", "slope_effects"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def residuals(sample: Sample, values: Floats, rng: np.random.Generator) -> Floats:
    """Return what the covariates leave of a column, cross-fitted, shape (n,)."""
    if sample.x.shape[1] == 0:  # a mean per fold would only add noise
        return values - weighted_mean(values, sample.weights)
    one_arm = np.zeros(len(values), dtype=np.int64)
    return np.asarray(values - outcome_means(sample.x, one_arm, values, sample.weights, sample.folds, rng)[:, 0])


def slope_effects(
    sample: Sample,
    names: tuple[str, str],
    amount: Floats,
    outcome: Floats,
    *,
    level: float,
    groups: Mapping[Hashable, Bools] | None = None,
    rng: np.random.Generator,
) -> dict[Hashable, Effect]:
    """Estimate what one more unit of the treatment changes.

    Parameters
    ----------
    sample : Sample
    names : (str, str)
        Treatment and outcome.
    amount, outcome : ndarray of float, shape (n,)
    level : float
    groups : mapping of group to ndarray of bool, shape (n,), optional
    rng : numpy.random.Generator

    Returns
    -------
    dict of group (None for all rows) to Effect

    Raises
    ------
    NoOverlap
        When the covariates leave under 2 % of the variance of the amount.
    """
    if np.ptp(amount) == 0.0:
        raise FrameError(
            f"treatment {names[0]!r} has one value only: {amount[0]:g}; there is nothing to compare it with"
        )
    left, unexplained = residuals(sample, amount, rng), residuals(sample, outcome, rng)
    everybody: Mapping[Hashable, Bools] = {None: np.ones(len(amount), dtype=bool)}
    return {
        group: _one_slope(sample, names, (amount, outcome), (left, unexplained), inside, group, level)
        for group, inside in (everybody if groups is None else groups).items()
    }


def _one_slope(
    sample: Sample,
    names: tuple[str, str],
    raw: tuple[Floats, Floats],
    left: tuple[Floats, Floats],
    inside: Bools,
    group: Hashable,
    level: float,
) -> Effect:
    weights = sample.weights * inside
    spread = weighted_mean((raw[0] - weighted_mean(raw[0], weights)) ** 2, weights)
    share = weighted_mean(left[0] ** 2, weights) / spread if spread > 0 else 0.0
    ess = effective_size(weights * left[0] ** 2)
    _refuse(names[0], group, share, ess)
    return replace(
        _slope_of(sample, names, left, weights, level),
        target="slope",
        naive=naive_slope(sample, names, raw, weights, level),
        overlap=min(share, 1.0),
        adjustment_set=sample.adjustment_set,
        group=group,
        assumptions=_assumptions(sample, names),
    )


def naive_slope(
    sample: Sample, names: tuple[str, str], raw: tuple[Floats, Floats], weights: Floats, level: float
) -> Effect:
    """Return the slope of the outcome in the treatment with nothing adjusted for."""
    amount, outcome = (column - weighted_mean(column, weights) for column in raw)
    return _slope_of(sample, names, (amount, outcome), weights, level)


def _slope_of(
    sample: Sample,
    names: tuple[str, str],
    left: tuple[Floats, Floats],
    weights: Floats,
    level: float,
) -> Effect:
    """Return the slope of residuals on residuals, with its interval."""
    amount, outcome = left
    power = float((weights * amount**2).sum())
    value = float((weights * amount * outcome).sum() / power)
    influence = weights * amount * (outcome - value * amount) / power
    units = len(np.unique(sample.clusters[weights > 0]))
    se, interval = clustered_interval(value, influence, sample.clusters, units, level)
    treatment, name = names
    return Effect(
        value=value,
        se=se,
        interval=interval,
        n=int((weights > 0).sum()),
        ess=effective_size(weights * amount**2),
        overlap=1.0,
        target="naive",
        adjustment_set=(),
        naive=None,
        clipped_share=0.0,
        assumptions=(f"Nothing drives both {treatment} and {name}.",),
        treatment=treatment,
        outcome=name,
        contrast=(ONE_UNIT, AS_OBSERVED),
        level=level,
        treated=int((weights > 0).sum()),
        clusters=units,
        meaning=f"Change of the mean of {name}, in its unit, for each unit more of {treatment}: the average slope "
        f"over {POPULATIONS['slope']}.",
    )


def _refuse(treatment: str, group: Hashable, share: float, ess: float) -> None:
    if share >= LEAST_VARIATION:
        return
    where = "" if group is None else f" in group {group!r}"
    reason = f"the covariates leave {share:.2%} of the variance of {treatment}{where}"
    raise NoOverlap(
        f"no overlap for one unit more of {treatment}{where}: {reason} (at least {LEAST_VARIATION:.0%} is needed), so "
        "rows that are alike never differ in it. Take out covariates that only repeat the treatment, or gather rows "
        "in which it was varied",
        reason,
        1.0 - share,
        ess,
    )


def _assumptions(sample: Sample, names: tuple[str, str]) -> tuple[str, ...]:
    treatment = names[0]
    named = ", ".join(sample.adjustment_set[:8]) or "nothing"
    return (
        f"Among rows alike in {named}, the amount of {treatment} is as good as random.",
        f"The figure is the average slope over {POPULATIONS['slope']}; where the outcome bends in {treatment}, a "
        "large move changes more or less than its size times the figure.",
        "One row's treatment does not change another row's outcome.",
        "No column adjusted for is a consequence of the treatment.",
        *sample.notes,
    )
