"""The size of an effect: cross-fitted, doubly robust, with an interval that holds, or a refusal.

Hides which estimator answers which question. The way an effect was identified and the kind of treatment decide:

===========================  ==============================================  =========================
identified by                treatment                                       estimator
===========================  ==============================================  =========================
an adjustment set            two-valued, or a category                       :mod:`causal.estimators.aipw`
an adjustment set            an amount (a number of more than two values)    :mod:`causal.estimators.slope`
mediators (front-door)       two-valued, or a category                       :mod:`causal.estimators.frontdoor`
an instrument                two-valued, or an amount                        :mod:`causal.estimators.instruments`
===========================  ==============================================  =========================

One class for each estimator with ``fit`` was considered: the caller would choose it, and nothing would stop the choice
from contradicting the estimand.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, numeric_values, require_columns
from causal.estimators.aipw import contrast_effects
from causal.estimators.effect import Effect
from causal.estimators.frontdoor import front_door_effects
from causal.estimators.influence import check_level
from causal.estimators.instruments import WeakInstrument, local_effect
from causal.estimators.overlap import CLIP, NoOverlap, Target
from causal.estimators.sample import is_continuous, prepare_sample, read_groups
from causal.estimators.slope import slope_effects
from causal.estimators.study import Contrast, Study, prepare_study, read_contrasts

__all__ = ["AdjustmentEstimand", "Effect", "NoOverlap", "WeakInstrument", "estimate_effect"]

Floats = NDArray[np.float64]

ESTIMABLE = ("o-set", "adjustment", "front-door", "instrument")


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
    target: Target | None = None,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    control: Hashable | None = None,
    propensity: str | ArrayLike | pd.DataFrame | None = None,
    *,
    groups: str | ArrayLike | None = None,
    folds: int = 5,
    clip: float = CLIP,
) -> Effect | dict[Hashable, Effect]:
    """Estimate the effect of a treatment by cross-fitted, doubly robust adjustment.

    Parameters
    ----------
    frame : DataFrame, n rows
        Missing covariates become the median and a flag, categories one column per level.
    estimand : Estimand
        Anything with ``treatment, outcome, adjustment_set, method`` (and ``mediators`` or ``instruments`` where the
        method needs them). The treatment is two-valued, a category, or an amount (a number of more than two
        values); the outcome a number or a boolean without gaps.
    contrasts : level, list of levels or of (level, reference) pairs, optional
        What to compare; every level with the control when None. An amount has none.
    target : {"ate", "att", "ato"}, optional
        Whose mean effect: everyone's (the default), the treated ones', or the overlap population's (rows weighted by
        ``pi (1 - pi)``: those who could have had either). An amount has one target, the average slope
        (``Effect.target == "slope"``), so it takes none.
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
    groups : column name or array of shape (n,), optional
        Bands or segments, known before the treatment, to estimate one by one; the models learn from all rows.
    folds : int
        Number of cross-fitting folds.
    clip : float
        Propensities of an arm below ``clip`` times its share of the rows are raised to it (0.02 of one half
        is the usual 0.01). Relative, so that a rare channel is not clipped for being rare.

    Returns
    -------
    Effect, or dict of level (or pair) to Effect
        One Effect when there is one contrast. With groups: a dict of group to Effect, or of (contrast, group) where
        there are several contrasts. ``Effect.meaning`` says in a sentence what the figure is.

    Raises
    ------
    NoOverlap
        When over 10 % of the target population is below the clip in either arm, an arm is worth under 10
        rows, or (``ato``, amounts) the covariates leave under 2 % of the variance of the treatment.
    WeakInstrument
        When the instrument does not move the treatment measurably.
    FrameError
        When the frame or an argument cannot be used, or the outcome is the same in every row.

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
    generator = np.random.default_rng(rng)
    check_level(level)
    if not all(hasattr(estimand, what) for what in ("treatment", "outcome", "adjustment_set", "method")):
        raise FrameError(
            f"the estimand is of type {type(estimand).__name__}; give what causal.identify(graph, treatment, outcome) "
            "returns"
        )
    _refuse_formula(estimand)
    require_columns(frame, [estimand.treatment, estimand.outcome])
    names = (estimand.treatment, estimand.outcome)
    amount = is_continuous(frame[estimand.treatment])
    if estimand.method == "instrument" or (amount and estimand.method != "front-door"):
        _refuse_settings(estimand, contrasts=contrasts, target=target, control=control, propensity=propensity)
        instruments = _instruments(estimand) if estimand.method == "instrument" else ()
        sample = prepare_sample(
            frame, (*names, *instruments), estimand.adjustment_set,
            weights=weights, clusters=clusters, folds=folds, rng=generator,
        )  # fmt: skip
        outcome = _outcome_values(frame, estimand.outcome, sample.rows)
        if instruments:
            if groups is not None:
                raise FrameError("groups are not estimated by an instrument; estimate each group's rows alone")
            return local_effect(frame, sample, instruments, names, level=level, rng=generator)
        dose = numeric_values(frame[estimand.treatment].iloc[sample.rows])
        inside = None if groups is None else read_groups(frame, groups, sample.rows)
        slopes = slope_effects(sample, names, dose, outcome, level=level, groups=inside, rng=generator)
        return slopes[None] if groups is None else slopes
    study = prepare_study(
        frame, *names, estimand.adjustment_set, control=control,
        weights=weights, clusters=clusters, propensity=propensity, folds=folds, rng=generator,
    )  # fmt: skip
    chosen = read_contrasts(study, contrasts)
    outcome = _outcome_values(frame, estimand.outcome, study.rows)
    if estimand.method == "front-door":
        return _through_mediators(frame, estimand, study, outcome, chosen, target, groups, level, generator)
    inside = None if groups is None else read_groups(frame, groups, study.rows)
    effects = contrast_effects(
        study, estimand.outcome, outcome, chosen, target or "ate", level=level, clip=clip, groups=inside, rng=generator
    )
    return next(iter(effects.values())) if len(effects) == 1 and groups is None else effects


