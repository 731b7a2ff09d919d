"""One attempt to prove an effect wrong: what it needs and what it returns.

Hides how the same contrast of the same population is estimated again on changed columns or fewer rows, whatever the
effect was identified by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from causal.encoding import FrameError, numeric_values
from causal.estimation import AdjustmentEstimand, estimate_effect
from causal.estimators.aipw import contrast_effects
from causal.estimators.effect import Effect
from causal.estimators.overlap import Target
from causal.estimators.study import Study, prepare_study, read_contrasts

__all__ = ["Check", "Inquiry", "Question", "Status", "remark"]

Status = Literal["passed", "failed", "informative"]


@dataclass(frozen=True)
class Check:
    """The result of one attempt to prove an effect wrong.

    Parameters
    ----------
    name : str
    status : {"passed", "failed", "informative"}
        ``informative`` where the check has a figure to show but nothing to pass.
    decisive : bool
        Whether the verdict may rest on it.
    figure : float
        What was measured; NaN where nothing was.
    low, high : float
        Interval of the figure, or the limits it was held against; NaN where there are none.
    sentence : str
        The result in plain English.
    """

    name: str
    status: Status
    decisive: bool
    figure: float
    low: float
    high: float
    sentence: str


@dataclass(frozen=True)
class Inquiry:
    """What every check needs: the rows, the question, its answer, and how it was reached."""

    frame: pd.DataFrame
    estimand: AdjustmentEstimand
    effect: Effect
    weights: str | ArrayLike | None
    clusters: str | ArrayLike | None
    propensity: str | ArrayLike | pd.DataFrame | None
    rng: np.random.Generator

    @property
    def compares_arms(self) -> bool:
        """Whether the effect compares two levels of the treatment by adjustment, so that a study answers it."""
        return self.effect.target in ("ate", "att", "ato") and self.estimand.method != "front-door"

    @cached_property
    def study(self) -> Study:
        """The rows, folds and propensities of the effect, made once for all checks that change neither."""
        spec = self.estimand
        return prepare_study(
            self.frame, spec.treatment, spec.outcome, spec.adjustment_set, control=self.effect.contrast[1],
            weights=self.weights, clusters=self.clusters, propensity=self.propensity, rng=self.rng,
        )  # fmt: skip

    def of_outcome(self, frame: pd.DataFrame, outcome: str) -> Effect:
        """Estimate the same contrast of the same population on another outcome, with the same propensities."""
        if not self.compares_arms:
            return self.again(frame, outcome=outcome)
        study, effect = self.study, self.effect
        values = numeric_values(frame[outcome].iloc[study.rows])
        chosen = read_contrasts(study, [effect.contrast])
        target = cast(Target, effect.target)
        found = contrast_effects(study, outcome, values, chosen, target, level=effect.level, rng=self.rng)
        return found[chosen[0].key]

    def again(
        self, frame: pd.DataFrame, *, outcome: str | None = None, beside: Sequence[str] = (), rows: Any = slice(None)
    ) -> Effect:
        """Estimate the same contrast of the same population on changed columns or on some of the rows.

        Parameters
        ----------
        frame : DataFrame, n rows
        outcome : str, optional
            Column to take for the outcome.
        beside : sequence of str
            Columns to adjust for as well.
        rows : slice or ndarray of bool, shape (n,)
        """
        spec = self.estimand
        asked = Question(
            spec.treatment,
            spec.outcome if outcome is None else outcome,
            (*spec.adjustment_set, *beside),
            spec.method,
            tuple(getattr(spec, "mediators", ())),
            tuple(getattr(spec, "instruments", ())),
        )
        levels = self.effect.target in ("ate", "att", "ato")
        found = estimate_effect(
            frame.iloc[rows] if isinstance(rows, slice) else frame[rows],
            asked,
            contrasts=[self.effect.contrast] if levels else None,
            target=self.effect.target if levels and spec.method != "front-door" else None,  # type: ignore[arg-type]
            weights=_rows_of(self.weights, rows),
            clusters=_rows_of(self.clusters, rows),
            propensity=_rows_of(self.propensity, rows) if levels else None,
            level=self.effect.level,
            rng=self.rng,
        )
        if not isinstance(found, Effect):  # pragma: no cover - one contrast was asked for
            raise FrameError("one contrast was asked for and several came back")
        return found


@dataclass(frozen=True)
class Question:
    """An estimand of the same kind with other columns."""

    treatment: str
    outcome: str
    adjustment_set: tuple[str, ...]
    method: str
    mediators: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()


def _rows_of(given: Any, rows: Any) -> Any:
    if given is None or isinstance(given, str):
        return given
    return given[rows] if isinstance(given, pd.DataFrame) else np.asarray(given)[rows]


def remark(name: str, sentence: str, *, decisive: bool = True) -> Check:
    """Return a check that has nothing to pass."""
    nothing = float("nan")
    return Check(name, "informative", decisive, nothing, nothing, nothing, sentence)
