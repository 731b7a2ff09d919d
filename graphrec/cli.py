"""The command line: one command for the whole line, and one for each step of it.

Hides nothing but the reading of options. Every command imports what it needs when it runs, so that ``graphrec --help``
answers at once and loads no torch. User errors are one line on stderr and exit code 2; Ctrl-C is exit code 130 and
leaves nothing half-written.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ontology.commands import app as ontology_commands

__all__ = ["app", "main"]

_INTERRUPTED = 130

app = typer.Typer(
    name="graphrec",
    help="Contact plans with causal reasons: whom to contact about what, ranked by what the contact changes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(ontology_commands, name="ontology")

Data = Annotated[Path, typer.Argument(metavar="DATA", help="Folder with the tables and their market.toml.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder written by `graphrec train` or `graphrec run`.")]
Seed = Annotated[int, typer.Option(help="Same seed, same bytes.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
Offer = Annotated[str, typer.Option(help="What a contact is about: product, category, campaign or auto.")]
Horizon = Annotated[int, typer.Option(help="Days after a contact in which the outcome counts.")]
Policy = Annotated[Path | None, typer.Option(help="TOML or JSON file with the rules of the plan.")]


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
    _say({"out": str(out), "market": repr(sim.market)}, as_json, f"{sim.market!r}\nwritten to {out}")


@app.command()
def check(data: Data, as_json: Json = False) -> None:
    """Print rows, time span, bad rows by reason and consent coverage."""
    from graphrec.market.description import describe_market
    from graphrec.market.ingestion import read_market

    description = describe_market(read_market(data))
    _say(description.to_dict(), as_json, description.to_text())


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
    _say(facts | {"counts": dict(built.counts)}, as_json, f"{built!r}\nwritten to {out}")


@app.command()
def discover(
    data: Data,
    out: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("graph.json"),
    offer: Offer = "auto",
    horizon_days: Horizon = 28,
    bootstraps: Annotated[int, typer.Option(help="Bootstraps by customer for the confidence of edges.")] = 20,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Discover the causal graph of the panel's columns under the ontology's knowledge."""
    import numpy as np

    from graphrec.decisions.panelgraph import discover_graph
    from graphrec.market.ingestion import read_market
    from graphrec.market.panel import build_panel
    from graphrec.market.writing import check_writable, write_text

    check_writable(out.parent)
    panel_rng, graph_rng = np.random.default_rng(seed).spawn(2)
    built = build_panel(read_market(data), offer=offer, horizon_days=horizon_days, rng=panel_rng)
    graph = discover_graph(built, bootstraps, graph_rng, progress=True)
    write_text(out, graph.to_json())
    parents = [cause for cause, effect in graph.in_order(graph.edges) if effect == built.outcome]
    facts = {"out": str(out), "nodes": len(graph.nodes), "edges": len(graph.edges), "parents_of_outcome": parents}
    text = f"{len(graph.nodes)} columns, {len(graph.edges)} directed edges; into {built.outcome}: {', '.join(parents)}"
    _say(facts, as_json, f"{text}\nwritten to {out}")


