import copy
import json
import pickle
import tomllib
from pathlib import Path

import pytest

from graphrec.decisions.planning.contactpolicy import ContactPolicy, Infeasible, PolicyError

FULL = {
    "max_contacts_per_customer": 2,
    "channel_capacity": {"email": 100, "call": 5},
    "budget": 250.0,
    "require_consent": True,
    "consent_purpose": "marketing",
    "minimum_net_value": 0.5,
    "holdout": 0.05,
    "exploration": 0.02,
    "exclude_grades": ["X", "C"],
}


def test_defaults_allow_one_contact_each_and_nothing_else():
    assert ContactPolicy().to_dict() == {
        "max_contacts_per_customer": 1,
        "channel_capacity": None,
        "budget": None,
        "require_consent": False,
        "consent_purpose": None,
        "minimum_net_value": 0.0,
        "holdout": 0.0,
        "exploration": 0.0,
        "exclude_grades": ["X"],
    }


def test_a_policy_survives_json_copies_and_hashing():
    policy = ContactPolicy.from_dict(FULL)
    again = ContactPolicy.from_dict(json.loads(json.dumps(policy.to_dict())))
    assert again == policy and hash(again) == hash(policy)
    assert copy.deepcopy(policy) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_a_policy_cannot_be_changed_from_outside():
    capacity = {"email": 1}
    policy = ContactPolicy(channel_capacity=capacity)
    capacity["email"] = 99
    assert policy.channel_capacity == {"email": 1}
    with pytest.raises(TypeError):
        policy.channel_capacity["email"] = 5  # type: ignore[index]


def test_rules_are_read_from_toml_and_json(tmp_path):
    lines = [f"{k} = {json.dumps(v)}" for k, v in FULL.items() if k != "channel_capacity"]
    toml = tmp_path / "rules.toml"
    toml.write_text("\n".join([*lines, "[channel_capacity]", "email = 100", "call = 5"]), encoding="utf-8")
    plain = tmp_path / "rules.json"
    plain.write_text(json.dumps(FULL), encoding="utf-8")
    assert ContactPolicy.from_file(toml) == ContactPolicy.from_file(plain) == ContactPolicy.from_dict(FULL)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rules.toml", "budget = ", "rules.toml cannot be read"),
        ("rules.json", "{", "rules.json cannot be read"),
        ("rules.json", "[1]", "must be a table"),
        ("rules.json", '{"budget": -3}', "rules.json: budget is -3"),
        ("rules.yaml", "budget: 3", "neither a .toml nor a .json"),
    ],
)
def test_a_bad_file_is_named(tmp_path, name, text, words):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=words):
        ContactPolicy.from_file(tmp_path / name)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("max_contacts_per_customer", -1, "max_contacts_per_customer is -1"),
        ("max_contacts_per_customer", 1.5, "max_contacts_per_customer is 1.5"),
        ("max_contacts_per_customer", True, "max_contacts_per_customer is True"),
        ("channel_capacity", {"email": -5}, r"channel_capacity\['email'\] is -5"),
        ("channel_capacity", {"email": float("nan")}, r"channel_capacity\['email'\] is nan"),
        ("channel_capacity", {3: 5}, "names the channel 3"),
        ("channel_capacity", [5], "must map each channel"),
        ("budget", float("nan"), "budget is nan"),
        ("budget", float("inf"), "budget is inf"),
        ("budget", "100", "budget is '100'"),
        ("require_consent", 1, "require_consent is 1"),
        ("consent_purpose", 3, "consent_purpose is 3"),
        ("minimum_net_value", -0.1, "minimum_net_value is -0.1"),
        ("holdout", 1.0, "holdout is 1.0"),
        ("holdout", float("nan"), "holdout is nan"),
        ("exploration", 1.1, "exploration is 1.1"),
        ("exclude_grades", "X", "exclude_grades is 'X'"),
        ("exclude_grades", [1], "exclude_grades holds 1"),
        ("exclude_grades", ["Z"], "the grades are A, B, C, X"),
        ("budgets", 1, "unknown rule 'budgets'"),
    ],
)
def test_a_bad_value_is_named_with_its_field(field, value, words):
    with pytest.raises(PolicyError, match=words):
        ContactPolicy.from_dict({field: value})


