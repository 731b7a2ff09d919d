"""The panel's rows, outcomes and columns equal brute force; whatever comes after a decision stays after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graphrec.market.panel import CONTROL, Panel, build_panel
from graphrec.market.tables import DataError, Market
from ontology import OntologyError

Frames = Callable[..., dict[str, Any]]
EXTRAS = ("customer", "offer", "decided_at", "weight", "propensity", "cluster", "lines", "value", "twin_outcome")


def panel_of(frames: dict[str, Any], **settings: Any) -> Panel:
    return build_panel(Market.from_frames(**frames), **({"rng": 0, "minimum_history_days": 10} | settings))


def as_bytes(panel: Panel) -> dict[str, bytes]:
    frame = panel.frame.assign(decided_at=panel.frame["decided_at"].dt.tz_localize(None))
    return {
        name: (column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column).to_numpy().tobytes()
        for name, column in frame.items()
    }


@pytest.fixture(scope="module")
def frames(draw_frames: Frames) -> dict[str, Any]:
    return draw_frames(0)


@pytest.fixture(scope="module")
def panel(frames: dict[str, Any]) -> Panel:
    return panel_of(frames)


def test_a_row_says_who_what_when_and_how(panel, frames):
    market = Market.from_frames(**frames)
    contacted = panel.frame[panel.contacted]
    key = ["customer_id", "product_id", "sent_at"]
    rows = contacted.assign(
        customer_id=market.vocabulary.customers.decode(contacted["customer"]),
        product_id=market.vocabulary.products.decode(contacted["offer"]),
        sent_at=contacted["decided_at"],
    )
    joined = rows.merge(market.solicitations, on=key, suffixes=("", "_sent"), validate="one_to_one")
    assert len(joined) == len(contacted) == panel.counts["contacts"]
    assert (joined["treatment"].astype(str) == joined["channel"]).all()
    assert (joined["propensity"] == joined["propensity_sent"]).all()
    assert panel.frame["propensity"][~panel.contacted].isna().all()
    assert (panel.frame["cluster"] == panel.frame["customer"]).all()
    assert panel.channels == ("mail", "phone")
    assert panel.control == CONTROL == "none"


@pytest.mark.parametrize("shift", [0, 28])
@pytest.mark.parametrize("kind", ["product", "category", "campaign"])
def test_outcomes_equal_brute_force(frames, kind, shift):
    """At the decision or as many days before it as asked, and each line once in each offer that holds its product."""
    panel = panel_of(frames, offer=kind, horizon_days=14, shift_days=shift)
    market = Market.from_frames(**frames)
    assert panel.offers is not None
    names = panel.offers.index.ids
    products = market.products.set_index("product_id")
    links = {
        "product": {name: {name} for name in names},
        "category": {name: set(products.index[products["category"] == name]) for name in names},
        "campaign": {name: set(market.campaigns.query("campaign_id == @name")["product_id"]) for name in names},
    }[kind]
    bought = market.events[market.events["event_type"] == "purchase"]
    for row in panel.frame.sample(60, random_state=1).itertuples():
        own = bought["customer_id"] == market.vocabulary.customers.ids[row.customer]
        window = (bought["event_time"] >= row.decided_at) & (
            bought["event_time"] < row.decided_at + pd.Timedelta(days=14)
        )
        lines = bought[own & window & bought["product_id"].isin(links[names[row.offer]])]
        assert row.lines == len(lines)
        assert row.outcome == float(len(lines) > 0)
        assert row.value == pytest.approx((lines["price"] * lines["quantity"]).sum())


def test_shifting_moves_covariates_and_outcomes_but_no_contact(frames):
    now, before = panel_of(frames, minimum_history_days=40), panel_of(frames, shift_days=28, minimum_history_days=12)
    for name in ("customer", "offer", "treatment", "weight"):
        assert now.frame[name].equals(before.frame[name])
    assert (now.frame["decided_at"] - before.frame["decided_at"]).unique().tolist() == [pd.Timedelta(days=28)]
    assert not now.frame["outcome"].equals(before.frame["outcome"])
    assert (now.frame["past_purchases"] >= before.frame["past_purchases"]).all()
    assert (now.frame["past_purchases"] > before.frame["past_purchases"]).any()


def test_same_seed_same_bytes(frames, panel):
    assert as_bytes(panel_of(frames)) == as_bytes(panel)
    assert as_bytes(panel_of(frames, rng=np.random.default_rng(0))) == as_bytes(panel)
    assert as_bytes(panel_of(frames, rng=1))["customer"] != as_bytes(panel)["customer"]


def test_the_order_of_the_rows_given_does_not_matter(frames, panel):
    shuffled = dict(frames)
    for table in ("events", "solicitations", "feedback"):
        shuffled[table] = frames[table].sample(frac=1, random_state=3)
    again = panel_of(shuffled).frame[list(panel.variables.columns)]
    pd.testing.assert_frame_equal(again, panel.frame[list(panel.variables.columns)])


def test_nothing_after_a_decision_changes_what_was_known_at_it(frames):
    """Rows up to the cut keep their bytes when every later event and score is altered."""
    cut = pd.Timestamp("2024-05-01", tz="UTC")
    rng = np.random.default_rng(5)
    altered = dict(frames)
    events, feedback = frames["events"].copy(), frames["feedback"].copy()
    late = np.flatnonzero(events["event_time"] >= cut)[:-1]  # the last one says how far the market is observed
    for column in ("customer_id", "price", "event_time"):
        events.loc[late, column] = events.loc[rng.permutation(late), column].to_numpy()
    feedback.loc[feedback["created_at"] >= cut, "score"] = 1e9
    altered |= {"events": events, "feedback": feedback}
    first, second = panel_of(frames, controls_per_contact=None), panel_of(altered, controls_per_contact=None)
    common = [name for name in first.covariates if name in second.covariates]
    early = [p.frame[p.frame["decided_at"] <= cut] for p in (first, second)]
    assert len(early[0]) > 500
    assert len(common) > 20
    for name in ["customer", "offer", "weight", *common]:
        values = [(f[name].cat.codes if f[name].dtype == "category" else f[name]).to_numpy() for f in early]
        assert values[0].tobytes() == values[1].tobytes(), name
    assert not first.frame["outcome"].equals(second.frame["outcome"])


def test_variables_have_no_identifier_and_no_gap_and_each_has_a_class(panel):
    variables = panel.variables
    assert not set(variables.columns) & set(EXTRAS)
    assert not variables.isna().any().any()
    assert panel.frame["age"].isna().any()  # so that the line above can fail
    assert panel.frame["region"].isna().any()
    assert "missing" in variables["region"].cat.categories
    assert list(panel.roles) == [
        *panel.covariates,
        *panel.mediators,
        *panel.consequences,
        "treatment",
        "outcome",
    ] or set(panel.roles) == set(variables.columns)
    assert set(panel.roles) == set(variables.columns)
    assert variables.nunique().min() > 1


def test_columns_are_in_the_group_of_their_class(panel):
    assert {"age", "region", "balance", "first_order", "past_purchases", "recency_days"} <= set(panel.covariates)
    assert set(panel.mediators) <= {"opened", "clicked", "visited"}
    assert "tickets" in panel.consequences
    assert not {"tickets", "redeemed", "unsubscribed", "visited"} & set(panel.covariates)
    assert panel.roles["treatment"] == "Solicitation"
    assert panel.roles["outcome"] == "Purchase"
    assert panel.roles["tickets"] == "SupportTicket"


def test_every_attribute_is_used_or_left_out_with_a_reason(frames):
    changed = dict(frames)
    changed["customers"] = frames["customers"].assign(country="FR", points=np.arange(40), size=1.5)
    changed["products"] = frames["products"].assign(weight_g=np.arange(24.0))
    changed["roles"] = frames["roles"] | {"country": "Region", "points": "LoyaltyPoints", "weight_g": "immutable"}
    left_out = panel_of(changed, offer="campaign").left_out
    assert left_out["mystery"] == left_out["size"] == "no role: give its ontology class in roles"
    assert left_out["points"].startswith("its class changes over time and it has no date")
    assert left_out["country"] == "constant in this panel"
    assert left_out["weight_g"] == "describes products, and the offers are of the kind campaign"
    assert "weight_g" in panel_of(changed).covariates


def test_one_channel_is_enough(frames):
    changed = frames | {"solicitations": frames["solicitations"].assign(channel="mail")}
    assert panel_of(changed).channels == ("mail",)


def test_a_channel_without_rows_is_no_level(frames):
    late = frames["solicitations"]["sent_at"].idxmax()
    changed = frames | {"solicitations": frames["solicitations"].copy()}
    changed["solicitations"].loc[late, ["channel", "sent_at"]] = ["fax", pd.Timestamp("2024-07-18", tz="UTC")]
    assert "fax" in Market.from_frames(**changed).vocabulary.channels.ids
    assert panel_of(changed).channels == ("mail", "phone")


def test_a_purchase_at_half_past_eleven_at_night_falls_in_the_local_horizon():
    """The contact's horizon ends 24 hours later, not at midnight UTC, and the day is cut in New York."""
    contacts = pd.DataFrame(
        {
            "solicitation_id": [1, 2],
            "customer_id": [1, 2],
            "sent_at": ["2024-05-02T22:00-04:00", "2024-05-02T10:00-04:00"],
            "channel": "mail",
            "product_id": "p",
        }
    )
    events = pd.DataFrame(
        {
            "event_time": [
                "2024-03-01T12:00Z",
                "2024-05-02T23:30-04:00",
                "2024-05-03T09:59-04:00",
                "2024-07-01T12:00Z",
            ],
            "event_type": "purchase",
            "customer_id": [3, 1, 2, 3],
            "product_id": "p",
        }
    )
    market = Market.from_frames(
        customers=pd.DataFrame({"customer_id": [1, 2, 3, 4, 5]}),
        products=pd.DataFrame({"product_id": ["p"]}),
        solicitations=contacts,
        events=events,
        time_zone="America/New_York",
    )
    panel = build_panel(market, horizon_days=1, controls_per_contact=None, rng=0)
    bought = panel.frame[panel.frame["outcome"] > 0]
    assert sorted(bought["customer"]) == [0, 1]
    assert panel.frame["customer"].tolist() == [0, 1, 2, 3, 4]  # one stratum: in UTC the contacts lie on two days
    assert panel.frame["weight"].tolist() == [1.0] * 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"horizon_days": 0}, "horizon_days is 0; use at least one day"),
        ({"controls_per_contact": 0}, "controls_per_contact is 0; use 1 or more, or None"),
        ({"shift_days": -1}, "shift_days is -1; use zero or more days"),
        ({"minimum_history_days": -5}, "minimum_history_days is -5; use zero or more days"),
        ({"offer": "brand"}, "offer is 'brand'; choose"),
        ({"minimum_history_days": 500}, "no solicitation can be used"),
        ({"horizon_days": 300}, "too late: outcome not fully observed: "),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(frames, settings, words):
    with pytest.raises(DataError, match=words):
        panel_of(frames, **settings)


