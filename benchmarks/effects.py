"""Effects with a known truth: is the interval right, is the refusal right, is a hidden cause found out?

    python -m benchmarks.effects
    python -m benchmarks.effects --only coverage refuters --seeds 200
    python -m benchmarks.effects --quick

Four parts. *lalonde*: a job programme whose effect a trial measured (+1,794 dollars), estimated from its participants
and a survey. *ihdp*: five half-simulated data sets with known effects of each child, beside a T-learner, and dowhy
where it is installed. *coverage*: how often 95 % intervals hold the truth on simulated customers, with the true graph
and with one discovered from the same rows. *refuters*: how often a hidden cause is found out, over a ladder of
strengths, and how often one is seen where there is none. The first two need data beside the repository (``--data``).
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.customers import KNOWN, RECORDED, TRUE_EFFECT, TRUE_GRAPH, draw_customers, draw_targeted
from causal import Estimand, estimate_effect, identify
from causal.estimation import Effect, NoOverlap
from causal.estimators.nuisance import outcome_means
from causal.estimators.overlap import CLIP
from causal.estimators.study import prepare_study
from causal.rediscovery import estimate_with_discovery
from causal.refutation import refute

__all__ = ["main"]

Floats = NDArray[np.float64]

DATA = Path(__file__).parents[2] / "shared" / "data"
HISTORY = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
TRIAL = 1_794.0
REPLICATIONS = (1, 2, 3, 4, 5)
CUSTOMERS = 500
GRAPHS = 10
STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Of the hidden cause: its weight on the logit of contact, and on spend and earlier spend, in units of its sd. The
recorded ones weigh .6 and .3 on contact, 1 and .4 on spend."""
FRESH = 5_000
"""First seed of the refuters' data sets."""
FOUND, FALSE_ALARMS = 0.8, 0.05
SHARE_SOUND, SHARE_LADDER = 0.3, 0.15
"""Of the simulated data sets: without a hidden cause, and at each other strength."""


@dataclass(frozen=True)
class Options:
    """What was asked on the command line."""

    data: Path
    seeds: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with lalonde/ and ihdp/")
    parser.add_argument("--seeds", type=int, default=1_000, help="simulated data sets; refuters take a share")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="40 simulated data sets")
    given = parser.parse_args(arguments)
    options = Options(given.data, 40 if given.quick else given.seeds)
    for name in given.only:
        start = time.process_time()
        PARTS[name](options)
        print(f"({time.process_time() - start:.0f} CPU seconds)\n", flush=True)


def show_lalonde(options: Options) -> None:
    """Print the effect on the treated beside the trial, and what happens to the one on everybody."""
    folder = options.data / "lalonde"
    print(f"LaLonde: NSW participants against the CPS survey; the trial says {TRIAL:+,.0f} dollars")
    if not folder.exists():
        print(f"skipped: {folder} is absent; name the folder with --data")
        return
    trial, survey = (pd.read_parquet(folder / f"{name}_mixtape.parquet") for name in ("nsw", "cps"))
    frame = pd.concat([trial[trial["treat"] == 1], survey], ignore_index=True)
    estimand = Estimand("treat", "re78", HISTORY)
    effect = _single(estimate_effect(frame, estimand, target="att", rng=0))
    low, high = effect.interval
    held = "inside" if low <= TRIAL <= high else "OUTSIDE"
    print(f"unadjusted {effect.naive.value if effect.naive else float('nan'):+,.0f}")
    print(f"ATT {effect.value:+,.0f} [{low:+,.0f}, {high:+,.0f}], width {high - low:,.0f}; the trial value is {held}")
    try:
        everybody = _single(estimate_effect(frame, estimand, target="ate", rng=0))
        print(f"ATE {everybody.value:+,.0f}: NOT REFUSED")
    except NoOverlap as refusal:
        print(f"ATE refused: {refusal.reason}")
    print(refute(frame, estimand, effect, rng=0))


def show_ihdp(options: Options) -> None:
    """Print errors of the mean effect and of each child's effect, by replication."""
    folder = options.data / "ihdp"
    print("IHDP, by replication: error of the ATE (estimate - truth) and PEHE (root mean square error of each effect)")
    if not folder.exists():
        print(f"skipped: {folder} is absent; name the folder with --data")
        return
    if importlib.util.find_spec("dowhy") is None:
        print("dowhy is left out: it is not installed (pip install 'graphrec[bench]')")
    rows = [_ihdp_row(folder / f"ihdp_npci_{number}.csv.gz", number) for number in REPLICATIONS]
    print(pd.DataFrame(rows).set_index("replication").T.round(3).to_string())


