"""What a prescription realises of what is possible: importance, what-if, counterfactuals and ours, against an oracle.

    python -m benchmarks.prescription --seeds 10
    python -m benchmarks.prescription --seeds 10 --results rows.jsonl     # goes on where it was cut off
    python -m benchmarks.prescription --results rows.jsonl --show

Three markets with known equations (`benchmarks.levers.structures`). Every rule is judged by the true equations on
customers that nothing was fitted on; ours chooses on some of the customers and promises on others, as
`graphrec.prescribe` does. Harmed are those of the advised whose true net effect is negative.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.levers.advisers import Advice, advise_by_importance, advise_by_moves, advise_ours
from benchmarks.levers.counterfactuals import MISSING, advise_by_counterfactuals, available
from benchmarks.levers.structures import STRUCTURES, Structure
from benchmarks.levers.verdicts import show
from benchmarks.levers.wronggraphs import discover_graph, mend_edges, wrong_graphs
from causal.scm import StructuralModel
from graphrec.decisions.prescriptions.moves import search_moves
from ontology import load_ontology

__all__ = ["judge", "main", "measure"]

ORACLE = "oracle"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the rows as they come, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=5_000, help="customers to learn from")
    parser.add_argument("--test", type=int, default=500, help="customers to advise")
    parser.add_argument("--dice", type=int, default=10, help="customers that DiCE advises in each market and seed")
    parser.add_argument("--only", nargs="+", choices=list(STRUCTURES), default=list(STRUCTURES))
    parser.add_argument("--results", type=Path, help="file that rows are appended to and read from")
    parser.add_argument("--show", action="store_true", help="only print the tables of the file")
    options = parser.parse_args(arguments)
    size = {"rows": options.rows, "test": options.test}
    found = _read(options.results, size)
    if not options.show:
        if options.dice and not available():
            print(MISSING, flush=True)
        done = {(row["structure"], row["seed"]) for row in found}
        for seed in range(options.seeds):
            for name in options.only:
                if (name, seed) not in done:
                    rows = [{**row, **size} for row in measure(STRUCTURES[name], seed, options)]
                    found += rows
                    _keep(options.results, rows)
                    _tell(rows)
    show(pd.DataFrame(found))


def measure(structure: Structure, seed: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Judge every rule on one market; one row for each rule."""
    draw = np.random.default_rng([seed, 17])
    train, new = structure.draw(options.rows, draw), structure.draw(options.test, draw)
    start = time.process_time()
    ours, mechanism = advise_ours(structure, train, new, structure.graph(), seed, appraise=True)
    spent = time.process_time() - start
    if mechanism.choice is None:
        raise RuntimeError("the true graph leaves no lever")
    fitted = mechanism.choice.model
    exact = structure.truth(fitted)
    best = search_moves(
        exact, new, mechanism.levers, structure.outcome, costs=dict(structure.costs), maximum_moves=structure.most
    )
    perfect = advise_by_moves(best)
    ideal = np.where(perfect.acting, _net(structure, exact, new, perfect), 0.0)
    rows: list[dict[str, Any]] = []

    def add(rule: str, advice: Advice, seconds: float, who: pd.DataFrame = new, **more: Any) -> None:
        figures = judge(structure, exact, who, advice)
        oracle = float(ideal[: len(who)].mean())
        rows.append({"structure": structure.name, "seed": seed, "rule": rule, "oracle": oracle, "seconds": seconds,
                     "note": advice.note, **figures, **more})  # fmt: skip

    add(ORACLE, perfect, 0.0)
    for rule, advise in advise_by_importance(structure, train, new, fitted).items():
        start = time.process_time()
        add(rule, advise(), time.process_time() - start)
    if options.dice and available():
        start, few = time.process_time(), new.head(options.dice).reset_index(drop=True)
        advice = advise_by_counterfactuals(structure, train, few, seed)
        add("DiCE", advice, time.process_time() - start, few)
    add("ours, true graph", ours, spent)
    graph = discover_graph(structure, train, seed)
    found, _ = advise_ours(structure, train, new, graph, seed)
    mended = mend_edges(structure, graph, lambda g: _gain(structure, exact, train, new, g, seed))
    add("ours, discovered graph", found, 0.0, mended=mended)
    for rule, wrong in wrong_graphs(structure).items():
        start = time.process_time()
        advice, _ = advise_ours(structure, train, new, wrong.graph, seed, wrong.roles, appraise=wrong.appraise)
        add(rule, advice, time.process_time() - start)
    return rows


