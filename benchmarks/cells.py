"""Markets on which a recommender by effect should win, tie or refuse: what each cell of the uplift benchmark holds.

Hides how a cell is made. The four traps each spoil one habit: a *bad control* and an *undated attribute* those who take
every column that looks old enough, an *M-collider* those who also check the dates, *latent targeting* everybody. The
plain cell and the one without confounding hold no trap: there a graph must cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

import graphrec
from graphrec.market.simulation import Simulation

__all__ = ["CELLS", "Cell", "make_cell"]


@dataclass(frozen=True)
class Cell:
    """Settings of `graphrec.simulate_market`, and whether undated totals are added to the customers table."""

    title: str
    settings: Mapping[str, float | bool] = field(default_factory=dict)
    undated: bool = False


CELLS: Mapping[str, Cell] = {
    "plain": Cell("plain: history and traits close every back-door path"),
    "bad-control": Cell("bad control: a score made of contacts that worked", {"bad_control": True}),
    "collider": Cell("M-collider: a dated survey between two hidden causes", {"collider": True}),
    "undated": Cell("undated attributes: totals with a class but no date", undated=True),
    "no-confounding": Cell("no confounding: contacts depend on tenure alone", {"confounding": 0.0}),
    "latent": Cell("latent targeting: hidden taste drives contacts; not identifiable", {"latent_targeting": 1.0}),
}


def make_cell(name: str, customers: int, products: int, periods: int, rng: int) -> Simulation:
    """Simulate the market of a cell."""
    cell = CELLS[name]
    sim = graphrec.simulate_market(
        customers=customers,
        products=products,
        periods=periods,
        rng=rng,
        **cell.settings,  # type: ignore[arg-type]
    )
    return _with_undated_totals(sim) if cell.undated else sim


def _with_undated_totals(sim: Simulation) -> Simulation:
    """Add what a customer file holds about everybody's past: money spent and clicks on campaigns, as of the export.

    Both have a class (PastSpend, PastResponse) and no date. They count what followed the contacts of the panel.
    """
    market = sim.market
    count = len(market.vocabulary.customers)
    who = market.codes("events", "customer_id")
    bought = (market.events["event_type"] == "purchase").to_numpy() & (who >= 0)
    clicked = (market.events["event_type"] == "click").to_numpy() & (who >= 0)
    money = market.events["price"].fillna(0.0).to_numpy(np.float64) * market.events["quantity"].fillna(1.0).to_numpy()
    totals: dict[str, np.ndarray] = {
        "lifetime_spend": np.round(np.bincount(who[bought], weights=money[bought], minlength=count), 2),
        "campaign_clicks": np.bincount(who[clicked], minlength=count).astype(np.float64),
    }
    tables = {name: getattr(market, name) for name in _OTHER_TABLES}
    customers: pd.DataFrame = market.customers.assign(**totals)
    roles = {**market.roles, "lifetime_spend": "PastSpend", "campaign_clicks": "PastResponse"}
    richer = graphrec.Market.from_frames(customers=customers, roles=roles, time_zone=market.time_zone, **tables)
    return Simulation(richer, sim.truth)


_OTHER_TABLES = ("products", "solicitations", "events", "consents", "feedback")