def _ihdp_row(path: Path, number: int) -> dict[str, float]:
    covariates = tuple(f"x{i}" for i in range(1, 26))
    names = ["treatment", "y_factual", "y_cfactual", "mu0", "mu1", *covariates]
    frame = pd.read_csv(path, header=None, names=names)
    truth = (frame["mu1"] - frame["mu0"]).to_numpy()
    row: dict[str, float] = {"replication": number, "true ATE": float(truth.mean())}
    try:
        effect = _single(estimate_effect(frame, Estimand("treatment", "y_factual", covariates), rng=0))
        row |= {"ours": effect.value - truth.mean(), "se": effect.se}
        row["inside 95 %"] = float(effect.interval[0] <= truth.mean() <= effect.interval[1])
    except NoOverlap as refusal:
        print(f"replication {number}: refused, {refusal.reason}")
    for name, found in (_ours(frame, covariates) | _peers(frame, covariates)).items():
        row[f"{name}: ATE"] = float(found.mean() - truth.mean())
        row[f"{name}: PEHE"] = float(np.sqrt(np.mean((found - truth) ** 2)))
    return row


def _ours(frame: pd.DataFrame, covariates: tuple[str, ...]) -> dict[str, Floats]:
    """Return each row's effect by the cross-fitted models, and by a regression of doubly robust scores."""
    rng = np.random.default_rng(0)
    study = prepare_study(frame, "treatment", "y_factual", covariates, rng=rng)
    y = frame["y_factual"].to_numpy()
    means = outcome_means(study.x, study.arms, y, study.weights, study.folds, rng)
    e = np.clip(study.propensity[:, 1], CLIP, 1 - CLIP)
    residual = y - means[np.arange(len(y)), study.arms]
    gain = means[:, 1] - means[:, 0]
    score = gain + residual * np.where(study.arms == 1, 1 / e, -1 / (1 - e))
    one_arm = np.zeros(len(y), dtype=np.int64)
    robust = outcome_means(study.x, one_arm, score, study.weights, study.folds, rng)[:, 0]
    return {"our means": gain, "our DR": robust}


def _peers(frame: pd.DataFrame, covariates: tuple[str, ...]) -> dict[str, Floats]:
    """Return each row's effect by a boosted T-learner, and dowhy's, whose one figure stands for every row."""
    x, y, treated = frame[list(covariates)].to_numpy(), frame["y_factual"].to_numpy(), frame["treatment"] == 1
    settings = {"num_threads": 1, "verbose": -1, "deterministic": True, "seed": 0}
    arms = [lightgbm.train(settings, lightgbm.Dataset(x[rows], y[rows]), 100) for rows in (~treated, treated)]
    found = {"T-learner": np.asarray(arms[1].predict(x)) - np.asarray(arms[0].predict(x))}
    return found | {name: np.full(len(y), value) for name, value in _dowhy(frame, covariates).items()}


def _dowhy(frame: pd.DataFrame, covariates: tuple[str, ...]) -> dict[str, float]:
    """Return the mean effect by two of dowhy's estimators; nothing where it is not installed."""
    if importlib.util.find_spec("dowhy") is None:
        return {}
    from dowhy import CausalModel

    # it takes weighting for a treatment of booleans only, and asks for a graph or the common causes by name
    given = frame.assign(treatment=frame["treatment"].astype(bool))
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = CausalModel(given, "treatment", "y_factual", common_causes=list(covariates))
        estimand = model.identify_effect(proceed_when_unidentifiable=True)
        for method in ("linear_regression", "propensity_score_weighting"):
            name = f"dowhy {method.removeprefix('propensity_score_').split('_')[0]}"
            found[name] = float(model.estimate_effect(estimand, method_name=f"backdoor.{method}").value)
    return found


