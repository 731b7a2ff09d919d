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
from scipy.special import expit

import graphrec
from causal.graph import CausalGraph
from causal.identification import NotIdentifiable, identify
from graphrec.learning.adjustment import choose_columns
from graphrec.learning.baselines import TLearner, fit_best_constant, fit_t_learner
from graphrec.learning.design import Design
from graphrec.learning.effects import EffectModel, UpliftModel, fit_effects
from graphrec.learning.response import fit_structured_uplift
from graphrec.learning.rows import training_rows
from graphrec.market.attributes import attribute_values
from graphrec.market.panel import Panel
from graphrec.market.simulation import Simulation

__all__ = ["ALL_COLUMNS", "OURS", "PANEL_COLUMNS", "REFERENCES", "Advice", "Stage", "advise", "set_stage"]

ALL_COLUMNS = "T-learner, all pre-decision columns"
PANEL_COLUMNS = "T-learner, the panel's covariates"
OURS = ("ours, discovered graph", "ours, true graph")
REFERENCES = ("oracle", "true response", "true appetite", "random")
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
    """

    arm: str
    scores: np.ndarray
    is_probability: bool
    cpu: float
    note: str = ""


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


def advise(stage: Stage, *, ablations: bool = False) -> Iterator[Advice]:
    """Scores of every arm, one after the other.

    Parameters
    ----------
    stage : Stage
    ablations : bool
        Also our head on all pre-decision columns: what is owed to the head, and what to the columns.
    """
    yield from _references(stage)
    yield from _rankings(stage)
    yield from _t_learners(stage)
    yield from _ours(stage)
    if ablations:
        yield _fit(stage, "our head, all pre-decision columns", stage.careless, None, fit_structured_uplift, 9)


def _references(stage: Stage) -> Iterator[Advice]:
    """The oracle, the true response and appetite, and chance (which a constant score is)."""
    shape = (len(stage.frame), len(stage.channels))
    for name, column in (("oracle", "uplift"), ("true response", "p_contact"), ("true appetite", "p_organic")):
        yield Advice(name, stage.truth[column].to_numpy().reshape(shape), True, 0.0)
    yield Advice("random", np.zeros(shape), False, 0.0)


def _rankings(stage: Stage) -> Iterator[Advice]:
    """Scores that exist before any effect is learned; ties over the channels count by expectation."""
    for name, column in (("popularity", "popularity"), ("graph appetite", "appetite")):
        values = stage.frame[column].to_numpy(np.float64)
        yield Advice(name, np.repeat(values[:, None], len(stage.channels), axis=1), False, 0.0)
    yield _fit(stage, "best constant action", stage.panel, _GRAPH_FEATURES, fit_best_constant, 0)


def _t_learners(stage: Stage) -> Iterator[Advice]:
    """T-learners by the columns they see; appetite and response are halves of the one on the panel's covariates."""
    started = time.process_time()
    rows, design = training_rows(stage.panel, stage.panel.covariates)
    learner = fit_t_learner(rows, _rng(stage, 1))
    matrix = design.transform(stage.frame)
    halves = _halves(learner, matrix)
    cpu = time.process_time() - started
    for name, scores in zip(("appetite", "response", PANEL_COLUMNS), halves):
        yield Advice(name, scores, True, cpu, f"{len(stage.panel.covariates)} columns")
    yield _fit(stage, "T-learner, graph features", stage.panel, _GRAPH_FEATURES, fit_t_learner, 2)
    yield _fit(stage, ALL_COLUMNS, stage.careless, None, fit_t_learner, 3)
    columns, why = backdoor_columns(stage.panel, stage.sim.truth.graph)
    if columns:
        yield replace(_fit(stage, "T-learner, backdoor set", stage.panel, columns, fit_t_learner, 4), note=why)


def _halves(learner: TLearner, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    organic = expit(learner.control.logits(matrix))[:, None]
    contact = np.column_stack([expit(arm.logits(matrix)) for arm in learner.arms])
    return np.repeat(organic, contact.shape[1], axis=1), contact, contact - organic


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
    scores = _predict(stage, head(rows, _rng(stage, number)), design)
    fresh = sorted(set(panel.covariates) - set(stage.panel.covariates))
    note = f"with {', '.join(fresh)}" if fresh else ""
    return Advice(arm, scores, True, time.process_time() - started, note)


def _rng(stage: Stage, number: int) -> np.random.Generator:
    """Randomness of one arm, whatever other arms there are."""
    return np.random.default_rng([stage.seed, number])


def _predict(stage: Stage, model: UpliftModel, design: Design) -> np.ndarray:
    return model.predict(design.transform(stage.frame)).uplift


def _ours(stage: Stage) -> Iterator[Advice]:
    """Our recommender under both graphs; the second is ``Recommender().fit(market, graph=truth.graph, rng=seed)``."""
    found = stage.model.effects
    cpu = stage.cpu["panel, appetite, discovery and fit"]
    scores = _predict_effects(stage, found)
    yield Advice(OURS[0], scores, True, cpu, _say(found))
    started = time.process_time()
    chosen = choose_columns(stage.panel, stage.sim.truth.graph)
    if chosen.columns == found.adjustment.columns and chosen.identified == found.adjustment.identified:
        # The same columns, rows and seed give the same model, byte for byte.
        note = f"the same {len(chosen.columns)} columns, so the same model"
        yield Advice(OURS[1], scores, True, cpu, note)
        return
    effect_rng = np.random.default_rng(stage.seed).spawn(4)[3]  # the one that `Recommender.fit` uses
    effects = fit_effects(stage.panel, stage.sim.truth.graph, effect_rng)
    scores = _predict_effects(stage, effects)
    yield Advice(OURS[1], scores, True, time.process_time() - started, _say(effects))


def _predict_effects(stage: Stage, effects: EffectModel) -> np.ndarray:
    return _predict(stage, effects.model, effects.design)


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
