"""What discovery found and a person confirmed, kept as axioms of a file of your own and used the next time.

Hides the file. Lessons are rules between classes with a confidence, a date and an author; they are written beside the
file and renamed over it, so a crash leaves the old one, and read back before they are kept, so what contradicts the
rest is refused with both axioms and nothing is changed. The packaged ontology is imported, never written to.

Writing what was found straight back, without a person, was considered and rejected: the next discovery would be told
its own mistakes as knowledge, with more confidence each time.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args
from xml.sax.saxutils import escape, quoteattr

from ontology.axioms import OntologyError, RuleKind
from ontology.loader import load_ontology
from ontology.words import MARKETING_IRI

if TYPE_CHECKING:
    from ontology.domain import Ontology

__all__ = ["Lesson", "draw_lessons", "keep_lessons"]

_HEAD: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns="{MARKETING_IRI}#" xml:base="urn:graphrec:own"
         xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
         xmlns:owl="http://www.w3.org/2002/07/owl#">

  <owl:Ontology rdf:about="urn:graphrec:own">
    <owl:imports rdf:resource="{MARKETING_IRI}"/>
  </owl:Ontology>
"""
_PACKAGED: Final = Path(__file__).with_name("marketing.owl")
_TAIL: Final = "</rdf:RDF>"


@dataclass(frozen=True)
class Lesson:
    """A rule between two classes that a person confirmed.

    Parameters
    ----------
    kind : {"mayCause", "cannotCause", "mustCause"}
        What is said.
    cause, effect : str
        The two classes.
    confidence : float
        In [0, 1]; for what discovery found, the share of bootstraps with the edge.
    author : str
        Who confirmed it.
    date : datetime.date
        When.
    reason : str
        Where it was seen.
    """

    kind: RuleKind
    cause: str
    effect: str
    confidence: float
    author: str
    date: dt.date
    reason: str = ""


def draw_lessons(
    found: Mapping[tuple[str, str], float],
    roles: Mapping[str, str],
    *,
    author: str,
    date: dt.date,
    minimum: float = 0.8,
) -> list[Lesson]:
    """Turn edges between columns into lessons between their classes, for a person to confirm.

    Parameters
    ----------
    found : mapping of (str, str) to float
        Share of bootstraps for each (cause, effect) pair of columns, in [0, 1].
    roles : mapping of str to str
        Class of each column; edges of other columns, and between columns of one class, are left out.
    author : str
        Who confirms them.
    date : datetime.date
        When.
    minimum : float
        Edges in fewer bootstraps are left out.

    Returns
    -------
    list of Lesson
        One ``mayCause`` for each pair of classes, with the highest share, in the order of the names.

    Examples
    --------
    >>> day = dt.date(2026, 1, 31)
    >>> found, roles = {("a", "b"): 0.97, ("b", "a"): 0.01}, {"a": "Age", "b": "Tenure"}
    >>> lessons = draw_lessons(found, roles, author="eva", date=day)
    >>> [(lesson.cause, lesson.kind, lesson.effect, lesson.confidence) for lesson in lessons]
    [('Age', 'mayCause', 'Tenure', 0.97)]
    """
    best: dict[tuple[str, str], tuple[float, str]] = {}
    for (cause, effect), share in found.items():
        pair = (roles.get(cause, ""), roles.get(effect, ""))
        if share >= minimum and all(pair) and pair[0] != pair[1] and "immutable" not in pair:
            best[pair] = max(best.get(pair, (0.0, "")), (share, f"found between {cause} and {effect}"))
    return [
        Lesson("mayCause", *pair, round(share, 3), author, date, reason)
        for pair, (share, reason) in sorted(best.items())
    ]


