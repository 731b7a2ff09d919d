"""The causal graph, to look at and to ask.

Hides what the drawing needs: the part each column plays, what is known of it, and why each pair of columns can or
cannot be joined by an arrow. The page gets plain values; the script only shows and hides them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphrec.report.layout import NODE_HEIGHT, Placement, place_nodes, wrap_label
from graphrec.report.reasons import explain_block, explain_reason, explain_rule
from graphrec.report.still import band_boxes, draw_still, tier_name
from graphrec.report.wording import listing, plain, sentence_case

if TYPE_CHECKING:
    from causal.graph import CausalGraph, Note
    from graphrec.market.panel import Panel
    from graphrec.report.contents import Findings, FittedModel
    from ontology.axioms import VariableClass
    from ontology.domain import Ontology

__all__ = ["build_causes"]

Pair = tuple[str, str]

PARTS: Mapping[str, tuple[str, str]] = {
    "treatment": ("the contact", "What we decide: a contact against none."),
    "outcome": ("the outcome", "What the contact is meant to change."),
    "adjusted": ("adjusted for", "Makes contacted and not contacted customers comparable (the adjustment set)."),
    "mediator": ("on the way", "Lies between the contact and the outcome; adjusting for it would hide the effect."),
    "consequence": ("a consequence", "Comes after the outcome; it may never be used to predict an effect."),
    "other": ("known before", "Known before the decision and not needed for comparability."),
}
_SHORT = {"treatment": "contact", "outcome": "outcome"}
_PAIR_LIMIT = 120
_FOCUS_LIMIT = 18


@dataclass(frozen=True)
class _Columns:
    """What is known of the columns of a graph."""

    graph: CausalGraph
    panel: Panel
    ontology: Ontology
    parts: Mapping[str, str]
    tiers: Mapping[str, int]

    def known(self, name: str) -> VariableClass | None:
        """Ontology class of a column."""
        return self.ontology.classes.get(self.panel.roles.get(name, ""))


def build_causes(findings: Findings) -> dict[str, Any]:
    """Values of the graph page; ``graph`` is None where there is no model."""
    model = findings.model
    if model is None or model.graph is None or not model.graph.nodes:
        return {"graph": None}
    columns = _describe(model, findings)
    graph = model.graph
    everything = _place(columns, graph.nodes)
    focus = _focus(columns, model)
    payload = {
        "nodes": [_node(columns, name) for name in graph.nodes],
        "edges": _edges(graph),
        "views": {"all": _view(everything), **({"focus": _view(_place(columns, focus))} if focus else {})},
        "height": NODE_HEIGHT,
        "parts": {key: label for key, (label, _) in PARTS.items()},
        "why": _why(columns),
        "bootstrapped": bool(graph.confidence),
    }
    return {
        "graph": payload,
        "drawing": draw_still(graph, everything, columns.parts, {n: _label(columns, n) for n in graph.nodes}),
        "counts": {
            "nodes": len(graph.nodes),
            "edges": len(graph.edges),
            "undirected": len(graph.undirected_edges),
            "hidden": len(graph.bidirected_edges),
        },
        "parts": [
            {"key": key, "label": label, "text": text}
            for key, (label, text) in PARTS.items()
            if key in columns.parts.values()
        ],
        "notes": [_note(note) for note in graph.notes if note.kind != "rank"],
        "ranked": sum(note.kind == "rank" for note in graph.notes),
    }


def _describe(model: FittedModel, findings: Findings) -> _Columns:
    ontology, graph, panel = findings.known_ontology, model.graph, model.panel
    parts = {name: _part(name, model) for name in graph.nodes}
    tiers = {name: _tier(name, parts[name], panel, ontology) for name in graph.nodes}
    return _Columns(graph, panel, ontology, parts, tiers)


def _part(name: str, model: FittedModel) -> str:
    panel = model.panel
    if name == panel.treatment:
        return "treatment"
    if name == panel.outcome:
        return "outcome"
    if name in panel.mediators:
        return "mediator"
    if name in panel.consequences:
        return "consequence"
    adjustment = model.effects.adjustment
    return "adjusted" if adjustment.identified and name in adjustment.adjustment_set else "other"


def _tier(name: str, part: str, panel: Panel, ontology: Ontology) -> int:
    known = ontology.classes.get(panel.roles.get(name, ""))
    if known is not None and known.tier is not None:
        return known.tier
    if panel.roles.get(name) == "immutable":
        return 0
    return {"treatment": 2, "mediator": 4, "outcome": 6, "consequence": 7}.get(part, 1)


def _focus(columns: _Columns, model: FittedModel) -> list[str]:
    """Columns that matter for the effect, in node order; empty where that is nearly all or there is no effect."""
    graph, panel = columns.graph, columns.panel
    if len(graph.nodes) <= _FOCUS_LIMIT or panel.treatment not in graph.nodes or panel.outcome not in graph.nodes:
        return []
    ends = (panel.treatment, panel.outcome)
    wanted = {*ends, *model.effects.adjustment.excluded}
    wanted |= {name for name, part in columns.parts.items() if part in ("mediator", "consequence", "adjusted")}
    for end in ends:
        wanted |= {*graph.parents(end), *graph.children(end)}
        wanted |= {other for a, b in (*graph.bidirected_edges, *graph.undirected_edges) if end in (a, b)
                   for other in (a, b)}  # fmt: skip
    found = [name for name in graph.nodes if name in wanted]
    return found if len(found) < len(graph.nodes) else []


def _label(columns: _Columns, name: str) -> str:
    wrapped = wrap_label(plain(name))
    part = columns.parts[name]
    short = _SHORT.get(part, wrapped)
    return wrapped if short in (wrapped, plain(name)) else f"{wrapped}\n({short})"


def _place(columns: _Columns, names: list[str] | tuple[str, ...]) -> Placement:
    graph = columns.graph
    pairs = graph.in_order({*graph.edges, *graph.undirected_edges, *graph.bidirected_edges})
    bold = [name for name in names if columns.parts[name] in _SHORT]
    return place_nodes({name: _label(columns, name) for name in names}, columns.tiers, pairs, bold)


def _view(placement: Placement) -> dict[str, Any]:
    return {
        "positions": {name: [x, y, placement.widths[name]] for name, (x, y) in placement.positions.items()},
        "bands": band_boxes(placement),
    }


def _node(columns: _Columns, name: str) -> dict[str, Any]:
    known, part = columns.known(name), columns.parts[name]
    tier = columns.tiers[name]
    blocked = None if known is None else columns.ontology.blocked({name: known.name}).get(name)
    levers = [] if known is None else columns.ontology.levers({name: known.name})
    return {
        "id": name,
        "title": plain(name),
        "label": _label(columns, name),
        "part": part,
        "partLabel": PARTS[part][0],
        "partText": PARTS[part][1],
        "tier": f"{tier} ({tier_name(tier)})",
        "className": "" if known is None else known.name,
        "classLabel": "no class" if known is None else known.label,
        "comment": "" if known is None else known.comment,
        "lever": sentence_case(levers[0].reason) if levers else explain_block(name, blocked or ""),
        "notes": [_note(note) for note in columns.graph.notes if name in note.columns],
    }


def _note(note: Note) -> str:
    """A note of the search in plain English."""
    if note.kind == "latent":
        return f"{listing(map(plain, note.columns))}: {_unsaid('bidirected')}"
    if note.kind == "rank":
        return "Its values are far from the bell curve, so the tests use their ranks."
    return note.sentence


def _edges(graph: CausalGraph) -> list[dict[str, Any]]:
    kinds = (
        ("directed", graph.edges),
        ("undirected", graph.undirected_edges),
        ("bidirected", graph.bidirected_edges),
    )
    return [
        {
            "source": a,
            "target": b,
            "kind": kind,
            "edge": _confidence(graph, a, b, "edge"),
            "orientation": _confidence(graph, a, b, "orientation") if kind == "directed" else None,
            "why": explain_reason(graph.provenance.get((a, b), graph.provenance.get((b, a), "")))
            or sentence_case(_unsaid(kind)),
        }
        for kind, pairs in kinds
        for a, b in graph.in_order(pairs)
    ]


def _unsaid(kind: str) -> str:
    return {
        "directed": "No reason was recorded for this arrow.",
        "undirected": "they depend on each other; neither the data nor the rules say which is the cause.",
        "bidirected": "they depend on each other, and the rules exclude both directions, so something that is not "
        "recorded drives both.",
    }[kind]


def _confidence(graph: CausalGraph, a: str, b: str, what: str) -> float | None:
    found = graph.confidence.get((a, b))
    if found is None and (b, a) in graph.confidence:
        back = graph.confidence[(b, a)]
        return back.get("share", back.get("edge")) if what == "edge" else 1.0 - back.get("orientation", 0.0)
    if found is None:
        return None
    return found.get("share", found.get("edge")) if what == "edge" else found.get(what)


def _why(columns: _Columns) -> dict[str, Any] | None:
    """What the rules say of every ordered pair, as texts and an index into them (-1: nothing)."""
    names = columns.graph.nodes
    roles = {name: columns.panel.roles[name] for name in names if columns.known(name) is not None}
    if len(names) > _PAIR_LIMIT or not roles:
        return None
    known = columns.ontology.knowledge(roles)
    texts: list[str] = []
    place: dict[str, int] = {}
    pairs = []
    for a in names:
        row = []
        for b in names:
            text = explain_rule(known["provenance"].get((a, b), ""))
            forbidden = (a, b) in known["forbidden"] or known["tiers"].get(a, 0) > known["tiers"].get(b, 99)
            kind = "no" if forbidden else "must" if (a, b) in known["required"] else "may"
            if not text:
                row.append(-1)
                continue
            key = f"{kind}|{text}"
            if key not in place:
                place[key] = len(texts)
                texts.append(key)
            row.append(place[key])
        pairs.append(row)
    confidence = [
        [round(value, 3) if (value := _confidence(columns.graph, a, b, "edge")) is not None else None for b in names]
        for a in names
    ]
    return {"texts": texts, "pairs": pairs, "confidence": confidence if columns.graph.confidence else None}
