"""The structure of Bayesian networks in BIF, the interchange format of the field, read and written.

Hides the grammar: blocks ``variable`` and ``probability``. Only names and parents are kept. pgmpy's reader was
considered: it brings the tables, and torch with them (13 s to import); read tables with ``pgmpy.readwrite.BIFReader``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

from causal.graph import CausalGraph
from causal.graphs.edges import GraphError

__all__ = ["from_bif", "to_bif"]

_NAME = r'(?:"(?:[^"\\]|\\.)*"|[^\s"|(),{}]+)'
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_VARIABLE = re.compile(rf"\bvariable\s+({_NAME})\s*\{{")
_PROBABILITY = re.compile(rf"\bprobability\s*\(\s*({_NAME})\s*(?:\|([^)]*))?\)")
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
MOST_ROWS = 4_096


def from_bif(text: str) -> CausalGraph:
    """Read the structure of a network.

    Raises
    ------
    GraphError
        When there is no variable, a parent is not declared, or the parents form a cycle.

    Examples
    --------
    >>> text = "variable a { type discrete [ 2 ] { no, yes }; } variable b { type discrete [ 2 ] { no, yes }; }"
    >>> text += "probability ( a ) { table 0.5, 0.5; } probability ( b | a ) { (no) 0.1, 0.9; (yes) 0.5, 0.5; }"
    >>> from_bif(text).edges
    frozenset({('a', 'b')})
    """
    bare = _COMMENT.sub(" ", text)
    nodes = [_unquoted(name) for name in _VARIABLE.findall(bare)]
    if not nodes:
        raise GraphError("no 'variable' block in the text; give the content of a .bif file")
    edges = []
    for child, given in _PROBABILITY.findall(bare):
        edges += [(_unquoted(parent), _unquoted(child)) for parent in re.findall(_NAME, given)]
    return CausalGraph(nodes, edges)


def to_bif(graph: CausalGraph, states: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the structure as BIF text with uniform tables.

    Parameters
    ----------
    graph : CausalGraph
        Directed edges only.
    states : mapping of str to sequence of str, optional
        Levels of the nodes; ``no, yes`` for those not named.

    Raises
    ------
    GraphError
        When the graph holds edges that BIF cannot say, a name that it cannot hold, or a table of more than 4,096
        rows.
    """
    other = graph.in_order(graph.undirected_edges | graph.bidirected_edges)
    if other:
        raise GraphError(f"BIF knows directed edges only, and {other[0]} is another kind; write graph.consensus")
    levels = {name: tuple((states or {}).get(name, ("no", "yes"))) for name in graph.nodes}
    odd = [name for name in (*graph.nodes, *(level for row in levels.values() for level in row)) if _is_odd(name)]
    if odd:
        raise GraphError(f"{odd[:3]} cannot be written in BIF; use letters, digits, '_', '.' and '-'")
    blocks = ["network graph {", "}"]
    for name in graph.nodes:
        row = ", ".join(levels[name])
        blocks += [f"variable {name} {{", f"  type discrete [ {len(levels[name])} ] {{ {row} }};", "}"]
    for name in graph.nodes:
        blocks += _table(name, graph.parents(name), levels)
    return "\n".join(blocks) + "\n"


def _table(name: str, parents: Sequence[str], levels: Mapping[str, Sequence[str]]) -> list[str]:
    row = ", ".join([f"{1 / len(levels[name]):.6g}"] * len(levels[name]))
    if not parents:
        return [f"probability ( {name} ) {{", f"  table {row};", "}"]
    size = prod(len(levels[parent]) for parent in parents)
    if size > MOST_ROWS:
        raise GraphError(
            f"the table of {name!r} would have {size} rows, over {MOST_ROWS}; write the graph as DOT or JSON"
        )
    rows = [f"  ({', '.join(values)}) {row};" for values in product(*(levels[parent] for parent in parents))]
    return [f"probability ( {name} | {', '.join(parents)} ) {{", *rows, "}"]


def _is_odd(name: str) -> bool:
    return _PLAIN.fullmatch(name) is None


def _unquoted(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name
