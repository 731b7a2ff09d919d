"""Why a model predicts what it predicts: one `Explanation`, several methods, each with the question it answers.

Hides which method needs what: encoded rows, a background, an outcome, groups of columns. Everything here explains a
*model*. What causes the outcome is asked of `causal.attribute_outcome`, what a move would change of
`graphrec.prescribe`; `compare_views` shows where the answers part and why. `docs/explanations.md` says which method to
take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from graphrec.decisions.explanations.account import Curve, Explanation
from graphrec.decisions.explanations.contactinfluence import ContactInfluence, contact_influence
from graphrec.decisions.explanations.curves import accumulated_effects, partial_dependence
from graphrec.decisions.explanations.customers import PastPurchases, customer_rows, explain_purchases
from graphrec.decisions.explanations.disagreement import Disagreement, compare_views, disagreement_table
from graphrec.decisions.explanations.importances import permutation_importance
from graphrec.decisions.explanations.judging import deletion_gain, nudged
from graphrec.decisions.explanations.predictors import (
    Groups,
    Predictor,
    class_groups,
    column_groups,
    contact_predictor,
    predictor_of,
)
from graphrec.decisions.explanations.shapley import grouped_shapley, tree_shapley
from graphrec.decisions.explanations.surrogate import local_lines, rank_agreement
from graphrec.decisions.explanations.temptations import Temptation, find_temptations
from graphrec.decisions.explanations.twoviews import CustomerExplanation, contribution_reasons, explain_customer
from graphrec.market.tables import DataError

__all__ = [
    "METHODS",
    "ContactInfluence",
    "Curve",
    "CustomerExplanation",
    "Disagreement",
    "Explanation",
    "PastPurchases",
    "Temptation",
    "class_groups",
    "compare_explanations",
    "compare_views",
    "contact_influence",
    "contact_predictor",
    "contribution_reasons",
    "customer_rows",
    "disagreement_table",
    "explain",
    "explain_customer",
    "explain_purchases",
    "find_temptations",
]

METHODS: Mapping[str, str] = {
    "shap": "how much did each column move this prediction away from the usual one?",
    "lime": "which columns does the prediction hang on in the neighbourhood of this row?",
    "permutation": "how much worse would the model predict without this column, other columns unchanged?",
    "conditional permutation": "how much worse would it predict without what only this column knows?",
    "pdp": "how does the mean prediction vary when a column is set for everybody?",
    "ice": "how does the prediction of this row vary when a column is set?",
    "ale": "how does the prediction vary with a column among rows that have such values?",
}
"""Method to the question it answers."""
_BACKGROUND = 200
_BY_LOSS = ("permutation", "conditional permutation")
_BY_CURVE = ("pdp", "ice", "ale")


def explain(
    model: Any,
    rows: pd.DataFrame,
    *,
    method: str = "shap",
    background: pd.DataFrame | None = None,
    outcome: Sequence[float] | None = None,
    groups: Groups | None = None,
    target: Any = None,
    draws: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Explanation:
    """Explain a model's predictions.

    Parameters
    ----------
    model : fitted estimator, LightGBM booster, function of a frame, or Predictor
        Anything with ``predict`` or ``predict_proba``; for the effect of a contact ``contact_predictor(recommender)``.
    rows : pandas.DataFrame, n rows
        What is explained, without gaps (the effect model takes them).
    method : str
        One of `METHODS`.
    background : pandas.DataFrame, optional
        Rows that stand for "usual": where replaced values come from. The rows themselves by default; give rows of the
        training data when few are explained.
    outcome : sequence of float, length n, optional
        What happened; needed by the permutation importances.
    groups : mapping of str to sequence of str, optional
        Columns that are explained as one, such as `class_groups` of the ontology's classes; correlated columns of one
        meaning belong together. Curves take single columns.
    target : Any, optional
        Class whose probability is explained.
    draws : int, optional
        Random orders (shap, 64), neighbours (lime, 500), permutations (importances, 10), or points (curves, 20).
    rng : int, Generator or None

    Returns
    -------
    Explanation
        SHAP values of LightGBM models are exact and on the scale of the trees (log-odds for classes).

    Raises
    ------
    DataError
        The model cannot predict, a column is missing or holds gaps, the method is unknown or lacks the outcome.

    Examples
    --------
    >>> rows = pd.DataFrame({"visits": [0.0, 1.0, 2.0, 3.0], "age": [30.0, 60.0, 30.0, 60.0]})
    >>> found = explain(lambda table: 2 * table["visits"], rows, rng=0)
    >>> found.importance().index[0], found.additive
    ('visits', True)
    """
    if method not in METHODS:
        raise DataError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    if not len(rows):
        raise DataError("there are no rows to explain")
    predictor = predictor_of(model, [str(name) for name in rows.columns], target)
    stream = np.random.default_rng(rng)
    usual = rows if background is None else background
    predictor.table(usual.head(1))  # a background of another data set fails here, by name
    if draws is not None and draws < 2:
        raise DataError(f"draws is {draws}; use 2 or more")
    start = time.process_time()
    if method in _BY_CURVE:
        found = _by_curves(predictor, rows, method, groups, draws or 20)
    elif method in _BY_LOSS:
        found = _by_loss(predictor, rows, method, groups, outcome, draws or 10, stream)
    else:
        found = _by_row(predictor, rows, usual, method, groups, draws, stream)
    return replace(found, seconds=time.process_time() - start)


def _by_row(
    predictor: Predictor,
    rows: pd.DataFrame,
    usual: pd.DataFrame,
    method: str,
    groups: Groups | None,
    draws: int | None,
    rng: np.random.Generator,
) -> Explanation:
    own = column_groups(predictor, groups)
    table = predictor.table(rows)
    features, index = tuple(own), rows.index
    if method == "shap":
        exact = tree_shapley(predictor, table, own)
        if exact is not None:
            values, base, prediction = exact
            scale = "log-odds" if predictor.scale == "probability" else predictor.scale
            return Explanation(
                method, METHODS[method], features, values, "row", scale, base, prediction, np.zeros_like(values), index,
                notes=("exact values of the trees; the base is the mean of their training rows",),
            )  # fmt: skip
        other = predictor.table(_sample(usual, rng))
        values, error, base = grouped_shapley(predictor, table, other, own, rng, draws or 64)
        prediction = predictor.predict(table)
        return Explanation(
            method, METHODS[method], features, values, "row", predictor.scale, base, prediction, error, index
        )
    other = predictor.table(_sample(usual, rng))
    values, error, base_of_rows, stability = local_lines(predictor, table, other, own, rng, draws or 500)
    note = f"slopes agree at {stability:.2f} (rank correlation) when neighbours are drawn again"
    return Explanation(
        method, METHODS[method], features, values, "row", predictor.scale, float(base_of_rows.mean()),
        predictor.predict(table), error, index, stability=stability, notes=(note,),
    )  # fmt: skip


def _by_loss(
    predictor: Predictor,
    rows: pd.DataFrame,
    method: str,
    groups: Groups | None,
    outcome: Sequence[float] | None,
    draws: int,
    rng: np.random.Generator,
) -> Explanation:
    if outcome is None:
        raise DataError(f"{method} importance asks how much worse the model predicts: give outcome=")
    happened = np.asarray(outcome, dtype=np.float64)
    if happened.shape != (len(rows),) or not np.isfinite(happened).all():
        raise DataError(f"outcome has shape {happened.shape} for {len(rows)} rows, or gaps; give one number a row")
    own = column_groups(predictor, groups)
    table = predictor.table(rows)
    values, error = permutation_importance(
        predictor, table, happened, own, rng, conditional=method != "permutation", repeats=draws
    )
    scale = "log loss" if predictor.scale == "probability" else "squared error"
    return Explanation(method, METHODS[method], tuple(own), values, "model", scale, standard_error=error)


def _by_curves(
    predictor: Predictor, rows: pd.DataFrame, method: str, groups: Groups | None, points: int
) -> Explanation:
    if groups:
        raise DataError(f"{method} draws one curve for each column; leave groups out")
    predictor.table(rows)
    trace: Callable[..., Curve] = accumulated_effects if method == "ale" else partial_dependence
    words = [name for name in predictor.columns if not pd.api.types.is_numeric_dtype(rows[name])]
    columns = [name for name in predictor.columns if method != "ale" or name not in words]
    if predictor.takes_gaps:
        columns = [name for name in columns if rows[name].notna().all()]
    curves = {name: trace(predictor, rows, name, points) for name in columns}
    skipped = [name for name in predictor.columns if name not in columns]
    notes = (f"without a curve: {', '.join(skipped)} (words without an order, or gaps)",) if skipped else ()
    if method == "ice":
        values = np.column_stack([curve.lines.std(axis=1) for curve in curves.values()])
        return Explanation(
            method, METHODS[method], tuple(columns), values, "row", predictor.scale, index=rows.index, curves=curves,
            notes=notes,
        )  # fmt: skip
    values = np.array([[_spread(curve) for curve in curves.values()]])
    return Explanation(
        method, METHODS[method], tuple(columns), values, "model", predictor.scale, curves=curves, notes=notes
    )


def _spread(curve: Curve) -> float:
    """Standard deviation of a curve over the rows that are near its points (Greenwell 2018)."""
    weight = np.maximum(curve.rows_at, 1e-9)
    middle = np.average(curve.mean, weights=weight)
    return float(np.sqrt(np.average((curve.mean - middle) ** 2, weights=weight)))


def _sample(usual: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    if len(usual) <= _BACKGROUND:
        return usual
    return usual.iloc[np.sort(rng.choice(len(usual), size=_BACKGROUND, replace=False))]


def compare_explanations(
    model: Any,
    rows: pd.DataFrame,
    *,
    background: pd.DataFrame | None = None,
    outcome: Sequence[float] | None = None,
    methods: Sequence[str] | None = None,
    groups: Groups | None = None,
    target: Any = None,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Judge methods of explanation on the same model and rows.

    Parameters
    ----------
    model, rows, background, outcome, groups, target, rng
        As in `explain`.
    methods : sequence of str, optional
        All that the arguments allow by default.

    Returns
    -------
    pandas.DataFrame
        One row for each method: method, level, faithfulness (how much faster the prediction moves when columns are
        replaced in its order than in a random one, as a share of the whole move; 0 is chance), stability (rank
        correlation with the explanation of slightly nudged rows, with other draws and a bootstrap of the background),
        seconds (CPU, for all rows), question.
    """
    usual = rows if background is None else background
    blocked = {*(_BY_LOSS if outcome is None else ()), *(_BY_CURVE if groups else ())}
    wanted = [name for name in METHODS if name not in blocked] if methods is None else list(methods)
    predictor = predictor_of(model, [str(name) for name in rows.columns], target)
    nudge_rng, judge_rng, *streams = np.random.default_rng(rng).spawn(2 + 2 * len(wanted))
    again = usual.iloc[nudge_rng.integers(len(usual), size=len(usual))]
    moved = nudged(rows, usual, nudge_rng)
    table, other = predictor.table(rows), predictor.table(_sample(usual, judge_rng))
    found = []
    for place, name in enumerate(wanted):
        first, second = (
            explain(predictor, part, method=name, background=over, outcome=outcome, groups=groups, rng=stream)
            for part, over, stream in (
                (rows, usual, streams[2 * place]),
                (moved, again, streams[2 * place + 1]),
            )
        )
        judged = {feature: column_groups(predictor, groups)[feature] for feature in first.features}
        found.append(
            {
                "method": name,
                "level": first.level,
                "faithfulness": deletion_gain(predictor, table, other, judged, first.values),
                "stability": rank_agreement(first.values, second.values),
                "seconds": first.seconds,
                "question": first.question,
            }
        )
    return pd.DataFrame(found)
