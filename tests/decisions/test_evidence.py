"""Ladders of markets whose truth is known, and of Complete Journey, whose figures are known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.comparison import ON_TWINS
from graphrec.decisions.evidence import channel_ladders
from graphrec.market.ingestion import read_market
from graphrec.market.simulation import simulate_market
from graphrec.market.tables import DataError, Market

START = pd.Timestamp("2024-01-01", tz="UTC")
SENT = {"a": 100, "b": 140, "c": 180, "d": 220}
JOURNEY = Path(__file__).parents[2] / "data" / "complete_journey"


def draw_market(
    aim: str = "lot", effect: float = 0.0, households: int = 900, redeem: float = 0.0, seed: int = 0
) -> Market:
    """Four campaigns over thirty products, mailed by lot, by recorded purchases, or by a mood that no record shows.

    ``effect`` lines are added for each mail, within 28 days; a share ``redeem`` of mailed households redeems a coupon.
    """
    draw = np.random.default_rng(seed)
    rate = draw.gamma(2.0, 0.5, households)
    moods = {name: draw.gamma(1.0, 1.0, households) for name in SENT}
    bought = [_purchases(draw, np.repeat(np.arange(households), draw.poisson(20 * rate)), 0, 260)]
    contacts = []
    for name, day in SENT.items():
        # A mood lasts from 28 days before the mail to 28 days after it.
        if aim == "mood":
            bought.append(
                _purchases(draw, np.repeat(np.arange(households), draw.poisson(4 * moods[name])), day - 28, day + 28)
            )
        score = {"lot": np.zeros(households), "mood": moods[name], "record": _recorded(bought, day, households)}[aim]
        mailed = draw.random(households) < 1 / (1 + np.exp(-1.5 * (score - score.mean())))
        who = np.flatnonzero(mailed)
        contacts += [(f"{name}{h}", f"h{h}", START + pd.Timedelta(days=day), "mail", name) for h in who]
        bought.append(_purchases(draw, np.repeat(who, draw.poisson(effect, len(who))), day, day + 28))
        answers = who[draw.random(len(who)) < redeem]
        bought.append(_redemptions(draw, answers, day, name))
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": [f"h{h}" for h in range(households)]}),
        products=pd.DataFrame({"product_id": [f"p{p}" for p in range(30)]}),
        solicitations=pd.DataFrame(
            contacts, columns=["solicitation_id", "customer_id", "sent_at", "channel", "campaign_id"]
        ),
        campaigns=pd.DataFrame([{"campaign_id": name, "product_id": f"p{p}"} for name in SENT for p in range(20)]),
        events=pd.concat(bought),
    )


def _recorded(bought: list[pd.DataFrame], day: float, households: int) -> np.ndarray:
    """Log of the purchase lines before the day."""
    events = pd.concat(bought)
    before = (events["event_type"] == "purchase") & (events["event_time"] < START + pd.Timedelta(days=day))
    lines = events[before].groupby("customer_id").size()
    return np.log1p(lines.reindex([f"h{h}" for h in range(households)], fill_value=0).to_numpy(float))


def _purchases(draw: np.random.Generator, who: np.ndarray, start: float, end: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_time": START + pd.to_timedelta(draw.uniform(start, end, len(who)), unit="D"),
            "event_type": "purchase",
            "customer_id": [f"h{h}" for h in who],
            "product_id": [f"p{p}" for p in draw.integers(0, 30, len(who))],
            "price": 2.0,
        }
    )


def _redemptions(draw: np.random.Generator, who: np.ndarray, day: float, campaign: str) -> pd.DataFrame:
    made = _purchases(draw, who, day, day + 28)
    return made.assign(event_type="redeem", product_id=None, price=None, campaign_id=campaign)


@cache
def journey() -> Market:
    return read_market(JOURNEY)


def holds(effect, truth):
    return effect.interval[0] <= truth <= effect.interval[1]


def test_an_effect_of_mails_sent_by_lot_is_supported():
    ladder = channel_ladders(draw_market("lot", effect=0.6), rng=0)["mail"]
    # Two thirds of the added lines are of the campaign's products.
    assert holds(ladder.adjusted, 0.4) and holds(ladder.placebo, 0.0) and holds(ladder.difference_in_differences, 0.4)
    assert ladder.adjusted.outcome == "lines" and ladder.adjusted.interval[0] > 0
    assert ladder.verdict == "supported" and ladder.ceiling is None
    assert (ladder.adjusted.n, ladder.adjusted.clusters) == (3_600, 900)


def test_mails_to_a_mood_that_no_record_shows_are_not_identified():
    ladder = channel_ladders(draw_market("mood"), rng=0)["mail"]
    assert ladder.adjusted.interval[0] > 0, "the confounding must be there to be found"
    assert ladder.placebo.interval[0] > 0
    assert ladder.verdict == "not identified"


def test_mails_by_recorded_purchases_are_adjusted_for():
    ladder = channel_ladders(draw_market("record", effect=0.6), rng=0)["mail"]
    assert ladder.naive.interval[0] > 0.4
    assert holds(ladder.adjusted, 0.4)


def test_redemptions_are_the_ceiling_and_a_low_one_makes_the_study_too_small():
    ladder = channel_ladders(draw_market("lot", redeem=0.02), rng=0)["mail"]
    assert ladder.ceiling == pytest.approx(0.02, abs=0.01)
    assert ladder.minimum_detectable_effect > ladder.ceiling
    assert ladder.verdict == "underpowered"


def test_few_buyers_give_no_estimate():
    market = draw_market("lot", households=100)
    few = market.events.assign(product_id=market.events["product_id"].where(market.events.index % 12 == 0, "p29"))
    market = Market.from_frames(
        customers=market.customers, products=market.products, solicitations=market.solicitations,
        campaigns=market.campaigns, events=few,
    )  # fmt: skip
    ladder = channel_ladders(market, minimum_contacts=1, rng=0)["mail"]
    assert 0 < ladder.treated_events < 50 and ladder.verdict == "no estimate"
    assert ladder.adjusted is None and ladder.naive is not None


def test_the_same_seed_gives_the_same_ladder():
    market = draw_market("record", households=300)
    first, second = (channel_ladders(market, rng=3)["mail"].to_dict() for _ in range(2))
    assert first == second


def test_a_market_too_short_to_judge_has_no_ladder():
    market = draw_market("lot", households=100)
    assert channel_ladders(market, horizon_days=120, rng=0) == {}
    silent = Market.from_frames(
        customers=market.customers, products=market.products, solicitations=None, events=market.events
    )
    assert channel_ladders(silent, rng=0) == {}


@pytest.mark.parametrize("wrong", [{"horizon_days": 0}, {"minimum_contacts": 0}, {"maximum_rows": 10}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        channel_ladders(draw_market("lot", households=100), **wrong)


def test_progress_is_said_on_stderr(capsys):
    channel_ladders(draw_market("lot", households=100), minimum_contacts=1, rng=0, progress=True)
    said = capsys.readouterr()
    assert "mail" in said.err and not said.out


@pytest.mark.slow
def test_product_contacts_are_tested_on_twin_offers():
    market = simulate_market(customers=500, products=60, periods=10, rng=1).market
    ladders = channel_ladders(market, maximum_rows=8_000, rng=0)
    assert list(ladders) == ["call", "email", "mailing"]
    for ladder in ladders.values():
        assert ladder.adjusted.outcome == "outcome" and ladder.placebo is not None
        assert ladder.adjusted.value < ladder.naive.value
    # Three placebos at 95 %: one false alarm in 14 % of markets, two in less than 1 %.
    assert sum(ladder.verdict == "not identified" for ladder in ladders.values()) <= 1


@pytest.mark.slow
def draw_bank(need: float, seed: int = 0) -> Market:
    """Six products, each owned once: calls go to the rich who lack the product and to those with a ``need`` for it."""
    draw = np.random.default_rng(seed)
    customers, months = 1_500, 8
    wealth, owned = draw.normal(size=customers), np.zeros((customers, 6), dtype=bool)
    bought, calls = [], []
    for day in 28 * np.arange(months):
        hidden, about = need * draw.normal(size=customers), draw.integers(0, 6, customers)
        score = 0.8 * wealth + hidden - 3.0 * owned[np.arange(customers), about]
        called = (draw.random(customers) < 1 / (1 + np.exp(1.5 - score))) & (day > 0)
        p = 0.02 * np.exp(0.7 * wealth + hidden)[:, None] * np.where(owned, 0.05, 1.0)
        p[called, about[called]] += 0.03
        who, what = np.nonzero(draw.random(p.shape) < p)
        owned[who, what] = True
        bought.append(_purchases(draw, who, day + 1, day + 28).assign(product_id=[f"p{j}" for j in what]))
        calls += [
            (f"c{day}-{i}", f"h{i}", START + pd.Timedelta(days=day), "call", f"p{about[i]}")
            for i in called.nonzero()[0]
        ]
    names = [f"h{i}" for i in range(customers)]
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": names, "wealth": wealth}),
        products=pd.DataFrame({"product_id": [f"p{j}" for j in range(6)]}),
        solicitations=pd.DataFrame(
            calls, columns=["solicitation_id", "customer_id", "sent_at", "channel", "product_id"]
        ),
        events=pd.concat(bought),
        roles={"wealth": "Wealth"},
    )


@pytest.mark.slow
@pytest.mark.parametrize(("need", "verdict"), [(0.0, "supported"), (1.0, "not identified")])
def test_a_bank_that_spares_its_recent_buyers_is_judged_by_its_other_products(need, verdict):
    ladder = channel_ladders(draw_bank(need), rng=0, maximum_rows=4_000)["call"]
    assert ladder.verdict == verdict and ladder.placebo_where == ON_TWINS
    assert holds(ladder.adjusted, 0.03) == (need == 0.0)


def test_complete_journey_is_an_audit_case():
    ladders = channel_ladders(journey(), rng=0)
    a, b, c = (ladders[f"Type {kind}"] for kind in "ABC")
    assert [(part.treated, part.treated_events) for part in (a, b, c)] == [(3_286, 2_152), (1_696, 89), (289, 16)]
    assert [part.verdict for part in (a, b, c)] == ["not identified", "not identified", "no estimate"]
    figures = {
        "naive": (1.05, 0.049),
        "adjusted": (-0.005, 0.025),
        "placebo": (0.128, 0.014),
        "difference_in_differences": (-0.11, 0.009),
    }
    for name, known in figures.items():
        for part, value in zip((a, b), known):
            effect = part.rungs[name]
            assert abs(effect.value - value) < effect.se, (name, value, effect.value)
    assert a.placebo.interval[0] > 0 and b.placebo.interval[0] > 0
    for part, ceiling in zip((a, b, c), (0.019, 0.006, 0.003)):
        assert part.ceiling == pytest.approx(ceiling, rel=0.15)
    assert a.minimum_detectable_effect == pytest.approx(0.134, rel=0.15)
    assert b.minimum_detectable_effect == pytest.approx(0.020, rel=0.15)
    assert a.minimum_detectable_effect > a.ceiling and b.minimum_detectable_effect > b.ceiling
