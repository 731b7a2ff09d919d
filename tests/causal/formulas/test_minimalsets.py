from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph
from causal.formulas.backdoor import is_valid_adjustment
from causal.formulas.minimalsets import minimal_adjustment_sets

NAMES = tuple("abcdef")
PAIRS = list(combinations(NAMES, 2))


@st.composite
def cases(draw):
    names = draw(st.permutations(NAMES))
    edges = [pair for pair in combinations(names, 2) if draw(st.booleans())]
    graph = CausalGraph(NAMES, edges, bidirected_edges=draw(st.sets(st.sampled_from(PAIRS), max_size=2)))
    treatment, outcome = draw(st.permutations(NAMES))[:2]
    return graph, treatment, outcome, draw(st.sets(st.sampled_from(NAMES), max_size=2)) - {treatment, outcome}


@settings(max_examples=150)
@given(cases())
def test_exactly_the_minimal_valid_sets_are_listed(case):
    graph, treatment, outcome, latent = case
    rest = [name for name in NAMES if name not in (treatment, outcome)]
    every = [frozenset(s) for k in range(len(rest) + 1) for s in combinations(rest, k)]
    valid = [s for s in every if is_valid_adjustment(graph, treatment, outcome, s, latent)]
    least = {tuple(sorted(s)) for s in valid if not any(other < s for other in valid)}
    found = minimal_adjustment_sets(graph, treatment, outcome, latent)
    assert found.complete
    assert len(found) == len(set(found))
    assert set(found) == least
    assert list(found) == sorted(found, key=lambda names: (len(names), names))


def ladder(rungs):
    """Treatment and outcome joined by parallel chains of three: 3 ** rungs minimal sets."""
    edges = [("x", "y")]
    for i in range(rungs):
        edges += [(f"a{i}", "x"), (f"b{i}", f"a{i}"), (f"b{i}", f"c{i}"), (f"c{i}", "y")]
    return CausalGraph(dict.fromkeys(name for edge in edges for name in edge), edges)


def test_the_limit_cuts_and_says_so():
    assert len(minimal_adjustment_sets(ladder(4), "x", "y")) == 3**4
    cut = minimal_adjustment_sets(ladder(8), "x", "y", limit=50)
    assert len(cut) == 50 and not cut.complete
    assert all(is_valid_adjustment(ladder(8), "x", "y", chosen) for chosen in cut)
    assert minimal_adjustment_sets(ladder(1), "x", "y", limit=3).complete
    with pytest.raises(ValueError, match="1 or more"):
        minimal_adjustment_sets(ladder(1), "x", "y", limit=0)


def test_no_set_is_listed_where_none_is_valid():
    bow = CausalGraph("xy", [("x", "y")], bidirected_edges=[("x", "y")])
    assert minimal_adjustment_sets(bow, "x", "y").sets == ()
    open_edge = CausalGraph("xy", [], [("x", "y")])
    assert minimal_adjustment_sets(open_edge, "x", "y").sets == ()
    nothing = CausalGraph("xy", [("x", "y")])
    assert minimal_adjustment_sets(nothing, "x", "y").sets == ((),)
