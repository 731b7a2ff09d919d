"""How a prediction varies with one column: PDP and ICE move it for everybody, ALE only among those near each value.

Hides grids and averages. A partial dependence (Friedman 2001) and its lines for single rows (ICE, Goldstein 2015) set
the column to each value of a grid, whatever the other columns say; where columns are correlated they ask the model
about customers who do not exist. Accumulated local effects (Apley & Zhu 2020) add up small steps among the rows that
are near, and are right where the model was trained. Neither is a causal effect: a column moves, nothing follows from
it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.explanations.account import Curve
from graphrec.decisions.explanations.predictors import Predictor
from graphrec.market.tables import DataError

__all__ = ["accumulated_effects", "partial_dependence"]

Floats = NDArray[np.float64]
_WORDS = 12


def partial_dependence(predictor: Predictor, rows: pd.DataFrame, column: str, points: int = 20) -> Curve:
    """Predictions of all rows with a column set to each value of a grid; the mean is the PDP, the lines are ICE.

    Parameters
    ----------
    predictor : Predictor
    rows : pandas.DataFrame
    column : str
        A number (a grid of quantiles) or words (the most frequent twelve).
    points : int
    """
    grid = _grid(rows[column], points)
    lines = np.stack([predictor.of(rows.assign(**{column: _constant(rows[column], at)})) for at in grid], axis=1)
    return Curve(grid, lines.mean(axis=0), lines, _near(rows[column], grid))


def accumulated_effects(predictor: Predictor, rows: pd.DataFrame, column: str, points: int = 20) -> Curve:
    """Accumulated local effects of a column of numbers, centred on 0.

    Raises
    ------
    DataError
        The column holds words, which have no order to accumulate along; ask for its PDP.
    """
    if not pd.api.types.is_numeric_dtype(rows[column]):
        raise DataError(f"{column!r} holds words, which have no order to accumulate effects along; ask for its 'pdp'")
    values = rows[column].to_numpy(np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, points + 1)))
    if len(edges) < 2:
        return Curve(edges, np.zeros(len(edges)), np.empty((0, len(edges))), np.full(len(edges), len(values)))
    bin_of = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
    dtype = rows[column].dtype
    whole = pd.api.types.is_integer_dtype(dtype)
    ends = edges.round() if whole else edges

    def at(side: int) -> Floats:
        moved = pd.Series(ends[bin_of + side], index=rows.index)
        return predictor.of(rows.assign(**{column: moved.astype(dtype) if whole else moved}))

    counts = np.bincount(bin_of, minlength=len(edges) - 1)
    steps = np.bincount(bin_of, weights=at(1) - at(0), minlength=len(edges) - 1) / np.maximum(counts, 1)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    middle = np.average((total[1:] + total[:-1]) / 2, weights=np.maximum(counts, 1e-9))
    return Curve(edges, total - middle, np.empty((0, len(edges))), np.append(counts, counts[-1]))


def _grid(column: pd.Series, points: int) -> NDArray[Any]:
    if not pd.api.types.is_numeric_dtype(column):
        return np.array(sorted(map(str, column.value_counts().index[:_WORDS])))
    values = column.to_numpy(np.float64)
    distinct = np.unique(values)
    return distinct if len(distinct) <= points else np.unique(np.quantile(values, np.linspace(0, 1, points)))


def _constant(column: pd.Series, at: Any) -> Any:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical([at] * len(column), categories=column.cat.categories)
    if pd.api.types.is_numeric_dtype(column):
        return float(at)
    return str(at)


def _near(column: pd.Series, grid: NDArray[Any]) -> NDArray[np.int64]:
    """Rows whose value is nearest to each point."""
    if not pd.api.types.is_numeric_dtype(column):
        counts = column.astype(str).value_counts()
        return np.array([int(counts.get(str(at), 0)) for at in grid], dtype=np.int64)
    middle = (grid[1:] + grid[:-1]) / 2
    return np.bincount(np.searchsorted(middle, column.to_numpy(np.float64)), minlength=len(grid))
