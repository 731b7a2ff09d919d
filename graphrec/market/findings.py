"""What about a market limits the claims that can be made later.

Hides the rules that turn counts into sentences: each looks at the tables, and stays silent or says one thing that an
analyst must know before reading an effect. Sentences name columns and counts, never a customer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from graphrec.market.tables import Market

__all__ = ["limiting_findings"]

_TELLING_GAP = 0.2  # difference between contact shares at which the absence of an attribute is named
_FEW_CONTACTS = 50  # under this many contacts no effect of a channel is estimated


def limiting_findings(market: Market) -> tuple[str, ...]:
    """Say what in the market limits later claims.

    Parameters
    ----------
    market : Market
        A validated market.

    Returns
    -------
    tuple of str
        One sentence for each finding, the most basic first.
    """
    rules = (_design, _aliasing, _thin_channels, _early_contacts, _response_only, _consent, _coverage, _missingness)
    return tuple(sentence for rule in (*rules, _unmatched) for sentence in rule(market))


def _design(market: Market) -> Iterator[str]:
    sent = market.solicitations
    if sent.empty:
        yield "There is no solicitation: nothing can be learned about the effect of a contact."
    elif not bool(sent["randomised"].any()) and not bool(sent["propensity"].notna().any()):
        yield (
            "No contact was sent at random or carries its probability: effects rest on adjustment for what was known "
            "before, not on the design."
        )


def _aliasing(market: Market) -> Iterator[str]:
    sent = market.solicitations.dropna(subset=["campaign_id"])
    channels = sent.groupby("campaign_id")["channel"].nunique()
    if len(channels) > 1 and sent["channel"].nunique() > 1 and int(channels.max()) == 1:
        yield (
            f"Each of the {len(channels):,} campaigns uses one channel: the effect of the offer and that of the "
            "channel cannot be told apart."
        )


def _thin_channels(market: Market) -> Iterator[str]:
    for channel, count in market.solicitations["channel"].value_counts(sort=False).sort_index().items():
        if count < _FEW_CONTACTS:
            yield f"Channel {channel} has {count:,} contacts, under {_FEW_CONTACTS}: too few to estimate an effect."


def _early_contacts(market: Market) -> Iterator[str]:
    if market.events.empty or market.solicitations.empty:
        return
    first = market.events["event_time"].min()
    early = int((market.solicitations["sent_at"] < first).sum())
    if early:
        yield (
            f"{early:,} of {len(market.solicitations):,} contacts were sent before the first event "
            f"({first.tz_convert(market.time_zone).date().isoformat()}): nothing is known of what came before them."
        )


def _response_only(market: Market) -> Iterator[str]:
    contacted = market.customers["customer_id"].isin(market.solicitations["customer_id"].unique())
    if bool(contacted.all()) or not bool(contacted.any()):
        return
    codes, flags = market.codes("events", "customer_id"), contacted.to_numpy()
    reached = pd.Series(np.where(codes >= 0, flags[codes], False)).groupby(market.events["event_type"]).all()
    for kind in sorted(reached.index[reached]):
        yield (
            f"Every {kind} event belongs to a contacted customer: it measures the response to a contact and is never "
            "the outcome of an uplift."
        )


def _consent(market: Market) -> Iterator[str]:
    if market.consents.empty:
        yield "There is no consents table: a plan cannot require consent."
        return
    silent = len(market.customers) - int(market.consents["customer_id"].nunique())
    if silent:
        yield f"{silent:,} of {len(market.customers):,} customers gave no answer on consent."
    undated = int(market.consents["changed_at"].isna().sum())
    if undated:
        yield f"{undated:,} consents have no date: they serve the plan and explain no past contact."


def _coverage(market: Market) -> Iterator[str]:
    known = market.customers.drop(columns="customer_id").notna().mean().round(4)
    partly = known[known < 0.95]
    for share, names in sorted(partly.groupby(partly).groups.items()):
        yield f"{', '.join(map(str, names))}: known of {share:.0%} of the customers."


def _missingness(market: Market) -> Iterator[str]:
    contacted = market.customers["customer_id"].isin(market.solicitations["customer_id"].unique())
    told: dict[tuple[float, float], list[str]] = {}
    for column in market.customers.columns.drop("customer_id"):
        known = market.customers[column].notna()
        if bool(known.all()) or not bool(known.any()):
            continue
        shares = float(contacted[known].mean()), float(contacted[~known].mean())
        if abs(shares[0] - shares[1]) >= _TELLING_GAP:
            told.setdefault(shares, []).append(str(column))
    for (known_share, missing_share), columns in told.items():
        yield (
            f"Whether {', '.join(columns)} is known tells of the contact: {known_share:.0%} were contacted where it is "
            f"known, {missing_share:.0%} where it is missing. Its absence is no neutral value."
        )


def _unmatched(market: Market) -> Iterator[str]:
    if market.unmatched:
        yield f"No role explains {', '.join(market.unmatched)}: they stay out of every model."
