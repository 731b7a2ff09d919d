"""DiCE's counterfactuals as advice, where dice-ml is installed.

Hides the library: a counterfactual is the nearest customer whose prediction is better, with the levers varied inside
what is usual and in their direction. It knows no costs and no causes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Mapping

import lightgbm
import numpy as np
import pandas as pd

from benchmarks.levers.advisers import BOOSTING, LEVERS, ROUNDS, Advice
from benchmarks.levers.shop import CONSEQUENCES
from benchmarks.levers.structures import Structure
from ontology import load_ontology

__all__ = ["MISSING", "advise_by_counterfactuals", "available"]

MISSING = "DiCE: skipped, dice-ml is not installed; pip install 'graphrec[bench]'"
VARIED = (*LEVERS, *CONSEQUENCES)
"""What may vary: the levers, and what a model without a notion of time takes for one, as in the SHAP rules."""
BETTER = 0.5
"""Standard deviations of the outcome that a counterfactual is asked to lie above the prediction."""


def available() -> bool:
    """Whether dice-ml can be imported."""
    return importlib.util.find_spec("dice_ml") is not None


def advise_by_counterfactuals(structure: Structure, train: pd.DataFrame, new: pd.DataFrame, seed: int) -> Advice:
    """One counterfactual of each customer by DiCE's random search; who gets none is left alone."""
    import dice_ml

    features = [column for column in structure.roles if column != structure.outcome]
    kind = lightgbm.LGBMClassifier if structure.binary else lightgbm.LGBMRegressor
    settings = {name: value for name, value in BOOSTING.items() if name != "num_threads"}
    model = kind(n_estimators=ROUNDS, n_jobs=1, **settings).fit(train[features], train[structure.outcome])
    data = dice_ml.Data(
        dataframe=train[[*features, structure.outcome]], continuous_features=features, outcome_name=structure.outcome
    )
    wrapped = dice_ml.Model(
        model=model, backend="sklearn", model_type="classifier" if structure.binary else "regressor"
    )
    search = dice_ml.Dice(data, wrapped, method="random")
    targets = pd.DataFrame(np.nan, index=range(len(new)), columns=list(VARIED))
    limits = {name: [float(q) for q in train[name].quantile([0.05, 0.95])] for name in VARIED}
    for row in range(len(new)):
        one = new[features].iloc[[row]]
        found = _nearest(search, structure, model, one, train[structure.outcome], limits, seed + row)
        if found is not None:
            changed = [name for name in VARIED if abs(float(found[name]) - float(one[name].iloc[0])) > 1e-6]
            targets.loc[row, changed] = [float(found[name]) for name in changed]
    nobody = np.full(len(new), np.nan)
    return Advice(targets, _cost(structure, new, targets), nobody, nobody, nobody)


def _nearest(search, structure, model, one, outcome, limits, seed):  # type: ignore[no-untyped-def]
    """The first counterfactual of one customer, or None."""
    from raiutils.exceptions import UserConfigValidationException

    directions = {lever.column: lever.direction or 0 for lever in load_ontology().levers(structure.roles)}
    ranges = {}
    for name, (low, high) in limits.items():
        now = float(one[name].iloc[0])
        sign = directions.get(name, 0)
        span = [max(low, now) if sign > 0 else low, min(high, now) if sign < 0 else high]
        if span[0] < span[1]:
            ranges[name] = span
    asked = {"desired_class": 1} if structure.binary else {"desired_range": _better(model, one, outcome)}
    if structure.binary and model.predict(one)[0] == 1:
        return None
    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            found = search.generate_counterfactuals(
                one, total_CFs=1, features_to_vary=list(ranges), permitted_range=ranges, random_seed=seed,
                sample_size=200, **asked,
            )  # fmt: skip
        except UserConfigValidationException:  # none was found
            return None
    table = found.cf_examples_list[0].final_cfs_df
    return None if table is None or not len(table) else table.iloc[0]


def _better(model, one, outcome) -> list[float]:  # type: ignore[no-untyped-def]
    start = float(model.predict(one)[0])
    return [start + BETTER * float(outcome.std()), float(outcome.max()) + 10.0]


def _cost(structure: Structure, new: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:
    """Money for the steps that are taken."""
    steps: Mapping[str, float | None] = {lever.column: lever.step for lever in load_ontology().levers(structure.roles)}
    cost = np.zeros(len(new))
    for name in targets.columns:
        taken = (targets[name] - new[name].to_numpy()).abs().fillna(0.0) / (steps.get(name) or 1.0)
        cost += taken.to_numpy() * structure.costs.get(name, 0.0)
    return cost
