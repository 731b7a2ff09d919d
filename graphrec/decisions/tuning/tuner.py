"""`graphrec.tune`: which settings this market deserves, and an honest word on whether they helped.

Hides the order of the steps: what is asked, the data cut in time, the study opened or taken up again, the search, the
winner by the one-standard-error rule, and one look at the last period.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from causal.graph import CausalGraph
from graphrec.decisions.recommender import Recommender
from graphrec.decisions.settings import RecommenderConfig, check_graph, generator, settings_of
from graphrec.decisions.tuning.fingerprints import print_market
from graphrec.decisions.tuning.outcomes import Tuning
from graphrec.decisions.tuning.policyvalue import prepare_policies
from graphrec.decisions.tuning.searchloop import Clock, Search, Task
from graphrec.decisions.tuning.searchspace import SearchSpace, appetite_space, policy_space
from graphrec.decisions.tuning.studylock import sole_user
from graphrec.decisions.tuning.tastevalue import prepare_tastes
from graphrec.decisions.tuning.trialbook import open_book, stored_seed
from graphrec.decisions.tuning.winners import choose_winner
from graphrec.market.tables import DataError, Market
from graphrec.market.writing import check_writable

__all__ = ["GOALS", "STUDY", "tune"]

GOALS = ("auto", "policy", "appetite")
SAMPLERS = ("tpe", "random")
STUDY = "study.db"


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
        Too few contacts, outcomes or periods for the goal; a study of something else in the folder, or one that another
        process is working on.

    Notes
    -----
    The value of a policy is right where contacts were as good as random given the columns, or their probability was
    logged. Without that every candidate is valued wrongly, and the ranking of candidates may be wrong as well.

    References
    ----------
    Akiba et al. 2019 (Optuna); Breiman et al. 1984 (one standard error); Romano & Wolf 2005 (the luck of the best);
    Dudik et al. 2011 (doubly robust).

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
    clock = Clock(budget)
    say = _narrator(progress)
    with sole_user(_folder(out)), _quiet():
        place = _place(out, fresh)
        seed = _seed(rng, place)
        chosen = _goal(goal, market)
        task = _task(chosen, market, base, graph, seed, say)
        space = _space(chosen, market, task, learned)
        given = _fingerprint(chosen, market, base, graph, space, task)
        book = open_book(place, space, given, seed=seed, sampler=sampler)
        search = Search(task, space, base, book, clock, say)
        search.run(trials)
        ended = book.trials()
        choice = choose_winner(ended, space, rng=seed)
        last = search.check_last(ended, choice.winner)
        made = Tuning.of(chosen, task, space, base, ended, choice, last, trials)
        if out is not None:
            made.write(out)
    if not fit:
        return made
    say("fitting the winner on the whole record")
    return made.with_model(Recommender(made.config).fit(market, graph=graph, rng=seed, progress=progress))


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


def _folder(out: str | Path | None) -> Path | None:
    """The folder of the study, made where it is missing."""
    if out is None:
        return None
    check_writable(out)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _place(out: str | Path | None, fresh: bool) -> Path | None:
    """The file of the study, deleted where a fresh one is asked for."""
    if out is None:
        return None
    place = Path(out) / STUDY
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
