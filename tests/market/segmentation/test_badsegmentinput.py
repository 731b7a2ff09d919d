"""What cannot be segmented is refused with the remedy, or handled by name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.market.tables import DataError


def test_fewer_customers_than_segments_is_an_error(plant: Any) -> None:
    events, _ = plant(5)
    with pytest.raises(DataError, match="5 customers with an event are too few for 4 segments; ask for fewer"):
        graphrec.segment_customers(events, segments=4, rng=0)


def test_a_handful_of_customers_is_one_segment_and_says_why(plant: Any) -> None:
    found = graphrec.segment_customers(plant(6)[0], rng=0)
    assert found.size == 1 and "too few customers" in found.reason


def test_everybody_below_the_threshold_is_assigned_nowhere(planted: Any) -> None:
    found = planted.found
    short = planted.events.groupby("user_id").head(1)
    late = found.assign(short)
    assert late["abstained"].all() and late["segment"].isna().all() and set(late["reason"]) == {"few events"}
    strict = graphrec.segment_customers(planted.events, minimum_events=100_000, segments=2, bootstraps=2, rng=0)
    assert strict.customers["abstained"].all() and len(strict.profiles) == 3
    assert strict.names and strict.rule_card.rules == ()


def test_one_type_of_event_uses_the_habits_that_are_left(planted: Any) -> None:
    bought = planted.events[planted.events["event_type"] == "purchase"]
    found = graphrec.segment_customers(bought, segments=2, rng=0, bootstraps=2)
    reasons = found.habits.set_index("habit")["reason"]
    assert reasons["buys_of_steps"] == "the same for all customers, but for chance"
    assert reasons["removals_of_unbought"] == "hardly any customer shows it"
    assert len(found.names) == found.size


def test_customers_who_are_all_the_same_are_one_segment() -> None:
    one = pd.DataFrame({
        "event_time": pd.to_datetime([1_704_067_200 + 86_400 * d for d in range(6)], unit="s", utc=True),
        "event_type": ["view", "cart", "purchase"] * 2, "product_id": 7, "price": 3.0,
    })  # fmt: skip
    events = pd.concat([one.assign(user_id=i) for i in range(40)], ignore_index=True)
    found = graphrec.segment_customers(events, rng=0)
    assert found.size == 1 and "in no habit beyond chance" in found.reason
    assert (found.assign(events)["segment"] == 1).all()
    with pytest.raises(DataError, match="nothing to segment them by"):
        graphrec.segment_customers(events, segments=2, rng=0)


def test_a_future_file_with_unknown_categories_is_assigned_and_they_are_counted(planted: Any, plant: Any) -> None:
    events, _ = plant(60, seed=12)
    strange = events.assign(category_code="new." + events["category_code"])
    found = planted.found.assign(strange)
    assert found.attrs["unknown_categories"] == strange["category_code"].nunique()
    same = planted.found.assign(events)
    assert same.attrs["unknown_categories"] == 0
    assert (found["likeliest"] == same["likeliest"]).mean() > 0.8
    assert np.isfinite(found["probability"]).all()


def test_rows_that_say_nothing_are_counted_by_reason(planted: Any) -> None:
    rows = planted.events.head(3_000).copy()
    rows["event_time"] = rows["event_time"].astype(str)
    rows.loc[rows.index[0], "event_time"] = "yesterday"
    rows.loc[rows.index[1], "event_type"] = "teleport"
    rows["user_id"] = rows["user_id"].astype("Int64")
    rows.loc[rows.index[2], "user_id"] = pd.NA
    found = graphrec.segment_customers(rows, segments=2, rng=0, bootstraps=2)
    assert found.set_aside == {"have no time": 1, "have no customer": 1, "are of an unknown type": 1}


def test_one_missing_customer_leaves_the_identifiers_of_the_others_as_they_are(tmp_path: Path, plant: Any) -> None:
    events, _ = plant(30, seed=5)
    events = events.assign(user_id=events["user_id"].astype("Int64") + 2**60 + 1)
    whole = graphrec.segment_customers(events, segments=1, rng=0).customers
    events.loc[events.index[[3, 7]], "user_id"] = pd.NA
    events.to_csv(tmp_path / "events.csv", index=False)
    found = graphrec.segment_customers(tmp_path / "events.csv", segments=1, rng=0)
    assert found.set_aside == {"have no customer": 2} and found.customers["customer_id"].dtype == np.int64
    assert list(found.customers["customer_id"]) == list(whole["customer_id"])
    again = graphrec.Segmentation.load(found.save(tmp_path / "model"))
    assert again.customers["customer_id"].dtype == again.assign(events)["customer_id"].dtype == np.int64
    small = events.assign(user_id=(events["user_id"] - 2**60).astype("float64"))  # as pandas reads such a file
    assert again.assign(small)["customer_id"].dtype == np.int64
    words = events.assign(user_id="c" + events["user_id"].astype("string"))
    words.to_csv(tmp_path / "words.csv", index=False)
    assert again.assign(tmp_path / "words.csv")["customer_id"].str.startswith("c1152921504").all()


def test_a_missing_column_is_named_as_the_file_would_name_it(tmp_path: Path, planted: Any) -> None:
    wrong = planted.events.head(20).rename(columns={"user_id": "uid"})
    wrong.to_csv(tmp_path / "wrong.csv", index=False)
    for source in (wrong, tmp_path / "wrong.csv"):
        with pytest.raises(DataError, match=r"need user_id \(or customer_id\); found: .*uid") as told:
            graphrec.segment_customers(source)
        assert "user_session" in str(told.value) and ", session_id" not in str(told.value)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ({"segments": 0}, "segments is 0"),
        ({"agreement": 1.0}, "give shares below 1"),
        ({"least_probability": -0.1}, "give shares below 1"),
        ({"minimum_events": 0}, "minimum_events is 0"),
        ({"before": datetime(2024, 2, 1)}, "without a zone"),
    ],
)
def test_settings_out_of_range_are_named(planted: Any, words: dict[str, Any], wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        graphrec.segment_customers(planted.events.head(50), **words)


def test_sources_that_are_none_are_named(tmp_path: Path, planted: Any) -> None:
    with pytest.raises(DataError, match="events need event_type"):
        graphrec.segment_customers(planted.events.drop(columns="event_type"))
    with pytest.raises(DataError, match="no event can be used"):
        graphrec.segment_customers(planted.events.head(0))
    with pytest.raises(DataError, match=r"neither a market\.toml nor files of events"):
        graphrec.segment_customers(tmp_path)
    with pytest.raises(DataError, match="there is no"):
        graphrec.segment_customers(tmp_path / "nowhere")
    with pytest.raises(DataError, match="got a int"):
        graphrec.segment_customers(3)  # type: ignore[arg-type]
    (tmp_path / "events.txt").write_text("x")
    with pytest.raises(DataError, match="of an unknown kind"):
        graphrec.segment_customers(tmp_path / "events.txt")


def test_files_markets_and_frames_of_the_same_events_agree(tmp_path: Path, plant: Any) -> None:
    events, _ = plant(120, seed=2)
    file = events.assign(event_time=events["event_time"].dt.strftime("%Y-%m-%d %H:%M:%S UTC"), category_id=1)
    file.to_csv(tmp_path / "2024-Jan.csv.gz", index=False)
    products = events.drop_duplicates("product_id")[["product_id", "category_code", "brand"]]
    market = graphrec.Market.from_frames(
        customers=pd.DataFrame({"customer_id": np.arange(130)}), solicitations=None,
        products=products.rename(columns={"category_code": "category"}),
        events=events.rename(columns={"user_id": "customer_id", "user_session": "session_id"}).drop(
            columns=["category_code", "brand"]
        ),
    )  # fmt: skip
    first, second, third = (
        graphrec.segment_customers(s, segments=3, rng=0, bootstraps=2) for s in (events, tmp_path, market)
    )
    pd.testing.assert_frame_equal(first.customers, second.customers)
    assert len(third.customers) == 130 and third.customers["events"].tail(10).sum() == 0
    assert third.customers["abstained"].tail(10).all() or third.size == 1
    np.testing.assert_allclose(third.customers["probability"].head(120), first.customers["probability"], atol=1e-6)
