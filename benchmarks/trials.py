"""Randomised experiments: does the advice beat sending the same thing to everybody, and a plain uplift model?

    python -m benchmarks.trials
    python -m benchmarks.trials --only hillstrom --repeats 2

Hillstrom's e-mail test (three arms, outcome visit) and Starbucks' promotion (a contact costs 0.15, a purchase brings
10). Units are split into halves, each half is advised by the model of the other, and every figure is of units the model
has not seen. The data are not shipped; name their folder with ``--data``. Nothing is tuned here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import graphrec
from graphrec.evaluation import mean_interval, qini_observed
from graphrec.learning.baselines import fit_response_rank, fit_t_learner
from graphrec.learning.effects import Head

__all__ = ["main"]

SHARED = Path(__file__).parents[2] / "shared" / "data"
NOBODY = "No E-Mail"
HILLSTROM_ROLES = {
    "recency": "Recency",
    "history": "PastSpend",
    "mens": "PastPurchase",
    "womens": "PastPurchase",
    "newbie": "Tenure",
    "zip_code": "immutable",
    "past_channel": "immutable",
}
PRICE, COST = 10.0, 0.15
"""Starbucks: what a purchase brings and a promotion costs."""
GUARDED = "ours, guard"
"""Ours, or the best single arm where the model's own check does not find choosing by customer clearly better."""
HEADS: Mapping[str, Head | None] = {"ours": None, "T-learner": fit_t_learner, "response": fit_response_rank}
PRESCRIBED = "prescription"
"""The advice of `graphrec.prescribe` for customers that the model was not fitted on."""
RIVALS: Mapping[str, str] = {"X-learner": "x", "DR-learner": "dr"}
"""Heads by their name that only choose, beside those above."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder that holds hillstrom and starbucks_promo")
    parser.add_argument("--repeats", type=int, default=5, help="splits into two halves")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args(arguments)
    for name in options.only:
        folder = options.data / FOLDERS[name]
        if not folder.is_dir():
            print(f"{name}: skipped, there is no folder {FOLDERS[name]} in the folder given with --data")
            continue
        started = time.process_time()
        PARTS[name](folder, options.repeats)
        print(f"({time.process_time() - started:.0f} CPU seconds)\n", flush=True)


def read_hillstrom(folder: Path) -> pd.DataFrame:
    """The experiment, one customer a row; ``channel`` is what the customer bought through before."""
    frame = pd.read_csv(folder / "hillstrom.csv.gz").rename(columns={"channel": "past_channel"})
    return frame.drop(columns="history_segment")


def read_starbucks(folder: Path) -> pd.DataFrame:
    """The training half of the promotion, with words for the arms and for the coded columns."""
    frame = pd.read_csv(folder / "training.csv.gz").drop(columns="ID")
    frame["Promotion"] = frame["Promotion"].map({"Yes": "promotion", "No": "none"})
    coded = ["V1", "V4", "V5", "V6", "V7"]
    return frame.assign(**{name: frame[name].astype("str") for name in coded})


def halves(count: int, repeats: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(repeat, training rows, test rows): every half is once the test part."""
    for repeat in range(repeats):
        first = np.random.default_rng(repeat).permutation(count) < count // 2
        yield repeat, np.flatnonzero(first), np.flatnonzero(~first)
        yield repeat, np.flatnonzero(~first), np.flatnonzero(first)


def learn(
    train: pd.DataFrame,
    head: Head | str | None,
    seed: int,
    *,
    treatment: str,
    control: str,
    outcome: str,
    roles: Mapping[str, str],
) -> graphrec.Recommender:
    """A recommender of the training rows, by the public interface."""
    panel = graphrec.Panel.from_frame(
        train, treatment=treatment, control=control, outcome=outcome, roles=roles, randomised=True
    )
    return graphrec.Recommender(head=head).fit(panel, rng=seed)


def advise(model: graphrec.Recommender, test: pd.DataFrame) -> pd.DataFrame:
    """Uplift of each test row (in order), one column for each arm."""
    units = test.assign(customer_id=np.arange(len(test)))
    scores = model.recommend(n=len(model.effects.channels), market=units)
    wide = scores.pivot(index="customer_id", columns="channel", values="uplift")
    return wide.loc[np.arange(len(test))]


def show_hillstrom(folder: Path, repeats: int) -> None:
    """Normalised Qini on Womens, then the value of choosing among three arms."""
    frame = read_hillstrom(folder)
    print(f"Hillstrom, {len(frame):,} customers, outcome visit, {repeats} x 2 halves")
    _show_qini(frame[frame["segment"] != "Mens E-Mail"].reset_index(drop=True), repeats)
    _show_value(frame, repeats)


