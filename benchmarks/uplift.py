"""What the advice of each learner changes, as a share of what is possible, on markets whose truth is known.

    python -m benchmarks.uplift --seeds 10
    python -m benchmarks.uplift --seeds 3 --cells bad-control collider --customers 2000 --products 200

Nothing is tuned here: every learner runs with its defaults, once for each market. One seed is one market. The intervals
are of paired differences to the T-learner on all pre-decision columns. A percentile bootstrap over fewer than about
six markets is too narrow, so Student's interval stands beside it for the share.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cells import CELLS, make_cell
from benchmarks.rivals import ALL_COLUMNS, OURS, PANEL_COLUMNS, REFERENCES, advise, set_stage
from benchmarks.yardsticks import FIGURES, Judged, difference, judge, run_trial, student

__all__ = ["Result", "compare", "main", "show", "table"]

_COMPARED = ("share", "CP@3", "Qini", "best 10%", "rPEHE", "ATE bias")


@dataclass(frozen=True, eq=False)
class Result:
    """Everything measured in one cell.

    Attributes
    ----------
    cell : str
    judged : mapping of str to sequence of Judged
        Arm to its figures, one for each seed; arms in the order of the table.
    cpu : mapping of str to float
        Mean CPU seconds of each arm.
    notes : mapping of str to str
        Arm to what it says of itself on the first market.
    left_out : mapping of str to str
        Columns that the panel keeps out of every model, with the reason, on the first market.
    rows : int
        Rows of the first panel.
    """

    cell: str
    judged: Mapping[str, Sequence[Judged]]
    cpu: Mapping[str, float]
    notes: Mapping[str, str]
    left_out: Mapping[str, str]
    rows: int


def compare(
    cell: str,
    seeds: Iterable[int],
    *,
    customers: int = 1_000,
    products: int = 100,
    periods: int = 12,
    ablations: bool = False,
) -> Result:
    """Run every arm on one market for each seed.

    Examples
    --------
    >>> result = compare("plain", [0], customers=200, products=20)  # doctest: +SKIP
    """
    judged: dict[str, list[Judged]] = {}
    cpu: dict[str, list[float]] = {}
    notes: dict[str, str] = {}
    left_out: Mapping[str, str] = {}
    rows = 0
    for seed in seeds:
        market_seed, fit_seed, trial_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(3))
        stage = set_stage(make_cell(cell, customers, products, periods, market_seed), fit_seed)
        trial = run_trial(stage, np.random.default_rng(trial_seed))
        left_out, rows = left_out or stage.panel.left_out, rows or len(stage.panel.frame)
        for advice in advise(stage, ablations=ablations):
            judged.setdefault(advice.arm, []).append(judge(stage, advice, trial))
            cpu.setdefault(advice.arm, []).append(advice.cpu)
            notes.setdefault(advice.arm, advice.note)
        _progress(f"{cell}, seed {seed}: {_shares(judged)}")
    return Result(cell, judged, {arm: float(np.mean(times)) for arm, times in cpu.items()}, notes, left_out, rows)


def _shares(judged: Mapping[str, Sequence[Judged]]) -> str:
    return ", ".join(f"{arm} {figures[-1].figures['share']:.3f}" for arm, figures in judged.items())


def _progress(text: str) -> None:
    print(f"[{time.process_time():,.0f} CPU s] {text}", file=sys.stderr, flush=True)


def table(result: Result) -> pd.DataFrame:
    """Means over the seeds, one row for each arm and one column for each of `FIGURES` and the CPU seconds."""
    means = {
        arm: {figure: float(np.mean([one.figures[figure] for one in judged])) for figure in FIGURES}
        for arm, judged in result.judged.items()
    }
    frame = pd.DataFrame.from_dict(means, orient="index", columns=list(FIGURES))
    return frame.assign(**{"CPU s": pd.Series(result.cpu)})


def show(result: Result) -> None:
    """Print the means, the differences, what the arms say of themselves and the verdict."""
    seeds = len(result.judged[ALL_COLUMNS])
    print(f"\n## {CELLS[result.cell].title} ({seeds} seeds, {result.rows:,} panel rows)\n")
    print(f"{'means':<36}" + "".join(f"{name:>10}" for name in [*FIGURES, "CPU s"]))
    for arm, row in table(result).iterrows():
        cells = [f"{value:10.1f}" if name == "CPU s" else _number(value) for name, value in row.items()]
        print(f"{arm:<36}" + "".join(cells))
    _show_differences(result, ALL_COLUMNS)
    _show_notes(result)
    print("\n".join(_verdict(result)), flush=True)


def _number(value: float) -> str:
    return f"{'-':>10}" if np.isnan(value) else f"{value:10.3f}"


def _show_differences(result: Result, rival: str) -> None:
    names = [f"{name}|" if name == "ATE bias" else name for name in _COMPARED]
    print(f"\n{'minus ' + rival:<36}" + "".join(f"{name.replace('ATE', '|ATE'):>24}" for name in names))
    for arm, judged in result.judged.items():
        if arm == rival or arm in REFERENCES:
            continue
        cells = []
        for figure in _COMPARED:
            found = difference(figure, judged, result.judged[rival]) if _is_known(figure, judged) else None
            text = "-" if found is None else f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
            cells.append(f"{text:>24}")
        wide = student("share", judged, result.judged[rival])
        print(f"{arm:<36}" + "".join(cells) + ("" if wide is None else f"   t [{wide.low:+.3f}, {wide.high:+.3f}]"))


def _is_known(figure: str, judged: Sequence[Judged]) -> bool:
    return bool(np.isfinite([one.figures[figure] for one in judged]).all())


def _show_notes(result: Result) -> None:
    print()
    for arm, note in result.notes.items():
        if note:
            print(f"{arm}: {note}")
    if result.left_out:
        print("in no panel: " + "; ".join(f"{name} ({why})" for name, why in result.left_out.items()))


def _verdict(result: Result) -> list[str]:
    """Ours against each strong rival by share, and every arm whose mean is ahead of it."""
    lines = []
    means = table(result)["share"].drop([arm for arm in REFERENCES if arm in result.judged])
    for arm in OURS:
        said = [_against(result, arm, rival) for rival in (ALL_COLUMNS, PANEL_COLUMNS)]
        ahead = [name for name, value in means.items() if value > means[arm] and name not in OURS]
        place = "first" if not ahead else "behind: " + "; ".join(_against(result, arm, str(name)) for name in ahead)
        lines.append(f"=> {arm}: share {means[arm]:.3f}, {', '.join(said)}, {place}")
    return lines


def _against(result: Result, arm: str, rival: str) -> str:
    gap = difference("share", result.judged[arm], result.judged[rival])
    word = "ties with" if gap is None or not gap.excludes_zero else "beats" if gap.value > 0 else "LOSES to"
    return f"{word} {rival}" + ("" if gap is None else f" ({gap.value:+.3f})")


def _save(results: Sequence[Result], path: Path) -> None:
    """One line for each cell, arm, seed and figure."""
    lines = [
        {"cell": result.cell, "arm": arm, "seed": seed, **one.figures}
        for result in results
        for arm, judged in result.judged.items()
        for seed, one in enumerate(judged)
    ]
    pd.DataFrame(lines).to_csv(path, index=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="markets for each cell")
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS), help="all by default")
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--products", type=int, default=100)
    parser.add_argument("--periods", type=int, default=12, help="of 28 days")
    parser.add_argument("--ablations", action="store_true", help="also our head on all pre-decision columns")
    parser.add_argument("--out", type=Path, help="write every figure of every seed to this CSV file")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; use 1 or more")
    print(f"{options.customers:,} customers x {options.products:,} products, {options.periods} periods of 28 days")
    for name, meaning in FIGURES.items():
        print(f"  {name:<9} {meaning}")
    results = []
    for cell in options.cells:
        result = compare(
            cell,
            range(options.seeds),
            customers=options.customers,
            products=options.products,
            periods=options.periods,
            ablations=options.ablations,
        )
        results.append(result)
        show(result)
        if options.out is not None:
            _save(results, options.out)


if __name__ == "__main__":
    main()
