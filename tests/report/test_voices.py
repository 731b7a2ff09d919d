"""The page of what customers say: it counts what was written, masks, names nobody and needs no network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graphrec.cli import app
from graphrec.market.feedback import read_feedback
from graphrec.market.tables import DataError, Market
from graphrec.report.voices import build_voices, write_voices

SAID = (
    "Late delivery, call me at 06 12 34 56 78", "The delivery was fast, thank you",
    "App crashes <script>alert(1)</script> all the time", "The app is great", "Muy buena tienda, gracias", "",
)  # fmt: skip


def make_market(texts: tuple[str, ...] = SAID, n: int = 210) -> Market:
    days = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(n), unit="D")
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": [f"person-{i}" for i in range(30)]}),
        products=pd.DataFrame({"product_id": ["tea"]}),
        solicitations=None,
        events=pd.DataFrame({"event_time": ["2024-12-31"], "event_type": ["visit"], "customer_id": ["person-0"]}),
        feedback=pd.DataFrame(
            {
                "customer_id": [f"person-{i % 30}" for i in range(n)],
                "created_at": days,
                "text": [texts[i % len(texts)] for i in range(n)],
            }
        ),
    )


def test_the_page_counts_masks_and_names_nobody(tmp_path: Path) -> None:
    market = read_feedback(make_market())
    values = build_voices(market)
    topics = {row["name"]: row for row in values["topics"]}
    assert topics["delivery"]["texts"] == "70" and topics["app"]["texts"] == "70"
    assert topics["delivery"]["unhappy"] == "50.0 %" and topics["app"]["unhappy"] == "50.0 %"
    assert {row["name"]: row["texts"] for row in values["languages"]}["unknown"] == "70"
    assert len(values["periods"]) == 7 and len(values["moods"]["bars"]) == 3 * 7
    text = write_voices(tmp_path / "voices.html", market).read_text(encoding="utf-8")
    assert write_voices(tmp_path / "again.html", market).read_text(encoding="utf-8") == text
    assert "&lt;phone&gt;" in text and "34 56" not in text and "person-" not in text and "alert(1)" not in text
    assert not re.search(r"(src|href)=\"https?:", text)


def test_topics_and_examples_of_a_few_texts_are_left_out() -> None:
    values = build_voices(read_feedback(make_market(("The app is great",), 4)))
    assert values["topics"] == values["examples"] == values["themes"] == []


def test_what_was_not_read_or_said_is_refused() -> None:
    with pytest.raises(DataError, match=r"pass it through graphrec\.read_feedback"):
        build_voices(make_market())
    with pytest.raises(DataError, match="no feedback"):
        build_voices(make_market(n=0))


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    runner, shop = CliRunner(), tmp_path / "shop"
    assert runner.invoke(app, ["simulate", str(shop), "--customers", "150", "--products", "20"]).exit_code == 0
    told = runner.invoke(app, ["feedback-report", str(shop), "--out", str(tmp_path / "voices.html"), "--json"])
    assert told.exit_code == 0 and json.loads(told.stdout)["texts"] > 5
    assert "What customers say" in (tmp_path / "voices.html").read_text(encoding="utf-8")
