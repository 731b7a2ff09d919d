"""From covariates to a numeric matrix, the same way at fitting and at scoring.

Hides how counts, money, words and missing values become numbers: heavy-tailed non-negative columns are taken as
log(1 + x), numbers are standardised, words become indicator columns, a missing number becomes the median plus an
indicator. The transformation is plain data, so it is saved as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.tables import DataError

__all__ = ["ColumnCode", "Design", "fit_design"]

_RARE = 20
"""A word seen in fewer rows than this shares one indicator with the other rare words."""
_SKEWED = 3.0
"""A non-negative column whose maximum exceeds this many standard deviations above its mean is log-transformed."""
_UNBOUNDED = 1e6
"""Standard deviations that no number reaches (finite, so that JSON can hold it)."""
_ROUNDING = 1e-9
"""A spread below this share of the mean is rounding, not variation."""


@dataclass(frozen=True)
class ColumnCode:
    """How one column becomes numbers.

    Attributes
    ----------
    name : str
        Column of the panel.
    levels : tuple of str
        Words with an indicator of their own; empty for numbers.
    logarithm : bool
        Take log(1 + x) first.
    median, mean, scale : float
        Fill for missing values; then (x - mean) / scale.
    flags_missing : bool
        Adds an indicator of missing values.
    low, high : float
        Range of the standardised number in training; beyond it a row counts as being at its end.
    """

    name: str
    levels: tuple[str, ...] = ()
    logarithm: bool = False
    median: float = 0.0
    mean: float = 0.0
    scale: float = 1.0
    flags_missing: bool = False
    low: float = -_UNBOUNDED
    high: float = _UNBOUNDED

    @property
    def width(self) -> int:
        """Number of matrix columns."""
        return len(self.levels) if self.levels else 1 + int(self.flags_missing)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns."""
        if self.levels:
            return tuple(f"{self.name}={level}" for level in self.levels)
        return (self.name, f"{self.name} missing") if self.flags_missing else (self.name,)


@dataclass(frozen=True)
class Design:
    """A fitted transformation from a frame to a float32 matrix.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [20.0, 40.0, None]})
    >>> design = fit_design(frame, ["age"])
    >>> design.names
    ('age', 'age missing')
    >>> design.transform(frame).shape
    (3, 2)
    """

    columns: tuple[ColumnCode, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """Panel column behind each matrix column."""
        return tuple(column.name for column in self.columns for _ in column.names)

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Matrix of the frame, shape (rows, len(names)), float32.

        A word never seen in training counts as the first or as a rare one, a missing number as the median, and a
        number beyond those seen as the nearest of them: where all contacts were sent on one day, the next season is
        thousands of standard deviations away.

        Raises
        ------
        DataError
            A column of the training table is missing, or held numbers there and holds words here.
        """
        missing = [column.name for column in self.columns if column.name not in frame.columns]
        if missing:
            raise DataError(
                f"the table lacks the column {', '.join(map(repr, missing))} that the model was trained with; add it "
                "(empty where unknown), and in a market give it the same role"
            )
        matrix = np.zeros((len(frame), len(self.names)), dtype=np.float32)
        at = 0
        for column in self.columns:
            _fill(matrix[:, at : at + column.width], column, frame[column.name])
            at += column.width
        return matrix

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain data for JSON."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_dict(cls, data: Sequence[Mapping[str, Any]]) -> Design:
        """Rebuild from `to_dict`."""
        return cls(tuple(ColumnCode(**{**column, "levels": tuple(column["levels"])}) for column in data))


def fit_design(frame: pd.DataFrame, columns: Sequence[str]) -> Design:
    """Learn the transformation of some columns of a frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        Training rows.
    columns : sequence of str
        Columns to use; constant ones and words without a frequent one are skipped.

    Raises
    ------
    DataError
        A column is missing.
    """
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise DataError(f"the table lacks the column {', '.join(map(repr, absent))}; name columns it has")
    codes = []
    for name in columns:
        column = frame[name]
        numeric = pd.api.types.is_numeric_dtype(column)
        code = _number_code(name, _numbers(name, column)) if numeric else _word_code(name, column)
        if code is not None:
            codes.append(code)
    return Design(tuple(codes))


def _numbers(name: str, column: pd.Series) -> np.ndarray:
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"column {name!r} held numbers when the model was trained and does not now; convert it to numbers"
        ) from error


def _number_code(name: str, values: np.ndarray) -> ColumnCode | None:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    median = float(np.median(known))
    spread = float(known.std())
    logarithm = bool(known.min() >= 0 and known.max() > known.mean() + _SKEWED * spread and spread > 0)
    known = np.log1p(known) if logarithm else known
    mean, scale = float(known.mean()), float(known.std())
    flags = len(known) < len(values)
    constant = scale <= _ROUNDING * max(abs(mean), 1e-3)
    if constant and not flags:
        return None
    scale = 1.0 if constant else scale
    low, high = (known.min() - mean) / scale, (known.max() - mean) / scale
    return ColumnCode(name, (), logarithm, median, mean, scale, flags, float(low), float(high))


def _word_code(name: str, column: pd.Series) -> ColumnCode | None:
    words = column.astype("str").where(column.notna(), "missing")
    counts = words.value_counts()
    levels = tuple(sorted(str(word) for word in counts.index[counts >= min(_RARE, len(words) // 4 + 1)]))
    if len(levels) < 2 and len(counts) < 2:
        return None
    return ColumnCode(name, levels[1:] if len(levels) == len(counts) else levels) if levels else None


def _fill(target: np.ndarray, code: ColumnCode, column: pd.Series) -> None:
    if code.levels:
        words = column.astype("str").where(column.notna(), "missing").to_numpy()
        for position, level in enumerate(code.levels):
            target[:, position] = words == level
        return
    values = _numbers(code.name, column)
    missing = ~np.isfinite(values)
    values = np.where(missing, code.median, values)
    if code.logarithm:
        values = np.log1p(np.maximum(values, 0.0))
    target[:, 0] = np.clip((values - code.mean) / code.scale, code.low, code.high)
    if code.flags_missing:
        target[:, 1] = missing
