"""Segments of customers by their habits of visit and purchase: the door of this room.

Hides the order of things: measure habits and their chance, find the segments on customers with enough events, measure
from how many events on a segment can be trusted, then assign everybody, or abstain. Whoever comes later is assigned
without fitting anything again.

Alternative considered: clustering all customers at once on counts of events. Customers of two or three events then make
the segments, and the segments are new, small and large customers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.segmentation.clustercount import choose_count
from graphrec.market.segmentation.eventsources import Source, read_blocks, read_events
from graphrec.market.segmentation.eventtable import EventTable
from graphrec.market.segmentation.habitmeasures import Habits, learn_prices, measure_habits
from graphrec.market.segmentation.habitscale import learn_scale
from graphrec.market.segmentation.mixture import Mixture
from graphrec.market.segmentation.onecustomer import table_of_one
from graphrec.market.segmentation.rulecard import RuleCard, make_rule_card
from graphrec.market.segmentation.segmentnames import (
    define_segments,
    name_segments,
    tell_reason,
    tell_reliability,
    words_of,
)
from graphrec.market.segmentation.segmentprofiles import describe_segments
from graphrec.market.segmentation.trustworthiness import (
    Curve,
    Yardstick,
    compare_assigners,
    compare_months,
    judge_stability,
    measure_reliability,
)
from graphrec.market.tables import DataError

__all__ = ["Segmentation", "segment_customers"]

_SCALE_CUSTOMERS, _CHOICE_CUSTOMERS, _FIT_CUSTOMERS = 20_000, 2_500, 10_000
_ENOUGH_EVENTS, _ENOUGH_CUSTOMERS = 10, 300


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Segments, and everything that says how far to trust them.

    Attributes
    ----------
    customers : pandas.DataFrame
        customer_id, segment (1, 2, ..., the largest first; missing where abstained), probability, abstained, reason
        ("few events" or "between segments"), likeliest (the best guess, also where abstained), events.
    profiles : pandas.DataFrame
        One row for each segment and one for all (segment 0): see `segmentprofiles.describe_segments`.
    minimum_events : int
        Number of events below which a customer is not assigned.
    least_probability : float
        Posterior probability below which a customer is not assigned.
    reliability : pandas.DataFrame
        The curve that chose the minimum; see `trustworthiness.Curve`.
    choice : pandas.DataFrame
        Numbers of segments that were tried; see `clustercount.ClusterCount`.
    stability : pandas.DataFrame
        segment, jaccard (mean over bootstraps of the customers), verdict, stays; see `trustworthiness.judge_stability`.
    months, migration : pandas.DataFrame
        Agreement of consecutive months, and who went where; see `trustworthiness.compare_months`.
    assigners : pandas.DataFrame
        The soft assignment beside k-nearest neighbours, a tree and a support vector machine.
    habits : pandas.DataFrame
        Habits that were measured, how reliable each is, and why some were left out.
    rule_card : RuleCard
        The segments in at most eight rules, and how often these are right.
    set_aside : mapping of str to int
        Events that could not be used, by reason.
    """

    customers: pd.DataFrame
    profiles: pd.DataFrame
    minimum_events: int
    least_probability: float
    reliability: pd.DataFrame
    choice: pd.DataFrame
    stability: pd.DataFrame
    months: pd.DataFrame
    migration: pd.DataFrame
    assigners: pd.DataFrame
    habits: pd.DataFrame
    rule_card: RuleCard
    set_aside: Mapping[str, int]
    yardstick: Yardstick
    found: str
    agreement: float
    reached: bool
    time_zone: str

    @property
    def size(self) -> int:
        """Number of segments."""
        return self.yardstick.mixture.size

    @property
    def names(self) -> dict[int, str]:
        """Name of each segment, in English."""
        return self.names_in("en")

    @property
    def definitions(self) -> dict[int, str]:
        """One line on each segment, in English."""
        return define_segments(self.profiles, "en")

    @property
    def reliability_sentence(self) -> str:
        """Why this minimum number of events."""
        return self.tell("en")

    @property
    def reason(self) -> str:
        """Why this number of segments."""
        return tell_reason(self.found, self.size, self.stability, "en")

    def names_in(self, language: str) -> dict[int, str]:
        """Name of each segment in ``"en"`` or ``"fr"``."""
        return name_segments(self.profiles, language)

    def tell(self, language: str = "en") -> str:
        """Why this minimum number of events, in a language."""
        curve = Curve(self.reliability, self.minimum_events, self.reached, 0)
        return tell_reliability(curve, self.agreement, self.size, language)

    def labels(self, language: str = "en") -> dict[object, str]:
        """Customer to the name of its segment, "unassigned" where abstained; ``allocate(segments=...)`` takes it."""
        names = self.names_in(language) | {0: self.unassigned(language)}
        code = self.customers["segment"].fillna(0).astype(int)
        return {who: names[k] for who, k in zip(self.customers["customer_id"], code)}

    @staticmethod
    def unassigned(language: str = "en") -> str:
        """What a customer without a segment is called."""
        return words_of(language)["unassigned"]

    def assign(self, events: Source) -> pd.DataFrame:
        """Assign customers, known or new, from their events; nothing is fitted again.

        Parameters
        ----------
        events : see `graphrec.segment_customers`

        Returns
        -------
        pandas.DataFrame
            The columns of `customers`, and p1, p2, ...: the probability of each segment. Its ``attrs`` tell under
            "unknown_categories" how many categories were never seen before: looks at them say nothing of the price
            within the category, and everything else counts.
        """
        parts, unknown = [], 0
        for table in read_blocks(events, time_zone=self.time_zone):
            parts.append(self._assign_table(table))
            unknown = max(unknown, int((self.yardstick.prices.codes(table.categories) < 0).sum()))
        if not parts:
            raise DataError("there is no event, so there is nobody to assign")
        found = pd.DataFrame(pd.concat(parts, ignore_index=True))
        found.attrs["unknown_categories"] = unknown
        return found

    def assign_one(self, events: pd.DataFrame) -> NDArray[np.float64]:
        """Probability of each segment, (k,), of the one customer whose events these are."""
        return np.asarray(self.yardstick.posterior(table_of_one(events, time_zone=self.time_zone))[0])

    def assign_table(self, table: EventTable) -> NDArray[np.float64]:
        """Probability of each segment, (customers, k), of events that are codes already: the fast path."""
        return self.yardstick.posterior(table)

    def _assign_table(self, table: EventTable) -> pd.DataFrame:
        posterior = self.yardstick.posterior(table)
        frame = _customers_frame(table, posterior, self.minimum_events, self.least_probability)
        return frame.assign(**{f"p{k + 1}": posterior[:, k] for k in range(self.size)})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything into a folder (safetensors, Parquet, JSON); see `load`."""
        from graphrec.market.segmentation.segmentfiles import save_segmentation

        return save_segmentation(self, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Segmentation:
        """Read what `save` wrote; no code from the folder is run."""
        from graphrec.market.segmentation.segmentfiles import load_segmentation

        return load_segmentation(Path(path))

    def __repr__(self) -> str:
        left = float(self.customers["abstained"].mean()) if len(self.customers) else 0.0
        return (
            f"Segmentation({self.size} segments, {len(self.customers):,} customers, {left:.0%} abstained, "
            f"minimum {self.minimum_events} events)"
        )


def segment_customers(
    market: Source,
    *,
    segments: int | None = None,
    agreement: float = 0.8,
    least_probability: float = 0.6,
    minimum_events: int | None = None,
    before: datetime | None = None,
    time_zone: str = "UTC",
    bootstraps: int = 12,
    rng: int | np.random.Generator | None = None,
) -> Segmentation:
    """Find segments of habits, and say from how many events on they can be trusted.

    Parameters
    ----------
    market : Market, EventDatabase, frame of events, path or paths
        A path is a folder with a market.toml, an event database, or CSV and Parquet files of events.
    segments : int, optional
        Number of segments; by default chosen by likelihood, separation and bootstrap stability. It may be one.
    agreement : float
        Share of rich customers whose first n events must give the segment of their whole history: it sets the minimum.
    least_probability : float
        Posterior probability below which a customer is between segments and is not assigned.
    minimum_events : int, optional
        Instead of the one chosen from the reliability curve.
    before : datetime.datetime, optional
        With its zone; only events before it are read, for segments as of a decision.
    time_zone : str
        Zone of hours and days, where the source has none of its own (a market and a database have).
    bootstraps : int
    rng : int, numpy.random.Generator or None
        Same seed, same segments.

    Returns
    -------
    Segmentation

    Raises
    ------
    DataError
        No usable event, no habit in which customers differ, fewer customers than segments, or a setting out of range.

    Notes
    -----
    Assumes that habits last: a customer who changes is assigned by the mean of both. `Segmentation.months` shows how
    far this holds.

    References
    ----------
    Bovy, Hogg and Roweis (2011), Annals of Applied Statistics 5; Hennig (2007), Computational Statistics and Data
    Analysis 52; Biernacki, Celeux and Govaert (2000), IEEE PAMI 22.

    Examples
    --------
    >>> import graphrec
    >>> market = graphrec.simulate_market(customers=150, products=20, periods=6, rng=0).market
    >>> found = graphrec.segment_customers(market, rng=0)
    >>> len(found.customers), found.size >= 1
    (150, True)
    """
    _check(segments, agreement, least_probability, minimum_events)
    scale_rng, choice_rng, fit_rng, curve_rng, card_rng = np.random.default_rng(rng).spawn(5)
    blocks = (
        [read_events(market, before=before, time_zone=time_zone)]
        if before is not None
        else list(read_blocks(market, time_zone=time_zone))
    )
    if not blocks:
        raise DataError("there is no event, so there are no segments")
    table = blocks[0]
    habits, by, reason, choice, jaccard = _find(table, segments, bootstraps, scale_rng, choice_rng, fit_rng)
    curve = measure_reliability(table, by, agreement, curve_rng)
    least = curve.minimum_events if minimum_events is None else minimum_events
    known = by.of_habits(habits)  # the first block is measured already
    posteriors = [known, *(by.posterior(block) for block in blocks[1:])]
    frames = [_customers_frame(block, p, least, least_probability) for block, p in zip(blocks, posteriors)]
    customers = pd.DataFrame(pd.concat(frames, ignore_index=True))
    stability, migration = compare_months(table, by, least)
    profiles = describe_segments(table, habits, by, frames[0])
    return Segmentation(
        customers=customers,
        profiles=profiles,
        minimum_events=least,
        least_probability=least_probability,
        reliability=curve.table,
        choice=choice,
        stability=judge_stability(jaccard, migration),
        months=stability,
        migration=migration,
        assigners=compare_assigners(table, by, least, curve_rng),
        habits=by.scale.table,
        rule_card=make_rule_card(habits, frames[0], by.scale, card_rng),
        set_aside=table.set_aside,
        yardstick=by,
        found=reason,
        agreement=agreement,
        reached=curve.reached,
        time_zone=time_zone,
    )


def _check(segments: int | None, agreement: float, least_probability: float, minimum_events: int | None) -> None:
    if segments is not None and segments < 1:
        raise DataError(f"segments is {segments}; give a number from 1 on, or leave it out to have it chosen")
    if not 0 < agreement < 1 or not 0 <= least_probability < 1:
        raise DataError(f"agreement is {agreement} and least_probability {least_probability}; give shares below 1")
    if minimum_events is not None and minimum_events < 1:
        raise DataError(f"minimum_events is {minimum_events}; give a number from 1 on, or leave it out")


def _find(
    table: EventTable, segments: int | None, bootstraps: int, scale_rng: np.random.Generator,
    choice_rng: np.random.Generator, fit_rng: np.random.Generator,
) -> tuple[Habits, Yardstick, str, pd.DataFrame, NDArray[np.float64]]:  # fmt: skip
    """Habits of all customers, what assigns them, and why so many segments."""
    active = int((table.counts > 0).sum())
    if segments is not None and active < max(2 * segments, segments + 1):
        raise DataError(f"{active} customers with an event are too few for {segments} segments; ask for fewer")
    prices = learn_prices(table)
    habits = measure_habits(table, prices)
    drawn = _draw(np.flatnonzero(table.counts > 1), _SCALE_CUSTOMERS, scale_rng)
    some = table.of_customers(drawn)
    scale = learn_scale(measure_habits(some, prices), measure_habits(some.halves(), prices))
    if not len(scale.used):
        if segments is not None and segments > 1:
            raise DataError("customers differ in no habit beyond chance, so there is nothing to segment them by")
        return habits, Yardstick(prices, scale, _nobody()), "constant", _no_choice(), np.ones(1)
    scaled = scale.apply(habits)
    rich = _fit_rows(table.counts)
    count = choose_count(
        scaled.rows(_draw(rich, _CHOICE_CUSTOMERS, choice_rng)), segments=segments, bootstraps=bootstraps, rng=fit_rng
    )
    mixture, jaccard = count.mixture, count.jaccard
    if mixture.size > 1 and len(rich) > _CHOICE_CUSTOMERS:
        mixture = _refine(mixture, scaled.rows(_draw(rich, _FIT_CUSTOMERS, choice_rng)), fit_rng)
    active_rows = _draw(np.flatnonzero(table.counts > 0), _FIT_CUSTOMERS, choice_rng)
    mixture = mixture.with_shares(scaled.rows(active_rows))
    order = np.argsort(-mixture.share, kind="stable")
    by = Yardstick(prices, scale, mixture.ordered(order))
    return habits, by, count.reason, count.table, jaccard[order]


def _refine(mixture: Mixture, scaled: object, rng: np.random.Generator) -> Mixture:
    """The same segments on more customers."""
    return mixture.climb(scaled)  # type: ignore[arg-type]


def _nobody() -> Mixture:
    return Mixture(np.ones(1), np.zeros((1, 0)), np.ones((1, 0)))


def _no_choice() -> pd.DataFrame:
    return pd.DataFrame({"segments": [1], "bic": [np.nan], "icl": [np.nan], "gain": [0.0], "stability": [np.nan],
                         "chosen": [True]})  # fmt: skip


def _draw(rows: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _fit_rows(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Customers with ten events and more; where these are few, the richest ones that have two."""
    rich = np.flatnonzero(counts >= _ENOUGH_EVENTS)
    if len(rich) >= _ENOUGH_CUSTOMERS:
        return rich
    order = np.argsort(-counts, kind="stable")[:_ENOUGH_CUSTOMERS]
    return np.sort(order[counts[order] > 1])


def _customers_frame(
    table: EventTable, posterior: NDArray[np.float64], minimum: int, least_probability: float
) -> pd.DataFrame:
    counts, top = table.counts, posterior.max(1)
    few, between = counts < minimum, top < least_probability
    likeliest = pd.array(posterior.argmax(1) + 1, dtype="Int64")
    reason = np.where(few, "few events", np.where(between, "between segments", ""))
    segment = pd.Series(likeliest).where(~(few | between))
    return pd.DataFrame({
        "customer_id": table.customers, "segment": segment, "probability": top, "abstained": few | between,
        "reason": reason, "likeliest": likeliest, "events": counts,
    })  # fmt: skip
