"""Every kind of bad row is set aside with its reason, and every kind of bad table refused with its remedy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.tables import DataError, Market

GOOD: dict[str, pd.DataFrame] = {
    "customers": pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "wealth": [1.0, 2.0, 3.0, 4.0]}),
    "products": pd.DataFrame({"product_id": ["p", "q"], "price": [1.5, 2.0], "stock": [3, 0]}),
    "solicitations": pd.DataFrame(
        {
            "solicitation_id": [1, 2, 3],
            "customer_id": ["a", "b", "c"],
            "sent_at": ["2024-03-01", "2024-03-02 10:00", "2024-03-03T10:00:00Z"],
            "channel": ["mail", "phone", "mail"],
            "cost": [0.0, 1.0, 1.0],
            "propensity": [1.0, 0.5, None],
        }
    ),
    "campaigns": pd.DataFrame({"campaign_id": ["k", "l"], "product_id": ["p", "q"]}),
    "events": pd.DataFrame(
        {
            "event_time": ["2024-03-01 00:00:00 UTC", "2024-03-02T10:00:00+01:00", "2024-03-05", "2024-03-06 12:00"],
            "event_type": ["view", "purchase", "visit", "open"],
            "customer_id": ["a", "b", "c", "d"],
            "product_id": ["p", "q", None, None],
            "price": [None, 2.0, None, None],
            "quantity": [None, 1, None, None],
        }
    ),
    "consents": pd.DataFrame({"customer_id": ["a", "b"], "channel": ["mail", "mail"], "granted": [True, False]}),
    "feedback": pd.DataFrame({"customer_id": ["a"], "created_at": ["2024-03-09"], "text": ["fine"], "score": [4]}),
}


def read(table: str | None = None, frame: Any = None, *, share: float = 1.0, **more: Any) -> Market:
    tables: dict[str, Any] = dict(GOOD)
    if table is not None:
        tables[table] = frame
    return Market.from_frames(**tables, maximum_bad_share=share, **more)


def change(table: str, column: str, value: Any, row: int = 0) -> pd.DataFrame:
    """The good table with one cell changed."""
    frame = GOOD[table].astype({column: object})
    frame.loc[row, column] = value
    return frame


def refusal(*arguments: Any, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(*arguments, **more)
    return str(caught.value)


def test_good_tables_lose_nothing():
    market = read(share=0.0)
    assert len(market.rejected) == 0
    assert {name: len(frame) for name, frame in GOOD.items()} == {name: market.received[name] for name in GOOD}
    assert market.rejected.columns.tolist() == ["table", "row", "reason", "value"]


def test_every_way_to_write_a_time_becomes_utc():
    times = read().events["event_time"]
    assert str(times.dtype) == "datetime64[us, UTC]"
    assert times.dt.strftime("%m-%d %H:%M").tolist() == ["03-01 00:00", "03-02 09:00", "03-05 00:00", "03-06 12:00"]


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(["2024-03-01 10:00"] * 4),
        pd.to_datetime(["2024-03-01 05:00"] * 4).tz_localize("America/New_York"),
        [pd.Timestamp("2024-03-01 10:00").to_pydatetime()] * 4,
        ["2024-03-01 10:00:00.000 UTC"] * 4,
        pd.Categorical(["2024-03-01T10:00Z"] * 4),
    ],
    ids=["naive", "zoned", "python", "rees46", "category"],
)
def test_times_of_any_type_are_read(times):
    market = read("events", GOOD["events"].assign(event_time=times))
    assert market.events["event_time"].unique().tolist() == [pd.Timestamp("2024-03-01 10:00", tz="UTC")]


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("customers", "customer_id", None, "customer_id is missing"),
        ("customers", "customer_id", "b", "customer_id occurs twice (the first row is kept)"),
        ("products", "product_id", "q", "product_id occurs twice (the first row is kept)"),
        ("products", "price", -1, "price is negative"),
        ("products", "price", "cheap", "price is not a finite number"),
        ("products", "price", np.inf, "price is not a finite number"),
        ("products", "stock", -1, "stock is negative"),
        ("campaigns", "product_id", "z", "product_id is not in products"),
        ("campaigns", "campaign_id", None, "campaign_id is missing"),
        ("solicitations", "solicitation_id", 2, "solicitation_id occurs twice (the first row is kept)"),
        ("solicitations", "customer_id", "z", "customer_id is not in customers"),
        ("solicitations", "sent_at", "yesterday", "sent_at cannot be read as a time"),
        ("solicitations", "sent_at", "2024-13-01", "sent_at cannot be read as a time"),
        ("solicitations", "sent_at", None, "sent_at is missing"),
        ("solicitations", "sent_at", "2999-01-01", "sent_at lies in the future"),
        ("solicitations", "sent_at", "1969-01-01", "sent_at lies before 1970-01-02"),
        ("solicitations", "channel", None, "channel is missing"),
        ("solicitations", "channel", "none", "channel 'none' means no contact, so this is no solicitation"),
        ("solicitations", "cost", -0.01, "cost is negative"),
        ("solicitations", "propensity", 0.0, "propensity is not a probability in (0, 1]"),
        ("solicitations", "propensity", 1.01, "propensity is not a probability in (0, 1]"),
        ("solicitations", "propensity", "high", "propensity is not a finite number"),
        ("events", "event_type", "buy", "event_type is not one of view, cart, remove_from_cart, purchase, visit, "
         "open, click, redeem, unsubscribe"),
        ("events", "event_type", None, "event_type is missing"),
        ("events", "customer_id", "z", "customer_id is not in customers"),
        ("events", "product_id", "z", "product_id is not in products"),
        ("events", "product_id", None, "product_id is missing"),
        ("events", "quantity", 0, "quantity is not above zero"),
        ("events", "price", -2, "price is negative"),
        ("events", "event_time", "2024-03-01 25:00", "event_time cannot be read as a time"),
        ("events", "event_time", "3000-01-01 00:00:00 UTC", "event_time lies in the future"),
        ("consents", "granted", "perhaps", "granted is neither true nor false"),
        ("consents", "granted", None, "granted is missing"),
        ("consents", "customer_id", "z", "customer_id is not in customers"),
        ("feedback", "text", None, "text is missing"),
        ("feedback", "created_at", "soon", "created_at cannot be read as a time"),
        ("feedback", "score", "five", "score is not a finite number"),
    ],
)  # fmt: skip
def test_a_bad_row_is_set_aside_with_its_reason(table, column, value, reason):
    market = read(table, change(table, column, value))
    aside = market.rejected[market.rejected["table"] == table]
    assert aside["reason"].tolist() == [reason]
    duplicate = "twice" in reason
    assert aside["row"].tolist() == [1 if duplicate else 0]
    assert len(getattr(market, table)) == len(GOOD[table]) - 1
    assert market.received[table] == len(GOOD[table])


def test_the_value_of_a_bad_row_is_shown_but_never_an_identifier():
    aside = read("solicitations", change("solicitations", "sent_at", "yesterday")).rejected
    assert aside["value"].tolist() == ["yesterday"]
    aside = read("solicitations", change("solicitations", "customer_id", "mr smith")).rejected
    assert aside["value"].tolist() == [""]


def test_a_row_is_set_aside_once_for_its_first_reason():
    frame = change("solicitations", "cost", -1).assign(propensity=[2.0, 0.5, 0.5], customer_id=["z", "b", "c"])
    aside = read("solicitations", frame).rejected
    assert aside["row"].tolist() == [0]


def test_a_row_that_points_at_a_row_set_aside_is_set_aside():
    market = read("customers", change("customers", "customer_id", None))
    assert market.rejected["table"].tolist() == ["customers", "solicitations", "events", "consents", "feedback"]


def test_a_solicitation_of_an_unknown_campaign_is_set_aside_only_where_campaigns_are_listed():
    frame = GOOD["solicitations"].assign(campaign_id=["k", "l", "z"])
    assert read("solicitations", frame).rejected["reason"].tolist() == ["campaign_id is not in campaigns"]
    tables = {**GOOD, "solicitations": frame, "campaigns": None}
    assert len(Market.from_frames(**tables).rejected) == 0


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("customers", "customer_id"),
        ("products", "product_id"),
        ("solicitations", "channel"),
        ("events", "event_time"),
        ("campaigns", "product_id"),
        ("consents", "granted"),
        ("feedback", "text"),
    ],
)
def test_a_missing_column_is_named_with_what_was_found(table, column):
    message = refusal(table, GOOD[table].rename(columns={column: "typo"}))
    assert f"table {table} lacks the required column {column}; found " in message
    assert "typo" in message


def test_identifiers_in_the_index_are_found():
    assert "index is called customer_id; use reset_index()" in refusal(
        "customers", GOOD["customers"].set_index("customer_id")
    )


@pytest.mark.parametrize("table", ["customers", "products"])
def test_a_market_needs_customers_and_products(table):
    assert f"table {table} is empty" in refusal(table, GOOD[table].head(0))
    assert f"table {table} is empty" in refusal(table, None)
    bad = GOOD[table].assign(**{GOOD[table].columns[0]: None})
    assert f"table {table}: no row is usable; first reason: {GOOD[table].columns[0]} is missing" in refusal(table, bad)


@pytest.mark.parametrize("table", ["solicitations", "events", "campaigns", "consents", "feedback"])
def test_other_tables_may_be_empty(table):
    assert len(getattr(read(table, GOOD[table].head(0)), table)) == 0


def test_a_table_with_many_bad_rows_is_refused_with_the_most_frequent_reason():
    frame = GOOD["events"].assign(event_type=["buy", "buy", "visit", None])
    message = refusal("events", frame, share=0.5)
    assert "table events: 3 of 4 rows are unusable, more than the allowed 50%" in message
    assert "Most often: event_type is not one of view, cart" in message
    assert "first values: buy, buy" in message
    assert len(read("events", frame, share=0.75).events) == 1


def test_identifiers_of_another_type_get_a_hint():
    frame = GOOD["solicitations"].assign(customer_id=[1, 2, 3])
    message = refusal("solicitations", frame, share=0.2)
    assert "customer_id is int64 in solicitations and str in customers: give both the same type" in message
    assert "dtype=str" in message
    misspelt = GOOD["solicitations"].assign(customer_id=["A", "B", "C"])
    assert "compare the spelling of the identifiers" in refusal("solicitations", misspelt, share=0.2)


@pytest.mark.parametrize("times", [[1709251200] * 4, [20240301] * 4, [1709251200.5] * 4])
def test_numbers_are_not_times(times):
    message = refusal("events", GOOD["events"].assign(event_time=times), share=0.2)
    assert "event_time cannot be read as a time" in message
    assert "unit='s'" in message


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", None, 3])
def test_an_unknown_time_zone_is_refused(zone):
    assert "use a name such as 'Europe/Paris'" in refusal(time_zone=zone)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_between_zero_and_one(share):
    assert "maximum_bad_share" in refusal(share=share)


def test_a_column_given_twice_is_refused():
    frame = pd.concat([GOOD["events"], GOOD["events"][["price"]]], axis=1)
    assert "table events has the column price twice" in refusal("events", frame)


def test_a_list_is_no_table():
    assert "table events is a list; give a pandas, polars, Arrow or DuckDB table" in refusal("events", [1, 2])


@pytest.mark.parametrize("granted", [["yes", "no"], [1, 0], ["True", "FALSE"], [1.0, 0.0], pd.array([True, False])])
def test_consents_are_true_or_false_however_written(granted):
    market = read("consents", GOOD["consents"].assign(granted=granted))
    assert market.consents["granted"].tolist() == [True, False]
    assert market.consents["granted"].dtype == bool


def test_a_solicitation_is_not_randomised_unless_it_says_so():
    assert read().solicitations["randomised"].tolist() == [False] * 3
    frame = GOOD["solicitations"].assign(randomised=[True, None, "0"])
    assert read("solicitations", frame).solicitations["randomised"].tolist() == [True, False, False]


def test_decimals_and_text_are_numbers():
    frame = GOOD["products"].assign(price=[Decimal("1.50"), None], stock=["3", "4"])
    products = read("products", frame).products
    assert products["price"].tolist()[0] == 1.5
    assert products["stock"].tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"welth": "Wealth"}, "roles name the column 'welth', which neither customers nor products have; they have "),
        ({"customer_id": "Age"}, "an identifier is no attribute"),
        ({"wealth": {"class": "Wealth", "date": "at"}}, "names the date column 'at', which customers does not have"),
        ({"wealth": {"class": "Wealth", "date": "price"}}, "'price', which customers does not have"),
        ({"wealth": {"class": "Wealth", "date": "since"}}, "'since' of customers cannot be read as dates (first "),
    ],
)
def test_a_role_must_name_an_attribute_and_its_dates(roles, words):
    customers = GOOD["customers"].assign(since="long ago")
    assert words in refusal("customers", customers, roles=roles)


def test_dates_of_attributes_become_times():
    customers = GOOD["customers"].assign(since=["2024-01-01", None, "2024-02-01 10:00:00 UTC", "2024-03-01T00:00Z"])
    market = read("customers", customers, roles={"wealth": {"class": "AccountBalance", "date": "since"}})
    assert str(market.customers["since"].dtype) == "datetime64[us, UTC]"
    assert market.customers["since"].isna().tolist() == [False, True, False, False]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "z", None]), max_size=12), st.lists(st.booleans(), min_size=12, max_size=12))
def test_every_row_is_either_kept_or_set_aside_once(customers, readable):
    n = len(customers)
    frame = pd.DataFrame(
        {
            "event_time": ["2024-03-01" if good else "never" for good in readable[:n]],
            "event_type": ["visit"] * n,
            "customer_id": pd.Series(customers, dtype=object),
        }
    )
    market = read("events", frame)
    aside = market.rejected[market.rejected["table"] == "events"]["row"]
    bad = [i for i in range(n) if not readable[i] or customers[i] not in ("a", "b")]
    assert sorted(aside) == bad
    assert len(market.events) == n - len(bad)
