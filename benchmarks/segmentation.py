"""Segments: are planted ones found, when can they be trusted, and what do they cost?

Run it with ``python -m benchmarks.segmentation``. Beside ours stand k-means on the same habits with the true number of
segments given to it, and the public solution of the same brief: total events, views, carts, purchases, spent, unique
categories and days since the last event, standardised, two principal components, MiniBatchKMeans with four clusters.
Settings were chosen on seeds 1 to 3; ``--seeds`` gives the seeds that are reported.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import graphrec
from benchmarks.plantedhabits import MIXES, Mix, plant_habits
from graphrec.market.segmentation.eventsources import table_of_frame
from graphrec.market.segmentation.habitmeasures import measure_habits

_SEEDS = (101, 102, 103)
_DATA = Path(__file__).parents[2] / "shared" / "data"


def main() -> None:
    """Print all figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, nargs="*", default=list(_SEEDS))
    options.add_argument("--customers", type=int, default=1_500)
    options.add_argument("--crowd", type=int, default=1_000_000, help="customers of the part on time")
    options.add_argument("--data", type=Path, default=_DATA, help="folder with cdnow/")
    options.add_argument("--parts", nargs="*", default=["planted", "generated", "cdnow", "time"])
    given = options.parse_args()
    if "planted" in given.parts:
        compare_planted(given.seeds, given.customers)
    if "generated" in given.parts:
        compare_generated(given.seeds)
    if "cdnow" in given.parts:
        describe_cdnow(given.data / "cdnow")
    if "time" in given.parts:
        time_crowd(given.crowd)


def compare_planted(seeds: list[int], customers: int) -> None:
    """One row for each mix and seed, and the means."""
    print("planted segments: adjusted Rand index")
    _head()
    rows = []
    for mix in MIXES:
        for seed in seeds:
            events, truth = plant_habits(mix, customers, np.random.default_rng([seed, MIXES.index(mix)]))
            rows.append(_compare(mix.name, seed, mix.segments, events, truth))
    table = pd.DataFrame(rows)
    real = table[table["planted"] > 1]
    print("means over seeds")
    columns = ["found", "all", "assigned", "abstained", "k-means", "public", "minimum", "months"]
    print(table.groupby("mix", sort=False)[columns].mean().round(3).to_string())
    right = (real["found"] == real["planted"]).mean()
    print(f"right number of segments in {right:.0%} of the markets with segments; no structure said in "
          f"{(table[table['planted'] == 1]['found'] == 1).mean():.0%} of those without")  # fmt: skip
    for rival in ("k-means", "public"):
        for ours in ("all", "assigned"):
            gap = real[ours] - real[rival]
            half = 1.96 * gap.std(ddof=1) / np.sqrt(len(gap))
            print(f"ours ({ours}) - {rival}: {gap.mean():+.3f} [{gap.mean() - half:+.3f}, {gap.mean() + half:+.3f}]")


def _head() -> None:
    print(f"{'mix':16s} {'seed':>4s} {'k':>2s} {'ours k':>6s} {'all':>6s} {'assigned':>8s} {'abstained':>9s} "
          f"{'k-means':>7s} {'public':>6s} {'from':>5s} {'months':>6s} {'CPU s':>6s}")  # fmt: skip


def _compare(name: str, seed: int, k: int, events: pd.DataFrame, truth: np.ndarray) -> dict[str, object]:
    from sklearn.metrics import adjusted_rand_score as rand

    began = time.process_time()
    found = graphrec.segment_customers(events, rng=seed)
    spent = time.process_time() - began
    who = found.customers["customer_id"].to_numpy(np.int64)
    label, sure = found.customers["likeliest"].to_numpy(np.int64), ~found.customers["abstained"].to_numpy()
    true = truth[who]
    months = float(found.months["agreement"].mean()) if len(found.months) else np.nan
    row: dict[str, object] = {
        "mix": name, "seed": seed, "planted": k, "found": found.size, "all": rand(true, label),
        "assigned": rand(true[sure], label[sure]) if sure.any() else np.nan, "abstained": float((~sure).mean()),
        "k-means": rand(true, _kmeans(found, events, k)), "public": rand(true, _public(events)),
        "minimum": found.minimum_events, "months": months,
    }  # fmt: skip
    print(f"{name:16s} {seed:4d} {k:2d} {found.size:6d} {row['all']:6.3f} {row['assigned']:8.3f} "
          f"{row['abstained']:9.1%} {row['k-means']:7.3f} {row['public']:6.3f} {found.minimum_events:5d} "
          f"{months:6.2f} {spent:6.1f}", flush=True)  # fmt: skip
    return row


