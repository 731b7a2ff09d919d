"""Two processes on one study, as they happen: real ones, one of them killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import appetite_space
from graphrec.decisions.tuning.studylock import check_idle, sole_user
from graphrec.decisions.tuning.trialbook import open_book
from graphrec.market.tables import DataError

WORK = """
import sys, time
from pathlib import Path
import numpy as np
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import appetite_space
from graphrec.decisions.tuning.studylock import sole_user
from graphrec.decisions.tuning.trialbook import open_book
folder = Path(sys.argv[1])
with sole_user(folder):
    book = open_book(folder / "study.db", appetite_space(views=False), {}, seed=0, sampler="tpe")
    for _ in range(2):
        with book.next_trial() as trial:
            trial.end(Score(np.ones(2), np.ones(2)))
    with book.next_trial() as trial:
        print("third trial", flush=True)
        time.sleep(600)
"""


@pytest.mark.slow
def test_a_killed_process_blocks_nobody_and_its_study_goes_on(tmp_path: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    running = subprocess.Popen([sys.executable, "-c", WORK, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None and running.stdout.readline() == "third trial\n"
        with pytest.raises(DataError, match="another process is tuning in") as refused:
            check_idle(tmp_path)
        assert "\n" not in str(refused.value)
        with pytest.raises(DataError, match="choose another --out"), sole_user(tmp_path):
            pass
    finally:
        running.kill()  # SIGKILL: nothing of its own can be tidied up
        running.communicate()
    check_idle(tmp_path)
    with sole_user(tmp_path):
        book = open_book(tmp_path / "study.db", appetite_space(views=False), {}, seed=0, sampler="tpe")
        assert [one.state for one in book.trials()] == ["complete", "complete"]
        with book.next_trial() as trial:
            assert trial.number == 2
            trial.end(Score.from_list([1.0, 2.0], [1.0, 1.0]))
        assert len(book.trials()) == 3


def test_a_block_that_fails_gives_the_study_back(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), sole_user(tmp_path):
        with pytest.raises(DataError), sole_user(tmp_path):
            pass
        raise KeyboardInterrupt
    check_idle(tmp_path)


def test_nothing_is_made_where_nothing_is_kept(tmp_path: Path) -> None:
    check_idle(tmp_path / "none")
    with sole_user(None):
        pass
    assert not list(tmp_path.iterdir())
    (tmp_path / "study.lock").mkdir()
    with pytest.raises(DataError, match="cannot lock"), sole_user(tmp_path):
        pass
