from __future__ import annotations

from itertools import chain, combinations

import pytest

from causal import NotIdentifiable, identify
from causal.formulas.idalgorithm import Hedge, identify_distribution
from causal.formulas.minimalsets import minimal_adjustment_sets
from causal.identification import is_valid_adjustment
from causal.textbook import TEXTBOOK, textbook_graph

every_entry = pytest.mark.parametrize("entry", TEXTBOOK, ids=lambda entry: entry.name)


@every_entry
def test_the_method_is_that_of_the_literature(entry):
    if entry.method == "none":
        with pytest.raises(NotIdentifiable) as refusal:
            identify(entry.graph, entry.treatment, entry.outcome, entry.latent)
        assert refusal.value.witness
        return
    found = identify(entry.graph, entry.treatment, entry.outcome, entry.latent)
    assert ("adjustment" if found.adjusts else found.method) == entry.method
    assert found.effect == ("local" if entry.method == "instrument" else "average")
    if entry.optimal is not None:
        assert found.adjustment_set == entry.optimal


@every_entry
def test_the_minimal_sets_are_those_of_the_literature(entry):
    found = minimal_adjustment_sets(entry.graph, entry.treatment, entry.outcome, entry.latent)
    assert found.complete
    assert set(found) == set(entry.minimal)


@every_entry
def test_tempting_sets_are_refused_and_the_right_ones_are_not(entry):
    question = (entry.graph, entry.treatment, entry.outcome)
    for wrong in entry.invalid:
        assert not is_valid_adjustment(*question, wrong, entry.latent)
    for right in (*entry.minimal, *(() if entry.optimal is None else (entry.optimal,))):
        assert is_valid_adjustment(*question, right, entry.latent)


@pytest.mark.parametrize("entry", [e for e in TEXTBOOK if not e.graph.undirected_edges], ids=lambda entry: entry.name)
def test_the_id_algorithm_finds_a_formula_exactly_where_one_is_known(entry):
    found = identify_distribution(entry.graph, [entry.treatment], [entry.outcome], entry.latent)
    assert isinstance(found, Hedge) == (entry.method in ("none", "instrument"))


@every_entry
def test_no_part_of_a_minimal_set_is_listed(entry):
    parts = chain.from_iterable(combinations(s, k) for s in entry.minimal for k in range(len(s)))
    assert not set(parts) & set(entry.minimal)


def test_the_corpus_is_cited_and_named_once():
    assert len(TEXTBOOK) >= 20
    assert len({entry.name for entry in TEXTBOOK}) == len(TEXTBOOK)
    assert all("(" in entry.source and len(entry.source) > 20 for entry in TEXTBOOK)
    assert all(entry.treatment in entry.graph.nodes and entry.outcome in entry.graph.nodes for entry in TEXTBOOK)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="napkin"):
        textbook_graph("serviette")
