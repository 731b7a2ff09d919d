"""Columns of a frame as numbers that a model can be fitted on.

Hides how a column of any kind becomes matrix columns: numbers keep their value (a gap becomes the median and
a flag), booleans become 0 / 1, categories become one column per level against the most frequent one. The
encoding is fitted once and applied to other frames unchanged, so that a level unseen at fitting is an error
and not a silent zero. A pipeline of scikit-learn transformers was considered: it hides the level handling
that the errors here must name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = [
    "GAP",
    "ColumnCode",
    "Encoding",
    "FrameError",
    "fit_encoding",
    "is_discrete",
    "level_codes",
    "numeric_values",
    "require_columns",
    "require_pandas",
]

MAX_LEVELS = 50
REST = "(other levels)"
GAP = "(missing)"
NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")

Floats = NDArray[np.float64]


class FrameError(ValueError):
    """A frame or an argument cannot be used as asked; the message says what to change."""


@dataclass(frozen=True)
class ColumnCode:
    """How one column becomes matrix columns.

    Parameters
    ----------
    column : str
        Name in the frame.
    levels : tuple of str or None
        Levels of a categorical column, most frequent (the reference, which gets no matrix column) first;
        None for a numeric column.
    fill : float
        Value a gap of a numeric column is replaced by (the median at fitting).
    flag : bool
        Whether a numeric column had gaps at fitting and so gets a second, 0 / 1 matrix column.
    merged : int
        Number of rare levels merged into one.
    """

    column: str
    levels: tuple[str, ...] | None
    fill: float = 0.0
    flag: bool = False
    merged: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns."""
        if self.levels is not None:
            return tuple(f"{self.column}={level}" for level in self.levels[1:])
        return (self.column, f"{self.column} missing") if self.flag else (self.column,)


