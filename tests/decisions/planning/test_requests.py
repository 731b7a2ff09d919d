"""What `allocate` is asked with: moments, types and names; a mistake is refused in one line."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.planning.past import read_past
from graphrec.decisions.policy import ContactPolicy, PolicyError, allocate
from graphrec.market.tables import Market


def scores(customers=3, **columns):
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(customers)],
            "product_id": "p0",
            "channel": "call",
            "slot": "morning",
            "net_value": 1.0,
        }
    )
    return table.assign(**columns)


def refused(*given, **named):
    with pytest.raises(PolicyError) as error:
        allocate(*given, **named)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "at", ["05/09/2024", "9 May 2024", "", " ", float("nan"), pd.NaT, np.datetime64("NaT"), 20240905, 1.5, True,
           ["2024-05-01"], pd.Index(["2024-05-01"]), "2024-13-01"],
    ids=repr,
)  # fmt: skip
def test_a_moment_that_is_none_is_refused(at):
    assert "at is" in refused(scores(), at=at)


@pytest.mark.parametrize(
    "at", ["2024-05-09", "2024-05-09 00:00", "2024-05-09T00:00+00:00", "2024-05-09T02:00+02:00", date(2024, 5, 9),
           datetime(2024, 5, 9), pd.Timestamp("2024-05-09"), np.datetime64("2024-05-09")],
    ids=repr,
)  # fmt: skip
def test_iso_texts_and_datetimes_are_the_moment_they_say(at):
    assert read_past(None, at).given == pd.Timestamp("2024-05-09", tz="UTC")


def market():
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["c0", "c1", "c2", "c9"]}),
        products=pd.DataFrame({"product_id": ["p0", "p9"]}),
        solicitations=None,
        events=pd.DataFrame(
            {"event_time": ["2024-03-31"], "event_type": "purchase", "customer_id": "c0", "product_id": "p0"}
        ),
        consents=pd.DataFrame(
            {"customer_id": ["c0"], "channel": "call", "granted": True, "changed_at": "2024-01-01", "purpose": "ads"}
        ),
    )


@pytest.mark.parametrize(
    ("given", "named", "remedy"),
    [
        ([{"budget": 3}], {}, "from_dict"),
        (["rules.toml"], {}, "from_file"),
        ([None, "market"], {}, "read_market"),
        ([], {"segments": ["north"]}, "mapping of customer to segment"),
    ],
)
def test_arguments_of_the_wrong_type_are_refused_with_the_remedy(given, named, remedy):
    assert remedy in refused(scores(), *given, **named)


def test_a_column_given_twice_is_refused():
    twice = pd.concat([scores(), scores()[["net_value"]]], axis=1)
    assert "net_value twice" in refused(twice)


@pytest.mark.parametrize(
    "candidates",
    [("p0", "call", "morning"), [("p0", "call", "morning", 1.0)], "p0", ["p0abc"], scores(), 3, None, {},
     [("p0", "call", "morning", "much", 1.0)], [("p0", "call", None, 1.0, 0.0), ("p0", "call", None, 1.0)]],
    ids=str,
)  # fmt: skip
def test_a_desk_refuses_candidates_of_another_form(candidates):
    plan = allocate(scores())
    with pytest.raises(PolicyError, match=r"candidates must be a list|empty set"):
        plan.decide("c0", candidates)


def test_a_capacity_of_a_slot_that_does_not_exist_is_refused():
    for slot in ("Morning", "mroning"):
        assert "morning" in refused(scores(), ContactPolicy(slot_capacity={"call": {slot: 0}}))
    policy = ContactPolicy(slot_capacity={"call": {"morning": 0}})
    assert allocate(scores(), policy).contacts.empty
    assert "none" in refused(scores(slot=None), policy)
    assert len(
        allocate(
            scores(), ContactPolicy(slot_capacity={"call": {"noon": 0}}, slots={"noon": "mon 12:00-13:00"})
        ).contacts
    )


@pytest.mark.parametrize(
    ("rules", "hint"),
    [
        ({"stock": {"p7": 0}}, "p0, p9"),
        ({"stock": {"P0": 0}}, "'p0'"),
        ({"exclusive": [{"offers": ["p0", "p7"]}]}, "p0, p9"),
        ({"eligibility": [{"column": "net_value", "at_least": 0, "offers": ["p7"]}]}, "p0, p9"),
        ({"do_not_contact": ["C0"]}, "'c0'"),
        ({"do_not_contact": ["17"]}, "customers table"),
        ({"require_consent": True, "consent_purpose": "adz"}, "ads"),
    ],
)
def test_names_that_market_and_scores_do_not_have_are_refused(rules, hint):
    assert hint in refused(scores(), ContactPolicy.from_dict(rules), market())


@pytest.mark.parametrize(
    "rules",
    [
        {"stock": {"p9": 0}},
        {"exclusive": [{"offers": ["p0", "p9"]}]},
        {"do_not_contact": ["c9", "c17"]},
        {"require_consent": True, "consent_purpose": "ads"},
    ],
)
def test_names_without_a_candidate_today_are_allowed(rules):
    assert len(allocate(scores(), ContactPolicy.from_dict(rules), market()).contacts)


def test_identifiers_that_differ_by_a_hyphen_are_two_things():
    policy = ContactPolicy(stock={"A-11": 0}, do_not_contact=["c-0"])
    assert len(allocate(scores(product_id="A1-1"), policy).contacts) == 3
