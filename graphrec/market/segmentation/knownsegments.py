"""Segments as something that was known before a decision: for the panel, the graph and the contact policy.

Hides the rule of evidence. Segments are found and assigned from events strictly before a moment, and become an
attribute of the customers dated with that moment (ontology class CustomerSegment). A dated attribute is used only after
its date, so no row of the panel and no cut of the graph can see a segment that was made of later events.

Alternative considered: segments of the whole history as a covariate. Whoever buys after a contact is then in the
buyers' segment, and the segment explains the purchase away.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from graphrec.market.panel import Panel
from graphrec.market.segmentation.customersegments import Segmentation, segment_customers
from graphrec.market.tables import DataError, Market, Role

__all__ = ["with_segment_covariate", "with_segments"]

_COLUMN, _DATE, _CLASS = "segment", "segment_at", "CustomerSegment"


def with_segments(
    market: Market,
    *,
    before: datetime,
    found: Segmentation | None = None,
    language: str = "en",
    rng: int | np.random.Generator | None = None,
) -> Market:
    """The same market with the segment of each customer as a dated attribute.

    Parameters
    ----------
    market : Market
    before : datetime.datetime
        With its zone; only events before it are used. Take the first decision that will be studied.
    found : Segmentation, optional
        Segments found earlier, from events before the same moment; by default they are found here.
    language : str
        Of the names.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Market
        Its customers have ``segment`` ("unassigned" where abstained) and ``segment_at``, with roles: `build_panel`
        takes it as a covariate, the graph as an attribute, and ``ContactPolicy(segments="segment",
        segment_pressure=...)`` as the segments whose pressure is limited.

    Raises
    ------
    DataError
        No event lies before the moment, or the customers have such a column already.
    """
    taken = [name for name in (_COLUMN, _DATE) if name in market.customers.columns]
    if taken:
        raise DataError(f"customers have the column {', '.join(map(repr, taken))} already; rename it first")
    moment = pd.Timestamp(before)
    segments = found or segment_customers(market, before=before, rng=rng)
    known = segments.labels(language)
    names = market.customers["customer_id"].map(known).fillna(segments.unassigned(language))
    customers = market.customers.assign(segment=names, segment_at=moment.tz_convert("UTC"))
    role = Role(class_name=_CLASS, date_column=_DATE)
    return replace(market, customers=customers, roles={**market.roles, _COLUMN: role})


def with_segment_covariate(panel: Panel, market: Market, *, rng: int | np.random.Generator | None = None) -> Panel:
    """The same panel with the segment as of its earliest row as a covariate.

    Raises
    ------
    DataError
        The panel has no decision times (a ready-made table), or no event lies before the first.
    """
    if not {"decided_at", "customer"} <= set(panel.frame.columns):
        raise DataError("the panel has no decision times; add the segments to the market with with_segments instead")
    first = pd.Timestamp(panel.frame["decided_at"].min()).to_pydatetime()
    segments = segment_customers(market, before=first, rng=rng)
    names = pd.Series(market.vocabulary.customers.ids).map(segments.labels()).fillna(segments.unassigned())
    column = pd.Categorical(names.to_numpy()[panel.frame["customer"].to_numpy()])
    return panel.with_covariates(pd.DataFrame({_COLUMN: column}), {_COLUMN: _CLASS})
