"""The loop of a search: the default and the baselines first, then drawn candidates until trials or time run out.

Hides when a candidate is not worth its time. One with the settings of an earlier one is not fitted again; where the
table is long, one that is far behind after learning from a third of the customers is not fitted in full. The time that
the look at the last period will take is kept back from the budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.periods import Periods
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import SearchSpace
from graphrec.decisions.tuning.trialbook import OpenTrial, Trial, TrialBook
from graphrec.decisions.tuning.trialcosts import Meter
from graphrec.decisions.tuning.winners import LastPeriod, compare_last
from graphrec.market.tables import DataError

__all__ = ["Clock", "Search", "Task"]

_HOPELESS = 2.0
"""Standard errors behind the best preview beyond which a candidate is not learned in full."""


class Task(Protocol):
    """What candidates are judged on."""

    periods: Periods
    unit: str
    scale: float

    def score(self, config: RecommenderConfig, part: str = "validation") -> Score:
        """Judge a candidate that learned before a part."""

    def preview(self, config: RecommenderConfig) -> Score | None:
        """Judge it after learning from less; None where that saves nothing."""

    def references(self, part: str = "validation") -> dict[str, Score]:
        """What stands beside the candidates without being one."""


class Clock:
    """Wall-clock time since the call began."""

    def __init__(self, budget: float | None) -> None:
        self._start, self._budget = time.perf_counter(), budget

    def allows(self, kept_back: float) -> bool:
        """Whether another trial may begin, if so many seconds are needed afterwards."""
        return self._budget is None or time.perf_counter() - self._start + kept_back < self._budget


class Search:
    """The loop over candidates; see the module's text."""

    def __init__(
        self,
        task: Task,
        space: SearchSpace,
        base: RecommenderConfig,
        book: TrialBook,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._task, self._space, self._base, self._book, self._clock, self._say = task, space, base, book, clock, say

    def run(self, trials: int) -> None:
        """Try candidates until there are enough, or time is up; one is tried in any case."""
        ended = self._book.trials()
        while len(ended) < trials and (not ended or self._clock.allows(self._kept_back(ended))):
            with self._book.next_trial() as trial:
                self._try(trial, ended)
            ended = self._book.trials()
            self._say(self._told(ended[-1]))

    def _kept_back(self, ended: list[Trial]) -> float:
        """Seconds that the look at the last period will take: as much as the baselines and the best took."""
        known = [one.seconds for one in ended if one.baseline and one.state == "complete"]
        longest = max((one.seconds for one in ended if one.state == "complete"), default=0.0)
        return sum(known) + longest

    def _try(self, trial: OpenTrial, ended: list[Trial]) -> None:
        meter = Meter()
        try:
            same = next((one.number for one in ended if one.params == trial.params and one.score is not None), None)
            if same is not None:
                trial.note("reason", f"the same settings as trial {same}")
                return
            config = self._space.configure(trial.params, self._base)
            if self._hopeless(trial, config):
                return
            trial.end(self._task.score(config))
        finally:
            trial.note("cost", meter.read())

    def _hopeless(self, trial: OpenTrial, config: RecommenderConfig) -> bool:
        """Whether a preview is so far behind the best one that learning in full is no use; never for a baseline."""
        preview = self._task.preview(config)
        if preview is None:
            return False
        best = self._book.noted("best preview")
        behind = None if best is None else Score.from_list(*best).minus(preview)
        if best is None or (behind is not None and behind.value < 0):
            self._book.note("best preview", [preview.sums.tolist(), preview.weights.tolist()])
        if trial.baseline or behind is None or behind.value <= _HOPELESS * behind.se:
            return False
        trial.note("reason", f"after a third of the customers {behind.value / behind.se:.1f} standard errors behind")
        return True

    def check_last(self, ended: list[Trial], winner: Trial) -> LastPeriod | None:
        """Value winner, baselines and references in the last period; None where it cannot be valued."""
        try:
            scores = self._task.references("last")
        except DataError as error:
            self._say(f"the last period cannot be valued: {error}")
            return None
        failures: dict[str, str] = {}
        asked = [one for one in ended if one.state == "complete" and (one.baseline or one is winner)]
        self._say(f"looking at the last period once: {len(asked)} candidates")
        for one in asked:
            try:
                scores[self._name(one)] = self._task.score(self._space.configure(one.params, self._base), "last")
            except Exception as error:  # a candidate that fails here is said to fail
                failures[self._name(one)] = f"{type(error).__name__}: {error}"
        looks = sorted({*self._book.noted("looks", []), len(ended)})  # the same trials again are the same look
        self._book.note("looks", looks)
        return compare_last(scores, self._name(winner), self._rival(ended, winner), failures, len(looks))

    def _rival(self, ended: list[Trial], winner: Trial) -> tuple[str, str]:
        """What the winner has to hold against: the default, or, where that won, the baseline best in validation."""
        if winner.number != 0:
            return self._name(ended[0]), "the default"
        others = [one for one in ended if one.baseline and one.score is not None and one is not winner]
        best = max(others, key=lambda one: one.score.interval.value if one.score else -np.inf, default=winner)
        return self._name(best), "the best other baseline of validation"

    def _name(self, one: Trial) -> str:
        """Family, which tells baselines apart; a drawn candidate may share its family with one."""
        family = self._space.family(one.params)
        return family if one.baseline else f"{family}, trial {one.number}"

    def _told(self, one: Trial) -> str:
        settings = " ".join(filter(None, [self._space.family(one.params), self._space.describe(one.params)]))
        if one.score is None:
            return f"trial {one.number}: {one.state}, {settings}: {one.reason}"
        found, scale = one.score.interval, self._task.scale
        return (
            f"trial {one.number}: {found.value * scale:.3g} (standard error {found.se * scale:.2g}), "
            f"{one.seconds:.1f} s, {settings}"
        )
