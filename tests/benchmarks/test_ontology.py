"""The parts of the benchmark of the ontology that could be wrong without anybody noticing."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.ontology import draw_ontology, knowledge_arms, matching_table
from causal import Knowledge
from ontology import Ontology


def test_a_drawn_ontology_has_its_classes_and_contradicts_nothing() -> None:
    declarations, rules = draw_ontology(300, np.random.default_rng(0))
    assert len(Ontology(declarations, rules).classes) == 300 and len(rules) > 10


def test_wrong_knowledge_forbids_a_tenth_of_the_true_edges_and_the_others_none() -> None:
    names = [f"x{i}" for i in range(21)]
    edges = set(pairwise(names))
    full = Knowledge(tiers={n: i // 7 for i, n in enumerate(names)}, forbidden={(b, a) for a, b in edges})
    arms = knowledge_arms(full, edges, np.random.default_rng(0))
    assert list(arms) == ["no", "tiers", "full", "soft", "wrong"]
    assert sum(arms["wrong"].forbids(*edge) for edge in edges) == 2
    assert len(arms["wrong"].forbidden - edges) < len(full.forbidden)
    for arm in ("no", "tiers", "full", "soft"):
        assert not any(arms[arm].forbids(*edge) for edge in edges)
    assert not arms["soft"].forbidden and set(arms["soft"].confidence.values()) == {0.05}


def test_no_wrong_class_is_proposed_and_enough_right_ones_are() -> None:
    table = matching_table(Path("nowhere"))
    assert list(table["table"]) == ["complete_journey", "French, with values", "French, names only"]
    assert (table["wrong"] == 0).all() and (table["matched"] >= 0.85).all()
    assert (table["opaque"] == table["left alone"]).all()
