"""Figures of an advice whose truth is known, and their paired intervals over markets.

Hides which figures are taken and what is resampled. One seed is one market, drawn anew; two arms are always compared
on the same markets. With several seeds whole markets are drawn (bootstrap over seeds), with one seed its customers
are, which says nothing about other markets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.rivals import Advice, Stage
from graphrec.evaluation import (
    Interval,
    RankedValue,
    ate_bias,
    bootstrap_difference,
    bootstrap_ratio,
    calibration_slope,
    mean_interval,
    qini_observed,
    qini_true,
    rank_value,
    rpehe,
    value_of_best,
)

__all__ = ["FIGURES", "Judged", "Trial", "difference", "judge", "run_trial", "student"]

FIGURES = {
    "share": "(x - random) / (oracle - random) of the top-1 advice of each customer",
    "CP@3": "true uplift of each customer's top 3, of the ideal",
    "CDCG": "the same for 10, discounted by place",
    "Qini": "Qini coefficient on true uplifts: 1 oracle, 0 random",
    "Qini obs": "Qini coefficient on a fresh randomised trial; the oracle's row is its ceiling",
    "best 10%": "true uplift of the best 10 % of all rows, of the ideal",
    "rPEHE": "root mean squared error of the uplift",
    "ATE bias": "mean predicted minus mean true uplift",
    "slope": "slope of true on predicted uplift: 1 calibrated, below 1 exaggerated",
}


@dataclass(frozen=True, eq=False)
class Trial:
    """A randomised experiment at the end of the market: every row contacted with probability one half."""

    treated: np.ndarray
    outcome: np.ndarray


@dataclass(frozen=True, eq=False)
class Judged:
    """Figures of one arm on one market (nan where a figure has no meaning), and its top-1 value by customer."""

    figures: Mapping[str, float]
    top: RankedValue


def run_trial(stage: Stage, rng: np.random.Generator) -> Trial:
    """Toss a coin for every (customer, offer, channel) and draw the outcome from the truth."""
    treated = rng.random(len(stage.truth)) < 0.5
    chance = np.where(treated, stage.truth["p_contact"], stage.truth["p_organic"])
    return Trial(treated, (rng.random(len(chance)) < chance).astype(np.float64))


def judge(stage: Stage, advice: Advice, trial: Trial) -> Judged:
    """All figures of one advice."""
    scores, uplift = advice.scores.ravel(), stage.truth["uplift"].to_numpy()
    per_customer = len(stage.sim.market.vocabulary.products) * len(stage.channels)
    customers = np.repeat(np.arange(len(scores) // per_customer), per_customer)
    top = rank_value(scores, uplift, customers, 1)
    figures = {
        "share": top.of_oracle,
        "CP@3": rank_value(scores, uplift, customers, 3).of_ideal,
        "CDCG": rank_value(scores, uplift, customers, 10, discounted=True).of_ideal,
        "Qini": qini_true(scores, uplift).coefficient,
        "Qini obs": qini_observed(scores, trial.outcome, trial.treated).coefficient,
        "best 10%": value_of_best(scores, uplift),
        "rPEHE": np.nan,
        "ATE bias": np.nan,
        "slope": np.nan,
    }
    if advice.is_probability:
        figures["rPEHE"] = rpehe(scores, uplift)
        figures["ATE bias"] = ate_bias(scores, uplift)
        figures["slope"] = calibration_slope(scores, uplift, clusters=customers).slope if np.ptp(scores) else np.nan
    return Judged(figures, top)


def difference(figure: str, first: Sequence[Judged], second: Sequence[Judged]) -> Interval | None:
    """Bootstrap interval of ``mean(first) - mean(second)``; the size of the bias is compared, not its sign.

    With one market there is an interval for the share only (over its customers); None otherwise.
    """
    if len(first) > 1:
        return bootstrap_difference(_values(figure, first), _values(figure, second), rng=0)
    if figure != "share":
        return None
    ours, theirs = first[0].top, second[0].top
    return bootstrap_ratio(ours.value - theirs.value, ours.ideal - ours.random, rng=0)


def student(figure: str, first: Sequence[Judged], second: Sequence[Judged]) -> Interval | None:
    """Interval of the same difference by Student's t, which is honest for few seeds; None for one."""
    if len(first) < 2:
        return None
    return mean_interval(_values(figure, first) - _values(figure, second))


def _values(figure: str, judged: Sequence[Judged]) -> np.ndarray:
    values = np.array([one.figures[figure] for one in judged])
    return np.abs(values) if figure == "ATE bias" else values
