"""A customer's right to be forgotten, and the end of a retention period.

Hides what erasing means: the rows go, a tombstone stays so that a later file cannot bring the customer back, the file
is written anew so that no deleted page survives in it, tables made from the data (features, edges, scores, plans) lose
their rows, and a model that was trained on them is withdrawn: its weights and embeddings cannot forget one person, so
its files go, a note says why, and it has to be trained again. The record of an erasure counts rows and names nobody;
the tombstone is the pseudonym, which without the key says nothing.

Alternative considered: throwing away the customer's own key (crypto-shredding). One key for each customer is a table
as large as the customers, and must itself be kept and forgotten. For models: cutting the customer's rows out of the
saved tables and vectors. What the others' weights learned from them would stay, and look as if it had gone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.market.clickstream.database import open_events
from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import DataError
from graphrec.market.writing import replacing, write_table, write_text

__all__ = ["RETRAIN_NOTE", "Erasure", "end_retention", "erase_customer", "needs_retraining"]

RETRAIN_NOTE = "retrain.json"
"""File in a model's folder that says why the model is gone and has to be trained again."""
_MODEL_FILES = ("recommender.json", "appetite.json", "encoder.json")
_MODEL_PARTS = ("state-*", *_MODEL_FILES, "fingerprint.txt", "*.safetensors", "*.parquet", "*.csv", "*.jsonl")
_NAMES = (
    "customer_id", "customer", "customerid", "user_id", "userid", "household_id", "client", "client_id", "member_id",
    "contact_id", "visitor_id", "visitorid",
)  # fmt: skip
"""Names of a column of customers, in small letters. Other columns stay: a product may have the same number."""
_DECIMAL = re.compile(r"(?<=\d)\.0$")


@dataclass(frozen=True)
class Erasure:
    """What an erasure removed.

    Attributes
    ----------
    events, consents : int
        Rows of the database.
    files : mapping of str to int
        File made from the data to the rows it lost.
    models : tuple of str
        Model folders withdrawn; each has to be trained again.
    known : bool
        The database held something about the customer.
    """

    events: int
    consents: int
    files: dict[str, int]
    models: tuple[str, ...]
    known: bool


