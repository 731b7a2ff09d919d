from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import graphrec
from graphrec.learning.appetites.recipes import RECIPES

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the benchmarks are not installed

from benchmarks.accuracy import compare
from benchmarks.coldstart import cut_market
from benchmarks.scale import make_histories
from benchmarks.tasting.judging import judge
from benchmarks.tasting.tastes import Tastes, read_tastes


def _tastes() -> Tastes:
    """Six groups of taste; each customer's pairs cut in three."""
    rng = np.random.default_rng(0)
    same = (np.arange(150)[:, None] % 6) == (np.arange(60) % 6)
    bought = rng.random((150, 60)) < np.where(same, 0.8, 0.03)
    part = rng.integers(0, 5, (150, 60))
    train, validation, test = (
        sparse.csr_array((bought & chosen).astype(np.float32)) for chosen in (part < 3, part == 3, part == 4)
    )
    return Tastes("groups", 5, train, validation, train, sparse.csr_array(train + validation), test)


def test_every_row_is_printed_and_links_beat_popularity(capsys: pytest.CaptureFixture[str]) -> None:
    compare(_tastes(), 2, ["popular", "filter", "default", "likeness", "low-pass", "local ridge"])
    lines = capsys.readouterr().out.splitlines()
    gains = {line[:22].strip(): float(line[22:].split()[1]) for line in lines if "±" in line}
    assert list(gains) == [
        "popular",
        "filter",
        "default",
        "likeness",
        "low-pass",
        "local ridge",
        "quick mixture",
        "mixture of 3",
    ]
    assert min(gains["filter"], gains["mixture of 3"]) > gains["popular"] + 0.1


def test_a_model_of_another_is_not_judged_on_what_it_was_shown() -> None:
    tastes = _tastes()
    scorer = RECIPES["filter"](tastes.train)
    assert judge(scorer, tastes.train, tastes.train, 5).recall == 0.0
    assert judge(scorer, tastes.test, tastes.seen, 5).recall > 0.3


def test_parts_of_a_set_are_apart_and_together_whole(tmp_path) -> None:
    rng = np.random.default_rng(1)
    for folder in ("gowalla", "lastfm"):
        (tmp_path / folder).mkdir()
    for part in ("train", "test"):
        lines = [f"{who} {' '.join(map(str, rng.choice(30, 10, replace=False)))}" for who in range(20)]
        (tmp_path / "gowalla" / f"{part}.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    pairs = "\n".join(f"{who}\t{what}\t3.2e+05" for who in range(15) for what in rng.choice(30, 20, replace=False))
    (tmp_path / "lastfm" / "train.txt.gz").write_bytes(gzip.compress(pairs.encode()))
    for name, shares in (("gowalla", (7, 3)), ("lastfm", (16, 2))):
        tastes = read_tastes(name, tmp_path)
        assert tastes.train.multiply(tastes.validation).nnz == 0
        assert set(np.diff(tastes.train.indptr)) == {shares[0]}
        assert set(np.diff(tastes.validation.indptr)) == {shares[1]}
    with pytest.raises(FileNotFoundError, match="--data"):
        read_tastes("gowalla", tmp_path / "nowhere")


def test_made_histories_have_the_size_asked_for() -> None:
    histories = make_histories(2000, 300, 20_000, np.random.default_rng(0))
    assert histories.shape == (2000, 300)
    assert 5_000 < histories.nnz <= 20_000
    popularity = np.sort(np.asarray(histories.sum(axis=0)))[::-1]
    assert popularity[:30].sum() > 0.2 * popularity.sum()


def test_the_new_have_no_past_and_keep_their_future() -> None:
    market = graphrec.simulate_market(customers=80, products=20, rng=0).market
    cut = cut_market(market, np.random.default_rng(0))
    events = cut.market.events
    early = (events["event_time"] < cut.moment).to_numpy()
    customers, products = (cut.market.codes("events", name)[early] for name in ("customer_id", "product_id"))
    assert not np.isin(customers, cut.new_customers).any()
    assert not np.isin(products, cut.new_products).any()
    assert (~early).sum() == (market.events["event_time"] >= cut.moment).sum()
    assert cut.later.nnz > 0
    assert isinstance(cut.moment, pd.Timestamp)
