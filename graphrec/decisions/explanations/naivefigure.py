"""What a report without causes would say: contacted customers less the others, as they come.

Hides the weights and the standard error by customer. It stands beside the effect so that the reader sees how much of
the difference was there before any contact.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from graphrec.market.panel import Panel
from graphrec.market.tables import DataError

__all__ = ["naive_difference"]


def naive_difference(panel: Panel, channel: str, level: float = 0.95) -> tuple[float, float, float]:
    """Mean outcome of rows contacted through a channel less that of rows without contact, with its interval.

    Parameters
    ----------
    panel : Panel
    channel : str
        Level of the treatment.
    level : float
        Confidence level; the error is summed by customer.

    Returns
    -------
    value, low, high : float

    Raises
    ------
    DataError
        No row was contacted through the channel, or every row was.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"arm": ["mail", "mail", "none", "none"] * 50, "visit": [1, 0, 0, 0] * 50})
    >>> panel = Panel.from_frame(table, treatment="arm", outcome="visit", control="none", roles={})
    >>> round(naive_difference(panel, "mail")[0], 2)
    0.5
    """
    given = panel.frame[panel.treatment].astype(str).to_numpy()
    outcome, weights = panel.frame[panel.outcome].to_numpy(np.float64), np.asarray(panel.weights, dtype=np.float64)
    contacted, control = given == channel, given == panel.control
    if not contacted.any() or not control.any():
        raise DataError(f"no row was contacted through {channel!r}, or none was not; there is nothing to compare")
    _, who = np.unique(panel.clusters, return_inverse=True)
    value, score = 0.0, np.zeros(len(outcome))
    for rows, sign in ((contacted, 1.0), (control, -1.0)):
        mean = float(np.average(outcome[rows], weights=weights[rows]))
        value += sign * mean
        score[rows] += sign * weights[rows] * (outcome[rows] - mean) / weights[rows].sum()
    reach = float(norm.ppf(0.5 + level / 2) * np.sqrt(np.square(np.bincount(who, weights=score)).sum()))
    return value, value - reach, value + reach
