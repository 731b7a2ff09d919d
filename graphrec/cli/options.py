"""What commands share: the options they have in common, and how they read files and speak.

Hides the one form of each option, so that ``--seed`` means the same everywhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "Config",
    "Data",
    "Horizon",
    "Json",
    "Model",
    "Offer",
    "Policy",
    "Seed",
    "check_place",
    "check_size",
    "read_config",
    "read_graph",
    "read_policy",
    "read_table",
    "read_words",
    "say",
]

Data = Annotated[Path, typer.Argument(metavar="DATA", help="Folder with the tables and their market.toml.")]


def _check_seed(seed: int) -> int:
    """Refuse before the work what no generator takes."""
    from graphrec.market.tables import DataError

    if seed < 0:
        raise DataError(f"--seed is {seed}; give a whole number, at least 0")
    return seed


Seed = Annotated[int, typer.Option(help="Same seed, same bytes.", callback=_check_seed)]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder written by `graphrec train` or `graphrec run`.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
Offer = Annotated[str, typer.Option(help="What a contact is about: product, category, campaign or auto.")]
Horizon = Annotated[int, typer.Option(help="Days after a contact in which the outcome counts.")]
Config = Annotated[Path | None, typer.Option(help="Settings from `graphrec tune`: its config.json.")]
Policy = Annotated[Path | None, typer.Option(help="TOML or JSON file with the rules of the plan.")]


def say(facts: dict[str, Any], as_json: bool, text: str) -> None:
    """Print the facts as JSON, or the text."""
    typer.echo(json.dumps(facts, default=str) if as_json else text)


def check_place(path: Path, option: str) -> None:
    """Refuse a file that cannot be written, before the work; a folder that is missing may be a misspelt one."""
    from graphrec.market.tables import DataError
    from graphrec.market.writing import check_writable

    if path.is_dir():
        raise DataError(f"cannot write {path}: it is a folder; name a file with {option}")
    if not path.parent.exists():
        raise DataError(f"cannot write {path}: there is no folder {path.parent}; make it, or choose another {option}")
    check_writable(path.parent)


def read_words(path: Path) -> str:
    """Text of a file, or an error that names it."""
    from graphrec.market.tables import DataError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"cannot read {path}: it is no UTF-8 text") from error


def read_graph(path: Path | None) -> Any:
    """The causal graph of a JSON file, or an error that names the file; None without one."""
    from causal.graph import CausalGraph, GraphError
    from graphrec.market.tables import DataError

    if path is None:
        return None
    try:
        return CausalGraph.from_json(read_words(path))
    except GraphError as error:
        raise DataError(f"{path} is no causal graph of `graphrec discover`: {error}") from error


def read_config(path: Path | None, asked: dict[str, Any]) -> Any:
    """Settings of the options asked for, or of a JSON file; the file is refused beside options that say otherwise."""
    from graphrec.decisions.settings import RecommenderConfig
    from graphrec.market.tables import DataError

    if path is None:
        return RecommenderConfig(**asked, bootstraps=20)
    both = [name for name, value in asked.items() if value != getattr(RecommenderConfig(), name)]
    if both:
        given = ", ".join(f"--{name.replace('_', '-')}" for name in both)
        raise DataError(f"--config holds all settings; leave {given} out, or change {path}")
    try:
        return RecommenderConfig(**json.loads(read_words(path)))
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} holds no settings of a recommender: {error}") from error


def check_size(n: int, budget: float | None = None) -> None:
    """Refuse before the work a number of rows or a budget that makes no sense."""
    from graphrec.market.tables import DataError

    if n < 1:
        raise DataError(f"--n is {n}; give at least 1")
    if budget is not None and not 0 <= budget < float("inf"):
        raise DataError(f"--budget is {budget:g}; give a finite amount of money, at least 0")


def read_table(path: Path) -> Any:
    """A Parquet table, or an error that names the file."""
    import pandas as pd

    from graphrec.market.tables import DataError

    if not path.exists():
        raise DataError(f"there is no file {path}; name the Parquet file of `graphrec score`")
    try:
        return pd.read_parquet(path)
    except Exception as error:  # Arrow has its own error tree; each is a damaged or missing file here
        raise DataError(f"cannot read {path} as Parquet: {error}") from error


def read_policy(path: Path | None) -> Any:
    """The policy of a TOML or JSON file; the default one without a file."""
    from graphrec.decisions.policy import ContactPolicy

    return ContactPolicy() if path is None else ContactPolicy.from_file(path)
