"""Who advises which move in `benchmarks.prescription`: importance, what-if, counterfactuals, and ours with any graph.

Hides how each rule comes to its moves. All choose among the same feasible values: conditional quantiles of the levers
by the equations fitted along the true graph; what a rule knows of the outcome is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.levers.shop import CONSEQUENCES, COSTS
from benchmarks.levers.structures import Structure
from causal import CausalGraph
from causal.scm import StructuralModel
from graphrec.decisions.prescriptions.appraisal import appraise_moves
from graphrec.decisions.prescriptions.decision import Decision
from graphrec.decisions.prescriptions.mechanism import Mechanism, find_mechanism
from graphrec.decisions.prescriptions.movechoice import Moves
from graphrec.decisions.prescriptions.moves import search_moves
from graphrec.decisions.prescriptions.tryout import Responder
from graphrec.decisions.prescriptions.weighing import Weighed, Weighing
from ontology import Lever, load_ontology

__all__ = ["LEVEL", "LEVERS", "Advice", "advise_by_importance", "advise_by_moves", "advise_ours", "decide_between"]

Floats = NDArray[np.float64]
LEVERS = tuple(COSTS)
LEVEL = 0.9
ROUNDS = 200
BOOSTING = {"learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 30, "num_threads": 1, "deterministic": True,
            "force_row_wise": True, "verbosity": -1}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Advice:
    """Moves of the customers, and what is promised of them.

    Attributes
    ----------
    targets : pandas.DataFrame, n rows
        New value of each column that somebody moves; nan where a customer's stays.
    cost : numpy.ndarray, shape (n,)
    promised : numpy.ndarray, shape (n,)
        Change of the outcome; nan where the rule promises nothing.
    low, high : numpy.ndarray, shape (n,)
        Interval of the promise; nan without one.
    note : str
        What the rule says of itself.
    """

    targets: pd.DataFrame
    cost: Floats
    promised: Floats
    low: Floats
    high: Floats
    note: str = ""

    @property
    def acting(self) -> NDArray[np.bool_]:
        """Who is moved."""
        return np.asarray(self.targets.notna().any(axis=1))


def advise_by_moves(moves: Moves, note: str = "") -> Advice:
    """The chosen option of every customer."""
    n = len(moves.chosen)
    targets = pd.DataFrame(np.nan, index=range(n), columns=sorted({c for o in moves.options for c in o.columns}))
    cost, promised, low, high = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    reach = float(norm.ppf(0.5 + LEVEL / 2))
    for k, option in enumerate(moves.options):
        rows = np.flatnonzero(moves.chosen == k)
        for column, after in zip(option.columns, option.after):
            targets.loc[rows, column] = after[rows].astype(np.float64)
        cost[rows], promised[rows] = option.cost[rows], option.change[rows]
        sure = rows[option.doubt[rows] > 0]
        low[sure] = option.change[sure] - reach * option.doubt[sure]
        high[sure] = option.change[sure] + reach * option.doubt[sure]
    return Advice(targets, cost, promised, low, high, note)


def advise_by_importance(
    structure: Structure, train: pd.DataFrame, new: pd.DataFrame, fitted: StructuralModel
) -> dict[str, Callable[[], Advice]]:
    """The rules that read one predictive model of all columns, and what-if without the consequences."""
    spending = {**structure.costs, **dict.fromkeys(CONSEQUENCES, 0.0)}
    levers = load_ontology().levers({name: structure.roles[name] for name in LEVERS})
    anything = [*levers, *(Lever(column, structure.roles[column], direction=0) for column in CONSEQUENCES)]
    features = [column for column in structure.roles if column != structure.outcome]
    booster = _boost(structure, train, features)
    shap = np.asarray(booster.predict(new[features], pred_contrib=True))[:, :-1]
    scores = pd.DataFrame(shap, columns=features)[[lever.column for lever in anything]]

    def search(model: Responder, allowed: Sequence[Lever]) -> Moves:
        return search_moves(model, new, allowed, structure.outcome, costs=spending, maximum_moves=structure.most)

    whole = search(_what_if(structure, booster, features, fitted, train), anything)
    importance = np.tile(scores.abs().mean().to_numpy(), (len(new), 1))
    before = [column for column in features if column not in CONSEQUENCES]
    cleaned = _what_if(structure, _boost(structure, train, before), before, fitted, train)
    most = structure.most
    return {
        "the top-SHAP lever": lambda: advise_by_moves(_follow(whole, scores.columns, importance, most)),
        "each one's most negative SHAP": lambda: advise_by_moves(
            _follow(whole, scores.columns, -scores.to_numpy(), most)
        ),
        "what-if": lambda: advise_by_moves(whole),
        "what-if without consequences": lambda: advise_by_moves(search(cleaned, levers)),
    }


def advise_ours(
    structure: Structure,
    train: pd.DataFrame,
    new: pd.DataFrame,
    graph: CausalGraph,
    seed: int,
    roles: Mapping[str, str] | None = None,
    appraise: bool = False,
) -> tuple[Advice, Mechanism]:
    """Ours along a graph, on the columns that the graph knows."""
    decision = decide_between(structure, train[[c for c in train.columns if c in graph.nodes]], roles)
    onto, rng = load_ontology(), np.random.default_rng([seed, 5])
    mechanism = find_mechanism(decision, graph, onto, rng)
    if mechanism.choice is None:
        nobody = np.full(len(new), np.nan)
        return Advice(pd.DataFrame(index=new.index), np.zeros(len(new)), nobody, nobody, nobody, "refuses"), mechanism
    after = [*decision.between, *decision.after, structure.outcome]
    rows = new[list(decision.variables.columns)].assign(**dict.fromkeys(after, np.nan))
    spending = {**structure.costs, **dict.fromkeys(CONSEQUENCES, 0.0)}
    moves = search_moves(
        mechanism.choice, rows, mechanism.levers, structure.outcome,
        costs=spending, maximum_moves=structure.most, promise=mechanism.promise,
    )  # fmt: skip
    note = _grades(mechanism, graph, moves, rows, seed) if appraise else ""
    return advise_by_moves(moves, note), mechanism


def decide_between(structure: Structure, train: pd.DataFrame, roles: Mapping[str, str] | None = None) -> Decision:
    """The table at the moment of decision; levers are set before visits, the consequences follow the outcome."""
    known = {name: role for name, role in (roles or structure.roles).items() if name in train.columns}
    after = tuple(name for name in CONSEQUENCES if known.get(name) == structure.roles[name])
    between = tuple(name for name in ("visits",) if name in known)
    before = tuple(name for name in known if name not in (*after, *between, structure.outcome))
    return Decision(train, before, between, after, structure.outcome, known, np.arange(len(train)))


def _grades(mechanism: Mechanism, graph: CausalGraph, moves: Moves, rows: pd.DataFrame, seed: int) -> str:
    """Shares of the grades among the advised, and how many levers' means cover."""
    found = appraise_moves(mechanism, graph, moves, rows, np.ones(len(rows)), level=LEVEL, rng=seed)
    grades = [
        found[k].grade(row, float(moves.options[k].change[row]))[0]
        for k in found
        for row in np.flatnonzero(moves.chosen == k)
    ]
    return f"B {np.mean([grade == 'B' for grade in grades]):.2f}" if grades else ""


