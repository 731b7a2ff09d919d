"""Along which edges a trained encoder arrives at a product: an exact sum over the customer's own edges.

Hides the bookkeeping of layers. A light convolution has no transformations between layers, so a customer's vector is a
sum: its own start, and one term for each of its edges (what a bought, viewed or carted product passes on through it, in
every layer). Multiplied with the candidate's vector the terms add up to the score. Explainers of graph networks train a
mask for each question (Ying et al. 2019, GNNExplainer, as in torch_geometric.explain) and their answers differ from run
to run; here there is nothing to train.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.learning.encoder import Encoder
from graphrec.learning.encoders.relations import EncoderGraph, build_graph
from graphrec.learning.interactions import read_interactions
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

__all__ = ["EncoderPaths", "encoder_paths", "pair_codes", "training_graph"]


@dataclass(frozen=True, eq=False)
class EncoderPaths:
    """Terms of the score of one customer and product.

    Attributes
    ----------
    edges : pandas.DataFrame
        One row for each edge of the customer, the largest first: relation, product (identifier), weight.
    own : float
        What the customer's attributes and identity contribute without any edge.
    offset : float
        Bias and popularity of the product.
    score : float
        Their sum: the log share of the product but for a constant of the customer.
    """

    edges: pd.DataFrame
    own: float
    offset: float
    score: float


def pair_codes(market: Market, customer: object, product: object) -> tuple[int, int]:
    """Codes of a customer and a product, or `DataError` without either identifier in it."""
    who = int(market.vocabulary.customers.encode([customer])[0])
    what = int(market.vocabulary.products.encode([product])[0])
    if who < 0 or what < 0:
        wrong = "customer" if who < 0 else "product"
        raise DataError(f"the {wrong} is not known; take identifiers from the {wrong}s table")
    return who, what


def training_graph(encoder: Encoder, market: Market, offers: Offers) -> tuple[EncoderGraph, np.ndarray]:
    """The graph that an encoder was trained on, built again, and its start vectors; `DataError` for another market."""
    if encoder.start_vectors is None:
        raise DataError("the encoder was saved without its start vectors, so nothing can be traced; train it again")
    past = read_interactions(market).before(encoder.as_of)
    config = encoder.config
    graph = build_graph(market, offers, past, encoder.as_of, config.relations, config.half_life_days)
    if graph.n_nodes != len(encoder.start_vectors):
        raise DataError(
            f"the encoder was trained on another market: it has {len(encoder.start_vectors):,} nodes, this market "
            f"{graph.n_nodes:,}"
        )
    return graph, encoder.start_vectors


def encoder_paths(encoder: Encoder, market: Market, offers: Offers, customer: object, product: object) -> EncoderPaths:
    """Split the encoder's score over the customer's edges.

    Parameters
    ----------
    encoder : Encoder
        From `graphrec.learning.training.train_encoder`.
    market, offers : Market, Offers
        What it was trained on.
    customer, product : object
        Identifiers.

    Raises
    ------
    DataError
        Unknown identifier, an encoder saved without its start vectors, or another market.

    Notes
    -----
    A term is what arrives through the edge, from the product itself and, through it, from its other customers. It is
    no removal: without the edge the encoder would have been trained to other vectors.
    """
    who, what = pair_codes(market, customer, product)
    graph, vectors = training_graph(encoder, market, offers)
    layers = encoder.config.layers
    target = encoder.product_vectors[what, :-1].astype(np.float64)
    names = [name for name in graph.relations if name in encoder.relation_weights]
    matrices = {name: graph.relations[name].matrix() for name in names}
    messages = [vectors.astype(np.float32)]
    for layer in range(layers - 1):
        messages.append(_pass(matrices, encoder, messages[-1], layer))
    terms = []
    for name in names:
        relation = graph.relations[name]
        first, last = (int(relation.indptr[who + end]) for end in (0, 1))
        near = relation.indices[first:last].numpy().astype(np.int64)
        weight = relation.values[first:last].numpy().astype(np.float64)
        passed = sum(
            encoder.relation_weights[name][layer] * (messages[layer][near] @ target) for layer in range(layers)
        )
        terms += list(zip([name] * len(near), near - graph.n_customers, weight * passed / (layers + 1)))
    own = float(messages[0][who] @ target) / (layers + 1)
    offset = float(encoder.product_vectors[what, -1])
    edges = pd.DataFrame(terms, columns=["relation", "product", "weight"])
    score = own + offset + float(edges["weight"].sum())
    expected = float(encoder.customer_vectors[who].astype(np.float64) @ encoder.product_vectors[what])
    if abs(score - expected) > 1e-3 * max(1.0, abs(expected)):
        raise DataError("the encoder was trained on another market: its edges do not lead to its vectors")
    edges["product"] = market.vocabulary.products.decode(edges["product"].to_numpy(np.int64))
    order = np.argsort(-edges["weight"].abs().to_numpy(), kind="stable")
    return EncoderPaths(edges.iloc[order].reset_index(drop=True), own, offset, score)


def _pass(matrices: Mapping[str, Any], encoder: Encoder, vectors: np.ndarray, layer: int) -> np.ndarray:
    """Vectors after one more layer."""
    import torch

    before = torch.from_numpy(vectors)
    found = [encoder.relation_weights[name][layer] * (matrix @ before) for name, matrix in matrices.items()]
    return np.asarray(torch.stack(found).sum(dim=0).numpy())
