from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.learning import training
from graphrec.learning.encoder import Encoder, EncoderConfig
from graphrec.learning.interactions import read_interactions
from graphrec.learning.training import Interrupted, train_encoder
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError

CUT = pd.Timestamp("2024-06-01", tz="UTC")
QUICK = EncoderConfig(embedding_size=8, epochs=7, patience=7, batch_size=256)


def _same(first: Encoder, second: Encoder) -> bool:
    return (
        first.history == second.history
        and first.customer_vectors.tobytes() == second.customer_vectors.tobytes()
        and first.product_vectors.tobytes() == second.product_vectors.tobytes()
    )


def _interrupt_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Ctrl-C in the middle of an epoch: inside the given step."""
    original, calls = training._loss, iter(range(10**6))

    def loss(*arguments):
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(training, "_loss", loss)


@pytest.mark.parametrize("call", [0, 10, 19])
def test_a_run_resumed_after_ctrl_c_gives_the_bytes_of_an_unbroken_one(
    tasted, tmp_path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    market = tasted(0).market
    offers = make_offers(market)
    whole = train_encoder(market, offers, CUT, QUICK, rng=3)
    with monkeypatch.context() as patched:
        _interrupt_at(patched, call)
        with pytest.raises(Interrupted, match="call again with the same checkpoint"):
            train_encoder(market, offers, CUT, QUICK, rng=3, checkpoint=tmp_path)
    assert json.loads((tmp_path / "checkpoint.json").read_text())["epoch"] < QUICK.epochs
    resumed = train_encoder(market, offers, CUT, QUICK, rng=3, checkpoint=tmp_path)
    assert _same(whole, resumed)
    assert not list(tmp_path.glob("*.part"))
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_an_interruption_without_a_checkpoint_says_that_nothing_is_kept(tasted, monkeypatch) -> None:
    market = tasted(0).market
    _interrupt_at(monkeypatch, 3)
    with pytest.raises(Interrupted, match="nothing is kept"):
        train_encoder(market, make_offers(market), CUT, QUICK, rng=3)


def test_the_seed_decides_and_global_randomness_is_untouched(tasted) -> None:
    market = tasted(0).market
    offers = make_offers(market)
    state, threads, legacy = torch.get_rng_state(), torch.get_num_threads(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = (train_encoder(market, offers, CUT, QUICK, rng=seed) for seed in (1, 1, 2))
    assert _same(first, second)
    assert not _same(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert np.array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002


def test_a_checkpoint_of_another_run_is_refused(tasted, tmp_path) -> None:
    market = tasted(0).market
    offers = make_offers(market)
    train_encoder(market, offers, CUT, QUICK, rng=1, checkpoint=tmp_path)
    with pytest.raises(DataError, match="another run"):
        train_encoder(market, offers, CUT, QUICK, rng=2, checkpoint=tmp_path)
    with pytest.raises(DataError, match="another run"):
        train_encoder(market, offers, CUT, replace(QUICK, distillation=0.1), rng=1, checkpoint=tmp_path)


def test_a_damaged_checkpoint_is_refused(tasted, tmp_path) -> None:
    market = tasted(0).market
    offers = make_offers(market)
    train_encoder(market, offers, CUT, QUICK, rng=1, checkpoint=tmp_path)
    tensors = next(tmp_path.glob("*.safetensors"))
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        train_encoder(market, offers, CUT, QUICK, rng=1, checkpoint=tmp_path)


def test_training_stops_early_and_keeps_the_best_epoch(tasted) -> None:
    market = tasted(0).market
    config = EncoderConfig(embedding_size=16, epochs=60, patience=3, learning_rate=0.05, batch_size=256)
    history = train_encoder(market, make_offers(market), CUT, config, rng=0).history
    assert len(history) < 60
    assert len(history) - 1 - int(np.argmax(history)) == 3


def test_the_softmax_over_drawn_products_learns_as_the_exact_one_does(tasted, log_score) -> None:
    made = tasted(2, customers=300)
    offers = make_offers(made.market)
    people = np.arange(300)

    def gain(negatives: int) -> float:
        config = EncoderConfig(embedding_size=8, batch_size=512, negatives=negatives)
        return log_score(train_encoder(made.market, offers, CUT, config, rng=0).log_shares(people), made.shares)

    popular = log_score(np.tile(np.log(read_interactions(made.market).popularity() + 1), (300, 1)), made.shares)
    exact, drawn = gain(1000), gain(12)
    assert drawn > popular + 0.6 * (exact - popular)


def test_the_encoder_beats_popularity_on_a_low_rank_market(tasted, log_score) -> None:
    margins = []
    for seed in range(3):
        made = tasted(seed, customers=300, views=True)
        config = EncoderConfig(embedding_size=16, batch_size=512)
        trained = train_encoder(made.market, make_offers(made.market), CUT, config, rng=seed)
        popular = np.log(read_interactions(made.market).popularity() + 1)
        ours = log_score(trained.log_shares(np.arange(300)), made.shares)
        margins.append(ours - log_score(np.tile(popular, (300, 1)), made.shares))
    assert min(margins) > 0.2


@pytest.mark.parametrize("how", ["deleted", "shuffled"])
def test_the_future_does_not_change_a_byte(tasted, changed_future, how: str) -> None:
    made = tasted(0, views=True)
    after = changed_future(made, CUT, how)
    first, second = (train_encoder(m, make_offers(m), CUT, QUICK, rng=0) for m in (made.market, after))
    assert _same(first, second)


def test_the_bar_goes_to_stderr(tasted, capsys) -> None:
    market = tasted(0).market
    train_encoder(market, make_offers(market), CUT, QUICK, rng=0, progress=True)
    assert capsys.readouterr().out == ""


def test_nothing_bought_is_refused(tasted) -> None:
    market = tasted(0).market
    with pytest.raises(DataError, match="nothing was bought"):
        train_encoder(market, make_offers(market), "2020-01-01", QUICK)