def test_a_market_without_contacts_is_refused(frames):
    with pytest.raises(DataError, match="no solicitation can be used, so there are no contacted rows"):
        panel_of(frames | {"solicitations": None})


@pytest.mark.parametrize("kinds", [["view"], []], ids=["no purchase", "no event"])
def test_a_market_without_an_outcome_is_refused(frames, kinds):
    events = frames["events"][frames["events"]["event_type"].isin(kinds)]
    sent = frames["solicitations"].copy()
    if not kinds:
        sent.loc[0, "sent_at"] = pd.Timestamp("2024-09-30", tz="UTC")
    with pytest.raises(DataError, match=r"nobody bought a contacted offer within the horizon.*longer horizon_days"):
        panel_of(frames | {"events": events, "solicitations": sent})


def test_an_unknown_class_is_refused_with_the_closest_ones(frames):
    with pytest.raises(OntologyError, match=r"no class 'Welth'.*Wealth"):
        panel_of(frames | {"roles": {"age": "Welth"}})


@pytest.mark.parametrize("name", ["treatment", "weight", "outcome", "visited", "decided_at"])
def test_an_attribute_with_a_name_of_the_panel_is_refused(frames, name):
    changed = frames | {"customers": frames["customers"].rename(columns={"age": name}), "roles": {name: "Age"}}
    with pytest.raises(DataError, match=f"attribute {name} has the name of a column of the panel; rename it"):
        panel_of(changed)


