"""Cut the record in time: train, purge, validation, purge, and a last period that is looked at once.

Hides the lengths. An outcome is counted over a horizon after its decision, so decisions less than a horizon before a
part know something of it; they are purged (López de Prado 2018, ch. 7). Validation and the last period are a fifth of
the record each, in whole horizons, one at least. Alternative considered: cross-validation over customers; it tunes for
yesterday's market and cannot see that a setting wears off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.market.tables import DataError

__all__ = ["Periods", "cut_periods"]

_SHARE = 0.2


@dataclass(frozen=True)
class Periods:
    """First and last local day of each part, as days since 1970-01-01, both included.

    Attributes
    ----------
    train, validation, last : tuple of int
    purge : int
        Days left out before validation and before the last period.
    """

    train: tuple[int, int]
    validation: tuple[int, int]
    last: tuple[int, int]
    purge: int

    def learns(self, part: str) -> tuple[int, int]:
        """Days that a candidate judged on ``part`` ("validation" or "last") may learn from."""
        return self.train if part == "validation" else (self.train[0], self.last[0] - self.purge - 1)

    def judges(self, part: str) -> tuple[int, int]:
        """Days of the part itself."""
        return self.validation if part == "validation" else self.last

    def to_dict(self) -> dict[str, object]:
        """Plain data with dates."""
        parts = {name: [_date(day) for day in getattr(self, name)] for name in ("train", "validation", "last")}
        return {**parts, "purge_days": self.purge}


def cut_periods(days: np.ndarray, horizon_days: int) -> Periods:
    """Cut decisions or purchases by their local day.

    Parameters
    ----------
    days : numpy.ndarray of int
        Local day of each, since 1970-01-01.
    horizon_days : int
        Length of the purge.

    Raises
    ------
    DataError
        Too few periods: nothing would be left to learn from.

    Examples
    --------
    >>> cut_periods(np.arange(0, 336, 28), 28)
    Periods(train=(0, 140), validation=(169, 224), last=(253, 308), purge=28)
    """
    first, end = int(days.min()), int(days.max())
    length = max(1, int(_SHARE * (end - first + 1) / horizon_days)) * horizon_days
    last = end - length + 1
    validated = last - horizon_days - 1
    validation = validated - length + 1
    trained = validation - horizon_days - 1
    if trained < first:
        raise DataError(
            f"the decisions span {end - first + 1} days ({_date(first)} to {_date(end)}); training, validation and a "
            f"last period of {length} days with {horizon_days} days purged between them need at least "
            f"{2 * length + 2 * horizon_days + 1}: give a longer record, or a shorter horizon_days"
        )
    return Periods((first, trained), (validation, validated), (last, end), horizon_days)


def _date(day: int) -> str:
    return str(pd.Timestamp(day, unit="D").date())
