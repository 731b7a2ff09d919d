"""What a ranking may rest on: the effect where it is supported, its ceiling where it is not.

Hides the consequence of a verdict. Where no channel's effect survives its placebo, an uplift ranking would sell
noise. What such data do support is who redeems: a redemption is at most one purchase more, so the predicted
probability of redeeming bounds the effect of a contact from above. The ranking then says "the most this contact can
bring", and the effect columns say that anything between is possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from causal.ladder import Ladder
from graphrec.decisions.recommender import Recommender
from graphrec.learning.design import fit_design
from graphrec.learning.regressions.outcome import customer_folds, fit_binary

__all__ = ["Support", "heed_ladders", "rank_by_support"]

_FEWEST_REDEMPTIONS = 100


@dataclass(frozen=True, eq=False)
class Support:
    """Scores in the order that can be defended.

    Attributes
    ----------
    scores : pandas.DataFrame
        Columns of `Recommender.recommend` and ``basis``.
    basis : {"effect", "ceiling", "none"}
        What rank 1 is first in.
    sentence : str
        What the ranking means, in plain English.
    """

    scores: pd.DataFrame
    basis: str
    sentence: str


def heed_ladders(model: Recommender, ladders: Mapping[str, Ladder]) -> Recommender:
    """The same recommender with grades lowered to what the ladders allow.

    A failed placebo makes a channel X (its interval then says: anything is possible); an underpowered ladder, or one
    without an estimate, allows C at most, and X where the same adjustment failed for another channel and was confirmed
    for none. Grade A rests on randomisation and stays.
    """
    verdicts = {ladder.verdict for ladder in ladders.values()}
    untested = "X" if "not identified" in verdicts and "supported" not in verdicts else "C"
    worst = {"not identified": "X", "underpowered": untested, "no estimate": untested}
    grades, reasons = dict(model.effects.grades), dict(model.effects.reasons)
    for channel, grade in grades.items():
        if channel in ladders and grade != "A":
            grades[channel] = max(grade, worst.get(ladders[channel].verdict, grade))
            if grades[channel] != grade:
                reasons[channel] = _lowered_by(ladders[channel].verdict, grades[channel])
    heeding = Recommender(model.config, head=model.head)
    lowered = replace(model.effects, grades=grades, reasons=reasons)
    heeding.restore(model.panel, model.graph, lowered, model.market, model.appetite)
    return heeding


def _lowered_by(verdict: str, grade: str) -> str:
    """Why a ladder lowers a grade."""
    if verdict == "not identified":
        return "it failed a test on outcomes that no contact can have moved"
    if grade == "X":
        return "its evidence ladder could not test it, and the same adjustment failed for another channel"
    return "its evidence ladder could not confirm it"


def rank_by_support(
    model: Recommender,
    scores: pd.DataFrame,
    ladders: Mapping[str, Ladder],
    rng: int | np.random.Generator | None = None,
) -> Support:
    """Keep the uplift ranking where a ladder supports it, else rank by the ceiling of the effect.

    Parameters
    ----------
    model : Recommender
        Fitted on the market of the scores.
    scores : pandas.DataFrame
        From `Recommender.recommend`, with every offer and channel of interest.
    ladders : mapping of str to Ladder
        Evidence by channel; without any, the scores' own grades decide.
    """
    verdicts = {channel: ladder.verdict for channel, ladder in ladders.items()}
    graded = scores["grade"].isin(("A", "B")).any()
    if any(verdict == "supported" for verdict in verdicts.values()) or (not verdicts and graded):
        kept = scores["channel"].map(verdicts).fillna("supported") == "supported"
        grade = np.where(kept, scores["grade"], "X")
        text = "Ranked by the estimated effect of the contact on channels whose effect is supported."
        return Support(scores.assign(grade=grade, basis="effect"), "effect", text)
    if verdicts and all(v == "no estimate" for v in verdicts.values()) and graded:
        text = "Ranked by the estimated effect; the evidence ladder had too few events to confirm or to refute it."
        return Support(scores.assign(basis="effect"), "effect", text)
    panel = model.panel
    redeemed = panel.frame["redeemed"].to_numpy() if "redeemed" in panel.frame else np.zeros(len(panel.frame))
    if redeemed[panel.contacted].sum() < _FEWEST_REDEMPTIONS or model.market is None:
        text = (
            "No channel's effect is supported by these data and too few redemptions bound it, so nothing is ranked; "
            "contact a random share of customers next time and log the probability."
        )
        return Support(scores.assign(grade="X", basis="none"), "none", text)
    return _by_ceiling(model, scores, redeemed, np.random.default_rng(rng))


def _by_ceiling(model: Recommender, scores: pd.DataFrame, redeemed: np.ndarray, rng: np.random.Generator) -> Support:
    """Rank by the predicted probability of redeeming among the contacted."""
    panel, scorer = model.panel, model.scorer()
    rows = panel.take(panel.contacted)
    outcome = (redeemed[panel.contacted] > 0).astype(np.float64)
    design = fit_design(rows.frame, panel.covariates)
    folds = customer_folds(rows.clusters, 5, rng)
    fitted = fit_binary(design.transform(rows.frame), outcome, folds, seed=int(rng.integers(2**31)))
    market = scorer.covariates.market
    customers = market.vocabulary.customers.encode(scores["customer_id"])
    offers = scorer.covariates.offers.index.encode(scores[scorer.covariates.offers.id_column])
    frame = scorer.covariates.at(customers, offers, np.full(len(scores), scorer.time))
    if scorer.appetite is not None:
        frame["appetite"] = scorer.appetite.score(customers, offers)
    ceiling = expit(fitted.logits(design.transform(frame)))
    changed = scores.assign(
        uplift_low=-scores["p_organic"],
        uplift_high=np.minimum(ceiling, 1 - scores["p_organic"]),
        net_value=ceiling * scores["value"] - scores["cost"],
        grade="X",
        basis="ceiling",
    )
    # One row of each (customer, offer): the ceiling does not tell channels apart.
    changed = changed.assign(_ceiling=ceiling).sort_values(
        ["customer_id", "_ceiling", "rank"], ascending=[True, False, True]
    )
    changed["rank"] = changed.groupby("customer_id", sort=False).cumcount() + 1
    text = (
        "No channel's effect is supported by these data, so no uplift is sold. Contacts are ranked by the most they "
        "can bring: the predicted probability of a redemption, an upper bound of the effect and not an estimate of it."
    )
    return Support(changed.drop(columns="_ceiling").reset_index(drop=True), "ceiling", text)
