"""Every variable against a plain loop over each customer's events, and none of them knows the future."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ontology
from graphrec.market import features
from graphrec.market.clickstream.database import EventDatabase, open_events
from graphrec.market.clickstream.generation import generate_events
from graphrec.market.clickstream.loading import ingest_events
from graphrec.market.features import FEATURE_ROLES, FEATURES, compute_features, weekly_activity
from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import DataError

KEY = PseudonymKey(bytes(range(32)))
ZONE = "Europe/Paris"
AS_OF = datetime(2019, 11, 25, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    made = generate_events(tmp_path_factory.mktemp("made"), 5_000, days=61, customers=150, products=60, rng=1)
    found = [gzip.decompress(file.read_bytes()).decode().splitlines() for file in made.files]
    return [found[0][0], *(line for part in found for line in part[1:])]


def fill(folder: Path, lines: list[str], name: str = "events") -> Path:
    (folder / f"{name}.csv").write_text("".join(f"{line}\n" for line in lines))
    ingest_events([folder / f"{name}.csv"], folder / f"{name}.duckdb", key=KEY, time_zone=ZONE, threads=1)
    return folder / f"{name}.duckdb"


@pytest.fixture(scope="module")
def database(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventDatabase]:
    with open_events(fill(tmp_path_factory.mktemp("database"), lines), threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def found(database: EventDatabase) -> pd.DataFrame:
    return compute_features(database, as_of=AS_OF).set_index("customer_id")


@pytest.fixture(scope="module")
def raw(database: EventDatabase) -> pd.DataFrame:
    frame = database.connection.sql("SELECT * FROM events").to_arrow_table().to_pandas()
    frame = frame[frame["event_time"] < pd.Timestamp(AS_OF).tz_localize(None)].copy()
    local = frame["event_time"].dt.tz_localize("UTC").dt.tz_convert(ZONE)
    frame["hour"], frame["weekday"], frame["month"] = local.dt.hour, local.dt.day_of_week, local.dt.month
    frame["day"] = local.dt.date
    frame["age"] = (pd.Timestamp(AS_OF).tz_localize(None) - frame["event_time"]).dt.total_seconds()
    return frame


def entropy(column: pd.Series) -> float:
    shares = column.value_counts(normalize=True)
    return float(-(shares * np.log(shares)).sum()) if len(shares) else np.nan


def describe(e: pd.DataFrame, means: pd.Series) -> dict[str, float]:
    """The table of definitions, read word by word."""
    view, cart, gone, bought = (e[e["event_type"] == kind] for kind in range(4))
    session = e.groupby("session")
    length = (session["age"].max() - session["age"].min()) / 60
    kinds = e.groupby("session")["event_type"].agg(set)
    with_cart = kinds[kinds.map(lambda k: 1 in k)]
    spend, n = float((bought["cents"] * bought["quantity"]).sum()) / 100, len(e)
    recent, before = e[e["age"] <= 28 * 86_400], e[(e["age"] > 28 * 86_400) & (e["age"] <= 56 * 86_400)]
    starts = session["age"].max()
    in_cart = set(cart["product"]) - set(bought["product"])

    def over(above: float, below: float) -> float:
        return above / below if below else np.nan

    def last(part: pd.DataFrame) -> float:
        return part["age"].min() / 86_400

    prices = view.groupby(["product", "category", "brand"], dropna=False)["cents"].mean()
    return {
        "recency_days": last(e), "recency_view_days": last(view), "recency_cart_days": last(cart),
        "recency_removal_days": last(gone), "recency_purchase_days": last(bought),
        "tenure_days": e["age"].max() / 86_400,
        "events": n, "views": len(view), "carts": len(cart), "removals": len(gone), "purchases": len(bought),
        "units": bought["quantity"].sum(), "spend": spend, "orders": bought["session"].nunique(),
        "average_order": over(spend, bought["session"].nunique()), "active_days": e["day"].nunique(),
        "cart_rate": over(len(cart), len(view)), "purchase_rate": over(len(bought), len(view)),
        "cart_conversion": over(len(bought), len(cart)), "removal_rate": over(len(gone), len(cart)),
        "abandonment": over(with_cart.map(lambda k: 3 not in k).sum(), len(with_cart)),
        "products_in_cart_unbought": len(in_cart), "viewed_price": view["cents"].mean() / 100,
        "bought_price": over(spend, bought["quantity"].sum()),
        "viewed_price_level": over(view["cents"].sum(), view["category"].map(means).sum()),
        "bought_price_level": over(100 * spend, bought["category"].map(means).sum()),
        "dearest_viewed": prices.max() / 100, "products_viewed": view["product"].nunique(),
        "products_bought": bought["product"].nunique(), "repeat_views": 1 - over(view["product"].nunique(), len(view)),
        "repeat_purchases": 1 - over(bought["product"].nunique(), len(bought)), "categories": e["category"].nunique(),
        "brands": e["brand"].nunique(), "category_entropy": entropy(e["category"]),
        "brand_entropy": entropy(e["brand"]),
        "top_category_share": e["category"].value_counts(normalize=True).max(),
        "top_brand_share": e["brand"].value_counts(normalize=True).max(),
        **{f"{name}_share": e["hour"].between(low, low + 5).mean() for low, name in
           ((0, "night"), (6, "morning"), (12, "afternoon"), (18, "evening"))},
        "weekend_share": (e["weekday"] >= 5).mean(), "winter_share": e["month"].isin([12, 1, 2]).mean(),
        "spring_share": e["month"].isin([3, 4, 5]).mean(), "summer_share": e["month"].isin([6, 7, 8]).mean(),
        "sessions": len(length), "session_minutes": length.mean(), "longest_session_minutes": length.max(),
        "session_depth": n / len(length), "deepest_session": session.size().max(),
        "bounce_rate": (session.size() == 1).mean(),
        "days_between_sessions": over((starts.max() - starts.min()) / 86_400, len(length) - 1),
        "events_last_28": len(recent), "events_before_28": len(before),
        "trend": np.log((1 + len(recent)) / (1 + len(before))), "purchases_last_28": (recent["event_type"] == 3).sum(),
        "spend_last_28": recent.loc[recent["event_type"] == 3, "cents"].sum() / 100,
    }  # fmt: skip


def test_every_variable_is_what_its_definition_says(found: pd.DataFrame, raw: pd.DataFrame) -> None:
    means = (raw[raw["event_type"] == 0].groupby("category")["cents"].sum()
             // raw[raw["event_type"] == 0].groupby("category")["cents"].count())  # fmt: skip
    wanted = pd.DataFrame({customer: describe(events, means) for customer, events in raw.groupby("customer")}).T
    assert len(wanted) == len(found) > 100
    # Weeks are counted back from the moment, by the last event of each day.
    assert set(found.columns) - set(wanted.columns) == {"active_weeks"}
    for name in wanted:
        # An hour that straddles the border of 28 days counts as its last event does.
        sure = (
            raw.groupby("customer")["age"].agg(lambda age: (abs(age - 28 * 86_400) > 3_600).all())
            if "28" in name or name == "trend"
            else True
        )
        same = np.isclose(
            found[name].astype(float), wanted.loc[found.index, name].astype(float), rtol=1e-5, atol=1e-5, equal_nan=True
        )
        assert (same | ~np.asarray(sure)).all(), name


def test_the_table_of_definitions_is_whole(found: pd.DataFrame) -> None:
    assert list(found.columns) == [feature.name for feature in FEATURES] == list(FEATURE_ROLES)
    assert len(FEATURES) >= 33 and all(feature.unit and feature.formula for feature in FEATURES)
    knowledge = ontology.load_ontology().knowledge(FEATURE_ROLES)
    assert set(knowledge["tiers"]) == set(FEATURE_ROLES) and max(knowledge["tiers"].values()) <= 1  # before any contact


def test_no_variable_knows_the_future(lines: list[str], found: pd.DataFrame, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cut = f"{AS_OF:%Y-%m-%d %H:%M:%S} UTC"
    past, later = [x for x in lines[1:] if x[:23] < cut], [x.split(",") for x in lines[1:] if x[:23] >= cut]
    assert len(later) > 200
    for column in (1, 2, 3, 4, 5, 6, 7):
        values = rng.permutation(np.array([fields[column] for fields in later], dtype=object))
        for fields, value in zip(later, values):
            fields[column] = value
    with open_events(fill(tmp_path, [lines[0], *past, *(",".join(fields) for fields in later)])) as opened:
        again = compute_features(opened, as_of=AS_OF).set_index("customer_id")
        weeks = weekly_activity(opened, as_of=AS_OF)
    pd.testing.assert_frame_equal(found, again, check_exact=True)
    with open_events(fill(tmp_path, [lines[0], *past], "past")) as opened:
        pd.testing.assert_frame_equal(found, compute_features(opened, as_of=AS_OF).set_index("customer_id"))
        pd.testing.assert_frame_equal(weeks, weekly_activity(opened, as_of=AS_OF))


def test_shares_and_threads_change_no_byte(
    lines: list[str], found: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_SHARE", 700)
    with open_events(fill(tmp_path, lines), threads=2) as opened:
        pd.testing.assert_frame_equal(
            compute_features(opened, as_of=AS_OF).set_index("customer_id"), found, check_exact=True
        )
        assert features.write_features(opened, tmp_path / "f.parquet", as_of=AS_OF) == len(found)
        edges = features.write_edges(opened, tmp_path / "e.parquet", as_of=AS_OF)
    written = pd.read_parquet(tmp_path / "f.parquet").set_index("customer_id")
    pd.testing.assert_frame_equal(written, found, check_exact=True)
    assert edges == len(pd.read_parquet(tmp_path / "e.parquet").drop_duplicates(["customer_id", "product"]))


def test_weeks_add_up_to_the_events(database: EventDatabase, raw: pd.DataFrame) -> None:
    weeks = weekly_activity(database, as_of=AS_OF, weeks=10)
    assert weeks["events"].sum() == len(raw)
    assert weeks["purchases"].sum() == (raw["event_type"] == 3).sum()
    last = raw[raw["age"] <= 7 * 86_400]
    assert weeks.loc[weeks["week"] == 0, "events"].sum() == len(last)


def test_a_moment_without_events_or_zone_is_refused(database: EventDatabase) -> None:
    with pytest.raises(DataError, match="no event before"):
        compute_features(database, as_of=AS_OF - timedelta(days=400))
    with pytest.raises(DataError, match="without a zone"):
        compute_features(database, as_of=datetime(2019, 11, 1))
