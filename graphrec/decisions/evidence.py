"""What each channel's contacts can be claimed to change: one evidence ladder for each channel of a market.

Hides how a market becomes the arguments of `causal.evidence_ladder`: the rows and the placebo (see
`graphrec.decisions.comparison`) and the ceiling (`graphrec.decisions.redemptions`).

One ladder for all channels together was considered: a channel that sells and one that does not then average to a
figure that is true of neither.
"""

from __future__ import annotations

import sys

import numpy as np

from causal.ladder import Ladder, evidence_ladder
from graphrec.decisions.comparison import Comparison, gather_comparisons
from graphrec.decisions.redemptions import Redemptions
from graphrec.market.history import to_microseconds
from graphrec.market.panel import CONTROL
from graphrec.market.tables import Market

__all__ = ["channel_ladders"]


def channel_ladders(
    market: Market,
    *,
    horizon_days: int = 28,
    minimum_contacts: int = 40,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
    maximum_rows: int = 30_000,
) -> dict[str, Ladder]:
    """Climb the evidence ladder of every channel of a market.

    Parameters
    ----------
    market : Market
        Contacts, purchases and, for the ceiling, redemptions.
    horizon_days : int
        Outcome window after a contact.
    minimum_contacts : int
        Offers with fewer contacts through a channel are left out, unless most of its contacts are about such.
    level : float
        Confidence level of the intervals.
    rng : int, Generator or None
        Seed; the same seed gives the same ladders.
    progress : bool
        Say on stderr what is being done.
    maximum_rows : int
        Rows used for a channel; a larger risk set is sampled with known weights.

    Returns
    -------
    dict of channel to causal.ladder.Ladder
        For each contact: the change of the probability of buying the offer where offers have twins, else of the
        purchase lines of the offer (counts thin linearly where receipts are a sample; bought or not does not). A
        channel is missing where none of its contacts has two horizons of purchases before it and one after it:
        nothing can be said, not even naively.

    Raises
    ------
    DataError
        A number is out of range, or the market's roles are wrong.

    Notes
    -----
    The effect is that of *this contact against none now, later policy unchanged*. It may be read off the ladder where
    contacts follow recorded history only; the placebo tests that. The placebo of the period before also fails where
    the policy read that very period, so the ladder of a campaign can refuse an effect that adjustment would get right,
    and does not claim one that it would get wrong. Contacts drawn by lot settle it.
    """
    rows_rng, fit_rng = np.random.default_rng(rng).spawn(2)
    found: dict[str, Ladder] = {}
    redemptions: Redemptions | None = None
    comparisons = gather_comparisons(
        market,
        horizon_days=horizon_days,
        minimum_contacts=minimum_contacts,
        maximum_rows=maximum_rows,
        rng=rows_rng,
    )
    for rows in comparisons:
        if progress:
            sys.stderr.write(f"  the ladder of {rows.channel} on {len(rows.frame):,} rows ...\n")
        redemptions = redemptions or Redemptions(market, rows.offers)
        found[rows.channel] = _climb(rows, _ceiling(rows, redemptions, horizon_days), level, fit_rng.spawn(1)[0])
    return found


def _climb(rows: Comparison, ceiling: float | None, level: float, rng: np.random.Generator) -> Ladder:
    ladders = evidence_ladder(
        rows.frame,
        "treatment",
        rows.outcome,
        rows.adjustment_set,
        control=CONTROL,
        placebo=rows.placebo,
        placebo_adjustment_set=rows.placebo_set,
        placebo_where=rows.placebo_where,
        ceiling=ceiling,
        weights=rows.weights,
        clusters="customer",
        level=level,
        rng=rng,
    )
    return ladders[rows.channel]


def _ceiling(rows: Comparison, redemptions: Redemptions, horizon_days: int) -> float | None:
    """Lines that one contact of the channel can have added at most."""
    contacts = rows.frame[rows.contacted]
    times = to_microseconds(contacts["decided_at"])
    return redemptions.ceiling(contacts["customer"].to_numpy(), contacts["offer"].to_numpy(), times, horizon_days)
