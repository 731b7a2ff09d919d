"""Event files with planted segments of habits, for the benchmark of the segmentation.

Hides how a segment becomes events: a point in a space of ten habits, around which its customers lie, is turned into
chances, hours and prices. The generator shares no code with `graphrec.market.clickstream.generation`, so that nothing
is tuned to its own data twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["MIXES", "Mix", "plant_habits"]

_HABITS = 10
_CATEGORIES, _PRODUCTS = 24, 40
_START = 1_704_067_200
_WEEKS = 17


@dataclass(frozen=True)
class Mix:
    """A kind of test market.

    Attributes
    ----------
    name : str
    segments : int
    apart : float
        Distance of the centres, in units in which a habit goes from rare to common over about two.
    within : float
        Standard deviation of the customers around their centre.
    events : float
        Mean number of events of a customer; it varies log-normally (sd 0.8).
    unequal : bool
        Sizes drawn from a Dirichlet distribution instead of equal ones.
    """

    name: str
    segments: int
    apart: float = 0.9
    within: float = 0.25
    events: float = 50.0
    unequal: bool = False


MIXES = (
    Mix("two", 2),
    Mix("well separated", 4, apart=1.1),
    Mix("close", 4, apart=0.55),
    Mix("wide segments", 4, apart=0.8, within=0.45),
    Mix("unequal sizes", 5, unequal=True),
    Mix("few events", 4, events=14.0),
    Mix("eight", 8, apart=1.0, events=70.0),
    Mix("no structure", 1, apart=0.0, within=0.5),
)


def plant_habits(mix: Mix, customers: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Events in the marketplace format, and the segment of each customer (user_id is its position)."""
    share = rng.dirichlet(np.full(mix.segments, 3.0)) * 0.8 + 0.2 / mix.segments if mix.unequal else None
    segment = rng.choice(mix.segments, customers, p=share)
    point = mix.apart * _centres(mix.segments, rng)[segment] + mix.within * rng.normal(size=(customers, _HABITS))
    cart, buy, remove, week_end = (_chance(point[:, i], middle) for i, middle in enumerate((-1.6, -0.2, -1.0, -0.9)))
    looks, breadth = 1 + np.exp(1 + 0.5 * point[:, 4]), np.exp(0.3 + 0.8 * point[:, 5])
    hour, rank = 15 + 3 * point[:, 6], _chance(point[:, 7], 0.0)
    again, pause = _chance(point[:, 8], -1.5), np.exp(3.4 + 0.4 * point[:, 9])
    events = np.maximum(3.0, mix.events * rng.lognormal(-0.32, 0.8, customers))
    visits = np.maximum(1, np.rint(events / (looks * (1 + cart * (1 + buy + (1 - buy) * remove)))).astype(int))
    who = np.repeat(np.arange(customers), visits)
    free = rng.random(len(who)) < week_end[who]
    day = 7 * rng.integers(0, _WEEKS, len(who)) + np.where(
        free, rng.integers(5, 7, len(who)), rng.integers(0, 5, len(who))
    )
    start = day * 86_400 + ((rng.normal(hour[who], 2.5) % 24) * 3600).astype(np.int64)
    depth = rng.geometric(1 / looks[who])
    visit = np.repeat(np.arange(len(who)), depth)
    owner = who[visit]
    product = _products(owner, breadth, rank, again, rng)
    steps = _steps(owner, cart, buy, remove, rng)
    row, kind = steps[:, 0], steps[:, 1]
    wait = 1 + rng.exponential(pause[owner[row]]).astype(np.int64)
    passed = np.cumsum(wait)
    first = np.searchsorted(visit[row], np.arange(len(who)))
    second = start[visit[row]] + passed - passed[first][visit[row]]
    price = np.exp(
        rng.normal(3.5, 0.8, _CATEGORIES)[:, None] + np.sort(rng.normal(0, 0.7, (_CATEGORIES, _PRODUCTS)), 1)
    )
    bought = product[row]
    words = np.array(["view", "cart", "purchase", "remove_from_cart"])
    return pd.DataFrame({
        "event_time": pd.to_datetime(_START + second, unit="s", utc=True),
        "event_type": pd.Categorical.from_codes(kind, words), "product_id": bought,
        "category_id": bought // _PRODUCTS, "brand": pd.Categorical.from_codes(bought % 7, list("abcdefg")),
        "price": np.round(price.reshape(-1)[bought], 2), "user_id": owner[row], "user_session": visit[row],
    }), segment  # fmt: skip


def _centres(k: int, rng: np.random.Generator) -> np.ndarray:
    """Centres, the best spread of a few draws, around zero."""
    draws = [rng.normal(size=(k, _HABITS)) for _ in range(40)]
    gaps = [min((np.linalg.norm(a - b) for i, a in enumerate(d) for b in d[:i]), default=0.0) for d in draws]
    best = draws[int(np.argmax(gaps))]
    return best - best.mean(0)


def _chance(point: np.ndarray, middle: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(middle + 0.9 * point)))


def _products(
    owner: np.ndarray, breadth: np.ndarray, rank: np.ndarray, again: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Products looked at: favourites of each customer, of a price rank, and sometimes the one before."""
    favourite = rng.integers(0, 2**31, owner.max() + 1)[owner]
    place = np.minimum(rng.geometric(1 / (1 + breadth[owner])) - 1, _CATEGORIES - 1)
    category = (favourite + place * 7) % _CATEGORIES
    r = rank[owner] * 6
    product = category * _PRODUCTS + (rng.beta(r + 0.5, 6.5 - r) * _PRODUCTS).astype(np.int64)
    fresh = rng.random(len(owner)) >= again[owner]
    fresh[0] = True
    fresh[1:] |= owner[1:] != owner[:-1]
    return product[np.maximum.accumulate(np.where(fresh, np.arange(len(owner)), 0))]


def _steps(
    owner: np.ndarray, cart: np.ndarray, buy: np.ndarray, remove: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Rows (look, kind) in the order in which they happen."""
    draw = rng.random((3, len(owner)))
    carted = draw[0] < cart[owner]
    bought = carted & (draw[1] < buy[owner])
    removed = carted & ~bought & (draw[2] < remove[owner])
    parts = [(np.arange(len(owner)), 0), *((np.flatnonzero(m), i + 1) for i, m in enumerate((carted, bought, removed)))]
    rows = np.concatenate([np.column_stack([rows, np.full(len(rows), kind)]) for rows, kind in parts])
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]
