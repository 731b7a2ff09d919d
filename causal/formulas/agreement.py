"""How far the bootstraps agree that a set of columns is valid to adjust for.

Hides the count. Edge shares cannot be multiplied into the validity of a set, because edges are found together, so each
bootstrap's own graph is asked. An adjustment set that is valid in 60 % of them rests on the edges that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from causal.formulas.criterion import Criterion
from causal.graph import CausalGraph, GraphError
from causal.graphs.bitgraph import BitGraph

if TYPE_CHECKING:
    from causal.graphs.resamples import Resamples

__all__ = ["share_of_bootstraps"]


def share_of_bootstraps(graph: CausalGraph, treatment: str, outcome: str, adjustment: Iterable[str]) -> float | None:
    """Return the share of a graph's bootstraps in which adjusting for a set gives the total effect.

    Parameters
    ----------
    graph : CausalGraph
        As :func:`causal.discover` returns it.
    treatment, outcome : str
        Two of its nodes.
    adjustment : iterable of str
        The set in question.

    Returns
    -------
    float or None
        Between 0 and 1; None where the graph carries no bootstraps.

    Raises
    ------
    GraphError
        When a name is not a node.
    """
    index = {name: i for i, name in enumerate(graph.nodes)}
    names = {treatment, outcome, *(chosen := set(adjustment))}
    if not names <= index.keys():
        raise GraphError(f"{sorted(names - index.keys())[:5]} are not nodes of the graph")
    if graph.bootstraps is None or not graph.bootstraps.runs:
        return None
    given = sum(1 << index[name] for name in chosen)
    ends = index[treatment], index[outcome]
    valid = [Criterion.pose(found, *ends, versions=1).accepts(given) for found in _bit_graphs(graph.bootstraps)]
    return sum(valid) / len(valid)


def _bit_graphs(resamples: Resamples) -> Iterator[BitGraph]:
    import numpy as np

    width = resamples.width
    each = (width + 7) // 8
    for steps, latent in resamples.matrices():
        directed = steps & ~steps.T
        planes = np.stack([directed, directed.T, steps & steps.T, latent])
        packed = np.packbits(planes, axis=2, bitorder="little").tobytes()
        rows = [int.from_bytes(packed[at : at + each], "little") for at in range(0, len(packed), each)]
        yield BitGraph(*(rows[kind * width : (kind + 1) * width] for kind in range(4)))
