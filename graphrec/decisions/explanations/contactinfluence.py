"""Which past contacts made this recommendation: what each of them did to the predicted effect.

Hides the derivative. The effect is read off past contacts by a ridge regression on top of the organic outcome; taking
a contact out moves the coefficients by one Newton step (Cook & Weisberg 1982; Koh & Liang 2017), and the uplift by

    influence(i) = p (1 - p) x' H^-1 z_i (y_i - p_i) / (1 - leverage_i)

The division makes the step that of leaving the row out, not of a small weight on it. Held as fitted are the organic
outcome, the choice of columns, how strongly they are shrunk, and the trees on top; the linear part is read again here,
and `fidelity` says how much of the model's uplift it carries.

Refitting without each contact was considered: seconds for each of thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from graphrec.decisions.explanations.customers import customer_rows
from graphrec.learning.regressions.logistic import fit_logistic
from graphrec.learning.regressions.modification import effect_columns
from graphrec.learning.regressions.shrinkage import choose_ridge
from graphrec.learning.response import StructuredUplift
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["ContactInfluence", "contact_influence"]

Floats = NDArray[np.float64]
_LEVEL_RIDGE = 0.1
_CLOSE = 0.99  # leverage beyond which a single contact is all that is known


@dataclass(frozen=True, eq=False)
class ContactInfluence:
    """What each past contact did to one predicted effect.

    Attributes
    ----------
    contacts : pandas.DataFrame
        One row for each past contact, the largest first: offer (identifier), channel, decided_at, own (whether it was
        the customer's; nobody else is named), happened (the outcome), influence (change of the uplift because of it).
    channel : str
    uplift : float
        By the linear part.
    fidelity : float
        Rank correlation between the linear part and the model's own uplift over the past contacts.
    """

    contacts: pd.DataFrame
    channel: str
    uplift: float
    fidelity: float

    def by_offer(self, n: int = 5) -> pd.Series:
        """Summed influence of the contacts about each offer, the largest first."""
        summed = self.contacts.groupby("offer", sort=False)["influence"].sum()
        return summed.sort_values(key=np.abs, ascending=False, kind="stable").head(n)


def contact_influence(model: Recommender, customer: Any, *, channel: str | None = None) -> ContactInfluence:
    """Influence of every past contact on the uplift of a customer's best offer.

    Parameters
    ----------
    model : Recommender
        Fitted, with the structured learner for a 0 / 1 outcome.
    customer : Any
        Identifier.
    channel : str, optional
        The first one by default.

    Returns
    -------
    ContactInfluence

    Raises
    ------
    DataError
        The customer or the channel is unknown, or another learner was fitted.
    """
    from scipy.stats import spearmanr

    effects, panel = model.effects, model.panel
    head = effects.model
    if not isinstance(head, StructuredUplift):
        raise DataError(
            f"the effect comes from a {type(head).__name__}, whose contacts leave no trace in closed form; influence "
            "is known for head='structured' and a 0/1 outcome"
        )
    chosen = effects.channels[0] if channel is None else channel
    if chosen not in effects.channels:
        raise DataError(f"channel {chosen!r} was not learned; choose one of {', '.join(effects.channels)}")
    rows = customer_rows(model, [customer])
    place = pd.Index(effects.channels).get_indexer(pd.Index(panel.frame[panel.treatment].astype(str)))
    kept = np.flatnonzero(place >= 0)
    past, place = panel.frame.iloc[kept].reset_index(drop=True), place[kept].astype(np.int64)
    read = _Reading.of(head, effects.design.transform(past), place, past[panel.outcome].to_numpy(np.float64))
    own = np.array([effects.channels.index(chosen)])
    uplift, influence = read.influence(head, effects.design.transform(rows), own)
    found = _named(model, past, kept, customer).assign(influence=influence)
    order = np.argsort(-np.abs(influence), kind="stable")
    mine = read.uplift(head, effects.design.transform(past), place)
    theirs = head.predict(effects.design.transform(past), errors=False).uplift[np.arange(len(past)), place]
    fidelity = float(spearmanr(mine, theirs).statistic) if len(past) > 2 else float("nan")
    return ContactInfluence(found.iloc[order].reset_index(drop=True), chosen, uplift, fidelity)


@dataclass(frozen=True, eq=False)
class _Reading:
    """The linear part of the effect, read off the past contacts again."""

    coefficients: Floats
    inverse: Floats
    columns: Floats
    outcome: Floats
    expected: Floats
    channels: int

    @classmethod
    def of(cls, head: StructuredUplift, matrix: Floats, channel: NDArray[np.int64], outcome: Floats) -> _Reading:
        z = _columns(head, matrix, channel)
        offset = _aimed(head, head.organic.logits(matrix))
        width = z.shape[1] // (1 if len(head.channels) == 1 else 1 + len(head.channels))
        ridge = choose_ridge(z, outcome, _groups(width, z.shape[1]), fixed=_LEVEL_RIDGE, offset=offset)
        beta = fit_logistic(z, outcome, penalty=ridge, offset=offset).coefficients
        expected = expit(offset + z @ beta)
        hessian = (z * (expected * (1 - expected))[:, None]).T @ z + np.diag(ridge)
        return cls(beta, np.linalg.inv(hessian), z, outcome, expected, len(head.channels))

    def influence(self, head: StructuredUplift, matrix: Floats, channel: NDArray[np.int64]) -> tuple[float, Floats]:
        """Uplift of one row, and what each contact adds to it."""
        x = _columns(head, matrix, channel)[0]
        offset = float(head.organic.logits(matrix)[0])
        p = float(expit(offset + x @ self.coefficients))
        pulled = self.inverse @ x
        weight = self.expected * (1 - self.expected)
        leverage = np.minimum(weight * np.einsum("ij,jk,ik->i", self.columns, self.inverse, self.columns), _CLOSE)
        step = (self.columns @ pulled) * (self.outcome - self.expected) / (1 - leverage)
        return p - float(expit(offset)), p * (1 - p) * step

    def uplift(self, head: StructuredUplift, matrix: Floats, channel: NDArray[np.int64]) -> Floats:
        """Uplift of rows by the linear part."""
        offset = head.organic.logits(matrix)
        return np.asarray(expit(offset + _columns(head, matrix, channel) @ self.coefficients) - expit(offset))


def _columns(head: StructuredUplift, matrix: Floats, channel: NDArray[np.int64]) -> Floats:
    """Shared columns, and one copy for each channel where there are several."""
    base = effect_columns(matrix[:, head.modifiers], head.organic.logits(matrix), head.offset_scale)
    if len(head.channels) == 1:
        return base
    copies = [base * (channel == place)[:, None] for place in range(len(head.channels))]
    return np.hstack([base, *copies])


def _groups(width: int, columns: int) -> NDArray[np.int64]:
    """Coefficients that share a ridge: the mean effect, appetite, other columns, channels, columns by channel."""
    groups = np.full(columns, 4)
    groups[:width] = 2
    groups[0] = 0
    groups[1:3] = 1
    groups[width::width] = 3
    return groups


def _aimed(head: StructuredUplift, offset: Floats) -> Floats:
    """The organic logit where the contacts went."""
    level, slope = head.targeting.coefficients
    return np.asarray(offset + level + slope * (offset - head.offset_scale[0]) / head.offset_scale[1])


def _named(model: Recommender, past: pd.DataFrame, kept: NDArray[np.int64], customer: Any) -> pd.DataFrame:
    """What a reader may know of each contact."""
    panel, market = model.panel, model.market
    if market is None or panel.offers is None:
        ids = past["customer_id"].to_numpy() if "customer_id" in past else kept
        return pd.DataFrame(
            {
                "offer": None, "channel": past[panel.treatment].astype(str), "decided_at": pd.NaT,
                "own": ids == customer, "happened": past[panel.outcome] > 0,
            }
        )  # fmt: skip
    who = market.vocabulary.customers.encode([customer])[0]
    return pd.DataFrame(
        {
            "offer": panel.offers.index.decode(past["offer"].to_numpy(np.int64)),
            "channel": past[panel.treatment].astype(str),
            "decided_at": past["decided_at"],
            "own": past["customer"].to_numpy() == who,
            "happened": past[panel.outcome] > 0,
        }
    )
