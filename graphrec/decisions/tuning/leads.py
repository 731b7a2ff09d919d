r"""Which leads over the default are more than the luck of having looked at many candidates.

Hides the largest of many chances. Each lead is a mean over groups of customers with a standard error; had all
candidates been worth the default, the largest of their leads would still be two or more standard errors, and how many
depends on how many were tried and how alike they are. The bound is the quantile of

.. math:: \max_c \; \frac{\sum_g \varepsilon_g r_{cg}}{se_c}, \qquad \varepsilon_g \sim N(0, 1)

where :math:`r_{cg}` is what group g adds to the lead of candidate c, less the mean: the same draws for all, so
candidates that choose alike count as one (White 2000, "A reality check for data snooping"; Romano & Wolf 2005 for the
studentised form). Alternatives considered: a lead of one standard error, which every second study of twenty candidates
shows by chance; Bonferroni, which takes forty settings of one learner for forty learners; one half of the customers to
choose on and the other to confirm, whose standard errors are 1.4 times as large; shrinking all leads to their mean
(empirical Bayes), which with a dozen candidates mostly shrinks them to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphrec.decisions.tuning.scored import LEVEL, Score
from graphrec.decisions.tuning.trialbook import Trial
from graphrec.evaluation.offpolicy import MINIMUM_POSITIVE_EVENTS

__all__ = ["Leads", "measure_leads"]

_DRAWS = 4_000
_NONE = 1e-9
"""Standard errors below this share of the largest are rounding: the two chose alike, or differ by a constant."""


@dataclass(frozen=True)
class Leads:
    """Leads over the default, in standard errors.

    Attributes
    ----------
    found : mapping of int to float
        By number of the trial; infinite where the lead is the same in every group. One that rests on fewer than 20
        groups of customers is no lead and is not here.
    needed : float
        What the luckiest of the candidates would stay below in nine studies of ten if none were better.
    """

    found: Mapping[int, float]
    needed: float

    def survives(self, number: int) -> bool:
        """Whether the lead of a trial is more than luck."""
        return self.found.get(number, -np.inf) > self.needed

    @property
    def largest(self) -> float:
        """The largest lead; minus infinity where nobody leads."""
        return max(self.found.values(), default=-np.inf)


def measure_leads(trials: Sequence[Trial], default: Trial, *, rng: int | np.random.Generator | None = None) -> Leads:
    """Leads of completed trials over the default, and how large one has to be.

    Parameters
    ----------
    trials : sequence of Trial
    default : Trial
        One of them, with a score.
    rng : int, Generator or None
        Seed of the draws.

    Notes
    -----
    The bound is right where groups are independent and none of them carries most of a lead; the rule on twenty groups
    stands for the second.
    """
    base = default.score
    rivals = [(one, one.score) for one in trials if one is not default and one.score is not None]
    if base is None or not rivals:
        return Leads({}, 0.0)
    gaps = [score.minus(base) for _, score in rivals]
    values, errors = np.array([gap.value for gap in gaps]), np.array([gap.se for gap in gaps])
    scale = max(errors.max(), np.abs(values).max(), abs(base.interval.value))
    live = errors > _NONE * max(scale, np.finfo(float).tiny)
    found = {}
    for (one, score), value, error, told in zip(rivals, values, errors, live):
        if not value:
            found[one.number] = 0.0
        elif value < 0 or score.breadth(base) >= MINIMUM_POSITIVE_EVENTS:
            found[one.number] = float(value / error) if told else float(np.copysign(np.inf, value))
    parts = _parts([score for (_, score), told in zip(rivals, live) if told], base, values[live])
    return Leads(found, _luck(parts / errors[live, None], np.random.default_rng(rng)))


def _parts(scores: Sequence[Score], base: Score, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each group adds to each lead, less the mean, shape (candidates, groups)."""
    sums = np.array([score.sums - base.sums for score in scores]).reshape(len(scores), len(base.weights))
    return np.asarray((sums - values[:, None] * base.weights) / base.weights.sum())


def _luck(parts: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Quantile of the largest standardised sum of parts, each times a normal draw; zero where nobody differs."""
    if not len(parts):
        return 0.0
    drawn = rng.standard_normal((_DRAWS, parts.shape[1])) @ parts.T
    return float(np.quantile(drawn.max(axis=1), LEVEL))
