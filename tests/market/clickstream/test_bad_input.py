"""Damaged files are refused whole, bad lines are set aside with reason and line, and the database stays as it was."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.market.clickstream.database import open_events
from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.clickstream.loading import EARLIEST, Load, ingest_events
from graphrec.market.clickstream.parsing import RowParser, parse_block
from graphrec.market.clickstream.rowscan import SeenItems
from graphrec.market.clickstream.textblocks import Block
from graphrec.market.tables import DataError

from .conftest import HEADER, KEY, NOW, row, write

Ingest = Callable[..., Load]


def quarantine(database: Path) -> list[tuple[int, str, str | None, str | None]]:
    with open_events(database, read_only=True) as opened:
        return opened.connection.execute(
            "SELECT line, reason, column_name, value FROM quarantine ORDER BY load, line"
        ).fetchall()


def count(database: Path) -> int:
    with open_events(database, read_only=True) as opened:
        (found,) = opened.connection.execute("SELECT count(*) FROM events").fetchone() or ()
    return int(found)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("price", "-5.00", "is negative"),
        ("price", "cheap", "is not a number"),
        ("price", "nan", "is not a number"),
        ("price", "1e300", "is above a thousand million"),
        ("event_time", "1970-01-01 00:00:00 UTC", "lies before 2000-01-01"),
        ("event_time", "2099-01-01 00:00:00 UTC", "lies in the future"),
        ("event_time", "2019-02-29 00:00:00 UTC", "is not a time such as 2019-10-01 00:00:00 UTC"),
        ("event_time", "yesterday", "is not a time such as 2019-10-01 00:00:00 UTC"),
        ("event_time", "", "is missing"),
        ("event_type", "wiev", "is not a known type of event"),
        ("product_id", "", "is missing"),
        ("user_id", "", "is missing"),
        ("brand", "x" * 300, "is longer than 200 bytes"),
    ],
)
def test_a_bad_value_is_set_aside_with_its_line(
    load: Ingest, tmp_path: Path, column: str, value: str, reason: str
) -> None:
    lines = [row(second) for second in range(20)]
    lines[7] = row(7, **{column: value})
    done = load(write(tmp_path / "a.csv", lines))
    assert (done.events, done.set_aside, done.lines) == (19, 1, 20)
    name = {"user_id": "customer_id"}.get(column, column)
    assert quarantine(tmp_path / "shop.duckdb") == [(9, reason, name, value[:60] or None)]


def test_broken_lines_are_set_aside(load: Ingest, tmp_path: Path) -> None:
    lines = [row(second) for second in range(40)]
    lines[3] += ",more"
    lines[5] = "2019-10-01 00:00:05 UTC,view"
    lines[9] = row(9, brand='"open')
    lines[11] = row(11, brand='"closed, with a comma"')
    lines[15] = ""
    done = load(write(tmp_path / "a.csv", lines))
    assert (done.events, done.set_aside) == (36, 3)
    assert [found[:2] for found in quarantine(tmp_path / "shop.duckdb")] == [
        (5, "has too many fields"), (7, "has too few fields"), (11, "opens a quote that it does not close")
    ]  # fmt: skip


def test_mixed_encodings_lose_only_their_lines(load: Ingest, tmp_path: Path) -> None:
    lines = [row(second, brand="crème").encode() for second in range(10)]
    lines[4] = row(4, brand="crème").encode("latin-1")
    (tmp_path / "a.csv").write_bytes(b"\n".join([HEADER.encode(), *lines]) + b"\n")
    assert load(tmp_path / "a.csv").events == 9
    assert quarantine(tmp_path / "shop.duckdb") == [(6, "is not utf-8 text", None, None)]


@pytest.mark.parametrize("place", [0, 7, 19])
def test_a_line_of_10_mb_is_set_aside(load: Ingest, tmp_path: Path, place: int) -> None:
    lines = [row(second) for second in range(20)]
    lines[place] = row(place, brand="x" * 10_000_000)
    done = load(write(tmp_path / "a.csv.gz", lines), maximum_bad_share=0.1)
    assert (done.events, done.set_aside, done.lines) == (19, 1, 20)
    assert quarantine(tmp_path / "shop.duckdb")[0][0] == place + 2


def test_reordered_and_further_columns_are_read(load: Ingest, tmp_path: Path) -> None:
    names, values = HEADER.split(",")[::-1], row().split(",")[::-1]
    load(write(tmp_path / "a.csv", [row()]))
    done = load(write(tmp_path / "b.csv", [",".join(["?", *values])], ",".join(["extra", *names])))
    assert (done.repeated, done.events) == (1, 0)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("user_id", "user"), "no column 'user_id'; did you mean 'user'"),
        (HEADER.replace(",", ";"), "separated by ';'"),
        (HEADER.replace("brand", "price"), "twice"),
    ],
)
def test_a_wrong_header_is_refused(load: Ingest, tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write(tmp_path / "a.csv", [row()], header))


@pytest.mark.parametrize("name", ["empty.csv", "empty.csv.gz"])
def test_an_empty_file_is_refused(load: Ingest, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    with pytest.raises(DataError, match="is empty"):
        load(tmp_path / name)


@pytest.mark.parametrize("damage", ["cut", "bytes", "unknown"])
def test_a_damaged_file_leaves_the_database_as_it_was(month: Path, load: Ingest, tmp_path: Path, damage: str) -> None:
    load(write(tmp_path / "first.csv", [row()]))
    stored = bytearray(month.read_bytes())
    name = "bad.csv.gz"
    if damage == "cut":
        stored = stored[: len(stored) * 3 // 4]
    elif damage == "bytes":
        stored[len(stored) // 2 : len(stored) // 2 + 40] = bytes(40)
    else:
        name = "bad.zip"
    (tmp_path / name).write_bytes(stored)
    messages = {"cut": "ends in the middle", "bytes": "is damaged", "unknown": "unknown kind"}
    with pytest.raises(DataError, match=messages[damage]):
        load(tmp_path / name)
    assert count(tmp_path / "shop.duckdb") == 1


def test_several_gzip_members_are_one_file(load: Ingest, tmp_path: Path) -> None:
    halves = [[HEADER, *(row(second) for second in range(10))], [row(second) for second in range(10, 30)]]
    packed = b"".join(gzip.compress("".join(f"{line}\n" for line in half).encode()) for half in halves)
    (tmp_path / "a.csv.gz").write_bytes(packed)
    assert load(tmp_path / "a.csv.gz").events == 30


def test_too_many_bad_lines_refuse_the_file(load: Ingest, tmp_path: Path) -> None:
    lines = [row(second, price="-1" if second % 3 == 0 else "1") for second in range(30)]
    with pytest.raises(DataError, match=r"10 of 30 lines are unusable.*10 where price is negative \(first: line 2\)"):
        load(write(tmp_path / "a.csv", lines))
    assert count(tmp_path / "shop.duckdb") == 0 and not list(tmp_path.glob("*.staging/*"))


def test_a_session_of_two_users_is_two_sessions(load: Ingest, tmp_path: Path) -> None:
    done = load(write(tmp_path / "a.csv", [row(0), row(1, user="2"), row(2)]))
    assert done.events == 3
    with open_events(tmp_path / "shop.duckdb") as opened:
        found = opened.connection.execute(
            "SELECT count(DISTINCT (customer, session)), count(DISTINCT session) FROM events"
        )
        assert found.fetchone() == (2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [20_000, 300_000])
def test_a_full_disk_leaves_the_database_as_it_was(month: Path, load: Ingest, tmp_path: Path, limit: int) -> None:
    load(write(tmp_path / "first.csv", [row()]))

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    program = (
        "import sys; from graphrec.market.clickstream.loading import ingest_events\n"
        "from graphrec.market.protection.keys import PseudonymKey\n"
        "try:\n    ingest_events([sys.argv[1]], sys.argv[2], key=PseudonymKey(bytes(range(32))))\n"
        "except ValueError as error:\n    print(error)\n    sys.exit(2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(month), str(tmp_path / "shop.duckdb")],
        capture_output=True, text=True, preexec_fn=small_files,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr[-500:]
    assert "the database" in done.stdout and "is as it was" in done.stdout
    assert count(tmp_path / "shop.duckdb") == 1
    assert load(month).events == 6_000


VALUES = {
    "event_time": st.sampled_from(
        ["2019-10-01 00:00:00 UTC", "2019-12-31T23:59:59Z", "2020-02-29 12:00:00+00:00", "2019-02-29 12:00:00 UTC",
         "2019-10-01 02:00:00+02:00", "2019-10-01 00:00:00", "2019-10-01", "2019-13-01 00:00:00 UTC", "", "x",
         "1999-12-31 23:59:59 UTC", "2019-10-01 24:00:00 UTC", "2019-10-01 00:00:00.250 UTC", "2021-06-02 00:00:00 UTC",
         "2019-10-01 00:00:07 UTC", "2019-10-01 00:00:61 UTC", "2019-10-01 00:00:0x UTC", "2019-10-01 00:01:00 UTC"]
    ),
    "event_type": st.sampled_from(["view", "cart", "remove_from_cart", "purchase", "visit", "View", ""]),
    "price": st.sampled_from(["1", "1.5", "1.05", "0", "", "-1", "1.234", "1e3", ".5", "5.", "999999999", "1" * 14]),
    "product_id": st.sampled_from(["1", "22", "", "é"]),
    "brand": st.sampled_from(["", "lg", "crème", '"a,b"', "x" * 201]),
    "user_id": st.sampled_from(["1", "2", ""]),
    "user_session": st.sampled_from(["", "72d76fde-8bb3-4e00-8c23-a032dfed738c", "a"]),
}  # fmt: skip


@given(st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_fast_and_the_careful_reading_agree(drawn: list[dict[str, str]]) -> None:
    lines = [row(**values) for values in drawn]
    parser = RowParser(EventFormat(), tuple(HEADER.split(",")), KEY, "Europe/Paris", EARLIEST, NOW)
    fast = [parse_block(Block(f"{line}\n".encode(), 2, 1, 0), parser, SeenItems()) for line in lines]
    # A quoted field anywhere sends the whole block the careful way.
    careful = parse_block(
        Block("".join(f"{line}\n" for line in [*lines, row(brand='"q"')]).encode(), 2, len(lines) + 1, 0),
        parser,
        SeenItems(),
    )
    rows = [found for part in fast for found in part.rows.rows()]
    assert rows == careful.rows.rows()[:-1]
    assert [part.aside.drop("line").rows() for part in fast if len(part.aside)] == [
        [found] for found in careful.aside.drop("line").rows()
    ]
    # Together the lines may share a minute, and items that an earlier line has listed.
    plain = [line for line in lines if '"' not in line]
    alone = [found for line, part in zip(lines, fast) if '"' not in line for found in part.rows.rows()]
    together = parse_block(
        Block("".join(f"{line}\n" for line in plain).encode(), 2, len(plain), 0), parser, SeenItems()
    )
    assert sorted(together.rows.rows(), key=str) == sorted(alone, key=str)
    items = {found for part in fast for found in part.items.rows()}
    assert items == set(careful.items.rows()[: len(careful.items) - 1]) | (items & set(careful.items.rows()))


def test_a_file_that_changes_while_it_is_read_is_refused(
    month: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graphrec.market.clickstream import loading

    file = tmp_path / "a.csv.gz"
    file.write_bytes(month.read_bytes())
    whole = loading.stage_file

    def touched(path: Path, *others: object, **named: object) -> object:
        staged = whole(path, *others, **named)  # type: ignore[arg-type]
        os.utime(path, ns=(1, 1))
        return staged

    monkeypatch.setattr(loading, "stage_file", touched)
    with pytest.raises(DataError, match="changed while it was read"):
        ingest_events([file], tmp_path / "shop.duckdb", key=KEY)
