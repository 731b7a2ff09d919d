"""The description counts what is there and says what limits later claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from graphrec.market.description import MarketDescription, describe_market
from graphrec.market.ingestion import read_market
from graphrec.market.tables import Market

SHIPPED = Path(__file__).parents[2] / "data" / "complete_journey"
DAY = pd.Timestamp("2024-03-01", tz="UTC")


def make_market(**changed: Any) -> Market:
    """Four customers, two of them contacted, one purchase."""
    tables: dict[str, Any] = {
        "customers": pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "wealth": [1.0, 2.0, None, None], "zip": "x"}),
        "products": pd.DataFrame({"product_id": ["p"]}),
        "solicitations": pd.DataFrame(
            {
                "solicitation_id": ["1", "2", "3"],
                "customer_id": ["a", "b", "a"],
                "sent_at": [DAY, DAY, DAY + pd.Timedelta(days=1)],
                "channel": ["mail", "mail", "phone"],
                "campaign_id": ["k", "k", "l"],
            }
        ),
        "events": pd.DataFrame(
            {
                "event_time": [DAY + pd.Timedelta(days=2)] * 3,
                "event_type": ["purchase", "purchase", "redeem"],
                "customer_id": ["a", "d", "b"],
                "product_id": ["p", "p", None],
                "quantity": [1, 1, None],
            }
        ),
        "roles": {"wealth": "Wealth"},
    }
    return Market.from_frames(**(tables | changed))


@pytest.fixture(scope="module")
def journey() -> MarketDescription:
    return describe_market(read_market(SHIPPED))


def test_counts_match_the_tables() -> None:
    description = describe_market(make_market())
    assert description.tables["customers"].kept == 4
    assert description.events == {"purchase": 2, "redeem": 1}
    assert (description.active_customers, description.contacted_customers) == (3, 2)
    assert {name: (count.contacts, count.customers) for name, count in description.channels.items()} == {
        "mail": (2, 2),
        "phone": (1, 1),
    }
    assert description.time_span == ("2024-03-01T00:00:00+00:00", "2024-03-03T00:00:00+00:00")


def test_rows_set_aside_are_counted_by_reason() -> None:
    events = pd.DataFrame(
        {"event_time": [DAY] * 3, "event_type": ["visit", "visit", "vist"], "customer_id": ["a", "a", "a"]}
    )
    description = describe_market(make_market(events=events, maximum_bad_share=0.5))
    assert description.tables["events"].set_aside == 1
    assert sum(description.bad_rows["events"].values()) == 1
    assert set(description.bad_rows) == {"events"}


def test_every_row_is_kept_or_set_aside(journey: MarketDescription) -> None:
    assert all(count.received == count.kept + count.set_aside for count in journey.tables.values())


def test_consent_counts_the_last_answer_of_each_customer() -> None:
    consents = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "channel": ["mail", "mail", "mail", "phone"],
            "granted": [False, True, False, True],
            "changed_at": [DAY + pd.Timedelta(days=1), DAY, DAY, None],
        }
    )
    description = describe_market(make_market(consents=consents))
    assert description.consent_coverage == 0.75
    assert description.channels["mail"].consented_share == 0.0  # a said yes first and no later
    assert description.channels["phone"].consented_share == 0.25
    assert any("1 of 4 customers gave no answer" in sentence for sentence in description.findings)
    assert any("1 consents have no date" in sentence for sentence in description.findings)


def test_without_consents_the_description_says_so() -> None:
    description = describe_market(make_market())
    assert description.consent_coverage is None
    assert description.channels["mail"].consented_share is None
    assert "There is no consents table: a plan cannot require consent." in description.findings


@pytest.mark.parametrize(
    "sentence",
    [
        "No contact was sent at random",
        "Each of the 2 campaigns uses one channel",
        "Channel mail has 2 contacts",
        "Channel phone has 1 contacts",
        "3 of 3 contacts were sent before the first event (2024-03-03)",
        "Every redeem event belongs to a contacted customer",
        "wealth: known of 50% of the customers",
        "Whether wealth is known tells of the contact: 100% were contacted where it is known, 0% where it is missing",
        "No role explains zip",
    ],
)
def test_each_limit_is_found(sentence: str) -> None:
    assert any(found.startswith(sentence) for found in describe_market(make_market()).findings)


def test_a_sound_market_raises_none_of_the_design_findings() -> None:
    sent = pd.DataFrame(
        {
            "solicitation_id": range(200),
            "customer_id": ["a", "b"] * 100,
            "sent_at": DAY + pd.Timedelta(days=9),
            "channel": ["mail"] * 100 + ["phone"] * 100,
            "campaign_id": ["k"] * 200,
            "propensity": 0.5,
        }
    )
    customers = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "wealth": [1.0, None, 2.0, None]})
    consents = pd.DataFrame({"customer_id": list("abcd"), "channel": "mail", "granted": True, "changed_at": DAY})
    events = pd.DataFrame({"event_time": [DAY], "event_type": ["visit"], "customer_id": ["d"]})
    market = make_market(solicitations=sent, customers=customers, consents=consents, events=events)
    assert describe_market(market).findings == ("wealth: known of 50% of the customers.",)


def test_a_market_without_records_is_described() -> None:
    description = describe_market(make_market(solicitations=None, events=None))
    assert description.time_span is None
    assert description.channels == {}
    assert "no dated record" in description.to_text()
    assert any(sentence.startswith("There is no solicitation") for sentence in description.findings)


def test_dates_of_attributes_are_no_attributes() -> None:
    customers = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "wealth": 1.0, "wealth_on": DAY})
    market = make_market(customers=customers, roles={"wealth": {"class": "Wealth", "date": "wealth_on"}})
    described = describe_market(market).attributes
    assert [name for name, attribute in described.items() if attribute.table == "customers"] == ["wealth"]
    assert described["wealth"].enters_models


def test_the_description_is_plain_json_and_text() -> None:
    description = describe_market(make_market())
    plain = json.loads(json.dumps(description.to_dict(), allow_nan=False))
    assert plain["tables"]["events"] == {"received": 3, "kept": 3, "set_aside": 0}
    assert plain["channels"]["mail"]["contacts"] == 2
    assert plain["findings"] == list(description.findings)
    text = description.to_text()
    assert str(description) == text
    assert "mail" in text and "zip" in text and "Findings" in text
    assert "[" not in text  # no markup


def test_the_description_shows_no_customer(journey: MarketDescription) -> None:
    customers = pd.DataFrame({"customer_id": ["secret-1", "secret-1", "x"], "wealth": 1.0})
    market = make_market(customers=customers, solicitations=None, events=None, maximum_bad_share=0.5)
    assert "secret" not in json.dumps(describe_market(market).to_dict()) + describe_market(market).to_text()


def test_complete_journey_is_described_as_its_datasheet_says(journey: MarketDescription) -> None:
    assert journey.attributes["age"].known_share == pytest.approx(0.337, abs=5e-4)
    assert journey.attributes["age"].contacted_if_known == pytest.approx(0.944, abs=5e-4)
    assert journey.attributes["age"].contacted_if_missing == pytest.approx(0.509, abs=5e-4)
    assert journey.consent_coverage is None
    assert "Each of the 27 campaigns uses one channel" in journey.to_text()
    assert "147 of 6,589 contacts were sent before the first event (2017-01-01)" in journey.to_text()
    assert "marital_status" in journey.unmatched
