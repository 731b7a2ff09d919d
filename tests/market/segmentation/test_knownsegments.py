"""Segments that feed the panel, the graph and the policy know nothing of what came later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.market.segmentation.knownsegments import with_segment_covariate, with_segments
from graphrec.market.segmentation.solicitedsegments import solicitation_pressure
from graphrec.market.tables import DataError, Market


@pytest.fixture(scope="module")
def market() -> Market:
    return graphrec.simulate_market(customers=120, products=15, periods=6, rng=3).market


def _with_another_future(market: Market, moment: pd.Timestamp) -> Market:
    """The same market, in which everything after the moment happened to other customers."""
    events = market.events.copy()
    later = (events["event_time"] >= moment).to_numpy()
    events.loc[later, "customer_id"] = np.random.default_rng(0).permutation(events.loc[later, "customer_id"].to_numpy())
    return replace(market, events=events)


def test_another_future_gives_the_same_segments(market: Market) -> None:
    moment = market.time_span[0] + (market.time_span[1] - market.time_span[0]) / 2
    first, second = (
        with_segments(m, before=moment.to_pydatetime(), rng=0) for m in (market, _with_another_future(market, moment))
    )
    pd.testing.assert_frame_equal(first.customers, second.customers)
    with pytest.raises(DataError, match="already"):
        with_segments(first, before=moment.to_pydatetime())


def test_the_panel_takes_a_dated_segment_only_after_its_date(market: Market) -> None:
    moment = market.time_span[0] + (market.time_span[1] - market.time_span[0]) / 2
    panel = graphrec.build_panel(with_segments(market, before=moment.to_pydatetime(), rng=0), rng=0)
    assert "segment" in panel.covariates and panel.roles["segment"] == "CustomerSegment"
    early = (panel.frame["decided_at"] <= moment).to_numpy()
    assert early.any() and panel.frame["segment"][early].isna().all()
    assert panel.frame["segment"][~early].notna().all()


def test_the_covariate_is_as_of_the_earliest_row(market: Market) -> None:
    panel = graphrec.build_panel(market, rng=0)
    moment = panel.frame["decided_at"].min()
    found = with_segment_covariate(panel, market, rng=0)
    again = with_segment_covariate(panel, _with_another_future(market, moment), rng=0)
    assert "segment" in found.covariates
    assert list(found.frame["segment"]) == list(again.frame["segment"])


def test_the_policy_limits_the_pressure_on_a_segment(market: Market) -> None:
    found = graphrec.segment_customers(market, segments=2, minimum_events=1, least_probability=0.0, bootstraps=2, rng=0)
    label = found.labels()
    people = [who for who in market.customers["customer_id"] if label[who] != "unassigned"]
    scores = pd.DataFrame({
        "customer_id": people, "product_id": market.products["product_id"].iloc[0], "channel": "email", "uplift": 0.2,
        "uplift_low": 0.1, "value": 10.0, "cost": 0.1, "net_value": 1.9,
    })  # fmt: skip
    held = found.names[1]
    policy = graphrec.ContactPolicy(segment_pressure={held: 0.25})
    segments = {who: label[who] for who in people}
    plan = graphrec.allocate(scores, policy, segments=segments, rng=0)
    sent = plan.outgoing["customer_id"].map(segments).value_counts()
    size = pd.Series(segments).value_counts()
    assert sent.get(held, 0) <= 0.25 * size[held]
    assert sent[found.names[2]] == size[found.names[2]]


def test_pressure_counts_the_contacts_of_the_last_days(market: Market) -> None:
    found = graphrec.segment_customers(market, segments=2, minimum_events=1, least_probability=0.0, bootstraps=2, rng=0)
    table = solicitation_pressure(found, market, days=28)
    recent = market.solicitations[market.solicitations["sent_at"] >= market.observed_until - pd.Timedelta(days=28)]
    people = found.customers[~found.customers["abstained"]]
    expected = recent["customer_id"].isin(people["customer_id"]).sum()
    assert (table["contacts"] * table["customers"]).sum() == pytest.approx(expected)
    assert table["answered"].between(0, 1).all()
