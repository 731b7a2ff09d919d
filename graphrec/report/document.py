"""The report as one HTML file that needs nothing else, written in one step.

Hides the assembly: pages are built, drawn by templates with escaping on, and joined with the style sheet and the
scripts; the page forbids itself to load anything. A folder of files was considered: people mail one file.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.report.advice import build_advice
from graphrec.report.causes import build_causes
from graphrec.report.claims import build_claims
from graphrec.report.customer import build_customer
from graphrec.report.embedding import content_policy, read_asset, script_json, vendored_script
from graphrec.report.holdings import build_holdings
from graphrec.report.meanings import build_meanings
from graphrec.report.methods import build_methods
from graphrec.report.outreach import build_outreach
from graphrec.report.summary import build_summary
from graphrec.report.wording import figure, plain

if TYPE_CHECKING:
    import jinja2

    from graphrec.report.contents import Findings

__all__ = ["page_template", "render_report", "write_report"]

PAGES = (
    ("summary", "Summary", build_summary),
    ("data", "The data", build_holdings),
    ("graph", "The causal graph", build_causes),
    ("meanings", "What was known", build_meanings),
    ("claims", "What may be claimed", build_claims),
    ("plan", "The plan", build_outreach),
    ("prescriptions", "Prescriptions", build_advice),
    ("customer", "One customer", build_customer),
    ("methods", "Methods and assumptions", build_methods),
)


def write_report(path: str | os.PathLike[str], findings: Findings) -> Path:
    """Write the findings to one HTML file that opens in any browser, without a network.

    Parameters
    ----------
    path : path-like
        File to write; its folder is made where it is missing. It appears whole or not at all.
    findings : Findings
        What to show; a missing part is said to be missing on its page.

    Returns
    -------
    pathlib.Path
        The file.

    Notes
    -----
    Identifiers of customers stand only in the top rows of the plan, in the prescriptions and in the one explanation:
    where somebody has to act on them.
    """
    target = Path(path)
    content = render_report(findings).encode("utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def render_report(findings: Findings) -> str:
    """Findings as the text of one HTML page; the same findings give the same text."""
    scripts = [vendored_script("cytoscape.min.js"), read_asset("graph.js"), read_asset("pages.js")]
    pages = [{"key": key, "title": title, "values": build(findings)} for key, title, build in PAGES]
    graph: Any = next(page["values"] for page in pages if page["key"] == "graph")
    if graph["graph"] is None:
        scripts = scripts[2:]
    return page_template("report.html").render(
        title=findings.title,
        made_on=findings.made_on,
        pages=pages,
        style=read_asset("report.css"),
        scripts=scripts,
        policy=content_policy(scripts),
        data=script_json({"graph": graph["graph"]}),
    )  # fmt: skip


def page_template(name: str) -> jinja2.Template:
    """A template of this package, with escaping on."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.filters["figure"] = figure
    return environment
