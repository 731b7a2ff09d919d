"""The door of effect estimation: a frame, checked once, as arrays that the estimators share.

Hides how a treatment column becomes arms and which arm is the control, how weights, clusters and logged
propensities are given, and every check of them. One study serves several outcomes (an outcome, its placebo,
their difference) with the same folds and propensities.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, fit_encoding, is_discrete, numeric_values, require_columns
from causal.estimators.nuisance import make_folds, propensities
from causal.estimators.sample import column_values, read_clusters, read_weights, row_notes

__all__ = ["Contrast", "Study", "prepare_study", "read_contrasts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONTROL_NAME = "none"
MOST_ARMS = 50


@dataclass(frozen=True)
class Contrast:
    """Two arms to compare.

    Parameters
    ----------
    key : hashable
        Name the caller finds the result under: the level, or the pair when the reference is not the control.
    level, reference : hashable
        Levels of the treatment column.
    arm, base : int
        Their numbers in the study.
    """

    key: Hashable
    level: Hashable
    reference: Hashable
    arm: int
    base: int


@dataclass(frozen=True)
class Study:
    """Who got what, and what is known of everyone beforehand.

    Parameters
    ----------
    treatment : str
        Name of the treatment column.
    adjustment_set : tuple of str
        Columns behind ``x``.
    levels : tuple
        Treatment levels; the position is the arm's number.
    control : int
        Arm of the control.
    rows : ndarray of int, shape (n,)
        Positions in the frame of the rows used (those with a positive weight).
    x : ndarray of float, shape (n, p)
    arms : ndarray of int, shape (n,)
    weights : ndarray of float, shape (n,)
        Sampling weights, mean 1.
    clusters : ndarray of int, shape (n,)
        0 .. G - 1; the row number where there are none.
    folds : ndarray of int, shape (n,)
    propensity : ndarray of float, shape (n, K)
        Probability of each arm given the covariates, before any clipping.
    logged : bool
        Whether the propensities were given and not estimated.
    notes : tuple of str
        Sentences a reader of a result must know (merged levels, weights, clusters).
    """

    treatment: str
    adjustment_set: tuple[str, ...]
    levels: tuple[Hashable, ...]
    control: int
    rows: Ints
    x: Floats
    arms: Ints
    weights: Floats
    clusters: Ints
    folds: Ints
    propensity: Floats
    logged: bool
    notes: tuple[str, ...]


def prepare_study(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    adjustment_set: Iterable[str],
    *,
    control: Hashable | None = None,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
    propensity: str | ArrayLike | pd.DataFrame | None = None,
    folds: int = 5,
    rng: np.random.Generator,
) -> Study:
    """Check a frame and turn it into a study.

    Parameters
    ----------
    frame : DataFrame, n rows
    treatment, outcome : str
        Column names. The outcome only serves to spread its events over the folds.
    adjustment_set : iterable of str
        Columns to adjust for.
    control, weights, clusters, propensity
        As in :func:`causal.estimation.estimate_effect`.
    folds : int
        Number of cross-fitting folds wanted; fewer where an arm has fewer clusters.
    rng : numpy.random.Generator

    Returns
    -------
    Study

    Raises
    ------
    FrameError
        When anything given cannot be used; the message names the column and the remedy.
    """
    covariates = tuple(dict.fromkeys(adjustment_set))
    require_columns(frame, [treatment, outcome, *covariates])
    for column in (treatment, outcome):
        if column in covariates:
            raise FrameError(f"the adjustment set holds {column!r}, the treatment or the outcome; leave it out")
    sampling = read_weights(frame, weights)
    rows = np.flatnonzero(sampling > 0)
    codes, levels = _read_arms(frame[treatment].iloc[rows])
    base = _find_control(levels, control, treatment)
    groups = read_clusters(frame, clusters)[rows]
    groups = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    n_folds = _fold_count(codes, groups, levels, treatment, folds)
    used = frame.iloc[rows]
    outcomes = numeric_values(used[outcome])
    events = outcomes != 0 if (outcomes != 0).mean() < 0.5 else np.zeros(len(rows), dtype=bool)
    encoding = fit_encoding(used, covariates)
    x = encoding.transform(used)
    scaled = sampling[rows] / sampling[rows].mean()
    fold = make_folds(codes, events, groups, n_folds, rng)
    if propensity is None:
        probability = propensities(x, codes, scaled, fold, rng)
    else:
        probability = _read_propensity(frame, propensity, levels, base)[rows]
        _check_logged(probability, codes, levels)
    notes = (*encoding.notes, *row_notes(weights is not None, len(np.unique(groups)), len(rows)))
    return Study(
        treatment, covariates, levels, base, rows, x, codes, scaled, groups, fold, probability,
        propensity is not None, notes,
    )  # fmt: skip


def read_contrasts(study: Study, contrasts: object = None) -> tuple[Contrast, ...]:
    """Turn what a caller asks to compare into contrasts.

    Parameters
    ----------
    study : Study
    contrasts : level, iterable of levels or of (level, reference) pairs, optional
        None compares every level with the control.

    Raises
    ------
    FrameError
        When a level does not occur, or is compared with itself.
    """
    number = {level: arm for arm, level in enumerate(study.levels)}
    if contrasts is None:
        wanted: list[Any] = [level for level in study.levels if number[level] != study.control]
    elif isinstance(contrasts, str) or not isinstance(contrasts, Iterable):
        wanted = [contrasts]
    else:
        wanted = list(contrasts)
    found = []
    for item in dict.fromkeys(plain(item) for item in wanted):
        pair = item if isinstance(item, tuple) and item not in number else (item, study.levels[study.control])
        unknown = [level for level in pair if level not in number]
        if len(pair) != 2 or unknown:
            raise FrameError(
                f"contrast {item!r}: {unknown or pair} is no level of {study.treatment!r}; "
                f"the levels are {list(study.levels)}; give a level or a pair (level, reference)"
            )
        if pair[0] == pair[1]:
            raise FrameError(f"contrast {item!r} compares a level with itself; leave it out")
        found.append(Contrast(item, pair[0], pair[1], number[pair[0]], number[pair[1]]))
    if not found:
        raise FrameError(f"no contrast asked for; the levels of {study.treatment!r} are {list(study.levels)}")
    return tuple(found)


def plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value it stands for."""
    return value.item() if isinstance(value, np.generic) else value


