from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ontology import Ontology, OntologyError, Rule
from ontology.axioms import Declaration

KINDS = ("mayCause", "cannotCause", "mustCause")
RANK = {"mayCause": 1, "mustCause": 2, "cannotCause": 3}

A, B = Declaration("A", (), {"tier": 0}), Declaration("B", (), {"tier": 1})
LOW_A, LOW_B = Declaration("LowA", ("A",)), Declaration("LowB", ("B",))
FOUR = [A, B, LOW_A, LOW_B]
COLUMNS = {"a": "A", "b": "B", "la": "LowA", "lb": "LowB"}


@st.composite
def ontologies(draw: st.DrawFn) -> tuple[list[Declaration], list[Rule]]:
    """Draw a tree of up to eight classes with tiers, exogenous and sink classes, and rules of every kind."""
    names = [f"C{index}" for index in range(draw(st.integers(1, 8)))]
    declarations = []
    for index, name in enumerate(names):
        parents = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=2)) if index else []
        own = {}
        for statement, values in (("tier", st.integers(0, 4)), ("exogenous", st.booleans()), ("sink", st.booleans())):
            if draw(st.integers(0, 3)) == 0:
                own[statement] = draw(values)
        declarations.append(Declaration(name, tuple(parents), own, where=f"line {index}"))
    end = st.sampled_from(names)
    sure = st.none() | st.sampled_from([0.25, 0.5, 1.0])
    drawn = draw(st.lists(st.tuples(st.sampled_from(KINDS), end, end, sure), max_size=6))
    return declarations, [
        Rule(kind, cause, effect, p, where=f"rule {i}") for i, (kind, cause, effect, p) in enumerate(drawn)
    ]


def build(drawn: tuple[list[Declaration], list[Rule]]) -> Ontology:
    try:
        return Ontology(*drawn)
    except OntologyError:
        assume(False)
        raise


def roles_of(known: Ontology) -> dict[str, str]:
    """Two columns of every class, so that pairs within a class are tried too."""
    return {f"{name}_{copy}": name for name in known.classes for copy in (1, 2)}


def brute_force(known: Ontology, declarations: list[Declaration], rules: list[Rule], cause: str, effect: str) -> str:
    """Say what holds for a pair of classes by looking at every rule."""

    def steps(low: str, high: str) -> int | None:
        if low == high:
            return 0
        ways = [steps(parent, high) for parent in known.classes[low].parents]
        return max((way + 1 for way in ways if way is not None), default=None)

    found: list[tuple[int, str]] = []
    for rule in rules:
        down, across = steps(cause, rule.cause), steps(effect, rule.effect)
        if down is not None and across is not None:
            found.append((down + across, rule.kind))
    for declaration in declarations:
        for flag, end in (("sink", cause), ("exogenous", effect)):
            way = steps(end, declaration.name)
            if declaration.own.get(flag) and way is not None and getattr(known.classes[end], flag):
                found.append((way, "cannotCause"))
    nearest = [kind for way, kind in found if way == min(way for way, _ in found)]
    return max(nearest, key=RANK.__getitem__, default="")


@given(ontologies())
@settings(deadline=None, max_examples=60)
def test_the_nearest_pair_of_classes_decides(drawn: tuple[list[Declaration], list[Rule]]) -> None:
    known = build(drawn)
    roles = roles_of(known)
    said = known.knowledge(roles)
    for cause, cause_class in roles.items():
        for effect, effect_class in roles.items():
            if cause != effect:
                verdict = brute_force(known, *drawn, cause_class, effect_class)
                assert ((cause, effect) in said["forbidden"]) == (verdict == "cannotCause")
                assert ((cause, effect) in said["required"]) == (verdict == "mustCause")


@given(ontologies())
@settings(deadline=None, max_examples=60)
def test_knowledge_never_contradicts_itself(drawn: tuple[list[Declaration], list[Rule]]) -> None:
    known = build(drawn)
    roles = roles_of(known)
    said, tiers = known.knowledge(roles), known.knowledge(roles)["tiers"]
    assert not said["required"] & said["forbidden"]
    assert tiers == {column: known.tier(name) for column, name in roles.items() if known.tier(name) is not None}
    for cause, effect in said["required"]:
        assert cause not in tiers or effect not in tiers or tiers[cause] <= tiers[effect]
        assert (effect, cause) not in said["required"]