def _through_mediators(
    frame: pd.DataFrame,
    estimand: AdjustmentEstimand,
    study: Study,
    outcome: Floats,
    contrasts: tuple[Contrast, ...],
    target: Target | None,
    groups: str | ArrayLike | None,
    level: float,
    rng: np.random.Generator,
) -> Effect | dict[Hashable, Effect]:
    mediators = tuple(getattr(estimand, "mediators", ()))
    if not mediators:
        raise FrameError("the estimand was identified by the front-door but names no mediators; use causal.identify")
    if target not in (None, "ate") or groups is not None:
        raise FrameError("the front-door gives the mean effect over all rows; leave out target and groups")
    require_columns(frame, mediators)
    effects = front_door_effects(frame, study, estimand.outcome, outcome, mediators, contrasts, level=level, rng=rng)
    return next(iter(effects.values())) if len(effects) == 1 else effects


def _outcome_values(frame: pd.DataFrame, outcome: str, rows: NDArray[np.int64]) -> Floats:
    values = numeric_values(frame[outcome].iloc[rows])
    if np.ptp(values) == 0.0:
        raise FrameError(
            f"outcome {outcome!r} is {values[0]:g} in every row, so nothing can be seen to change it; "
            "check how it was computed, or widen its period"
        )
    return values


def _instruments(estimand: AdjustmentEstimand) -> tuple[str, ...]:
    found = tuple(getattr(estimand, "instruments", ()))
    if not found:
        raise FrameError("the estimand was identified by an instrument but names none; use causal.identify")
    return found


def _refuse_formula(estimand: AdjustmentEstimand) -> None:
    if estimand.method in ESTIMABLE:
        return
    functional = getattr(estimand, "functional", "")
    formula = f" as {functional}" if functional else ""
    raise FrameError(
        f"the estimand was identified by {estimand.method!r}{formula}; there are estimators "
        f"for {', '.join(ESTIMABLE)} only. Observe a column that gives an adjustment set, or take an instrument"
    )


def _refuse_settings(estimand: AdjustmentEstimand, **given: object) -> None:
    """Name an argument that an amount or an instrument leaves no room for."""
    wrong = next((name for name, value in given.items() if value is not None), None)
    if wrong is None:
        return
    if estimand.method == "instrument":
        raise FrameError(f"{wrong} has no meaning for an effect by an instrument, which is local; leave it out")
    raise FrameError(
        f"{wrong} has no meaning for {estimand.treatment!r}, an amount: its effect is the average slope per unit. "
        f"Leave {wrong} out, or cut the treatment into a category (pandas.cut) to compare levels"
    )
