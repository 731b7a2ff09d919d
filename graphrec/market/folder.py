"""The data files of one folder, opened read-only through DuckDB.

Hides DuckDB: a connection in memory that can read this folder's files and nothing else (no other path, no network,
no extension to install, settings locked), so that a query out of a ``market.toml`` can neither leak nor overwrite
anything. Parquet files are views; CSV files are read once, every column as text, and their lines are counted
again, because a parser that meets an open quote swallows the rest of a file without a word.

Alternative considered: pandas readers. They cannot run the queries, guess types per block and hold twice the memory.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from graphrec.market.manifest import CsvFormat, did_you_mean
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    import duckdb
    import pyarrow

__all__ = ["BrokenLine", "Folder"]

_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
_BROKEN = {
    "MISSING COLUMNS": "has too few columns",
    "TOO MANY COLUMNS": "has too many columns",
    "UNQUOTED VALUE": "has a quote in the wrong place",
    "INVALID ENCODING": "is not in the encoding of [csv]",
    "LINE SIZE OVER MAXIMUM": "is longer than 2 MB",
}


@dataclass(frozen=True)
class BrokenLine:
    """A line of a CSV file that could not be cut into columns.

    Parameters
    ----------
    file : str
        Name of the file.
    line : int
        Number of the record in the file, the header being 1.
    reason : str
        What is wrong with it.
    """

    file: str
    line: int
    reason: str


class Folder:
    """A context manager over the files of one folder.

    Parameters
    ----------
    path : pathlib.Path
        The folder, resolved.
    csv_format : CsvFormat
        How its CSV files are written.

    Notes
    -----
    Two threads, time zone UTC. Rows of a query come back sorted by all columns: the order of a join is otherwise an
    accident of the threads, and the same files must give the same bytes.
    """

    def __init__(self, path: Path, csv_format: CsvFormat) -> None:
        self._path = path
        self._csv = csv_format
        self._views: dict[str, list[Path]] = {}
        for file in sorted(path.iterdir()):
            if file.is_file() and _suffix(file):
                self._views.setdefault(_stem(file).lower(), []).append(file)
        self._loaded: dict[Path, list[BrokenLine]] = {}
        self._connection = _connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def read_file(self, file: str) -> tuple[pyarrow.Table, list[BrokenLine]]:
        """Return a file's rows in their order, and its broken lines.

        Raises
        ------
        DataError
            The file is missing, outside the folder, of an unknown kind, or cannot be read.
        """
        path = self._inside(self._path / file)
        name = self._load(path)
        return self._fetch(f"SELECT * FROM {name}", f"reading {file}"), self._loaded[path]

    def run_query(self, query: str, table: str) -> tuple[pyarrow.Table, list[BrokenLine]]:
        """Return the rows of one SELECT statement, sorted by all columns, and the broken lines of its files.

        Raises
        ------
        DataError
            Not exactly one SELECT statement, a file it needs cannot be read, or DuckDB refuses it.
        """
        import duckdb

        where = f"the query of table {table}"
        try:
            statements = duckdb.extract_statements(query)
        except duckdb.Error as error:
            raise DataError(f"{where} fails: {_reason(error)}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise DataError(f"{where} must be exactly one SELECT statement")
        broken: list[BrokenLine] = []
        for name in self._views:  # only files that the query speaks of: another one may be damaged or large
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", query.lower()):
                broken += self._load_view(name, where)
        return self._fetch(query, where, ordered=True), broken

    def _load_view(self, name: str, where: str) -> list[BrokenLine]:
        """Make the file with this stem readable under its stem."""
        files = self._views[name]
        if len(files) > 1:
            raise DataError(f"{where}: {name!r} may be {' or '.join(file.name for file in files)}; rename one of them")
        path = self._inside(files[0])
        source = self._load(path)
        self._connection.execute(f"CREATE OR REPLACE VIEW {_quoted(name)} AS SELECT * FROM {source}")
        return self._loaded[path]

    def _fetch(self, query: str, where: str, ordered: bool = False) -> pyarrow.Table:
        import duckdb

        try:
            relation = self._connection.sql(query)
            if ordered:
                relation = relation.order("ALL")
            return relation.to_arrow_table()
        except duckdb.Error as error:
            views = f" The files are views: {', '.join(self._views)}." if "does not exist" in str(error) else ""
            raise DataError(f"{where} fails: {_reason(error)}.{views}") from error

    def _inside(self, path: Path) -> Path:
        """Resolve a path, which must stay inside the folder and be a readable data file."""
        real = path.resolve()
        if not real.is_relative_to(self._path):
            raise DataError(f"{path.name} lies outside {self._path}; copy it into the folder")
        if not real.is_file():
            found = [file.name for files in self._views.values() for file in files]
            raise DataError(
                f"there is no file {path.name} in {path.parent}{did_you_mean(path.name, found)} "
                f"Found: {', '.join(found) or 'no data file'}"
            )
        if not _suffix(real):
            raise DataError(f"{path.name} is of an unknown kind; give {', '.join(_SUFFIXES)}")
        return real

    def _load(self, path: Path) -> str:
        """Make a file readable once; return its name in DuckDB, quoted."""
        name = _quoted(f"file:{path.relative_to(self._path)}")
        if path not in self._loaded:
            if path.suffix == ".parquet":
                self._create(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({_literal(str(path))})", path)
                self._loaded[path] = []
            else:
                self._loaded[path] = self._load_csv(path, name)
        return name

    def _load_csv(self, path: Path, name: str) -> list[BrokenLine]:
        """Read a CSV file into memory as text; return the lines set aside."""
        header = _read_header(path, self._csv)
        columns = ", ".join(f"{_literal(column)}: 'VARCHAR'" for column in header)
        self._create(
            f"CREATE TABLE {name} AS SELECT * FROM read_csv({_literal(str(path))}, header=true, auto_detect=false, "
            f"columns={{{columns}}}, delim={_literal(_delimiter(path, self._csv))}, quote='\"', escape='\"', "
            f"encoding={_literal(self._csv.encoding)}, parallel=false, store_rejects=true)",
            path,
        )
        errors = self._connection.sql(
            "SELECT line, error_type::VARCHAR, coalesce(length(csv_line) - length(replace(csv_line, chr(10), '')), 0) "
            f"FROM reject_errors JOIN reject_scans USING (scan_id, file_id) WHERE file_path = {_literal(str(path))} "
            "QUALIFY row_number() OVER (PARTITION BY line ORDER BY error_type) = 1 ORDER BY line"
        ).fetchall()
        for line, kind, lines in errors:
            if kind == "UNQUOTED VALUE" and lines:
                raise DataError(
                    f"{path.name}: a quote opened on line {line:,} swallows the next {lines:,} lines. Correct that line"
                )
        breaks = " + ".join(
            f"coalesce(sum(length({column}) - length(replace({column}, chr(10), ''))), 0)"
            for column in map(_quoted, header)
        )
        rows, inner = self._connection.sql(f"SELECT count(*), {breaks} FROM {name}").fetchall()[0]
        accounted = int(rows) + int(inner) + sum(1 + int(lines) for _, _, lines in errors)
        _check_lines(path, self._csv.encoding, accounted)
        return [BrokenLine(path.name, int(line), _BROKEN.get(kind, kind.lower())) for line, kind, _ in errors]

    def _create(self, statement: str, path: Path) -> None:
        import duckdb

        try:
            self._connection.execute(statement)
        except duckdb.Error as error:
            raise DataError(f"{path.name} cannot be read: {_reason(error)}. Is the copy complete?") from error


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a connection that can read the folder and nothing else."""
    import duckdb

    connection = duckdb.connect(":memory:")
    _without_bar(connection)
    for setting in (
        "TimeZone = 'UTC'",
        "threads = 2",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        f"allowed_directories = [{_literal(f'{path}/')}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def _without_bar(connection: duckdb.DuckDBPyConnection) -> None:
    """Switch DuckDB's own progress bar off.

    In a notebook without ipywidgets DuckDB refuses to touch the setting; there is no bar then either.
    """
    import duckdb

    with contextlib.suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false")


def _suffix(path: Path) -> str:
    """The known suffix of a data file, or nothing."""
    return next((suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)), "")


