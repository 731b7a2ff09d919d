"""Markets on which a recommender by effect should win, tie or refuse: what each cell of the uplift benchmark holds.

Hides how a cell is made. The four traps each spoil one habit: a *bad control* and an *undated attribute* those who take
every column that looks old enough, an *M-collider* those who also check the dates, *latent targeting* everybody. The
plain cells hold no trap: there a graph must cost nothing. What is crossed is how strongly contacts follow what also
drives buying, and how sure the company's policy is of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

import graphrec
from graphrec.market.simulation import Simulation

__all__ = ["CELLS", "OVERLAPS", "STRENGTHS", "Cell", "make_cell"]


STRENGTHS = (0.0, 0.5, 1.0)
OVERLAPS = {"low": 0.6, "high": 1.6}
"""Divides the score of the company's policy: below 1 it is surer of whom it contacts."""


@dataclass(frozen=True)
class Cell:
    """One kind of market.

    Attributes
    ----------
    title : str
    settings : mapping
        Of `graphrec.simulate_market`.
    undated : bool
        Whether undated totals are added to the customers table.
    identified : bool
        Whether the tables hold what is needed to learn the effect.
    confounded : bool
        Whether contacts depend on anything that matters.
    scale : int
        Multiplies the customers: the check that finds hidden reasons of contact needs about a thousand.
    """

    title: str
    settings: Mapping[str, float | bool] = field(default_factory=dict)
    undated: bool = False
    identified: bool = True
    confounded: bool = True
    scale: int = 1


_TRAPS: Mapping[str, Cell] = {
    "bad-control": Cell("a bad control among the columns: a score made of contacts that worked", {"bad_control": True}),
    "collider": Cell("an M-collider: a dated survey between two hidden causes", {"collider": True}),
    "undated": Cell("undated attributes: totals with a class but no date", undated=True),
    "latent": Cell(
        "latent targeting: hidden taste drives contacts", {"latent_targeting": 1.0}, identified=False, scale=2
    ),
}


def _grid() -> dict[str, Cell]:
    """Plain markets by strength and overlap, and every trap at full strength by overlap."""
    found = {}
    for overlap, spread in OVERLAPS.items():
        for strength in STRENGTHS:
            title = f"plain: confounding {strength:g}, {overlap} overlap"
            settings = {"confounding": strength, "overlap": spread}
            found[f"plain-{strength:g}-{overlap}"] = Cell(title, settings, confounded=strength > 0)
        for name, trap in _TRAPS.items():
            settings = {**trap.settings, "overlap": spread}
            found[f"{name}-{overlap}"] = replace(trap, title=f"{trap.title}; {overlap} overlap", settings=settings)
    return found


CELLS: Mapping[str, Cell] = _grid()
"""The grid: 3 strengths x 2 overlaps of plain markets, 4 traps x 2 overlaps at strength 1."""


def make_cell(name: str, customers: int, products: int, periods: int, rng: int) -> Simulation:
    """Simulate the market of a cell."""
    cell = CELLS[name]
    sim = graphrec.simulate_market(
        customers=customers * cell.scale,
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
