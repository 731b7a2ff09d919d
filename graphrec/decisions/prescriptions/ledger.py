"""Means of promises over groups of customers, with intervals that respect what the promises share.

Hides covariance. Promises of different customers come from one fitted surface, so their errors do not average out; the
mean of their gradients gives the error of the mean. Of contacts only intervals are known, and their errors are taken
as one and the same, which is on the safe side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from graphrec.decisions.prescriptions.constantaction import ConstantAction
from graphrec.decisions.prescriptions.movechoice import Moves, Option
from graphrec.decisions.prescriptions.weighing import Weighing

__all__ = ["Ledger", "Tally"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """Means over customers, those who are left alone counting as 0.

    Attributes
    ----------
    acting : float
        Share of the customers that are moved.
    effect, low, high : float
        Mean change of the outcome with its interval.
    cost, net_value, net_low, net_high : float
        Mean money.
    """

    acting: float
    effect: float
    low: float
    high: float
    cost: float
    net_value: float
    net_low: float
    net_high: float


@dataclass(frozen=True, eq=False)
class Ledger:
    """What was promised to whom.

    Attributes
    ----------
    promise : Weighing or None
        The surface behind the levers' promises.
    frame : pandas.DataFrame, n rows
        The rows, without gaps.
    value : numpy.ndarray, shape (n,)
        Money for one unit of the outcome.
    moves : Moves
    constant : ConstantAction or None
    contact : str
        Column of the contact.
    contact_reach : mapping of str to numpy.ndarray, shape (n,)
        Half the width of the interval of each channel's effect.
    level : float
    """

    promise: Weighing | None
    frame: pd.DataFrame
    value: Floats
    moves: Moves
    constant: ConstantAction | None
    contact: str
    contact_reach: Mapping[str, Floats]
    level: float

    def tally(self, rows: Ints, chosen: Ints) -> Tally:
        """Means over rows, each with the option given for it (-1 for none)."""
        parts = [(option, rows[chosen == k]) for k, option in enumerate(self.moves.options)]
        return self._sum([(option, own) for option, own in parts if len(own)], rows)

    def tally_constant(self, rows: Ints) -> Tally:
        """Means over rows when all of them get the constant action."""
        if self.constant is None:
            return self._sum([], rows)
        return self._sum([(self.constant.option, rows[self.constant.moved[rows]])], rows)

    def _sum(self, parts: list[tuple[Option, Ints]], rows: Ints) -> Tally:
        n = max(len(rows), 1)
        effect = cost = money = reach = money_reach = 0.0
        slope, money_slope = 0.0 * self._nothing(), 0.0 * self._nothing()
        for option, own in parts:
            value = self.value[own]
            effect += float(option.change[own].sum()) / n
            cost += float(option.cost[own].sum()) / n
            money += float((value * option.change[own]).sum()) / n
            for place, column in enumerate(option.columns):
                if column == self.contact:
                    wide = np.array(
                        [self.contact_reach[str(to)][row] for row, to in zip(own, option.after[place][own])]
                    )
                    reach += float(wide.sum()) / n
                    money_reach += float((np.abs(value) * wide).sum()) / n
            steps = self._gradient(option, own)
            slope = slope + steps.sum(axis=0) / n
            money_slope = money_slope + (value[:, None] * steps).sum(axis=0) / n
        reach = float(np.hypot(reach, self._spread(slope)))
        money_reach = float(np.hypot(money_reach, self._spread(money_slope)))
        net = money - cost
        acting = sum(len(own) for _, own in parts) / n
        return Tally(acting, effect, effect - reach, effect + reach, cost, net, net - money_reach, net + money_reach)

    def _nothing(self) -> Floats:
        return np.zeros(0 if self.promise is None else len(self.promise.surface.slopes))

    def _gradient(self, option: Option, rows: Ints) -> Floats:
        targets: dict[str, Any] = {
            column: after[rows] for column, after in zip(option.columns, option.after) if column != self.contact
        }
        if self.promise is None or not targets or not len(rows):
            return np.zeros((len(rows), len(self._nothing())))
        start, used, end = self.promise.units(self.frame, targets, rows)
        return self.promise.surface.gradient(start[used], end)

    def _spread(self, slope: Floats) -> float:
        if self.promise is None or not len(slope):
            return 0.0
        variance = float(slope @ self.promise.surface.covariance @ slope)
        return float(norm.ppf(0.5 + self.level / 2)) * float(np.sqrt(max(variance, 0.0)))
