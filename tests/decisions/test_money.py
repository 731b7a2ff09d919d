from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.money import price_tags
from graphrec.market.offers import make_offers
from graphrec.market.panel import Panel
from graphrec.market.tables import Market


def make_market(prices=(10.0, 20.0, 30.0), costs=(("mail", 1.0), ("mail", 3.0), ("call", 8.0)), **products):
    ids = [f"p{i}" for i in range(len(prices))]
    sent = pd.DataFrame(
        {
            "solicitation_id": range(len(costs)),
            "customer_id": "ann",
            "sent_at": pd.Timestamp("2024-02-01", tz="UTC"),
            "channel": [channel for channel, _ in costs],
            "product_id": ids[0],
            "cost": [cost for _, cost in costs],
        }
    )
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["ann"]}),
        products=pd.DataFrame({"product_id": ids, "price": prices, **products}),
        solicitations=sent if len(sent) else None,
        events=pd.DataFrame(
            {
                "event_time": [pd.Timestamp("2024-01-01", tz="UTC")],
                "event_type": ["purchase"],
                "customer_id": ["ann"],
                "product_id": [ids[0]],
            }
        ),
    )


def make_panel(market, bought, kind="product"):
    """``bought``: (offer code, money) of each buyer; one row that did not buy."""
    rows = [*bought, (0, 0.0)]
    frame = pd.DataFrame({"offer": [o for o, _ in rows], "value": [m for _, m in rows]})
    frame["outcome"] = (frame["value"] > 0).astype(float)
    return Panel(frame, (), (), (), {}, offers=make_offers(market, kind))


def tags(market, bought, **other):
    panel = make_panel(market, bought)
    return price_tags(market, panel.offers, panel, **other)


def test_without_buyers_a_conversion_is_worth_the_price():
    np.testing.assert_allclose(tags(make_market(), []).value, [10, 20, 30])


def test_buyers_who_take_two_double_every_price():
    np.testing.assert_allclose(tags(make_market(), [(0, 20.0), (2, 60.0)]).value, [20, 40, 60])


def test_own_buyers_count_like_one_in_ten():
    value = tags(make_market(prices=(10.0, 10.0)), [(0, 30.0)] + [(1, 10.0)] * 9).value
    assert value[0] == pytest.approx((30 + 10 * 12) / 11)
    assert value[1] == pytest.approx((90 + 10 * 12) / 19)


def test_an_offer_without_price_is_worth_the_mean_purchase():
    value = tags(make_market(prices=(10.0, np.nan, 30.0)), [(0, 10.0), (2, 30.0)]).value
    assert np.isfinite(value).all() and value[1] == pytest.approx(20.0)


def test_a_purchase_without_a_price_is_no_purchase_for_nothing():
    market = make_market(prices=(10.0, np.nan, 30.0))
    panel = make_panel(market, [(0, 10.0), (1, 0.0), (1, 0.0), (2, 30.0)])
    bought = panel.frame.assign(outcome=[1.0, 1.0, 1.0, 1.0, 0.0])
    value = price_tags(market, panel.offers, replace(panel, frame=bought)).value
    assert value[1] == pytest.approx(20.0)


def test_margins_make_value_smaller_than_price():
    market = make_market(margin=[2.0, 4.0, np.nan])
    np.testing.assert_allclose(tags(market, []).value, np.array([10, 20, 30]) * 6 / 30)
    dear = make_market(margin=[20.0, 40.0, 90.0])
    np.testing.assert_allclose(tags(dear, []).value, [10, 20, 30])


def test_the_cost_of_a_channel_is_the_mean_recorded_and_zero_where_none_is():
    market = make_market(costs=(("mail", 1.0), ("mail", 3.0), ("call", np.nan)))
    assert tags(market, []).cost == {"call": 0.0, "mail": 2.0}


def test_a_market_without_costs_has_those_of_the_training_market():
    trained = make_market()
    panel = make_panel(trained, [])
    market = make_market(costs=(("mail", np.nan),))
    found = price_tags(market, make_offers(market, "product"), panel, trained)
    assert found.cost == {"mail": 2.0, "call": 8.0}


def test_offers_of_another_market_are_recognised_by_name():
    """The same products in another order, one gone and one new."""
    trained = make_market(prices=(10.0, 10.0, 10.0))
    panel = make_panel(trained, [(0, 10.0)] * 30 + [(1, 70.0)] * 30 + [(2, 10.0)] * 30)
    market = replace(trained, products=trained.products.assign(product_id=["new", "p2", "p1"]))
    found = price_tags(market, make_offers(market, "product"), panel, trained).value
    known = price_tags(trained, panel.offers, panel).value
    assert len(found) == 3
    assert found[2] > 1.5 * found[1] and found[2] == pytest.approx(known[1], rel=0.1)


def test_categories_are_worth_what_their_buyers_spent():
    market = make_market(category=["tea", "tea", "pots"])
    panel = make_panel(market, [(1, 40.0)] * 10 + [(0, 100.0)] * 10, kind="category")
    value = price_tags(market, panel.offers, panel).value
    np.testing.assert_allclose(value, [(10 * 100 + 10 * 70) / 20, (10 * 40 + 10 * 70) / 20])
