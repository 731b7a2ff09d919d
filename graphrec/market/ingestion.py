"""A folder of files becomes a `Market`.

Hides the way from files to checked tables: `graphrec.market.manifest` says what the files mean,
`graphrec.market.folder` reads them, and here the columns get their final types - identifiers as text or whole numbers,
days as local midnight, clocks in UTC, numbers and truth values out of text. The rows are then judged by
`Market.from_frames` like any other frame.

Alternative considered: letting the CSV reader guess types. It turns the identifier ``007`` into 7 and changes its mind
from one file to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd

from graphrec.market.columns import read_columns, read_text_columns, unify_identifiers
from graphrec.market.folder import BrokenLine, Folder
from graphrec.market.manifest import Manifest, TableSource, did_you_mean, read_manifest
from graphrec.market.tables import DataError, Market

__all__ = ["read_market"]

_MUST_HAVE_ROWS = ("customers", "products", "solicitations", "events")


def read_market(path: str | Path, *, maximum_bad_share: float = 0.2, progress: bool = False) -> Market:
    """Read the folder at ``path``, described by its ``market.toml``, into a market.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder with a ``market.toml`` (the format is in `graphrec.market.manifest`), or that file.
    maximum_bad_share : float, between 0 and 1
        Share of one table's rows that may be set aside before the whole table is refused.
    progress : bool
        Show a bar on stderr, one step for each table.

    Returns
    -------
    Market
        Unusable rows are in ``market.rejected``, each with its reason; a line of a CSV file that cannot be cut into
        columns is among them, with its number in the file.

    Raises
    ------
    DataError
        The folder, its ``market.toml``, a file, a query or a whole table cannot be used; the message says what was
        found and what to do.

    Notes
    -----
    Reads files inside the folder only. A column of days without a clock (``DATE``, or text such as ``2017-03-03``)
    is read as midnight in the folder's time zone; a clock without a zone is read as UTC unless the table says
    ``naive_times = "local"``. Assumes that a file's clock is what the manifest says: a wrong zone moves records to
    the wrong day, and nothing in the data shows it.
    """
    if not 0 <= maximum_bad_share <= 1:
        raise DataError(f"maximum_bad_share is {maximum_bad_share!r}; give a share between 0 and 1")
    manifest = read_manifest(path)
    tables: dict[str, pd.DataFrame] = {}
    broken: dict[str, list[BrokenLine]] = {}
    with Folder(manifest.folder, manifest.csv) as folder, _bar(len(manifest.tables), progress) as bar:
        for source in manifest.tables.values():
            bar(source.name)
            tables[source.name], broken[source.name] = _read_table(folder, source, manifest)
    tables = unify_identifiers(tables)
    market = Market.from_frames(
        customers=tables["customers"],
        products=tables["products"],
        solicitations=tables.get("solicitations"),
        events=tables.get("events"),
        campaigns=tables.get("campaigns"),
        consents=tables.get("consents"),
        feedback=tables.get("feedback"),
        roles=manifest.roles,
        time_zone=manifest.time_zone,
        maximum_bad_share=maximum_bad_share,
    )
    return _with_broken_lines(market, broken, maximum_bad_share)


def _read_table(folder: Folder, source: TableSource, manifest: Manifest) -> tuple[pd.DataFrame, list[BrokenLine]]:
    """One table with its final column names and types, and the lines that could not be cut into columns."""
    dates = {role.date_column for role in manifest.roles.values() if role.date_column is not None}
    if source.query is not None:
        rows, broken = folder.run_query(source.query, source.name)
    else:
        rows, broken = folder.read_file(str(source.file))
        rows = rows.rename_columns(_market_names(rows.column_names, source))
    if not rows.num_rows and source.name in _MUST_HAVE_ROWS:
        lines = f" ({_shown(broken)})" if broken else ""
        raise DataError(
            f"table {source.name} is empty: {source.file or 'its query'} gives no row{lines}; "
            "correct it, or take the table out of market.toml"
        )
    frame = read_columns(rows, source.name, time_zone=manifest.time_zone, naive_times=source.naive_times, dates=dates)
    if source.file is not None and not source.file.lower().endswith(".parquet"):
        frame = read_text_columns(frame, decimal=manifest.csv.decimal, dates=dates)
    return frame, broken


def _market_names(found: Sequence[str], source: TableSource) -> list[str]:
    """Column names in the market, in the order of the file."""
    for wanted in source.columns.values():
        if wanted not in found:
            raise DataError(
                f"table {source.name}: {source.file} has no column {wanted!r}{did_you_mean(wanted, found)} "
                f"Found: {', '.join(found)}"
            )
    renamed = {old: new for new, old in source.columns.items()}
    names = [renamed.get(name, name) for name in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or len(renamed) < len(source.columns):
        raise DataError(
            f"table {source.name}: columns gives {', '.join(twice) or 'two names to one column'} twice; "
            f"{source.file} has {', '.join(found)}. Use a query to choose and copy columns"
        )
    return names


def _with_broken_lines(market: Market, broken: Mapping[str, list[BrokenLine]], maximum_bad_share: float) -> Market:
    """Count the broken lines of CSV files among the rows set aside."""
    parts, received = [market.rejected], dict(market.received)
    for table, lines in broken.items():
        if not lines:
            continue
        received[table] += len(lines)
        parts.append(
            pd.DataFrame(
                {
                    "table": table,
                    "row": [line.line for line in lines],
                    "reason": [f"line of {line.file} {line.reason}" for line in lines],
                    "value": "",
                }
            )
        )
        aside = len(lines) + int(market.rejected["table"].eq(table).sum())
        if aside > maximum_bad_share * received[table]:
            raise DataError(
                f"table {table}: {aside:,} of {received[table]:,} rows are unusable, more than the allowed "
                f"{maximum_bad_share:.0%}, among them {_shown(lines)}"
            )
    if len(parts) == 1:
        return market
    return replace(market, rejected=pd.concat(parts, ignore_index=True), received=received)


def _shown(lines: Sequence[BrokenLine]) -> str:
    first = lines[0]
    return (
        f"{len(lines):,} lines that cannot be cut into columns, the first being line {first.line:,} of {first.file}, "
        f"which {first.reason}; check delimiter and encoding below [csv]"
    )


@contextmanager
def _bar(total: int, progress: bool) -> Iterator[Callable[[str], None]]:
    """A bar on stderr that a call moves on by one table; nothing at all without ``progress``."""
    if not progress:
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=total)
        done = iter(range(total))
        yield lambda name: bar.update(task, completed=next(done), description=f"reading {name}")
        bar.update(task, completed=total, description="read")
