"""Every learner of the uplift benchmark on one market: the same panel, the same appetite, the same rows.

Hides how a learner comes to its scores. The panel, the purchase graph and the covariates to score are made once by
`Recommender.fit`; a rival differs in the columns that it may see and in what it does with them.

"All pre-decision columns" is what a careless data scientist takes: the panel's covariates and every attribute of the
customers table, dated or not, whatever its class. "The panel's covariates" is the stronger rival where no dated trap
is about: the rule of evidence has been applied for it, only the graph has not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

import graphrec
from causal.graph import CausalGraph
from causal.identification import NotIdentifiable, identify
from graphrec.learning.adjustment import choose_columns
from graphrec.learning.baselines import fit_best_constant, fit_t_learner
from graphrec.learning.effects import EffectModel, fit_effects
from graphrec.learning.exposure import Exposure, fit_exposure
from graphrec.learning.heads.drlearner import fit_dr_learner
from graphrec.learning.heads.nuisances import Nuisances, fit_nuisances
from graphrec.learning.heads.registry import UpliftModel
from graphrec.learning.heads.tlearner import TLearner
from graphrec.learning.heads.weighting import fit_ips, fit_snips
from graphrec.learning.heads.xlearner import fit_x_learner
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.learning.response import Response, fit_structured_uplift
from graphrec.learning.rows import TrainingRows, training_rows
from graphrec.market.attributes import attribute_values
from graphrec.market.journey import JOURNEY_CLASSES
from graphrec.market.panel import Panel
from graphrec.market.simulation import Simulation

__all__ = [
    "ALL_COLUMNS",
    "NAIVE",
    "OURS",
    "PANEL_COLUMNS",
    "REFERENCES",
    "TRUE_PROPENSITIES",
    "Advice",
    "Stage",
    "advise",
    "set_stage",
]

NAIVE = "naive difference by channel"
ALL_COLUMNS = "T-learner, all pre-decision columns"
PANEL_COLUMNS = "T-learner, the panel's covariates"
OURS = ("ours, discovered graph", "ours, true graph")
TRUE_PROPENSITIES = {
    "ours, true graph": "ours, true propensities",
    "DR-learner": "DR-learner, true propensities",
}
"""Each learner and itself with the true probabilities of all contacts."""
REFERENCES = ("oracle", "random", *TRUE_PROPENSITIES.values())
"""Arms that know the truth, or nothing."""
_GRAPH_FEATURES = ("appetite", "popularity")


@dataclass(frozen=True, eq=False)
class Advice:
    """What one arm says about every (customer, offer, channel).

    Attributes
    ----------
    arm : str
        Name in the table.
    scores : numpy.ndarray, shape (n_customers * n_offers, n_channels)
        What it ranks by.
    is_probability : bool
        Whether the scores can be read as a change of probability, so that their size can be judged.
    cpu : float
        CPU seconds of fitting and predicting; arms that share a fit name the whole of it.
    note : str
        Columns kept out, grades, refusals.
    se : numpy.ndarray, the shape of scores, optional
        Standard errors, where the arm gives them.
    """

    arm: str
    scores: np.ndarray
    is_probability: bool
    cpu: float
    note: str = ""
    se: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Stage:
    """One market ready for all arms.

    ``frame`` holds the covariates of all customers x offers at the end of the market, customers varying slowest, and
    the customers' attributes; ``careless`` is the panel with those attributes among its covariates.
    """

    sim: Simulation
    model: graphrec.Recommender
    careless: Panel
    frame: pd.DataFrame
    seed: int
    cpu: Mapping[str, float]

    @property
    def identified(self) -> bool:
        """Whether the true graph lets the effect be learned; if not, true propensities mean nothing."""
        return bool(backdoor_columns(self.panel, self.sim.truth.graph)[0])

    @property
    def panel(self) -> Panel:
        """The panel that our recommender was fitted on."""
        return self.model.panel

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels in the order of every arm's scores."""
        return self.model.effects.channels

    @cached_property
    def truth(self) -> pd.DataFrame:
        """Potential outcomes of all rows of `frame`, channels varying fastest."""
        market = self.sim.market
        found = self.sim.truth.potential_outcomes(market.vocabulary.customers.ids, market.vocabulary.products.ids)
        order = [self.sim.truth.channels.index(channel) for channel in self.channels]
        width = len(self.sim.truth.channels)
        rows = (np.arange(len(self.frame))[:, None] * width + np.array(order)).ravel()
        return pd.DataFrame(found.iloc[rows].reset_index(drop=True))


