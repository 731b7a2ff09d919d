from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology import ROLE_IMMUTABLE, Lever, Ontology, load_ontology
from ontology.axioms import Declaration
from ontology.levers import list_exclusions

KNOWN = load_ontology()


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.sampled_from([*KNOWN.classes, ROLE_IMMUTABLE])))
def test_every_column_is_either_a_lever_or_blocked_with_a_reason(roles: dict[str, str]) -> None:
    levers, blocked = KNOWN.levers(roles), KNOWN.blocked(roles)
    assert [column for column in roles if column not in blocked] == [lever.column for lever in levers]
    assert set(blocked) <= set(roles)
    assert all(reason.startswith(column) for column, reason in blocked.items())
    for lever in levers:
        known = KNOWN.classes[lever.class_name]
        assert roles[lever.column] == lever.class_name
        assert known.actionable and known.mutable and known.group in ("context", "treatment")


def test_a_lever_carries_range_step_cost_direction_and_exclusion() -> None:
    own = {
        "mutable": True, "actionable": True, "direction": -1, "minimum": 1.0, "maximum": 9.0, "step": 0.5, "cost": 2.0,
        "unit": "euros", "exclusive": "price", "controller": "the shop", "delay": 3.0,
        "channel": "post", "consent": True,
    }  # fmt: skip
    (lever,) = Ontology([Declaration("Toll", (), own)]).levers({"toll": "Toll"})
    reason = "toll (Toll) is in the hands of the shop, may only be lowered, between 1 and 9 euros, in steps of 0.5"
    reason += ", at 2 a step, by post, seen after 3 days, only with the customer's consent"
    assert lever == Lever("toll", "Toll", -1, 2.0, 1.0, 9.0, 0.5, "price", "euros", 3.0, "post", True, reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Age", "immutable trait"),
        ("PastPurchase", "already happened"),
        ("Season", "nobody in the company controls"),
        ("Open", "only through the contact"),
        ("Purchase", "the outcome itself"),
        ("Satisfaction", "consequence of the outcome"),
        ("Variable", "nobody has declared actionable"),
        (ROLE_IMMUTABLE, "declared immutable"),
    ],
)
def test_a_blocked_column_says_why(name: str, reason: str) -> None:
    assert reason in KNOWN.blocked({"x": name})["x"]


def test_open_ended_ranges_read_well() -> None:
    def reason(**own: object) -> str:
        (lever,) = Ontology([Declaration("X", (), {"mutable": True, "actionable": True, **own})]).levers({"x": "X"})
        return lever.reason

    assert reason() == "x (X) is in the hands of the company"
    assert reason(minimum=0.0, cost=0.0).endswith("not below 0, at no cost")
    assert reason(maximum=3.0, direction=0).endswith("may be moved either way, not above 3")


def test_a_contact_by_a_channel_needs_consent_and_excludes_the_others() -> None:
    levers = KNOWN.levers({"mail": "EmailContact", "call": "PhoneCall", "rebate": "Discount", "price": "Price"})
    assert [(lever.channel, lever.consent) for lever in levers[:2]] == [("e-mail", True), ("telephone", True)]
    assert levers[1].cost == 4 and levers[0].delay == 1
    assert list_exclusions(levers) == [("mail", "call", "contact"), ("rebate", "price", "price")]
