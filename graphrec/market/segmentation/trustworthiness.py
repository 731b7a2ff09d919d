"""From how many events on a customer's segment can be trusted, whether it holds over the months, and who assigns best.

Hides three measurements that share one idea: look again at customers whose whole history is rich, with less of it.
The reliability curve truncates them to their first n events and compares the segment with that of the full history.
The months compare each customer's segment of one month with that of the next. The rivals (nearest neighbours, a tree,
a support vector machine) learn the segments of the full histories and are asked the truncated ones.

Alternative considered: a rule of thumb such as ten events. Well-separated segments need ten, close ones fifty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.eventtable import EventTable
from graphrec.market.segmentation.habitmeasures import Habits, Prices, measure_habits
from graphrec.market.segmentation.habitscale import HabitScale
from graphrec.market.segmentation.mixture import Mixture

__all__ = [
    "STEPS", "Curve", "Yardstick", "compare_assigners", "compare_months", "judge_stability", "measure_reliability",
    "who_stays",
]  # fmt: skip

STEPS = (2, 3, 5, 8, 10, 15, 20, 30, 50, 80, 120)
_LEAST_RICH = 30
_MOST_RICH = 2_000
_UNMEASURED = 10
_MONTH = 30 * 86_400
_BLOCK = 8_192
_LEAST_SEEN = 5


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Everything it takes to assign: prices, scale and mixture."""

    prices: Prices
    scale: HabitScale
    mixture: Mixture

    def posterior(self, table: EventTable) -> NDArray[np.float64]:
        """Probability of each segment, (customers, k)."""
        return self.of_habits(measure_habits(table, self.prices))

    def of_habits(self, habits: Habits) -> NDArray[np.float64]:
        """Probability of each segment, (customers, k), of habits that are measured already."""
        found = np.empty((len(habits.events), self.mixture.size))
        for low in range(0, len(found), _BLOCK):  # a block of customers stays in the cache
            found[low : low + _BLOCK] = self.mixture.posterior(self.scale.apply(habits.rows(slice(low, low + _BLOCK))))
        return found


@dataclass(frozen=True, eq=False)
class Curve:
    """The reliability curve.

    Attributes
    ----------
    table : pandas.DataFrame
        events, agreement (share of rich customers whose truncated history gives the segment of the full one), low and
        high (95 % interval), probability (mean of the posterior), customers.
    minimum_events : int
    reached : bool
        Whether the wished agreement is reached within the data.
    rich_events : int
        Events of a customer that counts as rich.
    """

    table: pd.DataFrame
    minimum_events: int
    reached: bool
    rich_events: int


def measure_reliability(table: EventTable, by: Yardstick, wished: float, rng: np.random.Generator) -> Curve:
    """Measure the curve on rich customers and read the minimum number of events off it.

    Parameters
    ----------
    table : EventTable
    by : Yardstick
    wished : float
        Agreement that the minimum number of events must reach.
    rng : numpy.random.Generator
        Draws rich customers where there are very many.

    Notes
    -----
    Assumes that the full history of a rich customer is right. Where segments are close, it is not always, and the true
    agreement is a little lower than the curve.
    """
    rich, least = _rich(table, rng)
    if by.mixture.size == 1 or len(rich) < _LEAST_RICH:
        empty = pd.DataFrame(columns=["events", "agreement", "low", "high", "probability", "customers"])
        return Curve(empty, 1 if by.mixture.size == 1 else _UNMEASURED, by.mixture.size == 1, least)
    whole = table.of_customers(rich)
    truth = by.posterior(whole).argmax(1)
    rows = []
    for n in [n for n in STEPS if n <= least]:
        posterior = by.posterior(whole.first(n))
        agreement = float((posterior.argmax(1) == truth).mean())
        half = 1.96 * np.sqrt(max(agreement * (1 - agreement), 1e-4) / len(rich))
        rows.append({"events": n, "agreement": agreement, "low": max(0.0, agreement - half),
                     "high": min(1.0, agreement + half), "probability": float(posterior.max(1).mean()),
                     "customers": len(rich)})  # fmt: skip
    found = pd.DataFrame(rows)
    enough = found[found["agreement"] >= wished]["events"].to_numpy()
    reached = len(enough) > 0
    return Curve(found, int(enough[0]) if reached else int(found["events"].iloc[-1]), reached, least)


def _rich(table: EventTable, rng: np.random.Generator) -> tuple[NDArray[np.int64], int]:
    """Customers with the most events: 80 of them where enough customers have as many, otherwise fewer."""
    counts = table.counts
    for least in (80, 50, 30, 20, 15, 10):
        if (counts >= least).sum() >= max(100, 0.02 * len(counts)):
            break
    found = np.flatnonzero(counts >= least)
    if len(found) > _MOST_RICH:
        found = np.sort(rng.choice(found, _MOST_RICH, replace=False))
    return found, least


