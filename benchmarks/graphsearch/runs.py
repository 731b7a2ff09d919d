"""Runs of searches on tables: each is timed, stopped at its limit, and written down so that a cut-off table goes on.

Hides the log (one line of JSON for each run) and when a search is given up: after a run beyond its limit it gets no
further tables of that source, neither of other seeds nor of more rows.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.graphsearch.distances import Distance, compare
from benchmarks.graphsearch.grid import Setting, best_marks
from benchmarks.graphsearch.networks import Case
from benchmarks.graphsearch.searches import Search, timed
from causal.knowledge import Knowledge

__all__ = ["Run", "Runner", "Runs"]


COMPILING = 300.0  # CPU seconds that the first compilation may take


@dataclass(frozen=True)
class Run:
    """One search on one table; without a distance it was stopped at the limit, or failed."""

    seed: int
    seconds: float
    distance: Distance | None
    said: str = ""


@dataclass(frozen=True)
class Runs:
    """All runs of one search in one setting; ``late`` when it was given up."""

    search: Search
    done: tuple[Run, ...]
    late: bool

    @property
    def seconds(self) -> float:
        """Mean CPU seconds of the runs that came to their end."""
        return _mean([run.seconds for run in self.done if run.distance])

    def figure(self, name: str, seeds: Iterable[int] | None = None) -> float:
        """Return the mean of a distance over the seeds, or over all of them."""
        wanted = {run.seed for run in self.done} if seeds is None else set(seeds)
        return _mean([getattr(run.distance, name) for run in self.done if run.distance and run.seed in wanted])

    def total(self, name: str) -> int:
        """Return the sum of a distance: violations or cycles."""
        return sum(int(getattr(run.distance, name)) for run in self.done if run.distance)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds whose run came to its end."""
        return tuple(run.seed for run in self.done if run.distance)


class Runner:
    """Runs searches, remembers what was given up, and keeps a log where one is named."""

    def __init__(self, data: Path, limit: float, log: Path | None) -> None:
        self._data, self.limit, self._log = data, limit, log
        self._given_up: dict[tuple[object, ...], int] = {}
        self._known = _read_log(log)
        self._warm: set[str] = set()

    def run(self, setting: Setting, search: Search, seeds: Iterable[int], ours: bool) -> Runs:
        """Run a search on the tables of some seeds."""
        done = []
        family = (search.name, *setting.family)
        for seed in seeds:
            if self._given_up.get(family, setting.rows + 1) <= setting.rows:
                break
            run = self._known.get((setting.name, search.name, seed)) or self._run(setting, search, seed, ours)
            done.append(run)
            if run.distance is None:
                self._given_up[family] = setting.rows
        late = self._given_up.get(family, setting.rows + 1) <= setting.rows
        return Runs(search, tuple(done), late)

    def _run(self, setting: Setting, search: Search, seed: int, ours: bool) -> Run:
        case = setting.draw(seed, self._data)
        if not search.takes_knowledge:
            case = Case(case.frame, case.edges, Knowledge())
        self._warm_up(setting, search, case, f"{setting.name} {seed}" if ours else setting.kind)
        said = ""
        try:
            marks, seconds = timed(search, case, self.limit)
        except Exception as error:  # a peer that fails on a table is a result, not the end of the run
            marks, seconds, said = None, self.limit, f"{type(error).__name__}: {str(error)[:80]}"
        names = tuple(case.frame.columns)
        distance = None if marks is None else compare(marks, best_marks(setting, case), names, case.knowledge)
        run = Run(seed, seconds, distance, said)
        self._write(setting, search, run)
        return run

    def _warm_up(self, setting: Setting, search: Search, case: Case, table: str) -> None:
        """Compile and import before the clock runs: ours on the very table, a peer on a few rows and columns."""
        ours, key = table != setting.kind, f"{table} {search.name}"
        if key in self._warm:
            return
        self._warm.add(key)
        small = case if ours else Case(case.frame.iloc[:200, :5], set(), Knowledge())
        with contextlib.suppress(Exception):  # the run itself will say
            timed(search, small, max(self.limit, COMPILING))

    def _write(self, setting: Setting, search: Search, run: Run) -> None:
        if self._log is not None:
            line = {"setting": setting.name, "search": search.name, **asdict(run)}
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _read_log(log: Path | None) -> dict[tuple[str, str, int], Run]:
    if log is None or not log.exists():
        return {}
    found = {}
    for text in log.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        distance = Distance(**line["distance"]) if line["distance"] else None
        run = Run(line["seed"], line["seconds"], distance, line["said"])
        found[(line["setting"], line["search"], run.seed)] = run
    return found


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
