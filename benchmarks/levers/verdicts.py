"""The tables of `benchmarks.prescription` and whether each target is met.

Hides the averaging. Shares of the oracle are means over seeds; a difference between two rules is paired by seed, with
its standard error.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from benchmarks.levers.structures import STRUCTURES

__all__ = ["show"]

OURS, RIVAL = "ours, true graph", "what-if without consequences"
MATTERS = ("mediated",)
"""Markets where a mediated lever or costs matter."""


def show(rows: pd.DataFrame) -> None:
    """Print a table for each market, then the targets."""
    if rows.empty:
        print("no rows yet")
        return
    for name in [name for name in STRUCTURES if name in set(rows["structure"])]:
        _table(STRUCTURES[name].title, rows[rows["structure"] == name])
    print("\ntargets")
    for name in [name for name in STRUCTURES if name in set(rows["structure"])]:
        for line in _targets(name, rows[rows["structure"] == name]):
            print(f"  {name:<9} {line}")


def _table(title: str, rows: pd.DataFrame) -> None:
    seeds = rows["seed"].nunique()
    print(f"\n{title} ({seeds} seeds; share of the oracle with its standard error, means of the rest)")
    head = ("of oracle", "promised", "advised", "harmed", "slope", "ratio", "cover", "CPU s")
    print(f"{'rule':<36}" + f"{head[0]:>15}" + "".join(f"{word:>9}" for word in head[1:]))
    for rule in rows["rule"].unique():
        part = rows[rows["rule"] == rule]
        share = _share(part)
        figures = [part["promised"] / part["oracle"], part["advised"], _harmed(part), part["slope"], part["ratio"],
                   part["cover"], part["seconds"]]  # fmt: skip
        cells = "".join(_cell(values) for values in figures)
        print(f"{rule:<36}{share.mean():>8.3f} ± {_error(share):.3f}{cells}" + _noted(part))


def _share(part: pd.DataFrame) -> pd.Series:
    return part.set_index("seed")["realised"] / part.set_index("seed")["oracle"]


def _harmed(part: pd.DataFrame) -> pd.Series:
    """Share of all advised, the seeds together."""
    total = part["advised"].sum()
    return pd.Series([float((part["harmed"] * part["advised"]).sum() / total) if total > 0 else np.nan])


def _cell(values: pd.Series) -> str:
    known = values.dropna()
    return f"{known.mean():9.3f}" if len(known) else f"{'-':>9}"


def _error(values: pd.Series) -> float:
    return float(values.std() / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _noted(part: pd.DataFrame) -> str:
    graded = [float(note.split()[1]) for note in part["note"] if note.startswith("B ")]
    return f"   graded B {np.mean(graded):.0%}" if graded else ""


def _targets(name: str, rows: pd.DataFrame) -> list[str]:
    ours = rows[rows["rule"] == OURS]
    gap = (_share(ours) - _share(rows[rows["rule"] == RIVAL])).dropna()
    error = _error(gap)
    if name in MATTERS:
        word = "meets" if gap.mean() > 2 * error else "MISSES"
        lines = [f"ours less {RIVAL}: {gap.mean():+.3f} ± {error:.3f}, {word} more than two standard errors"]
    else:
        word = "meets" if gap.mean() > -2 * error else "MISSES"
        lines = [f"ours less {RIVAL}: {gap.mean():+.3f} ± {error:.3f}, {word} a tie or better"]
    harmed, slope, cover = float(_harmed(ours).iloc[0]), ours["slope"].mean(), ours["cover"].mean()
    lines.append(f"harmed {harmed:.3f}, {'meets' if harmed <= 0.02 else 'MISSES'} .02")
    lines.append(f"slope {slope:.3f}, {'meets' if 0.9 <= slope <= 1.1 else 'MISSES'} .9-1.1")
    lines.append(f"cover {cover:.3f}, {'meets' if 0.85 <= cover <= 0.95 else 'MISSES'} .85-.95")
    lines.append(_discovered(rows))
    return lines


def _discovered(rows: pd.DataFrame) -> str:
    """The loss with the discovered graph, and what mending each wrong edge alone would bring back."""
    found = rows[rows["rule"] == "ours, discovered graph"]
    loss = (_share(rows[rows["rule"] == OURS]) - _share(found)).dropna()
    gains: dict[str, list[float]] = defaultdict(list)
    for edges, oracle in zip(found["mended"], found["oracle"]):
        for edge, gain in edges if isinstance(edges, list) else []:
            gains[edge].append(gain / oracle)
    told = [
        f"{edge} in {len(values)} of {len(found)}, mending it alone {np.mean(values):+.3f}"
        for edge, values in sorted(gains.items(), key=lambda item: -sum(item[1]))
    ]
    edges = "; ".join(told) or "no wrong edge between levers and outcome"
    return f"discovered graph loses {loss.mean():.3f} ± {_error(loss):.3f} of the oracle: {edges}"