def show_coverage(options: Options) -> None:
    """Print how often 95 % intervals hold the truth, with the true graph and with discovered ones."""
    estimand = identify(TRUE_GRAPH, "contact", "spend")
    print(f"Coverage of 95 % intervals on {options.seeds} simulated data sets of {CUSTOMERS} customers, truth +1")
    found: dict[str, list[Effect]] = {"unadjusted": [], "true graph": [], "discovered graph": []}
    spent = dict.fromkeys(found, 0.0)
    identified = []
    for seed in range(options.seeds):
        frame = draw_customers(CUSTOMERS, seed)
        start = time.process_time()
        effect = _single(estimate_effect(frame, estimand, rng=seed))
        middle = time.process_time()
        discovered = estimate_with_discovery(frame, "contact", "spend", KNOWN, graphs=GRAPHS, rng=seed)
        spent["true graph"] += middle - start
        spent["discovered graph"] += time.process_time() - middle
        found["true graph"].append(effect)
        found["discovered graph"].append(discovered.effect)
        identified.append(discovered.identified)
        if effect.naive is not None:
            found["unadjusted"].append(effect.naive)
    table = pd.DataFrame({name: _coverage(effects) for name, effects in found.items()}).T
    print(table.assign(**{"CPU ms each": [1e3 * spent[name] / options.seeds for name in found]}).round(3).to_string())
    print(f"share of the bootstrap graphs that identify the effect: {np.mean(identified):.2f}")


def _coverage(effects: Sequence[Effect]) -> dict[str, float]:
    values = np.array([effect.value for effect in effects])
    held = np.array([effect.interval[0] <= TRUE_EFFECT <= effect.interval[1] for effect in effects])
    return {
        "coverage": float(held.mean()),
        "its standard error": float(held.std() / np.sqrt(len(held))),
        "width": float(np.mean([effect.interval[1] - effect.interval[0] for effect in effects])),
        "bias": float(values.mean() - TRUE_EFFECT),
        "sd of the estimate": float(values.std()),
        "mean se": float(np.mean([effect.se for effect in effects])),
    }


def show_refuters(options: Options) -> None:
    """Print the share of effects refuted, by the strength of a cause that no column records, as they come."""
    print(
        f"Refuters: share of effects found out, by the strength of a hidden cause of contact and spend; "
        f"{2 * CUSTOMERS} customers\n"
        "(strength = its weight on the logit of contact and on spend and earlier spend, in units of its sd)\n"
        f"{'strength':>8} {'sets':>5} {'bias':>6} {'refuted':>8} {'+-':>6} {'fragile':>8} {'supported':>9} {'ms':>8}"
    )
    passed = []
    for strength in STRENGTHS:
        share = SHARE_LADDER if strength else SHARE_SOUND
        row = _refuted_share(strength, max(int(share * options.seeds), 10))
        print(
            f"{strength:8.1f} {row['sets']:5.0f} {row['bias']:+6.2f} {row['refuted']:8.1%} {row['error']:6.1%} "
            f"{row['fragile']:8.1%} {row['supported']:9.1%} {1e3 * row['seconds']:8.0f}",
            flush=True,
        )
        if not strength:
            print(f"{'':8} false alarms: {'meets' if row['refuted'] <= FALSE_ALARMS else 'MISSES'} {FALSE_ALARMS:.0%}")
        elif row["refuted"] >= FOUND:
            passed.append(strength)
    said = f"from strength {min(passed):g} on" if passed else "at no strength of the ladder"
    print(f"found in at least {FOUND:.0%} of the data sets {said}")


def _refuted_share(strength: float, count: int) -> dict[str, float]:
    estimand = Estimand("contact", "spend", RECORDED)
    verdicts, biases, spent = [], [], 0.0
    for seed in range(FRESH, FRESH + count):
        frame = draw_targeted(2 * CUSTOMERS, seed, strength)
        effect = _single(estimate_effect(frame, estimand, target="ato", rng=seed))
        start = time.process_time()
        result = refute(frame, estimand, effect, control_outcome="earlier_spend", beside=False, rng=seed)
        spent += time.process_time() - start
        verdicts.append(result.verdict)
        biases.append(effect.value - TRUE_EFFECT)
    shares = {name: float(np.mean([v == name for v in verdicts])) for name in ("refuted", "fragile", "supported")}
    error = float(np.sqrt(shares["refuted"] * (1 - shares["refuted"]) / count))
    return {"sets": count, "bias": float(np.mean(biases)), "error": error, "seconds": spent / count, **shares}


def _single(found: Effect | dict[Hashable, Effect]) -> Effect:
    return found if isinstance(found, Effect) else next(iter(found.values()))


PARTS: Mapping[str, Callable[[Options], None]] = {
    "lalonde": show_lalonde,
    "ihdp": show_ihdp,
    "coverage": show_coverage,
    "refuters": show_refuters,
}

if __name__ == "__main__":
    main()
