"""How well an appetite model ranks what was bought later: the objective of tuning where only appetite is asked.

Hides what counts. A model fitted before the purge ranks all products for every customer who bought in the part; the
figure is NDCG with each purchase weighted by its inverse exposure. What a product was exposed is not logged in most
markets, so its share of past purchases stands for it, to a power (Yang et al. 2018 estimate the power; one half lies
between ignoring exposure and trusting it fully). A purchase that followed a contact about the product within the
horizon is left out: it tells of the contact. Where most purchases repeat earlier ones all products are ranked,
elsewhere only those new to the customer, as in `graphrec.learning.appetites.exponents`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.decisions.purchasegraph import appetite_model
from graphrec.decisions.settings import RecommenderConfig
from graphrec.decisions.tuning.periods import Periods, cut_periods
from graphrec.decisions.tuning.scored import Score, customer_groups
from graphrec.evaluation.weightedranking import weighted_ndcg_per_customer
from graphrec.learning.appetite import fit_appetite
from graphrec.learning.interactions import Interactions, read_interactions
from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers, make_offers
from graphrec.market.tables import DataError, Market

__all__ = ["TasteTask", "prepare_tastes"]

_DEPTH = 10
_POWER = 0.5
_LEAST = 0.1
"""No exposure is taken to be less than this share of the mean one, so no gain is more than three times the usual."""
_FEWEST_BUYERS = 30
_ENTRIES = 8_000_000
_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class _Later:
    """Purchases of one part that count, and what is left out of the lists."""

    as_of: int
    customers: np.ndarray
    pairs: tuple[np.ndarray, np.ndarray]
    gains: np.ndarray
    seen: sparse.csr_array | None
    groups: np.ndarray


@dataclass(eq=False)
class TasteTask:
    """Everything that candidates share; `score` judges one."""

    market: Market
    base: RecommenderConfig
    offers: Offers
    events: Interactions
    periods: Periods
    seed: int
    _parts: dict[str, _Later] = field(default_factory=dict)

    unit = f"exposure-weighted NDCG@{_DEPTH}, in hundredths"
    scale = 100.0

    def score(self, config: RecommenderConfig, part: str = "validation") -> Score:
        """NDCG of the model of a candidate that learned before a part."""
        later = self.later(part)
        fitted = fit_appetite(self.market, self.offers, later.as_of, appetite_model(config), rng=self.seed)
        lists = np.empty((len(later.customers), _DEPTH), dtype=np.int64)
        step = max(_ENTRIES // max(len(self.offers), 1), 1)
        for start in range(0, len(lists), step):
            chunk = later.customers[start : start + step]
            lists[start : start + step] = _best(fitted.matrix(chunk), None if later.seen is None else later.seen[chunk])
        found = weighted_ndcg_per_customer(lists, later.pairs, later.gains, _DEPTH)
        return Score.of(found, np.ones(len(found)), later.groups)

    def preview(self, config: RecommenderConfig) -> Score | None:
        """Nothing: a filter takes a second."""
        del config
        return None

    def references(self, part: str = "validation") -> dict[str, Score]:
        """None: popularity is a candidate of its own."""
        del part
        return {}

    def later(self, part: str) -> _Later:
        """What counts in a part."""
        if part not in self._parts:
            self._parts[part] = self._gather(part)
        return self._parts[part]

    def _gather(self, part: str) -> _Later:
        as_of = _midnight(self.market, self.periods.learns(part)[1] + 1)
        first, end = (_midnight(self.market, day) for day in _half_open(self.periods.judges(part)))
        past = self.events.before(as_of)
        bought = self.events.since(first).before(end).of_kind("purchase")
        bought = bought._rows(~self._contacted(bought, first, end))
        truth, earlier = bought.matrix().astype(bool), past.matrix().astype(bool)
        repeated = truth.multiply(earlier)
        seen = None
        if 2 * repeated.nnz <= truth.nnz:
            seen, truth = earlier, sparse.csr_array(truth.astype(np.int8) - repeated.astype(np.int8))
            truth.eliminate_zeros()
        customers = np.flatnonzero(np.diff(sparse.csr_array(truth).indptr))
        if len(customers) < _FEWEST_BUYERS:
            raise DataError(
                f"{len(customers)} customers bought something that counts in the {part} period; {_FEWEST_BUYERS} are "
                "needed to compare appetite models: give a longer record"
            )
        rows, products = sparse.csr_array(truth)[customers].nonzero()
        groups = customer_groups(customers, np.random.default_rng([self.seed, part == "last"]))
        return _Later(as_of, customers, (rows, products), _inverse_exposure(past)[products], seen, groups)

    def _contacted(self, bought: Interactions, first: int, end: int) -> np.ndarray:
        """True where a contact about the product came within the horizon before the purchase."""
        sent = to_microseconds(self.market.solicitations["sent_at"])
        product = self.market.codes("solicitations", "product_id").astype(np.int64)
        horizon = self.base.horizon_days * _DAY
        near = (sent >= first - horizon) & (sent < end) & (product >= 0)
        pair = (
            self.market.codes("solicitations", "customer_id")[near] * np.int64(self.events.n_products) + product[near]
        )
        contacts = pd.DataFrame({"pair": pair, "time": sent[near]}).sort_values("time")
        own = bought.customers.astype(np.int64) * self.events.n_products + bought.products
        wanted = pd.DataFrame({"pair": own, "time": bought.times, "row": np.arange(len(own))})
        found = pd.merge_asof(
            wanted, contacts.assign(sent=contacts["time"]), on="time", by="pair", tolerance=horizon
        ).sort_values("row")
        return found["sent"].notna().to_numpy()


def prepare_tastes(market: Market, base: RecommenderConfig, seed: int, say: Callable[[str], None]) -> TasteTask:
    """Read the purchases and cut them.

    Raises
    ------
    DataError
        Nothing was bought, or too few periods or buyers.
    """
    say("reading the purchases")
    events = read_interactions(market)
    times = market.events["event_time"][(market.events["event_type"] == "purchase").to_numpy()]
    if times.empty:
        raise DataError("nobody bought anything in this market, so there is no appetite to tune; check event_type")
    periods = cut_periods(market.local_days(times), base.horizon_days)
    task = TasteTask(market, base, make_offers(market, "product"), events, periods, seed)
    task.later("validation")
    return task


def _best(scores: np.ndarray, seen: sparse.csr_array | None) -> np.ndarray:
    """Codes of the best products of each row, -1 where none is left; equal scores are ordered by code."""
    if seen is not None:
        scores[seen.nonzero()] = -np.inf
    width = min(_DEPTH, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :width]
    found = np.full((len(scores), _DEPTH), -1, dtype=np.int64)
    found[:, :width] = np.where(np.isfinite(np.take_along_axis(scores, order, axis=1)), order, -1)
    return found


def _inverse_exposure(past: Interactions) -> np.ndarray:
    """Gain of each product: its inverse exposure, one for the product of mean exposure."""
    counts = past.popularity() + 1.0
    exposure = np.maximum(counts / counts.mean(), _LEAST) ** _POWER
    return np.asarray(1.0 / exposure)


def _half_open(days: tuple[int, int]) -> tuple[int, int]:
    return days[0], days[1] + 1


def _midnight(market: Market, day: int) -> int:
    """Start of a local day, in microseconds since 1970 (UTC)."""
    local = pd.Timestamp(day, unit="D").tz_localize(market.time_zone, nonexistent="shift_forward", ambiguous=True)
    return int(to_microseconds(pd.Series([local.tz_convert("UTC")]))[0])
