r"""How often customers will buy again and for how much: the classical baseline beside recency, frequency and money.

Hides the two likelihoods and their search. Purchases follow BG/NBD (Fader, Hardie & Lee 2005, "Counting your customers
the easy way"): each customer buys at a rate of their own, drawn from a gamma distribution, and after every purchase
leaves for good with a probability of their own, drawn from a beta distribution. Values follow gamma-gamma (Fader &
Hardie 2013): the mean value differs between customers and is independent of how often they buy. Symbols are those of
the papers.

Alternatives considered: `lifetimes` (last release 2020, brings dill), `btyd` (Python below 3.10 and numpy below 2) and
`pymc-marketing` (alive, but Python 3.12 and the whole of PyMC for seven numbers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.tables import DataError, Market

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LifetimeModel", "count_purchases", "fit_lifetime"]

Floats = npt.NDArray[np.float64]

_NEEDED = ("repeats", "recency", "age")
_FEWEST = 50
"""Customers, and among them customers with a repeat purchase for the values, below which nothing is fitted."""


@dataclass(frozen=True)
class LifetimeModel:
    """A fitted model of purchases, and of values where they were known.

    Attributes
    ----------
    r, alpha : float
        Shape and rate (weeks) of the gamma distribution of buying rates.
    a, b : float
        Of the beta distribution of leaving after a purchase.
    p, q, gamma : float
        Of the gamma-gamma distribution of values; missing (nan) where no values were known.
    log_likelihood : float
        Of the purchases.
    """

    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    gamma: float
    log_likelihood: float

    def expected_purchases(self, table: pd.DataFrame, weeks: float) -> Floats:
        """Purchases that each customer is expected to make in the coming weeks.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns repeats, recency and age, as of `count_purchases`.
        weeks : float

        Returns
        -------
        numpy.ndarray, shape (n,)
        """
        from scipy.special import hyp2f1

        x, t_x, age = _columns(table)
        t = _positive("weeks", weeks)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        a = a if abs(a - 1) > 1e-6 else a + 1e-6  # the formula divides by a - 1; the limit is smooth
        share = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + age + t))
        stays = 1 - np.exp((r + x) * (np.log(alpha + age) - np.log(alpha + age + t))) * share
        return np.asarray((a + b + x - 1) / (a - 1) * stays / (1 + self._odds_gone(x, t_x, age)))

    def probability_alive(self, table: pd.DataFrame) -> Floats:
        """Probability that each customer has not left; 1 without a repeat purchase, before which nobody leaves."""
        return np.asarray(1 / (1 + self._odds_gone(*_columns(table))))

    def expected_value(self, table: pd.DataFrame) -> Floats:
        """Mean value of a future purchase of each customer: their own mean, drawn to that of all.

        Raises
        ------
        DataError
            The model was fitted without values, or the table has none.
        """
        if not np.isfinite(self.p) or "mean_value" not in table:
            raise DataError("there are no values of purchases; fit and ask with a table that has the column mean_value")
        x = table["repeats"].to_numpy(np.float64)
        own = np.nan_to_num(table["mean_value"].to_numpy(np.float64))
        return np.asarray(self.p * (self.gamma + x * own) / (self.p * x + self.q - 1))

    def lifetime_value(self, table: pd.DataFrame, weeks: float) -> Floats:
        """Money expected of each customer in the coming weeks, without margin or discount: purchases times value."""
        return np.asarray(self.expected_purchases(table, weeks) * self.expected_value(table))

    def _odds_gone(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Odds of having left after the last purchase."""
        later = np.exp((self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x)))
        return np.asarray(np.where(x > 0, self.a / np.maximum(self.b + x - 1, 1e-12) * later, 0.0))


