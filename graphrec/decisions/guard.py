r"""Is choosing by customer worth it? The model's policy against the best single action for everybody.

Hides how both are valued: on doubly robust scores of customers that neither the model nor the choice of the constant
has seen, by

.. math:: \frac{\sum_i w_i \left( \hat\Gamma_{i, \pi(x_i)} - \hat\Gamma_{i, c} \right)}{\sum_i w_i}

where the policy contacts through the channel of the largest predicted effect if that is above the cost, and nobody
otherwise. If the lower end of the difference is not above zero, the simple action is advised, and said so; rows are
never replaced in silence.

On a table of an experiment each row is a customer, and the constant is "everybody through c". In a market each row is
an opportunity (customer, offer, moment), and the constant is the same channel in all of them. Alternative considered:
comparing by the model's own predictions; it always finds that the model is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphrec.evaluation.intervals import mean_interval
from graphrec.learning.credibility.crossfit import LeftOut

__all__ = ["Guard", "compare_with_constant"]

_NOBODY = "nobody"


@dataclass(frozen=True)
class Guard:
    """The comparison.

    Attributes
    ----------
    constant : str
        Best single action: ``"nobody"`` or a channel for everybody; the choice of most folds.
    policy_value, constant_value : float
        Mean outcome less cost for each opportunity, in the outcome's unit.
    difference : float
        Policy minus constant.
    interval : tuple of float
        Two-sided interval of the difference, by customer.
    level : float
        Its confidence level.
    contacted : float
        Share of opportunities that the policy contacts.
    claimed : bool
        Whether there is an effect to choose by; False where it is not identifiable.
    unjudged : tuple of str
        Channels with too few contacts to be valued on customers left out: neither policy nor constant uses them.
    """

    constant: str
    policy_value: float
    constant_value: float
    difference: float
    interval: tuple[float, float]
    level: float
    contacted: float
    claimed: bool = True
    unjudged: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether choosing by customer is clearly better."""
        return self.claimed and self.interval[0] > 0

    @property
    def advised(self) -> str:
        """``"model"``, or the single action that is at least as good as far as the data show."""
        return "model" if self.passed else self.constant

    @property
    def sentence(self) -> str:
        """What it means, in plain English."""
        if not self.unjudged:
            return self._finding
        left = f"Left out for want of contacts, and not to be chosen by these data: {', '.join(self.unjudged)}."
        return f"{self._finding} {left}"

    @property
    def _finding(self) -> str:
        if not self.claimed:
            return "No effect can be learned from these data, so no choice by customer can be better than another."
        low, high = self.interval
        action = "contacting nobody" if self.constant == _NOBODY else f"contacting everybody through {self.constant}"
        if low == high == 0:
            return f"Choosing by customer comes to the same as {action}, which is simpler."
        found = f"{self.difference:+.4f} ({low:+.4f} to {high:+.4f}, {self.level:.0%})"
        if self.passed:
            return f"Choosing by customer beats {action} by {found} for each opportunity."
        return (
            f"Choosing by customer is not clearly better than {action}: {found} for each opportunity. Prefer the "
            "simple action, or collect more contacts drawn by lot."
        )


def compare_with_constant(
    left: LeftOut,
    channels: tuple[str, ...],
    *,
    cost: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> Guard:
    """Value the policy and the best constant action on customers left out.

    Parameters
    ----------
    left : LeftOut
        Predictions and doubly robust scores.
    channels : tuple of str
        In the order of the predictions.
    cost : mapping of str to float, optional
        Cost of a contact by channel in the outcome's unit; nothing by default.
    level : float
        Confidence level of the interval.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> effect = np.where(np.arange(900) % 2, 0.3, -0.3)[:, None]
    >>> values = np.column_stack([np.full(900, 0.5), 0.5 + effect]) + 0.1 * rng.normal(size=(900, 2))
    >>> some = np.ones((900, 1))
    >>> left = LeftOut(effect, values, some, some[:, 0], np.arange(900), np.arange(900) % 3)
    >>> compare_with_constant(left, ("mail",)).advised
    'model'
    """
    price = np.array([0.0, *((cost or {}).get(channel, 0.0) for channel in channels)])
    worth = left.values - price
    net = left.uplift - price[1:]
    chosen = np.where(net.max(axis=1) > 0, 1 + net.argmax(axis=1), 0)
    constant = np.empty(len(chosen), dtype=np.int64)
    for fold in np.unique(left.folds):
        others = left.folds != fold
        constant[~others] = np.argmax(np.average(worth[others], axis=0, weights=left.weights[others]))
    rows = np.arange(len(chosen))
    policy, simple = worth[rows, chosen], worth[rows, constant]
    found = mean_interval(policy - simple, clusters=left.clusters, weights=left.weights, level=level)
    usual = int(np.bincount(constant).argmax())
    return Guard(
        constant=(_NOBODY, *channels)[usual],
        policy_value=float(np.average(policy, weights=left.weights)),
        constant_value=float(np.average(simple, weights=left.weights)),
        difference=found.value,
        interval=(found.low, found.high),
        level=level,
        contacted=float(np.average(chosen > 0, weights=left.weights)),
    )
