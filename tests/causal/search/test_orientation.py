from __future__ import annotations

import numpy as np
import pytest

from causal.graph import CausalGraph
from causal.knowledge import Knowledge
from causal.search.meek import compile_rules
from causal.search.orientation import Pattern, directed_members, orient
from causal.search.skeleton import Skeleton


def pattern_of(names, pairs, separators, known=None):
    """Orient a skeleton given as text pairs, with separating sets as text."""
    index = {name: i for i, name in enumerate(names)}
    adjacent = np.zeros((len(names), len(names)), dtype=bool)
    for a, b in pairs:
        adjacent[index[a], index[b]] = adjacent[index[b], index[a]] = True
    sets = {tuple(sorted((index[a], index[b]))): tuple(index[c] for c in s) for (a, b), s in separators.items()}
    skeleton = Skeleton(adjacent, sets, dict.fromkeys(sets, 0.5))
    found = orient(skeleton, compile_rules(known or Knowledge(), names))
    return {names[a] + names[b] for a, b in np.argwhere(found.directed)}, found


def test_colliders_come_from_separating_sets_and_rule_1_follows():
    arrows, _ = pattern_of("abcd", ["ac", "bc", "cd"], {"ab": "", "ad": "c", "bd": "c"})
    assert arrows == {"ac", "bc", "cd"}
    arrows, found = pattern_of("abc", ["ab", "bc"], {"ac": "b"})
    assert arrows == set()
    assert found.undirected.sum() == 4


def test_rule_2_closes_a_directed_path():
    arrows, _ = pattern_of("abc", ["ab", "bc", "ac"], {}, Knowledge(required={("a", "b"), ("b", "c")}))
    assert arrows == {"ab", "bc", "ac"}


def test_rule_3_and_rule_4_on_four_nodes():
    pairs = ["ab", "ac", "ad", "cb", "db"]
    arrows, _ = pattern_of("abcd", pairs, {"cd": "a"}, Knowledge(required={("c", "b"), ("d", "b")}))
    assert "ab" in arrows
    arrows, _ = pattern_of("abcd", ["ab", "ac", "ad", "cd", "db"], {"bc": "ad"},
                           Knowledge(required={("c", "d"), ("d", "b")}))  # fmt: skip
    assert "ab" in arrows


def test_a_collider_against_the_tiers_is_not_drawn():
    known = Knowledge(tiers={"a": 0, "c": 0, "b": 1}, forbidden={("a", "c")})
    arrows, found = pattern_of("abc", ["ac", "bc"], {"ab": ""}, known)
    assert arrows == {"ca", "cb"}
    assert not found.conflicts


def test_an_arrowhead_of_a_latent_cause_counts():
    known = Knowledge(forbidden={("a", "b"), ("b", "a")})
    arrows, found = pattern_of("abc", ["ab", "bc"], {"ac": "b"}, known)
    assert arrows == {"bc"}
    assert found.bidirected[0, 1]


def test_contradicting_data_never_close_a_cycle():
    """Four unshielded colliders around a square, which no graph has."""
    pairs = ["ab", "bc", "cd", "da"]
    _, found = pattern_of("abcd", pairs, {"ac": "", "bd": ""})
    assert not np.diag(found.paths).any()


@pytest.mark.parametrize("undirected", [[("a", "b")], [("a", "b"), ("b", "c")]])
def test_two_members_cover_both_directions(undirected):
    graph = CausalGraph("abc", [], undirected)
    first, second = directed_members(graph)
    assert ("a", "b") in first
    assert ("b", "a") in second


def test_a_copy_is_independent():
    start = Pattern.from_adjacency(np.array([[0, 1], [1, 0]], dtype=bool))
    start.copy().point(0, 1, "test")
    assert start.undirected[0, 1]
