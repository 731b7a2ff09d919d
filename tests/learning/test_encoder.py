from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.learning.encoder import Encoder, EncoderConfig, LightConvolution
from graphrec.learning.encoders.relations import build_graph
from graphrec.learning.interactions import read_interactions
from graphrec.learning.training import train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError, Market

CUT = pd.Timestamp("2024-06-01", tz="UTC")
QUICK = EncoderConfig(embedding_size=8, epochs=6, batch_size=512)


def _model(graph, config: EncoderConfig, features: int = 2) -> LightConvolution:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(n, features, generator=generator) for n in (graph.n_customers, graph.n_products)]
    return LightConvolution(graph.n_nodes, len(graph.relations), *made, config, generator)


def _graph(market: Market, relations: tuple[str, ...] = ("purchase", "view", "category")):
    return build_graph(market, make_offers(market), read_interactions(market), np.iinfo(np.int64).max, relations)


def test_forward_is_the_written_formula(tasted) -> None:
    graph = _graph(tasted(0, views=True).market)
    model = _model(graph, EncoderConfig(embedding_size=5, layers=2))
    with torch.no_grad():
        model.relation_logits.copy_(torch.tensor([[0.3, -0.2, 0.1], [0.0, 1.0, -1.0]]))
        found = model(graph.matrices(), graph.present).numpy()
        dense = [matrix.to_dense().numpy() for matrix in graph.matrices()]
        customers, products = (f.numpy() for f in model.features)
        described = np.vstack([customers @ model.project_customer.numpy(), products @ model.project_product.numpy()])
        layer = model.identity.numpy() * graph.present.numpy()
        layer[: len(described)] += described
        layers = [layer]
        for weights in torch.softmax(model.relation_logits, dim=1).numpy():
            layers.append(sum(w * a @ layers[-1] for w, a in zip(weights, dense)))
    assert found == pytest.approx(np.mean(layers, axis=0), abs=1e-5)


def test_a_hidden_pair_does_not_reach_its_own_score_directly(tasted) -> None:
    graph = _graph(tasted(0, views=True).market, ("purchase", "view"))
    keys = graph.pairs["purchase"][:50]
    for name, matrix in zip(graph.relations, graph.matrices(hidden=keys)):
        dense = matrix.to_dense()
        rows, columns = keys // graph.n_products, graph.n_customers + keys % graph.n_products
        assert dense[rows, columns].abs().max() == 0.0, name
        assert dense[columns, rows].abs().max() == 0.0, name
        assert (dense != 0).sum() > 0


def test_customers_nobody_knows_are_told_apart_by_attributes_alone(tasted) -> None:
    frames = dict(tasted(0).frames)
    people = frames["customers"]
    new = people.iloc[[0, 0, 1]].assign(customer_id=["n0", "n1", "n2"], age=[60.0, 60.0, 20.0], wealth=[2.0, 2.0, -2.0])
    frames["customers"] = pd.concat([people, new], ignore_index=True)
    market = Market.from_frames(**frames, roles={"age": "Age", "wealth": "Wealth"})
    vectors = train_encoder(market, make_offers(market), CUT, QUICK, rng=0).customer_vectors
    first, second, third = vectors[-3:]
    assert np.array_equal(first, second)
    assert not np.allclose(first, third)


def test_new_customers_are_predicted_better_than_by_popularity(tasted, log_score) -> None:
    margins = []
    for seed in range(3):
        made = tasted(seed, customers=400, purchases=12)
        frames = dict(made.frames)
        cold = set(frames["customers"]["customer_id"][-60:])
        frames["events"] = frames["events"][~frames["events"]["customer_id"].isin(cold)]
        market = Market.from_frames(**frames, roles={"age": "Age", "wealth": "Wealth"})
        trained = train_encoder(
            market, make_offers(market), CUT, EncoderConfig(embedding_size=16, batch_size=512), rng=0
        )
        people = np.arange(340, 400)
        popular = np.log(read_interactions(market).popularity() + 1.0)
        ours = log_score(trained.log_shares(people), made.shares[people])
        margins.append(ours - log_score(np.tile(popular, (60, 1)), made.shares[people]))
    assert min(margins) > 0.05


def test_log_shares_sum_to_one_and_the_archive_returns_the_same(tasted, tmp_path) -> None:
    market = tasted(0).market
    trained = train_encoder(market, make_offers(market), CUT, QUICK, rng=0)
    assert np.exp(trained.log_shares(np.arange(20))).sum(axis=1) == pytest.approx(np.ones(20), abs=1e-4)
    for unseen in (-1, 150):
        with pytest.raises(DataError, match=f"customer code {unseen} does not exist"):
            trained.log_shares(np.array([0, unseen]))
    trained.save(tmp_path)
    loaded = Encoder.load(tmp_path)
    assert loaded.config == trained.config
    assert loaded.relation_weights == trained.relation_weights
    assert np.array_equal(loaded.customer_vectors, trained.customer_vectors)
    assert np.array_equal(loaded.product_vectors, trained.product_vectors)


def test_an_encoder_of_another_version_is_refused(tasted, tmp_path) -> None:
    market = tasted(0).market
    train_encoder(market, make_offers(market), CUT, QUICK, rng=0).save(tmp_path)
    described = tmp_path / "encoder.json"
    saved = json.loads(described.read_text())
    described.write_text(json.dumps(saved | {"config": saved["config"] | {"heads": 4}}))
    with pytest.raises(DataError, match="settings heads are unknown"):
        Encoder.load(tmp_path)
    described.write_text(json.dumps({name: value for name, value in saved.items() if name != "designs"}))
    with pytest.raises(DataError, match="older version"):
        Encoder.load(tmp_path)
    for changed, words in (
        ({"embedding_size": 5}, r"embedding_size 5 beside vectors of"),
        ({"layers": 9}, "layers 9 beside weights of"),
        ({"relations": ["purchase"]}, "relations without"),
    ):
        described.write_text(json.dumps(saved | {"config": saved["config"] | changed}))
        with pytest.raises(DataError, match=words):
            Encoder.load(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"relations": ("view",)}, "purchase"),
        ({"relations": ("purchase", "likes")}, "likes"),
        ({"layers": 0}, "layers"),
        ({"identity_dropout": 1.0}, "identity_dropout"),
        ({"distillation": -0.1}, "distillation"),
        ({"loss": "hinge"}, "hinge"),
        ({"half_life_days": 0.0}, "half_life_days"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"weight_decay": -1.0}, "weight_decay is -1"),
        ({"epochs": 1.5}, "whole number"),
    ],
)
def test_impossible_settings_are_refused(wrong, message: str) -> None:
    with pytest.raises(DataError, match=message):
        EncoderConfig(**wrong)


def test_contacts_become_a_relation_only_on_request(tasted) -> None:
    market = tasted(0).market
    assert "contact" not in _graph(market).relations
    graph = _graph(market, ("purchase", "contact"))
    pairs = market.solicitations[["customer_id", "product_id"]].drop_duplicates()
    assert len(graph.pairs["contact"]) == len(pairs)
