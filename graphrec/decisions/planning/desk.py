r"""Deciding customers one by one, as they come, at the prices of a plan.

Hides what changes while the day goes on: what is used up, who got what, and the prices. A candidate is worth its net
value less the prices of what it uses; the customer gets the best that is worth more than nothing, fits, and breaks none
of their own limits. Prices start at those of the plan and move with consumption: where more is used than the share of
the day that has passed, the price rises, where less, it falls (dual mirror descent; Balseiro, Lu & Mirrokni 2020).
Whatever the prices, nothing is ever given out beyond an amount: the last check and the booking happen under one lock.

Assumption: customers come in an order that has nothing to do with their value. If the best come last, the paced prices
let earlier ones go too cheaply, and the value is lower; the limits hold all the same.

Alternative: solving the plan again at intervals. It is exact for the customers known, and takes seconds in which prices
are stale; `allocate` can be run again at any time and a new desk opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.planning.arms import EXPLORATION, HOLDOUT, PLAN, Keys, hash_uniform
from graphrec.decisions.planning.candidates import Candidates
from graphrec.decisions.planning.clauses import PolicyError
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.gate import Gate
from graphrec.decisions.planning.past import Past
from graphrec.decisions.planning.prices import Prices
from graphrec.decisions.planning.problem import Limits
from graphrec.decisions.planning.sharedlimits import Segments

__all__ = ["Decision", "Desk", "Offer", "Tariff"]

_REFRESH = 128
"""Decisions between two looks at the prices."""
_STEP = 4.0
"""Change of a price's logarithm for consumption that is ahead of the day by the whole amount."""
_PATIENCE = 0.05
"""How far ahead of the day a limit without a price may be before it gets one."""
_HUGE = 1e300
_Row = tuple[float, int, tuple[int, ...], float, Any, str, str | None]


class Offer(NamedTuple):
    """One candidate for a customer: what about, how, when, worth how much, at which cost."""

    offer: Any
    channel: str
    slot: str | None
    net_value: float
    cost: float = 0.0


@dataclass(frozen=True)
class Decision:
    """What was decided for a customer.

    Attributes
    ----------
    place : int
        Position of the chosen candidate, -1 for none.
    arm : str
        ``plan``, ``holdout`` (chosen, not to be made) or ``exploration``.
    propensity : float
        Probability of this contact (of no contact, where none is made) given the prices and the room of the moment.
    worth : float
        Net value of the chosen candidate after its price; 0 for none.
    """

    place: int
    arm: str
    propensity: float
    worth: float


