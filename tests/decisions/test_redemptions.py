"""Redemptions counted by hand, and the recorded share of a thinned market."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.redemptions import Redemptions, recorded_share
from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.tables import Market

START = pd.Timestamp("2024-03-01", tz="UTC")


def at(days: float) -> pd.Timestamp:
    return START + pd.Timedelta(days=days)


def make_market(events, contacts, campaigns=None) -> Market:
    """Market of three people and four products."""
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["ann", "bob", "eve"]}),
        products=pd.DataFrame({"product_id": ["tea", "soap", "wine", "milk"]}),
        solicitations=pd.DataFrame(contacts),
        campaigns=campaigns,
        events=pd.DataFrame(events),
    )


def campaign_market(redemptions) -> Market:
    events = [{"event_time": at(1), "event_type": "purchase", "customer_id": "ann", "product_id": "tea"}]
    events += [
        {"event_time": at(day), "event_type": "redeem", "customer_id": who, "campaign_id": what}
        for day, who, what in redemptions
    ]
    contacts = [
        {
            "solicitation_id": f"{what}{who}",
            "customer_id": who,
            "sent_at": at(day),
            "channel": "mail",
            "campaign_id": what,
        }
        for day, what in ((10, "x"), (50, "y"))
        for who in ("ann", "bob")
    ]
    campaigns = pd.DataFrame({"campaign_id": ["x", "y"], "product_id": ["tea", "soap"]})
    return make_market(events, contacts, campaigns)


def ceiling(market: Market, who: list[str], what: list[str], days: list[float]) -> float | None:
    offers = make_offers(market)
    times = to_microseconds([at(day) for day in days])
    customers = market.vocabulary.customers.encode(who).astype(np.int64)
    return Redemptions(market, offers).ceiling(customers, offers.index.encode(what).astype(np.int64), times, 28)


def test_only_redemptions_of_the_offer_within_the_horizon_count():
    redemptions = [
        (10, "ann", "x"),  # at the moment of the contact: counts
        (37.9, "ann", "x"),  # the last day: counts
        (38, "ann", "x"),  # the horizon is over
        (9, "bob", "x"),  # before the contact
        (12, "bob", "y"),  # of another campaign
        (12, "eve", "x"),  # of somebody who was not contacted
    ]
    market = campaign_market(redemptions)
    assert ceiling(market, ["ann", "bob"], ["x", "x"], [10, 10]) == 1.0
    assert ceiling(market, ["bob"], ["x"], [10]) == 0.0


def test_without_redemptions_there_is_no_ceiling():
    assert ceiling(campaign_market([]), ["ann"], ["x"], [10]) is None


def test_a_redemption_that_names_its_solicitation_counts_for_its_product():
    contacts = [
        {"solicitation_id": f"s{who}", "customer_id": who, "sent_at": at(10), "channel": "mail", "product_id": "tea"}
        for who in ("ann", "bob")
    ]
    events = [
        {"event_time": at(12), "event_type": "redeem", "customer_id": "ann", "solicitation_id": "sann"},
        {"event_time": at(12), "event_type": "redeem", "customer_id": "bob", "product_id": "tea"},
        {"event_time": at(13), "event_type": "redeem", "customer_id": "bob", "product_id": "wine"},
    ]
    market = make_market(events, contacts)
    assert ceiling(market, ["ann", "bob"], ["tea", "tea"], [10, 10]) == 1.0


def shop(kept: float, coupons: int = 400, wide: bool = False, seed: int = 0) -> Market:
    """Each of many coupons is redeemed with its purchase, of which a share is kept; half of them are wide sets."""
    draw = np.random.default_rng(seed)
    names = [f"p{i}" for i in range(40)]
    rows = [
        (f"u{c}", names[c % 20 + offset]) for c in range(coupons) for offset in (range(20) if wide and c % 2 else [0])
    ]
    links = pd.DataFrame(rows, columns=["coupon_id", "product_id"]).assign(campaign_id="x")
    who = [f"h{c % 50}" for c in range(coupons)]
    when = [START + pd.Timedelta(days=1 + c // 50, hours=12) for c in range(coupons)]
    redeemed = pd.DataFrame({"event_time": when, "customer_id": who, "coupon_id": [f"u{c}" for c in range(coupons)]})
    bought = redeemed.drop(columns="coupon_id").assign(
        event_type="purchase", product_id=[names[c % 20] for c in range(coupons)]
    )[draw.random(coupons) < kept]
    # Everybody buys much else every day, among it products of the wide sets.
    other = pd.concat([redeemed.drop(columns="coupon_id")] * 3).assign(event_type="purchase")
    other["product_id"] = draw.choice(names[20:], len(other))
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": [f"h{h}" for h in range(50)]}),
        products=pd.DataFrame({"product_id": names}),
        solicitations=pd.DataFrame(
            {
                "solicitation_id": [1],
                "customer_id": ["h0"],
                "sent_at": [START],
                "channel": ["mail"],
                "campaign_id": ["x"],
            }
        ),
        campaigns=links,
        events=pd.concat([bought, other, redeemed.assign(event_type="redeem", campaign_id="x")]),
    )


@pytest.mark.parametrize("kept", [1.0, 0.3, 0.05])
def test_the_recorded_share_is_the_share_of_purchases_kept_and_not_much_more(kept):
    share = recorded_share(shop(kept))
    assert kept - 0.02 <= share <= min(1.0, kept + 3 * np.sqrt(kept * (1 - kept) / 400) + 0.03)


def test_on_a_sample_of_the_receipts_the_ceiling_is_in_recorded_lines():
    market = shop(0.3)
    redeemed = Redemptions(market, make_offers(market))
    everybody, times = np.arange(50), np.full(50, to_microseconds([START])[0])
    per_contact = (market.events["event_type"] == "redeem").sum() / 50
    found = redeemed.ceiling(everybody, np.zeros(50, dtype=np.int64), times, 28)
    assert found == pytest.approx(per_contact * recorded_share(market))
    assert found == pytest.approx(0.3 * per_contact, rel=0.25)


def test_coupons_for_many_products_do_not_blow_it_up():
    assert recorded_share(shop(0.05, wide=True)) < 0.15


def test_without_matches_a_redemption_counts_in_full():
    assert recorded_share(shop(0.0)) == 1.0
    assert recorded_share(campaign_market([(12, "ann", "x")])) == 1.0
