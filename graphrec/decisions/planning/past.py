"""What already happened when a plan is made: past contacts of a window, and the moment itself.

Hides the time zone and the end of the record. Without a moment the plan is made when the record of the market ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import PolicyError, Window

if TYPE_CHECKING:
    from graphrec.market.tables import Market

__all__ = ["Past", "read_past"]


@dataclass(frozen=True, eq=False)
class Past:
    """The market's record up to the moment of the plan.

    Attributes
    ----------
    market : Market or None
    given : pandas.Timestamp or None
        Moment of the plan, UTC, where one was given.
    """

    market: Market | None
    given: pd.Timestamp | None = None

    @cached_property
    def at(self) -> pd.Timestamp | None:
        """Moment of the plan, UTC: as given, or the end of the market's record; None where neither is known."""
        if self.given is not None or self.market is None:
            return self.given
        empty = self.market.events.empty and self.market.solicitations.empty
        return None if empty else self.market.observed_until

    def recent(self, times: pd.Series[Any], days: int) -> NDArray[np.bool_]:
        """Whether each time lies in the last days before the moment."""
        if self.at is None:
            return np.zeros(len(times), dtype=bool)
        found = (times > self.at - pd.Timedelta(days=days)) & (times <= self.at)
        return found.to_numpy(dtype=bool)

    def contacts(self, customers: NDArray[Any], window: Window) -> NDArray[np.int64]:
        """Contacts that each customer had within a window."""
        if self.market is None:
            return np.zeros(len(customers), dtype=np.int64)
        sent = self.market.solicitations
        counted = self.recent(sent["sent_at"], window.days)
        if window.channel is not None:
            counted = counted & (sent["channel"].astype(str) == window.channel).to_numpy(dtype=bool)
        who = pd.Index(customers).get_indexer(pd.Index(sent["customer_id"].to_numpy()[counted]))
        return np.bincount(who[who >= 0], minlength=len(customers)).astype(np.int64)

    def local_moment(self, rule: str) -> datetime:
        """The moment in the market's time zone, or an error that names the rule that needs it."""
        if self.at is None:
            raise PolicyError(f"{rule} needs the moment of the plan: pass at= or market=")
        zone = "UTC" if self.market is None else self.market.time_zone
        moment: datetime = self.at.tz_convert(zone).to_pydatetime()
        return moment


def read_past(market: Market | None, at: Any) -> Past:
    """The record of a market up to a moment; by default up to its end.

    Raises
    ------
    PolicyError
        ``at`` is no single moment.
    """
    if at is None:
        return Past(market)
    moment = _moment(at)
    try:
        zone = "UTC" if market is None else market.time_zone
        known = moment.tz_localize(zone) if moment.tzinfo is None else moment
    except (TypeError, ValueError) as error:  # an hour that summer time skips or repeats
        raise PolicyError(f"at is {at!r}; {error}; add the time zone, as in '2026-12-21T09:00+01:00'") from error
    return Past(market, known.tz_convert("UTC"))


def _moment(at: Any) -> pd.Timestamp:
    """One moment from an ISO text or a datetime; a number has no unit and 05/09 is two days in two countries."""
    wrong = (
        f"at is {at!r}; give a moment such as '2026-12-21 09:00' (year first), or leave it out for the end of records"
    )
    if not isinstance(at, str | date | np.datetime64):
        raise PolicyError(wrong)
    try:
        stamp = pd.to_datetime(at, format="ISO8601") if isinstance(at, str) else pd.Timestamp(at)
    except (TypeError, ValueError, OverflowError) as error:
        raise PolicyError(wrong) from error
    if not isinstance(stamp, pd.Timestamp):  # NaT
        raise PolicyError(wrong)
    return stamp
