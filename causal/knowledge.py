"""What is known about causes before any data is read.

Hides the rules by which tiers, required and forbidden edges combine, and refuses contradictions while they
can still be named: the pair, and who said so. A penalty on violations (soft priors only) was considered and
left for ``confidence``: hard knowledge that data can overrule protects nobody from a reversed edge
(Brouillard 2022, Bang & Didelez 2023).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

from causal.graph import CausalGraph, find_cycle

__all__ = ["Knowledge", "KnowledgeError"]

Pair = tuple[str, str]


class KnowledgeError(ValueError):
    """Two pieces of knowledge contradict each other, or name what is not there."""


@dataclass(frozen=True)
class Knowledge:
    """Tiers, required and forbidden causes, with soft confidence and the reason for each.

    Parameters
    ----------
    tiers : mapping of str to int
        Time order: nothing causes a variable of a lower tier. Variables without a tier are free.
    required : set of (str, str)
        ``(cause, effect)`` edges that every graph must hold.
    forbidden : set of (str, str)
        ``(cause, effect)`` edges that no graph may hold. The opposite direction stays allowed.
    confidence : mapping of (str, str) to float
        Prior probability in [0, 1] that the first causes the second. Searches by score add its log-odds to the
        edge and drop what the data refute; every method lets it decide what the data leave open. On a required or
        forbidden pair it is the certainty of that rule and is kept for reports.
    provenance : mapping of (str, str) to str
        Who says so, per pair; quoted in errors and kept on the discovered edges.

    Raises
    ------
    KnowledgeError
        When an edge is required and forbidden, required against the tiers (also along a chain), or in a cycle.

    Examples
    --------
    >>> known = Knowledge(tiers={"age": 0, "contact": 2, "purchase": 6}, forbidden={("age", "contact")})
    >>> known.forbids("purchase", "contact"), known.forbids("age", "purchase")
    (True, False)
    """

    tiers: Mapping[str, int] = field(default_factory=dict)
    required: Set[Pair] = field(default_factory=frozenset)
    forbidden: Set[Pair] = field(default_factory=frozenset)
    confidence: Mapping[Pair, float] = field(default_factory=dict)
    provenance: Mapping[Pair, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("tiers", "confidence", "provenance"):
            if not isinstance(getattr(self, what), Mapping):
                form = "{name: tier}" if what == "tiers" else "{(cause, effect): ...}"
                raise KnowledgeError(f"{what} is of type {type(getattr(self, what)).__name__}; give a mapping {form}")
        object.__setattr__(self, "tiers", MappingProxyType(dict(self.tiers)))
        object.__setattr__(self, "required", frozenset(_pairs(self.required, "required")))
        object.__setattr__(self, "forbidden", frozenset(_pairs(self.forbidden, "forbidden")))
        object.__setattr__(self, "confidence", MappingProxyType(dict(self.confidence)))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))
        self._check_values()
        self._check_required()

    def __hash__(self) -> int:
        return hash((frozenset(self.tiers.items()), self.required, self.forbidden))

    def __reduce__(self) -> tuple[Any, ...]:
        plain = (
            dict(self.tiers),
            self.required,
            self.forbidden,
            dict(self.confidence),
            dict(self.provenance),
        )
        return Knowledge, plain

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable that the knowledge speaks of, sorted."""
        pairs = [*self.required, *self.forbidden, *self.confidence]
        return tuple(sorted({*self.tiers, *(name for pair in pairs for name in pair)}))

    def forbids(self, cause: str, effect: str) -> bool:
        """Say whether ``cause -> effect`` may not be: forbidden by name, or against the tiers."""
        return (cause, effect) in self.forbidden or self._against_tiers(cause, effect)

    def requires(self, cause: str, effect: str) -> bool:
        """Say whether ``cause -> effect`` must be."""
        return (cause, effect) in self.required

    def reason(self, cause: str, effect: str) -> str:
        """Return in words why the pair is required or forbidden, or what was said about it."""
        pair = (cause, effect)
        if pair in self.required:
            return f"required{self._by(pair)}"
        if pair in self.forbidden:
            return f"forbidden{self._by(pair)}"
        if self._against_tiers(cause, effect):
            return f"{cause} (tier {self.tiers[cause]}) comes after {effect} (tier {self.tiers[effect]})"
        return self.provenance.get(pair, "")

    def restrict(self, names: Iterable[str]) -> Knowledge:
        """Return the part of the knowledge that speaks only of these variables."""
        kept = set(names)

        def inside(pair: Pair) -> bool:
            return pair[0] in kept and pair[1] in kept

        return Knowledge(
            {name: tier for name, tier in self.tiers.items() if name in kept},
            {pair for pair in self.required if inside(pair)},
            {pair for pair in self.forbidden if inside(pair)},
            {pair: p for pair, p in self.confidence.items() if inside(pair)},
            {pair: said for pair, said in self.provenance.items() if inside(pair)},
        )

    def check_names(self, known: Collection[str]) -> None:
        """Refuse knowledge about variables that do not exist, which would otherwise be lost in silence.

        Raises
        ------
        KnowledgeError
            Naming the unknown variables and the closest existing ones.
        """
        unknown = sorted(set(self.names) - set(known))
        if not unknown:
            return
        hints = ", ".join(_with_nearest(name, known) for name in unknown[:5])
        raise KnowledgeError(
            f"knowledge names {len(unknown)} variable(s) that the table does not have: {hints}; "
            "correct the names, or keep the rest with knowledge.restrict(frame.columns)"
        )

    def violations(self, graph: CausalGraph) -> list[str]:
        """Return one sentence per rule that a graph over the same names breaks; empty when it keeps all."""
        reversed_ = sorted(pair for pair in graph.edges if self.forbids(*pair))
        said = [f"{a} -> {b} stands although {self.reason(a, b)}" for a, b in reversed_]
        decided = sorted(p for p in graph.undirected_edges if self.forbids(*p) or self.forbids(*p[::-1]))
        said += [f"{a} -- {b} is left open although one direction is forbidden" for a, b in decided]
        inside = set(graph.nodes)
        missing = sorted(p for p in self.required if p not in graph.edges and inside.issuperset(p))
        return said + [f"{a} -> {b} is missing although {self.reason(a, b)}" for a, b in missing]

    def _by(self, pair: Pair) -> str:
        said = self.provenance.get(pair, "")
        return f" (by: {said})" if said else ""

    def _against_tiers(self, cause: str, effect: str) -> bool:
        earlier, later = self.tiers.get(effect), self.tiers.get(cause)
        return earlier is not None and later is not None and later > earlier

    def _check_values(self) -> None:
        for name, tier in self.tiers.items():
            if isinstance(tier, bool) or not isinstance(tier, int | float) or tier != tier // 1:
                raise KnowledgeError(f"tier of {name!r} is {tier!r}; tiers are whole numbers, 0 the earliest")
        given: Mapping[Any, Any] = self.confidence
        for pair, p in given.items():
            if not isinstance(p, Real) or not 0.0 <= float(p) <= 1.0:
                raise KnowledgeError(f"confidence of {pair} is {p!r}; it is a probability between 0 and 1")

    def _check_required(self) -> None:
        for pair in sorted(self.required):
            cause, effect = pair
            if pair in self.forbidden:
                raise KnowledgeError(f"{_arrow(pair)} is required and forbidden{self._by(pair)}; drop one")
            if self._against_tiers(cause, effect):
                raise KnowledgeError(
                    f"{_arrow(pair)} is required{self._by(pair)}, but {cause!r} is of tier "
                    f"{self.tiers[cause]} and {effect!r} of tier {self.tiers[effect]}: a later tier causes "
                    "no earlier one; correct the tier or drop the requirement"
                )
        cycle = find_cycle(self.required)
        if cycle:
            steps = ", ".join(f"{_arrow(pair)}{self._by(pair)}" for pair in cycle)
            raise KnowledgeError(f"the required edges form a cycle: {steps}; drop one of them")
        self._check_chains()

    def _check_chains(self) -> None:
        """Refuse required edges that lead from a later tier to an earlier one by way of columns without a tier."""
        for start in sorted({cause for cause, _ in self.required if cause in self.tiers}):
            for chain in _chains(start, self.required):
                if self._against_tiers(start, chain[-1][1]):
                    steps = ", ".join(f"{_arrow(pair)}{self._by(pair)}" for pair in chain)
                    raise KnowledgeError(
                        f"the required edges {steps} lead from {start!r} (tier {self.tiers[start]}) to "
                        f"{chain[-1][1]!r} (tier {self.tiers[chain[-1][1]]}): a later tier causes no earlier one; "
                        "correct a tier or drop one of the edges"
                    )


def _pairs(pairs: Iterable[Pair], what: str) -> list[Pair]:
    checked: list[Pair] = []
    for pair in pairs:
        ends = tuple(pair)
        if isinstance(pair, str) or len(ends) != 2 or ends[0] == ends[1]:
            raise KnowledgeError(f"{what} holds {pair!r}; give pairs (cause, effect) of two different names")
        checked.append((ends[0], ends[1]))
    return checked


def _chains(start: str, required: Set[Pair]) -> list[list[Pair]]:
    """Return one chain of required edges from a start to each name it leads to."""
    found: dict[str, list[Pair]] = {start: []}
    pending = [start]
    while pending:
        name = pending.pop()
        for pair in sorted(required):
            if pair[0] == name and pair[1] not in found:
                found[pair[1]] = [*found[name], pair]
                pending.append(pair[1])
    return [chain for chain in found.values() if chain]


def _arrow(pair: Pair) -> str:
    return f"{pair[0]!r} -> {pair[1]!r}"


def _with_nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)
