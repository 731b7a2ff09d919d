"""What the business knows: classes of variables, their order in time, which may cause which, and who may move them.

The package hides OWL, RDF and inheritance. A file goes in; plain dictionaries, sets and frozen dataclasses come
out, which :class:`causal.Knowledge` and a prescription accept as they are. It knows neither ``causal`` nor
``graphrec``. Names are imported on first use (PEP 562), so ``import ontology`` loads no reader of OWL.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ontology.axioms import OntologyError, Rule, VariableClass
    from ontology.domain import Ontology
    from ontology.lessons import Lesson, keep_lessons
    from ontology.levers import Lever
    from ontology.loader import load_ontology
    from ontology.matching import Match, Matches
    from ontology.rules import ColumnKnowledge

__all__ = [
    "ROLE_IMMUTABLE",
    "ColumnKnowledge",
    "Lesson",
    "Lever",
    "Match",
    "Matches",
    "Ontology",
    "OntologyError",
    "Rule",
    "VariableClass",
    "keep_lessons",
    "load_ontology",
]

ROLE_IMMUTABLE: Final = "immutable"
"""Role of an attribute that has no class but never changes: it is treated as a trait."""

_HOMES = {
    "ColumnKnowledge": "ontology.rules",
    "Lesson": "ontology.lessons",
    "Lever": "ontology.levers",
    "Match": "ontology.matching",
    "Matches": "ontology.matching",
    "Ontology": "ontology.domain",
    "OntologyError": "ontology.axioms",
    "Rule": "ontology.axioms",
    "VariableClass": "ontology.axioms",
    "keep_lessons": "ontology.lessons",
    "load_ontology": "ontology.loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ontology' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
