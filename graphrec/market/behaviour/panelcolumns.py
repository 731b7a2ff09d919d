"""The variables of behaviour as columns of the opportunity panel, each row as of its own decision time.

Hides where the formulas come from: they are the expressions of `graphrec.market.behaviour.aggregates`, evaluated over
the running sums of each row, so a variable means the same in a table of customers and in a panel.

Who has done nothing yet has counts of zero; a recency is then the time since the market's first record, as elsewhere
in the panel; shares and means are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from graphrec.market.behaviour.definitions import FEATURE_ROLES
from graphrec.market.behaviour.runningsums import SUMS, RunningSums
from graphrec.market.history import to_microseconds
from graphrec.market.tables import DataError, Market

__all__ = ["PREFIX", "BehaviourColumns", "behaviour_among", "chosen_features"]

PREFIX = "behaviour_"
"""Begins the names of these columns: the panel has a recency of its own."""
_DAY = 86_400_000_000
_ZERO = (
    "tenure_days", "events", "views", "carts", "removals", "purchases", "units", "spend", "orders", "active_days",
    "active_weeks", "products_in_cart_unbought", "products_viewed", "products_bought", "categories", "brands",
    "sessions", "events_last_28", "events_before_28", "trend", "purchases_last_28", "spend_last_28",
)  # fmt: skip
"""Zero for somebody who has done nothing yet."""


def chosen_features(asked: str | Sequence[str]) -> tuple[str, ...]:
    """Names of the variables asked for, each once: ``"none"``, ``"all"``, or a sequence of names.

    Raises
    ------
    DataError
        An unknown variable.

    Examples
    --------
    >>> chosen_features("none"), chosen_features(["trend", "behaviour_trend"])
    ((), ('trend',))
    """
    if isinstance(asked, str):
        if asked not in ("none", "all"):
            raise DataError(f"behaviour is {asked!r}; give 'none', 'all', or a list of variables such as ['trend']")
        return tuple(FEATURE_ROLES) if asked == "all" else ()
    names = tuple(dict.fromkeys(str(name).removeprefix(PREFIX) for name in asked))
    if unknown := [name for name in names if name not in FEATURE_ROLES]:
        raise DataError(
            f"there is no variable of behaviour {unknown[0]!r}; graphrec.market.features.FEATURES lists them"
        )
    return names


def behaviour_among(columns: Sequence[str]) -> tuple[str, ...]:
    """Variables whose columns are among those of a panel."""
    present = set(columns)
    return tuple(name for name in FEATURE_ROLES if PREFIX + name in present)


@dataclass
class BehaviourColumns:
    """Chosen variables of behaviour of a market's customers.

    Parameters
    ----------
    market : Market
    names : tuple of str
        Of `graphrec.market.features.FEATURES`.
    """

    market: Market
    names: tuple[str, ...]
    _sums: RunningSums = field(init=False, repr=False)
    _last: tuple[np.ndarray, np.ndarray, pd.DataFrame] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._sums = RunningSums(self.market)

    @property
    def columns(self) -> dict[str, tuple[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]]]:
        """Each column's class in the ontology, and its values as a function of (customers, offers, times)."""
        return {PREFIX + name: (FEATURE_ROLES[name], partial(self._column, name)) for name in self.names}

    def _column(self, name: str, customers: np.ndarray, offers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """All variables of the same rows are computed at once and asked for one by one."""
        last = self._last
        if last is None or not (np.array_equal(last[0], customers) and np.array_equal(last[1], times)):
            last = self._last = (customers, times, self.at(customers, times))
        return last[2][name].to_numpy(np.float64)

    def at(self, customers: np.ndarray, times: np.ndarray) -> pd.DataFrame:
        """The variables as of each row's time, from the events strictly before it.

        Parameters
        ----------
        customers : (n,) int
            Codes.
        times : (n,) int64
            Microseconds.

        Returns
        -------
        pandas.DataFrame, shape (n, number of names), float64
        """
        query, needed = _formulas(self.names)
        sums = {name: self._sums.before(name, customers, times) for name in needed}
        frame = _evaluate(query, sums)
        nothing = np.isnan(self._sums.before("events", customers, times))
        start = to_microseconds([self.market.time_span[0]])[0]
        for name in self.names:
            if name in _ZERO:
                frame[name] = frame[name].mask(nothing, 0.0)
            elif name.startswith("recency"):
                frame[name] = frame[name].fillna(pd.Series(np.maximum(times - start, 0) / _DAY))
        return frame


def _formulas(names: tuple[str, ...]) -> tuple[str, list[str]]:
    """SQL of the variables over a table of sums, and the sums they need."""
    import ibis
    import ibis.expr.operations as ops

    from graphrec.market.behaviour.aggregates import values_of

    sums = ibis.table(dict.fromkeys(SUMS, "float64"), name="sums")
    values = values_of(sums, 100.0)
    chosen = {name: values[name] for name in names}
    fields: Any = {field.name for value in chosen.values() for field in value.op().find(ops.Field)}
    needed = [name for name in SUMS if name in fields]
    return str(ibis.to_sql(sums.select(**chosen), "duckdb")), needed


def _evaluate(query: str, sums: dict[str, np.ndarray]) -> pd.DataFrame:
    import duckdb
    import pyarrow as pa

    columns = {name: sums.get(name) for name in SUMS}
    rows = len(next(iter(sums.values())))
    given = pa.table(
        {
            name: pa.nulls(rows, pa.float64()) if values is None else pa.array(values, from_pandas=True)
            for name, values in columns.items()
        }
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("sums", given)
        return pd.DataFrame(connection.sql(query).to_arrow_table().to_pandas()).astype(np.float64)
