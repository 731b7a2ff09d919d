"""Feedback joined to customers as of a date, never after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.market.complaints import Complaints
from graphrec.market.feedback import customer_satisfaction, read_feedback, unhappy_feedback
from graphrec.market.tables import DataError, Market

SAID = [
    ("ann", "2024-03-01", "Livraison en retard, très déçu", np.nan),
    ("ann", "2024-03-10", "The app is great", np.nan),
    ("bob", "2024-03-05", "Je recommande, excellente qualité, joe@example.com", np.nan),
    ("bob", "2024-03-20", "Terrible service, nobody answers the phone", np.nan),
    ("cat", "2024-03-08", "", np.nan),
]


def make_market(said=SAID) -> Market:
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["ann", "bob", "cat", "dan"]}),
        products=pd.DataFrame({"product_id": ["tea"]}),
        solicitations=None,
        events=pd.DataFrame({"event_time": ["2024-03-31"], "event_type": ["visit"], "customer_id": ["ann"]}),
        feedback=pd.DataFrame(said, columns=["customer_id", "created_at", "text", "score"]),
    )


def test_only_what_was_said_before_the_moment_counts() -> None:
    market = read_feedback(make_market())
    told = customer_satisfaction(market, as_of="2024-03-10").set_index("customer_id")
    assert told["texts"].to_dict() == {"ann": 1, "bob": 1, "cat": 1}
    assert (
        told.loc["ann", "sentiment"] < -0.2
        and told.loc["ann", "topic"] == "delivery"
        and told.loc["ann", "complaints"] == 1
    )
    assert (
        told.loc["bob", "sentiment"] > 0.2 and told.loc["bob", "topic"] == "" and np.isnan(told.loc["cat", "sentiment"])
    )
    assert told.loc["ann", "days_since_last"] == 9
    later = customer_satisfaction(market).set_index("customer_id")
    assert later.loc["bob", "complaints"] == 1 and later.loc["bob", "last_sentiment"] < -0.2
    changed = [row if row[1] < "2024-03-10" else (*row[:2], "Awful, never again", 1.0) for row in SAID]
    again = customer_satisfaction(read_feedback(make_market(changed)), as_of="2024-03-10").set_index("customer_id")
    pd.testing.assert_frame_equal(told, again)


def test_texts_are_masked_at_the_door_and_silence_has_no_sentiment() -> None:
    feedback = read_feedback(make_market()).feedback
    assert "joe" not in feedback.to_csv() and "<email>" in feedback["text"].iloc[2]
    assert feedback["sentiment"].isna().tolist() == [False] * 4 + [True]
    assert feedback["topics"].tolist()[0] == "delivery"


def test_a_text_is_a_complaint_where_it_has_no_score() -> None:
    market = make_market()
    who = market.vocabulary.customers.encode(pd.Series(["ann", "bob", "cat", "dan"]))
    when = np.full(4, pd.Timestamp("2024-03-31").value // 1_000)
    assert Complaints(market).count(who, when).tolist() == [0, 0, 0, 0]
    assert Complaints(read_feedback(market)).count(who, when).tolist() == [1, 1, 0, 0]
    assert unhappy_feedback(market).tolist() == [True, False, False, True, False]
    assert unhappy_feedback(market, np.array([False] * 4 + [True])).sum() == 0


def test_a_market_that_was_not_read_is_refused_and_moments_are_checked() -> None:
    with pytest.raises(DataError, match=r"pass it through graphrec\.read_feedback"):
        customer_satisfaction(make_market())
    with pytest.raises(DataError, match="as_of is 'soon'"):
        customer_satisfaction(read_feedback(make_market()), as_of="soon")
    empty = read_feedback(replace(make_market(), feedback=make_market().feedback.iloc[:0]))
    assert customer_satisfaction(empty).empty


def test_the_panel_knows_past_sentiment_and_never_later_words() -> None:
    market = graphrec.simulate_market(customers=150, products=20, periods=8, rng=3).market
    read = read_feedback(market)
    panel = graphrec.build_panel(read, offer="product", rng=0)
    known = panel.frame["past_sentiment"].to_numpy()
    assert panel.roles["past_sentiment"] == "PastSatisfaction" and "past_sentiment" in panel.covariates
    assert np.isfinite(known).mean() > 0.02 and np.nanstd(known) > 0.1
    assert "past_sentiment" not in graphrec.build_panel(market, offer="product", rng=0).covariates
    cut = read.feedback["created_at"].median()
    changed = read.feedback["sentiment"].where(read.feedback["created_at"] < cut, -0.9)
    later = replace(read, feedback=read.feedback.assign(sentiment=changed))
    again = graphrec.build_panel(later, offer="product", rng=0).frame["past_sentiment"].to_numpy()
    before = (panel.frame["decided_at"] <= cut).to_numpy()
    assert np.isfinite(known[before]).any() and (again[~before] != known[~before]).any()
    np.testing.assert_array_equal(again[before], known[before])
