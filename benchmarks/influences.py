"""Which past purchases made a recommendation: each method against taking them out and fitting again.

    python -m benchmarks.influences --seeds 5

On simulated markets, for customers with a longer history: everything the customer did with one product is taken out of
the records, the appetite is fitted again with the same seed, and the change of the recommended product's log share is
the truth. A method is good if it ranks the products the same way. Times are CPU seconds of one customer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from graphrec.decisions.explanations.encoderpaths import encoder_paths
from graphrec.decisions.explanations.removals import appetite_without
from graphrec.decisions.explanations.surrogate import rank_agreement
from graphrec.decisions.explanations.trainingpairs import training_influence
from graphrec.learning.appetite import Appetite, fit_appetite
from graphrec.market.offers import Offers, make_offers
from graphrec.market.simulation import simulate_market
from graphrec.market.tables import Market

__all__ = ["compare_influences", "main"]

_FEWEST = 4
"""Products below which an order says nothing."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, a seed at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=3, help="customers explained in each market")
    options = parser.parse_args(arguments)
    parts = []
    for seed in range(options.seeds):
        parts.append(compare_influences(seed, options.customers))
        print(f"seed {seed}: {len(parts[-1])} comparisons", flush=True)
    table = pd.concat(parts, ignore_index=True)
    groups = table.drop(columns="seed").groupby("method", sort=False)
    means = groups.mean().assign(error=groups["agreement"].sem(), cases=groups.size())
    print(f"\nrank correlation with fitting again, and CPU seconds of one customer\n{means.round(3).to_string()}")


@dataclass(frozen=True, eq=False)
class _Case:
    """One recommendation to explain."""

    market: Market
    offers: Offers
    fitted: Appetite
    who: int
    what: int
    seed: int

    @property
    def names(self) -> tuple[Any, Any]:
        """Identifiers of customer and product."""
        index = self.market.vocabulary
        return index.customers.ids[self.who], index.products.ids[self.what]

    def share(self, appetite: Appetite) -> float:
        """Log share of the product: the score without the customer's rate of buying."""
        return float(appetite.matrix(np.array([self.who]))[0, self.what] - np.log(appetite.rates[self.who]))

    def refitted(self) -> dict[str, float]:
        """What each product of the history changes, by fitting without it."""
        events, found = self.market.events, {}
        own = events[events["customer_id"] == self.names[0]]
        for product in own.loc[own["event_type"] == "purchase", "product_id"].astype(str).unique():
            gone = own.index[own["product_id"].astype(str) == product]
            less = replace(self.market, events=events.drop(index=gone).reset_index(drop=True))
            again = fit_appetite(less, self.offers, less.observed_until, self.fitted.model, rng=self.seed)
            found[product] = self.share(self.fitted) - self.share(again)
        return found

    def removed(self) -> dict[str, float]:
        """By exact removal from the filter."""
        codes, values = appetite_without(self.fitted, self.who, self.what)
        return dict(zip(map(str, self.market.vocabulary.products.decode(codes)), values.tolist()))

    def traced(self) -> dict[str, float]:
        """By what the encoder learned from each purchase."""
        found = training_influence(self.fitted.encoder, self.market, self.offers, *self.names).by_product()
        return {str(product): float(value) for product, value in found.items()}

    def split(self) -> dict[str, float]:
        """By what arrives through the customer's edges."""
        edges = encoder_paths(self.fitted.encoder, self.market, self.offers, *self.names).edges
        return {str(product): float(value) for product, value in edges.groupby("product")["weight"].sum().items()}


_METHODS: Mapping[str, Mapping[str, Callable[[_Case], dict[str, float]]]] = {
    "filter": {"filter: removal": _Case.removed},
    "encoder": {"encoder: TracIn": _Case.traced, "encoder: paths": _Case.split},
}


def compare_influences(seed: int, customers: int = 3) -> pd.DataFrame:
    """Agreement of each method with fitting again, for one market.

    Returns
    -------
    pandas.DataFrame
        Columns seed, method, agreement (rank correlation over the products of the customer's history), seconds, and
        refit (seconds of the same answer by fitting again).
    """
    market = simulate_market(80, 20, 6, rng=seed).market
    offers, found = make_offers(market, "product"), []
    for kind, methods in _METHODS.items():
        fitted = fit_appetite(market, offers, market.observed_until, kind, rng=seed)
        busiest = np.argsort(-np.diff(fitted.histories.indptr), kind="stable")
        for who in busiest[5 : 5 + customers].tolist():
            what = int(fitted.matrix(np.array([who]))[0].argmax())
            case = _Case(market, offers, fitted, who, what, seed)
            truth, refit = _timed(case.refitted)
            for name, method in methods.items():
                told, seconds = _timed(method, case)
                shared = [product for product in truth if product in told]
                if len(shared) >= _FEWEST:
                    pair = (np.array([[part[product] for product in shared]]) for part in (told, truth))
                    found.append((seed, name, rank_agreement(*pair), seconds, refit))
    return pd.DataFrame(found, columns=["seed", "method", "agreement", "seconds", "refit"])


def _timed(ask: Callable[..., dict[str, float]], *arguments: Any) -> tuple[dict[str, float], float]:
    start = time.process_time()
    found = ask(*arguments)
    return found, time.process_time() - start


if __name__ == "__main__":
    main()
