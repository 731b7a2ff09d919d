"""Vectors of customers, each as of a moment of its own: what an encoder says on a stream of decisions.

Hides trees. Propagation over the whole graph answers for one moment; here each asked customer gets a tree of
neighbours drawn with `graphrec.learning.sampling`, in which no edge is as late as its own moment, and messages flow up
the tree. With room for every neighbour the vector is the one that propagation over the graph of that moment gives; with
fewer it is an estimate of it: a drawn edge stands for as many as were passed over (Hamilton et al. 2017), and its noise
falls with the number drawn.

    e_l(i) = sqrt(d_i) * mean over drawn neighbours j of e_(l-1)(j) / sqrt(d_j)

Degrees are those of the moment too. Alternative considered: one graph for each moment, which for a thousand moments is
a thousand times the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.learning.encoder import Encoder
from graphrec.learning.encoders.relations import number_nodes, relation_edges
from graphrec.learning.hetero import TypedGraph, typed_graph
from graphrec.learning.sampling import Neighbours, draw_neighbours, index_neighbours
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["vectors_at"]

Longs = NDArray[np.int64]
Floats = NDArray[np.float32]


def vectors_at(
    encoder: Encoder,
    market: Market,
    offers: Offers,
    customers: ArrayLike,
    moments: ArrayLike,
    *,
    neighbours: int = 20,
    rng: int | np.random.Generator | None = None,
) -> Floats:
    """Vectors of customers, each from the edges strictly before its own moment.

    Parameters
    ----------
    encoder : Encoder
        Trained on, or embedded into, this market.
    market, offers : Market, Offers
        The history, which may go beyond the encoder's moment.
    customers : array_like, shape (n,), int
        Codes; one may be asked about at several moments.
    moments : array_like, shape (n,), int64
        Microseconds since 1970, none before the encoder's own: it knows what came until then.
    neighbours : int
        Most neighbours of each relation drawn for a node. Memory grows with its power of the number of layers.
    rng : int, Generator or None
        Seed of the draws.

    Returns
    -------
    numpy.ndarray, shape (n, d + 1), float32
        To be multiplied with ``encoder.product_vectors``, as ``encoder.customer_vectors`` are.

    Raises
    ------
    DataError
        A code does not exist, a moment lies before the encoder's, its edges fade, or it belongs to another market.
    """
    asked, when = np.asarray(customers, dtype=np.int64), np.asarray(moments, dtype=np.int64)
    _check(encoder, asked, when)
    end = int(when.max(initial=encoder.as_of))
    trees = _Trees.of(encoder, typed_graph(market, offers, end), neighbours, np.random.default_rng(rng))
    layers = trees.layers(asked, when, encoder.config.layers)
    return np.hstack([np.mean(layers, axis=0), np.ones((len(asked), 1), dtype=np.float32)]).astype(np.float32)


def _check(encoder: Encoder, asked: Longs, when: Longs) -> None:
    if encoder.start_vectors is None:
        raise DataError("the encoder was saved without its start vectors; train it again")
    if encoder.config.half_life_days is not None:
        raise DataError("edges that fade have another weight at each moment; embed the market at the moments instead")
    if len(asked) != len(when):
        raise DataError(f"there are {len(asked)} customers and {len(when)} moments; give one moment for each")
    if len(asked) and (asked.min() < 0 or asked.max() >= len(encoder.customer_vectors)):
        raise DataError(
            f"customers run from {asked.min()} to {asked.max()}; codes end at {len(encoder.customer_vectors) - 1}"
        )
    if len(when) and when.min() < encoder.as_of:
        raise DataError(
            f"moment {when.min()} lies before the encoder's own, {encoder.as_of}; train one that ends before"
        )


@dataclass(frozen=True, eq=False)
class _Trees:
    """Edges by relation, start vectors and weights of the relations."""

    graphs: dict[str, Neighbours]
    start: Floats
    weights: dict[str, tuple[float, ...]]
    most: int
    rng: np.random.Generator

    @classmethod
    def of(cls, encoder: Encoder, graph: TypedGraph, most: int, rng: np.random.Generator) -> _Trees:
        first, n_nodes = number_nodes(graph, encoder.config.relations)
        start = encoder.start_vectors
        if start is None or len(start) != n_nodes:
            raise DataError("the encoder belongs to another market; embed this one first (embed_market)")
        graphs = {}
        for name in encoder.relation_weights:
            left, right, edges = relation_edges(graph, name)
            sources, targets, times = _first_records(
                first[left] + edges.source, first[right] + edges.target, edges.time
            )
            graphs[name] = index_neighbours(
                np.concatenate([sources, targets]), np.concatenate([targets, sources]), n_nodes, np.tile(times, 2)
            )
        return cls(graphs, start, {name: tuple(w) for name, w in encoder.relation_weights.items()}, most, rng)

    def layers(self, nodes: Longs, moments: Longs, depth: int) -> list[Floats]:
        """Vectors of nodes after 0 to ``depth`` layers, each from edges before its moment."""
        found = [self.start[nodes]] + [np.zeros((len(nodes), self.start.shape[1]), dtype=np.float32)] * depth
        if not depth:
            return found
        found = [found[0]] + [layer.copy() for layer in found[1:]]
        for name, graph in self.graphs.items():
            places, edges = draw_neighbours(graph, nodes, self.most, before=moments, rng=self.rng)
            if not len(places):
                continue
            near, when = graph.sources[edges].astype(np.int64), moments[places]
            drawn = np.bincount(places, minlength=len(nodes))
            scale = np.sqrt(_degrees(graph, nodes, moments)) / np.maximum(drawn, 1)
            factor = (scale[places] / np.sqrt(_degrees(graph, near, when))).astype(np.float32)
            starts = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
            for layer, below in enumerate(self.layers(near, when, depth - 1)):
                found[layer + 1][places[starts]] += self.weights[name][layer] * np.add.reduceat(
                    factor[:, None] * below, starts, axis=0
                )
        return found


def _first_records(sources: Longs, targets: Longs, times: Longs) -> tuple[Longs, Longs, Longs]:
    """Each pair once, since its first record: an edge is there from then on."""
    order = np.lexsort((times, targets, sources))
    sources, targets, times = sources[order], targets[order], times[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (sources[1:] != sources[:-1]) | (targets[1:] != targets[:-1])
    return sources[new], targets[new], times[new]


def _degrees(graph: Neighbours, nodes: Longs, moments: Longs) -> Longs:
    """Number of edges of each node strictly before its moment: all binary searches at once."""
    first, high = graph.pointers[nodes], graph.pointers[nodes + 1].copy()
    low = first.copy()
    while (low < high).any():
        middle = (low + high) >> 1
        earlier = (low < high) & (graph.times[np.minimum(middle, len(graph.times) - 1)] < moments)
        low, high = np.where(earlier, middle + 1, low), np.where(earlier, high, np.minimum(middle, high))
    return np.asarray(low - first)
