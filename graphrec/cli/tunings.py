"""The command that chooses settings: tune.

Hides how a budget is read and what is written. Every import happens when the command runs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Data, Horizon, Json, Offer, Seed, read_graph, say

__all__ = ["read_budget", "tune"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@app.command()
def tune(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the study, the leaderboard and config.json.")] = Path("tuning"),
    goal: Annotated[
        str, typer.Option(help="policy (value of whom to contact), appetite (ranking of purchases), or auto.")
    ] = "auto",
    trials: Annotated[int, typer.Option(help="Candidates in all, baselines included.")] = 40,
    budget: Annotated[
        str | None, typer.Option(help="Wall-clock time such as 90s, 10m or 2h; no limit without.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Go on with the study in the folder, or delete it first.")
    ] = True,
    graph: Annotated[Path | None, typer.Option(help="Graph from `graphrec discover`; found anew without it.")] = None,
    offer: Offer = "auto",
    horizon_days: Horizon = 28,
    encoder: Annotated[
        bool, typer.Option(help="Let the trained graph encoder take part; a trial takes minutes.")
    ] = False,
    model: Annotated[Path | None, typer.Option(help="Folder for the winner, trained on the whole record.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Choose models and settings on later periods, baselines always in, and say whether it helped."""
    seconds = read_budget(budget)
    _check_places(out, model)
    from graphrec.decisions.settings import RecommenderConfig
    from graphrec.decisions.tuning.tuner import tune as search
    from graphrec.market.ingestion import read_market
    from graphrec.report.leaderboard import write_leaderboard

    config = RecommenderConfig(offer=offer, horizon_days=horizon_days, bootstraps=20)
    found = search(
        read_market(data),
        goal=goal,
        config=config,
        graph=read_graph(graph),
        trials=trials,
        budget=seconds,
        out=out,
        fresh=not resume,
        learned=encoder,
        fit=model is not None,
        rng=seed,
        progress=True,
    )
    page = write_leaderboard(out / "leaderboard.html", found)
    if model is not None and found.model is not None:
        found.model.save(model)
    say(
        _facts(found, out, model),
        as_json,
        f"{found.sentence}\nleaderboard written to {page}, settings to {out / 'config.json'}",
    )


def _check_places(out: Path, model: Path | None) -> None:
    """Refuse folders that cannot be used, before anything heavy is imported or read."""
    from graphrec.decisions.tuning.studylock import check_idle
    from graphrec.market.writing import check_writable

    check_writable(out)
    check_idle(out)
    if model is not None:
        check_writable(model.parent)


def _facts(found: Any, out: Path, model: Path | None) -> dict[str, Any]:
    winner = found.table[found.table["winner"]].iloc[0]
    return {
        "out": str(out),
        "goal": found.goal,
        "winner": {name: winner[name] for name in ("name", "family", "settings", "value", "se")},
        "sentence": found.sentence,
        "last_period": None if found.last is None else found.last.verdict,
        "candidates": found.table["state"][found.table["kind"] != "reference"].value_counts().to_dict(),
        "config": str(out / "config.json"),
        "model": None if model is None else str(model),
    }


def read_budget(text: str | None) -> float | None:
    """Seconds of a budget such as ``10m``; None without one.

    Examples
    --------
    >>> read_budget("1.5m")
    90.0
    """
    from graphrec.market.tables import DataError

    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise DataError(f"--budget is {text!r}; give a time above zero such as 90s, 10m or 2h")
    return float(match[1]) * _UNITS[match[2] or "s"]
