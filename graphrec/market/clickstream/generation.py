"""Clickstream files in the marketplace format, of any volume, with planted kinds of customers.

Hides how events are drawn: a day at a time, so that memory depends on the number of customers and not of events. Each
day a number of sessions is drawn; each session looks at products of the customer's favourite categories and price
tier, and a look may lead to the cart, to a purchase or out of the cart again. Everything is a vector operation.

Alternative considered: `graphrec.simulate_market`. It knows true effects of contacts, which costs a thousand times
more for each event; here only the kinds of customers are true.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.market.clickstream.assortment import Assortment, make_assortment
from graphrec.market.clickstream.habits import HABITS
from graphrec.market.tables import DataError
from graphrec.market.writing import replacing, write_table

if TYPE_CHECKING:
    import polars as pl

__all__ = ["GeneratedEvents", "generate_events"]

_TYPES = ("view", "cart", "remove_from_cart", "purchase")
_VIEW, _CART, _REMOVE, _PURCHASE = range(4)
_FIRST_USER = 510_000_000
_EVENTS_PER_CUSTOMER, _EVENTS_PER_PRODUCT = 14, 60
_DAY = 86_400
_LONGEST_SESSION = 3 * 3_600


@dataclass(frozen=True)
class GeneratedEvents:
    """What was written.

    Attributes
    ----------
    files : tuple of pathlib.Path
        One gzipped CSV file for each calendar month, in order.
    truth : pathlib.Path
        Parquet file with the columns user_id and segment, one row for each customer.
    events, customers, products : int
        Rows of all files, and sizes of the population drawn from.
    """

    files: tuple[Path, ...]
    truth: Path
    events: int
    customers: int
    products: int


@dataclass(frozen=True)
class _Crowd:
    """The customers: their kind, how often they come, and the seed of their favourites."""

    user_id: np.ndarray
    habit: np.ndarray
    frequency: np.ndarray
    favourites: np.ndarray


def generate_events(
    folder: str | Path,
    events: int = 100_000,
    *,
    days: int = 61,
    start: date = date(2019, 10, 1),
    customers: int | None = None,
    products: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> GeneratedEvents:
    """Write ``events`` events as ``2019-Oct.csv.gz`` and so on, and the kinds of the customers as ``truth.parquet``.

    Parameters
    ----------
    folder : path
        Folder for the files; made where it is missing.
    events : int, at least 1
        Exact number of events.
    days : int, at least 1
        Days over which they spread.
    start : datetime.date
        First day.
    customers, products : int, optional
        Sizes of the population; by default one customer for 14 events and one product for 60, as in the published
        files.
    rng : int, numpy.random.Generator or None
        Same seed, same bytes.

    Returns
    -------
    GeneratedEvents

    Raises
    ------
    DataError
        A size below one, or files that cannot be written.
    """
    customers = customers or max(20, events // _EVENTS_PER_CUSTOMER)
    products = products or max(50, events // _EVENTS_PER_PRODUCT)
    for name, value in {"events": events, "days": days, "customers": customers, "products": products}.items():
        if value < 1:
            raise DataError(f"{name} is {value}; give a number from 1 on")
    crowd_rng, shop_rng, day_rng = np.random.default_rng(rng).spawn(3)
    crowd = _draw_crowd(customers, crowd_rng)
    shop = make_assortment(products, days // 7 + 1, shop_rng)
    target = Path(folder)
    files = tuple(_write_month(target, month, crowd, shop) for month in _months(events, days, start, day_rng))
    truth = target / "truth.parquet"
    write_table(truth, _truth(crowd))
    return GeneratedEvents(files, truth, events, customers, products)


@dataclass(frozen=True)
class _Day:
    day: date
    week: int
    events: int
    rng: np.random.Generator


def _months(events: int, days: int, start: date, rng: np.random.Generator) -> Iterator[list[_Day]]:
    """Days with their number of events, grouped by calendar month."""
    dates = [start + timedelta(days=i) for i in range(days)]
    factors = [
        sum(habit.share * habit.sessions * habit.day_factor(np.datetime64(d)) for habit in HABITS) for d in dates
    ]
    cuts = np.rint(np.cumsum(factors) / sum(factors) * events).astype(int)
    counts = np.diff(cuts, prepend=0)
    planned = [_Day(d, i // 7, int(counts[i]), child) for i, (d, child) in enumerate(zip(dates, rng.spawn(days)))]
    for month in dict.fromkeys((day.day.year, day.day.month) for day in planned):
        yield [day for day in planned if (day.day.year, day.day.month) == month]


def _draw_crowd(customers: int, rng: np.random.Generator) -> _Crowd:
    habit = rng.choice(len(HABITS), customers, p=np.array([h.share for h in HABITS]))
    return _Crowd(
        user_id=_FIRST_USER + np.sort(rng.permutation(customers * 20)[:customers]).astype(np.int64),
        habit=habit,
        frequency=np.array([h.sessions for h in HABITS])[habit] * rng.lognormal(0, 0.8, customers),
        favourites=rng.integers(0, 2**31, customers),
    )


def _truth(crowd: _Crowd) -> pd.DataFrame:

    names = np.array([habit.name for habit in HABITS], dtype=object)
    return pd.DataFrame({"user_id": crowd.user_id, "segment": names[crowd.habit]})


def _write_month(folder: Path, days: list[_Day], crowd: _Crowd, shop: Assortment) -> Path:
    """One file; its name is that of the published files. No time of writing is stored, so the bytes repeat."""
    path = folder / f"{days[0].day:%Y-%b}.csv.gz"
    with replacing(path) as beside, beside.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
        for i, day in enumerate(days):
            if day.events or i == 0:
                file.write(_to_csv(_draw_day(day, crowd, shop), header=i == 0))
    return path


def _to_csv(rows: pl.DataFrame, header: bool) -> bytes:
    written = rows.write_csv(include_header=header, float_precision=2)
    return written.encode()


def _draw_day(day: _Day, crowd: _Crowd, shop: Assortment) -> pl.DataFrame:
    """Events of one day in the order of time, exactly as many as planned."""
    import polars as pl

    parts: list[dict[str, np.ndarray]] = []
    missing = day.events
    while missing > 0:
        parts.append(_draw_sessions(day, crowd, shop, missing))
        missing -= len(parts[-1]["second"])
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else _no_events()
    # Cut at whole looks in the order drawn, then sort: the day ends with the number planned, whoever came last.
    kept = {name: values[: day.events] for name, values in drawn.items()}
    order = np.lexsort((kept["kind"], kept["user"], kept["second"]))
    second, kind, user, product, session = (kept[n][order] for n in ("second", "kind", "user", "product", "session"))
    midnight = np.datetime64(day.day, "s")
    category = shop.category[product]
    return pl.DataFrame(
        {
            "event_time": pl.Series((midnight + second).astype("datetime64[ms]")).dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
            "event_type": pl.Series(np.array(_TYPES, dtype=object), dtype=pl.String).gather(kind),
            "product_id": shop.product_id[product],
            "category_id": shop.category_id[category],
            "category_code": pl.Series(shop.category_code, dtype=pl.String).gather(category),
            "brand": pl.Series(shop.brand, dtype=pl.String).gather(product),
            "price": shop.price(product, day.week) / 100,
            "user_id": crowd.user_id[user],
            "user_session": _session_names(session),
        }
    )


def _no_events() -> dict[str, np.ndarray]:
    return {name: np.zeros(0, dtype=np.int64) for name in ("second", "kind", "user", "product", "session")}


def _draw_sessions(day: _Day, crowd: _Crowd, shop: Assortment, events: int) -> dict[str, np.ndarray]:
    """Sessions that hold about ``events`` events, each look followed by what it led to."""
    rng = day.rng
    factor = np.array([habit.day_factor(np.datetime64(day.day)) for habit in HABITS])
    weight = np.cumsum(crowd.frequency * factor[crowd.habit])
    mean = np.array([habit.mean_events() for habit in HABITS]) @ np.bincount(
        crowd.habit, crowd.frequency * factor[crowd.habit], len(HABITS)
    )
    sessions = max(1, round(1.02 * events * weight[-1] / mean))
    user = np.searchsorted(weight, rng.random(sessions) * weight[-1])
    habit = crowd.habit[user]
    look = rng.geometric(1 / np.array([h.views for h in HABITS])[habit])
    begin = rng.normal(np.array([h.hour for h in HABITS])[habit], np.array([h.spread for h in HABITS])[habit]) % 24
    start = np.minimum((begin * 3600).astype(np.int64), _DAY - _LONGEST_SESSION - 1)
    token = rng.integers(0, 2**62, sessions)
    of = np.repeat(np.arange(sessions), look)
    gaps = rng.exponential(np.minimum(45, _LONGEST_SESSION / 4 / look)[of]).astype(np.int64) + 1
    passed = np.cumsum(gaps)
    since = passed - np.repeat(passed[np.cumsum(look) - look], look)
    second = np.minimum(start[of] + since, _DAY - 600)
    product = _choose_products(crowd, shop, user[of], rng)
    return _follow_up(second, user[of], product, token[of], habit[of], rng)


def _choose_products(crowd: _Crowd, shop: Assortment, user: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A favourite category, the first being likeliest, and a product of the price tier within it."""
    habit = crowd.habit[user]
    breadth = np.array([h.breadth for h in HABITS])[habit]
    rank = rng.geometric(1 / (1 + breadth)) - 1
    k = len(shop.starts) - 1
    category = ((crowd.favourites[user] + rank * 7_919) * 2_654_435_761 % 2**32) % k
    low, high = (np.array([h.tier[i] for h in HABITS])[habit] for i in (0, 1))
    first, size = shop.starts[category], np.diff(shop.starts)[category]
    chosen = first + np.floor(rng.beta(low, high) * size).astype(np.int64)
    return np.asarray(
        np.minimum(chosen, len(shop.product_id) - 1)
    )  # a category without products borrows its neighbour's


