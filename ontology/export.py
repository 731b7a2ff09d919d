"""The ontology for other programs: Turtle for tools of linked data, Mermaid for a page, JSON for everything else.

Hides the three syntaxes. rdflib would write Turtle too; it is one more dependency for a hundred lines, and the
inherited values and rules that people want to see are not in the triples.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from ontology.words import MARKETING_IRI

if TYPE_CHECKING:
    from ontology.axioms import Rule, VariableClass
    from ontology.domain import Ontology

__all__ = ["to_json", "to_mermaid", "to_turtle"]

_PREFIXES: Final = {
    "": f"{MARKETING_IRI}#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
_COLOURS: Final = {"mayCause": "-->", "cannotCause": "-.-x", "mustCause": "==>"}


def to_json(onto: Ontology) -> str:
    """Return classes (with what they inherit), rules and disjoint classes as JSON.

    Examples
    --------
    >>> from ontology import load_ontology
    >>> told = json.loads(to_json(load_ontology()))
    >>> told["classes"]["Wealth"]["label_fr"], told["format"]
    ('Patrimoine', 1)
    """
    return json.dumps(
        {
            "format": 1,
            "name": onto.name,
            "classes": {name: asdict(known) for name, known in onto.classes.items()},
            "rules": [asdict(rule) for rule in onto.rules],
            "disjoint": [list(axiom.classes) for axiom in onto.disjoint],
        },
        ensure_ascii=False,
        indent=1,
    )


def to_mermaid(onto: Ontology, *, language: str = "en", rules: bool = True) -> str:
    """Return the tree of classes, and the rules between them, as a Mermaid flow chart.

    Parameters
    ----------
    onto : Ontology
        What to draw.
    language : {"en", "fr"}
        Of the labels.
    rules : bool
        Whether rules are drawn: an arrow for may cause, a thick one for must, a crossed one for cannot.

    Examples
    --------
    >>> from ontology import load_ontology
    >>> to_mermaid(load_ontology(), language="fr", rules=False).splitlines()[0]
    'flowchart LR'
    """
    lines = ["flowchart LR"]
    for name, known in onto.classes.items():
        label = known.label_fr if language == "fr" else known.label
        lines.append(f'  {name}["{label.replace(chr(34), chr(39))}"]')
    lines += [f"  {parent} --- {name}" for name, known in onto.classes.items() for parent in known.parents]
    if rules:
        lines += [f"  {rule.cause} {_COLOURS[rule.kind]} {rule.effect}" for rule in onto.rules]
    return "\n".join(lines) + "\n"


def to_turtle(onto: Ontology) -> str:
    """Return classes and rules as Turtle, each class under its own IRI and with its own annotations and labels.

    Examples
    --------
    >>> from ontology import load_ontology
    >>> "urn:graphrec:marketing#Age" in to_turtle(load_ontology())
    True
    """
    lines = [f"@prefix {prefix}: <{iri}> ." for prefix, iri in _PREFIXES.items()]
    lines += [
        f"\n<{_iri(onto, known.name)}> a owl:Class ;\n  " + " ;\n  ".join(_statements(onto, known)) + " ."
        for known in onto.classes.values()
    ]
    for axiom in onto.disjoint:
        members = " ".join(f"<{_iri(onto, name)}>" for name in axiom.classes)
        lines.append(f"\n[] a owl:AllDisjointClasses ; owl:members ( {members} ) .")
    lines += [_rule(onto, rule) for rule in onto.rules]
    return "\n".join(lines) + "\n"


def _statements(onto: Ontology, known: VariableClass) -> Iterator[str]:
    for parent in known.parents:
        yield f"rdfs:subClassOf <{_iri(onto, parent)}>"
    texts = {
        "rdfs:label": [(known.label, "en"), (known.label_fr, "fr")],
        "rdfs:comment": [(known.comment, "en"), (known.comment_fr, "fr")],
        "skos:altLabel": [*((s, "en") for s in known.synonyms), *((s, "fr") for s in known.synonyms_fr)],
        ":controller": [(known.controller, "en"), (known.controller_fr, "fr")],
    }
    for word, told in texts.items():
        for text, language in told:
            if text:
                yield f"{word} {_literal(text)}@{language}"
    numbers = ("tier", "cost", "direction", "minimum", "maximum", "step", "delay")
    yield from (f":{word} {getattr(known, word)!r}" for word in numbers if getattr(known, word) is not None)
    flags = ("mutable", "actionable", "exogenous", "sink", "consent", "unique")
    yield from (f":{word} {str(getattr(known, word)).lower()}" for word in flags)
    words = ("group", "unit", "exclusive", "channel", "profile")
    yield from (f":{word} {_literal(getattr(known, word))}" for word in words if getattr(known, word))
    yield from (f"skos:closeMatch <{iri}>" for iri in known.alignments)


def _rule(onto: Ontology, rule: Rule) -> str:
    cause, effect = _iri(onto, rule.cause), _iri(onto, rule.effect)
    notes = [f"rdfs:comment {_literal(rule.reason)}@en"] if rule.reason else []
    notes += [f":confidence {rule.confidence!r}"] if rule.confidence is not None else []
    notes += [f":source {_literal(rule.source)}"] if rule.source else []
    told = "".join(f" ;\n  {note}" for note in notes)
    return (
        f"\n<{cause}> :{rule.kind} <{effect}> .\n[] a owl:Axiom ;\n  owl:annotatedSource <{cause}> ;\n"
        f"  owl:annotatedProperty :{rule.kind} ;\n  owl:annotatedTarget <{effect}>{told} ."
    )


def _iri(onto: Ontology, name: str) -> str:
    return onto.classes[name].iri or f"{MARKETING_IRI}#{name}"


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
