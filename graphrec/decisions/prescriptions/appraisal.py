"""How far a move of a lever can be trusted: intervals, a second opinion, support, a negative control, a grade.

Hides the evidence behind a grade. The interval is that of the promise; beside it stands what the structural equations
say, the mean over all customers with the same advice as a modified treatment policy, whether the move ends where
customers were observed, and a negative control of each lever. B needs all four; whatever fails is named and makes it C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from causal.encoding import FrameError
from causal.estimators.riesz import Residuals, estimate_moved_mean, fit_residuals, unusual
from causal.graph import CausalGraph
from graphrec.decisions.prescriptions.levercontrols import check_lever
from graphrec.decisions.prescriptions.mechanism import Mechanism
from graphrec.decisions.prescriptions.movechoice import Moves, Option
from graphrec.decisions.prescriptions.promises import Average, Control

__all__ = ["Appraisal", "appraise_moves"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CONFIRMED = "adjusted for what drove it so far, customers alike were observed there, negative control passed"
FAR = "hardly any customer was observed where the move ends"
_FAR_APART = 0.5
"""Share of the promise that the equations may deviate by before they count as a contradiction."""


@dataclass(frozen=True, eq=False)
class Appraisal:
    """The evidence for one combination of levers, the contact's part left out.

    Attributes
    ----------
    low, high : numpy.ndarray, shape (n,)
        Interval of the promised change.
    equations : numpy.ndarray, shape (n,)
        The same change by the structural equations alone.
    far : numpy.ndarray of bool, shape (n,)
        Whether the move ends where hardly any customer was observed.
    controls : tuple of Control
        Of each lever.
    average : Average or None
        Mean over the rows advised so; None where nobody is.
    """

    low: Floats
    high: Floats
    equations: Floats
    far: Bools
    controls: tuple[Control, ...]
    average: Average | None

    @property
    def control(self) -> Control:
        """The control that says most against it."""
        rank = {"failed": 0, "not possible": 1, "passed": 2}
        return min(self.controls, key=lambda control: rank[control.status])

    def grade(self, row: int, change: float) -> tuple[str, str]:
        """Grade of one row's move, and why."""
        if self.control.status != "passed":
            return "C", self.control.sentence
        if self.far[row]:
            return "C", FAR
        said = float(self.equations[row])
        outside = not self.low[row] <= said <= self.high[row]
        if outside and abs(said - change) > _FAR_APART * abs(change):
            return "C", f"the structural equations see a change of {said:+.3g} where {change:+.3g} is promised"
        return "B", CONFIRMED


def appraise_moves(
    mechanism: Mechanism,
    graph: CausalGraph,
    moves: Moves,
    frame: pd.DataFrame,
    value: Floats,
    *,
    contact: str = "",
    level: float = 0.9,
    rng: int | np.random.Generator | None = None,
) -> Mapping[int, Appraisal]:
    """Appraise every option in which a lever other than the contact moves.

    Parameters
    ----------
    mechanism : Mechanism
        Levers, and what chooses and promises.
    graph : CausalGraph
        With its bidirected edges, for the negative controls.
    moves : Moves
        Of the rows, as searched.
    frame : pandas.DataFrame, n rows
        The rows, without gaps, the contact at its control.
    value : numpy.ndarray, shape (n,)
        Money for one unit of the outcome.
    contact : str
        Column of the contact.
    level : float
        Confidence level.
    rng : int, Generator or None
        Draws the folds of the means.
    """
    wanted = {k: o for k, o in enumerate(moves.options) if [c for c in o.columns if c != contact]}
    if mechanism.promise is None or not wanted:
        return {}
    decision, fresh = mechanism.decision, mechanism.fresh
    levers = list(dict.fromkeys(c for o in wanted.values() for c in o.columns if c != contact))
    controls = {lever: check_lever(decision, graph, lever, fresh, level) for lever in levers}
    study = _Study(mechanism, frame, value, level, _residuals(mechanism, rng))
    return {
        k: study.appraise(option, moves.chosen == k, contact, [controls[c] for c in option.columns if c != contact])
        for k, option in wanted.items()
    }


def _residuals(mechanism: Mechanism, rng: int | np.random.Generator | None) -> Residuals | None:
    """What the means are corrected with; None with hardly any rows."""
    assert mechanism.choice is not None
    decision, fresh = mechanism.decision, mechanism.fresh
    levers = [lever.column for lever in mechanism.levers]
    try:
        return fit_residuals(
            decision.variables.iloc[fresh],
            decision.outcome,
            list(dict.fromkeys(mechanism.choice.surface.bends.owners)),
            levers,
            clusters=decision.clusters[fresh],
            earlier=mechanism.choice.surface,
            rng=rng,
        )
    except FrameError:
        return None


@dataclass(frozen=True, eq=False)
class _Study:
    """Everything that the appraisals of all options share."""

    mechanism: Mechanism
    frame: pd.DataFrame
    value: Floats
    level: float
    known: Residuals | None

    def appraise(self, option: Option, advised: Bools, contact: str, controls: Sequence[Control]) -> Appraisal:
        promise = self.mechanism.promise
        assert promise is not None
        rows = np.flatnonzero(np.isfinite(option.net_gain))
        own = [place for place, column in enumerate(option.columns) if column != contact]
        columns = [option.columns[place] for place in own]
        targets = {option.columns[place]: option.after[place][rows] for place in own}
        start, used, end = promise.units(self.frame, targets, rows)
        observed = promise.surface.bends.units(self.mechanism.decision.variables.iloc[self.mechanism.fresh])
        change, doubt = promise.surface.change(start, end, columns, used)
        reach = float(norm.ppf(0.5 + self.level / 2)) * doubt
        low, high, said = (np.full(len(advised), np.nan) for _ in range(3))
        low[rows], high[rows] = change - reach, change + reach
        said[rows] = promise.model.outcome_effect(self.frame.iloc[rows], targets, promise.outcome)
        far = np.zeros(len(advised), dtype=bool)
        far[rows] = unusual(observed, end)
        picked = advised[rows]
        average = None
        if picked.any() and self.known is not None and len(columns) == len(option.columns):
            average = self._average(
                (start[used][picked], end[picked]), columns, option, rows[picked], far[rows[picked]]
            )
        return Appraisal(low, high, said, far, tuple(controls), average)

    def _average(
        self, units: tuple[Floats, Floats], columns: list[str], option: Option, rows: NDArray[Any], far: Bools
    ) -> Average:
        assert self.known is not None
        found = estimate_moved_mean(self.known, *units, columns, self.level)
        money = float(self.value[rows].mean() * found.value - option.cost[rows].mean())
        return Average(found.value, *found.interval, money, found.n, found.ess, 1.0 - float(far.mean()))
