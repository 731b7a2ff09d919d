"""The benchmark of interference: without any, a plan of true effects promises what it earns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import graphrec

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks import interference


@pytest.mark.parametrize(
    ("knobs", "low", "high"), [({}, 1.0, 1.0), ({"spillover": 0.5}, 0.0, 0.98), ({"crowding": 1.0}, 1.05, 99.0)]
)
def test_true_effects_add_up_only_without_interference(knobs: dict[str, float], low: float, high: float) -> None:
    sim = graphrec.simulate_market(100, 12, 4, rng=104, **knobs)  # type: ignore[arg-type]
    told = sim.truth.potential_outcomes().sort_values("uplift", ascending=False)
    plan = told.drop_duplicates(["customer_id", "product_id"]).groupby("customer_id").head(3).assign(value=10.0)
    found = interference.carry_out(sim, plan)
    assert found.contacts == 300
    assert found.promised == pytest.approx(found.alone)
    assert low - 1e-9 <= found.alone / found.realised <= high + 1e-9
