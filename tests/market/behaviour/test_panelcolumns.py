"""Variables of behaviour in the panel: the same as those of the database, as of each row's time, and blind to later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.market.behaviour.panelcolumns import BehaviourColumns, chosen_features
from graphrec.market.behaviour.runningsums import SUMS
from graphrec.market.clickstream.database import open_events
from graphrec.market.clickstream.generation import generate_events
from graphrec.market.clickstream.loading import ingest_events
from graphrec.market.features import FEATURE_ROLES, compute_features
from graphrec.market.history import to_microseconds
from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import DataError, Market

KEY = PseudonymKey(bytes(range(32)))
ZONE = "Europe/Paris"
MOMENTS = (datetime(2019, 10, 20, 22, tzinfo=UTC), datetime(2019, 11, 25, 23, tzinfo=UTC))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return generate_events(tmp_path_factory.mktemp("made"), 4_000, customers=120, products=50, rng=2).files


@pytest.fixture(scope="module")
def shop(files: tuple[Path, ...]) -> Market:
    """The same events as a market."""
    rows = pd.concat([pd.read_csv(file, dtype=str) for file in files], ignore_index=True)
    rows["category"] = rows["category_code"].fillna(rows["category_id"])
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": sorted(rows["user_id"].unique())}),
        products=rows.drop_duplicates("product_id")[["product_id", "category", "brand"]],
        solicitations=None,
        events=pd.DataFrame(
            {
                "event_time": rows["event_time"], "event_type": rows["event_type"], "customer_id": rows["user_id"],
                "product_id": rows["product_id"], "price": rows["price"].astype(float),
                "session_id": rows["user_session"],
            }
        ),
        time_zone=ZONE,
    )  # fmt: skip


def test_the_panel_and_the_database_mean_the_same(files: tuple[Path, ...], shop: Market, tmp_path: Path) -> None:
    ingest_events(files, tmp_path / "shop.duckdb", key=KEY, time_zone=ZONE, threads=1)
    ours = [str(name) for name in shop.vocabulary.customers.ids]
    columns = BehaviourColumns(shop, chosen_features("all"))
    with open_events(tmp_path / "shop.duckdb", threads=1) as database:
        for moment in MOMENTS:
            wanted = compute_features(database, as_of=moment).set_index("customer_id")
            known = [code for code, name in enumerate(ours) if KEY.customer(name) in wanted.index]
            assert len(known) == len(wanted) > 50
            time = to_microseconds([moment])[0]
            found = columns.at(np.array(known), np.full(len(known), time))
            wanted = wanted.loc[[KEY.customer(ours[code]) for code in known]].reset_index(drop=True)
            for name in FEATURE_ROLES:
                # An hour that straddles the border of 28 days counts as its last event does; elsewhere all agree. A
                # recency that never was is a time since the first record here, and missing there.
                same = np.isclose(found[name], wanted[name].astype(float), rtol=1e-9, atol=1e-9, equal_nan=True)
                if name.startswith("recency"):
                    same |= wanted[name].isna()
                assert same.mean() > 0.9 if "28" in name or name == "trend" else same.all(), name


@pytest.mark.parametrize("seed", [0, 1])
def test_no_column_knows_what_came_after(shop: Market, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut = pd.Timestamp(MOMENTS[0])
    later = (shop.events["event_time"] >= cut).to_numpy()
    assert later.sum() > 500
    events = shop.events.copy()
    for name in ("event_type", "customer_id", "product_id", "price", "session_id"):
        events.loc[later, name] = rng.permutation(events.loc[later, name].to_numpy())
    events.loc[later, "event_time"] += pd.to_timedelta(rng.integers(0, 10**6, int(later.sum())), unit="s")
    mixed = Market.from_frames(
        customers=shop.customers, products=shop.products, solicitations=None, events=events, time_zone=ZONE
    )
    customers = np.tile(np.arange(len(shop.customers)), 3)
    times = to_microseconds([cut])[0] - np.repeat([0, 1, 5 * 86_400_000_000], len(shop.customers))
    before, after = (BehaviourColumns(market, chosen_features("all")).at(customers, times) for market in (shop, mixed))
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    at_the_end = times + 40 * 86_400_000_000
    changed = [BehaviourColumns(market, ("events",)).at(customers, at_the_end) for market in (shop, mixed)]
    assert not changed[0].equals(changed[1])


@pytest.mark.slow
def test_the_model_uses_them_and_keeps_them(tmp_path: Path) -> None:
    market = graphrec.simulate_market(customers=120, products=10, periods=5, rng=0).market
    asked = ("trend", "days_between_sessions")
    plain, joined = (graphrec.build_panel(market, behaviour=names, rng=0) for names in ((), asked))
    assert set(joined.covariates) - set(plain.covariates) == {f"behaviour_{name}" for name in asked}
    assert joined.behaviour == asked[::-1] and joined.roles["behaviour_trend"] == FEATURE_ROLES["trend"]
    pd.testing.assert_frame_equal(joined.frame[plain.frame.columns], plain.frame)
    config = graphrec.RecommenderConfig(behaviour=list(asked))  # type: ignore[arg-type]
    model = graphrec.Recommender(config).fit(market, rng=0)
    scores = model.recommend(n=2)
    again = graphrec.load_recommender(model.save(tmp_path / "model"))
    assert again.config == config and again.panel.behaviour == model.panel.behaviour == asked[::-1]
    pd.testing.assert_frame_equal(again.recommend(n=2), scores)


def test_who_did_nothing_has_counts_of_zero(shop: Market) -> None:
    start = to_microseconds([shop.time_span[0]])[0]
    found = BehaviourColumns(shop, chosen_features("all")).at(np.array([0]), np.array([start]))
    assert (found[["events", "spend", "trend", "recency_days"]] == 0).all(axis=None)
    assert found[["cart_rate", "category_entropy"]].isna().all(axis=None)
    empty = Market.from_frames(
        customers=shop.customers, products=shop.products, solicitations=None, events=shop.events.iloc[:1]
    )
    assert len(BehaviourColumns(empty, chosen_features("all")).at(np.arange(5), np.full(5, start))) == 5


def test_unknown_variables_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="trendy"):
        chosen_features(["trendy"])
    with pytest.raises(DataError, match="'none', 'all'"):
        graphrec.RecommenderConfig(behaviour="some")


def test_every_sum_of_the_queries_has_a_running_one() -> None:
    import ibis

    from graphrec.market.behaviour.aggregates import Level, by_product, by_session, events_before, summaries

    events = events_before(MOMENTS[0].replace(tzinfo=None))
    means = ibis.table({"category": "int32", "mean_cents": "int64"}, name="means")
    parts = summaries(Level(by_session(events, MOMENTS[0]), by_product(events)), means)
    assert {name for part in parts.values() for name in part.columns} - {"customer"} == set(SUMS)
