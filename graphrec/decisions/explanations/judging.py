"""Is an explanation true of the model, does it hold still, and what does it cost?

Hides three measurements that methods share. *Faithfulness*: replace the columns that the explanation calls most
important, one after another, by those of other rows, and see how fast the prediction leaves its place, against a random
order (the deletion test, Samek 2017; Petsiuk 2018). *Stability*: explain the same rows again with other draws and a
bootstrap of the background, after a nudge of a hundredth of each number's spread, and compare the ranks
(Alvarez-Melis & Jaakkola 2018). *Time*: CPU seconds. A faithful explanation is true of the model, not of the world:
see `graphrec.decisions.explanations.disagreement`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.explanations.predictors import Predictor, Table, mix_rows

__all__ = ["deletion_gain", "nudged"]

Floats = NDArray[np.float64]
_NUDGE = 0.01


def deletion_gain(
    predictor: Predictor,
    rows: Table,
    background: Table,
    groups: Mapping[str, Sequence[str]],
    values: Floats,
    rng: int | np.random.Generator | None = 0,
    draws: int = 32,
    random_orders: int = 8,
) -> float:
    """How much faster a prediction moves when columns are replaced in the order of an explanation.

    Parameters
    ----------
    predictor, rows, background, groups
        As in `graphrec.decisions.explanations.shapley.grouped_shapley`.
    values : numpy.ndarray, shape (n, d) or (1, d)
        Values of the groups; a single row speaks for all.
    rng : int, Generator or None
        Draws the background rows and the random orders. A fixed seed by default: methods that are compared must meet
        the same draws, for other draws change the figure more than a better method does.
    draws : int
        Background rows that a replaced column is averaged over.
    random_orders : int
        Orders that stand for chance.

    Returns
    -------
    float
        Mean over rows and steps of the distance to the prediction, as a share of the distance when everything is
        replaced, less that of random orders. 0 is chance; below 0, worse.
    """
    members = np.array([[source in own for source in predictor.sources] for own in map(set, groups.values())])
    n, d = len(rows), len(members)
    if d < 2:
        return float("nan")
    draw = np.random.default_rng(rng)
    drawn = draw.integers(len(background), size=draws)
    order = np.broadcast_to(np.argsort(-np.abs(values), axis=1, kind="stable"), (n, d))
    own = _distance(predictor, rows, background, members, order, drawn)
    chance = [
        _distance(predictor, rows, background, members, draw.permuted(order, axis=1), drawn)
        for _ in range(random_orders)
    ]
    return float(own - np.mean(chance))


def _distance(
    predictor: Predictor,
    rows: Table,
    background: Table,
    members: NDArray[np.bool_],
    order: NDArray[np.int64],
    drawn: NDArray[np.int64],
) -> float:
    n, d = order.shape
    replaced = np.cumsum(members[order], axis=1) > 0  # (n, d, columns)
    own_at, rest = np.divmod(np.arange(n * d * len(drawn)), d * len(drawn))
    step, draw = np.divmod(rest, len(drawn))
    mixed = mix_rows(rows, background, ~replaced[own_at, step], own_at, drawn[draw])
    after = predictor.predict(mixed).reshape(n, d, len(drawn)).mean(axis=2)
    moved = np.abs(after - predictor.predict(rows)[:, None])
    everything = moved[:, -1].mean()
    return float(moved[:, :-1].mean() / everything) if everything > 0 else 0.0


def nudged(frame: pd.DataFrame, spread: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The rows with every real number moved by about a hundredth of its spread; counts and words stay."""
    moved = {}
    for name, column in frame.items():
        if pd.api.types.is_float_dtype(column) and not np.array_equal(spread[name], spread[name].round()):
            moved[str(name)] = column + _NUDGE * float(spread[name].std()) * rng.normal(size=len(column))
    return frame.assign(**moved)
