"""What a contact breaks: planted complaints and unsubscriptions are found, and few of them claim nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from graphrec.learning.rows import training_rows
from graphrec.learning.sideeffects import SideEffect, fit_side_effects
from graphrec.market.panel import Panel


def make_panel(seed: int, organic: float, n: int = 12_000) -> tuple[Panel, np.ndarray]:
    """Calls make the old complain, mails nobody; the old are called more often. Truth: uplift by channel."""
    rng = np.random.default_rng(seed)
    age, wealth = rng.normal(size=(2, n))
    contacted = rng.random(n) < expit(-1.0 + 0.8 * age)
    arm = np.where(contacted, rng.choice(["call", "mail"], n), "none")
    without = organic * expit(-3.0 + 0.5 * age)
    call = expit(-2.5 + 0.8 * age)
    chance = np.where(arm == "call", call, without)
    table = pd.DataFrame({"arm": arm, "bought": (rng.random(n) < 0.2).astype(int), "age": age, "wealth": wealth})
    table = table.assign(complained=(rng.random(n) < chance).astype(int))
    roles = {"age": "Age", "wealth": "Wealth", "complained": "Complaint"}
    panel = Panel.from_frame(table, treatment="arm", outcome="bought", control="none", roles=roles)
    return panel, np.column_stack([call - without, np.zeros(n)])


@pytest.mark.parametrize("organic", [1.0, 0.0])
def test_a_planted_side_effect_is_found_for_each_person_and_channel(organic: float) -> None:
    panel, true = make_panel(51, organic)
    rows, _ = training_rows(panel, panel.covariates)
    (found,) = fit_side_effects(panel, rows, np.random.default_rng(0))
    assert found.name == "complaint" and rows.channels == ("call", "mail")
    response = found.predict(rows.matrix)
    assert abs(response.uplift[:, 1].mean()) < 0.015
    assert response.uplift[:, 0].mean() == pytest.approx(true[:, 0].mean(), abs=0.02)
    assert np.corrcoef(response.uplift[:, 0], true[:, 0])[0, 1] > 0.9
    assert (response.se > 0).all() and (response.p_contact >= 0).all() and (response.p_contact <= 1).all()


def test_few_events_claim_nothing_and_other_panels_have_none() -> None:
    panel, _ = make_panel(52, 0.0)
    rows, _ = training_rows(panel, panel.covariates)
    rare = panel.frame["complained"].cumsum() <= 20
    few = replace(panel, frame=panel.frame.assign(complained=panel.frame["complained"].where(rare, 0)))
    assert fit_side_effects(few, rows, np.random.default_rng(0)) == ()
    assert fit_side_effects(replace(panel, consequences=()), rows, np.random.default_rng(0)) == ()


def test_parts_hold_the_whole_side_effect() -> None:
    panel, _ = make_panel(53, 1.0)
    rows, _ = training_rows(panel, panel.covariates)
    (found,) = fit_side_effects(panel, rows, np.random.default_rng(0))
    arrays, plain = found.to_parts()
    again = SideEffect.from_parts(arrays, json.loads(json.dumps(plain)))
    first, second = found.predict(rows.matrix), again.predict(rows.matrix)
    assert first.p_contact.tobytes() == second.p_contact.tobytes() and first.se.tobytes() == second.se.tobytes()
    assert (again.name, again.events) == ("complaint", found.events)
