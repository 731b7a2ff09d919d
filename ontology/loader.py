"""From an OWL file to an :class:`Ontology`, without a network and without Java.

Hides where the files are: imports are resolved here, to local files only, each file once. Fetching imports from
their IRIs, as OWL tools do, was rejected: what a plan rests on must not depend on a server.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ontology.axioms import OntologyError
from ontology.domain import Ontology
from ontology.rdfxml import Outline, outline_file
from ontology.statements import Facts
from ontology.triples import read_triples
from ontology.words import MARKETING_IRI

__all__ = ["OWN_ONTOLOGY", "load_ontology"]

OWN_ONTOLOGY: Final = "GRAPHREC_ONTOLOGY"
"""Environment variable with the path of an ontology of your own, used wherever none is named."""

_PACKAGED: Final = Path(__file__).with_name("marketing.owl")


def load_ontology(path: str | Path | None = None) -> Ontology:
    """Load the packaged ontology, or one of your own from a local file.

    Without a path, the file named by the environment variable ``GRAPHREC_ONTOLOGY`` is loaded where that is set: so
    what you wrote or confirmed is used by every step of a run.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        An OWL 2 file in RDF/XML. It may import ``urn:graphrec:marketing`` (the packaged ontology) and other local
        files, by a path relative to its own folder or a ``file:`` IRI. Annotation properties are recognised by the
        last part of their IRI: ``tier``, ``mayCause`` and so on.

    Returns
    -------
    Ontology
        Checked as a whole: no contradiction is left for later.

    Raises
    ------
    OntologyError
        When a file is missing or malformed (with the line), imports something that is not a local file, or says
        two things that contradict each other (both axioms are printed).

    Examples
    --------
    >>> known = load_ontology()
    >>> known.classes["Age"].group, known.tier("Age"), known.classes["Age"].exogenous
    ('trait', 0, True)
    """
    if path is not None:
        return _load(Path(path))
    own = os.environ.get(OWN_ONTOLOGY, "").strip()
    return _load(Path(own)) if own else _load_packaged(_PACKAGED.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _load_packaged(_: int) -> Ontology:
    """Load the packaged file once for each time it changed; an ontology cannot be changed by its readers."""
    return _load(_PACKAGED)


def _load(start: Path) -> Ontology:
    outlines = _gather(start)
    facts = Facts(read_triples(outlines), outlines)
    return Ontology(facts.declarations(), facts.rules(), disjoint=facts.disjoint(), name=start.name)


def _gather(start: Path) -> list[Outline]:
    """Outline a file and everything that it imports, each once."""
    outlines: dict[Path, Outline] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop(0)
        key = path.resolve()
        if key not in outlines:
            outlines[key] = outline_file(path)
            waiting += [_local(iri, path, line) for iri, line in outlines[key].imports]
    return list(outlines.values())


def _local(iri: str, importer: Path, line: int) -> Path:
    parts = urlsplit(iri)
    if iri.rstrip("#/") == MARKETING_IRI:
        return _PACKAGED
    if iri and parts.scheme in ("", "file") and not parts.netloc:
        found = importer.parent / unquote(parts.path)
        if found.is_file():
            return found
        raise OntologyError(f"{importer.name}, line {line}: imports {iri!r}, but there is no file {str(found)!r}.")
    raise OntologyError(
        f"{importer.name}, line {line}: imports {iri or 'something without rdf:resource'!r}. Only local files are "
        f"opened: save a copy beside the file and import it by its name, or import {MARKETING_IRI!r}."
    )
