"""Would we have seen an effect of this size? Known effects planted into the market's own history, and searched for.

Hides how the answer is made: `graphrec.plant_effects` replaces the real contacts by planted ones that follow recorded
activity, the rows and the adjustment of the evidence ladder are used on the result, and the figure is compared with
the truth. The share of tries in which the interval lies above zero is the answer.

A power formula was considered. It knows the standard error only; planting also shows what the adjustment leaves of
the bias and whether the intervals hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd

from causal.estimation import NoOverlap, estimate_effect
from causal.estimators.effect import Effect
from causal.identification import Estimand
from causal.ladder import FEWEST_EVENTS
from graphrec.decisions.comparison import Comparison, gather_comparisons
from graphrec.market.panel import CONTROL
from graphrec.market.simulation import PlantedMarket, plant_effects
from graphrec.market.tables import DataError, Market

__all__ = ["detectable", "planting_size", "search_planted"]

_TRUTH = {"lines": "effect_lines", "outcome": "effect"}
"""Outcome of a comparison to the truth about it."""


def detectable(
    market: Market,
    sizes: Sequence[float] = (1.0, 0.5, 0.25, 0.1),
    *,
    repeats: int = 3,
    horizon_days: int = 28,
    minimum_contacts: int = 40,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """How often an effect of each size would have been seen, and how well it would have been measured.

    Parameters
    ----------
    market : Market
        Real contacts and purchases; only the contacts' moments, offers and numbers are kept.
    sizes : sequence of float
        Relative lifts of the offer's expected purchase lines; 1 doubles them, 0 counts false alarms.
    repeats : int
        Plantings of each size; each costs about as much as one rung of `channel_ladders`.
    horizon_days, minimum_contacts, level
        As in `graphrec.decisions.evidence.channel_ladders`.
    rng : int, Generator or None
        Seed; the same seed gives the same table.
    progress : bool
        A bar on stderr.

    Returns
    -------
    pandas.DataFrame
        One row for each channel and size: channel; size; effect, the true mean effect on the overlap population in
        units of the ladder; repeats; estimated, the share with enough treated events for a figure; detected, the
        share of all repeats whose interval lies above zero; bias, the mean estimate less the truth, and se, its mean
        standard error; coverage, the share of figures whose interval holds the truth; naive_bias, the mean plain
        difference less the truth. All but the last are nan without a figure.

    Raises
    ------
    DataError
        Nothing can be planted, or ``repeats`` is not positive.
    ValueError
        A size is negative.

    Notes
    -----
    The planted policy follows recorded history only, so the table says what the *size* of these data allows. Whether
    the real policy did the same is what the placebo of the ladder asks. Where the figure is withheld in some repeats
    for want of events, those that remain drew many events, so their mean error leans upwards.
    """
    tries = search_planted(
        market,
        sizes,
        repeats=repeats,
        horizon_days=horizon_days,
        minimum_contacts=minimum_contacts,
        level=level,
        rng=rng,
        progress=progress,
    )
    tries["error"] = tries["value"] - tries["effect"]
    tries["naive_error"] = tries["naive"] - tries["effect"]
    tries["holds"] = tries["effect"].between(tries["low"], tries["high"]).astype(float).where(tries["value"].notna())
    tries["estimated"] = tries["value"].notna().astype(float)
    tries["detected"] = (tries["low"] > 0).astype(float)
    table = tries.groupby(["channel", "size"]).agg(
        effect=("effect", "mean"),
        repeats=("effect", "size"),
        estimated=("estimated", "mean"),
        detected=("detected", "mean"),
        bias=("error", "mean"),
        se=("se", "mean"),
        coverage=("holds", "mean"),
        naive_bias=("naive_error", "mean"),
    )
    return table.reset_index().sort_values(["channel", "size"], ascending=[True, False], ignore_index=True)


def search_planted(
    market: Market,
    sizes: Iterable[float],
    *,
    repeats: int = 3,
    horizon_days: int = 28,
    minimum_contacts: int = 40,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Every single try behind `detectable`, whose parameters these are.

    Returns
    -------
    pandas.DataFrame
        channel, size, repeat, treated, treated_events, effect (the truth), naive, value, se, low, high; the last four
        are nan where there is no estimate.
    """
    if repeats < 1:
        raise DataError(f"repeats is {repeats}; plant at least once")
    found, wanted = [], list(sizes)
    with _bar(len(wanted) * repeats, progress) as step:
        for size, size_rng in zip(wanted, np.random.default_rng(rng).spawn(len(wanted))):
            for repeat, repeat_rng in enumerate(size_rng.spawn(repeats)):
                step(size)
                plant_rng, row_rng, fit_rng = repeat_rng.spawn(3)
                planted = plant_effects(market, size, horizon_days=horizon_days, rng=plant_rng)
                for rows in gather_comparisons(
                    planted.market, horizon_days=horizon_days, minimum_contacts=minimum_contacts, rng=row_rng
                ):
                    tried = {"channel": rows.channel, "size": size, "repeat": repeat}
                    found.append(tried | _search(rows, planted, level, fit_rng.spawn(1)[0]))
    if not found:
        raise DataError(
            "no planted contact can be judged: none has two horizons of purchases before it and one after it; shorten "
            "horizon_days"
        )
    return pd.DataFrame(found)


