"""Negative controls of a lever: columns that the graph says it has nothing to do with.

Hides which columns can be asked and how. Where the graph is right, lever and column are independent given everything
else that is known before the decision. Where they go together all the same, something that is not recorded drives both,
and may drive the outcome as well. The residuals of both are multiplied (generalised covariance measure, Shah & Peters
2020). Testing every implication of the graph was considered: most are about other columns and say nothing of the lever.
"""

from __future__ import annotations

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
    rows = rows[:_MOST_ROWS]
    frame = decision.variables.iloc[rows]
    given = [column for column in decision.before if decision.variables[column].nunique() > 1]
    bends = fit_bends(frame, given, [lever])
    values = bends.values(bends.units(frame))
    clusters = np.unique(decision.clusters[rows], return_inverse=True)[1].astype(np.int64)
    found = {column: _together(frame[[lever, column]].to_numpy(np.float64), bends, values, clusters, (lever, column))
             for column in columns}  # fmt: skip
    worst = max(found, key=lambda column: abs(found[column][0] / found[column][1]))
    estimate, se = found[worst]
    reach = float(norm.ppf(0.5 + level / 2)) * se
    passed = abs(estimate) <= float(norm.ppf(1 - _FALSE_ALARMS / (2 * len(found)))) * se
    told = (
        f"partial correlation {estimate:+.2f}, {level:.0%} interval {estimate - reach:+.2f} to {estimate + reach:+.2f}"
    )
    if passed:
        said = (
            f"none of {len(found)} columns that should have nothing to do with {lever} goes with it ({worst}: {told})"
        )
        return Control("passed", worst, estimate, estimate - reach, estimate + reach, said)
    said = (
        f"{worst} goes with {lever} although the graph gives no reason ({told}): something that is not recorded may "
        "drive both, and the outcome"
    )
    return Control("failed", worst, estimate, estimate - reach, estimate + reach, said)


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
    left /= np.maximum(left.std(axis=0), 1e-12)
    product = left[:, 0] * left[:, 1]
    by_cluster = np.bincount(clusters, product - product.mean())
    return float(product.mean()), max(float(np.sqrt(np.square(by_cluster).sum())) / len(product), 1e-12)
