"""Slots, unsubscriptions and interference of simulated markets: what is said to be true is what the tables show."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from graphrec.market.simulation import Simulation, simulate_market

SLOTS = ("weekday_morning", "weekday_evening")
KEYS = ["customer_id", "product_id", "channel", "slot"]


@cache
def simulated(**options: float) -> Simulation:
    return simulate_market(600, 40, 8, rng=103, contact_share=0.02, slots=SLOTS, **options)  # type: ignore[arg-type]


def bought(simulation: Simulation) -> pd.DataFrame:
    """Each contact with whether its product was bought within the period."""
    sent = simulation.market.solicitations
    purchases = simulation.market.events.query("event_type == 'purchase'")
    pairs = sent.merge(purchases[["customer_id", "product_id", "event_time"]], on=["customer_id", "product_id"])
    inside = pairs["event_time"].between(pairs["sent_at"], pairs["sent_at"] + pd.Timedelta(days=28))
    return sent.assign(bought=sent["solicitation_id"].isin(pairs.loc[inside, "solicitation_id"]).astype(float))


def test_slots_are_recorded_and_off_by_default() -> None:
    market = simulated().market
    assert set(market.solicitations["slot"]) == set(SLOTS)
    plain = simulate_market(60, 10, 4, rng=101)
    assert plain.market.solicitations["slot"].isna().all() and plain.truth.slots == ()
    assert list(plain.truth.potential_outcomes().columns[2:4]) == ["channel", "p_organic"]


def test_outcomes_match_the_probability_of_their_channel_and_slot() -> None:
    simulation = simulated()
    contacts = bought(simulation)
    for (channel, slot), group in contacts.groupby(["channel", "slot"]):
        rows = simulation.truth.outcomes_of_rows(group["customer_id"], group["product_id"], group["sent_at"])
        told = rows[f"p_contact[{channel}, {slot}]"].to_numpy()
        assert abs(group["bought"].sum() - told.sum()) < 4 * np.sqrt(np.sum(told * (1 - told))), (channel, slot)


def test_propensities_add_up_and_slots_are_confounded_with_wealth() -> None:
    simulation = simulated()
    told = simulation.truth.propensity(at=simulation.truth.decision_times[4])
    sent = simulation.market.solicitations.query("sent_at == @simulation.truth.decision_times[4]")
    expected = told.groupby(["channel", "slot"])["propensity"].sum()
    found = sent.groupby(["channel", "slot"]).size()
    assert (abs(found - expected) < 4 * np.sqrt(expected)).all()
    wealth = simulation.market.solicitations.merge(simulation.market.customers, on="customer_id").groupby("slot")
    assert wealth["wealth"].median()["weekday_evening"] > 1.3 * wealth["wealth"].median()["weekday_morning"]


def test_slots_change_nothing_without_their_effect() -> None:
    told = simulated(slot_effect=0.0).truth.potential_outcomes()
    assert told.groupby(KEYS[:3])["uplift"].nunique().max() == 1
    assert simulated().truth.potential_outcomes().groupby(KEYS[:3])["uplift"].nunique().min() == 2


def test_people_who_are_up_late_visit_late() -> None:
    market = simulated().market
    own = market.events[(market.events["event_type"] == "visit") & market.events["solicitation_id"].isna()]
    hours = own["event_time"].dt.hour.groupby(own["customer_id"]).agg(["mean", "size"])
    told = simulated().truth.potential_outcomes(products=["P001"]).query("channel == 'email'")
    gap = told.pivot(index="customer_id", columns="slot", values="uplift")
    late = (gap["weekday_evening"] - gap["weekday_morning"]).reindex(hours.index[hours["size"] > 10])
    assert late.corr(hours["mean"], method="spearman") > 0.5


@pytest.mark.parametrize("annoyance", [0.0, 1.0])
def test_unsubscriptions_match_their_probability(annoyance: float) -> None:
    simulation = simulated(annoyance=annoyance)
    sent, left = simulation.market.solicitations, simulation.market.events.query("event_type == 'unsubscribe'")
    for when, group in sent.groupby("sent_at"):
        told = simulation.truth.unsubscriptions(at=when).merge(group[KEYS], on=KEYS)["p_unsubscribe"]
        found = left["solicitation_id"].isin(group["solicitation_id"]).sum()
        assert abs(found - told.sum()) < 4 * np.sqrt(told.sum()) + 1
    assert annoyance == 0 or len(left) > 30


def test_a_call_persuades_the_old_and_drives_them_away() -> None:
    truth = simulated(annoyance=1.0).truth
    both = truth.potential_outcomes().assign(p=truth.unsubscriptions()["p_unsubscribe"]).query("channel == 'call'")
    assert both.groupby("customer_id")[["uplift", "p"]].mean().corr(method="spearman").iloc[0, 1] > 0.2


def test_one_contact_alone_is_what_the_truth_says_and_many_add_up_without_interference() -> None:
    truth = simulated().truth
    some = truth.potential_outcomes().sample(50, random_state=1).drop_duplicates(KEYS[:2])
    joint = truth.joint_outcomes(some[KEYS])
    touched = joint.merge(some, on=KEYS[:2], suffixes=("_joint", ""))
    np.testing.assert_allclose(touched["uplift_joint"], touched["uplift"], atol=1e-12)
    assert joint["uplift"].sum() == pytest.approx(some["uplift"].sum())


def test_neighbours_gain_and_crowds_dilute() -> None:
    near, crowded = simulated(spillover=1.0).truth, simulated(crowding=1.0).truth
    one = pd.DataFrame({"customer_id": ["C001"], "product_id": ["P001"], "channel": ["email"], "slot": SLOTS[:1]})
    found = near.joint_outcomes(one).set_index("customer_id")["uplift"]
    assert list(found.index) == ["C001", "C002"] and found["C002"] > 0
    many = pd.concat([one.assign(product_id=f"P{i:03d}") for i in range(1, 6)])
    alone = crowded.potential_outcomes(["C001"], many["product_id"]).query("channel == 'email' and slot == @SLOTS[0]")
    joint = crowded.joint_outcomes(many).query("customer_id == 'C001'")
    assert 0 < joint["uplift"].sum() < 0.7 * alone["uplift"].sum()


def test_interference_is_in_the_records() -> None:
    quiet, loud = (simulated(spillover=value).market.events.query("event_type == 'purchase'") for value in (0.0, 2.0))
    assert len(loud) > 1.02 * len(quiet)


@pytest.mark.parametrize("slots", [["weekday_morning"], ["dawn", "dusk"], ["weekday_morning"] * 2])
def test_bad_slots_are_refused_with_the_remedy(slots: list[str]) -> None:
    with pytest.raises(ValueError, match="choose two or more of weekday_morning"):
        simulate_market(10, 5, 4, rng=0, slots=slots)
