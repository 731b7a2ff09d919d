"""How far an observed difference can be believed: one rung per doubt, and a computed verdict.

Hides which rungs are climbed and how the verdict follows from them. Uncontrolled data rarely prove an effect;
what they can do is say which claim fails and why. The order is naive, adjusted (overlap population), placebo
(the same adjustment on the outcome of the period before, which the treatment cannot have changed), doubly
robust difference in differences (Sant'Anna & Zhao 2020), then size: what an independent count says the effect
can be at most, against what these rows could detect. An E-value was considered as a rung: one of 2.7 stood
beside a failed placebo, so it is not among the evidence here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, numeric_values, require_columns
from causal.estimators.aipw import contrast_effects, naive_effect
from causal.estimators.effect import Effect
from causal.estimators.overlap import CLIP, NoOverlap, eligible_rows, refuse_without_overlap, weigh
from causal.estimators.study import Contrast, Study, prepare_study, read_contrasts

__all__ = ["PERIOD_BEFORE", "Ladder", "Verdict", "evidence_ladder"]

Floats = NDArray[np.float64]
Verdict = Literal["supported", "not identified", "underpowered", "no estimate"]

FEWEST_EVENTS = 50
PERIOD_BEFORE = "in the period before"
DETECTABLE = 2.8  # standard errors: 1.96 + 0.84, 80 % power at a two-sided 5 % (Gelman & Hill 2007, sec. 20.3)


@dataclass(frozen=True)
class Ladder:
    """The evidence for one contrast, from the naive difference to a verdict.

    Parameters
    ----------
    naive : Effect
        Difference of means.
    adjusted : Effect or None
        Doubly robust effect in the overlap population; None without an estimate.
    placebo : Effect or None
        The same on the outcome of the period before: anything but 0 is selection. None when not given.
    difference_in_differences : Effect or None
        The same on the change since the period before.
    ceiling : float or None
        The most the effect can be per treated row by an independent count, in units of the outcome.
    minimum_detectable_effect : float
        2.8 standard errors of the adjusted effect (80 % power at 5 %); NaN without an estimate.
    treated : int
        Rows of the level.
    treated_events : int
        Those of them whose outcome is not 0.
    verdict : {"supported", "not identified", "underpowered", "no estimate"}
        ``no estimate`` under 50 treated events; ``not identified`` when the placebo interval excludes 0 or
        the arms do not overlap; ``underpowered`` when the detectable effect is above the ceiling; else
        ``supported``: the figure may be read as an effect under its assumptions (it may still be 0).
    sentence : str
        The verdict and its reason in plain English.
    placebo_where : str
        Where the placebo looks for what the treatment cannot have changed.
    """

    naive: Effect
    adjusted: Effect | None
    placebo: Effect | None
    difference_in_differences: Effect | None
    ceiling: float | None
    minimum_detectable_effect: float
    treated: int
    treated_events: int
    verdict: Verdict
    sentence: str
    placebo_where: str = PERIOD_BEFORE

    @property
    def rungs(self) -> dict[str, Effect | None]:
        """The four estimates by name, in order."""
        return {
            "naive": self.naive,
            "adjusted": self.adjusted,
            "placebo": self.placebo,
            "difference_in_differences": self.difference_in_differences,
        }

    def __str__(self) -> str:
        lines = [f"{self.naive.treatment} = {self.naive.contrast[0]} against {self.naive.contrast[1]}"]
        for name, effect in self.rungs.items():
            lines.append(f"  {name.replace('_', ' '):<26}{'-' if effect is None else _figure(effect)}")
        lines.append(f"  {'ceiling':<26}{'-' if self.ceiling is None else format(self.ceiling, '.3g')}")
        lines.append(f"  {'minimum detectable':<26}{self.minimum_detectable_effect:.3g}")
        lines.append(f"  {'treated (with an event)':<26}{self.treated:,} ({self.treated_events:,})")
        return "\n".join([*lines, f"  {self.sentence}"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (JSON-ready; a detectable effect that does not exist is None)."""
        content = dict(self.__dict__)
        for name, effect in self.rungs.items():
            content[name] = None if effect is None else effect.to_dict()
        if np.isnan(self.minimum_detectable_effect):
            content["minimum_detectable_effect"] = None
        return content


