from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causal.knowledge import Knowledge
from causal.search.meek import compile_rules
from causal.search.skeleton import find_skeleton

NOTHING = compile_rules(Knowledge(), ("a", "b", "c", "d"))


class Answers:
    """Fixed p-values of pairs and sets, 0 where none is given; keeps what was asked."""

    def __init__(self, values):
        self.values = values
        self.asked = []

    def p_values(self, first, second, given):
        triples = [
            (*sorted((a, b)), tuple(sorted(s))) for a, b, s in zip(first.tolist(), second.tolist(), given.tolist())
        ]
        self.asked += triples
        return np.array([self.values.get(triple, 0.0) for triple in triples])


def test_the_best_set_of_all_sizes_separates():
    """a and b are barely independent alone and clearly so given c: c is no collider."""
    weak = {(0, 1, ()): 0.02, (0, 1, (2,)): 0.7, (0, 3, ()): 0.9, (1, 3, ()): 0.9, (2, 3, ()): 0.9}
    found = find_skeleton(Answers(weak), NOTHING, 0.01, 5)
    assert found.separators[(0, 1)] == (2,)
    assert found.strength[(0, 1)] == 0.7
    strong = weak | {(0, 1, ()): 0.8}
    assert find_skeleton(Answers(strong), NOTHING, 0.01, 5).separators[(0, 1)] == ()


def test_every_test_is_of_an_allowed_set():
    """Separators never hold a column of a later tier than both ends."""
    rules = compile_rules(Knowledge(tiers={"a": 0, "b": 1, "c": 2, "d": 2}), ("a", "b", "c", "d"))
    tests = Answers({})
    find_skeleton(tests, rules, 0.01, 5)
    assert (0, 2, (1,)) in tests.asked
    assert (0, 2, (3,)) in tests.asked
    assert not [t for t in tests.asked if t[:2] == (0, 1) and t[2]]


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_required_pairs_are_never_tested(alpha):
    rules = compile_rules(Knowledge(required={("a", "b")}), ("a", "b", "c", "d"))
    everything = {(a, b, ()): 1.0 for a, b in combinations(range(4), 2)}
    tests = Answers(everything)
    found = find_skeleton(tests, rules, alpha, 5)
    assert (0, 1, ()) not in tests.asked
    assert np.argwhere(np.triu(found.adjacent)).tolist() == [[0, 1]]
