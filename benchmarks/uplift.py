"""What the advice of each learner changes, as a share of what is possible, on markets whose truth is known.

    python -m benchmarks.uplift --seeds 10 --results out/uplift.jsonl
    python -m benchmarks.uplift --seeds 3 --cells bad-control-low collider-low --customers 1000 --products 100

The grid: plain markets by strength of confounding (0, .5, 1) and overlap (low, high); a bad control, an M-collider,
undated attributes and latent targeting at strength 1 and both overlaps. Nothing is tuned here: every learner runs with
its defaults, once for each market; one seed is one market. All cells of a seed are run before the next seed, each
market is printed and kept as it comes, and the same command goes on from the results file.
About 30 CPU seconds a market.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.targeting.cells import CELLS, make_cell
from benchmarks.targeting.rivals import advise, set_stage
from benchmarks.targeting.tally import Measured, append, load, show
from benchmarks.targeting.yardsticks import FIGURES, judge

__all__ = ["main", "measure"]


def measure(cell: str, seed: int, customers: int = 400, products: int = 50, periods: int = 10) -> Measured:
    """Run every arm on one market.

    Examples
    --------
    >>> measure("plain-1-low", 100, customers=200, products=20).figures["random"]["share"]  # doctest: +SKIP
    0.0
    """
    place = list(CELLS).index(cell)
    market_seed, fit_seed = (int(s) for s in np.random.SeedSequence([seed, place]).generate_state(2))
    stage = set_stage(make_cell(cell, customers, products, periods, market_seed), fit_seed)
    found = list(advise(stage))
    return Measured(
        cell,
        seed,
        (customers, products, periods),
        {one.arm: dict(judge(stage, one).figures) for one in found},
        {one.arm: one.cpu for one in found},
        {one.arm: one.note for one in found},
        stage.panel.left_out,
    )


def _say(one: Measured) -> None:
    shares = ", ".join(f"{arm} {figures['share']:.3f}" for arm, figures in one.figures.items())
    print(f"[{time.process_time():,.0f} CPU s] {one.cell}, seed {one.seed}: {shares}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, then print the tables of everything measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="markets for each cell")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS), help="all by default")
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--periods", type=int, default=10, help="of 28 days")
    parser.add_argument("--results", type=Path, help="file of what was measured; a run goes on from it")
    parser.add_argument("--show", action="store_true", help="print the tables of the results file and run nothing")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; use 1 or more")
    size = (options.customers, options.products, options.periods)
    measured = load(options.results, size)
    done = {(one.cell, one.seed) for one in measured}
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    wanted = [] if options.show else [(cell, seed) for seed in seeds for cell in options.cells]
    for cell, seed in wanted:
        if (cell, seed) in done:
            continue
        one = measure(cell, seed, *size)
        _say(one)
        measured.append(one)
        if options.results is not None:
            append(options.results, one)
    print(f"{size[0]:,} customers x {size[1]:,} products, {size[2]} periods of 28 days")
    for name, meaning in FIGURES.items():
        print(f"  {name:<9} {meaning}")
    show(measured)


if __name__ == "__main__":
    main()
