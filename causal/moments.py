"""A table as blocks of numbers, and the one weighted correlation matrix that every test reads.

Hides how columns of any kind become comparable: a number is one column (replaced by normal scores when it is
far from normal), a category is a block of indicators, and every block is whitened so that its coding does not
matter (the degenerate Gaussian of Andrews, Ramsey & Cooper 2019). Binning the numbers for a G² test was
considered: it loses power and its tables empty out beyond two conditioning columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.encoding import FrameError, is_discrete, level_names, numeric_values
from causal.graph import Note

__all__ = ["Blocks", "Moments", "effective_sizes", "encode_blocks", "measure_moments"]

MAX_LEVELS = 30
SKEW_LIMIT = 2.0
KURTOSIS_LIMIT = 10.0
TINY = 1e-9
REST = "(rest)"

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Blocks:
    """The columns of a table as adjacent blocks of one matrix.

    Parameters
    ----------
    names : tuple of str
        The d columns of the table.
    matrix : ndarray of float, shape (n, p)
        Standardised columns; a category of k levels holds k - 1 of them, a constant none.
    starts : ndarray of int, shape (d + 1,)
        Block i is ``matrix[:, starts[i]:starts[i + 1]]``.
    notes : tuple of Note
        Columns that are constant, duplicated, filled or replaced by normal scores.
    """

    names: tuple[str, ...]
    matrix: Floats
    starts: Integers
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Moments:
    """What the independence tests need to know of the data.

    Parameters
    ----------
    correlation : ndarray of float, shape (q, q)
        Of the whitened blocks: the identity within a block.
    starts : ndarray of int, shape (d + 1,)
        Where each block starts; constant columns have none.
    size : ndarray of float, shape (d, d)
        Effective number of rows for each pair of columns.
    """

    correlation: Floats
    starts: Integers
    size: Floats


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
    found = [_encode_column(frame[name], str(name), notes) for name in frame.columns]
    names = tuple(str(name) for name in frame.columns)
    found = _without_duplicates(names, found, notes)
    starts = np.cumsum([0, *(block.shape[1] for block in found)])
    matrix = np.concatenate(found, axis=1) if found else np.empty((len(frame), 0))
    return Blocks(names, matrix, starts.astype(np.intp), tuple(notes))


def measure_moments(blocks: Blocks, weights: Floats, size: Floats) -> Moments:
    """Weigh the rows into one correlation matrix of whitened blocks.

    Parameters
    ----------
    blocks : Blocks
        The n rows of d columns.
    weights : ndarray of float, shape (n,)
        Non-negative, with a positive sum.
    size : ndarray of float, shape (d, d)
        Effective number of rows per pair, of :func:`effective_sizes`.
    """
    share = weights / weights.sum()
    mean = share @ blocks.matrix
    covariance = (blocks.matrix * share[:, None]).T @ blocks.matrix - np.outer(mean, mean)
    whitener, starts = _whiten(covariance, blocks.starts)
    return Moments(whitener.T @ covariance @ whitener, starts, size)


def effective_sizes(blocks: Blocks, weights: Floats, clusters: Integers | None = None) -> Floats:
    """Return how many independent rows each pair of columns is worth, under weights and clusters.

    With ``r_a`` the intra-cluster correlation of column a it is
    ``(sum w)^2 / (sum_i w_i^2 + r_a r_b sum_{i != j in one cluster} w_i w_j)``: Kish's size when there are no
    clusters, the number of clusters when both columns are constant within clusters of equal size. It follows
    from the variance of the sum of products of two independent columns under random-intercept models, where the
    design effect of a pair is ``1 + (m - 1) r_a r_b``.

    Parameters
    ----------
    blocks : Blocks
        The n rows of d columns.
    weights : ndarray of float, shape (n,)
        Non-negative, with a positive sum.
    clusters : ndarray of int, shape (n,), optional
        Codes from 0.

    Returns
    -------
    ndarray of float, shape (d, d)
    """
    d = len(blocks.names)
    total, squares = weights.sum(), (weights**2).sum()
    if clusters is None:
        return np.full((d, d), total**2 / squares)
    within = (np.bincount(clusters, weights) ** 2).sum() - squares
    intra = _intra_correlations(blocks, weights, clusters, within)
    sizes: Floats = total**2 / (squares + np.outer(intra, intra) * within)
    return sizes


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


def _encode_column(series: pd.Series[float], name: str, notes: list[Note]) -> Floats:
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
        raise FrameError(f"column {name!r} is a date; turn it into a number (days before the decision) first")
    if series.isna().all():
        raise FrameError(f"column {name!r} has no value at all; leave it out")
    block = _indicators(series, name, notes) if is_discrete(series) else _number(series, name, notes)
    spread = block.std(axis=0)
    keep = spread > TINY * np.maximum(1.0, np.abs(block).max(axis=0, initial=0.0))
    if not keep.any():
        notes.append(Note("constant", (name,), f"{name!r} has one value only: it stays without edges."))
    standard: Floats = (block[:, keep] - block[:, keep].mean(axis=0)) / spread[keep]
    return standard


def _number(series: pd.Series[float], name: str, notes: list[Note]) -> Floats:
    values = numeric_values(series, gaps=True)
    there = ~np.isnan(values)
    known = values[there]
    if _is_far_from_normal(known):
        known = _normal_scores(known)
        notes.append(Note("rank", (name,), f"{name!r} is far from normal: its normal scores are used."))
    if not there.all():
        share = 1.0 - there.mean()
        said = f"{share:.1%} of {name!r} is missing and was set to its mean, which weakens its edges."
        notes.append(Note("missing", (name,), said))
    filled = np.full(len(values), known.mean())
    filled[there] = known
    return filled[:, None]


def _is_far_from_normal(values: Floats) -> bool:
    spread = values.std()
    if spread <= TINY * max(1.0, np.abs(values).max()) or len(np.unique(values[:1000])) <= 2:
        return False
    standard = (values - values.mean()) / spread
    skew, kurtosis = (standard**3).mean(), (standard**4).mean() - 3.0
    return bool(abs(skew) > SKEW_LIMIT or kurtosis > KURTOSIS_LIMIT)


def _normal_scores(values: Floats) -> Floats:
    """Return normal quantiles of the mid-ranks."""
    from scipy.special import ndtri

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0
    scores: Floats = ndtri(middle / len(values))[place]
    return scores


def _indicators(series: pd.Series[float], name: str, notes: list[Note]) -> Floats:
    codes, levels = pd.factorize(level_names(series), sort=True)  # type: ignore[arg-type]
    counts = np.bincount(codes, minlength=len(levels))
    if len(levels) > MAX_LEVELS:
        rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
        codes = np.minimum(rank[codes], MAX_LEVELS - 1)
        merged = len(levels) - MAX_LEVELS + 1
        notes.append(Note("levels", (name,), f"The {merged} rarest levels of {name!r} were merged into one."))
        counts = np.bincount(codes)
    kept = np.delete(np.arange(len(counts)), int(np.argmax(counts)))
    return np.asarray(codes[:, None] == kept[None, :], dtype=np.float64)


def _without_duplicates(names: Sequence[str], found: list[Floats], notes: list[Note]) -> list[Floats]:
    kept: list[int] = []
    result = list(found)
    for i, block in enumerate(found):
        twin = next((j for j in kept if _same_space(found[j], block)), None)
        if twin is None:
            kept += [i] if block.shape[1] else []
            continue
        said = f"{names[i]!r} says the same as {names[twin]!r}: it stays without edges, {names[twin]!r} has them."
        notes.append(Note("duplicate", (names[i], names[twin]), said))
        result[i] = block[:, :0]
    return result


def _same_space(first: Floats, second: Floats) -> bool:
    if first.shape[1] != second.shape[1] or not first.shape[1]:
        return False
    if first.shape[1] == 1:
        return bool(abs((first[:, 0] * second[:, 0]).mean()) > 1.0 - TINY)
    across = first.T @ second
    forth = np.linalg.lstsq(first.T @ first, across, rcond=None)[0]
    back = np.linalg.lstsq(second.T @ second, across.T, rcond=None)[0]
    return bool(np.trace(forth @ back) > first.shape[1] * (1.0 - TINY))


def _whiten(covariance: Floats, starts: Integers) -> tuple[Floats, Integers]:
    """Return W, block-diagonal, with W' C W the identity within each block, and the new starts."""
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


def _intra_correlations(blocks: Blocks, weights: Floats, clusters: Integers, within: float) -> Floats:
    """Return per column the mean product of two rows of one cluster over the variance, within [0, 1]."""
    if within <= TINY * weights.sum():
        return np.zeros(len(blocks.names))
    mean = weights @ blocks.matrix / weights.sum()
    weighted = (blocks.matrix - mean) * weights[:, None]
    variance = ((blocks.matrix - mean) * weighted).sum(axis=0) / weights.sum()
    sums = np.empty((int(clusters.max()) + 1, blocks.matrix.shape[1]))
    for column in range(blocks.matrix.shape[1]):
        sums[:, column] = np.bincount(clusters, weighted[:, column], minlength=len(sums))
    products = ((sums**2).sum(axis=0) - (weighted**2).sum(axis=0)) / within
    ratio = np.clip(products / np.maximum(variance, TINY), 0.0, 1.0)
    return np.array([ratio[low:high].mean() if high > low else 0.0 for low, high in pairwise(blocks.starts)])
