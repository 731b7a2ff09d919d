"""Planted effects are what the truth says, and nothing else of the market changes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.market.panel import build_panel
from graphrec.market.simulation import PlantedMarket, plant_effects, simulate_market
from graphrec.market.tables import DataError, Market

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2024-01-01", tz="UTC")


@cache
def shop() -> Market:
    """Four hundred households, forty products and three campaigns of six to ten products each."""
    rng = np.random.default_rng(1)
    rate = rng.gamma(1.5, 1.0, 400)
    lines = rng.poisson(60 * rate)
    who = np.repeat(np.arange(400), lines)
    events = pd.DataFrame(
        {
            "event_time": START + pd.to_timedelta(rng.uniform(0, 300, len(who)), unit="D"),
            "event_type": "purchase",
            "customer_id": [f"h{number}" for number in who],
            "product_id": [f"p{number}" for number in rng.integers(0, 40, len(who))],
            "price": rng.gamma(2.0, 2.0, 400)[who] + rng.uniform(0.5, 1, len(who)),
            "quantity": 1.0,
            "shop": "west",
        }
    )
    redeemed = events.head(40).assign(event_type="redeem", product_id=None)
    sets = {"a": range(8), "b": range(8, 14), "c": range(10)}
    days = {"a": 100, "b": 150, "c": 220}
    campaigns = [{"campaign_id": name, "product_id": f"p{p}"} for name, products in sets.items() for p in products]
    sent = [
        {
            "solicitation_id": f"{name}-{h}",
            "customer_id": f"h{h}",
            "sent_at": START + days[name] * DAY,
            "channel": "mail" if h % 3 else "call",
            "campaign_id": name,
        }
        for name in sets
        for h in rng.choice(400, 160, replace=False)
    ]
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": [f"h{number}" for number in range(400)]}),
        products=pd.DataFrame({"product_id": [f"p{number}" for number in range(40)]}),
        solicitations=pd.DataFrame(sent),
        campaigns=pd.DataFrame(campaigns),
        events=pd.concat([events, redeemed]),
    )


@cache
def planted(**options: float) -> PlantedMarket:
    return plant_effects(shop(), **{"rng": 0, **options})  # type: ignore[arg-type]


def lines_after(plant: PlantedMarket) -> pd.DataFrame:
    """Lines of each (customer, campaign) in its window, from the tables alone, with the truth beside them."""
    market = plant.market
    bought = market.events.query("event_type == 'purchase'")[["event_time", "customer_id", "product_id"]].merge(
        market.campaigns[["campaign_id", "product_id"]], on="product_id"
    )
    starts = plant.truth.contacts.drop_duplicates("offer_id")[["offer_id", "sent_at"]]
    everyone = starts.merge(market.customers[["customer_id"]], how="cross")
    found = bought.merge(starts, left_on="campaign_id", right_on="offer_id")
    inside = (found["event_time"] >= found["sent_at"]) & (
        found["event_time"] < found["sent_at"] + plant.truth.horizon_days * DAY
    )
    count = found[inside].groupby(["customer_id", "offer_id"]).size().rename("lines")
    rows = everyone.join(count, on=["customer_id", "offer_id"]).fillna({"lines": 0.0})
    key = plant.truth.contacts.set_index(["customer_id", "offer_id"]).index
    rows["contacted"] = rows.set_index(["customer_id", "offer_id"]).index.isin(key)
    truth = plant.truth.of_rows(rows["customer_id"], rows["offer_id"], rows["sent_at"])
    return pd.concat([rows, truth], axis=1)


def test_customers_products_and_real_purchases_stay() -> None:
    before, after = shop(), planted().market
    pd.testing.assert_frame_equal(before.customers, after.customers)
    pd.testing.assert_frame_equal(before.products, after.products)
    pd.testing.assert_frame_equal(before.campaigns, after.campaigns)
    key = ["event_time", "customer_id", "product_id", "price", "shop"]
    real = before.events.query("event_type == 'purchase'")[key]
    kept = after.events.query("event_type == 'purchase'")[key].merge(real, on=key)
    assert len(kept) == len(real)
    extra = len(after.events) - len(real)
    assert extra == planted().truth.contacts["added_lines"].sum() > 50
    assert set(after.events["event_type"]) == {"purchase"}
    assert after.rejected.empty


def test_contacts_keep_the_real_moments_offers_and_numbers() -> None:
    before, after = shop().solicitations, planted().market.solicitations
    assert set(after["campaign_id"]) == set(before["campaign_id"])
    assert set(after["sent_at"]) == set(before["sent_at"])
    for campaign, group in after.groupby("campaign_id"):
        real = (before["campaign_id"] == campaign).sum()
        assert abs(len(group) - real) < 4 * np.sqrt(real)


def test_added_lines_match_their_expectation_and_stay_in_the_horizon() -> None:
    truth = planted(lift=3.0, horizon_days=20).truth
    told = truth.contacts["effect_lines"].sum()
    assert abs(truth.contacts["added_lines"].sum() - told) < 4 * np.sqrt(told)
    added = planted(lift=3.0, horizon_days=20).market.events.query("shop.isna()")
    links = shop().campaigns.groupby("campaign_id")["product_id"].agg(set)
    sent = truth.contacts.groupby("customer_id").agg(list)
    for row in added.head(200).itertuples():
        offers = sent.loc[row.customer_id]
        fits = [
            when < row.event_time < when + 20 * DAY and row.product_id in links[offer]
            for when, offer in zip(offers["sent_at"], offers["offer_id"])
        ]
        assert any(fits)


def test_lift_one_doubles_the_expected_lines() -> None:
    rows = lines_after(planted())
    outcome = lines_after(planted(lift=0.0))["lines"]
    assert rows["effect_lines"].mean() == pytest.approx(outcome.mean(), rel=0.15)
    np.testing.assert_allclose(lines_after(planted(lift=2.0))["effect_lines"], 2 * rows["effect_lines"], rtol=1e-5)


@pytest.mark.parametrize("selectivity", [0.0, 1.0])
def test_weighting_by_the_known_propensity_recovers_the_effect(selectivity: float) -> None:
    rows = lines_after(planted(lift=2.0, selectivity=selectivity))
    p, treated = rows["propensity"], rows["contacted"].to_numpy()
    score = rows["lines"] * np.where(treated, 1.0, -p / (1 - p))
    # The lines of other contacts are outcome too, so the target is the effect on those contacted.
    effect, told = score.sum() / treated.sum(), rows["effect_lines"][treated].mean()
    error = score.std() * np.sqrt(len(score)) / treated.sum()
    assert abs(effect - told) < 4 * error
    naive = rows["lines"][treated].mean() - rows["lines"][~treated].mean()
    if selectivity:
        assert naive > told + 2 * error


def test_effect_on_buying_counts_those_who_would_not_have_bought() -> None:
    plant = planted(lift=2.0)
    rows = lines_after(plant).merge(
        plant.truth.contacts[["customer_id", "offer_id", "added_lines", "effect"]],
        on=["customer_id", "offer_id"],
        suffixes=("", "_told"),
    )
    anyway = rows["lines"] - rows["added_lines"] > 0
    assert (rows.loc[anyway, "effect_told"] == 0).all()
    told = rows.loc[~anyway, "effect_told"]
    np.testing.assert_allclose(told, -np.expm1(-rows.loc[~anyway, "effect_lines"]), rtol=1e-4)
    hits = ((rows["added_lines"] > 0) & ~anyway).sum()
    assert abs(hits - told.sum()) < 4 * np.sqrt((told * (1 - told)).sum())
    assert plant.truth.effect == pytest.approx(rows["effect_told"].mean())


def test_lift_zero_plants_contacts_without_effect() -> None:
    plant = planted(lift=0.0)
    assert plant.truth.effect == 0 == plant.truth.effect_lines
    assert len(plant.market.events) == (shop().events["event_type"] == "purchase").sum()


def test_a_channel_can_have_a_lift_of_its_own() -> None:
    plant = plant_effects(shop(), lift={"mail": 2.0}, rng=0)
    table = plant.truth.by_channel.set_index("channel")
    assert table.loc["call", "effect_lines"] == 0 < table.loc["mail", "effect_lines"]
    only = plant_effects(shop(), channels=["mail"], rng=0)
    assert set(only.market.solicitations["channel"]) == {"mail"}


def test_the_best_buyers_are_not_the_most_persuadable() -> None:
    rows = lines_after(planted())
    past = shop().events.query("event_type == 'purchase'")["customer_id"].value_counts()
    appetite = rows["customer_id"].map(past).fillna(0)
    alike = lines_after(planted(heterogeneity=0.0))
    rank = rows["effect_lines"].rank().corr(appetite.rank())
    assert rank < 0.5 < alike["effect_lines"].rank().corr(appetite.rank())
    top = len(rows) // 10
    by_appetite = rows.loc[appetite.nlargest(top).index, "effect_lines"].mean()
    assert rows["effect_lines"].nlargest(top).mean() > 1.5 * by_appetite


def test_same_seed_same_bytes() -> None:
    first, again = (plant_effects(shop(), rng=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.truth.contacts, again.truth.contacts)
    pd.testing.assert_frame_equal(first.market.events, again.market.events)
    other = plant_effects(shop(), rng=5).truth.contacts
    assert len(other) != len(first.truth.contacts) or not other.equals(first.truth.contacts)


def test_propensity_is_logged_on_demand_only() -> None:
    assert planted().market.solicitations["propensity"].isna().all()
    logged = planted(log_propensity=True)
    sent = logged.truth.contacts
    np.testing.assert_array_equal(logged.market.solicitations["propensity"], sent["channel_propensity"])
    part = (sent["channel_propensity"] / sent["propensity"]).groupby(
        [sent["offer_id"], sent["sent_at"], sent["channel"]]
    )
    assert part.std().max() < 1e-12  # the channel is drawn whoever is contacted, so the channels share the probability
    assert part.first().groupby(["offer_id", "sent_at"]).sum().to_numpy() == pytest.approx(1.0)
    flat = planted(selectivity=0.0, propensity=0.25).truth.contacts["propensity"]
    assert flat.to_numpy() == pytest.approx(0.25)


def test_planting_at_product_level() -> None:
    plant = plant_effects(simulate_market(150, 20, 6, rng=0).market, lift=2.0, rng=0)
    assert plant.market.solicitations["product_id"].notna().all()
    panel = build_panel(plant.market, rng=0)
    decode = plant.market.vocabulary
    truth = plant.truth.of_rows(
        decode.customers.decode(panel.frame["customer"]),
        decode.products.decode(panel.frame["offer"]),
        panel.frame["decided_at"],
    )
    assert truth["propensity"].between(0, 1, inclusive="neither").all()
    assert (truth["effect"] >= 0).all() and truth["effect"].max() > 0


def test_refusals_name_the_remedy() -> None:
    with pytest.raises(ValueError, match="lift is -1"):
        plant_effects(shop(), lift=-1)
    with pytest.raises(ValueError, match=r"propensity is 1\.5"):
        plant_effects(shop(), propensity=1.5)
    with pytest.raises(DataError, match="this market has call, mail"):
        plant_effects(shop(), channels=["fax"])
    with pytest.raises(DataError, match="shorten horizon_days"):
        plant_effects(shop(), horizon_days=300)
    with pytest.raises(ValueError, match="nothing was planted"):
        planted().truth.of_rows(["h1"], ["a"], [START])
    empty = Market.from_frames(
        customers=shop().customers,
        products=shop().products,
        solicitations=shop().solicitations.head(0),
        events=shop().events,
    )
    with pytest.raises(DataError, match="no solicitations"):
        plant_effects(empty)


@pytest.mark.slow
def test_complete_journey_can_be_planted() -> None:
    folder = Path(__file__).parents[2] / "data" / "complete_journey"
    if not (folder / "market.toml").exists():
        pytest.skip("the sample of Complete Journey is not here")
    from graphrec.market.ingestion import read_market

    plant = plant_effects(read_market(folder), rng=0)
    table = plant.truth.by_channel.set_index("channel")
    assert {"Type A", "Type B", "Type C"} == set(table.index)
    assert table.loc["Type A", "effect_lines"] > 10 * table.loc["Type B", "effect_lines"] > 0
    assert 0.01 < plant.truth.effect < 0.3
