"""Events of planted segments: what every test of this room is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import graphrec


@dataclass(frozen=True)
class Kind:
    """How one planted segment behaves: chances of a cart and a purchase, looks a visit, hour, price rank, weekend."""

    cart: float
    buy: float
    looks: float
    hour: float
    rank: float
    weekend: float


KINDS = (
    Kind(0.05, 0.20, 6.0, 14.0, 0.5, 0.45),
    Kind(0.35, 0.75, 2.0, 20.0, 0.8, 0.20),
    Kind(0.45, 0.08, 3.0, 22.0, 0.4, 0.25),
    Kind(0.20, 0.50, 3.0, 9.0, 0.15, 0.15),
)


def _plant(
    customers: int, kinds: tuple[Kind, ...] = KINDS, events: float = 40.0, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Events in the marketplace format and the kind of each customer (user_id 0, 1, ...), all drawn at once."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, len(kinds), customers)
    of = {name: np.array([getattr(k, name) for k in kinds]) for name in Kind.__dataclass_fields__}
    per_visit = of["looks"] * (1 + of["cart"] * (1 + of["buy"]))
    visits = 2 + rng.poisson(events * rng.lognormal(-0.3, 0.7, customers) / per_visit[kind])
    who = np.repeat(np.arange(customers), visits)
    day = 7 * rng.integers(0, 17, len(who)) + np.where(
        rng.random(len(who)) < of["weekend"][kind[who]], 5 + rng.integers(0, 2, len(who)), rng.integers(0, 5, len(who))
    )
    start = day * 86_400 + ((rng.normal(of["hour"][kind[who]], 2.0) % 24) * 3600).astype(int)
    looks = rng.geometric(1 / of["looks"][kind[who]])
    visit = np.repeat(np.arange(len(who)), looks)
    owner = who[visit]
    place = np.arange(len(visit)) - np.repeat(np.cumsum(looks) - looks, looks)
    second = start[visit] + 60 * place
    category = (owner * 7 + rng.geometric(0.6, len(visit))) % 12
    rank = np.clip(rng.normal(of["rank"][kind[owner]], 0.15), 0, 0.999)
    product = category * 40 + (rank * 40).astype(int)
    cart = rng.random(len(visit)) < of["cart"][kind[owner]]
    buy = cart & (rng.random(len(visit)) < of["buy"][kind[owner]])
    rows = np.concatenate([np.arange(len(visit)), np.flatnonzero(cart), np.flatnonzero(buy)])
    later = np.repeat([0, 10, 20], [len(visit), cart.sum(), buy.sum()])
    word = np.repeat(np.array(["view", "cart", "purchase"], dtype=object), [len(visit), cart.sum(), buy.sum()])
    frame = pd.DataFrame({
        "event_time": pd.to_datetime(1_704_067_200 + second[rows] + later, unit="s", utc=True),
        "event_type": word,
        "product_id": product[rows],
        "category_code": np.char.add("cat.", category[rows].astype(str)).astype(object),
        "brand": np.char.add("brand ", (product % 9)[rows].astype(str)).astype(object),
        "price": np.round(np.exp(2 + 0.1 * category + 2 * rank), 2)[rows],
        "user_id": owner[rows],
        "user_session": visit[rows],
    })  # fmt: skip
    return frame.sort_values(["event_time", "user_id"], ignore_index=True), kind


@pytest.fixture(scope="package")
def kinds() -> tuple[Kind, ...]:
    return KINDS


@pytest.fixture(scope="package")
def plant() -> Callable[..., tuple[pd.DataFrame, np.ndarray]]:
    return _plant


@dataclass(frozen=True)
class Planted:
    """Events, the true kinds, and what was found."""

    events: pd.DataFrame
    truth: np.ndarray
    found: graphrec.Segmentation


@pytest.fixture(scope="package")
def planted() -> Planted:
    events, truth = _plant(500, seed=1)
    return Planted(events, truth, graphrec.segment_customers(events, rng=0, bootstraps=5))