def evidence_ladder(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    adjustment_set: Iterable[str],
    control: Hashable | None = None,
    placebo: str | ArrayLike | None = None,
    ceiling: float | Mapping[Hashable, float] | None = None,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    contrasts: object = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    *,
    placebo_adjustment_set: Iterable[str] | None = None,
    placebo_where: str = PERIOD_BEFORE,
) -> dict[Hashable, Ladder]:
    """Climb from the naive difference to a verdict, for every contrast.

    Parameters
    ----------
    frame : DataFrame, n rows
    treatment, outcome : str
        Column names. Events are rows whose outcome is not 0.
    adjustment_set : iterable of str
        Columns to adjust for; not the placebo.
    control : level, optional
        As in :func:`causal.estimate_effect`.
    placebo : column name or array of shape (n,), optional
        The outcome over a period of the same length before the treatment, in the same units.
    ceiling : float or mapping of contrast to float, optional
        The most one treated row can have gained, counted independently (redemptions per targeted customer).
    weights, clusters, contrasts, level, rng
        As in :func:`causal.estimate_effect`.
    placebo_adjustment_set : iterable of str, optional
        The adjustment set as it was before the placebo period, used for the placebo and the difference in
        differences. Without it both use ``adjustment_set``: history columns that reach into the placebo
        period hold its outcome and blunt the test (on Complete Journey a placebo that fails then passes).
    placebo_where : str
        Words for the sentence, where the placebo is another outcome that the treatment cannot have changed.

    Returns
    -------
    dict of contrast to Ladder

    Raises
    ------
    FrameError
        When the frame or an argument cannot be used.

    Notes
    -----
    The placebo assumes that selection into treatment was the same in the period before; the difference in
    differences that, without treatment, both groups would have changed alike given the adjustment set.

    References
    ----------
    Li, Morgan & Zaslavsky 2018, JASA 113; Sant'Anna & Zhao 2020, J. Econometrics 219; Lipsitch, Tchetgen
    Tchetgen & Cohen 2010, Epidemiology 21 (negative controls).

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> activity = draw.gamma(2.0, size=4_000)
    >>> mailed = draw.random(4_000) < activity / (2 + activity)
    >>> before, after = draw.poisson(activity), draw.poisson(activity + 0.5 * mailed)
    >>> frame = pd.DataFrame({"activity": activity, "mailed": mailed, "before": before, "after": after})
    >>> ladder = evidence_ladder(frame, "mailed", "after", ["activity"], placebo="before", ceiling=1.0, rng=0)
    >>> ladder[True].verdict
    'supported'
    >>> evidence_ladder(frame, "mailed", "after", [], placebo="before", ceiling=1.0, rng=0)[True].verdict
    'not identified'
    """
    covariates = tuple(dict.fromkeys(adjustment_set))
    lagged = covariates if placebo_adjustment_set is None else tuple(dict.fromkeys(placebo_adjustment_set))
    generator = np.random.default_rng(rng)

    def prepare(columns: tuple[str, ...]) -> Study:
        return prepare_study(
            frame,
            treatment,
            outcome,
            columns,
            control=control,
            weights=weights,
            clusters=clusters,
            rng=generator,
        )

    study = prepare(covariates)
    after = numeric_values(frame[outcome])[study.rows]
    before = _read_placebo(frame, placebo, (*covariates, *lagged, treatment), study)
    chosen = read_contrasts(study, contrasts)
    ceilings = _read_ceilings(ceiling, chosen)
    events = {c.key: int((after[study.arms == c.arm] != 0).sum()) for c in chosen}
    enough = tuple(c for c in chosen if events[c.key] >= FEWEST_EVENTS)
    refusals = {c.key: _refusal(study, c) for c in enough}
    able = tuple(c for c in enough if refusals[c.key] is None)

    def climb(study: Study, name: str, values: Floats) -> dict[Hashable, Effect]:
        comparable = tuple(c for c in able if _refusal(study, c) is None)
        return contrast_effects(study, name, values, comparable, "ato", level=level, rng=generator)

    adjusted = climb(study, outcome, after)
    selection: dict[Hashable, Effect] = {}
    change: dict[Hashable, Effect] = {}
    if before is not None and able:
        earlier = study if lagged == covariates else prepare(lagged)
        selection = climb(earlier, f"{outcome} before", before)
        change = climb(earlier, f"change of {outcome}", after - before)
    return {
        c.key: _judge(
            naive_effect(study, outcome, after, c, level),
            (adjusted.get(c.key), selection.get(c.key), change.get(c.key)),
            ceilings[c.key],
            int((study.arms == c.arm).sum()),
            events[c.key],
            refusals.get(c.key),
            placebo_where,
        )
        for c in chosen
    }


