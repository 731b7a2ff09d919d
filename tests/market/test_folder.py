"""CSV files are read as written, whatever their values hold."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.folder import Folder
from graphrec.market.manifest import CsvFormat
from graphrec.market.tables import DataError

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8), delimiter=st.sampled_from(",;\t|"))
def test_any_text_survives_a_csv_file(rows: list[tuple[str, str]], delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name).resolve()
        with (path / "a.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writerows([("left", "right"), *rows])
        with Folder(path, CsvFormat(delimiter=delimiter)) as folder:
            read, broken = folder.read_file("a.csv")
    assert broken == []
    assert list(zip(read["left"].to_pylist(), read["right"].to_pylist(), strict=True)) == rows


@settings(max_examples=25, deadline=None)
@given(lines=st.integers(2, 300), opened=st.integers(0, 298))
def test_an_open_quote_never_swallows_lines_in_silence(lines: int, opened: int) -> None:
    body = [f"{number},x" for number in range(lines)]
    body[opened % lines] = '"' + body[opened % lines]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name).resolve()
        (path / "a.csv").write_text("\n".join(["id,word", *body, ""]))
        with Folder(path, CsvFormat()) as folder:
            try:
                read, broken = folder.read_file("a.csv")
            except DataError as error:
                assert "never closed" in str(error)
            else:
                assert read.num_rows + len(broken) == lines


def test_a_quote_closed_far_below_is_refused_with_its_line(tmp_path: Path) -> None:
    body = [f"{number},x" for number in range(1000)]
    body[10] = '"abc,4'
    body[500] = 'f"oo,4'
    (tmp_path / "a.csv").write_text("\n".join(["id,word", *body, ""]))
    with Folder(tmp_path.resolve(), CsvFormat()) as folder, pytest.raises(DataError, match="line 12"):
        folder.read_file("a.csv")


def test_files_in_a_folder_below_are_read(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.csv").write_text("id\n1\n")
    with Folder(tmp_path.resolve(), CsvFormat()) as folder:
        assert folder.read_file("below/a.csv")[0].num_rows == 1


def test_arithmetic_on_the_text_of_a_csv_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,born\n007,1980\n")
    with Folder(tmp_path.resolve(), CsvFormat()) as folder, pytest.raises(DataError, match="CAST") as refused:
        folder.run_query("SELECT id, 2023 - born AS age FROM people", "customers")
    assert len(str(refused.value)) < 320, "a list of the functions that there are helps nobody"


def test_the_settings_of_the_connection_are_locked(tmp_path: Path) -> None:
    with Folder(tmp_path.resolve(), CsvFormat()) as folder:
        values = folder.run_query(
            "SELECT name, value FROM duckdb_settings() WHERE name IN ('enable_external_access', 'lock_configuration', "
            "'autoinstall_known_extensions', 'autoload_known_extensions', 'enable_progress_bar', 'threads', "
            "'TimeZone')",
            "settings",
        )[0]
    assert dict(zip(values["name"].to_pylist(), values["value"].to_pylist(), strict=True)) == {
        "TimeZone": "UTC",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_external_access": "false",
        "enable_progress_bar": "false",
        "lock_configuration": "true",
        "threads": "2",
    }
