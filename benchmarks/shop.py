"""A shop whose equations are known: twelve features, a confounder, a mediated lever and consequences of the outcome.

Hides the truth behind plain frames. Income drives both the discount a customer gets and what the customer spends (the
confounder); reminders work only through visits (the mediated lever); support tickets and the welcome push follow from
the spending (the consequences); age, income, tenure and digital affinity cannot be changed (the traits). Noise is
additive, so the effect of a move on a row is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.graph import CausalGraph
from causal.scm import StructuralModel

__all__ = ["CONSEQUENCES", "COSTS", "FEATURES", "OUTCOME", "ROLES", "KnownEquation", "draw_shop", "true_graph", "truth"]

Floats = NDArray[np.float64]
OUTCOME = "spend"
CONSEQUENCES = ("support_tickets", "welcome_push")
ROLES = {
    "age": "Age",
    "income": "Income",
    "tenure": "Tenure",
    "digital_affinity": "DigitalAffinity",
    "past_satisfaction": "PastSatisfaction",
    "price": "Price",
    "discount": "Discount",
    "contact_pressure": "ContactPressure",
    "reminders": "Solicitation",
    "visits": "Visit",
    "support_tickets": "SupportTicket",
    "welcome_push": "WelcomePush",
    "spend": "Purchase",
}
"""Column to ontology class; income in tens of thousands, price in euros, discount a share, the rest plain."""
FEATURES = tuple(column for column in ROLES if column != OUTCOME)
COSTS = {"discount": 0.05, "price": 0.045, "contact_pressure": 0.05, "reminders": 0.12}
"""Money for one step of each lever in the market with costs: 5 points, one euro, one contact, one reminder."""

_PARENTS = {
    "income": ("age",),
    "tenure": ("age",),
    "digital_affinity": ("age",),
    "past_satisfaction": ("income", "tenure"),
    "price": ("income",),
    "discount": ("income", "tenure"),
    "contact_pressure": ("past_satisfaction", "digital_affinity"),
    "reminders": ("digital_affinity", "tenure"),
    "visits": ("reminders", "digital_affinity", "age", "contact_pressure"),
    "spend": ("income", "tenure", "past_satisfaction", "price", "discount", "contact_pressure", "visits", "age"),
    "support_tickets": ("spend",),
    "welcome_push": ("spend", "digital_affinity"),
}


@dataclass(frozen=True)
class KnownEquation:
    """An equation that nobody had to fit, with the face of `causal.structural.equations.Equation`."""

    node: str
    parents: tuple[str, ...]
    function: Callable[[Any], Floats]
    kind: str = "number"
    additive: bool = True
    levels: tuple[str, ...] = ()
    noise: Floats = field(default_factory=lambda: np.zeros(1))

    def mean(self, frame: pd.DataFrame) -> Floats:
        """Mean of the node given its parents, shape (n,)."""
        return np.asarray(self.function(frame), dtype=np.float64)


def visits_of(t: Any) -> Floats:
    """Visits: a reminder helps those at home online, ever less, and less when many other contacts arrive."""
    pull = 1.0 / (1.0 + np.exp(-1.6 * t["digital_affinity"]))
    return np.asarray(
        1.0 + 0.3 * t["digital_affinity"] + 1.3 * pull * np.sqrt(np.maximum(t["reminders"], 0.0))
        - 0.01 * (t["age"] - 50.0) - 0.08 * t["contact_pressure"]
    )  # fmt: skip


def spend_of(t: Any) -> Floats:
    """Spending: discounts work on low incomes and saturate, prices on short tenure, pressure puts older people off."""
    z_income = t["income"] - 4.0
    modest = 1.0 / (1.0 + np.exp(1.5 * z_income))
    discount = 1.9 * modest * (1.0 - np.exp(-5.0 * t["discount"])) - 0.25 * (1 - modest) * t["discount"]
    price = -0.06 * (t["price"] - 20.0) * (1.5 - np.tanh(t["tenure"] / 4.0))
    pressure = -0.16 * (t["contact_pressure"] - 3.0) * np.tanh((t["age"] - 38.0) / 12.0)
    base = 0.8 * z_income + 0.06 * t["tenure"] + 0.2 * (t["past_satisfaction"] - 7.0)
    return np.asarray(base + discount + price + pressure + 0.75 * t["visits"])


def draw_shop(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of the shop with the twelve features and the spending."""
    t: dict[str, Floats] = {"age": rng.uniform(20, 80, n)}
    t["income"] = 4.0 + 0.015 * (t["age"] - 50.0) + rng.normal(0, 1.0, n)
    t["tenure"] = np.maximum(0.08 * (t["age"] - 15.0) + rng.normal(0, 1.5, n), 0.0)
    t["digital_affinity"] = -0.03 * (t["age"] - 50.0) + rng.normal(0, 0.9, n)
    t["past_satisfaction"] = 7.0 + 0.3 * (t["income"] - 4.0) + 0.05 * t["tenure"] + rng.normal(0, 1.0, n)
    t["price"] = 20.0 + 1.5 * (t["income"] - 4.0) + rng.normal(0, 3.0, n)
    t["discount"] = np.clip(0.2 + 0.07 * (t["income"] - 4.0) + 0.01 * t["tenure"] + rng.normal(0, 0.1, n), 0, 0.5)
    pressure = 3.0 - 0.5 * (t["past_satisfaction"] - 7.0) + 0.6 * t["digital_affinity"] + rng.normal(0, 1.3, n)
    t["contact_pressure"] = np.maximum(np.round(pressure), 0.0)
    reminders = 2.0 + 0.7 * t["digital_affinity"] + 0.1 * t["tenure"] + rng.normal(0, 1.3, n)
    t["reminders"] = np.maximum(np.round(reminders), 0.0)
    t["visits"] = visits_of(t) + rng.normal(0, 0.6, n)
    t["spend"] = spend_of(t) + rng.normal(0, 0.6, n)
    t["support_tickets"] = 0.9 * t["spend"] + rng.normal(0, 0.7, n)
    t["welcome_push"] = 0.7 * t["spend"] + 0.2 * t["digital_affinity"] + rng.normal(0, 0.7, n)
    return pd.DataFrame({name: t[name] for name in ROLES})


def true_graph() -> CausalGraph:
    """The causal graph of the shop."""
    return CausalGraph(list(ROLES), [(cause, node) for node, causes in _PARENTS.items() for cause in causes])


def truth(fitted: StructuralModel) -> StructuralModel:
    """A fitted model with the true equations of visits and spending in place of the fitted ones.

    The equations of the levers stay as fitted: they only say what is usual, and so every rule chooses among the same
    moves as the oracle.
    """
    known = {
        "visits": KnownEquation("visits", _PARENTS["visits"], visits_of),
        "spend": KnownEquation("spend", _PARENTS["spend"], spend_of),
    }
    equations: dict[str, Any] = {**fitted.equations, **known}
    return StructuralModel(fitted.order, equations, fitted.kinds, fitted.levels, fitted.exogenous)
