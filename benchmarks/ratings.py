"""Ratings that people chose to give, judged on ratings of products drawn for them (Coat).

    python -m benchmarks.ratings

Customers rated coats of their choice (training) and coats drawn at random (test). Matrix factorisation without and
with inverse propensities (Schnabel 2016), self-normalised and doubly robust ones (Wang 2019) and ours are fitted in one
run on the same ratings, every setting chosen by cross-validation on the training ratings; the propensities are those
that come with the data. Pairs that were rated in both parts are left out of the test. The data are not shipped; name
their folder with ``--data``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from graphrec.evaluation import Interval, bootstrap_statistic, ndcg_of_scores
from graphrec.learning.ratings import Ratings, fit_ratings

__all__ = ["main"]

SHARED = Path(__file__).parents[2] / "shared" / "data"
LIKED = 3
"""Ratings from here on count as liked, for AUC and NDCG."""
PLACES = 5
RIVALS = {
    "naive MF": (False, "none"),
    "MF-IPS": (False, "ips"),
    "MF-SNIPS": (False, "snips"),
    "MF-DR": (False, "dr"),
    "attributes, naive": (True, "none"),
    "attributes, SNIPS": (True, "snips"),
    "ours": (True, "recalibrated"),
}
AGAINST = ("naive MF", "MF-IPS")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder that holds coat")
    parser.add_argument("--replications", type=int, default=500, help="bootstrap draws of the test's customers")
    options = parser.parse_args(arguments)
    folder = options.data / "coat"
    if not folder.is_dir():
        print("skipped: there is no folder coat in the folder given with --data")
        return
    known, test = read_coat(folder)
    print(
        f"Coat: {len(known.rating):,} chosen ratings, mean {known.rating.mean():.2f}; test: {len(test.rating):,} of "
        f"drawn products by {len(np.unique(test.customer))} customers, mean {test.rating.mean():.2f}\n"
        f"MSE on 1-5 stars, AUC and NDCG@{PLACES} of {LIKED} stars or more; intervals 95 %, by customer"
    )
    print(f"{'':<20}" + "".join(f"{name:>24}" for name in FIGURES) + f"{'level':>8}{'CPU s':>8}")
    predicted = {}
    for name, (attributes, weighting) in RIVALS.items():
        started = time.process_time()
        model = fit_ratings(known if attributes else without_attributes(known), weighting=weighting, rng=0)
        predicted[name] = np.clip(model.predict(test.customer, test.product), 1.0, 5.0)
        spent = time.process_time() - started
        cells = [_cell(judge(test, predicted[name], figure, options.replications)) for figure in FIGURES.values()]
        print(f"{name:<20}" + "".join(f"{cell:>24}" for cell in cells) + f"{predicted[name].mean():>8.2f}{spent:>8.1f}")
    for base in AGAINST:
        gaps = [
            _cell(judge(test, predicted["ours"], figure, options.replications, predicted[base]), "+")
            for figure in FIGURES.values()
        ]
        print(f"{'ours - ' + base:<20}" + "".join(f"{cell:>24}" for cell in gaps))


def read_coat(folder: Path) -> tuple[Ratings, Ratings]:
    """Chosen ratings, and ratings of drawn products that were not chosen as well."""
    train, test, propensity = (
        np.loadtxt(folder / f"{name}.ascii.gz") for name in ("train", "test_half", "propensities")
    )
    customers, products = (standardise(np.loadtxt(folder / f"{name}_features.ascii")) for name in ("user", "item"))
    customer, product = np.nonzero(train)
    known = Ratings(customer, product, train[customer, product], customers, products, propensity)
    customer, product = np.nonzero((test > 0) & (train == 0))
    drawn = replace(known, customer=customer, product=product, rating=test[customer, product])
    return known, drawn


def standardise(columns: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1; constant columns become 0."""
    return np.asarray((columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-9))


def without_attributes(ratings: Ratings) -> Ratings:
    """The same ratings for a model that knows customers and products by their codes only."""
    return replace(ratings, customers=ratings.customers[:, :0], products=ratings.products[:, :0])


Statistic = Callable[[np.ndarray], float]


def judge(
    test: Ratings,
    predicted: np.ndarray,
    figure: Callable[[Ratings, np.ndarray], Statistic],
    replications: int,
    other: np.ndarray | None = None,
) -> Interval:
    """A figure, or its paired difference to another model's, with customers drawn anew."""
    own = figure(test, predicted)
    if other is None:
        return bootstrap_statistic(own, test.customer, replications=replications, rng=0)
    base = figure(test, other)
    return bootstrap_statistic(lambda w: own(w) - base(w), test.customer, replications=replications, rng=0)


def squared_error(test: Ratings, predicted: np.ndarray) -> Statistic:
    """Mean squared error."""
    errors = (test.rating - predicted) ** 2
    return lambda weights: float(np.average(errors, weights=weights))


def area(test: Ratings, predicted: np.ndarray) -> Statistic:
    """Area under the ROC curve of liked against not, over all pairs."""
    return lambda weights: float(roc_auc_score(test.rating >= LIKED, predicted, sample_weight=weights))


def gain_of_first(test: Ratings, predicted: np.ndarray) -> Statistic:
    """NDCG of the liked, mean over the customers who like any."""
    liked = (test.rating >= LIKED).astype(np.float64)
    rows = [np.flatnonzero(test.customer == one) for one in np.unique(test.customer[liked > 0])]
    found = np.array([ndcg_of_scores(np.zeros(len(own)), predicted[own], liked[own], PLACES) for own in rows])
    first = np.array([own[0] for own in rows])
    return lambda weights: float(np.average(found, weights=weights[first]))


FIGURES = {"MSE": squared_error, "AUC": area, f"NDCG@{PLACES}": gain_of_first}


def _cell(interval: Interval, sign: str = "") -> str:
    return f"{interval.value:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


if __name__ == "__main__":
    main()
