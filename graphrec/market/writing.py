"""Files that appear whole or not at all, and a market as a folder of them.

Hides the layout that `graphrec.read_market` reads back, and the way of writing: beside the place, then renamed, so that
an interrupted write leaves nothing behind and an older file stands until the new one is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from graphrec.market.tables import TABLES, DataError, Market

__all__ = ["check_writable", "replacing", "write_market", "write_table", "write_text"]


def check_writable(folder: str | Path) -> None:
    """Refuse a folder that cannot be written to, before the work and without making anything.

    Raises
    ------
    DataError
        The folder, or the nearest one above it that exists, is a file or not ours to write in.
    """
    nearest = next(place for place in [Path(folder), *Path(folder).absolute().parents] if place.exists())
    reason = "is not a folder" if not nearest.is_dir() else "is read-only"
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise DataError(f"cannot write to {folder}: {nearest} {reason}; choose another --out")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to, and rename it to ``path`` when the block ends without an error.

    Raises
    ------
    DataError
        The file cannot be written; its folder is made when it is missing.
    """
    target = Path(path)
    beside = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(target)
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror or error}; choose another --out") from error
    finally:
        if beside.is_file():
            beside.unlink()


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, whole or not at all."""
    with replacing(path) as beside:
        table.to_parquet(beside, index=False)


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_market(market: Market, path: str | Path) -> Path:
    """Write the tables and market.toml into a new folder.

    Parameters
    ----------
    market : Market
    path : path
        Folder to make; it must not exist or be empty.

    Raises
    ------
    DataError
        The folder holds files already, or cannot be written.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{target} exists and is not an empty folder; choose another one or remove it")
    beside = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        beside.mkdir(parents=True)
        for name in TABLES:
            table = getattr(market, name)
            if len(table):
                table.dropna(axis="columns", how="all").to_parquet(beside / f"{name}.parquet", index=False)
        (beside / "market.toml").write_text(_manifest(market))
        if target.exists():
            target.rmdir()
        beside.replace(target)
    except OSError as error:
        raise DataError(f"cannot write the market to {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _manifest(market: Market) -> str:
    lines = [f"time_zone = {json.dumps(market.time_zone)}", ""]
    for name in TABLES:
        if len(getattr(market, name)):
            lines += [f"[tables.{name}]", f'file = "{name}.parquet"', ""]
    lines.append("[roles]")
    for column, role in market.roles.items():
        fields = [f"class = {json.dumps(role.class_name)}"] if role.class_name else []
        fields += [f"date = {json.dumps(role.date_column)}"] if role.date_column else []
        fields += ["immutable = true"] if role.immutable else []
        lines.append(f"{json.dumps(column)} = {{ {', '.join(fields)} }}")
    return "\n".join(lines) + "\n"
