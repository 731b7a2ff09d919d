"""What tuning gains over the defaults, beside random search, where the truth is known and on public sets.

    python -m benchmarks.tuning
    python -m benchmarks.tuning --only policy --seeds 5 --drawn 30
    python -m benchmarks.tuning --only lastfm ml-100k --data DIR

*policy*: simulated markets. The default, the winners of TPE and of random search, the candidates with the highest
value of each and the best baseline are learned again before the last period; their policies there are valued by the
simulator's truth, which no search sees, as a share of the oracle's value. "Ceiling" is the candidate that is best
there in truth: more than that no rule can gain. The last lines say what tuning gains for somebody who uses another
learner than the default: the same candidates, chosen as if that one were the default.

*lastfm*, *ml-100k*: exposure-weighted NDCG@10 of the chosen appetite in the last period beside the default and the best
baseline. Pairs of Last.fm have no dates; each gets one by lot, so its periods differ by chance only. ml-100k has its
own dates, and lies in the wheel of RecBole. Every row stands as soon as it is known.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

import graphrec
from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.policyvalue import PolicyTask, prepare_policies
from graphrec.decisions.tuning.scored import Score
from graphrec.decisions.tuning.searchloop import Clock, Search
from graphrec.decisions.tuning.searchspace import SearchSpace, policy_space
from graphrec.decisions.tuning.trialbook import Trial, open_book
from graphrec.decisions.tuning.winners import choose_winner
from graphrec.market.simulation import Simulation
from graphrec.market.tables import DataError, Market

__all__ = ["main"]

DATA = Path(__file__).parents[2] / "shared" / "data"
SIZE = (300, 30, 12)
WORLDS: Mapping[str, Mapping[str, float]] = {
    "confounded": {},
    "hidden taste": {"latent_targeting": 1.0},
    "drawn by lot": {"randomised": 0.1},
}


@dataclass(frozen=True)
class Options:
    """What was asked on the command line."""

    data: Path
    seeds: int
    first: int
    drawn: int
    customers: int
    worlds: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with lastfm/")
    parser.add_argument("--seeds", type=int, default=3, help="markets of each kind")
    parser.add_argument("--first", type=int, default=500, help="seed of the first simulated market")
    parser.add_argument("--drawn", type=int, default=20, help="candidates drawn after the baselines")
    parser.add_argument("--customers", type=int, default=SIZE[0])
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options = Options(given.data, given.seeds, given.first, given.drawn, given.customers, tuple(given.worlds))
    for name in given.only:
        start = time.process_time()
        PARTS[name](options)
        print(f"({time.process_time() - start:.0f} CPU seconds)\n", flush=True)


class Remembering(PolicyTask):
    """A task that learns the same settings once for each part."""

    def choices(self, config: RecommenderConfig, part: str) -> np.ndarray:
        """Look up, or learn and choose."""
        known = self.__dict__.setdefault("known", {})
        key = (str(config), part)
        if key not in known:
            known[key] = super().choices(config, part)
        found: np.ndarray = known[key]
        return found

    def score(self, config: RecommenderConfig, part: str = "validation") -> Score:
        """Value what is chosen."""
        return self.truth(part).gain(self.choices(config, part))


def show_policy(options: Options) -> None:
    """Print true values in the last period as shares of the oracle's, and what the search said."""
    print(
        f"policy: {options.customers} customers x {SIZE[1]} products x {SIZE[2]} periods, true value, share of oracle"
    )
    print(f"{'world':<14}{'seed':>5}" + "".join(f"{name:>14}" for name in COLUMNS) + "  winner of TPE; said; CPU s")
    rows = []
    for seed in range(options.first, options.first + options.seeds):
        for world in options.worlds:
            start = time.process_time()
            sim = graphrec.simulate_market(options.customers, *SIZE[1:], rng=seed, **WORLDS[world])
            try:
                shares, said = _compare(sim, options, seed)
            except DataError as error:  # a policy cannot be valued on every small market; that is a row too
                print(f"{world:<14}{seed:>5}  left out: {error}", flush=True)
                continue
            rows.append(shares)
            cells = "".join(f"{shares[name]:14.3f}" for name in COLUMNS)
            print(f"{world:<14}{seed:>5}{cells}  {said}; {time.process_time() - start:.0f}", flush=True)
    if rows:
        _summarise(rows)


