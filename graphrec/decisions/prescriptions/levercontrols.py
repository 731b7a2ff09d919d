"""Negative controls of a lever: columns that the graph says it has nothing to do with.

Hides which columns can be asked and how. Where the graph is right, lever and column are independent given everything
else that is known before the decision. Where they go together all the same, something that is not recorded drives both,
and may drive the outcome as well. The residuals of both are multiplied (generalised covariance measure, Shah & Peters
2020). Testing every implication of the graph was considered: most are about other columns and say nothing of the lever.

Silence counts only where something could have been heard (Lipsitch, Tchetgen Tchetgen & Cohen 2010, Epidemiology 21: a
control must share the causes that confound). So a pass needs a column that a recorded cause of the lever drives too,
and in which half of what that cause does would have been noticed. A column that merely comes before the lever, such as
age, is silent under any hidden cause. Each column that speaks is believed, whatever it could have shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from causal.encoding import is_discrete
from causal.estimators.bends import Bends, fit_bends
from causal.graph import CausalGraph
from causal.graphs.separation import directed_view
from graphrec.decisions.prescriptions.decision import Decision
from graphrec.decisions.prescriptions.promises import Control

__all__ = ["check_lever"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_COLUMNS = 12
_MOST_ROWS = 8_000
_FALSE_ALARMS = 0.05
_RIDGE = 3.0
_FOLDS = 2
_PART = 0.5
"""Of the association before adjustment: what a control must be able to notice after it."""
_POWER = 0.8


def check_lever(decision: Decision, graph: CausalGraph, lever: str, rows: Ints, level: float) -> Control:
    """Ask every column that the graph separates from a lever whether it goes with it.

    Parameters
    ----------
    decision : Decision
    graph : CausalGraph
        With its bidirected edges.
    lever : str
    rows : numpy.ndarray of int
        Rows to ask; whole customers.
    level : float
        Confidence level of the interval shown; the verdict is corrected for the number of columns asked.
    """
    columns = _separated(decision, graph, lever)
    if not columns or is_discrete(decision.variables[lever]):
        said = f"no recorded column is known to have nothing to do with {lever}, so no negative control could be run"
        return Control("not possible", "", None, None, None, said)
    found = _Asked.of(decision, lever, columns, rows[:_MOST_ROWS])
    bound = float(norm.ppf(1 - _FALSE_ALARMS / (2 * len(columns))))
    worst = max(columns, key=found.surprise)
    if found.surprise(worst) > bound:
        said = (
            f"{worst} goes with {lever} although the graph gives no reason ({found.told(worst, level)}): something "
            "that is not recorded may drive both, and the outcome"
        )
        return Control("failed", worst, *found.interval(worst, level), said)
    telling = [column for column in _sharing(graph, lever, columns) if found.could_tell(column, bound)]
    if not telling:
        said = (
            f"no recorded column could have shown a hidden cause of {lever}: none that should have nothing to do with "
            "it shares its recorded causes clearly enough, so no negative control could be run"
        )
        return Control("not possible", "", None, None, None, said)
    best = max(telling, key=found.surprise)
    said = (
        f"none of {len(columns)} columns that should have nothing to do with {lever} goes with it ({best}: "
        f"{found.told(best, level)}, and {found.before[best][0]:+.2f} before adjustment)"
    )
    return Control("passed", best, *found.interval(best, level), said)


@dataclass(frozen=True, eq=False)
class _Asked:
    """Correlation of each column with a lever and its standard error, before and after adjustment."""

    before: dict[str, tuple[float, float]]
    after: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, decision: Decision, lever: str, columns: list[str], rows: Ints) -> _Asked:
        """Ask some rows."""
        frame = decision.variables.iloc[rows]
        given = [column for column in decision.before if decision.variables[column].nunique() > 1]
        bends = fit_bends(frame, given, [lever])
        values = bends.values(bends.units(frame))
        clusters = np.unique(decision.clusters[rows], return_inverse=True)[1].astype(np.int64)
        before, after = {}, {}
        for column in columns:
            pair = frame[[lever, column]].to_numpy(np.float64)
            before[column] = _correlation(pair - pair.mean(axis=0), clusters)
            after[column] = _together(pair, bends, values, clusters, (lever, column))
        return cls(before, after)

    def surprise(self, column: str) -> float:
        """Standard errors between what is left after adjustment and nothing."""
        estimate, se = self.after[column]
        return abs(estimate / se)

    def interval(self, column: str, level: float) -> tuple[float, float, float]:
        """Partial correlation, with the lower and upper end of its interval."""
        estimate, se = self.after[column]
        reach = float(norm.ppf(0.5 + level / 2)) * se
        return estimate, estimate - reach, estimate + reach

    def told(self, column: str, level: float) -> str:
        """The same in words."""
        estimate, low, high = self.interval(column, level)
        return f"partial correlation {estimate:+.2f}, {level:.0%} interval {low:+.2f} to {high:+.2f}"

    def could_tell(self, column: str, bound: float) -> bool:
        """Whether a part of the association before adjustment, left over, would be noticed."""
        return _PART * abs(self.before[column][0]) >= (bound + float(norm.ppf(_POWER))) * self.after[column][1]


def _sharing(graph: CausalGraph, lever: str, columns: list[str]) -> list[str]:
    """Columns with a recorded cause that the lever has too, and that are no cause of the lever themselves."""
    view = directed_view(graph if graph.consensus is None else graph.consensus)
    causes = view.ancestors([lever]) - {lever}
    recorded = causes - view.hidden
    return [column for column in columns if column not in causes and recorded & view.ancestors([column])]


def _separated(decision: Decision, graph: CausalGraph, lever: str) -> list[str]:
    """Number columns known before the decision that the graph separates from a lever, given all others."""
    view = directed_view(graph if graph.consensus is None else graph.consensus)
    before = [column for column in decision.before if column in graph.nodes]
    found = []
    for column in before:
        measured = not is_discrete(decision.variables[column]) and decision.variables[column].nunique() > 1
        if column == lever or not measured:
            continue
        given = [other for other in before if other not in (lever, column)]
        if view.separated(lever, column, given):
            found.append(column)
    return found[:_MOST_COLUMNS]


def _together(
    pair: Floats, bends: Bends, values: Floats, clusters: Ints, names: tuple[str, str]
) -> tuple[float, float]:
    """Partial correlation of two columns given the smooth functions of the others, with its standard error."""
    free = np.intersect1d(bends.avoiding(names[0]), bends.avoiding(names[1]))
    design = np.column_stack([np.ones(len(values)), values[:, free]])
    penalty = np.diag(np.append(0.0, np.full(len(free), _RIDGE)))
    left = np.empty_like(pair)
    for k in range(_FOLDS):
        test = clusters % _FOLDS == k
        gram = design[~test].T @ design[~test] + penalty
        left[test] = pair[test] - design[test] @ np.linalg.solve(gram, design[~test].T @ pair[~test])
    return _correlation(left, clusters)


def _correlation(left: Floats, clusters: Ints) -> tuple[float, float]:
    """Correlation of two centred columns, with its standard error; rows of a customer are one draw."""
    left = left / np.maximum(left.std(axis=0), 1e-12)
    product = left[:, 0] * left[:, 1]
    by_cluster = np.bincount(clusters, product - product.mean())
    return float(product.mean()), max(float(np.sqrt(np.square(by_cluster).sum())) / len(product), 1e-12)
