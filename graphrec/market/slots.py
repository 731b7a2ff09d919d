"""When a contact goes out: the slot on record, or the part of the day and week that its local time falls in.

Hides how a slot is found. A recorded slot is what the business calls its moments ("tuesday 9h", "evening call list").
Without one the moment can be derived from ``sent_at`` in the market's own time zone. That is an option and not the
default, because ``sent_at`` is often when a list was made, and then its hour says nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.market.tables import DataError, Market

__all__ = ["SLOT_SOURCES", "read_slots"]

SLOT_SOURCES = ("recorded", "derived", "none")
"""Use the slots on record; derive those that are not on record from the local time; use none."""
_PARTS = ("night", "morning", "afternoon", "evening")
_STARTS = np.array([6, 12, 18, 22])
"""Local hours at which a part of the day begins; the night ends at the first and begins at the last."""


def read_slots(market: Market, source: str = "recorded") -> pd.Series:
    """Slot of each solicitation, as text; missing where it is not known.

    Parameters
    ----------
    market : Market
    source : {"recorded", "derived", "none"}
        One of `SLOT_SOURCES`. Derived slots are ``weekday`` or ``weekend``, and ``night`` (22 to 6), ``morning``,
        ``afternoon`` (from 12) or ``evening`` (from 18).

    Raises
    ------
    DataError
        The source is unknown.

    Examples
    --------
    >>> sent = pd.DataFrame(
    ...     {"solicitation_id": [1], "customer_id": ["ann"], "sent_at": ["2024-03-02 18:30"], "channel": ["call"]}
    ... )
    >>> people, goods = pd.DataFrame({"customer_id": ["ann"]}), pd.DataFrame({"product_id": ["tea"]})
    >>> tables = {"customers": people, "products": goods, "solicitations": sent, "events": None}
    >>> market = Market.from_frames(**tables, time_zone="Europe/Paris")
    >>> read_slots(market, "derived").tolist()
    ['weekend_evening']
    """
    if source not in SLOT_SOURCES:
        raise DataError(f"slots is {source!r}; choose {', '.join(map(repr, SLOT_SOURCES))}")
    recorded = market.solicitations["slot"]
    text = recorded.astype("str").where(recorded.notna())
    if source == "none":
        return text.where(np.zeros(len(text), dtype=bool))
    return text if source == "recorded" else text.fillna(_derived(market))


def _derived(market: Market) -> pd.Series:
    local = market.solicitations["sent_at"].dt.tz_convert(market.time_zone)
    part = np.searchsorted(_STARTS, local.dt.hour.to_numpy(), side="right") % len(_PARTS)
    week = np.where(local.dt.day_of_week.to_numpy() >= 5, "weekend", "weekday")
    names = np.char.add(np.char.add(week, "_"), np.array(_PARTS)[part])
    return pd.Series(names, index=local.index).astype("str")
