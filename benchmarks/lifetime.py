"""Purchases of the second half of CDNOW, predicted from the first, by BG/NBD and gamma-gamma beside RFM.

``python -m benchmarks.lifetime``. All 23,570 customers of the master file bought first in the first quarter of 1997; 39
weeks are known (to 30 September), 39 are predicted. The published figures are of a tenth of these customers (Fader,
Hardie & Lee 2005), so ten random tenths show how far such a sample may lie from the whole. Rivals: the same number
again; cells of recency, frequency and money in quintiles, whose mean was learned one half of the known time earlier;
and the order by the sum of the three quintiles.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from graphrec.market.lifetime import LifetimeModel, count_purchases, fit_lifetime

__all__ = ["main"]

DATA = Path(__file__).parents[2] / "shared" / "data"
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PUBLISHED_LOSS = 9582.4 / 2357
MIDDLE, END = "1997-10-01", "1998-07-01"


def read_cdnow(folder: Path) -> pd.DataFrame:
    """Purchases of the master file."""
    with gzip.open(folder / "cdnow" / "CDNOW_master.txt.gz", "rt") as lines:
        frame = pd.read_csv(
            lines, sep=r"\s+", header=0, names=["customer_id", "day", "units", "value"], dtype={"customer_id": str}
        )
    return frame.assign(event_time=pd.to_datetime(frame["day"].astype(str), format="%Y%m%d", utc=True))


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """Quintiles of recency (of the last purchase), frequency and money."""
    money = table["mean_value"].fillna(0) * table["repeats"]
    parts = {"recency": table["recency"] - table["age"], "frequency": table["repeats"], "money": money}
    return pd.DataFrame({name: np.ceil(5 * part.rank(pct=True)).astype(int) for name, part in parts.items()})


def rfm_means(purchases: pd.DataFrame, now: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Purchases and money of the next 39 weeks by RFM cell, learned on the first half of the known time."""
    then = count_purchases(purchases, as_of="1997-05-18")
    later = held_out(purchases, then["customer_id"], "1997-05-18", MIDDLE)
    rate = 273 / (pd.Timestamp(MIDDLE) - pd.Timestamp("1997-05-18")).days
    known = cells(then).assign(purchases=later["purchases"] * rate, money_after=later["money"] * rate)
    means = known.groupby(["recency", "frequency", "money"])[["purchases", "money_after"]].mean().reset_index()
    found = cells(now).merge(means, on=["recency", "frequency", "money"], how="left")
    filled = found[["purchases", "money_after"]].fillna(known[["purchases", "money_after"]].mean())
    return filled["purchases"].to_numpy(), filled["money_after"].to_numpy()


def held_out(purchases: pd.DataFrame, customers: pd.Series, start: str, end: str) -> pd.DataFrame:
    """Days with a purchase and money of each customer between two days."""
    inside = purchases["event_time"].between(
        pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC"), inclusive="left"
    )
    grouped = purchases[inside].groupby("customer_id")
    found = pd.DataFrame({"purchases": grouped["day"].nunique(), "money": grouped["value"].sum()})
    return found.reindex(customers).fillna(0.0).reset_index(drop=True)


def row(name: str, said: np.ndarray, true: np.ndarray, unit: str) -> None:
    """Print errors and rank of one prediction; an order has no errors."""
    top = np.argsort(-said, kind="stable")[: len(said) // 10]
    share = true[top].sum() / true.sum()
    off = said - true
    errors = f"{np.abs(off).mean():8.3f} {np.sqrt(np.square(off).mean()):8.3f} {off.sum() / true.sum():8.1%}"
    if unit == "order":
        errors = f"{'-':>8} {'-':>8} {'-':>8}"
    print(f"{name:32} {errors} {spearmanr(said, true).statistic:9.3f} {share:8.1%}", flush=True)


def compare(purchases: pd.DataFrame, model: LifetimeModel, table: pd.DataFrame) -> None:
    """Both comparisons: purchases, then money."""
    weeks = 39.0
    true = held_out(purchases, table["customer_id"], MIDDLE, END)
    rfm, rfm_money = rfm_means(purchases, table)
    score = cells(table).sum(axis=1).to_numpy(np.float64)
    again = table["repeats"].to_numpy(np.float64) * weeks / np.maximum(table["age"].to_numpy(), 1)
    spent = again * table["mean_value"].fillna(0).to_numpy()
    head = f"{'':32} {'MAE':>8} {'RMSE':>8} {'sum':>8} {'Spearman':>9} {'top 10 %':>8}"
    print("\nPurchases in the next 39 weeks\n" + head)
    row("BG/NBD", model.expected_purchases(table, weeks), true["purchases"].to_numpy(), "purchases")
    row("RFM cells, learned earlier", rfm, true["purchases"].to_numpy(), "purchases")
    row("RFM sum of quintiles", score, true["purchases"].to_numpy(), "order")
    row("as many as before", again, true["purchases"].to_numpy(), "purchases")
    print("\nMoney in the next 39 weeks\n" + head)
    row("BG/NBD x gamma-gamma", model.lifetime_value(table, weeks), true["money"].to_numpy(), "money")
    row("RFM cells, learned earlier", rfm_money, true["money"].to_numpy(), "money")
    row("RFM sum of quintiles", score, true["money"].to_numpy(), "order")
    row("as much as before", spent, true["money"].to_numpy(), "money")


def main() -> None:
    """Print the parameters beside the published ones, then the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    folder = parser.parse_args().data
    if not (folder / "cdnow").is_dir():
        print(f"no folder cdnow in {folder}; nothing is measured")
        return
    purchases = read_cdnow(folder)
    table = count_purchases(purchases, as_of=MIDDLE)
    start = time.process_time()
    model = fit_lifetime(table)
    print(f"{len(table):,} customers, fitted in {time.process_time() - start:.2f} CPU s")
    order = np.random.default_rng(0).permutation(len(table))
    tenths = [fit_lifetime(table.iloc[part]) for part in np.array_split(order, 10)]
    print(f"{'':14} {'all':>8} {'ten tenths':>18} {'published, one tenth':>22}")
    for name in ("r", "alpha", "a", "b"):
        values = [getattr(each, name) for each in tenths]
        print(f"{name:14} {getattr(model, name):8.3f} {min(values):8.3f} - {max(values):7.3f} {PUBLISHED[name]:22.3f}")
    losses = [-each.log_likelihood / 2357 for each in tenths]
    print(
        f"{'- log lik. / n':14} {-model.log_likelihood / len(table):8.3f} {min(losses):8.3f} - {max(losses):7.3f} "
        f"{PUBLISHED_LOSS:22.3f}"
    )
    print(f"p, q, gamma    {model.p:.2f} {model.q:.2f} {model.gamma:.2f} (published, one tenth: 6.25 3.74 15.44)")
    compare(purchases, model, table)


if __name__ == "__main__":
    main()
