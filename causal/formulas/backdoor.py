"""Adjustment sets by name: the optimal one, one near the outcome, and whether a given one is valid.

Hides the step from names to the criterion and back, and the order in which sets are looked for. Among the valid sets
the optimal one leaves the smallest variance (Henckel, Perković & Maathuis 2022); where part of it is not observed, a
minimal separator close to the outcome takes its place (van der Zander, Liśkiewicz & Textor 2019). Adjusting for the
parents of the treatment was considered: valid too, but of the largest variance of all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from causal.formulas.criterion import Criterion, to_bits
from causal.graph import CausalGraph, GraphError
from causal.graphs.bitgraph import BitGraph, ones, reach
from causal.graphs.separation import DirectedView, directed_view

__all__ = ["Question", "descendants_of_treatment", "is_valid_adjustment", "nearest_set", "optimal_set"]

Pair = tuple[str, str]


@dataclass(frozen=True)
class Question:
    """An effect to identify, with the sets that every strategy needs.

    Parameters
    ----------
    graph : CausalGraph
        The graph asked about.
    treatment, outcome : str
        Two of its nodes.
    observed : frozenset of str
        Nodes that are not latent.
    index : mapping of str to int
        Number of each node.
    criterion : Criterion
        The same question over node numbers.
    """

    graph: CausalGraph
    treatment: str
    outcome: str
    observed: frozenset[str]
    index: Mapping[str, int]
    criterion: Criterion

    @classmethod
    def pose(cls, graph: CausalGraph, treatment: str, outcome: str, latent: Iterable[str] = ()) -> Question:
        """Check the names and sort the nodes.

        Raises
        ------
        GraphError
            When a name is not a node, treatment and outcome are one node or not observed, or the graph is of
            another library.
        """
        _check_graph(graph)
        unobserved = {latent} if isinstance(latent, str) else set(latent)
        _require_nodes(graph, [treatment, outcome, *unobserved])
        if treatment == outcome:
            raise GraphError(f"treatment and outcome are both {treatment!r}; name two different nodes")
        if {treatment, outcome} & unobserved:
            raise GraphError("treatment and outcome must be observed; take them out of latent")
        index = {name: i for i, name in enumerate(graph.nodes)}
        criterion = Criterion.pose(to_bits(graph, index), index[treatment], index[outcome])
        return cls(graph, treatment, outcome, frozenset(graph.nodes) - unobserved, index, criterion)

    @cached_property
    def causal(self) -> frozenset[str]:
        """Nodes on possibly causal paths, the outcome included, the treatment not."""
        return self.names(self.criterion.causal)

    @cached_property
    def forbidden(self) -> frozenset[str]:
        """What the treatment or the outcome may change."""
        return self.names(self.criterion.forbidden)

    @cached_property
    def allowed(self) -> frozenset[str]:
        """Observed nodes that may be adjusted for."""
        return self.observed - self.forbidden - {self.treatment, self.outcome}

    @property
    def settled(self) -> bool:
        """Whether the graph leaves no direction open."""
        return not self.graph.undirected_edges

    @cached_property
    def views(self) -> tuple[DirectedView, ...]:
        """Directed versions of the graph."""
        return tuple(self._view(member) for member in self.criterion.members)

    @cached_property
    def back_door_views(self) -> tuple[DirectedView, ...]:
        """Directed versions of the graph without the first edges of the causal paths."""
        return tuple(self._view(member) for member in self.criterion.cut)

    def open_edge(self) -> str | None:
        """Return the other end of an undirected edge at the treatment that may begin a causal path."""
        return next((self.graph.nodes[node] for node in ones(self.criterion.unsettled)), None)

    def blocks(self, chosen: Iterable[str]) -> bool:
        """Say whether a set blocks every path that is not causal."""
        return self.criterion.blocks(self.bits(chosen))

    def accepts(self, chosen: Iterable[str]) -> bool:
        """Say whether a set is observed and valid."""
        names = set(chosen)
        return names <= self.observed and self.criterion.accepts(self.bits(names))

    def open_path(self, chosen: Collection[str]) -> str:
        """Return a path that is not causal and that a set leaves open, in words; empty when there is none."""
        if self.blocks(chosen):
            return ""
        paths = (view.open_path(self.treatment, self.outcome, chosen) for view in self.back_door_views)
        return next((path for path in paths if path), "")

    def optimal(self) -> frozenset[str]:
        """Return the O-set, observed or not."""
        return self.names(self.criterion.optimal())

    def bits(self, names: Iterable[str]) -> int:
        """Return a set of nodes as bits."""
        return sum(1 << self.index[name] for name in set(names))

    def names(self, bits: int) -> frozenset[str]:
        """Return a set of nodes by name."""
        return frozenset(self.graph.nodes[node] for node in ones(bits))

    def _view(self, member: BitGraph) -> DirectedView:
        nodes = self.graph.nodes
        edges = [(nodes[a], nodes[b]) for a, row in enumerate(member.out) for b in ones(row)]
        return directed_view(self.graph, edges)


def is_valid_adjustment(
    graph: CausalGraph, treatment: str, outcome: str, adjustment: Iterable[str], latent: Iterable[str] = ()
) -> bool:
    """Say whether adjusting for a set of columns gives the total effect in every graph that is left open.

    Stricter than the criterion in one respect: no possible descendant of the treatment is ever accepted, nor one
    of the outcome.

    Parameters
    ----------
    graph : CausalGraph
        With directed, undirected and bidirected edges.
    treatment, outcome : str
        Two of its nodes.
    adjustment : iterable of str
        The set in question.
    latent : iterable of str
        Nodes of the graph that are not observed.

    Examples
    --------
    >>> graph = CausalGraph("wcvb", [("w", "c"), ("w", "b"), ("c", "v"), ("v", "b")])
    >>> is_valid_adjustment(graph, "c", "b", ["w"]), is_valid_adjustment(graph, "c", "b", ["w", "v"])
    (True, False)
    """
    chosen = set(adjustment)
    _require_nodes(graph, chosen)
    return Question.pose(graph, treatment, outcome, latent).accepts(chosen)


def descendants_of_treatment(graph: CausalGraph, treatment: str) -> tuple[str, ...]:
    """Return, sorted, every node that the treatment may change: never to be adjusted for."""
    _require_nodes(graph, [treatment])
    index = {name: i for i, name in enumerate(graph.nodes)}
    after = to_bits(graph, index).possible_descendants(1 << index[treatment])
    return tuple(sorted(name for name in graph.nodes if after >> index[name] & 1 and name != treatment))


def optimal_set(question: Question, tried: list[str]) -> frozenset[str] | None:
    """Return the O-set of Henckel 2022 when what is observed of it is valid; say in ``tried`` what came of it."""
    if not question.causal:
        tried.append("optimal adjustment set: there is no causal path, the effect is zero by the graph")
        return None
    optimal = question.optimal()
    hidden = ", ".join(sorted(optimal - question.allowed))
    observed = optimal & question.allowed
    if question.blocks(observed):
        tried.append("optimal adjustment set: valid" + (f" (without {hidden}, not observed)" if hidden else ""))
        return observed
    reason = f"{hidden} is not observed; " if hidden else ""
    tried.append(f"optimal adjustment set: {reason}leaves open {question.open_path(observed)}")
    return None


def nearest_set(question: Question, tried: list[str]) -> frozenset[str] | None:
    """Return a minimal separator close to the outcome, found among the ancestors of both ends."""
    criterion, allowed = question.criterion, question.bits(question.allowed)
    start, end = criterion.treatment, criterion.outcome
    for graph, view in zip(criterion.cut, question.back_door_views):
        widest = reach(graph.into, 1 << start | 1 << end) & allowed
        if not graph.separated(start, end, widest):
            path = view.open_path(question.treatment, question.outcome, question.names(widest))
            tried.append(f"any adjustment set: {path} stays open")
            return None
        smallest = graph.nearest_separator(end, start, widest)
        chosen = next((bits for bits in (smallest, widest) if criterion.blocks(bits)), None)
        if chosen is not None:
            tried.append("smallest adjustment set near the outcome: valid")
            return question.names(chosen)
    tried.append("any adjustment set: no set is valid in all directed versions of the graph")
    return None


def _check_graph(graph: object) -> None:
    if not isinstance(graph, CausalGraph):
        kind = type(graph).__name__
        raise GraphError(f"the graph is of type {kind}; make it one with causal.CausalGraph.from_networkx or .from_dot")


def _require_nodes(graph: CausalGraph, names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(graph.nodes))
    if unknown:
        raise GraphError(f"{unknown[:5]} are not nodes of the graph; its nodes are {list(graph.nodes[:12])}")
