from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.learning.appetite import fit_appetite
from graphrec.learning.encoder import Encoder, EncoderConfig
from graphrec.learning.encoders.inductive import embed_market
from graphrec.learning.encoders.learned import hash_names
from graphrec.learning.training import encode_market, train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError, Market

CUT = pd.Timestamp("2024-06-01", tz="UTC")
QUICK = EncoderConfig(embedding_size=8, epochs=6, batch_size=512)
ROLES = {"age": "Age", "wealth": "Wealth"}


def _without(frames: dict, cold: set[str]) -> Market:
    """The market as it was before some customers came."""
    kept = {
        name: frame[~frame["customer_id"].isin(cold)] if "customer_id" in frame else frame
        for name, frame in frames.items()
    }
    return Market.from_frames(**kept, roles=ROLES)


def _train(market: Market, config: EncoderConfig = QUICK) -> Encoder:
    return train_encoder(market, make_offers(market), CUT, config, rng=0)


def test_the_same_market_and_moment_give_the_same_bytes(tasted, tmp_path) -> None:
    market = tasted(0, views=True).market
    trained = _train(market)
    trained.save(tmp_path)
    for encoder in (trained, Encoder.load(tmp_path)):
        again = embed_market(encoder, market, make_offers(market), CUT)
        assert again.customer_vectors.tobytes() == trained.customer_vectors.tobytes()
        assert again.product_vectors.tobytes() == trained.product_vectors.tobytes()
        assert {kind: codes.tolist() for kind, codes in again.new.items()} == {
            kind: codes.tolist() for kind, codes in trained.new.items()
        }


def test_another_order_of_the_tables_permutes_the_vectors(tasted) -> None:
    made = tasted(0, views=True)
    trained = _train(made.market)
    order = np.random.default_rng(1).permutation(150)
    frames = dict(made.frames)
    frames["customers"] = frames["customers"].iloc[order].reset_index(drop=True)
    turned = Market.from_frames(**frames, roles=ROLES)
    found = embed_market(trained, turned, make_offers(turned), CUT)
    assert found.customer_vectors == pytest.approx(trained.customer_vectors[order], abs=1e-5)


def test_customers_who_came_after_training_are_predicted_better_than_by_popularity(tasted, log_score) -> None:
    config = EncoderConfig(embedding_size=16, batch_size=512)
    margins, gains = [], []
    for seed in range(3):
        made = tasted(seed, customers=400, purchases=12)
        cold = {f"c{i}" for i in range(340, 400)}
        trained = _train(_without(made.frames, cold), config)
        people = np.arange(340, 400)
        events = made.frames["events"]
        silent = Market.from_frames(**{**made.frames, "events": events[~events["customer_id"].isin(cold)]}, roles=ROLES)
        popular = np.tile(trained.product_vectors[:, -1], (60, 1))
        by_attributes, by_purchases = (
            embed_market(trained, market, make_offers(market), CUT) for market in (silent, made.market)
        )
        assert by_attributes.new["customer"].tolist() == people.tolist()
        attributes = log_score(by_attributes.log_shares(people), made.shares[people])
        margins.append(attributes - log_score(popular, made.shares[people]))
        gains.append(log_score(by_purchases.log_shares(people), made.shares[people]) - attributes)
    assert min(margins) > 0.05
    assert min(gains) > 0.05  # the first purchases speak at once, without training


def test_products_nobody_has_bought_are_told_apart_by_their_attributes(tasted) -> None:
    frames = dict(tasted(0).frames)
    rng = np.random.default_rng(0)
    frames["products"] = frames["products"].assign(weight=rng.normal(size=30))
    fresh = pd.DataFrame({"product_id": ["n0", "n1"], "category": ["k0", "k9"], "weight": [1.5, -1.5]})
    roles = {**ROLES, "weight": {"immutable": True}}
    trained = _train(Market.from_frames(**frames, roles=roles))
    grown = Market.from_frames(**{**frames, "products": pd.concat([frames["products"], fresh])}, roles=roles)
    found = embed_market(trained, grown, make_offers(grown), CUT)
    assert found.new["product"].tolist() == [*trained.new["product"], 30, 31]
    assert found.new["category"].tolist() == [2]
    assert np.isfinite(found.product_vectors).all()
    assert not np.allclose(found.product_vectors[30], found.product_vectors[31])


def test_an_encoder_that_knows_later_events_is_refused_and_trained_again(tasted) -> None:
    market = tasted(0).market
    offers, trained = make_offers(market), _train(tasted(0).market)
    earlier = int((CUT - pd.Timedelta(days=30)).value // 1000)
    with pytest.raises(DataError, match="knows what came after"):
        embed_market(trained, market, offers, earlier)
    again = encode_market(market, offers, earlier, trained, rng=0)
    assert again.as_of == earlier
    assert again.config == trained.config


def test_a_market_without_an_attribute_of_training_is_refused(tasted) -> None:
    made = tasted(0)
    frames = {**made.frames, "customers": made.frames["customers"].drop(columns="wealth")}
    poorer = Market.from_frames(**frames, roles={"age": "Age"})
    with pytest.raises(DataError, match="lacks the column 'wealth'"):
        embed_market(_train(made.market), poorer, make_offers(poorer), CUT)


def test_numbers_that_are_not_finite_count_as_missing(tasted) -> None:
    made = tasted(0)
    people = made.frames["customers"].copy()
    people.loc[[0, 1, 2], "age"] = [np.inf, -np.inf, np.nan]
    market = Market.from_frames(**{**made.frames, "customers": people}, roles=ROLES)
    for encoder in (_train(market), embed_market(_train(made.market), market, make_offers(market), CUT)):
        assert np.isfinite(encoder.customer_vectors).all()


def test_appetite_and_recommender_score_new_customers_with_the_encoder_they_have(tasted, monkeypatch) -> None:
    made = tasted(0)
    old = _without(made.frames, {f"c{i}" for i in range(140, 150)})
    trained = _train(old)
    from graphrec.learning import training

    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "train_encoder", refuse)
    found = fit_appetite(made.market, make_offers(made.market), CUT, "encoder", encoder=trained)
    people = np.arange(140, 150)
    assert np.isfinite(found.matrix(people)).all()
    assert not np.allclose(found.matrix(people)[0], found.matrix(np.array([-1]))[0])


def test_names_are_hashed_the_same_as_numbers_and_words() -> None:
    assert np.array_equal(hash_names(np.array([1, 20])), hash_names(np.array(["1", "20"], dtype=object)))
    assert len(np.unique(hash_names(np.arange(100_000)))) == 100_000