@given(ontologies())
@settings(deadline=None, max_examples=60)
def test_every_constraint_has_a_sentence(drawn: tuple[list[Declaration], list[Rule]]) -> None:
    known = build(drawn)
    said = known.knowledge(roles_of(known))
    late = {(a, b) for a, x in said["tiers"].items() for b, y in said["tiers"].items() if x > y}
    decided = said["required"] | said["forbidden"]
    assert set(said["provenance"]) == decided | late | set(said["confidence"])
    assert all(sentence for sentence in said["provenance"].values())
    for pair in decided:
        assert "rule " in said["provenance"][pair] or "line " in said["provenance"][pair]
    assert not set(said["confidence"]) & (late - decided)


@given(ontologies(), st.integers(0, 8), st.integers(0, 4))
@settings(deadline=None, max_examples=60)
def test_adding_a_class_changes_nothing_for_the_others(
    drawn: tuple[list[Declaration], list[Rule]], which: int, tier: int
) -> None:
    known, (declarations, rules) = build(drawn), drawn
    above = tuple(d.name for d in declarations[which : which + 1])
    # The lowest class is at least as late as any other, so that nothing required comes before its cause.
    more = build(([*declarations, Declaration("New", above, {"tier": tier})], rules))
    roles = roles_of(known)
    assert more.knowledge(roles) == known.knowledge(roles)
    assert {name: more.classes[name] for name in known.classes} == dict(known.classes)


@given(ontologies(), st.data())
@settings(deadline=None, max_examples=60)
def test_fewer_columns_leave_the_rest_of_the_knowledge(
    drawn: tuple[list[Declaration], list[Rule]], data: st.DataObject
) -> None:
    known = build(drawn)
    roles = roles_of(known)
    kept = data.draw(st.lists(st.sampled_from(sorted(roles)), unique=True))
    part, whole = known.knowledge({column: roles[column] for column in kept}), known.knowledge(roles)

    def inside(pair: tuple[str, str]) -> bool:
        return pair[0] in kept and pair[1] in kept

    assert part["tiers"] == {column: tier for column, tier in whole["tiers"].items() if column in kept}
    assert part["required"] == {pair for pair in whole["required"] if inside(pair)}
    assert part["forbidden"] == {pair for pair in whole["forbidden"] if inside(pair)}
    assert part["confidence"] == {pair: p for pair, p in whole["confidence"].items() if inside(pair)}


@given(ontologies())
@settings(deadline=None, max_examples=60)
def test_the_order_of_columns_and_of_classes_does_not_matter(drawn: tuple[list[Declaration], list[Rule]]) -> None:
    known, (declarations, rules) = build(drawn), drawn
    roles = roles_of(known)
    turned = Ontology(declarations[::-1], rules).knowledge(dict(reversed(roles.items())))
    assert {part: turned[part] for part in ("tiers", "required", "forbidden", "confidence")} == {  # type: ignore[literal-required]
        part: known.knowledge(roles)[part] for part in ("tiers", "required", "forbidden", "confidence")  # type: ignore[literal-required]
    }  # fmt: skip


def pairs(kind: str, rules: list[Rule], columns: Mapping[str, str] = COLUMNS) -> set[tuple[str, str]]:
    said = Ontology(FOUR, rules).knowledge(columns)
    return said["required"] if kind == "required" else said["forbidden"]


def test_a_rule_reaches_the_subclasses() -> None:
    assert pairs("forbidden", [Rule("cannotCause", "A", "B")]) == {(a, b) for a in ("a", "la") for b in ("b", "lb")}


def test_a_nearer_rule_is_the_exception() -> None:
    rules = [Rule("cannotCause", "A", "B"), Rule("mayCause", "LowA", "B"), Rule("mustCause", "LowA", "LowB")]
    assert pairs("forbidden", rules) == {("a", "b"), ("a", "lb")}
    assert pairs("required", rules) == {("la", "lb")}


def test_must_outweighs_an_equally_near_may() -> None:
    rules = [Rule("mayCause", "A", "B", 0.3), Rule("mustCause", "A", "B", 0.9)]
    for order in (rules, rules[::-1]):
        said = Ontology(FOUR, order).knowledge({"a": "A", "b": "B"})
        assert said["required"] == {("a", "b")}
        assert said["confidence"] == {("a", "b"): 0.9}


def test_an_exogenous_class_has_no_cause_and_a_sink_no_effect() -> None:
    season = Declaration("Season", (), {"exogenous": True}, where="line 7")
    answer = Declaration("Answer", (), {"sink": True}, where="line 8")
    said = Ontology([A, season, answer]).knowledge({"a": "A", "season": "Season", "answer": "Answer"})
    assert said["forbidden"] == {("a", "season"), ("answer", "season"), ("answer", "a")}
    assert said["provenance"]["a", "season"] == "Season is exogenous: nothing recorded causes it (line 7)"
    assert said["provenance"]["answer", "a"] == "Answer is a sink: it causes nothing recorded (line 8)"


