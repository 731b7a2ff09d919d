"""The command of segments, from files of events to pages, in the way a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import graphrec
from graphrec.cli import app
from graphrec.market.clickstream.generation import generate_events


def test_segment_writes_what_it_says(tmp_path: Path) -> None:
    generate_events(tmp_path / "in", 12_000, customers=400, rng=2)
    words = [
        "segment",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
        "--language",
        "fr",
        "--segments",
        "3",
        "--json",
    ]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    table = pd.read_parquet(tmp_path / "out" / "segments.parquet")
    truth = pd.read_parquet(tmp_path / "in" / "truth.parquet")
    assert told["segments"] == 3 and told["customers"] == len(table)
    assert set(table["customer_id"]) <= set(truth["user_id"])
    assert told["abstained"] == pytest.approx(table["abstained"].mean())
    assert [p["name"] for p in told["profiles"]] == list(table.dropna().groupby("segment")["name"].first())
    assert "<html" in (tmp_path / "out" / "segments.html").read_text(encoding="utf-8")
    again = graphrec.Segmentation.load(tmp_path / "out" / "model").assign(tmp_path / "in")
    assert list(again["likeliest"]) == list(table["likeliest"])


def test_an_unknown_language_is_refused_before_the_work(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["segment", str(tmp_path), "--out", str(tmp_path / "out"), "--language", "de"])
    assert done.exit_code != 0 and "language is 'de'" in str(done.exception)
    assert not (tmp_path / "out").exists()