def set_stage(sim: Simulation, seed: int) -> Stage:
    """Fit our recommender with a discovered graph, and keep what the other arms can use again."""
    started = time.process_time()
    model = graphrec.Recommender().fit(sim.market, rng=seed)
    fitted = time.process_time()
    codes = np.arange(len(sim.market.vocabulary.customers))
    scorer = model.scorer()
    if len(scorer.offers) != len(sim.market.vocabulary.products):
        raise ValueError(f"{len(scorer.offers):,} offers are scored; use at most {len(scorer.offers):,} products")
    frame = scorer.frame(codes)
    extra = _attributes(sim)
    careless = _careless(model.panel, extra)
    for name, values in extra.items():
        frame[name] = values[np.repeat(codes, len(scorer.offers))]
    cpu = {"panel, appetite, discovery and fit": fitted - started, "covariates to score": time.process_time() - fitted}
    return Stage(sim, model, careless, frame, seed, cpu)


def _attributes(sim: Simulation) -> dict[str, np.ndarray | pd.Categorical]:
    """Every attribute of the customers table but times, one value for each customer."""
    customers = sim.market.customers
    times = customers.select_dtypes(include=["datetime", "datetimetz"]).columns
    names = [name for name in customers.columns if name != "customer_id" and name not in times]
    return {str(name): attribute_values(customers[name]) for name in names}


def _careless(panel: Panel, extra: Mapping[str, np.ndarray | pd.Categorical]) -> Panel:
    """The panel with every attribute among its covariates, undated and later ones too."""
    customers = panel.frame["customer"].to_numpy()
    fresh = {name: values[customers] for name, values in extra.items() if name not in panel.covariates}
    covariates = (*panel.covariates, *fresh)
    roles = {**panel.roles, **{name: panel.roles.get(name, "immutable") for name in fresh}}
    return replace(panel, frame=panel.frame.assign(**fresh), covariates=covariates, roles=roles)


def advise(stage: Stage) -> Iterator[Advice]:
    """Scores of every arm, one after the other."""
    yield from _references(stage)
    yield _fit(stage, NAIVE, stage.panel, _GRAPH_FEATURES, fit_best_constant, 0)
    yield from _t_learners(stage)
    yield from _classical(stage)
    yield from _ours(stage)


def _references(stage: Stage) -> Iterator[Advice]:
    """The oracle, and chance (which a constant score is)."""
    shape = (len(stage.frame), len(stage.channels))
    yield Advice("oracle", stage.truth["uplift"].to_numpy().reshape(shape), True, 0.0)
    yield Advice("random", np.zeros(shape), False, 0.0)


def _t_learners(stage: Stage) -> Iterator[Advice]:
    """T-learners by the columns they see; appetite and response are halves of the one on the panel's covariates."""
    started = time.process_time()
    rows, design = training_rows(stage.panel, stage.panel.covariates)
    learner = fit_t_learner(rows, _rng(stage, 1))
    matrix = design.transform(stage.frame)
    found = learner.predict(matrix)
    cpu = time.process_time() - started
    for name in ("appetite", "response"):
        half = TLearner(learner.control, learner.arms, name).predict(matrix)
        yield Advice(name, half.uplift, True, cpu)
    yield _advice(PANEL_COLUMNS, found, cpu, f"{len(stage.panel.covariates)} columns")
    yield _fit(stage, "T-learner, graph features", stage.panel, _GRAPH_FEATURES, fit_t_learner, 2)
    yield _fit(stage, ALL_COLUMNS, stage.careless, None, fit_t_learner, 3)
    columns, why = backdoor_columns(stage.panel, stage.sim.truth.graph)
    if columns:
        yield replace(_fit(stage, "T-learner, backdoor set", stage.panel, columns, fit_t_learner, 4), note=why)


def _classical(stage: Stage) -> Iterator[Advice]:
    """X, DR and inverse propensities on the columns that our discovered graph allows; they share their parts."""
    rows, design = training_rows(stage.panel, stage.model.effects.adjustment.columns)
    started = time.process_time()
    shared = fit_nuisances(rows, _rng(stage, 5))
    matrix = design.transform(stage.frame)
    parts = time.process_time() - started
    learners: dict[str, Callable[[], UpliftModel]] = {
        "X-learner": lambda: fit_x_learner(rows, shared),
        "DR-learner": lambda: fit_dr_learner(rows, shared),
        "IPS": lambda: fit_ips(rows, shared),
        "SNIPS": lambda: fit_snips(rows, shared),
    }
    if stage.identified:
        known = replace(shared, fitted_exposure=_true_exposure(stage, rows, shared.folds))
        learners[TRUE_PROPENSITIES["DR-learner"]] = lambda: fit_dr_learner(rows, known)
    for name, fit in learners.items():
        started = time.process_time()
        found = fit().predict(matrix)
        yield _advice(name, found, parts + time.process_time() - started, _effective(shared))


def _effective(shared: Nuisances) -> str:
    return f"ESS {shared.exposure.ess:,.0f}, {shared.exposure.clipped_share:.1%} clipped"


def _advice(arm: str, found: Response, cpu: float, note: str = "") -> Advice:
    return Advice(arm, found.uplift, True, cpu, note, found.se)


