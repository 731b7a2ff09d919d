"""Cards of prescriptions, from objects and from records that lack fields."""

from __future__ import annotations

import pandas as pd

from graphrec.report import Findings
from graphrec.report.advice import MOST_CARDS, build_advice
from graphrec.report.contents import as_records
from graphrec.report.customer import build_customer


def test_prescriptions_become_cards_with_their_move(findings: Findings) -> None:
    cards = build_advice(findings)["cards"]
    assert len(cards) == len(list(findings.prescriptions))
    acting = [card for card in cards if card["acts"]]
    assert acting
    for card in acting:
        assert card["sentence"] and card["moves"][0]["lever"] == "contact"
        assert card["moves"][0]["before"] == "none"
        assert card["blocked"] and all(why.endswith(".") for _, why in card["blocked"])


def test_a_record_with_nothing_but_a_customer_is_a_card() -> None:
    (card,) = build_advice(Findings(prescriptions=[{"customer_id": 7}]))["cards"]
    assert card["customer"] == "7"
    assert not card["acts"] and card["chart"] is None and card["alternatives"] == []


def test_two_levers_and_no_interval_are_told() -> None:
    record = {
        "customer_id": "a",
        "lever": "price + discount",
        "moves": [{"lever": "price", "from": 9.5, "to": 9}, {"lever": "discount", "from": 0.0, "to": 0.15}],
        "effect": 0.03,
        "low": None,
        "high": None,
    }
    (card,) = build_advice(Findings(prescriptions=[record]))["cards"]
    assert [(m["before"], m["after"]) for m in card["moves"]] == [("9.5", "9"), ("0", "0.15")]
    assert not card["bounded"] and card["chart"].rows[0].left is None


def test_cards_share_one_scale() -> None:
    records = [{"lever": "a", "effect": e, "low": e - 0.1, "high": e + 0.1} for e in (0.1, 0.5)]
    first, second = (card["chart"] for card in build_advice(Findings(prescriptions=records))["cards"])
    assert first.ticks == second.ticks
    assert first.rows[0].centre < second.rows[0].centre


def test_only_so_many_cards_are_shown_and_the_rest_is_counted() -> None:
    shown = build_advice(Findings(prescriptions=[{"customer_id": i} for i in range(MOST_CARDS + 5)]))
    assert len(shown["cards"]) == MOST_CARDS and shown["left"] == 5


def test_records_come_from_frames_and_objects() -> None:
    frame = pd.DataFrame({"customer_id": [1, 2]})
    assert as_records(frame) == [{"customer_id": 1}, {"customer_id": 2}]


def test_a_prediction_without_an_effect_is_no_reason() -> None:
    told = {"contributions": {"past_spend": 1.0, "age": 0.1}, "effect": 0.01, "low": -0.02, "high": 0.04}
    view = build_customer(Findings(explanation=told))
    assert "a prediction alone is no reason to contact" in view["disagreement"]
    assert "past spend" in view["disagreement"]


def test_the_waterfall_ends_at_the_prediction(findings: Findings) -> None:
    told = findings.explanation
    assert told is not None
    view = build_customer(findings)
    last = view["waterfall"].rows[-1]
    assert last.label == "this customer"
    assert float(last.text.replace("−", "-")) == round(told["prediction"], 2)
    assert "%" in view["prediction"]


def test_causes_stand_beside_the_model_or_say_why_not() -> None:
    apart = {"feature": "past_spend", "model_share": 0.5, "cause_share": 0.1, "reason": "past_spend acts through age"}
    told = {
        "contributions": {"past_spend": 1.0, "age": 0.1}, "scale": "log-odds", "causes": {"age": 0.5},
        "causes_base": -0.5, "apart": [apart],
    }  # fmt: skip
    view = build_customer(Findings(explanation=told))
    assert view["causes"]["chance"] == "50.0 %"
    assert view["apart"] == [
        {"column": "past spend", "model": "50.0 %", "cause": "10.0 %", "reason": "Past spend acts through age."}
    ]
    refused = build_customer(Findings(explanation={"contributions": {"age": 1.0}, "refusal": "a <-> b is hidden"}))
    assert refused["causes"] == {"waterfall": None, "refusal": "A <-> b is hidden."}
    assert build_customer(Findings(explanation={"contributions": {"age": 1.0}}))["causes"] is None
