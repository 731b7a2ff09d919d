"""Covariates equal brute force over the records before a moment, and nothing later can touch them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.covariates import Covariates, purchase_values
from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError, Market

CUT = pd.Timestamp("2024-04-10 12:00", tz="UTC")
KINDS = ("product", "category", "campaign")


def covariates_of(frames: dict[str, Any], kind: str = "product") -> Covariates:
    market = Market.from_frames(**frames)
    return Covariates(market, make_offers(market, kind))


def rows_at(seed: int, n: int, offers: int, until: pd.Timestamp) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random (customer, offer, time) no later than ``until``, some exactly there."""
    rng = np.random.default_rng(seed)
    back = rng.integers(0, 80 * 86_400_000_000, n) * (rng.random(n) < 0.8)
    return rng.integers(0, 40, n), rng.integers(0, offers, n), to_microseconds([until])[0] - back


def as_bytes(frame: pd.DataFrame) -> dict[str, bytes]:
    return {
        name: (column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column).to_numpy().tobytes()
        for name, column in frame.items()
    }


def disturb(frames: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Everything from CUT on shuffled, altered, dropped or repeated; everything before left alone."""
    changed = dict(frames)
    for table, time in (("events", "event_time"), ("solicitations", "sent_at"), ("feedback", "created_at")):
        frame = frames[table]
        late = frame[frame[time] >= CUT]
        late = late.iloc[rng.integers(0, len(late), rng.integers(0, 2 * len(late)))].reset_index(drop=True)
        late[time] = CUT + pd.to_timedelta(rng.integers(0, 100 * 86_400, len(late)), unit="s")
        for column in late.columns.difference([time, "text", "propensity", "quantity"]):
            late[column] = late[column].iloc[rng.permutation(len(late))].to_numpy()
        if table == "events":
            kinds = np.array(["view", "cart", "purchase"])
            bought = late["product_id"].notna()
            late.loc[bought, "event_type"] = rng.choice(kinds, int(bought.sum()))
            late["price"] = late["price"] * rng.uniform(0, 1e6, len(late))
        if table == "feedback":
            late["score"] = rng.uniform(-50, 50, len(late))
        if table == "solicitations":
            late["solicitation_id"] = np.arange(len(late)) + 10_000
        early = frame[frame[time] < CUT]
        changed[table] = pd.concat([late, early] if rng.random() < 0.5 else [early, late], ignore_index=True)
    people = frames["customers"].copy()
    later = (people["balance_at"] >= CUT).to_numpy()
    people.loc[later, "balance"] = rng.normal(size=int(later.sum()))
    people.loc[later, "balance_at"] = CUT + pd.Timedelta(days=1)
    people.loc[people["first_order"] >= CUT, "first_order"] = CUT + pd.Timedelta(days=9)
    changed["customers"] = people
    return changed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("listed", [True, False], ids=["listed prices", "paid prices"])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nothing_from_a_moment_on_changes_a_byte_of_what_was_known_at_it(draw_frames, kind, listed, seed):
    frames = draw_frames(seed % 3)
    if not listed:
        frames["products"] = frames["products"].drop(columns="price")
    covariates = covariates_of(frames, kind)
    disturbed = covariates_of(disturb(frames, np.random.default_rng(seed)), kind)
    rows = rows_at(seed, 200, len(covariates.offers), CUT)
    assert as_bytes(covariates.at(*rows)) == as_bytes(disturbed.at(*rows))
    assert covariates.roles == disturbed.roles


def test_the_disturbance_is_seen_one_moment_later(draw_frames):
    """The test above can fail: one microsecond after the cut the columns differ."""
    frames = draw_frames(0)
    changed = disturb(frames, np.random.default_rng(1))
    changed["events"].loc[changed["events"]["event_time"] >= CUT, "event_time"] = CUT
    changed["feedback"].loc[changed["feedback"]["created_at"] >= CUT, "created_at"] = CUT
    who, what, when = rows_at(0, 2000, 24, CUT)
    rows = who, what, np.full(len(when), to_microseconds([CUT])[0] + 1)
    same, other = as_bytes(covariates_of(frames).at(*rows)), as_bytes(covariates_of(changed).at(*rows))
    differing = {name for name in same if same[name] != other[name]}
    assert {"past_purchases", "offer_purchases", "past_spend", "recency_days", "popularity"} <= differing
    assert {"past_satisfaction", "past_views", "category_purchases"} <= differing


@pytest.mark.parametrize("kind", KINDS)
def test_columns_equal_brute_force(draw_frames, kind):
    covariates = covariates_of(draw_frames(4), kind)
    market, offers = covariates.market, covariates.offers
    who, what, when = rows_at(9, 60, len(offers), CUT)
    frame = covariates.at(who, what, when)
    events = market.events.assign(money=purchase_values(market), micro=to_microseconds(market.events["event_time"]))
    day = 86_400_000_000
    in_offer = [set(offers.link_products[offers.link_offers == code]) for code in range(len(offers))]
    codes = market.codes("events", "product_id")
    for row, (customer, offer, time) in enumerate(zip(who, what, when)):
        own = (events["customer_id"] == market.vocabulary.customers.ids[customer]) & (events["micro"] < time)
        recent = own & (events["micro"] >= time - 28 * day)
        about = np.isin(codes, list(in_offer[offer]))
        bought = events["event_type"] == "purchase"
        assert frame["past_purchases"][row] == (own & bought).sum()
        assert frame["recent_views"][row] == (recent & (events["event_type"] == "view")).sum()
        assert frame["past_visits"][row] == (own & (events["event_type"] == "visit")).sum()
        assert frame["past_opens"][row] == (own & (events["event_type"] == "open")).sum()
        assert frame["offer_purchases"][row] == (own & bought & about).sum()
        assert frame["past_spend"][row] == pytest.approx(events["money"][own & bought].sum())
        window = (events["micro"] < time) & (events["micro"] >= time - 84 * day)
        assert frame["popularity"][row] == (window & bought & about).sum()
        assert frame["quarter_purchases"][row] == (own & window & bought).sum()
        last = (
            events["micro"][own & bought].max() if (own & bought).any() else to_microseconds([market.time_span[0]])[0]
        )
        assert frame["recency_days"][row] == pytest.approx((time - last) / day)


def test_contacts_and_scores_equal_brute_force(draw_frames):
    covariates = covariates_of(draw_frames(5))
    market = covariates.market
    who, what, when = rows_at(2, 60, 4, CUT)
    frame = covariates.at(who, what, when)
    sent = market.solicitations.assign(micro=to_microseconds(market.solicitations["sent_at"]))
    said = market.feedback.assign(micro=to_microseconds(market.feedback["created_at"]))
    for row, (customer, offer, time) in enumerate(zip(who, what, when)):
        name = market.vocabulary.customers.ids[customer]
        own = (sent["customer_id"] == name) & (sent["micro"] < time)
        assert frame["past_contacts"][row] == own.sum()
        assert frame["contact_pressure"][row] == (own & (sent["micro"] >= time - 28 * 86_400_000_000)).sum()
        assert frame["offer_contacts"][row] == (own & (sent["product_id"] == f"p{offer:02d}")).sum()
        scores = said["score"][(said["customer_id"] == name) & (said["micro"] < time)]
        np.testing.assert_allclose(frame["past_satisfaction"][row], scores.mean() if len(scores) else np.nan)


def test_category_purchases_count_the_neighbours_of_the_offer(draw_frames):
    covariates = covariates_of(draw_frames(6))
    market = covariates.market
    who, what, when = rows_at(3, 40, 24, CUT)
    events = market.events[market.events["event_type"] == "purchase"].merge(market.products, on="product_id")
    micro = to_microseconds(events["event_time"])
    for row, found in enumerate(covariates.at(who, what, when)["category_purchases"]):
        same = events["category"] == market.products["category"][what[row]]
        own = events["customer_id"] == market.vocabulary.customers.ids[who[row]]
        assert found == (own & same & (micro < when[row])).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_holds_the_same_values_as_its_rows(draw_frames, kind):
    covariates = covariates_of(draw_frames(1), kind)
    who, what, time = np.array([7, 3, 39]), np.array([2, 0, 1]), int(to_microseconds([CUT])[0])
    rows = np.repeat(who, 3), np.tile(what, 3), np.full(9, time)
    pd.testing.assert_frame_equal(covariates.grid(who, what, time), covariates.at(*rows))


def test_an_attribute_counts_from_its_date_on(draw_frames):
    frames = draw_frames(2)
    frames["customers"].loc[0, ["balance", "balance_at"]] = [77.0, CUT]
    frames["customers"].loc[1, "balance_at"] = pd.NaT
    covariates = covariates_of(frames)
    micro = to_microseconds([CUT])[0]
    balance = covariates.at(np.array([0, 0, 1]), np.zeros(3, int), np.array([micro, micro + 1, micro]))["balance"]
    assert balance.isna().tolist() == [True, False, True]
    assert balance[1] == 77.0


def test_a_moment_becomes_its_age_in_days_once_it_is_past(draw_frames):
    frames = draw_frames(2)
    frames["customers"].loc[0, "first_order"] = CUT - pd.Timedelta(days=3)
    frames["customers"].loc[1, "first_order"] = CUT + pd.Timedelta(days=3)
    found = covariates_of(frames).at(np.array([0, 1]), np.zeros(2, int), np.full(2, to_microseconds([CUT])[0]))
    assert found["first_order"].tolist()[0] == 3.0
    assert np.isnan(found["first_order"][1])


def test_words_are_categories_with_the_levels_of_the_whole_table(draw_frames):
    covariates = covariates_of(draw_frames(0))
    found = covariates.at(np.array([0]), np.array([0]), to_microseconds([CUT]))["region"]
    assert list(found.cat.categories) == ["north", "south"]


def test_every_column_has_a_class_in_column_order(draw_frames):
    covariates = covariates_of(draw_frames(0))
    frame = covariates.at(*rows_at(0, 5, 24, CUT))
    assert list(covariates.roles) == list(frame.columns)
    assert covariates.roles["age"] == "Age"
    assert covariates.roles["recency_days"] == "Recency"


def test_attributes_of_products_vary_with_products_only(draw_frames):
    frames = draw_frames(0)
    frames["products"] = frames["products"].assign(size=np.arange(24.0))
    frames["roles"] = {"size": "immutable", "price": "Price"}
    rows = np.zeros(3, int), np.array([4, 0, 2]), to_microseconds([CUT, CUT, CUT])
    assert covariates_of(frames).at(*rows)["size"].tolist() == [4.0, 0.0, 2.0]
    assert "size" not in covariates_of(frames, "campaign").at(*rows)


def test_an_attribute_with_the_name_of_a_behaviour_is_refused(draw_frames):
    frames = draw_frames(0)
    frames["customers"] = frames["customers"].rename(columns={"age": "popularity"})
    frames["roles"] = {"popularity": "Age"}
    with pytest.raises(DataError, match="attribute popularity has the name of a column made from events; rename it"):
        _ = covariates_of(frames).roles


def test_the_columns_are_the_same_in_a_market_that_recorded_nothing(draw_frames):
    frames = draw_frames(0)
    quiet = frames | {"events": frames["events"].head(1), "feedback": None}
    rows = rows_at(0, 5, 24, CUT)
    assert list(covariates_of(quiet).at(*rows).columns) == list(covariates_of(frames).at(*rows).columns)


def test_a_purchase_is_worth_price_times_quantity_with_the_listed_price_as_fallback(draw_frames):
    frames = draw_frames(0)
    rows = {"event_time": "2024-03-01", "event_type": "purchase", "customer_id": 100, "product_id": "p00"}
    prices, quantities = [2.0, 3.0, None, None], [4, None, 2, None]
    frames["events"] = pd.DataFrame({**rows, "price": prices, "quantity": quantities})
    listed = frames["products"]["price"][0]
    values = purchase_values(Market.from_frames(**frames))
    np.testing.assert_allclose(values, [8.0, 3.0, 2 * listed, listed])
