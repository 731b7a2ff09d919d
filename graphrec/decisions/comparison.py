"""The rows on which one channel's contacts are compared with no contact, and the placebo that tests the comparison.

Hides which contacts can be judged at all and what each row holds. A contact counts when two horizons of purchases lie
before it (one for the covariates of the earlier period, one for its outcome), its outcome window is observed, its
campaign has ended, and its offer was contacted often enough. Such a contact stands beside the whole risk set of its
*occasion* (one offer on one day), or a sample of it with known weights where that is large.

Two placebos, chosen by what the market has. Where offers have *twins* (others of their category about which the
customer was not contacted): buying those, adjusted like the outcome. Else the *period before*: purchase lines in the
horizon before the contact, adjusted for what was known before that. The twins are the better test, because a policy
that reads recent purchases differs in the period before although adjusting for them is right; campaigns overlap too
much to have any.

Adjusting for the occasion as such was preferred to columns that describe it: which campaigns are sent to whom is
decided campaign by campaign.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causal.ladder import PERIOD_BEFORE
from graphrec.market.attributes import DAY, sort_attributes
from graphrec.market.covariates import Covariates
from graphrec.market.history import History, pair_codes, to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.panel import CONTROL, Panel, build_panel
from graphrec.market.tables import DataError, Market

__all__ = ["EARLIER", "ON_TWINS", "Comparison", "gather_comparisons"]

ON_TWINS = "on offers that the contact was not about"

EARLIER = " earlier"
"""Ending of a column as of one horizon before the decision."""

_WHOLE_RISK_SET = 200_000
_CONTROLS_PER_CONTACT = 8
_MOST_OCCASIONS = 50
_TWINNED = 0.9
"""Share of rows that must have twins."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Contacted and not contacted rows of one channel.

    Attributes
    ----------
    channel : str
        Level of ``treatment`` other than ``"none"``.
    frame : pandas.DataFrame
        customer, offer, decided_at, treatment, weight, the outcome, the placebo, and the columns below.
    outcome, placebo : str
        ``lines`` and ``lines_before``: purchase lines of the offer within the horizon after the decision and within
        the one before it; or ``outcome`` and ``twin_outcome``: whether the offer was bought within the horizon (0/1)
        and the share of its twins that were.
    adjustment_set, placebo_set : tuple of str
        Columns to adjust the outcome and the placebo for.
    offers : Offers
        What the offer codes mean.
    """

    channel: str
    frame: pd.DataFrame
    outcome: str
    placebo: str
    adjustment_set: tuple[str, ...]
    placebo_set: tuple[str, ...]
    offers: Offers

    @property
    def contacted(self) -> np.ndarray:
        """True where the row was contacted."""
        return (self.frame["treatment"].astype(str) != CONTROL).to_numpy()

    @property
    def placebo_where(self) -> str:
        """Where the placebo looks, in words."""
        return ON_TWINS if self.placebo == "twin_outcome" else PERIOD_BEFORE

    @property
    def weights(self) -> np.ndarray | None:
        """Sampling weights; None where every row stands for itself."""
        weights = self.frame["weight"].to_numpy(np.float64)
        return None if (weights == 1.0).all() else weights


def gather_comparisons(
    market: Market,
    *,
    horizon_days: int = 28,
    minimum_contacts: int = 40,
    maximum_rows: int = 30_000,
    rng: int | np.random.Generator | None = None,
) -> Iterator[Comparison]:
    """Rows of each channel that has contacts which can be judged.

    Parameters
    ----------
    market : Market
    horizon_days : int
        Outcome window, and length of the earlier period, in days.
    minimum_contacts : int
        Offers with fewer contacts through the channel are left out, unless most of its contacts are about such.
    maximum_rows : int
        Rows of a channel; above it, controls (and contacts where they are more than half of that) are drawn.
    rng : int, Generator or None
        Seed of the draws.

    Yields
    ------
    Comparison
        In the order of the panel's channels; none for a channel without contacts that can be judged.

    Raises
    ------
    DataError
        A number is out of range, or the market's roles are wrong.
    """
    _check(horizon_days=(horizon_days, 1), minimum_contacts=(minimum_contacts, 1), maximum_rows=(maximum_rows, 100))
    sort_attributes(market)  # a wrong role is an error; too few records are a finding
    panel_rng, draw_rng = np.random.default_rng(rng).spawn(2)
    panel = _judged_panel(market, horizon_days, panel_rng)
    if panel is None or panel.offers is None:
        return
    rows = _with_occasions(market, panel.frame, panel.offers)
    twins = rows["twin_outcome"].notna()
    # A campaign sends people to the shop, so they buy from other campaigns too: its twins are no negative control.
    twinned = panel.offers.kind != "campaign" and bool(len(rows)) and bool(twins.mean() >= _TWINNED)
    if twinned:
        rows = rows[twins]
    past = None if twinned else _Past(market, panel.offers, horizon_days * DAY)
    for channel, rng in zip(panel.channels, draw_rng.spawn(len(panel.channels))):
        chosen = _draw(_rows_of(rows, channel, minimum_contacts), maximum_rows, rng)
        customers = chosen.groupby("treatment", observed=True)["customer"].nunique()
        if len(customers) == 2 and customers.min() >= 2:  # one customer has no spread
            yield _compare(chosen, channel, panel, panel.offers, past)


def _check(**numbers: tuple[int, int]) -> None:
    for name, (value, least) in numbers.items():
        if value < least:
            raise DataError(f"{name} is {value}; use {least} or more")


def _judged_panel(market: Market, horizon_days: int, rng: np.random.Generator) -> Panel | None:
    """Panel of the contacts with two horizons of purchases before and one after; None where it would be empty."""
    bought = market.events["event_time"][(market.events["event_type"] == "purchase").to_numpy()]
    sent = market.solicitations["sent_at"]
    if sent.empty or bought.empty:
        return None
    # The first record may be a contact long before the first purchase: nothing is known in between.
    unrecorded = int(np.ceil((bought.min() - market.time_span[0]) / pd.Timedelta(days=1)))
    about = market.solicitations[["product_id", "campaign_id"]].assign(day=market.local_days(sent))
    whole = len(about.drop_duplicates()) * len(market.customers) <= _WHOLE_RISK_SET
    try:
        return build_panel(
            market,
            offer="auto",
            horizon_days=horizon_days,
            controls_per_contact=None if whole else _CONTROLS_PER_CONTACT,
            minimum_history_days=unrecorded + 2 * horizon_days,
            rng=rng,
        )
    except DataError:  # no contact, no control or no outcome in that time
        return None


def _with_occasions(market: Market, rows: pd.DataFrame, offers: Offers) -> pd.DataFrame:
    """Add the occasion (one offer on one local day) to each row; leave out campaigns that had not ended."""
    if offers.kind == "campaign":
        ends = market.campaigns.groupby("campaign_id")["ends_at"].max()
        running = offers.index.encode(ends.index[ends > market.observed_until])
        rows = rows[~rows["offer"].isin(running)]
    day = market.local_days(rows["decided_at"])
    return rows.assign(occasion=pd.MultiIndex.from_arrays([rows["offer"], day]).factorize()[0])


def _rows_of(rows: pd.DataFrame, channel: str, minimum_contacts: int) -> pd.DataFrame:
    """Contacts through a channel and the controls of their occasions, with the contacted share of each occasion."""
    own = rows["treatment"] == channel
    contacts = rows.loc[own, "offer"].value_counts()
    frequent = contacts[contacts >= minimum_contacts]
    if 2 * frequent.sum() >= contacts.sum():
        own &= rows["offer"].isin(frequent.index)
    beside = (rows["treatment"] == CONTROL) & rows["occasion"].isin(rows.loc[own, "occasion"])
    chosen, own = rows[own | beside], own[own | beside]
    total = chosen["weight"].groupby(chosen["occasion"]).transform("sum")
    contacted = chosen["weight"].where(own, 0.0).groupby(chosen["occasion"]).transform("sum")
    levels = pd.Categorical(chosen["treatment"].astype("str"), categories=[CONTROL, channel])
    return chosen.assign(treatment=levels, contacted_share=contacted / total)


def _draw(rows: pd.DataFrame, maximum_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """About so many rows at most: each kept with a known probability, by which its weight is divided."""
    if len(rows) <= maximum_rows:
        return rows.reset_index(drop=True)
    contacted = (rows["treatment"] != CONTROL).to_numpy()
    contacts = min(int(contacted.sum()), maximum_rows // 2)
    share = np.where(contacted, contacts / contacted.sum(), (maximum_rows - contacts) / (~contacted).sum())
    share = np.minimum(share, 1.0)
    kept = rng.random(len(rows)) < share
    sample: pd.DataFrame = rows.assign(weight=rows["weight"] / share)[kept].reset_index(drop=True)
    return sample


class _Past:
    """What was known, and bought, one horizon before a decision."""

    def __init__(self, market: Market, offers: Offers, horizon: int) -> None:
        self._size, self._horizon = len(offers), horizon
        self._covariates = Covariates(market, offers)
        bought = (market.events["event_type"] == "purchase").to_numpy()
        rows, what = offers.of_products(market.codes("events", "product_id")[bought])
        who = market.codes("events", "customer_id")[bought]
        when = to_microseconds(market.events["event_time"])[bought]
        self._lines = History(pair_codes(who[rows], what, len(offers)), when[rows])

    def covariates(self, rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        """Columns as of one horizon before the decision."""
        times = to_microseconds(rows["decided_at"]) - self._horizon
        return self._covariates.at(rows["customer"].to_numpy(), rows["offer"].to_numpy(), times)[columns]

    def lines(self, rows: pd.DataFrame) -> np.ndarray:
        """Purchase lines of the offer within the horizon before the decision."""
        pairs = pair_codes(rows["customer"].to_numpy(), rows["offer"].to_numpy(), self._size)
        return self._lines.count(pairs, to_microseconds(rows["decided_at"]), self._horizon)


def _compare(rows: pd.DataFrame, channel: str, panel: Panel, offers: Offers, past: _Past | None) -> Comparison:
    occasion = _occasion_columns(rows)
    now = _telling(rows[list(panel.covariates)], rows, occasion)
    keys = rows[["customer", "offer", "decided_at", "treatment", "weight"]]
    adjustment_set = (*now.columns, *occasion.columns)
    if past is None:
        frame = pd.concat([keys, rows[["outcome", "twin_outcome"]], occasion, now], axis=1)
        return Comparison(channel, frame, "outcome", "twin_outcome", adjustment_set, adjustment_set, offers)
    earlier = _telling(past.covariates(rows, list(panel.covariates)), rows, occasion).add_suffix(EARLIER)
    counts = pd.DataFrame({"lines": rows["lines"], "lines_before": past.lines(rows)})
    frame = pd.concat([keys, counts, occasion, now, earlier], axis=1)
    placebo_set = (*earlier.columns, *occasion.columns)
    return Comparison(channel, frame, "lines", "lines_before", adjustment_set, placebo_set, offers)


def _occasion_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """The occasion as a category; where there are many, the log-odds of contact in it, which balance it as well.

    Within a value of the contacted share, who is contacted does not depend on the occasion (Rosenbaum & Rubin 1983).
    """
    if rows["occasion"].nunique() <= _MOST_OCCASIONS:
        found = pd.DataFrame({"occasion": pd.Categorical(rows["occasion"].astype("str"))})
    else:
        share = rows["contacted_share"].clip(1e-6, 1 - 1e-6)
        found = pd.DataFrame({"occasion": np.log(share / (1 - share))})
    return found if found["occasion"].nunique() > 1 else found[[]]


def _telling(columns: pd.DataFrame, rows: pd.DataFrame, occasion: pd.DataFrame) -> pd.DataFrame:
    """Columns that differ between rows; where the occasion is a category, between rows of the same occasion."""
    if "occasion" in occasion and isinstance(occasion["occasion"].dtype, pd.CategoricalDtype):
        varies = columns.groupby(rows["occasion"].to_numpy()).nunique(dropna=False).max() > 1
    else:
        varies = columns.nunique(dropna=False) > 1
    return columns[[name for name, differs in varies.items() if differs]]
