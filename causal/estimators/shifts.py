"""The effect of moving an amount from where it is: modified treatment policies.

Hides the move and its estimator. Nobody can set everybody's discount to one value, but everybody's can be moved a
little. With ``q`` the move, m the mean outcome given amount and covariates, and r the density of moved over observed
amounts,

``value = mean(m(q, X) + r (Y - m(D, X))) - mean(Y)``

is doubly robust (Díaz & van der Laan 2012; Haneuse & Rotnitzky 2013). r is the odds of a classifier that tells moved
rows from observed ones (Díaz, Williams, Hoffman & Schenck 2023), so no density is fitted. One more unit for everybody
was considered: it leaves the support for a fifth to a half of the customers, so a move says where it must stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, numeric_values, require_columns
from causal.estimation import AdjustmentEstimand
from causal.estimators.effect import AS_OBSERVED, Effect
from causal.estimators.influence import check_level, clustered_interval, weighted_mean
from causal.estimators.nuisance import outcome_means, propensities
from causal.estimators.overlap import FEWEST_EFFECTIVE, MOST_UNSUPPORTED, NoOverlap, effective_size
from causal.estimators.sample import Sample, is_continuous, prepare_sample
from causal.estimators.slope import residuals

__all__ = ["Move", "QuantileMove", "Shift", "estimate_move"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_ODDS = 20.0  # an observed row never stands for more moved rows than this


@dataclass(frozen=True)
class Shift:
    """Move the amount by so many units, except where that would leave the limits: there it stays.

    Parameters
    ----------
    by : float
        Units of the amount; may be negative.
    lowest, highest : float
        Limits of the moved amount.

    Examples
    --------
    >>> Shift(0.5, highest=2.0).moved(np.array([0.0, 1.8]), np.zeros(2), np.ones(2)).tolist()
    [0.5, 1.8]
    """

    by: float
    lowest: float = -np.inf
    highest: float = np.inf

    def __str__(self) -> str:
        return f"{abs(self.by):g} {'more' if self.by > 0 else 'less'}"

    def moved(self, amount: Floats, mean: Floats, spread: Floats) -> Floats:
        """Return the amounts after the move; conditional mean and spread are not needed."""
        to = amount + self.by
        return np.where((to < self.lowest) | (to > self.highest), amount, to)


@dataclass(frozen=True)
class QuantileMove:
    """Move the amount a share of the way to the top (or bottom) of the ranks among rows alike in the covariates.

    The rank u becomes ``u + by (1 - u)``, or ``u (1 + by)`` for a move down, so nobody leaves the support and no
    observed row stands for more than ``1 / (1 - |by|)`` moved ones.

    Parameters
    ----------
    by : float
        Share of the way, in (-1, 1): 0.1 takes the median customer of a kind to its 55th percentile.
    """

    by: float

    def __str__(self) -> str:
        return f"{abs(self.by):.0%} of the way to the {'highest' if self.by > 0 else 'lowest'} among customers alike"

    def moved(self, amount: Floats, mean: Floats, spread: Floats) -> Floats:
        """Return the amounts after the move, given the conditional mean and spread of each row's amount."""
        scaled = (amount - mean) / spread
        order = np.sort(scaled)
        rank = (np.searchsorted(order, scaled, side="left") + np.searchsorted(order, scaled, side="right")) / 2
        share = rank / len(scaled)
        share = share + self.by * (1 - share) if self.by > 0 else share * (1 + self.by)
        to = mean + spread * np.quantile(order, share)
        return np.maximum(to, amount) if self.by > 0 else np.minimum(to, amount)  # those at the end stay there


Move = Shift | QuantileMove


def estimate_move(
    frame: pd.DataFrame,
    estimand: AdjustmentEstimand,
    move: Move,
    *,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    level: float = 0.95,
    folds: int = 5,
    rng: int | np.random.Generator | None = None,
) -> Effect:
    """Estimate how the mean outcome changes when everybody's amount is moved.

    Parameters
    ----------
    frame : DataFrame, n rows
    estimand : Estimand
        By adjustment; the treatment is a number of more than two values.
    move : Shift or QuantileMove
    weights, clusters, level, folds, rng
        As in :func:`causal.estimate_effect`.

    Returns
    -------
    Effect
        ``target == "move"``; ``overlap`` is the share of the moved rows that observed rows can stand for.

    Raises
    ------
    NoOverlap
        When over 10 % of the moved rows lie where hardly anybody was observed.
    FrameError
        When the frame or the move cannot be used.

    Notes
    -----
    Assumes that among rows alike in the adjustment set the amount is as good as random, and that rows where it is
    moved to are found among them.

    References
    ----------
    Díaz & van der Laan 2012, Biometrics 68; Haneuse & Rotnitzky 2013, Statistics in Medicine 32; Díaz, Williams,
    Hoffman & Schenck 2023, JASA 118.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> draw = np.random.default_rng(0)
    >>> wealth = draw.normal(size=2_000)
    >>> discount = wealth + draw.normal(size=2_000)
    >>> frame = pd.DataFrame({"wealth": wealth, "discount": discount})
    >>> frame["spend"] = 2.0 * discount + wealth + draw.normal(size=2_000)
    >>> estimand = SimpleNamespace(treatment="discount", outcome="spend", adjustment_set=("wealth",), method="o-set")
    >>> effect = estimate_move(frame, estimand, Shift(0.25), rng=0)
    >>> bool(effect.interval[0] < 0.5 < effect.interval[1])
    True
    """
    _check(frame, estimand, move, level)
    generator = np.random.default_rng(rng)
    names = (estimand.treatment, estimand.outcome)
    sample = prepare_sample(
        frame, names, estimand.adjustment_set, weights=weights, clusters=clusters, folds=folds, rng=generator
    )
    amount, outcome = (numeric_values(frame[name].iloc[sample.rows]) for name in names)
    to = _moved(sample, amount, move, generator)
    return _estimate(sample, names, (amount, to, outcome), move, level, generator)


