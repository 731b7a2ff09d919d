"""How much worse a model predicts when it may not use a group of columns: permuted freely, or among rows alike.

Hides the permuting. Free permutation (Breiman 2001) breaks the link of a column with the outcome and with all other
columns, so it also measures how badly the model extrapolates to combinations that nobody has. Conditional permutation
(Strobl et al. 2008; Molnar et al. 2023) permutes within the leaves of a small tree that predicts the column from the
others: what remains is what the column knows that no other does. Two copies of a column each look important in the
first and worthless in the second; both are right about their question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.explanations.predictors import Predictor, Table, mix_rows
from graphrec.market.tables import DataError

__all__ = ["loss_of", "permutation_importance"]

Floats = NDArray[np.float64]
Loss = Callable[[Floats, Floats], float]
_LEAF = 30
_DEPTH = 4


def loss_of(scale: str, outcome: Floats) -> Loss:
    """Log loss for probabilities of a 0 / 1 outcome, squared error otherwise.

    Raises
    ------
    DataError
        A probability is judged by outcomes other than 0 and 1.
    """
    if scale != "probability":
        return lambda y, p: float(np.mean((y - p) ** 2))
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise DataError("probabilities are judged by outcomes of 0 and 1; give the outcome as whether it happened")

    def log_loss(y: Floats, p: Floats) -> float:
        inside = np.clip(p, 1e-7, 1 - 1e-7)
        return float(-np.mean(y * np.log(inside) + (1 - y) * np.log1p(-inside)))

    return log_loss


def permutation_importance(
    predictor: Predictor,
    rows: Table,
    outcome: Floats,
    groups: Mapping[str, Sequence[str]],
    rng: np.random.Generator,
    conditional: bool = False,
    repeats: int = 10,
) -> tuple[Floats, Floats]:
    """Rise of the loss when each group is permuted.

    Parameters
    ----------
    predictor : Predictor
    rows : encoded table, n rows
        Rows that the model was not trained on; on training rows an overfitted column looks important.
    outcome : numpy.ndarray, shape (n,)
    groups : mapping of str to sequence of str
    rng : numpy.random.Generator
    conditional : bool
        Permute among rows that are alike in all other columns.
    repeats : int

    Returns
    -------
    values, standard errors : numpy.ndarray, shape (1, d)
        In units of the loss.
    """
    loss = loss_of(predictor.scale, outcome)
    before = loss(outcome, predictor.predict(rows))
    n = len(rows)
    found = np.empty((repeats, len(groups)))
    for place, own in enumerate(map(set, groups.values())):
        columns = np.array([source in own for source in predictor.sources])
        alike = _alike(rows, columns) if conditional else np.zeros(n, dtype=np.int64)
        for repeat in range(repeats):
            order = _permute_within(alike, rng)
            keep = np.broadcast_to(~columns, (n, len(columns)))
            mixed = mix_rows(rows, rows, keep, np.arange(n), order)
            found[repeat, place] = loss(outcome, predictor.predict(mixed)) - before
    error = found.std(axis=0, ddof=1) / np.sqrt(repeats) if repeats > 1 else np.full(len(groups), np.nan)
    return found.mean(axis=0)[None, :], error[None, :]


def _permute_within(alike: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A permutation that leaves every row among those alike."""
    order = np.lexsort((rng.random(len(alike)), alike))
    place = np.argsort(alike, kind="stable")
    found = np.empty(len(alike), dtype=np.int64)
    found[place] = order
    return found


def _alike(rows: Table, columns: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Leaf of each row in a tree that predicts the columns from all others."""
    from sklearn.tree import DecisionTreeRegressor

    numbers = _numbers(rows)
    if columns.all():
        return np.zeros(len(numbers), dtype=np.int64)
    target = numbers[:, columns]
    target = (target - target.mean(axis=0)) / np.where(target.std(axis=0) > 0, target.std(axis=0), 1.0)
    tree = DecisionTreeRegressor(
        max_depth=_DEPTH, min_samples_leaf=min(_LEAF, max(2, len(numbers) // 8)), random_state=0
    )
    return np.asarray(tree.fit(numbers[:, ~columns], target).apply(numbers[:, ~columns]), dtype=np.int64)


def _numbers(rows: Table) -> Floats:
    if isinstance(rows, np.ndarray):
        return np.asarray(rows, dtype=np.float64)
    import pandas as pd

    columns = [
        column.to_numpy(np.float64) if pd.api.types.is_numeric_dtype(column) else pd.factorize(column, sort=True)[0]
        for _, column in rows.items()
    ]
    return np.column_stack(columns).astype(np.float64)
