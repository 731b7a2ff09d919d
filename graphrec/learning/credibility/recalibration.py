r"""Is a predicted effect right in size? The best linear predictor of the effect, and its use where it clearly helps.

.. math:: \tau(x) = \alpha + \beta \, \hat\tau(x)

Hides the regression of doubly robust scores on predictions for customers left out (Chernozhukov et al. 2018, "Generic
machine learning inference"), weighted to where contact and none are both likely. A slope of 1 means that predictions
are right in size, below 1 that they are exaggerated. The line is applied only where, learned on some customers, it
predicts the others better by two standard errors: a recalibration by noise is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.evaluation.calibration import CalibrationTable, calibration_by_decile, calibration_slope
from graphrec.evaluation.inputs import EvaluationError
from graphrec.learning.credibility.crossfit import LeftOut
from graphrec.learning.response import Response

__all__ = ["Recalibration", "fit_recalibration"]


@dataclass(frozen=True)
class Recalibration:
    """The line through predicted and true effects.

    Attributes
    ----------
    slope, intercept : float
        beta and alpha; nan where the predictions do not differ.
    interval : tuple of float
        95 % interval of the slope, by customer.
    applies : bool
        Whether the line predicts customers left out clearly better than the predictions themselves.
    gain : float
        Share of the squared error of the scores that the line saves on customers left out.
    deciles : CalibrationTable or None
        Mean predicted and true effect by decile of the prediction.
    binary : bool
        Whether corrected means have to stay inside [0, 1].
    """

    slope: float
    intercept: float
    interval: tuple[float, float]
    applies: bool
    gain: float
    deciles: CalibrationTable | None = None
    binary: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the deciles."""
        return {
            **{name: getattr(self, name) for name in ("slope", "intercept", "applies", "gain", "binary")},
            "interval": list(self.interval),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recalibration:
        """Rebuild from `to_dict`."""
        low, high = data["interval"]
        return cls(**{**data, "interval": (low, high)})

    def apply(self, response: Response) -> Response:
        """The response with effects moved along the line, where that is clearly better; else as it is."""
        if not self.applies:
            return response
        contact = response.p_organic[:, None] + self.intercept + self.slope * response.uplift
        contact = np.clip(contact, 0.0, 1.0) if self.binary else contact
        return Response(response.p_organic, contact, response.se * abs(self.slope))

    @property
    def sentence(self) -> str:
        """What it means, in plain English."""
        if not np.isfinite(self.slope):
            return "Every customer is predicted the same effect, so its size by customer cannot be judged."
        low, high = self.interval
        found = (
            f"For each point of predicted effect, customers left out show {self.slope:.2f} ({low:.2f} to {high:.2f})"
        )
        if self.applies:
            return f"{found}; predictions are corrected by that line."
        if low <= 0.0:
            return f"{found}: nothing shows that the differences between customers are real."
        if low <= 1.0 <= high:
            return f"{found}, which agrees with 1: the predicted effects are right in size."
        return f"{found}; correcting by that line does not clearly help on other customers, so it is not done."


def fit_recalibration(left: LeftOut, *, level: float = 0.95, binary: bool = True) -> Recalibration:
    """Regress the scores of all channels on their predictions.

    Parameters
    ----------
    left : LeftOut
    level : float
        Confidence level of the slope's interval.
    binary : bool
        Whether the outcome is 0/1.

    Notes
    -----
    Needs that contacts are as good as random given the columns, like the scores. The population is the one where
    contact and none are both likely; elsewhere the line is carried over.
    """
    channels = left.uplift.shape[1]
    guess, scores, weights = left.uplift.ravel(), left.scores.ravel(), left.overlap.ravel()
    clusters, folds = np.repeat(left.clusters, channels), np.repeat(left.folds, channels)
    try:
        line = calibration_slope(guess, scores, weights=weights, clusters=clusters, level=level)
    except EvaluationError:
        return Recalibration(float("nan"), float("nan"), (float("nan"), float("nan")), False, 0.0)
    saved = np.zeros(len(guess))
    for fold in np.unique(folds):
        test = folds == fold
        alpha, beta = _line(guess[~test], scores[~test], weights[~test])
        saved[test] = (scores[test] - guess[test]) ** 2 - (scores[test] - alpha - beta * guess[test]) ** 2
    _, position = np.unique(clusters, return_inverse=True)
    gain = np.bincount(position, weights=weights * saved)
    clear = bool(gain.sum() > 2.0 * np.sqrt(np.square(gain - gain.mean()).sum()))
    total = float((weights * (scores - guess) ** 2).sum())
    deciles = calibration_by_decile(guess, scores, weights=weights, clusters=clusters, level=level)
    interval = (line.interval.low, line.interval.high)
    return Recalibration(
        line.slope, line.intercept, interval, clear, float(gain.sum()) / max(total, 1e-300), deciles, binary
    )


def _line(guess: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted least squares; the identity where the predictions do not differ."""
    centre, level = np.average(guess, weights=weights), np.average(scores, weights=weights)
    spread = float(weights @ (guess - centre) ** 2)
    slope = float((weights * (guess - centre)) @ scores) / spread if spread > 0 else 1.0
    return float(level - slope * centre), slope