COLUMNS = ("default", "TPE", "TPE best", "random", "random best", "best baseline", "ceiling")
USED = ("T-learner", "DR-learner", "X-learner", "response ranking", "appetite ranking")
"""What somebody may use who comes to tuning without the default."""


def _compare(sim: Simulation, options: Options, seed: int) -> tuple[dict[str, float], str]:
    base = RecommenderConfig(controls_per_contact=3)
    made = prepare_policies(sim.market, base, sim.truth.graph, seed, lambda _: None)
    task = Remembering(made.market, made.base, made.panel, made.periods, made.graph, made.seed)
    space = policy_space(views=True, binary=True)
    found: dict[str, Trial] = {}
    tried: list[Trial] = []
    said = ""
    for sampler, name in (("tpe", "TPE"), ("random", "random")):
        book = open_book(None, space, {}, seed=seed, sampler=sampler)
        search = Search(task, space, base, book, Clock(None), lambda _: None)
        search.run(len(space.baselines) + options.drawn)
        ended = book.trials()
        choice = choose_winner(ended, space, rng=seed)
        found[name], found[f"{name} best"] = choice.winner, _highest(ended)
        if sampler == "tpe":
            tried = [one for one in ended if one.score is not None]
            found["default"] = ended[0]
            found["best baseline"] = _highest([one for one in ended if one.baseline])
            leads = choice.leads
            lead = "" if leads is None else f", largest lead {leads.largest:.1f} se of {leads.needed:.1f} needed"
            said = f"{_named(choice.winner, space)}{lead}"
    for name in USED:
        found[f"used {name}"] = next(one for one in tried if one.baseline == name)
        found[f"from {name}"] = _chosen_from(name, tried, space, seed)
    chosen = {name: task.choices(space.configure(one.params, base), "last") for name, one in found.items()}
    others = {str(one.number): task.choices(space.configure(one.params, base), "last") for one in tried}
    shares = _shares(sim, task, {**chosen, **others})
    shares["ceiling"] = max(shares[number] for number in others)
    return shares, f"{said}; {_held(task, chosen)}"


def _chosen_from(used: str, tried: Sequence[Trial], space: SearchSpace, seed: int) -> Trial:
    """The winner if one of the baselines were the default."""
    order = sorted(tried, key=lambda one: one.baseline != used)
    renumbered = [replace(one, number=place) for place, one in enumerate(order)]
    return order[choose_winner(renumbered, space, rng=seed).winner.number]


def _held(task: PolicyTask, chosen: Mapping[str, np.ndarray]) -> str:
    """What the last period says of the winner, without the truth."""
    gap = task.truth("last").gain(chosen["TPE"]).minus(task.truth("last").gain(chosen["default"]))
    if not gap.se:
        return "nothing to check"
    return (
        f"last period {1000 * gap.value:+.2f} +- {1000 * gap.se:.2f}, {'holds' if gap.value >= -gap.se else 'does not'}"
    )


def _highest(trials: Sequence[Trial]) -> Trial:
    return max((one for one in trials if one.score), key=lambda one: one.score.interval.value if one.score else -np.inf)


def _named(one: Trial, space: SearchSpace) -> str:
    return "the default" if one.number == 0 else f"{space.family(one.params)} ({space.describe(one.params)})"


def _shares(sim: Simulation, task: PolicyTask, found: Mapping[str, np.ndarray]) -> dict[str, float]:
    """True value of each candidate's policy in the last period, over the oracle's."""
    truth = task.truth("last")
    uplift = _true_uplift(sim, task)
    best = uplift[:, 1:].max(axis=1)
    order = np.argsort(-best)
    used = np.cumsum(truth.weights[order]) <= truth.share * truth.weights.sum()
    oracle = float((best * truth.weights)[order][used & (best[order] > 0)].sum() / truth.weights.sum())
    values = {}
    for name, chosen in found.items():
        values[name] = float(np.average(uplift[np.arange(len(chosen)), chosen], weights=truth.weights)) / oracle
    return values


