"""The model a careless analyst would explain: boosted trees of the response on every column that a table offers.

Hides the fit and its columns, the consequences of the purchase among them. SHAP of these trees is what most tools show;
it is right about the trees, and here to be held against the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.learning.design import Design, fit_design

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["ResponseTrees", "fit_response_trees", "with_consequences"]

_ROUNDS = 120
_SETTINGS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "min_child_samples": 40,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True, eq=False)
class ResponseTrees:
    """Fitted trees and their columns.

    Attributes
    ----------
    booster : lightgbm.Booster
    design : Design
        Columns to matrix.
    """

    booster: Any
    design: Design

    def contributions(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Exact SHAP values in log-odds, a column for each source, and the base that they add to."""
        found = np.asarray(self.booster.predict(self.design.transform(rows), pred_contrib=True, num_threads=1))
        sources = list(dict.fromkeys(self.design.sources))
        values = np.zeros((len(rows), len(sources)))
        for place, source in enumerate(self.design.sources):
            values[:, sources.index(source)] += found[:, place]
        return pd.DataFrame(values, columns=sources, index=rows.index), float(found[0, -1])


def fit_response_trees(model: Recommender, rng: int | np.random.Generator | None = None) -> ResponseTrees:
    """Boosted trees of whether the outcome happened among contacted rows.

    Parameters
    ----------
    model : Recommender
        Fitted.
    rng : int, Generator or None
        Seed of the boosting.
    """
    import lightgbm

    panel = model.panel
    rows = panel.take(panel.contacted)
    design = fit_design(rows.frame, [*panel.covariates, *panel.consequences])
    outcome = (rows.frame[panel.outcome] > 0).to_numpy(np.float64)
    settings = {**_SETTINGS, "seed": int(np.random.default_rng(rng).integers(2**31))}
    data = lightgbm.Dataset(design.transform(rows.frame), outcome)
    return ResponseTrees(lightgbm.train(settings, data, num_boost_round=_ROUNDS), design)


def with_consequences(model: Recommender, rows: pd.DataFrame, customers: list[Any]) -> pd.DataFrame:
    """Add what was recorded after the outcome, as a table extract would hold it; 0 where it is an event."""
    panel, market = model.panel, model.market
    if not panel.consequences:
        return rows
    if market is None:
        ids = panel.frame["customer_id"] if "customer_id" in panel.frame else pd.RangeIndex(len(panel.frame))
        held = panel.frame[list(panel.consequences)].set_axis(pd.Index(ids))
        held = held[~held.index.duplicated()].loc[customers]
    else:
        code = market.vocabulary.customers.encode(customers)
        held = market.customers.iloc[code]
    values = {name: held[name].to_numpy() if name in held.columns else 0.0 for name in panel.consequences}
    return rows.assign(**values)
