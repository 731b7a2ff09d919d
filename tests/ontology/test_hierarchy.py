from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology import OntologyError
from ontology.axioms import Declaration
from ontology.hierarchy import measure_distances, resolve_classes


def tree(**parents: tuple[str, ...]) -> dict[str, Declaration]:
    return {name: Declaration(name, above) for name, above in parents.items()}


def longest_chain(declarations: Mapping[str, Declaration], low: str, high: str) -> int | None:
    """Brute force: walk every way up."""
    if low == high:
        return 0
    ways = [longest_chain(declarations, parent, high) for parent in declarations[low].parents]
    return max((steps + 1 for steps in ways if steps is not None), default=None)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Declaration]:
    names = [f"C{index}" for index in range(draw(st.integers(1, 7)))]
    grown = {}
    for index, name in enumerate(names):
        parents = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        grown[name] = Declaration(name, tuple(parents))
    return grown


@given(trees())
def test_distances_are_the_longest_chains(declarations: dict[str, Declaration]) -> None:
    distances = measure_distances(declarations)
    for low in declarations:
        expected = {high: longest_chain(declarations, low, high) for high in declarations}
        assert distances[low] == {high: steps for high, steps in expected.items() if steps is not None}
        assert list(distances[low].values()) == sorted(distances[low].values())


@given(trees())
def test_the_order_of_the_declarations_does_not_matter(declarations: dict[str, Declaration]) -> None:
    backwards = dict(reversed(declarations.items()))
    assert measure_distances(backwards) == measure_distances(declarations)


@given(trees(), st.integers(0, 6))
def test_a_value_reaches_exactly_the_classes_below(declarations: dict[str, Declaration], which: int) -> None:
    holder = list(declarations)[which % len(declarations)]
    told = {**declarations, holder: Declaration(holder, declarations[holder].parents, {"tier": 3})}
    distances = measure_distances(told)
    for name, known in resolve_classes(told, distances).items():
        assert known.tier == (3 if holder in distances[name] else None)


def test_the_nearest_value_wins_over_a_redundant_shortcut() -> None:
    declarations = tree(Top=(), Middle=("Top",), Low=("Top", "Middle"))
    declarations["Top"] = Declaration("Top", (), {"tier": 0})
    declarations["Middle"] = Declaration("Middle", ("Top",), {"tier": 1})
    assert resolve_classes(declarations, measure_distances(declarations))["Low"].tier == 1


def test_two_equally_near_values_are_refused_and_both_printed() -> None:
    declarations = tree(Low=("Left", "Right"))
    declarations["Left"] = Declaration("Left", (), {"tier": 0}, {"tier": "x.owl, line 3"})
    declarations["Right"] = Declaration("Right", (), {"tier": 1}, {"tier": "x.owl, line 9"})
    with pytest.raises(OntologyError, match=r"0 from Left \(x.owl, line 3\) and 1 from Right \(x.owl, line 9\)"):
        resolve_classes(declarations, measure_distances(declarations))


def test_two_equally_near_values_that_agree_are_fine() -> None:
    declarations = tree(Low=("Left", "Right"))
    declarations["Left"] = Declaration("Left", (), {"tier": 1})
    declarations["Right"] = Declaration("Right", (), {"tier": 1})
    assert resolve_classes(declarations, measure_distances(declarations))["Low"].tier == 1


def test_a_class_of_two_groups_is_refused_at_any_distance() -> None:
    declarations = tree(Near=(), Low=("Near", "Middle"), Middle=("Far",))
    declarations["Near"] = Declaration("Near", (), {"group": "trait"})
    declarations["Far"] = Declaration("Far", (), {"group": "outcome"})
    with pytest.raises(OntologyError, match=r"Low is of two groups: trait by Near .* outcome by Far"):
        resolve_classes(declarations, measure_distances(declarations))


def test_a_label_is_not_inherited() -> None:
    declarations = {"Top": Declaration("Top", (), {"label": "The top"}), "Low": Declaration("Low", ("Top",))}
    known = resolve_classes(declarations, measure_distances(declarations))
    assert (known["Top"].label_fr, known["Low"].label, known["Low"].label_fr) == ("The top", "Low", "Low")


def test_a_circle_of_classes_is_refused_with_its_members() -> None:
    with pytest.raises(OntologyError, match=r"below one another: .*A.*B"):
        measure_distances(tree(A=("B",), B=("A",)))
    with pytest.raises(OntologyError, match="below one another: A"):
        measure_distances(tree(A=("A",)))
