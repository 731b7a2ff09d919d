from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.learning import appetite, filters
from graphrec.learning.appetite import Appetite, appetite_as_of, fit_appetite
from graphrec.learning.appetites import exponents, smoothing
from graphrec.learning.interactions import read_interactions
from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError, Market

CUT = pd.Timestamp("2024-06-01", tz="UTC")
START = pd.Timestamp("2024-01-01", tz="UTC")


def _rows(n: int, seed: int, customers: int = 150, products: int = 30) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    rng = np.random.default_rng(seed)
    times = START + pd.to_timedelta(rng.integers(30 * 86_400, 195 * 86_400, n), unit="s")
    return rng.integers(0, customers, n), rng.integers(0, products, n), pd.Series(times)


@pytest.mark.parametrize("how", ["deleted", "shuffled"])
@pytest.mark.parametrize("model", ["filter", "blend"])
def test_the_future_does_not_change_a_byte_of_the_past(tasted, changed_future, how: str, model: str) -> None:
    made = tasted(0, views=True)
    after = changed_future(made, CUT, how)
    customers, offers, times = _rows(400, 1)
    first, second = (
        appetite_as_of(m, make_offers(m), customers, offers, times, refit_days=40, model=model, rng=0)
        for m in (made.market, after)
    )
    before = (times <= CUT).to_numpy()
    assert first[before].tobytes() == second[before].tobytes()
    assert not np.array_equal(first[~before], second[~before])  # the test can fail: later rows do see the change


def test_a_row_is_scored_by_a_model_of_its_own_block(tasted) -> None:
    market = tasted(0).market
    offers = make_offers(market)
    customers, codes, times = _rows(300, 2)
    found = appetite_as_of(market, offers, customers, codes, times, refit_days=28)
    when = to_microseconds(times)
    blocks = (when - when.min()) // (28 * 86_400_000_000)
    assert len(np.unique(blocks)) > 4
    first = blocks == 0
    fitted = fit_appetite(market, offers, int(when.min()))
    assert found[first].tobytes() == fitted.score(customers[first], codes[first]).tobytes()


def test_rows_before_the_first_purchase_get_one_finite_low_score(tasted) -> None:
    market = tasted(0).market
    early = np.full(4, to_microseconds([START - pd.Timedelta(days=3)])[0])
    found = appetite_as_of(market, make_offers(market), np.arange(4), np.arange(4), early, model="encoder", rng=0)
    assert np.isfinite(found).all()
    assert np.ptp(found) < 1e-9
    assert found[0] < -5


@pytest.mark.parametrize("model", ["filter", "encoder", "blend"])
def test_appetite_beats_popularity_on_a_low_rank_market(tasted, log_score, model: str) -> None:
    margins = []
    for seed in range(3):
        made = tasted(seed, customers=300)
        fitted = fit_appetite(made.market, make_offers(made.market), "2024-07-18", model=model, rng=seed)
        popular = np.log(read_interactions(made.market).popularity() + 1)
        ours = log_score(fitted.matrix(np.arange(300)), made.shares)
        margins.append(ours - log_score(np.tile(popular, (300, 1)), made.shares))
    assert min(margins) > 0.05


def test_scores_are_the_cells_of_the_matrix_and_archives_keep_them(tasted, tmp_path) -> None:
    market = tasted(0).market
    for model in ("filter", "blend"):
        fitted = fit_appetite(market, make_offers(market), CUT, model=model, rng=0)
        customers, offers, _ = _rows(200, 3)
        matrix = fitted.matrix(np.arange(150))
        assert fitted.score(customers, offers) == pytest.approx(matrix[customers, offers], abs=1e-5)
        fitted.save(tmp_path / model)
        loaded = Appetite.load(tmp_path / model)
        assert loaded.matrix(np.arange(150)).tobytes() == matrix.tobytes()
        assert not list((tmp_path / model).glob("*.p*kl*"))