def count_purchases(
    purchases: Market | pd.DataFrame, *, as_of: datetime | str | None = None, unit_days: float = 7.0
) -> pd.DataFrame:
    """Count the purchases of each customer before a moment.

    Parameters
    ----------
    purchases : Market or pandas.DataFrame
        A market, whose purchases are taken, or a frame with customer_id, event_time and optionally value.
    as_of : datetime or ISO text, optional
        Only purchases strictly before it count; UTC where it has no zone. By default all count.
    unit_days : float
        Days in a unit of time; the parameters of a model belong to one unit.

    Returns
    -------
    pandas.DataFrame, one row for each customer who had bought
        customer_id, repeats (days with a purchase after the first), recency (from the first to the last), age (from the
        first to the moment), both in weeks, mean_value (of a repeat day; missing without one).

    Raises
    ------
    DataError
        A column is missing, or nobody bought before the moment.

    Notes
    -----
    Purchases of one day are one purchase, as in the papers.
    """
    frame, zone = _purchases(purchases)
    try:
        times = pd.to_datetime(frame["event_time"], utc=True, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DataError(f"event_time cannot be read as times: {error}") from error
    moment = times.max() + pd.Timedelta(days=1) if as_of is None else _moment(as_of)
    before = (times < moment).to_numpy()
    if not before.any():
        raise DataError(f"nobody bought before {moment}; choose a later as_of")
    days = times[before].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    value = frame["value"][before] if "value" in frame else pd.Series(np.nan, index=days.index)
    bought = pd.DataFrame({"customer_id": frame["customer_id"][before], "day": days, "value": value})
    daily = bought.groupby(["customer_id", "day"], sort=True)["value"].sum(min_count=1).reset_index()
    grouped = daily.groupby("customer_id", sort=True)
    first, last = grouped["day"].min(), grouped["day"].max()
    today = moment.tz_convert(zone).tz_localize(None).normalize()
    unit = 86_400 * _positive("unit_days", unit_days)
    again = daily[daily["day"] > daily["customer_id"].map(first)].groupby("customer_id")["value"].mean()
    found = {
        "repeats": grouped.size() - 1,
        "recency": (last - first).dt.total_seconds() / unit,
        "age": (last.where(last > today, today) - first).dt.total_seconds() / unit,
        "mean_value": again.reindex(first.index),
    }
    return pd.DataFrame(found).reset_index()


def fit_lifetime(table: pd.DataFrame) -> LifetimeModel:
    """Fit BG/NBD, and gamma-gamma where values are known, by maximum likelihood.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns repeats, recency, age and optionally mean_value, as `count_purchases` makes them.

    Returns
    -------
    LifetimeModel

    Raises
    ------
    DataError
        A column is missing or impossible, there are too few customers, or nobody bought again.

    Notes
    -----
    Assumes that customers buy at a constant rate until they leave, leave only after a purchase, that rate and leaving
    are independent, and that value does not go with frequency. Seasons, campaigns and a rate that grows break it: it is
    a baseline to beat, and says nothing about what a contact changes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.poisson(rng.gamma(0.5, 2.0, 400))
    >>> table = pd.DataFrame({"repeats": x, "recency": np.where(x > 0, 20.0, 0.0), "age": 26.0})
    >>> bool(fit_lifetime(table).expected_purchases(table, 26.0)[x == x.max()].mean() > 1)
    True
    """
    x, t_x, age = _columns(table)
    if len(x) < _FEWEST or x.sum() < 1:
        raise DataError(
            f"there are {len(x)} customers with {int(x.sum())} repeat purchases; at least {_FEWEST} customers "
            "and a repeat purchase are needed"
        )

    def purchases(logs: Floats) -> float:
        return -float(_purchase_likelihood(np.exp(logs), x, t_x, age).sum())

    (r, alpha, a, b), loss = _minimise(purchases, ((0.0, 1.0, 0.0, 1.0), (-1.0, 1.5, -0.5, 1.0), (0.5, 3.0, -2.0, 2.0)))
    p, q, gamma = _fit_values(table, x)
    return LifetimeModel(r, alpha, a, b, p, q, gamma, -loss)


def _purchase_likelihood(parameters: Floats, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Log likelihood of each customer (equation 6 of the paper, in logarithms)."""
    from scipy.special import gammaln

    r, alpha, a, b = parameters
    a1 = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    a2 = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    a3 = -(r + x) * np.log(alpha + age)
    a4 = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return np.asarray(a1 + a2 + np.where(x > 0, np.logaddexp(a3, a4), a3))


def _fit_values(table: pd.DataFrame, x: Floats) -> tuple[float, float, float]:
    """p, q and gamma of the customers who bought again for money."""
    from scipy.special import gammaln

    nothing = (np.nan, np.nan, np.nan)
    if "mean_value" not in table:
        return nothing
    m = table["mean_value"].to_numpy(np.float64)
    use = (x > 0) & np.isfinite(m) & (m > 0)
    if use.sum() < _FEWEST:
        return nothing
    x, m = x[use], m[use]

    def values(logs: Floats) -> float:
        p, q, gamma = np.exp(logs)
        told = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) + (p * x - 1) * np.log(m)
        return -float((told + p * x * np.log(x) - (p * x + q) * np.log(gamma + m * x)).sum())

    p, q, gamma = _minimise(values, ((1.0, 1.0, 2.0), (0.0, 1.0, float(np.log(m.mean())))))[0]
    return p, q, gamma


def _minimise(loss: Callable[[Floats], float], starts: Sequence[tuple[float, ...]]) -> tuple[tuple[float, ...], float]:
    """The best of a search from each start, in logarithms of the parameters."""
    from scipy.optimize import minimize

    tries = [
        minimize(loss, np.array(start), method="L-BFGS-B", bounds=[(-10.0, 10.0)] * len(start)) for start in starts
    ]
    best: Any = min(tries, key=lambda found: float(found.fun))
    return tuple(float(value) for value in np.exp(best.x)), float(best.fun)


def _columns(table: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    lacking = [name for name in _NEEDED if name not in table]
    if lacking:
        raise DataError(f"the table has no column {lacking[0]}; make it with count_purchases")
    x, t_x, age = (table[name].to_numpy(np.float64) for name in _NEEDED)
    if not (np.isfinite(x) & (x >= 0) & (t_x >= 0) & (t_x <= age + 1e-9)).all():
        raise DataError(
            "repeats and recency must be at least 0, and recency at most age; make them with count_purchases"
        )
    return x, t_x, age


def _purchases(purchases: Market | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if isinstance(purchases, Market):
        from graphrec.market.covariates import purchase_values

        bought = (purchases.events["event_type"] == "purchase").to_numpy()
        frame = purchases.events[["customer_id", "event_time"]][bought]
        return frame.assign(value=purchase_values(purchases)[bought]), purchases.time_zone
    for name in ("customer_id", "event_time"):
        if name not in purchases:
            raise DataError(f"the purchases have no column {name}; they have {', '.join(map(str, purchases.columns))}")
    return purchases, "UTC"


def _moment(as_of: datetime | str) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(as_of)
    except (TypeError, ValueError) as error:
        raise DataError(f"as_of is {as_of!r}; give a moment such as '2026-12-21'") from error
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _positive(name: str, value: float) -> float:
    if not np.isfinite(value) or value <= 0:
        raise DataError(f"{name} is {value!r}; give a number above 0")
    return float(value)
