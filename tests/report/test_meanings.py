"""The page on the ontology shows what applied here, and all of it to browse."""

from __future__ import annotations

from dataclasses import replace

from graphrec.report.contents import Findings
from graphrec.report.document import render_report
from graphrec.report.meanings import build_meanings
from ontology import load_ontology


def test_columns_rules_and_levers_of_the_model_are_shown(findings: Findings) -> None:
    values = build_meanings(findings)
    assert findings.model is not None
    panel, known = findings.model.panel, load_ontology()
    assert len(values["columns"]) == sum(role in known.classes for role in panel.roles.values())
    assert any("in the hands of" in text for text in values["levers"])
    used = [row["statement"] for row in values["rules"]]
    assert used and len(used) == len(set(used))
    counted = [int(row["pairs"].replace(",", "")) for row in values["rules"]]
    assert counted == sorted(counted, reverse=True)


def test_every_class_stands_in_the_tree_once() -> None:
    def names(branches: list[dict[str, object]]) -> list[str]:
        return [n for b in branches for n in (str(b["name"]), *names(b["below"]))]  # type: ignore[arg-type]

    found = names(build_meanings(Findings())["tree"])
    assert sorted(found) == sorted(load_ontology().classes)


def test_without_a_model_the_page_says_so(findings: Findings) -> None:
    text = render_report(replace(findings, model=None))
    assert "no column was given a meaning" in text and "Loyalty points" in text
