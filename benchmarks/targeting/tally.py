"""What was measured so far, kept in a file, and the tables and verdicts read off it.

Hides the file: one JSON line for each market, appended when all arms are judged, so that a run that was cut off goes on
where it stopped and its tables can be printed at any time. A verdict compares with a stated target and says so when
it is missed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.targeting.cells import CELLS
from benchmarks.targeting.rivals import ALL_COLUMNS, NAIVE, OURS, REFERENCES, TRUE_PROPENSITIES
from benchmarks.targeting.yardsticks import DECILES, FIGURES, Judged, difference

__all__ = ["Measured", "append", "load", "show", "table"]

_GRADE = "; grades "


@dataclass(frozen=True, eq=False)
class Measured:
    """One market: its cell, its seed, and of each arm the figures, the CPU seconds and what it says of itself."""

    cell: str
    seed: int
    size: tuple[int, int, int]
    figures: Mapping[str, Mapping[str, float]]
    cpu: Mapping[str, float]
    notes: Mapping[str, str]
    left_out: Mapping[str, str]


def append(path: Path, one: Measured) -> None:
    """Add a market to the file."""
    with path.open("a") as file:
        file.write(json.dumps({**one.__dict__, "left_out": dict(one.left_out)}) + "\n")


def load(path: Path | None, size: tuple[int, int, int]) -> list[Measured]:
    """Markets of this size in the file; a line that was cut off is left out.

    Raises
    ------
    ValueError
        The file holds markets of another size.
    """
    if path is None or not path.is_file():
        return []
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(Measured(**{**(data := json.loads(line)), "size": tuple(data["size"])}))
        except json.JSONDecodeError:
            continue
    other = {one.size for one in found} - {size}
    if other:
        raise ValueError(f"{path} holds markets of size {sorted(other)[0]}, not {size}; name another file")
    return found


def table(cell: Sequence[Measured]) -> pd.DataFrame:
    """Means over the markets of a cell, one row for each arm; columns `FIGURES`, `DECILES` and the CPU seconds."""
    arms = list(cell[0].figures)
    means = {
        arm: {name: float(np.mean([one.figures[arm][name] for one in cell])) for name in (*FIGURES, *DECILES)}
        | {"CPU s": float(np.mean([one.cpu[arm] for one in cell]))}
        for arm in arms
    }
    return pd.DataFrame.from_dict(means, orient="index")


def show(measured: Sequence[Measured]) -> None:
    """Print the tables of all cells, then the verdicts."""
    cells = [name for name in CELLS if any(one.cell == name for one in measured)]
    for name in cells:
        _show_cell(name, [one for one in measured if one.cell == name])
    print("\n## Targets")
    for line in _verdicts(measured, cells):
        print(line)


def _show_cell(name: str, cell: Sequence[Measured]) -> None:
    print(f"\n## {name}: {CELLS[name].title} ({len(cell)} markets)\n")
    found = table(cell)
    names = [*FIGURES, "CPU s"]
    print(f"{'means':<36}" + "".join(f"{column:>9}" for column in names) + "  share minus all-columns T [95 %]")
    for arm, row in found.iterrows():
        cells = [f"{'-':>9}" if np.isnan(row[c]) else f"{row[c]:9.3f}" for c in names]
        print(f"{arm:<36}" + "".join(cells) + _gap(cell, str(arm), ALL_COLUMNS))
    for arm in (*OURS, "DR-learner", "X-learner"):
        deciles = " ".join(f"{found.loc[arm, c]:.2f}" for c in DECILES)
        print(f"cover by decile of predicted uplift, highest first: {arm}: {deciles}")
    for arm, note in cell[0].notes.items():
        if note:
            print(f"{arm}: {note}")
    if cell[0].left_out:
        print("in no panel: " + "; ".join(f"{column} ({why})" for column, why in cell[0].left_out.items()))


def _gap(cell: Sequence[Measured], arm: str, rival: str) -> str:
    if arm == rival or arm in REFERENCES:
        return ""
    gap = difference("share", *(_judged(cell, one) for one in (arm, rival)))
    return "" if gap is None else f"  {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def _judged(cell: Sequence[Measured], arm: str) -> list[Judged]:
    return [Judged(one.figures[arm]) for one in cell]


def _verdicts(measured: Sequence[Measured], cells: Sequence[str]) -> list[str]:
    lines = []
    for name in cells:
        cell = [one for one in measured if one.cell == name]
        found = table(cell)
        for arm in OURS:
            said = [_place(cell, found, arm), _calibration(found, arm), _bias(found, arm, CELLS[name].confounded)]
            if not CELLS[name].identified:
                said.append(_refusal(cell, arm))
            lines.append(f"{name:<18} {arm:<24} " + "; ".join(said))
        known = [(arm, knowing) for arm, knowing in TRUE_PROPENSITIES.items() if knowing in found.index]
        lines += [f"{name:<18} {_ratio(found, arm, knowing)}" for arm, knowing in known]
    return lines


def _place(cell: Sequence[Measured], found: pd.DataFrame, arm: str) -> str:
    rivals = found["share"].drop([name for name in (*REFERENCES, *OURS) if name in found.index])
    best = str(rivals.idxmax())
    gap = difference("share", _judged(cell, arm), _judged(cell, best))
    share = f"share {found.loc[arm, 'share']:.3f} against {rivals[best]:.3f} ({best})"
    if gap is None:
        return share
    word = "first" if gap.low > 0 else "MISSED, behind" if gap.high < 0 else "tied"
    return f"{share}, {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]: {word}"


def _calibration(found: pd.DataFrame, arm: str) -> str:
    slope, cover = found.loc[arm, "slope"], found.loc[arm, "cover"]
    return f"slope {slope:.2f} ({'meets' if 0.8 <= slope <= 1.2 else 'MISSES'} .8-1.2), cover {cover:.2f}"


def _bias(found: pd.DataFrame, arm: str, confounded: bool) -> str:
    bias, naive = abs(found.loc[arm, "ATE bias"]), abs(found.loc[NAIVE, "ATE bias"])
    word = "" if not confounded else " (meets a third)" if bias < naive / 3 else " (MISSES a third)"
    return f"|ATE bias| {bias:.4f} against naive {naive:.4f}{word}"


def _ratio(found: pd.DataFrame, arm: str, knowing: str) -> str:
    ratio = found.loc[arm, "share"] / found.loc[knowing, "share"]
    return f"{arm}: {ratio:.2f} of itself with true propensities ({'meets' if ratio >= 0.85 else 'MISSES'} .85)"


def _refusal(cell: Sequence[Measured], arm: str) -> str:
    """How often an effect that cannot be identified was refused or graded C, where the arm says so."""
    notes = [one.notes[arm] for one in cell]
    careful = sum(_GRADE in note and not set(note.split(_GRADE)[1].split(";")[0]) & set("AB") for note in notes)
    same = sum("so the same model" in note for note in notes)
    return f"graded C or X in {careful} of {len(cell) - same}" + (f" ({same} as above)" if same else "")
