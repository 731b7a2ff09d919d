"""What can still respond to a decision: the levers of a panel and the equations of what follows from them.

Hides the reading of a causal graph at the moment of decision. Everything known before the decision has happened and
does not respond, whatever arrows lead into it; only mediators and the outcome do. Their equations get the graph's
parents and every column of an earlier tier that the ontology allows: a spurious early parent costs nothing, a missing
confounder a fifth of the value. The effect of a contact comes from the effect model, never from these equations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.graph import CausalGraph
from causal.identification import NotIdentifiable, identify
from causal.knowledge import Knowledge
from causal.scm import StructuralModel, fit_scm
from graphrec.market.panel import Panel
from ontology.domain import Ontology
from ontology.levers import Lever

__all__ = ["Mechanism", "find_mechanism", "widen"]

_LIFETIME = {
    "past_contacts": "past_contacts counts every contact so far: no pause takes one back",
    "offer_contacts": "offer_contacts counts every contact about the offer so far: no pause takes one back",
}
_ROWS = 24_000
_PROMISE_SHARE = 1 / 2


@dataclass(frozen=True, eq=False)
class Mechanism:
    """Levers other than the contact, with equations for what they set off.

    Attributes
    ----------
    levers : tuple of Lever
        Those with an identifiable directed path to the outcome.
    blocked : mapping of str to str
        Every other column to the reason why it is not moved.
    choice, promise : StructuralModel or None
        Fitted on different customers: one to choose moves with, one to say what they bring. None without levers.
    graph : CausalGraph
        The graph behind them, fully directed.
    """

    levers: tuple[Lever, ...]
    blocked: Mapping[str, str]
    choice: StructuralModel | None
    promise: StructuralModel | None
    graph: CausalGraph


def find_mechanism(panel: Panel, graph: CausalGraph, onto: Ontology, rng: np.random.Generator) -> Mechanism:
    """Sort the columns of a panel into levers and the rest, and fit the equations below the levers.

    Parameters
    ----------
    panel : Panel
        Rows the equations are fitted on; at most 24,000, whole customers.
    graph : CausalGraph
        Over the panel's variables; nodes that the panel lacks count as not observed.
    onto : Ontology
        Says which columns are levers and which arrows are possible.
    rng : numpy.random.Generator
        Draws the customers of each fold.
    """
    variables = panel.variables
    roles = {column: panel.roles[column] for column in variables.columns if column in panel.roles}
    directed = graph.consensus or CausalGraph(graph.nodes, graph.edges)
    blocked = {**onto.blocked(roles), **_without_role(panel, variables)}
    levers = []
    for lever in onto.levers(roles):
        reason = _obstacle(panel, graph, directed, lever.column)
        if lever.column == panel.treatment:
            continue
        if reason:
            blocked[lever.column] = reason
        else:
            levers.append(lever)
    if not levers:
        return Mechanism((), blocked, None, None, directed)
    knowledge = Knowledge(**onto.knowledge(roles))
    decision = _decision_graph(panel, directed, knowledge, [lever.column for lever in levers])
    draw_rng, choice_rng, promise_rng = rng.spawn(3)
    choice, promise = _folds(panel.clusters, draw_rng)
    return Mechanism(
        tuple(levers),
        blocked,
        fit_scm(variables[choice], decision, rng=choice_rng),
        fit_scm(variables[promise], decision, rng=promise_rng),
        directed,
    )


def _without_role(panel: Panel, variables: pd.DataFrame) -> dict[str, str]:
    return {
        column: f"{column} has no role, so nobody said that it may be moved"
        for column in variables.columns
        if column not in panel.roles
    }


def _obstacle(panel: Panel, graph: CausalGraph, directed: CausalGraph, column: str) -> str | None:
    """Why a column that may be moved is no lever here; None where it is one."""
    if panel.offers is not None and column in _LIFETIME:
        return _LIFETIME[column]
    if column in panel.mediators:
        return f"{column} is part of the contact and chosen with it"
    if column in panel.consequences:
        return f"{column} is recorded after the outcome"
    if column not in graph.nodes:
        return f"the causal graph does not know {column}"
    if panel.outcome not in _responding(panel, directed, [column]):
        return f"the causal graph holds no path from {column} to {panel.outcome} that starts at the decision"
    way = {column, *_responding(panel, directed, [column])}
    hidden = [pair for pair in graph.in_order(graph.bidirected_edges) if way.issuperset(pair)]
    if hidden:
        return f"its effect cannot be told (grade X): {hidden[0][0]} and {hidden[0][1]} have a hidden common cause"
    absent = [node for node in graph.nodes if node not in panel.frame.columns]
    try:
        identify(graph, column, panel.outcome, latent=absent)
    except NotIdentifiable as refusal:
        return f"its effect cannot be told (grade X): {refusal}"
    return None


def _responding(panel: Panel, directed: CausalGraph, start: Iterable[str]) -> list[str]:
    """Mediators and outcome that columns reach through each other, the contact held, in node order."""
    after = {*panel.mediators, panel.outcome}
    seen: set[str] = set()
    pending = [column for column in start if column in directed.nodes]
    while pending:
        for following in directed.children(pending.pop()):
            if following in after and following not in seen:
                seen.add(following)
                pending.append(following)
    return [node for node in directed.nodes if node in seen]


def widen(graph: CausalGraph, knowledge: Knowledge, nodes: Iterable[str], earlier: Iterable[str]) -> CausalGraph:
    """Give nodes every allowed parent of an earlier tier.

    Parameters
    ----------
    graph : CausalGraph
        Fully directed.
    knowledge : Knowledge
        Tiers and forbidden edges.
    nodes : iterable of str
        Nodes that get more parents.
    earlier : iterable of str
        Columns that may become parents.

    Returns
    -------
    CausalGraph
        A supergraph; without hidden common causes it says the same about effects and forgives missing edges.
    """
    tiers, names = knowledge.tiers, list(earlier)
    more = [
        (cause, node)
        for node in nodes
        for cause in names
        if cause in tiers and node in tiers and tiers[cause] < tiers[node] and not knowledge.forbids(cause, node)
    ]
    return CausalGraph(graph.nodes, {*graph.edges, *more})


def _decision_graph(panel: Panel, directed: CausalGraph, knowledge: Knowledge, levers: list[str]) -> CausalGraph:
    """Arrows into levers (what is usual for whom) and into what follows from them; nothing else moves any more."""
    known = [node for node in directed.nodes if node in panel.frame.columns]
    before = [node for node in known if node in panel.covariates]
    between = [node for node in known if node in panel.mediators]
    responding = _responding(panel, directed, levers)
    kept = [
        (cause, node)
        for cause, node in directed.in_order(directed.edges)
        if (node in levers and cause in before)
        or (node in responding and cause in (*before, *between, panel.treatment))
    ]
    nodes = [*before, panel.treatment, *between, panel.outcome]
    confounded = {node for pair in directed.bidirected_edges for node in pair}  # may be colliders of hidden causes
    return widen(CausalGraph(nodes, kept), knowledge, responding, [c for c in before if c not in confounded])


def _folds(clusters: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows to choose with and rows to promise with: different customers, whole ones."""
    customers, position, size = np.unique(clusters, return_inverse=True, return_counts=True)
    order = rng.permutation(len(customers))
    kept = order[np.cumsum(size[order]) <= _ROWS] if len(clusters) > _ROWS else order
    cut = max(1, int(len(kept) * _PROMISE_SHARE))
    return np.isin(position, kept[cut:]), np.isin(position, kept[:cut])
