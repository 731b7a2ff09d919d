"""Appetite beside its peers: how well products are ranked that customers took later, and what fitting costs.

    python -m benchmarks.accuracy [gowalla] [lastfm] [ml-100k] [--data DIR] [--tries N]

Every model tries the same number of settings on the validation part (fewer where it has fewer), the best by NDCG is
refitted and meets the test part once. Weights of the mixtures are chosen on the validation part too. CPU seconds of one
thread are printed for one fit and for all tries; a row stands as soon as it is known. Install `recbole` for ml-100k and
its LightGCN, `implicit` for ALS and BPR; what is missing is said and left out. `--graph-epochs 40` trains LightGCN too.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from scipy import sparse

from benchmarks.tasting.judging import Figures, judge
from benchmarks.tasting.tastes import Tastes, read_tastes
from graphrec.learning.appetites.exponents import tune_filter
from graphrec.learning.appetites.mixing import mixture_weights
from graphrec.learning.appetites.recipes import RECIPES
from graphrec.learning.appetites.scorers import Mixture, Scorer, Weight
from graphrec.learning.filters import DENSE_PRODUCTS, FilterConfig
from graphrec.market.tables import DataError

__all__ = ["GRIDS", "main"]

GRIDS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "popular": {},
    "item-knn": {"neighbours": (100, 200), "shrink": (0.0, 10.0, 50.0)},
    "rp3beta": {"beta": (0.6, 0.4, 0.8), "alpha": (1.0, 0.8)},
    "ease": {"ridge": (200.0, 400.0, 100.0, 800.0, 1600.0, 50.0)},
    "als": {"regularization": (10.0, 30.0, 3.0), "alpha": (1.0, 4.0)},
    "bpr": {"learning_rate": (0.05, 0.02), "epochs": (100, 300)},
    "low-pass": {"components": (256, 64), "target": (0.5, 0.25, 0.4)},
    "likeness": {"source": (0.25, 0.5), "answer": (0.25, 0.0), "power": (1.5, 1.0)},
    "local ridge": {"customer": (0.25, 0.5), "penalty": (20.0, 8.0, 3.0)},
    "ridge of customers": {"penalty": (20.0, 8.0), "customer": (0.25, 0.5)},
    "filter": {"ease": (1.0, 0.9, 0.7), "ridge": (400.0, 200.0)},
    "default": {},
}
"""Settings to try, the first of each being tried first."""
MIXTURES = {
    "quick mixture": ("local ridge", "likeness", "low-pass"),
    "mixture of 3": ("filter", "likeness", "low-pass"),
    "mixture of 5": ("filter", "local ridge", "ridge of customers", "likeness", "low-pass"),
}
_JUDGED = 3000


def _settings(name: str, tries: int, products: int) -> list[dict[str, Any]]:
    grid = dict(GRIDS[name])
    if name == "filter":
        grid = grid if products <= DENSE_PRODUCTS else {"ease": (0.5, 0.7, 0.9), "penalty": (8.0, 20.0)}
    if name == "als" and products > DENSE_PRODUCTS:  # sparser pairs: more factors, more weight on what was taken
        grid = {"factors": (128,), "alpha": (40.0, 10.0), "regularization": (10.0, 30.0, 100.0)}
    combined = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    return combined[:tries]


def _fit(name: str, histories: sparse.csr_array, settings: Mapping[str, Any]) -> Scorer:
    if name in ("filter", "default"):
        return RECIPES["filter"](histories, FilterConfig(**settings))
    return RECIPES[name](histories, **settings)


def _timed(fit: Callable[[], Scorer]) -> tuple[Scorer, float]:
    start = time.process_time()
    return fit(), time.process_time() - start


@dataclass(frozen=True, eq=False)
class _Tuned:
    settings: Mapping[str, Any]
    scorer: Scorer
    seconds: float


def _tune(name: str, tastes: Tastes, tries: int) -> _Tuned:
    """Settings with the best NDCG on the validation part; "default" is tuned as the Recommender tunes its filter."""
    start, best = time.process_time(), None
    if name == "default":
        config = asdict(tune_filter(tastes.train, tastes.validation))
        del config["sharpness"]
        return _Tuned(config, _fit(name, tastes.train, config), time.process_time() - start)
    for settings in _settings(name, tries, tastes.train.shape[1]):
        scorer = _fit(name, tastes.train, settings)
        gain = judge(scorer, tastes.validation, tastes.train, tastes.depth, _JUDGED).ndcg
        if best is None or gain > best[0]:
            best = (gain, settings, scorer)
    assert best is not None
    return _Tuned(best[1], best[2], time.process_time() - start)


def _row(name: str, figures: Figures, fit: float, tuning: float, said: str) -> None:
    print(
        f"{name:22s} {figures.recall:.4f} {figures.ndcg:.4f} ± {figures.error:.4f} {fit:9.2f} {tuning:9.1f}  {said}",
        flush=True,
    )


def compare(tastes: Tastes, tries: int, models: Iterable[str] = GRIDS) -> None:
    """Print a row for each model, and for each mixture whose parts are among them."""
    n, m = tastes.whole.shape
    print(f"\n{tastes.name}: {n:,} customers x {m:,} products, {tastes.whole.nnz:,} pairs to learn from")
    print(
        f"{'':22s} {'rec@' + str(tastes.depth):6s} {'NDCG@' + str(tastes.depth):15s} {'fit CPU s':>9s} {'tuning':>9s}"
    )
    tuned: dict[str, _Tuned] = {}
    seconds: dict[str, float] = {}
    fitted: dict[str, Scorer] = {}
    for name in models:
        try:
            tuned[name] = _tune(name, tastes, tries)
        except DataError as error:
            print(f"{name:22s} left out: {error}", flush=True)
            continue
        fitted[name], seconds[name] = _timed(partial(_fit, name, tastes.whole, tuned[name].settings))
        figures = judge(fitted[name], tastes.test, tastes.seen, tastes.depth)
        _row(name, figures, seconds[name], tuned[name].seconds, _words(tuned[name].settings))
    for name, parts in MIXTURES.items():
        if not set(parts) <= set(tuned):
            continue
        start = time.process_time()
        chosen = [tuned[part].scorer for part in parts]
        weights = mixture_weights(chosen, tastes.validation, tastes.train)
        tuning = time.process_time() - start + sum(tuned[part].seconds for part in parts)
        mixture = Mixture.of([fitted[part] for part in parts], weights, tastes.whole)
        figures = judge(mixture, tastes.test, tastes.seen, tastes.depth)
        fit = sum(seconds[part] for part, weight in zip(parts, weights) if weight.share > 0)
        _row(name, figures, fit, tuning, "; ".join(f"{part} {_weight(x)}" for part, x in zip(parts, weights)))


def _weight(weight: Weight) -> str:
    return f"{weight.share:g}" + (f" x length^{weight.growth:g}" if weight.share and weight.growth else "")


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in settings.items())


def main() -> None:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["ml-100k", "lastfm", "gowalla"])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("--models", nargs="*", choices=list(GRIDS), default=list(GRIDS))
    parser.add_argument("--graph-epochs", type=int, default=0, help="also train LightGCN, ours and the peers'")
    given = parser.parse_args()
    warm = sparse.csr_array(np.ones((5, 5), dtype=np.float32))
    for name in ("filter", "local ridge", "likeness"):  # compiled before anything is timed
        judge(RECIPES[name](warm), warm, sparse.csr_array((5, 5), dtype=np.float32), 2)
    with threadpoolctl.threadpool_limits(1):
        for name in given.sets:
            try:
                tastes = read_tastes(name, given.data)
            except FileNotFoundError as error:
                print(f"\n{name} left out: {error}")
                continue
            compare(tastes, given.tries, given.models)
            if given.graph_epochs:
                from benchmarks.tasting.graphpeers import compare_graphs

                compare_graphs(tastes, given.graph_epochs)


if __name__ == "__main__":
    main()
