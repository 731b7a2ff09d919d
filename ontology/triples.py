"""The triples of some RDF/XML files, read by owlready2.

Hides owlready2. Every reading has its own ``World`` in memory, closed afterwards, so that nothing leaks into the
default world of the process. Files are parsed one by one, because owlready2's own ``load`` fetches imports over the
network and runs Python modules that a file names. rdflib was considered: slower, and one more dependency.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ontology.axioms import OntologyError
from ontology.rdfxml import Outline, last_part

__all__ = ["Node", "Triples", "Value", "read_triples"]


@dataclass(frozen=True)
class Value:
    """Object of a triple: a name with its IRI, or a literal with its language."""

    value: Any
    iri: str = ""
    language: str = ""


Node = int | str
Triples = dict[Node, dict[str, list[Value]]]


def read_triples(outlines: Sequence[Outline]) -> Triples:
    """Parse the files into a world of their own; subjects are IRIs, or negative numbers for blank nodes."""
    import owlready2  # heavy, and only needed here

    world = owlready2.World()
    try:
        for index, outline in enumerate(outlines):
            _parse(world, f"urn:graphrec:file:{index}", outline)
        return _collect(world)
    finally:
        world.close()


def _parse(world: Any, iri: str, outline: Outline) -> None:
    import owlready2

    graph = world.get_ontology(iri + "#").graph
    try:
        # Not Ontology.load: it would follow imports over the network and import the Python modules a file names.
        graph.parse(io.BytesIO(outline.content), format="rdfxml", default_base=iri)
    except owlready2.OwlReadyOntologyParsingError as error:
        raise OntologyError(f"{outline.path.name}: owlready2 cannot read it: {error.args[-1]}") from None


def _collect(world: Any) -> Triples:
    found: Triples = defaultdict(lambda: defaultdict(list))
    iris: dict[int, str] = {}

    def name(node: int) -> Any:
        if node < 0:
            return node
        if node not in iris:
            iris[node] = world._unabbreviate(node)
        return iris[node]

    for subject, predicate, value, datatype in world._get_triples_spod_spod(None, None, None, None):
        if datatype is None:
            iri = name(value)
            held = Value(last_part(iri), iri) if isinstance(iri, str) else Value(iri)
        else:
            held = Value(value, "", datatype.removeprefix("@") if isinstance(datatype, str) else "")
        found[name(subject)][name(predicate)].append(held)
    return found
