"""The rows that an estimate rests on, checked once: their covariates, weights, clusters and folds.

Hides how weights and clusters are given and every check of them. It serves treatments that are a number (slopes,
instruments, moves); :mod:`causal.estimators.study` adds arms and their propensities.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, fit_encoding, is_discrete, numeric_values, require_columns
from causal.estimators.nuisance import make_folds

__all__ = [
    "Sample",
    "column_values",
    "is_continuous",
    "prepare_sample",
    "read_clusters",
    "read_groups",
    "read_weights",
    "row_notes",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MOST_GROUPS = 100


@dataclass(frozen=True)
class Sample:
    """Rows with what is known of them beforehand.

    Parameters
    ----------
    adjustment_set : tuple of str
        Columns behind ``x``.
    rows : ndarray of int, shape (n,)
        Positions in the frame of the rows used (those with a positive weight).
    x : ndarray of float, shape (n, p)
    weights : ndarray of float, shape (n,)
        Sampling weights, mean 1.
    clusters : ndarray of int, shape (n,)
        0 .. G - 1; the row number where there are none.
    folds : ndarray of int, shape (n,)
    notes : tuple of str
        Sentences a reader of a result must know.
    """

    adjustment_set: tuple[str, ...]
    rows: Ints
    x: Floats
    weights: Floats
    clusters: Ints
    folds: Ints
    notes: tuple[str, ...]


def prepare_sample(
    frame: pd.DataFrame,
    asked: Iterable[str],
    adjustment_set: Iterable[str],
    *,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    folds: int = 5,
    rng: np.random.Generator,
) -> Sample:
    """Check a frame and return its rows ready for cross-fitting.

    Parameters
    ----------
    frame : DataFrame, n rows
    asked : iterable of str
        Treatment, outcome and what else must not be adjusted for.
    adjustment_set : iterable of str
    weights, clusters
        As in :func:`causal.estimate_effect`.
    folds : int
        Number of folds wanted; fewer where there are fewer clusters.
    rng : numpy.random.Generator

    Raises
    ------
    FrameError
        When anything given cannot be used; the message names the column and the remedy.
    """
    named, covariates = tuple(asked), tuple(dict.fromkeys(adjustment_set))
    require_columns(frame, [*named, *covariates])
    for column in named:
        if column in covariates:
            raise FrameError(f"the adjustment set holds {column!r}, which the question is about; leave it out")
    if folds < 2:
        raise FrameError(f"folds is {folds}; cross-fitting needs at least 2")
    sampling = read_weights(frame, weights)
    rows = np.flatnonzero(sampling > 0)
    groups = np.unique(read_clusters(frame, clusters)[rows], return_inverse=True)[1].astype(np.int64)
    count = int(groups.max()) + 1
    if count < 10:
        raise FrameError(f"there are {count} independent rows or clusters; at least 10 are needed")
    used = frame.iloc[rows]
    encoding = fit_encoding(used, covariates)
    one_arm, no_events = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    fold = make_folds(one_arm, no_events, groups, min(folds, count), rng)
    notes = (*encoding.notes, *row_notes(weights is not None, count, len(rows)))
    scaled = sampling[rows] / sampling[rows].mean()
    return Sample(covariates, rows, encoding.transform(used), scaled, groups, fold, notes)


def is_continuous(series: pd.Series[Any]) -> bool:
    """Say whether a treatment is an amount: a number of more than two values."""
    if is_discrete(series) or pd.api.types.is_bool_dtype(series.dtype):
        return False
    return int(series.nunique(dropna=True)) > 2


def read_weights(frame: pd.DataFrame, weights: str | ArrayLike | None) -> Floats:
    """Return one sampling weight per row of the frame; 1 where none were given."""
    if len(frame) == 0:
        raise FrameError("the frame has no rows")
    if weights is None:
        return np.ones(len(frame))
    values = column_values(frame, weights, "weights")
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        bad = values[~(np.isfinite(values) & (values >= 0))][:3]
        raise FrameError(f"weights must be finite, none negative, not all 0; first wrong ones: {bad.tolist()}")
    return values


def read_clusters(frame: pd.DataFrame, clusters: str | ArrayLike | None) -> Ints:
    """Return the cluster number of each row of the frame; the row number where none were given."""
    if clusters is None:
        return np.arange(len(frame), dtype=np.int64)
    codes, _ = pd.factorize(_labels(frame, clusters, "clusters"))
    if (codes < 0).any():
        raise FrameError(f"clusters is missing in {int((codes < 0).sum())} rows; give every row its customer")
    return np.asarray(codes, dtype=np.int64)


def read_groups(frame: pd.DataFrame, groups: str | ArrayLike, rows: Ints) -> dict[Hashable, Bools]:
    """Return which of the rows used belong to each group, by group in sorted order.

    Raises
    ------
    FrameError
        When a row has no group or there are more than 100 groups.
    """
    codes, levels = pd.factorize(pd.Series(_labels(frame, groups, "groups")), sort=True)
    if (codes < 0).any():
        raise FrameError(f"groups is missing in {int((codes < 0).sum())} rows; name those rows' group, or drop them")
    if len(levels) > MOST_GROUPS:
        raise FrameError(f"groups has {len(levels)} values; at most {MOST_GROUPS} are estimated: cut it into bands")
    values = [level.item() if isinstance(level, np.generic) else level for level in levels]
    used = codes[rows]
    return {value: used == code for code, value in enumerate(values) if (used == code).any()}


def column_values(frame: pd.DataFrame, given: str | ArrayLike, what: str) -> Floats:
    """Return a column named or given as an array, as floats; gaps may pass."""
    if isinstance(given, str):
        require_columns(frame, [given])
        return numeric_values(frame[given], gaps=True)
    values = np.asarray(given, dtype=np.float64)
    if values.shape != (len(frame),):
        raise FrameError(f"{what} has shape {values.shape} for {len(frame)} rows; give one number per row")
    return values


def row_notes(weighted: bool, n_clusters: int, n: int) -> tuple[str, ...]:
    """Return what a reader must know about the rows."""
    notes = []
    if weighted:
        notes.append("Rows are weighted to the population they were drawn from.")
    if n_clusters < n:
        notes.append(f"Rows of one cluster may depend on each other; the {n_clusters:,} clusters do not.")
    return tuple(notes)


def _labels(frame: pd.DataFrame, given: str | ArrayLike, what: str) -> Any:
    if isinstance(given, str):
        require_columns(frame, [given])
        return frame[given].array
    values = pd.Series(np.asarray(given)).array
    if len(values) != len(frame):
        raise FrameError(f"{what} has {len(values)} values for {len(frame)} rows; give one per row")
    return values
