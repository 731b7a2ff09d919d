"""The file itself, before OWL is read: is it RDF/XML, what does it import, and on which line does it say what.

Hides XML. The reader of OWL forgets line numbers and follows every import, over the network if need be; this first
pass keeps the lines for messages, and finds the imports so that only local files are ever opened.
"""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ontology.axioms import OntologyError

__all__ = ["Outline", "last_part", "outline_file"]

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
OWL: Final = "http://www.w3.org/2002/07/owl# "
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_INTEGERS: Final = ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger")
_NUMBERS: Final = ("decimal", "double", "float")


@dataclass
class Outline:
    """Where a file says what.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    content : bytes
        What it holds, read once.
    imports : list of (str, int)
        Each imported IRI with its line.
    lines : dict of tuple of str to int
        First line of a class ``(name,)``, of a statement ``(name, property)``, and of a statement about another
        class ``(name, property, other)``; names are the last parts of the IRIs. ``("members", name)`` is the line of
        an axiom without a name that lists a class.
    """

    path: Path
    content: bytes = b""
    imports: list[tuple[str, int]] = field(default_factory=list)
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def place(self, *statement: str) -> str:
        """Return file and line of a statement, of what it belongs to, or the file alone."""
        for length in range(len(statement), 0, -1):
            if statement[:length] in self.lines:
                return f"{self.path.name}, line {self.lines[statement[:length]]}"
        return self.path.name


def outline_file(path: Path) -> Outline:
    """Read a file once and note its imports and lines.

    Parameters
    ----------
    path : pathlib.Path
        A local RDF/XML file.

    Raises
    ------
    OntologyError
        When the file is missing, is not well-formed RDF/XML, or holds a number that is none; with the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OntologyError(
            f"cannot read the ontology {str(path)!r}: {error.strerror}. Give the path of a local .owl file in "
            "RDF/XML, or none for the packaged ontology."
        ) from None
    pass_ = _Pass(Outline(path, content))
    try:
        pass_.parser.Parse(content, True)
    except xml.parsers.expat.ExpatError as error:
        raise OntologyError(
            f"{path.name}, line {error.lineno}: not well-formed XML ({xml.parsers.expat.ErrorString(error.code)}). "
            "The ontology is an OWL file in RDF/XML; other syntaxes are to be saved as RDF/XML first."
        ) from None
    return pass_.outline


def last_part(iri: str) -> str:
    """Return the name at the end of an IRI.

    Examples
    --------
    >>> last_part("urn:graphrec:marketing#Age"), last_part("http://schema.org/Person"), last_part("#Age")
    ('Age', 'Person', 'Age')
    """
    path = iri.rstrip("#/")
    return path.rsplit("#" if "#" in path else "/", 1)[-1]


class _Pass:
    """One pass over the elements: a node, its properties, nodes in these, and so on."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.parser = xml.parsers.expat.ParserCreate(None, " ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self._open: list[str] = []
        self._node, self._node_line, self._text, self._datatype = "", 0, "", ""
        self._axiom: dict[str, str] = {}

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        line, depth = self.parser.CurrentLineNumber, len(self._open)
        self._open.append(tag)
        if depth == 0 and tag != RDF + "RDF":
            raise OntologyError(
                f"{self.outline.path.name}, line {line}: the file begins with <{tag.split(' ')[-1]}>, not with "
                "<rdf:RDF>. Save the ontology as RDF/XML."
            )
        if tag == OWL + "imports":
            self.outline.imports.append((attributes.get(RDF + "resource", ""), line))
        if depth == 1:
            about = attributes.get(RDF + "about") or attributes.get(RDF + "ID") or ""
            self._node, self._node_line, self._axiom = last_part(about), line, {}
            self._note(self._node)
        elif depth > 2 and not self._node and RDF + "about" in attributes:
            self._note("members", last_part(attributes[RDF + "about"]))
        elif depth == 2:
            self._text, self._datatype = "", attributes.get(RDF + "datatype", "")
            self._statement(tag, attributes.get(RDF + "resource", ""), line)

    def _statement(self, tag: str, resource: str, line: int) -> None:
        name = last_part(tag.rsplit(" ", 1)[-1])
        if tag.startswith(OWL + "annotated"):
            self._axiom[name] = last_part(resource)
        elif self._node:
            self._note(self._node, name, line=line)
            if resource:
                self._note(self._node, name, last_part(resource), line=line)

    def _end(self, tag: str) -> None:
        depth = len(self._open) - 1
        if depth == 2:
            self._check_number(tag.rsplit(" ", 1)[-1])
        elif depth == 1 and self._axiom:
            parts = ("annotatedSource", "annotatedProperty", "annotatedTarget")
            self._note(*(self._axiom.get(part, "") for part in parts), line=self._node_line)
        self._open.pop()

    def _characters(self, text: str) -> None:
        if len(self._open) == 3:
            self._text += text

    def _note(self, *statement: str, line: int | None = None) -> None:
        if all(statement):
            self.outline.lines.setdefault(statement, self._node_line if line is None else line)

    def _check_number(self, name: str) -> None:
        """Refuse a number that is none here, where the line is known."""
        kind = self._datatype.removeprefix(XSD) if self._datatype.startswith(XSD) else ""
        try:
            if kind in _INTEGERS:
                int(self._text)
            elif kind in _NUMBERS:
                float(self._text)
        except ValueError:
            line = self.parser.CurrentLineNumber
            raise OntologyError(
                f"{self.outline.path.name}, line {line}: {name} of {self._node or 'an axiom'} is {self._text!r}, "
                f"not an xsd:{kind}."
            ) from None
