"""Learners by name: which there are, what each may see, and how each is fitted and read back.

Hides the table. A head is a recipe for an uplift model; `RecommenderConfig(head=)` names one of these, and
``Recommender(head=)`` also takes a function of one's own or a scikit-learn estimator (a T-learner of its clones).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from graphrec.learning.heads.additive import AdditiveUplift, fit_additive
from graphrec.learning.heads.drlearner import fit_dr_learner
from graphrec.learning.heads.nuisances import Nuisances, fit_nuisances, is_binary
from graphrec.learning.heads.projected import ProjectedUplift
from graphrec.learning.heads.tlearner import TLearner, fit_t_learner
from graphrec.learning.heads.weighting import fit_ips, fit_snips
from graphrec.learning.heads.xlearner import XLearner, fit_x_learner
from graphrec.learning.regressions.estimators import check_estimator
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.regressions.parts import NotStorable, Parts
from graphrec.learning.response import Response, StructuredUplift, fit_structured_uplift
from graphrec.learning.rows import TrainingRows
from graphrec.market.tables import DataError

__all__ = [
    "HEADS",
    "Head",
    "HeadRecipe",
    "UpliftModel",
    "predict_quickly",
    "predict_slots",
    "read_head",
    "recipe_of",
    "slots_of",
    "store_head",
]


class UpliftModel(Protocol):
    """Anything that predicts potential outcomes from the matrix it was fitted on."""

    def predict(self, matrix: np.ndarray) -> Response:
        """Potential outcomes of the rows."""


Head = Callable[[TrainingRows, np.random.Generator], UpliftModel]
"""Fits an uplift model to training rows."""


@dataclass(frozen=True)
class HeadRecipe:
    """How a learner is fitted, and what may be said of it.

    Attributes
    ----------
    fit : callable
        ``fit(rows, rng) -> model``.
    all_columns : bool
        Takes every covariate of the panel, whatever the graph says.
    claims_effect : bool
        False for rankings that are no effect; their rows are graded X.
    """

    fit: Head
    all_columns: bool = False
    claims_effect: bool = True


@dataclass(frozen=True)
class _Plan:
    """A learner before models are plugged into it."""

    fit: Callable[[TrainingRows, np.random.Generator, Any, Any, LearnerSettings], UpliftModel]
    all_columns: bool = False
    claims_effect: bool = True


def _classical(
    finish: Callable[[TrainingRows, Nuisances], UpliftModel], arms: bool = True, exposure: bool = True
) -> Any:
    """A learner that starts from the shared parts."""

    def fit(
        rows: TrainingRows, rng: np.random.Generator, outcome: Any, propensity: Any, settings: LearnerSettings
    ) -> UpliftModel:
        shared = fit_nuisances(
            rows,
            rng,
            outcome_model=outcome,
            propensity_model=propensity,
            arms=arms,
            exposure=exposure,
            settings=settings,
        )
        return finish(rows, shared)

    return fit


def _ranking(rank_by: str) -> Any:
    return _classical(lambda rows, shared: fit_t_learner(rows, shared, rank_by), exposure=False)


def _fit_structured(
    rows: TrainingRows, rng: np.random.Generator, outcome: Any, propensity: Any, settings: LearnerSettings
) -> UpliftModel:
    """The default: on the logit scale for 0/1, additive for amounts and wherever an outcome model is plugged in."""
    if outcome is not None or not is_binary(rows.outcome):
        return fit_additive(rows, rng, outcome_model=outcome, propensity_model=propensity, settings=settings)
    if propensity is None:
        return fit_structured_uplift(rows, rng, settings=settings)
    fold_rng, fit_rng = rng.spawn(2)
    shared = fit_nuisances(rows, fold_rng, propensity_model=propensity, arms=False, settings=settings)
    return fit_structured_uplift(rows, fit_rng, exposure=shared.exposure, settings=settings)


def _fit_snips(
    rows: TrainingRows, rng: np.random.Generator, outcome: Any, propensity: Any, settings: LearnerSettings
) -> UpliftModel:
    shared = fit_nuisances(rows, rng, outcome_model=outcome, propensity_model=propensity, arms=False, settings=settings)
    return fit_snips(rows, shared, outcome, int(rng.integers(2**31)), settings)


_PLANS: Mapping[str, _Plan] = {
    "structured": _Plan(_fit_structured),
    "t": _Plan(_classical(fit_t_learner, exposure=False)),
    "x": _Plan(_classical(fit_x_learner)),
    "dr": _Plan(_classical(fit_dr_learner)),
    "ips": _Plan(_classical(fit_ips, arms=False)),
    "snips": _Plan(_fit_snips),
    "response": _Plan(_ranking("response"), claims_effect=False),
    "appetite": _Plan(_ranking("appetite"), claims_effect=False),
    "all-columns t": _Plan(_classical(fit_t_learner, exposure=False), all_columns=True),
}
HEADS: tuple[str, ...] = tuple(_PLANS)
"""Names that `RecommenderConfig(head=)` takes."""


def recipe_of(
    head: str | Head | Any,
    *,
    outcome_model: Any = None,
    propensity_model: Any = None,
    settings: LearnerSettings | None = None,
) -> HeadRecipe:
    """Recipe of a name, a function or an estimator.

    Parameters
    ----------
    head : str, callable or scikit-learn estimator
        One of `HEADS`; ``head(rows, rng) -> model``; or an estimator, which is taken as the outcome model of a
        T-learner.
    outcome_model, propensity_model : scikit-learn estimator, optional
        Plugged into a named head. A regressor or a classifier with probabilities; a classifier.
    settings : LearnerSettings, optional
        Clipping and the shape of our own outcome models; a function of one's own ignores it.

    Raises
    ------
    DataError
        An unknown name, or models to plug into a function.

    Examples
    --------
    >>> recipe_of("response").claims_effect
    False
    """
    plugged = outcome_model is not None or propensity_model is not None
    if not isinstance(head, str):
        if hasattr(head, "get_params"):
            if outcome_model is not None:
                raise DataError("head is an estimator and outcome_model is another; give one of them")
            return recipe_of("t", outcome_model=head, propensity_model=propensity_model, settings=settings)
        if not callable(head):
            raise DataError(f"head is {head!r}; give a name ({', '.join(HEADS)}), a function or an estimator")
        if plugged:
            raise DataError("a head of your own fits its own models; leave outcome_model and propensity_model out")
        return HeadRecipe(head)
    if head not in _PLANS:
        raise DataError(f"head is {head!r}; choose one of {', '.join(HEADS)}, or give a function")
    if propensity_model is not None:
        check_estimator(propensity_model, "propensity_model", binary=True, regressor=False)
    plan, chosen = _PLANS[head], settings or LearnerSettings()

    def fit(rows: TrainingRows, rng: np.random.Generator) -> UpliftModel:
        return plan.fit(rows, rng, outcome_model, propensity_model, chosen)

    return HeadRecipe(fit, plan.all_columns, plan.claims_effect)


_CLASSES: Mapping[str, Any] = {kind.__name__: kind for kind in (TLearner, XLearner, ProjectedUplift, AdditiveUplift)}

_BUILT_IN: tuple[type, ...] = (StructuredUplift, *_CLASSES.values())


def predict_quickly(model: Any, matrix: np.ndarray, slots: Sequence[int] | None = None) -> Response:
    """Potential outcomes of rows most of which nobody will see: without standard errors where the model can."""
    if slots is not None:
        return predict_slots(model, matrix, slots, errors=False)
    quick = {"errors": False} if type(model) in _BUILT_IN else {}
    found: Response = model.predict(matrix, **quick)
    return found


def slots_of(model: Any) -> tuple[str, ...]:
    """Slots that a model tells apart; none of the heads but the structured one does."""
    return model.slots if isinstance(model, StructuredUplift) else ()


def predict_slots(model: Any, matrix: np.ndarray, slots: Sequence[int] | None, *, errors: bool = True) -> Response:
    """Potential outcomes by channel and slot, slots varying fastest; by channel where ``slots`` is None."""
    if slots is not None and isinstance(model, StructuredUplift):
        return model.predict(matrix, errors=errors, slots=slots)
    found: Response = model.predict(matrix)
    return found


def store_head(model: Any) -> tuple[str, Parts]:
    """Name of the class and storable form of a fitted model.

    Raises
    ------
    NotStorable
        The model, or one plugged into it, has no form without pickle.
    """
    name = type(model).__name__
    if name not in _CLASSES:
        raise NotStorable(
            f"the head {name} has no form that can be stored without pickle, so this recommender cannot be saved; "
            "refit without head=, or store the scores"
        )
    return name, model.to_parts()


def read_head(name: str, parts: Parts) -> UpliftModel:
    """Rebuild a model from `store_head`.

    Raises
    ------
    DataError
        The class is unknown to this version.
    """
    if name not in _CLASSES:
        raise DataError(f"the stored head {name!r} is unknown to this version; fit and save again")
    model: UpliftModel = _CLASSES[name].from_parts(parts)
    return model
