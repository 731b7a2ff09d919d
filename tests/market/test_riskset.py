"""Controls come from the risk set only, once a stratum, with weights that add up to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.riskset import RiskSet, draw_risk_set
from graphrec.market.tables import DataError, Market

HORIZON = 28


def draw(
    market: Market, per_contact: int | None = 4, kind: str = "product", seed: int = 0, history: int = 10
) -> RiskSet:
    return draw_risk_set(market, make_offers(market, kind), HORIZON, history, per_contact, np.random.default_rng(seed))


def to_frame(market: Market, risk: RiskSet) -> pd.DataFrame:
    times = pd.Series(risk.times.astype("datetime64[us]")).dt.tz_localize("UTC")
    return pd.DataFrame(
        {
            "customer": risk.customers,
            "offer": risk.offers,
            "time": risk.times,
            "day": market.local_days(times),
            "solicitation": risk.solicitations,
            "weight": risk.weights,
        }
    )


def brute_force(market: Market, kind: str = "product", history: int = 10) -> dict[tuple[int, int], dict[str, set[int]]]:
    """Contacted and eligible customers of each (local day, offer), by loops over everything."""
    offer_of = make_offers(market, kind).of_solicitations(market)
    days = market.local_days(market.solicitations["sent_at"])
    times = to_microseconds(market.solicitations["sent_at"])
    who = market.codes("solicitations", "customer_id")
    start = to_microseconds([market.time_span[0]])[0]
    end = market.local_days(pd.Series([market.observed_until]))[0]
    micro = 86_400_000_000
    left = market.events[market.events["event_type"] == "unsubscribe"]
    gone = list(zip(market.vocabulary.customers.encode(left["customer_id"]), to_microseconds(left["event_time"])))
    strata: dict[tuple[int, int], dict[str, set[int]]] = {}
    usable = [
        i
        for i in range(len(times))
        if offer_of[i] >= 0 and times[i] >= start + history * micro and days[i] + 0.9 * HORIZON <= end
    ]
    for day, offer in sorted({(days[i], offer_of[i]) for i in usable}):
        here = [i for i in usable if (days[i], offer_of[i]) == (day, offer)]
        moment = min(times[i] for i in here)
        just_before = {who[i] for i in range(len(times)) if offer_of[i] == offer and day - HORIZON < days[i] < day}
        barred = just_before | {customer for customer, when in gone if when < moment}
        same_day = {who[i] for i in range(len(times)) if (days[i], offer_of[i]) == (day, offer)}
        contacted = {who[i] for i in here} - barred
        if contacted:
            eligible = set(range(len(market.customers))) - barred - same_day
            strata[day, offer] = {"contacted": contacted, "eligible": eligible}
    return strata


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    per_contact=st.sampled_from([1, 2, 4, None]),
    kind=st.sampled_from(["product", "campaign"]),
)
def test_the_risk_set_equals_brute_force(draw_frames, seed, per_contact, kind):
    market = Market.from_frames(**draw_frames(seed, events=400), time_zone="America/New_York")
    risk = draw(market, per_contact, kind, seed)
    frame = to_frame(market, risk)
    truth = brute_force(market, kind)
    assert set(frame.groupby(["day", "offer"]).groups) == set(truth)
    for stratum, rows in frame.groupby(["day", "offer"]):
        contacts, controls = rows[rows["solicitation"] >= 0], rows[rows["solicitation"] < 0]
        assert set(contacts["customer"]) == truth[stratum]["contacted"]
        assert (contacts["weight"] == 1).all()
        eligible = truth[stratum]["eligible"]
        assert set(controls["customer"]) <= eligible
        assert not controls["customer"].duplicated().any()
        assert set(controls["time"]) <= set(contacts["time"])
        wanted = len(eligible) if per_contact is None else min(per_contact * len(contacts), len(eligible))
        assert len(controls) == wanted
        assert controls["weight"].sum() == pytest.approx(len(eligible))
        assert controls["weight"].nunique() <= 1


def test_without_a_number_of_controls_everybody_eligible_stands_for_himself(draw_frames):
    market = Market.from_frames(**draw_frames(1))
    frame = to_frame(market, draw(market, None))
    assert (frame["weight"] == 1).all()
    for stratum, rows in frame[frame["solicitation"] < 0].groupby(["day", "offer"]):
        assert set(rows["customer"]) == brute_force(market)[stratum]["eligible"]


def test_the_contacts_are_those_of_the_solicitations(draw_frames):
    market = Market.from_frames(**draw_frames(2))
    frame = to_frame(market, draw(market)).query("solicitation >= 0")
    rows = market.solicitations.iloc[frame["solicitation"]]
    assert (market.vocabulary.customers.encode(rows["customer_id"]) == frame["customer"]).all()
    assert (market.vocabulary.products.encode(rows["product_id"]) == frame["offer"]).all()
    assert (to_microseconds(rows["sent_at"]) == frame["time"]).all()


def test_same_seed_same_bytes_and_another_seed_other_controls(draw_frames):
    market = Market.from_frames(**draw_frames(3))
    first, again, other = draw(market, seed=5), draw(market, seed=5), draw(market, seed=6)
    for name in ("customers", "offers", "times", "solicitations", "weights"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.customers.tobytes() != other.customers.tobytes()


def large_market(customers: int, contacts: int, seed: int) -> Market:
    """One offer and day, a few unsubscribed; large enough that controls are drawn, not shuffled."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01", tz="UTC")
    leavers = rng.choice(customers, customers // 5, replace=False)
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": np.arange(customers)}),
        products=pd.DataFrame({"product_id": ["p"]}),
        solicitations=pd.DataFrame(
            {
                "solicitation_id": np.arange(contacts),
                "customer_id": rng.choice(customers, contacts, replace=False),
                "sent_at": start + pd.Timedelta(days=40),
                "channel": "mail",
                "product_id": "p",
            }
        ),
        events=pd.DataFrame(
            {
                "event_time": [start, start + pd.Timedelta(days=100), *[start + pd.Timedelta(days=1)] * len(leavers)],
                "event_type": ["visit"] * 2 + ["unsubscribe"] * len(leavers),
                "customer_id": [0, 0, *leavers],
            }
        ),
    )


