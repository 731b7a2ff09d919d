from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ontology
from ontology import OntologyError, load_ontology
from ontology.loader import OWN_ONTOLOGY

Write = Callable[..., Path]

TWO = """<owl:Class rdf:about="#A"><tier>0</tier></owl:Class>
<owl:Class rdf:about="#B"><tier>1</tier></owl:Class>"""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def test_a_small_file_becomes_an_ontology(write_owl: Write) -> None:
    known = load_ontology(
        write_owl(TWO + '<rdf:Description rdf:about="#A"><cannotCause rdf:resource="#B"/></rdf:Description>')
    )
    assert list(known.classes) == ["A", "B"]
    assert known.knowledge({"a": "A", "b": "B"})["forbidden"] == {("a", "b")}


def test_a_path_may_be_a_text(write_owl: Write) -> None:
    assert set(load_ontology(str(write_owl(TWO))).classes) == {"A", "B"}


def test_the_default_world_stays_empty(write_owl: Write) -> None:
    import owlready2

    before = set(owlready2.default_world.ontologies)
    load_ontology(write_owl(TWO))
    assert set(owlready2.default_world.ontologies) == before
    assert owlready2.default_world["urn:test#A"] is None


def test_two_loads_know_nothing_of_each_other(write_owl: Write) -> None:
    first = load_ontology(write_owl(TWO))
    second = load_ontology(write_owl('<owl:Class rdf:about="#C"/>', "other.owl"))
    assert set(first.classes) == {"A", "B"}
    assert set(second.classes) == {"C"}


def test_annotations_are_read_with_their_types(write_owl: Write) -> None:
    body = """<owl:Class rdf:about="#A">
      <rdfs:label xml:lang="fr">Remise</rdfs:label><rdfs:label xml:lang="en">Rebate</rdfs:label>
      <rdfs:comment xml:lang="en">A  share
         of the price.</rdfs:comment>
      <tier rdf:datatype="http://www.w3.org/2001/XMLSchema#integer">1</tier> <group>context</group>
      <mutable rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</mutable> <actionable>true</actionable>
      <cost>2</cost> <direction>-1</direction> <minimum>0</minimum> <maximum>0.5</maximum> <step>.1</step>
      <unit>share</unit> <exclusive>price</exclusive> <controller xml:lang="en">we</controller>
      <controller xml:lang="fr">nous</controller>
    </owl:Class>"""
    known = load_ontology(write_owl(body)).classes["A"]
    assert (known.label, known.label_fr, known.comment) == ("Rebate", "Remise", "A share of the price.")
    assert (known.tier, known.group, known.mutable, known.actionable) == (1, "context", True, True)
    assert (known.cost, known.direction, known.minimum, known.maximum, known.step) == (2.0, -1, 0.0, 0.5, 0.1)
    assert (known.unit, known.exclusive, known.controller, known.controller_fr) == ("share", "price", "we", "nous")
    assert (known.iri, known.where) == ("urn:test#A", "test.owl, line 5")


def test_an_axiom_adds_reason_confidence_and_source(write_owl: Write) -> None:
    body = (
        TWO
        + """
<rdf:Description rdf:about="#A"><mustCause rdf:resource="#B"/></rdf:Description>
<owl:Axiom><owl:annotatedSource rdf:resource="#A"/><owl:annotatedProperty rdf:resource="#mustCause"/>
  <owl:annotatedTarget rdf:resource="#B"/><rdfs:comment xml:lang="en">It always has.</rdfs:comment>
  <confidence>0.7</confidence><source>the board</source></owl:Axiom>"""
    )
    (rule,) = load_ontology(write_owl(body)).rules
    assert str(rule) == "A mustCause B: It always has (source: the board; confidence 0.7; test.owl, line 7)"


def test_an_axiom_alone_states_the_rule(write_owl: Write) -> None:
    body = (
        TWO
        + """<owl:Axiom><owl:annotatedSource rdf:resource="#A"/>
      <owl:annotatedProperty rdf:resource="#mustCause"/><owl:annotatedTarget rdf:resource="#B"/></owl:Axiom>"""
    )
    assert load_ontology(write_owl(body)).knowledge({"a": "A", "b": "B"})["required"] == {("a", "b")}