def _gain(
    structure: Structure, exact: StructuralModel, train: pd.DataFrame, new: pd.DataFrame, graph: Any, seed: int
) -> float:
    advice, _ = advise_ours(structure, train, new, graph, seed)
    return float(judge(structure, exact, new, advice)["realised"])


def judge(structure: Structure, exact: StructuralModel, new: pd.DataFrame, advice: Advice) -> dict[str, float]:
    """True figures of an advice.

    Returns
    -------
    dict
        realised and promised (mean net gain of all customers), advised (share), harmed (share of the advised), slope
        and ratio (true effect on promised one among the advised), cover (share of the promises' intervals that hold).
    """
    acting = advice.acting
    true = _net(structure, exact, new, advice) + advice.cost
    net = np.where(acting, true - advice.cost, 0.0)
    known = acting & np.isfinite(advice.promised)
    bounded = acting & np.isfinite(advice.low)
    inside = (true >= advice.low) & (true <= advice.high)
    varies = known.sum() > 2 and np.ptp(advice.promised[known]) > 1e-9
    return {
        "realised": float(net.mean()),
        "promised": float(np.where(known, advice.promised - advice.cost, 0.0).mean()) if known.any() else float("nan"),
        "advised": float(acting.mean()),
        "harmed": float((net[acting] < -1e-9).mean()) if acting.any() else 0.0,
        "slope": float(np.polyfit(advice.promised[known], true[known], 1)[0]) if varies else float("nan"),
        "ratio": float(true[known].sum() / advice.promised[known].sum()) if known.any() else float("nan"),
        "cover": float(inside[bounded].mean()) if bounded.any() else float("nan"),
        "width": float((advice.high - advice.low)[bounded].mean()) if bounded.any() else float("nan"),
    }


def _net(structure: Structure, exact: StructuralModel, new: pd.DataFrame, advice: Advice) -> np.ndarray:
    """True net gain of each customer; minus the cost where only consequences are moved."""
    moved = {c: np.where(advice.targets[c].notna(), advice.targets[c], new[c]) for c in advice.targets.columns}
    kept = {column: values for column, values in moved.items() if structure.outcome in exact.descendants(column)}
    true = exact.outcome_effect(new, kept, structure.outcome) if kept else np.zeros(len(new))
    return np.asarray(true - advice.cost)


def _read(path: Path | None, size: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of this size in the file; a market of which a line was cut off is measured again."""
    if path is None or not path.is_file():
        return []
    rows = list(_lines(path.read_text(encoding="utf-8").splitlines()))
    other = [row for row in rows if any(row[name] != value for name, value in size.items())]
    if other:
        raise SystemExit(f"{path} holds runs with other --rows or --test; name another file")
    return rows


def _lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield from json.loads(line)
        except json.JSONDecodeError:
            continue


def _keep(path: Path | None, rows: list[dict[str, Any]]) -> None:
    """Append the rows of a market as one line, so that it is there whole or not at all."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rows) + "\n")


def _tell(rows: Sequence[Mapping[str, Any]]) -> None:
    shares = ", ".join(f"{row['rule']} {row['realised'] / row['oracle']:.2f}" for row in rows if row["rule"] != ORACLE)
    print(f"{rows[0]['structure']} {rows[0]['seed']}: {shares}", flush=True)


if __name__ == "__main__":
    load_ontology()  # its time belongs to nobody
    main()
