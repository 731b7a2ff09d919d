"""Disjoint classes and units: contradictions are refused, with what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ontology import Ontology, OntologyError, load_ontology
from ontology.measures import check_unit, compare_units

Write = Callable[..., Path]

APART = """<owl:Class rdf:about="#A">
<owl:disjointWith rdf:resource="#B"/></owl:Class>
<owl:Class rdf:about="#B"/>"""


def test_a_class_below_two_disjoint_classes_is_refused_with_both_lines(write_owl: Write) -> None:
    both = '\n<owl:Class rdf:about="#C"><rdfs:subClassOf rdf:resource="#A"/>\n<rdfs:subClassOf rdf:resource="#B"/>'
    both += "</owl:Class>"
    with pytest.raises(
        OntologyError, match=r"(?s)C is below A and B \(test.owl, line 8\).*A and B are disjoint \(test.owl, line 6\)"
    ):
        load_ontology(write_owl(APART + both))


def test_all_disjoint_classes_are_read_with_their_line(write_owl: Write) -> None:
    body = """<owl:Class rdf:about="#A"/><owl:Class rdf:about="#B"/><owl:Class rdf:about="#C"/>
<rdf:Description><rdf:type rdf:resource="http://www.w3.org/2002/07/owl#AllDisjointClasses"/>
<owl:members rdf:parseType="Collection"><rdf:Description rdf:about="#A"/><rdf:Description rdf:about="#B"/>
<rdf:Description rdf:about="#C"/></owl:members></rdf:Description>"""
    (axiom,) = load_ontology(write_owl(body)).disjoint
    assert str(axiom) == "A, B and C are disjoint (test.owl, line 6)"


def test_a_disjointness_of_an_unknown_class_is_refused(write_owl: Write) -> None:
    body = '<owl:Class rdf:about="#A"><owl:disjointWith rdf:resource="#Z"/></owl:Class>'
    with pytest.raises(OntologyError, match="names a class that is not declared, 'Z'"):
        load_ontology(write_owl(body))


def test_one_variable_of_two_disjoint_classes_is_refused_with_the_axioms(marketing: Ontology) -> None:
    for ask in (marketing.knowledge, marketing.levers, marketing.blocked):
        with pytest.raises(OntologyError) as caught:
            ask({"x": ["Income", "Recency"]})
        said = str(caught.value)
        assert "column 'x' was given the classes Income and Recency, which exclude each other" in said
        assert "Income is below Trait (marketing.owl, line" in said and "are disjoint (marketing.owl, line" in said


def test_one_variable_of_two_classes_takes_the_nearer_one_or_is_asked_about(marketing: Ontology) -> None:
    assert marketing.knowledge({"x": ["Solicitation", "Channel"]}) == marketing.knowledge({"x": "Channel"})
    with pytest.raises(OntologyError, match="2 classes, Income, Wealth, none below all the others"):
        marketing.knowledge({"x": ["Income", "Wealth"]})


def test_units_that_measure_different_things_are_refused(marketing: Ontology) -> None:
    tenure = marketing.classes["Tenure"]
    assert check_unit("t", "days", tenure) == ""
    assert check_unit("t", "mois", tenure) == "t is in mois; multiply by 30.4375 for days"
    with pytest.raises(
        OntologyError, match=r"'t' is stated in euros, but its class Tenure is measured in days \(market"
    ):
        check_unit("t", "euros", tenure)
    assert compare_units("EUR", "currency") == 1.0 and compare_units("tickets", "visits") is None
