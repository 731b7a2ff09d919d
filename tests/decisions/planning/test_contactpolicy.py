import copy
import json
import pickle

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