def compare_months(table: EventTable, by: Yardstick, minimum: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Segments of the same customers in consecutive spans of 30 days.

    Returns
    -------
    stability : pandas.DataFrame
        month (of the second span, 1 is the first one), customers (with enough events in both), agreement, chance
        (agreement of two independent draws), kappa.
    migration : pandas.DataFrame
        From (rows) and to (columns) segment, counts over all pairs of months.
    """
    k = by.mixture.size
    moved = np.zeros((k, k))
    rows: list[dict[str, float]] = []
    month = (table.second - table.second.min()) // _MONTH if len(table) else table.second
    months = int(month.max()) + 1 if len(table) else 0
    before: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None
    for i in range(months):
        part = table.only(month == i)
        label, enough = np.zeros(len(part.customers), dtype=np.int64), part.counts >= minimum
        label[enough] = by.posterior(part.of_customers(np.flatnonzero(enough))).argmax(1)
        if before is not None and (both := enough & before[1]).sum() >= 10:
            counts = np.bincount(before[0][both] * k + label[both], minlength=k * k).reshape(k, k)
            moved += counts
            rows.append({"month": i + 1, "customers": int(both.sum())} | _agreement(counts))
        before = (label, enough)
    names = np.arange(1, k + 1)
    columns = ["month", "customers", "agreement", "chance", "kappa"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(moved.astype(np.int64), index=names, columns=names)


def _agreement(counts: NDArray[np.int64]) -> dict[str, float]:
    share = counts / counts.sum()
    same, chance = float(np.trace(share)), float(share.sum(1) @ share.sum(0))
    return {"agreement": same, "chance": chance, "kappa": (same - chance) / (1 - chance) if chance < 1 else 1.0}


def who_stays(migration: pd.DataFrame) -> pd.DataFrame:
    """Of the customers of each segment, who is still there 30 days later, and where most of the others are.

    Returns
    -------
    pandas.DataFrame
        segment, seen (customers measured in both spans), stays (share), goes_to (segment), goes (share) and fleeting:
        more than half of at least five customers have left.

    Examples
    --------
    >>> moved = pd.DataFrame([[90, 10], [8, 2]], index=[1, 2], columns=[1, 2])
    >>> who_stays(moved)[["segment", "stays", "goes_to", "fleeting"]].values.tolist()
    [[1, 0.9, 2, False], [2, 0.2, 1, True]]
    """
    counts = migration.to_numpy(np.float64)
    seen, names = counts.sum(1), migration.index.to_numpy()
    share = counts / np.maximum(seen, 1)[:, None]
    others = share - np.diag(np.diag(share) + 1)
    stays = np.where(seen > 0, np.diag(share), np.nan)
    return pd.DataFrame({
        "segment": names, "seen": seen.astype(np.int64), "stays": stays, "goes_to": names[others.argmax(1)],
        "goes": others.max(1), "fleeting": (seen >= _LEAST_SEEN) & (stays < 0.5),
    })  # fmt: skip


def judge_stability(jaccard: NDArray[np.float64], migration: pd.DataFrame) -> pd.DataFrame:
    """Whether each segment comes back in bootstraps (Hennig's reading of a mean Jaccard overlap) and keeps customers.

    Returns
    -------
    pandas.DataFrame
        segment, jaccard, verdict ("stable", "a pattern", "doubtful", or "does not last") and stays, the share of its
        customers who are there 30 days later (missing where nobody was seen in two spans).
    """
    after = who_stays(migration)
    read = np.where(jaccard >= 0.75, "stable", np.where(jaccard >= 0.6, "a pattern", "doubtful"))
    verdict = np.where(after["fleeting"], "does not last", read)
    return pd.DataFrame({"segment": after["segment"], "jaccard": jaccard, "verdict": verdict, "stays": after["stays"]})


def compare_assigners(table: EventTable, by: Yardstick, minimum: int, rng: np.random.Generator) -> pd.DataFrame:
    """Who finds the segment of the full history from the first events.

    Half of the rich customers teach k-NN, a tree and an SVM their segments and full habits; the other half is asked
    with its first ``minimum`` events.

    Returns
    -------
    pandas.DataFrame
        method, agreement, customers; empty where there are too few rich customers.
    """
    rich, _ = _rich(table, rng)
    if by.mixture.size == 1 or len(rich) < 2 * _LEAST_RICH:
        return pd.DataFrame(columns=["method", "agreement", "customers"])
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    whole = table.of_customers(rich)
    full, brief = (by.scale.apply(measure_habits(t, by.prices)) for t in (whole, whole.first(minimum)))
    truth, teach = by.mixture.posterior(full).argmax(1), rng.random(len(rich)) < 0.5
    found = [("posterior of the mixture", by.mixture.posterior(brief).argmax(1)[~teach])]
    rivals = {
        "k-nearest neighbours": KNeighborsClassifier(15),
        "tree": DecisionTreeClassifier(max_depth=6, min_samples_leaf=5, random_state=0),
        "support vector machine": SVC(),
    }
    if len(np.unique(truth[teach])) > 1:
        for name, rival in rivals.items():
            found.append((name, rival.fit(full.shrunken[teach], truth[teach]).predict(brief.shrunken[~teach])))
    rows = [
        {"method": m, "agreement": float((g == truth[~teach]).mean()), "customers": int((~teach).sum())}
        for m, g in found
    ]
    return pd.DataFrame(rows)
