"""One small random market with every table, for tests that compare with brute force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

START = pd.Timestamp("2024-01-01", tz="UTC")
DAYS = 200
TYPES = ("view", "cart", "purchase", "visit", "open", "click", "redeem", "unsubscribe")
SHARES = (0.3, 0.1, 0.4, 0.1, 0.05, 0.03, 0.01, 0.01)
ROLES = {
    "age": "Age",
    "region": "Region",
    "tickets": "SupportTicket",
    "balance": {"class": "AccountBalance", "date": "balance_at"},
    "first_order": "Tenure",
}


@pytest.fixture(scope="session")
def draw_frames() -> Callable[..., dict[str, Any]]:
    """A function that draws the arguments of ``Market.from_frames``."""
    return _draw_frames


def _draw_frames(
    seed: int = 0, customers: int = 40, products: int = 24, events: int = 1500, contacts: int = 150, campaigns: int = 5
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    people, goods = np.arange(customers) + 100, np.array([f"p{i:02d}" for i in range(products)])
    return {
        "customers": _people(rng, people),
        "products": pd.DataFrame(
            {
                "product_id": goods,
                "category": rng.choice(["soap", "tea", "wine"], products),
                "price": np.round(rng.lognormal(1, 1, products), 2),
            }
        ),
        "campaigns": pd.DataFrame(
            {
                "campaign_id": np.repeat(np.arange(campaigns), 6),
                "product_id": np.concatenate([rng.choice(goods, 6, replace=False) for _ in range(campaigns)]),
            }
        ),
        "solicitations": _contacts(rng, people, goods, contacts, campaigns),
        "events": _events(rng, people, goods, events),
        "feedback": pd.DataFrame(
            {
                "customer_id": rng.choice(people, 60),
                "created_at": _times(rng, 60),
                "text": "fine",
                "score": rng.integers(1, 6, 60).astype(float),
            }
        ),
        "roles": ROLES,
    }


def _people(rng: np.random.Generator, people: np.ndarray) -> pd.DataFrame:
    n = len(people)
    return pd.DataFrame(
        {
            "customer_id": people,
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.integers(18, 90, n)),
            "region": pd.Series(rng.choice(["north", "south"], n)).where(rng.random(n) < 0.9),
            "tickets": rng.poisson(1, n),
            "balance": np.round(rng.normal(0, 100, n), 2),
            "balance_at": _times(rng, n),
            "first_order": _times(rng, n),
            "mystery": rng.random(n),
        }
    )


def _contacts(rng: np.random.Generator, people: np.ndarray, goods: np.ndarray, n: int, campaigns: int) -> pd.DataFrame:
    """Contacts on a few days and about a few products, so that strata hold several."""
    sent = START + pd.to_timedelta(rng.integers(0, 12, n) * 14 + 20, unit="D") + pd.to_timedelta(rng.random(n) * 8, "h")
    return pd.DataFrame(
        {
            "solicitation_id": np.arange(n) + 1000,
            "customer_id": rng.choice(people, n),
            "sent_at": pd.Series(sent).dt.as_unit("us"),
            "channel": rng.choice(["mail", "phone"], n),
            "product_id": rng.choice(goods[:4], n),
            "campaign_id": rng.integers(0, campaigns, n),
            "cost": 1.0,
            "propensity": rng.uniform(0.1, 0.9, n),
        }
    )


def _events(rng: np.random.Generator, people: np.ndarray, goods: np.ndarray, n: int) -> pd.DataFrame:
    kinds = rng.choice(TYPES, n, p=SHARES)
    on_product = np.isin(kinds, ("view", "cart", "purchase"))
    product = np.where(rng.random(n) < 0.7, rng.choice(goods[:4], n), rng.choice(goods, n))
    events = pd.DataFrame(
        {
            "event_time": _times(rng, n),
            "event_type": kinds,
            "customer_id": rng.choice(people, n),
            "product_id": pd.Series(product).where(on_product),
            "price": np.where(on_product, np.round(rng.lognormal(1, 1, n), 2), np.nan),
            "quantity": rng.integers(1, 4, n).astype(float),
        }
    )
    return events.sort_values("event_time", ignore_index=True)


def _times(rng: np.random.Generator, n: int) -> pd.Series:
    """Whole minutes, so that ties occur."""
    return pd.Series(START + pd.to_timedelta(rng.integers(0, DAYS * 24 * 60, n), unit="min")).dt.as_unit("us")
