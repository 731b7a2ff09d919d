"""What causes what: from a table and what is known beforehand to a causal graph, an estimand and an effect.

The package hides every algorithm behind plain values: tables are pandas frames, knowledge is names and pairs
of names, graphs are :class:`CausalGraph`. It knows neither the ontology nor graphrec, so it serves people who
have no ontology, no Java and no torch. Names are imported on first use (PEP 562): ``import causal`` is free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causal.attribution import Attribution, attribute_outcome
    from causal.discovery import discover
    from causal.estimation import Effect, NoOverlap, estimate_effect
    from causal.formulas.minimalsets import minimal_adjustment_sets
    from causal.graph import CausalGraph
    from causal.identification import Estimand, NotIdentifiable, identify
    from causal.knowledge import Knowledge, KnowledgeError
    from causal.ladder import Ladder, evidence_ladder
    from causal.rediscovery import estimate_with_discovery
    from causal.refutation import Refutation, refute
    from causal.scm import StructuralModel, fit_scm

__all__ = [
    "Attribution",
    "CausalGraph",
    "Effect",
    "Estimand",
    "Knowledge",
    "KnowledgeError",
    "Ladder",
    "NoOverlap",
    "NotIdentifiable",
    "Refutation",
    "StructuralModel",
    "attribute_outcome",
    "discover",
    "estimate_effect",
    "estimate_with_discovery",
    "evidence_ladder",
    "fit_scm",
    "identify",
    "minimal_adjustment_sets",
    "refute",
]

_HOMES = {
    "Attribution": "causal.attribution",
    "CausalGraph": "causal.graph",
    "Effect": "causal.estimation",
    "Estimand": "causal.identification",
    "Knowledge": "causal.knowledge",
    "KnowledgeError": "causal.knowledge",
    "Ladder": "causal.ladder",
    "NoOverlap": "causal.estimation",
    "NotIdentifiable": "causal.identification",
    "Refutation": "causal.refutation",
    "StructuralModel": "causal.scm",
    "attribute_outcome": "causal.attribution",
    "discover": "causal.discovery",
    "estimate_effect": "causal.estimation",
    "estimate_with_discovery": "causal.rediscovery",
    "evidence_ladder": "causal.ladder",
    "fit_scm": "causal.scm",
    "identify": "causal.identification",
    "minimal_adjustment_sets": "causal.formulas.minimalsets",
    "refute": "causal.refutation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'causal' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
