"""The pages of segments: whole, offline, in both languages, and without a customer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import graphrec
from graphrec.market.clickstream.generation import generate_events
from graphrec.market.tables import DataError
from graphrec.report.segments import segment_pages, write_segments


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> graphrec.Segmentation:
    folder = tmp_path_factory.mktemp("events")
    generate_events(folder, 20_000, customers=500, rng=2)
    return graphrec.segment_customers(folder, segments=4, bootstraps=2, rng=0)


@pytest.mark.parametrize(("language", "word"), [("en", "What not to do"), ("fr", "À ne pas faire")])
def test_the_pages_are_whole_and_name_nobody(
    found: graphrec.Segmentation, tmp_path: Path, language: str, word: str
) -> None:
    text = write_segments(tmp_path / "a.html", found, language=language).read_text(encoding="utf-8")
    write_segments(tmp_path / "b.html", found, language=language)
    assert text == (tmp_path / "b.html").read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in text and text.count(word) == found.size
    names = [name.replace("'", "&#39;") for name in found.names_in(language).values()]
    assert all(name in text for name in names)
    assert "http://" not in text and "https://" not in text and "nan" not in text.split("<main")[1].lower().split()
    assert not [who for who in found.customers["customer_id"] if str(who) in text]


def test_a_page_for_each_segment_and_shares_that_add_up(found: graphrec.Segmentation) -> None:
    pages = segment_pages(found)
    assert [page["key"] for page in pages] == ["segments", *(f"segment-{k + 1}" for k in range(found.size))]
    widths = [row["width"] for row in pages[0]["values"]["segments"]]
    assert sum(widths) == pytest.approx(100, abs=0.1)
    for page in pages[1:]:
        assert page["values"]["funnel"][0]["width"] >= page["values"]["funnel"][2]["width"]
        assert len(page["values"]["hours"]["bars"]) == 24 and len(page["values"]["journey"]) >= 1


def test_a_single_segment_has_pages_too_and_a_market_brings_the_pressure() -> None:
    market = graphrec.simulate_market(customers=80, products=10, periods=4, rng=1).market
    found = graphrec.segment_customers(market, segments=1, rng=0)
    pages = segment_pages(found, market=market)
    assert pages[1]["title"] == "All customers" and pages[1]["values"]["pressure"]["days"] == "28"


def test_an_unknown_language_is_refused(found: graphrec.Segmentation) -> None:
    with pytest.raises(DataError, match="language is 'de'"):
        segment_pages(found, language="de")


def test_a_segment_that_its_customers_leave_is_marked_and_numbers_are_those_of_the_segments(
    found: graphrec.Segmentation,
) -> None:
    numbers = [1, 2, 3, 4]
    moved = pd.DataFrame([[90, 5, 3, 2], [10, 80, 5, 5], [2, 40, 8, 0], [1, 1, 2, 0]], index=numbers, columns=numbers)
    pages = segment_pages(replace(found, migration=moved), language="en")
    rows = pages[0]["values"]["segments"]
    assert [row["number"] for row in rows] == [page["number"] for page in pages[1:]] == numbers
    told = "does not last: 16 % of 50 stay after 30 days, 80 % go to 2 "
    assert [row["fleeting"].startswith(told) for row in rows] == [False, False, True, False]
    assert not any(row["fleeting"] for row in rows[3:])  # four customers say nothing yet


def test_a_french_page_has_no_english_and_no_internal_name_and_never_rounds_to_all(
    found: graphrec.Segmentation, tmp_path: Path
) -> None:
    habits = found.habits.assign(reason="says the same as hour_cos")
    customers = pd.concat([found.customers.assign(abstained=False)] * 2, ignore_index=True)
    customers.loc[0, "abstained"] = True
    strange = replace(found, habits=habits, customers=customers)
    text = write_segments(tmp_path / "fr.html", strange, language="fr").read_text(encoding="utf-8")
    assert (
        "hour_cos" not in text
        and "says the same" not in text
        and "needs no network" not in text
        and "Skip to" not in text
    )
    assert "dit la même chose que" in text and "99,9\u202f% affectés" in text
    assert '<span class="number">1</span>' + found.names_in("fr")[1].replace("'", "&#39;") in text