def _show_qini(frame: pd.DataFrame, repeats: int) -> None:
    found: dict[str, list[float]] = {}
    treated = (frame["segment"] != NOBODY).to_numpy(np.float64)
    outcome = frame["visit"].to_numpy(np.float64)
    settings = {"treatment": "segment", "control": NOBODY, "outcome": "visit", "roles": HILLSTROM_ROLES}
    for repeat, train, test in halves(len(frame), repeats):
        scores = {"T-logistic": t_logistic(frame, train, test, treated, outcome)}
        for name, head in HEADS.items():
            model = learn(frame.iloc[train], head, repeat, **settings)  # type: ignore[arg-type]
            advice = advise(model, frame.iloc[test])
            scores[name] = advice["Womens E-Mail"].to_numpy()
        for name, score in scores.items():
            found.setdefault(name, []).append(qini_observed(score, outcome[test], treated[test]).coefficient)
    print("Womens against no e-mail, normalised Qini (mean of the halves; difference to T-logistic, 95 %)")
    base = _by_repeat(found["T-logistic"])
    for name, values in found.items():
        difference = _by_repeat(values) - base
        text = f"{difference.mean():+.4f}"
        if repeats > 1:
            gap = mean_interval(difference)
            text += f" [{gap.low:+.4f}, {gap.high:+.4f}]"
        print(f"  {name:<12}{np.mean(values):8.4f} +- {np.std(values):.4f}   {text}")


def t_logistic(
    frame: pd.DataFrame, train: np.ndarray, test: np.ndarray, treated: np.ndarray, outcome: np.ndarray
) -> np.ndarray:
    """The rival to beat: one logistic regression for each arm on indicator columns."""
    matrix = _indicators(frame)
    chance = []
    for arm in (1.0, 0.0):
        own = train[treated[train] == arm]
        model = LogisticRegression(max_iter=1_000).fit(matrix[own], outcome[own])
        chance.append(model.predict_proba(matrix[test])[:, 1])
    return np.asarray(chance[0] - chance[1])


def _indicators(frame: pd.DataFrame) -> np.ndarray:
    table = pd.get_dummies(frame[list(HILLSTROM_ROLES)], columns=["zip_code", "past_channel"], dtype=float)
    return np.asarray(table / table.std())


def _by_repeat(values: Sequence[float]) -> np.ndarray:
    """Halves of one split are not independent: their mean counts as one draw."""
    return np.asarray(values).reshape(-1, 2).mean(axis=1)


def _show_value(frame: pd.DataFrame, repeats: int) -> None:
    """Visits for each customer under every rule, and less the best constant arm chosen in training."""
    arms, visit = frame["segment"].to_numpy(), frame["visit"].to_numpy(np.float64)
    names = [f"all {arm}" for arm in sorted(set(arms))] + [*HEADS, GUARDED, *RIVALS, PRESCRIBED]
    values = {name: np.empty((2, repeats, len(frame))) for name in names}
    base = np.empty((2, repeats, len(frame)))
    for repeat, train, test in halves(len(frame), repeats):
        constant = str(pd.Series(visit[train]).groupby(arms[train]).mean().idxmax())
        rate = arm_rates(frame, train, test)
        base[:, repeat, test] = _value(np.full(len(test), constant), arms[test], visit[test], rate)
        everybody = {f"all {arm}": np.full(len(test), arm) for arm in sorted(set(arms))}
        for name, chosen in {**everybody, **_choices(frame, train, test, repeat)}.items():
            values[name][:, repeat, test] = _value(chosen, arms[test], visit[test], rate)
    for place, how in enumerate(("inverse weighting", "doubly robust")):
        print(f"Value by {how}: visits for each customer (95 %), and less the best constant arm")
        for name, found in values.items():
            cells = [mean_interval(rows.mean(axis=0)) for rows in (found[place], (found - base)[place])]
            told = "".join(f"{f'{cell.value:+.4f} [{cell.low:+.4f}, {cell.high:+.4f}]':>28}" for cell in cells)
            print(f"  {name:<18}{told}")


def _choices(frame: pd.DataFrame, train: np.ndarray, test: np.ndarray, repeat: int) -> dict[str, np.ndarray]:
    """The arm of each test customer by each head, by ours where the guard lets it choose, and as prescribed."""
    settings = {"treatment": "segment", "control": NOBODY, "outcome": "visit", "roles": HILLSTROM_ROLES}
    chosen = {}
    for name, head in {**HEADS, **RIVALS}.items():
        model = learn(frame.iloc[train], head, repeat, **settings)  # type: ignore[arg-type]
        advice = advise(model, frame.iloc[test])
        chosen[name] = np.where(advice.max(axis=1) > 0, advice.idxmax(axis=1), NOBODY)
        if head is None:
            guard = model.guard
            simple = NOBODY if guard.constant == "nobody" else guard.constant
            chosen[GUARDED] = chosen[name] if guard.passed else np.full(len(test), simple)
            chosen[PRESCRIBED] = prescribed(model, frame.iloc[test], repeat)
    return chosen


