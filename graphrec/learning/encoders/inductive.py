"""Vectors of customers and products that a trained encoder has never met, without training it again.

Hides how learned parts are laid over another market, or the same one at a later moment: who was met keeps the learned
identity, whoever is new starts from attributes alone, and messages then flow along the edges known by now. So a
customer who signed up yesterday is told apart by attributes at once and by purchases from the first one on (Hamilton et
al. 2017 call such an encoder inductive).

Popularity is counted again; attributes keep the standardisation they were learned with. Relations that had no edges in
training have no learned weight and pass no messages. Alternative considered: training again for every new list, which
takes minutes where this takes a second, and moves the vectors of everybody else.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec.learning.appetites.smoothing import popularity_shares
from graphrec.learning.encoder import Encoder, EncoderConfig
from graphrec.learning.encoders.learned import Learned
from graphrec.learning.encoders.propagation import symmetric_product
from graphrec.learning.encoders.relations import EncoderGraph, build_graph
from graphrec.learning.hetero import as_microseconds, node_features, node_names
from graphrec.learning.interactions import Interactions, read_interactions
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["Weights", "embed_market", "embed_past"]

Floats = NDArray[np.float32]
Weights = dict[str, tuple[float, ...]]


def embed_market(encoder: Encoder, market: Market, offers: Offers, as_of: object) -> Encoder:
    """Give every customer and product of a market a vector, with the parts an encoder has learned.

    Parameters
    ----------
    encoder : Encoder
        Trained on the same business.
    market : Market
        The same market with new records, or another state of it with customers and products that were not there.
    offers : Offers
        Their kind decides what a contact is about.
    as_of : datetime-like, or int in microseconds
        Only events strictly before it are used.

    Returns
    -------
    Encoder
        Vectors in the order of this market's codes; ``new`` lists the nodes without a learned identity.

    Raises
    ------
    DataError
        ``as_of`` lies before the moment of training (the encoder knows what came later), or the market lacks an
        attribute that the encoder was trained with.

    Notes
    -----
    Assumes that names mean the same in both markets: a product number given again to another product brings the taste
    of the old one with it.
    """
    moment = as_microseconds(as_of)
    if moment < encoder.as_of:
        raise DataError(
            f"the encoder was trained on events up to {encoder.as_of} (microseconds) and knows what came after "
            f"{moment}; take a later moment, or train one on the events before it"
        )
    past = read_interactions(market).before(moment)
    weights = {name: tuple(values) for name, values in encoder.relation_weights.items()}
    return embed_past(market, offers, past, moment, encoder.learned, weights, encoder.config, encoder.history)


def embed_past(
    market: Market,
    offers: Offers,
    past: Interactions,
    as_of: int,
    learned: Learned,
    weights: Weights,
    config: EncoderConfig,
    history: tuple[float, ...],
) -> Encoder:
    """Vectors from learned parts and the interactions before a moment (already cut); see `embed_market`."""
    graph = build_graph(market, offers, past, as_of, config.relations, config.half_life_days)
    start, biases, new = _start(market, graph, learned, as_of, config.embedding_size)
    vectors = _propagate(graph, start, weights, config.layers)
    customers = vectors[: graph.n_customers]
    products = vectors[graph.n_customers : graph.n_customers + graph.n_products]
    offset = biases + np.log(popularity_shares(past.popularity())).astype(np.float32)
    return Encoder(
        customer_vectors=np.hstack([customers, np.ones((len(customers), 1), dtype=np.float32)]),
        product_vectors=np.hstack([products, offset[:, None]]),
        relation_weights=weights,
        config=config,
        as_of=as_of,
        history=history,
        learned=learned,
        start_vectors=start,
        new=new,
    )


def _start(
    market: Market, graph: EncoderGraph, learned: Learned, as_of: int, size: int
) -> tuple[Floats, Floats, dict[str, NDArray[np.int64]]]:
    """Vectors before any message, biases of products, and the nodes without an identity."""
    names = node_names(market)
    described = node_features(market, as_of, learned.designs)
    start = np.zeros((graph.n_nodes, size), dtype=np.float32)
    biases = np.zeros(graph.n_products, dtype=np.float32)
    new: dict[str, NDArray[np.int64]] = {}
    for kind, first in graph.first.items():
        met, places = learned.find(kind, names[kind])
        new[kind] = np.flatnonzero(~met)
        rows = start[first : first + len(met)]
        rows[met] = learned.identities[kind][places[met]] if met.any() else 0.0
        if kind in described:
            rows += (_aligned(described[kind][0]) @ _aligned(learned.projections[kind])).numpy()
        if kind == "product":
            biases[met] = learned.biases[places[met]]
    return start, biases, new


def _aligned(array: NDArray[np.float32]) -> torch.Tensor:
    """A tensor in memory of torch's own: numpy's may begin anywhere, and the last bit of a product depends on where."""
    return torch.from_numpy(array).clone()


@torch.no_grad()
def _propagate(graph: EncoderGraph, start: Floats, weights: Weights, layers: int) -> Floats:
    """Mean of the start vectors and those after each layer."""
    matrices = {name: relation.matrix() for name, relation in graph.relations.items() if name in weights}
    layer = _aligned(start)
    total = layer
    for step in range(layers):
        messages = [weights[name][step] * symmetric_product(matrix, layer) for name, matrix in matrices.items()]
        layer = torch.stack(messages).sum(dim=0) if messages else torch.zeros_like(layer)
        total = total + layer
    return np.asarray((total / (layers + 1)).numpy(), dtype=np.float32)
