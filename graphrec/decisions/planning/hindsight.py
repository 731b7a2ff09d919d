r"""The value of a plan that was never sent, from the log of one that drew by lot.

Hides how logged decisions meet a plan. A decision is one customer's: a contact (what about, by which channel, when) or
none. The plan knows with which probability it would have done the same (`Plan.probabilities`), the log with which it
was done; the estimators are those of `graphrec.evaluation.offpolicy`, which refuse below 20 effective positive events.

Assumption: the logged probability is the true one, and positive wherever the plan acts. Without it (a rule outside the
log picked the customers) the figures are biased, and no size of the log helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import PolicyError, shown
from graphrec.evaluation.offpolicy import PolicyValue, doubly_robust, inverse_propensity, self_normalised

if TYPE_CHECKING:
    from graphrec.decisions.planning.contactplan import Plan

__all__ = ["LoggedValue", "logged_value"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LoggedValue:
    """Mean outcome per customer that a plan would have had.

    Attributes
    ----------
    ips, snips : PolicyValue
    dr : PolicyValue or None
        None where the scores do not predict the outcome.
    logged : float
        Mean outcome of the log itself, for comparison.
    matched : float
        Share of the logged decisions that the plan might have taken as well.
    """

    ips: PolicyValue
    snips: PolicyValue
    dr: PolicyValue | None
    logged: float
    matched: float


def logged_value(plan: Plan, log: pd.DataFrame, *, clip: float | None = None, level: float = 0.95) -> LoggedValue:
    """Estimate what a plan would have brought.

    Parameters
    ----------
    plan : Plan
        Made from scores of the customers in the log.
    log : pandas.DataFrame
        One row for each customer: customer_id; the offer's column, channel (and slot) of the contact, missing where
        none was made; propensity of what was done; outcome.
    clip : float, optional
        Largest importance weight.
    level : float
        Confidence level.

    Returns
    -------
    LoggedValue

    Raises
    ------
    graphrec.evaluation.offpolicy.Unreliable
        Fewer than 20 effective positive events stand behind an estimate.
    PolicyError
        A column is missing, or a customer has several rows.

    Notes
    -----
    The doubly robust estimate takes ``p_organic`` and ``p_contact`` of the scores as the model of the outcome, so it is
    given only where the scores have both and the outcome is 0 or 1. They must come from a model that has not seen the
    log's outcomes.
    """
    keys = _check(plan, log)
    target, known = _target(plan, log, keys)
    outcome = log["outcome"].to_numpy(np.float64)
    propensity = log["propensity"].to_numpy(np.float64)
    ips = inverse_propensity(outcome, propensity, target, clip=clip, level=level)
    snips = self_normalised(outcome, propensity, target, clip=clip, level=level)
    dr = None
    model = _predictions(plan, log, keys)
    if model is not None and np.isin(outcome, (0.0, 1.0)).all():
        dr = doubly_robust(outcome, propensity, target, *model, clip=clip, level=level)
    return LoggedValue(ips, snips, dr, float(outcome.mean()), float(np.mean(known)))


def _check(plan: Plan, log: pd.DataFrame) -> list[str]:
    """Columns that a contact is known by, after the log was found usable."""
    keys = [name for name in ("product_id", "offer_id", "channel", "slot") if name in plan.probabilities]
    lacking = [name for name in ("customer_id", "propensity", "outcome", *keys) if name not in log]
    if lacking:
        raise PolicyError(f"log has no column {lacking[0]}; it has {', '.join(map(str, log.columns))}")
    twice = log["customer_id"].duplicated()
    if twice.any():
        who = log.loc[twice, "customer_id"].iloc[0]
        raise PolicyError(f"log has several rows of customer {shown(who)}; give one decision for each customer")
    return keys


def _target(plan: Plan, log: pd.DataFrame, keys: list[str]) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability that the plan does what was done."""
    table = plan.probabilities
    contacted = log["channel"].notna().to_numpy() if "channel" in log else log[keys[0]].notna().to_numpy()
    names = ["customer_id", *keys]
    found = log[names].astype(str).merge(
        table[[*names, "probability"]].astype(dict.fromkeys(names, str)), on=names, how="left"
    )  # fmt: skip
    action = found["probability"].fillna(0.0).to_numpy()
    total = table.groupby("customer_id")["probability"].sum().reindex(log["customer_id"]).fillna(0.0).to_numpy()
    target = np.where(contacted, action, np.clip(1.0 - total, 0.0, 1.0))
    return np.minimum(target, 1.0), target > 0


def _predictions(plan: Plan, log: pd.DataFrame, keys: list[str]) -> tuple[Floats, Floats] | None:
    """Predicted outcome under what was done, and under the plan; None where the scores do not predict it."""
    if plan.chances is None or not {"p_organic", "p_contact"} <= set(plan.chances.frame.columns):
        return None
    frame = plan.chances.frame
    organic = frame.groupby("customer_id")["p_organic"].mean().reindex(log["customer_id"])
    if organic.isna().any():
        return None
    names = ["customer_id", *keys]
    table = frame[[*names, "p_contact"]].astype(dict.fromkeys(names, str)).drop_duplicates(names)
    done = log[names].astype(str).merge(table, on=names, how="left")["p_contact"].to_numpy(np.float64)
    base = organic.to_numpy(np.float64)
    rows = frame.iloc[plan.chances.rows]
    lift = pd.Series(plan.chances.probability * (rows["p_contact"] - rows["p_organic"]).to_numpy(np.float64))
    gained = lift.groupby(rows["customer_id"].to_numpy()).sum().reindex(log["customer_id"]).fillna(0.0).to_numpy()
    return np.where(np.isnan(done), base, done), base + gained
