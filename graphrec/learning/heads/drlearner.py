r"""The DR-learner (Kennedy 2023): doubly robust scores of each row, regressed on the columns.

.. math::
    \varphi_c = \hat\mu_c(x) - \hat\mu_0(x) + \frac{1[T=c]}{\hat e_c(x)} (Y - \hat\mu_c(x))
                - \frac{1[T=0]}{\hat e_0(x)} (Y - \hat\mu_0(x))

Hides the scores. Both models are cross-fitted by customer; the error of the effect is then a product of theirs.
"""

from __future__ import annotations

import numpy as np

from graphrec.learning.heads.nuisances import Nuisances
from graphrec.learning.heads.projected import ProjectedUplift, fit_projected
from graphrec.learning.rows import TrainingRows

__all__ = ["doubly_robust_scores", "fit_dr_learner"]


def doubly_robust_scores(
    outcome: np.ndarray, channel: np.ndarray, means: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Scores whose mean given the columns is the effect of each channel, shape (n, number of channels).

    Parameters
    ----------
    outcome : numpy.ndarray, shape (n,)
    channel : numpy.ndarray, shape (n,), int
        0 for no contact, 1.. for the channels.
    means : numpy.ndarray, shape (n, 1 + number of channels)
        Mean outcome of each row in each arm, by models that have not seen its customer.
    inverse : numpy.ndarray, shape (n,)
        1 / P(arm received).

    Examples
    --------
    >>> means = np.array([[0.2, 0.5], [0.2, 0.5]])
    >>> doubly_robust_scores(np.array([1.0, 0.0]), np.array([1, 0]), means, np.array([2.0, 2.0])).round(3).ravel()
    array([1.3, 0.7])
    """
    residual = inverse * (outcome - means[np.arange(len(channel)), channel])
    received = channel[:, None] == np.arange(means.shape[1])
    return np.asarray(means[:, 1:] - means[:, :1] + residual[:, None] * (received[:, 1:] - 1.0 * received[:, :1]))


def fit_dr_learner(rows: TrainingRows, shared: Nuisances) -> ProjectedUplift:
    """Fit the DR-learner.

    Notes
    -----
    Right if either the means or the propensities are, given that contacts are as good as random given the columns.
    Breaks without overlap: one row of a rare arm then speaks for thousands, and the clipping decides.
    """
    means = shared.means(rows.matrix)
    scores = doubly_robust_scores(rows.outcome, rows.channel, means, shared.inverse(rows.channel))
    return fit_projected(rows, shared, scores, means[:, 0])
