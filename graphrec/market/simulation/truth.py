"""What is true in a simulated market: graph, propensities, potential outcomes, equations.

Hides the latent variables. The estimand is the panel's: this contact against none now, later policy unchanged. A
contact about one product changes no other outcome of the same 28 days, so P(Y given contact) is exact and not itself
simulated.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.simulation.diagram import draw_graph, write_equations
from graphrec.market.simulation.population import Floats, Ints, Population
from graphrec.market.simulation.process import Log, legacy_probability, policy_propensity, seen_next_door
from graphrec.market.simulation.structural import (
    Recorded,
    Setting,
    channel_shares,
    contact_probability,
    leaving_probability,
    organic_logit,
    sigmoid,
    slot_shares,
    slot_shifts,
    strength,
    targeting_score,
)
from graphrec.market.tables import IdIndex

if TYPE_CHECKING:
    from causal import CausalGraph

__all__ = ["Truth"]

_TOLERANCE = pd.Timedelta(days=2)


class Truth:
    """The truth of one simulated market.

    Times (``at``) are decision moments: the start of a period, or the end of the last one (the default). A moment up
    to two days off is taken for the nearest start.
    """

    def __init__(self, people: Population, setting: Setting, log: Log, starts: pd.DatetimeIndex) -> None:
        self._people, self._setting, self._log = people, setting, log
        self.decision_times = starts
        self._customers = IdIndex(people.customer_ids)
        self._products = IdIndex(people.product_ids)
        self._states: dict[int, Recorded] = {}

    @cached_property
    def graph(self) -> CausalGraph:
        """True causal graph over the panel's column names; latent common causes are bidirected edges."""
        return draw_graph(self._setting)

    @cached_property
    def equations(self) -> dict[str, str]:
        """Every structural equation with its coefficients, as text."""
        return write_equations(self._setting, self._log.intercept)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of the market."""
        return tuple(self._setting.channels)

    @property
    def slots(self) -> tuple[str, ...]:
        """Slots of the market; empty where it has none."""
        return tuple(self._setting.slots)

    @cached_property
    def _arms(self) -> list[tuple[int, int]]:
        """Positions of channel and slot of each way to contact, channels varying slowest; -1 is no slot."""
        return [(c, s) for c in range(len(self.channels)) for s in (range(len(self.slots)) if self.slots else (-1,))]

    def propensity(
        self, customers: Iterable[Any] | None = None, products: Iterable[Any] | None = None, at: Any = None
    ) -> pd.DataFrame:
        """Probability that the company contacts a customer about a product through a channel at a decision time.

        Parameters
        ----------
        customers, products : iterable of identifiers, optional
            Crossed with each other and with all channels; by default everybody and everything.
        at : time-like, optional
            Decision time; by default the end of the last period.

        Returns
        -------
        pandas.DataFrame
            Columns customer_id, product_id, channel (and slot where the market has them), propensity. The sum over
            channels and slots is the probability of any contact; the rest is no contact.
        """
        who, what, past = self._grid(customers, products, at)
        values = self._propensities(who, what, past)
        return self._crossed(who, what).assign(propensity=values.ravel())

    def potential_outcomes(
        self, customers: Iterable[Any] | None = None, products: Iterable[Any] | None = None, at: Any = None
    ) -> pd.DataFrame:
        """Probability of buying a product within 28 days after a decision, without contact and with it.

        Parameters
        ----------
        customers, products : iterable of identifiers, optional
            Crossed with each other and with all channels; by default everybody and everything.
        at : time-like, optional
            Decision time; by default the end of the last period.

        Returns
        -------
        pandas.DataFrame
            Columns customer_id, product_id, channel (and slot where the market has them), p_organic, p_contact,
            uplift; one row for each customer, product, channel and slot, in that order.
        """
        who, what, past = self._grid(customers, products, at)
        organic, contact = self._outcomes(who, what, past)
        without = np.broadcast_to(sigmoid(organic)[:, :, None], contact.shape)
        return self._crossed(who, what).assign(
            p_organic=without.ravel(), p_contact=contact.ravel(), uplift=(contact - without).ravel()
        )

    def outcomes_of_rows(self, customers: Iterable[Any], products: Iterable[Any], at: Any = None) -> pd.DataFrame:
        """Potential outcomes of given (customer, product, decision time) rows, such as those of a panel.

        Parameters
        ----------
        customers, products : iterable of identifiers, length n
            Row by row, not crossed.
        at : time-like or sequence of n, optional
            Decision time of all rows or of each.

        Returns
        -------
        pandas.DataFrame, n rows
            Columns p_organic, propensity (of any contact), and for each channel ``p_contact[channel]`` and
            ``propensity[channel]``; in a market with slots ``p_contact[channel, slot]`` and so on.
        """
        who = self._encode(self._customers, customers, "customers")
        what = self._encode(self._products, products, "products")
        if len(who) != len(what):
            raise ValueError(f"{len(who)} customers and {len(what)} products; give one product for each customer")
        periods = self._periods(at, len(who))
        width = len(self._arms)
        columns = np.zeros((len(who), 2 + 2 * width))
        for period in np.unique(periods):
            rows = np.nonzero(periods == period)[0]
            columns[rows] = self._row_values(who[rows], what[rows], self._state(int(period)))
        names = ["p_organic", "propensity"]
        labels = [", ".join([self.channels[c], *([self.slots[s]] if s >= 0 else [])]) for c, s in self._arms]
        names += [f"{what}[{label}]" for what in ("p_contact", "propensity") for label in labels]
        return pd.DataFrame(columns, columns=names)

    def _row_values(self, who: Ints, what: Ints, past: Recorded) -> Floats:
        organic, contact = self._outcomes(who, what, past)
        each = self._propensities(who, what, past)
        return np.column_stack([sigmoid(organic), each.sum(axis=1), contact, each])

    def unsubscriptions(
        self, customers: Iterable[Any] | None = None, products: Iterable[Any] | None = None, at: Any = None
    ) -> pd.DataFrame:
        """Probability that a contact makes the customer unsubscribe; nobody does so without one.

        Parameters are those of `potential_outcomes`.

        Returns
        -------
        pandas.DataFrame
            Columns customer_id, product_id, channel (and slot where the market has them), p_unsubscribe.
        """
        who, what, past = self._grid(customers, products, at)
        pressure = past.contact_pressure[who]
        values = []
        for c, shift in self._arm_shifts(who):
            channel = self._setting.channels[self.channels[c]]
            power = strength(self._people, channel, who, what, pressure, shift)
            values.append(leaving_probability(self._people, self._setting, channel, who, power, pressure))
        return self._crossed(who, what).assign(p_unsubscribe=np.stack(values, axis=-1).ravel())

    def joint_outcomes(self, contacts: pd.DataFrame, at: Any = None) -> pd.DataFrame:
        """What many contacts at once change, with spill-over and crowding.

        Parameters
        ----------
        contacts : pandas.DataFrame
            Columns customer_id, product_id, channel (and slot where the market has them); a customer is contacted about
            a product once at most.
        at : time-like, optional
            Decision time; by default the end of the last period.

        Returns
        -------
        pandas.DataFrame
            One row for each pair of customer and product that is contacted, or whose neighbour is: customer_id,
            product_id, p_organic (nobody is contacted), p_planned (all are) and uplift, their difference.
        """
        arm = self._arms_of(contacts)
        beside = seen_next_door(arm >= 0)
        rows, cols = np.nonzero((arm >= 0) | beside)
        past = self._state(int(self._periods(at, 1)[0]))
        taste = self._people.taste(rows, cols)
        organic = organic_logit(self._people, past, self._setting, rows, cols, taste)
        nudged = organic + self._setting.spillover * beside[rows, cols]
        dilution = 1 / (1 + self._setting.crowding * np.maximum((arm >= 0).sum(axis=1)[rows] - 1, 0))
        ways = self._contacted(rows, cols, past, nudged, taste, dilution)
        own = arm[rows, cols]
        planned = np.where(own >= 0, ways[np.arange(len(rows)), own], sigmoid(nudged))
        return pd.DataFrame(
            {
                "customer_id": self._people.customer_ids[rows],
                "product_id": self._people.product_ids[cols],
                "p_organic": sigmoid(organic),
                "p_planned": planned,
                "uplift": planned - sigmoid(organic),
            }
        )

    def _arms_of(self, contacts: pd.DataFrame) -> Ints:
        """Way of contact of each pair (customers x products); -1 where there is none."""
        who = self._encode(self._customers, contacts["customer_id"], "customers")
        what = self._encode(self._products, contacts["product_id"], "products")
        channel = pd.Index(self.channels).get_indexer(pd.Index(contacts["channel"])).tolist()
        slot = pd.Index(self.slots).get_indexer(pd.Index(contacts["slot"])).tolist() if self.slots else [-1] * len(who)
        arm = np.full(self._people.shape, -1, dtype=np.int64)
        arm[who, what] = [self._arms.index(way) for way in zip(channel, slot)]
        return arm

    def _propensities(self, who: Ints, what: Ints, past: Recorded) -> Floats:
        """Probability of a contact in each way, in a new last axis."""
        legacy = self._legacy(who, what, past)[..., None]
        shares = channel_shares(self._people, self._setting)[who]
        if not self.slots:
            return policy_propensity(self._setting, legacy, shares)
        by_slot = shares[..., :, None] * slot_shares(self._people, self._setting)[who][..., None, :]
        return policy_propensity(self._setting, legacy, by_slot.reshape(*shares.shape[:-1], -1))

    def _arm_shifts(self, who: Ints) -> list[tuple[int, Floats | float]]:
        """Channel position of each way to contact, and the strength that its slot adds."""
        moments = slot_shifts(self._people, self._setting)
        return [(c, moments[who, s] if s >= 0 else 0.0) for c, s in self._arms]

    def _outcomes(self, who: Ints, what: Ints, past: Recorded) -> tuple[Floats, Floats]:
        """Organic logit, and P(Y given contact) with the ways to contact in a new last axis."""
        taste = self._people.taste(who, what)
        organic = organic_logit(self._people, past, self._setting, who, what, taste)
        return organic, self._contacted(who, what, past, organic, taste, 1.0)

    def _contacted(
        self, who: Ints, what: Ints, past: Recorded, organic: Floats, taste: Floats, dilution: Floats | float
    ) -> Floats:
        people = self._people
        channels = [self._setting.channels[name] for name in self.channels]
        contact = [
            contact_probability(people, past, channels[c], who, what, organic, taste, shift, dilution)
            for c, shift in self._arm_shifts(who)
        ]
        return np.stack(contact, axis=-1)

    def _legacy(self, who: Ints, what: Ints, past: Recorded) -> Floats:
        taste = self._people.taste(who, what)
        score = targeting_score(self._people, past, self._setting, who, what, taste)
        return legacy_probability(self._setting, score, self._log.intercept)

    def _grid(
        self, customers: Iterable[Any] | None, products: Iterable[Any] | None, at: Any
    ) -> tuple[Ints, Ints, Recorded]:
        who = self._encode(self._customers, customers, "customers")
        what = self._encode(self._products, products, "products")
        return who[:, None], what[None, :], self._state(int(self._periods(at, 1)[0]))

    def _crossed(self, who: Ints, what: Ints) -> pd.DataFrame:
        n, m, k = who.shape[0], what.shape[1], len(self._arms)
        channel, slot = np.array(self._arms).T

        def column(ids: npt.NDArray[Any], codes: Ints) -> pd.Series:
            return pd.Series(pd.array(ids, dtype="str").take(codes))

        return pd.DataFrame(
            {
                "customer_id": column(self._people.customer_ids, np.repeat(who[:, 0], m * k)),
                "product_id": column(self._people.product_ids, np.tile(np.repeat(what[0], k), n)),
                "channel": column(np.array(self.channels), np.tile(channel, n * m)),
                **({"slot": column(np.array(self.slots), np.tile(slot, n * m))} if self.slots else {}),
            }
        )

    @staticmethod
    def _encode(index: IdIndex, ids: Iterable[Any] | None, name: str) -> Ints:
        if ids is None:
            return np.arange(len(index))
        given = np.asarray(ids if isinstance(ids, (np.ndarray, pd.Series, pd.Index)) else list(ids), dtype=object)
        codes = index.encode(given).astype(np.int64)
        if (codes < 0).any():
            unknown = [str(value) for value in given[codes < 0][:3]]
            raise ValueError(
                f"{name} has {int((codes < 0).sum())} unknown identifiers, first {', '.join(unknown)}; "
                f"this market has {index.ids[0]} to {index.ids[-1]}"
            )
        return codes

    def _periods(self, at: Any, n: int) -> Ints:
        """Number of the period that starts at each decision time."""
        if at is None:
            return np.full(n, self._setting.periods)
        times = pd.DatetimeIndex(pd.to_datetime([at] if np.ndim(at) == 0 else at, utc=True))
        if len(times) == 1:
            times = times.repeat(n)
        if len(times) != n:
            raise ValueError(f"at has {len(times)} times for {n} rows; give one time or one for each row")
        gaps = (times - self.decision_times[0]) / pd.Timedelta(days=28)
        found = np.rint(np.asarray(gaps, dtype=np.float64)).astype(np.int64)
        known = (found >= 0) & (found <= self._setting.periods)
        near = known & (np.abs(times - self.decision_times[np.clip(found, 0, self._setting.periods)]) <= _TOLERANCE)
        if not near.all():
            raise ValueError(
                f"the truth is known at the start of each 28-day period from {self.decision_times[0]:%Y-%m-%d} to "
                f"{self.decision_times[-1]:%Y-%m-%d}; {times[~near][0]} is none of them"
            )
        return found

    def _state(self, period: int) -> Recorded:
        """What was on record at the start of a period; the last few asked for are kept."""
        if period not in self._states:
            if len(self._states) >= 2:
                self._states.pop(next(iter(self._states)))
            self._states[period] = self._log.until(self._people, period)
        return self._states[period]

    def __repr__(self) -> str:
        n, m = self._people.shape
        return f"Truth({n:,} customers, {m:,} products, {self._setting.periods} periods of 28 days)"
