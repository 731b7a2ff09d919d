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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.arms import EXPLORATION, HOLDOUT, PLAN, Keys, hash_uniform
from graphrec.decisions.planning.candidates import Candidates
from graphrec.decisions.planning.catalogue import Catalogue
from graphrec.decisions.planning.clauses import PolicyError, shown
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.gate import Gate
from graphrec.decisions.planning.past import Past
from graphrec.decisions.planning.prices import Prices
from graphrec.decisions.planning.problem import Limits
from graphrec.decisions.planning.sharedlimits import Segments

__all__ = ["Decision", "Desk", "Offer", "Slate", "Tariff"]

Floats = NDArray[np.float64]

_REFRESH = 64
"""Decisions between two looks at the prices."""
_STEP = 12.0
"""Change of a price's logarithm for consumption that is ahead of the day by the whole amount."""
_NOISE = 0.5
"""What chance alone puts consumption ahead or behind, in units of one over the root of the amount; left alone."""
_PATIENCE = 0.05
"""How far ahead of the day a limit without a price may be before it gets one."""


class Offer(NamedTuple):
    """One candidate for a customer: what about, how, when, worth how much, at which cost."""

    offer: Any
    channel: str
    slot: str | None
    net_value: float
    cost: float = 0.0


class Slate(NamedTuple):
    """Candidates of one customer in the form that a desk decides fastest; made by `Desk.slate` or `Desk.slates`."""

    keys: NDArray[np.int64]
    net_value: Floats
    cost: Floats


