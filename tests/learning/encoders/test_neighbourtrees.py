from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphrec.learning.encoder import EncoderConfig
from graphrec.learning.encoders.inductive import embed_market
from graphrec.learning.encoders.neighbourtrees import vectors_at
from graphrec.learning.training import train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError

CUT = pd.Timestamp("2024-04-01", tz="UTC")
DAY = 86_400_000_000
START = int(CUT.value // 1000)
QUICK = EncoderConfig(embedding_size=8, epochs=3, batch_size=512)


@pytest.fixture(scope="module")
def trained(tasted):
    made = tasted(0, views=True)
    offers = make_offers(made.market)
    return made, offers, train_encoder(made.market, offers, CUT, QUICK, rng=0)


def test_with_room_for_all_neighbours_a_vector_is_that_of_the_graph_cut_at_its_moment(trained) -> None:
    made, offers, encoder = trained
    customers, days = np.arange(0, 60), np.tile([0, 20, 75], 20)
    found = vectors_at(encoder, made.market, offers, customers, START + days * DAY, neighbours=10_000, rng=0)
    for day in (0, 20, 75):
        whole = embed_market(encoder, made.market, offers, START + day * DAY).customer_vectors
        rows = days == day
        assert found[rows] == pytest.approx(whole[customers[rows]], abs=1e-5)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), day=st.integers(0, 90), how=st.sampled_from(["deleted", "shuffled"]))
def test_nothing_from_after_the_decision_reaches_a_vector(trained, changed_future, seed: int, day: int, how) -> None:
    made, offers, encoder = trained
    moment = CUT + pd.Timedelta(days=day)
    after = changed_future(made, moment, how)
    asked, when = np.arange(40), np.full(40, int(moment.value // 1000))
    first, second = (
        vectors_at(encoder, market, offers, asked, when, neighbours=4, rng=seed) for market in (made.market, after)
    )
    assert first.tobytes() == second.tobytes()


def test_drawing_more_neighbours_comes_closer_to_all_of_them(trained) -> None:
    made, offers, encoder = trained
    asked, when = np.arange(150), np.full(150, START + 60 * DAY)
    whole = embed_market(encoder, made.market, offers, START + 60 * DAY).customer_vectors

    def error(neighbours: int) -> float:
        drawn = [
            vectors_at(encoder, made.market, offers, asked, when, neighbours=neighbours, rng=seed) for seed in range(3)
        ]
        return float(np.mean([np.abs(vectors - whole).mean() for vectors in drawn]))

    errors = [error(n) for n in (2, 8, 32)]
    assert errors[0] > 1.5 * errors[1] > 2.0 * errors[2]


def test_impossible_questions_are_refused(trained) -> None:
    made, offers, encoder = trained
    with pytest.raises(DataError, match="before the encoder's own"):
        vectors_at(encoder, made.market, offers, [0], [START - 1])
    with pytest.raises(DataError, match="codes end at 149"):
        vectors_at(encoder, made.market, offers, [150], [START])
    with pytest.raises(DataError, match="one moment for each"):
        vectors_at(encoder, made.market, offers, [0, 1], [START])
    fading = replace(encoder, config=replace(encoder.config, half_life_days=30.0))
    with pytest.raises(DataError, match="fade"):
        vectors_at(fading, made.market, offers, [0], [START])
