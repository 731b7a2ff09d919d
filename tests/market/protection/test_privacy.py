"""No raw identifier anywhere, no way back after an erasure, and no where nothing is known."""

from __future__ import annotations

import gzip
import json
import logging
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphrec.cli import app
from graphrec.market.clickstream.database import open_events
from graphrec.market.clickstream.generation import generate_events
from graphrec.market.clickstream.loading import ingest_events
from graphrec.market.features import compute_features, write_edges, write_features
from graphrec.market.privacy import (
    PseudonymKey,
    allowed_customers,
    end_retention,
    erase_customer,
    export_customer,
    keep_large_groups,
    make_key,
    needs_retraining,
    processing_record,
    read_key,
    record_consents,
)
from graphrec.market.tables import DataError

KEY = PseudonymKey(bytes(range(32)))
NOW = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    file = generate_events(tmp_path_factory.mktemp("made"), 3_000, days=31, customers=100, products=40, rng=2).files[0]
    return file, pd.read_csv(file, dtype=str)


def fill(folder: Path, file: Path) -> Path:
    ingest_events([file], folder / "shop.duckdb", key=KEY, now=NOW, threads=1)
    return folder / "shop.duckdb"


def test_no_raw_identifier_is_in_any_artefact_or_log(
    made: tuple[Path, pd.DataFrame], tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    file, raw = made
    caplog.set_level(logging.DEBUG)
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    # Bad lines too: their identifiers must not end up in the quarantine.
    broken = [*lines, lines[5] + ",more", lines[6].replace("UTC", "CTU"), '"' + lines[7], lines[8][:-20] + "," * 3]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("".join(f"{line}\n" for line in broken))
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(DataError) as refused:
        ingest_events([tmp_path / "in" / "a.csv"], work / "no.duckdb", key=KEY, now=NOW, maximum_bad_share=0.0)
    database = fill(work, tmp_path / "in" / "a.csv")
    user = raw["user_id"].iloc[0]
    with open_events(database, key=KEY) as opened:
        write_features(opened, work / "features.parquet")
        compute_features(opened).to_csv(work / "features.csv")
        write_edges(opened, work / "edges.parquet")
        export_customer(opened, user, work / "subject.json", key=KEY)
        (work / "record.json").write_text(json.dumps(processing_record(opened), default=str))
        for table in ("quarantine", "journal", "loads", "settings"):
            opened.connection.sql(f"FROM {table}").to_arrow_table().to_pandas().to_csv(work / f"{table}.csv")
    erase_customer(database, user, key=KEY, artefacts=[work])
    found = [(path, path.read_bytes()) for path in work.rglob("*") if path.is_file()]
    assert len(found) >= 9
    captured = capfd.readouterr()
    said = (str(refused.value) + caplog.text + captured.out + captured.err).encode()
    secrets = {*raw["user_id"].unique(), *raw["user_session"].unique(), KEY.secret.hex()}
    for secret in secrets:
        for path, text in [*found, (Path("log"), said)]:
            assert secret.encode() not in text, (secret, path.name)


def test_an_erased_customer_does_not_come_back(made: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    file, raw = made
    user = raw["user_id"].value_counts().index[0]
    events, pseudonym = int((raw["user_id"] == user).sum()), KEY.customer(user)
    database, out = fill(tmp_path, file), tmp_path / "out"
    with open_events(database, key=KEY) as opened:
        write_features(opened, out / "features.parquet")
        write_edges(opened, out / "edges.parquet")
    pd.DataFrame({"customer_id": [str(pseudonym), "7"], "rank": [1, 2]}).to_csv(out / "plan.csv", index=False)
    (out / "prescriptions.jsonl").write_text(json.dumps({"customer_id": pseudonym}) + "\n" + '{"customer_id": 7}\n')
    for name, customer in (("model", pseudonym), ("other", 7)):
        (out / name).mkdir()
        (out / name / "recommender.json").write_text("{}")
        pd.DataFrame({"customer_id": [customer]}).to_parquet(out / name / "panel.parquet")
    before = len(pd.read_parquet(out / "features.parquet"))
    done = erase_customer(database, user, key=KEY, artefacts=[out])
    assert (done.events, done.known) == (events, True)
    assert {Path(name).name for name in done.files} == {
        "features.parquet", "edges.parquet", "plan.csv", "prescriptions.jsonl"
    }  # fmt: skip
    assert len(pd.read_parquet(out / "features.parquet")) == before - 1
    assert not (pd.read_parquet(out / "edges.parquet")["customer_id"] == pseudonym).any()
    assert pd.read_csv(out / "plan.csv")["customer_id"].tolist() == [7]
    assert needs_retraining(out / "model") is not None and needs_retraining(out / "other") is None
    assert [file.name for file in (out / "model").iterdir()] == ["retrain.json"]
    assert len(pd.read_parquet(out / "other" / "panel.parquet")) == 1
    # The whole file again under other bytes, and features from what is left.
    lines = gzip.decompress(file.read_bytes()).decode()
    (tmp_path / "again.csv").write_text(lines)
    (again,) = ingest_events([tmp_path / "again.csv"], database, key=KEY, now=NOW)
    assert (again.events, again.withheld, again.repeated) == (0, events, 3_000 - events)
    with open_events(database, key=KEY) as opened:
        assert pseudonym not in set(compute_features(opened)["customer_id"])
        record = processing_record(opened)
        assert record["erased customers"] == 1 and record["journal"][0]["action"] == "erasure"
        assert str(pseudonym) not in json.dumps(record["journal"])
    assert not erase_customer(database, user, key=KEY).known


def test_the_customer_is_found_however_the_identifier_is_written(
    made: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    file, raw = made
    user = raw["user_id"].value_counts().index[0]
    database, out = fill(tmp_path, file), tmp_path / "out"
    for name in ("model", "other"):
        (out / name).mkdir(parents=True)
        (out / name / "encoder.json").write_text("{}")
    with_a_gap = {"customer_id": [float(user), np.nan, 7.0, 7.5, np.inf]}
    pd.DataFrame(with_a_gap).to_parquet(out / "segments.parquet")
    pd.DataFrame(with_a_gap).to_parquet(out / "model" / "customers.parquet")
    pd.DataFrame({"customer_id": [np.nan, 7.0]}).to_parquet(out / "other" / "customers.parquet")
    pd.DataFrame({"Client": [f"{user}.0", "7"], "price": [user, user]}).to_csv(out / "calls.csv", index=False)
    (out / "advice.jsonl").write_text(f'{{"customer_id": {user}.0}}\n{{"customer_id": "x", "rank": {user}}}\n')
    done = erase_customer(database, user, key=KEY, artefacts=[out])
    assert {Path(name).name: lost for name, lost in done.files.items()} == {
        "segments.parquet": 1, "calls.csv": 1, "advice.jsonl": 1
    }  # fmt: skip
    assert [Path(model).name for model in done.models] == ["model"]
    assert pd.read_parquet(out / "segments.parquet")["customer_id"].tolist()[1:] == [7.0, 7.5, np.inf]


def test_the_deleted_pages_are_gone_from_the_file(made: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    file, raw = made
    database = fill(tmp_path, file)
    erase_customer(database, raw["user_id"].iloc[0], key=KEY)
    assert end_retention(database, datetime(2019, 12, 1, tzinfo=UTC), key=KEY) > 0
    assert not database.with_name("shop.duckdb.wal").exists()
    with open_events(database, key=KEY) as opened:
        ((n,),) = opened.connection.execute("SELECT count(*) FROM events").fetchall()
        ((tables,),) = opened.connection.execute("SELECT count(*) FROM duckdb_constraints()").fetchall()
        ((free,),) = opened.connection.execute("SELECT free_blocks FROM pragma_database_size()").fetchall()
    assert n == 0 and tables > 0 and free == 0


def test_what_is_past_its_retention_stays_out(made: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    file, raw = made
    database = fill(tmp_path, file)
    cut = datetime(2019, 10, 20, tzinfo=UTC)
    old = int((raw["event_time"] < "2019-10-20").sum())
    assert end_retention(database, cut, key=KEY) == old
    (tmp_path / "again.csv").write_text(gzip.decompress(file.read_bytes()).decode())
    (again,) = ingest_events([tmp_path / "again.csv"], database, key=KEY, now=NOW)
    assert (again.events, again.withheld) == (0, old)
    with pytest.raises(DataError, match="gone already"):
        end_retention(database, datetime(2019, 10, 1, tzinfo=UTC), key=KEY)


def test_silence_doubt_and_erasure_mean_no(made: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    database = fill(tmp_path, made[0])
    day = [pd.Timestamp(f"2019-10-{d:02d}", tz="UTC") for d in range(1, 10)]
    answers = pd.DataFrame(
        [("a", "email", "offers", True, day[0]), ("a", "email", "offers", False, day[4]),
         ("b", "email", "offers", True, day[0]), ("c", "email", "offers", True, day[1]),
         ("c", "email", "offers", False, day[1]), ("d", "sms", "offers", True, day[0]),
         ("e", "email", "surveys", True, day[0]), ("f", "email", "offers", True, day[8])],
        columns=["customer_id", "channel", "purpose", "granted", "changed_at"],
    )  # fmt: skip
    with open_events(database, key=KEY) as opened:
        assert record_consents(opened, answers, key=KEY) == 8
        at = day[5].to_pydatetime()
        assert allowed_customers(opened, channel="email", purpose="offers", at=at) == {KEY.customer("b")}
        early = allowed_customers(opened, channel="email", purpose="offers", at=day[2].to_pydatetime())
        assert early == {KEY.customer("a"), KEY.customer("b")}
        assert not allowed_customers(opened, channel="letter", purpose="offers")
        with pytest.raises(DataError, match="empty cells"):
            record_consents(opened, answers.assign(purpose=None), key=KEY)
    erase_customer(database, "b", key=KEY)
    with open_events(database, key=KEY) as opened:
        assert not allowed_customers(opened, channel="email", purpose="offers", at=at)


def test_a_person_gets_all_that_is_held(made: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    file, raw = made
    user = raw["user_id"].iloc[10]
    with open_events(fill(tmp_path, file), key=KEY) as opened:
        n = export_customer(opened, user, tmp_path / "subject.json", key=KEY)
        with pytest.raises(DataError, match="nothing about"):
            export_customer(opened, "nobody", tmp_path / "none.json", key=KEY)
    held = json.loads((tmp_path / "subject.json").read_text())
    mine = raw[raw["user_id"] == user]
    assert n == len(held["events"]) == len(mine)
    assert sorted(e["product_id"] for e in held["events"]) == sorted(mine["product_id"])
    assert stat.S_IMODE((tmp_path / "subject.json").stat().st_mode) == 0o600


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=120), st.integers(2, 12))
def test_no_group_below_k_is_shown_nor_found_by_subtraction(towns: list[str], k: int) -> None:
    kept, left_out = keep_large_groups(pd.DataFrame({"customer_id": range(len(towns)), "town": towns}), ["town"], k=k)
    assert (kept["customers"] >= k).all()
    hidden = len(towns) - int(kept["customers"].sum())
    assert left_out != 1 or len(set(towns)) == 1
    assert (left_out == 0) == (hidden == 0)


def test_a_key_is_secret_and_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys" / "key"
    made_key = make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and read_key(path) == made_key
    assert made_key.secret.hex() not in repr(made_key)
    with pytest.raises(DataError, match="never overwritten"):
        make_key(path)
    with pytest.raises(DataError, match="beside the data"):
        read_key(path, data=tmp_path / "keys" / "shop.duckdb")
    path.chmod(0o644)
    with pytest.raises(DataError, match="others may read"):
        read_key(path)
    monkeypatch.delenv("GRAPHREC_KEY", raising=False)
    with pytest.raises(DataError, match="there is no key"):
        read_key()
    monkeypatch.setenv("GRAPHREC_KEY", made_key.secret.hex())
    assert read_key() == made_key
    monkeypatch.setenv("GRAPHREC_KEY", "abc")
    with pytest.raises(DataError, match="64 hexadecimal"):
        read_key()


def test_the_commands_hold_together(tmp_path: Path) -> None:
    run, key = CliRunner(), tmp_path / "keys" / "key"
    place, database = tmp_path / "events", tmp_path / "shop.duckdb"
    assert run.invoke(app, ["generate-events", str(place), "--events", "2000", "--days", "10"]).exit_code == 0
    file = place / "2019-Oct.csv.gz"
    common = ["--database", str(database), "--key-file", str(key), "--json"]
    loaded = run.invoke(app, ["ingest", str(file), *common])
    assert json.loads(loaded.stdout)["loads"][0]["events"] == 2000 and stat.S_IMODE(key.stat().st_mode) == 0o600
    user = pd.read_csv(file, dtype=str)["user_id"].iloc[0]
    exported = run.invoke(app, ["export", "-", "--out", str(tmp_path / "s.json"), *common], input=f"{user}\n")
    assert json.loads(exported.stdout)["events"] > 0
    assert json.loads(run.invoke(app, ["erase", user, *common]).stdout)["known"]
    assert json.loads(run.invoke(app, ["retain", "2019-10-05", *common]).stdout)["deleted"] > 0
