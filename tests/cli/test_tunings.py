"""`graphrec tune` and what is made of its result, as a user runs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import graphrec
from graphrec import cli
from graphrec.cli.options import read_config
from graphrec.cli.tunings import read_budget
from graphrec.decisions.tuning.studylock import sole_user
from graphrec.market.tables import DataError
from graphrec.market.writing import write_market

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sim = graphrec.simulate_market(customers=300, products=20, periods=12, rng=1)
    return write_market(sim.market, tmp_path_factory.mktemp("market") / "shop")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["graphrec", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.slow
def test_tune_writes_a_leaderboard_and_settings_and_goes_on_where_it_ended(
    data: Path, call: Call, tmp_path: Path
) -> None:
    words = ("tune", data, "--out", tmp_path, "--goal", "appetite", "--json", "--budget", "5m")
    code, out, err = call(*words, "--trials", 7)
    assert code == 0, err
    facts = json.loads(out)
    assert facts["goal"] == "appetite" and facts["candidates"]["complete"] >= 6
    assert err.count("trial ") >= 7
    assert "</html>" in (tmp_path / "leaderboard.html").read_text()
    assert read_config(tmp_path / "config.json", {}).to_dict() == json.loads((tmp_path / "config.json").read_text())
    code, out, err = call(*words, "--trials", 8, "--resume")
    assert code == 0 and err.count("trial ") == 1
    code, _, err = call(*words, "--trials", 2, "--seed", 4)
    assert code == 2 and err.count("\n") <= 2 and "another seed" in err
    code, _, err = call(*words, "--trials", 1, "--seed", 4, "--fresh")
    assert code == 0, err


def test_user_errors_end_with_code_2_and_one_line(data: Path, call: Call, tmp_path: Path) -> None:
    for words, said in (
        (("--budget", "soon"), "--budget is 'soon'"),
        (("--goal", "profit"), "choose one of"),
        (("--out", data / "market.toml"), "is not a folder"),
        (("--seed", "-1"), "--seed is -1"),
    ):
        code, _, err = call("tune", data, "--out", tmp_path / "none", *words)
        assert code == 2 and said in err and len(err.strip().splitlines()) == 1


def test_a_folder_in_which_a_study_is_running_is_refused_in_one_line(data: Path, call: Call, tmp_path: Path) -> None:
    with sole_user(tmp_path):
        for more in ((), ("--fresh",)):
            code, _, err = call("tune", data, "--out", tmp_path, *more)
            assert code == 2 and len(err.strip().splitlines()) == 1
            assert "another process is tuning in" in err and "choose another --out" in err


def test_a_budget_is_a_time() -> None:
    assert [read_budget(text) for text in (None, "90", "90s", "1.5m", "2H")] == [None, 90.0, 90.0, 90.0, 7200.0]
    for text in ("0m", "-3", "m", "10d", ""):
        with pytest.raises(DataError, match="such as 90s, 10m or 2h"):
            read_budget(text)


def test_settings_of_a_file_stand_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(graphrec.RecommenderConfig(head="dr", clip=0.9).to_dict()))
    asked = {"offer": "auto", "horizon_days": 28, "appetite": "filter"}
    assert read_config(file, asked).head == "dr"
    assert read_config(None, {**asked, "horizon_days": 14}).horizon_days == 14
    with pytest.raises(DataError, match="leave --horizon-days out"):
        read_config(file, {**asked, "horizon_days": 14})
    for text in ("[]", "{", '{"head": "magic"}', '{"colour": 1}'):
        file.write_text(text)
        with pytest.raises(DataError, match="no settings of a recommender"):
            read_config(file, asked)
