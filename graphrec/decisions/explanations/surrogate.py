"""LIME: a small linear model of the prediction around one row, and how much it changes when drawn again.

Hides the neighbourhood. A neighbour keeps some groups of columns of the row and takes the rest from a random background
row; near neighbours weigh more; a ridge regression on "kept or not" gives the values (Ribeiro, Singh & Guestrin 2016,
with the neighbours of Garreau & von Luxburg 2020). Repeating it with other neighbours gives the stability index, the
mean rank correlation of the values (after Visani et al. 2022): a list of reasons that changes from run to run is none.

The `lime` package was considered. It draws each column on its own from a normal distribution or its bins, so neighbours
hold combinations that no customer has, wants categories numbered beforehand, uses a global random state, and gives no
stability; the method itself is a ridge regression of a dozen lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from graphrec.decisions.explanations.predictors import Predictor, Table, mix_rows

__all__ = ["local_lines", "rank_agreement"]

Floats = NDArray[np.float64]
_WIDTH = 0.75  # of the kernel, times the square root of the number of groups, as in the paper's code
_RIDGE = 1e-3  # of the total weight: only keeps columns that are always kept together apart


def local_lines(
    predictor: Predictor,
    rows: Table,
    background: Table,
    groups: Mapping[str, Sequence[str]],
    rng: np.random.Generator,
    neighbours: int = 500,
    repeats: int = 5,
) -> tuple[Floats, Floats, Floats, float]:
    """Slopes of the local model of each row.

    Parameters
    ----------
    predictor, rows, background, groups, rng
        As in `graphrec.decisions.explanations.shapley.grouped_shapley`.
    neighbours : int
        Rows drawn around each row, in each repetition.
    repeats : int
        Repetitions; their mean is the value, their spread the standard error.

    Returns
    -------
    values, standard errors : numpy.ndarray, shape (n, d)
    intercepts : numpy.ndarray, shape (n,)
    stability : float
        Mean rank correlation between repetitions.
    """
    members = np.array([[source in own for source in predictor.sources] for own in map(set, groups.values())])
    found = np.stack([_once(predictor, rows, background, members, stream, neighbours) for stream in rng.spawn(repeats)])
    slopes = found[..., 1:]
    error = slopes.std(axis=0, ddof=1) / np.sqrt(repeats) if repeats > 1 else np.full(slopes.shape[1:], np.nan)
    agreement = [rank_agreement(slopes[i], slopes[j]) for i in range(repeats) for j in range(i)]
    stability = float(np.mean(agreement)) if agreement else float("nan")
    return slopes.mean(axis=0), error, found[..., 0].mean(axis=0), stability


def _once(
    predictor: Predictor,
    rows: Table,
    background: Table,
    members: NDArray[np.bool_],
    rng: np.random.Generator,
    neighbours: int,
) -> Floats:
    """Intercept and slopes of each row, shape (n, 1 + d); all rows share the neighbours' masks."""
    d, n = len(members), len(rows)
    kept = np.vstack([np.ones((1, d), dtype=bool), rng.random((neighbours - 1, d)) < rng.random((neighbours - 1, 1))])
    other = rng.integers(len(background), size=neighbours)
    own_at, cell = np.divmod(np.arange(n * neighbours), neighbours)
    columns = (kept.astype(np.int64) @ members.astype(np.int64) > 0)[cell]
    y = predictor.predict(mix_rows(rows, background, columns, own_at, other[cell])).reshape(n, neighbours)
    distance = (~kept).sum(axis=1)
    weight = np.exp(-distance / (_WIDTH**2 * d))
    design = np.column_stack([np.ones(neighbours), kept])
    gram = design.T @ (weight[:, None] * design)
    gram[np.diag_indices_from(gram)] += np.append(0.0, np.full(d, _RIDGE * weight.sum()))
    return np.asarray(np.linalg.solve(gram, design.T @ (weight[:, None] * y.T)).T)


def rank_agreement(first: Floats, second: Floats) -> float:
    """Mean over rows of the Spearman correlation between two sets of values, shape (n, d); 1 for a single feature.

    Examples
    --------
    >>> rank_agreement(np.array([[3.0, 2.0, 1.0]]), np.array([[6.0, 5.0, -1.0]]))
    1.0
    """
    if first.shape[1] < 2:
        return 1.0
    a, b = (rankdata(values, axis=1) for values in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    same = np.where(scale > 0, (a * b).sum(axis=1) / np.where(scale > 0, scale, 1.0), 1.0)
    return float(np.clip(same, -1.0, 1.0).mean())