def _kmeans(found: graphrec.Segmentation, events: pd.DataFrame, k: int) -> np.ndarray:
    """k-means on the same habits, standardised, with the planted number of segments."""
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    by = found.yardstick
    habits = measure_habits(table_of_frame(events), by.prices)
    value, seen = by.scale.values(habits), habits.evidence[:, by.scale.used] > 0
    mean = np.where(seen, value, 0).sum(0) / np.maximum(seen.sum(0), 1)
    filled = np.where(seen, value, mean)
    return np.asarray(KMeans(k, n_init=10, random_state=0).fit_predict(StandardScaler().fit_transform(filled)))


def _public(events: pd.DataFrame) -> np.ndarray:
    """The public solution of the same brief."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    who, kind = events["user_id"], events["event_type"].astype(str)
    grouped = events.groupby("user_id")
    counts = {name: (kind == name).groupby(who).sum() for name in ("view", "cart", "purchase")}
    last = grouped["event_time"].max()
    table = pd.DataFrame({
        "events": grouped.size(), **counts, "spent": events["price"].where(kind == "purchase", 0.0).groupby(who).sum(),
        "categories": grouped["category_id"].nunique(), "days": (events["event_time"].max() - last).dt.days,
    })  # fmt: skip
    two = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(table))
    return np.asarray(MiniBatchKMeans(4, random_state=0, n_init=10).fit_predict(two))


def compare_generated(seeds: list[int]) -> None:
    """The kinds of customers of ``graphrec generate-events``; most of these customers have few events."""
    import tempfile

    from graphrec.market.clickstream.generation import generate_events

    print("\nevents of `graphrec generate-events` (seven kinds, one of them robots: 0.05 % of the customers)")
    _head()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            made = generate_events(folder, 120_000, customers=3_000, rng=seed)
            events = pd.concat([pd.read_csv(file) for file in made.files], ignore_index=True)
            truth = pd.read_parquet(made.truth)
        events["event_time"] = pd.to_datetime(events["event_time"].str.removesuffix(" UTC"), utc=True)
        kind = truth.set_index("user_id")["segment"].astype("category").cat.codes
        lookup = np.full(int(events["user_id"].max()) + 1, -1)
        lookup[kind.index[kind.index < len(lookup)]] = kind[kind.index < len(lookup)]
        _compare("generated", seed, 6, events, lookup)


def describe_cdnow(folder: Path) -> None:
    """CDNOW: purchases only, no session and no product. Recency, frequency and money by segment."""
    print("\nCDNOW")
    file = next(iter(sorted(folder.glob("*master*")) or sorted(folder.glob("*.*"))), None) if folder.is_dir() else None
    if file is None:
        print(f"skipped: there is no {folder}; give the folder that holds cdnow/ with --data")
        return
    lines = pd.read_csv(file, sep=r"\s+|,", engine="python", header=None)
    lines = lines[pd.to_numeric(lines.iloc[:, 0], errors="coerce").notna()].astype(float)
    events = pd.DataFrame({
        "user_id": lines.iloc[:, 0].astype(int), "event_type": "purchase",
        "event_time": pd.to_datetime(lines.iloc[:, -3].astype(int).astype(str), format="%Y%m%d", utc=True),
        "price": lines.iloc[:, -1], "quantity": lines.iloc[:, -2],
    })  # fmt: skip
    found = graphrec.segment_customers(events, rng=0)
    print(found, found.reason, found.reliability_sentence, sep="\n")
    grouped = events.groupby("user_id")
    table = pd.DataFrame({
        "recency": (events["event_time"].max() - grouped["event_time"].max()).dt.days, "orders": grouped.size(),
        "spent": grouped["price"].sum(),
    })  # fmt: skip
    print(found.habits[["habit", "reliability", "used", "reason"]].round(3).to_string(index=False))
    for asked in (3, 4):
        wished = graphrec.segment_customers(events, segments=asked, rng=0)
        again = graphrec.segment_customers(events, segments=asked, rng=1)
        print(f"\n{asked} segments, asked for: {wished}")
        _check_money(wished, again, table)


def _check_money(found: graphrec.Segmentation, again: graphrec.Segmentation, table: pd.DataFrame) -> None:
    """Do recency, orders and money say of the segments what their names say, and does another seed find the same?"""
    from scipy.stats import kruskal
    from sklearn.metrics import adjusted_rand_score as rand

    people = found.customers.set_index("customer_id")
    table = table.assign(segment=people["likeliest"].astype(int))
    parts = [part for _, part in table.groupby("segment")]
    rows = pd.DataFrame({
        "name": [found.names[int(part["segment"].iloc[0])] for part in parts], "customers": [len(p) for p in parts],
        "share": [len(p) / len(table) for p in parts],
        "spend share": [p["spent"].sum() / table["spent"].sum() for p in parts],
        **{f"{name} {how}": [getattr(p[name], how)() for p in parts] for name in ("recency", "orders", "spent")
           for how in ("mean", "median")},
        "jaccard": found.stability["jaccard"].to_numpy(),
    })  # fmt: skip
    print(rows.round(2).to_string(index=False))
    for name in ("recency", "orders", "spent"):
        h = float(kruskal(*(part[name] for part in parts)).statistic)
        print(f"variance of the ranks of {name} that is between segments: {max(0.0, h / (len(table) - 1)):.1%}")
    sure = ~(people["abstained"] | again.customers.set_index("customer_id")["abstained"]).to_numpy()
    first, second = (f.customers["likeliest"].to_numpy(np.int64) for f in (found, again))
    print(f"abstained {people['abstained'].mean():.1%}; another seed agrees: adjusted Rand index "
          f"{rand(first, second):.3f} over all, {rand(first[sure], second[sure]):.3f} where both assign")  # fmt: skip


def time_crowd(customers: int) -> None:
    """CPU seconds and memory for many customers of about 14 events, and the time for one new customer."""
    print("\ntime", flush=True)
    events, truth = plant_habits(Mix("crowd", 5, events=14.0), customers, np.random.default_rng(7))
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, wall = time.process_time(), time.perf_counter()
    found = graphrec.segment_customers(events, rng=0)
    print(f"{customers:,} customers, {len(events):,} events: {time.process_time() - began:.1f} CPU s, "
          f"{time.perf_counter() - wall:.1f} s on the clock; {found}", flush=True)  # fmt: skip
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory at its peak {most / 2**20:.2f} GiB, of which making the events needed {made / 2**20:.2f} GiB")
    from sklearn.metrics import adjusted_rand_score as rand

    label = found.customers["likeliest"].to_numpy(np.int64)
    print(f"adjusted Rand index over all {rand(truth[found.customers['customer_id']], label):.3f}")
    counts = np.bincount(events["user_id"].to_numpy())
    one = events[events["user_id"] == int(np.flatnonzero(counts == 40)[0])]
    table = table_of_frame(one)
    print(f"one new customer of {len(one)} events, median of 500 calls")
    for name, call in (
        ("events as codes", lambda: found.assign_table(replace(table))),  # a copy: nothing is remembered from before
        ("a frame", lambda: found.assign_one(one)),
    ):
        took = []
        for _ in range(500):
            began = time.thread_time()
            call()
            took.append(time.thread_time() - began)
        print(f"  {name}: {1000 * float(np.median(took)):.2f} ms of CPU, fastest {1000 * min(took):.2f} ms")


if __name__ == "__main__":
    main()
