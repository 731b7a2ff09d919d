"""A small market run through everything, and hand-made ladders, for the tests of the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

import graphrec
from causal.estimators.effect import Effect
from causal.ladder import Ladder
from graphrec.decisions.explanation import explain_customer
from graphrec.market.description import describe_market
from graphrec.report import Findings, write_report

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

EVIL = "</script><script>alert(1)</script>"


def make_effect(value: float, se: float = 0.01, target: str = "ato") -> Effect:
    """An effect of a call with a normal interval."""
    return Effect(
        value=value,
        se=se,
        interval=(value - 1.96 * se, value + 1.96 * se),
        n=4_000,
        ess=1_234.5,
        overlap=0.97,
        target=target,
        adjustment_set=("wealth",),
        naive=None,
        clipped_share=0.01,
        assumptions=("contacts are as good as random given wealth",),
        treatment="treatment",
        outcome="outcome",
        contrast=("call", "none"),
        level=0.95,
        treated=400,
        clusters=300,
    )


def make_ladder(verdict: str) -> Ladder:
    """A ladder whose figures fit its verdict."""
    naive, none = make_effect(0.12, target="naive"), None
    if verdict == "no estimate":
        return Ladder(naive, none, none, none, None, float("nan"), 40, 12, "no estimate", "No estimate: 12 events.")
    placebo = make_effect(0.05 if verdict == "not identified" else 0.001)
    detectable = 0.09 if verdict == "underpowered" else 0.028
    ladder = Ladder(
        naive, make_effect(0.04), placebo, make_effect(0.03), 0.06, detectable, 400, 120, "supported", "Supported."
    )
    return replace(ladder, verdict=verdict, sentence=f"{verdict.capitalize()}: a reason.")


@pytest.fixture(scope="session")
def ladders() -> dict[str, Ladder]:
    """One ladder for each verdict."""
    verdicts = {"call": "supported", "email": "not identified", "mailing": "underpowered", "letter": "no estimate"}
    return {channel: make_ladder(verdict) for channel, verdict in verdicts.items()}


@pytest.fixture(scope="session")
def findings(ladders: dict[str, Ladder]) -> Findings:
    """Everything a run finds on a small simulated market, with every verdict among the ladders."""
    market = graphrec.simulate_market(customers=200, products=30, periods=6, rng=0).market
    model = graphrec.Recommender(graphrec.RecommenderConfig(bootstraps=5)).fit(market, rng=0)
    scores = model.recommend(n=3)
    policy = graphrec.ContactPolicy(channel_capacity={"email": 20}, holdout=0.05)
    plan = graphrec.allocate(scores, policy, rng=0)
    customers = list(plan.outgoing["customer_id"][:4])
    return Findings(
        title="A small market",
        description=describe_market(market),
        model=model,
        ladders=ladders,
        scores=scores,
        plan=plan,
        prescriptions=graphrec.prescribe(model, customers=customers, rng=0),
        explanation=explain_customer(model, customers[0], scores, 0).to_dict(),
        planted=planted_table(),
        currency="EUR",
        made_on="2025-01-01",
    )


@pytest.fixture(scope="session")
def evil_findings(findings: Findings) -> Findings:
    """The same with hostile names wherever a name may come from outside."""
    plan = findings.plan
    assert plan is not None
    contacts = plan.contacts.assign(product_id=EVIL, channel=EVIL, grade=EVIL)
    prescription: dict[str, Any] = {
        "customer_id": EVIL, "offer": EVIL, "lever": EVIL, "from": EVIL, "to": EVIL, "effect": 0.1, "grade": EVIL,
        "sentence": EVIL, "alternatives": [EVIL, {"lever": EVIL}], "blocked": {EVIL: EVIL},
    }  # fmt: skip
    explanation = {"customer": EVIL, "offer": EVIL, "channel": EVIL, "contributions": {EVIL: 1.0}, "reasons": [EVIL]}
    return replace(
        findings,
        title=EVIL,
        model=hostile_model(findings.model),
        ladders={EVIL: make_ladder("supported")},
        plan=replace(plan, contacts=contacts, left_out=plan.left_out.assign(reason=EVIL)),
        prescriptions=[prescription],
        explanation=explanation,
        planted=planted_table().assign(channel=EVIL),
        currency=EVIL,
        made_on=EVIL,
        basis_sentence=EVIL,
    )


def planted_table() -> pd.DataFrame:
    """Effects planted through two channels: one sees all but the smallest, the other none."""
    seen = {"size": [1.0, 0.5, 0.1, 0.0], "effect": [0.08, 0.04, 0.008, 0.0], "detected": [1.0, 1.0, 0.25, 0.0]}
    table = pd.DataFrame(seen | {"repeats": 4, "bias": 0.002, "se": 0.01, "naive_bias": 0.05})
    email = table.assign(channel="email", estimated=1.0, coverage=[1.0, 0.75, 1.0, 1.0])
    letter = table.assign(channel="letter", estimated=0.0, coverage=np.nan, bias=np.nan, se=np.nan, detected=0.0)
    return pd.concat([email, letter], ignore_index=True)


def hostile_model(model: Any) -> Any:
    """The model with one column of the graph renamed to a closing tag."""
    from types import SimpleNamespace

    from causal.graph import CausalGraph

    text = model.graph.to_json().replace('"wealth"', '"</script><script>alert(1)<\\/script>"')
    panel = replace(model.panel, roles={EVIL if k == "wealth" else k: v for k, v in model.panel.roles.items()})
    return SimpleNamespace(graph=CausalGraph.from_json(text), panel=panel, effects=model.effects)


@pytest.fixture(scope="session")
def report(findings: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The written report."""
    return write_report(tmp_path_factory.mktemp("report") / "report.html", findings)
