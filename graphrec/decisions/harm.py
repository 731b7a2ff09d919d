"""What a contact breaks, in money: customers who can no longer be reached, and complaints.

Hides the price of a side effect and when a contact is harmful. A customer who unsubscribes takes a year of future
contacts along: by default their worth is the mean gain of past contacts, where losing ones count zero, times the
contacts that a customer gets in a year. A contact is harmful when it would pay by what it sells and no longer does by
what it breaks; it is not advised, and a reason says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.learning.sideeffects import SideEffect
from graphrec.market.offers import Offers
from graphrec.market.panel import Panel

if TYPE_CHECKING:
    from graphrec.decisions.money import Money
    from graphrec.decisions.settings import RecommenderConfig
    from graphrec.learning.effects import EffectModel

__all__ = ["Harm", "price_harm", "worth_of_reach"]

_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Harm:
    """Side effects with their prices.

    Attributes
    ----------
    effects : sequence of SideEffect
    prices : mapping of str to float
        Money lost with each event, by the name of the side effect.
    """

    effects: Sequence[SideEffect]
    prices: Mapping[str, float]

    def money(self, matrix: np.ndarray) -> np.ndarray:
        """Money that a contact is expected to break, shape (rows, channels); never below zero."""
        total = np.zeros((len(matrix), self.effects[0].channels if self.effects else 1))
        for effect in self.effects:
            price = self.prices.get(effect.name, 0.0)
            if price:
                total = total + price * np.maximum(effect.predict(matrix).uplift, 0.0)
        return total


def price_harm(
    config: RecommenderConfig, effects: EffectModel, panel: Panel, offers: Offers, money: Money, customers: int
) -> Harm | None:
    """What a contact breaks, with the prices that were set or found; None where nothing was learned of it.

    Parameters are those of `worth_of_reach`, which gives the price of an unsubscription where ``config`` does not.
    """
    if not effects.side:
        return None
    worth = config.reachable_value
    if worth is None:
        worth = worth_of_reach(effects, panel, offers, money, customers)
    return Harm(effects.side, {"unsubscribe": worth, "complaint": config.complaint_cost})


def worth_of_reach(effects: EffectModel, panel: Panel, offers: Offers, money: Money, customers: int) -> float:
    """Money that a year of contacts earns of an average customer.

    Parameters
    ----------
    effects : EffectModel
    panel : Panel
        The rows the model was fitted on.
    offers, money
        Offers that are scored and their value.
    customers : int
        Number of customers of the market.

    Notes
    -----
    Assumes that later contacts earn what past ones did, as the model sees them. Where they will be aimed better, the
    worth is higher: say so with ``RecommenderConfig(reachable_value=)``.
    """
    frame = panel.frame[panel.contacted]
    offer = frame["offer"].to_numpy(np.int64)
    if panel.offers is not None and panel.offers is not offers:
        offer = offers.index.encode(panel.offers.index.ids)[offer]
    channel = pd.Index(effects.channels).get_indexer(pd.Index(frame[panel.treatment].astype(str)))
    known = (offer >= 0) & (channel >= 0)
    if not known.any():
        return 0.0
    frame, offer, channel = frame[known], offer[known], channel[known]
    uplift = effects.model.predict(effects.design.transform(frame)).uplift[np.arange(len(frame)), channel]
    cost = np.array([money.cost.get(name, 0.0) for name in effects.channels])[channel]
    gain = np.maximum(uplift * money.value[offer] - cost, 0.0).mean()
    days = (frame["decided_at"].max() - frame["decided_at"].min()).days + float(panel.horizon_days or 28)
    return float(gain * len(frame) / max(customers, 1) * _YEAR / days)
