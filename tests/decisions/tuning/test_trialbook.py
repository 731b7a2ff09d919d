"""A study survives whatever ends it, and goes on as if nothing had happened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import optuna
import pytest

from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import appetite_space
from graphrec.decisions.tuning.trialbook import TrialBook, open_book, stored_seed
from graphrec.market.tables import DataError

SPACE = appetite_space(views=False)
PRINT = {"data": {"events": "a", "customers": "b"}, "goal": "appetite"}


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def book(place: Path | None, seed: int = 0, **other: object) -> TrialBook:
    return open_book(place, SPACE, {**PRINT, **other}, seed=seed, sampler="tpe")


def worth(params: dict[str, object]) -> Score:
    """A value that depends on the settings alone."""
    value = float(sum(map(ord, repr(sorted(params.items())))) % 97)
    return Score(np.array([value, value + 1.0]), np.ones(2))


def go_on(opened: TrialBook, trials: int) -> None:
    while len(opened.trials()) < trials:
        with opened.next_trial() as trial:
            trial.end(worth(trial.params))


def drawn(opened: TrialBook) -> list[object]:
    return [(one.baseline, one.params) for one in opened.trials()]


@pytest.mark.slow
def test_a_study_taken_up_again_draws_what_an_uninterrupted_one_draws(tmp_path: Path) -> None:
    whole = book(None)
    go_on(whole, 16)
    place = tmp_path / "study.db"
    for stop in (3, 13):  # among the baselines, and where the sampler begins to follow what was good
        go_on(book(place), stop)
        with pytest.raises(KeyboardInterrupt), book(place).next_trial():
            raise KeyboardInterrupt
        assert len(book(place).trials()) == stop
    again = book(place)
    go_on(again, 16)
    assert drawn(again) == drawn(whole)
    assert [one.score.sums.tolist() for one in again.trials() if one.score] == [
        one.score.sums.tolist() for one in whole.trials() if one.score
    ]


def test_a_process_that_was_killed_leaves_no_trial_behind(tmp_path: Path) -> None:
    place = tmp_path / "study.db"
    go_on(book(place), 2)
    study = optuna.load_study(study_name="tuning", storage=f"sqlite:///{place}")
    study.ask()
    study.enqueue_trial(dict(SPACE.baselines[2][1]))
    again = book(place)
    go_on(again, 8)
    whole = book(None)
    go_on(whole, 8)
    assert drawn(again) == drawn(whole)


def test_another_seed_draws_others_after_the_baselines() -> None:
    first, second = book(None, 0), book(None, 1)
    go_on(first, 14)
    go_on(second, 14)
    n = len(SPACE.baselines)
    assert drawn(first)[:n] == drawn(second)[:n] == [(name, dict(params)) for name, params in SPACE.baselines]
    assert drawn(first)[n:] != drawn(second)[n:]


def test_what_a_model_raises_is_a_row_with_its_reason(tmp_path: Path) -> None:
    opened = book(tmp_path / "study.db")
    with opened.next_trial():
        raise np.linalg.LinAlgError("singular\n matrix")
    with opened.next_trial() as trial:
        trial.note("reason", "the same settings as trial 0")
    states = [(one.state, one.reason) for one in book(tmp_path / "study.db").trials()]
    assert states == [("failed", "LinAlgError: singular matrix"), ("pruned", "the same settings as trial 0")]


def test_a_study_of_something_else_is_refused_in_one_line(tmp_path: Path) -> None:
    place = tmp_path / "study.db"
    book(place)
    book(place)
    with pytest.raises(DataError, match=r"made with other data \(events changed\); start a fresh one") as refused:
        book(place, data={"events": "z", "customers": "b"})
    assert "\n" not in str(refused.value)
    with pytest.raises(DataError, match="another goal"):
        book(place, goal="policy")
    with pytest.raises(DataError, match="another seed"):
        book(place, seed=5)
    assert stored_seed(place) == 0
    assert stored_seed(tmp_path / "none.db") is None


def test_a_file_that_is_no_study_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "study.db"
    wrong.write_text("this is no database, and long enough not to be taken for an empty one" * 20)
    with pytest.raises(DataError, match="choose another folder"):
        book(wrong)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("create table studies (x integer)")
    with pytest.raises(DataError, match="choose another folder"):
        book(other)
