"""Which way the edges point: knowledge first, then colliders, then Meek's rules.

Hides the order of the rules and what happens when finite data contradict themselves: an arrow that would close
a cycle or break the knowledge is not drawn. Meek's rules (1995) 1 to 4 are complete with background knowledge;
rule 2 is applied to directed paths of any length, which is the same thing while nothing is in conflict and
keeps the graph acyclic when something is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causal.graph import CausalGraph
from causal.knowledge import Knowledge
from causal.search.meek import Rules, compile_rules
from causal.search.skeleton import Skeleton

__all__ = ["Pattern", "directed_members", "extend", "orient"]

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Pair = tuple[int, int]


@dataclass
class Pattern:
    """A partly directed graph under construction, over column numbers.

    Parameters
    ----------
    directed, undirected, bidirected : ndarray of bool, shape (d, d)
        The last two are symmetric.
    paths : ndarray of bool, shape (d, d)
        Transitive closure of ``directed``.
    reasons : dict of (int, int) to str
        Why an edge points as it does.
    conflicts : list of (int, int)
        Adjacencies whose only permitted direction would close a cycle.
    """

    directed: Booleans
    undirected: Booleans
    bidirected: Booleans
    paths: Booleans
    reasons: dict[Pair, str] = field(default_factory=dict)
    conflicts: list[Pair] = field(default_factory=list)

    @classmethod
    def from_adjacency(cls, adjacent: Booleans) -> Pattern:
        """Start with every edge undirected."""
        empty = np.zeros_like(adjacent)
        return cls(empty.copy(), adjacent.copy(), empty.copy(), empty.copy())

    @property
    def adjacent(self) -> Booleans:
        """Pairs joined by any edge, symmetric."""
        joined: Booleans = self.directed | self.directed.T | self.undirected | self.bidirected
        return joined

    def copy(self) -> Pattern:
        """Return an independent copy."""
        return Pattern(
            self.directed.copy(),
            self.undirected.copy(),
            self.bidirected.copy(),
            self.paths.copy(),
            dict(self.reasons),
            list(self.conflicts),
        )

    def can_point(self, a: int, b: int, rules: Rules) -> bool:
        """Say whether ``a -> b`` is drawn already, or may be without a cycle or a broken rule."""
        if self.directed[a, b]:
            return True
        return bool(self.undirected[a, b] and not rules.forbidden[a, b] and not self.paths[b, a])

    def point(self, a: int, b: int, reason: str) -> None:
        """Draw ``a -> b`` in place of what joined the two."""
        self.undirected[a, b] = self.undirected[b, a] = False
        self.directed[a, b] = True
        before, after = self.paths[:, a].copy(), self.paths[b].copy()
        before[a] = after[b] = True
        self.paths |= np.outer(before, after)
        self.reasons.setdefault((a, b), reason)

    def confound(self, a: int, b: int) -> None:
        """Replace what joins the two by a latent common cause."""
        self.undirected[a, b] = self.undirected[b, a] = False
        self.bidirected[a, b] = self.bidirected[b, a] = True


def orient(skeleton: Skeleton, rules: Rules) -> Pattern:
    """Direct as many edges as knowledge and separating sets allow."""
    pattern = Pattern.from_adjacency(skeleton.adjacent | rules.required | rules.required.T)
    _draw_knowledge(pattern, rules)
    _draw_colliders(pattern, rules, skeleton)
    _close(pattern, rules)
    return pattern


def extend(pattern: Pattern, rules: Rules, preference: Floats | None = None) -> Pattern:
    """Direct the remaining edges one by one, closing under Meek's rules after each.

    On a pattern that is closed and without conflict every step keeps the class of equivalent graphs, so the
    result is a member of it (Meek 1995, theorem 4).

    Parameters
    ----------
    pattern : Pattern
        Left unchanged.
    rules : Rules
        Its soft confidence decides when no preference is given.
    preference : ndarray of float, shape (d, d), optional
        Larger ``[a, b]`` than ``[b, a]`` prefers ``a -> b``; ties go to the smaller number first.
    """
    result = pattern.copy()
    score = rules.prior if preference is None else preference
    _close(result, rules)
    while result.undirected.any():
        pairs = np.argwhere(np.triu(result.undirected))
        lead = score[pairs[:, 0], pairs[:, 1]] - score[pairs[:, 1], pairs[:, 0]]
        number = int(np.argmax(np.abs(lead)))
        a, b = (int(end) for end in pairs[number])
        first, second = ((a, b), (b, a)) if lead[number] >= 0 else ((b, a), (a, b))
        if result.can_point(*first, rules):
            result.point(*first, "the data leave the direction open")
        elif result.can_point(*second, rules):
            result.point(*second, "the other direction would close a cycle")
        else:
            result.confound(a, b)
            result.conflicts.append((a, b))
        _close(result, rules)
    return result


def directed_members(graph: CausalGraph) -> list[list[tuple[str, str]]]:
    """Return the directed edges of two members of the class that a graph stands for.

    The first prefers arrows from earlier to later nodes where the direction is open, the second the opposite.
    """
    names = graph.nodes
    index = {name: i for i, name in enumerate(names)}
    joined = np.zeros((len(names), len(names)), dtype=bool)
    for a, b in (*graph.edges, *graph.undirected_edges):
        joined[index[a], index[b]] = joined[index[b], index[a]] = True
    pattern = Pattern.from_adjacency(joined)
    for a, b in graph.in_order(graph.edges):
        pattern.point(index[a], index[b], "given")
    rules = compile_rules(Knowledge(), names)
    forward = np.triu(np.ones(joined.shape))
    members = (extend(pattern, rules, preference) for preference in (forward, forward.T))
    return [[(names[a], names[b]) for a, b in np.argwhere(member.directed)] for member in members]


def _draw_knowledge(pattern: Pattern, rules: Rules) -> None:
    for a, b in np.argwhere(rules.required):
        pattern.point(int(a), int(b), "required")
    both = pattern.undirected & rules.forbidden & rules.forbidden.T
    for a, b in np.argwhere(np.triu(both)):
        pattern.confound(int(a), int(b))
    for a, b in np.argwhere(pattern.undirected & rules.forbidden.T & ~rules.forbidden):
        if pattern.can_point(int(a), int(b), rules):
            pattern.point(int(a), int(b), "the other direction is forbidden")
        else:
            pattern.confound(int(a), int(b))
            pattern.conflicts.append((int(a), int(b)))


def _draw_colliders(pattern: Pattern, rules: Rules, skeleton: Skeleton) -> None:
    """Draw ``a -> c <- b`` where a and b are separated without c, the surest separations first."""
    adjacent = pattern.adjacent
    common = (adjacent.astype(np.float32) @ adjacent.astype(np.float32)) > 0
    pairs = np.array(list(skeleton.separators), dtype=np.intp).reshape(-1, 2)
    open_triples = (common & ~adjacent)[pairs[:, 0], pairs[:, 1]]
    near = [(a, b) for a, b in pairs[open_triples].tolist()]
    for a, b in sorted(near, key=lambda pair: (-skeleton.strength[pair], pair)):
        separator = skeleton.separators[(a, b)]
        for c in np.flatnonzero(adjacent[a] & adjacent[b]).tolist():
            if c not in separator:
                _draw_collider(pattern, rules, (a, c, b))


def _draw_collider(pattern: Pattern, rules: Rules, triple: tuple[int, int, int]) -> None:
    a, c, b = triple
    ready = [pattern.bidirected[end, c] or pattern.can_point(end, c, rules) for end in (a, b)]
    if not all(ready):
        return
    for end in (a, b):
        if pattern.undirected[end, c]:
            pattern.point(end, c, "collider")


def _close(pattern: Pattern, rules: Rules) -> None:
    """Apply Meek's rules until nothing changes.

    What a rule asks for stays true while edges are directed, so every edge that one look at the matrices finds
    is drawn before looking again.
    """
    adjacent = pattern.adjacent
    while pattern.undirected.any():
        found = _rules_1_and_2(pattern, adjacent)
        drawn = [_draw(pattern, rules, int(a), int(b), "Meek rule 1 or 2") for a, b in np.argwhere(found)]
        if any(drawn):
            continue
        found = _rules_3_and_4(pattern, adjacent)
        if not any(_draw(pattern, rules, int(a), int(b), "Meek rule 3 or 4") for a, b in np.argwhere(found)):
            break


def _draw(pattern: Pattern, rules: Rules, a: int, b: int, reason: str) -> bool:
    if not pattern.undirected[a, b] or not pattern.can_point(a, b, rules):
        return False
    pattern.point(a, b, reason)
    return True


def _rules_1_and_2(pattern: Pattern, adjacent: Booleans) -> Booleans:
    """Return which open ``a -- b`` must point to b.

    Rule 1: an arrow into a comes from c, not adjacent to b (otherwise a would be a collider). Rule 2: a directed
    path leads from a to b.
    """
    into = (pattern.directed | pattern.bidirected).T.astype(np.float32)
    far = (~adjacent & ~np.eye(len(adjacent), dtype=bool)).astype(np.float32)
    found: Booleans = pattern.undirected & (((into @ far) > 0) | pattern.paths)
    return found


def _rules_3_and_4(pattern: Pattern, adjacent: Booleans) -> Booleans:
    """Return which open ``a -- b`` must point to b by the two rules on four nodes."""
    found = np.zeros_like(adjacent)
    step = pattern.directed.astype(np.float32)
    open_edges = pattern.undirected.astype(np.float32)
    possible = ((open_edges @ step) > 1) | (((open_edges @ step) @ step) > 0)
    for a, b in np.argwhere(pattern.undirected & possible):
        found[a, b] = _rule_3(pattern, adjacent, a, b) or _rule_4(pattern, adjacent, a, b)
    return found


def _rule_3(pattern: Pattern, adjacent: Booleans, a: int, b: int) -> bool:
    """Two of a's undirected neighbours, not adjacent to each other, both point into b."""
    middle = np.flatnonzero(pattern.undirected[a] & pattern.directed[:, b])
    apart = ~adjacent[np.ix_(middle, middle)] & ~np.eye(len(middle), dtype=bool)
    return bool(apart.any())


def _rule_4(pattern: Pattern, adjacent: Booleans, a: int, b: int) -> bool:
    """``a -- c -> d -> b`` with a, d adjacent and c, b not."""
    first = pattern.undirected[a] & ~adjacent[:, b]
    first[b] = False
    second = adjacent[a] & pattern.directed[:, b]
    return bool(pattern.directed[np.ix_(first, second)].any())
