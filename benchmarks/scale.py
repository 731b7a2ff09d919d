"""What appetite costs as the company grows: fitting, memory, best products, drawn neighbours.

    python -m benchmarks.scale [--largest] [--sizes 25000 50000 100000 200000]

For each size (customers; a tenth as many products, about twenty pairs each) one line: CPU seconds of one thread for
fitting the filter, the peak of memory so far, and lists made in a second. Purchases follow groups of taste, products
are of very unequal popularity, as in shops. Then scoring of vectors: the best 100 of 100,000 products from 64 numbers,
beside the bare matrix product of the same sizes, which no exact search can beat; and edges drawn in a second by the
neighbour sampler. ``--largest`` goes up to 1,000,000 customers x 100,000 products; it needs minutes and gigabytes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import threadpoolctl
from scipy import sparse

from graphrec.learning.appetites.recipes import RECIPES
from graphrec.learning.appetites.scorers import Vectors
from graphrec.learning.appetites.topn import best_products
from graphrec.learning.sampling import draw_neighbours, index_neighbours

__all__ = ["main", "make_histories"]

_GROUPS = 200


def make_histories(customers: int, products: int, pairs: int, rng: np.random.Generator) -> sparse.csr_array:
    """Draw who bought what: half of a customer's purchases are of the own group of taste, popularity follows Zipf.

    Drawn pairs that come twice are kept once, so there are a few less than asked for.
    """
    length = rng.pareto(2.0, customers) + 0.5
    who = rng.choice(customers, pairs, p=length / length.sum()).astype(np.int32)
    rank = ((products + 10.0) / 10.0) ** rng.random(pairs) * 10.0 - 10.0  # log-uniform: Zipf with a flat head
    what = np.minimum(rank.astype(np.int64), products - 1)
    own = rng.random(pairs) < 0.5
    what[own] = (what[own] // _GROUPS * _GROUPS + who[own] % _GROUPS) % products
    keys = np.unique(who.astype(np.int64) * products + what)
    ones = np.ones(len(keys), dtype=np.float32)
    pointers = np.searchsorted(keys // products, np.arange(customers + 1))
    return sparse.csr_array((ones, (keys % products).astype(np.int32), pointers), shape=(customers, products))


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _peak() -> float:
    """Largest resident size of the process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def fitting(sizes: list[int]) -> None:
    """Print the cost of fitting and scoring at each size."""
    print(f"{'customers':>10s} {'products':>9s} {'pairs':>11s} {'fit CPU s':>10s} {'peak GiB':>9s} {'lists/s':>9s}")
    for customers in sizes:
        histories = make_histories(customers, customers // 10, customers * 28, np.random.default_rng(0))
        start = time.process_time()
        scorer = RECIPES["filter"](histories)
        fit = time.process_time() - start
        asked = np.arange(min(2000, customers))
        speed = len(asked) / _seconds(partial(best_products, scorer, asked, 100, histories))
        print(
            f"{customers:10,d} {customers // 10:9,d} {histories.nnz:11,d} {fit:10.1f} {_peak():9.2f} {speed:9,.0f}",
            flush=True,
        )


def scoring(customers: int = 4096, products: int = 100_000, size: int = 64) -> None:
    """Print the speed of exact lists from vectors and of the bare product."""
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(n, size)).astype(np.float32) for n in (customers, products))
    scorer = Vectors(np.ones(products, dtype=np.float32), customers, left, right)
    seen = sparse.csr_array((customers, products), dtype=np.float32)
    best_products(scorer, np.arange(300), 100, seen)
    limit = customers / min(_seconds(lambda: _product(left, right)) for _ in range(3))
    ours = customers / min(_seconds(lambda: best_products(scorer, np.arange(customers), 100, seen)) for _ in range(3))
    print(
        f"\nbest 100 of {products:,} products from {size} numbers: {ours:,.0f} customers a second, matrix product "
        f"alone {limit:,.0f}, ratio {ours / limit:.2f}",
        flush=True,
    )


def _product(left: np.ndarray, right: np.ndarray) -> None:
    out = np.empty((256, len(right)), dtype=np.float32)
    for first in range(0, len(left), 256):
        np.matmul(left[first : first + 256], right.T, out=out)


def sampling(edges: int = 20_000_000, nodes: int = 1_000_000) -> None:
    """Print how many edges are drawn in a second, without and with moments."""
    rng = np.random.default_rng(0)
    source, target, times = (rng.integers(0, n, edges) for n in (nodes // 10, nodes, 1_000_000))
    graph = index_neighbours(source, target, nodes, times)
    asked, moments = rng.integers(0, nodes, 200_000), rng.integers(500_000, 1_000_000, 200_000)
    draw_neighbours(graph, asked[:10], 10, before=moments[:10], rng=0)
    for name, before in (("any time", None), ("before a moment", moments)):
        start = time.process_time()
        drawn = len(draw_neighbours(graph, asked, 10, before=before, rng=0)[1])
        print(
            f"neighbours drawn, {name}: {drawn / (time.process_time() - start) / 1e6:.1f} M edges a second", flush=True
        )


def main() -> None:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[25_000, 50_000, 100_000, 200_000])
    parser.add_argument("--largest", action="store_true")
    given = parser.parse_args()
    RECIPES["filter"](make_histories(3500, 3500, 20_000, np.random.default_rng(0)))  # compiled before anything is timed
    with threadpoolctl.threadpool_limits(1):
        scoring()
        sampling()
        fitting([*given.sizes, *([1_000_000] if given.largest else [])])


if __name__ == "__main__":
    main()
