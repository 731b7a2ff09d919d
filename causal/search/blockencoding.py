"""From the columns of a frame to blocks of standardised numbers, and what had to be done to them.

Hides which columns are refused, scored, merged or left without edges. A number is replaced by its normal scores when it
is far from normal; a transformation by its skewness (Box & Cox 1964) was considered, it needs positive values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.encoding import GAP, FrameError, is_discrete, level_codes, numeric_values, require_pandas
from causal.graph import Note
from causal.search.blocks import Blocks, Column, find_distinct, whiten

__all__ = ["encode_blocks"]

MAX_LEVELS = 30
SKEW_LIMIT = 2.0
KURTOSIS_LIMIT = 10.0
TINY = 1e-9
SAME = 1e-13  # of the largest value: what rounding leaves of a column with one value
LARGEST = 1e100  # its square must be a number
ROUNDING = 1e-6
SHOWN = 8

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Booleans = NDArray[np.bool_]


def encode_blocks(frame: pd.DataFrame) -> Blocks:
    """Turn numeric, boolean and categorical columns into blocks.

    Numbers with a skewness beyond 2 or an excess kurtosis beyond 10, and more than two values, are replaced by
    normal scores. Gaps in numbers get the mean (after scoring), gaps in categories are a level. Beyond 30 levels,
    the rarest are merged. A column that repeats an earlier one gets no block, so that it stays without edges.

    Raises
    ------
    FrameError
        When the frame is empty, a column name is no string or comes twice, or a column is a date, without
        values, or infinite somewhere.
    """
    _check_frame(frame)
    notes: list[Note] = []
    names = tuple(str(name) for name in frame.columns)
    found = tuple(_encode_column(series, name, notes) for name, (_, series) in zip(names, frame.items()))
    blocks = Blocks(names, found, (), find_distinct(found))
    gram, starts = _correlations(blocks)
    twins = _twins(gram, starts)
    for twin, earlier in twins.items():
        said = (
            f"{names[twin]!r} says the same as {names[earlier]!r}: it stays without edges, {names[earlier]!r} has them."
        )
        notes.append(Note("duplicate", (names[twin], names[earlier]), said))
    notes += _determined(gram, starts, names, set(twins), len(frame))
    if not twins:
        return replace(blocks, notes=tuple(notes))
    nothing = Column(np.empty((len(frame), 0)))
    kept = tuple(nothing if i in twins else column for i, column in enumerate(found))
    return Blocks(names, kept, tuple(notes), find_distinct(kept))


def _check_frame(frame: pd.DataFrame) -> None:
    require_pandas(frame)
    names = frame.columns.tolist()
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        raise FrameError(f"column names must be strings, found {strange[:5]}; rename the columns")
    if not frame.columns.is_unique:
        twice = next(name for name in names if names.count(name) > 1)
        raise FrameError(f"column {twice!r} appears twice; rename or drop one of the two")
    if frame.shape[1] < 1 or len(frame) < 10:
        raise FrameError(f"the table has {len(frame)} rows and {frame.shape[1]} columns; give at least 10 rows")


def _encode_column(series: pd.Series[Any], name: str, notes: list[Note]) -> Column:
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
        raise FrameError(f"column {name!r} is a date; turn it into a number (days before the decision) first")
    column = _category(series, name, notes) if is_discrete(series) else _number(series, name, notes)
    if not column.width:
        notes.append(Note("constant", (name,), f"{name!r} has one value only: it stays without edges."))
    return column


def _category(series: pd.Series[Any], name: str, notes: list[Note]) -> Column:
    """Number the levels, the most frequent 0, and give every other a standardised indicator."""
    codes, levels = level_codes(series)
    if levels == [GAP] and series.isna().all():
        raise _without_values(name)
    counts = np.bincount(codes, minlength=len(levels))
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    if len(levels) > MAX_LEVELS:
        merged = len(levels) - MAX_LEVELS + 1
        notes.append(Note("levels", (name,), f"The {merged} rarest levels of {name!r} were merged into one."))
    number = np.minimum(rank, MAX_LEVELS - 1).astype(np.uint8)
    share = np.bincount(number, counts) / len(codes)
    indicators = (np.eye(len(share))[:, 1:] - share[1:]) / np.sqrt(share[1:] * (1.0 - share[1:]))
    return Column(indicators, number[codes])


def _number(series: pd.Series[Any], name: str, notes: list[Note]) -> Column:
    """Standardise a number, or its normal scores."""
    values = numeric_values(series, gaps=True)
    there = ~np.isnan(values)
    known = values[there]
    if not len(known):
        raise _without_values(name)
    size = float(np.abs(known).max())
    if size > LARGEST:
        raise FrameError(f"column {name!r} holds {size:.3g}; rescale it to values below {LARGEST:g}")
    if known.std() <= SAME * size:
        return Column(np.empty((len(values), 0)))
    if there.all() and (highest := values == values.max())[values > values.min()].all():
        return _two_valued(highest)
    if _is_far_from_normal(known):
        known = _normal_scores(known)
        notes.append(Note("rank", (name,), f"{name!r} is far from normal: its normal scores are used."))
    standard = np.zeros(len(values))
    standard[there] = (known - known.mean()) / known.std()
    if there.all():
        return Column(standard[:, None])
    said = (
        f"{1.0 - there.mean():.1%} of {name!r} is missing: tests use the rows that have it, scores set it to its mean."
    )
    notes.append(Note("missing", (name,), said))
    return Column(standard[:, None], None, ~there)


def _two_valued(highest: Booleans) -> Column:
    share = highest.mean()
    return Column((np.array([[0.0], [1.0]]) - share) / np.sqrt(share * (1.0 - share)), highest.astype(np.uint8))


def _without_values(name: str) -> FrameError:
    return FrameError(f"column {name!r} has no value at all; leave it out")


def _is_far_from_normal(values: Floats) -> bool:
    if len(np.unique(values[:1000])) <= 2:
        return False
    standard = (values - values.mean()) / values.std()
    square = standard * standard  # a power of 3 or 4 costs ten times a product
    skew, kurtosis = (square @ standard) / len(values), (square @ square) / len(values) - 3.0
    return bool(abs(skew) > SKEW_LIMIT or kurtosis > KURTOSIS_LIMIT)


def _normal_scores(values: Floats) -> Floats:
    """Return normal quantiles of the mid-ranks."""
    from scipy.special import ndtri

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0
    scores: Floats = ndtri(middle / len(values))[place]
    return scores


def _correlations(blocks: Blocks) -> tuple[Floats, Integers]:
    """Return the correlations of the whitened blocks, every row alike, and where each block starts."""
    rows = len(blocks.columns[0])
    matrix, share = blocks.join(np.full(rows, 1.0 / rows))
    covariance = (matrix * share[:, None]).T @ matrix
    whitener, white = whiten(covariance, blocks.starts)
    return whitener.T @ covariance @ whitener, white


def _twins(gram: Floats, starts: Integers) -> dict[int, int]:
    """Return which columns say the same as an earlier one: all their canonical correlations are 1."""
    width = np.diff(starts)
    summed = np.zeros((len(width), len(width)))
    filled = np.flatnonzero(width)
    if len(filled):
        across = np.add.reduceat(gram**2, starts[filled], axis=0)
        summed[np.ix_(filled, filled)] = np.add.reduceat(across, starts[filled], axis=1)
    same = (summed > width[:, None] * (1.0 - TINY)) & (width[:, None] == width[None, :]) & (width[:, None] > 0)
    first = np.argmax(same, axis=1)
    return {i: int(first[i]) for i in filled.tolist() if first[i] < i}


def _determined(gram: Floats, starts: Integers, names: tuple[str, ...], without: set[int], n: int) -> list[Note]:
    """Name the columns of a linear relation that holds exactly, such as a sum beside its parts."""
    kept = [i for i in range(len(names)) if i not in without and starts[i + 1] > starts[i]]
    owner = (
        np.concatenate([np.full(starts[i + 1] - starts[i], i) for i in kept]) if kept else np.empty(0, dtype=np.intp)
    )
    if len(owner) >= n:
        return []
    inside = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in kept]) if kept else owner
    values, vectors = np.linalg.eigh(gram[np.ix_(inside, inside)])
    part = (vectors[:, values < TINY] ** 2).sum(axis=1) > ROUNDING
    columns = tuple(names[i] for i in dict.fromkeys(owner[part].tolist()))
    if not columns:
        return []
    listed = ", ".join(repr(name) for name in columns[:SHOWN]) + " ..." * (len(columns) > SHOWN)
    said = f"Among {listed} some are exactly determined by the others: edges between them say little."
    return [Note("determined", columns, said)]
