"""Columns of the journey stay where they tell of the outcome, and go where they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from graphrec.learning.adjustment import Adjustment, choose_columns
from graphrec.learning.relevance import drop_silent_columns
from graphrec.market.panel import Panel


def make_panel(seed: int, weight: float, slots: bool = False) -> Panel:
    """An open cart triggers the contact, and moves the purchase by ``weight``."""
    rng = np.random.default_rng(seed)
    n = 4_000
    age, carts, hour = rng.normal(size=n), rng.poisson(0.7, n).astype(float), rng.normal(14, 3, n)
    contacted = rng.random(n) < expit(-1.5 + carts)
    bought = rng.random(n) < expit(-1.5 + 0.5 * age + weight * carts + 0.5 * contacted)
    table = pd.DataFrame({"arm": np.where(contacted, "mail", "none"), "bought": bought.astype(int), "age": age})
    table = table.assign(open_carts=carts, usual_hour=hour, slot=np.where(np.arange(n) % 2, "am", "pm"))
    roles = {"age": "Age", "open_carts": "immutable", "usual_hour": "immutable"}
    slot = "slot" if slots else None
    return Panel.from_frame(table, treatment="arm", outcome="bought", control="none", roles=roles, slot=slot)


def kept(panel: Panel, seed: int = 0) -> tuple[str, ...]:
    return drop_silent_columns(panel, choose_columns(panel, None), np.random.default_rng(seed)).columns


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_a_cart_that_moves_the_purchase_is_adjusted_for_and_another_is_not(seed: int) -> None:
    assert "open_carts" in kept(make_panel(seed, 0.5))
    assert kept(make_panel(seed, 0.0)) == ("age",)


def test_the_hour_of_visits_stays_where_contacts_have_slots() -> None:
    assert kept(make_panel(44, 0.0, slots=True)) == ("age", "usual_hour")


def test_what_the_graph_asks_for_stays() -> None:
    panel = make_panel(45, 0.0)
    asked = Adjustment(panel.covariates, ("open_carts",), estimand=object())  # type: ignore[arg-type]
    assert drop_silent_columns(panel, asked, np.random.default_rng(0)).columns == ("age", "open_carts")


def test_other_columns_and_other_outcomes_are_left_alone() -> None:
    panel = make_panel(46, 0.0)
    table = panel.frame.assign(bought=7.5 * panel.frame["bought"])[["arm", "bought", "age", "open_carts"]]
    roles = {"age": "Age", "open_carts": "immutable"}
    amounts = Panel.from_frame(table, treatment="arm", outcome="bought", control="none", roles=roles)
    assert kept(amounts) == ("age", "open_carts")
