"""The one Typer application; each family of commands adds its own to it.

Hides nothing but the settings of the application. A file for each family keeps ``graphrec --help`` the only thing that
reads them all.
"""

from __future__ import annotations

import typer

from ontology.commands import app as ontology_commands

__all__ = ["app"]

app = typer.Typer(
    name="graphrec",
    help="Contact plans with causal reasons: whom to contact about what, ranked by what the contact changes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(ontology_commands, name="ontology")
