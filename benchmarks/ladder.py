"""What real campaigns prove, and what they would have proved: ladders, planted effects, and a ranking by effect.

    python -m benchmarks.ladder --seeds 5
    python -m benchmarks.ladder --seeds 3 --only ladder detection

Four tables. The evidence ladder of each channel of Complete Journey; how often effects of several sizes, planted into
the same history, are seen by the adjusted rung, and how well they are measured; how often the placebo refuses planted
contacts although they follow recorded history only; and how much of the planted effect a ranking by estimated effect
captures on later campaigns, beside rankings by appetite and response. One seed is one planting.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import graphrec
from causal.ladder import Ladder
from graphrec.decisions.detection import detectable
from graphrec.decisions.evidence import channel_ladders
from graphrec.learning.appetite import appetite_as_of
from graphrec.learning.baselines import fit_t_learner
from graphrec.learning.effects import Head, fit_effects
from graphrec.market.panel import Panel
from graphrec.market.simulation import PlantedMarket
from graphrec.market.tables import Market

__all__ = ["ladder_table", "main", "placebo_table", "ranking_table"]

JOURNEY = Path(__file__).parents[1] / "data" / "complete_journey"
SIZES = (1.0, 0.5, 0.25, 0.1, 0.0)
HORIZON = 28
TRAINED = 0.6
"""Share of the contacts that are sent before the ranking is made."""
TOP = 0.2
"""Share of the customers of each later campaign that a ranking may choose."""
HEADS: Mapping[str, Head | None] = {"effect (default)": None, "effect (T-learner)": fit_t_learner}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=JOURNEY, help="folder with market.toml")
    parser.add_argument("--seeds", type=int, default=5, help="plantings of each size")
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES, help="relative lifts; 1 doubles the base rate")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args(arguments)
    market = graphrec.read_market(options.data)
    for name in options.only:
        start = time.process_time()
        PARTS[name](market, options.seeds, options.sizes)
        print(f"({time.process_time() - start:.0f} CPU seconds)\n", flush=True)


def show_ladders(market: Market, seeds: int, sizes: Sequence[float]) -> None:
    """Print the evidence ladder of each channel."""
    ladders = channel_ladders(market, horizon_days=HORIZON, rng=0)
    print("The evidence ladder of each channel (purchase lines for each contact)")
    print(ladder_table(ladders).to_string())
    for channel, ladder in ladders.items():
        print(f"{channel}: {ladder.sentence}")


def ladder_table(ladders: Mapping[str, Ladder]) -> pd.DataFrame:
    """Rungs in rows, channels in columns, as text."""
    columns = {}
    for channel, ladder in ladders.items():
        rungs = {name.replace("_", " "): _interval(effect) for name, effect in ladder.rungs.items()}
        columns[channel] = {
            "treated / with an event": f"{ladder.treated:,} / {ladder.treated_events:,}",
            **rungs,
            "ceiling": "-" if ladder.ceiling is None else f"{ladder.ceiling:.4f}",
            "minimum detectable": f"{ladder.minimum_detectable_effect:.4f}",
            "verdict": ladder.verdict,
        }
    return pd.DataFrame(columns)


def _interval(effect: object) -> str:
    if effect is None:
        return "-"
    low, high = effect.interval  # type: ignore[attr-defined]
    return f"{effect.value:+.4f} [{low:+.4f}, {high:+.4f}]"  # type: ignore[attr-defined]


def show_detection(market: Market, seeds: int, sizes: Sequence[float]) -> None:
    """Print what would have been seen of planted effects."""
    table = detectable(market, sizes, repeats=seeds, horizon_days=HORIZON, rng=1, progress=True)
    print(f"Would we have seen an effect of this size? ({seeds} plantings of each; size 0: false alarms)")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    measured = table[table["estimated"] > 0]
    tries = measured["repeats"] * measured["estimated"]
    print(f"coverage of the 95 % intervals over all: {np.average(measured['coverage'], weights=tries):.3f}")


def show_placebo(market: Market, seeds: int, sizes: Sequence[float]) -> None:
    """Print how often the placebo refuses contacts that follow recorded history only."""
    print("Verdicts on planted contacts without any effect, which follow recorded history only")
    print(placebo_table(market, seeds).to_string(index=False))
    print("A failed placebo here is a false alarm: the policy read the very period that the placebo looks at.")


def placebo_table(market: Market, seeds: int) -> pd.DataFrame:
    """Share of plantings in which the placebo fails, and in which the adjusted figure does, by channel."""
    rows = []
    for seed in np.random.default_rng(2).spawn(seeds):
        plant_rng, ladder_rng = seed.spawn(2)
        planted = graphrec.plant_effects(market, 0.0, horizon_days=HORIZON, rng=plant_rng)
        for channel, ladder in channel_ladders(planted.market, horizon_days=HORIZON, rng=ladder_rng).items():
            row: dict[str, object] = {"channel": channel, "estimated": float(ladder.adjusted is not None)}
            for name in ("adjusted", "placebo", "difference_in_differences"):
                effect = ladder.rungs[name]
                fails = np.nan if effect is None else float(not effect.interval[0] <= 0 <= effect.interval[1])
                row[f"{name.replace('_', ' ')} excludes 0"] = fails
            rows.append(row)
    return pd.DataFrame(rows).groupby("channel").mean().round(3).reset_index()


def show_rankings(market: Market, seeds: int, sizes: Sequence[float]) -> None:
    """Print the share of the possible effect that each ranking captures."""
    size = max(sizes)
    table = ranking_table(market, size, seeds)
    print(
        f"Planted effect captured by contacting the best {TOP:.0%} of each later campaign, lift {size:g}:\n"
        "(effect - random) / (oracle - random), mean of the seeds"
    )
    print(table.groupby("ranking", sort=False).mean().drop(columns="seed").round(3).to_string())
    wide = table.pivot(index="seed", columns="ranking", values="all")
    for name in HEADS:
        difference = wide[name] - wide["appetite"]
        spread = difference.std() / np.sqrt(len(difference)) if len(difference) > 1 else np.nan
        print(f"{name} less appetite: {difference.mean():+.3f} (se {spread:.3f}, least {difference.min():+.3f})")


def ranking_table(market: Market, size: float, seeds: int) -> pd.DataFrame:
    """Share of the possible captured effect: one row for each seed and ranking, by channel and in all."""
    found = []
    for number, seed in enumerate(np.random.default_rng(3).spawn(seeds)):
        plant_rng, panel_rng, graph_rng, fit_rng = seed.spawn(4)
        planted = graphrec.plant_effects(market, size, horizon_days=HORIZON, rng=plant_rng)
        panel = _with_appetite(planted.market, panel_rng, graph_rng)
        train, test = _split(panel)
        later = _with_truth(panel.take(test), planted)
        for name, head in HEADS.items():
            model = fit_effects(panel.take(train), None, fit_rng.spawn(1)[0], head)
            response = model.model.predict(model.design.transform(later))
            column = np.array([model.channels.index(channel) for channel in later["channel"]])
            later[name] = response.uplift[np.arange(len(later)), column]
            later["response"] = response.p_contact[np.arange(len(later)), column]
        later["random"] = fit_rng.random(len(later))
        names = (*HEADS, "response", "appetite", "past_purchases", "random")
        found += [{"seed": number, "ranking": name, **_captured(later, name)} for name in names]
    return pd.DataFrame(found)


def _with_appetite(market: Market, panel_rng: np.random.Generator, graph_rng: np.random.Generator) -> Panel:
    """The panel of campaigns with its whole risk set, and the score of the purchase graph as of each row."""
    panel = graphrec.build_panel(
        market,
        offer="campaign",
        horizon_days=HORIZON,
        controls_per_contact=None,
        minimum_history_days=2 * HORIZON,
        rng=panel_rng,
    )
    frame = panel.frame
    customers, offers = frame["customer"].to_numpy(), frame["offer"].to_numpy()
    scores = appetite_as_of(market, panel.offers, customers, offers, frame["decided_at"], rng=graph_rng)  # type: ignore[arg-type]
    return panel.with_covariates(pd.DataFrame({"appetite": scores}), {"appetite": "Appetite"})


def _split(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose outcome was known at a moment, and rows decided from then on."""
    decided = panel.frame["decided_at"]
    sent = decided[panel.contacted].sort_values()
    moment = sent.iloc[int(TRAINED * len(sent))]
    return (decided <= moment - pd.Timedelta(days=HORIZON)).to_numpy(), (decided >= moment).to_numpy()


