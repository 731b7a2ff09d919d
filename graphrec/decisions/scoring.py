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

from graphrec.learning.appetite import Appetite
from graphrec.learning.effects import EffectModel
from graphrec.learning.heads.registry import predict_quickly
from graphrec.learning.response import Response
from graphrec.market.covariates import Covariates
from graphrec.market.tables import DataError

__all__ = ["SCORE_COLUMNS", "Money", "Scorer", "best_rows", "final_grades", "uplift_interval"]

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
class Money:
    """What a conversion is worth and what a contact costs, in the market's currency.

    Attributes
    ----------
    value : numpy.ndarray, shape (n_offers,)
        Money gained when the offer is bought.
    cost : dict of str to float
        Cost of one contact by channel.
    """

    value: np.ndarray
    cost: dict[str, float]


@dataclass(frozen=True, eq=False)
class Scorer:
    """Everything needed to score one market at one moment.

    ``possible``, shape (len(offers), number of channels), is False where an offer and a channel cannot go together;
    ``tried``, shape (len(offers),), is False where no training row was a contact about the offer.
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

    def scores(self, customers: np.ndarray, channels: Sequence[str], n: int, by: str) -> pd.DataFrame:
        """Best ``n`` rows of each customer (codes), with `SCORE_COLUMNS`; customers in the order given.

        Raises
        ------
        DataError
            No offer goes with the channels.
        """
        positions = [self.effects.channels.index(channel) for channel in channels]
        if not self.possible[:, positions].any():
            raise DataError(f"no offer of this market goes through {', '.join(channels)}; choose other channels")
        per_chunk = max(1, _CHUNK_ROWS // max(len(self.offers), 1))
        parts = [
            self._chunk(customers[start : start + per_chunk], positions, n, by)
            for start in range(0, len(customers), per_chunk)
        ]
        return pd.concat(parts, ignore_index=True)

    def potential_outcomes(self, customers: np.ndarray) -> Iterator[tuple[np.ndarray, Response]]:
        """Chunks of (customer codes, potential outcomes of customers x offers, customers varying slowest)."""
        per_chunk = max(1, _CHUNK_ROWS // max(len(self.offers), 1))
        for start in range(0, len(customers), per_chunk):
            chunk = customers[start : start + per_chunk]
            yield chunk, self.effects.model.predict(self.effects.design.transform(self.frame(chunk)))

    def frame(self, customers: np.ndarray) -> pd.DataFrame:
        """Covariates (with appetite) of customers x offers, customers varying slowest."""
        frame = self.covariates.grid(customers, self.offers, self.time)
        if self.appetite is not None:
            frame["appetite"] = self.appetite.matrix(customers)[:, self.offers].ravel()
        return frame

    def _chunk(self, customers: np.ndarray, positions: list[int], n: int, by: str) -> pd.DataFrame:
        matrix = self.effects.design.transform(self.frame(customers))
        response = predict_quickly(self.effects.model, matrix)
        n_offers, n_channels = len(self.offers), len(positions)
        shape = (len(customers), n_offers, n_channels)
        names = np.array([self.effects.channels[c] for c in positions])
        cost = np.array([self.money.cost.get(channel, 0.0) for channel in names])
        value = self.money.value[self.offers]
        uplift = response.uplift[:, positions].reshape(shape)
        net = uplift * value[None, :, None] - cost
        possible = self.possible[:, positions]
        key = np.where(possible, uplift if by == "uplift" else net, -np.inf)
        best = best_rows(key.reshape(len(customers), -1), min(n, int(possible.sum())))
        k = best.shape[1]
        row = (np.arange(len(customers))[:, None] * n_offers + best // n_channels).ravel()
        offer, channel = (best // n_channels).ravel(), (best % n_channels).ravel()
        column = np.array(positions)[channel]
        p_organic, p_contact = response.p_organic[row], response.p_contact[row, column]
        shown, place = np.unique(row, return_inverse=True)
        se = self.effects.model.predict(matrix[shown]).se[place, column]
        alike = self.effects.exposure.supported(matrix[shown])[place] & self.tried[offer]
        grades = final_grades(self.effects, column, alike)
        low, high = uplift_interval(p_organic, p_contact, se, self.level, grades)
        return pd.DataFrame(
            {
                "customer_id": np.repeat(self.covariates.market.vocabulary.customers.decode(customers), k),
                "rank": np.tile(np.arange(1, k + 1), len(customers)),
                self.covariates.offers.id_column: self.covariates.offers.index.decode(self.offers[offer]),
                "channel": names[channel],
                "slot": None,
                "p_organic": p_organic,
                "p_contact": p_contact,
                "uplift": p_contact - p_organic,
                "uplift_low": low,
                "uplift_high": high,
                "value": value[offer],
                "cost": cost[channel],
                "net_value": (p_contact - p_organic) * value[offer] - cost[channel],
                "grade": grades,
            }
        )


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
    p_organic: np.ndarray, p_contact: np.ndarray, se: np.ndarray, level: float, grades: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal interval of the conditional mean uplift, kept inside what probabilities allow.

    Of grade X the data exclude no effect at all, and the interval says so; nan where the head gives no standard error.
    """
    margin = norm.ppf(0.5 + level / 2) * se
    uplift, unknown = p_contact - p_organic, grades == "X"
    low = np.where(unknown, -p_organic, np.maximum(uplift - margin, -p_organic))
    return low, np.where(unknown, 1 - p_organic, np.minimum(uplift + margin, 1 - p_organic))
