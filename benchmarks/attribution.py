"""What a customer's spending owes to each cause: do-Shapley values and SHAP values beside the truth.

    python -m benchmarks.attribution --seeds 5

The truth is computed from the equations of `benchmarks.levers.shop`, which nobody fits: simulated worlds in which
causes are held. Twelve features, of which two are consequences of the spending and owe it everything. Every
rival explains the same customers, whom nothing was fitted on; times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.levers.shop import CONSEQUENCES, FEATURES, OUTCOME, ROLES, draw_noise, draw_shop, follow, true_graph
from causal import Knowledge, StructuralModel, attribute_outcome, discover, fit_scm
from causal.contributions.coalitions import find_coalitions
from graphrec.decisions.explanation import compare_explanations, compare_views, explain
from graphrec.decisions.explanations.judging import deletion_gain, nudged
from graphrec.decisions.explanations.predictors import column_groups, predictor_of
from graphrec.decisions.explanations.surrogate import rank_agreement
from ontology import load_ontology

__all__ = ["compare_attributions", "compare_explainers", "compare_on_bank", "main", "true_values"]

Floats = NDArray[np.float64]
BOOSTING = {"objective": "regression", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 30,
            "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}  # fmt: skip
DATA = Path(__file__).parents[2] / "shared" / "data"
MEDIATED = "reminders"
BACKGROUND = 100


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, a seed at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=5_000, help="customers to learn from")
    parser.add_argument("--explained", type=int, default=150, help="customers to explain")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the public data sets")
    options = parser.parse_args(arguments)
    import_module("shap")  # seconds that no explanation should answer for
    _print_explainers(options.seeds, options.rows)
    _print_bank(options.data)
    _print_disagreement(options.rows)
    print("\ndo-Shapley values of the outcome, and SHAP values of a predictor, against the truth")
    parts = []
    for seed in range(options.seeds):
        parts.append(compare_attributions(seed, options.rows, options.explained))
        print(f"\nseed {seed}")
        print(_shown(parts[-1].drop(columns="seed").set_index("method")), flush=True)
    table = pd.concat(parts, ignore_index=True)
    means = table.drop(columns="seed").groupby("method", sort=False).mean()
    print(f"\nmean of {options.seeds} seeds\n{_shown(means)}")
    print(_sentence(means))


def compare_attributions(seed: int, rows: int, explained: int) -> pd.DataFrame:
    """Errors and speeds of every method for one seed.

    Returns
    -------
    pandas.DataFrame
        Columns seed, method, relative_rmse (of the values, against the root mean square of the true ones), zero_mass
        (share of all attribution on the two consequences), mediated (mean absolute value of the mediated lever over
        the true one), stated (root mean square of the stated standard errors, in the same unit as relative_rmse) and
        per_second.
    """
    draw_rng, graph_rng, fit_rng, explain_rng, truth_rng = np.random.default_rng(seed).spawn(5)
    train, new = draw_shop(rows, draw_rng), draw_shop(explained, draw_rng)
    truth = true_values(new, truth_rng)
    found = []
    for name, method in _methods(train, graph_rng, fit_rng, explain_rng).items():
        start = time.process_time()
        values, stated, n = method(new)
        seconds = time.process_time() - start
        own = truth.loc[values.index]
        scale = float(np.sqrt((own.to_numpy() ** 2).mean()))
        found.append(
            {
                "seed": seed,
                "method": name,
                "relative_rmse": float(np.sqrt(((values - own).to_numpy() ** 2).mean())) / scale,
                "zero_mass": float(values[list(CONSEQUENCES)].abs().to_numpy().sum() / values.abs().to_numpy().sum()),
                "mediated": float(values[MEDIATED].abs().mean() / own[MEDIATED].abs().mean()),
                "stated": stated / scale,
                "per_second": n / seconds,
            }
        )
    return pd.DataFrame(found)


def true_values(new: pd.DataFrame, rng: np.random.Generator, worlds: int = 600) -> pd.DataFrame:
    """True do-Shapley values of rows: simulated worlds for every irreducible coalition.

    Parameters
    ----------
    new : pandas.DataFrame
        Rows of the shop.
    rng : numpy.random.Generator
        Draws the worlds; the same for all coalitions.
    worlds : int
        Monte Carlo error of a value is about 1 % of their root mean square with 600.
    """
    graph = true_graph()
    causes = [node for node in graph.topological_order() if node in graph.ancestors(OUTCOME)]
    coalitions = find_coalitions(causes, OUTCOME, {node: graph.parents(node) for node in graph.nodes})
    noise = draw_noise(worlds, rng)
    noise[OUTCOME] = np.zeros(worlds)  # the mean outcome given its causes
    means = np.empty((len(coalitions.members), len(new)))
    for place, members in enumerate(coalitions.members):
        held = {name: new[name].to_numpy()[:, None] for name in members}
        spend = follow(noise, held)[OUTCOME]
        means[place] = np.broadcast_to(spend, (len(new), worlds)).mean(axis=1)
    values = pd.DataFrame(0.0, index=new.index, columns=list(FEATURES))
    values[causes] = (coalitions.weights @ means).T
    return values


Explained = tuple[pd.DataFrame, float, int]


def _methods(
    train: pd.DataFrame, graph_rng: np.random.Generator, fit_rng: np.random.Generator, rng: np.random.Generator
) -> dict[str, Callable[[pd.DataFrame], Explained]]:
    """Fitted methods; what they cost is the explaining, not the fitting."""
    graph = true_graph()
    model = fit_scm(train, graph, rng=fit_rng)
    lines = replace(model, equations={name: replace(e, trees=None) for name, e in model.equations.items()})
    knowledge = Knowledge(**load_ontology().knowledge(ROLES))
    found = fit_scm(train, discover(train, knowledge=knowledge, bootstraps=20, rng=graph_rng), rng=fit_rng)
    booster = lightgbm.train(BOOSTING, lightgbm.Dataset(train[list(FEATURES)], train[OUTCOME]), num_boost_round=300)
    causes = [name for name in FEATURES if name not in CONSEQUENCES]
    blind = lightgbm.train(BOOSTING, lightgbm.Dataset(train[causes], train[OUTCOME]), num_boost_round=300)
    streams = rng.spawn(4)
    return {
        "do-Shapley, orders": _do_shapley(model, "permutation", streams[0]),
        "do-Shapley, enumerated": _do_shapley(model, "enumeration", streams[1]),
        "do-Shapley, lines enumerated": _do_shapley(lines, "enumeration", streams[2]),
        "do-Shapley, lines closed form": _closed(lines),
        "do-Shapley, discovered graph": _do_shapley(found, "auto", streams[3]),
        "shap Tree": lambda new: _tree_shap(booster, new),
        "shap Tree, trained on causes": lambda new: _tree_shap(blind, new, causes),
        "shap Permutation": lambda new: _black_box("Permutation", booster, train, new.head(10)),
        "shap Kernel": lambda new: _black_box("Kernel", booster, train, new.head(3)),
    }


def _do_shapley(model: StructuralModel, method: Any, rng: np.random.Generator) -> Callable[[pd.DataFrame], Explained]:
    def explain(new: pd.DataFrame) -> Explained:
        found = attribute_outcome(model, new, OUTCOME, method=method, rng=rng)
        values = found.to_frame().reindex(columns=list(FEATURES), fill_value=0.0)
        return values, float(np.sqrt((found.standard_error**2).mean())), len(new)

    return explain


def _closed(model: StructuralModel) -> Callable[[pd.DataFrame], Explained]:
    def explain(new: pd.DataFrame) -> Explained:
        many = pd.concat([new] * max(1, 200_000 // len(new)), ignore_index=True)
        found = attribute_outcome(model, many, OUTCOME, method="linear").to_frame()[list(FEATURES)]
        # The speed is that of a long table; the errors are of the distinct rows.
        return found.head(len(new)).set_axis(new.index), 0.0, len(many)

    return explain


def _tree_shap(booster: Any, new: pd.DataFrame, columns: Sequence[str] = FEATURES) -> Explained:
    import shap

    many = pd.concat([new] * max(1, 2_000 // len(new)), ignore_index=True)
    values = shap.TreeExplainer(booster).shap_values(many[list(columns)])
    frame = pd.DataFrame(np.asarray(values), columns=list(columns)).head(len(new)).set_axis(new.index)
    return frame.reindex(columns=list(FEATURES), fill_value=0.0), 0.0, len(many)


def _black_box(kind: str, booster: Any, train: pd.DataFrame, new: pd.DataFrame) -> Explained:
    import shap

    background = train[list(FEATURES)].head(BACKGROUND).to_numpy()
    matrix = new[list(FEATURES)].to_numpy()

    def predict(x: Floats) -> Floats:
        return np.asarray(booster.predict(x, num_threads=1))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "Permutation":
            values = shap.PermutationExplainer(predict, background, seed=0)(matrix, silent=True).values
        else:
            values = shap.KernelExplainer(predict, background, seed=0).shap_values(matrix, silent=True)
    return pd.DataFrame(np.asarray(values), columns=list(FEATURES), index=new.index), 0.0, len(new)


def compare_explainers(seed: int, rows: int, explained: int) -> pd.DataFrame:
    """Faithfulness to the predictor, stability and CPU seconds of every method, ours and the libraries'.

    Returns
    -------
    pandas.DataFrame
        Columns seed, method, faithfulness (0 is chance), stability (rank correlation) and seconds (of a row; of all
        rows where the method speaks of the model only).
    """
    draw_rng, fit_rng, nudge_rng, *streams = np.random.default_rng(seed).spawn(7)
    train, new = draw_shop(rows, draw_rng), draw_shop(explained, draw_rng)
    columns = list(FEATURES)
    booster = lightgbm.train(BOOSTING, lightgbm.Dataset(train[columns], train[OUTCOME]), num_boost_round=300)
    usual, again = train[columns].head(200), train[columns].iloc[200:400]
    ours = compare_explanations(booster, new[columns], background=usual, outcome=new[OUTCOME], rng=streams[0])
    found = [
        {"method": row.method, "faithfulness": row.faithfulness, "stability": row.stability,
         "seconds": row.seconds / (len(new) if row.level == "row" else 1)}
        for row in ours.itertuples()
    ]  # fmt: skip

    def opaque(table: pd.DataFrame) -> Floats:
        return np.asarray(booster.predict(table, num_threads=1))

    model = fit_scm(train, true_graph(), rng=fit_rng)
    moved = nudged(new, train, nudge_rng)
    judged = {
        "shap, our shared orders": lambda part, over, rng: explain(opaque, part[columns], background=over, rng=rng),
        "do-Shapley of the outcome": lambda part, over, rng: attribute_outcome(model, part, OUTCOME, rng=rng),
        "shap Tree": lambda part, over, rng: _tree_shap(booster, part)[0],
        "shap Permutation": lambda part, over, rng: _black_box("Permutation", booster, over, part.head(10))[0],
        "shap Kernel": lambda part, over, rng: _black_box("Kernel", booster, over, part.head(4))[0],
    }
    predictor = predictor_of(opaque, columns)
    groups = column_groups(predictor, None)
    for name, method in judged.items():
        first, seconds = _timed(method, new, usual, streams[1])
        second, _ = _timed(method, moved, again, streams[2])
        part = predictor.table(new.loc[first.index, columns])
        gain = deletion_gain(predictor, part, predictor.table(usual), groups, first.to_numpy())
        agreement = rank_agreement(first.to_numpy(), second.to_numpy())
        found.append({"method": name, "faithfulness": gain, "stability": agreement, "seconds": seconds / len(first)})
    return pd.DataFrame(found).assign(seed=seed)


def _timed(
    method: Callable[..., Any], part: pd.DataFrame, over: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, float]:
    start = time.process_time()
    found = method(part, over, rng)
    seconds = time.process_time() - start
    frame = found if isinstance(found, pd.DataFrame) else found.to_frame()
    return frame.reindex(columns=list(FEATURES), fill_value=0.0), seconds


def _print_explainers(seeds: int, rows: int) -> None:
    table = pd.concat([compare_explainers(seed, rows, 60) for seed in range(seeds)], ignore_index=True)
    means = table.drop(columns="seed").groupby("method", sort=False).mean()
    shown = means.assign(seconds=means["seconds"].map("{:.2g}".format))
    print(f"explainers of one predictor: mean of {seeds} seeds\n{shown.round(3).to_string()}", flush=True)


def compare_on_bank(data: Path, explained: int = 60) -> pd.DataFrame | None:
    """Explainers of a scikit-learn pipeline on Bank Marketing (numbers and words); None where the data are absent."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    place = data / "bank_marketing" / "bank-full.csv.gz"
    if not place.is_file():
        return None
    table = pd.read_csv(place, sep=";").sample(frac=1.0, random_state=0, ignore_index=True)
    happened = (table["y"] == "yes").to_numpy(np.float64)
    table = table.drop(columns=["y", "duration"])  # the length of the call is known only after it
    words = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), words), remainder="passthrough"
    )
    model = make_pipeline(encode, HistGradientBoostingClassifier(random_state=0))
    model.fit(table.iloc[5_000:], happened[5_000:])
    return compare_explanations(
        model, table.head(explained), background=table.iloc[1_000:1_500], outcome=happened[:explained], rng=0
    )


