"""How strong a cause outside the columns would have to be to explain an effect away.

Hides the omitted-variable bound of Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis (2022, "Long story short"), which
holds for every target here because each is a mean of ``alpha Y`` with a known weight alpha:

``|bias| <= sqrt(sigma^2 nu^2 * C_Y * C_D / (1 - C_D))``,  ``sigma^2 = E[(Y - g)^2]``,  ``nu^2 = E[alpha^2]``,

where C_Y is the share of the outcome's residual variance that the omitted cause explains and C_D the share of alpha
that it would add. For an amount this is the partial-R2 formula of Cinelli & Hazlett (2020). What is plausible is
read off the columns themselves: the strongest of them is left out, and how much sigma and nu then change is taken
for the strength of a cause nobody recorded. Rosenbaum's Gamma was considered: it fits matched pairs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, fit_encoding, numeric_values, require_columns
from causal.estimators.effect import Effect
from causal.estimators.nuisance import outcome_means
from causal.estimators.overlap import CLIP, Target, eligible_rows, weigh
from causal.estimators.sample import prepare_sample
from causal.estimators.slope import residuals
from causal.estimators.study import Study, prepare_study, read_contrasts

__all__ = ["Sensitivity", "omitted_variable_bound"]

Floats = NDArray[np.float64]

MOST_SHARE = 0.99
CANDIDATES = 2  # columns that are left out in earnest, the strongest in the linear model
CLOSE = 0.25  # of the strongest's squared bias in the linear model; a weaker column need not be tried


@dataclass(frozen=True)
class Sensitivity:
    """What an omitted cause could do to an effect.

    Parameters
    ----------
    strongest : str
        The column whose omission would bias the effect most; empty without columns.
    share_outcome, share_treatment : float
        C_Y and C_D of a cause as strong as that column, in [0, 1].
    bias : float
        The most such a cause could have moved the effect, in units of the outcome.
    interval : (float, float)
        The confidence interval widened by the bias on both sides.
    robustness : float
        Strength r = C_Y = C_D at which the estimate could be 0, in [0, 1].
    robustness_interval : float
        The same for the near end of the confidence interval; 0 when the interval holds 0.
    """

    strongest: str
    share_outcome: float
    share_treatment: float
    bias: float
    interval: tuple[float, float]
    robustness: float
    robustness_interval: float

    @property
    def survives(self) -> bool:
        """Whether the widened interval excludes 0."""
        return self.interval[0] > 0 or self.interval[1] < 0


@dataclass(frozen=True)
class _Scale:
    """The two scales of the bound: residual variance of the outcome, mean square of the weight."""

    outcome: float
    weight: float


def omitted_variable_bound(
    frame: pd.DataFrame,
    effect: Effect,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
    *,
    columns: Sequence[str] | None = None,
    study: Study | None = None,
) -> Sensitivity:
    """Bound the bias that a cause as strong as the strongest column would leave if it had not been recorded.

    Parameters
    ----------
    frame : DataFrame, n rows
        The rows that the effect was estimated on.
    effect : Effect
        By adjustment: target ``"ate"``, ``"att"``, ``"ato"`` or ``"slope"``.
    weights, clusters : as in :func:`causal.estimate_effect`
    rng : int or numpy.random.Generator, optional
    columns : sequence of str, optional
        Columns of the adjustment set to measure by; all of them by default.
    study : Study, optional
        The rows of a two-valued or categorical treatment with their propensities by the whole adjustment set, where
        they are at hand; estimated ones, because logged ones do not change when a column is left out.

    Returns
    -------
    Sensitivity

    Raises
    ------
    FrameError
        When the effect does not come from adjustment, or a column is not in its adjustment set.

    Notes
    -----
    Assumes that what was not recorded is no stronger than the strongest thing that was. No data can show that. For
    an amount in the linear model the bound of a cause just like the column is exact; for a two-valued treatment a
    strong one can move the effect by up to a third more, because the second of two equal causes adds more to alpha.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from causal.estimation import estimate_effect
    >>> draw = np.random.default_rng(0)
    >>> wealth, age = draw.normal(size=(2, 2_000))
    >>> contact = draw.random(2_000) < 1 / (1 + np.exp(-wealth))
    >>> spend = 0.5 * wealth + 0.2 * age + 1.0 * contact + draw.normal(size=2_000)
    >>> frame = pd.DataFrame({"wealth": wealth, "age": age, "contact": contact, "spend": spend})
    >>> estimand = SimpleNamespace(
    ...     treatment="contact", outcome="spend", adjustment_set=("wealth", "age"), method="o-set")
    >>> effect = estimate_effect(frame, estimand, rng=0)
    >>> found = omitted_variable_bound(frame, effect, rng=0)
    >>> found.strongest, found.survives
    ('wealth', True)
    """
    if effect.target not in ("ate", "att", "ato", "slope"):
        raise FrameError(f"the effect has target {effect.target!r}; the bound is for effects by adjustment")
    generator = np.random.default_rng(rng)
    known = effect.adjustment_set
    wanted = known if columns is None else tuple(columns)
    stray = [column for column in wanted if column not in known]
    if stray:
        raise FrameError(f"{stray[:3]} are not in the adjustment set {list(known)}; measure by columns that are")

    def scale(adjusted: tuple[str, ...], ready: Study | None = None) -> _Scale:
        return _scale(frame, effect, adjusted, weights, clusters, generator, ready)

    full = scale(known, study)
    strongest, shares = "", (0.0, 0.0)
    for column, linear in _worth_leaving_out(_screen(frame, effect, wanted)):
        without = scale(tuple(name for name in known if name != column))
        found = _shares(full, without, linear)
        if not strongest or _bias(full, *found) > _bias(full, *shares):
            strongest, shares = column, found
    bias = _bias(full, *shares)
    low, high = effect.interval
    near = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return Sensitivity(
        strongest,
        *shares,
        bias,
        (low - bias, high + bias),
        _robustness(abs(effect.value), full),
        _robustness(near, full),
    )


def _bias(scale: _Scale, share_outcome: float, share_treatment: float) -> float:
    odds = share_treatment / (1.0 - share_treatment)
    return float(np.sqrt(scale.outcome * scale.weight * share_outcome * odds))


def _robustness(size: float, scale: _Scale) -> float:
    """Return r with ``sigma^2 nu^2 r^2 / (1 - r) = size^2`` (Cinelli & Hazlett 2020, eq. 19)."""
    squared = size**2 / max(scale.outcome * scale.weight, 1e-300)
    return float((np.sqrt(squared**2 + 4 * squared) - squared) / 2)


def _shares(full: _Scale, without: _Scale, linear: tuple[float, float]) -> tuple[float, float]:
    """Return C_Y and C_D of a cause as strong as the column left out, never below what the linear model says."""
    outcome = max(without.outcome / full.outcome - 1.0, linear[0])
    treatment = max(1.0 - without.weight / full.weight, linear[1])
    return float(np.clip(outcome, 0.0, 1.0)), float(np.clip(treatment, 0.0, MOST_SHARE))


def _scale(
    frame: pd.DataFrame,
    effect: Effect,
    adjusted: tuple[str, ...],
    weights: str | ArrayLike | None,
    clusters: str | ArrayLike | None,
    rng: np.random.Generator,
    ready: Study | None,
) -> _Scale:
    names = (effect.treatment, effect.outcome)
    if effect.target == "slope":
        sample = prepare_sample(frame, names, adjusted, weights=weights, clusters=clusters, rng=rng)
        amount, outcome = (residuals(sample, numeric_values(frame[n].iloc[sample.rows]), rng) for n in names)
        power = float(np.average(amount**2, weights=sample.weights))
        left = outcome - effect.value * amount
        return _Scale(float(np.average(left**2, weights=sample.weights)), 1.0 / power)
    level, reference = effect.contrast
    study = ready or prepare_study(
        frame, *names, adjusted, control=reference, weights=weights, clusters=clusters, rng=rng
    )
    contrast = read_contrasts(study, [(level, reference)])[0]
    y = numeric_values(frame[effect.outcome].iloc[study.rows])
    means = outcome_means(study.x, study.arms, y, study.weights, study.folds, rng)
    weighting = weigh(study, contrast, cast(Target, effect.target), CLIP, eligible_rows(study, contrast))
    used = (weighting.treated > 0) | (weighting.control > 0)
    own = means[np.arange(len(y)), study.arms]
    alpha = weighting.treated / weighting.treated.sum() - weighting.control / weighting.control.sum()
    return _Scale(
        float(np.average((y - own)[used] ** 2, weights=study.weights[used])),
        float((alpha**2 / study.weights).sum() * study.weights.sum()),
    )


def _screen(frame: pd.DataFrame, effect: Effect, columns: tuple[str, ...]) -> list[tuple[str, tuple[float, float]]]:
    """Return the columns with C_Y and C_D of a cause like them in the linear model, the most biasing first."""
    require_columns(frame, [effect.treatment, effect.outcome, *columns])
    given: pd.Series[Any] = frame[effect.treatment]
    used: NDArray[np.bool_] = np.ones(len(frame), dtype=np.bool_)
    if effect.target == "slope":
        treated = numeric_values(given)
    else:
        treated = np.asarray(given == effect.contrast[0], dtype=np.float64)
        used = np.asarray(given.isin(list(effect.contrast)), dtype=np.bool_)
    rows = frame[used]
    y, d = numeric_values(rows[effect.outcome]), treated[used]
    blocks = {name: fit_encoding(rows, [name]).transform(rows) for name in effect.adjustment_set}
    found = []
    for column in columns:
        rest = np.column_stack([np.ones(len(rows)), *(block for name, block in blocks.items() if name != column)])
        outcome, treatment = _partial(y, np.column_stack([rest, d]), blocks[column]), _partial(d, rest, blocks[column])
        found.append((column, _twin(outcome, treatment)))
    return sorted(found, key=lambda item: -item[1][0] * item[1][1])


def _worth_leaving_out(
    screened: list[tuple[str, tuple[float, float]]],
) -> list[tuple[str, tuple[float, float]]]:
    """Return the columns to leave out in earnest: the first, and others that come close in the linear model."""
    least = CLOSE * screened[0][1][0] * screened[0][1][1] if screened else 0.0
    return [item for item in screened[:CANDIDATES] if item[1][0] * item[1][1] >= least]


def _twin(outcome: float, treatment: float) -> tuple[float, float]:
    """Return C_Y and C_D of a cause just like a column, in the linear model (Cinelli & Hazlett 2020, sec. 4.4).

    The column and its twin are independent, but alike in the treatment: given it they are correlated, so that the twin
    explains more of the outcome than the column seems to.
    """
    treatment = min(treatment, 0.49)
    joint = treatment**2 / (1 - treatment) ** 2
    factor = (1 + np.sqrt(joint)) ** 2 / (1 - joint)
    return min(float(factor * outcome / (1 - min(outcome, MOST_SHARE))), 1.0), treatment / (1 - treatment)


def _partial(target: Floats, rest: Floats, block: Floats) -> float:
    """Return the partial R2: the share of what the rest leaves that the block explains."""
    without = _unexplained(target, rest)
    beside = _unexplained(target, np.column_stack([rest, block]))
    return max(1.0 - beside / without, 0.0) if without > 0 else 0.0


def _unexplained(target: Floats, design: Floats) -> float:
    fitted = design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(((target - fitted) ** 2).mean())
