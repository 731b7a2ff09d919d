"""What the triples say about classes and rules, with the line on which they say it.

Hides RDF: which triple is a statement of a class, a rule, or a note on a rule. A rule may stand in its class, in an
``owl:Axiom`` with its notes, or in both, as OWL 2 writes annotated axioms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ontology.axioms import Declaration, Disjointness, OntologyError, Rule, RuleKind, did_you_mean
from ontology.rdfxml import Outline, last_part
from ontology.triples import Triples, Value
from ontology.words import KINDS, MARKETING_IRI, NOTES, READERS, SPOKEN, read_number, rule_kind

__all__ = ["Facts"]

OWL: Final = "http://www.w3.org/2002/07/owl#"
RDF_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
SKOS: Final = "http://www.w3.org/2004/02/skos/core#"


class Facts:
    """What the triples say about classes and rules."""

    def __init__(self, triples: Triples, outlines: Sequence[Outline]) -> None:
        self._triples = triples
        self._outlines = outlines

    def declarations(self) -> Iterator[Declaration]:
        """Yield each declared class with its own statements."""
        self._refuse_unknown_words()
        for iri, statements in self._triples.items():
            if not isinstance(iri, str) or iri.startswith(OWL):
                continue
            if any(kind.iri == OWL + "Class" for kind in statements.get(RDF_TYPE, ())):
                yield self._declaration(iri, statements)
            else:
                self._refuse_undeclared(iri, statements)

    def rules(self) -> list[Rule]:
        """Return the axioms between classes in the order of the files, each with its notes."""
        stated: dict[tuple[RuleKind, str, str], Rule] = {}
        for kind, cause, effect, notes in [*self._plain_rules(), *self._axioms()]:
            key = (kind, cause, effect)
            stated[key] = self._rule(key, notes if notes is not None else {}, stated.get(key))
        return sorted(stated.values(), key=self._order)

    def disjoint(self) -> list[Disjointness]:
        """Return the axioms that keep classes apart: ``owl:disjointWith`` and ``owl:AllDisjointClasses``."""
        found: list[Disjointness] = []
        for subject, statements in self._triples.items():
            if isinstance(subject, str):
                for other in statements.get(OWL + "disjointWith", ()):
                    name, apart = last_part(subject), str(other.value)
                    found.append(Disjointness(tuple(sorted((name, apart))), self._place(name, "disjointWith", apart)))
            elif any(kind.iri == OWL + "AllDisjointClasses" for kind in statements.get(RDF_TYPE, ())):
                members = [str(v.value) for head in statements.get(OWL + "members", ()) for v in self._list(head.value)]
                if len(members) > 1:
                    found.append(Disjointness(tuple(sorted(members)), self._place("members", members[0])))
        return sorted(found, key=str)

    def _list(self, node: Any) -> Iterator[Value]:
        while node in self._triples and RDF + "first" in self._triples[node]:
            yield self._triples[node][RDF + "first"][0]
            node = self._triples[node][RDF + "rest"][0].value

    def _declaration(self, iri: str, statements: Mapping[str, list[Value]]) -> Declaration:
        name = last_part(iri)
        said = _by_word(statements)
        own = {word: self._single(name, word, said[word]) for word in READERS if word in said}
        own |= _texts("label", statements.get(RDFS + "label", ()))
        own |= _texts("comment", statements.get(RDFS + "comment", ()))
        for word in SPOKEN:
            own |= _texts(word, said.get(word, ()))
        own |= _vocabulary(statements)
        parents = [v.value for v in statements.get(RDFS + "subClassOf", ()) if v.iri and v.iri != OWL + "Thing"]
        lines = {word: self._place(name, word.removesuffix("_fr")) for word in own}
        lines["parents"] = self._place(name, "subClassOf")
        return Declaration(name, tuple(dict.fromkeys(parents)), own, lines, iri, self._place(name))

    def _single(self, name: str, word: str, values: Sequence[Value]) -> Any:
        read = [self._read(name, word, value) for value in values]
        if any(value != read[0] for value in read):
            raise OntologyError(
                f"{name} has {len(read)} values of {word}: {', '.join(map(str, sorted(read)))} "
                f"({self._place(name, word)}). Keep one."
            )
        return read[0]

    def _read(self, name: str, word: str, value: Value) -> Any:
        reader, allowed = READERS.get(word, (read_number, "a finite number"))
        try:
            return reader(value.value)
        except (ValueError, TypeError):
            raise OntologyError(
                f"{self._place(name, word)}: {word} of {name} is {value.value!r}; it is {allowed}."
            ) from None

    def _plain_rules(self) -> Iterator[tuple[RuleKind, str, str, None]]:
        for iri, statements in self._triples.items():
            for predicate, values in statements.items():
                kind = rule_kind(last_part(predicate))
                if kind is None:
                    continue
                subject = last_part(iri) if isinstance(iri, str) else "a class without a name"
                for value in values:
                    if not value.iri or not isinstance(iri, str):
                        raise OntologyError(
                            f"{self._place(subject, kind)}: {subject} {kind} {value.value!r}: a rule joins two named "
                            f'classes. Write <{kind} rdf:resource="#ClassName"/>.'
                        )
                    yield kind, subject, value.value, None

    def _axioms(self) -> Iterator[tuple[RuleKind, str, str, dict[str, list[Value]]]]:
        for statements in self._triples.values():
            if not any(kind.iri == OWL + "Axiom" for kind in statements.get(RDF_TYPE, ())):
                continue
            parts = [statements.get(OWL + f"annotated{part}") for part in ("Property", "Source", "Target")]
            kind = rule_kind(str(parts[0][0].value)) if parts[0] else None
            if kind is not None and parts[1] and parts[2]:
                yield kind, str(parts[1][0].value), str(parts[2][0].value), _by_word(statements)

    def _rule(self, key: tuple[RuleKind, str, str], notes: Mapping[str, list[Value]], known: Rule | None) -> Rule:
        kind, cause, effect = key
        where = self._place(cause, kind, effect)
        sure = {self._read(cause, "confidence", value) for value in notes.get("confidence", ())}
        if known is not None and known.confidence is not None:
            sure.add(known.confidence)
        if len(sure) > 1:
            raise OntologyError(
                f"{cause} {kind} {effect} ({where}) has {len(sure)} confidences, "
                f"{', '.join(map(str, sorted(sure)))}. Keep one."
            )
        reason = _texts("reason", notes.get("comment", ())).get("reason", known.reason if known else "")
        source = "; ".join(sorted(str(value.value) for value in notes.get("source", ())))
        return Rule(
            kind, cause, effect, next(iter(sure), None), source or (known.source if known else ""), reason, where
        )

    def _place(self, *statement: str) -> str:
        for length in range(len(statement), 0, -1):
            for outline in self._outlines:
                if statement[:length] in outline.lines:
                    return outline.place(*statement[:length])
        return self._outlines[0].path.name

    def _order(self, rule: Rule) -> tuple[int, int, str]:
        key = (rule.cause, rule.kind, rule.effect)
        for index, outline in enumerate(self._outlines):
            if key in outline.lines:
                return index, outline.lines[key], str(rule)
        return len(self._outlines), 0, str(rule)

    def _refuse_unknown_words(self) -> None:
        """Refuse a misspelt property of our vocabulary, which would otherwise say nothing in silence."""
        known: Mapping[str, Iterable[str]] = dict.fromkeys((*READERS, *KINDS, *NOTES, *SPOKEN), ())
        for subject, statements in self._triples.items():
            for predicate in statements:
                word = last_part(predicate)
                if predicate == f"{MARKETING_IRI}#{word}" and word not in known:
                    name = last_part(subject) if isinstance(subject, str) else "an axiom"
                    raise OntologyError(
                        f"{self._place(name, word)}: {name} has the property {word!r}, which is none of "
                        f"{', '.join(known)}{did_you_mean(word, known)}"
                    )

    def _refuse_undeclared(self, iri: str, statements: Mapping[str, list[Value]]) -> None:
        for predicate in statements:
            word = last_part(predicate)
            if word in READERS and not statements.get(RDF_TYPE):
                name = last_part(iri)
                raise OntologyError(
                    f"{self._place(name, word)}: {word} is stated of {name}, which is not declared. "
                    f'Write <owl:Class rdf:about="..."> for it, or import the ontology that declares it.'
                )


def _by_word(statements: Mapping[str, list[Value]]) -> dict[str, list[Value]]:
    said: dict[str, list[Value]] = {}
    for predicate, values in statements.items():
        said.setdefault(last_part(predicate), []).extend(values)
    return said


def _vocabulary(statements: Mapping[str, list[Value]]) -> dict[str, tuple[str, ...]]:
    """Return synonyms, typical values and counterparts elsewhere, each where given, sorted."""
    names = statements.get(SKOS + "altLabel", ())
    french = {" ".join(str(v.value).split()) for v in names if v.language.casefold().startswith("fr")}
    english = {" ".join(str(v.value).split()) for v in names if not v.language.casefold().startswith("fr")}
    listed = {part.strip() for v in statements.get(SKOS + "example", ()) for part in str(v.value).split(",")}
    elsewhere = {v.iri for p in (SKOS + "closeMatch", RDFS + "seeAlso") for v in statements.get(p, ()) if v.iri}
    said = {"synonyms": english, "synonyms_fr": french, "examples": listed - {""}, "alignments": elsewhere}
    return {field: tuple(sorted(values)) for field, values in said.items() if values}


def _texts(name: str, values: Iterable[Value]) -> dict[str, str]:
    """Return the English (or untagged) and the French text, each where given."""
    found: dict[str, str] = {}
    for value in sorted(values, key=lambda v: (v.language == "", str(v.value))):
        text = " ".join(str(value.value).split())
        if value.language.casefold().startswith("fr"):
            found.setdefault(f"{name}_fr", text)
        elif value.language == "" or value.language.casefold().startswith("en"):
            found.setdefault(name, text)
    return found
