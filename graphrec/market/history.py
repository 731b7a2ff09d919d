"""What was known before a moment: counts, sums and last times of dated records, as of any time.

Hides the sorted layout that answers "how many before t?" for millions of (group, time) questions at once. Records
are sorted by (group, time) and numbered with one integer key, so each question is one binary search. Sums run within
a group, so an answer is the same to the last bit whatever other groups, or later records, hold.

Alternative considered: an as-of join of a data frame library. It answers "the last row before t" only, so windowed
counts need one join for each window, and ties at t are included by default.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

__all__ = ["History", "pair_codes", "to_microseconds"]

_NEVER = np.iinfo(np.int64).min


def to_microseconds(times: object) -> np.ndarray:
    """UTC times as int64 microseconds since 1970; a missing time is the smallest int64."""
    stamps = pd.DatetimeIndex(pd.to_datetime(times, utc=True))  # type: ignore[call-overload]
    return np.asarray(stamps.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64))


def pair_codes(left: np.ndarray, right: np.ndarray, right_size: int) -> np.ndarray:
    """One int64 code for each pair; negative where either side is unknown."""
    codes = left.astype(np.int64) * max(right_size, 1) + right.astype(np.int64)
    return np.where((left < 0) | (right < 0), np.int64(-1), codes)


class History:
    """Dated records of many groups, ready for questions as of a time.

    A record at exactly time t is *not* before t: every answer uses records strictly earlier.

    Parameters
    ----------
    groups : numpy.ndarray, shape (m,), int64
        Group of each record; negative groups are ignored.
    times : numpy.ndarray, shape (m,), int64
        Time of each record in microseconds.
    values : numpy.ndarray, shape (m,), optional
        Finite value of each record, for sums.

    Notes
    -----
    Memory is 16 to 40 bytes for each record; a question costs O(log m).

    Examples
    --------
    >>> history = History(np.array([7, 7, 8]), np.array([10, 20, 10]))
    >>> history.count(np.array([7, 7, 8, 9]), np.array([20, 21, 5, 99])).tolist()
    [1.0, 2.0, 0.0, 0.0]
    """

    def __init__(self, groups: np.ndarray, times: np.ndarray, values: np.ndarray | None = None) -> None:
        # Two stable sorts, by time and then by group; the first is free where records come in time order.
        by_time = np.flatnonzero(groups >= 0)
        if (np.diff(times[by_time]) < 0).any():
            by_time = by_time[np.argsort(times[by_time], kind="stable")]
        self._moments, ranks, _ = _runs(times[by_time].astype(np.int64))
        by_group = np.argsort(groups[by_time], kind="stable")
        self._groups, self._dense, starts = _runs(groups[by_time][by_group].astype(np.int64))
        self._starts = np.append(starts, len(by_time))
        # Ranks instead of times keep (number of groups) x (number of times) far below 2^63.
        self._keys = self._dense * (len(self._moments) + 1) + ranks[by_group]
        self._values = None if values is None else values[by_time][by_group].astype(np.float64)

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def _running(self) -> np.ndarray:
        """Sum of each record and the earlier ones of its group, after one leading zero."""
        if self._values is None:
            raise ValueError("this history was built without values; pass values= to ask for sums")
        sums = pd.Series(self._values).groupby(self._dense).cumsum()
        return np.concatenate([[0.0], sums.to_numpy()])

    def _positions(self, dense: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Number of records with a smaller (group, time)."""
        earlier = np.searchsorted(self._moments, times, side="left")
        return np.asarray(np.searchsorted(self._keys, dense * (len(self._moments) + 1) + earlier, side="left"))

    def _bounds(
        self, groups: np.ndarray, times: np.ndarray, window: int | np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First position of the group, and the half-open range of its records in the window."""
        dense = np.minimum(np.searchsorted(self._groups, groups), len(self._groups) - 1)
        first = self._starts[dense]
        end = self._positions(dense, times)
        start = first if window is None else self._positions(dense, times - window)
        known = self._groups[dense] == groups
        return first, np.where(known, start, first), np.where(known, np.maximum(end, start), first)

    def count(self, groups: np.ndarray, times: np.ndarray, window: int | np.ndarray | None = None) -> np.ndarray:
        """Records of each group in ``[time - window, time)``; all before ``time`` without a window.

        A window may be one number of microseconds, or one for each question.
        """
        if not len(self):
            return np.zeros(len(groups))
        _, start, end = self._bounds(groups, times, window)
        return np.asarray(end - start, dtype=np.float64)

    def total(self, groups: np.ndarray, times: np.ndarray, window: int | None = None) -> np.ndarray:
        """Sum of values in the same window."""
        running = self._running
        if not len(self):
            return np.zeros(len(groups))
        first, start, end = self._bounds(groups, times, window)
        below = np.where(start > first, running[start], 0.0)
        return np.where(end > start, running[end] - below, 0.0)

    def last_position(self, groups: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Position of the last record before ``time`` among the records in the order of group and time; -1 for none."""
        if not len(self):
            return np.full(len(groups), -1)
        _, start, end = self._bounds(groups, times, None)
        return np.where(end > start, end - 1, -1)

    def last_time(self, groups: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Time (microseconds) of the last record before ``time``; the smallest int64 where there is none."""
        if not len(self):
            return np.full(len(groups), _NEVER)
        _, start, end = self._bounds(groups, times, None)
        last = self._moments[self._keys[np.maximum(end - 1, 0)] % (len(self._moments) + 1)]
        return np.where(end > start, last, _NEVER)


def _runs(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct values of a sorted array, the position of each entry among them, and where each begins."""
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new], np.cumsum(new) - 1, np.flatnonzero(new)
