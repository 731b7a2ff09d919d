"""Commands about persons: erase, export, retain.

Hides which step reads what; every import happens when its command runs. No command prints an identifier.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.application import app
from graphrec.cli.events import KeyFile, open_key
from graphrec.cli.options import Json, check_place, say

__all__ = ["erase", "export", "retain"]

Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="Identifier as in the files; '-' reads it from stdin.")
]
Database = Annotated[Path, typer.Option(help="Event database written by `graphrec ingest`.")]


def _identifier(given: str) -> str:
    """Read from stdin where asked to: what stands on a command line is seen in the list of processes."""
    return typer.get_text_stream("stdin").readline().strip() if given == "-" else given


@app.command()
def erase(
    customer: Customer,
    database: Database = Path("events.duckdb"),
    artefacts: Annotated[list[Path] | None, typer.Option(help="Files and folders made from the data.")] = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Erase one customer from the database and from tables made of it, and withdraw models trained on it."""
    from dataclasses import asdict

    from graphrec.market.privacy import erase_customer

    done = erase_customer(database, _identifier(customer), key=open_key(key_file, database), artefacts=artefacts or [])
    held = "erased" if done.known else "nothing was held; a tombstone keeps later files out"
    say(
        asdict(done),
        as_json,
        f"{held}: {done.events:,} events, {done.consents:,} consents, {sum(done.files.values()):,} rows of "
        f"{len(done.files)} files; {len(done.models)} models withdrawn, to be trained again",
    )


@app.command()
def export(
    customer: Customer,
    database: Database = Path("events.duckdb"),
    out: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("subject.json"),
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Write everything held about one customer, for that customer."""
    from graphrec.market.clickstream.database import open_events
    from graphrec.market.privacy import export_customer

    check_place(out, "--out")
    key = open_key(key_file, database)
    with open_events(database, key=key) as opened:
        events = export_customer(opened, _identifier(customer), out, key=key)
    say({"out": str(out), "events": events}, as_json, f"{events:,} events written to {out}")


@app.command()
def retain(
    since: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="First day (UTC) that is kept.")],
    database: Database = Path("events.duckdb"),
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Delete events before a day, and keep older ones from being loaded again."""
    from graphrec.market.privacy import end_retention

    deleted = end_retention(database, since.replace(tzinfo=UTC), key=open_key(key_file, database))
    say({"since": str(since.date()), "deleted": deleted}, as_json, f"{deleted:,} events before {since.date()} deleted")
