"""A panel with the feature of the purchase graph, and the graph model as of the end.

Hides the two fits: for each row a model of what happened before the row's block of time, and one of the whole history
for scoring.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.decisions.settings import RecommenderConfig
from graphrec.learning.appetite import Appetite, appetite_as_of, fit_appetite
from graphrec.learning.appetites.smoothing import ShareShape
from graphrec.market.history import to_microseconds
from graphrec.market.panel import Panel
from graphrec.market.tables import DataError, Market

__all__ = ["appetite_model", "with_appetite"]


def appetite_model(config: RecommenderConfig) -> str | ShareShape:
    """What `graphrec.learning.appetite.fit_appetite` takes as its model: a name, or a filter that is set."""
    shape = config.filter_shape
    return config.appetite if shape is None else shape


def with_appetite(
    market: Market,
    panel: Panel,
    model: str | ShareShape,
    rng: np.random.Generator,
    *,
    progress: bool = False,
    checkpoint: str | Path | None = None,
) -> tuple[Panel, Appetite]:
    """Add the column ``appetite``, as of each row, and fit the model as of the end.

    Parameters
    ----------
    market : Market
    panel : Panel
        Built from the market.
    model : str
        "filter", "encoder" or "blend", or a shape of the filter.
    rng : numpy.random.Generator
    progress : bool
        Say on stderr what is being done.
    checkpoint : path, optional
        Folder in which training survives Ctrl-C.

    Raises
    ------
    DataError
        The panel was not built from a market.
    """
    if panel.offers is None:
        raise DataError("this panel was made from a ready-made table and has no offers")
    row_rng, final_rng = rng.spawn(2)
    times = to_microseconds(panel.frame["decided_at"])
    customers, codes = panel.frame["customer"].to_numpy(), panel.frame["offer"].to_numpy()
    kept = None if checkpoint is None else Path(checkpoint)
    feature = appetite_as_of(
        market,
        panel.offers,
        customers,
        codes,
        times,
        model=model,
        rng=row_rng,
        progress=progress,
        checkpoint=None if kept is None else kept / "rows",
    )
    appetite = fit_appetite(
        market,
        panel.offers,
        market.observed_until,
        model=model,
        rng=final_rng,
        progress=progress,
        checkpoint=None if kept is None else kept / "final",
    )
    return panel.with_covariates(pd.DataFrame({"appetite": feature}), {"appetite": "Appetite"}), appetite
