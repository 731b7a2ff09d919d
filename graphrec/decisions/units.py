"""Scores for a ready-made panel: units in rows, arms as channels, one offer.

Hides the difference between a market and a table of an experiment, so that both end in the same columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.decisions.scoring import Ways, best_rows, final_grades, uplift_interval
from graphrec.learning.heads.registry import predict_slots
from graphrec.market.tables import DataError
from graphrec.market.validation import as_pandas

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["score_units"]


def score_units(
    model: Recommender,
    table: Any,
    channels: Sequence[str],
    n: int,
    by: str,
    customers: Sequence[Any] | None = None,
    slots: Sequence[str] = (),
) -> pd.DataFrame:
    """Best arms of each unit.

    Parameters
    ----------
    model : Recommender
        Fitted on a ready-made panel.
    table : dataframe, optional
        New units with the covariates of the training table; ``customer_id`` names them, their position otherwise. The
        training units by default, named as `Panel.from_frame` says: by position where their customers repeat.
    channels : sequence of str
        Arms to consider.
    n : int
        Rows for each unit.
    by : {"uplift", "uplift_low", "net_value"}
        What rank 1 maximises; an arm has no cost here.
    customers : sequence, optional
        Names of the units to score; all by default.
    slots : sequence of str
        Slots in which every arm is tried; none where none were learned.

    Raises
    ------
    DataError
        The model was fitted on a market, a column is missing, a unit is unknown, or units lack a name of their own.
    """
    panel, effects = model.panel, model.effects
    if panel.offers is not None:
        raise DataError("this recommender knows offers, so scoring needs a Market, not a table; give market=")
    frame = panel.frame if table is None else as_pandas("of units", table)
    ids = _names_of(frame)
    if customers is not None:
        rows = _rows_of(ids, customers)
        frame, ids = frame.iloc[rows], ids[rows]
    matrix = effects.design.transform(frame)
    ways = Ways.of(effects, [effects.channels.index(channel) for channel in channels], slots)
    response = effects.doubted(predict_slots(effects.model, matrix, ways.asked), matrix)
    value = _mean_value(model)
    uplift = response.uplift[:, ways.column]
    span = partial(uplift_interval, level=model.config.level, hidden=effects.hidden, binary=effects.binary)
    wanted = {"uplift": uplift, "net_value": uplift * value}.get(by)
    if wanted is None:
        graded = np.array([effects.grades[name] for name in effects.channels])[ways.channel]
        parts = response.p_organic[:, None], response.p_contact[:, ways.column], response.se[:, ways.column]
        wanted = span(*parts, grades=graded)[0]
        wanted = np.where(np.isnan(wanted), uplift, wanted)
    best = best_rows(wanted, n)
    row = np.repeat(np.arange(len(frame)), best.shape[1])
    way = best.ravel()
    channel, column = ways.channel[way], ways.column[way]
    p0, p1 = response.p_organic[row], response.p_contact[row, column]
    grades = final_grades(effects, channel, effects.exposure.supported(matrix)[row])
    low, high = span(p0, p1, response.se[row, column], grades=grades)
    return pd.DataFrame(
        {
            "customer_id": ids[row],
            "rank": np.tile(np.arange(1, best.shape[1] + 1), len(frame)),
            "offer_id": panel.outcome,
            "channel": np.array(effects.channels)[channel],
            "slot": None if ways.slot is None else ways.slot[way],
            "p_organic": p0,
            "p_contact": p1,
            "uplift": p1 - p0,
            "uplift_low": low,
            "uplift_high": high,
            "value": value,
            "cost": 0.0,
            "net_value": (p1 - p0) * value,
            "grade": grades,
        }
    )


def _names_of(frame: pd.DataFrame) -> np.ndarray:
    """Names of the units: ``customer_id``, or positions where there is none."""
    if "customer_id" not in frame.columns:
        return np.arange(len(frame))
    column = frame["customer_id"]
    missing, twice = int(column.isna().sum()), int(column.dropna().duplicated().sum())
    if missing or twice:
        raise DataError(
            f"customer_id is missing in {missing:,} rows and repeats an earlier one in {twice:,}; give each unit one "
            "row and a name of its own, or drop the column to name units by position"
        )
    return np.asarray(column.to_numpy())


def _rows_of(ids: np.ndarray, customers: Sequence[Any]) -> np.ndarray:
    """Positions of the units that are named, in the order of the names."""
    rows = np.asarray(pd.Index(ids).get_indexer_for(pd.Index(list(customers))))
    if (rows < 0).any():
        raise DataError(
            f"{int((rows < 0).sum()):,} of {len(customers):,} customers are not in the table; name units by its "
            "customer_id, or by their position where it has none"
        )
    return rows


def _mean_value(model: Recommender) -> float:
    """Money for each unit of the outcome: of one purchase for 0/1, and 1 where the outcome is the money itself."""
    frame = model.panel.frame
    outcome = frame[model.panel.outcome].to_numpy(np.float64)
    bought = outcome > 0
    return float(frame["value"].to_numpy(np.float64)[bought].sum() / outcome[bought].sum()) if bought.any() else 0.0
