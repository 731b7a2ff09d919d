"""Explanations of a recommender's customers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphrec.decisions.explanation import (
    class_groups,
    contact_predictor,
    customer_rows,
    explain,
    explain_purchases,
)
from graphrec.decisions.recommender import Recommender
from graphrec.learning.appetite import Appetite
from graphrec.learning.encoder import EncoderConfig
from graphrec.learning.training import train_encoder
from graphrec.market.tables import DataError


def test_the_uplift_of_customers_is_explained_by_class(model):
    rows = customer_rows(model, n=6)
    predictor = contact_predictor(model)
    groups = class_groups(predictor.columns, model.panel.roles)
    usual = model.panel.frame.head(200)
    found = explain(predictor, rows, background=usual, groups=groups, draws=16, rng=0)
    assert found.additive
    assert set(found.features) == set(groups)
    scores = model.recommend(n=200, customers=[rows.index[0][0]], channels=[model.effects.channels[0]])
    own = scores[scores["product_id"] == rows.index[0][1]]["uplift"].iloc[0]
    assert found.prediction[0] == pytest.approx(own, abs=1e-6)


def test_past_purchases_explain_a_recommendation(model):
    rows = customer_rows(model, n=3)
    customer, product = rows.index[0]
    found = explain_purchases(model, customer)
    assert found.offer == product
    who = int(model.market.vocabulary.customers.encode([customer])[0])
    history = model.appetite.histories[[who]]
    assert len(found.appetite.features) == history.nnz
    assert np.isfinite(found.uplift.values).all()
    assert found.paths.products["share"].sum() == pytest.approx(1.0)
    assert set(found.paths.products["product"]) <= set(found.appetite.features)


def test_what_is_not_known_is_refused(model):
    customer = customer_rows(model, n=1).index[0][0]
    with pytest.raises(DataError, match="not known"):
        customer_rows(model, ["nobody"])
    with pytest.raises(DataError, match="not known"):
        explain_purchases(model, "nobody")
    with pytest.raises(DataError, match="is not known"):
        explain_purchases(model, customer, "nothing")
    with pytest.raises(DataError, match="was not learned"):
        contact_predictor(model, "pigeon")
    with pytest.raises(DataError, match="choose one of"):
        contact_predictor(model, what="profit")


def test_a_ready_made_table_has_no_past_purchases(unit_model):
    with pytest.raises(DataError, match="fitted on a table"):
        explain_purchases(unit_model, "u3")
    rows = customer_rows(unit_model, ["u3", "u5"])
    found = explain(contact_predictor(unit_model), rows, background=unit_model.panel.frame.head(200), rng=0)
    assert set(found.features) == {"wealth", "age", "city"}
    assert found.additive


@pytest.fixture(scope="module")
def encoded(model):
    """The same recommender with a briefly trained encoder as its appetite."""
    config = EncoderConfig(embedding_size=8, layers=2, epochs=1)
    offers = model.panel.offers
    encoder = train_encoder(model.market, offers, model.market.observed_until, config, rng=0)
    appetite = replace(model.appetite, model="encoder", filter=None, encoder=encoder)
    again = Recommender(model.config)
    again.restore(model.panel, model.graph, model.effects, model.market, appetite)
    return again


def test_the_encoder_inside_a_recommender_is_traced_and_split_over_edges(encoded):
    customer, product = customer_rows(encoded, n=1).index[0]
    found = explain_purchases(encoded, customer, product)
    assert found.appetite.method == "tracin" and found.uplift is None and found.paths is None
    events = encoded.market.events
    bought = events[(events["customer_id"] == customer) & (events["event_type"] == "purchase")]
    assert set(found.appetite.features) <= set(bought["product_id"])
    who, what = (
        index.encode([name])[0]
        for index, name in (
            (encoded.market.vocabulary.customers, customer),
            (encoded.market.vocabulary.products, product),
        )
    )
    vectors = encoded.appetite.encoder
    assert found.edges.score == pytest.approx(
        float(vectors.customer_vectors[who] @ vectors.product_vectors[what]), abs=1e-4
    )


def test_the_encoder_of_a_recommender_survives_storage(encoded, tmp_path):
    encoded.appetite.save(tmp_path)
    loaded = Appetite.load(tmp_path)
    customer = customer_rows(encoded, n=1).index[0][0]
    who = encoded.market.vocabulary.customers.encode([customer])
    np.testing.assert_array_equal(loaded.matrix(who), encoded.appetite.matrix(who))
    encoded.restore(encoded.panel, encoded.graph, encoded.effects, encoded.market, loaded)
    assert explain_purchases(encoded, customer).edges is not None
