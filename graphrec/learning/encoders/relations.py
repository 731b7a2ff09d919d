"""The graph an encoder passes messages on: one node numbering and one sparse matrix for each relation.

Hides where nodes of each type lie in one range (customers, products, categories, then whatever else the relations
reach), how a typed graph with contacts as nodes becomes relations between the rest, how edges fade with their age, and
how the edges of a batch of purchases are hidden from the step that learns from them: a pair's own edges, of every
relation, never explain it.

    weight of an edge = 2^(-age of its newest record / half-life)

Only ratios of weights matter: the normalisation by weighted degrees gives a customer whose records are all old the
same voice as any other. Alternative considered: one relation for each month, with learned weights. It multiplies the
products of every step by the number of months.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from graphrec.learning.encoders.propagation import Relation, make_relation
from graphrec.learning.hetero import ALWAYS, NODE_TYPES, Edges, EdgeType, TypedGraph, typed_graph
from graphrec.learning.interactions import SIGNALS, Interactions
from graphrec.market.offers import Offers
from graphrec.market.tables import Market

__all__ = ["RELATIONS", "EncoderGraph", "build_graph", "connect", "number_nodes", "relation_edges"]

RELATIONS: Mapping[str, tuple[EdgeType, ...]] = {
    **{kind: (("customer", kind, "product"),) for kind in SIGNALS},
    "category": (("product", "in", "category"),),
    "brand": (("product", "of", "brand"),),
    "campaign": (("product", "in", "campaign"),),
    "redeem": (("customer", "redeem", "campaign"),),
    "contact": (("solicitation", "about", "product"), ("solicitation", "about", "campaign")),
    "channel": (("solicitation", "through", "channel"),),
}
"""Relations of an encoder and the edges behind each; those of a solicitation link the customer it went to."""
_DAY = 86_400_000_000
_FADED = 60.0
"""Half-lives beyond which an edge fades no further: a weight of zero would divide by zero."""


@dataclass(frozen=True, eq=False)
class EncoderGraph:
    """Relations over all nodes as of a moment.

    Attributes
    ----------
    n_customers, n_products, n_nodes : int
        Customers are nodes 0.., products follow, categories and the other types come last.
    relations : dict of str to Relation
        Those with at least one edge.
    pairs : dict of str to numpy.ndarray
        Sorted keys ``customer * n_products + product`` of the edges of each relation between the two.
    present : torch.Tensor, shape (n_nodes, 1), float32
        One where a node has an edge to act by (always for categories and the like): it may have an identity.
    first : mapping of str to int
        First node of each type.
    """

    n_customers: int
    n_products: int
    n_nodes: int
    relations: dict[str, Relation]
    pairs: dict[str, np.ndarray]
    present: torch.Tensor
    first: Mapping[str, int] = field(default_factory=dict)

    def matrices(self, hidden: np.ndarray | None = None) -> list[torch.Tensor]:
        """One sparse matrix for each relation, without the edges of the hidden pairs (keys)."""
        return [relation.matrix(self._places(name, hidden)) for name, relation in self.relations.items()]

    def _places(self, name: str, hidden: np.ndarray | None) -> np.ndarray | None:
        if hidden is None or name not in self.pairs:
            return None
        keys = self.pairs[name]
        places = np.minimum(np.searchsorted(keys, hidden), len(keys) - 1)
        found: np.ndarray = places[keys[places] == hidden]
        return found


def build_graph(
    market: Market,
    offers: Offers,
    past: Interactions,
    as_of: int,
    wanted: tuple[str, ...],
    half_life_days: float | None = None,
) -> EncoderGraph:
    """Graph of the wanted relations of a market from the interactions before a moment (already cut)."""
    return connect(typed_graph(market, offers, as_of, past), wanted, as_of, half_life_days)


def connect(
    graph: TypedGraph, wanted: tuple[str, ...], as_of: int, half_life_days: float | None = None
) -> EncoderGraph:
    """Number the nodes and normalise the wanted relations.

    Parameters
    ----------
    graph : TypedGraph
        From `graphrec.learning.hetero.typed_graph` or ``from_hetero``; a relation it lacks is left out.
    wanted : tuple of str
        Names of `RELATIONS`.
    as_of : int
        Moment from which ages count, microseconds.
    half_life_days : float, optional
        Age at which an edge weighs half as much as a new one; without it all weigh the same.
    """
    links = {name: relation_edges(graph, name) for name in RELATIONS if name in wanted}
    found = {name: _distinct(*parts) for name, parts in links.items() if len(parts[2].time)}
    first, n_nodes = number_nodes(graph, wanted)
    n, m = graph.counts.get("customer", 0), graph.counts.get("product", 0)
    relations, pairs = {}, {}
    present = np.zeros((n_nodes, 1), dtype=np.float32)
    present[n + m :] = 1.0
    for name, (left, right, edges) in found.items():
        sources, targets = first[left] + edges.source, first[right] + edges.target
        relations[name] = make_relation(sources, targets, n_nodes, _weights(edges.time, as_of, half_life_days))
        if left == "customer":
            present[sources] = present[targets] = 1.0
        if (left, right) == ("customer", "product"):
            pairs[name] = edges.source * m + edges.target
    return EncoderGraph(n, m, n_nodes, relations, pairs, torch.from_numpy(present), first)


def number_nodes(graph: TypedGraph, wanted: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """First node of each type that some wanted relation may touch (categories always), and the number of nodes."""
    named = {end for name in wanted for edge_type in RELATIONS[name] for end in (edge_type[0], edge_type[2])}
    types = [kind for kind in NODE_TYPES if kind in named | {"customer", "product", "category"}]
    counts = [graph.counts.get(kind, 0) for kind in types]
    return dict(zip(types, np.concatenate([[0], np.cumsum(counts)]).tolist())), sum(counts)


def relation_edges(graph: TypedGraph, name: str) -> tuple[str, str, Edges]:
    """Edges of a relation with their end types; those of a solicitation begin at its customer."""
    for edge_type in RELATIONS[name]:
        if edge_type not in graph.edges:
            continue
        left, _, right = edge_type
        edges = graph.edges[edge_type]
        if left != "solicitation":
            return left, right, edges
        to = graph.edges["solicitation", "to", "customer"]
        receiver = np.full(graph.counts["solicitation"], -1, dtype=np.int64)
        receiver[to.source] = to.target
        customers = receiver[edges.source]
        known = customers >= 0
        return "customer", right, Edges(customers[known], edges.target[known], edges.time[known])
    empty = np.zeros(0, dtype=np.int64)
    return "customer", "product", Edges(empty, empty, empty)


def _distinct(left: str, right: str, edges: Edges) -> tuple[str, str, Edges]:
    """Each pair once, at its newest time, in the order of its ends."""
    order = np.lexsort((-edges.time, edges.target, edges.source))
    source, target, time = edges.source[order], edges.target[order], edges.time[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (source[1:] != source[:-1]) | (target[1:] != target[:-1])
    return left, right, Edges(source[new], target[new], time[new])


def _weights(times: np.ndarray, as_of: int, half_life_days: float | None) -> np.ndarray | None:
    """Weights in (0, 1]; an edge without a date does not age."""
    if half_life_days is None:
        return None
    age = np.where(times == ALWAYS, 0.0, (as_of - times.astype(np.float64)) / _DAY)
    return np.asarray(np.exp2(-np.clip(age / half_life_days, 0.0, _FADED)))
