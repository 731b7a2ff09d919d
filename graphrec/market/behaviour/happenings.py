"""What happened in a shop: volumes, funnel, categories, prices, gaps, odd customers and the calendar.

Hides the queries. Everything is counted in the database; what comes back is small tables, groups of customers only.
Odd customers are flagged, not removed: a robot is one that looks at many products in some hour and never buys.

Holidays are those of trade rather than of any country; Easter by the rule of Meeus.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from graphrec.market.tables import EVENT_TYPES, DataError

if TYPE_CHECKING:
    from graphrec.market.clickstream.database import EventDatabase

__all__ = ["Happenings", "describe_events", "holidays"]

_ROBOT_VIEWS_AN_HOUR = 100
_DAY = "((floor(epoch(event_time))::BIGINT + utc_offset * 60) // 86400)::INTEGER"
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True, eq=False)
class Happenings:
    """What the database holds, in small tables.

    Attributes
    ----------
    totals : mapping of str to int
        events, customers, sessions, products, shared_sessions (session names of more than one customer), robots,
        robot_events, dear_events (price above a hundred times the median).
    first, last : datetime.datetime
        Span of the events, UTC.
    days : pandas.DataFrame
        day, one column for each type of event, holiday (its name, or empty) and lift (events over the median of the
        same weekday).
    funnel : pandas.DataFrame
        step, sessions, share.
    categories : pandas.DataFrame
        category, views, purchases, revenue (cents), rate; the twenty with the most revenue, of those that at least
        ``k`` customers looked at.
    missing : pandas.DataFrame
        column, share of events without a value.
    prices : pandas.DataFrame
        quantile, viewed, bought (cents).
    price_history : pandas.DataFrame
        product_id, week, cents (mean), stock (mean, missing where none is recorded); the five products viewed most.
    loads, quarantine : pandas.DataFrame
        What became of each file; lines set aside by reason.
    """

    totals: dict[str, int]
    first: datetime
    last: datetime
    days: pd.DataFrame
    funnel: pd.DataFrame
    categories: pd.DataFrame
    missing: pd.DataFrame
    prices: pd.DataFrame
    price_history: pd.DataFrame
    loads: pd.DataFrame
    quarantine: pd.DataFrame


def describe_events(database: EventDatabase, *, k: int = 10) -> Happenings:
    """Count what the database holds.

    Parameters
    ----------
    database : EventDatabase
    k : int, at least 2
        Categories of fewer customers are not shown: a rare one could point to a person.

    Raises
    ------
    DataError
        There is no event, or ``k`` is below 2.
    """
    if k < 2:
        raise DataError(f"k is {k}; a group of one is a person, so give at least 2")
    query = "SELECT min(event_time), max(event_time), count(*) FROM events"
    ((first, last, n),) = database.connection.execute(query).fetchall()
    if not n:
        raise DataError(f"{database.path} holds no event; load a file first")
    return Happenings(
        totals=_totals(database),
        first=first,
        last=last,
        days=_days(database),
        funnel=_funnel(database),
        categories=_table(
            database,
            "SELECT name AS category, count(*) FILTER (event_type = 0) AS views, count(*) FILTER (event_type = 3) AS "
            "purchases, coalesce(sum(cents * quantity) FILTER (event_type = 3), 0)::BIGINT AS revenue FROM events "
            f"JOIN categories USING (category) GROUP BY name HAVING count(DISTINCT customer) >= {k} "
            "ORDER BY revenue DESC, views DESC, name LIMIT 20",
        ).assign(rate=lambda table: table["purchases"] / table["views"].where(table["views"] > 0)),
        missing=_missing(database),
        prices=_prices(database),
        price_history=_price_history(database),
        loads=_table(
            database,
            "SELECT file, events, set_aside, repeated, late, withheld, first_time, last_time FROM loads ORDER BY load",
        ),
        quarantine=_table(
            database,
            "SELECT coalesce(column_name || ' ', 'line ') || reason AS reason, count(*) AS lines, "
            "min(line) AS first_line FROM quarantine GROUP BY ALL ORDER BY lines DESC, reason",
        ),
    )


def holidays(first: date, last: date) -> dict[date, str]:
    """Days of trade between two dates, both included.

    Examples
    --------
    >>> {str(day): name for day, name in holidays(date(2019, 11, 12), date(2019, 12, 24)).items()}
    {'2019-11-29': 'Black Friday', '2019-12-02': 'Cyber Monday', '2019-12-24': 'Christmas Eve'}
    """
    found: dict[date, str] = {}
    for year in range(first.year, last.year + 1):
        thanks = date(year, 11, 1) + timedelta(days=(3 - date(year, 11, 1).weekday()) % 7 + 21)
        fixed = {
            (1, 1): "New Year", (2, 14): "Valentine's Day", (3, 8): "Women's Day", (11, 11): "Singles' Day",
            (12, 24): "Christmas Eve", (12, 25): "Christmas", (12, 31): "New Year's Eve",
        }  # fmt: skip
        days = {date(year, *month_day): name for month_day, name in fixed.items()}
        days |= {_easter(year): "Easter", thanks + timedelta(1): "Black Friday", thanks + timedelta(4): "Cyber Monday"}
        found |= {day: days[day] for day in sorted(days) if first <= day <= last}
    return found


def _easter(year: int) -> date:
    """Sunday of Easter in the Gregorian calendar (Meeus 1991, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _table(database: EventDatabase, query: str) -> pd.DataFrame:
    return pd.DataFrame(database.connection.sql(query).to_arrow_table().to_pandas())


def _totals(database: EventDatabase) -> dict[str, int]:
    row = _table(
        database,
        "SELECT count(*) AS events, count(DISTINCT customer) AS customers, count(DISTINCT session) AS sessions, "
        "count(DISTINCT product) AS products, count(*) FILTER (cents > 100 * (SELECT median(cents) FROM events)) AS "
        "dear_events FROM events",
    )
    shared = _table(
        database,
        "SELECT count(*) AS n FROM (SELECT session FROM events WHERE session IS NOT NULL GROUP BY session "
        "HAVING min(customer) < max(customer))",
    )
    hours = (
        "SELECT customer, floor(epoch(event_time))::BIGINT // 3600 AS hour, count(*) AS n, "
        "count(*) FILTER (event_type = 0) AS views, count(*) FILTER (event_type = 3) AS bought FROM events GROUP BY ALL"
    )
    robots = _table(
        database,
        "SELECT count(*) AS n, coalesce(sum(events), 0)::BIGINT AS events FROM (SELECT customer, "
        f"sum(n)::BIGINT AS events, max(views) AS most, sum(bought) AS bought FROM ({hours}) "
        f"GROUP BY customer HAVING most >= {_ROBOT_VIEWS_AN_HOUR} AND bought = 0)",
    )
    counts = {str(name): value for name, value in row.iloc[0].items()} | {
        "shared_sessions": shared.at[0, "n"], "robots": robots.at[0, "n"], "robot_events": robots.at[0, "events"]
    }  # fmt: skip
    return {name: int(value) for name, value in counts.items()}


def _days(database: EventDatabase) -> pd.DataFrame:
    counts = ", ".join(f"count(*) FILTER (event_type = {i}) AS {name}" for i, name in enumerate(EVENT_TYPES[:4]))
    days = _table(database, f"SELECT {_DAY} AS day, count(*) AS events, {counts} FROM events GROUP BY 1 ORDER BY 1")
    days["day"] = [date(1970, 1, 1) + timedelta(days=int(day)) for day in days["day"]]
    named = holidays(days["day"].iloc[0], days["day"].iloc[-1])
    days["holiday"] = [named.get(day, "") for day in days["day"]]
    weekday = pd.Series([day.weekday() for day in days["day"]])
    days["lift"] = days["events"] / days.groupby(weekday)["events"].transform("median")
    return days


def _funnel(database: EventDatabase) -> pd.DataFrame:
    row = _table(
        database,
        "SELECT count(*) AS sessions, count(*) FILTER (viewed) AS viewed, count(*) FILTER (carted) AS carted, "
        "count(*) FILTER (bought) AS bought FROM (SELECT customer, session, bool_or(event_type = 0) AS viewed, "
        "bool_or(event_type = 1) AS carted, bool_or(event_type = 3) AS bought FROM events GROUP BY ALL)",
    ).iloc[0]
    steps = {"all sessions": "sessions", "with a view": "viewed", "with a cart": "carted", "with a purchase": "bought"}
    table = pd.DataFrame({"step": list(steps), "sessions": [int(row[name]) for name in steps.values()]})
    return table.assign(share=table["sessions"] / table["sessions"].iloc[0])


def _missing(database: EventDatabase) -> pd.DataFrame:
    columns = ("session", "product", "category", "brand", "cents", "stock")
    counts = ", ".join(f"1 - count({name}) / count(*) AS {name}" for name in columns)
    row = _table(database, f"SELECT {counts} FROM events").iloc[0]
    return pd.DataFrame({"column": columns, "share": [float(row[name]) for name in columns]})


def _prices(database: EventDatabase) -> pd.DataFrame:
    quantiles = list(_QUANTILES)
    row = _table(
        database,
        f"SELECT quantile_disc(cents, {quantiles}) FILTER (event_type = 0) AS viewed, "
        f"quantile_disc(cents, {quantiles}) FILTER (event_type = 3) AS bought FROM events",
    ).iloc[0]
    nothing = [None] * len(quantiles)
    values = {name: nothing if row[name] is None else list(row[name]) for name in ("viewed", "bought")}
    return pd.DataFrame({"quantile": quantiles} | values)


def _price_history(database: EventDatabase) -> pd.DataFrame:
    return _table(
        database,
        "WITH top AS (SELECT product FROM events WHERE event_type = 0 AND product IS NOT NULL GROUP BY product "
        "ORDER BY count(*) DESC, product LIMIT 5) SELECT product_id, date_trunc('week', event_time)::DATE AS week, "
        "avg(cents) AS cents, avg(stock) AS stock FROM events JOIN top USING (product) JOIN products USING (product) "
        "WHERE cents IS NOT NULL GROUP BY ALL ORDER BY product_id, week",
    )
