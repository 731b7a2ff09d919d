"""Which candidate wins, and whether it still does in a period that nobody has looked at.

Hides the one-standard-error rule and the nested check. The best of many candidates is partly lucky. So the best is
looked for among those alone whose lead over the default is more than the luck of the largest of so many
(`graphrec.decisions.tuning.leads`); where there are none, the default is the best that can be shown. Among those whose
paired difference to the best is within its standard error the simplest wins (Breiman et al. 1984; the paired form
because all candidates are judged on the same customers). Without the first step a candidate with noisy choices was
within its own large standard error of a lucky best, and could win although it stood behind the default. A standard
error is worth little where the difference rests on a handful of customers, as it does when one buyer with a small
propensity speaks for hundreds; such a lead counts as none. The order of simplicity is that of the search space. The
last period is then valued once for the winner and the baselines; a figure that was searched for is never the one
reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.decisions.tuning.leads import Leads, measure_leads
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import SearchSpace
from graphrec.decisions.tuning.trialbook import Trial
from graphrec.evaluation.intervals import Interval
from graphrec.evaluation.offpolicy import MINIMUM_POSITIVE_EVENTS
from graphrec.market.tables import DataError

__all__ = ["Choice", "LastPeriod", "choose_winner", "compare_last"]


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen, from what, and by how much it had to lead.

    Attributes
    ----------
    winner : Trial
        The simplest of `near`.
    near : tuple of Trial
        Those that the best is not clearly ahead of, the best among them.
    leads : Leads or None
        Over the default; None where the default could not be judged.
    """

    winner: Trial
    near: tuple[Trial, ...]
    leads: Leads | None


def choose_winner(trials: Sequence[Trial], space: SearchSpace, *, rng: int | np.random.Generator | None = 0) -> Choice:
    """The simplest candidate within one standard error of the best whose lead over the default is more than luck.

    Clearly ahead is: by more than the standard error of the paired difference, and this difference rests on 20 groups
    of customers at least, the number that `graphrec.evaluation.offpolicy` asks of events.

    Parameters
    ----------
    trials : sequence of Trial
        The default has number 0.
    space : SearchSpace
        Knows who is simpler.
    rng : int, Generator or None
        Seed of the draws that tell luck.

    Raises
    ------
    DataError
        No trial was completed.
    """
    done = [one for one in trials if one.score is not None and one.state == "complete"]
    if not done:
        reasons = [f"{one.baseline or one.number}: {one.reason}" for one in trials if one.reason]
        raise DataError(f"no candidate could be judged; {'; '.join(reasons[:2]) or 'give a larger budget'}")
    default = next((one for one in done if one.number == 0), None)
    leads = None if default is None else measure_leads(done, default, rng=rng)
    shown = [one for one in done if leads is None or leads.survives(one.number)]
    best = max(shown, key=_value) if shown else default or done[0]
    near = tuple(one for one in (shown or done) if one is best or not _clearly_ahead(best, one))
    winner = min(near, key=lambda one: space.simplicity(one.params, one.number)) if shown else best
    return Choice(winner, near, leads)


def _value(one: Trial) -> float:
    return -np.inf if one.score is None else one.score.interval.value


def _clearly_ahead(best: Trial, one: Trial) -> bool:
    if best.score is None or one.score is None:
        return False
    behind = best.score.minus(one.score)
    return behind.value > behind.se and best.score.breadth(one.score) >= MINIMUM_POSITIVE_EVENTS


@dataclass(frozen=True)
class LastPeriod:
    """The nested check.

    Attributes
    ----------
    values : mapping of str to Interval
        Winner (under its own name), baselines and references in the last period.
    differences : mapping of str to Interval
        Winner minus each of them, paired.
    winner, rival : str
        Name of the winner, and of what it has to hold against: the default, or, where that won, the baseline that was
        best in validation.
    role : str
        Which of the two the rival is, in words.
    failures : mapping of str to str
        Candidates that could not be fitted again, and why.
    looks : int
        How often the last period of this study has been looked at, this time included.
    """

    values: Mapping[str, Interval]
    differences: Mapping[str, Interval]
    winner: str
    rival: str
    role: str
    failures: Mapping[str, str]
    looks: int = 1

    @property
    def holds(self) -> bool:
        """Whether the winner is not behind the rival by more than one standard error."""
        gap = self.differences.get(self.rival)
        return gap is None or gap.value >= -gap.se

    @property
    def verdict(self) -> str:
        """In words: "better", "not told apart", "behind", or "nothing to compare with"."""
        gap = self.differences.get(self.rival)
        if gap is None:
            return "nothing to compare with"
        if gap.low > 0:
            return "better"
        return "not told apart" if self.holds else "behind"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        tables = {name: {k: _plain(v) for k, v in getattr(self, name).items()} for name in ("values", "differences")}
        return {
            **tables,
            "winner": self.winner,
            "rival": self.rival,
            "role": self.role,
            "holds": self.holds,
            "verdict": self.verdict,
            "looks": self.looks,
        } | {"failures": dict(self.failures)}


def compare_last(
    scores: Mapping[str, Score], winner: str, rival: tuple[str, str], failures: Mapping[str, str], looks: int
) -> LastPeriod:
    """Values and paired differences of what was scored in the last period."""
    values = {name: score.interval for name, score in scores.items()}
    own = scores.get(winner)
    gaps = {} if own is None else {name: own.minus(score) for name, score in scores.items() if name != winner}
    return LastPeriod(values, gaps, winner, *rival, failures, looks)


def _plain(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "se": interval.se, "low": interval.low, "high": interval.high}
