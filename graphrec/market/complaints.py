"""Which scores are complaints, and what customers had said before a moment.

Hides the scale. Scores of one market may run from 1 to 5, of another from 0 to 10; a complaint is a score more than one
standard deviation below the mean of all scores given before it. So no scale has to be told, and nothing later
decides what counted as low at the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphrec.market.history import History, to_microseconds
from graphrec.market.tables import Market

__all__ = ["Complaints"]

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
    def _history(self) -> History:
        customers, times, _ = self._scored
        return History(customers[self.low], times[self.low])

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
