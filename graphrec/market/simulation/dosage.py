"""How often a planted policy contacts a customer, and how much its contact adds.

Hides the recorded history that both depend on. All of it is among the panel's covariates, so adjustment for recorded
history can recover the planted effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from graphrec.market.covariates import DAY, purchase_values
from graphrec.market.history import History, to_microseconds
from graphrec.market.simulation.population import Floats, Ints
from graphrec.market.simulation.structural import sigmoid
from graphrec.market.tables import Market

__all__ = ["Activity", "contact_probabilities", "expected_lines", "shape_effect"]

_RECENT = 84 * DAY
_PRIOR_SHAPE = 1.0
_THRIFT, _IDLE = 0.7, 0.7


@dataclass(frozen=True, eq=False)
class Activity:
    """Purchases of every customer, ready for questions as of a time."""

    history: History
    customers: int
    start: int

    @classmethod
    def of_market(cls, market: Market) -> Activity:
        """Read the purchases of a market."""
        bought = (market.events["event_type"] == "purchase").to_numpy()
        history = History(
            market.codes("events", "customer_id")[bought].astype(np.int64),
            to_microseconds(market.events["event_time"])[bought],
            purchase_values(market)[bought],
        )
        return cls(history, len(market.vocabulary.customers), int(to_microseconds([market.time_span[0]])[0]))

    def days(self, time: int) -> float:
        """Days of record before a time."""
        return (time - self.start) / DAY

    def at(self, time: int) -> tuple[Floats, Floats, Floats]:
        """Standardised activity, thrift and idleness of every customer, known before ``time``.

        Activity is the log of the lines in 84 days, thrift the negative log of spend per line, idleness the log of
        days since the last purchase.
        """
        everyone = np.arange(self.customers)
        when = np.full(self.customers, time)
        lines = self.history.count(everyone, when)
        recent = np.log1p(self.history.count(everyone, when, _RECENT))
        spend = self.history.total(everyone, when) / np.maximum(lines, 1)
        last = np.maximum(self.history.last_time(everyone, when), self.start)
        known = lines > 0
        thrift = np.where(known, -_standard(np.log(np.maximum(spend, 0.01)), known), 0.0)
        return _standard(recent), thrift, _standard(np.log1p((time - last) / DAY))


def _standard(values: Floats, known: np.ndarray | None = None) -> Floats:
    """Centre and scale by the known values; cut at two and a half standard deviations."""
    base = values if known is None or not known.any() else values[known]
    spread = float(base.std())
    return np.clip((values - base.mean()) / spread, -2.5, 2.5) if spread > 0 else np.zeros(len(values))


def contact_probabilities(activity: Floats, share: float, selectivity: float) -> Floats:
    """``sigmoid(a + selectivity activity)`` with the intercept ``a`` at which the mean is ``share``."""
    share = float(np.clip(share, 1e-6, 1 - 1e-6))
    score = selectivity * activity
    reach = 40.0 + float(np.abs(score).max(initial=0.0))
    intercept = brentq(lambda a: float(sigmoid(a + score).mean()) - share, -reach, reach, xtol=1e-12)
    return sigmoid(intercept + score)


def expected_lines(before: Ints, days: float, horizon_days: float) -> Floats:
    """Lines of an offer expected in the horizon from those bought before: the gamma-Poisson posterior mean.

    With prior shape 1 and the mean rate m of all customers (half a line is added, so that m > 0) the daily rate is
    ``(before + 1) / (days + 1 / m)``.
    """
    mean_rate = (before.sum() + 0.5) / (len(before) * days)
    return np.asarray((before + _PRIOR_SHAPE) / (days + _PRIOR_SHAPE / mean_rate) * horizon_days)


def shape_effect(base: Floats, thrift: Floats, idle: Floats, heterogeneity: float) -> Floats:
    """Lines added at lift 1: ``base x h``, with the same sum as ``base`` and ``h`` falling in ``base``."""
    h = np.exp(_THRIFT * thrift + _IDLE * idle) / (base + base.mean())
    shaped = base * h**heterogeneity
    return np.asarray(shaped * base.sum() / shaped.sum())
