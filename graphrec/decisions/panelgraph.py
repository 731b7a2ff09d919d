"""The causal graph of a panel's columns, discovered under what the ontology knows of them.

Hides the path from column roles to knowledge, and the cap on rows.
"""

from __future__ import annotations

import numpy as np

from causal.graph import CausalGraph
from causal.knowledge import Knowledge
from graphrec.market.panel import Panel
from ontology import load_ontology

__all__ = ["discover_graph"]


def discover_graph(
    panel: Panel, bootstraps: int, rng: np.random.Generator, *, progress: bool = False, rows: int = 20_000
) -> CausalGraph:
    """Causal graph of a panel under the ontology's knowledge of its columns.

    Notes
    -----
    At most ``rows`` rows (whole customers) are used: beyond that, independence tests find differences too small to
    matter.
    """
    from causal.discovery import discover

    part = panel.take(_whole_customers(panel.clusters, rows, rng))
    variables = part.variables
    roles = {column: panel.roles[column] for column in variables.columns}
    knowledge = Knowledge(**load_ontology().knowledge(roles))
    return discover(
        variables,
        knowledge=knowledge,
        bootstraps=bootstraps,
        weights=part.weights,
        clusters=part.clusters,
        rng=rng,
        progress=progress,
    )


def _whole_customers(clusters: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Mask of random whole customers with about the wanted number of rows."""
    customers, position, size = np.unique(clusters, return_inverse=True, return_counts=True)
    if len(clusters) <= rows:
        return np.ones(len(clusters), dtype=bool)
    order = rng.permutation(len(customers))
    kept = order[np.cumsum(size[order]) <= rows]
    return np.isin(position, kept)
