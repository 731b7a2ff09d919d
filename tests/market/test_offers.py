"""Events and contacts belong to the offers that their products and campaigns say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError, Market

PRODUCTS = pd.DataFrame(
    {
        "product_id": ["p", "q", "r", "s"],
        "category": ["tea", "soap", "tea", None],
        "price": [1.0, 2.0, 4.0, None],
    }
)
CAMPAIGNS = pd.DataFrame(
    {
        "campaign_id": ["x", "x", "x", "y", "y"],
        "product_id": ["q", "p", "p", "p", "s"],
        "coupon_id": [1, 2, 3, 4, 5],
    }
)


def make_market(products=PRODUCTS, campaigns=CAMPAIGNS, events=None, **named) -> Market:
    contacts = {"solicitation_id": [1, 2, 3], "customer_id": "a", "sent_at": "2024-03-01", "channel": "mail"}
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["a"]}),
        products=products,
        campaigns=campaigns,
        solicitations=pd.DataFrame(contacts | named),
        events=events,
    )


def test_products_are_their_own_offers():
    offers = make_offers(make_market(product_id=["q", None, "s"]), "product")
    assert list(offers.index.ids) == ["p", "q", "r", "s"]
    assert offers.id_column == "product_id"
    assert offers.price.tolist()[:3] == [1.0, 2.0, 4.0]
    assert np.isnan(offers.price[3])
    assert offers.category.tolist() == [1, 0, 1, -1]
    assert offers.of_solicitations(make_market(product_id=["q", None, "s"])).tolist() == [1, -1, 3]
    assert len(offers) == 4


def test_categories_hold_their_products():
    market = make_market(product_id=["q", "r", "s"])
    offers = make_offers(market, "category")
    assert list(offers.index.ids) == ["soap", "tea"]
    assert offers.id_column == "offer_id"
    assert offers.price.tolist() == [2.0, 2.5]
    assert offers.of_solicitations(market).tolist() == [0, 1, -1]
    rows, codes = offers.of_products(np.array([0, 3, -1, 1, 2]))
    assert list(zip(rows.tolist(), codes.tolist())) == [(0, 1), (3, 0), (4, 1)]


def test_campaigns_hold_each_product_once_however_many_coupons():
    market = make_market(campaign_id=["y", "x", None])
    offers = make_offers(market, "campaign")
    assert list(offers.index.ids) == ["x", "y"]
    assert offers.price.tolist() == [1.5, 1.0]
    assert offers.of_solicitations(market).tolist() == [1, 0, -1]
    rows, codes = offers.of_products(np.array([0, 2, 3, -1]))
    assert list(zip(rows.tolist(), codes.tolist())) == [(0, 0), (0, 1), (2, 1)]


def test_the_main_category_of_a_tie_is_the_first_in_the_alphabet():
    assert make_offers(make_market(campaign_id=["x", "x", "x"]), "campaign").category.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ({"product_id": "p"}, "product"),
        ({"campaign_id": "x"}, "campaign"),
        ({"product_id": "p", "campaign_id": "x"}, "product"),
        ({}, None),
    ],
)
def test_auto_takes_what_the_solicitations_name(named, kind):
    market = make_market(**named)
    if kind is None:
        with pytest.raises(DataError, match="fill product_id or campaign_id"):
            make_offers(market)
    else:
        assert make_offers(market).kind == kind


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"product_id": "p"}, "brand", "choose 'auto', 'product', 'category' or 'campaign'"),
        ({"product_id": "p"}, "campaign", "no solicitation has a campaign_id.*try offer='product'"),
        ({"campaign_id": "x"}, "product", "no solicitation has a product_id.*try offer='campaign'"),
        ({"campaign_id": "x", "campaigns": None}, "campaign", "needs the campaigns table"),
        ({"product_id": "p", "products": PRODUCTS.drop(columns="category")}, "category", "products have no category"),
    ],
)
def test_a_grain_that_the_market_lacks_is_refused(changes, kind, words):
    with pytest.raises(DataError, match=words):
        make_offers(make_market(**changes), kind)


def test_without_listed_prices_an_offer_costs_what_was_paid():
    events = pd.DataFrame(
        {
            "event_time": "2024-03-02",
            "event_type": ["purchase", "view", "purchase", "visit"],
            "customer_id": "a",
            "product_id": ["p", "p", "q", None],
            "price": [1.0, 3.0, None, 9.0],
        }
    )
    offers = make_offers(make_market(PRODUCTS.drop(columns="price"), events=events, product_id="p"), "product")
    assert not offers.listed
    assert offers.price[0] == 2.0
    assert np.isnan(offers.price[1:]).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("pqrs")), min_size=1, max_size=12),
    st.lists(st.integers(-1, 3), max_size=8),
)
def test_products_expand_to_every_campaign_that_holds_them(links, products):
    campaigns = pd.DataFrame(links, columns=["campaign_id", "product_id"])
    offers = make_offers(make_market(campaigns=campaigns, campaign_id=links[0][0]), "campaign")
    rows, codes = offers.of_products(np.array(products, dtype=np.int32))
    found = sorted(zip(rows.tolist(), offers.index.decode(codes).tolist()))
    names = list("pqrs")
    assert found == sorted(
        (row, campaign)
        for row, product in enumerate(products)
        if product >= 0
        for campaign in {c for c, name in links if name == names[product]}
    )
