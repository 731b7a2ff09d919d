"""What a fitted recommender is worth on customers it has not seen: size of its effects, and the guard.

Hides when this is paid for (once, when first asked) and on how many rows. The learner is fitted again three times, so
large panels are thinned to whole customers first; the verdict is then that of a model learned from less, which leans
to caution. Channels with fewer than thirty contacts are not judged: a score weighted by the inverse of a tiny
probability is one row that speaks for hundreds. Where no effect is identifiable nothing is computed: there is nothing
to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.decisions.guard import Guard, compare_with_constant
from graphrec.learning.credibility.badcontrols import ControlAudit, audit_controls
from graphrec.learning.credibility.comparability import FEWEST_CONTACTS
from graphrec.learning.credibility.crossfit import leave_out, take_channels, take_rows
from graphrec.learning.credibility.hidden import bound_hidden_cause
from graphrec.learning.credibility.recalibration import Recalibration, fit_recalibration
from graphrec.learning.heads.nuisances import fit_nuisances, is_binary
from graphrec.learning.heads.registry import HeadRecipe
from graphrec.learning.rows import TrainingRows, training_rows

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender
    from graphrec.learning.effects import EffectModel
    from graphrec.market.panel import Panel
    from graphrec.market.tables import Market

__all__ = ["Judgement", "audit_columns", "judge", "refine"]

_MOST_ROWS = 30_000


@dataclass(frozen=True)
class Judgement:
    """Attributes: the guard, and the line through predicted and true effects."""

    guard: Guard
    calibration: Recalibration


def judge(
    panel: Panel,
    effects: EffectModel,
    recipe: HeadRecipe,
    *,
    rng: int | np.random.Generator | None = 0,
    maximum_rows: int = _MOST_ROWS,
) -> Judgement:
    """Judge a learner on customers left out.

    Parameters
    ----------
    panel : Panel
        The rows that the model was fitted on.
    effects : EffectModel
    recipe : HeadRecipe
        How the model was fitted.
    rng : int, Generator or None
        Seed of folds, boosting and thinning.
    maximum_rows : int
        Rows above which customers are drawn.

    Raises
    ------
    DataError
        Too few customers to leave some out.
    """
    if set(effects.grades.values()) == {"X"}:
        return _nothing()
    thin_rng, exposure_rng, fit_rng = np.random.default_rng(rng).spawn(3)
    rows, _ = training_rows(panel, effects.adjustment.columns)
    propensity = effects.exposure.propensity
    kept = _whole_customers(rows, maximum_rows, thin_rng)
    if not len(propensity):  # a loaded model keeps none
        propensity = fit_nuisances(rows, exposure_rng, arms=False).exposure.propensity
    rows, propensity, unjudged = _many_contacts(take_rows(rows, kept), propensity[kept])
    if not rows.channels:
        return _nothing(unjudged)
    left = leave_out(rows, recipe, propensity, fit_rng)
    guard = replace(compare_with_constant(left, rows.channels), unjudged=unjudged)
    return Judgement(guard, fit_recalibration(left, binary=is_binary(rows.outcome)))


def _many_contacts(rows: TrainingRows, propensity: np.ndarray) -> tuple[TrainingRows, np.ndarray, tuple[str, ...]]:
    """Rows and propensities of the channels with enough contacts to be left out, and the names of the others."""
    counts = np.bincount(rows.channel, minlength=1 + len(rows.channels))[1:]
    enough = counts >= FEWEST_CONTACTS
    if enough.all():
        return rows, propensity, ()
    unjudged = tuple(name for name, many in zip(rows.channels, enough) if not many)
    if not enough.any():
        return replace(rows, channels=()), propensity, unjudged
    arms = np.flatnonzero(np.r_[True, enough])
    of_these = propensity[np.ix_(np.isin(rows.channel, arms), arms)]
    shares = of_these / np.maximum(of_these.sum(axis=1, keepdims=True), 1e-300)
    return take_channels(rows, np.flatnonzero(enough)), shares, unjudged


def _whole_customers(rows: TrainingRows, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the rows of as many customers, in random order, as fit; at least fifty."""
    count = len(rows.outcome)
    if count <= most:
        return np.arange(count)
    customers, position = np.unique(rows.clusters, return_inverse=True)
    order = rng.permutation(len(customers))
    total = np.cumsum(np.bincount(position)[order])
    chosen = order[: max(50, int(np.searchsorted(total, most)))]
    return np.flatnonzero(np.isin(position, chosen))


def _nothing(unjudged: tuple[str, ...] = ()) -> Judgement:
    nan = float("nan")
    guard = Guard("nobody", nan, nan, nan, (nan, nan), 0.95, nan, claimed=False, unjudged=unjudged)
    return Judgement(guard, Recalibration(nan, nan, (nan, nan), False, 0.0))


def audit_columns(panel: Panel, effects: EffectModel, market: Market | None) -> ControlAudit:
    """The audit of bad controls, with the customers' attributes that the panel left out for want of a date or class."""
    extra = None
    if market is not None and "customer" in panel.frame:
        customers = panel.frame["customer"].to_numpy()
        names = [name for name in panel.left_out if name in market.customers.columns]
        extra = pd.DataFrame({name: market.customers[name].to_numpy()[customers] for name in names})
    return audit_controls(panel, effects.adjustment, extra=extra)


def refine(model: Recommender) -> EffectModel:
    """The effects with the line and the hidden cause that the settings ask for."""
    effects, config = model.effects, model.config
    if config.recalibrate:
        effects = replace(effects, recalibration=model.judgement.calibration)
    if config.sensitivity:
        effects = replace(effects, hidden=bound_hidden_cause(model.panel, effects.adjustment, config.sensitivity))
    return effects
