"""All adjustment sets from which no column can be left out.

Hides the enumeration. In the moral graph over the ancestors of treatment and outcome, with every node that may not be
adjusted for replaced by edges between its neighbours, the minimal adjustment sets are the minimal separators (van der
Zander, Liśkiewicz & Textor 2019); they are listed from the treatment towards the outcome (Shen & Liang 1997), so the
next one never takes longer than a walk over the graph. Trying subsets in order of size was considered; it visits
2^n sets before it can say that there are no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from causal.formulas.backdoor import Question
from causal.graph import CausalGraph
from causal.graphs.bitgraph import BitGraph, ones, reach

__all__ = ["AdjustmentSets", "minimal_adjustment_sets"]


@dataclass(frozen=True)
class AdjustmentSets:
    """Minimal adjustment sets, the smallest first, then by name.

    Parameters
    ----------
    sets : tuple of tuple of str
        Each sorted by name. Empty where no set is valid.
    complete : bool
        Whether these are all; false when the limit cut the list.
    """

    sets: tuple[tuple[str, ...], ...]
    complete: bool

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.sets)

    def __len__(self) -> int:
        return len(self.sets)


def minimal_adjustment_sets(
    graph: CausalGraph, treatment: str, outcome: str, latent: Iterable[str] = (), limit: int = 1_000
) -> AdjustmentSets:
    """Return every valid adjustment set of which no part is valid.

    Parameters
    ----------
    graph : CausalGraph
        With directed, undirected and bidirected edges.
    treatment, outcome : str
        Two of its nodes.
    latent : iterable of str
        Nodes of the graph that are not observed.
    limit : int
        Sets to list at most; there can be exponentially many.

    Returns
    -------
    AdjustmentSets
        Empty and complete where no set is valid, or where the graph leaves open whether the treatment acts.

    Notes
    -----
    A smallest set is cheap to measure; the optimal set of :func:`causal.identify` gives narrower intervals.

    Examples
    --------
    >>> graph = CausalGraph("abxy", [("a", "x"), ("a", "b"), ("b", "y"), ("x", "y")])
    >>> minimal_adjustment_sets(graph, "x", "y").sets
    (('a',), ('b',))
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}; give the number of sets to list at most, 1 or more")
    question = Question.pose(graph, treatment, outcome, latent)
    if question.open_edge() is not None:
        return AdjustmentSets((), True)
    allowed = sum(1 << question.index[name] for name in question.allowed)
    ends = question.index[treatment], question.index[outcome]
    near = _moral_neighbours(question.criterion.cut[0], *ends)
    _eliminate(near, allowed | 1 << ends[0] | 1 << ends[1])
    found = list(_separators(near, *ends, limit + 1))
    named = [tuple(sorted(graph.nodes[node] for node in ones(bits))) for bits in found[:limit]]
    return AdjustmentSets(tuple(sorted(named, key=lambda names: (len(names), names))), len(found) <= limit)


def _moral_neighbours(graph: BitGraph, first: int, second: int) -> list[int]:
    """Return neighbours in the moral graph over the ancestors of two nodes; a latent cause marries like a parent."""
    inside = reach(graph.into, 1 << first | 1 << second)
    near = [0] * len(graph.out)
    done = 0
    for node in ones(inside):
        district = reach(graph.latent, 1 << node, ~inside)
        if done >> node & 1:
            continue
        done |= district
        members = district
        for member in ones(district):
            members |= graph.into[member]
        for member in ones(district):
            near[member] |= members & ~(1 << member)
        for parent in ones(members & ~district):
            near[parent] |= members & ~(1 << parent)
    return near


def _eliminate(near: list[int], kept: int) -> None:
    """Take out the nodes that may not be chosen, joining their neighbours."""
    for node, around in enumerate(near):
        if around and not kept >> node & 1:
            for other in ones(around):
                near[other] = (near[other] | around) & ~(1 << other | 1 << node)
            near[node] = 0


def _separators(near: list[int], first: int, second: int, limit: int) -> Iterator[int]:
    """Yield minimal separators of two nodes, from the one nearest to the first outwards."""
    if near[first] >> second & 1:
        return
    start = _close_to(near, 1 << first, second)
    seen, pending = {start}, [start]
    while pending and limit:
        separator = pending.pop()
        yield separator
        limit -= 1
        inner = reach(near, 1 << first, separator)
        for node in ones(separator & ~near[second]):
            following = _close_to(near, inner | 1 << node, second)
            if following not in seen:
                seen.add(following)
                pending.append(following)


def _close_to(near: list[int], inside: int, second: int) -> int:
    """Return the minimal separator nearest to a connected set: what borders on the far side of its neighbours."""
    border = 0
    for node in ones(inside):
        border |= near[node]
    far = reach(near, 1 << second, border & ~inside | inside)
    edge = 0
    for node in ones(far):
        edge |= near[node]
    return edge & ~far
