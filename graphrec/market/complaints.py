"""Which feedback is a complaint, and what customers had said before a moment.

Hides the scale. Scores of one market may run from 1 to 5, of another from 0 to 10; a complaint is a score more than one
standard deviation below the mean of all scores given before it. So no scale has to be told, and nothing later
decides what counted as low at the time. Where the texts were read (`graphrec.read_feedback`), a text without a score
is a complaint if it reads as negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from graphrec.market.history import History, to_microseconds
from graphrec.market.tables import Market

__all__ = ["NEGATIVE", "Complaints", "sentiments"]

NEGATIVE = -0.2
"""Sentiment below which a text reads as negative."""
_FEWEST_SCORES = 20
"""Earlier scores without which none is judged."""


@dataclass
class Complaints:
    """What the customers of a market said, ready for questions as of a time.

    Parameters
    ----------
    market : Market
    """

    market: Market

    @cached_property
    def _scored(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Customers, times and values of all scores, in the order of time and customer."""
        rows = self.market.feedback["score"].notna().to_numpy()
        customers = self.market.codes("feedback", "customer_id")[rows].astype(np.int64)
        times = to_microseconds(self.market.feedback["created_at"])[rows]
        values = self.market.feedback["score"].to_numpy(np.float64)[rows]
        order = np.lexsort((values, customers, times))
        return customers[order], times[order], values[order]

    @cached_property
    def low(self) -> np.ndarray:
        """Which scores are complaints, in the order of time."""
        _, times, values = self._scored
        before = np.searchsorted(times, times, side="left")
        total, squares = (np.concatenate([[0.0], np.cumsum(v)])[before] for v in (values, np.square(values)))
        mean = total / np.maximum(before, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(before, 1) - mean**2, 0.0))
        return np.asarray((before >= _FEWEST_SCORES) & (values < mean - spread))

    @cached_property
    def unhappy(self) -> np.ndarray:
        """Which rows of the feedback are unhappy: a score that is a complaint, or a text that reads as negative."""
        _, times, values = self._scored
        low = pd.MultiIndex.from_arrays([times[self.low], values[self.low]])
        rows = pd.MultiIndex.from_arrays(
            [to_microseconds(self.market.feedback["created_at"]), self.market.feedback["score"].to_numpy(np.float64)]
        )
        return np.asarray(rows.isin(low)) | (sentiments(self.market) < NEGATIVE)

    @cached_property
    def _history(self) -> History:
        customers, times, _ = self._scored
        told = self.market.feedback["score"].isna().to_numpy() & (sentiments(self.market) < NEGATIVE)
        writers = self.market.codes("feedback", "customer_id")[told].astype(np.int64)
        written = to_microseconds(self.market.feedback["created_at"])[told]
        return History(np.concatenate([customers[self.low], writers]), np.concatenate([times[self.low], written]))

    def count(self, customers: np.ndarray, times: np.ndarray, window: int | None = None) -> np.ndarray:
        """Complaints of each customer in ``[time - window, time)``, shape (n,); times in microseconds."""
        return self._history.count(customers, times, window)

    def last_score(self, customers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Last score before each time; missing for customers who never gave one."""
        who, _, values = self._scored
        if not len(who):
            return np.full(len(customers), np.nan)
        order = np.argsort(who, kind="stable")
        place = self._places.last_position(customers, times)
        return np.where(place >= 0, values[order][place], np.nan)

    @cached_property
    def _places(self) -> History:
        return History(self._scored[0], self._scored[1])


def sentiments(market: Market) -> np.ndarray:
    """Sentiment of each feedback, shape (n,); missing where its text was not read or has no words."""
    if "sentiment" not in market.feedback:
        return np.full(len(market.feedback), np.nan)
    return np.asarray(
        pd.to_numeric(market.feedback["sentiment"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    )
