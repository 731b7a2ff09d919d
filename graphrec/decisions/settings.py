"""What can be set about a recommender.

Hides the defaults and the ranges. A setting is plain data, so it is saved beside the model and read back with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Real
from typing import Any

import numpy as np

from causal.graph import CausalGraph
from graphrec.learning.appetites.smoothing import PURCHASES_COUNT, VIEWS_COUNT, ShareShape
from graphrec.learning.filters import FilterConfig
from graphrec.learning.heads.registry import HEADS
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.market.behaviour.panelcolumns import chosen_features
from graphrec.market.slots import SLOT_SOURCES
from graphrec.market.tables import DataError

__all__ = ["OFFERS", "OUTCOMES", "RecommenderConfig", "check_graph", "generator", "settings_of"]

OUTCOMES = {"bought": "outcome", "lines": "lines", "money": "value"}
"""What may count as the outcome, and the column of a market's panel that holds it."""
OFFERS = ("auto", "product", "category", "campaign")
"""Grains of advice."""
_NUMBERS = ("horizon_days", "controls_per_contact", "bootstraps", "level", "maximum_offers", "complaint_cost")


@dataclass(frozen=True)
class RecommenderConfig:
    """Settings of a recommender; the defaults are meant to be kept.

    Attributes
    ----------
    offer : str
        Grain of advice: "product", "category", "campaign", or "auto" (what the solicitations name).
    horizon_days : int
        Outcome window after a contact, in days.
    outcome : str
        What counts within it: "bought" (0/1), "lines" (purchase lines) or "money" (spent on the offer). For the last
        two p_organic and p_contact of the scores are expected amounts, not probabilities.
    controls_per_contact : int
        Controls drawn for each contact from its risk set.
    appetite : str
        Model of the purchase graph: "filter" (closed form), "encoder" (trained graph network) or "blend".
    bootstraps : int
        Bootstraps of the causal discovery when no graph is given.
    level : float
        Confidence level of the uplift intervals.
    maximum_offers : int
        Offers scored for each customer: those contacted about most often, then the most popular.
    slots : str
        Where the slot of a contact comes from: "recorded", "derived" from the local time of sending, or "none". Slots
        are told apart for a 0/1 outcome by the structured head only; otherwise the slot of the scores is empty.
    reachable_value : float, optional
        Money lost when a customer unsubscribes; by default what a year of contacts earns of an average customer.
    complaint_cost : float
        Money lost with each low score that a contact provokes.
    recalibrate : bool
        Correct the size of predicted effects where customers left out clearly confirm it; fits the learner four times.
    behaviour : str or sequence of str
        Variables of customers' behaviour that join the covariates: "none", "all", or names such as ("trend",); see
        `graphrec.build_panel`.
    sensitivity : float
        Widen intervals for a hidden cause so many times as strong as the strongest column; 0 takes none into account.
    head : str
        Learner of what a contact changes: "structured" (the default: what happens anyway plus a small effect), "t",
        "x", "dr" (Kennedy 2023), "ips", "snips" (stabilised and self-normalised), "all-columns t" (heeds no graph), or
        the rankings "response" and "appetite", which are no effects and graded X.
    clip, ridge, leaves : float, float, int
        Where weights by the inverse propensity are cut, and how smooth the outcome models are
        (`graphrec.learning.regressions.learnersettings.LearnerSettings`).
    filter_settings : mapping, optional
        Settings of the filter of the purchase graph, instead of choosing them on the past: any field of `FilterConfig`,
        ``strength`` (purchases by popularity added to each history) and ``views`` (whether views and carts count).
    """

    offer: str = "auto"
    horizon_days: int = 28
    controls_per_contact: int = 8
    appetite: str = "filter"
    bootstraps: int = 0
    level: float = 0.9
    maximum_offers: int = 1_000
    slots: str = "recorded"
    reachable_value: float | None = None
    complaint_cost: float = 0.0
    head: str = "structured"
    outcome: str = "bought"
    recalibrate: bool = False
    sensitivity: float = 0.0
    clip: float = LearnerSettings.clip
    ridge: float = LearnerSettings.ridge
    leaves: int = LearnerSettings.leaves
    filter_settings: Mapping[str, float] | None = None
    behaviour: str | tuple[str, ...] = "none"

    def __post_init__(self) -> None:
        if not isinstance(self.behaviour, str):  # JSON brings tuples back as lists
            object.__setattr__(self, "behaviour", tuple(self.behaviour))
        chosen_features(self.behaviour)
        money = () if self.reachable_value is None else ("reachable_value",)
        for name in (*_NUMBERS, "sensitivity", *money):
            if not isinstance(getattr(self, name), Real):
                raise ValueError(f"{name} is {getattr(self, name)!r}; use a number")
        if self.offer not in OFFERS:
            raise ValueError(f"offer is {self.offer!r}; choose {', '.join(map(repr, OFFERS))}")
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; use a probability such as 0.9")
        for name in ("horizon_days", "controls_per_contact", "maximum_offers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; use 1 or more")
        if self.appetite not in ("filter", "encoder", "blend"):
            raise ValueError(f"appetite is {self.appetite!r}; choose 'filter', 'encoder' or 'blend'")
        if self.slots not in SLOT_SOURCES:
            raise ValueError(f"slots is {self.slots!r}; choose {', '.join(map(repr, SLOT_SOURCES))}")
        if not 0 <= self.sensitivity < float("inf"):
            raise ValueError(
                f"sensitivity is {self.sensitivity}; use 0, or a multiple of the strongest column such as 1"
            )
        for name in ("reachable_value", "complaint_cost"):
            if not 0 <= (getattr(self, name) or 0.0) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; use money of zero or more")
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome is {self.outcome!r}; choose {', '.join(map(repr, OUTCOMES))}")
        if self.head not in HEADS:
            raise ValueError(f"head is {self.head!r}; choose one of {', '.join(HEADS)}")
        if self.filter_settings is not None and self.appetite != "filter":
            raise ValueError(f"filter_settings are given and appetite is {self.appetite!r}; use appetite='filter'")
        for name in ("clip", "ridge", "leaves"):
            if not isinstance(getattr(self, name), Real):
                raise ValueError(f"{name} is {getattr(self, name)!r}; use a number")
        _ = self.learner, self.filter_shape  # both check their numbers

    @property
    def learner(self) -> LearnerSettings:
        """Clipping and the shape of the outcome models."""
        return LearnerSettings(self.clip, self.ridge, self.leaves)

    @property
    def filter_shape(self) -> ShareShape | None:
        """The filter that was set; None where it is chosen on the past."""
        return None if self.filter_settings is None else _shape_of(self.filter_settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `RecommenderConfig(**data)` reads it back."""
        return asdict(self)


def _shape_of(settings: object) -> ShareShape:
    """A shape of the filter from plain data."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"filter_settings is a {type(settings).__name__}; give a mapping such as {{'ease': 1.0}}")
    known = [field.name for field in fields(FilterConfig)]
    for name, value in settings.items():
        if name not in (*known, "strength", "views"):
            raise ValueError(f"filter_settings has {name!r}; it takes {', '.join(known)}, strength and views")
        if not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ValueError(f"filter_settings has {name} = {value!r}; use a number of zero or more")
    numbers: dict[str, Any] = {name: value for name, value in settings.items() if name in known}
    for name in {"neighbours", "links"} & set(numbers):
        numbers[name] = int(numbers[name])
    signals = VIEWS_COUNT if settings.get("views") else PURCHASES_COUNT
    return ShareShape(FilterConfig(**numbers), signals, float(settings.get("strength", ShareShape.strength)))


def settings_of(config: object) -> RecommenderConfig:
    """The settings given, or the defaults.

    Raises
    ------
    DataError
        They are of another type.
    """
    if config is None:
        return RecommenderConfig()
    if not isinstance(config, RecommenderConfig):
        remedy = "RecommenderConfig(**config)" if isinstance(config, dict) else "RecommenderConfig(...)"
        raise DataError(f"config is a {type(config).__name__}; give {remedy}")
    return config


def check_graph(graph: object) -> None:
    """Refuse what is no causal graph.

    Raises
    ------
    DataError
        It is of another type.
    """
    if graph is not None and not isinstance(graph, CausalGraph):
        raise DataError(
            f"graph is a {type(graph).__name__}; give a CausalGraph(nodes, edges), or leave it out to discover one"
        )


def generator(rng: object) -> np.random.Generator:
    """Generator of a seed.

    Raises
    ------
    DataError
        The seed is no whole number of zero or more.
    """
    try:
        return np.random.default_rng(rng)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise DataError(f"rng is {rng!r}; give a whole number of zero or more, a Generator or None") from error