def _print_bank(data: Path) -> None:
    found = compare_on_bank(data)
    if found is None:
        print(f"\nBank Marketing is not at {data}; pass --data")
        return
    shown = found.drop(columns="question").set_index("method").round(3)
    print(f"\nexplainers of a scikit-learn pipeline, Bank Marketing, 60 clients\n{shown.to_string()}", flush=True)


def _print_disagreement(rows: int) -> None:
    """Where TreeSHAP of the predictor and the causes of the spending part, with the graph's reason."""
    draw_rng, fit_rng, explain_rng = np.random.default_rng(0).spawn(3)
    train, new = draw_shop(rows, draw_rng), draw_shop(100, draw_rng)
    columns, graph = list(FEATURES), true_graph()
    booster = lightgbm.train(BOOSTING, lightgbm.Dataset(train[columns], train[OUTCOME]), num_boost_round=300)
    cause = attribute_outcome(fit_scm(train, graph, rng=fit_rng), new, OUTCOME, graph=graph, rng=explain_rng)
    print("\nwhere the model's explanation and the causes point apart (shares of all attribution)")
    for each in compare_views(explain(booster, new[columns]), cause, graph):
        mark = "apart" if each.apart else "     "
        print(f"{each.feature:18s} {each.model_share:5.0%} {each.cause_share:5.0%} {mark} {each.reason}")


def _shown(table: pd.DataFrame) -> str:
    forms = {"relative_rmse": "{:.3f}", "zero_mass": "{:.1%}", "mediated": "{:.2f}", "stated": "{:.3f}"}
    forms |= {"per_second": "{:,.1f}"}
    return pd.DataFrame({name: table[name].map(form.format) for name, form in forms.items()}).to_string()


def _sentence(means: pd.DataFrame) -> str:
    ours, tree = means.loc["do-Shapley, orders"], means.loc["shap Tree"]
    return (
        f"\nAlong the true graph the relative error is {ours['relative_rmse']:.2f} (target .2) and "
        f"{ours['zero_mass']:.1%} falls on consequences (target 1 %); TreeSHAP of the predictor: "
        f"{tree['relative_rmse']:.2f} and {tree['zero_mass']:.0%}. TreeSHAP is right about the model, whose question "
        "is another one: what it used to predict."
    )


if __name__ == "__main__":
    main()
