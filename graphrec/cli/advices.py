"""Commands that answer why and what: explain, prescribe.

Hides how a customer, a segment or everybody becomes a list of identifiers, and how one answer is shown: as sentences,
as JSON, as a page to mail, as a PDF. Every import happens when its command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrec.cli.application import app
from graphrec.cli.options import Json, Model, Seed, check_place, check_size, read_graph, say

__all__ = ["explain", "prescribe"]

Language = Annotated[str, typer.Option(help="Language of sentences and pages: en or fr.")]
Report = Annotated[Path | None, typer.Option(help="HTML page to write, for mailing.")]
Pdf = Annotated[Path | None, typer.Option(help="The same page as PDF; needs an installed Chromium.")]
Currency = Annotated[str, typer.Option(help="Printed after amounts of money.")]
_SAID = 5


@app.command()
def explain(
    customer: Annotated[
        str | None,
        typer.Argument(metavar="CUSTOMER", help="Identifier; without one the model as a whole is explained."),
    ] = None,
    model: Annotated[Path, typer.Option(help="Folder written by `graphrec train` or `graphrec run`.")] = Path("model"),
    method: Annotated[
        str, typer.Option(help="For the model as a whole: shap, lime, pdp, ice or ale of the effect of a contact.")
    ] = "shap",
    by: Annotated[str | None, typer.Option(help="Column of the customers table: explain its segments.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Channel, for the model as a whole; the first by default.")
    ] = None,
    language: Language = "en",
    report: Report = None,
    pdf: Pdf = None,
    currency: Currency = "",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Say why: one customer's advice, model and causes side by side, or what the model as a whole hangs on."""
    from graphrec.cli.answers import explain_model, explain_one

    _check(language, report, pdf)
    fitted = _load(model)
    if customer is None:
        if report is not None or pdf is not None:
            from graphrec.market.tables import DataError

            raise DataError("a page explains one customer: name a CUSTOMER, or leave --report and --pdf out")
        say(*explain_model(fitted, method, by, channel, language, seed, as_json))
        return
    if by is not None:
        from graphrec.market.tables import DataError

        raise DataError("--by explains segments: leave CUSTOMER out")
    found = explain_one(fitted, _identifier(fitted, customer), language, currency, seed, _narrate)
    _write(found.letter, report, pdf)
    places = [f"written to {place}" for place in (report, pdf) if place is not None]
    say(found.facts, as_json, "\n".join([*found.lines, *places]))


@app.command()
def prescribe(
    model: Model,
    out: Annotated[Path, typer.Option(help="JSON-lines file to write.")] = Path("prescriptions.jsonl"),
    customer: Annotated[list[str] | None, typer.Option(help="Customer identifier; may be repeated.")] = None,
    segment: Annotated[str | None, typer.Option(help="COLUMN=VALUE of the customers table: its customers.")] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="All customers.")] = False,
    n: Annotated[int, typer.Option(help="Without any of these: so many customers, the most valuable contacts.")] = 20,
    budget: Annotated[float | None, typer.Option(help="Money that all moves together may cost.")] = None,
    by: Annotated[str | None, typer.Option(help="Column of the customers table: sum up by it.")] = None,
    graph: Annotated[Path | None, typer.Option(help="Another causal graph, as JSON.")] = None,
    language: Language = "en",
    report: Report = None,
    pdf: Pdf = None,
    currency: Currency = "",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Say which lever to move for a customer, a segment or everybody, what it brings, how sure that is, and why."""
    from graphrec.cli.answers import advise
    from graphrec.market.writing import replacing

    check_size(n, budget)
    check_place(out, "--out")
    _check(language, report, pdf)
    other = read_graph(graph)
    fitted = _load(model)
    named = [_identifier(fitted, text) for text in customer or ()]
    found = advise(fitted, named, segment, everybody, n, budget, by, other, language, currency, seed, _narrate)
    with replacing(out) as beside:
        found.advice.to_jsonl(beside)
    _write(found.letter, report, pdf)
    places = [f"written to {place}" for place in (out, report, pdf) if place is not None]
    say({"out": str(out), **found.facts}, as_json, "\n".join([*found.lines, *places]))


def _check(language: str, report: Path | None, pdf: Path | None) -> None:
    """Refuse before the work what cannot be said, written or printed."""
    from graphrec.decisions.sentences.languages import language_of
    from graphrec.report.printing import check_printer

    language_of(language)
    for path, option in ((report, "--report"), (pdf, "--pdf")):
        if path is not None:
            check_place(path, option)
    if pdf is not None:
        check_printer()


def _load(folder: Path) -> Any:
    """The fitted model; a run's folder is taken for the model in it."""
    from graphrec.decisions.recommender import load_recommender

    inside = folder / "model"
    _narrate("reading the model")
    return load_recommender(inside if (inside / "recommender.json").is_file() else folder)


def _identifier(model: Any, text: str) -> Any:
    """An identifier in the data's own type; the command line knows text only."""
    frame = model.panel.frame
    if model.market is not None:
        ids = model.market.customers["customer_id"]
    elif "customer_id" in frame.columns:
        ids = frame["customer_id"]
    else:
        return int(text) if text.lstrip("-").isdigit() else text
    return int(text) if ids.dtype.kind in "iu" and text.lstrip("-").isdigit() else text


def _narrate(text: str) -> None:
    """Say on stderr what is being done."""
    sys.stderr.write(f"  {text} ...\n")
    sys.stderr.flush()


def _write(letter: Any, report: Path | None, pdf: Path | None) -> None:
    """The page as HTML, as PDF, or both."""
    import tempfile

    from graphrec.report.letter import write_letter
    from graphrec.report.printing import print_pdf

    if report is not None:
        write_letter(report, letter)
    if pdf is not None:
        _narrate("printing")
        with tempfile.TemporaryDirectory(prefix="graphrec-page-") as folder:
            print_pdf(report if report is not None else write_letter(Path(folder) / "page.html", letter), pdf)
