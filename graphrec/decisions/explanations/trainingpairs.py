"""Which purchases taught the trained encoder to recommend a product: TracIn in closed form.

Hides the gradients. TracIn (Pruthi et al. 2020) says how much a step on one training example z moved a prediction s,

    influence(z) = < grad s, grad log share(z) >,

over all parameters, summed over checkpoints; here at the one that was kept. A light convolution is linear in its start
vectors, so a gradient with respect to the parameters is the gradient with respect to the last vectors pulled back
through the layers, and the inner product needs two passes over the graph for *all* purchases at once:

    < P' G_z, K P' G_s > = < G_z, P K P' G_s >,     P = mean of the layers, K = what identities and attributes share.

Influence functions (Koh & Liang 2017) need the inverse of the Hessian at a minimum, where a model trained by Adam with
early stopping does not sit. Taking a purchase out and training again is what both approximate, at a training run each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.explanations.encoderpaths import pair_codes, training_graph
from graphrec.learning.encoder import Encoder
from graphrec.learning.encoders.relations import EncoderGraph
from graphrec.learning.hetero import node_features
from graphrec.learning.interactions import read_interactions, split_time
from graphrec.market.offers import Offers
from graphrec.market.tables import Market

__all__ = ["TrainingInfluence", "training_influence"]

Floats = NDArray[np.float64]
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class TrainingInfluence:
    """What each purchase that the encoder learned from did to one score.

    Attributes
    ----------
    pairs : pandas.DataFrame
        One row for each (customer, product) the encoder was trained on, the largest first: customer (code; no other
        customer's identifier belongs into an explanation), product (identifier), own (whether it is the customer's),
        influence (change of the log share of the product for a unit step on the pair).
    log_share : float
        What is explained.
    """

    pairs: pd.DataFrame
    log_share: float

    def by_product(self, *, own: bool = True) -> pd.Series:
        """Summed influence of each product's purchases, the customer's own or those of others."""
        part = self.pairs[self.pairs["own"] == own]
        summed = part.groupby("product", sort=False)["influence"].sum()
        return summed.sort_values(key=np.abs, ascending=False, kind="stable")


def training_influence(
    encoder: Encoder, market: Market, offers: Offers, customer: object, product: object
) -> TrainingInfluence:
    """Influence of every purchase that the encoder was trained on.

    Parameters
    ----------
    encoder : Encoder
        From `graphrec.learning.training.train_encoder`, or the one in an `Appetite`.
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
    Gradients are taken at the vectors that were kept, on the graph as of the end and with every edge in place; steps
    before, the moments of Adam and the weights of the relations are left out. So the figures rank purchases; they are
    no prediction of what training without one would give.
    """
    who, what = pair_codes(market, customer, product)
    state = _State.of(encoder, market, offers)
    shares = state.shares(np.array([who]))[0]
    bias = -shares
    bias[what] += 1.0
    gradient = np.zeros_like(state.last)
    gradient[state.at(np.arange(state.graph.n_products))] = bias[:, None] * state.last[who]
    gradient[who] += bias @ state.products
    pulled = state.forward(state.kernel(state.backward(gradient)))
    keys = state.targets
    customers, products = keys // state.graph.n_products, keys % state.graph.n_products
    pairs = pd.DataFrame(
        {
            "customer": customers,
            "product": market.vocabulary.products.decode(products),
            "own": customers == who,
            "influence": state.inner(customers, products, pulled, bias),
        }
    )
    order = np.argsort(-pairs["influence"].abs().to_numpy(), kind="stable")
    return TrainingInfluence(pairs.iloc[order].reset_index(drop=True), float(np.log(shares[what])))


@dataclass(frozen=True, eq=False)
class _State:
    """The encoder's layers and vectors as of the end."""

    graph: EncoderGraph
    mixes: list[Any]
    last: Floats
    products: Floats
    offset: Floats
    features: tuple[Floats, Floats]
    present: Floats
    targets: NDArray[np.int64]

    @classmethod
    def of(cls, encoder: Encoder, market: Market, offers: Offers) -> _State:
        from scipy import sparse

        graph, config = training_graph(encoder, market, offers)[0], encoder.config
        names = [name for name in graph.relations if name in encoder.relation_weights]
        matrices = {
            name: sparse.csr_array(
                (relation.values.numpy(), relation.indices.numpy(), relation.indptr.numpy()), shape=(relation.n,) * 2
            )
            for name, relation in graph.relations.items()
        }
        mixes = [
            sum(encoder.relation_weights[name][layer] * matrices[name] for name in names)
            for layer in range(config.layers)
        ]
        bought = read_interactions(market).before(encoder.as_of).of_kind("purchase")
        cut = split_time(bought.times, encoder.as_of, config.validation_days)
        early = bought.before(cut) if len(bought.before(cut)) else bought
        described = node_features(market, encoder.as_of, encoder.learned.designs)
        customers = encoder.customer_vectors[:, :-1].astype(np.float64)
        products = encoder.product_vectors[:, :-1].astype(np.float64)
        last = np.zeros((graph.n_nodes, customers.shape[1]))
        last[: len(customers)], last[len(customers) : len(customers) + len(products)] = customers, products
        return cls(
            graph,
            mixes,
            last,
            products,
            encoder.product_vectors[:, -1].astype(np.float64),
            (described["customer"][0].astype(np.float64), described["product"][0].astype(np.float64)),
            graph.present.numpy().astype(np.float64),
            np.unique(early.customers.astype(np.int64) * graph.n_products + early.products),
        )

    def at(self, products: NDArray[np.int64]) -> NDArray[np.int64]:
        """Nodes of products."""
        return self.graph.n_customers + products

    def shares(self, customers: NDArray[np.int64]) -> Floats:
        """Share of each product for customers, shape (n, products)."""
        logits = self.last[customers] @ self.products.T + self.offset
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def forward(self, start: Floats) -> Floats:
        """Vectors after the layers, P start."""
        layer = total = start
        for mix in self.mixes:
            layer = mix @ layer
            total = total + layer
        return np.asarray(total / (len(self.mixes) + 1))

    def backward(self, gradient: Floats) -> Floats:
        """Gradient with respect to the start vectors, P' gradient."""
        found = gradient
        for mix in reversed(self.mixes):
            found = gradient + mix @ found  # each mix is symmetric, their product is not
        return np.asarray(found / (len(self.mixes) + 1))

    def kernel(self, gradient: Floats) -> Floats:
        """What a step on the start vectors' gradient does to them: through identities and through attributes."""
        found = gradient * self.present
        first = 0
        for features in self.features:
            rows = slice(first, first + len(features))
            found[rows] += features @ (features.T @ gradient[rows])
            first += len(features)
        return found

    def inner(self, customers: NDArray[np.int64], products: NDArray[np.int64], pulled: Floats, bias: Floats) -> Floats:
        """Inner product of the gradient of each pair's log share with a pulled one, shape (pairs,)."""
        found = np.empty(len(customers))
        by_product = pulled[self.at(np.arange(self.graph.n_products))]
        step = max(1, _CHUNK // self.graph.n_products)
        for start in range(0, len(customers), step):
            who, what = customers[start : start + step], products[start : start + step]
            shares = self.shares(who)
            found[start : start + step] = (
                np.einsum("ij,ij->i", self.products[what] - shares @ self.products, pulled[who])
                + np.einsum("ij,ij->i", by_product[what] - shares @ by_product, self.last[who])
                + bias[what]
                - shares @ bias
            )
        return found
