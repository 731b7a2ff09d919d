"""Two policies against each other on a simulated market: a trial that a company would have to run for months.

Hides the draw of the outcomes. Customers are split by a keyed hash, every group is planned under its own policy with
its share of the amounts, and what follows is drawn from the truth. Because the truth is known, the table also holds
what a trial never shows: the true value of each plan, and how far it is from that of a clairvoyant who knows every
effect (regret). An interval of the observed difference that misses the true one more often than its level says is a
broken trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from graphrec.decisions.planning.arms import hash_uniform
from graphrec.decisions.planning.clauses import PolicyError
from graphrec.decisions.planning.contactpolicy import ContactPolicy

if TYPE_CHECKING:
    from graphrec.market.simulation.truth import Truth
    from graphrec.market.tables import Market

__all__ = ["Trial", "simulated_trial"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trial:
    """What a trial shows, and what is true.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each policy: policy, customers, contacts, observed (mean value per customer, organic purchases
        included), expected (value promised by the scores, per customer), true (value that the contacts really add, per
        customer), clairvoyant (the most that any plan could add, per customer), regret (1 - true / clairvoyant).
    difference : float
        Observed mean of the second policy less that of the first.
    interval : (float, float)
        Of the difference.
    true_difference : float
    """

    table: pd.DataFrame
    difference: float
    interval: tuple[float, float]
    true_difference: float


def simulated_trial(
    scores: pd.DataFrame,
    truth: Truth,
    policies: Mapping[str, ContactPolicy],
    *,
    market: Market | None = None,
    at: Any = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Trial:
    """Run two policies on two random halves of the customers.

    Parameters
    ----------
    scores : pandas.DataFrame
        What is believed, with value, cost, uplift, product_id and channel for each customer.
    truth : Truth
        Of a simulated market.
    policies : mapping of two names to ContactPolicy
        Amounts are for all customers; each half gets half.
    market, at
        As in `graphrec.allocate`; `at` is the decision time of the truth as well.
    rng : int, Generator or None

    Returns
    -------
    Trial
    """
    from graphrec.decisions.policy import allocate

    if len(policies) != 2:
        raise PolicyError(f"policies has {len(policies)} entries; a trial compares two")
    split, draws, seeds = np.random.default_rng(rng).spawn(3)
    real = _true_rows(scores, truth, at)
    ids = scores["customer_id"].drop_duplicates().to_numpy()
    order = np.argsort(hash_uniform(ids, int(split.integers(0, 1 << 62))))
    halves = np.array_split(ids[order], 2)
    rows, means, spreads = [], [], []
    for (name, policy), half in zip(policies.items(), halves):
        mine = scores["customer_id"].isin(half).to_numpy()
        rules, seed = _half(policy), int(seeds.integers(0, 1 << 31))
        plan = allocate(scores[mine], rules, market, at=at, rng=seed)
        ideal = allocate(real[mine], replace(rules, holdout=0.0, exploration=0.0, caution=0.0), market, at=at, rng=seed)
        added, observed = _follow(plan.outgoing, real[mine], half, draws)
        means.append(observed.mean())
        spreads.append(observed.var(ddof=1) / len(half))
        rows.append(
            {
                "policy": name, "customers": len(half), "contacts": len(plan.outgoing), "observed": observed.mean(),
                "expected": plan.value / len(half), "true": added / len(half), "clairvoyant": ideal.bound / len(half),
                "regret": 1 - added / ideal.bound if ideal.bound > 0 else 0.0,
            }
        )  # fmt: skip
    difference, margin = float(means[1] - means[0]), float(norm.ppf(0.5 + level / 2) * np.sqrt(sum(spreads)))
    table = pd.DataFrame(rows)
    true = float(table["true"].iloc[1] - table["true"].iloc[0])
    return Trial(table, difference, (difference - margin, difference + margin), true)


def _true_rows(scores: pd.DataFrame, truth: Truth, at: Any) -> pd.DataFrame:
    """The scores with the true probabilities in place of the believed ones."""
    known = truth.outcomes_of_rows(scores["customer_id"], scores["product_id"], at)
    names = [f"p_contact[{channel}]" for channel in scores["channel"]]
    place = known.columns.get_indexer(pd.Index(names))
    contact = known.to_numpy()[np.arange(len(known)), place]
    organic = known["p_organic"].to_numpy()
    money = scores["value"].to_numpy(np.float64)
    net = money * (contact - organic) - scores["cost"].to_numpy(np.float64)
    return scores.assign(p_organic=organic, p_contact=contact, uplift=contact - organic, net_value=net, grade="A")


def _follow(
    sent: pd.DataFrame, real: pd.DataFrame, half: NDArray[Any], rng: np.random.Generator
) -> tuple[float, Floats]:
    """What the contacts truly add in all, and the drawn value of each customer: purchases less costs."""
    keys = ["customer_id", "product_id", "channel"]
    truth = real.drop_duplicates(keys)
    made = sent[keys].merge(truth, on=keys, how="left")
    added = float(made["net_value"].sum())
    pairs = truth.drop_duplicates(keys[:2])
    told = pairs[keys[:2]].merge(made[[*keys[:2], "p_contact", "cost"]], on=keys[:2], how="left")
    chance = np.where(told["p_contact"].isna(), pairs["p_organic"], told["p_contact"])
    bought = rng.random(len(pairs)) < chance
    money = bought * pairs["value"].to_numpy(np.float64) - told["cost"].fillna(0.0).to_numpy(np.float64)
    place = pd.Index(half).get_indexer(pd.Index(pairs["customer_id"]))
    return added, np.bincount(place, money, minlength=len(half)).astype(np.float64)


def _half(policy: ContactPolicy) -> ContactPolicy:
    """The policy with half of every amount; rates and limits of a customer stay."""

    def halved(amounts: Mapping[str, int] | None) -> dict[str, int] | None:
        return None if amounts is None else {name: int(n // 2) for name, n in amounts.items()}

    slots = policy.slot_capacity
    return replace(
        policy,
        channel_capacity=halved(policy.channel_capacity),
        slot_capacity=None if slots is None else {channel: halved(by) or {} for channel, by in slots.items()},
        stock=policy.stock if policy.stock is None or isinstance(policy.stock, str) else halved(policy.stock),
        minimum_exposure=halved(policy.minimum_exposure),
        budget=None if policy.budget is None else policy.budget / 2,
    )
