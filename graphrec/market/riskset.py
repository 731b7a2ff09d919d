"""Who could have been contacted: contacts and controls of each decision, with known weights.

Hides eligibility and sampling. A *stratum* is one (local day, offer) on which somebody was contacted. Its risk set is
every customer who could have been contacted: not unsubscribed before, and not contacted about the same offer on the
local days of the horizon before. Controls are drawn from the risk set without replacement; a control stands for
(eligible not contacted) / (drawn) customers.

Eligibility is a rule that is stated, not a clip of propensities: a person outside it is not in the question.
Source of the design: nested case-cohort sampling with known inclusion probabilities (Langholz & Borgan 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from graphrec.market.attributes import DAY
from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["RiskSet", "draw_risk_set"]

_SHUFFLE_ABOVE = 0.4
"""Share of the eligible above which shuffling everybody is cheaper than drawing."""
_OBSERVED = 0.9
"""Share of the horizon's days that must lie before the end of the records.

The last record is often some days before the real end of the records. What is cut off is missing for the contacts of a
day and for their controls alike.
"""
_MOST_CONTROLS = 50_000_000
"""A panel of more rows fits no ordinary memory (about 400 bytes a row)."""


@dataclass(frozen=True, eq=False)
class RiskSet:
    """Rows of the panel before any covariate, in the order of customer, time and offer.

    Attributes
    ----------
    customers, offers : numpy.ndarray, shape (n,), int32
        Codes.
    times : numpy.ndarray, shape (n,), int64
        Decision times in microseconds; a control has the time of a contact of its stratum.
    solicitations : numpy.ndarray, shape (n,), int64
        Position of the contact in the solicitations table; -1 for a control.
    weights : numpy.ndarray, shape (n,), float64
        Rows of the risk set that the row stands for.
    counts : dict of str to int
        Solicitations kept and left out, by reason.
    """

    customers: np.ndarray
    offers: np.ndarray
    times: np.ndarray
    solicitations: np.ndarray
    weights: np.ndarray
    counts: dict[str, int]


def draw_risk_set(
    market: Market,
    offers: Offers,
    horizon_days: int,
    history_days: int,
    controls_per_contact: int | None,
    rng: np.random.Generator,
) -> RiskSet:
    """Contacts and controls of a market (see the module's text for the rules).

    Parameters
    ----------
    market : Market
        Solicitations, and the events that say who unsubscribed when.
    offers : Offers
        What a contact is about.
    horizon_days : int
        Days of outcome that must be observed after a contact, and days before it without another about the offer.
    history_days : int
        Days of records that must lie before a contact.
    controls_per_contact : int or None
        Controls of a stratum for each of its contacts; None takes the whole risk set.
    rng : numpy.random.Generator
        Draws the controls.

    Raises
    ------
    DataError
        No contact or no control is left, with the number lost to each rule; or the controls fit no memory.
    """
    sent, counts = _sent(market, offers)
    contacts = _observed(market, sent, horizon_days, history_days, counts)
    if contacts.empty:
        reasons = ", ".join(f"{name}: {count:,}" for name, count in counts.items())
        raise DataError(f"no solicitation can be used, so there are no contacted rows ({reasons})")
    barred = _barred(market, sent, contacts, horizon_days)
    free = barred.free(contacts["stratum"].to_numpy(), contacts["customer"].to_numpy(), barred.before)
    counts["not eligible"] = int((~free).sum())
    contacts = contacts[free]
    if contacts.empty:
        raise DataError(
            "every contacted customer had unsubscribed before or was contacted about the same offer just before"
        )
    controls = _draw_controls(contacts, barred, controls_per_contact, rng)
    if controls.empty:
        raise DataError("every eligible customer was contacted, so there are no controls; add customers not contacted")
    counts["contacts"], counts["controls"] = len(contacts), len(controls)
    rows = pd.concat([contacts.assign(weight=1.0), controls], ignore_index=True)
    rows = rows.sort_values(["customer", "time", "offer"])  # questions to a history are fastest in its own order
    return RiskSet(
        customers=rows["customer"].to_numpy(np.int32),
        offers=rows["offer"].to_numpy(np.int32),
        times=rows["time"].to_numpy(np.int64),
        solicitations=rows["solicitation"].to_numpy(np.int64),
        weights=rows["weight"].to_numpy(np.float64),
        counts=counts,
    )


def _sent(market: Market, offers: Offers) -> tuple[pd.DataFrame, dict[str, int]]:
    """Every solicitation about an offer, observed long enough or not."""
    frame = pd.DataFrame(
        {
            "customer": market.codes("solicitations", "customer_id").astype(np.int64),
            "offer": offers.of_solicitations(market).astype(np.int64),
            "time": to_microseconds(market.solicitations["sent_at"]),
            "day": market.local_days(market.solicitations["sent_at"]),
            "solicitation": np.arange(len(market.solicitations)),
        }
    )
    about = frame["offer"] >= 0
    return frame[about], {"solicitations": len(frame), "without an offer": int((~about).sum())}


def _observed(
    market: Market, sent: pd.DataFrame, horizon_days: int, history_days: int, counts: dict[str, int]
) -> pd.DataFrame:
    """Contacts inside the observed time, the first of a customer, offer and day, with their stratum."""

    def keep(frame: pd.DataFrame, kept: pd.Series, reason: str) -> pd.DataFrame:
        counts[reason] = int((~kept).sum())
        return frame[kept]

    if sent.empty:
        return sent
    start = to_microseconds([market.time_span[0]])[0]
    end = market.local_days(pd.Series([market.observed_until]))[0]
    frame = keep(sent, sent["time"] >= start + history_days * DAY, "too early: no history before")
    frame = keep(frame, frame["day"] + _OBSERVED * horizon_days <= end, "too late: outcome not fully observed")
    frame = keep(frame, ~frame.duplicated(["customer", "offer", "day"]), "same customer, offer and day")
    return frame.assign(stratum=frame.groupby(["day", "offer"], sort=True).ngroup())


@dataclass(frozen=True, eq=False)
class _Barred:
    """Customers outside the risk set of each stratum.

    Keys are stratum x customers + customer, sorted. ``before`` bars contacts and controls alike; ``around`` holds the
    contacted of the stratum's day as well, who are no controls. Who unsubscribed is kept once, not once a stratum.
    """

    customers: int
    times: np.ndarray
    left_at: np.ndarray
    before: np.ndarray
    around: np.ndarray

    def free(self, strata: np.ndarray, customers: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Whether each customer may be in the stratum, given the keys that are barred."""
        wanted = strata * self.customers + customers
        if not len(keys):
            return self._stayed(strata, customers)
        found = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
        return np.asarray(~found & self._stayed(strata, customers))

    def eligible(self) -> np.ndarray:
        """Number of possible controls in each stratum."""
        left = np.searchsorted(np.sort(self.left_at), self.times, side="left")
        strata, customers = np.divmod(self.around, self.customers)
        others = np.bincount(strata[self._stayed(strata, customers)], minlength=len(self.times))
        return np.asarray(self.customers - left - others)

    def _stayed(self, strata: np.ndarray, customers: np.ndarray) -> np.ndarray:
        return np.asarray(self.left_at[customers] >= self.times[strata])


def _barred(market: Market, sent: pd.DataFrame, contacts: pd.DataFrame, horizon_days: int) -> _Barred:
    """Customers who had unsubscribed, or were contacted about the same offer, before or on the day."""
    n = len(market.customers)
    strata = contacts.groupby("stratum").agg(time=("time", "min"), offer=("offer", "first"), day=("day", "first"))
    ordered = sent.sort_values(["offer", "day"], kind="stable")
    origin, span = int(sent["day"].min()), int(sent["day"].max() - sent["day"].min()) + 2
    keys = (ordered["offer"] * span + ordered["day"] - origin).to_numpy(np.int64)
    base, day = strata["offer"].to_numpy(np.int64) * span, strata["day"].to_numpy(np.int64) - origin
    start = np.searchsorted(keys, base + np.maximum(day - horizon_days + 1, 0), side="left")
    who = ordered["customer"].to_numpy(np.int64)

    def until(side: Literal["left", "right"]) -> np.ndarray:
        rows, positions = _ranges(start, np.searchsorted(keys, base + day, side=side))
        return np.unique(rows * n + who[positions])

    return _Barred(n, strata["time"].to_numpy(np.int64), _left_at(market, n), until("left"), until("right"))


def _ranges(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and every position of each half-open range."""
    reach = end - start
    rows = np.repeat(np.arange(len(reach)), reach)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(reach) - reach, reach) + start[rows]


def _left_at(market: Market, n: int) -> np.ndarray:
    """Time at which each customer unsubscribed first; the largest int64 where never."""
    rows = (market.events["event_type"] == "unsubscribe").to_numpy()
    left = to_microseconds(market.events["event_time"][rows])
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, market.codes("events", "customer_id")[rows], left)
    return first


def _draw_controls(
    contacts: pd.DataFrame, barred: _Barred, per_contact: int | None, rng: np.random.Generator
) -> pd.DataFrame:
    """Controls of every stratum, without replacement, with weight (eligible) / (drawn)."""
    size = np.bincount(contacts["stratum"], minlength=len(barred.times))
    eligible = np.where(size > 0, barred.eligible(), 0)
    wanted = eligible if per_contact is None else np.minimum(size * per_contact, eligible)
    if wanted.sum() > _MOST_CONTROLS:
        raise DataError(
            f"the panel would have {int(wanted.sum()):,} controls, more than {_MOST_CONTROLS:,}; use a small "
            "controls_per_contact, such as 4, or a coarser offer"
        )
    strata, customers = _candidates(wanted, eligible, barred.customers, rng)
    free = barred.free(strata, customers, barred.around)
    strata, customers = strata[free], customers[free]
    order = np.argsort(strata, kind="stable")
    strata, customers = strata[order], customers[order]
    rank = np.arange(len(strata)) - np.searchsorted(strata, strata, side="left")
    drawn = rank < wanted[strata]
    strata, customers, rank = strata[drawn], customers[drawn], rank[drawn]
    found = np.bincount(strata, minlength=len(size))
    # A control gets the time of one of its stratum's contacts, in turn.
    ordered = contacts.sort_values("stratum", kind="stable")
    first = np.searchsorted(ordered["stratum"].to_numpy(), strata, side="left")
    partner = ordered.iloc[first + rank % size[strata]]
    return pd.DataFrame(
        {
            "customer": customers,
            "offer": partner["offer"].to_numpy(),
            "time": partner["time"].to_numpy(),
            "solicitation": -1,
            "stratum": strata,
            "weight": eligible[strata] / found[strata],
        }
    )


def _candidates(
    wanted: np.ndarray, eligible: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Strata and distinct customers in random order, enough for the wanted controls once the barred are gone.

    Where many of the eligible are wanted everybody is shuffled; elsewhere customers are drawn with replacement and
    the repeated ones dropped, which keeps the order of first draws uniform.
    """
    share = (wanted + 4 * np.sqrt(wanted) + 8) / np.maximum(eligible, 1)  # four standard deviations to be safe
    everybody = np.flatnonzero((share > _SHUFFLE_ABOVE) & (wanted > 0))
    some = np.flatnonzero((share <= _SHUFFLE_ABOVE) & (wanted > 0))
    strata = np.repeat(everybody, n)
    customers = np.tile(np.arange(n, dtype=np.int64), len(everybody))
    order = np.lexsort((rng.random(len(strata)), strata))
    draws = np.ceil(-n * np.log1p(-share[some])).astype(np.int64)
    drawn = np.repeat(some, draws) * n + rng.integers(0, n, int(draws.sum()))
    _, first = np.unique(drawn, return_index=True)
    more_strata, more_customers = np.divmod(drawn[np.sort(first)], n)
    return np.concatenate([strata[order], more_strata]), np.concatenate([customers[order], more_customers])
