"""Commands that decide: plan.

Hides how rules, scores and markets on disk become a plan.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Json, Policy, Seed, check_place, read_policy, read_table, say

__all__ = ["plan"]


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


def _report(path: Path, scores: Any, made: Any) -> None:
    from graphrec.report import Findings, write_report

    write_report(path, Findings(title="Contact plan", scores=scores, plan=made))
