"""Which candidate wins, and whether it still does in a period that nobody has looked at.

Hides the one-standard-error rule and the nested check. The best of many candidates is partly lucky; among those whose
paired difference to the best is within its standard error the simplest wins (Breiman et al. 1984; the paired form
because all candidates are judged on the same customers). A standard error is worth little where the difference rests
on a handful of customers, as it does when one buyer with a small propensity speaks for hundreds; such a lead counts as
none. The order of simplicity is that of the search space. The last
period is then valued once for the winner and the baselines; a figure that was searched for is never the one reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import SearchSpace
from graphrec.decisions.tuning.trialbook import Trial
from graphrec.evaluation.intervals import Interval
from graphrec.evaluation.offpolicy import MINIMUM_POSITIVE_EVENTS
from graphrec.market.tables import DataError

__all__ = ["LastPeriod", "choose_winner", "compare_last", "within_one_error"]


def within_one_error(trials: Sequence[Trial]) -> list[Trial]:
    """Completed trials that the best is not clearly ahead of, the best among them.

    Clearly: by more than the standard error of the paired difference, and this difference rests on 20 groups of
    customers at least, the number that `graphrec.evaluation.offpolicy` asks of events.

    Raises
    ------
    DataError
        No trial was completed.
    """
    done = [(one, one.score) for one in trials if one.score is not None and one.state == "complete"]
    if not done:
        reasons = [f"{one.baseline or one.number}: {one.reason}" for one in trials if one.reason]
        raise DataError(f"no candidate could be judged; {'; '.join(reasons[:2]) or 'give a larger budget'}")
    best = max((score for _, score in done), key=lambda score: score.interval.value)
    found = []
    for one, score in done:
        behind = best.minus(score)
        if score is best or behind.value <= behind.se or best.breadth(score) < MINIMUM_POSITIVE_EVENTS:
            found.append(one)
    return found


def choose_winner(trials: Sequence[Trial], space: SearchSpace) -> Trial:
    """The simplest candidate within one standard error of the best."""
    return min(within_one_error(trials), key=lambda one: space.simplicity(one.params, one.number))


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
