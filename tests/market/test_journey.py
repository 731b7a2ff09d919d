"""Journeys equal a plain walk over the events before a moment, and complaints need no scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.complaints import Complaints
from graphrec.market.history import to_microseconds
from graphrec.market.journey import JOURNEY_CLASSES, Journey
from graphrec.market.offers import make_offers
from graphrec.market.tables import Market
from ontology import load_ontology

KINDS = ["visit", "view", "cart", "remove_from_cart", "purchase"]
START = pd.Timestamp("2024-03-01", tz="UTC")


def make_market(events: pd.DataFrame, feedback: pd.DataFrame | None = None) -> Market:
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["a", "b", "c"]}),
        products=pd.DataFrame({"product_id": ["p", "q", "r"], "category": ["x", "x", "y"]}),
        solicitations=None,
        events=events,
        feedback=feedback,
        time_zone="Europe/Paris",
    )


def draw_events(seed: int, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.choice(KINDS, n)
    minutes = np.cumsum(rng.choice([0, 5, 20, 40, 600], n))
    return pd.DataFrame(
        {
            "event_time": START + pd.to_timedelta(minutes, unit="min"),
            "event_type": kind,
            "customer_id": rng.choice(["a", "b"], n),
            "product_id": np.where(kind == "visit", None, rng.choice(["p", "q", "r"], n)),
        }
    )


def walk(
    events: pd.DataFrame, customer: str, product: str, category: dict[str, str], at: pd.Timestamp
) -> dict[str, Any]:
    """The same columns, event by event."""
    mine = events[(events["customer_id"] == customer) & (events["event_time"] < at)]
    mine = mine.assign(order=mine["event_type"].map(KINDS.index))
    mine = mine.sort_values(["event_time", "order", "product_id"], kind="stable")
    found: dict[str, Any] = dict.fromkeys(["past_sessions", "views_since_purchase", "open_carts", "offer_in_cart"], 0)
    found |= {
        "session_interest": 0,
        "last_event": "none",
        "events": 0,
        "views": 0,
        "carts": 0,
        "bought": 0,
        "hours": 0.0,
    }
    found["cart_at"] = None
    basket: set[str] = set()
    last = None
    for event in mine.itertuples():
        if last is None or event.event_time - last > pd.Timedelta(minutes=30):
            local = event.event_time.tz_convert("Europe/Paris")
            found["past_sessions"] += 1
            found["hours"] += (local.hour + local.minute / 60 - 4) % 24
            found["session_interest"] = 0
        last = event.event_time
        found["events"] += 1
        found["last_event"] = event.event_type
        if event.event_type == "view":
            found["views_since_purchase"] += 1
            found["views"] += 1
        if event.event_type == "cart":
            basket.add(event.product_id)
            found["carts"] += 1
            found["cart_at"] = event.event_time
        if event.event_type == "purchase":
            found["bought"] += event.product_id in basket
            found["views_since_purchase"] = 0
        if event.event_type in ("purchase", "remove_from_cart"):
            basket.discard(event.product_id)
        if isinstance(event.product_id, str) and category[event.product_id] == category[product]:
            found["session_interest"] += 1
    found["open_carts"], found["offer_in_cart"] = len(basket), int(product in basket)
    return found


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_journeys_equal_a_plain_walk(seed: int) -> None:
    events = draw_events(seed)
    market = make_market(events)
    journey = Journey(market, make_offers(market, "product"))
    rng = np.random.default_rng(seed)
    customers, offers = rng.integers(0, 3, 12), rng.integers(0, 3, 12)
    stamps = pd.DatetimeIndex(rng.choice(events["event_time"], 12)) + pd.to_timedelta(rng.choice([0, 1], 12), unit="s")
    times = to_microseconds(stamps)
    found = {name: compute(customers, offers, times) for name, compute in journey.columns.items()}
    category = {"p": "x", "q": "x", "r": "y"}
    for row in range(12):
        told = walk(events, "abc"[customers[row]], "pqr"[offers[row]], category, stamps[row])
        for name in ("past_sessions", "views_since_purchase", "open_carts", "offer_in_cart", "session_interest"):
            assert found[name][row] == told[name], name
        assert found["last_event"][row] == told["last_event"]
        sessions = told["past_sessions"]
        assert found["session_depth"][row] == pytest.approx(told["events"] / max(sessions, 1))
        assert found["usual_hour"][row] == pytest.approx((told["hours"] + 30) / (sessions + 3) + 4)
        assert found["view_to_cart"][row] == pytest.approx((told["carts"] + 0.5) / (told["views"] + 5))
        assert found["cart_to_purchase"][row] == pytest.approx((told["bought"] + 1.5) / (told["carts"] + 5))
        since = told["cart_at"] or events["event_time"].min()
        assert found["cart_recency"][row] == pytest.approx(max((stamps[row] - since) / pd.Timedelta(days=1), 0))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nothing_from_a_moment_on_changes_a_byte(seed: int) -> None:
    events = draw_events(seed)
    at = events["event_time"].iloc[30]
    late = (events["event_time"] >= at).to_numpy()
    rng = np.random.default_rng(seed)
    changed = events.copy()
    for column in ("customer_id", "event_time"):
        changed.loc[late, column] = rng.permutation(events.loc[late, column].to_numpy())
    customers, offers = np.repeat([0, 1, 2], 3), np.tile([0, 1, 2], 3)
    times = np.full(9, to_microseconds([at])[0])
    for kind in ("product", "category"):
        one, two = (Journey(m, make_offers(m, kind)) for m in (make_market(events), make_market(changed)))
        size = len(one.offers)
        for name in JOURNEY_CLASSES:
            first, second = (j.columns[name](customers, offers % size, times) for j in (one, two))
            assert np.asarray(first).tolist() == np.asarray(second).tolist(), (kind, name)


def test_markets_without_a_journey_have_one_all_the_same() -> None:
    empty = make_market(draw_events(0).query("event_type == 'purchase'").head(1).assign(customer_id="c"))
    journey = Journey(empty, make_offers(empty, "product"))
    found = {n: f(np.array([0]), np.array([0]), np.array([10**18])) for n, f in journey.columns.items()}
    assert found["last_event"][0] == "none" and found["usual_hour"][0] == 14.0 and found["past_sessions"][0] == 0


def test_every_column_has_a_class_of_history() -> None:
    onto = load_ontology()
    assert {onto.group(name) for name, _ in JOURNEY_CLASSES.values()} == {"history"}
    assert onto.group("PastComplaint") == "history" and onto.group("Complaint") == "consequence"


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_low_scores_are_complaints_on_any_scale_and_only_as_known_then(scale: float) -> None:
    scores = np.array([4, 5, 3, 4, 5] * 6 + [1, 5, 1], dtype=float)
    when = START + pd.to_timedelta(np.arange(len(scores)), unit="h")
    who = ["b"] * 30 + ["a", "a", "a"]
    table = pd.DataFrame({"customer_id": who, "created_at": when, "text": "", "score": scale * scores})
    said = Complaints(make_market(draw_events(1), table))
    times = to_microseconds([when[30], when[31], when[32], when[32] + pd.Timedelta(hours=1)])
    assert said.count(np.zeros(4, dtype=int), times).tolist() == [0, 1, 1, 2]
    assert said.last_score(np.zeros(4, dtype=int), times)[1:].tolist() == [scale, 5 * scale, scale]
    assert np.isnan(said.last_score(np.array([2]), times[:1])).all()
    assert not said.low[:20].any()
    early = Complaints(make_market(draw_events(1), table.head(31)))
    assert early.low.tolist() == said.low[:31].tolist()


def test_a_market_without_scores_has_no_complaints() -> None:
    said = Complaints(make_market(draw_events(1)))
    assert said.count(np.array([0]), np.array([10**18])).tolist() == [0.0]
    assert np.isnan(said.last_score(np.array([0]), np.array([10**18]))).all()
