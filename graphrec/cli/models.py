"""Commands that learn: discover, train, score.

Hides which step needs which; every import happens when its command runs.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.application import app
from graphrec.cli.options import (
    Config,
    Data,
    Horizon,
    Json,
    Model,
    Offer,
    Seed,
    check_size,
    read_config,
    read_graph,
    say,
)

__all__ = ["discover", "score", "train"]


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
    say(facts, as_json, f"{text}\nwritten to {out}")


@app.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("model"),
    graph: Annotated[Path | None, typer.Option(help="Graph from `graphrec discover`; found anew without it.")] = None,
    offer: Offer = "auto",
    horizon_days: Horizon = 28,
    appetite: Annotated[str, typer.Option(help="Purchase-graph model: filter, encoder or blend.")] = "filter",
    config: Config = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit appetite, graph and effects, and save the model."""
    from graphrec.decisions.recommender import Recommender
    from graphrec.market.ingestion import read_market
    from graphrec.market.writing import check_writable

    check_writable(out.parent)
    known = read_graph(graph)
    asked = {"offer": offer, "horizon_days": horizon_days, "appetite": appetite}
    settings = read_config(config, asked)
    kept = out.with_name(f"{out.name}.checkpoint")
    model = Recommender(settings).fit(read_market(data), graph=known, rng=seed, progress=not as_json, checkpoint=kept)
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
    say(facts, as_json, f"{model.panel!r}\n{effects.check.sentence}\nmodel written to {out}")


@app.command()
def score(
    model: Model,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("recommendations.parquet"),
    n: Annotated[int, typer.Option(help="Rows for each customer.")] = 10,
    by: Annotated[str, typer.Option(help="What rank 1 maximises: uplift, uplift_low or net_value.")] = "uplift",
    as_json: Json = False,
) -> None:
    """Score every customer, offer and channel."""
    from graphrec.decisions.recommender import load_recommender
    from graphrec.market.writing import check_writable, write_table

    check_size(n)
    check_writable(out.parent)
    scores = load_recommender(model).recommend(n, by=by)
    write_table(out, scores)
    facts = {"out": str(out), "rows": len(scores), "grades": scores["grade"].value_counts().to_dict()}
    say(facts, as_json, f"{len(scores):,} rows written to {out}")
