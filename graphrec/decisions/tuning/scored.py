"""What a candidate was worth, kept so that two candidates can be compared on the same customers.

Hides that customers are gathered in groups: a few hundred sums are all that a paired standard error needs, and they fit
into the row of a trial, so a study that is taken up again still compares pairs. With fewer customers than groups each
customer is a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphrec.evaluation.intervals import Interval, mean_interval

__all__ = ["LEVEL", "Score", "customer_groups"]

GROUPS = 400
LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Score:
    """A mean over customers, by group.

    Attributes
    ----------
    sums, weights : numpy.ndarray, shape (g,)
        Weighted sum of the figure, and weight, of each group; the weights are the same for all candidates of a part.
    """

    sums: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> Score:
        """Gather rows; groups without weight are left out."""
        sums, total = (np.bincount(groups, weights=column) for column in (values * weights, weights))
        return cls(sums[total > 0], total[total > 0])

    @property
    def interval(self) -> Interval:
        """The mean with its standard error, by group."""
        return mean_interval(self.sums / self.weights, weights=self.weights, level=LEVEL)

    def minus(self, other: Score) -> Interval:
        """Paired difference of the two means."""
        return Score(self.sums - other.sums, self.weights).interval

    def breadth(self, other: Score) -> float:
        """On how many groups the difference of the two rests: (sum of its parts)^2 / sum of their squares (Kish)."""
        parts = np.abs(self.sums - other.sums)
        return float(parts.sum() ** 2 / np.square(parts).sum()) if parts.any() else 0.0

    @classmethod
    def from_list(cls, sums: Sequence[float], weights: Sequence[float]) -> Score:
        """Rebuild from plain data."""
        return cls(np.asarray(sums, dtype=np.float64), np.asarray(weights, dtype=np.float64))


def customer_groups(customers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Group of each row, such that a customer is in one group, drawn by lot."""
    distinct, position = np.unique(customers, return_inverse=True)
    return np.asarray((rng.permutation(len(distinct)) % min(GROUPS, len(distinct)))[position])
