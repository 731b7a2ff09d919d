"""What a folder's ``market.toml`` says, checked before any data is read.

Hides the TOML format and its spelling checks: every mistake names the file, what was found and the nearest word
that is allowed. The format::

    time_zone = "Europe/Paris"                  # days (a DATE without a clock) are read as midnight there

    [csv]                                       # optional: how every CSV file of the folder is written
    delimiter = ";"                             # "," without it, a tab for .tsv
    encoding = "latin-1"                        # "utf-8" without it
    decimal = ","                               # "." without it

    [tables.customers]
    file = "people.csv"                         # .parquet, .csv, .tsv or one of the latter gzipped (.gz)
    columns = { customer_id = "household_id" }  # name in the market = name in the file; others keep their name

    [tables.events]
    query = "SELECT * FROM people JOIN ..."     # DuckDB SQL; each file of the folder is a view named by its stem
    naive_times = "local"                       # clocks without a zone: "UTC" (the default) or "local"

    [roles]
    wealth = "Wealth"                           # or "immutable", or { class = "Wealth", date = "wealth_on" }

Alternative considered: guessing tables and columns from their names. A wrong guess is silent; a file is not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from graphrec.market.tables import TABLES, DataError, Role

__all__ = ["MANIFEST_NAME", "CsvFormat", "Manifest", "TableSource", "did_you_mean", "read_manifest"]

MANIFEST_NAME = "market.toml"
_REQUIRED_TABLES = ("customers", "products")
_ENCODINGS = ("utf-8", "latin-1", "utf-16")


@dataclass(frozen=True)
class CsvFormat:
    """How the CSV files of a folder are written.

    Parameters
    ----------
    delimiter : str, optional
        One character; without it a tab for ``.tsv`` files and a comma for the others.
    encoding : str
        One of utf-8, latin-1, utf-16.
    decimal : str
        Decimal mark, ``"."`` or ``","``.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    decimal: str = "."


@dataclass(frozen=True)
class TableSource:
    """Where one table comes from: a file, or a query over the folder's files.

    Parameters
    ----------
    name : str
        Table of the market, for example ``"events"``.
    file : str, optional
        Path inside the folder.
    query : str, optional
        DuckDB SQL, one SELECT statement.
    columns : mapping of str to str
        Column in the market to column in the file.
    naive_times : {"UTC", "local"}
        How clocks without a zone are read.
    """

    name: str
    file: str | None = None
    query: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    naive_times: Literal["UTC", "local"] = "UTC"


@dataclass(frozen=True)
class Manifest:
    """A folder's ``market.toml``, checked.

    Parameters
    ----------
    folder : pathlib.Path
        Folder that holds the files, resolved.
    time_zone : str
        Zone in which days are cut.
    tables : mapping of str to TableSource
        The tables it describes.
    roles : mapping of str to Role
        What each attribute column is.
    csv : CsvFormat
        How the CSV files are written.
    """

    folder: Path
    time_zone: str
    tables: Mapping[str, TableSource]
    roles: Mapping[str, Role]
    csv: CsvFormat


