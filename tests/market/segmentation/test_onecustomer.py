"""One customer's frame taken apart column by column gives the table of the long way, to the last code."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.segmentation import onecustomer
from graphrec.market.segmentation.eventsources import table_of_frame
from graphrec.market.segmentation.onecustomer import table_of_one
from graphrec.market.tables import DataError

_ROW = st.fixed_dictionaries({
    "event_time": st.integers(1_700_000_000, 1_700_500_000),
    "event_type": st.sampled_from(["view", "cart", "purchase", "remove_from_cart", "click"]),
    "product_id": st.one_of(st.none(), st.integers(0, 3)),
    "category_code": st.one_of(st.none(), st.sampled_from(["a.b", "7"])),
    "category_id": st.integers(5, 8),
    "brand": st.sampled_from(["x", "y", np.nan]),
    "price": st.sampled_from([np.nan, 0.0, 1.5, 20.0]),
    "user_session": st.one_of(st.none(), st.sampled_from(["s", "t"])),
})  # fmt: skip


def _same(quick: Any, slow: Any) -> None:
    for field in fields(slow):
        left, right = getattr(quick, field.name), getattr(slow, field.name)
        if isinstance(right, np.ndarray):
            assert left.dtype.kind == right.dtype.kind, field.name
            np.testing.assert_array_equal(left, right, err_msg=field.name)
        else:
            assert left == right


@settings(max_examples=30, deadline=None)
@given(
    st.lists(_ROW, min_size=1, max_size=12), st.sampled_from(["UTC", "Europe/Paris"]),
    st.sampled_from(["UTC", "America/New_York", None]), st.sampled_from(["s", "us", "ns"]),
    st.sets(st.sampled_from(["brand", "category_code", "category_id", "price", "user_session"])),
    st.booleans(),
)  # fmt: skip
def test_the_short_way_gives_the_table_of_the_long_way(
    rows: list[dict[str, Any]], zone: str, column_zone: str | None, unit: str, left_out: set[str], coded: bool
) -> None:
    frame = pd.DataFrame(rows).drop(columns=list(left_out)).assign(user_id="c4" if coded else 4)
    times = pd.to_datetime(frame["event_time"], unit="s", utc=True).dt.tz_convert(column_zone)
    frame["event_time"] = times.dt.as_unit(unit)
    if coded:
        names = [name for name in ("event_type", "brand", "category_code") if name in frame]
        frame = frame.astype(dict.fromkeys(names, "category"))
    assert onecustomer._plain(frame, zone) is not None or ("price" in frame and frame["price"].dtype == object)
    _same(table_of_one(frame, time_zone=zone), table_of_frame(frame, time_zone=zone))


@pytest.mark.parametrize(
    ("column", "value"),
    [("event_time", pd.NaT), ("event_type", "teleport"), ("customer_id", None), ("price", "dear")],
)
def test_a_row_that_is_not_plain_goes_the_long_way(column: str, value: object) -> None:
    frame = pd.DataFrame({
        "event_time": pd.to_datetime([1_700_000_000, 1_700_000_100], unit="s", utc=True), "event_type": "view",
        "customer_id": "c1", "price": 2.0,
    })  # fmt: skip
    odd = frame.copy() if column == "event_time" else frame.astype({column: object})
    odd.loc[1, column] = value
    assert onecustomer._plain(frame, "UTC") is not None and onecustomer._plain(odd, "UTC") is None
    _same(table_of_one(odd), table_of_frame(odd))


def test_several_customers_are_refused_and_several_agree_with_the_batch(planted: Any) -> None:
    with pytest.raises(DataError, match="give those of one, or use assign"):
        planted.found.assign_one(planted.events.head(30))
    some = planted.events[planted.events["user_id"] < 40]
    together = planted.found.assign(some)[[f"p{k + 1}" for k in range(planted.found.size)]].to_numpy()
    for customer, events in some.groupby("user_id"):
        np.testing.assert_allclose(planted.found.assign_one(events), together[customer], atol=1e-12)
