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
from scipy.stats import norm

from graphrec.learning.sideeffects import SideEffect
from graphrec.market.offers import Offers
from graphrec.market.panel import Panel

if TYPE_CHECKING:
    from graphrec.decisions.scoring import Money, Scorer
    from graphrec.decisions.settings import RecommenderConfig
    from graphrec.learning.effects import EffectModel

__all__ = ["Harm", "describe_harm", "price_harm", "worth_of_reach"]

_YEAR = 365.25
_WORDS = {"unsubscribe": "unsubscription", "complaint": "complaint"}


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


def describe_harm(scorer: Scorer, scores: pd.DataFrame) -> pd.DataFrame:
    """Side effects of the contacts in a table of scores, row by row; see `Recommender.side_effects`."""
    harm, offers = scorer.harm, scorer.covariates.offers
    found = scores[[name for name in ("customer_id", offers.id_column, "channel", "slot") if name in scores]].copy()
    matrix = _matrix_of(scorer, scores)
    channel = pd.Index(scorer.effects.channels).get_indexer(pd.Index(scores["channel"]))
    rows, margin = np.arange(len(scores)), norm.ppf(0.5 + scorer.level / 2)
    broken = np.zeros(len(scores))
    for effect in harm.effects if harm is not None else ():
        response = effect.predict(matrix)
        uplift, se = response.uplift[rows, channel], response.se[rows, channel]
        found[effect.name] = uplift
        found[f"{effect.name}_low"] = np.maximum(uplift - margin * se, -response.p_organic)
        found[f"{effect.name}_high"] = np.minimum(uplift + margin * se, 1 - response.p_organic)
        broken += np.maximum(uplift, 0.0) * (harm.prices.get(effect.name, 0.0) if harm is not None else 0.0)
    gain = (scores["uplift"] * scores["value"] - scores["cost"]).to_numpy(np.float64)
    harmful = (gain > 0) & (gain <= broken)
    return found.assign(harm=broken, harmful=harmful, reason=_reasons(harm, found, gain, broken, harmful))


def _matrix_of(scorer: Scorer, scores: pd.DataFrame) -> np.ndarray:
    """Design matrix of the rows of a table of scores."""
    covariates, offers = scorer.covariates, scorer.covariates.offers
    customers = covariates.market.vocabulary.customers.encode(scores["customer_id"])
    codes = offers.index.encode(scores[offers.id_column])
    frame = covariates.at(customers, codes, np.full(len(scores), scorer.time))
    if scorer.appetite is not None:
        distinct, place = np.unique(customers, return_inverse=True)
        frame["appetite"] = scorer.appetite.matrix(distinct)[place, codes]
    return scorer.effects.design.transform(frame)


def _reasons(
    harm: Harm | None, found: pd.DataFrame, gain: np.ndarray, broken: np.ndarray, harmful: np.ndarray
) -> list[str]:
    if harm is None:
        return [""] * len(found)
    parts = [(_WORDS[e.name], found[e.name].to_numpy(), harm.prices.get(e.name, 0.0)) for e in harm.effects]
    texts = []
    for row in range(len(found)):
        if not harmful[row]:
            texts.append("")
            continue
        told = ", ".join(f"{max(p[row], 0.0):.1%} {word} at {price:,.2f}" for word, p, price in parts if price)
        texts.append(
            f"The contact would earn {gain[row]:,.2f} and break {broken[row]:,.2f} ({told}): it sells and chases away."
        )
    return texts
