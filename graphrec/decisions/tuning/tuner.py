"""`graphrec.tune`: which settings this market deserves, and an honest word on whether they helped.

Hides the loop: the default and the baselines first, then candidates drawn by Optuna until trials or time run out, then
the winner by the one-standard-error rule, and one look at the last period. The time that this look will take is kept
back from the budget.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from causal.graph import CausalGraph
from graphrec.decisions.recommender import Recommender
from graphrec.decisions.settings import RecommenderConfig, check_graph, generator, settings_of
from graphrec.decisions.tuning.fingerprints import print_market
from graphrec.decisions.tuning.outcomes import Tuning
from graphrec.decisions.tuning.periods import Periods
from graphrec.decisions.tuning.policyvalue import prepare_policies
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import SearchSpace, appetite_space, policy_space
from graphrec.decisions.tuning.tastevalue import prepare_tastes
from graphrec.decisions.tuning.trialbook import OpenTrial, Trial, TrialBook, open_book, stored_seed
from graphrec.decisions.tuning.trialcosts import Meter
from graphrec.decisions.tuning.winners import LastPeriod, choose_winner, compare_last
from graphrec.market.tables import DataError, Market
from graphrec.market.writing import check_writable

__all__ = ["GOALS", "STUDY", "tune"]

GOALS = ("auto", "policy", "appetite")
SAMPLERS = ("tpe", "random")
STUDY = "study.db"
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


def tune(
    market: Market,
    *,
    goal: str = "auto",
    config: RecommenderConfig | None = None,
    graph: CausalGraph | None = None,
    trials: int = 40,
    budget: float | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    sampler: str = "tpe",
    learned: bool = False,
    fit: bool = False,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
) -> Tuning:
    """Choose family, debiasing, clip and hyper-parameters of appetite and effect models on later periods.

    Parameters
    ----------
    market : Market
    goal : {"auto", "policy", "appetite"}
        "policy": the doubly robust value of contacting the tenth with the largest effect. "appetite": exposure-weighted
        NDCG of later purchases. "auto" takes the policy where the market has contacts.
    config : RecommenderConfig, optional
        What stays fixed: offer, horizon, outcome and so on; its learner and appetite are the default that others have
        to beat.
    graph : CausalGraph, optional
        Over the panel's variables; discovered on the training part when it is not given.
    trials : int
        Candidates in all, baselines included; a study that holds more is only judged again.
    budget : float, optional
        Seconds of wall-clock time, for the search and the check of the winner together; overrun by one trial at most.
    out : path, optional
        Folder for the study (SQLite) and the results. A study of the same data and space is taken up where it ended.
        Without a folder everything stays in memory.
    fresh : bool
        Delete the study in the folder and begin anew.
    sampler : {"tpe", "random"}
        Tree-structured Parzen estimator (Bergstra et al. 2011), or random search.
    learned : bool
        Whether the trained graph encoder takes part; a trial then takes minutes.
    fit : bool
        Whether to fit the winner on the whole record; it is then `Tuning.model`.
    rng : int, Generator or None
        Seed; the same seed draws the same candidates, interrupted or not.
    progress : bool
        Say on stderr what each trial was worth.

    Returns
    -------
    Tuning

    Raises
    ------
    DataError
        Too few contacts, outcomes or periods for the goal; a study of something else in the folder.

    Notes
    -----
    The value of a policy is right where contacts were as good as random given the columns, or their probability was
    logged. Without that every candidate is valued wrongly, and the ranking of candidates may be wrong as well.

    References
    ----------
    Akiba et al. 2019 (Optuna); Breiman et al. 1984 (one standard error); Dudik et al. 2011 (doubly robust).

    Examples
    --------
    >>> import graphrec
    >>> sim = graphrec.simulate_market(customers=300, products=20, periods=12, rng=0)
    >>> graphrec.tune(sim.market, goal="appetite", trials=3, rng=0).goal
    'appetite'
    """
    _check_request(market, goal, trials, budget, sampler)
    check_graph(graph)
    base = settings_of(config)
    clock = _Clock(budget)
    place = _place(out, fresh)
    say = _narrator(progress)
    seed = _seed(rng, place)
    chosen = _goal(goal, market)
    with _quiet():
        task = _task(chosen, market, base, graph, seed, say)
        space = _space(chosen, market, task, learned)
        given = _fingerprint(chosen, market, base, graph, space, task)
        book = open_book(place, space, given, seed=seed, sampler=sampler)
        search = _Search(task, space, base, book, clock, say)
        search.run(trials)
        ended = book.trials()
        winner = choose_winner(ended, space)
        last = search.check_last(ended, winner)
    made = Tuning.of(chosen, task, space, base, ended, winner, last)
    if out is not None:
        made.write(out)
    if not fit:
        return made
    say("fitting the winner on the whole record")
    return made.with_model(Recommender(made.config).fit(market, graph=graph, rng=seed, progress=progress))


class _Clock:
    """Wall-clock time since the call began."""

    def __init__(self, budget: float | None) -> None:
        self._start, self._budget = time.perf_counter(), budget

    def allows(self, kept_back: float) -> bool:
        """Whether another trial may begin, if so many seconds are needed afterwards."""
        return self._budget is None or time.perf_counter() - self._start + kept_back < self._budget


class _Search:
    """The loop over candidates; see the module's text."""

    def __init__(
        self,
        task: Task,
        space: SearchSpace,
        base: RecommenderConfig,
        book: TrialBook,
        clock: _Clock,
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
        looks = int(self._book.noted("looks", 0)) + 1
        self._book.note("looks", looks)
        return compare_last(scores, self._name(winner), self._rival(ended, winner), failures, looks)

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


def _check_request(market: Market, goal: str, trials: int, budget: float | None, sampler: str) -> None:
    if not isinstance(market, Market):
        raise DataError(f"tune needs a Market, not a {type(market).__name__}; read one with graphrec.read_market")
    if goal not in GOALS:
        raise DataError(f"goal is {goal!r}; choose one of {', '.join(GOALS)}")
    if sampler not in SAMPLERS:
        raise DataError(f"sampler is {sampler!r}; choose one of {', '.join(SAMPLERS)}")
    if trials < 1:
        raise DataError(f"trials is {trials}; try at least 1 candidate")
    if budget is not None and not 0 < budget < float("inf"):
        raise DataError(f"budget is {budget}; give seconds above 0, or None for no limit")
    if market.events.empty:
        raise DataError("this market has no events, so there is nothing to tune on; check the table of events")


def _goal(goal: str, market: Market) -> str:
    if goal != "auto":
        return goal
    return "appetite" if market.solicitations.empty else "policy"


def _place(out: str | Path | None, fresh: bool) -> Path | None:
    if out is None:
        return None
    folder = Path(out)
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / STUDY
    if fresh:
        place.unlink(missing_ok=True)
    return place


def _seed(rng: int | np.random.Generator | None, place: Path | None) -> int:
    """Whole number that all draws come from; without one, that of the study that is taken up."""
    kept = None if rng is not None or place is None else stored_seed(place)
    return int(generator(rng).integers(2**31)) if kept is None else kept


def _task(
    goal: str,
    market: Market,
    base: RecommenderConfig,
    graph: CausalGraph | None,
    seed: int,
    say: Callable[[str], None],
) -> Task:
    if goal == "appetite":
        return prepare_tastes(market, base, seed, say)
    return prepare_policies(market, base, graph, seed, say)


def _space(goal: str, market: Market, task: Task, learned: bool) -> SearchSpace:
    views = bool(market.events["event_type"].isin(["view", "cart"]).any())
    if goal == "appetite":
        return appetite_space(views=views, learned=learned)
    return policy_space(views=views, binary=bool(getattr(task, "binary", True)), learned=learned)


def _fingerprint(
    goal: str,
    market: Market,
    base: RecommenderConfig,
    graph: CausalGraph | None,
    space: SearchSpace,
    task: Task,
) -> dict[str, object]:
    return {
        "goal": goal,
        "data": print_market(market),
        "settings": base.to_dict(),
        "graph": None if graph is None else graph.to_json(),
        "space": space.to_list(),
        "periods": task.periods.to_dict(),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells of every trial on stderr by itself; its loudness is put back afterwards."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _narrator(progress: bool) -> Callable[[str], None]:
    """Says what is being done on stderr, or nothing."""
    return lambda text: print(f"  {text}", file=sys.stderr, flush=True) if progress else None  # noqa: T201
