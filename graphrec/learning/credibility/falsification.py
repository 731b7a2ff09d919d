"""Does the adjustment hold? An effect is looked for where there can be none.

Hides the negative-control estimate: the "effect" of the contact on purchases of twin offers (see
`graphrec.market.twins`), in a partially linear model. If its interval excludes zero, contacts followed something that
the adjustment set does not hold. Alternative considered: the effect among the contacted, with controls weighted like
them. It answers the same question with half the power, because a few controls carry most of the weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from graphrec.learning.regressions.logistic import fit_logistic
from graphrec.learning.rows import TrainingRows

__all__ = ["NegativeControl", "negative_control"]

_LEVEL, _LEVEL_BELOW = 0.95, 0.999
"""Confidence asked of an estimate above zero, and of one below.

Twins that were contacted about themselves are no twins. Who is contacted much has the least wanted products left as
twins, so the estimate leans below zero wherever the zeal of the policy is hidden, without any harm to the effect.
"""
_RIDGE = 10.0
_FOLDS = 5
_FEWEST_ROWS = 50
_FARTHEST = 20.0


@dataclass(frozen=True)
class NegativeControl:
    """Result of the check.

    Attributes
    ----------
    status : {"passed", "failed", "not possible"}
    estimate, se : float
        Apparent effect of a contact on the share of twin offers bought, and its clustered standard error.
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


def negative_control(rows: TrainingRows, twin_outcome: np.ndarray, exposure_logit: np.ndarray) -> NegativeControl:
    r"""Effect of the contact on twin offers in a partially linear model.

    .. math:: \theta = \frac{\sum_i (D_i - \hat e_i) (Y_i - \hat m_i)}{\sum_i (D_i - \hat e_i)^2}

    Parameters
    ----------
    rows : TrainingRows
        Rows with the columns of the adjustment set; rows of a customer are one draw.
    twin_outcome : numpy.ndarray, shape (n,)
        Outcome that the contact cannot have moved; nan where there is none.
    exposure_logit : numpy.ndarray, shape (n,)
        Logit of a contact from models that did not see the customer; one more column of both regressions, which
        are linear otherwise.

    Notes
    -----
    The rows are taken as they were drawn, without sampling weights: if the columns hold the reason of the contact,
    contact and twin outcome are independent given them in every such sample, and few heavy rows would cost most of the
    power. The estimate is zero if either regression is right (generalised covariance measure, Shah & Peters 2020).
    """
    known = np.isfinite(twin_outcome)
    contacted = rows.contacted[known].astype(np.float64)
    outcome, clusters = twin_outcome[known], rows.clusters[known]
    too_few = min(contacted.sum(), len(contacted) - contacted.sum()) < _FEWEST_ROWS
    if too_few or outcome.std() == 0 or len(np.unique(clusters)) < _FOLDS:
        text = "No negative control: the market has too few comparable offers to check for hidden reasons of contact."
        return NegativeControl("not possible", float("nan"), float("nan"), text)
    logit = np.clip(exposure_logit[known], -_FARTHEST, _FARTHEST)
    x = np.column_stack([np.ones(len(outcome)), logit, rows.matrix[known]]).astype(np.float64)
    customers, position = np.unique(clusters, return_inverse=True)
    folds = position % _FOLDS
    residual = contacted - _cross_fit(x, contacted, folds, logistic=True)
    product = residual * (outcome - _cross_fit(x, outcome, folds, logistic=False))
    scale = np.square(residual).sum()
    estimate = float(product.sum() / scale)
    influence = np.bincount(position, weights=product - estimate * residual**2, minlength=len(customers))
    se = float(np.sqrt(np.square(influence).sum()) / scale)
    low, high = (norm.ppf(0.5 + level / 2) * se for level in (_LEVEL_BELOW, _LEVEL))
    passed = -low <= estimate <= high
    return NegativeControl("passed" if passed else "failed", estimate, se, _sentence(passed, estimate, se))


def _cross_fit(x: np.ndarray, target: np.ndarray, folds: np.ndarray, *, logistic: bool) -> np.ndarray:
    """Regression of the target on the columns (the first is 1), predicted for customers that were not fitted."""
    expected = np.empty(len(target))
    penalty = np.r_[0.0, np.full(x.shape[1] - 1, _RIDGE)]
    for fold in range(_FOLDS):
        test = folds == fold
        if logistic:
            fit = fit_logistic(x[~test], target[~test], penalty=penalty)
            expected[test] = expit(x[test] @ fit.coefficients)
        else:
            gram = x[~test].T @ x[~test] + np.diag(penalty)
            expected[test] = x[test] @ np.linalg.solve(gram, x[~test].T @ target[~test])
    return expected


def _sentence(passed: bool, estimate: float, se: float) -> str:
    found = f"{estimate:+.4f} (standard error {se:.4f})"
    if passed:
        return f"Negative control passed: purchases of offers the contact was not about differ by {found}."
    return (
        f"Negative control failed: purchases of offers the contact was not about differ by {found}, so contacts "
        "followed something that is not among the columns."
    )
