"""The command line: one command for the whole line, and one for each step of it.

Hides how a command ends. Every command imports what it needs when it runs, so that ``graphrec --help`` answers at once
and loads no torch. User errors are one line on stderr and exit code 2; Ctrl-C is exit code 130 and leaves nothing
half-written.
"""

from __future__ import annotations

import os
import sys

from graphrec.cli import advices, evaluations, events, markets, models, people, plans, reports, segmenting, tunings
from graphrec.cli.application import app

__all__ = [
    "advices",
    "app",
    "evaluations",
    "events",
    "main",
    "markets",
    "models",
    "people",
    "plans",
    "reports",
    "segmenting",
    "tunings",
]

_INTERRUPTED = 130


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