def planting_size(market: Market) -> int:
    """Cells that one planting fills: moments at which an offer was contacted about, times customers."""
    about = market.solicitations[["product_id", "campaign_id", "sent_at"]]
    return len(about.drop_duplicates()) * len(market.customers)


@contextmanager
def _bar(total: int, progress: bool) -> Iterator[Callable[[float], None]]:
    """A bar on stderr that a call moves on by one planting; nothing at all without ``progress``."""
    if not progress:
        yield lambda size: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("planting", total=total)
        done = iter(range(total))
        yield lambda size: bar.update(
            task, completed=next(done), description=f"searching for a planted lift of {size:g}"
        )
        bar.update(task, completed=total, description="searched for planted effects")


def _search(rows: Comparison, planted: PlantedMarket, level: float, rng: np.random.Generator) -> dict[str, float]:
    """The truth and what the adjusted rung of the ladder makes of it."""
    contacted = rows.contacted
    outcome = rows.frame[rows.outcome].to_numpy(np.float64)
    weights = np.ones(len(outcome)) if rows.weights is None else rows.weights
    naive = np.average(outcome[contacted], weights=weights[contacted])
    naive -= np.average(outcome[~contacted], weights=weights[~contacted])
    effect = _adjusted(rows, level, rng)
    figures = {"value": np.nan, "se": np.nan, "low": np.nan, "high": np.nan}
    if effect is not None:
        low, high = effect.interval
        figures = {"value": effect.value, "se": effect.se, "low": low, "high": high}
    counts = {"treated": int(contacted.sum()), "treated_events": int((outcome[contacted] != 0).sum())}
    return counts | {"effect": _overlap_truth(rows, planted, weights), "naive": float(naive)} | figures


def _adjusted(rows: Comparison, level: float, rng: np.random.Generator) -> Effect | None:
    """Effect in the overlap population; None where the ladder would give no estimate."""
    if (rows.frame.loc[rows.contacted, rows.outcome] != 0).sum() < FEWEST_EVENTS:
        return None
    estimand = Estimand("treatment", rows.outcome, rows.adjustment_set)
    try:
        effect = estimate_effect(
            rows.frame,
            estimand,
            target="ato",
            control=CONTROL,
            weights=rows.weights,
            clusters="customer",
            level=level,
            rng=rng,
        )
    except NoOverlap:
        return None
    return effect if isinstance(effect, Effect) else effect[rows.channel]


def _overlap_truth(rows: Comparison, planted: PlantedMarket, weights: np.ndarray) -> float:
    """True mean effect, each row weighted by the variance of its true contact probability."""
    frame = rows.frame
    truth = planted.truth.of_rows(
        planted.market.vocabulary.customers.decode(frame["customer"]),
        rows.offers.index.decode(frame["offer"]),
        frame["decided_at"],
    )
    chance = truth["propensity"].to_numpy() * _channel_share(rows, planted)
    chance = chance / (chance + 1.0 - truth["propensity"].to_numpy())  # given this channel or none
    return float(np.average(truth[_TRUTH[rows.outcome]], weights=weights * chance * (1 - chance)))


def _channel_share(rows: Comparison, planted: PlantedMarket) -> np.ndarray:
    """Share of each row's occasion's contacts that went through the channel."""
    contacts = planted.truth.contacts
    occasion = [contacts["offer_id"], contacts["sent_at"]]
    share = (contacts["channel"] == rows.channel).groupby(occasion).mean()
    own = pd.MultiIndex.from_arrays([rows.offers.index.decode(rows.frame["offer"]), rows.frame["decided_at"]])
    return share.reindex(own).to_numpy(np.float64)
