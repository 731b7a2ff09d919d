"""The scale of habits: what is usual, how much customers differ, and how much of a difference is chance.

Hides the separation of the two. Every customer's visits are dealt by turns into two halves; what the halves of one
customer differ by is chance, and gives the variance of one observation of each habit, whatever correlates inside a
visit. What customers differ by beyond chance is real: it sets the scale, and a habit in which nobody differs beyond
chance is left out, as is one that repeats another.

On this scale a value is z with a known variance s of its own, and its shrunken form z / (1 + s) is the best guess of
the customer's true habit: a customer of three events is near the base, not an outlier (Efron and Morris 1975).

Alternative considered: dividing by the standard deviation. It blows chance up to the size of a habit, most of all for
customers with few events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.habitmeasures import HABITS, Habits, stabilise

__all__ = ["HabitScale", "Scaled", "learn_scale"]

_LEAST_RELIABILITY = 0.05
_LEAST_COVERAGE = 0.05
_REPEATED = 0.95
_FARTHEST = 6.0
_WORST = 1e6


@dataclass(frozen=True, eq=False)
class Scaled:
    """Habits on the common scale.

    Attributes
    ----------
    z : (n, f) float64
        Differences from the base in units of how much customers truly differ.
    noise : (n, f) float64
        Variance of each by chance; a million where there is no evidence.
    """

    z: NDArray[np.float64]
    noise: NDArray[np.float64]

    @property
    def shrunken(self) -> NDArray[np.float64]:
        """Best guess of the true habits, (n, f)."""
        return np.asarray(self.z / (1.0 + self.noise))

    def rows(self, which: NDArray[np.generic]) -> Scaled:
        """Some of the customers."""
        return Scaled(self.z[which], self.noise[which])


@dataclass(frozen=True, eq=False)
class HabitScale:
    """What is usual and what is chance.

    Attributes
    ----------
    pooled : (all habits,) float64
        Mean over all observations, towards which shares of few events are drawn.
    used : (f,) int64
        Columns of the habits that are used.
    base, spread : (f,) float64
        Mean and true standard deviation over customers.
    chance : (f,) float64
        Variance of one observation.
    table : pandas.DataFrame
        habit, base, spread, chance, reliability (share of the variance between the customers that is no chance),
        used, reason: one row for each habit.
    """

    pooled: NDArray[np.float64]
    used: NDArray[np.int64]
    base: NDArray[np.float64]
    spread: NDArray[np.float64]
    chance: NDArray[np.float64]
    table: pd.DataFrame

    @property
    def names(self) -> tuple[str, ...]:
        """Habits that are used."""
        return tuple(np.array(list(HABITS), dtype=object)[self.used])

    def values(self, habits: Habits) -> NDArray[np.float64]:
        """Stabilised values of the habits that are used, not yet on the scale."""
        return stabilise(habits, self.pooled)[:, self.used]

    def apply(self, habits: Habits) -> Scaled:
        """Put habits on the scale."""
        n = habits.evidence[:, self.used]
        z = np.maximum(np.minimum((self.values(habits) - self.base) / self.spread, _FARTHEST), -_FARTHEST)
        noise = np.minimum(self.chance / self.spread**2 / np.maximum(n, 1e-9), _WORST)
        return Scaled(np.where(n > 0, z, 0.0), np.where(n > 0, noise, _WORST))


def learn_scale(habits: Habits, halves: Habits) -> HabitScale:
    """Measure base, spread and chance of each habit, and select the habits that tell customers apart.

    Parameters
    ----------
    habits : Habits of n customers
    halves : Habits of 2n
        Rows 2i and 2i + 1 are the halves of customer i.
    """
    pooled = (habits.plain * habits.evidence).sum(0) / np.maximum(habits.evidence.sum(0), 1e-9)
    value, half_value = stabilise(habits, pooled), stabilise(halves, pooled)
    rows = []
    for j, name in enumerate(HABITS):
        chance = _chance(half_value[:, j], halves.evidence[:, j])
        base, spread, reliability, coverage = _moments(value[:, j], habits.evidence[:, j], chance)
        reason = ""
        if coverage < _LEAST_COVERAGE:
            reason = "hardly any customer shows it"
        elif spread < 1e-6:
            reason = "the same for all customers, but for chance"
        elif reliability < _LEAST_RELIABILITY:
            reason = "customers differ in it by little more than chance"
        rows.append({"habit": name, "base": base, "spread": spread, "chance": chance, "reliability": reliability,
                     "coverage": coverage, "used": not reason, "reason": reason})  # fmt: skip
    table = pd.DataFrame(rows)
    _drop_repeated(table, value, habits.evidence)
    used = np.flatnonzero(table["used"].to_numpy(bool))
    figures = [table[name].to_numpy(np.float64)[used] for name in ("base", "spread", "chance")]
    return HabitScale(pooled, used, figures[0], figures[1], figures[2], table)


def _chance(value: NDArray[np.float64], evidence: NDArray[np.float64]) -> float:
    """Variance of one observation, from what two halves of a customer differ by."""
    a, b, n, m = value[::2], value[1::2], evidence[::2], evidence[1::2]
    both = (n > 0) & (m > 0)
    if both.sum() < 10:
        return 0.25
    weight = 1 / (1 / n[both] + 1 / m[both])
    squares = (a[both] - b[both]) ** 2 * weight
    # Weighted towards customers with evidence, where the stabilised values have the variance they are meant to have.
    return float(max(np.average(squares, weights=np.minimum(weight, 10.0)), 1e-9))


def _moments(
    value: NDArray[np.float64], evidence: NDArray[np.float64], chance: float
) -> tuple[float, float, float, float]:
    """Base, true spread, reliability and coverage, by moments with weights that are iterated twice."""
    seen = evidence > 0
    if seen.sum() < 3:
        return 0.0, 0.0, 0.0, float(seen.mean()) if len(seen) else 0.0
    x, noise = value[seen], chance / evidence[seen]
    true = max(float(np.var(x)) - float(noise.mean()), 1e-4 * float(np.var(x)))
    for _ in range(3):
        weight = 1 / (true + noise)
        base = float(np.average(x, weights=weight))
        excess = float(np.average((x - base) ** 2 - noise, weights=weight**2))
        true = max(excess, 1e-4 * float(np.var(x)), 1e-14)
    reliability = float(np.mean(true / (true + noise)))
    return base, float(np.sqrt(true)), reliability, float(seen.mean())


def _drop_repeated(table: pd.DataFrame, value: NDArray[np.float64], evidence: NDArray[np.float64]) -> None:
    """Of two habits that say the same, keep the more reliable one."""
    order = table[table["used"]].sort_values("reliability", ascending=False).index.to_numpy()
    kept: list[int] = []
    for j in order:
        for i in kept:
            both = (evidence[:, i] > 0) & (evidence[:, j] > 0)
            if both.sum() < 30:
                continue
            x, y = value[both, i], value[both, j]
            if x.std() > 0 and y.std() > 0 and abs(np.corrcoef(x, y)[0, 1]) > _REPEATED:
                table.loc[int(j), "used"] = False
                table.loc[int(j), "reason"] = f"says the same as {list(HABITS)[i]}"
                break
        else:
            kept.append(int(j))