def _follow_up(
    second: np.ndarray,
    user: np.ndarray,
    product: np.ndarray,
    session: np.ndarray,
    habit: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Looks, carts, purchases and removals; each look's own events stay together."""
    chance = {name: np.array([getattr(h, name) for h in HABITS])[habit] for name in ("cart", "purchase", "removal")}
    draw = rng.random((3, len(second)))
    cart = draw[0] < chance["cart"]
    bought = cart & (draw[1] < chance["purchase"])
    removed = cart & ~bought & (draw[2] < chance["removal"])
    row = np.concatenate([np.arange(len(second)), *(np.flatnonzero(mask) for mask in (cart, bought, removed))])
    count = [len(second), int(cart.sum()), int(bought.sum()), int(removed.sum())]
    kind = np.repeat([_VIEW, _CART, _PURCHASE, _REMOVE], count)
    later = np.repeat([0, 20, 180, 240], count)
    order = np.lexsort((later, row))
    row, kind, later = row[order], kind[order], later[order]
    return {
        "second": second[row] + later, "kind": kind, "user": user[row], "product": product[row], "session": session[row]
    }  # fmt: skip


def _session_names(token: np.ndarray) -> pl.Series:
    """Tokens as text in the form of a UUID: digits and dashes at their places, all rows at once."""
    import polars as pl

    words = np.stack([token, (token * 2_862_933_555_777_941_757 + 3_037_000_493)]).T.astype(">i8")
    digits = np.frombuffer(words.tobytes().hex().encode(), dtype="S1").reshape(-1, 32)
    named = np.full((len(token), 36), b"-", dtype="S1")
    for start, end, shift in ((0, 8, 0), (8, 12, 1), (12, 16, 2), (16, 20, 3), (20, 32, 4)):
        named[:, start + shift : end + shift] = digits[:, start:end]
    return pl.Series(named.reshape(-1).view("S36").astype("U36").astype(object), dtype=pl.String)
