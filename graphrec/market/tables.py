"""The tables a company has, checked once at the door.

Hides how raw frames become a `Market`: which columns are required, how times are read, what makes a row unusable
and how identifiers turn into integer codes. Everything behind this door may trust the tables. Bad rows are set
aside with their reason (`Market.rejected`), never dropped in silence.

Alternative considered: validating in every consumer. It was rejected because two consumers then disagree about
which rows exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.datamodel import EVENT_TYPES, ON_PRODUCT, TABLES, DataError, Role

__all__ = ["EVENT_TYPES", "ON_PRODUCT", "TABLES", "DataError", "IdIndex", "Market", "Role", "Vocabulary"]

_OWN_COLUMNS = ("customer_id", "product_id", "category", "brand", "price", "margin", "stock")


class IdIndex:
    """The identifiers of one kind and their integer codes (their position).

    Parameters
    ----------
    ids : array-like
        Identifiers; the position of each among the distinct ones is its code. Whole numbers that a missing value
        turned into floats are whole numbers again.

    Examples
    --------
    >>> index = IdIndex(["ann", "bob"])
    >>> index.encode(["bob", "eve"]).tolist()
    [1, -1]
    >>> list(index.decode([0]))
    ['ann']
    """

    def __init__(self, ids: Iterable[Any]) -> None:
        distinct = pd.Index(pd.Series(ids).dropna().unique())
        if pd.api.types.is_float_dtype(distinct) and bool((distinct % 1 == 0).all()):
            distinct = distinct.astype("int64")
        self._index = distinct

    @property
    def ids(self) -> np.ndarray:
        """Identifiers in code order."""
        return np.asarray(self._index)

    def encode(self, values: Iterable[Any]) -> np.ndarray:
        """Codes (int32) of the values; -1 where a value is unknown."""
        return np.asarray(self._index.get_indexer(pd.Index(values)), dtype=np.int32)

    def decode(self, codes: Iterable[int]) -> np.ndarray:
        """Identifiers of the codes."""
        return np.asarray(self._index.take(np.asarray(codes, dtype=np.int64)))

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"IdIndex({len(self)} ids)"


@dataclass(frozen=True)
class Vocabulary:
    """One `IdIndex` for each kind of thing in a market."""

    customers: IdIndex
    products: IdIndex
    campaigns: IdIndex
    channels: IdIndex


@dataclass(frozen=True, eq=False)
class Market:
    """Customers, products, solicitations and events of one company, validated.

    Build one with `Market.from_frames` or `graphrec.read_market`. Frames keep the identifiers as given; times are
    time-zone aware UTC; tables that were not given are empty frames with their columns.

    Attributes
    ----------
    customers, products, solicitations, campaigns, events, consents, feedback : pandas.DataFrame
        The tables of the data model; solicitations and events are sorted by time.
    roles : mapping of str to Role
        What each attribute column is.
    time_zone : str
        Zone in which days are cut.
    rejected : pandas.DataFrame
        Columns table, row (position in the input), reason, value: one line for each row set aside.
    received : mapping of str to int
        Rows given for each table, before any was set aside.
    """

    customers: pd.DataFrame
    products: pd.DataFrame
    solicitations: pd.DataFrame
    campaigns: pd.DataFrame
    events: pd.DataFrame
    consents: pd.DataFrame
    feedback: pd.DataFrame
    roles: Mapping[str, Role]
    time_zone: str
    rejected: pd.DataFrame
    received: Mapping[str, int]
    _codes: dict[tuple[str, str], np.ndarray] = field(default_factory=dict, repr=False, init=False)

    @classmethod
    def from_frames(
        cls,
        *,
        customers: Any,
        products: Any,
        solicitations: Any,
        events: Any,
        campaigns: Any = None,
        consents: Any = None,
        feedback: Any = None,
        roles: Mapping[str, Any] | None = None,
        time_zone: str = "UTC",
        maximum_bad_share: float = 0.2,
    ) -> Market:
        """Check the frames and build a market.

        Parameters
        ----------
        customers, products, solicitations, events, campaigns, consents, feedback : dataframe
            pandas, polars, Arrow or DuckDB relations with the columns of the data model. Times without a zone are
            read as UTC.
        roles : mapping, optional
            Attribute column to ontology class, ``"immutable"``, or ``{"class": ..., "date": ...}``. An undated
            attribute without a role stays out of every model, because nothing proves it was known before the
            decision.
        time_zone : str
            Zone in which days are cut, for example ``"America/New_York"``.
        maximum_bad_share : float
            Share of one table's rows that may be set aside before the whole table is refused.

        Raises
        ------
        DataError
            A required column is missing, a table that must have rows is empty, too many rows are bad, or a role names
            a column that does not exist.

        Examples
        --------
        >>> market = Market.from_frames(
        ...     customers=pd.DataFrame({"customer_id": ["ann", "bob"], "wealth": [1.5, 2.0]}),
        ...     products=pd.DataFrame({"product_id": ["tea"]}),
        ...     solicitations=None,
        ...     events=pd.DataFrame(
        ...         {
        ...             "event_time": ["2024-03-01 10:00:00 UTC"],
        ...             "event_type": ["purchase"],
        ...             "customer_id": ["ann"],
        ...             "product_id": ["tea"],
        ...         }
        ...     ),
        ...     roles={"wealth": "Wealth"},
        ... )
        >>> market
        Market(customers=2, products=1, solicitations=0, campaigns=0, events=1, consents=0, feedback=0, rejected=0)
        """
        from graphrec.market.validation import check_roles, validate_tables

        given = {
            "customers": customers,
            "products": products,
            "solicitations": solicitations,
            "campaigns": campaigns,
            "events": events,
            "consents": consents,
            "feedback": feedback,
        }
        parsed = {str(column): Role.parse(str(column), value) for column, value in (roles or {}).items()}
        tables, rejected, received = validate_tables(given, time_zone, maximum_bad_share)
        tables = check_roles(parsed, tables)
        return cls(**tables, roles=parsed, time_zone=time_zone, rejected=rejected, received=received)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Integer codes of customers, products, campaigns and channels."""
        # A solicitation's campaign is in the campaigns table, unless there is no such table.
        campaigns = (self.solicitations if self.campaigns.empty else self.campaigns)["campaign_id"]
        return Vocabulary(
            customers=IdIndex(self.customers["customer_id"]),
            products=IdIndex(self.products["product_id"]),
            campaigns=IdIndex(_sorted(campaigns)),
            channels=IdIndex(_sorted(self.solicitations["channel"])),
        )

    def codes(self, table: str, column: str) -> np.ndarray:
        """Integer codes (int32, -1 for missing) of an identifier column, computed once."""
        key = (table, column)
        if key not in self._codes:
            indexes = {
                "customer_id": self.vocabulary.customers,
                "product_id": self.vocabulary.products,
                "campaign_id": self.vocabulary.campaigns,
                "channel": self.vocabulary.channels,
            }
            self._codes[key] = indexes[column].encode(getattr(self, table)[column])
        return self._codes[key]

    @cached_property
    def time_span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last moment in events and solicitations."""
        times = pd.concat([self.events["event_time"], self.solicitations["sent_at"]])
        if times.empty:
            raise DataError("the market has neither events nor solicitations, so it has no time span")
        return times.min(), times.max()

    @cached_property
    def observed_until(self) -> pd.Timestamp:
        """Local midnight after the last record: outcomes are known up to here."""
        last = self.time_span[1].tz_convert(self.time_zone).tz_localize(None)
        # A day of 24 hours would miss midnight when the clocks change, and some zones change them at midnight.
        midnight = (last.normalize() + pd.Timedelta(days=1)).tz_localize(
            self.time_zone, nonexistent="shift_forward", ambiguous=True
        )
        return midnight.tz_convert("UTC")

    def local_days(self, times: pd.Series) -> np.ndarray:
        """Calendar day of each time in the market's zone, as days (int64) since 1970-01-01."""
        local = times.dt.tz_convert(self.time_zone).dt.tz_localize(None)
        return np.asarray(local.to_numpy().astype("datetime64[D]").astype(np.int64))

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Attributes of customers and products that no role explains; they enter no model."""
        columns = [*self.customers.columns, *self.products.columns]
        explained = {*_OWN_COLUMNS, *self.roles, *(role.date_column for role in self.roles.values())}
        return tuple(dict.fromkeys(str(column) for column in columns if column not in explained))

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={len(getattr(self, name)):,}" for name in TABLES)
        return f"Market({counts}, rejected={len(self.rejected):,})"


def _sorted(ids: pd.Series) -> pd.Series:
    """Distinct identifiers in order: numbers before words where both occur."""
    distinct = ids.dropna().drop_duplicates()
    if pd.api.types.is_object_dtype(distinct):
        ordered = sorted(distinct, key=lambda value: (isinstance(value, str), value))
        return pd.Series(ordered, dtype=object)
    return distinct.sort_values(ignore_index=True)
