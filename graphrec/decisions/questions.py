"""What may be asked of a fitted recommender: customers, channels, a moment, a number of rows.

Hides the checks of a request, which are the same for every kind of data, and the words of the refusals. A refusal
never repeats a customer's identifier: it may end in a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.history import to_microseconds
from graphrec.market.tables import DataError, Market

__all__ = ["check_request", "choose_channels", "choose_slots", "customer_codes", "decision_time"]


def check_request(n: int, by: str, customers: Sequence[Any] | None) -> None:
    """Refuse a number of rows, an order or a list of customers that mean nothing.

    Raises
    ------
    DataError
        ``n`` is no whole number above zero, ``by`` is unknown, or a customer is named twice or none is.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise DataError(f"n is {n!r}; ask for a whole number of rows for each customer, at least one")
    if by not in ("uplift", "uplift_low", "net_value"):
        raise DataError(f"by is {by!r}; choose 'uplift', 'uplift_low' or 'net_value'")
    if customers is None:
        return
    if isinstance(customers, str) or not len(customers):
        raise DataError("customers must be a list of one or more identifiers; leave it out to score everybody")
    twice = int(pd.Series(list(customers)).duplicated().sum())
    if twice:
        raise DataError(f"{twice:,} of {len(customers):,} customers are named before; name each once")


def choose_channels(known: tuple[str, ...], channels: Sequence[str] | None) -> tuple[str, ...]:
    """The channels named, or all that were learned.

    Raises
    ------
    DataError
        A channel was not learned or is named twice, or none is named.
    """
    return known if channels is None else _named("channel", known, channels)


def choose_slots(
    known: tuple[str, ...], slots: Sequence[str] | None, recorded: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The slots named, or all that were learned; none where contacts had no slot.

    ``recorded`` are those of the past contacts, which a learner may not have told apart.

    Raises
    ------
    DataError
        A slot was not learned or is named twice, none is named, or no slot was learned at all.
    """
    if slots is None:
        return known
    if not known and recorded:
        raise DataError(
            f"past contacts have the slots {', '.join(recorded)}, but no slot was learned: slots are told apart for a "
            "0/1 outcome by head='structured' without an outcome_model; fit such a recommender, or leave slots= out"
        )
    if not known:
        raise DataError(
            "no slot was learned, so slots= cannot be asked for; fill solicitations.slot, or derive slots from the "
            "time of sending with RecommenderConfig(slots='derived')"
        )
    return _named("slot", known, slots)


def _named(kind: str, known: tuple[str, ...], given: Sequence[str]) -> tuple[str, ...]:
    named = (given,) if isinstance(given, str) else tuple(given)
    unknown = [name for name in named if name not in known]
    if unknown or not named or len(set(named)) < len(named):
        found = f"{kind} {', '.join(map(repr, unknown))} was not learned" if unknown else f"{kind}s are {named!r}"
        raise DataError(f"{found}; choose one or more of {', '.join(known)}, each once")
    return named


def customer_codes(market: Market, customers: Sequence[Any] | None) -> np.ndarray:
    """Codes of the customers named, in their order; everybody's without names.

    Raises
    ------
    DataError
        A customer is not in the market.
    """
    index = market.vocabulary.customers
    if customers is None:
        return np.arange(len(index))
    codes = index.encode(list(customers))
    if (codes < 0).any():
        raise DataError(
            f"{int((codes < 0).sum()):,} of {len(codes):,} customers are not in the market's customers table; add them "
            "there, or pass the market that knows them as market="
        )
    return codes


def decision_time(market: Market, as_of: object) -> int:
    """Moment of the decision in microseconds; the end of the records by default.

    Raises
    ------
    DataError
        ``as_of`` is no moment.
    """
    if as_of is None:
        return int(to_microseconds([market.observed_until])[0])
    try:
        # As in the tables: 05/01/2024 is two different days in two countries, so texts must be ISO dates.
        stamp = pd.to_datetime(as_of, format="ISO8601") if isinstance(as_of, str) else pd.Timestamp(as_of)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise DataError(f"as_of is {as_of!r}; give one moment, such as '2024-05-01'") from error
    if pd.isna(stamp):
        raise DataError(f"as_of is {as_of!r}; give one moment, such as '2024-05-01'")
    return int(to_microseconds([stamp])[0])