def erase_customer(
    path: str | Path,
    customer_id: str,
    *,
    key: PseudonymKey,
    artefacts: Sequence[str | Path] = (),
    now: datetime | None = None,
) -> Erasure:
    """Erase one customer from a database and from what was made of it.

    Parameters
    ----------
    path : path
        Event database.
    customer_id : str
        The raw identifier; it is hashed at once and written nowhere.
    key : PseudonymKey
    artefacts : sequence of path
        Files, or folders searched with all below them: Parquet, CSV and JSON lines lose the customer's rows, saved
        models that name the customer are withdrawn. Vectors saved without any table name nobody, so nobody can tell
        whom they hold: they are withdrawn, too.
    now : datetime.datetime, optional

    Returns
    -------
    Erasure

    Raises
    ------
    DataError
        Another key, another writer, an artefact that is not there or cannot be rewritten. Artefacts come first: while
        one of them fails, no record claims that the customer is gone.

    Notes
    -----
    Assumes that all copies are named. Backups and files already handed on are not found; the processing record says
    so.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None, microsecond=0)
    pseudonym = key.customer(customer_id)
    wanted = {str(pseudonym), str(customer_id)}
    with open_events(path, key=key) as database:
        files, models = _clean_artefacts([Path(artefact) for artefact in artefacts], wanted, moment)
        with database.transaction() as connection:
            counts = []
            for table in ("events", "consents"):
                ((n,),) = connection.execute(f"SELECT count(*) FROM {table} WHERE customer = ?", [pseudonym]).fetchall()
                connection.execute(f"DELETE FROM {table} WHERE customer = ?", [pseudonym])
                counts.append(int(n))
            connection.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", [pseudonym, moment])
            erasure = Erasure(counts[0], counts[1], files, models, any(counts))
            database.note("erasure", json.dumps(asdict(erasure) | {"files": len(files)}))
    _write_anew(Path(path), key)
    return erasure


def end_retention(path: str | Path, since: datetime, *, key: PseudonymKey) -> int:
    """Delete events before a date, and keep older ones from being loaded again; return the rows deleted.

    Raises
    ------
    DataError
        ``since`` has no zone, or lies before an earlier end of retention.
    """
    if since.tzinfo is None:
        raise DataError(f"the end of retention {since} has no zone; say which, for example with tzinfo=UTC")
    moment = since.astimezone(UTC).replace(tzinfo=None)
    with open_events(path, key=key) as database:
        before = database.settings.get("retained_since")
        if before is not None and str(moment) < before:
            raise DataError(f"events before {before} are gone already; give a later date than {moment}")
        with database.transaction() as connection:
            ((n,),) = connection.execute("SELECT count(*) FROM events WHERE event_time < ?", [moment]).fetchall()
            connection.execute("DELETE FROM events WHERE event_time < ?", [moment])
            connection.execute("INSERT OR REPLACE INTO settings VALUES ('retained_since', ?)", [str(moment)])
            database.note("retention", json.dumps({"since": str(moment), "events": n}))
    _write_anew(Path(path), key)
    return int(n)


def needs_retraining(model: str | Path) -> str | None:
    """Why a model must be trained again, or nothing."""
    note = Path(model) / RETRAIN_NOTE
    return str(json.loads(note.read_text())["reason"]) if note.exists() else None


def _write_anew(path: Path, key: PseudonymKey) -> None:
    """Copy the live rows into a new file that takes the place of the old one, whose free pages still hold the
    others."""
    import duckdb

    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open_events(path, key=key) as database:
            connection: duckdb.DuckDBPyConnection = database.connection
            ((name,),) = connection.execute("SELECT current_database()").fetchall()
            connection.execute(f"ATTACH '{str(beside).replace(chr(39), chr(39) * 2)}' AS fresh")
            connection.execute(f'COPY FROM DATABASE "{name}" TO fresh')
            connection.execute("DETACH fresh")
        beside.replace(path)
    except (duckdb.Error, OSError) as error:
        raise DataError(
            f"the rows are deleted, but {path} could not be written anew ({str(error).splitlines()[0]}): deleted "
            "pages stay in it until the same command succeeds"
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _clean_artefacts(places: list[Path], wanted: set[str], now: datetime) -> tuple[dict[str, int], tuple[str, ...]]:
    files: dict[str, int] = {}
    models: list[str] = []
    for place in places:
        if not place.exists():
            raise DataError(f"there is no {place} to erase from; name the files and folders made from the data")
        for model in _models_below(place):
            if _may_hold(model, wanted):
                _withdraw(model, now)
                models.append(str(model))
        for file in _tables_below(place):
            if lost := _remove_rows(file, wanted):
                files[str(file)] = lost
    return files, tuple(models)


def _models_below(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    found = sorted({found.parent for name in _MODEL_FILES for found in place.rglob(name)})
    return [model for model in found if not any(outer in model.parents for outer in found)]


def _may_hold(model: Path, wanted: set[str]) -> bool:
    """Whether a table of the model names the customer, or the model has no table that names anybody."""
    tables = [frame["customer_id"] for frame in map(_read_table, _tables_below(model)) if "customer_id" in frame]
    return not tables or any(bool(_spelled(ids).isin(wanted).any()) for ids in tables)


def _spelled(ids: pd.Series) -> pd.Series:
    """Ids as text. A missing id makes a column of whole numbers one of decimals, and 17 would be written as 17.0."""
    if pd.api.types.is_float_dtype(ids):
        whole = ids.notna() & np.isfinite(ids) & (ids == ids.round())
        return ids.astype(str).mask(whole, ids.where(whole).astype("Int64").astype(str))
    return ids.astype(str).str.replace(_DECIMAL, "", regex=True)


def _withdraw(model: Path, now: datetime) -> None:
    """Remove a model's files; the note comes first, so that no moment is without either."""
    text = json.dumps({"reason": "a customer it was trained on was erased", "since": f"{now} UTC"})
    write_text(model / RETRAIN_NOTE, text)
    for part in sorted({part for pattern in _MODEL_PARTS for part in model.glob(pattern)}):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()


def _tables_below(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for file in sorted(place.rglob("*")):
        if file.suffix in (".parquet", ".csv", ".jsonl") and file.is_file():
            yield file


def _remove_rows(file: Path, wanted: set[str]) -> int:
    """Rewrite a table without the customer's rows, in place, whole or not at all."""
    if file.suffix == ".jsonl":
        return _remove_lines(file, wanted)
    lost = 0
    for frame, hit in _hits(file, wanted):
        lost = int(hit.sum())
        if lost and file.suffix == ".parquet":
            write_table(file, frame[~hit])
        elif lost:
            with replacing(file) as beside:
                frame[~hit].to_csv(beside, index=False)
    return lost


def _hits(file: Path, wanted: set[str]) -> Iterator[tuple[pd.DataFrame, pd.Series]]:
    """Return the table and which rows name the customer, where it has a column of customers."""
    frame = _read_table(file)
    names = [name for name in frame.columns if str(name).lower() in _NAMES]
    if names:
        yield frame, pd.concat([_spelled(frame[name]).isin(wanted) for name in names], axis=1).any(axis=1)


def _read_table(file: Path) -> pd.DataFrame:
    """A table as it is; JSON lines are no table."""
    if file.suffix == ".jsonl":
        return pd.DataFrame()
    try:
        return (
            pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype=str, keep_default_na=False)
        )
    except Exception as error:  # Arrow and pandas have error trees of their own; each is a file that we cannot clean
        raise DataError(f"cannot read {file} to erase from it: {error}") from error


def _remove_lines(file: Path, wanted: set[str]) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.strip() or not _names_customer(line, wanted)]
    if len(kept) < len(lines):
        write_text(file, "".join(f"{line}\n" for line in kept))
    return len(lines) - len(kept)


def _names_customer(line: str, wanted: set[str]) -> bool:
    try:
        value = json.loads(line)
    except ValueError:
        return False
    if not isinstance(value, dict):
        return False
    named = pd.Series([held for name, held in value.items() if name.lower() in _NAMES], dtype=object)
    return bool(_spelled(named).isin(wanted).any())
