"""What is exported says what was loaded."""

from __future__ import annotations

import json

from ontology import Ontology
from ontology.export import to_json, to_mermaid, to_turtle


def test_json_holds_every_class_and_rule(marketing: Ontology) -> None:
    told = json.loads(to_json(marketing))
    assert set(told["classes"]) == set(marketing.classes) and len(told["rules"]) == len(marketing.rules)
    assert told["classes"]["Recency"]["tier"] == 1 and told["disjoint"][1] == ["RecordKey", "Variable"]


def test_mermaid_draws_every_class_and_every_rule_once(marketing: Ontology) -> None:
    lines = to_mermaid(marketing, language="fr").splitlines()
    assert '  Wealth["Patrimoine"]' in lines and "  Purchase ==> Return" in lines
    assert sum(line.count(" --- ") for line in lines) == sum(len(c.parents) for c in marketing.classes.values())
    assert len([line for line in lines if any(arrow in line for arrow in (" --> ", " -.-x ", " ==> "))]) == len(
        marketing.rules
    )


def test_turtle_is_read_by_another_program_as_the_same_classes(marketing: Ontology) -> None:
    told = to_turtle(marketing)
    assert told.count(" a owl:Class ;") == len(marketing.classes)
    assert told.count("a owl:Axiom") == len(marketing.rules)
    assert told.count('"') % 2 == 0 and told.count("<") == told.count(">")
    assert 'rdfs:label "Patrimoine"@fr' in told and ":tier 0 ;" in told
