"""From a panel and a graph to a fitted model of what each contact changes, with its evidence.

Hides the order of the steps: the graph chooses the columns, the columns become arrays, a head is fitted, and the
adjustment is put to the test. Heads are interchangeable; the default is the offset-structured uplift.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from causal.graph import CausalGraph
from graphrec.learning.adjustment import Adjustment, choose_columns
from graphrec.learning.credibility.comparability import Comparability, assess_exposure
from graphrec.learning.credibility.falsification import NegativeControl, negative_control
from graphrec.learning.credibility.form import FormError, fit_form_error, unvarying_channels
from graphrec.learning.credibility.grading import grade_channels
from graphrec.learning.credibility.hidden import HiddenCause
from graphrec.learning.credibility.recalibration import Recalibration
from graphrec.learning.design import Design
from graphrec.learning.exposure import Exposure, fit_rows_exposure
from graphrec.learning.heads.additive import AdditiveUplift
from graphrec.learning.heads.nuisances import is_binary
from graphrec.learning.heads.registry import Head, HeadRecipe, UpliftModel, recipe_of
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.learning.relevance import drop_silent_columns
from graphrec.learning.response import Response, StructuredUplift
from graphrec.learning.rows import TrainingRows, training_rows
from graphrec.learning.sideeffects import SideEffect, fit_side_effects
from graphrec.market.panel import Panel

__all__ = ["EffectModel", "Head", "UpliftModel", "fit_effects"]


@dataclass(frozen=True, eq=False)
class EffectModel:
    """A fitted head and everything needed to use and to doubt it.

    Attributes
    ----------
    model : UpliftModel
        Predicts from `design`'s matrix.
    design : Design
        Panel columns to matrix.
    adjustment : Adjustment
        Which columns, and why.
    exposure : Exposure
        Propensity, overlap, balance.
    check : NegativeControl
        Result of the negative control.
    channels : tuple of str
        Channels in the order of the predictions.
    grades : dict of str to str
        Best grade that a recommendation through the channel can have.
    form : FormError
        Groups of customers in which the effect differs from its prediction.
    recalibration : Recalibration or None
        A line by which predicted effects are corrected, where that was asked for and clearly helps.
    comparability : Comparability or None
        Calibration of the propensities, overlap, effective rows and balance, with a verdict.
    reasons : dict of str to str
        Why the grade of a channel is not better; empty for A and B.
    hidden : HiddenCause or None
        What a cause outside the columns could do, where intervals are to hold it.
    binary : bool
        Whether the outcome is 0/1; else p_organic and p_contact are expected values in the outcome's unit.
    side : tuple of SideEffect
        What else a contact changes: unsubscriptions and complaints, where there are enough to learn from.
    """

    model: UpliftModel
    design: Design
    adjustment: Adjustment
    exposure: Exposure
    check: NegativeControl
    channels: tuple[str, ...]
    grades: dict[str, str]
    form: FormError = field(default_factory=FormError)
    side: tuple[SideEffect, ...] = ()
    recalibration: Recalibration | None = None
    comparability: Comparability | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    hidden: HiddenCause | None = None
    binary: bool = True

    def corrected(self, response: Response) -> Response:
        """A response of the model moved along the line of the recalibration, where there is one."""
        return response if self.recalibration is None else self.recalibration.apply(response)

    def doubted(self, response: Response, matrix: np.ndarray) -> Response:
        """A corrected response with the error of the model's form in the standard errors."""
        return self.corrected(self.form.widen(response, matrix, len(self.channels)))


def fit_effects(
    panel: Panel, graph: CausalGraph | None, rng: np.random.Generator, head: HeadRecipe | Head | None = None
) -> EffectModel:
    """Fit an effect model.

    Parameters
    ----------
    panel : Panel
        Contacted rows and controls with their covariates.
    graph : CausalGraph, optional
        Chooses the columns; without it all covariates are used and nothing is graded above C.
    rng : numpy.random.Generator
        Source of folds and seeds.
    head : HeadRecipe or callable, optional
        Another learner; the structured one by default.
    """
    recipe = head if isinstance(head, HeadRecipe) else recipe_of("structured" if head is None else head)
    fit_rng, fold_rng, column_rng, side_rng = rng.spawn(4)
    adjustment = choose_columns(panel, None if recipe.all_columns else graph)
    if not recipe.all_columns:
        adjustment = drop_silent_columns(panel, adjustment, column_rng)
    rows, design = training_rows(panel, adjustment.columns)
    model = recipe.fit(rows, fit_rng)
    exposure = model.exposure if isinstance(model, StructuredUplift) else _exposure(rows, fold_rng)
    check = negative_control(rows, _twin_outcome(panel), exposure.model.out_of_fold)
    comparability = assess_exposure(rows, exposure)
    graded = grade_channels(panel, rows.channels, adjustment, check, comparability, recipe.claims_effect)
    return EffectModel(
        model,
        design,
        adjustment,
        exposure,
        check,
        rows.channels,
        grades={channel: grade for channel, (grade, _) in graded.items()},
        form=_form(rows, model, exposure),
        side=fit_side_effects(panel, rows, side_rng),
        comparability=comparability,
        reasons={channel: reason for channel, (_, reason) in graded.items()},
        binary=is_binary(rows.outcome),
    )


def _form(rows: TrainingRows, model: UpliftModel, exposure: Exposure) -> FormError:
    """Error of the form of a model that knows what it expected of rows it had not seen, and channels without variation.

    The second holds for every learner.
    """
    same = unvarying_channels(rows)
    if not isinstance(model, StructuredUplift | AdditiveUplift):
        return same
    response = model.predict(rows.matrix, errors=False)
    found = fit_form_error(rows, model.expected, response, exposure.control_weights, rows.modifiers)
    return FormError(found.findings + same.findings)


def _twin_outcome(panel: Panel) -> np.ndarray:
    """Outcome that the contact cannot have moved, or nan.

    Campaigns get none: their sets of products overlap and one shopping trip serves several, so a contact about one may
    well move another.
    """
    campaigns = panel.offers is not None and panel.offers.kind == "campaign"
    if campaigns or "twin_outcome" not in panel.frame:
        return np.full(len(panel.frame), np.nan)
    return panel.frame["twin_outcome"].to_numpy(np.float64)


def _exposure(rows: TrainingRows, rng: np.random.Generator) -> Exposure:
    folds = customer_folds(rows.clusters, 5, rng)
    return fit_rows_exposure(rows, folds, int(rng.integers(2**31)))
