"""Each event enters once, whatever comes twice, late, in pieces or after a kill."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from graphrec.market.clickstream.database import open_events
from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.clickstream.loading import Load, ingest_events
from graphrec.market.protection.keys import PseudonymKey
from graphrec.market.tables import EVENT_TYPES, DataError

from .conftest import HEADER, KEY, NOW, row, write

Ingest = Callable[..., Load]


def events(database: Path) -> list[tuple[object, ...]]:
    """All events in the order of the file on disk, times as text."""
    with open_events(database, read_only=True) as opened:
        return opened.connection.execute("SELECT * EXCLUDE (load) FROM events").fetchall()


def test_every_value_arrives_as_it_was_written(month: Path, load: Ingest, tmp_path: Path) -> None:
    wanted = pl.read_csv(month, infer_schema=False)
    assert load(month).events == len(wanted) == 6_000
    with open_events(tmp_path / "shop.duckdb") as opened:
        found = opened.connection.sql(
            "SELECT strftime(event_time, '%Y-%m-%d %H:%M:%S UTC') AS t, event_type, product_id, c.name AS category, "
            "b.name AS brand, cents, customer, session, quantity, stock FROM events LEFT JOIN products USING (product) "
            "LEFT JOIN categories c USING (category) LEFT JOIN brands b USING (brand)"
        ).pl()
    ours = found.select(
        "t", pl.col("event_type").map_elements(lambda k: EVENT_TYPES[k], pl.String), "product_id", "category", "brand",
        pl.col("cents"), "customer", "session",
    )  # fmt: skip
    given = wanted.select(
        pl.col("event_time").alias("t"), "event_type", "product_id",
        pl.coalesce("category_code", "category_id").alias("category"), "brand",
        (pl.col("price").cast(pl.Float64) * 100).round().cast(pl.Int64).alias("cents"),
        pl.Series("customer", KEY.customers(wanted["user_id"])),
        pl.Series("session", KEY.sessions(wanted["user_session"])),
    )  # fmt: skip
    assert ours.sort(pl.all()).equals(given.sort(pl.all()))
    assert found["quantity"].unique().to_list() == [1] and found["stock"].null_count() == 6_000


def test_the_published_sample_is_read(load: Ingest, shared_data: Path) -> None:
    for name, rows in (("2019-Oct-sample.csv.gz", 1_000), ("electronics-sample.csv.gz", 100)):
        done = load(shared_data / "rees46_sample" / name)
        assert (done.events, done.set_aside) == (rows, 0)


def test_the_same_file_twice_changes_nothing(month: Path, load: Ingest, tmp_path: Path) -> None:
    first = load(month)
    before = events(tmp_path / "shop.duckdb")
    copied = shutil.copy(month, tmp_path / "another-name.csv.gz")
    again = load(Path(copied))
    assert again.known and again.events == first.events
    assert events(tmp_path / "shop.duckdb") == before


def test_an_overlapping_export_adds_only_what_is_new(month: Path, load: Ingest, tmp_path: Path) -> None:
    lines = gzip.decompress(month.read_bytes()).decode().splitlines()[1:]
    twice = lines[100]
    load(write(tmp_path / "a.csv.gz", [*lines[:4_000], twice]))
    load(write(tmp_path / "b.csv", [*lines[3_000:], twice, twice]))
    with open_events(tmp_path / "shop.duckdb") as opened:
        repeated, late = opened.connection.execute("SELECT repeated, late FROM loads WHERE load = 2").fetchone() or ()
    load_whole = ingest_events(
        [write(tmp_path / "c.csv", [*lines, twice])], tmp_path / "whole.duckdb", key=KEY, now=NOW
    )
    assert load_whole[0].events == 6_001
    # The second file has the line at 100 twice, the first had it twice as well: the union holds it twice.
    assert (repeated, late) == (1_002, 0)
    assert sorted(map(str, events(tmp_path / "shop.duckdb"))) == sorted(map(str, events(tmp_path / "whole.duckdb")))


def test_late_events_are_merged_and_counted(load: Ingest, tmp_path: Path) -> None:
    load(write(tmp_path / "new.csv", [row(second) for second in range(100, 200)]))
    done = load(write(tmp_path / "old.csv", [row(second) for second in range(50, 250)][::-1]))
    assert (done.events, done.repeated, done.late) == (100, 100, 50)
    with open_events(tmp_path / "shop.duckdb") as opened:
        (since,) = opened.connection.execute("SELECT earliest_late FROM loads WHERE load = 2").fetchone() or ()
        assert str(since) == "2019-10-01 00:00:50"
        assert str(opened.watermark) == "2019-10-01 00:04:09+00:00"


def test_the_order_of_a_file_does_not_matter(month: Path, tmp_path: Path) -> None:
    lines = gzip.decompress(month.read_bytes()).decode().splitlines()[1:]
    mixed = [lines[i] for i in np.random.default_rng(0).permutation(len(lines))]
    for name, order in (("a", lines), ("b", mixed)):
        ingest_events(
            [write(tmp_path / f"{name}.csv", order)], tmp_path / f"{name}.duckdb", key=KEY, now=NOW, threads=2
        )
    assert events(tmp_path / "a.duckdb") == events(tmp_path / "b.duckdb")


def test_small_blocks_give_the_same_events(month: Path, load: Ingest, tmp_path: Path) -> None:
    load(month)
    ingest_events([month], tmp_path / "small.duckdb", key=KEY, now=NOW, block_bytes=10_000)
    assert events(tmp_path / "small.duckdb") == events(tmp_path / "shop.duckdb")


def test_a_load_goes_on_where_it_was_interrupted(month: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphrec.market.clickstream import staging

    whole, calls = staging._write_part, []

    def interrupted(*parts: object) -> object:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return whole(*parts)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "_write_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ingest_events([month], tmp_path / "shop.duckdb", key=KEY, now=NOW, block_bytes=10_000)
    assert events(tmp_path / "shop.duckdb") == []
    monkeypatch.undo()
    (done,) = ingest_events([month], tmp_path / "shop.duckdb", key=KEY, now=NOW, block_bytes=10_000)
    assert (done.kept_parts, done.events) == (2, 6_000)
    ingest_events([month], tmp_path / "straight.duckdb", key=KEY, now=NOW)
    assert events(tmp_path / "shop.duckdb") == events(tmp_path / "straight.duckdb")
    assert not list(tmp_path.glob("*.staging")) and not list(tmp_path.glob("*.spill"))


@pytest.mark.slow
def test_a_kill_loses_nothing_and_doubles_nothing(month: Path, tmp_path: Path) -> None:
    database = tmp_path / "shop.duckdb"
    program = (
        "import sys; from graphrec.market.clickstream.loading import ingest_events\n"
        "from graphrec.market.protection.keys import PseudonymKey\n"
        "print('ready', flush=True)\n"
        "ingest_events([sys.argv[1]], sys.argv[2], key=PseudonymKey(bytes(range(32))), block_bytes=20_000)\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program, str(month), str(database)], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(float(rng.uniform(0.05, 1.0)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if database.exists():
            with open_events(database, key=KEY, create=True) as opened:
                (found,) = opened.connection.execute("SELECT count(*) FROM events").fetchone() or ()
            assert found in (0, 6_000)
    ingest_events([month], database, key=KEY)
    ingest_events([month], tmp_path / "straight.duckdb", key=KEY)
    assert events(database) == events(tmp_path / "straight.duckdb")


def test_a_second_writer_is_refused(month: Path, load: Ingest, tmp_path: Path) -> None:
    load(month)
    program = (
        "import sys, time; from graphrec.market.clickstream.database import open_events\n"
        "with open_events(sys.argv[1]):\n    print('open', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "shop.duckdb")], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"open\n"
        with pytest.raises(DataError, match="another process"):
            load(write(tmp_path / "more.csv", [row()]))
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_another_key_or_zone_is_noticed(month: Path, load: Ingest) -> None:
    load(month)
    with pytest.raises(DataError, match="the key is not the one"):
        load(month, key=PseudonymKey(bytes(32)))
    with pytest.raises(DataError, match="its zone cannot change"):
        load(month, time_zone="Europe/Paris")


def test_any_csv_and_parquet_by_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "market.toml").write_text(
        'time_zone = "Europe/Paris"\n[csv]\ndelimiter = ";"\nencoding = "latin-1"\ndecimal = ","\n'
        '[tables.events]\nfile = "events.csv"\nnaive_times = "local"\n'
        'columns = { event_time = "quand", event_type = "type", customer_id = "client", product_id = "article", '
        'price = "prix", brand = "marque", quantity = "n" }\n'
    )
    header = "client;quand;type;article;prix;marque;n"
    lines = ["anne;2019-07-01 00:30:00;purchase;thé;1,50;crème;2", "bob;2019-12-01 12:00:00;view;thé;;;"]
    (tmp_path / "events.csv").write_bytes("".join(f"{line}\n" for line in (header, *lines)).encode("latin-1"))
    layout, zone = EventFormat.from_manifest(tmp_path)
    ingest_events([tmp_path / "events.csv"], tmp_path / "a.duckdb", key=KEY, layout=layout, time_zone=zone, now=NOW)
    table = pl.DataFrame(
        {
            "client": ["anne", "bob"],
            "quand": pl.Series(["2019-07-01T00:30:00", "2019-12-01T12:00:00"]).str.to_datetime(),
            "type": ["purchase", "view"],
            "article": ["thé", "thé"],
            "prix": [1.5, None],
            "marque": ["crème", None],
            "n": [2, None],
        }
    )
    table.write_parquet(tmp_path / "events.parquet")
    plain = EventFormat(layout.columns, naive_zone="Europe/Paris")
    ingest_events([tmp_path / "events.parquet"], tmp_path / "b.duckdb", key=KEY, layout=plain, time_zone=zone, now=NOW)
    found = events(tmp_path / "a.duckdb")
    assert found == events(tmp_path / "b.duckdb")
    anne = next(event for event in found if event[3] == KEY.customer("anne"))
    assert (str(anne[0]), anne[1], anne[8], anne[9]) == ("2019-06-30 22:30:00", 120, 150, 2)


def test_events_of_tomorrow_wait(load: Ingest, tmp_path: Path) -> None:
    times = [NOW + timedelta(hours=hours) for hours in (-1, 1, 30)]
    done = load(write(tmp_path / "a.csv", [row(event_time=f"{moment:%Y-%m-%d %H:%M:%S UTC}") for moment in times]),
                maximum_bad_share=0.5)  # fmt: skip
    assert (done.events, done.set_aside) == (2, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_database_is_refused(month: Path, load: Ingest, tmp_path: Path) -> None:
    load(month)
    (tmp_path / "shop.duckdb").chmod(0o400)
    with pytest.raises(DataError, match="read-only"):
        load(write(tmp_path / "more.csv", [row()]))


def test_a_folder_that_is_not_there_is_refused(month: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        ingest_events([month], tmp_path / "nowhere" / "shop.duckdb", key=KEY)
    with pytest.raises(DataError, match="cannot open /proc"):
        ingest_events([month], "/proc/shop.duckdb", key=KEY)
    with pytest.raises(DataError, match="there is no database"), open_events(tmp_path / "none.duckdb"):
        pass


def test_a_header_without_rows_is_a_load_of_nothing(load: Ingest, tmp_path: Path) -> None:
    done = load(write(tmp_path / "none.csv", [], HEADER))
    assert (done.events, done.lines, done.set_aside) == (0, 0, 0)
