"""Which contacts are judged, and what their rows hold, against counts from the tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.comparison import EARLIER, gather_comparisons
from graphrec.market.covariates import Covariates
from graphrec.market.history import to_microseconds
from graphrec.market.tables import DataError, Market

START = pd.Timestamp("2024-01-01", tz="UTC")
DAY = pd.Timedelta(days=1)
HOUSEHOLDS = 60
CAMPAIGNS = {
    # campaign: day it is sent, day it ends, contacts, channel
    "early": (70, 90, 30, "mail"),  # 50 days after the first purchase: less than two horizons of it
    "first": (76, 100, 30, "mail"),  # exactly two horizons of 28 days
    "tiny": (90, 110, 3, "mail"),
    "second": (120, 150, 25, "mail"),
    "phoned": (120, 150, 20, "call"),
    "open": (150, 190, 30, "mail"),  # has not ended
    "late": (170, 180, 30, "mail"),  # its outcome is not observed
}


def draw_market(seed: int = 0, **changes) -> Market:
    """Purchases from day 20 to 180, one contact on day 0, campaigns as above."""
    draw = np.random.default_rng(seed)
    campaigns = CAMPAIGNS | changes
    n = 4_000
    events = pd.DataFrame(
        {
            "event_time": START + pd.to_timedelta(np.append(20.0, draw.uniform(20, 180, n - 1)), unit="D"),
            "event_type": "purchase",
            "customer_id": draw.integers(0, HOUSEHOLDS, n),
            "product_id": draw.integers(0, 12, n),
            "price": draw.uniform(1, 5, n),
        }
    )
    events.loc[n - 1, "event_time"] = START + 180 * DAY - pd.Timedelta(minutes=1)
    contacts = [("s0", 0, START, "mail", "early")]
    for name, (day, _, size, channel) in campaigns.items():
        who = draw.choice(HOUSEHOLDS, size, replace=False)
        contacts += [(f"{name}{h}", h, START + day * DAY, channel, name) for h in who]
    links = [
        {"campaign_id": name, "product_id": p, "starts_at": START + sent * DAY, "ends_at": START + ends * DAY}
        for name, (sent, ends, _, _) in campaigns.items()
        for p in draw.choice(12, 6, replace=False)
    ]
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": range(HOUSEHOLDS)}),
        products=pd.DataFrame({"product_id": range(12)}),
        solicitations=pd.DataFrame(
            contacts, columns=["solicitation_id", "customer_id", "sent_at", "channel", "campaign_id"]
        ),
        campaigns=pd.DataFrame(links),
        events=events,
    )


def gather(market: Market, **settings):
    settings = {"minimum_contacts": 20, "rng": 0} | settings
    return {rows.channel: rows for rows in gather_comparisons(market, **settings)}


def campaigns_of(rows) -> list[str]:
    return sorted(set(rows.offers.index.decode(rows.frame["offer"])))


def test_contacts_that_can_be_judged_stand_beside_their_whole_risk_set():
    rows = gather(draw_market())
    assert list(rows) == ["call", "mail"]
    assert campaigns_of(rows["mail"]) == ["first", "second"] and campaigns_of(rows["call"]) == ["phoned"]
    assert len(rows["mail"].frame) == 2 * HOUSEHOLDS and rows["mail"].contacted.sum() == 55
    assert rows["mail"].weights is None
    assert set(rows["call"].frame["treatment"].cat.categories) == {"none", "call"}


def test_small_offers_stay_where_most_contacts_are_about_small_ones():
    small = {name: (*CAMPAIGNS[name][:2], 6, "mail") for name in ("first", "second", "phoned")}
    rows = gather(draw_market(**small))["mail"]
    assert campaigns_of(rows) == ["first", "phoned", "second", "tiny"]


def test_rows_hold_the_purchases_after_and_before_and_nothing_of_the_future():
    market = draw_market()
    rows = gather(market)["mail"]
    assert (rows.outcome, rows.placebo) == ("lines", "lines_before")
    bought = market.events.merge(market.campaigns[["campaign_id", "product_id"]], on="product_id")
    for row in rows.frame.sample(25, random_state=0).itertuples():
        mine = bought[
            (bought["customer_id"] == market.vocabulary.customers.ids[row.customer])
            & (bought["campaign_id_y"] == rows.offers.index.ids[row.offer])
        ]
        after = mine["event_time"].between(row.decided_at, row.decided_at + 28 * DAY, inclusive="left")
        before = mine["event_time"].between(row.decided_at - 28 * DAY, row.decided_at, inclusive="left")
        assert (row.lines, row.lines_before) == (after.sum(), before.sum())


def test_earlier_columns_are_what_was_known_one_horizon_before():
    market = draw_market()
    rows = gather(market)["mail"]
    frame = rows.frame
    times = to_microseconds(frame["decided_at"] - 28 * DAY)
    known = Covariates(market, rows.offers).at(frame["customer"].to_numpy(), frame["offer"].to_numpy(), times)
    earlier = [name for name in rows.placebo_set if name.endswith(EARLIER)]
    assert {"past_purchases" + EARLIER, "recency_days" + EARLIER} <= set(earlier)
    for name in earlier:
        np.testing.assert_array_equal(frame[name], known[name.removesuffix(EARLIER)])
    assert not set(earlier) & set(rows.adjustment_set)
    assert "occasion" in rows.placebo_set and frame["occasion"].nunique() == 2
    # What every row of a campaign shares is said by the occasion already.
    assert "season" not in rows.adjustment_set and "popularity" not in rows.adjustment_set


def test_a_draw_keeps_the_sums_of_the_risk_set_and_every_draw_is_known():
    market = draw_market()
    whole = gather(market)["mail"].frame
    sums = []
    for seed in range(40):
        rows = gather(market, maximum_rows=100, rng=seed)["mail"]
        weights = rows.weights
        assert weights is not None and len(rows.frame) < 120
        assert (weights[rows.contacted] == weights[rows.contacted][0]).all() and (weights >= 1).all()
        sums.append((weights * rows.frame["lines"]).sum())
    assert abs(np.mean(sums) - whole["lines"].sum()) < 4 * np.std(sums) / np.sqrt(40)


def test_many_occasions_are_balanced_by_their_contacted_share():
    draw = np.random.default_rng(0)
    market = draw_market()
    who, when = draw.integers(0, HOUSEHOLDS, 900), draw.integers(80, 150, 900)
    contacts = pd.DataFrame({"customer_id": who, "day": when, "product_id": draw.integers(0, 3, 900)})
    contacts = contacts.drop_duplicates(["customer_id", "product_id"])
    daily = Market.from_frames(
        customers=market.customers,
        products=market.products,
        solicitations=contacts.assign(
            solicitation_id=range(len(contacts)),
            channel="mail",
            sent_at=START + pd.to_timedelta(contacts["day"], unit="D"),
        ).drop(columns="day"),
        events=market.events.drop(columns=["campaign_id"]),
    )
    rows = gather(daily, minimum_contacts=1)["mail"]
    frame = rows.frame.assign(day=rows.frame["decided_at"].dt.date, contacted=rows.contacted)
    assert frame.groupby(["day", "offer"]).ngroups > 50
    share = frame.groupby(["day", "offer"])["contacted"].transform("mean")
    np.testing.assert_allclose(frame["occasion"], np.log(share / (1 - share)))


@pytest.mark.parametrize("wrong", [{"horizon_days": -1}, {"minimum_contacts": 0}, {"maximum_rows": 1}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        gather(draw_market(), **wrong)


def test_campaigns_are_held_against_the_period_before_even_where_they_share_no_product():
    market = draw_market()
    apart = pd.DataFrame({"campaign_id": list(CAMPAIGNS), "product_id": np.arange(len(CAMPAIGNS))})
    market = Market.from_frames(
        customers=market.customers, products=market.products, solicitations=market.solicitations,
        campaigns=apart, events=market.events,
    )  # fmt: skip
    found = list(gather_comparisons(market, rng=0))
    assert found and {one.placebo for one in found} == {"lines_before"}
