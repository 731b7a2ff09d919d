"""Scores of every customer, offer and channel at a moment, best first, in bounded memory.

Hides the walk over customers in chunks: covariates as of the moment, appetite, potential outcomes, money, and the
choice of the best rows of each customer. Standard errors and support are worked out for the rows chosen only. Memory is
about 40 bytes x columns x rows of a chunk (200,000 rows).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from graphrec.decisions.harm import Harm
from graphrec.decisions.money import Money
from graphrec.learning.appetite import Appetite
from graphrec.learning.credibility.hidden import HiddenCause
from graphrec.learning.effects import EffectModel
from graphrec.learning.heads.registry import predict_quickly, predict_slots, slots_of
from graphrec.learning.response import Response
from graphrec.market.covariates import Covariates
from graphrec.market.tables import DataError

__all__ = ["SCORE_COLUMNS", "Scorer", "Ways", "best_rows", "final_grades", "uplift_interval"]

SCORE_COLUMNS = (
    "customer_id",
    "rank",
    "product_id",
    "channel",
    "slot",
    "p_organic",
    "p_contact",
    "uplift",
    "uplift_low",
    "uplift_high",
    "value",
    "cost",
    "net_value",
    "grade",
)
_CHUNK_ROWS = 200_000


@dataclass(frozen=True, eq=False)
class Ways:
    """Ways to contact somebody: channels, or channels crossed with slots.

    Attributes
    ----------
    channel : numpy.ndarray of int, shape (w,)
        Position of each way's channel among those learned.
    column : numpy.ndarray of int, shape (w,)
        Position of each way among the columns of a prediction.
    asked : list of int or None
        Positions of the slots to predict; None without slots.
    slot : numpy.ndarray of str or None
        Slot of each way.
    """

    channel: np.ndarray
    column: np.ndarray
    asked: list[int] | None
    slot: np.ndarray | None

    @classmethod
    def of(cls, effects: EffectModel, channels: Sequence[int], slots: Sequence[str]) -> Ways:
        """The channels (positions) in each of the slots (names)."""
        channel = np.array(channels, dtype=np.int64)
        if not slots:
            return cls(channel, channel, None, None)
        known, n = slots_of(effects.model), len(slots)
        column = channel[:, None] * n + np.arange(n)
        asked = [known.index(slot) for slot in slots]
        return cls(np.repeat(channel, n), column.ravel(), asked, np.tile(np.array(slots, dtype=object), len(channel)))


@dataclass(frozen=True, eq=False)
class Scorer:
    """Everything needed to score one market at one moment.

    ``possible``, shape (len(offers), number of channels), is False where an offer and a channel cannot go together;
    ``tried``, shape (len(offers),), is False where no training row was a contact about the offer; ``harm`` is what a
    contact breaks, where that is known.
    """

    effects: EffectModel
    appetite: Appetite | None
    covariates: Covariates
    offers: np.ndarray
    money: Money
    time: int
    level: float
    possible: np.ndarray
    tried: np.ndarray
    harm: Harm | None = None

    def scores(
        self, customers: np.ndarray, channels: Sequence[str], n: int, by: str, slots: Sequence[str] = ()
    ) -> pd.DataFrame:
        """Best ``n`` rows of each customer (codes), with `SCORE_COLUMNS`; customers in the order given.

        With ``slots`` every channel is tried in each of them.

        Raises
        ------
        DataError
            No offer goes with the channels.
        """
        positions = [self.effects.channels.index(channel) for channel in channels]
        if not self.possible[:, positions].any():
            raise DataError(f"no offer of this market goes through {', '.join(channels)}; choose other channels")
        per_chunk = max(1, _CHUNK_ROWS // max(len(self.offers), 1))
        ways = Ways.of(self.effects, positions, slots)
        parts = [
            self._chunk(customers[start : start + per_chunk], ways, n, by)
            for start in range(0, len(customers), per_chunk)
        ]
        return pd.concat(parts, ignore_index=True)

    def potential_outcomes(self, customers: np.ndarray) -> Iterator[tuple[np.ndarray, Response]]:
        """Chunks of (customer codes, potential outcomes of customers x offers, customers varying slowest)."""
        per_chunk = max(1, _CHUNK_ROWS // max(len(self.offers), 1))
        for start in range(0, len(customers), per_chunk):
            chunk = customers[start : start + per_chunk]
            matrix = self.effects.design.transform(self.frame(chunk))
            yield chunk, self.effects.corrected(self.effects.model.predict(matrix))

    def frame(self, customers: np.ndarray) -> pd.DataFrame:
        """Covariates (with appetite) of customers x offers, customers varying slowest."""
        frame = self.covariates.grid(customers, self.offers, self.time)
        if self.appetite is not None:
            frame["appetite"] = self.appetite.matrix(customers)[:, self.offers].ravel()
        return frame

    def _response(self, matrix: np.ndarray, ways: Ways, by: str) -> Response:
        """Potential outcomes; with standard errors, at five times the price, only where the ranking needs them."""
        if by == "uplift_low":
            return self.effects.doubted(predict_slots(self.effects.model, matrix, ways.asked), matrix)
        return self.effects.corrected(predict_quickly(self.effects.model, matrix, ways.asked))

    def _lower_ends(self, response: Response, ways: Ways) -> np.ndarray:
        """Lower end of the interval of each row and way; the uplift where the head gives no standard error."""
        grades = np.array([self.effects.grades[name] for name in self.effects.channels])[ways.channel]
        organic, contact = response.p_organic[:, None], response.p_contact[:, ways.column]
        low, _ = self._interval(organic, contact, response.se[:, ways.column], grades)
        return np.where(np.isnan(low), contact - organic, low)

    def _interval(
        self, organic: np.ndarray, contact: np.ndarray, se: np.ndarray, grades: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        effects = self.effects
        return uplift_interval(organic, contact, se, self.level, grades, hidden=effects.hidden, binary=effects.binary)

    def _chunk(self, customers: np.ndarray, ways: Ways, n: int, by: str) -> pd.DataFrame:
        matrix = self.effects.design.transform(self.frame(customers))
        response = self._response(matrix, ways, by)
        n_offers, n_ways = len(self.offers), len(ways.channel)
        shape = (len(customers), n_offers, n_ways)
        names = np.array(self.effects.channels)[ways.channel]
        cost = np.array([self.money.cost.get(channel, 0.0) for channel in names])
        value = self.money.value[self.offers]
        uplift = response.uplift[:, ways.column].reshape(shape)
        gain = uplift * value[None, :, None] - cost
        broken = np.zeros(1) if self.harm is None else self.harm.money(matrix)[:, ways.channel].reshape(shape)
        net = gain - broken
        possible = self.possible[:, ways.channel]
        # What sells and chases away is not advised by net value, and graded down where it stands out by uplift.
        harmful = np.broadcast_to((gain > 0) & (net <= 0) & (broken > 0), shape).reshape(len(customers), -1)
        wanted = {"uplift": uplift, "net_value": net}.get(by)
        wanted = self._lower_ends(response, ways).reshape(shape) if wanted is None else wanted
        key = np.where(possible, wanted, -np.inf).reshape(len(customers), -1)
        key = np.where(harmful, -np.inf, key) if by == "net_value" else key
        best = best_rows(key, min(n, int(possible.sum())))
        k = best.shape[1]
        row = (np.arange(len(customers))[:, None] * n_offers + best // n_ways).ravel()
        offer, way = (best // n_ways).ravel(), (best % n_ways).ravel()
        column = ways.column[way]
        p_organic, p_contact = response.p_organic[row], response.p_contact[row, column]
        shown, place = np.unique(row, return_inverse=True)
        doubted = self.effects.doubted(predict_slots(self.effects.model, matrix[shown], ways.asked), matrix[shown])
        se = doubted.se[place, column]
        alike = self.effects.exposure.supported(matrix[shown])[place] & self.tried[offer]
        grades = final_grades(self.effects, ways.channel[way], alike)
        own = np.arange(len(customers))[:, None], best
        grades = np.where(harmful[own].ravel() & np.isin(grades, ("A", "B")), "C", grades)
        low, high = self._interval(p_organic, p_contact, se, grades)
        found = pd.DataFrame(
            {
                "customer_id": np.repeat(self.covariates.market.vocabulary.customers.decode(customers), k),
                "rank": np.tile(np.arange(1, k + 1), len(customers)),
                self.covariates.offers.id_column: self.covariates.offers.index.decode(self.offers[offer]),
                "channel": names[way],
                "slot": None if ways.slot is None else ways.slot[way],
                "p_organic": p_organic,
                "p_contact": p_contact,
                "uplift": p_contact - p_organic,
                "uplift_low": low,
                "uplift_high": high,
                "value": value[offer],
                "cost": cost[way],
                "net_value": net.reshape(len(customers), -1)[own].ravel(),
                "grade": grades,
            }
        )
        kept = ~np.isneginf(key[own]).ravel()
        return found if kept.all() else found[kept]


def best_rows(key: np.ndarray, n: int) -> np.ndarray:
    """Columns of the ``n`` largest values of each row, best first; ties go to the lower column.

    Parameters
    ----------
    key : numpy.ndarray, shape (rows, columns)
    """
    rows, width = key.shape
    if n < width:
        known = np.where(np.isnan(key), -np.inf, key)
        last = np.partition(known, width - n, axis=1)[:, width - n, None]
        above, tied = known > last, known == last
        room = n - above.sum(axis=1, keepdims=True)
        found = np.nonzero(above | (tied & (np.cumsum(tied, axis=1) <= room)))[1].reshape(rows, n)
    else:
        found = np.tile(np.arange(width), (rows, 1))
    order = np.argsort(-np.take_along_axis(key, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def final_grades(effects: EffectModel, channel: np.ndarray, supported: np.ndarray) -> np.ndarray:
    """Grade of each row: that of its channel (a position), and C instead of B where nobody alike was contacted."""
    grades = np.array([effects.grades[name] for name in effects.channels])[channel]
    return np.where((grades == "B") & ~supported, "C", grades)


def uplift_interval(
    p_organic: np.ndarray,
    p_contact: np.ndarray,
    se: np.ndarray,
    level: float,
    grades: np.ndarray,
    *,
    hidden: HiddenCause | None = None,
    binary: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Normal interval of the conditional mean uplift, kept inside what probabilities allow.

    Of grade X the data exclude no effect at all, and the interval says so; nan where the head gives no standard error.
    With a ``hidden`` cause both ends move out by what it could do. An amount (not ``binary``) has no bounds.
    """
    margin = norm.ppf(0.5 + level / 2) * se
    if hidden is not None:
        margin = margin + hidden.margin(p_organic, p_contact)
    uplift, unknown = p_contact - p_organic, grades == "X"
    least, most = (-p_organic, 1 - p_organic) if binary else (-np.inf, np.inf)
    low = np.where(unknown, least, np.maximum(uplift - margin, least))
    return low, np.where(unknown, most, np.minimum(uplift + margin, most))
