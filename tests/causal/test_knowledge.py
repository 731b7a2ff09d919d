from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import CausalGraph, Knowledge, KnowledgeError

names = st.sampled_from("abcd")
pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
SAID = {("contact", "age"): "marketing.owl#ageIsGiven"}


@pytest.mark.parametrize(
    "rules",
    [
        {"required": {("contact", "age")}, "forbidden": {("contact", "age")}},
        {"required": {("contact", "age")}, "tiers": {"age": 0, "contact": 2}},
        {"required": {("contact", "age"), ("age", "contact")}},
    ],
    ids=["forbidden", "tiers", "cycle"],
)
def test_contradictions_name_the_pair_and_who_said_so(rules):
    with pytest.raises(KnowledgeError, match="'contact' -> 'age'") as error:
        Knowledge(**rules, provenance=SAID)
    assert "marketing.owl#ageIsGiven" in str(error.value)
    assert "drop" in str(error.value)


def test_a_longer_cycle_is_spelled_out():
    with pytest.raises(KnowledgeError, match=r"'a' -> 'b', 'b' -> 'c', 'c' -> 'a'"):
        Knowledge(required={("a", "b"), ("b", "c"), ("c", "a")})


def test_required_edges_may_not_lead_to_an_earlier_tier_through_columns_without_one():
    required = {("visit", "x"), ("x", "age")}
    with pytest.raises(KnowledgeError, match=r"'visit' -> 'x', 'x' -> 'age' lead from 'visit' \(tier 2\) to 'age'"):
        Knowledge(tiers={"age": 0, "visit": 2}, required=required)
    assert Knowledge(tiers={"age": 2, "visit": 0}, required=required).required == required


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"tiers": {"a": float("nan")}}, "whole numbers"),
        ({"tiers": {"a": "0"}}, "whole numbers"),
        ({"confidence": {("a", "b"): 1.5}}, "between 0 and 1"),
        ({"tiers": {"a": 0.5}}, "whole numbers"),
        ({"required": {"ab"}}, "pairs"),
        ({"forbidden": {("a", "a")}}, "different names"),
    ],
)
def test_values_are_checked(rules, message):
    with pytest.raises(KnowledgeError, match=message):
        Knowledge(**rules)


@given(st.dictionaries(names, st.integers(0, 3)), st.sets(pairs))
def test_forbids_is_the_union_of_tiers_and_names(tiers, forbidden):
    known = Knowledge(tiers=tiers, forbidden=forbidden)
    for a in "abcd":
        for b in "abcd":
            later = a in tiers and b in tiers and tiers[a] > tiers[b]
            assert known.forbids(a, b) == (later or (a, b) in forbidden)
            assert bool(known.reason(a, b)) == known.forbids(a, b)


@given(st.dictionaries(names, st.integers(0, 3)), st.sets(pairs), st.sets(names))
def test_restricting_keeps_the_answers_inside(tiers, forbidden, kept):
    known = Knowledge(tiers=tiers, forbidden=forbidden)
    part = known.restrict(kept)
    assert set(part.names) <= kept
    assert all(part.forbids(a, b) == known.forbids(a, b) for a in kept for b in kept)


def test_unknown_names_are_refused_with_the_nearest_one():
    known = Knowledge(tiers={"welth": 0})
    with pytest.raises(KnowledgeError, match=r"'welth' \(did you mean 'wealth'\?\)"):
        known.check_names(["wealth", "age"])
    known.restrict(["wealth"]).check_names(["wealth"])


def test_violations_are_sentences():
    known = Knowledge(tiers={"a": 0, "b": 1}, required={("a", "c")})
    assert known.violations(CausalGraph("abc", [("a", "b"), ("a", "c")])) == []
    assert len(known.violations(CausalGraph("abc", [("b", "a")]))) == 2
    assert "left open" in known.violations(CausalGraph("abc", [("a", "c")], [("a", "b")]))[0]


def test_knowledge_takes_any_mapping_is_hashable_and_copies():
    tiers = {"a": 0}
    known = Knowledge(tiers=tiers, forbidden=[("a", "b")])
    tiers["a"] = 5
    assert known.tiers["a"] == 0
    assert copy.deepcopy(known) == known
    assert hash(known) == hash(copy.deepcopy(known))