def test_large_catalogues_are_kept_too(tasted, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (filters, exponents, smoothing):
        monkeypatch.setattr(module, "DENSE_PRODUCTS", 5)
    market = tasted(0).market
    fitted = fit_appetite(market, make_offers(market), CUT)
    assert fitted.filter is not None
    assert fitted.filter.ease is not None
    assert fitted.filter.ease.nnz > 0
    fitted.save(tmp_path)
    people = np.arange(150)
    assert Appetite.load(tmp_path).matrix(people).tobytes() == fitted.matrix(people).tobytes()


def test_chunks_do_not_change_the_result(tasted, monkeypatch: pytest.MonkeyPatch) -> None:
    market = tasted(0).market
    fitted = fit_appetite(market, make_offers(market), CUT)
    customers, offers, _ = _rows(500, 4)
    whole, cells = fitted.matrix(np.arange(150)), fitted.score(customers, offers)
    monkeypatch.setattr(appetite, "_CHUNK_ENTRIES", 100)
    assert fitted.matrix(np.arange(150)) == pytest.approx(whole, abs=1e-6)
    assert fitted.score(customers, offers) == pytest.approx(cells, abs=1e-9)


@pytest.mark.parametrize("model", ["filter", "encoder"])
def test_categories_and_campaigns_get_the_sum_over_their_products(tasted, model: str) -> None:
    frames = dict(tasted(0).frames)
    sets = {"a": range(12), "b": range(8, 30), "c": [3]}
    frames["campaigns"] = pd.DataFrame(
        [(name, f"p{i}") for name, products in sets.items() for i in products], columns=["campaign_id", "product_id"]
    )
    frames["solicitations"] = frames["solicitations"].assign(campaign_id="a")
    market = Market.from_frames(**frames, roles={"age": "Age"})
    people = np.arange(150)
    by_product, by_campaign, by_category = (
        fit_appetite(market, make_offers(market, kind), CUT, model=model, rng=0).matrix(people)
        for kind in ("product", "campaign", "category")
    )
    expected = np.log(np.stack([np.exp(by_product[:, list(s)]).sum(axis=1) for s in sets.values()], axis=1))
    assert by_campaign == pytest.approx(expected, abs=1e-3)
    codes = pd.factorize(market.products["category"], sort=True)[0]
    expected = np.log(np.stack([np.exp(by_product[:, codes == k]).sum(axis=1) for k in range(2)], axis=1))
    assert by_category == pytest.approx(expected, abs=1e-3)


def test_somebody_without_a_history_gets_popularity(tasted) -> None:
    frames = dict(tasted(0).frames)
    frames["events"] = frames["events"][frames["events"]["customer_id"] != "c7"]
    frames["products"] = pd.concat(
        [frames["products"], pd.DataFrame({"product_id": ["new"], "category": ["k0"]})], ignore_index=True
    )
    market = Market.from_frames(**frames)
    fitted = fit_appetite(market, make_offers(market), CUT)
    cold, unknown = fitted.matrix(np.array([7, -1]))
    popular = np.log(fitted.popularity)
    assert cold - cold.mean() == pytest.approx(popular - popular.mean(), abs=1e-5)
    assert unknown - unknown.mean() == pytest.approx(popular - popular.mean(), abs=1e-5)
    assert cold.mean() < unknown.mean()  # somebody known not to buy against the mean customer
    assert np.isfinite(fitted.matrix(np.arange(150))).all()
    assert fitted.matrix(np.arange(150))[:, -1].max() < np.median(fitted.matrix(np.arange(150)))


def test_expected_purchases_add_up_to_what_was_bought(tasted) -> None:
    made = tasted(3, customers=300)
    fitted = fit_appetite(made.market, make_offers(made.market), CUT)
    bought = (made.market.events["event_time"] < CUT).sum()
    periods = (CUT - made.market.events["event_time"].min()) / pd.Timedelta(days=28)
    assert np.exp(fitted.matrix(np.arange(300))).sum() == pytest.approx(bought / periods, rel=0.02)


def test_permuting_customers_permutes_scores(tasted) -> None:
    made = tasted(0)
    market = made.market
    order = np.random.default_rng(0).permutation(150)
    frames = made.frames | {"customers": made.frames["customers"].iloc[order]}
    permuted = Market.from_frames(**frames)
    first = fit_appetite(market, make_offers(market), CUT).matrix(order)
    assert fit_appetite(permuted, make_offers(permuted), CUT).matrix(np.arange(150)) == pytest.approx(first, abs=1e-3)


def test_wrong_requests_are_refused_with_the_remedy(tasted, tmp_path) -> None:
    market = tasted(0).market
    offers = make_offers(market)
    with pytest.raises(DataError, match="'filter', 'encoder', 'blend'"):
        fit_appetite(market, offers, CUT, model="magic")
    with pytest.raises(DataError, match="nothing was bought"):
        fit_appetite(market, offers, "2020-01-01")
    with pytest.raises(DataError, match="refit_days"):
        appetite_as_of(market, offers, np.zeros(1, int), np.zeros(1, int), [CUT], refit_days=0)
    with pytest.raises(DataError, match="as long as"):
        appetite_as_of(market, offers, np.zeros(2, int), np.zeros(1, int), [CUT])
    fitted = fit_appetite(market, offers, CUT)
    with pytest.raises(DataError, match="offer code 30"):
        fitted.score(np.zeros(2, int), np.array([1, 30]))
    with pytest.raises(DataError, match="customer code 150"):
        fitted.matrix(np.array([150]))
    with pytest.raises(DataError, match="holds no saved appetite"):
        Appetite.load(tmp_path)
    assert appetite_as_of(market, offers, np.zeros(0, int), np.zeros(0, int), []).shape == (0,)
