"""Which variables say something about the next purchase, and whether that holds on another draw of customers.

Hides the measurement: a boosted model of "buys within the horizon", fitted on the variables as of a moment; a
variable's importance is the loss of AUC on customers left out when its column is permuted (Breiman 2001), over
repeated splits; it is selected in a split when the loss exceeds twice its standard error over permutations. The share
of splits in which it is selected is its stability (Meinshausen and Buehlmann 2010). Variables that say the same share
their importance: a low figure is no proof of irrelevance.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.market.behaviour.definitions import FEATURES
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.market.clickstream.database import EventDatabase

__all__ = ["rank_features"]

_MOST_CUSTOMERS = 20_000
_PERMUTATIONS = 4


def rank_features(
    database: EventDatabase,
    *,
    as_of: datetime,
    horizon_days: int = 28,
    splits: int = 5,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Rank the variables as of a moment by what they say about a purchase within the horizon.

    Parameters
    ----------
    database : EventDatabase
    as_of : datetime.datetime
        With its zone; the horizon after it should be observed.
    horizon_days : int
    splits : int
        Random halves of the customers.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    pandas.DataFrame
        name, importance (loss of AUC), selected (share of the splits), auc (of the model, the same in all rows),
        largest first.

    Raises
    ------
    DataError
        Fewer than twenty customers buy, or do not buy, within the horizon.
    """
    from lightgbm import LGBMClassifier
    from sklearn.metrics import roc_auc_score

    from graphrec.market.features import compute_features

    generator = np.random.default_rng(rng)
    table = compute_features(database, as_of=as_of)
    bought = _buyers(database, as_of, as_of + timedelta(days=horizon_days))
    if len(table) > _MOST_CUSTOMERS:
        table = table.iloc[np.sort(generator.choice(len(table), _MOST_CUSTOMERS, replace=False))]
    y = table["customer_id"].isin(bought).to_numpy()
    if min(y.sum(), (~y).sum()) < 20:
        raise DataError(
            f"{int(y.sum())} of {len(y)} customers buy in the {horizon_days} days after {as_of}; 20 are needed"
        )
    names = [feature.name for feature in FEATURES]
    x = table[names].to_numpy(dtype=float)
    losses, chosen, scores = np.zeros((splits, len(names))), np.zeros((splits, len(names))), []
    for split, child in enumerate(generator.spawn(splits)):
        held = child.random(len(y)) < 0.5
        model = LGBMClassifier(n_estimators=60, num_leaves=15, n_jobs=1, verbose=-1, random_state=split)
        model.fit(x[~held], y[~held])
        test, truth = x[held], y[held]
        whole = roc_auc_score(truth, model.booster_.predict(test))
        scores.append(whole)
        for j in range(len(names)):
            loss = []
            for _ in range(_PERMUTATIONS):
                mixed = test.copy()
                mixed[:, j] = child.permutation(mixed[:, j])
                loss.append(whole - roc_auc_score(truth, model.booster_.predict(mixed)))
            losses[split, j] = np.mean(loss)
            chosen[split, j] = np.mean(loss) > 2 * np.std(loss, ddof=1) / np.sqrt(_PERMUTATIONS)
    ranked = pd.DataFrame({"name": names, "importance": losses.mean(0), "selected": chosen.mean(0)})
    return ranked.assign(auc=float(np.mean(scores))).sort_values(
        ["importance", "name"], ascending=[False, True], ignore_index=True
    )


def _buyers(database: EventDatabase, first: datetime, last: datetime) -> set[int]:
    from datetime import UTC

    bounds = [moment.astimezone(UTC).replace(tzinfo=None) for moment in (first, last)]
    found = database.connection.execute(
        "SELECT DISTINCT customer FROM events WHERE event_type = 3 AND event_time >= ? AND event_time < ?", bounds
    ).fetchall()
    return {customer for (customer,) in found}