def _with_truth(panel: Panel, planted: PlantedMarket) -> pd.DataFrame:
    """Rows with their true effect on buying, and the channel that their occasion used."""
    frame = panel.frame
    offers = panel.offers
    if offers is None:
        raise ValueError("the panel was not built from a market; use build_panel")
    truth = planted.truth.of_rows(
        planted.market.vocabulary.customers.decode(frame["customer"]),
        offers.index.decode(frame["offer"]),
        frame["decided_at"],
    )
    used = frame[panel.contacted].drop_duplicates("offer").set_index("offer")["treatment"].astype("str")
    return frame.assign(effect=truth["effect"].to_numpy(), channel=frame["offer"].map(used))


def _captured(rows: pd.DataFrame, ranking: str) -> dict[str, float]:
    """(chosen - random) / (oracle - random) by channel and in all."""
    figures: dict[str, dict[str, float]] = {}
    for (channel, _), part in rows.groupby(["channel", "offer"]):
        chosen = int(TOP * len(part))
        sums = figures.setdefault(str(channel), {"chosen": 0.0, "oracle": 0.0, "random": 0.0})
        sums["chosen"] += part.nlargest(chosen, ranking)["effect"].sum()
        sums["oracle"] += part["effect"].nlargest(chosen).sum()
        sums["random"] += part["effect"].mean() * chosen
    table = pd.DataFrame(figures).T
    table.loc["all"] = table.sum()
    share = (table["chosen"] - table["random"]) / (table["oracle"] - table["random"])
    return {str(name): float(value) for name, value in share.items()}


PARTS: Mapping[str, Callable[[Market, int, Sequence[float]], None]] = {
    "ladder": show_ladders,
    "detection": show_detection,
    "placebo": show_placebo,
    "ranking": show_rankings,
}


if __name__ == "__main__":
    main()