@pytest.mark.parametrize(
    ("rules", "constraints"),
    [
        ({"holdout": 0.7, "exploration": 0.4}, ("holdout", "exploration")),
        ({"exploration": 0.1, "max_contacts_per_customer": 0}, ("exploration", "max_contacts_per_customer")),
        ({"consent_purpose": "marketing"}, ("consent_purpose", "require_consent")),
    ],
)
def test_rules_in_conflict_are_named(rules, constraints):
    with pytest.raises(Infeasible) as conflict:
        ContactPolicy.from_dict(rules)
    assert conflict.value.constraints == constraints
    assert all(name in str(conflict.value) for name in constraints)


def test_a_capacity_for_a_channel_that_nobody_has_is_refused():
    policy = ContactPolicy(channel_capacity={"email": 3, "fax": 1})
    with pytest.raises(PolicyError, match="'fax'; the channels here are call, email"):
        policy.check_channels(["email", "call", "email"])
    policy.check_channels(["fax", "email", "call"])
    ContactPolicy().check_channels([])


WHOLE = {
    **FULL,
    "slot_capacity": {"call": {"morning": 3, "evening": 2}},
    "stock": {"p1": 5, "p 2": 0},
    "minimum_exposure": {"p1": 2},
    "windows": [{"days": 7, "max_contacts": 1}, {"days": 28, "max_contacts": 3},
                {"days": 7, "max_contacts": 1, "channel": "call"}],
    "exclusive": [{"offers": ["p1", "p2"], "at_most": 2}, {"channels": ["call"]}],
    "quiet": [{"start": "21:00", "end": "08:00"}, {"first": "2026-12-24", "last": "2026-12-26", "weekdays": ["fri"]}],
    "slots": {"morning": "mon-fri 08:00-12:00", "evening": "18:00-20:00"},
    "suppression": [{"after": "complaint", "days": 90, "words": ["assez d'appels"]}],
    "eligibility": [{"column": "age", "at_least": 18.0, "channels": ["call"]}],
    "segments": "region",
    "segment_pressure": {"north": 0.5},
    "parity": 0.2,
    "do_not_contact": ["c1", "7"],
    "caution": 0.5,
    "missing_consent": "refuse",
}  # fmt: skip


def test_every_rule_survives_python_json_and_toml(tmp_path):
    policy = ContactPolicy.from_dict(WHOLE)
    (tmp_path / "rules.toml").write_text(policy.to_toml(), encoding="utf-8")
    (tmp_path / "rules.json").write_text(json.dumps(policy.to_dict()), encoding="utf-8")
    for again in (ContactPolicy.from_file(tmp_path / name) for name in ("rules.toml", "rules.json")):
        assert again == policy and hash(again) == hash(policy)
    assert pickle.loads(pickle.dumps(policy)) == copy.deepcopy(policy) == policy
    free = ContactPolicy(max_contacts_per_customer=None)
    (tmp_path / "rules.toml").write_text(free.to_toml(), encoding="utf-8")
    assert ContactPolicy.from_file(tmp_path / "rules.toml") == free


