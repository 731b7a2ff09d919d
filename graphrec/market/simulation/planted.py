"""What planted contacts did: the truth beside a planted market.

Hides how the truth is stored: three numbers for each (occasion, customer), contacted or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.history import to_microseconds
from graphrec.market.simulation.occasions import Occasion
from graphrec.market.tables import IdIndex, Market

__all__ = ["PlantedMarket", "PlantedTruth"]


@dataclass(frozen=True, eq=False)
class PlantedTruth:
    """What the planted contacts really did.

    Attributes
    ----------
    contacts : pandas.DataFrame
        One row for each planted contact: solicitation_id, customer_id, offer_id, channel, sent_at, propensity (of
        any contact), channel_propensity (of a contact through this channel), effect_lines (expected purchase lines
        added), added_lines (lines added in fact) and effect: the change this contact makes to the probability of
        buying the offer within the horizon. That is 0 where the offer was bought anyway, else
        ``1 - exp(-effect_lines)``.
    lift : mapping of str to float
        Planted relative lift by channel.
    horizon_days : int
        Days after a contact in which its purchases fall.
    """

    contacts: pd.DataFrame
    lift: Mapping[str, float]
    horizon_days: int
    _customers: IdIndex
    _offers: IdIndex
    _occasions: Sequence[Occasion]
    _propensity: npt.NDArray[np.float32]
    _lines: npt.NDArray[np.float32]
    _effect: npt.NDArray[np.float32]

    @property
    def effect(self) -> float:
        """Average effect on the contacted: change of the probability of buying within the horizon."""
        return float(self.contacts["effect"].mean())

    @property
    def effect_lines(self) -> float:
        """Average effect on the contacted, in purchase lines."""
        return float(self.contacts["effect_lines"].mean())

    @property
    def by_channel(self) -> pd.DataFrame:
        """Contacts, average effect and average effect_lines for each channel."""
        return (
            self.contacts.groupby("channel", observed=True)
            .agg(contacts=("effect", "size"), effect=("effect", "mean"), effect_lines=("effect_lines", "mean"))
            .reset_index()
        )

    def of_rows(self, customers: Iterable[object], offers: Iterable[object], at: object) -> pd.DataFrame:
        """Truth for (customer, offer, decision time) rows, contacted or not, such as those of a panel.

        Parameters
        ----------
        customers, offers : sequence of identifiers, length n
        at : sequence of times, length n
            Moments at which contacts about the offer were planted.

        Returns
        -------
        pandas.DataFrame, n rows
            Columns propensity, effect_lines and effect as in `contacts`, averaged over the occasion's channels.

        Raises
        ------
        ValueError
            An identifier is unknown, or nothing was planted for that offer at that time.
        """
        who = self._customers.encode(np.asarray(list(customers), dtype=object)).astype(np.int64)
        what = self._offers.encode(np.asarray(list(offers), dtype=object)).astype(np.int64)
        place = {(occasion.offer, occasion.time): i for i, occasion in enumerate(self._occasions)}
        keys = zip(what.tolist(), to_microseconds(at).tolist())
        found = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
        if (who < 0).any() or (found < 0).any():
            raise ValueError(
                f"{int((who < 0).sum())} rows name an unknown customer and {int((found < 0).sum())} an offer and time "
                "at which nothing was planted; use the offers and times of truth.contacts"
            )
        columns = {"propensity": self._propensity, "effect_lines": self._lines, "effect": self._effect}
        return pd.DataFrame({name: values[found, who].astype(np.float64) for name, values in columns.items()})

    def __repr__(self) -> str:
        return (
            f"PlantedTruth({len(self.contacts):,} contacts on {len(self._occasions):,} occasions, "
            f"effect {self.effect:+.4f}, {self.effect_lines:+.4f} lines)"
        )


@dataclass(frozen=True, eq=False)
class PlantedMarket:
    """A market with planted contacts, and the truth about them."""

    market: Market
    truth: PlantedTruth
