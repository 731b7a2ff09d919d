"""Twin outcomes look at neighbouring offers that nobody was contacted about, and at nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers, make_offers
from graphrec.market.riskset import RiskSet
from graphrec.market.tables import Market
from graphrec.market.twins import twin_outcomes

DAY = 86_400_000_000
NOW = pd.Timestamp("2024-05-01", tz="UTC")


def make_market(purchases=(), contacts=(), categories: int = 2, products: int = 24, **more) -> Market:
    """Purchases (customer, product, days from NOW) and contacts alike; categories alternate."""
    bought = [(0, 0, -90), (0, 0, 90), *purchases]
    sent = [(9, 0, 0), *contacts]
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": np.arange(10)}),
        products=pd.DataFrame({"product_id": np.arange(products), "category": np.arange(products) % categories}),
        solicitations=pd.DataFrame(
            {
                "solicitation_id": np.arange(len(sent)),
                "customer_id": [c for c, _, _ in sent],
                "product_id": [p for _, p, _ in sent],
                "campaign_id": [p for _, p, _ in sent],
                "sent_at": [NOW + pd.Timedelta(days=d) for _, _, d in sent],
                "channel": "mail",
            }
        ),
        events=pd.DataFrame(
            {
                "customer_id": [c for c, _, _ in bought],
                "product_id": [p for _, p, _ in bought],
                "event_time": [NOW + pd.Timedelta(days=d) for _, _, d in bought],
                "event_type": "purchase",
            }
        ),
        **more,
    )


def outcomes(market: Market, customers, offers, seed: int = 0, kind: str = "product") -> np.ndarray:
    made: Offers = make_offers(market, kind)
    n = len(customers)
    nobody = np.full(n, -1)
    risk = RiskSet(np.array(customers), np.array(offers), np.zeros(n, np.int64), nobody, np.ones(n), {})
    times = np.full(n, to_microseconds([NOW])[0])
    return twin_outcomes(market, made, risk, times, 28 * DAY, np.random.default_rng(seed))


def test_purchases_of_the_own_offer_and_of_other_categories_do_not_count():
    market = make_market([(1, 4, 3), *((1, odd, 3) for odd in range(1, 24, 2))])
    assert outcomes(market, [1] * 50, [4] * 50).tolist() == [0.0] * 50


def test_purchases_of_every_neighbour_within_the_horizon_count_fully():
    market = make_market([(1, even, 27) for even in range(0, 24, 2)])
    assert outcomes(market, [1, 2], [4, 4]).tolist() == [1.0, 0.0]


def test_purchases_before_the_decision_or_after_the_horizon_do_not_count():
    market = make_market([(1, even, day) for even in range(0, 24, 2) for day in (-1, 28)])
    assert outcomes(market, [1], [4]).tolist() == [0.0]


def test_a_neighbour_contacted_about_is_no_twin():
    contacts = [(1, even, day) for even, day in zip(range(0, 24, 2), [-27, 0, 27] * 4)]
    assert np.isnan(outcomes(make_market((), contacts), [1], [4])).all()
    far = [(1, even, day) for even, day in zip(range(0, 24, 2), [-29, 28, -60] * 4)]
    assert outcomes(make_market((), far), [1], [4]).tolist() == [0.0]


def test_a_market_of_three_offers_has_no_twins():
    assert np.isnan(outcomes(make_market(products=3), [1, 2], [0, 1])).all()


def test_a_bank_with_six_products_has_twins():
    bank = make_market([(1, 2, 3), (1, 4, 3), (2, 2, 3)], products=6)
    assert outcomes(bank, [1, 3], [0, 0]).tolist() == [1.0, 0.0]


def test_an_offer_alone_in_its_category_has_twins_from_everywhere():
    market = make_market([(1, product, 3) for product in range(24)], categories=24)
    assert outcomes(market, [1, 2], [4, 4]).tolist() == [1.0, 0.0]
    assert np.isfinite(outcomes(market, [1, 2], [4, 4], kind="category")).all()


def test_a_campaign_that_shares_a_product_is_no_twin():
    """All campaigns hold product 0 in the first market, none do in the second."""
    own = pd.DataFrame({"campaign_id": np.arange(24), "product_id": np.arange(24)})
    shared = pd.concat([own, pd.DataFrame({"campaign_id": np.arange(24), "product_id": 0})], ignore_index=True)
    assert np.isnan(outcomes(make_market(campaigns=shared), [1], [4], kind="campaign")).all()
    assert outcomes(make_market(campaigns=own), [1], [4], kind="campaign").tolist() == [0.0]


def test_same_seed_same_bytes():
    market = make_market([(1, even, 3) for even in range(0, 24, 4)])
    arguments = market, [1] * 40, list(range(20)) * 2
    assert outcomes(*arguments, seed=3).tobytes() == outcomes(*arguments, seed=3).tobytes()
    assert outcomes(*arguments, seed=3).tobytes() != outcomes(*arguments, seed=4).tobytes()


def test_the_share_is_an_unbiased_mean_over_twins():
    """Three of the eleven neighbours were bought: the mean of 4,000 rows is within 4 standard errors of 3/11."""
    market = make_market([(1, even, 3) for even in (0, 6, 8)])
    found = outcomes(market, [1] * 4000, [4] * 4000)
    assert abs(found.mean() - 3 / 11) < 4 * found.std() / np.sqrt(4000)
