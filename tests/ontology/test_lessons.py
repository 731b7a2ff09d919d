"""What people confirmed is kept in their own file, used the next time, and never breaks what was there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import ontology
from ontology import OntologyError, load_ontology
from ontology.lessons import Lesson, draw_lessons, keep_lessons

DAY = dt.date(2026, 3, 1)
LESSON = Lesson("mayCause", "Age", "AccountBalance", 0.93, "Eva & co", DAY, "found between age and balance <2 runs>")


def test_a_lesson_is_used_the_next_time_with_confidence_date_and_author(tmp_path: Path) -> None:
    path = tmp_path / "mine.owl"
    keep_lessons(path, [LESSON])
    said = load_ontology(path).knowledge({"a": "Age", "b": "AccountBalance"})
    assert said["confidence"]["a", "b"] == 0.93
    assert "source: Eva & co, 2026-03-01; confidence 0.93; mine.owl, line" in said["provenance"]["a", "b"]
    assert "found between age and balance <2 runs>" in said["provenance"]["a", "b"]


def test_what_stood_in_the_file_stays_and_a_lesson_said_again_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mybank.owl"
    text = (Path(__file__).parents[2] / "docs" / "ontology.md").read_text(encoding="utf-8")
    path.write_text(text.split("```xml\n")[1].split("```")[0], encoding="utf-8")
    before = path.read_text(encoding="utf-8").split("</rdf:RDF>")[0].rstrip()
    keep_lessons(path, [LESSON, replace(LESSON, cause="Letter", effect="Visit")])
    known = keep_lessons(path, [replace(LESSON, confidence=0.5)])
    assert path.read_text(encoding="utf-8").startswith(before)
    assert [(r.confidence, r.cause) for r in known.rules if r.where.startswith("mybank")][-2:] == [
        (0.93, "Letter"),
        (0.5, "Age"),
    ]
    assert known.classes["Letter"].cost == 0.9
    assert [file.name for file in tmp_path.iterdir()] == ["mybank.owl"]


@pytest.mark.parametrize(
    ("lesson", "said"),
    [
        (replace(LESSON, effect="Agee"), "a rule names a class that is not declared"),
        (replace(LESSON, cause="Purchase", effect="Redemption"), ""),
        (replace(LESSON, cause="Redemption", effect="Purchase"), "(?s)Redemption mayCause.*Redemption cannotCause"),
        (replace(LESSON, kind="mustCause", cause="Return", effect="Purchase"), "(?s)left as it was.*Return mustCause"),
        (replace(LESSON, confidence=1.2), "not between 0 and 1"),
        (replace(LESSON, author=" "), "nobody confirmed"),
    ],
)  # fmt: skip
def test_a_lesson_that_contradicts_the_rest_leaves_the_file_as_it_was(
    tmp_path: Path, lesson: Lesson, said: str
) -> None:
    path = tmp_path / "mine.owl"
    keep_lessons(path, [LESSON])
    before = path.read_bytes()
    if not said:
        keep_lessons(path, [lesson])
        return
    with pytest.raises(OntologyError, match=said):
        keep_lessons(path, [lesson])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["mine.owl"]


def test_the_packaged_ontology_and_a_broken_file_are_not_written_to(write_owl: Callable[..., Path]) -> None:
    packaged = Path(ontology.__file__).with_name("marketing.owl")
    before = packaged.read_bytes()
    with pytest.raises(OntologyError, match="never in the packaged ontology"):
        keep_lessons(packaged, [LESSON])
    assert packaged.read_bytes() == before
    with pytest.raises(OntologyError, match="line 6: not well-formed"):
        keep_lessons(write_owl("<owl:Class"), [LESSON])


def test_only_sure_edges_between_classes_are_lessons() -> None:
    found = {("a", "b"): 0.9, ("a", "c"): 0.5, ("a", "d"): 1.0, ("a2", "b"): 0.95, ("a", "a2"): 1.0}
    roles = {"a": "Age", "a2": "Age", "b": "Income", "c": "Tenure"}
    (lesson,) = draw_lessons(found, roles, author="eva", date=DAY)
    assert (lesson.cause, lesson.effect, lesson.confidence) == ("Age", "Income", 0.95)
    assert lesson.reason == "found between a2 and b"