@pytest.mark.parametrize(("customers", "contacts"), [(2000, 10), (60, 8)], ids=["drawn", "shuffled"])
def test_a_weighted_total_over_controls_is_unbiased(customers, contacts):
    """Over 150 draws the mean total is within 4 standard errors of the total over the whole risk set."""
    market = large_market(customers, contacts, 0)
    trait = np.random.default_rng(1).lognormal(0, 1, customers)
    totals = []
    for seed in range(150):
        risk = draw(market, 2, seed=seed)
        control = risk.solicitations < 0
        totals.append((risk.weights * trait[risk.customers])[control].sum())
    (stratum,) = brute_force(market).values()
    truth = trait[list(stratum["eligible"])].sum()
    error = np.std(totals, ddof=1) / np.sqrt(len(totals))
    assert error < 0.05 * truth
    assert abs(np.mean(totals) - truth) < 4 * error


def test_every_eligible_customer_is_drawn_equally_often():
    market = large_market(400, 4, 3)
    counts = np.zeros(400)
    for seed in range(200):
        risk = draw(market, 5, seed=seed)
        counts[risk.customers[risk.solicitations < 0]] += 1
    (stratum,) = brute_force(market).values()
    eligible = sorted(stratum["eligible"])
    share = 200 * 20 / len(eligible)
    assert counts.sum() == counts[eligible].sum() == 200 * 20
    chi_squared = ((counts[eligible] - share) ** 2 / share).sum()
    degrees = len(eligible) - 1
    assert chi_squared < degrees + 4 * np.sqrt(2 * degrees)


def one_offer(
    sent: list[tuple[int, str]], events: list[tuple[str, str, int]] = (), zone: str = "UTC", n: int = 6
) -> Market:
    """Contacts (customer, time) about one product; events (time, type, customer) between two visits at the edges."""
    rows = [("2024-01-01", "visit", 0), *events, ("2024-12-30", "visit", 0)]
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": np.arange(n)}),
        products=pd.DataFrame({"product_id": ["p"]}),
        solicitations=pd.DataFrame(
            {
                "solicitation_id": np.arange(len(sent)),
                "customer_id": [customer for customer, _ in sent],
                "sent_at": [time for _, time in sent],
                "channel": "mail",
                "product_id": "p",
            }
        ),
        events=pd.DataFrame(rows, columns=["event_time", "event_type", "customer_id"]),
        time_zone=zone,
    )


