from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import graphrec
from causal import CausalGraph
from graphrec.learning.baselines import fit_t_learner
from graphrec.learning.effects import fit_effects
from graphrec.learning.response import StructuredUplift
from graphrec.market.panel import Panel
from graphrec.market.tables import DataError

ROLES = {"wealth": "Wealth", "age": "Age", "survey": "SurveyAnswer"}
NODES = [*ROLES, "treatment", "outcome"]
EDGES = [("wealth", "treatment"), ("wealth", "outcome"), ("age", "outcome"), ("treatment", "outcome")]
COLLIDER = [("survey", "treatment"), ("survey", "outcome")]
GRAPH = CausalGraph(NODES, EDGES)


def make(seed: int = 0, n: int = 4_000, twins: str = "clean", collider: bool = False) -> Panel:
    """Wealth drives contact, buying and buying twins; the survey is noise, or a collider of two hidden causes."""
    rng = np.random.default_rng(seed)
    wealth, age, left, right = rng.normal(size=(4, n))
    treated = rng.random(n) < expit(-1.0 + wealth + (2.0 * left if collider else 0.0))
    outcome = rng.random(n) < expit(-1.5 + wealth + 0.7 * treated + (2.0 * right if collider else 0.0))
    survey = left + right + 0.3 * rng.normal(size=n) if collider else rng.normal(size=n)
    table = pd.DataFrame({"wealth": wealth, "age": age, "survey": survey, "outcome": outcome.astype(float)})
    table["treatment"] = np.where(treated, rng.choice(["mail", "call"], n), "none")
    panel = Panel.from_frame(table, treatment="treatment", outcome="outcome", control="none", roles=ROLES)
    share = 0.2 + 0.1 * wealth + 0.1 * rng.normal(size=n) + (0.2 * treated if twins == "moved" else 0.0)
    return panel if twins == "none" else replace(panel, frame=panel.frame.assign(twin_outcome=share))


def fit(panel, graph=GRAPH, head=None, seed=0):
    return fit_effects(panel, graph, np.random.default_rng(seed), head)


def mean_uplift(effects, panel):
    return effects.model.predict(effects.design.transform(panel.frame)).uplift.mean(axis=0)


@pytest.fixture(scope="module")
def panel():
    return make()


@pytest.fixture(scope="module")
def effects(panel):
    return fit(panel)


def test_an_adjusted_effect_that_passes_its_check_is_graded_b(effects):
    assert effects.check.passed
    assert effects.channels == ("call", "mail")
    assert effects.grades == {"call": "B", "mail": "B"}
    assert isinstance(effects.model, StructuredUplift) and effects.exposure is effects.model.exposure


def test_a_failed_or_missing_check_allows_c_at_most():
    for twins in ("moved", "none"):
        found = fit(make(twins=twins))
        assert not found.check.passed and set(found.grades.values()) == {"C"}


@pytest.mark.parametrize("graph", [None, CausalGraph(["wealth", "outcome"], [("wealth", "outcome")])])
def test_without_a_graph_that_knows_the_contact_nothing_is_above_c(panel, graph):
    assert set(fit(panel, graph).grades.values()) == {"C"}


def test_an_effect_that_no_graph_identifies_is_graded_x(panel):
    found = fit(panel, CausalGraph(NODES, EDGES, bidirected_edges=[("treatment", "outcome")]))
    assert set(found.grades.values()) == {"X"}
    assert not found.adjustment.identified


def test_a_randomised_channel_is_graded_a_whatever_the_graph_says(panel):
    mailed = (panel.frame["treatment"] == "mail").to_numpy()
    drawn = replace(panel, frame=panel.frame.assign(randomised=mailed))
    hidden = CausalGraph(NODES, EDGES, bidirected_edges=[("treatment", "outcome")])
    assert fit(drawn).grades == {"call": "B", "mail": "A"}
    assert fit(drawn, hidden).grades == {"call": "X", "mail": "A"}


def test_excluded_columns_are_not_in_the_design(panel):
    found = fit(panel, CausalGraph(NODES, [*EDGES, ("treatment", "survey")]))
    assert "survey" in found.adjustment.excluded and "survey" not in found.design.sources


