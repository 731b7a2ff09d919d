"""Influence of training pairs against autograd, and against one real step on a pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import graphrec
from graphrec.decisions.explanations.trainingpairs import _State, training_influence
from graphrec.learning.encoder import EncoderConfig
from graphrec.learning.hetero import node_features
from graphrec.learning.training import train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError


@pytest.fixture(scope="module")
def trained():
    market = graphrec.simulate_market(customers=60, products=15, periods=5, rng=0).market
    offers = make_offers(market, "product")
    config = EncoderConfig(embedding_size=8, layers=2, epochs=3)
    return market, offers, train_encoder(market, offers, market.observed_until, config, rng=0)


def ids(market, who, what):
    return market.vocabulary.customers.decode(np.array([who]))[0], market.vocabulary.products.decode(np.array([what]))[
        0
    ]


def learned(encoder, market, state):
    """Log share of a pair as a function of the parameters, with gradients by autograd."""
    n, m = state.graph.n_customers, state.graph.n_products
    described = node_features(market, encoder.as_of, encoder.learned.designs)
    features = [torch.tensor(described[kind][0], dtype=torch.float64) for kind in ("customer", "product")]
    size = encoder.start_vectors.shape[1]
    identity = torch.zeros(encoder.start_vectors.shape, dtype=torch.float64, requires_grad=True)
    weights = [torch.zeros(part.shape[1], size, dtype=torch.float64, requires_grad=True) for part in features]
    bias = torch.zeros(m, dtype=torch.float64, requires_grad=True)
    start = torch.tensor(encoder.start_vectors, dtype=torch.float64)
    described = torch.cat([part @ own for part, own in zip(features, weights)])
    described = torch.nn.functional.pad(described, (0, 0, 0, len(start) - len(described)))
    layer = start + identity * torch.tensor(state.present) + described
    total = layer
    for mix in state.mixes:
        layer = torch.tensor(mix.toarray(), dtype=torch.float64) @ layer
        total = total + layer
    vectors = total / (len(state.mixes) + 1)

    def log_share(who, what):
        logits = vectors[n : n + m] @ vectors[who] + bias + torch.tensor(state.offset)
        return torch.log_softmax(logits, dim=0)[what]

    return log_share, [identity, *weights, bias]


def test_influence_is_the_inner_product_of_gradients(trained):
    market, offers, encoder = trained
    state = _State.of(encoder, market, offers)
    log_share, parameters = learned(encoder, market, state)
    who, what = 5, 7
    found = training_influence(encoder, market, offers, *ids(market, who, what))
    target = torch.autograd.grad(log_share(who, what), parameters, retain_graph=True)
    assert found.log_share == pytest.approx(log_share(who, what).item(), abs=1e-4)
    codes = market.vocabulary.products.encode(found.pairs["product"])
    for place in (0, 1, 12, len(found.pairs) - 1):
        row = found.pairs.iloc[place]
        own = torch.autograd.grad(log_share(int(row["customer"]), int(codes[place])), parameters, retain_graph=True)
        truth = sum((a * b).sum().item() for a, b in zip(target, own))
        assert row["influence"] == pytest.approx(truth, rel=2e-3, abs=1e-6)


def test_the_customers_own_purchase_of_the_product_teaches_most(trained):
    market, offers, encoder = trained
    state = _State.of(encoder, market, offers)
    key = int(state.targets[20])
    who, what = key // state.graph.n_products, key % state.graph.n_products
    found = training_influence(encoder, market, offers, *ids(market, who, what))
    first = found.pairs.iloc[0]
    assert first["own"] and first["product"] == ids(market, who, what)[1] and first["influence"] > 0
    assert len(found.pairs) == len(state.targets)
    assert found.by_product().sum() == pytest.approx(found.pairs.loc[found.pairs["own"], "influence"].sum())


def test_unknown_names_and_other_data_are_refused(trained):
    market, offers, encoder = trained
    customer, product = ids(market, 0, 0)
    with pytest.raises(DataError, match="customer is not known"):
        training_influence(encoder, market, offers, "nobody", product)
    with pytest.raises(DataError, match="train it again"):
        training_influence(replace(encoder, start_vectors=None), market, offers, customer, product)
    other = graphrec.simulate_market(customers=60, products=16, periods=5, rng=1).market
    with pytest.raises(DataError, match="another market"):
        training_influence(encoder, other, make_offers(other, "product"), customer, product)
