"""Planted effects: large ones are seen, none is seldom seen, and the truth is the planted one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions import detection
from graphrec.decisions.detection import detectable, search_planted
from graphrec.market.simulation import plant_effects
from graphrec.market.tables import DataError, Market

START = pd.Timestamp("2024-01-01", tz="UTC")


@cache
def shop(phoned: bool = True) -> Market:
    """Five hundred households, thirty products, three mailed campaigns; one of them also by phone."""
    draw = np.random.default_rng(1)
    who = np.repeat(np.arange(500), draw.poisson(30 * draw.gamma(2.0, 0.5, 500)))
    events = pd.DataFrame(
        {
            "event_time": START + pd.to_timedelta(draw.uniform(0, 200, len(who)), unit="D"),
            "event_type": "purchase",
            "customer_id": who,
            "product_id": draw.integers(0, 30, len(who)),
            "price": draw.uniform(1, 4, len(who)),
        }
    )
    contacts = [
        {"solicitation_id": f"{name}-{h}", "customer_id": h, "sent_at": START + pd.Timedelta(days=day),
         "channel": "phone" if phoned and name == "c" and h % 2 else "mail", "campaign_id": name}
        for name, day in (("a", 80), ("b", 120), ("c", 160))
        for h in draw.choice(500, 200, replace=False)
    ]  # fmt: skip
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": range(500)}),
        products=pd.DataFrame({"product_id": range(30)}),
        solicitations=pd.DataFrame(contacts),
        campaigns=pd.DataFrame([{"campaign_id": name, "product_id": p} for name in "abc" for p in range(12)]),
        events=events,
    )


@cache
def tries() -> pd.DataFrame:
    return search_planted(shop(), (2.0, 1.0, 0.0), repeats=3, rng=0)


def test_every_channel_size_and_repeat_is_tried():
    assert len(tries()) == 2 * 3 * 3
    assert set(zip(tries()["channel"], tries()["size"])) == {(c, s) for c in ("mail", "phone") for s in (0.0, 1.0, 2.0)}


def test_the_truth_is_proportional_to_the_planted_size():
    truth = tries().groupby(["channel", "size"])["effect"].agg(["mean", "std"]).reset_index()
    for _, part in truth.groupby("channel"):
        none, one, two = part.sort_values("size")["mean"]
        assert none == 0 and two == pytest.approx(2 * one, rel=0.02)
        assert one > 0


def test_the_truth_is_that_of_the_overlap_population():
    found = search_planted(shop(phoned=False), (1.0,), repeats=1, rng=0)
    truth = plant_effects(shop(phoned=False), 1.0, rng=7).truth  # neither chances nor effects depend on the draw
    sent = truth.contacts.drop_duplicates("offer_id").set_index("offer_id")["sent_at"]
    rows = pd.MultiIndex.from_product([range(500), list("abc")]).to_frame(index=False, name=["customer", "offer"])
    known = truth.of_rows(rows["customer"], rows["offer"], rows["offer"].map(sent))
    weight = known["propensity"] * (1 - known["propensity"])
    assert found["effect"].item() == pytest.approx(np.average(known["effect_lines"], weights=weight), rel=1e-5)
    assert found["effect"].item() != pytest.approx(known["effect_lines"].mean(), rel=1e-3)


def test_a_large_effect_is_seen_and_measured():
    found = tries().query("channel == 'mail' and size == 2")
    assert (found["low"] > 0).all()
    assert (abs(found["value"] - found["effect"]) < 3.5 * found["se"]).all()
    # The planted policy prefers active customers, so that the naive difference is too large.
    assert found["naive"].mean() > found["effect"].mean() + 2 * found["se"].mean() / np.sqrt(3)


def test_nothing_planted_is_measured_as_nothing():
    found = tries().query("size == 0").dropna()
    assert len(found) and (abs(found["value"]) < 3.5 * found["se"]).all()


def test_the_table_sums_the_tries_up(monkeypatch):
    monkeypatch.setattr(detection, "search_planted", lambda *_, **__: tries().copy())
    table = detectable(shop(), (2.0, 1.0, 0.0), repeats=3, rng=0)
    assert list(table.columns) == [
        "channel", "size", "effect", "repeats", "estimated", "detected", "bias", "se", "coverage", "naive_bias"
    ]  # fmt: skip
    assert table["size"].tolist() == [2.0, 1.0, 0.0] * 2 and (table["repeats"] == 3).all()
    for row in table.itertuples():
        own = tries().query("channel == @row.channel and size == @row.size")
        figures = own.dropna()
        assert row.detected == pytest.approx((own["low"] > 0).mean())
        assert row.naive_bias == pytest.approx((own["naive"] - own["effect"]).mean())
        assert row.estimated == pytest.approx(len(figures) / 3)
        if len(figures):
            holds = (figures["low"] <= figures["effect"]) & (figures["effect"] <= figures["high"])
            assert row.coverage == pytest.approx(holds.mean())
            assert row.bias == pytest.approx((figures["value"] - figures["effect"]).mean())
        else:
            assert np.isnan(row.coverage) and np.isnan(row.bias) and row.detected == 0


def test_bad_requests_are_refused(capsys):
    with pytest.raises(DataError, match="repeats is 0"):
        detectable(shop(), repeats=0)
    with pytest.raises(ValueError, match="lift is -1"):
        detectable(shop(), (-1.0,), rng=0)
    with pytest.raises(DataError, match="shorten horizon_days"):
        detectable(shop(), (1.0,), repeats=1, horizon_days=70, rng=0, progress=True)
    assert "searched for planted effects" in capsys.readouterr().err