def _boost(structure: Structure, train: pd.DataFrame, features: Sequence[str]) -> lightgbm.Booster:
    settings = {**BOOSTING, "objective": "binary" if structure.binary else "regression"}
    data = lightgbm.Dataset(train[list(features)], train[structure.outcome])
    return lightgbm.train(settings, data, num_boost_round=ROUNDS)


@dataclass(frozen=True, eq=False)
class _WhatIf(Weighing):
    """What a predictive model says of moves: nothing follows from anything but the outcome."""

    booster: lightgbm.Booster | None = None
    features: tuple[str, ...] = ()

    def descendants(self, columns: Any) -> tuple[str, ...]:
        """A predictive model takes every feature for a cause."""
        return (self.outcome,) if columns in self.features else ()

    def weigh(
        self, frame: pd.DataFrame, moves: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], held: Mapping[str, Any]
    ) -> Weighed:
        """Predictions before and after; the model does not say how sure it is."""
        assert self.booster is not None
        distinct, used = np.unique(rows, return_inverse=True)
        before = np.asarray(self.booster.predict(frame[list(self.features)].iloc[distinct]))[used]
        after = np.asarray(self.booster.predict(frame[list(self.features)].iloc[rows].assign(**moves)))
        return Weighed(before, after - before, np.zeros(len(rows)))


def _what_if(
    structure: Structure,
    booster: lightgbm.Booster,
    features: Sequence[str],
    fitted: StructuralModel,
    train: pd.DataFrame,
) -> _WhatIf:
    """The equations of the levers only say what is usual."""
    equations = {name: fitted.equations[name] for name in LEVERS if name in fitted.equations}
    order = (*(name for name in structure.roles if name != structure.outcome), structure.outcome)
    kinds: dict[str, Any] = dict.fromkeys(order, "number")
    usual = StructuralModel(order, equations, kinds, {}, train)
    return _WhatIf(usual, None, structure.outcome, booster, tuple(features))  # type: ignore[arg-type]


def _follow(moves: Moves, columns: pd.Index, scores: Floats, most: int) -> Moves:
    """Move the levers with the largest scores to where the predictive model likes them best."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :most]
    chosen = np.full(len(scores), -1)
    for position, option in enumerate(moves.options):
        places = [columns.get_loc(column) for column in option.columns]
        wanted = np.isin(order[:, : len(places)], places).all(axis=1)
        chosen = np.where(wanted & (option.net_gain > 0), position, chosen)
    return replace(moves, chosen=chosen)
