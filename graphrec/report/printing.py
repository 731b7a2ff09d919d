"""A report as a PDF: an installed Chromium prints the HTML file that is mailed anyway.

Hides the search for a browser and its switches. The page is self-contained and forbids itself to load anything, so
printing needs no network; the browser gets a profile of its own that is thrown away.

WeasyPrint was considered (version 70, well kept, offline): it wants the shared library Pango, which pip does not
install, and would be a second engine in which every chart has to be looked at again. The report is already tried in
Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from graphrec.market.writing import replacing

__all__ = ["BROWSERS", "PrintError", "check_printer", "find_browser", "print_pdf"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
"""Commands that are looked for on the path, in this order."""

_SECONDS = 120


class PrintError(ValueError):
    """A page cannot be printed; the message says what to install or to check."""


def find_browser() -> str | None:
    """Command of an installed Chromium, or None; the variable GRAPHREC_BROWSER names another one."""
    named = os.environ.get("GRAPHREC_BROWSER")
    names = (named,) if named else BROWSERS
    return next((found for name in names if (found := shutil.which(name))), None)


def check_printer() -> str:
    """The browser, or an error that says how to get one.

    Raises
    ------
    PrintError
        No Chromium is installed.
    """
    browser = find_browser()
    if browser is None:
        raise PrintError(
            "a PDF is printed by Chromium, and none was found; install it (Debian and Ubuntu: apt install chromium), "
            "or name a browser in GRAPHREC_BROWSER, or open the HTML report and print it"
        )
    return browser


def print_pdf(page: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Print an HTML file to PDF on A4.

    Parameters
    ----------
    page : path-like
        Self-contained HTML file.
    path : path-like
        PDF to write; it appears whole or not at all.

    Raises
    ------
    PrintError
        No Chromium is installed, or it failed.

    Notes
    -----
    Size and margins are those of the page's own style sheet (``@page``).
    """
    browser, source, target = check_printer(), Path(page).resolve(), Path(path)
    with tempfile.TemporaryDirectory(prefix="graphrec-print-") as profile, replacing(target) as beside:
        command = [
            browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer",
            f"--user-data-dir={profile}", f"--print-to-pdf={Path(beside).resolve()}", source.as_uri(),
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses to run as root with it
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PrintError(f"{browser} could not print {source.name}: {error}") from error
        if done.returncode or not Path(beside).is_file():
            said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
            raise PrintError(f"{browser} could not print {source.name}: {said[-1]}")
    return target
