"""What each advised contact would break, row by row, with the reason where it is harmful.

Hides how the rows of a table of scores are predicted again, for side effects this time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from graphrec.decisions.harm import Harm
from graphrec.decisions.scoring import Scorer

__all__ = ["describe_harm"]

_WORDS = {"unsubscribe": "unsubscription", "complaint": "complaint"}


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
