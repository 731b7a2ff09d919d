"""The study on disk: every trial a row, written when it ends, so that Ctrl-C costs one trial.

Hides Optuna. Trials are asked for and told one at a time; the sampler is seeded anew for each from (seed, number of
trials that ended), so a study that was interrupted draws the same candidates as one that was not. A trial that was
running when its process died is marked interrupted and drawn again. Alternatives considered: a file of JSON lines of
our own, which would leave the sampler to be written, too; and Optuna's pickled storage of samplers, which would be
loaded again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.decisions.tuning.fingerprints import check_same
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import SearchSpace
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    import optuna

__all__ = ["OpenTrial", "Trial", "TrialBook", "open_book", "stored_seed"]

_NAME = "tuning"
_STARTS = 8
"""Candidates drawn at random after the baselines, before the sampler follows what was good."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One row of the study.

    Attributes
    ----------
    number : int
        Counted from 0 over the trials that ended.
    baseline : str
        Name of the baseline; empty for a drawn candidate.
    params : dict
    state : {"complete", "failed", "pruned"}
    score : Score or None
    reason : str
        Why it failed or was pruned.
    seconds, cpu_seconds, peak_mb : float
        What it cost.
    """

    number: int
    baseline: str
    params: dict[str, Any]
    state: str
    score: Score | None
    reason: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


class TrialBook:
    """A study that is open; see `open_book`."""

    def __init__(self, study: optuna.Study, space: SearchSpace, seed: int, sampler: str) -> None:
        self._study, self._space, self.seed, self._sampler = study, space, seed, sampler

    def trials(self) -> list[Trial]:
        """Trials that ended, in order; one without a score and without a reason was interrupted, and is none."""
        ended = [one for one in self._study.get_trials(deepcopy=False) if one.state.is_finished()]
        kept = [one for one in ended if {"sums", "reason"} & one.user_attrs.keys()]
        return [_read(number, one) for number, one in enumerate(kept)]

    @contextmanager
    def next_trial(self) -> Iterator[OpenTrial]:
        """Draw the next candidate; whatever ends the block ends the trial, Ctrl-C as interrupted."""
        import optuna

        number = len(self.trials())
        baselines = self._space.baselines
        self._study.sampler = _sampler(self._sampler, [self.seed, number], len(baselines))
        name = ""
        if number < len(baselines):
            name, params = baselines[number]
            waiting = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,))
            if not waiting:  # else a process died between the two lines, and this baseline waits already
                self._study.enqueue_trial(dict(params))
        trial = self._study.ask()
        opened = OpenTrial(trial, number, name, self._space.draw(trial))
        trial.set_user_attr("baseline", name)
        try:
            yield opened
        except Exception as error:  # whatever a model may raise is a row, not the end of the search
            opened.note("reason", " ".join(f"{type(error).__name__}: {error}".split())[:500])
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        except BaseException:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        else:
            if opened.score is None:
                self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(trial, opened.score.interval.value)

    def note(self, name: str, value: Any) -> None:
        """Keep something about the study itself."""
        self._study.set_user_attr(name, value)

    def noted(self, name: str, default: Any = None) -> Any:
        """Read what was kept."""
        return self._study.user_attrs.get(name, default)


@dataclass
class OpenTrial:
    """A trial that is running."""

    _trial: optuna.Trial
    number: int
    baseline: str
    params: dict[str, Any]
    score: Score | None = None

    def note(self, name: str, value: Any) -> None:
        """Keep something in its row."""
        self._trial.set_user_attr(name, value)

    def end(self, score: Score) -> None:
        """Say what it was worth; a trial without a score counts as pruned."""
        self.score = score
        self.note("sums", score.sums.tolist())
        self.note("weights", score.weights.tolist())


def open_book(
    place: Path | None, space: SearchSpace, fingerprint: Mapping[str, Any], *, seed: int, sampler: str
) -> TrialBook:
    """Open a study, or begin one.

    Parameters
    ----------
    place : path, optional
        SQLite file; in memory without one.
    space : SearchSpace
    fingerprint : mapping
        Plain data that must be the same when the study is taken up again.
    seed : int
    sampler : {"tpe", "random"}

    Raises
    ------
    DataError
        The file holds another study, or something else, or cannot be written.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    given = json.loads(json.dumps({**fingerprint, "seed": seed, "sampler": sampler}))
    try:
        storage = None if place is None else optuna.storages.RDBStorage(f"sqlite:///{place}")
        study = optuna.create_study(storage=storage, study_name=_NAME, direction="maximize", load_if_exists=True)
        stored = study.user_attrs.get("fingerprint")
        if stored is None:
            study.set_user_attr("fingerprint", given)
        else:
            check_same(stored, given, str(place))
        _end_running(study)
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise DataError(
            f"cannot use {place} as a study: {cause}; start a fresh one, or choose another folder"
        ) from error
    return TrialBook(study, space, seed, sampler)


def stored_seed(place: Path) -> int | None:
    """Seed of the study in a file; None where there is no study."""
    import optuna

    if not place.exists():
        return None
    try:
        study = optuna.load_study(study_name=_NAME, storage=f"sqlite:///{place}")
    except Exception:  # whatever is wrong with the file is said when the study is opened
        return None
    return int(study.user_attrs.get("fingerprint", {}).get("seed", 0))


def _end_running(study: optuna.Study) -> None:
    """End trials that a dead process left behind."""
    import optuna

    for one in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(one.number, state=optuna.trial.TrialState.FAIL)


def _sampler(name: str, seed: list[int], baselines: int) -> optuna.samplers.BaseSampler:
    import optuna

    drawn = int(np.random.SeedSequence(seed).generate_state(1)[0])
    if name == "random":
        return optuna.samplers.RandomSampler(seed=drawn)
    return optuna.samplers.TPESampler(seed=drawn, n_startup_trials=baselines + _STARTS)


def _read(number: int, one: optuna.trial.FrozenTrial) -> Trial:
    import optuna

    kept = one.user_attrs
    states = {optuna.trial.TrialState.COMPLETE: "complete", optuna.trial.TrialState.PRUNED: "pruned"}
    score = Score.from_list(kept["sums"], kept["weights"]) if "sums" in kept else None
    cost = kept.get("cost", [float("nan")] * 3)
    return Trial(
        number=number,
        baseline=str(kept.get("baseline", "")),
        params=dict(one.params),
        state=states.get(one.state, "failed"),
        score=score,
        reason=str(kept.get("reason", "")),
        seconds=float(cost[0]),
        cpu_seconds=float(cost[1]),
        peak_mb=float(cost[2]),
    )
