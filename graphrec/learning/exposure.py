"""How likely each contact was: propensities on the columns of the adjustment, overlap and balance.

Hides how the probability is learned and clipped. It serves two purposes: to say where contacted and not contacted
customers can be compared at all, and to weight controls like the contacted (ATT weights e / (1 - e)), which makes the
organic model honest exactly where the contacts went.

Assumes that given the columns the contact is as good as random; without it the weights balance what was measured and
nothing else. Alternative considered: the probability the policy logged. It is better where it exists, but companies
log it for the customers they contact, and the weights are those of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.learning.outcome import BinaryModel, fit_binary

__all__ = ["Exposure", "effective_sample_size", "fit_exposure"]

_LARGEST_ODDS_QUANTILE = 0.995


@dataclass(frozen=True, eq=False)
class Exposure:
    """Propensity of a contact (any channel) and what it says about comparability.

    Attributes
    ----------
    model : BinaryModel
        Probability of a contact in the risk set.
    control_weights : numpy.ndarray, shape (n_controls,)
        ATT weights of the control rows, times their sampling weight, clipped at the named quantile.
    clipped_share : float
        Share of control rows whose weight was clipped.
    ess : float
        Effective sample size of the weighted controls.
    contacted_range : tuple of float
        1st and 99th percentile of the contacted rows' propensity logit: the region of support.
    balance : pandas.DataFrame
        Standardised mean difference of each column before and after weighting.
    """

    model: BinaryModel
    control_weights: np.ndarray
    clipped_share: float
    ess: float
    contacted_range: tuple[float, float]
    balance: pd.DataFrame

    def supported(self, matrix: np.ndarray) -> np.ndarray:
        """True where rows like this one were contacted in the past."""
        logits = self.model.logits(matrix)
        return (logits >= self.contacted_range[0]) & (logits <= self.contacted_range[1])


def effective_sample_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 (Kish)."""
    total = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / total if total > 0 else 0.0


def fit_exposure(
    matrix: np.ndarray,
    contacted: np.ndarray,
    folds: np.ndarray,
    names: tuple[str, ...],
    *,
    weights: np.ndarray,
    seed: int = 0,
) -> Exposure:
    """Learn the propensity of a contact.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Columns of the adjustment.
    contacted : numpy.ndarray, shape (n,), bool
        Whether the row was contacted.
    folds : numpy.ndarray, shape (n,)
        Customer fold of each row.
    names : tuple of str
        Names of the matrix columns, for the balance table.
    weights : numpy.ndarray, shape (n,)
        Sampling weights: rows of the risk set that each row stands for.
    """
    model = fit_binary(matrix, contacted.astype(np.float64), folds, weights=weights, seed=seed)
    control = ~contacted
    raw = np.exp(model.out_of_fold[control]) * weights[control]
    limit = float(np.quantile(raw, _LARGEST_ODDS_QUANTILE))
    clipped = np.minimum(raw, limit)
    low, high = np.quantile(model.out_of_fold[contacted], [0.01, 0.99])
    return Exposure(
        model=model,
        control_weights=clipped,
        clipped_share=float((raw > limit).mean()),
        ess=effective_sample_size(clipped),
        contacted_range=(float(low), float(high)),
        balance=_balance(matrix, contacted, weights[control], clipped, names),
    )


def _balance(
    matrix: np.ndarray, contacted: np.ndarray, before: np.ndarray, after: np.ndarray, names: tuple[str, ...]
) -> pd.DataFrame:
    treated = matrix[contacted].mean(axis=0)
    spread = np.maximum(matrix[contacted].std(axis=0), 1e-9)
    controls = matrix[~contacted]
    return pd.DataFrame(
        {
            "column": list(names),
            "before": (treated - np.average(controls, axis=0, weights=before)) / spread,
            "after": (treated - np.average(controls, axis=0, weights=after)) / spread,
        }
    )
