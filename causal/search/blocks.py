"""A table as blocks of standardised numbers, one block for each column.

Hides how columns of any kind become comparable: a number is one column (replaced by normal scores when it is far from
normal), a category is a block of indicators. Binning the numbers for a G² test was considered: it loses power and its
tables empty out beyond two conditioning columns. Level numbers are kept beside the indicators where every column is a
category, so that tables are counted on one byte for each entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.encoding import FrameError, is_discrete, level_codes, numeric_values
from causal.graph import Note

__all__ = ["Blocks", "encode_blocks", "whiten"]

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
Codes = NDArray[Any]


@dataclass(frozen=True)
class Blocks:
    """The columns of a table as adjacent blocks of one matrix.

    Parameters
    ----------
    names : tuple of str
        The d columns of the table.
    matrix : ndarray of float, shape (n, p)
        Standardised columns; a category of k levels holds k - 1 of them, a constant none. Gaps hold the mean.
    starts : ndarray of int, shape (d + 1,)
        Block i is ``matrix[:, starts[i]:starts[i + 1]]``.
    notes : tuple of Note
        Columns that are constant, duplicated, determined by others, incomplete or replaced by normal scores.
    codes : ndarray of uint8, shape (n, d), optional
        Level numbers, when every column is a category, has two values or is constant.
    gaps : dict of int to ndarray of bool, shape (n,)
        Where the numbers of a column are missing; columns without gaps are not listed.
    """

    names: tuple[str, ...]
    matrix: Floats
    starts: Integers
    notes: tuple[Note, ...] = ()
    codes: Codes | None = None
    gaps: dict[int, Booleans] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    """One encoded column: its block, its level numbers if it is a category, where it has gaps."""

    block: Floats
    codes: Codes | None = None
    gaps: Booleans | None = None


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
    found = [_encode_column(frame[name], str(name), notes) for name in frame.columns]
    matrix, starts = _join([column.block for column in found], len(frame))
    gram, starts_white = _correlations(matrix, starts)
    twins = _twins(gram, starts_white)
    for twin, earlier in twins.items():
        said = (
            f"{names[twin]!r} says the same as {names[earlier]!r}: it stays without edges, {names[earlier]!r} has them."
        )
        notes.append(Note("duplicate", (names[twin], names[earlier]), said))
    notes += _determined(gram, starts_white, names, set(twins), len(frame))
    kept = [column if i not in twins else _Column(column.block[:, :0]) for i, column in enumerate(found)]
    if twins:
        matrix, starts = _join([column.block for column in kept], len(frame))
    gaps = {i: column.gaps for i, column in enumerate(kept) if column.gaps is not None}
    return Blocks(names, matrix, starts, tuple(notes), _join_codes(kept, len(frame)), gaps)


def whiten(covariance: Floats, starts: Integers) -> tuple[Floats, Integers]:
    """Return W, block-diagonal, with W' C W the identity within each block, and the new starts."""
    spread = np.diag(covariance)
    if len(spread) == len(starts) - 1 and bool((spread > TINY).all()):
        return np.diag(1.0 / np.sqrt(spread)), starts  # one number in each block, as in most tables of numbers
    pieces: list[tuple[int, int, Floats]] = []
    sizes = []
    for low, high in pairwise(starts):
        values, vectors = np.linalg.eigh(covariance[low:high, low:high])
        keep = values > TINY
        pieces.append((low, high, vectors[:, keep] / np.sqrt(values[keep])))
        sizes.append(int(keep.sum()))
    new = np.cumsum([0, *sizes]).astype(np.intp)
    whitener = np.zeros((len(covariance), int(new[-1])))
    for (low, high, piece), left, right in zip(pieces, new[:-1], new[1:]):
        whitener[low:high, left:right] = piece
    return whitener, new


def _check_frame(frame: pd.DataFrame) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise FrameError(f"a pandas DataFrame is needed, got {type(frame).__name__}")
    strange = [name for name in frame.columns if not isinstance(name, str)]
    if strange:
        raise FrameError(f"column names must be strings, found {strange[:5]}; rename the columns")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise FrameError(f"column {twice[0]!r} appears twice; rename or drop one of the two")
    if frame.shape[1] < 1 or len(frame) < 10:
        raise FrameError(f"the table has {len(frame)} rows and {frame.shape[1]} columns; give at least 10 rows")


def _encode_column(series: pd.Series[Any], name: str, notes: list[Note]) -> _Column:
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
        raise FrameError(f"column {name!r} is a date; turn it into a number (days before the decision) first")
    if series.isna().all():
        raise FrameError(f"column {name!r} has no value at all; leave it out")
    column = _category(series, name, notes) if is_discrete(series) else _number(series, name, notes)
    if not column.block.shape[1]:
        notes.append(Note("constant", (name,), f"{name!r} has one value only: it stays without edges."))
    return column


def _category(series: pd.Series[Any], name: str, notes: list[Note]) -> _Column:
    """Number the levels, the most frequent 0, and give every other a standardised indicator."""
    codes, levels = level_codes(series)
    counts = np.bincount(codes, minlength=len(levels))
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    if len(levels) > MAX_LEVELS:
        merged = len(levels) - MAX_LEVELS + 1
        notes.append(Note("levels", (name,), f"The {merged} rarest levels of {name!r} were merged into one."))
    numbers = np.minimum(rank, MAX_LEVELS - 1).astype(np.uint8)[codes]
    share = np.bincount(numbers) / len(numbers)
    rows = (np.eye(len(share))[:, 1:] - share[1:]) / np.sqrt(share[1:] * (1.0 - share[1:]))
    return _Column(rows[numbers], numbers)


def _number(series: pd.Series[Any], name: str, notes: list[Note]) -> _Column:
    """Standardise a number, or its normal scores."""
    values = numeric_values(series, gaps=True)
    there = ~np.isnan(values)
    known = values[there]
    size = float(np.abs(known).max())
    if size > LARGEST:
        raise FrameError(f"column {name!r} holds {size:.3g}; rescale it to values below {LARGEST:g}")
    if known.std() <= SAME * size:
        return _Column(np.empty((len(values), 0)))
    if _is_far_from_normal(known):
        known = _normal_scores(known)
        notes.append(Note("rank", (name,), f"{name!r} is far from normal: its normal scores are used."))
    standard = np.zeros(len(values))
    standard[there] = (known - known.mean()) / known.std()
    if there.all():
        highest = values == values.max()
        two_valued = bool((highest | (values == values.min())).all())
        return _Column(standard[:, None], highest.astype(np.uint8) if two_valued else None)
    said = (
        f"{1.0 - there.mean():.1%} of {name!r} is missing: tests use the rows that have it, scores set it to its mean."
    )
    notes.append(Note("missing", (name,), said))
    return _Column(standard[:, None], None, ~there)


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


def _join(found: Sequence[Floats], n: int) -> tuple[Floats, Integers]:
    starts = np.cumsum([0, *(block.shape[1] for block in found)]).astype(np.intp)
    return (np.concatenate(found, axis=1) if found else np.empty((n, 0))), starts


def _join_codes(found: Sequence[_Column], n: int) -> Codes | None:
    if any(column.codes is None and column.block.shape[1] for column in found):
        return None
    nothing = np.zeros(n, dtype=np.uint8)
    return np.stack([nothing if column.codes is None else column.codes for column in found]).T


def _correlations(matrix: Floats, starts: Integers) -> tuple[Floats, Integers]:
    """Return the correlations of the whitened blocks, every row alike, and where each block starts."""
    covariance = matrix.T @ matrix / max(len(matrix), 1)
    whitener, white = whiten(covariance, starts)
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
