"""Results on one page that opens anywhere: a self-contained HTML file, readable without a network.

Hides templates, drawing and scripts. A `Findings` goes in, a file comes out; whatever is missing from it is said in a
sentence on its page.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.report.contents import Findings, ReportError
    from graphrec.report.document import render_report, write_report

__all__ = ["Findings", "ReportError", "render_report", "write_report"]

_HOME = {
    "Findings": "graphrec.report.contents",
    "ReportError": "graphrec.report.contents",
    "render_report": "graphrec.report.document",
    "write_report": "graphrec.report.document",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
