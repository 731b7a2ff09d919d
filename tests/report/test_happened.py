"""The page of a clickstream: whole, offline, without a customer; what it counts is what was planted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from graphrec.market.behaviour.featureranking import rank_features
from graphrec.market.behaviour.happenings import describe_events, holidays
from graphrec.market.clickstream.database import open_events
from graphrec.market.clickstream.generation import generate_events
from graphrec.market.clickstream.loading import ingest_events
from graphrec.market.protection.keys import PseudonymKey
from graphrec.report.happened import write_happened

KEY = PseudonymKey(bytes(range(32)))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("shop")
    made = generate_events(folder / "in", 20_000, customers=1_500, products=200, rng=4)
    ingest_events(made.files, folder / "shop.duckdb", key=KEY, threads=1)
    raw = pd.concat([pd.read_csv(file, dtype={"user_id": str}) for file in made.files])
    return folder / "shop.duckdb", raw.merge(pd.read_parquet(made.truth).astype({"user_id": str}), on="user_id")


def test_the_page_says_what_happened(shop: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    path, raw = shop
    with open_events(path) as opened:
        found = describe_events(opened)
        ranking = rank_features(opened, as_of=datetime(2019, 11, 1, tzinfo=UTC), splits=2, rng=0)
    day = raw["event_time"].str.slice(0, 10)
    assert dict(zip(found.days["day"].astype(str), found.days["events"])) == day.value_counts().to_dict()
    assert set(found.days.loc[found.days["holiday"] != "", "holiday"]) == {"Singles' Day", "Black Friday"}
    carts = raw[raw["event_type"] == "cart"]["user_session"].nunique()
    assert found.funnel["sessions"].tolist()[::2] == [raw["user_session"].nunique(), carts]
    rare = raw.assign(category=raw["category_code"].fillna(raw["category_id"].astype(str)))
    enough = rare.groupby("category")["user_id"].nunique()
    with open_events(path) as opened:
        most = describe_events(opened, k=int(enough.max())).categories["category"].tolist()
    assert most == enough.index[enough == enough.max()].tolist() and len(found.categories) == 20
    assert found.missing.set_index("column").at["brand", "share"] == pytest.approx(raw["brand"].isna().mean())
    median = raw.loc[raw["event_type"] == "view", "price"].quantile(0.5, interpolation="lower")
    assert found.prices.set_index("quantile").at[0.5, "viewed"] == pytest.approx(100 * median)
    hour = raw.assign(hour=raw["event_time"].str.slice(0, 13), bought=raw["event_type"] == "purchase")
    views = hour[hour["event_type"] == "view"].groupby(["user_id", "hour"]).size().groupby("user_id").max()
    robots = (views >= 100) & ~hour.groupby("user_id")["bought"].any().reindex(views.index)
    assert found.totals["robots"] == int(robots.sum())
    # A column without a word about anybody: what the model uses must beat chance, and be a variable.
    assert ranking["auc"].iloc[0] > 0.6 and ranking["importance"].iloc[0] > 0
    text = write_happened(tmp_path / "a.html", found, ranking).read_text()
    write_happened(tmp_path / "b.html", found, ranking)
    assert text == (tmp_path / "b.html").read_text()
    assert (
        "Black Friday" in text
        and "viewed_price_level" in text
        and "http://" not in text.replace("http://www.w3.org", "")
    )
    assert not [user for user in raw["user_id"].unique() if user in text or str(KEY.customer(user)) in text]


def test_easter_moves() -> None:
    days = holidays(date(2019, 1, 1), date(2021, 12, 31))
    assert {str(day) for day, name in days.items() if name == "Easter"} == {"2019-04-21", "2020-04-12", "2021-04-04"}