class Decision(NamedTuple):
    """What was decided for a customer.

    Attributes
    ----------
    place : int
        Position of the chosen candidate, -1 for none.
    arm : str
        ``plan``, ``holdout`` (chosen, not to be made) or ``exploration``.
    propensity : float
        Probability of what was done, given the prices and the room of the moment.
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
    typical_cost: float

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
        paid = candidates.cost[candidates.cost > 0]
        cost = float(paid.mean()) if len(paid) else 1.0
        return cls(limits, prices, places, segment, keys, past, len(candidates.customers), typical, cost)


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
    spent : float
        Money given out, held-out customers counted.
    decisions : int
        Customers decided.
    """

    def __init__(self, tariff: Tariff, policy: ContactPolicy, expected: int | None = None) -> None:
        from graphrec.decisions.planning.choice import best_offer

        self.tariff, self.policy = tariff, policy
        self.expected = max(1, tariff.expected if expected is None else expected)
        self.spent, self.decisions = 0.0, 0
        self._gate, self._lock, self._best_offer = Gate(policy, tariff.past), Lock(), best_offer
        self._catalogue = Catalogue(policy, tariff.places, self._gate)
        self._room: list[float] = tariff.limits.ceilings.tolist()
        self._purse = tariff.limits.purse * (1 + 1e-12)
        self._used = [0.0] * tariff.limits.cells
        self._segments = {who: tariff.places.get(("segment", name)) for who, name in tariff.segment.items()}
        self._watches_segments = any(key[0] == "segment" for key in tariff.places)
        self._randomises = policy.holdout > 0 or policy.exploration > 0
        self._arms: dict[Any, tuple[str, float]] = {}
        self._post(tariff.prices.rows)

    @property
    def used(self) -> Floats:
        """Contacts given out by cell."""
        return np.array(self._used)

    @property
    def usage(self) -> Mapping[str, float]:
        """What is used of each limit; a minimum counts what was made."""
        limits = self.tariff.limits
        use = np.asarray(limits.matrix @ self.used) + limits.money * self.spent
        return {name: float(u) for name, u in zip(limits.names, np.where(limits.falling, -use, use))}

    @property
    def shadow_prices(self) -> Mapping[str, float]:
        """Prices of this moment by limit."""
        signs = np.where(self.tariff.limits.falling, -1.0, 1.0)
        return {name: float(p) for name, p in zip(self.tariff.limits.names, signs * self._prices)}

    def slate(self, candidates: Sequence[Offer]) -> Slate:
        """Prepare the candidates of one customer."""
        offers, channels, slots, values, costs = _columns(candidates)
        if not self._catalogue.knows(offers, channels, slots):
            with self._lock:
                self._catalogue.add(zip(offers, channels, slots))
                self._reprice()
                self._catalogue.publish()
        return Slate(self._catalogue.keys(offers, channels, slots), values, costs)

    def slates(self, scores: pd.DataFrame) -> Iterator[tuple[Any, Slate]]:
        """Prepare many customers from a table of scores; customers come in the order of the table."""
        offer = "offer_id" if "offer_id" in scores else "product_id"
        slot = scores["slot"].astype(object).where(scores["slot"].notna(), None) if "slot" in scores else None
        channel = scores["channel"] if "channel" in scores else pd.Series("", index=scores.index)
        cost = scores["cost"] if "cost" in scores else pd.Series(0.0, index=scores.index)
        slots = [None] * len(scores) if slot is None else slot
        whole = self.slate([Offer(*row) for row in zip(scores[offer], channel, slots, scores["net_value"], cost)])
        code, ids = pd.factorize(scores["customer_id"])
        order = np.argsort(code, kind="stable")
        for rows, who in zip(np.split(order, np.cumsum(np.bincount(code))[:-1]), ids):
            yield who, Slate(whole.keys[rows], whole.net_value[rows], whole.cost[rows])

    def decide(self, customer: Any, candidates: Sequence[Offer] | Slate, *, elapsed: float | None = None) -> Decision:
        """Choose at most one contact for a customer and book it.

        Parameters
        ----------
        customer
            Identifier.
        candidates : sequence of Offer, or of (offer, channel, slot, net_value, cost), or Slate
            What could be said to them now.
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
        slate = candidates if isinstance(candidates, Slate) else self.slate(candidates)
        shift = self._segment_price(customer) if self._watches_segments else 0.0
        if self._randomises:
            return self._decide_at_random(customer, slate, shift, elapsed)
        table, floors = self._table, self._catalogue.floors
        place, worth = self._best_offer(slate.keys, slate.net_value, slate.cost, table, floors, self._money, shift)
        if place < -1:
            self._refuse(customer, slate)
        if place >= 0 and self._book(customer, int(slate.keys[place]), float(slate.cost[place]), elapsed):
            return Decision(place, PLAN, 1.0, worth)
        if place >= 0:  # it is gone, or the customer may not get it: everything in turn
            return self._decide_slowly(customer, slate, shift, elapsed)
        with self._lock:
            self._count(elapsed)
        return NO_CONTACT

    def _decide_slowly(self, customer: Any, slate: Slate, shift: float, elapsed: float | None) -> Decision:
        worth = self._worth(slate, shift)
        for place in np.argsort(-worth, kind="stable"):
            if not worth[place] > 0.0:
                break
            if self._book(customer, int(slate.keys[place]), float(slate.cost[place]), elapsed):
                return Decision(int(place), PLAN, 1.0, float(worth[place]))
        with self._lock:
            self._count(elapsed)
        return NO_CONTACT

    def _decide_at_random(self, customer: Any, slate: Slate, shift: float, elapsed: float | None) -> Decision:
        """Follow the customer's arm; the chances are those at the prices and the room of the moment."""
        self._refuse(customer, slate)
        arm, pick = self._arm(customer)
        policy, worth = self.policy, self._worth(slate, shift)
        able = [place for place in np.flatnonzero(worth > -np.inf) if self._may(customer, slate, int(place))]
        best = max((place for place in able if worth[place] > 0.0), key=lambda place: worth[place], default=None)
        drawn = able[int(pick * len(able))] if able else None
        chosen = drawn if arm == EXPLORATION else best
        follow = 1 - policy.holdout - policy.exploration
        if chosen is not None:
            key, cost = int(slate.keys[chosen]), float(slate.cost[chosen])
            if self._book(customer, key, cost, elapsed):
                share = policy.exploration / len(able) + (follow if chosen == best else 0.0)
                chance = policy.holdout if arm == HOLDOUT else share
                return Decision(int(chosen), arm, chance, float(worth[chosen]))
        with self._lock:
            self._count(elapsed)
        nothing = 1.0 if best is None and not able else 1 - policy.exploration
        return Decision(-1, arm, nothing, 0.0)

    def _worth(self, slate: Slate, shift: float) -> Floats:
        """Net value of each candidate after its price; minus infinity where it is closed or below the floor."""
        worth = slate.net_value - self._table[slate.keys] - self._money * slate.cost - shift
        above = slate.net_value > self._catalogue.floors[slate.keys]
        return np.where(above, worth, -np.inf)

    def _may(self, customer: Any, slate: Slate, place: int) -> bool:
        offer, channel, _ = self._catalogue.names[int(slate.keys[place])]
        cells = self._cells_of(customer, int(slate.keys[place]))
        fits = all(self._used[cell] + 1.0 <= self._room[cell] for cell in cells)
        fits = fits and self.spent + float(slate.cost[place]) <= self._purse
        return fits and self._gate.state(customer).admits(offer, channel)

    def _cells_of(self, customer: Any, key: int) -> tuple[int, ...]:
        cells = self._catalogue.cells[key]
        own = self._segments.get(customer) if self._watches_segments else None
        return cells if own is None else (*cells, own)

    def _book(self, customer: Any, key: int, cost: float, elapsed: float | None) -> bool:
        """Take what a candidate uses, all or nothing."""
        offer, channel, _ = self._catalogue.names[key]
        cells = self._cells_of(customer, key)
        with self._lock:
            used, room = self._used, self._room
            for cell in cells:
                if used[cell] + 1.0 > room[cell]:
                    return False
            if self.spent + cost > self._purse or not self._gate.take(customer, offer, channel):
                return False
            for cell in cells:
                used[cell] += 1.0
                if used[cell] + 1.0 > room[cell]:
                    self._post(self._prices)  # full: nobody needs to try again
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
        use = np.asarray(limits.matrix @ self.used) + limits.money * self.spent
        paced = (limits.growing | limits.falling) & (limits.amount != 0)
        ahead = np.divide(use, limits.amount, out=np.zeros(len(use)), where=paced) - np.where(paced, share, 0.0)
        size = np.where(limits.money > 0, limits.amount / max(self.tariff.typical_cost, 1e-300), np.abs(limits.amount))
        chance = _NOISE / np.sqrt(np.maximum(size, 1.0))
        ahead = np.sign(ahead) * np.maximum(np.abs(ahead) - chance, 0.0)
        late = self.tariff.typical * np.maximum(ahead - _PATIENCE, 0.0)
        rising = start * np.exp(_STEP * ahead) + np.where(limits.money > 0, 0.0, late)
        falling = np.where(use <= limits.amount, 0.0, start * np.exp(-_STEP * ahead))
        self._post(np.where(limits.growing, rising, np.where(limits.falling, falling, start)))

    def _post(self, prices: Floats) -> None:
        self._prices = prices
        cells, self._money = self.tariff.limits.cell_prices(prices)
        self._cell_prices = np.where(np.array(self._used) + 1.0 > np.array(self._room), np.inf, cells)
        self._reprice()

    def _reprice(self) -> None:
        self._table = self._catalogue.priced(self._cell_prices)

    def _segment_price(self, customer: Any) -> float:
        """Price of the customer's segment; a customer whose segment is not known gets nothing."""
        cell = self._segments.get(customer)
        return float(np.inf if cell is None else self._cell_prices[cell])

    def _refuse(self, customer: Any, slate: Slate) -> None:
        """Refuse candidates that are not money."""
        good = np.isfinite(slate.net_value) & np.isfinite(slate.cost) & (slate.cost >= 0)
        if not good.all():
            place = int(np.argmin(good))
            raise PolicyError(
                f"candidate {place} of {shown(customer)} has net_value {slate.net_value[place]} and cost "
                f"{slate.cost[place]}; both must be finite, and a cost not negative"
            )

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


def _columns(candidates: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...], Floats, Floats]:
    """Offers, channels, slots, net values and costs of some candidates."""
    wrong = "candidates must be a list of (offer, channel, slot, net_value, cost)"
    if isinstance(candidates, str | Mapping | pd.DataFrame):
        remedy = "; for a table use desk.slates(scores)" if isinstance(candidates, pd.DataFrame) else ""
        raise PolicyError(f"{wrong}, not a {type(candidates).__name__}{remedy}")
    try:
        if not len(candidates):
            raise PolicyError("an empty set of candidates; there is nothing to decide")
        offers, channels, slots, values, costs = zip(*candidates, strict=True)
        return offers, channels, slots, np.array(values, np.float64), np.array(costs, np.float64)
    except (TypeError, ValueError) as error:
        if isinstance(error, PolicyError):
            raise
        raise PolicyError(f"{wrong}; these are not ({error})") from error
