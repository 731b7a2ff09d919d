"""The commands as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphrec.cli import app
from ontology import OntologyError, load_ontology

DATA = Path(__file__).parents[2] / "data" / "complete_journey"


def call(*words: object, typed: str = "") -> str:
    done = CliRunner().invoke(app, ["ontology", *map(str, words)], input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_show_prints_the_tree_one_class_and_other_syntaxes() -> None:
    assert "  Trait  (Trait)  tier 0" in call("show").splitlines()
    assert "Patrimoine" in call("show", "--language", "fr")
    told = call("show", "Discount")
    assert "in the hands of the pricing team" in told and "Discount mayCause Price" in told and "remise" in told
    assert json.loads(call("show", "--format", "json"))["classes"]["Age"]["tier"] == 0
    assert call("show", "--format", "mermaid").startswith("flowchart")
    with pytest.raises(OntologyError, match="did you mean Wealth"):
        call("show", "Welth")
    with pytest.raises(OntologyError, match="--format is 'poem'"):
        call("show", "--format", "poem")


def test_match_prints_roles_for_a_market_toml(tmp_path: Path) -> None:
    told = call("match", DATA / "demographics.parquet")
    assert 'age = "Age"' in told and 'household_size = "HouseholdSize"' in told
    (tmp_path / "clients.csv").write_text("id_client;sexe;x1\n1;F;3\n2;H;4\n3;F;5\n")
    found = json.loads(call("match", tmp_path, "--json"))["clients.csv"]
    assert found == {"roles": {"id_client": "CustomerIdentifier", "sexe": "Gender"}, "unmatched": ["x1"]}
    (tmp_path / "note.txt").write_text("x")
    with pytest.raises(OntologyError, match="neither CSV nor Parquet"):
        call("match", tmp_path / "note.txt")
    with pytest.raises(OntologyError, match="cannot read"):
        call("match", tmp_path / "gone.csv")


def test_check_reads_the_roles_and_units_of_a_market(tmp_path: Path) -> None:
    facts = json.loads(call("check", "--data", DATA, "--json"))
    assert facts["classes"] >= 120 and facts["roles"] == 4 and len(facts["blocked"]) == 4
    (tmp_path / "market.toml").write_text(
        '[roles]\ntenure = "Tenure"\nrebate = { class = "Discount", date = "d" }\nprice = "Price"\n'
    )
    told = call("check", "--data", tmp_path, "--unit", "tenure=months")
    assert "multiply by 30.4375 for days" in told and "not together: rebate and price (price)" in told
    with pytest.raises(OntologyError, match="'tenure' is stated in euros"):
        call("check", "--data", tmp_path, "--unit", "tenure=euros")
    (tmp_path / "market.toml").write_text('[roles]\ntenure = "Tenur"\n')
    with pytest.raises(OntologyError, match="column 'tenure' has the class 'Tenur'; did you mean Tenure"):
        call("check", "--data", tmp_path)


def test_learn_keeps_what_was_confirmed_and_asks_about_each(tmp_path: Path) -> None:
    graph = {
        "edges": [["spend", "bought"], ["age", "spend"], ["age", "other"]],
        "confidence": [
            ["spend", "bought", {"edge": 1.0, "orientation": 0.95}],
            ["age", "spend", {"edge": 0.9, "orientation": 1.0}],
            ["age", "other", {"edge": 0.5, "orientation": 1.0}],
        ],
    }
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    (tmp_path / "model").mkdir()
    roles = {"spend": "PastSpend", "bought": "Purchase", "age": "Age", "other": "Tenure"}
    (tmp_path / "model" / "recommender.json").write_text(json.dumps({"roles": roles}))
    own = tmp_path / "own.owl"
    assert "kept 1 of 2 lessons" in call("learn", tmp_path, "--into", own, "--author", "eva", typed="n\ny\n")
    assert next((r.cause, r.effect, r.confidence) for r in load_ontology(own).rules) == ("PastSpend", "Purchase", 0.95)
    assert "kept 1 of 1" in call("learn", tmp_path, "--into", own, "--author", "eva", "--yes")
    assert "kept 0 of 0" in call("learn", tmp_path, "--into", own, "--author", "eva", "--yes")
    with pytest.raises(OntologyError, match="cannot read the graph"):
        call(
            "learn",
            tmp_path / "gone.json",
            "--into",
            own,
            "--author",
            "eva",
            "--roles",
            tmp_path / "model/recommender.json",
        )
    (tmp_path / "graph.json").write_text("{}")
    with pytest.raises(OntologyError, match="no graph that graphrec wrote"):
        call("learn", tmp_path, "--into", own, "--author", "eva")
