"""What followed a decision is counted within its horizon, and an answer belongs to the contact that it names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from graphrec.market.aftermath import AFTER, MEDIATORS, find_aftermath, find_outcomes
from graphrec.market.attributes import DAY, sort_attributes
from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.riskset import RiskSet
from graphrec.market.tables import Market

NOW = pd.Timestamp("2024-05-01", tz="UTC")
HORIZON = 10 * DAY


def make_market(events: list[dict[str, Any]], **people: Any) -> Market:
    """Three customers; the first two were contacted about product p at NOW."""
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": [0, 1, 2], **people}),
        products=pd.DataFrame({"product_id": ["p", "q"]}),
        solicitations=pd.DataFrame(
            {"solicitation_id": ["s0", "s1"], "customer_id": [0, 1], "sent_at": NOW, "channel": "mail"}
        ).assign(product_id="p"),
        events=pd.DataFrame(events) if events else None,
        roles={
            name: kind for name, kind in (("calls", "CallDuration"), ("tickets", "SupportTicket")) if name in people
        },
    )


def event(kind: str, customer: int, day: float, **more: Any) -> dict[str, Any]:
    return {"event_type": kind, "customer_id": customer, "event_time": NOW + pd.Timedelta(days=day), **more}


def rows(customers=(0, 1, 2), offers=(0, 0, 0)) -> tuple[RiskSet, np.ndarray]:
    """Rows at NOW; the first two are the contacts."""
    n = len(customers)
    times = np.full(n, to_microseconds([NOW])[0])
    return RiskSet(np.array(customers), np.array(offers), times, np.array([0, 1, -1]), np.ones(n), {}), times


def aftermath(events: list[dict[str, Any]], **people: Any) -> pd.DataFrame:
    market = make_market(events, **people)
    risk, times = rows()
    return find_aftermath(market, sort_attributes(market), risk, times, HORIZON)


def test_the_horizon_starts_with_the_decision_and_ends_before_its_end():
    bought = {"product_id": "p", "price": 2.0}
    events = [event("purchase", 0, day, **bought) for day in (-0.001, 0, 9.999)]
    events += [event("purchase", 1, 10, **bought), event("purchase", 2, 1, product_id="q", price=5.0)]
    market = make_market(events)
    risk, times = rows()
    found = find_outcomes(market, make_offers(market, "product"), risk, times, HORIZON)
    assert found["lines"].tolist() == [2.0, 0.0, 0.0]
    assert found["outcome"].tolist() == [1.0, 0.0, 0.0]
    assert found["value"].tolist() == [4.0, 0.0, 0.0]


@pytest.mark.parametrize(("kind", "column"), [("open", "opened"), ("click", "clicked"), ("redeem", "redeemed")])
def test_an_answer_belongs_to_the_contact_it_names(kind, column):
    events = [
        event(kind, 0, 9, solicitation_id="s0"),
        event(kind, 1, 10, solicitation_id="s1"),  # too late
        event(kind, 2, 1, solicitation_id="elsewhere"),
    ]
    assert aftermath(events)[column].tolist() == [1.0, 0.0, 0.0]


def test_answers_that_name_no_contact_belong_to_their_customer():
    events = [event("open", 0, 1, solicitation_id="s0"), event("open", 2, 1), event("open", 1, 11)]
    assert aftermath(events)["opened"].tolist() == [1.0, 0.0, 1.0]


def test_visits_and_views_are_visits_and_nothing_recorded_is_zero():
    found = aftermath([event("visit", 0, 1), event("view", 1, 1, product_id="q"), event("unsubscribe", 2, 3)])
    assert found["visited"].tolist() == [1.0, 1.0, 0.0]
    assert found["unsubscribed"].tolist() == [0.0, 0.0, 1.0]
    assert found["opened"].tolist() == [0.0] * 3
    assert list(found.columns) == list(AFTER)
    assert set(MEDIATORS) < set(AFTER)


def test_attributes_that_are_mediators_or_consequences_come_along():
    found = aftermath([event("visit", 0, 1)], calls=pd.array([1, None, 3], dtype="Int64"), tickets=["a", "b", "a"])
    np.testing.assert_array_equal(found["calls"], [1.0, np.nan, 3.0])
    assert found["tickets"].tolist() == ["a", "b", "a"]


def test_without_any_event_nothing_followed():
    assert (aftermath([]).to_numpy() == 0).all()
