"""Tuning as a user runs it, on small simulated markets."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning import searchloop, trialcosts, tuner
from graphrec.decisions.tuning.outcomes import Tuning
from graphrec.decisions.tuning.policyvalue import PolicyTask, prepare_policies
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.tastevalue import TasteTask
from graphrec.market.simulation import Simulation
from graphrec.market.tables import DataError, Market

FIGURES = ["name", "settings", "state", "value", "se", "winner", "reason"]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return graphrec.simulate_market(customers=300, products=30, periods=12, rng=0)


@pytest.fixture(scope="module")
def market(simulation: Simulation) -> Market:
    return simulation.market


def tuned(market: Market, **asked: Any) -> Tuning:
    return graphrec.tune(market, **{"goal": "appetite", "trials": 8, "rng": 0, **asked})


def without(market: Market, **tables: pd.DataFrame) -> Market:
    """The market with other tables."""
    names = ("customers", "products", "solicitations", "events")
    frames = {name: tables.get(name, getattr(market, name)) for name in names}
    return Market.from_frames(**frames)


def test_the_baselines_are_in_and_the_winner_can_be_trained(market: Market, tmp_path: Path) -> None:
    found = tuned(market, out=tmp_path, trials=7)
    assert {"default", "most popular", "item-kNN", "RP3beta", "EASE"} <= set(found.table["name"])
    assert found.table["winner"].sum() == 1
    assert found.table["value"].dropna().is_monotonic_decreasing
    assert (found.table["cpu_seconds"] >= 0).all() and (found.table["peak_mb"] > 1).all()
    assert RecommenderConfig(**json.loads((tmp_path / "config.json").read_text())) == found.config
    told = json.loads((tmp_path / "tuning.json").read_text())
    assert told["last_period"]["looks"] == 1 and len(told["candidates"]) == 7
    assert len(pd.read_parquet(tmp_path / "leaderboard.parquet")) == 7
    assert found.last is not None and set(found.last.differences) == set(found.last.values) - {found.last.winner}
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_leaderboard_interrupted_or_not(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tuned(market, trials=10)
    real, calls = TasteTask.score, iter(range(100))

    def stopped(self: TasteTask, config: RecommenderConfig, part: str = "validation") -> Score:
        if next(calls) == 7:
            raise KeyboardInterrupt
        return real(self, config, part)

    monkeypatch.setattr(TasteTask, "score", stopped)
    with pytest.raises(KeyboardInterrupt):
        tuned(market, trials=10, out=tmp_path)
    monkeypatch.undo()
    again = tuned(market, trials=10, out=tmp_path)
    pd.testing.assert_frame_equal(again.table[FIGURES], whole.table[FIGURES])
    assert again.sentence == whole.sentence
    same = tuned(market, trials=10, out=tmp_path, rng=None)
    pd.testing.assert_frame_equal(same.table[FIGURES], whole.table[FIGURES])
    assert same.sentence == whole.sentence
    assert "looked at 2 times" in tuned(market, trials=11, out=tmp_path).sentence


def test_a_failing_candidate_is_a_row_and_not_the_end(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    real = TasteTask.score

    def broken(self: TasteTask, config: RecommenderConfig, part: str = "validation") -> Score:
        if (config.filter_settings or {}).get("ease") == 1.0:
            raise MemoryError("no room for the inverse")
        return real(self, config, part)

    monkeypatch.setattr(TasteTask, "score", broken)
    found = tuned(market, trials=6)
    row = found.table.set_index("name").loc["EASE"]
    assert (row["state"], row["reason"]) == ("failed", "MemoryError: no room for the inverse")
    assert np.isnan(row["value"]) and not row["winner"]


def test_a_candidate_that_is_drawn_twice_is_not_fitted_twice(market: Market) -> None:
    found = tuned(market, trials=16, sampler="random")
    twice = found.table[found.table["reason"].str.startswith("the same settings")]
    assert len(twice) and (twice["state"] == "pruned").all()


def test_the_budget_is_overrun_by_one_trial_at_most(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    real, now = TasteTask.score, [0.0]

    def slow(self: TasteTask, config: RecommenderConfig, part: str = "validation") -> Score:
        now[0] += 1.0
        return real(self, config, part)

    def read() -> float:
        now[0] += 0.1  # looking at the clock takes time too: a candidate drawn twice costs little, not nothing
        return now[0]

    clock = SimpleNamespace(perf_counter=read, process_time=read)
    monkeypatch.setattr(searchloop, "time", clock)
    monkeypatch.setattr(trialcosts, "time", clock)
    monkeypatch.setattr(TasteTask, "score", slow)
    found = tuned(market, trials=500, budget=20.0)
    assert 18.0 <= now[0] <= 22.0
    assert (found.table["state"] == "complete").sum() > 6
    now[0] = 0.0
    assert len(tuned(market, trials=500, budget=1e-9).table) == 1


@pytest.mark.slow
def test_other_data_are_refused_and_a_fresh_start_is_not(market: Market, tmp_path: Path) -> None:
    tuned(market, trials=1, out=tmp_path)
    changed = without(market, events=market.events.iloc[:-5])
    with pytest.raises(DataError, match=r"made with other data \(events"):
        tuned(changed, trials=1, out=tmp_path)
    with pytest.raises(DataError, match="another search space"):
        tuned(market, trials=1, out=tmp_path, learned=True)
    with pytest.raises(DataError, match="other settings"):
        tuned(market, trials=1, out=tmp_path, config=RecommenderConfig(controls_per_contact=3))
    assert len(tuned(changed, trials=2, out=tmp_path, fresh=True).table) == 2


def test_markets_that_cannot_be_tuned_say_why(market: Market, tmp_path: Path) -> None:
    silent = without(market, solicitations=market.solicitations.iloc[:0])
    with pytest.raises(DataError, match=r"no contacts.*goal appetite"):
        graphrec.tune(silent, goal="policy")
    assert graphrec.tune(silent, trials=2, rng=0).goal == "appetite"
    start = market.events["event_time"].min()
    short = without(market, events=market.events[market.events["event_time"] < start + pd.Timedelta(days=90)])
    with pytest.raises(DataError, match="longer record"):
        tuned(short)
    end = start + pd.Timedelta(days=150)
    short = without(
        market,
        events=market.events[market.events["event_time"] < end],
        solicitations=market.solicitations[market.solicitations["sent_at"] < end],
    )
    with pytest.raises(DataError, match="longer record"):
        graphrec.tune(short, goal="policy", graph=None)
    empty = without(market, events=market.events.iloc[:0])
    with pytest.raises(DataError, match="no events"):
        graphrec.tune(empty)
    unsold = without(market, events=market.events[market.events["event_type"] != "purchase"])
    with pytest.raises(DataError, match="nobody bought anything"):
        tuned(unsold)


def test_requests_that_mean_nothing_are_refused(market: Market, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for asked, words in (
        ({"goal": "profit"}, "choose one of auto, policy, appetite"),
        ({"trials": 0}, "at least 1"),
        ({"budget": 0.0}, "above 0"),
        ({"sampler": "grid"}, "tpe, random"),
        ({"out": file}, "is not a folder"),
        ({"rng": -1}, "rng is -1"),
    ):
        with pytest.raises(DataError, match=words):
            tuned(market, **asked)
    with pytest.raises(DataError, match="needs a Market"):
        graphrec.tune("market")  # type: ignore[arg-type]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(market: Market, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(DataError, match="read-only"):
        tuned(market, out=locked / "study")


@pytest.fixture(scope="module")
def policies(simulation: Simulation) -> PolicyTask:
    def silent(text: str) -> None:
        del text

    few = RecommenderConfig(controls_per_contact=3)  # small panels are quick
    return prepare_policies(simulation.market, few, simulation.truth.graph, 0, silent)


def true_gain(simulation: Simulation, task: PolicyTask, chosen: np.ndarray) -> float:
    """What contacting through the chosen arms changes in truth, on average over the opportunities."""
    truth = task.truth("validation")
    frame = task.panel.frame.iloc[truth.rows]
    assert task.panel.offers is not None
    who = simulation.market.vocabulary.customers.decode(frame["customer"])
    what = task.panel.offers.index.decode(frame["offer"])
    known = simulation.truth.outcomes_of_rows(who, what, at=list(frame["decided_at"]))
    uplift = np.column_stack(
        [np.zeros(len(frame)), *(known[f"p_contact[{c}]"] - known["p_organic"] for c in truth.channels)]
    )
    return float(np.average(uplift[np.arange(len(frame)), chosen], weights=truth.weights))


@pytest.mark.slow
def test_values_of_policies_hold_the_truth(simulation: Simulation, policies: PolicyTask) -> None:
    truth = policies.truth("validation")
    rng = np.random.default_rng(0)
    for chosen in (np.ones(len(truth.rows), dtype=int), rng.integers(0, 1 + len(truth.channels), len(truth.rows))):
        found = truth.gain(chosen).interval
        assert abs(found.value - true_gain(simulation, policies, chosen)) < 3.5 * found.se
    references = policies.references()
    assert references["contact nobody"].interval.value == 0.0
    assert references["as many contacts by lot"].interval.value > 0.0


@pytest.mark.slow
def test_a_policy_is_tuned_with_its_baselines(
    simulation: Simulation, policies: PolicyTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuner, "prepare_policies", lambda *_: policies)
    found = graphrec.tune(simulation.market, graph=simulation.truth.graph, trials=2, rng=0)
    names = set(found.table["name"])
    assert found.goal == "policy"
    assert {"default", "T-learner", "contact nobody", "what was done"} <= names
    assert found.last is not None and found.last.values["contact nobody"].value == 0.0


def test_a_hopeless_candidate_is_pruned_after_its_preview(
    policies: PolicyTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[str] = []

    def values(scale: Callable[[RecommenderConfig], float]) -> Callable[..., Score]:
        def judged(self: PolicyTask, config: RecommenderConfig, part: str = "validation") -> Score:
            full.append(config.head)
            noise = np.random.default_rng(1).normal(size=50)
            return Score(scale(config) + 0.1 * noise * (config.ridge != 5.0), np.ones(50))

        return judged

    monkeypatch.setattr(PolicyTask, "preview", values(lambda config: -9.0 * (config.ridge != 5.0)))
    monkeypatch.setattr(PolicyTask, "score", values(lambda config: 0.0))
    monkeypatch.setattr(PolicyTask, "references", lambda self, part="validation": {})
    monkeypatch.setattr(tuner, "prepare_policies", lambda *_: dataclasses.replace(policies))
    found = graphrec.tune(policies.market, graph=policies.graph, trials=14, rng=0)
    drawn = found.table[found.table["kind"] == "drawn"]
    assert len(drawn) == 2 and drawn["reason"].str.contains("standard errors behind").all()
    assert (found.table.loc[found.table["kind"] == "baseline", "state"] == "complete").all()
