"""Commands over data: simulate, check, panel.

Hides which step reads what; every import happens when its command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Data, Horizon, Json, Offer, Seed, say

__all__ = ["check", "panel", "simulate"]


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the market.")],
    customers: Annotated[int, typer.Option(help="Number of customers.")] = 2_000,
    products: Annotated[int, typer.Option(help="Number of products.")] = 200,
    periods: Annotated[int, typer.Option(help="Periods of 28 days.")] = 12,
    confounding: Annotated[float, typer.Option(help="How much targeting follows what also drives buying.")] = 1.0,
    randomised: Annotated[float, typer.Option(help="Share of customers contacted at random in each period.")] = 0.0,
    latent_targeting: Annotated[float, typer.Option(help="How much targeting follows hidden taste.")] = 0.0,
    bad_control: Annotated[bool, typer.Option(help="Add attributes recorded after the contact.")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Simulate a market whose true effects are known, and write it as a folder."""
    from graphrec.market.simulation import simulate_market
    from graphrec.market.writing import check_writable, write_market, write_table

    check_writable(out.parent)
    sim = simulate_market(
        customers,
        products,
        periods,
        rng=seed,
        confounding=confounding,
        randomised=randomised,
        latent_targeting=latent_targeting,
        bad_control=bad_control,
    )
    write_market(sim.market, out)
    truth = sim.truth.potential_outcomes(sim.market.vocabulary.customers.ids[:200], sim.market.vocabulary.products.ids)
    write_table(out / "truth_sample.parquet", truth)
    say({"out": str(out), "market": repr(sim.market)}, as_json, f"{sim.market!r}\nwritten to {out}")


@app.command()
def check(data: Data, as_json: Json = False) -> None:
    """Print rows, time span, bad rows by reason and consent coverage."""
    from graphrec.market.description import describe_market
    from graphrec.market.ingestion import read_market

    description = describe_market(read_market(data))
    say(description.to_dict(), as_json, description.to_text())


@app.command()
def panel(
    data: Data,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("panel.parquet"),
    offer: Offer = "auto",
    horizon_days: Horizon = 28,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Build the opportunity panel: contacted rows and controls with what was known before."""
    from graphrec.market.ingestion import read_market
    from graphrec.market.panel import build_panel
    from graphrec.market.writing import check_writable, write_table

    check_writable(out.parent)
    built = build_panel(read_market(data), offer=offer, horizon_days=horizon_days, rng=seed)
    write_table(out, built.frame)
    facts = {
        "out": str(out),
        "rows": len(built.frame),
        "covariates": built.covariates,
        "left_out": dict(built.left_out),
    }
    say(facts | {"counts": dict(built.counts)}, as_json, f"{built!r}\nwritten to {out}")
