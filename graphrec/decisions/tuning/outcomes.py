"""What tuning found, for people and for programs: the table, the sentence, and the settings to train with.

Hides the files: `config.json` (read by `graphrec train --config`), `leaderboard.parquet`, `tuning.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.leads import Leads
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchspace import SearchSpace
from graphrec.decisions.tuning.trialbook import Trial
from graphrec.decisions.tuning.winners import Choice, LastPeriod
from graphrec.market.writing import write_table, write_text

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender
    from graphrec.decisions.tuning.searchloop import Task

__all__ = ["Tuning"]


@dataclass(frozen=True, eq=False)
class Tuning:
    """What was tried, what won, and what it is worth later.

    Attributes
    ----------
    goal : {"policy", "appetite"}
    config : RecommenderConfig
        The winner's settings.
    table : pandas.DataFrame
        One row for each candidate and reference, the best first: name, family, settings, kind ("default", "baseline",
        "drawn", "reference"), state, value, se, low, high (in `unit`), within_one_se, winner, seconds, cpu_seconds,
        peak_mb, reason, trial.
    sentence : str
        What was chosen and why.
    last : LastPeriod or None
        The nested check; None where the last period could not be valued.
    periods : mapping
        First and last day of each part.
    unit : str
        What the values count.
    scale : float
        Values of `last` times this are in the unit.
    model : Recommender or None
        The winner, fitted on the whole record, where that was asked for.
    """

    goal: str
    config: RecommenderConfig
    table: pd.DataFrame
    sentence: str
    last: LastPeriod | None
    periods: dict[str, Any]
    unit: str
    scale: float
    model: Recommender | None = None

    @classmethod
    def of(
        cls,
        goal: str,
        task: Task,
        space: SearchSpace,
        base: RecommenderConfig,
        trials: list[Trial],
        choice: Choice,
        last: LastPeriod | None,
        asked: int,
    ) -> Tuning:
        """Gather what the search left of the candidates that were asked for."""
        near, winner = {one.number for one in choice.near}, choice.winner
        rows = [_row(one, space, task.scale, near, winner) for one in trials]
        rows += [_reference(name, score, task.scale) for name, score in task.references().items()]
        table = pd.DataFrame(rows).sort_values("value", ascending=False, kind="stable", ignore_index=True)
        config = space.configure(winner.params, base)
        sentence = " ".join([*_unfinished(trials, space, asked), _sentence(trials, choice, space, task, last)])
        return cls(goal, config, table, sentence, last, task.periods.to_dict(), task.unit, task.scale)

    def with_model(self, model: Recommender) -> Tuning:
        """The same with a fitted winner."""
        return replace(self, model=model)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "goal": self.goal,
            "sentence": self.sentence,
            "config": self.config.to_dict(),
            "unit": self.unit,
            "periods": self.periods,
            "last_period": None if self.last is None else {**self.last.to_dict(), "scale": self.scale},
            "candidates": json.loads(self.table.to_json(orient="records")),
        }

    def write(self, folder: str | Path) -> None:
        """Write ``config.json``, ``leaderboard.parquet`` and ``tuning.json``, each whole or not at all."""
        place = Path(folder)
        write_text(place / "config.json", json.dumps(self.config.to_dict(), indent=2) + "\n")
        write_table(place / "leaderboard.parquet", self.table)
        write_text(place / "tuning.json", json.dumps(self.to_dict(), indent=2) + "\n")


def _row(one: Trial, space: SearchSpace, scale: float, near: set[int], winner: Trial) -> dict[str, Any]:
    kind = "drawn" if not one.baseline else "default" if one.number == 0 else "baseline"
    return {
        "name": one.baseline or f"trial {one.number}",
        "family": space.family(one.params),
        "settings": space.describe(one.params),
        "kind": kind,
        "state": one.state,
        **_figures(one.score, scale),
        "within_one_se": one.number in near,
        "winner": one is winner,
        "seconds": one.seconds,
        "cpu_seconds": one.cpu_seconds,
        "peak_mb": one.peak_mb,
        "reason": one.reason,
        "trial": one.number,
    }


def _reference(name: str, score: Score, scale: float) -> dict[str, Any]:
    told = {"name": name, "family": "", "settings": "", "kind": "reference", "state": "complete"}
    cost = dict.fromkeys(("seconds", "cpu_seconds", "peak_mb"), float("nan"))
    return {
        **told,
        **_figures(score, scale),
        "within_one_se": False,
        "winner": False,
        **cost,
        "reason": "",
        "trial": -1,
    }


def _figures(score: Score | None, scale: float) -> dict[str, float]:
    if score is None:
        return dict.fromkeys(("value", "se", "low", "high"), float("nan"))
    found = score.interval
    return {"value": found.value * scale, "se": found.se * scale, "low": found.low * scale, "high": found.high * scale}


def _unfinished(trials: list[Trial], space: SearchSpace, asked: int) -> list[str]:
    """Say what the time did not suffice for."""
    if len(trials) >= asked:
        return []
    tried = {one.baseline for one in trials}
    missing = [name for name, _ in space.baselines if name not in tried][: asked - len(trials)]
    without = f"; not tried, though they should stand in the table: {', '.join(missing)}" if missing else ""
    return [f"The time ended after {len(trials)} of {asked} candidates{without}. The same command goes on."]


def _sentence(trials: list[Trial], choice: Choice, space: SearchSpace, task: Task, last: LastPeriod | None) -> str:
    """What was chosen and why, and whether it holds."""
    said = [_chosen(trials, choice, space), *_against_nobody(choice.winner, task)]
    said.append("The last period could not be valued." if last is None else _later(last, task.scale))
    return " ".join(said)


def _chosen(trials: list[Trial], choice: Choice, space: SearchSpace) -> str:
    """What was chosen, and the lead that earned it or did not."""
    winner, leads = choice.winner, choice.leads
    judged = sum(one.score is not None for one in trials)
    if judged == 1 and winner.number == 0:
        return "Only the default was valued, so nothing was chosen."
    if leads is not None and winner.number == 0:
        return _kept(leads, judged)
    name = " ".join(filter(None, [space.family(winner.params), f"({space.describe(winner.params)})"]))
    name = name.replace(" ()", "")
    count = f"{len(choice.near)} of {judged} candidates are within one standard error of the best"
    if leads is None:
        return f"The default could not be valued; {count}; the simplest of them is {name}."
    lead = leads.found[winner.number]
    size = f"{lead:.1f} standard errors above the default" if lead < np.inf else "above the default everywhere"
    return (
        f"{count}, and the default is not: {name} is the simplest of them, {size}; where nothing is better, one study "
        f"of ten shows {leads.needed:.1f}."
    )


def _kept(leads: Leads, judged: int) -> str:
    """Why the default stays."""
    if not leads.largest > 0:
        return f"None of {judged} candidates is ahead of the default: no change has earned its place."
    return (
        f"The default stays: of {judged} candidates the one furthest ahead leads it by {leads.largest:.1f} standard "
        f"errors, and where nothing is better one study of ten shows {leads.needed:.1f}. No change has earned its "
        "place."
    )


def _against_nobody(winner: Trial, task: Task) -> list[str]:
    nobody = task.references().get("contact nobody")
    if nobody is None or winner.score is None:
        return []
    gain = winner.score.minus(nobody)
    if gain.low > 0:
        return []
    return ["Its contacts are not clearly better than contacting nobody: do not act on it without an experiment."]


def _later(last: LastPeriod, scale: float) -> str:
    gap = last.differences.get(last.rival)
    if gap is None:
        return "In the last period there was nothing to compare it with."
    found = f"{gap.value * scale:+.3g} ({gap.low * scale:+.3g} to {gap.high * scale:+.3g}, {gap.level:.0%})"
    again = (
        "" if last.looks == 1 else f" The last period has been looked at {last.looks} times, so it is not untouched."
    )
    rival = f"{last.rival} ({last.role})"
    if gap.low > 0:
        return f"In the last period it is better than {rival}: {found}.{again}"
    if last.holds:
        return f"In the last period it is not told apart from {rival}: {found}.{again}"
    return f"It does not hold: in the last period it is behind {rival}: {found}.{again}"