def test_a_subclass_may_lift_what_it_inherits() -> None:
    top = Declaration("Top", (), {"exogenous": True})
    low = Declaration("Low", ("Top",), {"exogenous": False})
    said = Ontology([A, top, low]).knowledge({"a": "A", "top": "Top", "low": "Low"})
    assert said["forbidden"] == {("a", "top"), ("low", "top")}


def test_confidence_is_kept_where_it_is_stated() -> None:
    rules = [Rule("cannotCause", "LowA", "B", 0.6), Rule("mayCause", "A", "LowB", 0.2), Rule("mustCause", "A", "B")]
    rules.append(Rule("mayCause", "LowA", "LowB"))
    said = Ontology(FOUR, rules).knowledge({"a": "A", "b": "B", "la": "LowA", "lb": "LowB"})
    assert said["confidence"] == {("la", "b"): 0.6, ("a", "lb"): 0.2}
    assert said["required"] == {("a", "b")}


def test_equally_near_contradictions_are_refused_and_both_printed() -> None:
    rules = [Rule("mustCause", "A", "B", where="x.owl, line 3"), Rule("cannotCause", "A", "B", where="x.owl, line 9")]
    with pytest.raises(OntologyError) as caught:
        Ontology(FOUR, rules)
    assert "contradict each other on A -> B" in str(caught.value)
    assert "A mustCause B (x.owl, line 3)" in str(caught.value)
    assert "A cannotCause B (x.owl, line 9)" in str(caught.value)


def test_a_contradiction_between_inherited_rules_is_found_where_it_bites() -> None:
    crossing = [Rule("mayCause", "LowA", "B", where="line 3"), Rule("cannotCause", "A", "LowB", where="line 9")]
    with pytest.raises(OntologyError, match=r"(?s)on LowA -> LowB:.*line 3.*line 9.*exactly this pair"):
        Ontology(FOUR, crossing)
    settled = [*crossing, Rule("mayCause", "LowA", "LowB")]
    assert ("la", "lb") not in pairs("forbidden", settled)


def test_an_exogenous_class_with_a_required_cause_is_refused() -> None:
    season = Declaration("Season", (), {"exogenous": True}, where="line 7")
    with pytest.raises(OntologyError, match=r"(?s)A mustCause Season \(line 9\).*Season is exogenous.*line 7"):
        Ontology([A, season], [Rule("mustCause", "A", "Season", where="line 9")])


def test_a_required_cause_of_a_later_tier_is_refused_with_the_tiers() -> None:
    with pytest.raises(
        OntologyError, match=r"(?s)B is required to cause A, .*B mustCause A.*B is of tier 1.*A is of tier 0"
    ):
        Ontology(FOUR, [Rule("mustCause", "B", "A")])


def test_required_causes_in_a_circle_are_refused_with_every_axiom() -> None:
    free = [Declaration(name) for name in ("X", "Y", "Z")]
    rules = [
        Rule("mustCause", "X", "Y", where="r1"),
        Rule("mustCause", "Y", "Z", where="r2"),
        Rule("mustCause", "Z", "X", where="r3"),
    ]
    with pytest.raises(OntologyError, match="circle") as caught:
        Ontology(free, rules)
    assert all(where in str(caught.value) for where in ("r1", "r2", "r3"))


def test_a_class_that_requires_itself_is_refused() -> None:
    with pytest.raises(OntologyError, match=r"circle: A -> (LowA -> )*A"):
        Ontology([A], [Rule("mustCause", "A", "A")])


def test_a_subclass_closes_a_circle() -> None:
    rules = [Rule("mustCause", "X", "Y"), Rule("mustCause", "Y", "Low")]
    with pytest.raises(OntologyError, match="circle"):
        Ontology([Declaration("X"), Declaration("Y"), Declaration("Low", ("X",))], rules)


def test_a_rule_said_twice_is_said_once() -> None:
    twice = [Rule("cannotCause", "A", "B", 0.9, where="r1"), Rule("cannotCause", "A", "B", where="r2")]
    said = Ontology(FOUR, twice).knowledge({"a": "A", "b": "B"})
    assert "r1" in said["provenance"]["a", "b"]
    assert said["confidence"] == {("a", "b"): 0.9}