def keep_lessons(path: str | Path, lessons: Iterable[Lesson]) -> Ontology:
    """Write lessons into an ontology of your own, and return it as it now is.

    Parameters
    ----------
    path : str or pathlib.Path
        A local ``.owl`` file of your own; where there is none, one that imports the packaged ontology is made. What
        stands in it stays as it is: the lessons are added at the end. A lesson that it holds already, of the same
        kind between the same classes, is replaced.
    lessons : iterable of Lesson
        What a person confirmed.

    Returns
    -------
    Ontology
        Loaded from the new file.

    Raises
    ------
    OntologyError
        When the path is the packaged ontology, a lesson is not well-formed or names an unknown class, or the rules
        would contradict each other (both axioms are printed). The file then stays as it was.
    """
    path = Path(path)
    if path.exists() and path.resolve() == _PACKAGED.resolve():
        raise OntologyError(
            "lessons are kept in a file of your own, never in the packaged ontology: give another path, such as "
            "'mybank.owl', which imports it"
        )
    kept = [_checked(lesson) for lesson in lessons]
    before = path.read_text(encoding="utf-8") if path.exists() else _HEAD + _TAIL + "\n"
    if path.exists():
        load_ontology(path)  # what is malformed is not to be made worse
    text = _without(before, kept)
    ours = load_ontology(_PACKAGED).classes
    end = text.rfind(_TAIL)
    if end < 0:
        raise OntologyError(f"{path.name} does not end with {_TAIL}; write rdf as the prefix of RDF")
    new = text[:end].rstrip() + "\n" + "".join(_axiom(lesson, ours) for lesson in kept) + text[end:]
    return _replace(path, new)


def _checked(lesson: Lesson) -> Lesson:
    if lesson.kind not in get_args(RuleKind):
        raise OntologyError(f"a lesson is {lesson.kind!r}; it is one of {', '.join(get_args(RuleKind))}")
    if not 0.0 <= lesson.confidence <= 1.0:
        raise OntologyError(f"the confidence of {lesson.cause} {lesson.kind} {lesson.effect} is not between 0 and 1")
    if not lesson.author.strip():
        raise OntologyError(f"nobody confirmed {lesson.cause} {lesson.kind} {lesson.effect}: give the author")
    return lesson


def _mark(lesson: Lesson) -> tuple[str, str]:
    name = f"{lesson.cause} {lesson.kind} {lesson.effect}"
    return f"  <!-- Learnt: {name} -->\n", f"  <!-- End of {name} -->\n"


def _without(text: str, lessons: Sequence[Lesson]) -> str:
    """Take out what an earlier run wrote of the same rules."""
    for lesson in lessons:
        first, last = _mark(lesson)
        start = text.find(first)
        if start >= 0 and (end := text.find(last, start)) >= 0:
            text = text[:start].rstrip() + "\n" + text[end + len(last) :]
    return text


def _axiom(lesson: Lesson, known: Container[str]) -> str:
    first, last = _mark(lesson)
    cause, effect = (
        quoteattr(f"{MARKETING_IRI}#{n}" if n in known else f"#{n}") for n in (lesson.cause, lesson.effect)
    )
    return f"""
{first}  <rdf:Description rdf:about={cause}>
    <{lesson.kind} xmlns="{MARKETING_IRI}#" rdf:resource={effect}/>
  </rdf:Description>
  <owl:Axiom xmlns="{MARKETING_IRI}#">
    <owl:annotatedSource rdf:resource={cause}/>
    <owl:annotatedProperty rdf:resource="{MARKETING_IRI}#{lesson.kind}"/>
    <owl:annotatedTarget rdf:resource={effect}/>
    <rdfs:comment xml:lang="en">{escape(lesson.reason or "confirmed")}</rdfs:comment>
    <confidence>{lesson.confidence:g}</confidence>
    <source>{escape(lesson.author.strip())}, {lesson.date.isoformat()}</source>
  </owl:Axiom>
{last}"""


def _replace(path: Path, text: str) -> Ontology:
    """Write beside the file, read it back, and rename only what can be read."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".owl")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            load_ontology(draft)
        except OntologyError as error:
            raise OntologyError(
                f"{path.name} was left as it was, for with the lessons it would not hold:\n{error}".replace(
                    draft.name, path.name
                )
            ) from None
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return load_ontology(path)
