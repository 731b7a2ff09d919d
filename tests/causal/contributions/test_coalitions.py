"""Irreducible coalitions against every coalition of small graphs."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.contributions.coalitions import TooManyCoalitions, find_coalitions, irreducible_part

NODES = ("a", "b", "c", "d", "e")
ARROWS = list(combinations((*NODES, "y"), 2))


def _shapley(names, worth):
    """The definition: a weighted sum over every coalition without the player."""
    found = []
    for player in names:
        others = [name for name in names if name != player]
        total = 0.0
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            for chosen in combinations(others, size):
                total += weight * (worth(frozenset(chosen) | {player}) - worth(frozenset(chosen)))
        found.append(total)
    return np.array(found)


def _graph(kept):
    arrows = [arrow for arrow, keep in zip(ARROWS, kept) if keep]
    parents = {}
    for cause, effect in arrows:
        parents.setdefault(effect, []).append(cause)
    seen, pending = set(), ["y"]
    while pending:
        for parent in parents.get(pending.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)
    return [name for name in NODES if name in seen], parents


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=len(ARROWS), max_size=len(ARROWS)), st.integers(0, 2**31))
def test_the_weights_are_those_of_every_coalition(kept, seed):
    causes, parents = _graph(kept)
    found = find_coalitions(causes, "y", parents)
    worths = dict(zip(found.members, np.random.default_rng(seed).normal(size=len(found.members))))
    truth = _shapley(causes, lambda s: worths[irreducible_part(s, "y", parents)])
    np.testing.assert_allclose(found.weights @ list(worths.values()), truth, atol=1e-12)
    np.testing.assert_allclose(found.joining.sum(axis=1), 1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=len(ARROWS), max_size=len(ARROWS)))
def test_every_coalition_has_its_irreducible_part_listed(kept):
    causes, parents = _graph(kept)
    listed = set(find_coalitions(causes, "y", parents).members)
    every = [frozenset(s) for size in range(len(causes) + 1) for s in combinations(causes, size)]
    assert {irreducible_part(s, "y", parents) for s in every} == listed


def test_a_chain_needs_one_coalition_for_each_cause():
    names = [f"x{i}" for i in range(30)]
    parents = {names[i + 1]: [names[i]] for i in range(29)} | {"y": [names[-1]]}
    assert len(find_coalitions(names, "y", parents).members) == 31


def test_too_many_are_refused():
    names = [f"x{i}" for i in range(20)]
    with pytest.raises(TooManyCoalitions, match="more than 100"):
        find_coalitions(names, "y", {"y": names}, most=100)
