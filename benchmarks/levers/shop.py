"""A shop whose equations are known: twelve features, a confounder, a mediated lever and consequences of the outcome.

Hides the truth behind plain frames. Income drives both the discount a customer gets and what the customer spends (the
confounder); reminders work only through visits (the mediated lever); support tickets and the welcome push follow from
the spending (the consequences); age, income, tenure and digital affinity cannot be changed (the traits). Noise is
additive, so the effect of a move on a row is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.graph import CausalGraph
from causal.scm import StructuralModel

__all__ = [
    "CONSEQUENCES",
    "COSTS",
    "EQUATIONS",
    "FEATURES",
    "OUTCOME",
    "PARENTS",
    "ROLES",
    "KnownEquation",
    "draw_noise",
    "draw_shop",
    "follow",
    "spend_of",
    "true_graph",
    "truth",
    "visits_of",
]

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

PARENTS = {
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


_SPREADS = {"income": 1.0, "tenure": 1.5, "digital_affinity": 0.9, "past_satisfaction": 1.0, "price": 3.0,
            "discount": 0.1, "contact_pressure": 1.3, "reminders": 1.3, "visits": 0.6, "spend": 0.6,
            "support_tickets": 0.7, "welcome_push": 0.7}  # fmt: skip
EQUATIONS: dict[str, Callable[[Any, Floats], Floats]] = {
    "age": lambda t, e: e,
    "income": lambda t, e: 4.0 + 0.015 * (t["age"] - 50.0) + e,
    "tenure": lambda t, e: np.maximum(0.08 * (t["age"] - 15.0) + e, 0.0),
    "digital_affinity": lambda t, e: -0.03 * (t["age"] - 50.0) + e,
    "past_satisfaction": lambda t, e: 7.0 + 0.3 * (t["income"] - 4.0) + 0.05 * t["tenure"] + e,
    "price": lambda t, e: 20.0 + 1.5 * (t["income"] - 4.0) + e,
    "discount": lambda t, e: np.clip(0.2 + 0.07 * (t["income"] - 4.0) + 0.01 * t["tenure"] + e, 0, 0.5),
    "contact_pressure": lambda t, e: np.maximum(
        np.round(3.0 - 0.5 * (t["past_satisfaction"] - 7.0) + 0.6 * t["digital_affinity"] + e), 0.0
    ),
    "reminders": lambda t, e: np.maximum(np.round(2.0 + 0.7 * t["digital_affinity"] + 0.1 * t["tenure"] + e), 0.0),
    "visits": lambda t, e: visits_of(t) + e,
    "spend": lambda t, e: spend_of(t) + e,
    "support_tickets": lambda t, e: 0.9 * t["spend"] + e,
    "welcome_push": lambda t, e: 0.7 * t["spend"] + 0.2 * t["digital_affinity"] + e,
}


def draw_shop(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of the shop with the twelve features and the spending."""
    t = follow(draw_noise(n, rng), {})
    return pd.DataFrame({name: t[name] for name in ROLES})


def draw_noise(n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """What each column of ``n`` rows owes to nothing recorded; of age, its value."""
    noise = {"age": rng.uniform(20, 80, n)}
    return noise | {name: rng.normal(0, spread, n) for name, spread in _SPREADS.items()}


def follow(noise: Mapping[str, Floats], held: Mapping[str, Floats]) -> dict[str, Floats]:
    """Columns that follow from the noise while some are held at a value; shapes broadcast."""
    t: dict[str, Floats] = {}
    for name, equation in EQUATIONS.items():
        t[name] = held[name] if name in held else np.asarray(equation(t, noise[name]))
    return t


def true_graph() -> CausalGraph:
    """The causal graph of the shop."""
    return CausalGraph(list(ROLES), [(cause, node) for node, causes in PARENTS.items() for cause in causes])


def truth(fitted: StructuralModel) -> StructuralModel:
    """A fitted model with the true equations of visits and spending in place of the fitted ones.

    The equations of the levers stay as fitted: they only say what is usual, and so every rule chooses among the same
    moves as the oracle.
    """
    known = {
        "visits": KnownEquation("visits", PARENTS["visits"], visits_of),
        "spend": KnownEquation("spend", PARENTS["spend"], spend_of),
    }
    equations: dict[str, Any] = {**fitted.equations, **known}
    return StructuralModel(fitted.order, equations, fitted.kinds, fitted.levels, fitted.exogenous)