def _read_arms(series: pd.Series[Any]) -> tuple[Ints, tuple[Hashable, ...]]:
    name = series.name
    if series.isna().any():
        raise FrameError(
            f"treatment {name!r} is missing in {int(series.isna().sum())} rows; name those who got nothing 'none'"
        )
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.cat.remove_unused_categories()
        codes, levels = series.cat.codes.to_numpy(), series.cat.categories.tolist()
    else:
        codes, uniques = pd.factorize(series, sort=True)
        levels = list(uniques)
    if len(levels) < 2:
        raise FrameError(f"treatment {name!r} has one level only: {levels}; there is nothing to compare it with")
    if len(levels) > (2 if not is_discrete(series) else MOST_ARMS):
        raise FrameError(
            f"treatment {name!r} has {len(levels)} values (first: {[plain(v) for v in levels[:4]]}); it must "
            f"be two-valued or a category of at most {MOST_ARMS} levels: cut it, or use astype('category')"
        )
    return np.asarray(codes, dtype=np.int64), tuple(plain(level) for level in levels)


def _find_control(levels: tuple[Hashable, ...], control: Hashable | None, treatment: str) -> int:
    if control is None:
        return levels.index(CONTROL_NAME) if CONTROL_NAME in levels else 0
    if plain(control) not in levels:
        raise FrameError(f"control {control!r} is no level of {treatment!r}; the levels are {list(levels)}")
    return levels.index(plain(control))


def _read_propensity(
    frame: pd.DataFrame, given: str | ArrayLike | pd.DataFrame, levels: tuple[Hashable, ...], control: int
) -> Floats:
    """Return logged propensities with one column per arm."""
    if isinstance(given, pd.DataFrame):
        missing = [level for level in levels if level not in given.columns]
        if missing:
            raise FrameError(f"propensity has no column for the levels {missing}; it has {list(given.columns)}")
        table = np.column_stack([given[level].to_numpy(dtype=np.float64) for level in levels])
    elif isinstance(given, str) or np.ndim(given) == 1:
        if len(levels) != 2:
            raise FrameError(
                f"one propensity per row says too little of {len(levels)} arms; "
                "give a DataFrame with one column per level"
            )
        treated = column_values(frame, given, "propensity")
        table = np.column_stack([1 - treated, treated] if control == 0 else [treated, 1 - treated])
    else:
        table = np.asarray(given, dtype=np.float64)
    if table.shape != (len(frame), len(levels)):
        raise FrameError(f"propensity has shape {table.shape}; {(len(frame), len(levels))} is needed")
    return table


def _check_logged(table: Floats, arms: Ints, levels: tuple[Hashable, ...]) -> None:
    wrong = ~(np.isfinite(table) & (table >= 0) & (table <= 1)).all(axis=1) | (table.sum(axis=1) > 1 + 1e-6)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise FrameError(
            f"propensity must be probabilities that add up to 1; {int(wrong.sum())} rows are not, "
            f"first: {table[row].round(4).tolist()} for {list(levels)}"
        )
    impossible = table[np.arange(len(arms)), arms] == 0
    if impossible.any():
        row = int(np.flatnonzero(impossible)[0])
        raise FrameError(
            f"{int(impossible.sum())} rows got a treatment that their propensity says was impossible "
            f"(first: {levels[int(arms[row])]!r}); correct the log or leave propensity out"
        )


def _fold_count(arms: Ints, clusters: Ints, levels: tuple[Hashable, ...], treatment: str, folds: int) -> int:
    if folds < 2:
        raise FrameError(f"folds is {folds}; cross-fitting needs at least 2")
    pairs = np.unique(np.column_stack([arms, clusters]), axis=0)
    counts = np.bincount(pairs[:, 0], minlength=len(levels))
    if counts.min() < 2:
        thin = levels[int(counts.argmin())]
        raise FrameError(
            f"level {thin!r} of {treatment!r} has {counts.min()} independent row or cluster; "
            "at least 2 are needed, and 50 with an event before a figure means much: merge or drop the level"
        )
    return int(min(folds, counts.min()))
