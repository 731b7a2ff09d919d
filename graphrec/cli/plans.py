"""Commands that decide: plan, prescribe.

Hides how rules, scores and markets on disk become a plan.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Json, Model, Policy, Seed, check_place, read_policy, read_table, say

__all__ = ["plan", "prescribe"]


@app.command()
def plan(
    scores: Annotated[Path, typer.Argument(metavar="SCORES", help="recommendations.parquet from `graphrec score`.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("plan.parquet"),
    policy: Policy = None,
    data: Annotated[
        Path | None, typer.Option(help="Market folder, needed for rules on consents, past contacts, feedback or stock.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Moment of the plan; by default the end of the record.")] = None,
    report: Annotated[Path | None, typer.Option(help="HTML file to write: prices, limits, who gets nothing.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Choose the contacts that are worth most under the policy."""
    from graphrec.decisions.policy import allocate
    from graphrec.market.ingestion import read_market
    from graphrec.market.writing import write_table

    check_place(out, "--out")
    if report is not None:
        check_place(report, "--report")
    market = None if data is None else read_market(data)
    rules, candidates = read_policy(policy), read_table(scores)
    known = candidates["channel"].unique().tolist() if "channel" in candidates else []
    rules.check_channels([*known, *([] if market is None else market.vocabulary.channels.ids)])
    made = allocate(candidates, rules, market=market, at=at, rng=seed)
    write_table(out, made.contacts)
    if report is not None:
        _report(report, candidates, made)
    told = [*made.summary(), f"written to {out}" if report is None else f"written to {out} and {report}"]
    say({"out": str(out), **made.to_dict()}, as_json, "\n".join(told))


@app.command()
def prescribe(
    model: Model,
    out: Annotated[Path, typer.Option(help="JSON-lines file to write.")] = Path("prescriptions.jsonl"),
    customer: Annotated[list[str] | None, typer.Option(help="Customer identifier; may be repeated.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Say which lever to move for each customer, and why."""
    from graphrec.decisions.prescription import prescribe as advise
    from graphrec.decisions.recommender import load_recommender
    from graphrec.market.writing import replacing

    check_place(out, "--out")
    fitted = load_recommender(model)
    advice = advise(fitted, customers=_identifiers(fitted, customer), rng=seed)
    with replacing(out) as beside:
        advice.to_jsonl(beside)
    sentences = [str(item.sentence) for item in advice.items]
    say({"out": str(out), "prescriptions": len(sentences)}, as_json, "\n".join([*sentences[:5], f"written to {out}"]))


def _report(path: Path, scores: Any, made: Any) -> None:
    from graphrec.report import Findings, write_report

    write_report(path, Findings(title="Contact plan", scores=scores, plan=made))


def _identifiers(model: Any, given: list[str] | None) -> list[Any] | None:
    """Identifiers in the market's own type; the command line knows text only."""
    if not given or model.market is None:
        return None
    ids = model.market.customers["customer_id"]
    return [int(text) if ids.dtype.kind in "iu" and text.lstrip("-").isdigit() else text for text in given]
