"""A causal graph as JSON, as cytoscape.js elements and as Mermaid text.

Hides the layouts of the three forms; :class:`CausalGraph` offers them as methods. GraphML and DOT were
considered: neither keeps the consensus, the confidence per pair and the reasons in one readable file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from causal.graph import CausalGraph, GraphError, Note
from causal.graphs.resamples import Resamples

__all__ = ["FORMAT", "from_json", "to_cytoscape", "to_json", "to_mermaid"]

FORMAT = "causal-graph/1"
Pair = tuple[str, str]


def to_json(graph: CausalGraph, *, bootstraps: bool = True) -> str:
    """Return the whole graph as JSON text, with or without the bootstraps; the same graph gives the same text."""
    plain = _to_plain(graph)
    if not bootstraps:
        plain.pop("bootstraps", None)
    return json.dumps(plain, ensure_ascii=False)


def from_json(text: str) -> CausalGraph:
    """Read what :func:`to_json` wrote.

    Raises
    ------
    GraphError
        When the text is not JSON, of another format, or lacks a part.
    """
    try:
        return _from_plain(json.loads(text))
    except GraphError:
        raise
    except json.JSONDecodeError as error:
        raise GraphError(f"not JSON ({error}); give the text that to_json wrote") from error
    except KeyError as error:
        raise GraphError(f"the graph file has no {error}; write the graph again with to_json") from error
    except (TypeError, ValueError) as error:
        raise GraphError(f"the graph file is damaged ({error}); write the graph again with to_json") from error


def to_cytoscape(
    graph: CausalGraph, positions: Mapping[str, tuple[float, float]] | None = None
) -> list[dict[str, Any]]:
    """Return the elements list that cytoscape.js draws: nodes first, then edges with their ``kind``.

    Parameters
    ----------
    graph : CausalGraph
        The graph to draw.
    positions : mapping of str to (float, float), optional
        Screen coordinates in pixels of the nodes that are to be placed.
    """
    placed = positions or {}
    elements: list[dict[str, Any]] = []
    for name in graph.nodes:
        node: dict[str, Any] = {"group": "nodes", "data": {"id": name, "label": name}}
        if name in placed:
            node["position"] = {"x": float(placed[name][0]), "y": float(placed[name][1])}
        elements.append(node)
    for kind, mark, pairs in _kinds(graph):
        elements += [_edge_element(graph, kind, mark, pair) for pair in graph.in_order(pairs)]
    return elements


def to_mermaid(graph: CausalGraph) -> str:
    """Return the graph as Mermaid text for a Markdown page."""
    index = {name: f"n{i}" for i, name in enumerate(graph.nodes)}
    arrows = {"directed": "-->", "undirected": "---", "bidirected": "<-.->"}
    lines = ["graph LR", *(f'  {index[name]}["{name.replace(chr(34), "#quot;")}"]' for name in graph.nodes)]
    for kind, _, pairs in _kinds(graph):
        lines += [f"  {index[a]} {arrows[kind]} {index[b]}" for a, b in graph.in_order(pairs)]
    return "\n".join(lines) + "\n"


def _kinds(graph: CausalGraph) -> tuple[tuple[str, str, frozenset[Pair]], ...]:
    return (
        ("directed", "->", graph.edges),
        ("undirected", "--", graph.undirected_edges),
        ("bidirected", "<->", graph.bidirected_edges),
    )


def _edge_element(graph: CausalGraph, kind: str, mark: str, pair: Pair) -> dict[str, Any]:
    source, target = pair
    data: dict[str, Any] = {
        "id": f"{source} {mark} {target}",
        "source": source,
        "target": target,
        "kind": kind,
        **graph.confidence.get(pair, {}),
    }
    if pair in graph.provenance:
        data["provenance"] = graph.provenance[pair]
    return {"group": "edges", "data": data}


def _to_plain(graph: CausalGraph) -> dict[str, Any]:
    consensus, resamples = graph.consensus, graph.bootstraps
    kept = {} if resamples is None else {"bootstraps": {"runs": resamples.runs, "bits": resamples.to_text()}}
    return {
        "format": FORMAT,
        "nodes": list(graph.nodes),
        "edges": graph.in_order(graph.edges),
        "undirected_edges": graph.in_order(graph.undirected_edges),
        "bidirected_edges": graph.in_order(graph.bidirected_edges),
        "confidence": [[*p, dict(graph.confidence[p])] for p in graph.in_order(graph.confidence)],
        "provenance": [[*p, graph.provenance[p]] for p in graph.in_order(graph.provenance)],
        "notes": [[note.kind, list(note.columns), note.sentence] for note in graph.notes],
        "consensus": None if consensus is None or consensus is graph else _to_plain(consensus),
        **kept,
    }


def _from_plain(content: Any) -> CausalGraph:
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if found != FORMAT:
        raise GraphError(f"format {found!r} is not {FORMAT!r}; write the graph again with to_json")
    kept = content.get("bootstraps")
    return CausalGraph(
        content["nodes"],
        [(a, b) for a, b in content["edges"]],
        content["undirected_edges"],
        content["bidirected_edges"],
        {(a, b): value for a, b, value in content["confidence"]},
        None if content["consensus"] is None else _from_plain(content["consensus"]),
        {(a, b): reason for a, b, reason in content["provenance"]},
        [Note(kind, tuple(columns), sentence) for kind, columns, sentence in content["notes"]],
        None if kept is None else Resamples.from_text(len(content["nodes"]), int(kept["runs"]), kept["bits"]),
    )
