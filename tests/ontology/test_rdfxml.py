from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ontology.axioms import did_you_mean
from ontology.rdfxml import last_part, outline_file


def test_lines_of_classes_statements_and_rules(write_owl: Callable[..., Path]) -> None:
    outline = outline_file(
        write_owl('<owl:Class rdf:about="#A">\n<tier>1</tier>\n<mayCause rdf:resource="#B"/>\n</owl:Class>')
    )
    assert outline.lines["A",] == 5
    assert outline.lines["A", "tier"] == 6
    assert outline.lines["A", "mayCause", "B"] == 7
    assert outline.place("A", "cost") == "test.owl, line 5"
    assert outline.place("Z") == "test.owl"


def test_the_line_of_an_axiom_without_the_plain_rule(write_owl: Callable[..., Path]) -> None:
    body = """<owl:Axiom>
<owl:annotatedSource rdf:resource="urn:other#A"/>
<owl:annotatedProperty rdf:resource="urn:graphrec:marketing#mayCause"/><owl:annotatedTarget rdf:resource="#B"/>
</owl:Axiom>"""
    assert outline_file(write_owl(body)).lines["A", "mayCause", "B"] == 5


def test_imports_are_noted_with_their_lines(write_owl: Callable[..., Path]) -> None:
    two = '<owl:imports rdf:resource="a.owl"/>\n<owl:imports rdf:resource="b.owl"/>'
    body = f'<owl:Ontology rdf:about="">\n{two}</owl:Ontology>'
    assert outline_file(write_owl(body)).imports == [("a.owl", 6), ("b.owl", 7)]


@pytest.mark.parametrize(("iri", "name"), [("http://x.org/a/B/", "B"), ("urn:x", "urn:x"), ("x#", "x"), ("", "")])
def test_last_part_of_odd_iris(iri: str, name: str) -> None:
    assert last_part(iri) == name


def test_close_names_are_found_through_accents_case_and_spaces() -> None:
    known = {"Age": ["Âge"], "PastPurchase": ["Past purchases", "Achats passés"]}
    assert did_you_mean("past_purchase", known) == "; did you mean PastPurchase?"
    assert did_you_mean("ACHATS PASSES", known) == "; did you mean PastPurchase?"
    assert did_you_mean("âge", known) == "; did you mean Age?"
    assert did_you_mean("zyzzyva", known) == ""
