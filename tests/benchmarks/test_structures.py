"""The truth of the benchmark of prescriptions: an effect is what the equations give when a lever is held."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causal import fit_scm

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.levers import shop
from benchmarks.levers.advisers import Advice
from benchmarks.levers.structures import STRUCTURES, Structure
from benchmarks.levers.wronggraphs import wrong_graphs
from benchmarks.prescription import judge


def follow(structure: Structure, noise: dict[str, np.ndarray], held: dict[str, np.ndarray]) -> pd.DataFrame:
    table: dict[str, np.ndarray] = {}
    for name, equation in structure.equations.items():
        own = noise["chance" if name == "buys" else name]
        table[name] = held[name] if name in held else np.asarray(equation(table, own), dtype=np.float64)
    return pd.DataFrame(table)


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_the_true_effect_is_what_happens_when_a_lever_is_held(name: str) -> None:
    structure, rng = STRUCTURES[name], np.random.default_rng(0)
    n = 20_000 if structure.binary else 300
    noise = shop.draw_noise(n, rng) | {"chance": rng.random(n)}
    rows = follow(structure, noise, {})
    exact = structure.truth(fit_scm(structure.draw(400, rng), structure.graph(), rng=0))
    before = {"contact_pressure", "past_satisfaction", *shop.COSTS, "income", "age", "tenure", "digital_affinity"}
    for lever, to in {"discount": 0.45, "reminders": 4.0}.items():
        held = {column: rows[column].to_numpy() for column in before} | {lever: np.full(n, to)}
        happens = follow(structure, noise, held)[structure.outcome] - rows[structure.outcome]
        effect = exact.outcome_effect(rows, {lever: to}, structure.outcome)
        if structure.binary:
            assert abs((happens - effect).mean()) < 4 * happens.std() / np.sqrt(n)
        else:
            np.testing.assert_allclose(effect, happens, atol=1e-9)


def test_who_is_moved_for_nothing_is_harmed_by_the_cost() -> None:
    structure, rng = STRUCTURES["mediated"], np.random.default_rng(0)
    new = structure.draw(4, rng)
    exact = structure.truth(fit_scm(structure.draw(400, rng), structure.graph(), rng=0))
    nobody = np.full(4, np.nan)
    moved = pd.DataFrame({"support_tickets": [1.0, np.nan, np.nan, np.nan], "discount": [np.nan, 0.5, np.nan, np.nan]})
    found = judge(structure, exact, new, Advice(moved, np.array([0.1, 100.0, 0.0, 0.0]), nobody, nobody, nobody))
    assert found["advised"] == 0.5 and found["harmed"] == 1.0 and found["realised"] < -24.0


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_wrong_graphs_are_wrong_where_they_say(name: str) -> None:
    structure = STRUCTURES[name]
    wrong = wrong_graphs(structure)
    assert ("discount", structure.outcome) not in wrong["ours, outcome -> discount"].graph.edges
    assert ("support_tickets", structure.outcome) in wrong["ours, consequence -> outcome"].graph.edges
    told, silent = (wrong[f"ours, hidden confounder, {word}"].graph for word in ("told", "not told"))
    assert "income" not in told.nodes and not silent.bidirected_edges
    joined = {frozenset(pair) for pair in told.bidirected_edges}
    assert {frozenset(("discount", structure.outcome)), frozenset(("discount", "price"))} <= joined
