"""Three markets whose equations are known, from the simplest to the one that importance and what-if get wrong.

Hides the truth behind plain frames. All three share customers, levers and their confounders (income drives discount,
price and the outcome) and two consequences of the outcome:

- ``additive``: spending is a sum of bends, levers act directly, nothing costs;
- ``binary``: a purchase with probability, whom a lever helps depends on the customer, nothing costs;
- ``mediated``: the shop of `benchmarks.levers.shop`, where reminders act only through visits and every step costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.levers import shop
from benchmarks.levers.shop import KnownEquation
from causal.graph import CausalGraph
from causal.scm import StructuralModel

__all__ = ["STRUCTURES", "Structure"]

Floats = NDArray[np.float64]
Follow = Callable[[Any, Floats], Floats]


@dataclass(frozen=True, eq=False)
class Structure:
    """A market with its truth.

    Attributes
    ----------
    name, title : str
    roles : mapping of str to str
        Column to ontology class.
    outcome : str
    parents : mapping of str to tuple of str
        The true graph.
    equations : mapping of str to function
        Each column from those before it and its own noise, in causal order.
    responding : mapping of str to function
        Mean of each column that a lever can still change, given its parents.
    costs : mapping of str to float
        Money for one step of each lever.
    most : int
        Levers moved at once.
    """

    name: str
    title: str
    roles: Mapping[str, str]
    outcome: str
    parents: Mapping[str, tuple[str, ...]]
    equations: Mapping[str, Follow]
    responding: Mapping[str, Callable[[Any], Floats]]
    costs: Mapping[str, float]
    most: int

    @property
    def binary(self) -> bool:
        """Whether the outcome is 0 / 1."""
        return self.outcome == "buys"

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw customers."""
        noise = shop.draw_noise(n, rng) | {"chance": rng.random(n)}
        table: dict[str, Floats] = {}
        for name, equation in self.equations.items():
            table[name] = np.asarray(equation(table, noise["chance" if name == "buys" else name]), dtype=np.float64)
        return pd.DataFrame(table)[list(self.roles)]

    def graph(self) -> CausalGraph:
        """The true graph."""
        return CausalGraph(
            list(self.roles), [(cause, node) for node, causes in self.parents.items() for cause in causes]
        )

    def truth(self, fitted: StructuralModel) -> StructuralModel:
        """A fitted model with the true equations of what responds.

        The equations of the levers stay as fitted: they only say what is usual, so that every rule chooses among the
        same moves as the oracle.
        """
        known: dict[str, Any] = {
            node: KnownEquation(
                node, self.parents[node], mean, "binary" if node == "buys" else "number", additive=node != "buys"
            )
            for node, mean in self.responding.items()
        }
        return StructuralModel(
            fitted.order, {**fitted.equations, **known}, fitted.kinds, fitted.levels, fitted.exogenous
        )


def _score_of(t: Any) -> Floats:
    """Spending in the additive market: a sum of one bend for each column."""
    discount = 1.3 * (1.0 - np.exp(-4.0 * t["discount"]))
    reminders = 0.35 * np.sqrt(np.maximum(t["reminders"], 0.0))
    levers = discount + reminders - 0.08 * (t["price"] - 20.0) - 0.12 * (t["contact_pressure"] - 3.0)
    taste = 0.8 * (t["income"] - 4.0) + 0.06 * t["tenure"] + 0.2 * (t["past_satisfaction"] - 7.0)
    return np.asarray(levers + taste + 0.75 * t["visits"])


def _chance_of(t: Any) -> Floats:
    """Probability to buy: discounts work on low incomes, prices on short tenure, reminders on those at home online."""
    z_income = t["income"] - 4.0
    modest = expit(1.5 * z_income * -1.0)
    discount = 2.6 * modest * (1.0 - np.exp(-5.0 * t["discount"])) - 0.8 * (1 - modest) * t["discount"]
    price = -0.09 * (t["price"] - 20.0) * (1.5 - np.tanh(t["tenure"] / 4.0))
    pressure = -0.3 * (t["contact_pressure"] - 3.0) * np.tanh((t["age"] - 38.0) / 12.0)
    reminders = 0.6 * expit(1.6 * t["digital_affinity"]) * np.sqrt(np.maximum(t["reminders"], 0.0))
    taste = 0.8 * z_income + 0.06 * t["tenure"] + 0.2 * (t["past_satisfaction"] - 7.0)
    return np.asarray(expit(-2.2 + taste + discount + price + pressure + reminders + 0.5 * t["visits"]))


def _plain_visits_of(t: Any) -> Floats:
    """Visits that no lever moves."""
    return np.asarray(1.5 + 0.4 * t["digital_affinity"] - 0.01 * (t["age"] - 50.0))


_FREE = dict.fromkeys(shop.COSTS, 0.0)
_DIRECT = {
    "visits": ("digital_affinity", "age"),
    "outcome": ("income", "tenure", "past_satisfaction", "price", "discount", "contact_pressure", "reminders"),
}


def _additive() -> Structure:
    parents = {**shop.PARENTS, "visits": _DIRECT["visits"], "spend": (*_DIRECT["outcome"], "visits")}
    equations = {
        **shop.EQUATIONS,
        "visits": lambda t, e: _plain_visits_of(t) + e,
        "spend": lambda t, e: _score_of(t) + e,
    }
    title = "additive outcome, one lever, no costs"
    return Structure("additive", title, shop.ROLES, "spend", parents, equations, {"spend": _score_of}, _FREE, most=1)


def _binary() -> Structure:
    roles = {**{name: role for name, role in shop.ROLES.items() if name != "spend"}, "buys": "Purchase"}
    parents = {name: causes for name, causes in shop.PARENTS.items() if name != "spend"}
    parents |= {
        "visits": _DIRECT["visits"],
        "buys": (*_DIRECT["outcome"], "age", "digital_affinity", "visits"),
        "support_tickets": ("buys",),
        "welcome_push": ("buys", "digital_affinity"),
    }
    before = {name: shop.EQUATIONS[name] for name in shop.EQUATIONS if name not in ("spend", *shop.CONSEQUENCES)}
    equations: dict[str, Follow] = {
        **before,
        "visits": lambda t, e: _plain_visits_of(t) + e,
        "buys": lambda t, e: e < _chance_of(t),
        "support_tickets": lambda t, e: 1.8 * t["buys"] + e,
        "welcome_push": lambda t, e: 1.4 * t["buys"] + 0.2 * t["digital_affinity"] + e,
    }
    title = "0 / 1 outcome with interactions, one lever, no costs"
    return Structure("binary", title, roles, "buys", parents, equations, {"buys": _chance_of}, _FREE, most=1)


def _mediated() -> Structure:
    responding = {"visits": shop.visits_of, "spend": shop.spend_of}
    title = "mediated lever, two levers, costs"
    return Structure(
        "mediated", title, shop.ROLES, "spend", shop.PARENTS, shop.EQUATIONS, responding, shop.COSTS, most=2
    )


STRUCTURES: Mapping[str, Structure] = {one.name: one for one in (_additive(), _binary(), _mediated())}
