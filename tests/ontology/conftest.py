"""Ontologies as small files, and as random trees of classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ontology import Ontology, load_ontology

HEAD = """<?xml version="1.0"?>
<rdf:RDF xmlns="urn:test#" xml:base="urn:test" xmlns:m="urn:graphrec:marketing#"
  xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
  xmlns:owl="http://www.w3.org/2002/07/owl#" xmlns:xsd="http://www.w3.org/2001/XMLSchema#">
"""  # the body begins on line 5


@pytest.fixture
def write_owl(tmp_path: Path) -> Callable[..., Path]:
    """Write a body of RDF/XML, which begins on line 5, to a file."""

    def write(body: str, name: str = "test.owl", head: str = HEAD) -> Path:
        path = tmp_path / name
        path.write_text(f"{head}{body}\n</rdf:RDF>\n", encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def marketing() -> Ontology:
    return load_ontology()
