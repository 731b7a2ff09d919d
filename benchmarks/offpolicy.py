"""The value of a policy from the log of another: refused where too few events stand behind it (Open Bandit Dataset).

    python -m benchmarks.offpolicy

Two policies showed fashion items on three places of a page, one at random, one by Thompson sampling, and logged the
probability of each item. From each log the value of the other policy is asked for, item probabilities taken for each
place of the page; the other policy's own log says what was true. The samples hold 10,000 impressions each: the answers
would rest on 7 to 16 clicks, so the right answer is a refusal, and the table shows what the refused figure would have
been. The last rows ask about the logged policy itself, which must not be refused. The data are not shipped; name their
folder with ``--data``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.evaluation import (
    PolicyValue,
    Unreliable,
    doubly_robust,
    inverse_propensity,
    mean_interval,
    self_normalised,
)

__all__ = ["main"]

SHARED = Path(__file__).parents[2] / "shared" / "data"
CAMPAIGNS = ("all", "men")
POLICIES = ("random", "bts")
STRENGTH = 200.0
"""Impressions' worth of the overall click rate in the predicted rate of an item on a place."""
FOLDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder that holds obd")
    folder = parser.parse_args(arguments).data / "obd"
    if not folder.is_dir():
        print("skipped: there is no folder obd in the folder given with --data")
        return
    print(f"{'clicks for each impression, 95 %':<36}{'method':<7}{'ESS':>8}{'clicks':>8}{'said':>8}   answer")
    for campaign in CAMPAIGNS:
        logs = {name: pd.read_parquet(folder / f"{name}_{campaign}.parquet") for name in POLICIES}
        for logged in POLICIES:
            for asked in sorted(POLICIES, key=lambda name: name == logged):
                compare(logs[logged], logs[asked], f"{campaign}: {asked} from the log of {logged}")


def compare(log: pd.DataFrame, other: pd.DataFrame, title: str) -> None:
    """Three estimates of the other policy's clicks from a log, and what its own log says."""
    share = item_shares(other)
    clicks, propensity = log["click"].to_numpy(np.float64), log["propensity_score"].to_numpy()
    target = propensity if log is other else looked_up(share, log)
    logged_rate, aimed_rate = predicted_rates(log, share)
    answers: dict[str, Callable[[], PolicyValue]] = {
        "IPW": lambda: inverse_propensity(clicks, propensity, target),
        "SNIPS": lambda: self_normalised(clicks, propensity, target),
        "DR": lambda: doubly_robust(clicks, propensity, target, logged_rate, aimed_rate),
    }
    weight = target / propensity
    said = {
        "IPW": float(np.mean(weight * clicks)),
        "SNIPS": float(weight @ clicks / weight.sum()),
        "DR": float(np.mean(aimed_rate + weight * (clicks - logged_rate))),
    }
    for method, answer in answers.items():
        print(f"{title:<36}{method:<7}" + _line(answer, said[method]))
    truth = mean_interval(other["click"].to_numpy(np.float64))
    print(f"{title:<36}{'truth':<7}{'':>16}{truth.value:>8.4f}   its own log: [{truth.low:.4f}, {truth.high:.4f}]")


def _line(answer: Callable[[], PolicyValue], said: float) -> str:
    try:
        found = answer()
    except Unreliable as refused:
        return f"{refused.ess:8.0f}{refused.positive_events:8.1f}{said:8.4f}   refused"
    span = f"[{found.interval.low:.4f}, {found.interval.high:.4f}]"
    return f"{found.ess:8.0f}{found.positive_events:8.1f}{found.value:8.4f}   {span}"


def item_shares(log: pd.DataFrame) -> pd.Series:
    """Probability of each item on each place: the logged one where it is always the same, else the share shown."""
    shown = log.groupby(["position", "item_id"])
    if log["propensity_score"].nunique() == 1:
        return shown["propensity_score"].first()
    return shown.size() / log.groupby("position").size()


def looked_up(share: pd.Series, log: pd.DataFrame) -> np.ndarray:
    """The share of what was shown, place by place; 0 where the policy never showed it there."""
    return np.asarray(share.reindex(pd.MultiIndex.from_frame(log[["position", "item_id"]])).fillna(0.0))


def predicted_rates(log: pd.DataFrame, share: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Predicted clicks of what was shown, and of what the asked policy would show, by rows that were left out."""
    fold = np.random.default_rng(0).permutation(len(log)) % FOLDS
    shown, aimed = np.empty(len(log)), np.empty(len(log))
    for k in range(FOLDS):
        train, test = log[fold != k], log[fold == k]
        overall = train["click"].mean()
        cells = train.groupby(["position", "item_id"])["click"].agg(["sum", "size"])
        rate = (cells["sum"] + STRENGTH * overall) / (cells["size"] + STRENGTH)
        every = rate.reindex(share.index).fillna(overall)
        of_place = (every * share).groupby("position").sum()
        shown[fold == k] = rate.reindex(pd.MultiIndex.from_frame(test[["position", "item_id"]])).fillna(overall)
        aimed[fold == k] = of_place.reindex(test["position"])
    return shown, aimed


if __name__ == "__main__":
    main()