def test_the_policy_of_the_documentation_is_one():
    text = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")
    policy = ContactPolicy.from_dict(tomllib.loads(text.split("```toml\n")[1].split("```")[0]))
    assert set(policy.to_dict()) >= {"windows", "quiet", "suppression", "eligibility", "stock", "slots"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"slot_capacity": {"call": {"noon": -1}}}, r"slot_capacity\['call'\]\['noon'\] is -1"),
        ({"slot_capacity": {"call": 3}}, r"slot_capacity\['call'\] is 3"),
        ({"stock": {"p1": 1.5}}, r"stock\['p1'\] is 1.5"),
        ({"stock": "shop"}, "stock is 'shop'; write a number for each product, or 'market'"),
        ({"minimum_exposure": {"p1": -2}}, r"minimum_exposure\['p1'\] is -2"),
        ({"windows": [{"days": 0, "max_contacts": 1}]}, r"windows\[0\].days is 0"),
        ({"windows": [{"days": 7}]}, r"windows\[0\] is incomplete: .*max_contacts"),
        ({"windows": {"days": 7}}, "windows is .*; it must be a list of tables"),
        ({"windows": [{"days": 7, "max_contacts": 1, "chanel": "x"}]}, r"windows\[0\] has the unknown field 'chanel'"),
        ({"exclusive": [{}]}, r"exclusive\[0\].offers and channels are both empty"),
        ({"quiet": [{"start": "25:00", "end": "08:00"}]}, r"quiet\[0\].start is '25:00'"),
        ({"quiet": [{"start": "21:00"}]}, "give both or neither"),
        ({"quiet": [{"first": "2026-12-26", "last": "2026-12-24"}]}, "last is '2026-12-24', before first"),
        ({"quiet": [{"weekdays": ["sunday"]}]}, "holds 'sunday'; the weekdays are mon, tue"),
        ({"slots": {"noon": "twelve"}}, r"slots\['noon'\] is 'twelve'; write a time as"),
        ({"slots": {"a": "mon-fri 08:00-12:00", "b": "wed 11:00-13:00"}}, "slots 'a' .* and 'b' .* overlap"),
        ({"suppression": [{"after": "lunch", "days": 3}]}, r"suppression\[0\].after is 'lunch'"),
        ({"suppression": [{"after": "complaint", "days": 3}]}, "words is empty"),
        ({"suppression": [{"after": "dissatisfaction", "days": 3}]}, "score_at_most is None"),
        ({"eligibility": [{"column": "age"}]}, "say what is allowed"),
        ({"eligibility": [{"column": "age", "at_least": "18"}]}, r"eligibility\[0\].at_least is '18'"),
        ({"segment_pressure": {"north": -0.5}}, r"segment_pressure\['north'\] is -0.5"),
        ({"parity": -1}, "parity is -1"),
        ({"do_not_contact": "c1"}, "do_not_contact is 'c1'; it must be a list of names"),
        ({"caution": 2}, "caution is 2; it must be a number of at least 0 and at most 1"),
        ({"missing_consent": "guess"}, "missing_consent is 'guess'"),
    ],
)
def test_impossible_rules_are_named_with_place_and_value(rules, words):
    with pytest.raises(PolicyError, match=words):
        ContactPolicy.from_dict(rules)


@pytest.mark.parametrize(
    ("rules", "constraints"),
    [
        ({"minimum_exposure": {"p1": 5}, "stock": {"p1": 4}}, ("minimum_exposure[p1]", "stock[p1]")),
        (
            {"minimum_exposure": {"p1": 5}, "max_contacts_per_customer": 0},
            ("minimum_exposure[p1]", "max_contacts_per_customer"),
        ),
        ({"windows": [{"days": 7, "max_contacts": 1}, {"days": 7, "max_contacts": 2}]}, ("windows[7 days]",)),
        (
            {"windows": [{"days": 7, "max_contacts": 3}, {"days": 28, "max_contacts": 2}]},
            ("windows[7 days]", "windows[28 days]"),
        ),
        ({"eligibility": [{"column": "age", "at_least": 60, "at_most": 30}]}, ("at_least", "at_most")),
        ({"eligibility": [{"column": "age", "one_of": ["a"], "none_of": ["a"]}]}, ("one_of", "none_of")),
        ({"missing_consent": "refuse"}, ("missing_consent", "require_consent")),
    ],
)
def test_contradictions_are_found_before_any_customer_is_seen(rules, constraints):
    with pytest.raises(Infeasible) as conflict:
        ContactPolicy.from_dict(rules)
    assert conflict.value.constraints == constraints
