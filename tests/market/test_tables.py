"""A market keeps what it was given, codes its identifiers once and cuts days where its customers live."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec.market.tables import EVENT_TYPES, DataError, IdIndex, Market, Role


def event(time: str, kind: str = "visit", customer: object = 1, product: object = None) -> dict[str, object]:
    return {"event_time": time, "event_type": kind, "customer_id": customer, "product_id": product}


def contact(time: str, number: int = 1, **more: object) -> dict[str, object]:
    return {"solicitation_id": number, "customer_id": 1, "sent_at": time, "channel": "mail", **more}


def make_market(events=(), contacts=(), **changed) -> Market:
    tables = {
        "customers": pd.DataFrame({"customer_id": [1, 2], "wealth": [1.0, 2.0]}),
        "products": pd.DataFrame({"product_id": ["p", "q"]}),
        "solicitations": pd.DataFrame(contacts) if contacts else None,
        "events": (pd.DataFrame(events) if events else None) if isinstance(events, list | tuple) else events,
    }
    return Market.from_frames(**(tables | changed))


def test_a_role_is_a_class_the_word_immutable_or_a_table():
    assert Role.parse("wealth", "Wealth") == Role("Wealth")
    assert Role.parse("zip", "immutable") == Role(immutable=True)
    assert Role.parse("b", {"class": "AccountBalance", "date": "at"}) == Role("AccountBalance", "at")
    assert Role.parse("b", Role("Age")) == Role("Age")


@pytest.mark.parametrize(
    "value", ["", 7, {}, {"klass": "Age"}, {"immutable": False}, {"class": 3}, {"immutable": "no"}]
)
def test_a_role_that_says_nothing_is_refused(value):
    with pytest.raises(DataError, match=r"role of .wealth. is .*write a class name"):
        Role.parse("wealth", value)


def test_codes_are_positions_and_unknown_is_minus_one():
    index = IdIndex(["b", "a", "b", None])
    assert list(index.ids) == ["b", "a"]
    assert len(index) == 2
    assert index.encode(["a", "b", "c", None]).tolist() == [1, 0, -1, -1]
    assert list(index.decode([1, 0])) == ["a", "b"]
    assert index.encode(["a"]).dtype == np.int32


def test_whole_numbers_that_a_gap_made_floats_are_whole_again():
    index = IdIndex(pd.Series([8.0, np.nan, 13.0]))
    assert index.ids.dtype == np.int64
    assert index.encode(pd.Series([13.0, np.nan])).tolist() == [1, -1]
    assert IdIndex([0.5, 1.0]).ids.tolist() == [0.5, 1.0]


def test_tables_that_were_not_given_are_empty_with_their_columns():
    market = make_market([event("2024-03-01")])
    assert len(market.solicitations) == 0
    assert {"solicitation_id", "sent_at", "channel", "product_id", "propensity"} <= set(market.solicitations.columns)
    assert {"customer_id", "channel", "granted", "changed_at"} <= set(market.consents.columns)
    assert str(market.solicitations["sent_at"].dtype) == "datetime64[us, UTC]"


def test_rows_are_sorted_by_time_and_ties_keep_their_order():
    rows = [event("2024-03-02", customer=1), event("2024-03-01", customer=2), event("2024-03-02", customer=2)]
    market = make_market(rows)
    assert market.events["customer_id"].tolist() == [2, 1, 2]
    assert isinstance(market.events.index, pd.RangeIndex)


def test_the_frames_given_are_not_changed():
    frame = pd.DataFrame([event("2024-03-02"), event("2024-03-01")])
    before = frame.copy(deep=True)
    make_market(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_codes_are_computed_once_and_not_carried_to_another_market():
    market = make_market([event("2024-03-01", customer=2), event("2024-03-02", customer=1)])
    assert market.codes("events", "customer_id").tolist() == [1, 0]
    assert market.codes("events", "customer_id") is market.codes("events", "customer_id")
    later = replace(market, events=market.events.iloc[1:].reset_index(drop=True))
    assert later.codes("events", "customer_id").tolist() == [0]


def test_campaign_identifiers_stay_whole_beside_solicitations_without_one():
    campaigns = pd.DataFrame({"campaign_id": [8, 13], "product_id": ["p", "q"]})
    contacts = [contact("2024-03-01", 1, campaign_id=13), contact("2024-03-02", 2, campaign_id=None)]
    market = make_market(contacts=contacts, campaigns=campaigns)
    assert market.vocabulary.campaigns.ids.tolist() == [8, 13]
    assert market.codes("solicitations", "campaign_id").tolist() == [1, -1]


def test_campaigns_without_their_table_come_from_solicitations_numbers_before_words():
    contacts = [contact("2024-03-01", i, campaign_id=name) for i, name in enumerate(["b", 3, "a", None])]
    assert list(make_market(contacts=contacts).vocabulary.campaigns.ids) == [3, "a", "b"]


def test_channels_are_words_in_order():
    contacts = [contact("2024-03-01", 1) | {"channel": 2}, contact("2024-03-01", 2) | {"channel": 1}]
    assert list(make_market(contacts=contacts).vocabulary.channels.ids) == ["1", "2"]


def test_arrow_tables_are_read():
    events = pa.Table.from_pylist([event("2024-03-01", customer=2), event("2024-03-02", kind="view", product="q")])
    market = make_market(events)
    assert market.events["customer_id"].tolist() == [2, 1]
    assert market.codes("events", "product_id").tolist() == [-1, 1]


def test_polars_frames_are_read():
    polars = pytest.importorskip("polars")
    assert len(make_market(polars.DataFrame([event("2024-03-01")])).events) == 1


def test_duckdb_relations_are_read():
    import duckdb

    relation = duckdb.sql("SELECT TIMESTAMP '2024-03-01 10:00:00' event_time, 'visit' event_type, 2 customer_id")
    assert make_market(relation).events["customer_id"].tolist() == [2]


def test_the_time_span_covers_events_and_contacts():
    market = make_market([event("2024-03-05")], [contact("2024-03-01"), contact("2024-04-01", 2)])
    assert [str(t.date()) for t in market.time_span] == ["2024-03-01", "2024-04-01"]
    with pytest.raises(DataError, match="no time span"):
        _ = make_market().time_span


@pytest.mark.parametrize(
    ("zone", "last", "until"),
    [
        ("UTC", "2024-03-09 15:00", "2024-03-10 00:00"),
        ("America/New_York", "2024-03-10 15:00", "2024-03-11 04:00"),  # a day of 23 hours
        ("America/New_York", "2024-11-03 15:00", "2024-11-04 05:00"),  # a day of 25 hours
        ("America/New_York", "2024-03-10 03:30", "2024-03-10 05:00"),  # 22:30 of the day before
        ("America/Sao_Paulo", "2018-11-03 15:00", "2018-11-04 03:00"),  # the midnight that did not exist
    ],
)
def test_outcomes_are_known_up_to_the_local_midnight_after_the_last_record(zone, last, until):
    market = make_market([event("2018-01-01"), event(last)], time_zone=zone)
    assert market.observed_until == pd.Timestamp(until, tz="UTC")


def test_half_past_eleven_at_night_in_new_york_is_the_same_day():
    market = make_market([event("2024-03-02T23:30:00-05:00"), event("2024-03-03T00:10:00-05:00")])
    local = replace(market, time_zone="America/New_York")
    day = np.datetime64("2024-03-02").astype(int)
    assert local.local_days(market.events["event_time"]).tolist() == [day, day + 1]
    assert market.local_days(market.events["event_time"]).tolist() == [day + 1, day + 1]


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "America/Sao_Paulo", "Pacific/Auckland"])
def test_every_local_day_of_a_year_has_its_own_number(zone):
    noons = pd.Series(pd.date_range("2018-01-01 12:00", "2018-12-31 12:00", tz=zone))
    market = make_market([event("2024-03-01")], time_zone=zone)
    assert np.diff(market.local_days(noons)).tolist() == [1] * 364


def test_attributes_without_a_role_are_listed_once():
    customers = pd.DataFrame({"customer_id": [1], "wealth": [1.0], "size": [2], "at": ["2024-01-01"], "b": [3.0]})
    products = pd.DataFrame({"product_id": ["p"], "size": [3], "price": [1.0]})
    roles = {"wealth": "Wealth", "b": {"class": "AccountBalance", "date": "at"}}
    market = make_market([], customers=customers, products=products, roles=roles)
    assert market.unmatched == ("size",)


def test_event_types_are_those_of_the_data_model():
    assert set(EVENT_TYPES) == {
        "view", "cart", "remove_from_cart", "purchase", "visit", "open", "click", "redeem", "unsubscribe",
    }  # fmt: skip


def test_the_short_form_counts_rows_and_shows_no_data():
    assert repr(make_market([event("2024-03-01")])) == (
        "Market(customers=2, products=1, solicitations=0, campaigns=0, events=1, consents=0, feedback=0, rejected=0)"
    ).replace("products=1", "products=2")


def test_importing_the_tables_loads_no_learning_library():
    code = (
        "import sys, graphrec.market.tables, graphrec.market.validation; "
        "print([name for name in ('torch', 'shap', 'sklearn', 'lightgbm', 'causallearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