NO_CONTACT = Decision(-1, PLAN, 1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Tariff:
    """What a desk starts from: limits and prices, the cells' places, segments, keys, and the past."""

    limits: Limits
    prices: Prices
    places: Mapping[tuple[str, ...], int]
    segment: Mapping[Any, str]
    keys: Keys
    past: Past
    expected: int
    typical: float

    @classmethod
    def of(
        cls,
        limits: Limits,
        prices: Prices,
        places: Mapping[tuple[str, ...], int],
        segments: Segments | None,
        candidates: Candidates,
        keys: Keys,
        past: Past,
    ) -> Tariff:
        """The tariff of a plan; customers of the plan are those expected."""
        segment = {} if segments is None else {
            who: segments.names[code] for who, code in zip(candidates.customers, segments.code)
        }  # fmt: skip
        typical = float(np.mean(np.abs(candidates.net_value))) if len(candidates.net_value) else 0.0
        return cls(limits, prices, places, segment, keys, past, len(candidates.customers), typical)


class Desk:
    """Decides customers one by one; safe for several threads.

    Parameters
    ----------
    tariff : Tariff
        From a plan.
    policy : ContactPolicy
        Its rules.
    expected : int, optional
        Customers expected over the day; by default those of the plan. Without ``elapsed`` it is the clock.

    Attributes
    ----------
    used : numpy.ndarray
        Contacts given out by cell, held-out customers counted.
    spent : float
        Money given out.
    """

    def __init__(self, tariff: Tariff, policy: ContactPolicy, expected: int | None = None) -> None:
        limits = tariff.limits
        self.tariff, self.policy = tariff, policy
        self.expected = max(1, tariff.expected if expected is None else expected)
        self._gate = Gate(policy, tariff.past)
        self._lock = Lock()
        self._room: list[float] = limits.ceilings.tolist()
        self._purse, self._floor = limits.purse * (1 + 1e-12), policy.minimum_net_value
        self._prices = tariff.prices.rows.copy()
        self._cells: list[float] = []
        self._money = 0.0
        self._post(self._prices)
        self._used = [0.0] * limits.cells
        self.spent = 0.0
        self.decisions = 0
        self._places: dict[tuple[Any, str, str | None], tuple[int, ...]] = {}
        self._segments = {who: tariff.places.get(("segment", name)) for who, name in tariff.segment.items()}
        self._arms: dict[Any, tuple[str, float]] = {}
        must = {name for name, least in (policy.minimum_exposure or {}).items() if least > 0}
        self._must = frozenset(tariff.places[("product", name)] for name in must if ("product", name) in tariff.places)
        self._exempt: set[tuple[int, ...]] = set()
        self._randomises = policy.holdout > 0 or policy.exploration > 0
        self._watches_segments = any(key[0] == "segment" for key in tariff.places)

    @property
    def used(self) -> NDArray[np.float64]:
        """Contacts given out by cell."""
        return np.array(self._used)

    @property
    def shadow_prices(self) -> dict[str, float]:
        """Prices of this moment by limit."""
        signs = np.where(self.tariff.limits.falling, -1.0, 1.0)
        return {name: float(p) for name, p in zip(self.tariff.limits.names, signs * self._prices)}

    def decide(self, customer: Any, candidates: Iterable[Offer], *, elapsed: float | None = None) -> Decision:
        """Choose at most one contact for a customer and book it.

        Parameters
        ----------
        customer
            Identifier.
        candidates : iterable of Offer, or of (offer, channel, slot, net_value, cost)
            What could be said to them now. A missing or infinite net value is refused.
        elapsed : float, optional
            Share of the day that has passed; by default the share of the expected customers that came.

        Returns
        -------
        Decision

        Raises
        ------
        PolicyError
            There is no candidate, or one has no finite net value, or a cost below 0.
        """
        ranked = self._ranked(customer, candidates)
        if self._watches_segments:
            ranked = self._with_segment(customer, ranked)
        if self._randomises:
            return self._decide_at_random(customer, ranked, elapsed)
        best = self._book_best(customer, ranked, elapsed)
        return NO_CONTACT if best is None else Decision(best[1], PLAN, 1.0, best[0])

    def _ranked(self, customer: Any, candidates: Iterable[Offer]) -> list[_Row]:
        """Candidates above the floor and what they are worth at the prices of the moment."""
        places, cells, money, floor = self._places, self._cells, self._money, self._floor
        rows: list[_Row] = []
        place = -1
        for place, (offer, channel, slot, value, cost) in enumerate(candidates):
            if not -_HUGE < value < _HUGE or not 0.0 <= cost < _HUGE:
                raise PolicyError(
                    f"candidate {place} of {customer!r} has net_value {value} and cost {cost}; both must be finite"
                )
            key = places.get((offer, channel, slot))
            if key is None:
                key = self._place(offer, channel, slot)
            if value > floor or key in self._exempt:
                worth = value - money * cost
                for cell in key:
                    worth -= cells[cell]
                rows.append((worth, place, key, cost, offer, channel, slot))
        if place < 0:
            raise PolicyError(f"customer {customer!r} has an empty set of candidates; there is nothing to decide")
        return rows

    def _book_best(self, customer: Any, ranked: list[_Row], elapsed: float | None) -> _Row | None:
        """The best candidate that is worth more than nothing, fits and may be made, booked."""
        while ranked:
            best = max(ranked)  # by worth; ties go to the later candidate
            if best[0] <= 0.0:
                break
            if not self._gate.is_quiet(best[5], best[6]) and self._book(customer, best, elapsed):
                return best
            ranked.remove(best)
        with self._lock:
            self._count(elapsed)
        return None

    def _decide_at_random(self, customer: Any, ranked: list[_Row], elapsed: float | None) -> Decision:
        """Follow the customer's arm; the chances are those at the prices and the room of the moment."""
        arm, pick = self._arm(customer)
        state, policy = self._gate.state(customer), self.policy
        open_rows = [
            row for row in ranked
            if not self._gate.is_quiet(row[5], row[6]) and state.admits(row[4], row[5]) and self._fits(row)
        ]  # fmt: skip
        best = max((row for row in open_rows if row[0] > 0.0), default=None)
        share = policy.exploration / len(open_rows) if open_rows else 0.0
        follow = 1 - policy.holdout - policy.exploration
        chosen = best if arm != EXPLORATION else open_rows[int(pick * len(open_rows))] if open_rows else None
        if chosen is None or not self._book(customer, chosen, elapsed):
            with self._lock:
                self._count(elapsed)
            return Decision(-1, arm, 1.0 if not open_rows else policy.holdout, 0.0)
        if arm == HOLDOUT:
            return Decision(chosen[1], arm, policy.holdout, chosen[0])
        return Decision(chosen[1], arm, share + (follow if chosen is best else 0.0), chosen[0])

    def _fits(self, row: _Row) -> bool:
        room = all(self._used[cell] + 1.0 <= self._room[cell] for cell in row[2])
        return room and self.spent + row[3] <= self._purse

    def _book(self, customer: Any, chosen: _Row, elapsed: float | None) -> bool:
        """Take what a candidate uses, all or nothing."""
        _, _, key, cost, offer, channel, _ = chosen
        with self._lock:
            used, room = self._used, self._room
            for cell in key:
                if used[cell] + 1.0 > room[cell]:
                    return False
            if self.spent + cost > self._purse or not self._gate.take(customer, offer, channel):
                return False
            for cell in key:
                used[cell] += 1.0
            self.spent += cost
            self._count(elapsed)
        return True

    def _count(self, elapsed: float | None) -> None:
        self.decisions += 1
        if self.decisions % _REFRESH == 0:
            self._refresh(elapsed)

    def _refresh(self, elapsed: float | None) -> None:
        """Move the prices towards even consumption over the day."""
        limits, start = self.tariff.limits, self.tariff.prices.rows
        share = min(self.decisions / self.expected if elapsed is None else elapsed, 1.0)
        use = np.asarray(limits.matrix @ np.array(self._used)) + limits.money * self.spent
        paced = (limits.growing | limits.falling) & (limits.amount != 0)
        ahead = np.divide(use, limits.amount, out=np.zeros(len(use)), where=paced) - np.where(paced, share, 0.0)
        late = self.tariff.typical * np.maximum(ahead - _PATIENCE, 0.0)
        rising = start * np.exp(_STEP * ahead) + np.where(limits.money > 0, 0.0, late)
        falling = np.where(use <= limits.amount, 0.0, start * np.exp(-_STEP * ahead))
        self._prices = np.where(limits.growing, rising, np.where(limits.falling, falling, start))
        self._post(self._prices)

    def _post(self, prices: NDArray[np.float64]) -> None:
        cells, self._money = self.tariff.limits.cell_prices(prices)
        self._cells = cells.tolist()

    def _place(self, offer: Any, channel: str, slot: str | None) -> tuple[int, ...]:
        """Cells that a candidate counts in, kept for the next time."""
        places = self.tariff.places
        keys = (("channel", channel), ("slot", channel, str(slot)), ("product", str(offer)))
        found = tuple(places[key] for key in keys if key in places)
        if self._must.intersection(found):
            self._exempt.add(found)
        self._places[offer, channel, slot] = found
        return found

    def _with_segment(self, customer: Any, ranked: list[_Row]) -> list[_Row]:
        """Add the customer's segment to what each candidate counts in; a customer without one gets nothing."""
        cell = self._segments.get(customer)
        if cell is None:
            return []
        price = self._cells[cell]
        return [(row[0] - price, row[1], (*row[2], cell), *row[3:]) for row in ranked]

    def _arm(self, customer: Any) -> tuple[str, float]:
        known = self._arms.get(customer)
        if known is None:
            ids = np.array([customer], dtype=object)
            draw = float(hash_uniform(ids, self.tariff.keys.arm)[0])
            pick = float(hash_uniform(ids, self.tariff.keys.pick)[0])
            explores = draw < self.policy.holdout + self.policy.exploration
            arm = HOLDOUT if draw < self.policy.holdout else EXPLORATION if explores else PLAN
            known = self._arms[customer] = (arm, pick)
        return known