def _check(frame: pd.DataFrame, estimand: AdjustmentEstimand, move: Move, level: float) -> None:
    check_level(level)
    require_columns(frame, [estimand.treatment, estimand.outcome])
    if estimand.method not in ("o-set", "adjustment"):
        raise FrameError(f"the estimand was identified by {estimand.method!r}; a move is estimated by adjustment only")
    if not is_continuous(frame[estimand.treatment]):
        raise FrameError(
            f"{estimand.treatment!r} is no amount (a number of more than two values); compare its levels with "
            "estimate_effect"
        )
    if not np.isfinite(move.by) or move.by == 0 or (isinstance(move, QuantileMove) and abs(move.by) >= 1):
        raise FrameError(f"the move is by {move.by}; give a finite size, not 0, and for ranks one between -1 and 1")


def _moved(sample: Sample, amount: Floats, move: Move, rng: np.random.Generator) -> Floats:
    if isinstance(move, Shift):
        return move.moved(amount, np.zeros_like(amount), np.ones_like(amount))
    left = residuals(sample, amount, rng)
    size = np.abs(left)
    spread = np.maximum(size - residuals(sample, size, rng), 0.1 * size.mean())
    return move.moved(amount, amount - left, spread)


def _estimate(
    sample: Sample,
    names: tuple[str, str],
    columns: tuple[Floats, Floats, Floats],
    move: Move,
    level: float,
    rng: np.random.Generator,
) -> Effect:
    amount, to, outcome = columns
    n = len(outcome)
    both = np.vstack([np.column_stack([sample.x, amount]), np.column_stack([sample.x, to])])
    moved = np.repeat([0, 1], n).astype(np.int64)
    weights, folds = np.tile(sample.weights, 2), np.tile(sample.folds, 2)
    # moved rows are an arm of their own, so that the outcome model of arm 0 learns from observed rows only
    means = outcome_means(both, moved, np.concatenate([outcome, np.zeros(n)]), weights, folds, rng)[:, 0]
    chance = propensities(both, moved, weights, folds, rng)
    odds = chance[:, 1] / chance[:, 0]
    unsupported = odds[n:] > MOST_ODDS
    ratio = np.minimum(odds[:n], MOST_ODDS)
    ratio = ratio / weighted_mean(ratio, sample.weights)
    share = weighted_mean(unsupported.astype(np.float64), sample.weights)
    ess = effective_size(sample.weights * ratio)
    _refuse(names[0], move, share, ess)
    score = means[n:] - outcome + ratio * (outcome - means[:n])
    value = weighted_mean(score, sample.weights)
    units = len(np.unique(sample.clusters))
    influence = sample.weights * (score - value) / sample.weights.sum()
    se, interval = clustered_interval(value, influence, sample.clusters, units, level)
    treatment, name = names
    return Effect(
        value=value,
        se=se,
        interval=interval,
        n=n,
        ess=ess,
        overlap=1.0 - share,
        target="move",
        adjustment_set=sample.adjustment_set,
        naive=None,
        clipped_share=share,
        assumptions=(
            f"Among rows alike in {', '.join(sample.adjustment_set[:8]) or 'nothing'}, the amount of {treatment} is as "
            "good as random.",
            "One row's treatment does not change another row's outcome.",
            "No column adjusted for is a consequence of the treatment.",
            *sample.notes,
        ),
        treatment=treatment,
        outcome=name,
        contrast=(str(move), AS_OBSERVED),
        level=level,
        treated=int((to != amount).sum()),
        clusters=units,
        meaning=f"Change of the mean of {name}, in its unit, when every row's {treatment} is moved: {move}.",
    )


def _refuse(treatment: str, move: Move, share: float, ess: float) -> None:
    reasons = []
    if share > MOST_UNSUPPORTED:
        reasons.append(f"{share:.0%} of the moved rows lie where hardly anybody was observed")
    if ess < FEWEST_EFFECTIVE:
        reasons.append(f"the observed rows that stand for moved ones are worth {ess:.1f}")
    if reasons:
        raise NoOverlap(
            f"no overlap for {move} of {treatment}: {'; '.join(reasons)}. Move less far, set limits to the shift, or "
            "move by ranks (QuantileMove)",
            "; ".join(reasons),
            share,
            ess,
        )