def test_leaving_a_collider_out_removes_its_bias():
    panel = make(1, n=20_000, collider=True)
    naive = fit(panel, CausalGraph(NODES, EDGES))
    ours = fit(panel, CausalGraph(NODES, EDGES, bidirected_edges=COLLIDER))
    assert "survey" in naive.design.sources and "survey" not in ours.design.sources
    # The truth by brute force: the same people with and without contact.
    rng = np.random.default_rng(5)
    logit = -1.5 + rng.normal(size=400_000) + 2.0 * rng.normal(size=400_000)
    truth = (expit(logit + 0.7) - expit(logit)).mean()
    error = [np.abs(mean_uplift(effects, panel) - truth).max() for effects in (ours, naive)]
    assert error[0] < 0.03 < error[1]


def test_another_head_sees_the_same_rows_and_gets_an_exposure(panel, effects):
    seen = []

    def head(rows, rng):
        seen.append(rows)
        return fit_t_learner(rows, rng)

    found = fit(panel, head=head)
    assert len(seen[0].outcome) == len(panel.frame) and seen[0].names == effects.design.names
    assert found.check.status == effects.check.status
    assert found.exposure.ess == pytest.approx(effects.exposure.ess, rel=0.1)
    assert found.grades == effects.grades


def test_the_same_seed_gives_the_same_bytes(panel, effects):
    matrix = effects.design.transform(panel.frame)
    again = fit(panel)
    assert again.model.predict(matrix).p_contact.tobytes() == effects.model.predict(matrix).p_contact.tobytes()
    assert again.check == effects.check


def test_campaigns_have_no_twins():
    sim = graphrec.simulate_market(customers=120, products=25, periods=6, rng=0)
    panel = graphrec.build_panel(sim.market, rng=0)
    assert fit(panel, None).check.status != "not possible"
    campaigns = replace(panel, offers=replace(panel.offers, kind="campaign"))
    assert fit(campaigns, None).check.status == "not possible"


def test_no_treated_rows_is_refused(panel):
    with pytest.raises(DataError, match="no row of the panel was contacted"):
        fit(panel.take(~panel.contacted))


def test_an_outcome_that_never_happens_is_refused(panel):
    frame = panel.frame.assign(outcome=np.where(panel.contacted, panel.frame["outcome"], 0.0))
    with pytest.raises(DataError, match="outcome is 0 for every row without contact"):
        fit(replace(panel, frame=frame))


def test_constant_columns_gaps_and_a_tiny_channel_are_handled(panel):
    rng = np.random.default_rng(0)
    frame = panel.frame.assign(age=1.0, wealth=panel.frame["wealth"].where(rng.random(len(panel.frame)) > 0.3))
    calls = np.flatnonzero((frame["treatment"] == "call").to_numpy())
    found = fit(replace(panel, frame=frame.drop(index=calls[10:]).reset_index(drop=True)))
    assert "age" not in found.design.sources and "wealth missing" in found.design.names
    assert np.isfinite(mean_uplift(found, replace(panel, frame=frame))).all()


def test_a_grade_says_why_it_is_not_better(panel):
    found = fit(make(twins="moved"))
    assert all("Negative control failed" in reason for reason in found.reasons.values())
    assert fit(panel, None).reasons["mail"] == "no causal graph chose the columns"
    hidden = fit(panel, CausalGraph(NODES, EDGES, bidirected_edges=[("treatment", "outcome")]))
    assert set(hidden.grades.values()) == {"X"} and "treatment" in hidden.reasons["mail"]


def test_without_overlap_the_effect_is_refused(panel):
    wealthy = panel.frame["wealth"] > 1.0
    arms = pd.Categorical(np.where(wealthy, "mail", "none"), categories=["none", "mail"])
    found = fit(replace(panel, frame=panel.frame.assign(treatment=arms)))
    assert found.grades == {"mail": "X"} and "cannot be compared" in found.reasons["mail"]
    assert found.comparability.status == "absent"


def test_an_outcome_of_the_contacted_alone_is_refused(panel):
    redeemed = np.where(panel.contacted, panel.frame["outcome"], 0.0)
    with pytest.raises(DataError, match="like a redemption or an open, and has no uplift"):
        fit(replace(panel, frame=panel.frame.assign(outcome=redeemed)))
