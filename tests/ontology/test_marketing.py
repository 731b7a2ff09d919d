"""The packaged ontology says what the business knows."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import product
from pathlib import Path

import pytest

import ontology
from causal import Knowledge
from ontology import Ontology

FILE = Path(ontology.__file__).with_name("marketing.owl")

HERMIT = """
import sys, owlready2
world = owlready2.World()
with open(sys.argv[1], "rb") as file:
    loaded = world.get_ontology("urn:graphrec:marketing#").load(fileobj=file)
with loaded:
    owlready2.sync_reasoner_hermit(world, debug=0)
print(len(list(world.inconsistent_classes())), "unsatisfiable", len(list(world.classes())), "classes")
"""

TIERS = {
    0: "Age Income Wealth Tenure HouseholdSize DigitalAffinity Gender Region Education Occupation",
    1: "PastPurchase Recency PastSpend PastVisit PastView PastCart ContactPressure PastResponse PastSatisfaction "
    "Appetite Price Discount Popularity Season Stock Category SurveyAnswer RecordedOpinion",
    2: "Solicitation Channel Slot",
    3: "Open",
    4: "Click",
    5: "Visit View Cart",
    6: "Purchase Redemption",
    7: "Satisfaction SupportTicket WelcomePush Unsubscription Complaint Return",
}


@pytest.mark.parametrize(("tier", "name"), [(t, name) for t, names in TIERS.items() for name in names.split()])
def test_classes_stand_in_their_tier(marketing: Ontology, tier: int, name: str) -> None:
    assert marketing.tier(name) == tier


def test_every_class_is_told_in_both_languages(marketing: Ontology) -> None:
    for known in marketing.classes.values():
        assert known.label and known.label_fr and known.comment and known.comment_fr, known.name
        assert known.comment != known.comment_fr, known.name
        assert known.group or known.name == "Variable" or marketing.is_a(known.name, "RecordKey")


def test_bank_and_retail_are_covered_and_every_column_has_other_names(marketing: Ontology) -> None:
    assert len(marketing.classes) >= 120
    for known in marketing.classes.values():
        if known.name not in ("Variable", "RecordKey", "History", "Context", "Mediator"):
            assert known.synonyms and known.synonyms_fr, known.name
    aligned = " ".join(iri for known in marketing.classes.values() for iri in known.alignments)
    for vocabulary in ("goodrelations", "schema.org", "fibo", "ns/prov", "2006/time", "ns/sosa"):
        assert vocabulary in aligned


def test_what_names_a_row_is_no_variable(marketing: Ontology) -> None:
    said = marketing.knowledge({"id": "CustomerIdentifier", "age": "Age", "bought": "Purchase"})
    assert {("id", "bought"), ("bought", "id"), ("id", "age"), ("age", "id")} <= said["forbidden"]
    with pytest.raises(ontology.OntologyError, match=r"(?s)RecordKey.*Purchase.*RecordKey and Variable are disjoint"):
        marketing.knowledge({"id": ["CustomerIdentifier", "Purchase"]})


def test_only_what_a_company_decides_is_a_lever(marketing: Ontology) -> None:
    levers = {name for name, known in marketing.classes.items() if known.actionable}
    assert levers == {
        "Treatment", "Solicitation", "Channel", "Slot", "Message", "ContactPressure", "Discount", "Price", "Category",
        "EmailContact", "TextMessage", "PhoneCall", "DirectMail", "PushNotification",
    }  # fmt: skip
    assert all(marketing.classes[name].controller for name in levers)
    assert not any(k.mutable or k.actionable for k in marketing.classes.values() if k.group in ("trait", "history"))


def test_all_classes_at_once_make_knowledge_that_causal_accepts(marketing: Ontology) -> None:
    roles = {f"{name}_{copy}": name for name in marketing.classes for copy in (1, 2)}
    known = Knowledge(**marketing.knowledge(roles))
    for late, early in product(roles, roles):
        x, y = marketing.tier(roles[late]), marketing.tier(roles[early])
        if x is not None and y is not None and x > y:
            assert known.forbids(late, early)


def test_a_consequence_causes_nothing_earlier_and_says_so(marketing: Ontology) -> None:
    roles = {"p": "PastPurchase", "t": "Solicitation", "v": "Visit", "y": "Purchase", "s": "Satisfaction"}
    said = marketing.knowledge(roles)
    for earlier in "ptvy":
        assert ("s", earlier) in said["forbidden"]
    assert said["provenance"]["s", "y"].startswith("Consequence cannotCause Outcome: What follows a purchase")
    assert "marketing.owl, line" in said["provenance"]["s", "y"]
    assert ("y", "s") not in said["forbidden"]


def test_traits_reach_everything_later_and_age_has_no_cause(marketing: Ontology) -> None:
    later = [name for name, known in marketing.classes.items() if (known.tier or 0) > 0 and not known.exogenous]
    said = marketing.knowledge({"Income": "Income", "Age": "Age", "Gender": "Gender", **{name: name for name in later}})
    for name in [*later, "Income"]:
        assert ("Age", name) not in said["forbidden"]
        assert (name, "Age") in said["forbidden"] and (name, "Gender") in said["forbidden"]
    assert not [name for name in later if ("Income", name) in said["forbidden"]]


def test_targeting_is_allowed_for(marketing: Ontology) -> None:
    said = marketing.knowledge({"past": "PastPurchase", "t": "Solicitation"})
    assert ("past", "t") not in said["forbidden"] and ("t", "past") in said["forbidden"]
    assert said["confidence"]["past", "t"] == 0.9


def test_an_answer_in_a_survey_is_no_cause(marketing: Ontology) -> None:
    roles = {"answer": "SurveyAnswer", "income": "Income", "t": "Solicitation", "y": "Purchase"}
    said = marketing.knowledge(roles)
    assert {("answer", "t"), ("answer", "y")} <= said["forbidden"]
    assert "RecordedOpinion cannotCause Solicitation" in said["provenance"]["answer", "t"]
    assert ("income", "answer") not in said["forbidden"]
    assert marketing.is_a("SurveyAnswer", "RecordedOpinion")


def test_the_contact_may_act_along_every_step(marketing: Ontology) -> None:
    steps = ["Solicitation", "Open", "Click", "Visit", "Purchase", "Satisfaction"]
    said = marketing.knowledge({name: name for name in steps})
    for index, cause in enumerate(steps):
        for effect in steps[index + 1 :]:
            assert (cause, effect) not in said["forbidden"]
            assert said["tiers"][cause] < said["tiers"][effect]
            assert said["provenance"][effect, cause]


def test_every_annotation_property_is_declared() -> None:
    root = ElementTree.parse(FILE).getroot()
    own, about = "{urn:graphrec:marketing#}", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
    declared = {e.attrib[about] for e in root if e.tag.endswith("}AnnotationProperty")}
    used = {f"#{e.tag.removeprefix(own)}" for e in root.iter() if e.tag.startswith(own)}
    assert used <= declared


@pytest.mark.slow
def test_a_reasoner_finds_every_class_satisfiable() -> None:
    if shutil.which("java") is None:
        pytest.skip("HermiT needs Java, and there is none on the PATH")
    reasoned = subprocess.run(
        [sys.executable, "-c", HERMIT, str(FILE)], capture_output=True, text=True, timeout=300, check=False
    )
    assert reasoned.returncode == 0, reasoned.stderr[-2000:]
    assert reasoned.stdout.split() == ["0", "unsatisfiable", str(len(ontology.load_ontology().classes)), "classes"]


def test_the_example_of_the_documentation_works_as_printed(tmp_path: Path) -> None:
    text = (FILE.parents[1] / "docs" / "ontology.md").read_text(encoding="utf-8")
    (tmp_path / "mybank.owl").write_text(text.split("```xml\n")[1].split("```")[0], encoding="utf-8")
    bank = ontology.load_ontology(tmp_path / "mybank.owl")
    roles = {"age": "Age", "letter": "Letter", "clicked": "Click", "fee_waived": "FeeWaiver", "signed": "Subscription"}
    printed = text.split("```python\n")[1].replace("\n#  ", " ")
    assert f"# {bank.knowledge(roles)['provenance']['letter', 'clicked']}\n" in printed
    assert all(repr(lever.reason) in printed for lever in bank.levers(roles))
    assert f"# {bank.blocked(roles)['age']}\n" in printed


def test_the_sentence_of_the_documentation_is_the_one_given(marketing: Ontology) -> None:
    text = (FILE.parents[1] / "docs" / "ontology.md").read_text(encoding="utf-8")
    said = marketing.knowledge({"y": "Purchase", "s": "Satisfaction"})["provenance"]["s", "y"]
    assert said in text.replace("\n> ", " ")
