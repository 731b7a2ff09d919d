"""What is searched: families of appetite and effect models, their settings, the baselines, and the order of simplicity.

Hides how a drawn candidate becomes a `RecommenderConfig`. The space is plain data, so it can be stored beside the study
and a study of another space is recognised. Item-kNN, RP3-beta and EASE are special cases of the project's filter
(`graphrec.learning.filters.FilterConfig`), so each of them is something that a recommender can be trained with.

Order of simplicity: effects before rankings that are none; then fewer settings that differ from the defaults; then the
family that is named first; then the earlier trial. The default is the simplest candidate by this order: a change has to
earn its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphrec.decisions.settings import RecommenderConfig

__all__ = ["Knob", "SearchSpace", "appetite_space", "policy_space"]

Params = Mapping[str, Any]

_HEADS = ("structured", "t", "snips", "x", "dr", "ips", "all-columns t", "response", "appetite")
_RANKINGS = ("response", "appetite")
_WEIGHTED = ("structured", "snips", "x", "dr", "ips")
_TASTES = ("chosen", "most popular", "item-kNN", "RP3beta", "EASE", "filter")
_LEARNED = ("encoder", "blend")
_NAMES = {
    "structured": "structured uplift",
    "t": "T-learner",
    "snips": "T-learner, stabilised weights",
    "x": "X-learner",
    "dr": "DR-learner",
    "ips": "inverse propensity",
    "all-columns t": "T-learner, all columns",
    "response": "response ranking",
    "appetite": "appetite ranking",
    "chosen": "filter chosen on the past",
    "filter": "filter with set exponents",
    "encoder": "graph encoder",
    "blend": "encoder and filter",
}
_POPULAR = 1e9
"""Purchases by popularity added to each history: so many that no history counts."""


@dataclass(frozen=True)
class Knob:
    """One thing that may be turned.

    Attributes
    ----------
    name : str
    default : number, str or bool
    choices : tuple
        What it may be; empty for a number within ``low`` and ``high``.
    low, high, step, log
        Range of a number.
    parent, values : str, tuple of str
        The knob is there only where the parent has one of the values.
    """

    name: str
    default: Any
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    step: float | None = None
    log: bool = False
    parent: str = ""
    values: tuple[str, ...] = ()

    def active(self, params: Params) -> bool:
        """Whether it is there, given what was drawn so far."""
        return not self.parent or params.get(self.parent) in self.values

    def suggest(self, trial: Any) -> Any:
        """Draw it for an Optuna trial."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)


@dataclass(frozen=True)
class SearchSpace:
    """Knobs, in the order in which they are drawn, and the candidates that are always tried.

    Attributes
    ----------
    goal : {"policy", "appetite"}
    knobs : tuple of Knob
    baselines : tuple of (str, mapping)
        Name and settings; the first is the default.
    """

    goal: str
    knobs: tuple[Knob, ...]
    baselines: tuple[tuple[str, Params], ...]

    def draw(self, trial: Any) -> dict[str, Any]:
        """Draw a candidate."""
        params: dict[str, Any] = {}
        for knob in self.knobs:
            if knob.active(params):
                params[knob.name] = knob.suggest(trial)
        return params

    def completed(self, params: Params) -> dict[str, Any]:
        """The settings with the default of every knob that is there and was left out."""
        found: dict[str, Any] = {}
        for knob in self.knobs:
            if knob.active(found):
                found[knob.name] = params.get(knob.name, knob.default)
        return found

    def changes(self, params: Params) -> int:
        """How many settings differ from their defaults."""
        return sum(params[knob.name] != knob.default for knob in self.knobs if knob.name in params)

    def simplicity(self, params: Params, number: int) -> tuple[int, int, int, int, int]:
        """Sort key, the simplest first; see the module's text."""
        head, taste = params.get("head", _HEADS[0]), params.get("taste", _TASTES[0])
        families = (*_TASTES, *_LEARNED)
        return head in _RANKINGS, self.changes(params), _HEADS.index(head), families.index(taste), number

    def family(self, params: Params) -> str:
        """Name of the family, for people."""
        taste = str(params.get("taste", _TASTES[0]))
        taste = _NAMES.get(taste, taste)
        if self.goal == "appetite":
            return taste
        head = _NAMES[params["head"]]
        return head if taste == _NAMES[_TASTES[0]] else f"{head} with {taste}"

    def describe(self, params: Params) -> str:
        """Settings other than the family's, for people; only those that differ from the default."""
        changed = [k for k in self.knobs if k.name in params and k.name not in ("head", "taste")]
        return ", ".join(f"{k.name} {_number(params[k.name])}" for k in changed if params[k.name] != k.default)

    def configure(self, params: Params, base: RecommenderConfig) -> RecommenderConfig:
        """The settings as a recommender takes them."""
        changed: dict[str, Any] = {name: params[name] for name in ("head", "clip", "ridge", "leaves") if name in params}
        taste = params.get("taste", _TASTES[0])
        if taste in _LEARNED:
            return replace(base, **changed, appetite=taste, filter_settings=None)
        return replace(base, **changed, appetite="filter", filter_settings=_filter_settings(str(taste), params))

    def to_list(self) -> list[dict[str, Any]]:
        """Plain data that tells this space from others."""
        return [{name: value for name, value in knob.__dict__.items() if value not in ("", ())} for knob in self.knobs]


