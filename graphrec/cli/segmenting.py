"""The command of segments: segment.

Hides which parts of a segmentation become files. No command prints an identifier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Json, Seed, say

__all__ = ["segment"]


@app.command()
def segment(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder with a market.toml, event database, or files of events.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for everything the command makes.")] = Path("out/segments"),
    segments: Annotated[int | None, typer.Option(help="Number of segments; chosen by the data without it.")] = None,
    minimum_events: Annotated[int | None, typer.Option(help="Events needed; measured by the data without it.")] = None,
    language: Annotated[str, typer.Option(help="Language of names and pages: en or fr.")] = "en",
    time_zone: Annotated[str, typer.Option(help="Zone of hours and days, where the data have none.")] = "UTC",
    pdf: Annotated[bool, typer.Option("--pdf", help="Print the report as a PDF too (needs Chromium).")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Find segments of habits, name them, and say from how many events on they can be trusted."""
    from graphrec.market.ingestion import read_market
    from graphrec.market.segmentation.customersegments import segment_customers
    from graphrec.market.segmentation.segmentnames import (
        define_segments,
        show_share,
        tell_fleeting,
        tell_reason,
        words_of,
    )
    from graphrec.market.writing import check_writable, write_table
    from graphrec.report.printing import check_printer, print_pdf
    from graphrec.report.segments import write_segments

    words_of(language)
    check_writable(out)
    if pdf:
        check_printer()
    market = read_market(data) if data.is_dir() and (data / "market.toml").exists() else None
    found = segment_customers(
        data if market is None else market,
        segments=segments,
        minimum_events=minimum_events,
        time_zone=time_zone,
        rng=seed,
    )
    names, told = found.names_in(language), define_segments(found.profiles, language)
    found.save(out / "model")
    write_table(out / "segments.parquet", found.customers.assign(name=found.customers["segment"].map(names)))
    write_table(out / "profiles.parquet", found.profiles.assign(name=found.profiles["segment"].map(names)))
    page = write_segments(out / "segments.html", found, market=market, language=language)
    if pdf:
        print_pdf(page, out / "segments.pdf")
    reason = tell_reason(found.found, found.size, found.stability, language)
    sizes = found.customers["segment"].value_counts()
    facts = {
        "out": str(out), "segments": found.size, "customers": len(found.customers),
        "abstained": float(found.customers["abstained"].mean()), "minimum_events": found.minimum_events,
        "reason": reason, "reliability": found.tell(language), "fidelity": found.rule_card.fidelity,
        "set_aside": dict(found.set_aside),
        "profiles": [
            {"segment": k, "name": names[k], "definition": told[k], "customers": int(sizes.get(k, 0)),
             "jaccard": float(found.stability.set_index("segment")["jaccard"][k]),
             "verdict": str(found.stability.set_index("segment")["verdict"][k])} for k in names
        ],
    }  # fmt: skip
    gone = tell_fleeting(found.migration, names, language)
    left = show_share(float(found.customers["abstained"].mean()), words_of("en"))
    lines = [reason, found.tell(language)]
    lines += [f"  {k}. {names[k]}: {told[k]}" + (f"\n     {gone[k]}" if k in gone else "") for k in names]
    lines += [f"{left} of {len(found.customers):,} customers are not assigned; the pages are {page}"]
    say(facts, as_json, "\n".join(lines))
