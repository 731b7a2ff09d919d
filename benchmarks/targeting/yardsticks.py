"""Figures of an advice whose truth is known, and their paired intervals over markets.

Hides which figures are taken. One seed is one market, drawn anew; two arms are always compared on the same markets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.targeting.rivals import Advice, Stage
from graphrec.evaluation import (
    Interval,
    ate_bias,
    calibration_slope,
    mean_interval,
    qini_true,
    rank_value,
    rpehe,
    value_of_best,
)

__all__ = ["DECILES", "FIGURES", "Judged", "difference", "judge"]

FIGURES = {
    "share": "(x - random) / (oracle - random) of the top-1 advice of each customer",
    "CP@3": "true uplift of each customer's top 3, of the ideal",
    "Qini": "Qini coefficient on true uplifts: 1 oracle, 0 random",
    "best 10%": "true uplift of the best 10 % of all rows, of the ideal",
    "rPEHE": "root mean squared error of the uplift",
    "ATE bias": "mean predicted minus mean true uplift",
    "slope": "slope of true on predicted uplift: 1 calibrated, below 1 exaggerated",
    "cover": "share of nominal 90 % intervals that hold the true uplift",
}
DECILES = tuple(f"cover {i}" for i in range(1, 11))
"""The same by decile of the predicted uplift, the highest first."""
_WIDTH = 1.6449


@dataclass(frozen=True, eq=False)
class Judged:
    """Figures of one arm on one market; nan where a figure has no meaning."""

    figures: Mapping[str, float]


def judge(stage: Stage, advice: Advice) -> Judged:
    """All figures of one advice."""
    scores, uplift = advice.scores.ravel(), stage.truth["uplift"].to_numpy()
    per_customer = len(stage.sim.market.vocabulary.products) * len(stage.channels)
    customers = np.repeat(np.arange(len(scores) // per_customer), per_customer)
    figures = dict.fromkeys((*FIGURES, *DECILES), np.nan) | {
        "share": rank_value(scores, uplift, customers, 1).of_oracle,
        "CP@3": rank_value(scores, uplift, customers, 3).of_ideal,
        "Qini": qini_true(scores, uplift).coefficient,
        "best 10%": value_of_best(scores, uplift),
    }
    if advice.is_probability:
        figures["rPEHE"] = rpehe(scores, uplift)
        figures["ATE bias"] = ate_bias(scores, uplift)
        figures["slope"] = calibration_slope(scores, uplift, clusters=customers).slope if np.ptp(scores) else np.nan
    if advice.se is not None and np.isfinite(advice.se).all():
        held = np.abs(scores - uplift) <= _WIDTH * advice.se.ravel()
        figures["cover"] = float(held.mean())
        order = np.argsort(-scores, kind="stable")
        figures |= {name: float(held[part].mean()) for name, part in zip(DECILES, np.array_split(order, 10))}
    return Judged(figures)


def difference(figure: str, first: Sequence[Judged], second: Sequence[Judged]) -> Interval | None:
    """Student's interval of ``mean(first) - mean(second)`` over markets; None for fewer than two.

    The size of the bias is compared, not its sign. A bootstrap over fewer than about six markets is too narrow.
    """
    if len(first) < 2:
        return None
    return mean_interval(_values(figure, first) - _values(figure, second))


def _values(figure: str, judged: Sequence[Judged]) -> np.ndarray:
    values = np.array([one.figures[figure] for one in judged])
    return np.abs(values) if figure == "ATE bias" else values
