"""One file of events becomes typed Parquet parts, and goes on where it was interrupted.

Hides the parts: each holds a fixed number of blocks, and counts only once its small JSON file stands beside it,
renamed into place last. The folder is named after the file's bytes, so it can only continue the same file, read in the
same way and with the same key. Nothing here touches the database.

Alternative considered: inserting block by block into the database. A file that turns out to be cut off would then have
entered in part, and the order of rows on disk would be that of time, where every later question asks by customer.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.clickstream.parsing import Parsed, RowParser, name_columns, parse_block, parse_texts
from graphrec.market.clickstream.rowscan import SeenItems
from graphrec.market.clickstream.textblocks import BLOCK_BYTES, Block, read_ahead, read_blocks, read_header
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Staged", "fingerprint_file", "read_columns_of", "stage_file"]

_FORMAT = 1
_BLOCKS = 16
_PARQUET_ROWS = 65_536
_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt.gz", ".parquet")


@dataclass(frozen=True)
class Staged:
    """A file as parts, ready for the database.

    Attributes
    ----------
    folder : pathlib.Path
        Holds ``rows-*.parquet``, ``items-*.parquet`` and ``aside-*.parquet``.
    rows, aside, lines : int
        Good rows, rows set aside, lines below the header.
    kept_parts : int
        Parts that an interrupted attempt had left.
    """

    folder: Path
    rows: int
    aside: int
    lines: int
    kept_parts: int

    def remove(self) -> None:
        """Remove the parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class _Part:
    """What the JSON file of a part says."""

    rows: int
    aside: int
    lines: int


def fingerprint_file(path: Path) -> str:
    """SHA-256 of the file's bytes.

    Raises
    ------
    DataError
        The file cannot be read, or is of an unknown kind.
    """
    if not path.name.lower().endswith(_SUFFIXES):
        raise DataError(f"{path.name} is of an unknown kind; give {', '.join(_SUFFIXES)}")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def read_columns_of(path: Path, layout: EventFormat) -> tuple[str, ...]:
    """Column names of a CSV or Parquet file, checked against the layout.

    Raises
    ------
    DataError
        An empty or damaged file, or columns that are missing or named twice.
    """
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet

        try:
            found = list(pyarrow.parquet.read_schema(path).names)
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"cannot read {path.name} as Parquet: {error}") from error
    else:
        found = read_header(path, layout)
    layout.check_header(found, path.name)
    return tuple(found)