def backdoor_columns(panel: Panel, graph: CausalGraph) -> tuple[tuple[str, ...], str]:
    """Adjustment set of the true graph, as far as the panel holds it; empty where there is none."""
    try:
        found = identify(graph, panel.treatment, panel.outcome).adjustment_set
    except NotIdentifiable:
        return (), "no adjustment set"
    held = tuple(column for column in found if column in panel.covariates)
    return held, ", ".join(held)


def _fit(
    stage: Stage, arm: str, panel: Panel, columns: Sequence[str] | None, head: Callable[..., UpliftModel], number: int
) -> Advice:
    """Fit a head on some columns of a panel (all its covariates by default) and score everything."""
    started = time.process_time()
    rows, design = training_rows(panel, panel.covariates if columns is None else columns)
    found = head(rows, _rng(stage, number)).predict(design.transform(stage.frame))
    fresh = sorted(set(panel.covariates) - set(stage.panel.covariates))
    note = f"with {', '.join(fresh)}" if fresh else ""
    return _advice(arm, found, time.process_time() - started, note)


def _rng(stage: Stage, number: int) -> np.random.Generator:
    """Randomness of one arm, whatever other arms there are."""
    return np.random.default_rng([stage.seed, number])


def _true_exposure(stage: Stage, rows: TrainingRows, folds: np.ndarray) -> Exposure:
    """Exposure in which every probability is the true one of what the row received."""
    frame, vocabulary = stage.panel.frame, stage.sim.market.vocabulary
    customers = vocabulary.customers.decode(frame["customer"].to_numpy())
    products = vocabulary.products.decode(frame["offer"].to_numpy())
    truth = stage.sim.truth.outcomes_of_rows(customers, products, frame["decided_at"])
    each = np.column_stack([1.0 - truth["propensity"], *[truth[f"propensity[{c}]"] for c in rows.channels]])
    received = each[np.arange(len(rows.channel)), rows.channel]
    return fit_exposure(
        rows.matrix, rows.contacted, folds, rows.names, weights=rows.weights, channel=rows.channel, logged=received
    )


def _ours(stage: Stage) -> Iterator[Advice]:
    """Our recommender under both graphs; the second is ``Recommender().fit(market, graph=truth.graph, rng=seed)``."""
    found = stage.model.effects
    cpu = stage.cpu["panel, appetite, discovery and fit"]
    response = _predict_effects(stage, found)
    yield _advice(OURS[0], response, cpu, _say(found))
    started = time.process_time()
    effects, note = found, f"the same {len(found.adjustment.columns)} columns, so the same model"
    if _choice(stage.panel, stage.model.graph) != _choice(stage.panel, stage.sim.truth.graph):
        effect_rng = np.random.default_rng(stage.seed).spawn(4)[3]  # the one that `Recommender.fit` uses
        effects = fit_effects(stage.panel, stage.sim.truth.graph, effect_rng)
        response, cpu, note = _predict_effects(stage, effects), time.process_time() - started, _say(effects)
    yield _advice(OURS[1], response, cpu, note)
    if stage.identified:
        yield _with_true_propensities(stage, effects)


def _choice(panel: Panel, graph: CausalGraph) -> tuple[object, ...]:
    """Everything about a graph that the effect model heeds."""
    chosen = choose_columns(panel, graph)
    return chosen.columns, frozenset(chosen.adjustment_set) & JOURNEY_CLASSES.keys(), chosen.identified


def _with_true_propensities(stage: Stage, effects: EffectModel) -> Advice:
    """Our learner on the same columns, told every probability of a contact."""
    started = time.process_time()
    rows, design = training_rows(stage.panel, effects.adjustment.columns)
    exposure = _true_exposure(stage, rows, customer_folds(rows.clusters, 5, _rng(stage, 6)))
    found = fit_structured_uplift(rows, _rng(stage, 7), exposure=exposure).predict(design.transform(stage.frame))
    return _advice(TRUE_PROPENSITIES[OURS[1]], found, time.process_time() - started)


def _predict_effects(stage: Stage, effects: EffectModel) -> Response:
    matrix = effects.design.transform(stage.frame)
    return effects.doubted(effects.model.predict(matrix), matrix)


def _say(effects: EffectModel) -> str:
    """Columns, grades and checks in one line."""
    chosen = effects.adjustment
    out = ", ".join(chosen.excluded) or "none"
    grades = "".join(sorted(set(effects.grades.values())))
    refusal = "" if chosen.identified else f"; NOT IDENTIFIED: {str(chosen.refusal)[:160]}"
    return (
        f"{len(chosen.columns)} columns, kept out: {out}; grades {grades}; negative control "
        f"{'passed' if effects.check.passed else 'failed'}; ESS {effects.exposure.ess:,.0f}{refusal}"
    )
