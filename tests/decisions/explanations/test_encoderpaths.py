"""The terms of the encoder's score add up to it, edge by edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import graphrec
from graphrec.decisions.explanations.encoderpaths import encoder_paths
from graphrec.learning.encoder import Encoder, EncoderConfig
from graphrec.learning.training import train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError


@pytest.fixture(scope="module")
def trained():
    market = graphrec.simulate_market(customers=60, products=15, periods=5, rng=0).market
    offers = make_offers(market, "product")
    config = EncoderConfig(embedding_size=8, layers=2, epochs=2)
    return market, offers, train_encoder(market, offers, market.observed_until, config, rng=0)


def test_edges_add_up_to_the_score(trained):
    market, offers, encoder = trained
    customers, products = market.vocabulary.customers, market.vocabulary.products
    for who, what in ((0, 3), (17, 9)):
        customer, product = customers.decode(np.array([who]))[0], products.decode(np.array([what]))[0]
        found = encoder_paths(encoder, market, offers, customer, product)
        truth = float(encoder.customer_vectors[who] @ encoder.product_vectors[what])
        assert found.own + found.offset + found.edges["weight"].sum() == pytest.approx(truth, abs=1e-5)
        events = market.events[market.events["customer_id"] == customer]
        for relation in ("purchase", "view"):
            seen = set(events.loc[events["event_type"] == relation, "product_id"])
            assert set(found.edges.loc[found.edges["relation"] == relation, "product"]) == seen


def test_the_start_vectors_survive_storage(trained, tmp_path):
    _, _, encoder = trained
    encoder.save(tmp_path)
    np.testing.assert_array_equal(Encoder.load(tmp_path).start_vectors, encoder.start_vectors)


def test_other_data_is_refused(trained):
    market, offers, encoder = trained
    customer = market.vocabulary.customers.decode(np.array([0]))[0]
    product = market.vocabulary.products.decode(np.array([0]))[0]
    with pytest.raises(DataError, match="customer is not known"):
        encoder_paths(encoder, market, offers, "nobody", product)
    with pytest.raises(DataError, match="product is not known"):
        encoder_paths(encoder, market, offers, customer, "nothing")
    with pytest.raises(DataError, match="train it again"):
        encoder_paths(replace(encoder, start_vectors=None), market, offers, customer, product)
    other = graphrec.simulate_market(customers=60, products=16, periods=5, rng=1).market
    with pytest.raises(DataError, match="another market"):
        encoder_paths(encoder, other, make_offers(other, "product"), customer, product)
    same_size = graphrec.simulate_market(customers=60, products=15, periods=5, rng=2).market
    with pytest.raises(DataError, match="another market"):
        encoder_paths(encoder, same_size, make_offers(same_size, "product"), customer, product)