@app.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("model"),
    graph: Annotated[Path | None, typer.Option(help="Graph from `graphrec discover`; found anew without it.")] = None,
    offer: Offer = "auto",
    horizon_days: Horizon = 28,
    appetite: Annotated[str, typer.Option(help="Purchase-graph model: filter, encoder or blend.")] = "filter",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit appetite, graph and effects, and save the model."""
    from causal.graph import CausalGraph
    from graphrec.decisions.recommender import Recommender, RecommenderConfig
    from graphrec.market.ingestion import read_market
    from graphrec.market.writing import check_writable

    check_writable(out.parent)
    known = None if graph is None else CausalGraph.from_json(_read(graph))
    config = RecommenderConfig(offer=offer, horizon_days=horizon_days, appetite=appetite, bootstraps=20)
    kept = out.with_name(f"{out.name}.checkpoint")
    model = Recommender(config).fit(read_market(data), graph=known, rng=seed, progress=not as_json, checkpoint=kept)
    model.save(out)
    shutil.rmtree(kept, ignore_errors=True)
    effects = model.effects
    facts = {
        "out": str(out),
        "grades": effects.grades,
        "adjustment_set": effects.adjustment.adjustment_set,
        "negative_control": effects.check.sentence,
        "refusal": effects.adjustment.refusal,
    }
    _say(facts, as_json, f"{model.panel!r}\n{effects.check.sentence}\nmodel written to {out}")


@app.command()
def score(
    model: Model,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("recommendations.parquet"),
    n: Annotated[int, typer.Option(help="Rows for each customer.")] = 10,
    by: Annotated[str, typer.Option(help="What rank 1 maximises: uplift or net_value.")] = "uplift",
    as_json: Json = False,
) -> None:
    """Score every customer, offer and channel."""
    from graphrec.decisions.recommender import load_recommender
    from graphrec.market.writing import check_writable, write_table

    check_writable(out.parent)
    scores = load_recommender(model).recommend(n, by=by)
    write_table(out, scores)
    facts = {"out": str(out), "rows": len(scores), "grades": scores["grade"].value_counts().to_dict()}
    _say(facts, as_json, f"{len(scores):,} rows written to {out}")


@app.command()
def plan(
    scores: Annotated[Path, typer.Argument(metavar="SCORES", help="recommendations.parquet from `graphrec score`.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("plan.parquet"),
    policy: Policy = None,
    data: Annotated[Path | None, typer.Option(help="Market folder, needed for a consent rule.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Choose the contacts that are worth most under the policy."""
    from graphrec.decisions.policy import allocate
    from graphrec.market.ingestion import read_market
    from graphrec.market.writing import check_writable, write_table

    check_writable(out.parent)
    market = None if data is None else read_market(data)
    rules, candidates = _policy(policy), _read_table(scores)
    known = candidates["channel"].unique().tolist() if "channel" in candidates else []
    rules.check_channels([*known, *([] if market is None else market.vocabulary.channels.ids)])
    made = allocate(candidates, rules, market=market, rng=seed)
    write_table(out, made.contacts)
    facts = {"out": str(out), "contacts": len(made.outgoing), "value": made.value, "bound": made.bound, "gap": made.gap}
    _say(facts | {"shadow_prices": dict(made.shadow_prices)}, as_json, "\n".join(made.summary()))


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
    from graphrec.market.writing import check_writable, replacing

    check_writable(out.parent)
    fitted = load_recommender(model)
    advice = advise(fitted, customers=_identifiers(fitted, customer), rng=seed)
    with replacing(out) as beside:
        advice.to_jsonl(beside)
    sentences = [str(item.sentence) for item in advice.items]
    _say({"out": str(out), "prescriptions": len(sentences)}, as_json, "\n".join([*sentences[:5], f"written to {out}"]))


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
    support = rank_by_support(fitted, fitted.recommend(10), ladders, seed)
    findings = Findings(
        description=describe_market(market),
        model=fitted,
        ladders=ladders,
        scores=support.scores,
        basis_sentence=support.sentence,
    )
    write_report(out, findings)
    _say({"out": str(out), "basis": support.basis}, as_json, f"{support.sentence}\nreport written to {out}")


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
    rules = None if policy is None else _policy(policy)
    summary = run_job(
        data, out, config=config, policy=rules, seed=seed, fresh=fresh, quiet=as_json, plantings=plantings
    )
    lines = [summary.sentence]
    lines += [f"  {channel}: {verdict}" for channel, verdict in summary.verdicts.items()]
    lines += [f"{summary.contacts:,} contacts planned; everything is in {summary.out}, start with report.html"]
    _say({**summary.__dict__}, as_json, "\n".join(lines))


def _say(facts: dict[str, Any], as_json: bool, text: str) -> None:
    typer.echo(json.dumps(facts, default=str) if as_json else text)


def _read(path: Path) -> str:
    from graphrec.market.tables import DataError

    try:
        return path.read_text()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def _read_table(path: Path) -> Any:
    import pandas as pd

    from graphrec.market.tables import DataError

    try:
        return pd.read_parquet(path)
    except Exception as error:  # Arrow has its own error tree; each is a damaged or missing file here
        raise DataError(f"cannot read {path} as Parquet: {error}") from error


def _policy(path: Path | None) -> Any:
    from graphrec.decisions.policy import ContactPolicy

    return ContactPolicy() if path is None else ContactPolicy.from_file(path)


def _identifiers(model: Any, given: list[str] | None) -> list[Any] | None:
    """Identifiers in the market's own type; the command line knows text only."""
    if not given or model.market is None:
        return None
    ids = model.market.customers["customer_id"]
    return [int(text) if ids.dtype.kind in "iu" and text.lstrip("-").isdigit() else text for text in given]


def main() -> None:
    """Run the command line; see the module's text for exit codes."""
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as end:  # Typer makes the one into the other, without a word
        if isinstance(end, SystemExit) and end.code != _INTERRUPTED:
            raise
        sys.stderr.write("\ninterrupted: nothing is half-written; the same command resumes\n")
        sys.stderr.flush()
        # Every finally has run by now. Leaving at once keeps libraries that noted the signal too (DuckDB, the thread
        # of a progress bar) from raising it again on the way out.
        os._exit(_INTERRUPTED)
    except (ValueError, OSError) as error:
        if os.environ.get("GRAPHREC_DEBUG"):
            raise
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