@dataclass(frozen=True)
class Encoding:
    """A fitted encoding of some columns.

    Parameters
    ----------
    codes : tuple of ColumnCode
        One per column, in order.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [30.0, None, 50.0], "shop": ["a", "b", "a"]})
    >>> encoding = fit_encoding(frame, ["age", "shop"])
    >>> encoding.names
    ('age', 'age missing', 'shop=b')
    >>> encoding.transform(frame).tolist()
    [[30.0, 0.0, 0.0], [40.0, 1.0, 1.0], [50.0, 0.0, 0.0]]
    """

    codes: tuple[ColumnCode, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns."""
        return tuple(name for code in self.codes for name in code.names)

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence per column whose rare levels were merged."""
        return tuple(
            f"Column '{code.column}' has many levels: its {code.merged} rarest were merged into one."
            for code in self.codes
            if code.merged
        )

    def transform(self, frame: pd.DataFrame) -> Floats:
        """Encode the rows of a frame.

        Parameters
        ----------
        frame : DataFrame, n rows
            Holds every encoded column; other columns are ignored.

        Returns
        -------
        ndarray of float, shape (n, p)
            p = len(self.names).

        Raises
        ------
        FrameError
            When a column is absent, holds infinite values or, if categorical, a level unseen at fitting.
        """
        require_columns(frame, [code.column for code in self.codes])
        blocks = [_encode(frame[code.column], code) for code in self.codes]
        return np.column_stack(blocks) if blocks else np.empty((len(frame), 0))


def fit_encoding(frame: pd.DataFrame, columns: Iterable[str]) -> Encoding:
    """Learn how to encode columns of a frame.

    Parameters
    ----------
    frame : DataFrame
        Numeric, boolean, categorical or string columns. A categorical or string column with more than 50
        levels keeps the 49 most frequent, the others are merged (see :attr:`Encoding.notes`).
    columns : iterable of str
        The columns to encode, in order.

    Returns
    -------
    Encoding

    Raises
    ------
    FrameError
        When a column is absent, a date, without any value, or holds infinite values.
    """
    wanted = list(dict.fromkeys(columns))
    require_columns(frame, wanted)
    return Encoding(tuple(_fit_column(frame[column], column) for column in wanted))


def require_pandas(frame: object) -> None:
    """Raise :class:`FrameError` when something is no pandas frame, with how to make it one."""
    if not isinstance(frame, pd.DataFrame):
        kind = type(frame)
        remedy = "; convert it with .to_pandas()" if hasattr(frame, "to_pandas") else ""
        raise FrameError(f"a pandas DataFrame is needed, got {kind.__module__.split('.')[0]}.{kind.__name__}{remedy}")


def require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise :class:`FrameError` naming the columns that a frame lacks or holds twice."""
    require_pandas(frame)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        shown = ", ".join(repr(column) for column in missing[:5])
        there = ", ".join(repr(str(column)) for column in frame.columns[:12])
        raise FrameError(f"unknown column {shown}; the frame has {there}{' ...' * (frame.shape[1] > 12)}")
    twice = frame.columns[frame.columns.duplicated()].intersection(list(columns))
    if len(twice):
        raise FrameError(f"column {twice[0]!r} appears twice; rename or drop one of the two")


def numeric_values(series: pd.Series[float], gaps: bool = False) -> Floats:
    """Return a numeric or boolean column as floats.

    Parameters
    ----------
    series : Series, n rows
    gaps : bool
        Whether missing values may pass (as NaN).

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    FrameError
        When the column is not numeric, holds infinite values, or missing ones where they may not pass.
    """
    name = series.name
    if pd.api.types.is_complex_dtype(series.dtype):
        raise FrameError(f"column {name!r} is complex; give its real and imaginary part as two columns")
    if _holds_numbers(series, gaps):
        series = _decimals(series)
    if not (pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)):
        raise FrameError(
            f"column {name!r} must be numeric or boolean, it is {series.dtype} "
            f"(first values {series.head(3).tolist()}); convert it first"
        )
    values: Floats = np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise FrameError(f"column {name!r} holds infinite values (first at row {row}); remove or cap them")
    if not gaps and np.isnan(values).any():
        rows = np.flatnonzero(np.isnan(values))
        raise FrameError(
            f"column {name!r} has {len(rows)} missing values (first at row {rows[0]}); "
            "drop those rows or fill them before estimating"
        )
    return values


def is_discrete(series: pd.Series[float]) -> bool:
    """Say whether a column holds categories (strings, categoricals, objects) and not numbers."""
    numeric = pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)
    return not (numeric or _holds_numbers(series))


def _holds_numbers(series: pd.Series[Any], gaps: bool = False) -> bool:
    """Say whether a column of objects holds numbers only, as databases hand over their decimals (or gaps only)."""
    kinds = (*NUMBERS, "empty") if gaps else NUMBERS
    return series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) in kinds


def _decimals(series: pd.Series[Any]) -> pd.Series[float]:
    """Return a column of number objects as floats."""
    try:
        return series.where(series.notna(), np.nan).astype(np.float64)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise FrameError(
            f"column {series.name!r} holds a number that cannot be read ({error}); convert it first"
        ) from error


def level_names(series: pd.Series[str]) -> pd.Series[str]:
    """Return a categorical column as plain strings, gaps as their own level."""
    text = series.astype(object).map(str, na_action="ignore")
    return text.where(text.notna(), GAP).astype(object)


def level_codes(series: pd.Series[str]) -> tuple[NDArray[np.intp], list[str]]:
    """Number the levels of a categorical column: (number of each row, names in alphabetical order).

    Levels that do not occur are left out, gaps are a level of their own. Names are made once for each level and not
    for each row, which matters where a table has many rows.

    Raises
    ------
    FrameError
        When the values are lists or other things that cannot be compared.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        array = cast("pd.Categorical", series.array)
        found, values = array.codes, array.categories.tolist()
    else:
        try:
            found, kinds = pd.factorize(series.to_numpy(dtype=object))
        except TypeError as error:
            first = series.dropna().head(1).tolist()
            raise FrameError(
                f"column {series.name!r} holds values that cannot be told apart ({error}; first {first}); "
                "turn them into text or numbers"
            ) from error
        values = list(kinds)
    names = [GAP, *map(str, values)]
    number = found.astype(np.intp) + 1
    there = np.bincount(number, minlength=len(names)) > 0
    levels = sorted({name for name, occurs in zip(names, there) if occurs})
    place = {name: rank for rank, name in enumerate(levels)}
    return np.array([place.get(name, -1) for name in names], dtype=np.intp)[number], levels


def _fit_column(series: pd.Series[float], column: str) -> ColumnCode:
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
        raise FrameError(f"column {column!r} is a date; turn it into a number (days before the decision) first")
    if len(series) == 0 or series.isna().all():
        raise FrameError(f"column {column!r} has no value at all; leave it out")
    if not is_discrete(series):
        values = numeric_values(series, gaps=True)
        return ColumnCode(column, None, float(np.nanmedian(values)), bool(np.isnan(values).any()))
    counts = level_names(series).value_counts()  # type: ignore[arg-type]
    ranked = sorted(zip(counts.index, counts.to_numpy()), key=lambda pair: (-pair[1], pair[0]))
    levels = [str(level) for level, _ in ranked]
    merged = max(0, len(levels) - (MAX_LEVELS - 1)) if len(levels) > MAX_LEVELS else 0
    if merged:
        levels = [*levels[: MAX_LEVELS - 1], REST]
    return ColumnCode(column, tuple(levels), merged=merged)


def _encode(series: pd.Series[float], code: ColumnCode) -> Floats:
    if code.levels is None:
        values = numeric_values(series, gaps=True)
        gaps = np.isnan(values)
        filled = np.where(gaps, code.fill, values)
        return np.column_stack([filled, gaps]) if code.flag else filled[:, None]
    text = level_names(series)  # type: ignore[arg-type]
    position = pd.Index(code.levels).get_indexer(pd.Index(text))
    if (position < 0).any():
        if REST not in code.levels:
            unseen = text[position < 0].drop_duplicates().head(3).tolist()
            raise FrameError(f"column {code.column!r} has levels unseen at fitting: {unseen}; refit with them")
        position = np.where(position < 0, len(code.levels) - 1, position)
    return np.asarray(position[:, None] == np.arange(1, len(code.levels))[None, :], dtype=np.float64)
