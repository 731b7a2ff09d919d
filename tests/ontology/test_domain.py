from __future__ import annotations

import dataclasses

import pytest

import ontology
from ontology import ROLE_IMMUTABLE, Ontology, OntologyError, VariableClass
from ontology.axioms import Declaration


def test_the_public_names_are_there() -> None:
    for name in ontology.__all__:
        assert getattr(ontology, name) is not None
        assert name in dir(ontology)
    assert ontology.ROLE_IMMUTABLE == "immutable"
    with pytest.raises(AttributeError, match="no attribute 'Wardrobe'"):
        ontology.Wardrobe  # noqa: B018


def test_classes_are_read_only(marketing: Ontology) -> None:
    with pytest.raises(TypeError):
        marketing.classes["Age"] = VariableClass("Age")  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        marketing.classes["Age"].tier = 5  # type: ignore[misc]


def test_ancestors_tier_and_is_a(marketing: Ontology) -> None:
    assert marketing.ancestors("Age") == ("DemographicTrait", "Trait", "Variable")
    assert marketing.is_a("Age", "Trait") and marketing.is_a("Age", "Age") and not marketing.is_a("Trait", "Age")
    assert marketing.tier("Age") == 0 and marketing.tier("Variable") is None


def test_unknown_classes_come_with_close_ones(marketing: Ontology) -> None:
    with pytest.raises(OntologyError, match=r"no class 'Welth'; did you mean Wealth"):
        marketing.tier("Welth")
    with pytest.raises(OntologyError, match="no class 'Agee'"):
        marketing.is_a("Age", "Agee")
    with pytest.raises(OntologyError, match="no class"):
        marketing.ancestors("immutable")


def test_unknown_roles_are_named_all_at_once(marketing: Ontology) -> None:
    roles = {"age": "Age", "w": "welth", "p": "patrimoine", "r": "recense", "x": "Zyzzyva"}
    for ask in (marketing.knowledge, marketing.levers, marketing.blocked):
        with pytest.raises(OntologyError) as caught:
            ask(roles)
        said = str(caught.value)
        assert "4 column(s)" in said and "'w' has the class 'welth'; did you mean Wealth" in said
        assert "'p' has the class 'patrimoine'; did you mean Wealth" in said
        assert "'x' has the class 'Zyzzyva'\n" in said and "'age'" not in said


def test_a_role_that_is_no_text_is_refused(marketing: Ontology) -> None:
    with pytest.raises(OntologyError, match="'age' has the class None, which is not a text"):
        marketing.knowledge({"age": None})  # type: ignore[dict-item]


def test_immutable_is_a_trait(marketing: Ontology) -> None:
    said = marketing.knowledge({"badge": ROLE_IMMUTABLE, "bought": "Purchase", "age": "Age"})
    assert said["tiers"] == {"badge": 0, "bought": 6, "age": 0}
    assert said["forbidden"] == {("bought", "badge"), ("bought", "age"), ("badge", "age")}
    assert ROLE_IMMUTABLE not in marketing.classes


def test_immutable_comes_first_where_no_class_is_called_trait() -> None:
    known = Ontology([Declaration("A", (), {"tier": -2}), Declaration("B", (), {"tier": 3})])
    said = known.knowledge({"badge": ROLE_IMMUTABLE, "a": "A", "b": "B"})
    assert said["tiers"] == {"badge": -2, "a": -2, "b": 3}
    assert known.levers({"badge": ROLE_IMMUTABLE}) == []


def test_no_columns_no_knowledge(marketing: Ontology) -> None:
    assert marketing.knowledge({}) == {
        "tiers": {}, "required": set(), "forbidden": set(), "confidence": {}, "provenance": {},
    }  # fmt: skip
    assert marketing.levers({}) == [] and marketing.blocked({}) == {}


def test_knowledge_is_of_plain_values(marketing: Ontology) -> None:
    said = marketing.knowledge({"p": "PastPurchase", "t": "Solicitation", "y": "Purchase", "r": "Return"})
    assert [type(value) for value in said.values()] == [dict, set, set, dict, dict]
    assert all(type(tier) is int for tier in said["tiers"].values())
    assert all(type(p) is float for p in said["confidence"].values())
    assert all(type(name) is str for pair in said["provenance"] for name in pair)


def test_the_caller_may_change_what_was_returned(marketing: Ontology) -> None:
    roles = {"p": "PastPurchase", "y": "Purchase"}
    marketing.knowledge(roles)["forbidden"].clear()
    assert marketing.knowledge(roles)["forbidden"]


def test_an_ontology_shows_its_size() -> None:
    assert repr(Ontology([Declaration("A")], name="own.owl")) == "Ontology('own.owl', classes=1, rules=0)"
