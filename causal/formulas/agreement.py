"""How far the bootstraps agree that a set of columns is valid to adjust for.

Hides the count. Edge shares cannot be multiplied into the validity of a set, because edges are found together, so each
bootstrap's own graph is asked, all of them at once (:class:`causal.graphs.ensemble.Ensemble`). An adjustment set that
is valid in 60 % of them rests on the edges that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from causal.formulas.criterion import Criterion
from causal.graph import CausalGraph, GraphError
from causal.graphs.bitgraph import BitGraph

if TYPE_CHECKING:
    from causal.graphs.ensemble import Ensemble
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
    from causal.graphs.ensemble import Ensemble

    given = {index[name] for name in chosen}
    ends = index[treatment], index[outcome]
    valid, unsure = _valid_in(Ensemble.unpack(graph.bootstraps), *ends, given)
    count = valid.bit_count() + sum(
        Criterion.pose(found, *ends, versions=1).accepts(sum(1 << node for node in given))
        for found in _bit_graphs(graph.bootstraps, unsure)
    )
    return count / graph.bootstraps.runs


def _valid_in(graphs: Ensemble, treatment: int, outcome: int, given: set[int]) -> tuple[int, int]:
    """Return the graphs in which a set is valid by :class:`Criterion`, and those it must be asked of one by one.

    The latter have open edges that no member of a class could have, as a search on data may leave them.
    """
    if given & {treatment, outcome}:
        return 0, 0
    after = graphs.possible_descendants(treatment)
    back = graphs.possible_ancestors(outcome, treatment)
    causal = {node: found for node in range(len(after)) if node != treatment and (found := after[node] & back[node])}
    later = graphs.possible_descendants(outcome)
    above = graphs.reach(graphs.into, treatment)
    invalid = 0
    for node in given:
        invalid |= after[node] | later[node] & ~above[node]
    for node, has in graphs.beside[treatment].items():
        invalid |= has & causal.get(node, 0)
    members, stuck = graphs.extended()
    blocked = members.without(treatment, causal).separated(treatment, outcome, given)
    return blocked & ~invalid & ~stuck, stuck & ~invalid


def _bit_graphs(resamples: Resamples, wanted: int) -> Iterator[BitGraph]:
    """Yield those graphs whose bit is set."""
    import numpy as np

    if not wanted:
        return
    width = resamples.width
    each = (width + 7) // 8
    for number, (steps, latent) in enumerate(resamples.matrices()):
        if not wanted >> number & 1:
            continue
        directed = steps & ~steps.T
        planes = np.stack([directed, directed.T, steps & steps.T, latent])
        packed = np.packbits(planes, axis=2, bitorder="little").tobytes()
        rows = [int.from_bytes(packed[at : at + each], "little") for at in range(0, len(packed), each)]
        yield BitGraph(*(rows[kind * width : (kind + 1) * width] for kind in range(4)))
