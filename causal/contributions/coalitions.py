"""Which sets of causes have to be set to know the value of every set, and how much each counts.

Hides the counting. Setting a cause whose every way to the outcome leads through other set causes changes nothing (rule
3 of do-calculus), so the value of a coalition is that of its *irreducible* part, the members with a way to the outcome
past all others. On a graph of twelve features 4,096 coalitions have a few hundred irreducible parts. Coalitions with
the same irreducible part are that part plus any of the causes it shields, which gives their joint Shapley weight as a
sum over sizes: nothing grows with the number of all coalitions.

Enumerating all coalitions, and sampling them as for a model without a graph (Lundberg & Lee 2017), were considered: the
first stops at about twenty causes, the second asks the same question many times over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, factorial

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coalitions", "TooManyCoalitions", "Walls", "find_coalitions", "irreducible_part"]

Floats = NDArray[np.float64]
Parents = Mapping[str, Sequence[str]]


class TooManyCoalitions(ValueError):
    """The graph has more irreducible coalitions than may be enumerated."""


@dataclass(frozen=True)
class Coalitions:
    """Irreducible coalitions of the causes of an outcome, with their Shapley weights.

    Parameters
    ----------
    features : tuple of str
        Causes of the outcome, in the order of the weights.
    members : tuple of frozenset of str
        The irreducible coalitions, the empty one first.
    weights : ndarray of float, shape (number of features, number of coalitions)
        ``weights @ values`` are the Shapley values.
    joining : ndarray of float, shape (number of features, number of coalitions)
        Probability that a feature joins, in a random order, exactly when the coalitions with this irreducible part are
        there. Each row sums to 1.
    """

    features: tuple[str, ...]
    members: tuple[frozenset[str], ...]
    weights: Floats
    joining: Floats


def irreducible_part(coalition: frozenset[str], outcome: str, parents: Parents) -> frozenset[str]:
    """Return the members that reach the outcome past all other members.

    Examples
    --------
    >>> chain = {"visit": ["mail"], "buy": ["visit"]}
    >>> irreducible_part(frozenset({"mail", "visit"}), "buy", chain)
    frozenset({'visit'})
    """
    names = sorted({*coalition, *parents, *(cause for causes in parents.values() for cause in causes)} - {outcome})
    walls = Walls.of(names, outcome, parents)
    return walls.names_of(walls.irreducible(sum(1 << names.index(member) for member in coalition)))


def find_coalitions(features: Sequence[str], outcome: str, parents: Parents, most: int = 4_096) -> Coalitions:
    """List the irreducible coalitions of the causes of an outcome and weigh them.

    Parameters
    ----------
    features : sequence of str
        All causes of the outcome (its ancestors).
    outcome : str
    parents : mapping of str to sequence of str
        Direct causes; nodes without any may be left out.
    most : int
        Coalitions to list at most.

    Raises
    ------
    TooManyCoalitions
        There are more than ``most``; sample instead.

    References
    ----------
    Jung, Kasiviswanathan, Tian, Janzing, Blöbaum & Bareinboim (2022), On measuring causal contributions via
    do-interventions, ICML.

    Examples
    --------
    >>> found = find_coalitions(["mail", "visit"], "buy", {"visit": ["mail"], "buy": ["visit"]})
    >>> found.weights[:, 1:].tolist()  # {mail} and {visit}
    [[0.5, 0.0], [-0.5, 1.0]]
    """
    names = tuple(features)
    walls = Walls.of(names, outcome, parents)
    found: list[int] = []
    pending: list[tuple[int, int]] = [(0, 0)]
    while pending:
        coalition, start = pending.pop()
        found.append(coalition)
        if len(found) > most:
            raise TooManyCoalitions(f"the graph has more than {most:,} irreducible coalitions of {len(names)} causes")
        for place in range(start, len(names)):  # every part of an irreducible coalition is irreducible: grow them
            larger = coalition | 1 << place
            if walls.reached(larger) & larger == larger:
                pending.append((larger, place + 1))
    found.sort(key=lambda coalition: (coalition.bit_count(), coalition))
    weights, joining = np.zeros((len(names), len(found))), np.zeros((len(names), len(found)))
    for column, coalition in enumerate(found):
        shielded = ~walls.reached(coalition) & ((1 << len(names)) - 1)
        size, behind = coalition.bit_count(), shielded.bit_count()
        inside, outside = _size_weights(len(names), size, behind)
        for row in range(len(names)):
            if coalition >> row & 1:
                weights[row, column] = inside
            elif shielded >> row & 1:  # with or without it the value is the same
                joining[row, column] = _size_weights(len(names), size, behind - 1)[1]
            else:
                weights[row, column] = -outside
                joining[row, column] = outside
    return Coalitions(names, tuple(map(walls.names_of, found)), weights, joining)


@dataclass(frozen=True)
class Walls:
    """A graph over bits, for questions about which causes a set of causes shields.

    Parameters
    ----------
    names : tuple of str
        The causes; the place of each is its bit.
    parents : tuple of int
        Direct causes of each cause, as bits.
    ends : int
        Direct causes of the outcome.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    ends: int

    @classmethod
    def of(cls, names: Sequence[str], outcome: str, parents: Parents) -> Walls:
        """Read a graph."""
        bit = {name: 1 << place for place, name in enumerate(names)}
        masks = [sum(bit[parent] for parent in parents.get(name, ())) for name in (*names, outcome)]
        return cls(tuple(names), tuple(masks[:-1]), masks[-1])

    def reached(self, coalition: int) -> int:
        """Causes with a way to the outcome that passes through no member; members may start one."""
        seen, pending = self.ends, self.ends & ~coalition
        while pending:
            lowest = pending & -pending
            new = self.parents[lowest.bit_length() - 1] & ~seen
            seen |= new
            pending = (pending ^ lowest) | (new & ~coalition)
        return seen

    def irreducible(self, coalition: int) -> int:
        """Members that reach the outcome past all others."""
        return self.reached(coalition) & coalition

    def names_of(self, coalition: int) -> frozenset[str]:
        """Return the members by name."""
        return frozenset(name for place, name in enumerate(self.names) if coalition >> place & 1)


def _size_weights(players: int, size: int, shielded: int) -> tuple[float, float]:
    """Shapley weight of a coalition and every set of shielded causes beside it: for its members, and for outsiders."""
    total = factorial(players)
    inside = outside = 0.0
    for more in range(shielded + 1):
        n = size + more
        ways = comb(shielded, more)
        if n:
            inside += ways * (factorial(n - 1) * factorial(players - n) / total)
        if n < players:
            outside += ways * (factorial(n) * factorial(players - n - 1) / total)
    return inside, outside
