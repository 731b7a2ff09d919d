"""What a market holds, before anything is modelled.

Hides the counting behind the descriptive check: rows kept and set aside, time span, contacts for each channel, consent,
what is known of the customers, and the findings that limit what may be claimed later (no consent table, offer and
channel that always come together, attributes whose absence gives the contact away).

Alternative considered: a general profiler. It reports distributions, not what a contact plan needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from graphrec.market.findings import limiting_findings
from graphrec.market.tables import TABLES, Market

__all__ = ["MarketDescription", "describe_market"]

_STRUCTURE = ("customer_id", "product_id")


@dataclass(frozen=True)
class TableCount:
    """Rows of one table.

    Parameters
    ----------
    received, kept, set_aside : int
        Rows given, usable, and left out with a reason.
    """

    received: int
    kept: int
    set_aside: int


@dataclass(frozen=True)
class ChannelCount:
    """Contacts of one channel.

    Parameters
    ----------
    contacts : int
        Solicitations sent.
    customers : int
        Distinct customers contacted.
    first, last : str
        First and last moment, ISO 8601, UTC.
    propensity_share, randomised_share : float
        Share of the contacts with a logged probability, and share sent at random.
    consented_share : float or None
        Share of all customers whose last answer for this channel is yes; None without consents.
    """

    contacts: int
    customers: int
    first: str
    last: str
    propensity_share: float
    randomised_share: float
    consented_share: float | None


@dataclass(frozen=True)
class AttributeCoverage:
    """One attribute of customers or products.

    Parameters
    ----------
    table : str
        ``"customers"`` or ``"products"``.
    known_share : float
        Share of the rows with a value.
    class_name : str or None
        Ontology class its role names.
    enters_models : bool
        Whether a role explains it; the others are left out of every model.
    contacted_if_known, contacted_if_missing : float or None
        Share of customers contacted at least once, where the value is known and where it is missing.
    """

    table: str
    known_share: float
    class_name: str | None
    enters_models: bool
    contacted_if_known: float | None = None
    contacted_if_missing: float | None = None


@dataclass(frozen=True)
class MarketDescription:
    """What a market holds.

    Parameters
    ----------
    tables : mapping of str to TableCount
        Rows of each table.
    time_zone : str
        Zone in which days are cut.
    time_span : tuple of str or None
        First and last moment of events and solicitations, ISO 8601 in UTC; None where there is neither.
    bad_rows : mapping of str to mapping of str to int
        For each table, rows set aside for each reason.
    events : mapping of str to int
        Events of each type.
    active_customers, contacted_customers : int
        Customers with an event, and with a solicitation.
    channels : mapping of str to ChannelCount
        Contacts of each channel.
    consent_coverage : float or None
        Share of the customers with an answer on any channel; None without consents.
    attributes : mapping of str to AttributeCoverage
        What is known of customers and products.
    unmatched : tuple of str
        Attributes without a role; they enter no model.
    findings : tuple of str
        Sentences on what limits later claims.
    """

    tables: Mapping[str, TableCount]
    time_zone: str
    time_span: tuple[str, str] | None
    bad_rows: Mapping[str, Mapping[str, int]]
    events: Mapping[str, int]
    active_customers: int
    contacted_customers: int
    channels: Mapping[str, ChannelCount]
    consent_coverage: float | None
    attributes: Mapping[str, AttributeCoverage]
    unmatched: tuple[str, ...]
    findings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = asdict(self)
        plain["time_span"] = None if self.time_span is None else list(self.time_span)
        plain["unmatched"] = list(self.unmatched)
        plain["findings"] = list(self.findings)
        return plain

    def to_text(self) -> str:
        """Render as plain text, one screen wide."""
        blocks = [_head(self), _table_lines(self), _channel_lines(self), _attribute_lines(self)]
        if self.findings:
            blocks.append(["Findings", *(f"  - {sentence}" for sentence in self.findings)])
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def __str__(self) -> str:
        return self.to_text()


def describe_market(market: Market) -> MarketDescription:
    """Count what a market holds and say what limits later claims.

    Parameters
    ----------
    market : Market
        A validated market.

    Returns
    -------
    MarketDescription
        ``.to_dict()`` for JSON, ``.to_text()`` for people. It shows no identifier of a customer.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-01", tz="UTC")
    >>> market = Market.from_frames(
    ...     customers=pd.DataFrame({"customer_id": ["a", "b"]}),
    ...     products=pd.DataFrame({"product_id": ["p"]}),
    ...     solicitations=pd.DataFrame(
    ...         {"solicitation_id": ["1"], "customer_id": ["a"], "sent_at": [day], "channel": ["mail"]}
    ...     ),
    ...     events=pd.DataFrame({"event_time": [day], "event_type": ["visit"], "customer_id": ["b"]}),
    ... )
    >>> describe_market(market).channels["mail"].contacts
    1
    """
    span = None
    if len(market.events) or len(market.solicitations):
        first, last = market.time_span
        span = (first.isoformat(), last.isoformat())
    bad_rows = {
        str(table): {str(reason): int(count) for reason, count in rows["reason"].value_counts().sort_index().items()}
        for table, rows in market.rejected.groupby("table", sort=True)
    }
    return MarketDescription(
        tables={
            name: TableCount(
                int(market.received[name]), len(getattr(market, name)), sum(bad_rows.get(name, {}).values())
            )
            for name in TABLES
        },
        time_zone=market.time_zone,
        time_span=span,
        bad_rows=bad_rows,
        events={str(kind): int(rows) for kind, rows in market.events["event_type"].value_counts().items()},
        active_customers=int(market.events["customer_id"].nunique()),
        contacted_customers=int(market.solicitations["customer_id"].nunique()),
        channels=_channels(market),
        consent_coverage=_consent_coverage(market),
        attributes=_attributes(market),
        unmatched=market.unmatched,
        findings=limiting_findings(market),
    )


def _channels(market: Market) -> dict[str, ChannelCount]:
    """Contacts of each channel, in alphabetical order."""
    consented = _consented_shares(market)
    result = {}
    for channel, rows in market.solicitations.groupby("channel", sort=True):
        result[str(channel)] = ChannelCount(
            contacts=len(rows),
            customers=int(rows["customer_id"].nunique()),
            first=rows["sent_at"].min().isoformat(),
            last=rows["sent_at"].max().isoformat(),
            propensity_share=float(rows["propensity"].notna().mean()),
            randomised_share=float(rows["randomised"].mean()),
            consented_share=None if consented is None else consented.get(channel, 0.0),
        )
    return result


def _consented_shares(market: Market) -> dict[Any, float] | None:
    """Share of all customers whose last answer for a channel is yes, for at least one purpose."""
    if market.consents.empty:
        return None
    keys = ["customer_id", "channel", "purpose"]
    answers = market.consents.sort_values("changed_at", kind="stable", na_position="first")
    last = answers.groupby(keys, dropna=False, sort=False).tail(1)
    granted = last.loc[last["granted"].eq(True)].groupby("channel")["customer_id"].nunique()
    return {channel: float(count) / len(market.customers) for channel, count in granted.items()}


def _consent_coverage(market: Market) -> float | None:
    if market.consents.empty:
        return None
    return float(market.consents["customer_id"].nunique() / len(market.customers))


def _attributes(market: Market) -> dict[str, AttributeCoverage]:
    """Coverage and role of each column of customers and products, dates of other attributes left out."""
    dates = {role.date_column for role in market.roles.values()}
    contacted = market.customers["customer_id"].isin(market.solicitations["customer_id"].unique())
    result: dict[str, AttributeCoverage] = {}
    for table in ("customers", "products"):
        frame = getattr(market, table)
        for column in frame.columns:
            if column in _STRUCTURE or column in dates or (table == "products" and not frame[column].notna().any()):
                continue
            known = frame[column].notna()
            role = market.roles.get(column)
            result[str(column)] = AttributeCoverage(
                table=table,
                known_share=float(known.mean()),
                class_name=None if role is None else role.class_name,
                enters_models=column not in market.unmatched,
                contacted_if_known=_share(contacted[known]) if table == "customers" else None,
                contacted_if_missing=_share(contacted[~known]) if table == "customers" else None,
            )
    return result


def _share(flags: pd.Series) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _head(description: MarketDescription) -> list[str]:
    span = "no dated record" if description.time_span is None else " to ".join(description.time_span)
    events = ", ".join(f"{kind} {count:,}" for kind, count in description.events.items())
    consent = description.consent_coverage
    return [
        f"Time span   {span} (days are cut in {description.time_zone})",
        f"Customers   {description.active_customers:,} with an event, {description.contacted_customers:,} contacted",
        f"Events      {events or 'none'}",
        f"Consent     {'no consents table' if consent is None else f'{consent:.1%} of the customers answered'}",
    ]


def _table_lines(description: MarketDescription) -> list[str]:
    lines = [f"{'Table':<16}{'received':>12}{'kept':>12}{'set aside':>12}"]
    for name, count in description.tables.items():
        lines.append(f"{name:<16}{count.received:>12,}{count.kept:>12,}{count.set_aside:>12,}")
        lines += [f"  {rows:,} x {reason}" for reason, rows in description.bad_rows.get(name, {}).items()]
    return lines


def _channel_lines(description: MarketDescription) -> list[str]:
    if not description.channels:
        return []
    lines = [f"{'Channel':<16}{'contacts':>12}{'customers':>12}{'logged':>12}{'randomised':>12}{'consented':>12}"]
    for name, count in description.channels.items():
        consented = "-" if count.consented_share is None else f"{count.consented_share:.1%}"
        lines.append(
            f"{name:<16}{count.contacts:>12,}{count.customers:>12,}{count.propensity_share:>12.1%}"
            f"{count.randomised_share:>12.1%}{consented:>12}"
        )
    return lines


def _attribute_lines(description: MarketDescription) -> list[str]:
    if not description.attributes:
        return []
    lines = [f"{'Attribute':<20}{'table':<12}{'known':>8}  class"]
    for name, attribute in description.attributes.items():
        role = attribute.class_name or ("-" if attribute.enters_models else "no role: enters no model")
        lines.append(f"{name:<20}{attribute.table:<12}{attribute.known_share:>8.1%}  {role}")
    return lines
