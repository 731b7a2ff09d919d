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
from graphrec.market.simulation.process import Log, legacy_probability, policy_propensity
from graphrec.market.simulation.structural import (
    Recorded,
    Setting,
    channel_shares,
    contact_probability,
    organic_logit,
    sigmoid,
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
            Columns customer_id, product_id, channel, propensity. The sum over channels is the probability of any
            contact; the rest is no contact.
        """
        who, what, past = self._grid(customers, products, at)
        legacy = self._legacy(who, what, past)
        shares = channel_shares(self._people, self._setting)[who[:, 0]]
        values = policy_propensity(self._setting, legacy[:, :, None], shares[:, None, :])
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
            Columns customer_id, product_id, channel, p_organic, p_contact, uplift; one row for each customer, product
            and channel, in that order.
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
            ``propensity[channel]``.
        """
        who = self._encode(self._customers, customers, "customers")
        what = self._encode(self._products, products, "products")
        if len(who) != len(what):
            raise ValueError(f"{len(who)} customers and {len(what)} products; give one product for each customer")
        periods = self._periods(at, len(who))
        width = len(self.channels)
        columns = np.zeros((len(who), 2 + 2 * width))
        for period in np.unique(periods):
            rows = np.nonzero(periods == period)[0]
            columns[rows] = self._row_values(who[rows], what[rows], self._state(int(period)))
        names = ["p_organic", "propensity"]
        names += [f"p_contact[{channel}]" for channel in self.channels]
        names += [f"propensity[{channel}]" for channel in self.channels]
        return pd.DataFrame(columns, columns=names)

    def _row_values(self, who: Ints, what: Ints, past: Recorded) -> Floats:
        organic, contact = self._outcomes(who, what, past)
        shares = channel_shares(self._people, self._setting)[who]
        each = policy_propensity(self._setting, self._legacy(who, what, past)[:, None], shares)
        return np.column_stack([sigmoid(organic), each.sum(axis=1), contact, each])

    def _outcomes(self, who: Ints, what: Ints, past: Recorded) -> tuple[Floats, Floats]:
        """Organic logit, and P(Y given contact) with the channels in a new last axis."""
        taste = self._people.taste(who, what)
        organic = organic_logit(self._people, past, self._setting, who, what, taste)
        contact = [
            contact_probability(self._people, past, channel, who, what, organic, taste)
            for channel in self._setting.channels.values()
        ]
        return organic, np.stack(contact, axis=-1)

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
        n, m, k = who.shape[0], what.shape[1], len(self.channels)

        def column(ids: npt.NDArray[Any], codes: Ints) -> pd.Series:
            return pd.Series(pd.array(ids, dtype="str").take(codes))

        return pd.DataFrame(
            {
                "customer_id": column(self._people.customer_ids, np.repeat(who[:, 0], m * k)),
                "product_id": column(self._people.product_ids, np.tile(np.repeat(what[0], k), n)),
                "channel": column(np.array(self.channels), np.tile(np.arange(k), n * m)),
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