def prescribed(model: graphrec.Recommender, test: pd.DataFrame, seed: int) -> np.ndarray:
    """The arm that `graphrec.prescribe` advises for each row of a table that the model has not seen."""
    units = test.assign(customer_id=np.arange(len(test)))
    panel = graphrec.Panel.from_frame(
        units, treatment="segment", control=NOBODY, outcome="visit", roles=HILLSTROM_ROLES, randomised=True
    )
    asked = graphrec.Recommender(model.config)
    asked.restore(panel, model.graph, model.effects, None, None)
    advice = graphrec.prescribe(asked, customers=range(len(test)), rng=seed)
    return np.array([item.moves[0].after if item.moves else NOBODY for item in advice.items], dtype=object)


def arm_rates(frame: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """Predicted visits of the test customers under each arm, by one logistic regression for each arm."""
    matrix = _indicators(frame)
    rates = {}
    for arm in frame["segment"].unique():
        own = train[(frame["segment"] == arm).to_numpy()[train]]
        model = LogisticRegression(max_iter=1_000).fit(matrix[own], frame["visit"].to_numpy()[own])
        rates[arm] = model.predict_proba(matrix[test])[:, 1]
    return pd.DataFrame(rates)


def _value(chosen: np.ndarray, arms: np.ndarray, visit: np.ndarray, rate: pd.DataFrame) -> np.ndarray:
    """Each customer's part of a policy's value, by inverse weighting and doubly robust; shape (2, n)."""
    share = pd.Series(arms).value_counts(normalize=True)
    weight = (arms == chosen) / share[arms].to_numpy()
    columns = rate.columns.get_indexer(pd.Index(chosen))
    predicted = rate.to_numpy()[np.arange(len(chosen)), columns]
    return np.stack([weight * visit, predicted + weight * (visit - predicted)])


def show_starbucks(folder: Path, repeats: int) -> None:
    """Net incremental revenue of promoting where the promised gain exceeds the cost."""
    frame = read_starbucks(folder)
    promoted = (frame["Promotion"] == "promotion").to_numpy()
    bought = frame["purchase"].to_numpy(np.float64)
    roles = {name: "immutable" for name in frame.columns if name.startswith("V")}
    settings = {"treatment": "Promotion", "control": "none", "outcome": "purchase", "roles": roles}
    chosen: dict[str, np.ndarray] = {"everybody": np.ones((repeats, len(frame)), dtype=bool)}
    chosen |= {name: np.zeros((repeats, len(frame)), dtype=bool) for name in HEADS}
    for repeat, train, test in halves(len(frame), repeats):
        for name, head in HEADS.items():
            model = learn(frame.iloc[train], head, repeat, **settings)  # type: ignore[arg-type]
            advice = advise(model, frame.iloc[test])
            chosen[name][repeat, test] = advice["promotion"].to_numpy() * PRICE > COST
    print(f"Starbucks, {len(frame):,} customers: net incremental revenue for 10,000 rows of the test (95 %)")
    base = None
    for name, picks in chosen.items():
        by_row = _revenue(picks, promoted, bought)
        base = by_row if base is None else base
        rate = _response_rate(picks, promoted, bought)
        value, gap = (_with_interval(rows) for rows in (by_row, by_row - base))
        print(f"  {name:<12} promoted {picks.mean():5.1%}  NIR {value}  less everybody {gap}  IRR {rate:.4f}")


def _with_interval(by_row: np.ndarray) -> str:
    found = mean_interval(by_row)
    return f"{found.value:+8.1f} [{found.low:+8.1f}, {found.high:+8.1f}]"


def _revenue(picks: np.ndarray, promoted: np.ndarray, bought: np.ndarray) -> np.ndarray:
    """Each row's part of the net incremental revenue by the challenge's formula; the mean over rows is the figure.

    (10 x purchases - 0.15 x customers) of those promoted less 10 x purchases of those not, for 10,000 rows.
    """
    gain = np.where(promoted, PRICE * bought - COST, -PRICE * bought)
    return np.asarray(10_000 * (picks * gain).mean(axis=0))


def _response_rate(picks: np.ndarray, promoted: np.ndarray, bought: np.ndarray) -> float:
    """Incremental response rate among those picked, mean of the repeats."""
    return float(np.mean([bought[own & promoted].mean() - bought[own & ~promoted].mean() for own in picks]))


FOLDERS = {"hillstrom": "hillstrom", "starbucks": "starbucks_promo"}
PARTS: Mapping[str, Callable[[Path, int], None]] = {"hillstrom": show_hillstrom, "starbucks": show_starbucks}


if __name__ == "__main__":
    main()
