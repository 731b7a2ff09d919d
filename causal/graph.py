"""A causal graph with three kinds of edge, and its way to and from other forms.

Hides how the edges are stored and walked. ``a -> b`` is a cause, ``a -- b`` a cause whose direction the data
and the knowledge leave open (an MPDAG, Perković 2017), ``a <-> b`` a latent common cause. A networkx graph
was considered as the stored form; it has one kind of edge and is mutable, so it is only an export here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from causal.graphs.edges import (
    GraphError,
    check_acyclic,
    check_kinds,
    checked_nodes,
    checked_pairs,
    find_cycle,
    follow,
    sorted_pairs,
    topological_order,
)

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

    from causal.graphs.resamples import Resamples

__all__ = ["CausalGraph", "GraphError", "Note", "find_cycle"]

Pair = tuple[str, str]


@dataclass(frozen=True)
class Note:
    """Something a reader of a discovered graph must know, such as a constant column.

    Parameters
    ----------
    kind : str
        One word to filter on: ``constant``, ``duplicate``, ``rank``, ``latent``, ``conflict``, ``sample``.
    columns : tuple of str
        The columns it is about.
    sentence : str
        What was found and what was done about it.
    """

    kind: str
    columns: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, init=False)
class CausalGraph:
    """An immutable causal graph: directed, undirected and bidirected edges over named nodes.

    Parameters
    ----------
    nodes : iterable of str
        Names, in the order that every listing keeps.
    edges : iterable of (str, str)
        ``(cause, effect)``; together they hold no cycle.
    undirected_edges : iterable of (str, str)
        Adjacent, direction unknown. Stored sorted by node order.
    bidirected_edges : iterable of (str, str)
        A latent common cause of the two. May stand beside a directed edge of the same pair.
    confidence : mapping of (str, str) to mapping, optional
        Per ordered pair ``{"edge": p, "share": q, "orientation": r}``: the probability that the two are adjacent, the
        share of bootstrap graphs in which they are, from which it comes (:mod:`causal.search.edgeprobability`),
        and the share of those that point from the first to the second (an undirected edge counts half for each
        direction). Pairs that no bootstrap joins are not listed.
    consensus : CausalGraph, optional
        A graph without undirected edges that stands for this one. When omitted and nothing is undirected, the
        graph is its own consensus; otherwise it is None.
    provenance : mapping of (str, str) to str, optional
        Why an edge is there or points as it does.
    notes : iterable of Note, optional
        What discovery had to say about the columns.
    bootstraps : Resamples, optional
        The graphs that bootstraps of the data gave, over the same nodes.

    Examples
    --------
    >>> graph = CausalGraph(["wealth", "contact", "buys"],
    ...                     [("wealth", "contact"), ("wealth", "buys"), ("contact", "buys")])
    >>> graph.parents("buys")
    ('wealth', 'contact')
    >>> CausalGraph.from_json(graph.to_json()) == graph
    True
    """

    nodes: tuple[str, ...]
    edges: frozenset[Pair]
    undirected_edges: frozenset[Pair]
    bidirected_edges: frozenset[Pair]
    confidence: Mapping[Pair, Mapping[str, float]]
    provenance: Mapping[Pair, str]
    notes: tuple[Note, ...]
    bootstraps: Resamples | None = field(repr=False)
    _consensus: CausalGraph | None = field(repr=False)
    _parents: Mapping[str, tuple[str, ...]] = field(repr=False, compare=False)
    _children: Mapping[str, tuple[str, ...]] = field(repr=False, compare=False)

    def __init__(
        self,
        nodes: Iterable[str],
        edges: Iterable[Pair] = (),
        undirected_edges: Iterable[Iterable[str]] = (),
        bidirected_edges: Iterable[Iterable[str]] = (),
        confidence: Mapping[Pair, Mapping[str, float]] | None = None,
        consensus: CausalGraph | None = None,
        provenance: Mapping[Pair, str] | None = None,
        notes: Iterable[Note] = (),
        bootstraps: Resamples | None = None,
    ) -> None:
        names = checked_nodes(nodes)
        if bootstraps is not None and bootstraps.width != len(names):
            raise GraphError(f"the bootstrap graphs have {bootstraps.width} nodes, the graph {len(names)}")
        rank = {name: i for i, name in enumerate(names)}
        directed = frozenset(checked_pairs(edges, rank, "edges"))
        undirected = frozenset(sorted_pairs(undirected_edges, rank, "undirected_edges"))
        bidirected = frozenset(sorted_pairs(bidirected_edges, rank, "bidirected_edges"))
        check_kinds(directed, undirected, bidirected)
        check_acyclic(names, directed)
        confidence = {pair: MappingProxyType(dict(value)) for pair, value in (confidence or {}).items()}
        in_order = sorted(directed, key=lambda pair: (rank[pair[0]], rank[pair[1]]))
        parents: dict[str, list[str]] = {name: [] for name in names}
        children: dict[str, list[str]] = {name: [] for name in names}
        for cause, effect in in_order:
            parents[effect].append(cause)
            children[cause].append(effect)
        values = {
            "nodes": names,
            "edges": directed,
            "undirected_edges": undirected,
            "bidirected_edges": bidirected,
            "confidence": MappingProxyType(confidence),
            "provenance": MappingProxyType(dict(provenance or {})),
            "notes": tuple(notes),
            "bootstraps": bootstraps,
            "_consensus": consensus,
            "_parents": {name: tuple(found) for name, found in parents.items()},
            "_children": {name: tuple(found) for name, found in children.items()},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return hash((self.nodes, self.edges, self.undirected_edges, self.bidirected_edges))

    def __reduce__(self) -> tuple[Any, ...]:
        return CausalGraph.from_json, (self.to_json(),)

    @property
    def consensus(self) -> CausalGraph | None:
        """The graph without undirected edges that stands for this one; itself when it has none."""
        if self._consensus is None and not self.undirected_edges:
            return self
        return self._consensus

    def parents(self, node: str) -> tuple[str, ...]:
        """Return the direct causes of a node, in node order (directed edges only)."""
        return self._parents[self._known(node)]

    def children(self, node: str) -> tuple[str, ...]:
        """Return the direct effects of a node, in node order (directed edges only)."""
        return self._children[self._known(node)]

    def ancestors(self, node: str) -> frozenset[str]:
        """Return everything with a directed path to the node, without the node itself."""
        return follow(self._known(node), self._parents)

    def descendants(self, node: str) -> frozenset[str]:
        """Return everything with a directed path from the node, without the node itself."""
        return follow(self._known(node), self._children)

    def adjacent(self, first: str, second: str) -> bool:
        """Say whether any edge of any kind joins the two nodes."""
        pair, back = (first, second), (second, first)
        kinds = (self.edges, self.undirected_edges, self.bidirected_edges)
        return any(pair in kind or back in kind for kind in kinds)

    def topological_order(self) -> tuple[str, ...]:
        """Return the nodes with every cause before its effects; ties keep the node order."""
        return topological_order(self.nodes, self._parents, self._children)

    def to_networkx(self) -> nx.DiGraph[str]:
        """Return the directed edges as a networkx ``DiGraph`` (always acyclic).

        Edge attributes are the confidence of the pair. The other kinds of edge stand in the graph attributes
        ``undirected_edges`` and ``bidirected_edges``, where :meth:`from_networkx` finds them.
        """
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph(
            undirected_edges=self.in_order(self.undirected_edges),
            bidirected_edges=self.in_order(self.bidirected_edges),
        )
        graph.add_nodes_from(self.nodes)
        for pair in self.in_order(self.edges):
            graph.add_edge(*pair, **dict(self.confidence.get(pair, {})))
        return graph

    @classmethod
    def from_networkx(cls, graph: nx.Graph[Any]) -> CausalGraph:
        """Read a networkx graph: edges of a ``DiGraph`` are causes, those of a ``Graph`` are undirected.

        Raises
        ------
        GraphError
            When the directed edges hold a cycle.
        """
        nodes = [str(node) for node in graph.nodes]
        pairs = [(str(a), str(b)) for a, b in graph.edges()]
        undirected = [tuple(map(str, pair)) for pair in graph.graph.get("undirected_edges", ())]
        bidirected = [tuple(map(str, pair)) for pair in graph.graph.get("bidirected_edges", ())]
        if not graph.is_directed():
            return cls(nodes, (), [*pairs, *undirected], bidirected)
        return cls(nodes, pairs, undirected, bidirected)

    def to_json(self, *, bootstraps: bool = True) -> str:
        """Return the whole graph as JSON text; the same graph always gives the same text.

        Parameters
        ----------
        bootstraps : bool
            Whether to write the graphs of the bootstraps too (compressed, a few kB per hundred).
        """
        from causal.graphs.exchange import to_json

        return to_json(self, bootstraps=bootstraps)

    @classmethod
    def from_json(cls, text: str) -> CausalGraph:
        """Read what :meth:`to_json` wrote; :class:`GraphError` when it is something else."""
        from causal.graphs.exchange import from_json

        return from_json(text)

    def to_cytoscape(self, positions: Mapping[str, tuple[float, float]] | None = None) -> list[dict[str, Any]]:
        """Return the elements that cytoscape.js draws, with ``kind`` on edges; positions are in pixels."""
        from causal.graphs.exchange import to_cytoscape

        return to_cytoscape(self, positions)

    def to_dot(self) -> str:
        """Return the graph as DOT text for Graphviz; line widths follow the confidence."""
        from causal.graphs.dot import to_dot

        return to_dot(self)

    @classmethod
    def from_dot(cls, text: str) -> CausalGraph:
        """Read DOT or DAGitty text: ``a -> b``, ``a -- b`` and ``a <-> b``; :class:`GraphError` says what is wrong."""
        from causal.graphs.dot import from_dot

        return from_dot(text)

    def to_bif(self, states: Mapping[str, Sequence[str]] | None = None) -> str:
        """Return the structure as BIF text with uniform tables; only a graph of directed edges has one."""
        from causal.graphs.bif import to_bif

        return to_bif(self, states)

    @classmethod
    def from_bif(cls, text: str) -> CausalGraph:
        """Read the structure of a Bayesian network in BIF; the tables are passed over."""
        from causal.graphs.bif import from_bif

        return from_bif(text)

    def to_pgmpy(self) -> Any:
        """Return a pgmpy ``DAG`` (with named latents), or a ``PDAG`` when directions are open."""
        from causal.graphs.conversions import to_pgmpy

        return to_pgmpy(self)

    @classmethod
    def from_pgmpy(cls, graph: Any) -> CausalGraph:
        """Read a pgmpy ``DAG`` or ``PDAG``; a latent parent of two nodes becomes a bidirected edge."""
        from causal.graphs.conversions import from_pgmpy

        return from_pgmpy(graph)

    def to_causal_learn(self) -> Any:
        """Return a causal-learn ``GeneralGraph``."""
        from causal.graphs.conversions import to_causal_learn

        return to_causal_learn(self)

    @classmethod
    def from_causal_learn(cls, graph: Any) -> CausalGraph:
        """Read a causal-learn graph; the circles of a PAG are refused, they leave more open than a direction."""
        from causal.graphs.conversions import from_causal_learn

        return from_causal_learn(graph)

    def draw(
        self, ax: Axes | None = None, *, tiers: Mapping[str, int] | None = None, highlight: Collection[str] = ()
    ) -> Axes:
        """Draw the graph with causes on the left and effects on the right.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a figure of a fitting size is made when omitted.
        tiers : mapping of str to int, optional
            When each node happens: columns of the drawing never mix tiers.
        highlight : collection of str
            Nodes to colour, such as treatment and outcome; edges between them are coloured too.

        Returns
        -------
        matplotlib Axes
        """
        from causal.graphs.drawing import draw

        return draw(self, ax, tiers, highlight)

    def to_mermaid(self) -> str:
        """Return the graph as Mermaid text for a Markdown page."""
        from causal.graphs.exchange import to_mermaid

        return to_mermaid(self)

    def in_order(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return pairs of nodes sorted by node order, so that listings do not depend on hashing."""
        rank = {name: i for i, name in enumerate(self.nodes)}
        return sorted(pairs, key=lambda pair: (rank.get(pair[0], -1), rank.get(pair[1], -1), pair))

    def _known(self, node: str) -> str:
        if node not in self._parents:
            raise GraphError(f"{node!r} is not a node; the nodes are {list(self.nodes[:8])}")
        return node