def test_rules_come_in_the_order_of_the_file(write_owl: Write) -> None:
    body = (
        TWO
        + """<owl:Class rdf:about="#C"><tier>2</tier></owl:Class>
<rdf:Description rdf:about="#B"><mayCause rdf:resource="#C"/></rdf:Description>
<rdf:Description rdf:about="#A"><mayCause rdf:resource="#C"/></rdf:Description>
<rdf:Description rdf:about="#A"><mayCause rdf:resource="#B"/></rdf:Description>"""
    )
    rules = load_ontology(write_owl(body)).rules
    assert [(rule.cause, rule.effect) for rule in rules] == [("B", "C"), ("A", "C"), ("A", "B")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<owl:Class rdf:about="#A">\n<tier>1</tear>\n</owl:Class>', "line 6: not well-formed XML"),
        ('<owl:Class rdf:about="#A">\n<tier>early</tier></owl:Class>', "line 6: tier of A is 'early'"),
        ('<owl:Class rdf:about="#A">\n<tier>1.5</tier></owl:Class>', "line 6: tier of A is '1.5'; it is a whole"),
        ('<owl:Class rdf:about="#A">\n\n<cost>nan</cost></owl:Class>', "line 7: cost of A is 'nan'; it is a finite"),
        ('<owl:Class rdf:about="#A">\n<mutable>perhaps</mutable></owl:Class>', "line 6: mutable of A is 'perhaps'"),
        ('<owl:Class rdf:about="#A">\n<tier>1</tier><tier>2</tier></owl:Class>', "2 values of tier: 1, 2 .*line 6"),
        ('<owl:Class rdf:about="#A">\n<mayCause>B</mayCause></owl:Class>', "line 6: A mayCause 'B': .*rdf:resource"),
        ('<owl:Class rdf:about="#A">\n<m:teir>1</m:teir></owl:Class>', "line 6: .*'teir'.*did you mean tier"),
        ('<owl:Class rdf:about="#A">\n<group>habit</group></owl:Class>', "group is 'habit'; it is one of trait"),
        ('<owl:Class rdf:about="#A">\n<direction>2</direction></owl:Class>', "direction is 2; it is 1"),
        ('<owl:Class rdf:about="#A">\n<cost>-1</cost></owl:Class>', "cost is -1.0; it is not negative"),
        ('<owl:Class rdf:about="#A">\n<step>0</step></owl:Class>', "step is 0.0; it is above 0"),
        ('<owl:Class rdf:about="#A"><minimum>2</minimum><maximum>1</maximum></owl:Class>', "minimum 2.0 is above"),
        ('<owl:Class rdf:about="#A"><actionable>true</actionable></owl:Class>', "actionable but not mutable"),
        ('<owl:Class rdf:about="#A">\n<rdfs:subClassOf rdf:resource="#Bee"/></owl:Class><owl:Class rdf:about="#Been"/>',
         r"subclass of Bee, which is not declared \(test.owl, line 6\); did you mean Been\?"),
        ('<owl:Class rdf:about="#A">\n<mayCause rdf:resource="#Z"/></owl:Class>', "not declared, 'Z'\n  A may.*6"),
        ('<rdf:Description rdf:about="#A">\n<tier>1</tier></rdf:Description>', "line 6: tier is stated of A, which"),
        ('<owl:Class rdf:about="#A"/><owl:Class rdf:about="urn:other#A"/>', "two classes are called A: urn:test#A"),
        ('<owl:Class rdf:about="#immutable"/>', "a class is called 'immutable'"),
        ('<owl:Class rdf:about="#A"><rdfs:subClassOf rdf:resource="#B"/></owl:Class>'
         '<owl:Class rdf:about="#B"><rdfs:subClassOf rdf:resource="#A"/></owl:Class>', "below one another"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_with_its_line(write_owl: Write, body: str, said: str) -> None:
    with pytest.raises(OntologyError, match=f"(?s){said}"):
        load_ontology(write_owl(body))


def test_a_typed_number_that_is_none_is_refused_with_its_line(write_owl: Write, capfd: Any) -> None:
    body = '<owl:Class rdf:about="#A">\n<tier rdf:datatype="http://www.w3.org/2001/XMLSchema#integer">one</tier></owl:Class>'
    with pytest.raises(OntologyError, match="line 6: tier of A is 'one', not an xsd:integer"):
        load_ontology(write_owl(body))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("sure", ["1.2", "-0.1", "certain"])
def test_a_confidence_outside_0_and_1_is_refused(write_owl: Write, sure: str) -> None:
    body = (
        TWO
        + f"""<owl:Axiom><owl:annotatedSource rdf:resource="#A"/><owl:annotatedProperty rdf:resource="#mayCause"/>
      <owl:annotatedTarget rdf:resource="#B"/><confidence>{sure}</confidence></owl:Axiom>"""
    )
    with pytest.raises(OntologyError, match="confidence"):
        load_ontology(write_owl(body))


def test_two_confidences_of_one_rule_are_refused(write_owl: Write) -> None:
    axiom = """<owl:Axiom><owl:annotatedSource rdf:resource="#A"/><owl:annotatedProperty rdf:resource="#mayCause"/>
      <owl:annotatedTarget rdf:resource="#B"/><confidence>{}</confidence></owl:Axiom>"""
    with pytest.raises(OntologyError, match=r"2 confidences, 0.2, 0.8"):
        load_ontology(write_owl(TWO + axiom.format(0.2) + axiom.format(0.8)))


def test_other_syntaxes_are_refused(tmp_path: Path) -> None:
    turtle, owx, empty = tmp_path / "a.ttl", tmp_path / "a.owx", tmp_path / "empty.owl"
    turtle.write_text("@prefix : <urn:test#> . :A a owl:Class .")
    owx.write_text('<?xml version="1.0"?>\n<Ontology xmlns="http://www.w3.org/2002/07/owl#"/>')
    empty.write_bytes(b"")
    with pytest.raises(OntologyError, match=r"line 1: not well-formed XML.*RDF/XML"):
        load_ontology(turtle)
    with pytest.raises(OntologyError, match="line 2: the file begins with <Ontology>"):
        load_ontology(owx)
    with pytest.raises(OntologyError, match="line 1: not well-formed XML"):
        load_ontology(empty)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"cannot read .*none\.owl.*local \.owl file"):
        load_ontology(tmp_path / "none.owl")
    with pytest.raises(OntologyError, match="cannot read"):
        load_ontology(tmp_path)


def test_an_ontology_of_your_own_extends_the_packaged_one(write_owl: Write) -> None:
    body = """<owl:Ontology rdf:about="urn:test"><owl:imports rdf:resource="urn:graphrec:marketing"/></owl:Ontology>
<owl:Class rdf:about="#Insolvency"><rdfs:subClassOf rdf:resource="urn:graphrec:marketing#CreditRisk"/></owl:Class>"""
    known = load_ontology(write_owl(body))
    assert known.tier("Insolvency") == 0
    assert known.is_a("Insolvency", "Trait")
    assert ("bought", "broke") in known.knowledge({"bought": "Purchase", "broke": "Insolvency"})["forbidden"]


def test_an_ontology_named_by_the_environment_is_used_where_none_is_named(
    write_owl: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OWN_ONTOLOGY, str(write_owl(TWO)))
    assert set(load_ontology().classes) == {"A", "B"}
    assert "Age" in load_ontology(Path(ontology.__file__).with_name("marketing.owl")).classes
    monkeypatch.setenv(OWN_ONTOLOGY, "gone.owl")
    with pytest.raises(OntologyError, match=r"cannot read .*gone\.owl"):
        load_ontology()
    monkeypatch.delenv(OWN_ONTOLOGY)
    assert load_ontology() is load_ontology()


def test_imports_of_files_are_relative_to_the_importer(write_owl: Write, tmp_path: Path) -> None:
    write_owl('<owl:Class rdf:about="#C"/>', "part two.owl")
    (tmp_path / "deep").mkdir()
    absolute = (tmp_path / "part two.owl").as_uri()
    write_owl(
        f'<owl:Ontology rdf:about=""><owl:imports rdf:resource="../test.owl"/><owl:imports rdf:resource="{absolute}"/>'
        '</owl:Ontology><owl:Class rdf:about="#B"/>',
        "deep/part.owl",
    )  # imports its importer: each file is read once
    path = write_owl(
        '<owl:Ontology rdf:about=""><owl:imports rdf:resource="deep/part.owl"/></owl:Ontology>'
        '<owl:Class rdf:about="#A"/>'
    )
    assert set(load_ontology(path).classes) == {"A", "B", "C"}


@pytest.mark.parametrize(
    "imports",
    [
        '<owl:imports rdf:resource="http://www.w3.org/2004/02/skos/core"/>',
        '<owl:imports rdf:resource="https://example.org/onto.owl"/>',
        '<owl:imports rdf:resource="ftp://example.org/onto.owl"/>',
        '<owl:imports rdf:resource="file://example.org/share/onto.owl"/>',
        '<owl:imports rdf:resource="//example.org/onto.owl"/>',
        '<owl:imports rdf:resource="urn:somebody:else"/>',
        '<owl:imports><owl:Ontology rdf:about="http://example.org/onto"/></owl:imports>',
    ],
)
def test_a_remote_import_is_refused(write_owl: Write, imports: str) -> None:
    body = f'<owl:Ontology rdf:about="urn:test">\n{imports}\n</owl:Ontology>'
    with pytest.raises(OntologyError, match=r"test\.owl, line 6: imports .*Only local files"):
        load_ontology(write_owl(body))


def test_a_missing_import_is_refused(write_owl: Write) -> None:
    body = '<owl:Ontology rdf:about="urn:test"><owl:imports rdf:resource="gone.owl"/></owl:Ontology>'
    with pytest.raises(OntologyError, match=r"line 5: imports 'gone\.owl', but there is no file"):
        load_ontology(write_owl(body))


def test_a_python_module_named_by_a_file_is_not_run(write_owl: Write, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "named_by_the_file.py").write_text("raise SystemExit('the module was run')")
    monkeypatch.syspath_prepend(tmp_path)
    body = """<owl:Ontology rdf:about="urn:test">
      <o:python_module xmlns:o="http://www.lesfleursdunormal.fr/static/_downloads/owlready_ontology.owl#">named_by_the_file</o:python_module>
    </owl:Ontology>"""
    assert not load_ontology(write_owl(body + TWO)).rules


def test_a_document_type_opens_no_file(write_owl: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("7")
    head = '<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY secret SYSTEM "secret.txt">]>'
    path = write_owl('<owl:Class rdf:about="#A"><tier>&secret;</tier></owl:Class>')
    path.write_text(path.read_text().replace('<?xml version="1.0"?>', head))
    with pytest.raises(OntologyError, match=r"tier of A is ''|not well-formed"):
        load_ontology(path)


def test_importing_the_package_loads_neither_numpy_nor_owlready2() -> None:
    code = (
        "import ontology, sys; print(sorted({'numpy', 'owlready2', 'pandas', 'causal', 'graphrec'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