def _stem(path: Path) -> str:
    return path.name[: -len(_suffix(path))]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _reason(error: Exception) -> str:
    """DuckDB's reason: the message without the statement it points into, nor the functions that it has instead."""
    text = str(error).split("\n\nLINE ")[0].split("\nPossible fixes")[0]
    said, *functions = text.split("Candidate functions:")
    told = " ".join(said.split()).rstrip(".")
    return f"{told}; columns of CSV files are text: write CAST(column AS DOUBLE)" if functions else told


def _open(path: Path, encoding: str) -> IO[str]:
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding=encoding, errors="replace", newline="")
    return path.open(encoding=encoding, errors="replace", newline="")


def _delimiter(path: Path, csv_format: CsvFormat) -> str:
    return csv_format.delimiter or ("\t" if ".tsv" in _suffix(path) else ",")


def _read_header(path: Path, csv_format: CsvFormat) -> Sequence[str]:
    """Column names of a CSV file: not empty, not twice, cut by the right delimiter."""
    delimiter = _delimiter(path, csv_format)
    try:
        with _open(path, csv_format.encoding) as lines:
            header = [column.strip() for column in next(csv.reader(lines, delimiter=delimiter), [])]
    except (OSError, EOFError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error
    if not header:
        raise DataError(f"{path.name} is empty; it needs a header line with the column names")
    other = next((mark for mark in ";\t,|" if mark != delimiter and mark in header[0]), None)
    if len(header) == 1 and other is not None:
        raise DataError(f'{path.name} has the one column {header[0]!r}; write delimiter = "{other}" below [csv]')
    twice = sorted({column or "(no name)" for column in header if header.count(column) > 1 or not column})
    if twice:
        raise DataError(f"{path.name} has unnamed or repeated columns: {', '.join(twice)}; name each column once")
    return header


def _check_lines(path: Path, encoding: str, accounted: int) -> None:
    """Compare the lines of a file with the rows that were read."""
    try:
        with _open(path, encoding) as lines:
            expected = sum(1 for line in lines if line.strip("\r\n")) - 1
    except (OSError, EOFError, UnicodeError) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error
    if accounted < expected:
        raise DataError(
            f"{path.name}: {expected - accounted:,} of {expected:,} lines were not read; a quote that is opened about "
            f"line {accounted + 2:,} is never closed. Correct that line"
        )
