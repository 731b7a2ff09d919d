"""Where a latent common cause may hide: FCI, as a check beside the other methods.

Hides how the marks of a partial ancestral graph become edges. The search is that of causal-learn with our tests. It
is run without knowledge, because that library turns "b comes later" into "a causes b", which takes a latent common
cause off the table (its issue 266). Here knowledge only says where an arrowhead must be: what may not be an ancestor
gets one, then the rules that are sound with such arrowheads are applied again.

| mark | edge |
|---|---|
| ``a --> b`` | ``a -> b`` |
| ``a <-> b`` | ``a <-> b`` |
| ``a o-> b`` | ``a -> b`` beside ``a <-> b``: a may cause b, and a common cause may be all there is |
| ``a o-o b`` | ``a -- b`` with a note: the direction is open and so is a common cause |
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.graph import Note
from causal.search.meek import Rules
from causal.search.orientation import Pattern
from causal.search.searches import Findings
from causal.search.searchtable import SearchTable
from causal.search.skeleton import IndependenceTest

__all__ = ["search_fci"]

TAIL, HEAD, CIRCLE = -1, 1, 2

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Marks = NDArray[Any]


def search_fci(table: SearchTable) -> Findings:
    """FCI: arrowheads and tails that hold even with latent common causes (Spirtes 1995, Zhang 2008)."""

    def search(weights: Floats) -> Marks:
        return _find_marks(table.test(weights), table.rules, table.alpha)

    marks = search(table.weights)
    notes = tuple(_circle_notes(marks, table))
    return Findings(draw_marks(marks, table.rules), lambda weights: draw_marks(search(weights), table.rules), notes)


def draw_marks(marks: Marks, rules: Rules) -> Pattern:
    """Draw a partial ancestral graph within what is known.

    Parameters
    ----------
    marks : ndarray of int, shape (d, d)
        ``[a, b]`` is the mark at a of the edge between a and b: -1 tail, 1 arrowhead, 2 circle, 0 no edge.
    rules : Rules
    """
    joined = (marks != 0) | rules.required | rules.required.T
    pattern = Pattern.from_adjacency(joined)
    for a, b in np.argwhere(rules.required).tolist():
        pattern.point(a, b, "required")
    for a, b in sorted(_heads(marks), key=lambda pair: marks[pair]):
        possible = marks[a, b] != HEAD and pattern.can_point(a, b, rules)
        reason = "an ancestor by FCI" if marks[a, b] == TAIL else "FCI leaves the mark at the cause open"
        if possible:
            pattern.point(a, b, reason)
        if not possible or marks[a, b] == CIRCLE:
            _confound(pattern, a, b)
    _settle_open(pattern, rules)
    return pattern


def _heads(marks: Marks) -> Iterator[tuple[int, int]]:
    """Yield the edges with an arrowhead at their second end, pairs with two arrowheads once."""
    for a, b in np.argwhere((marks.T == HEAD) & (marks != 0)).tolist():
        if marks[a, b] != HEAD or a < b:
            yield a, b


def _confound(pattern: Pattern, a: int, b: int) -> None:
    """Add a latent common cause beside what joins the two already."""
    pattern.undirected[a, b] = pattern.undirected[b, a] = False
    pattern.bidirected[a, b] = pattern.bidirected[b, a] = True


def _settle_open(pattern: Pattern, rules: Rules) -> None:
    """Draw what is still open and may point one way only."""
    for a, b in np.argwhere(np.triu(pattern.undirected)).tolist():
        forth, back = pattern.can_point(a, b, rules), pattern.can_point(b, a, rules)
        if forth and back:
            continue
        if forth or back:
            pattern.point(*((a, b) if forth else (b, a)), "the other direction is ruled out")
        _confound(pattern, a, b)


def _find_marks(test: IndependenceTest, rules: Rules, alpha: float) -> Marks:
    from causallearn.graph.Endpoint import Endpoint
    from causallearn.search.ConstraintBased import FCI

    from causal.search.peers import adapt_test

    width = len(rules.tiers)
    ours = adapt_test(test, width)
    with contextlib.redirect_stdout(io.StringIO()):
        graph, separators = _search_adjacencies(FCI, Endpoint, ours, width, alpha)
        _add_arrowheads(graph, rules, Endpoint)
        changed = True
        while changed:
            changed = FCI.rulesR1R2cycle(graph, None, False, False)
            changed = FCI.ruleR3(graph, separators, None, changed, False)
            changed = FCI.ruleR4B(graph, -1, np.empty((2, width)), ours, alpha, separators, changed, None, False)
            changed = FCI.rule8(graph, graph.get_nodes(), changed)
            changed = FCI.rule9(graph, graph.get_nodes(), changed)
            changed = FCI.rule10(graph, changed)
    return np.asarray(graph.graph)


def _search_adjacencies(library: Any, endpoint: Any, ours: Any, width: int, alpha: float) -> tuple[Any, Any]:
    """Return the graph with colliders and circles, and the separating sets."""
    from causallearn.graph.GraphNode import GraphNode

    nodes = []
    for number in range(width):
        node = GraphNode(f"X{number + 1}")
        node.add_attribute("id", number)
        nodes.append(node)
    rows = np.empty((2, width))
    graph, separators, _ = library.fas(
        rows, nodes, independence_test_method=ours, alpha=alpha, knowledge=None, verbose=False, show_progress=False
    )
    library.reorientAllWith(graph, endpoint.CIRCLE)
    library.rule0(graph, nodes, separators, None, False)
    library.removeByPossibleDsep(graph, ours, alpha, separators)
    library.reorientAllWith(graph, endpoint.CIRCLE)
    library.rule0(graph, nodes, separators, None, False)
    return graph, separators


def _add_arrowheads(graph: Any, rules: Rules, endpoint: Any) -> None:
    """Put an arrowhead at every end that cannot be an ancestor of the other end."""
    nodes = graph.get_nodes()
    for a, b in np.argwhere(np.asarray(graph.graph) != 0).tolist():
        later = rules.tiers[b] > rules.tiers[a] or not rules.may_precede[b, a]
        if later and graph.graph[b, a] == CIRCLE:
            edge = graph.get_edge(nodes[a], nodes[b])
            graph.remove_edge(edge)
            if edge.get_node1() == nodes[b]:
                edge.set_endpoint1(endpoint.ARROW)
            else:
                edge.set_endpoint2(endpoint.ARROW)
            graph.add_edge(edge)


def _circle_notes(marks: Marks, table: SearchTable) -> Iterator[Note]:
    for a, b in np.argwhere(np.triu((marks == CIRCLE) | (marks.T == CIRCLE))).tolist():
        first, second = table.names[a], table.names[b]
        if marks[a, b] == marks[b, a] == CIRCLE:
            said = f"{first} o-o {second}: the direction is open, and so is whether a latent common cause joins them."
        else:
            cause, effect = (first, second) if marks[a, b] == CIRCLE else (second, first)
            said = f"{cause} o-> {effect}: {effect} does not cause {cause}; cause or latent common cause is open."
        yield Note("circle", (first, second), said)
