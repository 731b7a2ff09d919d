"""Markets with known tastes, small enough to train on in a blink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from graphrec.learning.rows import TrainingRows
from graphrec.market.tables import Market

START = pd.Timestamp("2024-01-01", tz="UTC")


@dataclass(frozen=True)
class Tasted:
    """A market and the true share of each product in each customer's purchases."""

    market: Market
    shares: np.ndarray
    frames: dict[str, Any]


def build_market(frames: dict[str, Any]) -> Market:
    return Market.from_frames(**frames, roles={"age": "Age", "wealth": "Wealth"})


def make_tasted(
    seed: int, customers: int = 150, products: int = 30, purchases: int = 15, days: int = 200, views: bool = False
) -> Tasted:
    """Low-rank log shares; two attributes tell a little about taste; contacts are random."""
    rng = np.random.default_rng(seed)
    taste, traits = rng.normal(size=(customers, 3)), rng.normal(size=(products, 3))
    logits = 1.2 * taste @ traits.T + 0.5 * rng.normal(size=products)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    who = np.repeat(np.arange(customers), rng.poisson(purchases, customers))
    what = (rng.random(len(who))[:, None] > np.cumsum(shares, axis=1)[who]).sum(axis=1).clip(0, products - 1)
    events = pd.DataFrame(
        {
            "event_time": START + pd.to_timedelta(rng.integers(0, days * 86_400, len(who)), unit="s"),
            "event_type": "purchase",
            "customer_id": [f"c{i}" for i in who],
            "product_id": [f"p{i}" for i in what],
        }
    )
    if views:
        earlier = events["event_time"] - pd.Timedelta(hours=1)
        events = pd.concat([events, events.assign(event_type="view", event_time=earlier)], ignore_index=True)
    n = customers
    frames = {
        "customers": pd.DataFrame(
            {
                "customer_id": [f"c{i}" for i in range(customers)],
                "age": 40 + 10 * taste[:, 0] + rng.normal(size=customers),
                "wealth": taste[:, 1],
                "secret": taste[:, 2],
            }
        ),
        "products": pd.DataFrame(
            {"product_id": [f"p{i}" for i in range(products)], "category": [f"k{int(x > 0)}" for x in traits[:, 0]]}
        ),
        "solicitations": pd.DataFrame(
            {
                "solicitation_id": np.arange(n),
                "customer_id": [f"c{i}" for i in rng.integers(0, customers, n)],
                "product_id": [f"p{i}" for i in rng.integers(0, products, n)],
                "sent_at": START + pd.to_timedelta(rng.integers(0, days * 86_400, n), unit="s"),
                "channel": rng.choice(["email", "phone"], n),
            }
        ),
        "events": events,
    }
    return Tasted(build_market(frames), shares, frames)


@pytest.fixture(scope="session")
def tasted() -> Callable[..., Tasted]:
    return make_tasted


@pytest.fixture
def changed_future() -> Callable[..., Market]:
    """The same market with everything at or after a moment deleted, or shuffled."""

    def change(made: Tasted, moment: pd.Timestamp, how: str) -> Market:
        frames = dict(made.frames)
        rng = np.random.default_rng(99)
        for table, column in (("events", "event_time"), ("solicitations", "sent_at")):
            frame = frames[table].copy()
            late = (frame[column] >= moment).to_numpy()
            if how == "deleted":
                frames[table] = frame[~late]
                continue
            for name in ("customer_id", "product_id"):
                frame.loc[late, name] = rng.permutation(frame.loc[late, name].to_numpy())
            frames[table] = frame
        return build_market(frames)

    return change


@pytest.fixture
def log_score() -> Callable[[np.ndarray, np.ndarray], float]:
    """Expected log share under the truth: a proper score, highest for the truth itself."""

    def score(logits: np.ndarray, shares: np.ndarray) -> float:
        logits = np.asarray(logits, dtype=np.float64)
        logits = logits - logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float((shares * logs).sum(axis=1).mean())

    return score


@dataclass(frozen=True)
class Planted:
    """Training rows whose effect is known: logit uplift of channel c is ``level[c] + slope * x0``."""

    rows: TrainingRows
    organic: np.ndarray
    uplift: np.ndarray


def make_planted(
    seed: int,
    n: int = 12_000,
    columns: int = 4,
    level: tuple[float, ...] = (0.6, 1.0),
    slope: float = 0.5,
    confounding: float = 1.0,
    per_customer: int = 4,
    contacted: float = 0.2,
) -> Planted:
    """The first two columns drive both contact and outcome; controls and contacts are rows of the same customers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    logit = -1.5 + 0.8 * x[:, 0] + 0.5 * x[:, 1]
    propensity = expit(np.log(contacted / (1 - contacted)) + confounding * (0.6 * x[:, 0] + 0.6 * x[:, 1]))
    channel = np.where(rng.random(n) < propensity, rng.integers(1, len(level) + 1, n), 0)
    shift = np.asarray(level)[None, :] + slope * x[:, :1]
    organic, contact = expit(logit), expit(logit[:, None] + shift)
    chosen = np.where(channel > 0, contact[np.arange(n), np.maximum(channel - 1, 0)], organic)
    rows = TrainingRows(
        matrix=x.astype(np.float32),
        names=tuple(f"x{i}" for i in range(columns)),
        channel=channel,
        channels=tuple(f"c{i}" for i in range(len(level))),
        outcome=(rng.random(n) < chosen).astype(np.float64),
        weights=np.ones(n),
        clusters=np.arange(n) // per_customer,
        modifiers=np.ones(columns, dtype=bool),
    )
    return Planted(rows, organic, contact - organic[:, None])


@pytest.fixture(scope="session")
def planted() -> Callable[..., Planted]:
    return make_planted
