"""Commands over a clickstream: generate-events, ingest, features, events-report.

Hides which step reads what; every import happens when its command runs.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Json, Seed, say

if TYPE_CHECKING:
    from graphrec.market.protection.keys import PseudonymKey

__all__ = ["events_report", "features", "generate_events", "ingest"]

Database = Annotated[Path, typer.Argument(metavar="DATABASE", help="Event database written by `graphrec ingest`.")]
KeyFile = Annotated[
    Path | None, typer.Option(help="File with the key of the pseudonyms; without it the variable GRAPHREC_KEY is read.")
]
Memory = Annotated[str, typer.Option(help="Memory of the whole process; what does not fit is spilled to disk.")]


def open_key(key_file: Path | None, database: Path) -> PseudonymKey:
    """Key of an existing file or of the environment; a new file where the database is new, too."""
    from graphrec.market.protection.keys import make_key, read_key

    if key_file is not None and not key_file.exists() and not database.exists():
        if key_file.resolve().parent == database.resolve().parent:
            return read_key(key_file, data=database)  # refuses, and says why
        make_key(key_file)
        typer.echo(
            f"a new key is in {key_file}; keep it apart from the data, nothing can be loaded without it", err=True
        )
    return read_key(key_file, data=database)


@app.command()
def generate_events(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files.")],
    events: Annotated[int, typer.Option(help="Number of events.")] = 100_000,
    days: Annotated[int, typer.Option(help="Days over which they spread.")] = 61,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = datetime(2019, 10, 1),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write made-up events in the marketplace format, with planted kinds of customers and their truth."""
    from graphrec.market.clickstream.generation import generate_events as generate
    from graphrec.market.writing import check_writable

    check_writable(out)
    made = generate(out, events, days=days, start=start.date(), rng=seed)
    facts = {
        "files": [str(file) for file in made.files],
        "truth": str(made.truth),
        "events": made.events,
        "customers": made.customers,
        "products": made.products,
    }
    say(
        facts,
        as_json,
        f"{made.events:,} events in {', '.join(file.name for file in made.files)}; truth in {made.truth}",
    )


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV (also gzip) or Parquet files of events.")],
    database: Annotated[Path, typer.Option(help="Event database; made where it is missing.")] = Path("events.duckdb"),
    key_file: KeyFile = None,
    layout: Annotated[Path | None, typer.Option(help="market.toml that describes the files.")] = None,
    memory_limit: Memory = "1GB",
    threads: Annotated[int | None, typer.Option(help="All cores by default.")] = None,
    maximum_bad_share: Annotated[float, typer.Option(help="Share of lines that may be set aside.")] = 0.2,
    as_json: Json = False,
) -> None:
    """Load files of events into a database, each once, under pseudonyms; an interrupted load goes on."""
    from dataclasses import asdict

    from graphrec.market.clickstream.eventformat import EventFormat
    from graphrec.market.clickstream.loading import ingest_events

    way, zone = EventFormat.from_manifest(layout) if layout is not None else (None, None)
    loads = ingest_events(
        files,
        database,
        key=open_key(key_file, database),
        layout=way,
        time_zone=zone,
        memory_limit=memory_limit,
        threads=threads,
        maximum_bad_share=maximum_bad_share,
        progress=not as_json,
    )
    text = "\n".join(
        f"{load.file}: loaded before, nothing to do"
        if load.known
        else f"{load.file}: {load.events:,} events, {load.set_aside:,} lines set aside, "
        f"{load.repeated:,} already there, {load.late:,} late, {load.withheld:,} withheld"
        for load in loads
    )
    say({"database": str(database), "loads": [asdict(load) for load in loads]}, as_json, text)


@app.command()
def features(
    database: Database,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("features.parquet"),
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Events before this day (UTC).")] = None,
    memory_limit: Memory = "1GB",
    as_json: Json = False,
) -> None:
    """Write the behavioural variables of all customers as of a day; by default the day after the last event."""
    from datetime import UTC

    from graphrec.cli.options import check_place
    from graphrec.market.clickstream.database import open_events
    from graphrec.market.features import FEATURES, write_features

    check_place(out, "--out")
    with open_events(database, memory_limit=memory_limit) as opened:
        rows = write_features(opened, out, as_of=None if as_of is None else as_of.replace(tzinfo=UTC))
    facts = {"out": str(out), "customers": rows, "variables": len(FEATURES)}
    say(facts, as_json, f"{len(FEATURES)} variables of {rows:,} customers written to {out}")


@app.command()
def events_report(
    database: Database,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("events.html"),
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Rank variables as of this day (UTC).")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write what happened as one offline page: volumes, funnel, prices, gaps, robots, calendar, variables."""
    from datetime import UTC

    from graphrec.cli.options import check_place
    from graphrec.market.behaviour.featureranking import rank_features
    from graphrec.market.behaviour.happenings import describe_events
    from graphrec.market.clickstream.database import open_events
    from graphrec.report.happened import write_happened

    check_place(out, "--out")
    with open_events(database) as opened:
        found = describe_events(opened)
        ranking = None if as_of is None else rank_features(opened, as_of=as_of.replace(tzinfo=UTC), rng=seed)
    write_happened(out, found, ranking)
    say({"out": str(out)} | found.totals, as_json, f"{found.totals['events']:,} events described in {out}")