def _true_uplift(sim: Simulation, task: PolicyTask) -> np.ndarray:
    truth = task.truth("last")
    frame, offers = task.panel.frame.iloc[truth.rows], task.panel.offers
    who = sim.market.vocabulary.customers.decode(frame["customer"])
    what = offers.index.decode(frame["offer"]) if offers is not None else who
    known = sim.truth.outcomes_of_rows(who, what, at=list(frame["decided_at"]))
    effects = [known[f"p_contact[{channel}]"] - known["p_organic"] for channel in truth.channels]
    return np.column_stack([np.zeros(len(frame)), *effects])


def _summarise(rows: Sequence[Mapping[str, float]]) -> None:
    table = pd.DataFrame(rows)
    print("means: " + ", ".join(f"{name} {table[name].mean():.3f}" for name in COLUMNS))
    for name in COLUMNS[1:]:
        print(f"{name} minus default: {_gap(table[name] - table['default'])}")
    for name in USED:
        gain = _gap(table[f"from {name}"] - table[f"used {name}"])
        print(f"who uses the {name} ({table[f'used {name}'].mean():.3f}) gains {gain}")


def _gap(gap: pd.Series) -> str:
    error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else float("nan")
    counts = f"better in {(gap > 1e-9).sum()} of {len(gap)}, worse in {(gap < -1e-9).sum()}"
    return f"{gap.mean():+.3f} (standard error {error:.3f}), {counts}"


def show_lastfm(options: Options) -> None:
    """Print the appetite chosen on Last.fm."""
    path = options.data / "lastfm" / "train.txt.gz"
    if not path.exists():
        print(f"lastfm is skipped: {path} is absent; name the folder with --data")
        return
    rows = np.loadtxt(path, usecols=(0, 1), dtype=np.int64)
    for seed in range(options.seeds):
        days = np.random.default_rng(seed).uniform(0, 280, len(rows))
        _show_taste(f"lastfm, dates by lot {seed}", _as_market(rows, days), 28, seed, options)


def show_movielens(options: Options) -> None:
    """Print the appetite chosen on ml-100k."""
    found = find_spec("recbole")
    if found is None or not found.submodule_search_locations:
        print("ml-100k is skipped: it lies in the wheel of recbole; install that with: pip install recbole")
        return
    file = Path(found.submodule_search_locations[0]) / "dataset_example" / "ml-100k" / "ml-100k.inter"
    rows = np.loadtxt(file, skiprows=1, usecols=(0, 1, 3))
    for seed in range(options.seeds):
        market = _as_market(rows[:, :2].astype(np.int64), (rows[:, 2] - rows[:, 2].min()) / 86_400)
        _show_taste(f"ml-100k, seed {seed}", market, 7, seed, options)


def _as_market(pairs: np.ndarray, days: np.ndarray) -> Market:
    events = pd.DataFrame(
        {
            "event_time": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(days, unit="D").round("s"),
            "event_type": "purchase",
            "customer_id": pairs[:, 0],
            "product_id": pairs[:, 1],
        }
    )
    customers = pd.DataFrame({"customer_id": np.unique(pairs[:, 0])})
    products = pd.DataFrame({"product_id": np.unique(pairs[:, 1])})
    return Market.from_frames(customers=customers, products=products, solicitations=None, events=events)


def _show_taste(title: str, market: Market, horizon: int, seed: int, options: Options) -> None:
    config = RecommenderConfig(horizon_days=horizon)
    for sampler in ("tpe", "random"):
        start = time.process_time()
        found = graphrec.tune(
            market, goal="appetite", config=config, trials=6 + options.drawn, sampler=sampler, rng=seed
        )
        last = found.last
        if last is None:
            print(f"{title}, {sampler}: the last period cannot be valued")
            continue
        cells = ", ".join(f"{name} {value.value:.4f} ({value.se:.4f})" for name, value in last.values.items())
        gap = last.differences.get(last.rival)
        told = "" if gap is None else f"; minus {last.rival} {gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
        print(f"{title}, {sampler}: {found.sentence.partition('. ')[0]}; last period: {cells}{told}; "
              f"{time.process_time() - start:.0f} CPU s", flush=True)  # fmt: skip


PARTS = {"policy": show_policy, "lastfm": show_lastfm, "ml-100k": show_movielens}

if __name__ == "__main__":
    main()
