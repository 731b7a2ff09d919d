"""Can contacted and not contacted customers be compared at all? One object with the tables, a verdict and its reason.

Hides the thresholds. Propensities that say .3 must be right about 30 %, contacted rows must have controls like them,
the weighted controls must be worth enough rows, and the columns must balance under the weights. Where overlap is
absent no clipping and no model can replace the missing comparison (Petersen et al. 2012), so the effect is refused;
where it is thin, it is graded as the model's word only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from graphrec.learning.exposure import Exposure, effective_sample_size
from graphrec.learning.rows import TrainingRows

__all__ = ["FEWEST_CONTACTS", "Comparability", "assess_exposure"]

_BINS = 10
_LEAST_ESS = {"absent": 20.0, "thin": 60.0}
_LEAST_OVERLAP = {"absent": 0.5, "thin": 0.8}
_CERTAIN = 1e-6
FEWEST_CONTACTS = 30
"""Contacts of a channel below which it is graded C at best, and not valued on customers left out."""
_LEAST_CONTACTS = 10
"""Contacts below which no effect is claimed, drawn by lot or not."""


@dataclass(frozen=True, eq=False)
class Comparability:
    """What the propensities say of a comparison.

    Attributes
    ----------
    status : {"enough", "thin", "absent"}
    sentence : str
        The verdict and its reason.
    overlap : float
        Share of the contacted rows that have controls with a propensity like theirs.
    ess : float
        Rows that the weighted controls are worth.
    certain : float
        Share of the rows whose probability of what they received is 0 or 1 to six digits: no lot was cast for them.
    calibration : pandas.DataFrame
        Columns predicted, observed, rows: probability of a contact by tenth of the prediction, in the risk set.
    balance : pandas.DataFrame
        Columns column, before, after: standardised differences between contacted rows and controls.
    channels : pandas.DataFrame
        Columns channel, contacts, ess, smallest, largest: contacts, what they are worth when weighted to the risk
        set, and the range of the probability of the channel.
    """

    status: str
    sentence: str
    overlap: float
    ess: float
    certain: float
    calibration: pd.DataFrame
    balance: pd.DataFrame
    channels: pd.DataFrame

    def cap(self, channel: str) -> tuple[str, str]:
        """Best grade that the comparison allows a channel that was not drawn by lot, and why."""
        if self.status == "absent":
            return "X", self.sentence
        few = self.few(channel)
        if few[0] > "B":
            return few
        return ("C", self.sentence) if self.status == "thin" else few

    def few(self, channel: str) -> tuple[str, str]:
        """Best grade that the number of contacts allows, drawn by lot or not, and why: X under ten, C under thirty."""
        contacts = int(self.channels.loc[self.channels["channel"] == channel, "contacts"].iloc[0])
        if contacts >= FEWEST_CONTACTS:
            return "B", ""
        went = f"only {contacts} contact{'s' * (contacts != 1)} went through {channel}"
        return ("C", went) if contacts >= _LEAST_CONTACTS else ("X", f"{went}: too few to learn an effect from")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the balance, which has a file of its own."""
        plain = {name: getattr(self, name) for name in ("status", "sentence", "overlap", "ess", "certain")}
        tables = {name: getattr(self, name).to_dict("list") for name in ("calibration", "channels")}
        return {**plain, **tables}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], balance: pd.DataFrame) -> Comparability:
        """Rebuild from `to_dict` and the table of balance."""
        tables = {name: pd.DataFrame(data[name]) for name in ("calibration", "channels")}
        return cls(**{**data, **tables, "balance": balance})


def assess_exposure(rows: TrainingRows, exposure: Exposure) -> Comparability:
    """Judge fitted propensities.

    Parameters
    ----------
    rows : TrainingRows
        Rows that the exposure was fitted on.
    exposure : Exposure

    Notes
    -----
    A row drawn into the panel was eligible: who could not have been contacted was left out by rule, not by clipping.
    Overlap is judged on the log-odds of a contact: a contacted row has controls like it where at most one control in a
    thousand lies further out.
    """
    logits = exposure.model.out_of_fold
    contacted = rows.contacted
    ends = np.quantile(logits[~contacted], [0.0, 0.999])
    inside = (logits[contacted] >= ends[0]) & (logits[contacted] <= ends[1])
    overlap = float(inside.mean())
    received = exposure.propensity[np.arange(len(rows.channel)), rows.channel]
    certain = float(np.average((received < _CERTAIN) | (received > 1.0 - _CERTAIN), weights=rows.weights))
    status, sentence = _verdict(overlap, exposure.ess)
    return Comparability(
        status,
        sentence,
        overlap,
        exposure.ess,
        certain,
        _calibration(expit(logits), contacted, rows.weights),
        exposure.balance,
        _by_channel(rows, exposure, received),
    )


def _verdict(overlap: float, ess: float) -> tuple[str, str]:
    facts = (
        f"{overlap:.0%} of the contacted have controls like them, and the weighted controls are worth {ess:,.0f} rows"
    )
    if overlap < _LEAST_OVERLAP["absent"] or ess < _LEAST_ESS["absent"]:
        return "absent", f"contacted and not contacted customers cannot be compared: {facts}"
    if overlap < _LEAST_OVERLAP["thin"] or ess < _LEAST_ESS["thin"]:
        return "thin", f"the comparison is thin: {facts}"
    return "enough", facts


def _calibration(predicted: np.ndarray, contacted: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    """Predicted and observed share of contacts by tenth of the risk set."""
    order = np.argsort(predicted, kind="stable")
    rank = np.cumsum(weights[order]) - weights[order] / 2
    tenth = np.minimum((rank / weights.sum() * _BINS).astype(np.int64), _BINS - 1)
    total = np.bincount(tenth, weights[order], _BINS)
    kept = total > 0
    return pd.DataFrame(
        {
            "predicted": (np.bincount(tenth, (weights * predicted)[order], _BINS)[kept] / total[kept]),
            "observed": (np.bincount(tenth, (weights * contacted)[order], _BINS)[kept] / total[kept]),
            "rows": np.bincount(tenth, minlength=_BINS)[kept],
        }
    )


def _by_channel(rows: TrainingRows, exposure: Exposure, received: np.ndarray) -> pd.DataFrame:
    lines = []
    for position, channel in enumerate(rows.channels, start=1):
        own = rows.channel == position
        worth = effective_sample_size(rows.weights[own] / np.maximum(received[own], 1e-9))
        chance = exposure.propensity[:, position]
        lines.append((channel, int(own.sum()), worth, float(chance.min()), float(chance.max())))
    return pd.DataFrame(lines, columns=["channel", "contacts", "ess", "smallest", "largest"])
