"""Commands that tell: report, feedback-report, and run, which does the main job whole.

Hides which results a report is made of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Data, Horizon, Json, Model, Offer, Policy, Seed, read_policy, say

__all__ = ["feedback_report", "report", "run"]


@app.command()
def report(
    data: Data,
    model: Model,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write the report of a fitted model."""
    from graphrec.decisions.evidence import channel_ladders
    from graphrec.decisions.recommender import load_recommender
    from graphrec.decisions.support import rank_by_support
    from graphrec.market.description import describe_market
    from graphrec.market.ingestion import read_market
    from graphrec.market.writing import check_writable
    from graphrec.report import Findings, write_report

    check_writable(out.parent)
    market, fitted = read_market(data), load_recommender(model)
    ladders = channel_ladders(market, horizon_days=fitted.config.horizon_days, rng=seed)
    support = rank_by_support(fitted, fitted.recommend(10, by="net_value"), ladders, seed)
    findings = Findings(
        description=describe_market(market),
        model=fitted,
        ladders=ladders,
        scores=support.scores,
        basis_sentence=support.sentence,
    )
    write_report(out, findings)
    say({"out": str(out), "basis": support.basis}, as_json, f"{support.sentence}\nreport written to {out}")


@app.command()
def feedback_report(
    data: Data,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("voices.html"),
    as_json: Json = False,
) -> None:
    """Write what customers say: moods over time, sentiment by topic, themes, masked examples."""
    from graphrec.market.feedback import read_feedback
    from graphrec.market.ingestion import read_market
    from graphrec.market.writing import check_writable
    from graphrec.report.voices import write_voices

    check_writable(out.parent)
    market = read_feedback(read_market(data))
    write_voices(out, market)
    said = market.feedback["sentiment"].notna().sum()
    say({"out": str(out), "texts": int(said)}, as_json, f"{said:,} texts read; the page is {out}")


@app.command()
def run(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for everything the run makes.")] = Path("out/run"),
    policy: Policy = None,
    offer: Offer = "auto",
    horizon_days: Horizon = 28,
    seed: Seed = 0,
    fresh: Annotated[bool, typer.Option(help="Fit again although a fitted model is there.")] = False,
    plantings: Annotated[
        int | None, typer.Option(help="Known effects planted for each of four sizes, to see what the data could show.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Do the main job whole: tables in, contact plan with causal reasons out."""
    from graphrec.decisions.recommender import RecommenderConfig
    from graphrec.job import run_job

    config = RecommenderConfig(offer=offer, horizon_days=horizon_days, bootstraps=20)
    rules = None if policy is None else read_policy(policy)
    summary = run_job(
        data, out, config=config, policy=rules, seed=seed, fresh=fresh, quiet=as_json, plantings=plantings
    )
    lines = [summary.sentence]
    lines += [f"  {channel}: {verdict}" for channel, verdict in summary.verdicts.items()]
    lines += [f"{summary.contacts:,} contacts planned; everything is in {summary.out}, start with report.html"]
    say({**summary.__dict__}, as_json, "\n".join(lines))