def read_manifest(path: str | Path, *, required: Sequence[str] = _REQUIRED_TABLES) -> Manifest:
    """Read and check the ``market.toml`` of a folder.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder, or its ``market.toml``.
    required : sequence of str
        Tables that must be described.

    Raises
    ------
    DataError
        No such folder or file, malformed TOML (with its line), or an unknown or missing key.
    """
    file = _find(Path(path))
    document = _parse(file)
    _refuse_unknown(document, ("time_zone", "tables", "roles", "csv"), f"{MANIFEST_NAME}")
    if "time_zone" not in document:
        raise DataError(
            f"{MANIFEST_NAME} lacks time_zone, the zone in which days are cut; write for example "
            'time_zone = "Europe/Paris" above the first table'
        )
    tables = {name: _table(name, value) for name, value in _section(document, "tables").items()}
    missing = [name for name in required if name not in tables]
    if missing:
        raise DataError(
            f"{MANIFEST_NAME} describes no table {' and no table '.join(missing)}; "
            f"it describes {', '.join(tables) or 'none'}. Add [tables.{missing[0]}] with a file or a query"
        )
    roles = {column: Role.parse(column, value) for column, value in _section(document, "roles").items()}
    return Manifest(
        folder=file.parent,
        time_zone=_zone(document["time_zone"]),
        tables=tables,
        roles=roles,
        csv=_csv(_section(document, "csv")),
    )


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest allowed word, or a full stop.

    Examples
    --------
    >>> did_you_mean("custommers", ["customers", "events"])
    "; did you mean 'customers'?"
    """
    near = get_close_matches(word.lower(), list(allowed), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."


def _find(path: Path) -> Path:
    """Locate the manifest of a folder, or say what is there instead."""
    if path.is_file() and path.name == MANIFEST_NAME:
        return path.resolve()
    if path.is_file():
        raise DataError(f"{path} is a file; give the folder that holds it and a {MANIFEST_NAME}")
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; give a folder with a {MANIFEST_NAME}")
    file = path / MANIFEST_NAME
    if not file.is_file():
        found = sorted(entry.name for entry in path.iterdir() if entry.is_file())
        shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        raise DataError(
            f'{path} has no {MANIFEST_NAME} (found: {shown or "no file"}). Write one: time_zone = "Europe/Paris", '
            'then for each table [tables.customers], file = "...", columns = { customer_id = "..." }'
        )
    return file.resolve()


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{file} is not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error


def _section(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if not isinstance(value, Mapping):
        raise DataError(f"{MANIFEST_NAME}: {key} is {value!r}; write a section [{key}]")
    return value


def _refuse_unknown(given: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    allowed = tuple(allowed)
    for key in given:
        if key in allowed:
            continue
        if where == MANIFEST_NAME and key in TABLES:
            raise DataError(f"{where}: write the table {key} as [tables.{key}]")
        raise DataError(
            f"{where} has the unknown key {key!r}{did_you_mean(key, allowed)} Allowed: {', '.join(allowed)}"
        )


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{MANIFEST_NAME}: {where} is {value!r}; write text between quotes")
    return value


def _zone(value: object) -> str:
    """Check that the zone exists."""
    name = _text(value, "time_zone")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        zones = {zone.lower(): zone for zone in available_timezones()}
        near = did_you_mean(name, zones) if name.lower() not in zones else f"; did you mean {zones[name.lower()]!r}?"
        raise DataError(
            f"{MANIFEST_NAME}: time_zone {name!r} is unknown{near} Write a name such as 'Europe/Paris'"
        ) from error
    return name


def _table(name: str, value: object) -> TableSource:
    """Check one table's section."""
    if name not in TABLES:
        raise DataError(
            f"{MANIFEST_NAME} describes the unknown table {name!r}{did_you_mean(name, TABLES)} "
            f"Allowed: {', '.join(TABLES)}"
        )
    where = f"{MANIFEST_NAME} [tables.{name}]"
    if not isinstance(value, Mapping):
        raise DataError(f"{where} is {value!r}; write a section with a file or a query")
    _refuse_unknown(value, ("file", "query", "columns", "naive_times"), where)
    if ("file" in value) == ("query" in value):
        raise DataError(f"{where} needs either a file or a query, one of them; it has {', '.join(value) or 'no key'}")
    columns = value.get("columns", {})
    if not isinstance(columns, Mapping) or not all(isinstance(source, str) for source in columns.values()):
        raise DataError(f'{where}: columns is {columns!r}; write {{ customer_id = "column of the file" }}')
    if columns and "query" in value:
        raise DataError(f"{where} has a query and columns; name the columns in the query (SELECT household_id AS ...)")
    naive = value.get("naive_times", "UTC")
    if naive not in ("UTC", "local"):
        raise DataError(f'{where}: naive_times is {naive!r}; write "UTC" or "local"')
    source = {key: _text(value[key], f"[tables.{name}] {key}") for key in ("file", "query") if key in value}
    return TableSource(name, columns=dict(columns), naive_times=naive, **source)


def _csv(value: Mapping[str, Any]) -> CsvFormat:
    """Check the section on CSV files."""
    where = f"{MANIFEST_NAME} [csv]"
    _refuse_unknown(value, ("delimiter", "encoding", "decimal"), where)
    delimiter = value.get("delimiter")
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise DataError(f'{where}: delimiter is {delimiter!r}; write one character, such as ";"')
    if value.get("encoding", "utf-8") not in _ENCODINGS:
        raise DataError(f"{where}: encoding is {value['encoding']!r}; allowed: {', '.join(_ENCODINGS)}")
    if value.get("decimal", ".") not in (".", ","):
        raise DataError(f'{where}: decimal is {value["decimal"]!r}; write "." or ","')
    return CsvFormat(**value)
