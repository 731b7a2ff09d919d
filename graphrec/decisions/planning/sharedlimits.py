"""What binds customers together: capacities, stock, exposure, pressure of segments, parity and the budget.

Hides how these rules become rows over cells. A family of cells exists only where a rule counts it: channels, channels
in slots, products, segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec.decisions.planning.candidates import Candidates
from graphrec.decisions.planning.clauses import PolicyError, shown
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.problem import Limits

if TYPE_CHECKING:
    from graphrec.market.tables import Market

__all__ = ["Segments", "Shared", "bind_together", "read_segments"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Segments:
    """Segment of each customer of the scores (their code), names and sizes."""

    code: Integers
    names: tuple[str, ...]
    sizes: Integers


@dataclass(frozen=True, eq=False)
class Shared:
    """Rows over cells, the cells of every candidate, and a look-up from a cell's key to its number."""

    limits: Limits
    cells: NDArray[np.int32]
    places: Mapping[tuple[str, ...], int]


def read_segments(
    candidates: Candidates, policy: ContactPolicy, market: Market | None, segments: Mapping[Any, Any] | None
) -> Segments | None:
    """Segment of each customer: given, or the column that the policy names, of the scores or the market's customers."""
    if segments is not None:
        known = pd.Series(dict(segments), dtype=object).reindex(pd.Index(candidates.customers, dtype=object))
    elif policy.segments is not None:
        known = _column(candidates, policy.segments, market)
    elif policy.segment_pressure is None and policy.parity is None:
        return None
    else:
        rule = "segment_pressure" if policy.segment_pressure is not None else "parity"
        raise PolicyError(f"{rule} needs the segments: name a column in segments, or pass segments= to allocate")
    missing = known.isna().to_numpy(dtype=bool)
    if missing.any():
        first = candidates.customers[int(np.argmax(missing))]
        raise PolicyError(
            f"segments: customer {shown(first)} has none ({int(missing.sum())} such customers); give them one"
        )
    code, names = pd.factorize(known.astype(str), sort=True)
    unknown = [name for name in policy.segment_pressure or {} if name not in set(names)]
    if unknown:
        raise PolicyError(f"segment_pressure names {unknown[0]!r}; the segments here are {', '.join(names)}")
    return Segments(code.astype(np.int64), tuple(names), np.bincount(code, minlength=len(names)).astype(np.int64))


def _column(candidates: Candidates, column: str, market: Market | None) -> pd.Series[Any]:
    if column in candidates.frame:
        first = np.flatnonzero(np.concatenate(([True], candidates.customer[1:] != candidates.customer[:-1])))
        values = candidates.frame[column]
        if (values.astype(str).to_numpy() != values.iloc[first].astype(str).to_numpy()[candidates.customer]).any():
            raise PolicyError(f"segments names the column {column!r}, in which a customer has several values")
        return values.iloc[first].reset_index(drop=True)
    if market is not None and column in market.customers:
        known = market.customers.drop_duplicates("customer_id").set_index("customer_id")[column]
        return known.reindex(pd.Index(candidates.customers)).reset_index(drop=True)
    raise PolicyError(f"segments names {column!r}, which neither the scores nor the market's customers have")


def bind_together(
    candidates: Candidates, policy: ContactPolicy, market: Market | None, segments: Segments | None
) -> Shared:
    """Rows and cells of the shared limits."""
    book = _Book()
    families = [
        _channels(book, candidates, policy),
        _slots(book, candidates, policy),
        _products(book, candidates, policy, market),
        _segments(book, candidates, policy, segments),
    ]
    if policy.budget is not None:
        book.row("budget", {}, policy.budget, money=1.0)
    used = [family for family in families if family is not None]
    nobody = book.cells
    used = used or [np.full(len(candidates.customer), nobody)]
    cells = np.column_stack([np.where(family >= 0, family, nobody) for family in used])
    return Shared(book.limits(), np.ascontiguousarray(cells, dtype=np.int32), book.places)