def test_more_covariates_make_a_new_panel(panel):
    more = panel.with_covariates(pd.DataFrame({"appetite": np.arange(len(panel.frame))}), {"appetite": "Appetite"})
    assert more.covariates == (*panel.covariates, "appetite")
    assert more.roles["appetite"] == "Appetite"
    assert "appetite" not in panel.frame
    replaced = more.with_covariates(pd.DataFrame({"appetite": np.ones(len(panel.frame))}), {"appetite": "Appetite"})
    assert replaced.covariates == more.covariates
    assert (replaced.frame["appetite"] == 1).all()


@pytest.mark.parametrize(
    ("rows", "name", "roles", "words"),
    [
        (3, "a", {"a": "Appetite"}, "the new columns have 3 rows, the panel"),
        (None, "a", {}, "give the ontology class of 'a' in roles"),
        (None, "outcome", {"outcome": "Appetite"}, "has the column 'outcome' already"),
        (None, "tickets", {"tickets": "Age"}, "has the column 'tickets' already"),
    ],
)
def test_a_covariate_that_does_not_fit_is_refused(panel, rows, name, roles, words):
    n = len(panel.frame) if rows is None else rows
    with pytest.raises(DataError, match=words):
        panel.with_covariates(pd.DataFrame({name: np.zeros(n)}), roles)


def test_taking_rows_keeps_the_meaning(panel):
    mask = panel.contacted
    by_mask, by_position = panel.take(mask), panel.take(np.flatnonzero(mask))
    pd.testing.assert_frame_equal(by_mask.frame, by_position.frame)
    assert by_mask.contacted.all()
    assert len(by_mask.weights) == len(by_mask.clusters) == mask.sum()
    assert by_mask.covariates == panel.covariates


def test_the_short_form_counts_rows(panel):
    n, contacted, columns = len(panel.frame), int(panel.contacted.sum()), len(panel.covariates)
    text = f"Panel({n:,} rows, {contacted:,} contacted, {columns} covariates, channels mail, phone)"
    assert repr(panel) == text
