"""Does the adjustment hold? An effect is looked for where there can be none.

Hides the negative-control estimate: the "effect" of the contact on purchases of twin offers (see
`graphrec.market.twins`) among rows weighted like the contacted, doubly robust. If its interval excludes zero, contacts
followed something that the adjustment set does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from graphrec.learning.response import TrainingRows

__all__ = ["NegativeControl", "negative_control"]

_LEVEL = 0.99
_RIDGE = 10.0


@dataclass(frozen=True)
class NegativeControl:
    """Result of the check.

    Attributes
    ----------
    status : {"passed", "failed", "not possible"}
    estimate, se : float
        Apparent effect of a contact on the twin offers and its clustered standard error.
    sentence : str
        What it means, in plain English.
    """

    status: str
    estimate: float
    se: float
    sentence: str

    @property
    def passed(self) -> bool:
        """True only where the check could be made and found nothing."""
        return self.status == "passed"


def negative_control(rows: TrainingRows, twin_outcome: np.ndarray, control_weights: np.ndarray) -> NegativeControl:
    """Effect of the contact on twin offers, for the contacted (ATT, doubly robust).

    Parameters
    ----------
    rows : TrainingRows
        Rows with the columns of the adjustment set.
    twin_outcome : numpy.ndarray, shape (n,)
        Outcome that the contact cannot have moved; nan where there is none.
    control_weights : numpy.ndarray, shape (number of controls,)
        Weights that make the controls look like the contacted.
    """
    known = np.isfinite(twin_outcome)
    contacted = rows.contacted
    weights = np.ones(len(known))
    weights[~contacted] = control_weights
    treated, control = known & contacted, known & ~contacted
    if min(treated.sum(), control.sum()) < 50 or np.nanstd(twin_outcome) == 0:
        text = "No negative control: the market has too few comparable offers to check for hidden reasons of contact."
        return NegativeControl("not possible", float("nan"), float("nan"), text)
    expected = _ridge_prediction(rows.matrix, twin_outcome, control, weights)
    residual = np.where(known, twin_outcome - expected, 0.0)
    w1, w0 = treated / treated.sum(), control * weights / weights[control].sum()
    estimate = float(w1 @ residual - w0 @ residual)
    mean1, mean0 = float(w1 @ residual), float(w0 @ residual)
    influence = w1 * (residual - mean1) - w0 * (residual - mean0)
    _, position = np.unique(rows.clusters, return_inverse=True)
    se = float(np.sqrt(np.square(np.bincount(position, weights=influence)).sum()))
    passed = abs(estimate) <= norm.ppf(0.5 + _LEVEL / 2) * se
    return NegativeControl("passed" if passed else "failed", estimate, se, _sentence(passed, estimate, se))


def _ridge_prediction(matrix: np.ndarray, outcome: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Linear prediction for every row, fitted on some with weights."""
    x = np.column_stack([np.ones(len(matrix)), matrix]).astype(np.float64)
    w = weights[rows] / weights[rows].mean()
    gram = (x[rows] * w[:, None]).T @ x[rows] + _RIDGE * np.eye(x.shape[1])
    return np.asarray(x @ np.linalg.solve(gram, x[rows].T @ (w * outcome[rows])))


def _sentence(passed: bool, estimate: float, se: float) -> str:
    found = f"{estimate:+.4f} (standard error {se:.4f})"
    if passed:
        return f"Negative control passed: purchases of offers the contact was not about differ by {found}."
    return (
        f"Negative control failed: purchases of offers the contact was not about differ by {found}, so contacts "
        "followed something that is not among the columns."
    )