class _Book:
    """Cells and rows as they are written down."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, ...], int] = {}
        self.rows: list[tuple[str, dict[int, float], float, float]] = []

    @property
    def cells(self) -> int:
        return len(self.places)

    def cell(self, *key: str) -> int:
        return self.places.setdefault(key, len(self.places))

    def row(self, name: str, share: dict[int, float], amount: float, money: float = 0.0) -> None:
        self.rows.append((name, share, float(amount), money))

    def limits(self) -> Limits:
        row = [place for place, (_, share, _, _) in enumerate(self.rows) for _ in share]
        column = [cell for _, share, _, _ in self.rows for cell in share]
        data = [weight for _, share, _, _ in self.rows for weight in share.values()]
        matrix = csr_array((np.array(data, dtype=np.float64), (row, column)), shape=(len(self.rows), self.cells + 1))
        return Limits(
            names=tuple(name for name, _, _, _ in self.rows),
            matrix=matrix,
            money=np.array([money for _, _, _, money in self.rows], dtype=np.float64),
            amount=np.array([amount for _, _, amount, _ in self.rows], dtype=np.float64),
        )


def _channels(book: _Book, candidates: Candidates, policy: ContactPolicy) -> Integers | None:
    capacity = policy.channel_capacity
    if not capacity or "channel" not in candidates.frame:
        return None
    place = np.full(len(candidates.channels), -1, dtype=np.int64)
    for code, name in enumerate(candidates.channels):
        if name in capacity:
            place[code] = book.cell("channel", name)
            book.row(f"channel_capacity[{name}]", {int(place[code]): 1.0}, capacity[name])
    return place[candidates.channel]


def _slots(book: _Book, candidates: Candidates, policy: ContactPolicy) -> Integers | None:
    if not policy.slot_capacity:
        return None
    place = np.full((len(candidates.channels), len(candidates.slots) + 1), -1, dtype=np.int64)
    for code, channel in enumerate(candidates.channels):
        for number, slot in enumerate(candidates.slots):
            capacity = policy.slot_capacity.get(channel, {}).get(slot)
            if capacity is not None:
                place[code, number] = book.cell("slot", channel, slot)
                book.row(f"slot_capacity[{channel}, {slot}]", {int(place[code, number]): 1.0}, capacity)
    return place[candidates.channel, candidates.slot]


def _products(book: _Book, candidates: Candidates, policy: ContactPolicy, market: Market | None) -> Integers | None:
    stock, least = _stock(policy, market), policy.minimum_exposure or {}
    if not stock and not least:
        return None
    place = np.full(len(candidates.offers), -1, dtype=np.int64)
    code = {str(offer): number for number, offer in enumerate(candidates.offers)}
    for name in sorted({*stock, *least}):
        needed = least.get(name, 0) > 0
        if name not in code and not needed:
            continue
        cell = book.cell("product", name)
        if name in code:
            place[code[name]] = cell
        if name in stock:
            book.row(f"stock[{name}]", {cell: 1.0}, stock[name])
        if needed:
            book.row(f"minimum_exposure[{name}]", {cell: -1.0}, -least[name])
    return place[candidates.offer]


def _stock(policy: ContactPolicy, market: Market | None) -> Mapping[str, int]:
    if policy.stock is None or not isinstance(policy.stock, str):
        return policy.stock or {}
    assert market is not None  # `sift` has refused the rule without a market
    known = market.products[market.products["stock"].notna()]
    return {str(i): int(n) for i, n in zip(known["product_id"], np.floor(known["stock"].to_numpy(np.float64)))}


def _segments(book: _Book, candidates: Candidates, policy: ContactPolicy, segments: Segments | None) -> Integers | None:
    """Contacts per customer of a segment: at most its own limit, and at most its share of the mean of all."""
    pressure = policy.segment_pressure or {}
    if segments is None or (not pressure and policy.parity is None):
        return None
    place = np.array([book.cell("segment", name) for name in segments.names], dtype=np.int64)
    for name, most in pressure.items():
        number = segments.names.index(name)
        book.row(f"segment_pressure[{name}]", {int(place[number]): 1.0}, np.floor(most * segments.sizes[number] + 1e-9))
    if policy.parity is not None:
        share = (1 + policy.parity) * segments.sizes / segments.sizes.sum()
        for number, name in enumerate(segments.names):
            weights = {int(cell): -float(share[number]) for cell in place}
            weights[int(place[number])] += 1.0
            if weights[int(place[number])] > 0:
                book.row(f"parity[{name}]", weights, 0.0)
    return place[segments.code[candidates.customer]]