def _filter_settings(taste: str, params: Params) -> dict[str, float] | None:
    """A family of appetite models as settings of the filter."""
    if taste == "chosen":
        return None
    if taste == "most popular":
        return {"ease": 0.0, "strength": _POPULAR}
    shared = {"strength": float(params["strength"]), "views": float(params.get("views", False))}
    if taste == "item-kNN":  # cosines of products
        return {"source": 0.5, "customer": 0.0, "target": 0.5, "power": 1.0, "ease": 0.0, **shared}
    if taste == "RP3beta":
        alpha, beta = float(params["alpha"]), float(params["beta"])
        return {"source": alpha, "customer": alpha, "target": beta, "power": 1.0, "ease": 0.0, **shared}
    if taste == "EASE":
        return {"ease": 1.0, "ridge": float(params["ease_ridge"]), **shared}
    own = {name: float(params[name]) for name in ("source", "customer", "target", "power", "ease", "sharpness")}
    return {**own, "ridge": float(params["ease_ridge"]), **shared}


def appetite_space(*, views: bool, learned: bool = False) -> SearchSpace:
    """Space of appetite models.

    Parameters
    ----------
    views : bool
        Whether the market has views or carts, which may count.
    learned : bool
        Whether the trained encoder takes part; a trial then takes minutes.
    """
    tastes = (*_TASTES, *_LEARNED) if learned else _TASTES
    named: list[tuple[str, Params]] = [("default", {})]
    named += [(taste, {"taste": taste}) for taste in tastes[1:]]
    return _space("appetite", _taste_knobs(tastes, views), named)


def policy_space(*, views: bool, binary: bool, learned: bool = False) -> SearchSpace:
    """Space of effect models jointly with the appetite model whose score they see.

    Parameters
    ----------
    views, learned
        As in `appetite_space`.
    binary : bool
        Whether the outcome is 0/1; the shape of the outcome models is tuned for such only.
    """
    knobs = [
        Knob("head", "structured", _HEADS),
        Knob("clip", 0.995, (0.9, 0.95, 0.98, 0.995, 1.0), parent="head", values=_WEIGHTED),
    ]
    if binary:
        knobs += [Knob("ridge", 5.0, low=0.5, high=200.0, log=True), Knob("leaves", 8, (1, 4, 8, 16))]
    tastes = (*_TASTES, *_LEARNED) if learned else _TASTES
    rivals = ("t", "dr", "snips", "x", "all-columns t", "response", "appetite")
    named: list[tuple[str, Params]] = [("default", {})]
    named += [(_NAMES[head], {"head": head}) for head in rivals]
    named += [(taste, {"taste": taste}) for taste in ("most popular", "item-kNN", "RP3beta", "EASE")]
    return _space("policy", [*knobs, *_taste_knobs(tastes, views)], named)


def _space(goal: str, knobs: Sequence[Knob], named: Iterable[tuple[str, Params]]) -> SearchSpace:
    space = SearchSpace(goal, tuple(knobs), ())
    return replace(space, baselines=tuple((name, space.completed(params)) for name, params in named))


def _taste_knobs(tastes: Sequence[str], views: bool) -> list[Knob]:
    by_history = ("item-kNN", "RP3beta", "EASE", "filter")
    own = ("filter",)
    knobs = [
        Knob("taste", tastes[0], tuple(tastes)),
        Knob("strength", 10.0, (0.3, 1.0, 3.0, 10.0, 30.0, 100.0), parent="taste", values=by_history),
        Knob("alpha", 1.0, low=0.4, high=1.6, step=0.1, parent="taste", values=("RP3beta",)),
        Knob("beta", 0.6, low=0.0, high=1.0, step=0.1, parent="taste", values=("RP3beta",)),
        Knob("ease_ridge", 400.0, (25.0, 100.0, 400.0, 1600.0), parent="taste", values=("EASE", "filter")),
        Knob("source", 0.725, low=0.225, high=1.225, step=0.125, parent="taste", values=own),
        Knob("customer", 0.5, low=0.0, high=1.0, step=0.25, parent="taste", values=own),
        Knob("target", 0.25, low=0.0, high=0.75, step=0.125, parent="taste", values=own),
        Knob("power", 1.45, low=0.7, high=2.2, step=0.15, parent="taste", values=own),
        Knob("ease", 0.5, (0.0, 0.25, 0.5, 0.75, 1.0), parent="taste", values=own),
        Knob("sharpness", 1.0, (1.0, 1.5, 2.0, 3.0), parent="taste", values=own),
    ]
    if views:
        knobs.insert(2, Knob("views", False, (False, True), parent="taste", values=by_history))
    return knobs


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
