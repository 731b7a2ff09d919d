"""Causal graphs as DOT text, the format of Graphviz, read and written.

Hides the grammar. The reader knows the part of DOT that graphs of causes are written in, and the ``dag { ... }`` of
DAGitty with its ``<->``. Subgraphs and ports are refused by name. pydot was considered: it reads no ``<->``, keeps
quotes in names and drops the line of an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from causal.graph import CausalGraph
from causal.graphs.edges import GraphError, Pair

__all__ = ["from_dot", "to_dot"]

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)
    |(?P<mark><->|->|--|[{}\[\]=;,])
    |"(?P<quoted>(?:[^"\\]|\\.)*)"
    |(?P<word>[^\s{}\[\]=;,"<>:-]+(?:-(?![->])[^\s{}\[\]=;,"<>:-]+)*|-?[\d.]+)""",
    re.VERBOSE | re.DOTALL,
)
_ARROWS = ("->", "--", "<->")
_DEFAULTS = ("node", "edge", "graph")
_KINDS = ("digraph", "graph", "dag", "pdag", "mag", "pag")


def to_dot(graph: CausalGraph) -> str:
    """Return a graph as DOT text.

    ``a -- b`` becomes an edge without arrow heads, ``a <-> b`` a dashed edge with two. The line width grows with the
    probability of the edge. Names and edges survive a round trip; confidence, consensus and reasons
    need :meth:`CausalGraph.to_json`.
    """
    lines = ["digraph {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    lines += [f"  {_quoted(name)};" for name in graph.nodes]
    kinds = (
        (graph.edges, ""),
        (graph.undirected_edges, "dir=none"),
        (graph.bidirected_edges, "dir=both, style=dashed"),
    )
    for pairs, style in kinds:
        for pair in graph.in_order(pairs):
            share = graph.confidence.get(pair, {}).get("edge")
            width = "" if share is None else f"penwidth={0.5 + 2.5 * share:.2f}"
            attributes = ", ".join(part for part in (style, width) if part)
            said = f" [{attributes}]" if attributes else ""
            lines.append(f"  {_quoted(pair[0])} -> {_quoted(pair[1])}{said};")
    return "\n".join([*lines, "}"]) + "\n"


def from_dot(text: str) -> CausalGraph:
    """Read DOT or DAGitty text.

    Raises
    ------
    GraphError
        With the line that cannot be read, or the edge that makes no causal graph.

    Examples
    --------
    >>> graph = from_dot('dag { wealth -> contact -> buys; wealth -> buys; contact <-> buys }')
    >>> sorted(graph.edges), sorted(graph.bidirected_edges)
    ([('contact', 'buys'), ('wealth', 'buys'), ('wealth', 'contact')], [('contact', 'buys')])
    """
    return _Reader(list(_tokens(text))).graph()


@dataclass(frozen=True)
class _Token:
    value: str
    line: int
    mark: bool


@dataclass
class _Reader:
    """Walks over the tokens once, collecting nodes and edges."""

    tokens: list[_Token]
    at: int = 0
    nodes: dict[str, None] = field(default_factory=dict)
    kinds: dict[str, list[Pair]] = field(default_factory=lambda: {arrow: [] for arrow in _ARROWS})

    def graph(self) -> CausalGraph:
        if self._peek() == "strict":
            self._take()
        if self._peek() not in _KINDS:
            raise self._error(f"a graph begins with one of {', '.join(_KINDS)}")
        self._take()
        if self._peek() != "{":
            self._take()
        self._expect("{")
        while self._peek() != "}":
            self._statement()
        self._expect("}")
        edges, undirected, bidirected = (self.kinds[arrow] for arrow in _ARROWS)
        return CausalGraph(self.nodes, dict.fromkeys(edges), undirected, bidirected)

    def _statement(self) -> None:
        if self._is_mark(";") or self._is_mark(","):
            self._take()
            return
        if self._peek() in ("subgraph", "{"):
            raise self._error("subgraphs are not read; write their edges at the top level")
        first = self._name()
        if self._is_mark("="):
            self._take()
            self._name()
        elif first in _DEFAULTS and self._is_mark("["):
            self._attributes()
        else:
            self._chain(first)

    def _chain(self, first: str) -> None:
        names, arrows = [first], []
        while self._peek() in _ARROWS:
            arrows.append(self._take().value)
            names.append(self._name())
        self.nodes.update(dict.fromkeys(names))
        direction = self._attributes().get("dir", "")
        for i, arrow in enumerate(arrows):
            start, end = names[i], names[i + 1]
            if direction == "back" and arrow == "->":
                start, end = end, start
            drawn = {"none": "--", "both": "<->"}.get(direction, arrow) if arrow == "->" else arrow
            self.kinds[drawn].append((start, end))

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self._is_mark("["):
            self._take()
            while not self._is_mark("]"):
                if self._is_mark(",") or self._is_mark(";"):
                    self._take()
                    continue
                name = self._name()
                if self._is_mark("="):
                    self._take()
                    found[name] = self._name()
            self._take()
        return found

    def _name(self) -> str:
        token = self._take()
        if token.mark:
            raise GraphError(f"line {token.line} of the DOT text: found {token.value!r} where a name should be")
        return token.value

    def _peek(self) -> str:
        return self.tokens[self.at].value if self.at < len(self.tokens) else ""

    def _is_mark(self, value: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].mark and self.tokens[self.at].value == value

    def _take(self) -> _Token:
        if self.at >= len(self.tokens):
            raise self._error("the text ends before the graph does")
        self.at += 1
        return self.tokens[self.at - 1]

    def _expect(self, value: str) -> None:
        if not self._is_mark(value):
            raise self._error(f"expected {value!r}, found {self._peek()!r}")
        self._take()

    def _error(self, said: str) -> GraphError:
        line = self.tokens[min(self.at, len(self.tokens) - 1)].line if self.tokens else 1
        return GraphError(f"line {line} of the DOT text: {said}")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        line = text.count("\n", 0, at) + 1
        if found is None:
            raise GraphError(f"line {line} of the DOT text: cannot read {text[at : at + 20]!r}")
        at = found.end()
        if found["quoted"] is not None:
            yield _Token(re.sub(r"\\(.)", r"\1", found["quoted"], flags=re.DOTALL), line, False)
        elif found["space"] is None:
            yield _Token(found[0], line, found["mark"] is not None)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