def members(market: Market, per_contact: int | None = None) -> dict[int, tuple[set[int], set[int]]]:
    """Contacted and controls by month of the local day."""
    frame = to_frame(market, draw(market, per_contact))
    months = pd.to_datetime(frame["day"], unit="D").dt.month
    return {
        month: (set(rows["customer"][rows["solicitation"] >= 0]), set(rows["customer"][rows["solicitation"] < 0]))
        for month, rows in frame.groupby(months)
    }


def test_a_contact_too_early_for_the_panel_still_bars_its_customer():
    market = one_offer([(1, "2024-01-05"), (2, "2024-01-20"), (3, "2024-03-20")])
    assert members(market) == {1: ({2}, {0, 3, 4, 5}), 3: ({3}, {0, 1, 2, 4, 5})}


def test_a_customer_contacted_just_before_is_neither_contact_nor_control():
    market = one_offer([(1, "2024-03-01"), (1, "2024-03-20"), (2, "2024-03-20")])
    frame = to_frame(market, draw(market, None))
    second = frame[frame["day"] == frame["day"].max()]
    assert set(second["customer"]) == {0, 2, 3, 4, 5}
    assert draw(market, None).counts["not eligible"] == 1


def test_the_same_contact_every_four_weeks_stays_eligible_when_the_clocks_change():
    market = one_offer([(1, "2024-02-20T09:00-05:00"), (1, "2024-03-19T09:00-04:00")], zone="America/New_York")
    assert {month: contacted for month, (contacted, _) in members(market).items()} == {2: {1}, 3: {1}}


def test_who_unsubscribed_before_is_out_and_who_does_so_later_is_in():
    left = [("2024-02-01", "unsubscribe", 3), ("2024-05-02", "unsubscribe", 4), ("2024-02-02", "unsubscribe", 2)]
    market = one_offer([(1, "2024-05-01"), (2, "2024-05-01")], left)
    assert members(market) == {5: ({1}, {0, 4, 5})}


def test_half_past_eleven_at_night_belongs_to_the_local_day():
    sent = [(1, "2024-05-02T23:30-04:00"), (2, "2024-05-02T09:00-04:00"), (3, "2024-05-03T00:10-04:00")]
    local = to_frame(one := one_offer(sent, zone="America/New_York"), draw(one, None))
    assert local[local["solicitation"] >= 0].groupby("day")["customer"].apply(set).tolist() == [{1, 2}, {3}]
    utc = to_frame(one := one_offer(sent), draw(one, None))
    assert utc[utc["solicitation"] >= 0].groupby("day")["customer"].apply(set).tolist() == [{2}, {1, 3}]


def test_two_contacts_of_a_day_about_one_offer_are_one():
    market = one_offer([(1, "2024-05-01 09:00"), (1, "2024-05-01 17:00"), (2, "2024-05-01 12:00")])
    risk = draw(market)
    assert risk.counts["same customer, offer and day"] == 1
    assert sorted(risk.solicitations[risk.solicitations >= 0].tolist()) == [0, 1]


def test_every_solicitation_is_counted_once(draw_frames):
    frames: dict[str, Any] = draw_frames(7)
    frames["solicitations"].loc[:9, "product_id"] = None
    counts = draw(Market.from_frames(**frames)).counts
    lost = [name for name in counts if name not in ("solicitations", "contacts", "controls")]
    assert counts["without an offer"] == 10
    assert counts["solicitations"] == counts["contacts"] + sum(counts[name] for name in lost) == 150


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ([(1, "2024-01-03")], "no solicitation can be used.*too early: no history before: 1"),
        ([(1, "2024-12-20")], "no solicitation can be used.*too late: outcome not fully observed: 1"),
        ([(i, "2024-05-01") for i in range(6)], "every eligible customer was contacted, so there are no controls"),
    ],
)
def test_a_market_without_contacts_or_controls_is_refused(sent, words):
    with pytest.raises(DataError, match=words):
        draw(one_offer(sent))


def test_contacts_of_the_unsubscribed_only_are_refused():
    with pytest.raises(DataError, match="every contacted customer had unsubscribed before"):
        draw(one_offer([(1, "2024-05-01")], [("2024-03-01", "unsubscribe", 1)]))


def test_a_risk_set_that_fits_no_memory_is_refused(draw_frames, monkeypatch):
    market = Market.from_frames(**draw_frames(1))
    monkeypatch.setattr("graphrec.market.riskset._MOST_CONTROLS", 1000)
    with pytest.raises(DataError, match=r"the panel would have \d,\d+ controls, more than 1,000; use a small"):
        draw(market, None)
    draw(market, 4)
