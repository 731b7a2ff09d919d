"""What the trained encoder adds to the filter: for known customers, new customers and new products.

    python -m benchmarks.coldstart [--seeds 3] [--first 0] [--customers 600] [--products 120]

On simulated markets a tenth of the customers and a tenth of the products lose everything they did before the cut;
their attributes and categories stay. Appetite is fitted before the cut as ``filter``, ``encoder`` and ``blend``, and
ranks what is bought in the rest of the time. Each line is NDCG@10 and its difference to the filter with the standard
error over markets, and in how many of them it is worse; new products are ranked among themselves, because beside known
ones nobody can rank them high.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import threadpoolctl
from scipy import sparse

import graphrec
from graphrec.learning.appetite import fit_appetite
from graphrec.learning.appetites.exponents import ndcg
from graphrec.learning.interactions import read_interactions
from graphrec.market.offers import make_offers
from graphrec.market.tables import Market

__all__ = ["Cut", "cut_market", "main"]

MODELS = ("filter", "encoder", "blend")
PARTS = ("everybody", "known customers", "new customers", "new products")


@dataclass(frozen=True, eq=False)
class Cut:
    """A market in which some have no past, the moment of the cut, who they are, and what is bought later."""

    market: Market
    moment: pd.Timestamp
    new_customers: np.ndarray
    new_products: np.ndarray
    later: sparse.csr_array


def cut_market(market: Market, rng: np.random.Generator, share: float = 0.1) -> Cut:
    """Take the past of a share of customers and products away."""
    moment = market.events["event_time"].quantile(0.75)
    n, m = len(market.vocabulary.customers), len(market.vocabulary.products)
    new_customers, new_products = (rng.choice(k, max(int(share * k), 1), replace=False) for k in (n, m))
    customers, products = market.codes("events", "customer_id"), market.codes("events", "product_id")
    early = (market.events["event_time"] < moment).to_numpy()
    lost = early & (np.isin(customers, new_customers) | np.isin(products, new_products))
    later = read_interactions(market).since(int(moment.value // 1000)).of_kind("purchase")
    kept = market.events[~lost].reset_index(drop=True)
    frames = {name: getattr(market, name) for name in ("customers", "products", "solicitations", "campaigns")}
    without = Market.from_frames(**frames, events=kept, roles=market.roles)
    return Cut(without, moment, new_customers, new_products, later.matrix())


def _gains(cut: Cut, model: str, seed: int) -> dict[str, float]:
    n, m = cut.later.shape
    fitted = fit_appetite(cut.market, make_offers(cut.market, "product"), cut.moment, model=model, rng=seed)
    scores = fitted.matrix(np.arange(n)).astype(np.float64)
    scores += 1e-9 * np.random.default_rng(seed).random(scores.shape)  # what a model cannot tell apart is drawn by lot
    known = np.setdiff1d(np.arange(n), cut.new_customers)
    old = np.setdiff1d(np.arange(m), cut.new_products)
    parts = {
        "everybody": (np.arange(n), np.arange(m)),
        "known customers": (known, old),
        "new customers": (cut.new_customers, old),
        "new products": (known, cut.new_products),
    }
    return {
        name: float(np.nanmean(ndcg(scores[rows][:, columns], cut.later[rows][:, columns], 10)))
        for name, (rows, columns) in parts.items()
    }


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="seed of the first market")
    parser.add_argument("--customers", type=int, default=600)
    parser.add_argument("--products", type=int, default=120)
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {model: [] for model in MODELS}
    spent = dict.fromkeys(MODELS, 0.0)
    with threadpoolctl.threadpool_limits(1):
        for seed in range(given.first, given.first + given.seeds):
            simulated = graphrec.simulate_market(customers=given.customers, products=given.products, rng=seed)
            cut = cut_market(simulated.market, np.random.default_rng(seed))
            for model in MODELS:
                start = time.process_time()
                found[model].append(_gains(cut, model, seed))
                spent[model] += time.process_time() - start
                print(f"seed {seed} {model}: {found[model][-1]}", flush=True)
    _table(found, spent)


def _table(found: dict[str, list[dict[str, float]]], spent: dict[str, float]) -> None:
    for part in PARTS:
        base = np.array([row[part] for row in found["filter"]])
        for model in MODELS:
            gains = np.array([row[part] for row in found[model]]) - base
            error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
            print(
                f"{part:16s} {model:8s} NDCG@10 {(base + gains).mean():.4f}, beside the filter {gains.mean():+.4f} "
                f"± {error:.4f}, worse in {(gains < 0).sum()} of {len(gains)}, "
                f"{spent[model] / len(gains):.1f} CPU s a market"
            )


if __name__ == "__main__":
    main()
