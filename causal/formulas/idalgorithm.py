"""The ID algorithm: a formula for an effect whenever the graph has one, and the proof where it has none.

Hides the derivation of Shpitser & Pearl (2006), figure 3, its seven lines a function each and its letters kept: y the
outcomes, x the treatments, G the graph, P the distribution at hand. It is sound and complete: a hedge is returned
exactly where two models agree on everything that is observed and differ in the effect. Identification by do-calculus
search was considered; it finds the same formulas and cannot prove that there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from causal.formulas.expressions import Expression, Probability, fraction, marginalize, product
from causal.graph import CausalGraph, GraphError
from causal.graphs.districts import MixedGraph, project

__all__ = ["Hedge", "identify_distribution"]

Names = frozenset[str]


@dataclass(frozen=True)
class Hedge:
    """Two sets of nodes that prove that an effect has no formula.

    Parameters
    ----------
    nodes : frozenset of str
        The larger set F, treatments included, held together by latent common causes.
    root : frozenset of str
        The smaller set F', without treatments, held together likewise, into which everything in F leads.
    """

    nodes: Names
    root: Names

    def __str__(self) -> str:
        inner, outer = ", ".join(sorted(self.root)), ", ".join(sorted(self.nodes))
        return f"no formula exists: latent common causes tie {{{outer}}} together around {{{inner}}} (a hedge)"


@dataclass(frozen=True)
class Law:
    """The distribution P over the nodes of a graph.

    Parameters
    ----------
    graph : MixedGraph
        G.
    chain : mapping of str to Expression, optional
        The probability of each node given those before it. Without one, P is what is observed.
    """

    graph: MixedGraph
    chain: Mapping[str, Expression] | None = field(default=None)

    def factor(self, name: str) -> Expression:
        """Return ``P(v_i | v^(i-1))``, conditioning only on what matters."""
        if self.chain is not None:
            return self.chain[name]
        before = self.graph.within(self.graph.nodes[: self.graph.nodes.index(name) + 1])
        district = next(found for found in before.districts() if name in found)
        near = district.union(*(before.parents[member] for member in district)) - {name}
        return Probability((name,), tuple(sorted(near)))

    def margin(self, kept: Names) -> Expression:
        """Return the distribution of some of the nodes."""
        if self.chain is None:
            return Probability(tuple(sorted(kept)))
        dropped = [name for name in reversed(self.graph.nodes) if name not in kept]
        return marginalize(product(self.chain[name] for name in self.graph.nodes), dropped)

    def within(self, kept: Names) -> Law:
        """Return the law of a set of nodes that holds all causes of its members."""
        graph = self.graph.within(kept)
        if self.chain is None:
            return Law(graph)
        steps = [self.margin(frozenset(graph.nodes[:i])) for i in range(len(graph.nodes) + 1)]
        return Law(graph, {n: fraction(steps[i + 1], steps[i]) for i, n in enumerate(graph.nodes)})


def identify_distribution(
    graph: CausalGraph, treatments: Iterable[str], outcomes: Iterable[str], latent: Collection[str] = ()
) -> Expression | Hedge:
    """Return the formula for ``P(outcomes | do(treatments))``, or the hedge that proves that there is none.

    Parameters
    ----------
    graph : CausalGraph
        With directed and bidirected edges.
    treatments, outcomes : iterable of str
        Observed nodes.
    latent : collection of str
        Nodes of the graph that are not observed.

    Returns
    -------
    Expression or Hedge

    Raises
    ------
    GraphError
        When the graph has undirected edges, or a name is not an observed node.

    Notes
    -----
    The formula needs every combination of columns that it conditions on to occur. A name in it that is neither
    treatment nor outcome and is not summed over may take any value.

    References
    ----------
    Shpitser & Pearl (2006), Identification of joint interventional distributions in recursive semi-Markovian causal
    models, AAAI.

    Examples
    --------
    >>> graph = CausalGraph("xzy", [("x", "z"), ("z", "y")], bidirected_edges=[("x", "y")])
    >>> print(identify_distribution(graph, "x", "y"))
    sum_{z} P(z | x) sum_{x'} P(x') P(y | x', z)
    >>> bow = CausalGraph("xy", [("x", "y")], bidirected_edges=[("x", "y")])
    >>> print(identify_distribution(bow, "x", "y"))
    no formula exists: latent common causes tie {x, y} together around {y} (a hedge)
    """
    if graph.undirected_edges:
        first = graph.in_order(graph.undirected_edges)[0]
        raise GraphError(f"{first[0]} -- {first[1]} has no direction; ask a member of the class, or its consensus")
    x, y = frozenset(treatments), frozenset(outcomes)
    unknown = sorted((x | y) - (frozenset(graph.nodes) - frozenset(latent)))
    if unknown or x & y or not y:
        raise GraphError(
            f"treatments and outcomes must be different observed nodes; look at {unknown or sorted(x & y)}"
        )
    try:
        return _id(y, x, Law(project(graph, latent)))
    except _Failed as failure:
        return failure.hedge


class _Failed(Exception):
    def __init__(self, hedge: Hedge) -> None:
        super().__init__(str(hedge))
        self.hedge = hedge


def _id(y: Names, x: Names, law: Law) -> Expression:
    graph = law.graph
    if not x:
        return _line_1(y, law)
    ancestors = graph.ancestors(y)
    if len(ancestors) < len(graph.nodes):
        return _line_2(y, x, law, ancestors)
    w = frozenset(graph.nodes) - x - graph.ancestors(y, set_nodes=x)
    if w:
        return _line_3(y, x, law, w)
    pieces = graph.within(frozenset(graph.nodes) - x).districts()
    if len(pieces) > 1:
        return _line_4(y, x, law, pieces)
    (s,) = pieces
    districts = graph.districts()
    if len(districts) == 1:
        return _line_5(law, s)
    if s in districts:
        return _line_6(y, law, s)
    return _line_7(y, x, law, next(district for district in districts if s < district))


def _line_1(y: Names, law: Law) -> Expression:
    """Nothing is set: sum everything else out of P."""
    return law.margin(y)


def _line_2(y: Names, x: Names, law: Law, ancestors: Names) -> Expression:
    """What does not lead to y does not matter."""
    return _id(y, x & ancestors, law.within(ancestors))


def _line_3(y: Names, x: Names, law: Law, w: Names) -> Expression:
    """Setting what cannot reach y once x is set changes nothing, and may help."""
    return _id(y, x | w, law)


def _line_4(y: Names, x: Names, law: Law, pieces: list[Names]) -> Expression:
    """Districts of G without x can be found one at a time."""
    v = frozenset(law.graph.nodes)
    parts = product(_id(s, v - s, law) for s in pieces)
    return marginalize(parts, [name for name in reversed(law.graph.nodes) if name not in x | y])


def _line_5(law: Law, s: Names) -> Expression:
    """All of G is one district: fail, with the hedge."""
    raise _Failed(Hedge(frozenset(law.graph.nodes), s))


def _line_6(y: Names, law: Law, s: Names) -> Expression:
    """S is a district of G itself: its factors are observed."""
    nodes = [name for name in law.graph.nodes if name in s]
    return marginalize(product(law.factor(name) for name in nodes), [n for n in reversed(nodes) if n not in y])


def _line_7(y: Names, x: Names, law: Law, district: Names) -> Expression:
    """S lies inside a larger district S': go on inside it, with what is outside set to x."""
    inner = law.graph.within(district)
    return _id(y, x & district, Law(inner, {name: law.factor(name) for name in inner.nodes}))
