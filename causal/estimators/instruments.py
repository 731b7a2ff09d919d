"""The effect on those whose treatment an instrument moves.

Hides the partially linear instrumental regression (Chernozhukov et al. 2018, sec. 4.2). With r, v and u what the
covariates leave of instrument, treatment and outcome (cross-fitted),

``value = sum w r u / sum w r v``,

which without covariates and with two-valued columns is the estimator of Wald 1940, and by Angrist, Imbens & Rubin
1996 the mean effect over those whose treatment the instrument moves. The interval is that of Anderson & Rubin 1949:
it holds however weakly the instrument moves the treatment, where value +- 1.96 se does not (Lee et al. 2022 need a
first-stage F above 104 for it). When it is unbounded the answer is a refusal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from causal.encoding import FrameError, is_discrete, numeric_values
from causal.estimators.effect import AS_OBSERVED, ONE_UNIT, Effect
from causal.estimators.influence import clustered_interval
from causal.estimators.overlap import effective_size
from causal.estimators.sample import Sample
from causal.estimators.slope import naive_slope, residuals

__all__ = ["WeakInstrument", "local_effect"]

Floats = NDArray[np.float64]


class WeakInstrument(ValueError):
    """The instrument does not move the treatment measurably, so no finite interval holds the effect.

    Parameters
    ----------
    message : str
    strength : float
        First-stage F.
    """

    def __init__(self, message: str, strength: float) -> None:
        super().__init__(message)
        self.strength = strength


def local_effect(
    frame: pd.DataFrame,
    sample: Sample,
    instruments: tuple[str, ...],
    names: tuple[str, str],
    *,
    level: float,
    rng: np.random.Generator,
) -> Effect:
    """Estimate the effect on those whose treatment the instrument moves.

    Parameters
    ----------
    frame : DataFrame
    sample : Sample
        Its rows, with the covariates to condition on.
    instruments : tuple of str
        Several are combined into the one that foresees the treatment best (two-stage least squares).
    names : (str, str)
        Treatment and outcome. All these columns are numbers or two-valued.
    level : float
    rng : numpy.random.Generator

    Raises
    ------
    WeakInstrument
        When the interval is unbounded.
    FrameError
        When a column is a category of more than two levels, or constant.
    """
    used = frame.iloc[sample.rows]
    columns = [_as_number(used[name]) for name in names]
    taken, outcome = (residuals(sample, values, rng) for values, _ in columns)
    lottery = np.column_stack([_as_number(used[name])[0] for name in instruments])
    left = np.column_stack([residuals(sample, values, rng) for values in lottery.T])
    root = np.sqrt(sample.weights)
    mix = np.linalg.lstsq(left * root[:, None], taken * root, rcond=None)[0] if len(instruments) > 1 else np.ones(1)
    moved, lottery = left @ mix, lottery @ mix
    source = " and ".join(instruments)
    power = float((sample.weights * moved * taken).sum())
    value = float((sample.weights * moved * outcome).sum() / power) if power else 0.0
    units = len(np.unique(sample.clusters))
    reach = float(stats.t.ppf(0.5 + level / 2, units - 1)) * np.sqrt(units / (units - 1))
    interval, strength = _anderson_rubin(sample, moved, taken, outcome, reach)
    if interval is None:
        raise WeakInstrument(
            f"{source} does not move {names[0]} measurably (first-stage F {strength:.1f}), so no finite "
            "interval holds the effect; find a stronger instrument or more rows",
            strength,
        )
    influence = sample.weights * moved * (outcome - value * taken) / power
    return Effect(
        value=value,
        se=clustered_interval(value, influence, sample.clusters, units, level)[0],
        interval=interval,
        n=len(outcome),
        ess=effective_size(sample.weights * moved**2),
        overlap=_share_left(sample, lottery, moved),
        target="local",
        adjustment_set=sample.adjustment_set,
        naive=naive_slope(sample, names, (columns[0][0], columns[1][0]), sample.weights, level),
        clipped_share=0.0,
        assumptions=_assumptions(sample, (source, *names), strength),
        treatment=names[0],
        outcome=names[1],
        contrast=columns[0][1],
        level=level,
        treated=int((columns[0][0] == columns[0][0].max()).sum()),
        clusters=units,
        meaning=f"Change of the mean of {names[1]}, in its unit, per unit of {names[0]} (no to yes where it is "
        f"two-valued), among those whose {names[0]} follows {source}: a local effect.",
    )


def _anderson_rubin(
    sample: Sample, moved: Floats, taken: Floats, outcome: Floats, reach: float
) -> tuple[tuple[float, float] | None, float]:
    """Return the values of theta that ``sum r (u - theta v) = 0`` does not reject, and the first-stage F.

    Both sides of the test are quadratic in theta, so the interval ends at the roots of a parabola.
    """
    a = np.bincount(sample.clusters, sample.weights * moved * outcome)
    b = np.bincount(sample.clusters, sample.weights * moved * taken)
    strength = float(b.sum() ** 2 / max((b**2).sum(), 1e-300))
    squared = reach**2
    top = b.sum() ** 2 - squared * (b**2).sum()
    middle = a.sum() * b.sum() - squared * (a * b).sum()
    bottom = a.sum() ** 2 - squared * (a**2).sum()
    if top <= 0:
        return None, strength
    root = np.sqrt(max(middle**2 - top * bottom, 0.0))
    return (float((middle - root) / top), float((middle + root) / top)), strength


def _as_number(series: pd.Series[Any]) -> tuple[Floats, tuple[Any, Any]]:
    """Return a number or two-valued column as floats, and what one unit of it means."""
    if is_discrete(series):
        codes, levels = pd.factorize(series, sort=True)
        if len(levels) != 2 or (codes < 0).any():
            raise FrameError(
                f"column {series.name!r} has {len(levels)} levels {list(levels[:4])}; an instrument, and a treatment "
                "moved by one, must be a number or two-valued without gaps"
            )
        return codes.astype(np.float64), (levels[1], levels[0])
    values = numeric_values(series)
    kinds = np.unique(values)
    if len(kinds) < 2:
        raise FrameError(f"column {series.name!r} has one value only; there is nothing to compare it with")
    if len(kinds) == 2:
        ends = (True, False) if pd.api.types.is_bool_dtype(series.dtype) else (kinds[1].item(), kinds[0].item())
        return np.asarray((values == kinds[1]).astype(np.float64)), ends
    return values, (ONE_UNIT, AS_OBSERVED)


def _share_left(sample: Sample, values: Floats, left: Floats) -> float:
    spread = float(np.average((values - np.average(values, weights=sample.weights)) ** 2, weights=sample.weights))
    return min(float(np.average(left**2, weights=sample.weights)) / spread, 1.0)


def _assumptions(sample: Sample, names: tuple[str, str, str], strength: float) -> tuple[str, ...]:
    instrument, treatment, outcome = names
    named = ", ".join(sample.adjustment_set[:8])
    return (
        f"{'Among rows alike in ' + named + ', ' if named else ''}{instrument} is as good as random.",
        f"{instrument} moves {outcome} through {treatment} only.",
        f"{instrument} moves the {treatment} of nobody the other way.",
        f"The figure is about those whose {treatment} {instrument} moves, not about everybody "
        f"(first-stage F {strength:,.0f}).",
        "One row's treatment does not change another row's outcome.",
        *sample.notes,
    )
