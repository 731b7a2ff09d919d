"""Simulated customers whose effects are known, made for thousands of small estimates.

Hides the equations. In both worlds a contact raises spend by 1 on average. The first has everything that makes an
adjustment set a choice: strong and weak confounders, a cause of the contact alone, one of spend alone, a mediator, a
consequence of spend, a bend and an effect that differs between customers. The second hides one cause of contact and
spend, of a strength to choose, that also drove spend in the period before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal import CausalGraph, Knowledge

__all__ = ["KNOWN", "RECORDED", "TRUE_EFFECT", "TRUE_GRAPH", "draw_customers", "draw_targeted"]

Floats = NDArray[np.float64]

TRUE_EFFECT = 1.0
RECORDED = ("wealth", "age")
EDGES = {
    "age": ("wealth",),
    "contact": ("wealth", "age", "urban", "reach"),
    "visits": ("contact",),
    "spend": ("contact", "visits", "wealth", "age", "urban", "taste"),
    "survey": ("spend",),
}
TIERS = {"wealth": 0, "age": 0, "urban": 0, "reach": 0, "taste": 0, "contact": 1, "visits": 2, "spend": 3, "survey": 4}
TRUE_GRAPH = CausalGraph(TIERS, [(cause, effect) for effect, causes in EDGES.items() for cause in causes])
KNOWN = Knowledge(tiers=TIERS)


def draw_customers(n: int, seed: int) -> pd.DataFrame:
    """Draw rows in which every cause of contact and spend is recorded; the mean effect is 0.6 + 0.5 x 0.8 = 1."""
    draw = np.random.default_rng(seed)
    wealth, other, reach, taste = draw.normal(size=(4, n))
    age = 0.3 * wealth + np.sqrt(1 - 0.3**2) * other
    urban = (draw.random(n) < 0.5).astype(np.float64)
    contact = draw.random(n) < _chance(0.6 * wealth + 0.4 * age - 0.3 * urban + 0.5 * reach)
    visits = 0.8 * contact + draw.normal(size=n)
    spend = (0.6 + 0.4 * (urban - 0.5)) * contact + 0.5 * visits + wealth + 0.3 * wealth**2 + 0.4 * age + 0.5 * taste
    spend += draw.normal(size=n)
    columns = (wealth, age, urban, reach, taste, contact, visits, spend, spend + draw.normal(size=n))
    return pd.DataFrame(dict(zip(TIERS, columns)))


def draw_targeted(n: int, seed: int, strength: float) -> pd.DataFrame:
    """Draw rows in which a hidden taste drives contact and spend by ``strength``, now and in the period before."""
    draw = np.random.default_rng(seed)
    wealth, age, taste = draw.normal(size=(3, n))
    contact = draw.random(n) < _chance(0.6 * wealth + 0.3 * age + strength * taste)
    lasting = wealth + 0.4 * age + strength * taste
    earlier = lasting + draw.normal(size=n)
    spend = lasting + TRUE_EFFECT * contact + draw.normal(size=n)
    return pd.DataFrame({"wealth": wealth, "age": age, "contact": contact, "earlier_spend": earlier, "spend": spend})


def _chance(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-score)))
