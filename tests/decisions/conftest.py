"""Laws are checked for truth, not for speed: a busy machine must not fail them. Fitted models are shared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from scipy.special import expit

import graphrec
from causal import CausalGraph
from graphrec.market.simulation import Simulation

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

UNIT_ROLES = {"wealth": "Wealth", "age": "Age", "city": "Region"}


def draw_units(n: int, seed: int) -> pd.DataFrame:
    """An experiment that mails the wealthy more often: mail adds 1.2 on the logit scale, a call 0.4."""
    rng = np.random.default_rng(seed)
    wealth, age = rng.normal(size=(2, n))
    arm = np.where(rng.random(n) < expit(wealth), rng.choice(["mail", "call"], n), "none")
    shift = 1.2 * (arm == "mail") + 0.4 * (arm == "call")
    return pd.DataFrame(
        {
            "customer_id": [f"u{i}" for i in range(n)],
            "wealth": wealth,
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "city": rng.choice(["north", "south"], n),
            "arm": arm,
            "bought": (rng.random(n) < expit(-1.0 + 0.7 * wealth + shift)).astype(float),
            "money": 20.0,
        }
    )


@pytest.fixture(scope="session")
def units() -> pd.DataFrame:
    return draw_units(4_000, 0)


@pytest.fixture(scope="session")
def unit_model(units: pd.DataFrame) -> graphrec.Recommender:
    """A recommender fitted on a ready-made table."""
    panel = graphrec.Panel.from_frame(
        units, treatment="arm", outcome="bought", control="none", roles=UNIT_ROLES, value="money"
    )
    edges = [("wealth", "arm"), ("wealth", "bought"), ("arm", "bought")]
    return graphrec.Recommender().fit(panel, graph=CausalGraph([*UNIT_ROLES, "arm", "bought"], edges), rng=0)


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return graphrec.simulate_market(customers=300, products=40, periods=8, rng=0)


@pytest.fixture(scope="session")
def model(simulation: Simulation) -> graphrec.Recommender:
    """A recommender fitted on a market with its true graph. Do not fit it again."""
    return graphrec.Recommender().fit(simulation.market, graph=simulation.truth.graph, rng=0)