def _judge(
    naive: Effect,
    estimates: tuple[Effect | None, Effect | None, Effect | None],
    ceiling: float | None,
    treated: int,
    events: int,
    refusal: str | None,
    where: str,
) -> Ladder:
    """Compute the verdict; the first failing rung decides."""
    adjusted, placebo, _ = estimates
    detectable = float("nan") if adjusted is None else DETECTABLE * adjusted.se
    verdict: Verdict = "supported"
    if events < FEWEST_EVENTS:
        verdict = "no estimate"
        reason = f"{events:,} of the {treated:,} treated rows have an event; at least {FEWEST_EVENTS} are needed"
    elif refusal is not None:
        verdict, reason = "not identified", refusal
    elif placebo is not None and not placebo.interval[0] <= 0 <= placebo.interval[1]:
        verdict = "not identified"
        reason = f"the same adjustment finds {_figure(placebo)} {where}, which the treatment cannot have caused"
    elif ceiling is not None and detectable > ceiling:
        verdict = "underpowered"
        reason = (
            f"the smallest effect these rows could show is {detectable:.3g}, "
            f"above the {ceiling:.3g} that it can be at most"
        )
    else:
        reason = _supported(adjusted, placebo, ceiling, detectable)
    return Ladder(
        naive, *estimates, ceiling, detectable, treated, events, verdict,
        f"{verdict.capitalize()}: {reason}.", where,
    )  # fmt: skip


def _supported(adjusted: Effect | None, placebo: Effect | None, ceiling: float | None, detectable: float) -> str:
    if adjusted is None:  # pragma: no cover - a refusal or too few events explain every missing estimate
        return "nothing was estimated"
    low, high = adjusted.interval
    said = f"the treatment changes {adjusted.outcome} by {_figure(adjusted)} per row of the overlap population"
    if low <= 0 <= high:
        said = f"no effect is shown ({_figure(adjusted)}); one of {detectable:.3g} would probably have been"
    if placebo is None:
        said += "; no placebo was given, so selection is unchecked"
    if ceiling is None:
        said += "; no ceiling was given, so its size is unchecked"
    return said


def _refusal(study: Study, contrast: Contrast) -> str | None:
    """Return why the arms cannot be compared, None when they can."""
    try:
        weighting = weigh(study, contrast, "ato", CLIP, eligible_rows(study, contrast))
        refuse_without_overlap(study, contrast, "ato", weighting)
    except NoOverlap as refusal:
        return f"no overlap: {refusal.reason}"
    return None


def _read_placebo(
    frame: pd.DataFrame, placebo: str | ArrayLike | None, taken: tuple[str, ...], study: Study
) -> Floats | None:
    if placebo is None:
        return None
    if isinstance(placebo, str):
        require_columns(frame, [placebo])
        if placebo in taken:
            raise FrameError(
                f"placebo {placebo!r} is adjusted for or the treatment itself, so it could show nothing; "
                "leave it out of the adjustment set or name another"
            )
        return numeric_values(frame[placebo])[study.rows]
    values = np.asarray(placebo, dtype=np.float64)
    if values.shape != (len(frame),) or not np.isfinite(values).all():
        raise FrameError(f"placebo has shape {values.shape}; give {len(frame)} finite numbers, one per row")
    return np.asarray(values[study.rows])


def _read_ceilings(
    ceiling: float | Mapping[Hashable, float] | None, contrasts: tuple[Contrast, ...]
) -> dict[Hashable, float | None]:
    if isinstance(ceiling, Mapping):
        keys = [contrast.key for contrast in contrasts]
        unknown = [key for key in ceiling if key not in keys]
        if unknown:
            raise FrameError(f"ceiling names {unknown[:3]}, which are no contrasts; those are {keys}")
        found: dict[Hashable, float | None] = {key: ceiling.get(key) for key in keys}
    else:
        found = {contrast.key: ceiling for contrast in contrasts}
    wrong = [value for value in found.values() if value is not None and not 0 <= value < np.inf]
    if wrong:
        raise FrameError(f"ceiling must be a size per treated row, 0 or more; got {wrong[0]}")
    return found


def _figure(effect: Effect) -> str:
    low, high = effect.interval
    return f"{effect.value:+.3g} [{low:+.3g}, {high:+.3g}]"
