"""A finished plan: contacts, certificate, what every rule costs, who gets nothing, and the sentences that say so.

Hides the wording. What the plan holds is made in `graphrec.decisions.policy`; prices and customers who get nothing are
tables, so that a report shows what a program reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.arms import EXPLORATION, HOLDOUT
from graphrec.decisions.planning.contactpolicy import ContactPolicy

if TYPE_CHECKING:
    from graphrec.decisions.planning.desk import Decision, Desk, Tariff

__all__ = ["CUSTOMER_LIMIT", "Chances", "Plan"]

CUSTOMER_LIMIT = "max_contacts_per_customer"


def _no_rules() -> pd.DataFrame:
    return pd.DataFrame({"rule": [], "kind": [], "amount": [], "used": [], "price": [], "sentence": []})


def _nobody() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [], "reason": [], "net_value": []})


@dataclass(frozen=True, eq=False)
class Chances:
    """Probability of being contacted, for some rows of the scores in canonical order."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    probability: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plan:
    """A contact plan and its certificate.

    Attributes
    ----------
    contacts : pandas.DataFrame
        The columns of the scores, `propensity` (probability, before the draw, of what was done) and `arm`: ``plan`` and
        ``exploration`` are to be made, ``holdout`` was chosen by the plan and is **not** to be made. See `outgoing`.
    value : float
        Expected net value of the contacts to be made, in the currency of the scores.
    planned_value : float
        Net value of the plan before customers were held out or explored.
    bound : float
        No plan of the rows given is worth more than this under these rules, the room of exploration set aside; rows
        that were not given may be.
    gap : float
        ``(bound - planned_value) / bound``: the most that a better plan could add, relative.
    shadow_prices : mapping of str to float
        What one more unit of each limit is worth: ``budget`` per unit of money spent, ``channel_capacity[email]`` per
        contact. Of a minimum it is negative: what one contact more to be made would cost.
    binding : tuple of str
        Limits that cost something.
    left_out : pandas.DataFrame
        Columns reason, candidates, net_value: how many candidates are not in `contacts`, and why.
    policy : ContactPolicy
        The rules.
    rules : pandas.DataFrame
        One row for each rule: rule, kind (``shared``, ``customer`` or ``candidate``), amount, used, price, sentence.
        The price of a shared limit is that of one more unit; of a customer's limit, what one more for every customer
        would add at most; of a rule about candidates, what the plan could gain at most without it. All in money.
    nothing : pandas.DataFrame
        Customers with candidates who get none: customer_id, reason (of their best candidate), net_value (its value).
    """

    contacts: pd.DataFrame
    value: float
    planned_value: float
    bound: float
    gap: float
    shadow_prices: Mapping[str, float]
    binding: tuple[str, ...]
    left_out: pd.DataFrame
    policy: ContactPolicy
    rules: pd.DataFrame = field(default_factory=_no_rules)
    nothing: pd.DataFrame = field(default_factory=_nobody)
    chances: Chances | None = field(default=None, repr=False)
    tariff: Tariff | None = field(default=None, repr=False)

    @property
    def outgoing(self) -> pd.DataFrame:
        """The contacts to be made: all but the hold-out."""
        return self.contacts[self.contacts["arm"] != HOLDOUT].reset_index(drop=True)

    @cached_property
    def value_range(self) -> tuple[float, float] | None:
        """Net value with the effect of every contact to be made at the lower, and at the upper end of its interval.

        Wider than an interval of the sum would be if the errors of effects were independent. They are not: effects are
        learned together, so one wrong coefficient moves all of them the same way. None where the scores have no
        intervals or rest on no effect.
        """
        sent = self.outgoing
        if "basis" in sent and not (sent["basis"] == "effect").all():
            return None
        if sent.empty or not {"uplift", "uplift_low", "uplift_high", "value"} <= set(sent.columns):
            return None
        ends = (
            sent["net_value"] + sent["value"] * (sent[end] - sent["uplift"]) for end in ("uplift_low", "uplift_high")
        )
        low, high = (float(end.sum()) for end in ends)
        return (low, high) if np.isfinite([low, high]).all() else None

    @cached_property
    def probabilities(self) -> pd.DataFrame:
        """Probability of every contact that the plan, its hold-out and its exploration could lead to.

        Columns customer_id, the offer's, channel and slot where the scores have them, and probability; candidates that
        are not in it have probability 0. This is what an off-policy estimate needs of the policy it judges.
        """
        if self.chances is None:
            return pd.DataFrame()
        possible = self.chances.probability > 0
        frame = self.chances.frame.iloc[self.chances.rows[possible]]
        keys = [name for name in ("customer_id", "product_id", "offer_id", "channel", "slot") if name in frame]
        return frame[keys].assign(probability=self.chances.probability[possible]).reset_index(drop=True)

    @cached_property
    def desk(self) -> Desk:
        """Where customers are decided one by one at the prices of this plan; made once, safe for several threads."""
        from graphrec.decisions.planning.desk import Desk

        if self.tariff is None:
            raise ValueError("this plan was not made by allocate, so it has no prices to decide by")
        return Desk(self.tariff, self.policy)

    def decide(self, customer: Any, candidates: Any, *, elapsed: float | None = None) -> Decision:
        """Decide one customer now at the plan's prices; see `graphrec.decisions.planning.desk.Desk.decide`."""
        return self.desk.decide(customer, candidates, elapsed=elapsed)

    def summary(self) -> list[str]:
        """The plan in sentences, for a report."""
        return [*self._worth(), *self._limits(), *self._arms(), *self._exclusions()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values of everything but the contacts, for JSON."""
        return {
            "contacts": len(self.outgoing),
            "customers": int(self.outgoing["customer_id"].nunique()),
            "value": self.value,
            "value_range": None if self.value_range is None else list(self.value_range),
            "planned_value": self.planned_value,
            "bound": self.bound,
            "gap": self.gap,
            "shadow_prices": dict(self.shadow_prices),
            "binding": list(self.binding),
            "left_out": self.left_out.to_dict(orient="records"),
            "customers_with_nothing": {
                str(reason): int(customers) for reason, customers in self.nothing["reason"].value_counts().items()
            },
            "prices": self.rules[["rule", "kind", "price", "sentence"]].to_dict(orient="records"),
            "policy": self.policy.to_dict(),
        }

    def _worth(self) -> list[str]:
        sent = self.outgoing
        if sent.empty:
            return ["No contact is worth making under these rules."]
        randomised = self.policy.holdout > 0 or self.policy.exploration > 0
        before = f"Before hold-out and exploration it is {self.planned_value:,.2f}. " if randomised else ""
        return [
            f"Make {len(sent):,} contacts with {sent['customer_id'].nunique():,} customers, for an expected net value "
            f"of {self.value:,.2f}.",
            *self._doubt(),
            f"{before}No plan from these scores under these rules is worth more than {self.bound:,.2f} "
            f"(gap {self.gap:.4%}).",
        ]

    def _doubt(self) -> list[str]:
        if self.value_range is None:
            return []
        low, high = self.value_range
        return [
            f"With all effects at the ends of their intervals it is {low:,.2f} to {high:,.2f}: effects are learned "
            "together, so their errors can go the same way. A plan takes what looks best, so expect less rather than "
            "more."
        ]

    def _limits(self) -> list[str]:
        lines = [
            f"{row['rule']}: {row['sentence']}"
            for row in self.rules.to_dict(orient="records")
            if row["kind"] == "shared" and row["rule"] in self.binding
        ]
        if CUSTOMER_LIMIT in self.binding:
            lines.append("The limit of contacts per customer leaves valuable contacts out.")
        return lines

    def _arms(self) -> list[str]:
        lines = []
        held = self.contacts[self.contacts["arm"] == HOLDOUT]
        if len(held):
            lines.append(
                f"{held['customer_id'].nunique():,} customers of the plan are held out, to measure its effect."
            )
        explored = int((self.contacts["arm"] == EXPLORATION).sum())
        if explored:
            lines.append(f"{explored:,} contacts are drawn at random, so that later models learn without bias.")
        elif self.policy.exploration > 0:
            lines.append(
                "No contact is random: the explorers' share of the limits is too small or the lot fell on nobody."
            )
        return lines

    def _exclusions(self) -> list[str]:
        rows = self.left_out.to_dict(orient="records")
        told = ", ".join(f"{row['candidates']:,} ({row['reason']})" for row in rows)
        return [f"Candidates left out: {told}."] if told else []