def stage_file(
    path: Path,
    folder: Path,
    parser: RowParser,
    *,
    advance: Callable[[int, int], None] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Staged:
    """Read the file into parts below ``folder``; parts of an earlier attempt are kept.

    Parameters
    ----------
    path : pathlib.Path
    folder : pathlib.Path
        Made where it is missing. It must be the file's own: see `fingerprint_file`.
    parser : RowParser
    advance : callable, optional
        Told the bytes read and the rows taken so far.
    block_bytes : int
        Size of a block of text; memory is about twenty times that.

    Raises
    ------
    DataError
        The file is damaged, cut off or unreadable, or the parts cannot be written (a full disk).
    """
    try:
        _open_folder(folder, parser, block_bytes)
        parts = _kept_parts(folder)
        kept, units = len(parts), _read_units(path, parser, block_bytes)
        for _ in islice(units, kept * _BLOCKS):
            pass  # inflated again, not parsed again
        while group := [parse() for parse in islice(units, _BLOCKS)]:
            parts.append(_write_part(folder, len(parts), group))
            if advance is not None:
                advance(group[-1].position, sum(part.rows for part in parts))
    except OSError as error:
        raise DataError(
            f"cannot write the parts of {path.name} to {folder}: {error.strerror or error}; the database is as it was. "
            "Make room and run the same command again: it goes on from here"
        ) from error
    return Staged(folder, sum(p.rows for p in parts), sum(p.aside for p in parts), sum(p.lines for p in parts), kept)


def _open_folder(folder: Path, parser: RowParser, block_bytes: int) -> None:
    """Begin anew unless what lies there was made in the same way."""
    way = {
        "format": _FORMAT,
        "layout": parser.layout.digest,
        "key": parser.key.check,
        "time_zone": parser.time_zone,
        "block_bytes": block_bytes,
    }
    note = folder / "way.json"
    try:
        same = json.loads(note.read_text()) == way
    except (OSError, ValueError):
        same = False
    if not same:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write_json(note, way)


def _kept_parts(folder: Path) -> list[_Part]:
    """Whole parts without a gap."""
    parts: list[_Part] = []
    while (note := folder / f"part-{len(parts):05d}.json").exists():
        parts.append(_Part(**json.loads(note.read_text())))
    return parts


@dataclass(frozen=True)
class _Unit:
    """Rows parsed in one go, the bytes of the file read by then, and the lines they stood on."""

    parsed: Parsed
    position: int
    lines: int


def _read_units(path: Path, parser: RowParser, block_bytes: int) -> Iterator[Callable[[], _Unit]]:
    """The same units for the same file, whatever was kept of them."""
    if path.suffix.lower() == ".parquet":
        yield from _read_parquet(path, parser)
        return
    seen = SeenItems()
    for block in read_ahead(read_blocks(path, parser.layout, block_bytes=block_bytes)):
        yield partial(_parse, block, parser, seen)


def _parse(block: Block, parser: RowParser, seen: SeenItems) -> _Unit:
    return _Unit(parse_block(block, parser, seen), block.position, block.lines)


def _read_parquet(path: Path, parser: RowParser) -> Iterator[Callable[[], _Unit]]:
    """Batches of a Parquet file, all columns as text, so that there is one way to judge a value."""
    import polars as pl
    import pyarrow.parquet

    file, first = pyarrow.parquet.ParquetFile(path), 2
    size, total = path.stat().st_size, max(1, file.metadata.num_rows)
    for batch in file.iter_batches(_PARQUET_ROWS, columns=[*parser.layout.columns.values()]):
        table = pl.from_arrow(batch)
        assert isinstance(table, pl.DataFrame)
        texts = name_columns(table.select(_as_text(name, kind) for name, kind in table.schema.items()), parser.layout)
        numbers = np.arange(first, first + len(texts))
        first += len(texts)
        position = size * (first - 2) // total
        yield partial(_parse_texts, texts, numbers, parser, position)


def _parse_texts(texts: pl.DataFrame, numbers: np.ndarray, parser: RowParser, position: int) -> _Unit:
    return _Unit(parse_texts(texts, numbers, parser), position, len(texts))


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    import polars as pl

    if isinstance(kind, pl.Datetime):
        zoned = pl.col(name).dt.convert_time_zone("UTC") if kind.time_zone else pl.col(name)
        return zoned.dt.strftime("%Y-%m-%d %H:%M:%S%.6f" + (" UTC" if kind.time_zone else ""))
    return pl.col(name).cast(pl.String)


def _write_part(folder: Path, index: int, group: list[_Unit]) -> _Part:
    """Write the rows, products and rows set aside of a part; the JSON file comes last."""
    import polars as pl

    rows = pl.concat([unit.parsed.rows for unit in group])
    items = pl.concat([unit.parsed.items for unit in group]).unique("item", maintain_order=True)
    aside = pl.concat([unit.parsed.aside for unit in group])
    for name, table in (("rows", rows), ("items", items), ("aside", aside)):
        try:
            table.write_parquet(folder / f"{name}-{index:05d}.parquet", compression="lz4", statistics=False)
        except pl.exceptions.PolarsError as error:  # the system's own error, in other words
            raise OSError(str(error)) from error
    part = _Part(len(rows), len(aside), sum(unit.lines for unit in group))
    _write_json(folder / f"part-{index:05d}.json", asdict(part))
    return part


def _write_json(path: Path, value: dict[str, object]) -> None:
    beside = path.with_suffix(".part")
    with beside.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
